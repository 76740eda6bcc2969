/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TCP's windows in a network namespace whose links delay: opened so far that no transfer waits for an
 * acknowledgement, since the equations know no such wait. Settings of the namespace, and of its connections made
 * afterwards; nothing outside sees them. Used by netns/buckets.c.
 *
 * The sender: as much as a window may be from the first byte on, and after idle times too. The receiver: offers 64 kB
 * to begin with, the kernel's own rule, and more as data come, so that the first large message over a connection takes
 * a few delays more.
 */
#ifndef NETNS_WINDOWS_H
#define NETNS_WINDOWS_H

#include <netinet/in.h>
#include <netlink/netlink.h>

#include "base/err.h"

#define WINDOWS_MAX_BYTES (64 << 20) /* what a connection may have under way */

/* Of the namespace the calling thread is in. */
int windows_open(struct err *err);

/* Of connections over an interface, which is up, with its own address in a network of prefix_bits. 0 or libnl's error. */
int windows_open_route(struct nl_sock *socket, unsigned if_index, struct in_addr own,
                       int prefix_bits);

#endif
