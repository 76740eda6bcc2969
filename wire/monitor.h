/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ZeroMQ's own account of a socket's connections (zmq_socket_monitor): established, ended. Its I/O thread
 * writes into a pair of sockets, read here without blocking. The queue has no limit, since an I/O thread
 * that waits for room in it would hold up the traffic; it holds a few bytes a connection.
 */
#ifndef WIRE_MONITOR_H
#define WIRE_MONITOR_H

enum monitor_kind {
    MONITOR_ESTABLISHED, /* handshake done */
    MONITOR_NO_ZMTP,     /* somebody is there but the handshake failed */
    MONITOR_DISCONNECTED /* fd: of the connection that ended, established before or not */
};

struct monitor_event {
    enum monitor_kind kind;
    int fd;
};

/* Watches `socket`; returns the reading end, a socket to poll, or NULL with errno. */
void *monitor_open(void *context, void *socket);
void monitor_close(void *monitor, void *socket);

/* 1 and the next event, or 0 when there is none. */
int monitor_next(void *monitor, struct monitor_event *event);

#endif
