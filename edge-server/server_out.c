/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's messages out, and the two ends a run can have. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "edge-server/server_impl.h"
#include "wire/piece.h"

void server_send_peer(struct server *server, uint64_t peer, struct msg *msg)
{
    if (server->next_outgoing == server->n_outgoing)
        server->next_outgoing = server->n_outgoing = 0;
    server->outbox = mem_grow(server->outbox, server->n_outgoing, &server->outbox_capacity,
                              sizeof *server->outbox);
    server->outbox[server->n_outgoing++] = (struct outgoing){peer, msg};
}

void server_send(struct server *server, int seat, struct msg *msg)
{
    server_send_peer(server, server->seats[seat].peer, msg);
}

void server_send_ahead(struct server *server, int first, int n_seats,
                       const struct shaper_piece *due)
{
    size_t offset = due->offset_bytes, end = offset + due->n_bytes;
    while (offset < end) {
        struct msg *piece = piece_cut(due->cookie, offset, end - offset);
        offset += msg_payload_bytes(piece);
        for (int i = first; i < first + n_seats; i++) {
            struct msg *copy = msg_new(MSG_PIECE);
            copy->piece = piece->piece;
            msg_attach(copy, payload_share(piece->payload[0]));
            server_send(server, i, copy);
        }
        msg_free(piece);
    }
}

struct msg *server_next_message(struct server *server, uint64_t *peer)
{
    if (server->next_outgoing == server->n_outgoing)
        return NULL;
    struct outgoing *out = &server->outbox[server->next_outgoing++];
    *peer = out->peer;
    return out->msg;
}

void server_clear_outbox(struct server *server)
{
    uint64_t peer;
    struct msg *msg;
    while ((msg = server_next_message(server, &peer)))
        msg_free(msg);
}

static void tell_all(struct server *server, enum msg_kind kind, const char *reason)
{
    for (int i = 0; i < server->n_seats; i++)
        if (server->seats[i].state != SEAT_EMPTY)
            server_send(server, i, msg_reason(kind, "%s", reason));
}

void server_fail(struct server *server, const char *format, ...)
{
    if (server->state == SERVER_FAILED || server->state == SERVER_DONE)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(server->failure, sizeof server->failure, format, args);
    va_end(args);
    if (server->state == SERVER_EVALUATING) { /* the round itself is over: it counts, unevaluated */
        server->has_record = true;
        server->last_is_current = true;
    }
    server->state = SERVER_FAILED;
    tell_all(server, MSG_ERROR, server->failure);
}

void server_finish(struct server *server)
{
    server->state = SERVER_DONE;
    tell_all(server, MSG_STOP, "the run is over");
}
