/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests as the kernel will read them. */
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "netns/rtnetlink.h"

#define MAX_ATTRIBUTE 64

static void parse(struct nl_msg *msg, size_t header_bytes, struct nlattr **attributes)
{
    assert_int_equal(
        nlmsg_parse(nlmsg_hdr(msg), (int)header_bytes, attributes, MAX_ATTRIBUTE, NULL), 0);
}

static void a_veth_pair_has_its_peer_in_the_other_namespace(void **state)
{
    (void)state;
    struct nlattr *all[MAX_ATTRIBUTE + 1], *info[MAX_ATTRIBUTE + 1], *peer[MAX_ATTRIBUTE + 1];
    struct nl_msg *msg = rtnetlink_veth("eth0", "d7", 42);
    assert_int_equal(nlmsg_hdr(msg)->nlmsg_type, RTM_NEWLINK);
    parse(msg, sizeof(struct ifinfomsg), all);
    assert_string_equal(nla_get_string(all[IFLA_IFNAME]), "eth0");
    assert_int_equal(nla_parse_nested(info, MAX_ATTRIBUTE, all[IFLA_LINKINFO], NULL), 0);
    assert_string_equal(nla_get_string(info[IFLA_INFO_KIND]), "veth");
    struct nlattr *about_peer = nla_data(info[IFLA_INFO_DATA]);
    assert_int_equal(nla_type(about_peer), VETH_INFO_PEER);
    char *after_header = (char *)nla_data(about_peer) + sizeof(struct ifinfomsg);
    int n = nla_len(about_peer) - (int)sizeof(struct ifinfomsg);
    assert_int_equal(nla_parse(peer, MAX_ATTRIBUTE, (struct nlattr *)(void *)after_header, n, NULL),
                     0);
    assert_string_equal(nla_get_string(peer[IFLA_IFNAME]), "d7");
    assert_int_equal(nla_get_u32(peer[IFLA_NET_NS_FD]), 42);
    nlmsg_free(msg);
}

static void an_address_names_interface_and_network(void **state)
{
    (void)state;
    struct nlattr *all[MAX_ATTRIBUTE + 1];
    struct in_addr address;
    inet_pton(AF_INET, "10.0.0.6", &address);
    struct nl_msg *msg = rtnetlink_address(3, address, 30);
    const struct ifaddrmsg *header = nlmsg_data(nlmsg_hdr(msg));
    assert_int_equal(header->ifa_index, 3);
    assert_int_equal(header->ifa_prefixlen, 30);
    parse(msg, sizeof *header, all);
    assert_int_equal(nla_get_u32(all[IFA_LOCAL]), address.s_addr);
    nlmsg_free(msg);
}

static void an_interface_goes_up_with_pieces_of_a_limited_size(void **state)
{
    (void)state;
    struct nlattr *all[MAX_ATTRIBUTE + 1];
    struct nl_msg *msg = rtnetlink_up(5, 16000);
    const struct ifinfomsg *header = nlmsg_data(nlmsg_hdr(msg));
    assert_int_equal(header->ifi_index, 5);
    assert_true(header->ifi_flags & header->ifi_change & IFF_UP);
    parse(msg, sizeof *header, all);
    assert_int_equal(nla_get_u32(all[IFLA_GSO_MAX_SIZE]), 16000);
    nlmsg_free(msg);
}

static void a_bucket_has_rate_and_burst_in_bytes(void **state)
{
    (void)state;
    struct nlattr *all[MAX_ATTRIBUTE + 1], *options[MAX_ATTRIBUTE + 1];
    struct tbf tbf = {5000000000, 123456}; /* 40 Gbit/s: more than 32 bits hold */
    struct nl_msg *msg = rtnetlink_tbf(9, &tbf);
    const struct tcmsg *header = nlmsg_data(nlmsg_hdr(msg));
    assert_int_equal(nlmsg_hdr(msg)->nlmsg_type, RTM_NEWQDISC);
    assert_int_equal(header->tcm_ifindex, 9);
    assert_int_equal(header->tcm_parent, TC_H_ROOT);
    parse(msg, sizeof *header, all);
    assert_string_equal(nla_get_string(all[TCA_KIND]), "tbf");
    assert_int_equal(nla_parse_nested(options, MAX_ATTRIBUTE, all[TCA_OPTIONS], NULL), 0);
    const struct tc_tbf_qopt *parameters = nla_data(options[TCA_TBF_PARMS]);
    assert_int_equal(parameters->rate.rate, UINT32_MAX);
    assert_int_equal(parameters->peakrate.rate, 0);
    assert_int_equal(nla_get_u64(options[TCA_TBF_RATE64]), tbf.bytes_per_s);
    assert_int_equal(nla_get_u32(options[TCA_TBF_BURST]), tbf.burst_bytes);
    nlmsg_free(msg);
}

