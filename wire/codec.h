/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Control parts to bytes and back (wire/splitbed.proto). msg_decode() is where everything from the network
 * is checked: sizes, counts, depth, finite numbers, known kinds, the number of payloads a kind carries.
 */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include "wire/message.h"

/* The control part as a payload of its own. Cannot fail for a message within the limits of message.h. */
struct payload *msg_encode(const struct msg *msg);

/*
 * A message from its control bytes and payloads (taken over on success, left to the caller on failure).
 * NULL with the reason when anything is malformed or beyond a limit.
 */
struct msg *msg_decode(const void *control, size_t n_bytes, struct payload **payloads,
                       int n_payloads, struct err *err);

/*
 * Would the other side take it? Every rule of docs/PROTOCOL.md, limits of the control part's size and depth
 * included; msg_decode() ends with it. For a sender who builds a message from what a user wrote (names,
 * a large model) and wants to hear of it early. The error names the field: "round: forward_s is nan; ...".
 */
int msg_check(const struct msg *msg, struct err *err);

#endif
