/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netns/rtnetlink.h"

#include <assert.h>
#include <arpa/inet.h>
#include <linux/gen_stats.h>
#include <linux/if.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <stdbool.h>
#include <string.h>

#define TBF_HANDLE      TC_H_MAKE(1u << 16, 0)
#define TBF_CLASS       TC_H_MAKE(TBF_HANDLE, 1) /* the one whose queue may be another qdisc */
#define NETEM_HANDLE    TC_H_MAKE(2u << 16, 0)
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

struct nl_msg *rtnetlink_up(unsigned if_index, uint32_t max_piece_bytes)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC,
                               .ifi_index = (int)if_index,
                               .ifi_flags = IFF_UP,
                               .ifi_change = IFF_UP};
    struct nl_msg *msg = new_message(RTM_NEWLINK, 0, &header, sizeof header);
    put(msg, IFLA_GSO_MAX_SIZE, &max_piece_bytes, sizeof max_piece_bytes);
    return msg;
}

struct nl_msg *rtnetlink_one_segment(unsigned if_index)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_index};
    struct nl_msg *msg = new_message(RTM_NEWLINK, 0, &header, sizeof header);
    uint32_t n = 1;
    put(msg, IFLA_GSO_MAX_SEGS, &n, sizeof n);
    return msg;
}

/* In place of the route that the kernel made with the address. */
struct nl_msg *rtnetlink_window(unsigned if_index, struct in_addr own, int prefix_bits,
                                uint32_t n_segments)
{
    struct rtmsg header = {.rtm_family = AF_INET,
                           .rtm_dst_len = (unsigned char)prefix_bits,
                           .rtm_table = RT_TABLE_MAIN,
                           .rtm_protocol = RTPROT_KERNEL,
                           .rtm_scope = RT_SCOPE_LINK,
                           .rtm_type = RTN_UNICAST};
    struct in_addr network = {.s_addr = own.s_addr & htonl(~0u << (32 - prefix_bits))};
    struct nl_msg *msg =
        new_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
    put(msg, RTA_DST, &network, sizeof network);
    put(msg, RTA_OIF, &if_index, sizeof if_index);
    put(msg, RTA_PREFSRC, &own, sizeof own);
    struct nlattr *metrics = nla_nest_start(msg, RTA_METRICS);
    put(msg, RTAX_INITCWND, &n_segments, sizeof n_segments);
    nla_nest_end(msg, metrics);
    return msg;
}

static struct nl_msg *about_qdisc(int type, int flags, unsigned if_index,
                                  enum rtnetlink_qdisc which)
{
    bool is_root = which == RTNETLINK_TBF;
    struct tcmsg header = {.tcm_family = AF_UNSPEC,
                           .tcm_ifindex = (int)if_index,
                           .tcm_parent = is_root ? TC_H_ROOT : TBF_CLASS,
                           .tcm_handle = is_root ? TBF_HANDLE : NETEM_HANDLE};
    return new_message(type, flags, &header, sizeof header);
}

static struct nl_msg *set_qdisc(unsigned if_index, enum rtnetlink_qdisc which, const char *kind)
{
    struct nl_msg *msg = about_qdisc(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, if_index, which);
    put_string(msg, TCA_KIND, kind);
    return msg;
}

struct nl_msg *rtnetlink_ask_qdisc(unsigned if_index, enum rtnetlink_qdisc which)
{
    return about_qdisc(RTM_GETQDISC, NLM_F_ECHO, if_index, which);
}

struct nl_msg *rtnetlink_tbf(unsigned if_index, const struct tbf *tbf)
{
    struct tc_tbf_qopt parameters = {.limit = TBF_LIMIT_BYTES};
    parameters.rate.linklayer = TC_LINKLAYER_ETHERNET; /* the kernel's own arithmetic, no table */
    parameters.rate.rate = tbf->bytes_per_s < UINT32_MAX ? (uint32_t)tbf->bytes_per_s : UINT32_MAX;
    struct nl_msg *msg = set_qdisc(if_index, RTNETLINK_TBF, "tbf");
    struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);
    put(msg, TCA_TBF_PARMS, &parameters, sizeof parameters);
    put(msg, TCA_TBF_RATE64, &tbf->bytes_per_s, sizeof tbf->bytes_per_s);
    put(msg, TCA_TBF_BURST, &tbf->burst_bytes, sizeof tbf->burst_bytes);
    nla_nest_end(msg, options);
    return msg;
}