static void a_later_bucket_changes_the_one_that_is_there(void **state)
{
    (void)state;
    struct tbf tbf = {1, 1};
    struct nl_msg *first = rtnetlink_tbf(9, &tbf), *ask = rtnetlink_ask_qdisc(9, RTNETLINK_TBF);
    const struct tcmsg *set = nlmsg_data(nlmsg_hdr(first)), *asked = nlmsg_data(nlmsg_hdr(ask));
    assert_true(nlmsg_hdr(first)->nlmsg_flags & NLM_F_CREATE);
    assert_false(nlmsg_hdr(first)->nlmsg_flags & NLM_F_EXCL);
    assert_true(set->tcm_handle != 0);
    assert_int_equal(set->tcm_handle, asked->tcm_handle);
    assert_true(nlmsg_hdr(ask)->nlmsg_flags & NLM_F_ECHO); /* else nobody gets the answer */
    nlmsg_free(first);
    nlmsg_free(ask);
}

/* The fixed part of netem's options; *delay_ns from what is behind it. */
static struct tc_netem_qopt netem_options(struct nl_msg *msg, int64_t *delay_ns)
{
    struct nlattr *all[MAX_ATTRIBUTE + 1], *options[MAX_ATTRIBUTE + 1];
    struct tc_netem_qopt fixed;
    parse(msg, sizeof(struct tcmsg), all);
    assert_string_equal(nla_get_string(all[TCA_KIND]), "netem");
    char *data = nla_data(all[TCA_OPTIONS]);
    int n = nla_len(all[TCA_OPTIONS]) - (int)sizeof fixed;
    memcpy(&fixed, data, sizeof fixed);
    assert_int_equal(
        nla_parse(options, MAX_ATTRIBUTE, (struct nlattr *)(void *)(data + sizeof fixed), n, NULL),
        0);
    nla_memcpy(delay_ns, options[TCA_NETEM_LATENCY64], sizeof *delay_ns);
    return fixed;
}

static void netem_is_tried_in_place_of_a_bucket_without_delay_and_loss(void **state)
{
    (void)state;
    int64_t delay_ns = -1;
    struct nl_msg *msg = rtnetlink_try_netem(1);
    const struct tcmsg *header = nlmsg_data(nlmsg_hdr(msg));
    assert_int_equal(nlmsg_hdr(msg)->nlmsg_type, RTM_NEWQDISC);
    assert_true(nlmsg_hdr(msg)->nlmsg_flags & NLM_F_CREATE);
    assert_int_equal(header->tcm_ifindex, 1);
    assert_int_equal(header->tcm_parent, TC_H_ROOT);
    const struct tc_netem_qopt wanted = {.limit = NETEM_LIMIT_PIECES};
    const struct tc_netem_qopt found = netem_options(msg, &delay_ns);
    assert_memory_equal(&found, &wanted, sizeof wanted);
    assert_int_equal(delay_ns, 0);
    nlmsg_free(msg);
}

