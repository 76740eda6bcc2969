/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server whose links are paced elsewhere: what goes when, and what it says about the links. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "edge-server/planning.h"
#include "edge-server/server.h"

#define PEER     10
#define BATCH    4
#define FEATURES 400 /* of LeNet-5's pool2 */
#define N_SHARED 2

struct cell {
    struct experiment e;
    struct schedule schedule;
    struct server *server;
    bool loses_frames; /* to be said before it is opened */
};

static void open_impaired(struct cell *cell, const char *link, const char *impairment,
                          const char *other)
{
    const struct experiment_override sets[] = {{"training.framework=epsl"},
                                               {"devices.0.count=1"},
                                               {"training.batch_size=4"},
                                               {"training.aggregation_ratio=0.5"},
                                               {"scheduler.cuts=[pool2]"},
                                               {"training.rounds=1"},
                                               {"testbed.compute=native"},
                                               {link},
                                               {impairment},
                                               {other}};
    struct strbuf errors = STRBUF_INIT;
    struct err err = ERR_INIT;
    struct experiment_choices choices = planning_choices();
    if (experiment_load(&cell->e, "configs/experiments/quickstart.yaml", sets, ARRAY_LEN(sets),
                        &choices, &errors))
        fail_msg("%s", errors.text);
    if (schedule_open(&cell->schedule, &cell->e, &err))
        fail_msg("%s", err.text);
    struct server_inputs inputs = {.experiment = &cell->e,
                                   .schedule = &cell->schedule,
                                   .n_test_samples = 4,
                                   .loses_frames = cell->loses_frames};
    cell->server = server_new(&inputs, &err);
    if (!cell->server)
        fail_msg("%s", err.text);
}

static void open_cell(struct cell *cell, const char *link)
{
    open_impaired(cell, link, "radio.delay=0 s", "radio.loss=0");
}

static void close_cell(struct cell *cell)
{
    server_free(cell->server);
    schedule_release(&cell->schedule);
    experiment_release(&cell->e);
}

static void say(struct cell *cell, struct msg *msg)
{
    server_receive(cell->server, PEER, &msg, 0);
}

/* The next message, of this kind. */
static struct msg *hear(struct cell *cell, enum msg_kind kind)
{
    uint64_t peer;
    struct msg *msg = server_next_message(cell->server, &peer);
    if (!msg)
        fail_msg("nothing to hear");
    assert_string_equal(msg_kind_name(msg->kind), msg_kind_name(kind));
    return msg;
}

static void assert_silent(struct cell *cell)
{
    uint64_t peer;
    assert_null(server_next_message(cell->server, &peer));
}

static void start_round(struct cell *cell)
{
    struct err err = ERR_INIT;
    struct msg *hello = msg_new(MSG_HELLO), *ready = msg_new(MSG_READY);
    hello->hello.protocol_version = PROTOCOL_VERSION;
    strcpy(hello->hello.name, cell->e.devices[0].name);
    ready->ready = (struct msg_ready){100, 4};
    say(cell, hello);
    msg_free(hear(cell, MSG_ASSIGNMENT));
    say(cell, ready);
    assert_int_equal(schedule_next(&cell->schedule, server_wanted_round(cell->server), &err), 0);
    server_start_round(cell->server, 0);
}

static void send_activations(struct cell *cell)
{
    struct msg *msg = msg_new(MSG_ACTIVATIONS);
    msg->activations.round = 1;
    msg->activations.n_samples = BATCH;
    msg_attach(msg, payload_new(BATCH * FEATURES * sizeof(float)));
    msg_attach(msg, payload_new(BATCH * sizeof(uint32_t)));
    for (int i = 0; i < msg->n_payloads; i++)
        memset(payload_memory(msg->payload[i]), 0, payload_bytes(msg->payload[i]));
    say(cell, msg);
    for (int pass = 0; pass < 3; pass++)
        server_advance(cell->server, 0);
}

static void assert_pace(struct cell *cell, bool is_uplink, uint64_t bytes, double transfer_s)
{
    const struct link_pace *pace = server_next_pace(cell->server);
    assert_non_null(pace);
    assert_int_equal(pace->device, 0);
    assert_int_equal(pace->is_uplink, is_uplink);
    assert_int_equal(pace->payload_bytes, bytes);
    assert_true(fabs(pace->transfer_s - transfer_s) <= 1e-12 * transfer_s);
}

static void a_round_sets_the_uplink_and_tells_the_device_nothing(void **state)
{
    (void)state;
    struct cell cell = {0};
    open_cell(&cell, "testbed.link=netns");
    assert_null(server_next_pace(cell.server));
    start_round(&cell);
    uint64_t labels = BATCH * sizeof(uint32_t), bytes = BATCH * FEATURES * sizeof(float);
    assert_pace(&cell, true, bytes + labels, cell.schedule.terms.uplink_s[0]);
    assert_null(server_next_pace(cell.server));
    struct msg *round = hear(&cell, MSG_ROUND);
    assert_true(round->round.uplink_bps == 0);
    msg_free(round);
    close_cell(&cell);
}

