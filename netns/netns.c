/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netns/netns.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/rtnetlink.h"

#define NETWORK 0x0a000000u /* 10.0.0.0 */

static struct in_addr address(int device, unsigned host)
{
    assert(device >= 0 && device < NETNS_MAX_DEVICES);
    return (struct in_addr){.s_addr = htonl(NETWORK + 4 * (unsigned)device + host)};
}

struct in_addr netns_hub_address(int device)
{
    return address(device, 1);
}

struct in_addr netns_device_address(int device)
{
    return address(device, 2);
}

char *netns_hub_interface(int device, char name[NETNS_NAME_SIZE])
{
    snprintf(name, NETNS_NAME_SIZE, "d%d", device);
    return name;
}

int netns_enter(int fd)
{
    return setns(fd, CLONE_NEWNET);
}

/* A new namespace; the calling thread is in it. Its descriptor, or -1. */
static int make_namespace(struct err *err)
{
    if (unshare(CLONE_NEWNET)) {
        if (errno == EPERM)
            return err_set(err, "making network namespaces needs root; as another user, take "
                                "testbed.link modelled");
        if (errno == EINVAL || errno == ENOSYS)
            return err_set(err, "this kernel has no network namespaces (CONFIG_NET_NS)");
        return err_set_errno(err, "cannot make a network namespace");
    }
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_set_errno(err, "cannot open a network namespace") : fd;
}

/* Whether a request failed because the kernel is built without what it is about. */
static bool is_unknown(int failed)
{
    return failed == -NLE_OPNOTSUPP || failed == -NLE_OBJ_NOTFOUND;
}

/* `option`: what the kernel is built without when it does not know what was asked for. */
static int ask(struct nl_sock *socket, struct nl_msg *msg, const char *what, const char *option,
               struct err *err)
{
    int failed = rtnetlink_request(socket, msg);
    if (is_unknown(failed))
        return err_set(err, "cannot make %s: this kernel does not have it (%s)", what, option);
    return failed ? err_set(err, "cannot make %s: %s", what, nl_geterror(failed)) : 0;
}

/* Of an interface in the calling thread's namespace: address, bucket without a limit, up. */
static int set_up(struct nl_sock *socket, const char *name, struct in_addr own, struct err *err)
{
    unsigned if_index = if_nametoindex(name);
    struct tbf no_limit = tbf_for_bytes(0, 0, 0);
    if (!if_index)
        return err_set_errno(err, "cannot find the interface '%s'", name);
    return ask(socket, rtnetlink_address(if_index, own, NETNS_PREFIX_BITS), "an address",
               "CONFIG_INET", err) ||
                   ask(socket, rtnetlink_tbf(if_index, &no_limit), "a token bucket",
                       "CONFIG_NET_SCH_TBF", err) ||
                   ask(socket, rtnetlink_up(if_index, TBF_PIECE_SEGMENTS * TBF_SEGMENT_BYTES),
                       "a link", "CONFIG_NET", err)
               ? -1
               : 0;
}

/* The thread is in the device's namespace. */
static int link_device(int device, int hub_fd, struct err *err)
{
    char hub_name[NETNS_NAME_SIZE];
    struct nl_sock *socket = rtnetlink_open(err);
    int status = -1;
    if (socket)
        status = ask(socket,
                     rtnetlink_veth(NETNS_DEVICE_INTERFACE, netns_hub_interface(device, hub_name),
                                    hub_fd),
                     "a veth pair", "CONFIG_VETH", err) ||
                 set_up(socket, NETNS_DEVICE_INTERFACE, netns_device_address(device), err);
    nl_socket_free(socket);
    return status ? -1 : 0;
}

/* Adds a device; the thread is in the hub before and after. */
static int add_device(struct netns *netns, int device, int hub_fd, struct nl_sock *hub,
                      struct err *err)
{
    char hub_name[NETNS_NAME_SIZE];
    int fd = make_namespace(err);
    if (fd < 0)
        return -1;
    netns->fds[netns->n_devices++] = fd;
    int status = link_device(device, hub_fd, err);
    if (netns_enter(hub_fd) && !status)
        status = err_set_errno(err, "cannot go back to the server's network namespace");
    return status
               ? status
               : set_up(hub, netns_hub_interface(device, hub_name), netns_hub_address(device), err);
}

int netns_open(struct netns *netns, int n_devices, struct err *err)
{
    *netns = (struct netns){.fds = mem_zero((size_t)n_devices, sizeof *netns->fds)};
    if (n_devices > NETNS_MAX_DEVICES)
        return err_set(err, "%d devices: there are addresses for %d", n_devices, NETNS_MAX_DEVICES);
    int hub_fd = make_namespace(err);
    struct nl_sock *hub = hub_fd >= 0 ? rtnetlink_open(err) : NULL;
    int status = hub ? 0 : -1;
    for (int i = 0; i < n_devices && !status; i++)
        if ((status = add_device(netns, i, hub_fd, hub, err)))
            err_prefix(err, "link of device %d", i);
    nl_socket_free(hub);
    if (hub_fd >= 0)
        close(hub_fd);
    if (status)
        netns_release(netns);
    return status;
}

/* The thread is in a namespace of no other use. */
static int try_netem(struct err *err)
{
    unsigned if_index = if_nametoindex("lo");
    struct nl_sock *socket = if_index ? rtnetlink_open(err) : NULL;
    if (!if_index)
        return err_set_errno(err, "cannot find a loopback interface to try netem on");
    if (!socket)
        return -1;
    int failed = rtnetlink_request(socket, rtnetlink_try_netem(if_index));
    nl_socket_free(socket);
    if (failed && !is_unknown(failed))
        return err_set(err, "cannot try netem: %s", nl_geterror(failed));
    return !failed;
}

int netns_has_netem(struct err *err)
{
    int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (here < 0)
        return err_set_errno(err, "cannot open the network namespace");
    int there = make_namespace(err), answer = -1;
    if (there >= 0) {
        answer = try_netem(err);
        close(there);
    }
    if (netns_enter(here) && there >= 0)
        answer = err_set_errno(err, "cannot go back to the network namespace");
    close(here);
    return answer;
}

void netns_release(struct netns *netns)
{
    for (int i = 0; i < netns->n_devices; i++)
        close(netns->fds[i]);
    free(netns->fds);
    *netns = (struct netns){0};
}
