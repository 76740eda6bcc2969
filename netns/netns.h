/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network namespaces of a run: one for every device, and a hub for the server, with a veth pair from
 * each to the hub. Needs root. Made by `splitbed run` with testbed.link netns.
 *
 * No namespace has a name: each lives as long as a process in it, or a file descriptor of it, and its
 * interfaces with it, so nothing is left behind however the processes end. The machine's own network
 * does not see the interfaces, and its addresses and firewall do not matter to them.
 *
 *     hub: d0 10.0.0.1/30 <-> eth0 10.0.0.2/30 in device 0's      d1 10.0.0.5 <-> eth0 10.0.0.6 ...
 */
#ifndef NETNS_NETNS_H
#define NETNS_NETNS_H

#include <netinet/in.h>

#include "base/err.h"

#define NETNS_MAX_DEVICES (1 << 22) /* of four addresses each in 10.0.0.0/8 */

struct netns {
    int *fds; /* [n_devices] of the namespaces, closed on exec */
    int n_devices;
};

/*
 * The calling thread is in the hub from then on, and what it starts. -1 with what is missing: root,
 * or what of it the kernel does not have (namespaces, veth, tbf); the thread may be in an empty
 * namespace then. `netns` is to be released after success alone.
 */
int netns_open(struct netns *netns, int n_devices, struct err *err);
void netns_release(struct netns *netns);

/* In a child after fork(), before exec: into the namespace. Async-signal-safe; -1 with errno. */
int netns_enter(int fd);

/*
 * Whether the kernel has the qdisc netem, by trying: 1, 0, or -1 when that cannot be told, without root
 * for one. It is tried on the loopback interface of a namespace made for it, which is gone afterwards;
 * the calling thread is then where it was. A kernel that has netem as a module loads it.
 */
int netns_has_netem(struct err *err);

/* The two ends of a device's link, in a network of their own. */
#define NETNS_PREFIX_BITS 30
struct in_addr netns_hub_address(int device);
struct in_addr netns_device_address(int device);

#define NETNS_DEVICE_INTERFACE "eth0"
#define NETNS_NAME_SIZE        16
char *netns_hub_interface(int device, char name[NETNS_NAME_SIZE]); /* "d12"; returns name */

#endif
