/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arithmetic of the kernel's netem (qdisc netem), which delays and loses frames: what to ask for so that frames
 * arrive so much later, and as many get lost as the equations say. Pure. Used by netns/.
 *
 * netem sits inside the token bucket, as its queue: a frame is lost or waits there first, and then takes its bytes from
 * the bucket, which is full by then. So delay and bits over rate add up, and what is lost has taken nothing of the
 * rate and was not counted, its repetition is. A constant delay keeps frames in order.
 */
#ifndef NETNS_NETEM_H
#define NETNS_NETEM_H

#include <stdint.h>

/*
 * What may wait, in pieces of a frame or more: no more than a socket's window ever lets out, and that has room for all
 * that is under way (netns/windows.h). What is above is lost without being counted as netem's loss.
 */
#define NETEM_LIMIT_PIECES (1u << 20)

struct netem {
    int64_t delay_ns; /* of every frame */
    uint32_t loss;    /* share of frames lost, in 1 / (2^32 - 1) */
};

/*
 * Of a frame with 1448 bytes of the stream, when segments of 1500 get lost with the probability segment_loss:
 * 1 - (1 - segment_loss)^(1448 / 1500), so that a message gets through without a loss as often as by the equations.
 */
double netem_frame_loss(double segment_loss);

/* delay_s on the wall clock, not below 0; segment_loss in [0, 1). */
struct netem netem_for(double delay_s, double segment_loss);

#endif
