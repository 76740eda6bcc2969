/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netns/buckets.h"

#include <fcntl.h>
#include <math.h>
#include <net/if.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/netns.h"
#include "netns/rtnetlink.h"
#include "netns/windows.h"

struct bucket {
    struct nl_sock *socket; /* of its namespace */
    unsigned if_index;
    double due_bytes;     /* counter of what has passed it, when all that was announced has */
    uint32_t piece_bytes; /* the largest it takes since it was set last */
};

struct buckets {
    struct nl_sock *hub;
    struct bucket (*links)[2]; /* [n], by enum bucket_side */
    int n;
};

static int open_link(struct buckets *buckets, int i, int fd, int hub_fd, struct err *err)
{
    char name[NETNS_NAME_SIZE];
    struct bucket *hub = &buckets->links[i][BUCKET_HUB],
                  *device = &buckets->links[i][BUCKET_DEVICE];
    hub->socket = buckets->hub;
    hub->piece_bytes = device->piece_bytes = TBF_PIECE_BYTES;
    hub->if_index = if_nametoindex(netns_hub_interface(i, name));
    if (netns_enter(fd))
        return err_set_errno(err, "device %d: descriptor %d is no network namespace to enter", i,
                             fd);
    device->socket = rtnetlink_open(err);
    device->if_index = if_nametoindex(NETNS_DEVICE_INTERFACE);
    if (netns_enter(hub_fd))
        return err_set_errno(err, "cannot go back to the server's network namespace");
    if (device->socket && (!device->if_index || !hub->if_index))
        return err_set(err, "device %d: its network namespace has no link to this one", i);
    return device->socket ? 0 : -1;
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
        nl_socket_free(buckets->links[i][BUCKET_DEVICE].socket);
    nl_socket_free(buckets->hub);
    free(buckets->links);
    free(buckets);
}

static int set(struct bucket *bucket, double payload_bytes, double wall_s)
{
    struct qdisc_state state;
    int failed = rtnetlink_qdisc_state(bucket->socket, bucket->if_index, RTNETLINK_TBF, &state);
    if (failed)
        return failed;
    double passed_bytes = (double)state.passed_bytes;
    double rest_bytes = bucket->due_bytes - passed_bytes;
    if (rest_bytes < TBF_FRAME_BYTES) /* announced to within less than that */
        rest_bytes = state.queued_bytes;
    double bytes = rest_bytes + tbf_message_bytes(payload_bytes);
    struct tbf tbf = tbf_for_bytes(bytes, wall_s, rest_bytes > 0 ? bucket->piece_bytes : 0);
    bucket->due_bytes = passed_bytes + bytes;
    bucket->piece_bytes = tbf.burst_bytes < TBF_PIECE_BYTES ? tbf.burst_bytes : TBF_PIECE_BYTES;
    return rtnetlink_request(bucket->socket, rtnetlink_tbf(bucket->if_index, &tbf));
}

static const char *name_of(enum bucket_side side)
{
    return side == BUCKET_DEVICE ? "uplink" : "downlink";
}

int buckets_set(struct buckets *buckets, int device, enum bucket_side side, double payload_bytes,
                double wall_s, struct err *err)
{
    int failed = set(&buckets->links[device][side], payload_bytes, wall_s);
    return failed ? err_set(err, "device %d: cannot set the rate of its %s: %s", device,
                            name_of(side), nl_geterror(failed))
                  : 0;
}

int buckets_impair(struct buckets *buckets, int device, enum bucket_side side, double delay_s,
                   double segment_loss, struct err *err)
{
    const struct bucket *bucket = &buckets->links[device][side];
    struct netem netem = netem_for(delay_s, segment_loss);
    int failed = rtnetlink_request(bucket->socket, rtnetlink_netem(bucket->if_index, &netem));
    return failed ? err_set(err, "device %d: cannot set delay and loss of its %s: %s", device,
                            name_of(side), nl_geterror(failed))
                  : 0;
}

/* Connections made afterwards: of single segments, or with open windows. */
static int prepare_tcp(const struct bucket *bucket, struct in_addr own, bool has_loss,
                       struct err *err)
{
    int failed = has_loss
                     ? rtnetlink_request(bucket->socket, rtnetlink_one_segment(bucket->if_index))
                     : windows_open_route(bucket->socket, bucket->if_index, own, NETNS_PREFIX_BITS);
    return failed ? err_set(err, "cannot tell TCP how to use a link: %s", nl_geterror(failed)) : 0;
}

static int use_netem(struct buckets *buckets, int i, bool has_loss, struct err *err)
{
    return prepare_tcp(&buckets->links[i][BUCKET_HUB], netns_hub_address(i), has_loss, err) ||
                   prepare_tcp(&buckets->links[i][BUCKET_DEVICE], netns_device_address(i), has_loss,
                               err) ||
                   buckets_impair(buckets, i, BUCKET_HUB, 0, 0, err) ||
                   buckets_impair(buckets, i, BUCKET_DEVICE, 0, 0, err)
               ? -1
               : 0;
}

/* In the hub and in every device's namespace; the thread is in the hub afterwards. */
static int open_windows(const int *fds, int n, struct err *err)
{
    int hub_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    int status =
        hub_fd < 0 ? err_set_errno(err, "cannot open the network namespace") : windows_open(err);
    for (int i = 0; i < n && !status; i++)
        status = netns_enter(fds[i]) ? err_set_errno(err, "cannot enter a network namespace")
                                     : windows_open(err);
    if (hub_fd >= 0 && netns_enter(hub_fd) && !status)
        status = err_set_errno(err, "cannot go back to the server's network namespace");
    if (hub_fd >= 0)
        close(hub_fd);
    return status;
}

int buckets_use_netem(struct buckets *buckets, const int *fds, bool has_loss, struct err *err)
{
    int status = has_loss ? 0 : open_windows(fds, buckets->n, err);
    for (int i = 0; i < buckets->n && !status; i++)
        status = use_netem(buckets, i, has_loss, err);
    return status;
}
