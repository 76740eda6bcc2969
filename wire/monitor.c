/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/monitor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <zmq.h>

#define MONITOR_ADDRESS "inproc://monitor" /* one endpoint a context, so the name is free */
#define FAILED          (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
#define WATCHED         (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | FAILED)

void *monitor_open(void *context, void *socket)
{
    int none = 0;
    if (zmq_socket_monitor(socket, MONITOR_ADDRESS, WATCHED))
        return NULL;
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    if (monitor && (zmq_setsockopt(monitor, ZMQ_RCVHWM, &none, sizeof none) ||
                    zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof none) ||
                    zmq_connect(monitor, MONITOR_ADDRESS))) {
        zmq_close(monitor);
        return NULL;
    }
    return monitor;
}

void monitor_close(void *monitor, void *socket)
{
    zmq_socket_monitor(socket, NULL, 0);
    zmq_close(monitor);
}

/* A frame of 6 bytes, event u16 and value i32 in the machine's order; then one with an address. */
static bool read_event(void *monitor, uint16_t *what, int32_t *value)
{
    unsigned char bytes[6];
    char address[256];
    int n;
    do
        n = zmq_recv(monitor, bytes, sizeof bytes, ZMQ_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n != (int)sizeof bytes)
        return false;
    memcpy(what, bytes, sizeof *what);
    memcpy(value, bytes + sizeof *what, sizeof *value);
    while (zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT) < 0 && errno == EINTR)
        ;
    return true;
}

int monitor_next(void *monitor, struct monitor_event *event)
{
    uint16_t what;
    int32_t value;
    while (read_event(monitor, &what, &value)) {
        event->fd = -1;
        if (what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            event->kind = MONITOR_ESTABLISHED;
        } else if (what & FAILED) {
            event->kind = MONITOR_NO_ZMTP;
        } else if (what == ZMQ_EVENT_DISCONNECTED) {
            event->kind = MONITOR_DISCONNECTED;
            event->fd = value;
        } else { /* ZMQ_EVENT_MONITOR_STOPPED */
            continue;
        }
        return 1;
    }
    return 0;
}