/* The fixed part of netem's options, and its delay behind it: the fixed part has room for four seconds. */
static void put_netem(struct nl_msg *msg, const struct netem *netem)
{
    struct tc_netem_qopt parameters = {.limit = NETEM_LIMIT_PIECES, .loss = netem->loss};
    struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);
    int failed = nlmsg_append(msg, &parameters, sizeof parameters, NLMSG_ALIGNTO);
    assert(!failed);
    (void)failed;
    put(msg, TCA_NETEM_LATENCY64, &netem->delay_ns, sizeof netem->delay_ns);
    nla_nest_end(msg, options);
}

struct nl_msg *rtnetlink_try_netem(unsigned if_index)
{
    const struct netem nothing = {0};
    struct nl_msg *msg = set_qdisc(if_index, RTNETLINK_TBF, "netem");
    put_netem(msg, &nothing);
    return msg;
}

struct nl_msg *rtnetlink_netem(unsigned if_index, const struct netem *netem)
{
    struct nl_msg *msg = set_qdisc(if_index, RTNETLINK_NETEM, "netem");
    put_netem(msg, netem);
    return msg;
}

int rtnetlink_request(struct nl_sock *socket, struct nl_msg *msg)
{
    return nl_send_sync(socket, msg);
}

/* Of netem's options: a fixed part, attributes behind it. */
static void read_netem(struct nlattr *options, struct qdisc_state *state)
{
    struct nlattr *attribute[TCA_NETEM_MAX + 1];
    struct tc_netem_qopt parameters;
    int fixed = NLMSG_ALIGN((int)sizeof parameters), rest = nla_len(options) - fixed;
    if (rest < 0 ||
        nla_parse(attribute, TCA_NETEM_MAX,
                  (struct nlattr *)(void *)((char *)nla_data(options) + fixed), rest, NULL))
        return;
    memcpy(&parameters, nla_data(options), sizeof parameters);
    state->loss = parameters.loss;
    if (attribute[TCA_NETEM_LATENCY64])
        nla_memcpy(&state->delay_ns, attribute[TCA_NETEM_LATENCY64], sizeof state->delay_ns);
}

/* The answer to rtnetlink_ask_qdisc(). */
static int take_qdisc(struct nl_msg *msg, void *argument)
{
    struct qdisc_state *state = argument;
    struct nlattr *attribute[TCA_MAX + 1], *statistics[TCA_STATS_MAX + 1];
    struct gnet_stats_basic basic;
    struct gnet_stats_queue queue;
    if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWQDISC ||
        nlmsg_parse(nlmsg_hdr(msg), sizeof(struct tcmsg), attribute, TCA_MAX, NULL) ||
        !attribute[TCA_STATS2] ||
        nla_parse_nested(statistics, TCA_STATS_MAX, attribute[TCA_STATS2], NULL) ||
        !statistics[TCA_STATS_BASIC] || !statistics[TCA_STATS_QUEUE])
        return NL_SKIP;
    nla_memcpy(&basic, statistics[TCA_STATS_BASIC], sizeof basic);
    nla_memcpy(&queue, statistics[TCA_STATS_QUEUE], sizeof queue);
    *state = (struct qdisc_state){.passed_bytes = basic.bytes,
                                  .queued_bytes = queue.backlog,
                                  .n_passed = basic.packets,
                                  .n_dropped = queue.drops};
    if (attribute[TCA_KIND] && attribute[TCA_OPTIONS] &&
        strcmp(nla_get_string(attribute[TCA_KIND]), "netem") == 0)
        read_netem(attribute[TCA_OPTIONS], state);
    return NL_OK;
}

/* Either an error comes back, or the answer and then, in a datagram of its own, the acknowledgement. */
int rtnetlink_qdisc_state(struct nl_sock *socket, unsigned if_index, enum rtnetlink_qdisc which,
                          struct qdisc_state *state)
{
    struct nl_msg *msg = rtnetlink_ask_qdisc(if_index, which);
    state->passed_bytes = UINT64_MAX;
    nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take_qdisc, state);
    int failed = nl_send_auto(socket, msg);
    nlmsg_free(msg);
    if (failed >= 0)
        failed = nl_recvmsgs_default(socket);
    if (failed >= 0)
        failed = state->passed_bytes < UINT64_MAX ? nl_wait_for_ack(socket) : -NLE_OBJ_NOTFOUND;
    return failed < 0 ? failed : 0;
}