static void a_broadcast_goes_at_once_and_the_rest_when_it_would_have_arrived(void **state)
{
    (void)state;
    struct cell cell = {0};
    open_cell(&cell, "testbed.link=netns");
    start_round(&cell);
    msg_free(hear(&cell, MSG_ROUND));
    assert_non_null(server_next_pace(cell.server));
    send_activations(&cell);
    uint64_t shared = N_SHARED * FEATURES * sizeof(float), own = shared;
    const struct latency_terms *terms = &cell.schedule.terms;
    assert_pace(&cell, false, shared, terms->broadcast_s);
    assert_null(server_next_pace(cell.server));
    msg_free(hear(&cell, MSG_GRADIENT));
    assert_silent(&cell);
    double wake_us = server_wake_us(cell.server);
    assert_true(fabs(wake_us - 1e6 * terms->broadcast_s) <= 1);
    server_advance(cell.server, server_wake_us(cell.server));
    assert_pace(&cell, false, own, terms->downlink_s[0]);
    msg_free(hear(&cell, MSG_GRADIENT));
    close_cell(&cell);
}

static void no_link_is_held_up_during_an_evaluation(void **state)
{
    (void)state;
    struct cell cell = {0};
    open_cell(&cell, "testbed.link=netns");
    start_round(&cell);
    send_activations(&cell);
    server_advance(cell.server, server_wake_us(cell.server));
    while (server_next_pace(cell.server))
        ;
    struct msg *done = msg_new(MSG_ROUND_DONE);
    done->round_done.round = 1;
    say(&cell, done);
    assert_pace(&cell, true, 0, 0);
    assert_pace(&cell, false, 0, 0);
    assert_null(server_next_pace(cell.server));
    close_cell(&cell);
}

static void other_links_are_nobody_elses_business(void **state)
{
    (void)state;
    static const char *const links[] = {"testbed.link=modelled", "testbed.link=native"};
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        struct cell cell = {0};
        open_cell(&cell, links[i]);
        start_round(&cell);
        struct msg *round = hear(&cell, MSG_ROUND);
        assert_int_equal(round->round.uplink_bps > 0, i == 0);
        msg_free(round);
        send_activations(&cell);
        assert_null(server_next_pace(cell.server));
        close_cell(&cell);
    }
}

/* The transfer as ideal links have it, delay and jitter apart from it; the model's whole in one. */
static void assert_parts(struct cell *cell, bool is_uplink, double bps)
{
    const struct link_pace *pace = server_next_pace(cell->server);
    assert_non_null(pace);
    assert_int_equal(pace->is_uplink, is_uplink);
    assert_false(pace->is_way_back);
    double bytes = (double)pace->payload_bytes - (is_uplink ? BATCH * sizeof(uint32_t) : 0);
    assert_true(fabs(pace->carry_s / (8 * bytes / bps) - 1) < 1e-9);
    assert_true(pace->delay_s >= 0.02 && pace->delay_s < 0.025);
    assert_true(fabs(pace->carry_s + pace->delay_s - pace->transfer_s) < 1e-12);
}

/* Only control goes this way until the next transfer. */
static void assert_lifted(struct cell *cell, bool is_uplink)
{
    const struct link_pace *pace = server_next_pace(cell->server);
    assert_non_null(pace);
    assert_int_equal(pace->is_uplink, is_uplink);
    assert_true(pace->is_way_back);
    assert_true(pace->payload_bytes == 0 && pace->delay_s == 0);
}

static void delay_goes_beside_bits_over_rate_and_only_while_there_is_a_transfer(void **state)
{
    (void)state;
    struct cell ideal = {0}, cell = {0};
    open_cell(&ideal, "testbed.link=netns");
    open_impaired(&cell, "testbed.link=netns", "radio.delay=20 ms", "radio.jitter=5 ms");
    const struct rates *rates = &ideal.schedule.rates;
    start_round(&cell);
    assert_parts(&cell, true, rates->uplink_bps[0]);
    assert_null(server_next_pace(cell.server));
    send_activations(&cell);
    assert_lifted(&cell, true); /* acknowledgements of what comes down now */
    assert_parts(&cell, false, rates->broadcast_bps);
    assert_null(server_next_pace(cell.server));
    server_advance(cell.server, server_wake_us(cell.server));
    assert_parts(&cell, false, rates->downlink_bps[0]);
    assert_null(server_next_pace(cell.server));
    struct msg *done = msg_new(MSG_ROUND_DONE);
    done->round_done.round = 1;
    say(&cell, done);
    assert_lifted(&cell, true);
    assert_lifted(&cell, false);
    close_cell(&cell);
    close_cell(&ideal);
}

