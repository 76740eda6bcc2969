/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * testbed.link netns: token buckets of the kernel at both ends of every device's link, and its netem in them where
 * there is delay, jitter or loss, the kernel has it and testbed.netem does not say off.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "edge-server/link_kind.h"
#include "netns/buckets.h"
#include "netns/netns.h"

struct netns_links {
    struct buckets *buckets;
    bool uses_netem;
    double loss;
    char *why; /* it is used, or not */
};

static void close_links(void *links)
{
    struct netns_links *l = links;
    buckets_close(l->buckets);
    free(l->why);
    free(l);
}

/* Whether to use netem, and the reason. */
static bool wants_netem(const struct experiment *e, char **why)
{
    struct err err = ERR_INIT;
    if (!link_is_impaired(e))
        return false;
    if (strcmp(e->testbed.netem, "off") == 0) {
        *why = mem_string("testbed.netem is off");
        return false;
    }
    int has_netem = netns_has_netem(&err);
    *why = has_netem < 0
               ? mem_format("it cannot be told whether this kernel has netem (%s)", err.text)
               : mem_string(has_netem ? "this kernel has netem"
                                      : "this kernel has no netem (CONFIG_NET_SCH_NETEM)");
    return has_netem > 0;
}

static void *open_links(const struct link_request *request, struct err *err)
{
    const struct experiment *e = request->experiment;
    if (!request->netns_fds) {
        err_set(err,
                "testbed.link netns: there are no network namespaces; `splitbed run` makes them");
        return NULL;
    }
    struct netns_links *l = mem_zero(1, sizeof *l);
    l->loss = e->radio.loss;
    l->uses_netem = wants_netem(e, &l->why);
    l->buckets = buckets_open(request->netns_fds, e->n_devices, err);
    if (l->buckets &&
        (!l->uses_netem || !buckets_use_netem(l->buckets, request->netns_fds, l->loss > 0, err)))
        return l;
    close_links(l);
    return NULL;
}

struct netns_request link_netns_request(const struct link_pace *pace, bool uses_netem,
                                        double segment_loss, double time_scale)
{
    bool is_free = !(pace->transfer_s > 0);
    if (!uses_netem)
        return (struct netns_request){.sets_bucket = !pace->is_way_back,
                                      .carry_s = pace->transfer_s * time_scale};
    return (struct netns_request){
        .sets_bucket = !pace->is_way_back || pace->payload_bytes > 0,
        .sets_netem = true,
        .carry_s = pace->carry_s * time_scale,
        .delay_s = pace->delay_s * time_scale,
        .segment_loss = is_free ? 0 : segment_loss,
    };
}

static int set_pace(void *links, const struct link_pace *pace, double time_scale, struct err *err)
{
    const struct netns_links *l = links;
    enum bucket_side side = pace->is_uplink ? BUCKET_DEVICE : BUCKET_HUB;
    struct netns_request r = link_netns_request(pace, l->uses_netem, l->loss, time_scale);
    if (r.sets_netem &&
        buckets_impair(l->buckets, pace->device, side, r.delay_s, r.segment_loss, err))
        return -1;
    return r.sets_bucket ? buckets_set(l->buckets, pace->device, side, (double)pace->payload_bytes,
                                       r.carry_s, err)
                         : 0;
}

/* docs/LINKS.md says more. */
static char *tell_impairments(const void *links)
{
    const struct netns_links *l = links;
    return mem_format(
        "%s: %s", l->why,
        l->uses_netem ? "it delays every frame of a transfer by its delay and jitter, and loses "
                        "some where there is loss, which TCP sends again"
                      : "delay, jitter and loss lower the rate of the transfers they lengthen; no "
                        "byte is late and none is lost");
}

static bool loses_frames(const void *links)
{
    const struct netns_links *l = links;
    return l->uses_netem && l->loss > 0;
}

const struct link_kind link_netns = {
    .name = "netns",
    .help = "a network namespace for every device; the kernel paces its link, headers and all",
    .is_emulated = true,
    .paces_elsewhere = true,
    .open = open_links,
    .set_pace = set_pace,
    .close = close_links,
    .tell_impairments = tell_impairments,
    .loses_frames = loses_frames,
};
