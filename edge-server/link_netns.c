/* SPDX-License-Identifier: GPL-3.0-or-later */
/* testbed.link netns: token buckets of the kernel at both ends of every device's link. */
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "edge-server/link_kind.h"
#include "netns/buckets.h"
#include "netns/netns.h"

static void *open_buckets(const struct link_request *request, struct err *err)
{
    if (request->netns_fds)
        return buckets_open(request->netns_fds, request->n_devices, err);
    err_set(err, "testbed.link netns: there are no network namespaces; `splitbed run` makes them");
    return NULL;
}

static int set_pace(void *links, const struct link_pace *pace, double wall_s, struct err *err)
{
    return buckets_set(links, pace->device, pace->is_uplink ? BUCKET_DEVICE : BUCKET_HUB,
                       (double)pace->payload_bytes, wall_s, err);
}

static void close_buckets(void *links)
{
    buckets_close(links);
}

/* By transfers that take longer, also where there is netem: docs/LINKS.md says why. */
static char *tell_impairments(void)
{
    struct err err = ERR_INIT;
    int has_netem = netns_has_netem(&err);
    char *why = has_netem < 0
                    ? mem_format("it cannot be told whether this kernel has netem (%s)", err.text)
                    : mem_string(has_netem ? "this kernel has netem, which is not used"
                                           : "this kernel has no netem "
                                             "(CONFIG_NET_SCH_NETEM)");
    char *line = mem_format("%s: delay, jitter and loss lower the rate of the transfers they "
                            "lengthen; no byte is late and none is lost",
                            why);
    free(why);
    return line;
}

const struct link_kind link_netns = {
    .name = "netns",
    .help = "a network namespace for every device; the kernel paces its link, headers and all",
    .is_emulated = true,
    .paces_elsewhere = true,
    .open = open_buckets,
    .set_pace = set_pace,
    .close = close_buckets,
    .tell_impairments = tell_impairments,
};
