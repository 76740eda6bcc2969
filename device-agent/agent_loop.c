/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "device-agent/agent_loop.h"

#include <math.h>

#include "base/clock.h"
#include "base/signal_fd.h"
#include "device-agent/device.h"
#include "link/shaper.h"
#include "wire/endpoint.h"

#define SERVER   0 /* the one peer of a connecting endpoint */
#define LINGER_S 2.0

/* The modelled clock runs time_scale times slower than the wall's. */
static double modelled_now_us(const struct device *device)
{
    return (double)clock_now_us() / device_time_scale(device);
}

static int64_t wait_us(const struct device *device)
{
    double wake_us = device_wake_us(device);
    if (isinf(wake_us))
        return -1;
    double wall_us = ceil(wake_us * device_time_scale(device));
    double left_us = wall_us - (double)clock_now_us();
    return left_us > 0 ? (int64_t)left_us : 0;
}

static int take_event(struct device *device, struct wire_event *event, struct err *err)
{
    switch (event->kind) {
    case WIRE_NONE:
        return 0;
    case WIRE_MESSAGE:
        return device_receive(device, &event->msg, modelled_now_us(device), err);
    case WIRE_REFUSED:
        return err_set(err, "the server sent something malformed: %s", event->reason.text);
    case WIRE_LOST:
        return err_set(err, "the server is gone: %s", event->reason.text);
    }
    return 0;
}

static void send_all(struct device *device, struct endpoint *endpoint)
{
    struct msg *msg;
    while ((msg = device_next(device)))
        endpoint_send(endpoint, SERVER, &msg);
}

static int converse(struct device *device, struct endpoint *endpoint, int stop_fd, struct err *err)
{
    send_all(device, endpoint);
    while (!device_is_done(device)) {
        struct wire_event event = {.kind = WIRE_NONE};
        if (endpoint_wait(endpoint, wait_us(device), stop_fd, &event, err))
            return -1;
        if (signal_fd_came(stop_fd))
            return err_set(err, "told to stop by a signal");
        int status = take_event(device, &event, err);
        status |= device_advance(device, modelled_now_us(device), err);
        send_all(device, endpoint);
        if (status)
            return -1;
    }
    return 0;
}

int agent_run(const struct agent_options *options, struct err *err)
{
    struct endpoint *endpoint = endpoint_connect(options->server, options->timeout_s, err);
    if (!endpoint)
        return -1;
    struct device *device = device_new(options->name, options->data_dir);
    device_set_step(device, SHAPER_STEP_WALL_US);
    int status = converse(device, endpoint, options->stop_fd, err);
    endpoint_close(endpoint, LINGER_S); /* before the device: messages may lend its memory */
    device_free(device);
    return status;
}