static void netem_goes_into_the_bucket_with_a_constant_delay(void **state)
{
    (void)state;
    int64_t delay_ns = -1;
    struct netem netem = {5000000000, 42949673}; /* 5 s: more than the fixed part holds */
    struct tbf tbf = {1, 1};
    struct nl_msg *msg = rtnetlink_netem(7, &netem), *bucket = rtnetlink_tbf(7, &tbf);
    const struct tcmsg *in = nlmsg_data(nlmsg_hdr(msg)), *out = nlmsg_data(nlmsg_hdr(bucket));
    assert_true(nlmsg_hdr(msg)->nlmsg_flags & NLM_F_CREATE);
    assert_true(nlmsg_hdr(msg)->nlmsg_flags & NLM_F_REPLACE);
    assert_int_equal(in->tcm_ifindex, 7);
    assert_int_equal(TC_H_MAJ(in->tcm_parent), out->tcm_handle);
    assert_int_not_equal(in->tcm_handle, out->tcm_handle);
    const struct tc_netem_qopt wanted = {.limit = NETEM_LIMIT_PIECES, .loss = 42949673};
    const struct tc_netem_qopt found = netem_options(msg, &delay_ns);
    assert_memory_equal(&found, &wanted, sizeof wanted); /* no jitter: nothing overtakes */
    assert_int_equal(delay_ns, 5000000000);
    nlmsg_free(msg);
    nlmsg_free(bucket);
}

static void netem_is_asked_about_where_it_was_put(void **state)
{
    (void)state;
    const struct netem nothing = {0};
    struct nl_msg *msg = rtnetlink_netem(7, &nothing);
    struct nl_msg *ask = rtnetlink_ask_qdisc(7, RTNETLINK_NETEM);
    const struct tcmsg *set = nlmsg_data(nlmsg_hdr(msg)), *asked = nlmsg_data(nlmsg_hdr(ask));
    assert_int_equal(nlmsg_hdr(ask)->nlmsg_type, RTM_GETQDISC);
    assert_int_equal(set->tcm_handle, asked->tcm_handle);
    nlmsg_free(msg);
    nlmsg_free(ask);
}

static void pieces_can_be_of_one_segment(void **state)
{
    (void)state;
    struct nlattr *all[MAX_ATTRIBUTE + 1];
    struct nl_msg *msg = rtnetlink_one_segment(5);
    const struct ifinfomsg *header = nlmsg_data(nlmsg_hdr(msg));
    assert_int_equal(header->ifi_index, 5);
    assert_int_equal(header->ifi_change, 0);
    parse(msg, sizeof *header, all);
    assert_int_equal(nla_get_u32(all[IFLA_GSO_MAX_SEGS]), 1);
    nlmsg_free(msg);
}

static void a_window_is_that_of_the_route_to_the_links_network(void **state)
{
    (void)state;
    struct nlattr *all[MAX_ATTRIBUTE + 1], *metrics[MAX_ATTRIBUTE + 1];
    struct in_addr own, network;
    inet_pton(AF_INET, "10.0.0.6", &own);
    inet_pton(AF_INET, "10.0.0.4", &network);
    struct nl_msg *msg = rtnetlink_window(3, own, 30, 500);
    const struct rtmsg *header = nlmsg_data(nlmsg_hdr(msg));
    assert_int_equal(nlmsg_hdr(msg)->nlmsg_type, RTM_NEWROUTE);
    assert_true(nlmsg_hdr(msg)->nlmsg_flags & NLM_F_REPLACE);
    assert_int_equal(header->rtm_dst_len, 30);
    parse(msg, sizeof *header, all);
    assert_int_equal(nla_get_u32(all[RTA_DST]), network.s_addr);
    assert_int_equal(nla_get_u32(all[RTA_PREFSRC]), own.s_addr);
    assert_int_equal(nla_get_u32(all[RTA_OIF]), 3);
    assert_int_equal(nla_parse_nested(metrics, MAX_ATTRIBUTE, all[RTA_METRICS], NULL), 0);
    assert_int_equal(nla_get_u32(metrics[RTAX_INITCWND]), 500);
    nlmsg_free(msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_veth_pair_has_its_peer_in_the_other_namespace),
        cmocka_unit_test(an_address_names_interface_and_network),
        cmocka_unit_test(an_interface_goes_up_with_pieces_of_a_limited_size),
        cmocka_unit_test(a_bucket_has_rate_and_burst_in_bytes),
        cmocka_unit_test(a_later_bucket_changes_the_one_that_is_there),
        cmocka_unit_test(netem_is_tried_in_place_of_a_bucket_without_delay_and_loss),
        cmocka_unit_test(netem_goes_into_the_bucket_with_a_constant_delay),
        cmocka_unit_test(netem_is_asked_about_where_it_was_put),
        cmocka_unit_test(pieces_can_be_of_one_segment),
        cmocka_unit_test(a_window_is_that_of_the_route_to_the_links_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
