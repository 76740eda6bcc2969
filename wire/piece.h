/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages in pieces (docs/PROTOCOL.md). A sender on a paced link lets the bytes of a message's payloads go
 * little by little, as MSG_PIECEs, so that little is left to carry when the last bit is due; then comes the
 * message itself with what is left, and says how much went ahead. The endpoint joins them: its user gets
 * whole messages only.
 *
 * Payloads count as one row of bytes, the first before the second. The sender, with `offset` bytes gone
 * and n_bytes due:
 *
 *     piece = piece_cut(msg, offset, n_bytes);  ...send...  offset += msg_payload_bytes(piece);
 *     ...at last: piece_rest(msg, offset);      ...send msg...
 */
#ifndef WIRE_PIECE_H
#define WIRE_PIECE_H

#include "wire/message.h"

/*
 * Up to n_bytes > 0 of msg's payloads from `offset` on, not over the end of one of them; there must be some.
 * Shares the memory of the payload. A MSG_PIECE, the caller's.
 */
struct msg *piece_cut(const struct msg *msg, size_t offset, size_t n_bytes);

/* Leaves of msg what comes behind pieces of its first `offset` bytes. */
void piece_rest(struct msg *msg, size_t offset);

/* What one peer has sent ahead of a message; {0}: nothing. */
struct joint {
    enum msg_kind kind; /* of the message to come */
    struct joint_part {
        uint64_t total_bytes; /* as announced */
        size_t n_bytes, capacity;
        unsigned char *bytes;
    } part[MSG_MAX_PAYLOADS];
};

/*
 * A checked message (wire/codec.h) of that peer. A piece is taken, *msg is NULL then; a message that pieces
 * belong to becomes whole; others are left alone. STOP and ERROR may come at any time, and end what was
 * begun. -1: pieces that do not follow one another, or another message or another size than they announced;
 * *msg is freed and NULL. Memory held is at most twice of what came, and never more than announced.
 */
int joint_take(struct joint *joint, struct msg **msg, struct err *err);
void joint_release(struct joint *joint);

#endif
