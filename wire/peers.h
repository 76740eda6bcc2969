/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who an endpoint has heard from: routing id, connection, state and pieces of every peer. Knows nothing of ZeroMQ.
 *
 * A message names its peer by routing id and its connection by file descriptor; the end of a connection is
 * told by file descriptor alone. Descriptors are used again, so two peers of one descriptor may be in the
 * table at once: the end of a connection then belongs to the older one. ROUTERs count their routing ids up,
 * and so their order says which connection is older.
 *
 * Life of a peer: live -> losing (its connection is gone, or it cannot be reached; what it sent before is
 * still to be delivered) -> gone (reported, or refused: ignored) -> forgotten when disconnected.
 */
#ifndef WIRE_PEERS_H
#define WIRE_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/piece.h"

enum peer_state { PEER_LIVE, PEER_LOSING, PEER_GONE };

struct peer {
    uint64_t number;
    enum peer_state state;
    bool is_disconnected; /* nothing new can come from it */
    int fd;
    unsigned char id[255];
    size_t n_id;
    char *reason;       /* PEER_LOSING: why */
    struct joint joint; /* of the message that it sends in pieces */
};

struct peers {
    struct peer *peer; /* pointers into it are good until the next add or forget */
    size_t n, capacity;
    uint64_t next_number;
};

struct peer *peers_add(struct peers *peers, const void *id, size_t n_id, int fd);
void peers_release(struct peers *peers);

/* NULL when there is none. */
struct peer *peers_find(struct peers *peers, uint64_t number);
struct peer *peers_find_id(struct peers *peers, const void *id, size_t n_id);
struct peer *peers_find_fd(struct peers *peers, int fd); /* the oldest connection not yet ended */
struct peer *peers_losing(struct peers *peers);

/* Does a ROUTER give out such ids (5 bytes, the first 0), or did the peer choose it? */
bool peer_id_is_given(const void *id, size_t n_id);

/* live -> losing; nothing in any other state. */
void peer_lose(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void peer_gone(struct peer *peer); /* any -> gone */

/* Drops those that are gone and disconnected; only when all that came from them was read. */
void peers_forget(struct peers *peers);

#endif
