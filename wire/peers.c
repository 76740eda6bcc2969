/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/peers.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define GIVEN_ID_BYTES 5

struct peer *peers_add(struct peers *peers, const void *id, size_t n_id, int fd)
{
    peers->peer = mem_grow(peers->peer, peers->n, &peers->capacity, sizeof *peers->peer);
    struct peer *peer = &peers->peer[peers->n++];
    *peer = (struct peer){.number = peers->next_number++, .fd = fd, .n_id = n_id};
    assert(n_id <= sizeof peer->id);
    if (n_id)
        memcpy(peer->id, id, n_id);
    return peer;
}

void peers_release(struct peers *peers)
{
    for (size_t i = 0; i < peers->n; i++) {
        free(peers->peer[i].reason);
        joint_release(&peers->peer[i].joint);
    }
    free(peers->peer);
    *peers = (struct peers){0};
}

struct peer *peers_find(struct peers *peers, uint64_t number)
{
    for (size_t i = 0; i < peers->n; i++)
        if (peers->peer[i].number == number)
            return &peers->peer[i];
    return NULL;
}

struct peer *peers_find_id(struct peers *peers, const void *id, size_t n_id)
{
    for (size_t i = 0; i < peers->n; i++) {
        struct peer *peer = &peers->peer[i];
        if (peer->n_id == n_id && (n_id == 0 || memcmp(peer->id, id, n_id) == 0))
            return peer;
    }
    return NULL;
}

bool peer_id_is_given(const void *id, size_t n_id)
{
    const unsigned char *bytes = id;
    return n_id == GIVEN_ID_BYTES && bytes[0] == 0;
}

static uint32_t serial(const struct peer *peer)
{
    const unsigned char *b = peer->id;
    return (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4];
}

/* Serial numbers start anywhere and wrap around. */
static bool is_older(const struct peer *a, const struct peer *b)
{
    if (!peer_id_is_given(a->id, a->n_id) || !peer_id_is_given(b->id, b->n_id))
        return a->number < b->number;
    return serial(b) - serial(a) < UINT32_MAX / 2;
}

struct peer *peers_find_fd(struct peers *peers, int fd)
{
    struct peer *oldest = NULL;
    for (size_t i = 0; i < peers->n; i++) {
        struct peer *peer = &peers->peer[i];
        if (peer->fd == fd && !peer->is_disconnected && (!oldest || is_older(peer, oldest)))
            oldest = peer;
    }
    return oldest;
}

struct peer *peers_losing(struct peers *peers)
{
    for (size_t i = 0; i < peers->n; i++)
        if (peers->peer[i].state == PEER_LOSING)
            return &peers->peer[i];
    return NULL;
}

void peer_lose(struct peer *peer, const char *format, ...)
{
    if (peer->state != PEER_LIVE)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    peer->state = PEER_LOSING;
    peer->reason = mem_string(text);
}

void peer_gone(struct peer *peer)
{
    free(peer->reason);
    peer->reason = NULL;
    joint_release(&peer->joint);
    peer->state = PEER_GONE;
}

void peers_forget(struct peers *peers)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < peers->n; i++)
        if (peers->peer[i].state != PEER_GONE || !peers->peer[i].is_disconnected)
            peers->peer[n_kept++] = peers->peer[i];
    peers->n = n_kept;
}
