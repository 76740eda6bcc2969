/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/piece.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_BYTES ((size_t)64 << 10) /* taken for a payload that comes in pieces */

struct msg *piece_cut(const struct msg *msg, size_t offset, size_t n_bytes)
{
    int i = 0;
    while (offset >= payload_bytes(msg->payload[i])) {
        offset -= payload_bytes(msg->payload[i++]);
        assert(i < msg->n_payloads);
    }
    size_t total = payload_bytes(msg->payload[i]), left = total - offset;
    struct msg *piece = msg_new(MSG_PIECE);
    piece->piece = (struct msg_piece){(uint32_t)msg->kind, (uint32_t)i + 1, offset, total};
    msg_attach(piece, payload_slice(msg->payload[i], offset, n_bytes < left ? n_bytes : left));
    return piece;
}

void piece_rest(struct msg *msg, size_t offset)
{
    for (int i = 0; i < msg->n_payloads && offset > 0; i++) {
        struct payload *whole = msg->payload[i];
        size_t total = payload_bytes(whole), n_gone = offset < total ? offset : total;
        msg->ahead_bytes[i] = n_gone;
        msg->payload[i] = payload_slice(whole, n_gone, total - n_gone);
        payload_drop(whole);
        offset -= n_gone;
    }
    assert(offset == 0);
}

void joint_release(struct joint *joint)
{
    for (int i = 0; i < MSG_MAX_PAYLOADS; i++)
        free(joint->part[i].bytes);
    *joint = (struct joint){0};
}

/* Doubled as bytes come: an announcement alone takes no memory. */
static void append(struct joint_part *part, const struct payload *payload)
{
    size_t n = payload_bytes(payload);
    if (part->capacity - part->n_bytes < n) {
        size_t capacity = 2 * part->capacity > FIRST_BYTES ? 2 * part->capacity : FIRST_BYTES;
        capacity = capacity < part->n_bytes + n ? part->n_bytes + n : capacity;
        part->capacity = capacity < part->total_bytes ? capacity : (size_t)part->total_bytes;
        part->bytes = mem_resize(part->bytes, part->capacity, 1);
    }
    if (n > 0)
        memcpy(part->bytes + part->n_bytes, payload_data(payload), n);
    part->n_bytes += n;
}

static int check_piece(const struct joint *joint, const struct msg_piece *piece, struct err *err)
{
    const struct joint_part *part = &joint->part[piece->payload - 1];
    if (joint->kind && piece->kind != (uint32_t)joint->kind)
        return err_set(err, "a piece of %s amid those of %s",
                       msg_kind_name((enum msg_kind)piece->kind), msg_kind_name(joint->kind));
    if (piece->offset != part->n_bytes)
        return err_set(err, "a piece of payload %" PRIu32 " from byte %" PRIu64 " on: %zu came",
                       piece->payload, piece->offset, part->n_bytes);
    if (part->n_bytes > 0 && piece->total_bytes != part->total_bytes)
        return err_set(err, "payload %" PRIu32 " of %" PRIu64 " bytes: %" PRIu64 " were announced",
                       piece->payload, piece->total_bytes, part->total_bytes);
    bool follows = piece->payload == 1 ? joint->part[1].n_bytes == 0
                                       : joint->part[0].n_bytes == joint->part[0].total_bytes;
    return follows ? 0 : err_set(err, "pieces of payload 2 and of payload 1 are mixed");
}

static int take_piece(struct joint *joint, const struct msg *msg, struct err *err)
{
    if (check_piece(joint, &msg->piece, err))
        return -1;
    struct joint_part *part = &joint->part[msg->piece.payload - 1];
    joint->kind = (enum msg_kind)msg->piece.kind;
    part->total_bytes = msg->piece.total_bytes;
    append(part, msg->payload[0]);
    return 0;
}

/* Does it fit to what came ahead, if anything did? */
static int check_rest(const struct joint *joint, const struct msg *msg, struct err *err)
{
    if (joint->kind && joint->kind != msg->kind)
        return err_set(err, "%s amid the pieces of %s", msg_kind_name(msg->kind),
                       msg_kind_name(joint->kind));
    for (int i = 0; i < MSG_MAX_PAYLOADS; i++) {
        const struct joint_part *part = &joint->part[i];
        if (msg->ahead_bytes[i] != part->n_bytes)
            return err_set(err, "%s: %zu bytes came ahead of payload %d, not %" PRIu64,
                           msg_kind_name(msg->kind), part->n_bytes, i + 1, msg->ahead_bytes[i]);
        if (part->n_bytes == 0)
            continue;
        uint64_t total = part->n_bytes + payload_bytes(msg->payload[i]);
        if (total != part->total_bytes)
            return err_set(err,
                           "%s: payload %d has %" PRIu64 " bytes; its pieces announced %" PRIu64,
                           msg_kind_name(msg->kind), i + 1, total, part->total_bytes);
    }
    return 0;
}

static void join(struct joint *joint, struct msg *msg)
{
    for (int i = 0; i < msg->n_payloads; i++) {
        struct joint_part *part = &joint->part[i];
        if (part->n_bytes == 0)
            continue;
        append(part, msg->payload[i]);
        payload_drop(msg->payload[i]);
        msg->payload[i] = payload_lend(part->bytes, part->n_bytes, free, part->bytes);
        msg->ahead_bytes[i] = 0;
        part->bytes = NULL;
    }
}

int joint_take(struct joint *joint, struct msg **msg, struct err *err)
{
    bool is_piece = (*msg)->kind == MSG_PIECE;
    int status = 0;
    if (is_piece)
        status = take_piece(joint, *msg, err);
    else if ((*msg)->kind != MSG_STOP && (*msg)->kind != MSG_ERROR)
        status = check_rest(joint, *msg, err);
    if (!status && !is_piece)
        join(joint, *msg);
    if (!is_piece)
        joint_release(joint);
    if (status || is_piece) {
        msg_free(*msg);
        *msg = NULL;
    }
    return status;
}
