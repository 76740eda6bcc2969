/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The token buckets at both ends of every device's link, changed while it carries, and netem in them where it is
 * used: by the server's process, which is in the hub (netns/netns.h), has the devices' namespaces as file
 * descriptors, and is root. A change takes some ten microseconds and no other process.
 */
#ifndef NETNS_BUCKETS_H
#define NETNS_BUCKETS_H

#include <stdbool.h>

#include "base/err.h"
#include "netns/tbf.h"

struct buckets;

enum bucket_side {
    BUCKET_DEVICE, /* what the device sends */
    BUCKET_HUB,    /* what is sent to it */
};

/* fds: [n_devices], needed for this call alone. NULL with err. */
struct buckets *buckets_open(const int *fds, int n_devices, struct err *err);
void buckets_close(struct buckets *buckets);

/*
 * The bucket from now on: a message whose payloads have so many bytes is to be through in wall_s seconds
 * (netns/tbf.h), and before it what an earlier one has left in the queue, so that one that is held up
 * does not hold up what follows.
 */
int buckets_set(struct buckets *buckets, int device, enum bucket_side side, double payload_bytes,
                double wall_s, struct err *err);

/*
 * Before the links carry anything: netem in every bucket, for buckets_impair(); to begin with it delays and loses
 * nothing. `fds` as in buckets_open(). With losses they are to be of single frames, so TCP hands over single
 * segments; otherwise it is opened so far that it waits for nothing (netns/windows.h). With losses TCP is left as
 * the kernel has it.
 */
int buckets_use_netem(struct buckets *buckets, const int *fds, bool has_loss, struct err *err);

/* From now on: frames arrive delay_s later on the wall clock, and get lost (netns/netem.h). */
int buckets_impair(struct buckets *buckets, int device, enum bucket_side side, double delay_s,
                   double segment_loss, struct err *err);

#endif
