/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/simulation.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/event_queue.h"
#include "base/mem.h"
#include "device-agent/device.h"

/* Rows of the table of handlers. */
enum event_kind {
    DEVICE_JOINS, /* whom: the device */
    DEVICE_WAKES, /* whom: likewise */
    SERVER_WAKES, /* whom: -1 */
    FOR_DEVICE,   /* whom gets it; what: the message */
    FOR_SERVER,   /* from whom; what: the message */
    N_EVENT_KINDS
};

struct party {
    struct device *device; /* NULL: not there yet, or the server */
    double wakes_us;       /* an event in the queue says so; INFINITY: none does */
};

struct simulation {
    const struct experiment *e;
    struct server *server;
    struct party *devices; /* [C] */
    struct party server_party;
    struct event_queue queue;
    double now_us;
};

/* Peers are numbered from 1; 0 is nobody. */
static uint64_t peer_of(int device)
{
    return (uint64_t)device + 1;
}

struct simulation *simulation_new(const struct experiment *e, struct server *server)
{
    struct simulation *s = mem_zero(1, sizeof *s);
    s->e = e;
    s->server = server;
    s->devices = mem_zero((size_t)e->n_devices, sizeof *s->devices);
    s->server_party.wakes_us = HUGE_VAL;
    for (int i = 0; i < e->n_devices; i++)
        s->devices[i].wakes_us = HUGE_VAL;
    event_queue_add(&s->queue, 0, DEVICE_JOINS, 0, NULL);
    return s;
}

void simulation_free(struct simulation *s)
{
    struct event event;
    if (!s)
        return;
    while (event_queue_take(&s->queue, HUGE_VAL, &event))
        if (event.kind == FOR_DEVICE || event.kind == FOR_SERVER)
            msg_free(event.what);
    event_queue_release(&s->queue);
    for (int i = 0; i < s->e->n_devices; i++)
        device_free(s->devices[i].device);
    free(s->devices);
    free(s);
}

double simulation_now_us(const struct simulation *s)
{
    return s->now_us;
}

/*
 * One event at a time says when a party wakes. When it is to wake earlier than that one says, another is added, and
 * the late one finds nothing to do.
 */
static void note_wake(struct simulation *s, struct party *party, double wake_us, int kind, int whom)
{
    wake_us = fmax(wake_us, s->now_us);
    if (!(wake_us < party->wakes_us))
        return;
    party->wakes_us = wake_us;
    event_queue_add(&s->queue, wake_us, kind, whom, NULL);
}

static void take_from_device(struct simulation *s, int i)
{
    struct party *party = &s->devices[i];
    struct msg *msg;
    while ((msg = device_next(party->device)))
        event_queue_add(&s->queue, s->now_us, FOR_SERVER, i, msg);
    note_wake(s, party, device_wake_us(party->device), DEVICE_WAKES, i);
}

void simulation_take_sent(struct simulation *s)
{
    uint64_t peer;
    struct msg *msg;
    while ((msg = server_next_message(s->server, &peer)))
        event_queue_add(&s->queue, s->now_us, FOR_DEVICE, (int)(peer - peer_of(0)), msg);
    note_wake(s, &s->server_party, server_wake_us(s->server), SERVER_WAKES, -1);
}

/* What a device cannot do it tells the server, which ends the run and says why. */
static void advance_device(struct simulation *s, int i)
{
    struct err err = ERR_INIT;
    device_advance(s->devices[i].device, s->now_us, &err);
    take_from_device(s, i);
}

static void advance_server(struct simulation *s)
{
    server_advance(s->server, s->now_us);
    simulation_take_sent(s);
}

/* One after the other, each with its assignment before the next: assignments are large. */
static void on_device_joins(struct simulation *s, const struct event *event)
{
    int i = event->whom;
    const char *name = s->e->devices[i].name;
    bool is_local = strcmp(s->e->data.partition, "local") == 0;
    char *dir = is_local ? mem_format("%s/%s", s->e->data.dir, name) : mem_string(s->e->data.dir);
    s->devices[i].device = device_new(name, dir);
    free(dir);
    take_from_device(s, i);
    if (i + 1 < s->e->n_devices)
        event_queue_add(&s->queue, s->now_us, DEVICE_JOINS, i + 1, NULL);
}

static void on_device_wakes(struct simulation *s, const struct event *event)
{
    struct party *party = &s->devices[event->whom];
    if (event->at_us >= party->wakes_us)
        party->wakes_us = HUGE_VAL;
    advance_device(s, event->whom);
}

static void on_server_wakes(struct simulation *s, const struct event *event)
{
    if (event->at_us >= s->server_party.wakes_us)
        s->server_party.wakes_us = HUGE_VAL;
    advance_server(s);
}

static void on_message_for_device(struct simulation *s, const struct event *event)
{
    struct msg *msg = event->what;
    struct err err = ERR_INIT;
    device_receive(s->devices[event->whom].device, &msg, s->now_us, &err);
    advance_device(s, event->whom);
}

static void on_message_for_server(struct simulation *s, const struct event *event)
{
    struct msg *msg = event->what;
    server_receive(s->server, peer_of(event->whom), &msg, s->now_us);
    advance_server(s);
}

bool simulation_step(struct simulation *s)
{
    static void (*const handlers[N_EVENT_KINDS])(struct simulation *, const struct event *) = {
        [DEVICE_JOINS] = on_device_joins,     [DEVICE_WAKES] = on_device_wakes,
        [SERVER_WAKES] = on_server_wakes,     [FOR_DEVICE] = on_message_for_device,
        [FOR_SERVER] = on_message_for_server,
    };
    struct event event;
    if (isinf(event_queue_next_us(&s->queue)) || !event_queue_take(&s->queue, HUGE_VAL, &event))
        return false;
    assert(event.at_us >= s->now_us);
    s->now_us = event.at_us;
    handlers[event.kind](s, &event);
    return true;
}

void simulation_restart_clock(struct simulation *s)
{
    double by_us = -s->now_us;
    event_queue_shift(&s->queue, by_us);
    server_shift_clock(s->server, by_us);
    s->server_party.wakes_us += by_us;
    for (int i = 0; i < s->e->n_devices; i++) {
        if (s->devices[i].device)
            device_shift_clock(s->devices[i].device, by_us);
        s->devices[i].wakes_us += by_us;
    }
    s->now_us = 0;
}
