/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked of the kernel over rtnetlink(7): veth pairs, addresses, interfaces up, token buckets,
 * netem inside them, how TCP begins.
 * Messages are made by pure functions and sent by rtnetlink_request(); a socket speaks to the network
 * namespace in which it was opened, wherever it is used. Used by the files of netns/ alone; the only
 * ones that call libnl.
 */
#ifndef NETNS_RTNETLINK_H
#define NETNS_RTNETLINK_H

#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "base/err.h"
#include "netns/netem.h"
#include "netns/tbf.h"

/* To the namespace the calling thread is in. NULL with err. Closed by nl_socket_free(). */
struct nl_sock *rtnetlink_open(struct err *err);

/* Makes the pair `name` (here) and `peer_name` (in the namespace of a file descriptor). */
struct nl_msg *rtnetlink_veth(const char *name, const char *peer_name, int peer_netns_fd);
struct nl_msg *rtnetlink_address(unsigned if_index, struct in_addr address, int prefix_bits);
/* Up, and what TCP hands it in one piece held to so many bytes. */
struct nl_msg *rtnetlink_up(unsigned if_index, uint32_t max_piece_bytes);
/* The interface's root qdisc, made or changed; what is queued stays, the bucket is full after it. */
struct nl_msg *rtnetlink_tbf(unsigned if_index, const struct tbf *tbf);

/* netem as the interface's root qdisc in place of a bucket, delaying and losing nothing. */
struct nl_msg *rtnetlink_try_netem(unsigned if_index);
/* netem inside the bucket, made or changed; what waits in it stays as it is. A change of the bucket keeps it. */
struct nl_msg *rtnetlink_netem(unsigned if_index, const struct netem *netem);

/* TCP hands over no two segments in one piece. */
struct nl_msg *rtnetlink_one_segment(unsigned if_index);
/* Connections to the interface's network begin with a window of so many segments. */
struct nl_msg *rtnetlink_window(unsigned if_index, struct in_addr own, int prefix_bits,
                                uint32_t n_segments);

/* Asks for the bucket, or for the netem inside it, with its counters. */
enum rtnetlink_qdisc { RTNETLINK_TBF, RTNETLINK_NETEM };
struct nl_msg *rtnetlink_ask_qdisc(unsigned if_index, enum rtnetlink_qdisc which);

/*
 * Sends, waits for the kernel's answer, frees the message. 0, or the negative number of libnl's
 * error: nl_geterror() has its text, NLE_OBJ_NOTFOUND and NLE_OPNOTSUPP mean that the kernel does not
 * have what was asked for.
 */
int rtnetlink_request(struct nl_sock *socket, struct nl_msg *msg);

/* As the qdisc counts. */
struct qdisc_state {
    uint64_t passed_bytes;
    uint32_t queued_bytes;
    uint32_t n_passed, n_dropped; /* pieces */
    int64_t delay_ns;             /* of netem */
    uint32_t loss;                /* of netem, as in struct netem */
};

/* A qdisc of the interface as it is. Fails as rtnetlink_request(). */
int rtnetlink_qdisc_state(struct nl_sock *socket, unsigned if_index, enum rtnetlink_qdisc which,
                          struct qdisc_state *state);

#endif
