/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The device's side of the protocol (docs/PROTOCOL.md), without input or output: messages and the time go
 * in, messages come out. The agent drives it with ZeroMQ and the wall clock, a simulator with a virtual one.
 *
 * Time is modelled microseconds, INFINITY for never. A pass over the layers is really computed when its input
 * arrives; its result is let go when the modelled duration has passed too, and an answer then occupies the
 * emulated uplink for its bits. What of that is late (real computing longer than modelled) is counted as overrun.
 *
 * How to drive it: after device_receive() or when device_wake_us() has come, call device_advance() with the
 * time as it is then, and send what device_next() gives until it gives NULL.
 */
#ifndef DEVICE_AGENT_DEVICE_H
#define DEVICE_AGENT_DEVICE_H

#include <stdbool.h>

#include "base/err.h"
#include "wire/message.h"

struct device;

/* Strings are copied. The first message out is MSG_HELLO. */
struct device *device_new(const char *name, const char *data_dir);
void device_free(struct device *device); /* messages given out that lend its memory must be gone */

/*
 * Messages on the emulated uplink go in pieces that last step_us of the wall's time (link/shaper.h,
 * wire/piece.h) rather than whole when their last bit is due. INFINITY, to begin with: whole.
 */
void device_set_step(struct device *device, double step_us);

/*
 * Takes *msg. -1 when the device cannot go on: the message was unexpected or does not fit, or the server
 * gave up; unless it did, a MSG_ERROR for the server is among the messages to send.
 */
int device_receive(struct device *device, struct msg **msg, double now_us, struct err *err);

/* Ends what has come to its end by now_us. Fails as device_receive() does. */
int device_advance(struct device *device, double now_us, struct err *err);

/* When device_advance() has something to do next; INFINITY: only after a message. */
double device_wake_us(const struct device *device);

/* The clock now shows by_us more than it did: every stamp kept here moves with it. */
void device_shift_clock(struct device *device, double by_us);

/* The next message to send, the caller's to free; NULL: none now. */
struct msg *device_next(struct device *device);

bool device_is_done(const struct device *device); /* MSG_STOP has come */

/* Wall seconds per modelled second, for whoever drives: 1 until the assignment says otherwise. */
double device_time_scale(const struct device *device);

#endif