static void segments_sent_again_are_in_the_whole_alone(void **state)
{
    (void)state;
    struct cell ideal = {0}, cell = {0};
    open_cell(&ideal, "testbed.link=netns");
    open_impaired(&cell, "testbed.link=netns", "radio.loss=0.5", "radio.retransmission=1 s");
    start_round(&cell);
    const struct link_pace *pace = server_next_pace(cell.server);
    double bits = 8.0 * BATCH * FEATURES * sizeof(float);
    assert_true(fabs(pace->carry_s / (bits / ideal.schedule.rates.uplink_bps[0]) - 1) < 1e-9);
    assert_true(pace->delay_s == 0);
    assert_true(pace->transfer_s > 1);
    close_cell(&cell);
    close_cell(&ideal);
}

static void the_air_waits_for_losses_of_the_equations_or_for_none(void **state)
{
    (void)state;
    for (int loses = 0; loses < 2; loses++) {
        struct cell cell = {.loses_frames = loses};
        open_impaired(&cell, "testbed.link=netns", "radio.loss=0.5", "radio.retransmission=1 s");
        start_round(&cell);
        server_next_pace(cell.server);
        send_activations(&cell);
        assert_lifted(&cell, true);
        const struct link_pace *pace = server_next_pace(cell.server);
        assert_true(pace->transfer_s > 1 && pace->carry_s < 1);
        double wanted_us = 1e6 * (loses ? pace->carry_s : pace->transfer_s);
        assert_true(fabs(server_wake_us(cell.server) - wanted_us) <= 1);
        close_cell(&cell);
    }
}

static void without_netem_the_rate_has_it_all(void **state)
{
    (void)state;
    struct link_pace pace = {.payload_bytes = 1000, .transfer_s = 5, .carry_s = 2, .delay_s = 1};
    struct netns_request r = link_netns_request(&pace, false, 0.1, 2);
    assert_true(r.sets_bucket && !r.sets_netem && r.carry_s == 10);
    pace.is_way_back = true; /* as if nobody had said anything */
    r = link_netns_request(&pace, false, 0.1, 2);
    assert_true(!r.sets_bucket && !r.sets_netem);
}

static void with_netem_delay_and_loss_are_its_and_what_is_left_the_buckets(void **state)
{
    (void)state;
    struct link_pace pace = {.payload_bytes = 1000, .transfer_s = 5, .carry_s = 2, .delay_s = 1};
    struct link_pace control = {.is_way_back = true}, none = {.is_uplink = true};
    struct netns_request r = link_netns_request(&pace, true, 0.1, 2);
    assert_true(r.sets_bucket && r.sets_netem);
    assert_true(r.carry_s == 4 && r.delay_s == 2 && r.segment_loss == 0.1);
    pace.is_way_back = true; /* a front part that is handed on */
    r = link_netns_request(&pace, true, 0.1, 2);
    assert_true(r.sets_bucket && r.carry_s == 4 && r.delay_s == 2 && r.segment_loss == 0.1);
    r = link_netns_request(&control, true, 0.1, 2);
    assert_true(!r.sets_bucket && r.sets_netem && r.delay_s == 0 && r.segment_loss == 0);
    r = link_netns_request(&none, true, 0.1, 2);
    assert_true(r.sets_bucket && r.carry_s == 0 && r.delay_s == 0 && r.segment_loss == 0);
}

static void every_kind_has_a_row(void **state)
{
    (void)state;
    static const char *const names[] = {"modelled", "netns", "native"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct link_kind *kind = link_kind_find(names[i]);
        assert_non_null(kind);
        assert_string_equal(kind->name, names[i]);
        assert_int_equal(kind->paces_elsewhere, kind->open && kind->set_pace && kind->close &&
                                                    kind->tell_impairments && kind->loses_frames);
        assert_int_equal(kind->is_emulated, kind->paces_itself || kind->paces_elsewhere);
    }
    assert_null(link_kind_find("string"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_sets_the_uplink_and_tells_the_device_nothing),
        cmocka_unit_test(a_broadcast_goes_at_once_and_the_rest_when_it_would_have_arrived),
        cmocka_unit_test(no_link_is_held_up_during_an_evaluation),
        cmocka_unit_test(other_links_are_nobody_elses_business),
        cmocka_unit_test(delay_goes_beside_bits_over_rate_and_only_while_there_is_a_transfer),
        cmocka_unit_test(segments_sent_again_are_in_the_whole_alone),
        cmocka_unit_test(the_air_waits_for_losses_of_the_equations_or_for_none),
        cmocka_unit_test(without_netem_the_rate_has_it_all),
        cmocka_unit_test(with_netem_delay_and_loss_are_its_and_what_is_left_the_buckets),
        cmocka_unit_test(every_kind_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
