/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netns/buckets.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/netns.h"
#include "netns/rtnetlink.h"

struct link_ends {
    struct nl_sock *device; /* in the device's namespace */
    unsigned device_index, hub_index;
};

struct buckets {
    struct nl_sock *hub;
    struct link_ends *links; /* [n] */
    int n;
};

static int open_link(struct buckets *buckets, int i, int fd, int hub_fd, struct err *err)
{
    char name[NETNS_NAME_SIZE];
    struct link_ends *link = &buckets->links[i];
    link->hub_index = if_nametoindex(netns_hub_interface(i, name));
    if (netns_enter(fd))
        return err_set_errno(err, "device %d: descriptor %d is no network namespace to enter", i,
                             fd);
    link->device = rtnetlink_open(err);
    link->device_index = if_nametoindex(NETNS_DEVICE_INTERFACE);
    if (netns_enter(hub_fd))
        return err_set_errno(err, "cannot go back to the server's network namespace");
    if (link->device && (!link->device_index || !link->hub_index))
        return err_set(err, "device %d: its network namespace has no link to this one", i);
    return link->device ? 0 : -1;
}

struct buckets *buckets_open(const int *fds, int n_devices, struct err *err)
{
    struct buckets *buckets = mem_zero(1, sizeof *buckets);
    buckets->links = mem_zero((size_t)n_devices, sizeof *buckets->links);
    buckets->n = n_devices;
    buckets->hub = rtnetlink_open(err);
    int hub_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    int status = buckets->hub ? 0 : -1;
    if (hub_fd < 0 && !status)
        status = err_set_errno(err, "cannot open the network namespace");
    for (int i = 0; i < n_devices && !status; i++)
        status = open_link(buckets, i, fds[i], hub_fd, err);
    if (hub_fd >= 0)
        close(hub_fd);
    if (!status)
        return buckets;
    buckets_close(buckets);
    return NULL;
}

void buckets_close(struct buckets *buckets)
{
    if (!buckets)
        return;
    for (int i = 0; i < buckets->n; i++)
        nl_socket_free(buckets->links[i].device);
    nl_socket_free(buckets->hub);
    free(buckets->links);
    free(buckets);
}

int buckets_set(struct buckets *buckets, int device, enum bucket_side side, const struct tbf *tbf,
                struct err *err)
{
    const struct link_ends *link = &buckets->links[device];
    bool is_device = side == BUCKET_DEVICE;
    struct nl_msg *msg = rtnetlink_tbf(is_device ? link->device_index : link->hub_index, tbf);
    int failed = rtnetlink_request(is_device ? link->device : buckets->hub, msg);
    return failed ? err_set(err, "device %d: cannot set the rate of its %s: %s", device,
                            is_device ? "uplink" : "downlink", nl_geterror(failed))
                  : 0;
}
