/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netns/rtnetlink.h"

#include <assert.h>
#include <linux/if.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>

#define TBF_HANDLE      TC_H_MAKE(1u << 16, 0)
#define TBF_LIMIT_BYTES (64u << 20) /* more than a socket's buffer ever holds: nothing is dropped */

struct nl_sock *rtnetlink_open(struct err *err)
{
    struct nl_sock *socket = nl_socket_alloc();
    int failed = socket ? nl_connect(socket, NETLINK_ROUTE) : -NLE_NOMEM;
    if (!failed)
        return socket;
    err_set(err, "cannot speak to the kernel's network (rtnetlink): %s", nl_geterror(failed));
    nl_socket_free(socket);
    return NULL;
}

static struct nl_msg *new_message(int type, int flags, const void *header, size_t n)
{
    struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
    int failed = msg ? nlmsg_append(msg, (void *)(uintptr_t)header, n, NLMSG_ALIGNTO) : -1;
    assert(!failed);
    (void)failed;
    return msg;
}

/* Nothing here comes near a message's page. */
static void put(struct nl_msg *msg, int type, const void *data, size_t n)
{
    int failed = nla_put(msg, type, (int)n, data);
    assert(!failed);
    (void)failed;
}

static void put_string(struct nl_msg *msg, int type, const char *text)
{
    put(msg, type, text, strlen(text) + 1);
}

struct nl_msg *rtnetlink_veth(const char *name, const char *peer_name, int peer_netns_fd)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
    struct nl_msg *msg =
        new_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
    uint32_t fd = (uint32_t)peer_netns_fd;
    put_string(msg, IFLA_IFNAME, name);
    struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO);
    put_string(msg, IFLA_INFO_KIND, "veth");
    struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);
    struct nlattr *peer = nla_nest_start(msg, VETH_INFO_PEER);
    nlmsg_append(msg, &header, sizeof header, NLMSG_ALIGNTO);
    put_string(msg, IFLA_IFNAME, peer_name);
    put(msg, IFLA_NET_NS_FD, &fd, sizeof fd);
    nla_nest_end(msg, peer);
    nla_nest_end(msg, data);
    nla_nest_end(msg, info);
    return msg;
}

struct nl_msg *rtnetlink_address(unsigned if_index, struct in_addr address, int prefix_bits)
{
    struct ifaddrmsg header = {
        .ifa_family = AF_INET, .ifa_prefixlen = (unsigned char)prefix_bits, .ifa_index = if_index};
    struct nl_msg *msg =
        new_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
    put(msg, IFA_LOCAL, &address, sizeof address);
    put(msg, IFA_ADDRESS, &address, sizeof address);
    return msg;
}

struct nl_msg *rtnetlink_up(unsigned if_index)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC,
                               .ifi_index = (int)if_index,
                               .ifi_flags = IFF_UP,
                               .ifi_change = IFF_UP};
    return new_message(RTM_NEWLINK, 0, &header, sizeof header);
}

struct nl_msg *rtnetlink_qdisc(unsigned if_index, const char *kind)
{
    struct tcmsg header = {.tcm_family = AF_UNSPEC,
                           .tcm_ifindex = (int)if_index,
                           .tcm_parent = TC_H_ROOT,
                           .tcm_handle = TBF_HANDLE};
    struct nl_msg *msg =
        new_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
    put_string(msg, TCA_KIND, kind);
    return msg;
}

struct nl_msg *rtnetlink_tbf(unsigned if_index, const struct tbf *tbf)
{
    struct tc_tbf_qopt parameters = {.limit = TBF_LIMIT_BYTES};
    parameters.rate.linklayer = TC_LINKLAYER_ETHERNET; /* the kernel's own arithmetic, no table */
    parameters.rate.rate = tbf->bytes_per_s < UINT32_MAX ? (uint32_t)tbf->bytes_per_s : UINT32_MAX;
    struct nl_msg *msg = rtnetlink_qdisc(if_index, "tbf");
    struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);
    put(msg, TCA_TBF_PARMS, &parameters, sizeof parameters);
    put(msg, TCA_TBF_RATE64, &tbf->bytes_per_s, sizeof tbf->bytes_per_s);
    put(msg, TCA_TBF_BURST, &tbf->burst_bytes, sizeof tbf->burst_bytes);
    nla_nest_end(msg, options);
    return msg;
}

int rtnetlink_request(struct nl_sock *socket, struct nl_msg *msg)
{
    return nl_send_sync(socket, msg);
}
