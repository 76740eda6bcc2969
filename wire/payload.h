/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes that travel with a message as a ZeroMQ frame of their own: tensors, labels, sample indices, raw and
 * little-endian. Counted references (atomic: ZeroMQ's I/O thread drops its own when a frame has left), so
 * that one gradient can be on its way to many devices without a copy.
 */
#ifndef WIRE_PAYLOAD_H
#define WIRE_PAYLOAD_H

#include <stddef.h>

#define PAYLOAD_MAX_BYTES ((size_t)1 << 30)

struct payload;

/* n_bytes of memory of its own, aligned to 64 bytes, not set; one reference. */
struct payload *payload_new(size_t n_bytes);
void *payload_memory(struct payload *payload); /* to fill before sharing; own memory only */

/* n_bytes that are zero and that nobody writes: they take up address space, but no memory. */
struct payload *payload_zeros(size_t n_bytes);

/*
 * Memory of somebody else's, lent until release(arg) is called (from any thread) or, with release NULL,
 * for as long as the lender knows that nobody reads it: the protocol runs in lock-step, so a buffer is
 * free again when the answer to the message has come (docs/PROTOCOL.md).
 */
struct payload *payload_lend(const void *data, size_t n_bytes, void (*release)(void *arg),
                             void *arg);

/* Bytes [offset, offset + n_bytes) of a payload, which stays until the slice is dropped. */
struct payload *payload_slice(struct payload *payload, size_t offset, size_t n_bytes);

struct payload *payload_share(struct payload *payload); /* one reference more; returns payload */
void payload_drop(struct payload *payload);             /* one less; NULL is fine */

const void *payload_data(const struct payload *payload);
size_t payload_bytes(const struct payload *payload);

#endif
