/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the endpoint share: endpoint.c (messages and events), endpoint_open.c (sockets and
 * their options), endpoint_connections.c (which connections stand, and waiting). For nobody else.
 */
#ifndef WIRE_ENDPOINT_PARTS_H
#define WIRE_ENDPOINT_PARTS_H

#include <stdbool.h>

#include "wire/endpoint.h"
#include "wire/peers.h"

struct endpoint {
    void *context, *socket, *monitor;
    int timer_fd;
    bool is_listener; /* ROUTER; else DEALER, with the server as its one peer */
    char *address;
    double timeout_s;
    struct peers peers;
    uint64_t n_since_loss; /* messages looked for since a loss is waiting to be told */

    /* ROUTER: descriptors of connections that ended with no peer known to be on them: silent, or with
       messages still to be read. */
    int *ended_fd;
    size_t n_ended, ended_capacity;

    /* DEALER */
    bool is_established;   /* the connection stands or stood */
    bool met_no_zmtp;      /* something listens, but no ZeroMQ */
    int64_t connect_by_us; /* when to give up unless established */
};

/* Takes in what the monitor has to tell, and a connection that does not come about. */
void endpoint_note_connections(struct endpoint *e);

/* To be called when the socket has been read empty: finds the peers of connections that ended. */
void endpoint_note_silent(struct endpoint *e);

/*
 * Until something may be there (1), or the time has come, a signal, watched_fd (0). -1 with err. The time is
 * on clock_now_us()'s clock; INT64_MAX for no limit.
 */
int endpoint_sleep(struct endpoint *e, int64_t until_us, int watched_fd, struct err *err);

#endif
