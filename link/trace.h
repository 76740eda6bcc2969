/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a link carried once, to be replayed: a recording says when the last bit has left if sending
 * starts at a time. Immutable once loaded, so any number of links may share one. Times in seconds
 * from the start of the recording, which starts over at its end for ever.
 *
 * Two formats, chosen by the file's name:
 *
 *   *.csv        columns time_s,rate_bps: the rate from that time on, until the next row. Times
 *                rise from 0; a rate is 0 or 0.001 to 1e15 bit/s. The last row lasts as long as the one before it, a single row for
 *                ever.
 *   any other    a packet-delivery trace of Mahimahi (Netravali et al., USENIX ATC 2015;
 *                mm-link(1)): a line a packet, the millisecond at which 1500 bytes may leave. As
 *                there, the recording ends, and starts over, at its last line; what a message does
 *                not use of its last packet is lost, and so is an opportunity that is past when
 *                sending starts.
 */
#ifndef LINK_TRACE_H
#define LINK_TRACE_H

#include "base/err.h"

#define TRACE_PACKET_BITS 12000.0 /* 1500 bytes */

struct trace;

/*
 * NULL with "path:line: what" when it is no trace: no rows, times that fall, nothing ever carried.
 */
struct trace *trace_load(const char *path, struct err *err);
void trace_free(struct trace *trace);

/*
 * When `bits` have left if sending starts at start_s >= 0: start_s itself for none, INFINITY past
 * any clock. Never falls with start_s or bits.
 */
double trace_end_s(const struct trace *trace, double start_s, double bits);

/* Bits that can leave after start_s and until end_s, itself included. */
double trace_bits(const struct trace *trace, double start_s, double end_s);

double trace_mean_bps(const struct trace *trace);

#endif
