/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who makes the links as slow as the plan says: a row of the table in link_kind.c for each
 * testbed.link. The round logic asks a row what it has to do itself; the server's loop has the row do
 * what is done outside the process.
 */
#ifndef EDGE_SERVER_LINK_KIND_H
#define EDGE_SERVER_LINK_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "experiment/experiment.h"

/*
 * What one direction of a device's link is to be from now on. Times are modelled. Whoever makes transfers longer looks
 * at transfer_s; whoever delays and loses frames for real at carry_s and delay_s, whose sum is transfer_s less what
 * the equations have for segments sent again.
 */
struct link_pace {
    int device;
    bool is_uplink;
    /* Nothing to look at for who makes transfers longer. Without payload: control alone, not delayed, not lost. */
    bool is_way_back;
    uint64_t payload_bytes; /* of the message that comes next */
    double transfer_s;      /* what it takes; 0: as fast as it goes */
    double carry_s;         /* of it bits over rate */
    double delay_s;         /* of it delay and jitter */
};

struct link_request {
    const struct experiment *experiment;
    const int *netns_fds; /* [n_devices] their network namespaces, or NULL */
};

struct link_kind {
    const char *name; /* as in the experiment */
    const char *help;
    bool is_emulated;     /* a transfer takes what the equations say */
    bool paces_itself;    /* devices and the air hold messages back until they would have arrived */
    bool paces_elsewhere; /* messages go when their transfer begins; the rest is set_pace()'s */

    /*
     * With paces_elsewhere; NULL otherwise. A modelled second lasts time_scale on the wall clock.
     * Called between messages: set_pace() is quick, what was sent before goes on at the new pace.
     */
    void *(*open)(const struct link_request *request, struct err *err);
    int (*set_pace)(void *links, const struct link_pace *pace, double time_scale, struct err *err);
    void (*close)(void *links);
    /* How delay, jitter and loss come about, in a line for the log; freed by the caller. */
    char *(*tell_impairments)(const void *links);
    bool (*loses_frames)(const void *links); /* for real: TCP sends them again, no equation waits */
};

extern const struct link_kind link_netns; /* link_netns.c */

/* What testbed.link netns asks the kernel for, on the wall clock; pure. */
struct netns_request {
    bool sets_bucket, sets_netem;
    double carry_s;      /* of the bucket; 0: no limit */
    double delay_s;      /* of netem */
    double segment_loss; /* of netem */
};

/* segment_loss: of the experiment. */
struct netns_request link_netns_request(const struct link_pace *pace, bool uses_netem,
                                        double segment_loss, double time_scale);

/* Whether there is delay, jitter or loss. */
bool link_is_impaired(const struct experiment *e);

const struct link_kind *link_kind_find(const char *name); /* NULL when there is none */

#endif
