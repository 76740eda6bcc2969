/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's round logic from the first round to the last, against devices that are late, wrong or gone. */
#include "tests/edge-server/server_table.h"

static struct msg *front(size_t n_floats)
{
    struct msg *msg = msg_new(MSG_FRONT);
    msg_attach(msg, payload_new(n_floats * sizeof(float)));
    memset(payload_memory(msg->payload[0]), 0, n_floats * sizeof(float));
    return msg;
}

static void a_whole_run_goes_through_its_states(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=epsl");
    seat_both(&t);
    for (uint32_t round = 1; round <= 2; round++) {
        assert_int_equal(server_state(t.server), SERVER_TRAINING);
        say(&t, 11, activations(round, 3));
        assert_silent(&t);
        say(&t, 10, activations(round, 2));
        for (int shared = 1; shared >= 0; shared--)
            for (uint64_t peer = 10; peer <= 11; peer++) {
                struct msg *msg = hear(&t, peer, MSG_GRADIENT);
                assert_int_equal(msg->gradient.is_shared, shared);
                assert_int_equal(msg->gradient.first_slot, shared ? 0 : 2);
                assert_int_equal(msg->gradient.n_slots, 2);
                msg_free(msg);
            }
        say(&t, 10, round_done(round));
        assert_null(server_next_record(t.server));
        say(&t, 11, round_done(round));
        const struct round_record *record = server_next_record(t.server);
        if (round == 1) {
            assert_int_equal(record->round, 1);
            assert_false(record->is_evaluated);
            drop(&t, 10, MSG_ROUND);
            drop(&t, 11, MSG_ROUND);
        } else {
            assert_null(record);
        }
    }
    assert_int_equal(server_state(t.server), SERVER_EVALUATING);
    for (uint64_t peer = 10; peer <= 11; peer++) {
        struct msg *ask = hear(&t, peer, MSG_EVALUATE);
        assert_int_equal(ask->evaluate.n_samples, 3);
        struct msg *answer = msg_new(MSG_EVALUATION);
        answer->evaluation =
            (struct msg_evaluation){ask->evaluate.evaluation, ask->evaluate.first, 3};
        attach_batch(answer, 3, 1);
        msg_free(ask);
        server_receive(t.server, peer, &answer, 0);
    }
    const struct round_record *record = server_next_record(t.server);
    assert_int_equal(record->round, 2);
    assert_true(record->is_evaluated);
    assert_true(record->accuracy == 0 || record->accuracy == 1); /* six times the same sample */
    assert_int_equal(server_state(t.server), SERVER_COLLECTING);
    drop(&t, 10, MSG_COLLECT);
    drop(&t, 11, MSG_COLLECT);
    say(&t, 11, front(N_FRONT));
    assert_silent(&t);
    say(&t, 10, front(N_FRONT));
    assert_int_equal(server_state(t.server), SERVER_DONE);
    drop(&t, 10, MSG_STOP);
    drop(&t, 11, MSG_STOP);
    close_table(&t);
}

static void weights_that_nobody_wants_are_not_asked_for(void **state)
{
    (void)state;
    struct table t;
    open_table_with(&t, "training.framework=psl", "training.save_weights=never", true);
    seat_both(&t);
    train_both(&t, 3);
    assert_int_equal(server_state(t.server), SERVER_DONE);
    drop(&t, 10, MSG_STOP);
    drop(&t, 11, MSG_STOP);
    assert_int_equal(server_save_weights(t.server, "/nowhere", NULL), 0);
    close_table(&t);
}

static void fronts_of_another_size_or_out_of_turn_end_the_run(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    train_both(&t, 3);
    assert_int_equal(server_state(t.server), SERVER_COLLECTING);
    say(&t, 10, front(N_FRONT + 1));
    assert_fails(&t, "device pi-0: sent 10292 bytes of front weights instead of 10288");
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    say(&t, 10, front(N_FRONT));
    assert_fails(&t, "device pi-0: sent front weights that nobody waits for");
}

static void a_device_that_goes_ends_the_run_and_the_others_are_told(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    server_lost(t.server, 11, "power cut");
    struct msg *end = hear(&t, 10, MSG_ERROR);
    assert_string_equal(end->error.reason, "device pi-1 is gone: power cut");
    msg_free(end);
    assert_silent(&t);
    assert_fails(&t, "device pi-1 is gone: power cut");
}

static void a_round_that_is_over_counts_even_if_its_evaluation_is_not(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    for (uint32_t round = 1; round <= 2; round++) {
        for (uint64_t peer = 10; peer <= 11; peer++)
            say(&t, peer, activations(round, 1));
        for (uint64_t peer = 10; peer <= 11; peer++)
            drop(&t, peer, MSG_GRADIENT);
        for (uint64_t peer = 10; peer <= 11; peer++)
            say(&t, peer, round_done(round));
        for (uint64_t peer = 10; peer <= 11; peer++)
            drop(&t, peer, round == 1 ? MSG_ROUND : MSG_EVALUATE);
        if (round == 1)
            assert_non_null(server_next_record(t.server));
    }
    assert_null(server_next_record(t.server));
    server_lost(t.server, 11, "power cut");
    const struct round_record *record = server_next_record(t.server);
    assert_non_null(record);
    assert_int_equal(record->round, 2);
    assert_false(record->is_evaluated);
    assert_fails(&t, "device pi-1 is gone");
}

static void a_device_cannot_end_a_round_between_its_two_gradients(void **state)
{
    (void)state;
    struct table t;
    /* So that the broadcast and the rest do not arrive together. */
    open_table_with(&t, "training.framework=epsl", "testbed.link=modelled", true);
    seat_both(&t);
    say(&t, 10, activations(1, 1));
    say(&t, 11, activations(1, 1));
    server_advance(t.server, server_wake_us(t.server)); /* the broadcast has arrived */
    drop(&t, 10, MSG_GRADIENT);
    drop(&t, 11, MSG_GRADIENT);
    assert_silent(&t);
    say(&t, 10, round_done(1));
    assert_fails(&t, "device pi-0: ended round 1, which it is not in");
}

static void a_device_that_gives_up_ends_the_run_with_its_reason(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    say(&t, 10, msg_reason(MSG_ERROR, "no data here"));
    assert_silent(&t);
    assert_fails(&t, "device pi-0: no data here");
}

static void stopping_tells_every_device(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    server_stop(t.server, "enough");
    drop(&t, 10, MSG_ERROR);
    drop(&t, 11, MSG_ERROR);
    assert_fails(&t, "enough");
}

static void messages_that_do_not_fit_end_the_run(void **state)
{
    (void)state;
    struct msg *thin = msg_new(MSG_ACTIVATIONS), *few = activations(1, 0), *gradient = NULL;
    thin->activations = (struct msg_activations){.round = 1, .n_samples = BATCH};
    attach_batch(thin, BATCH - 1, 0);
    few->activations.n_samples = BATCH - 1;
    gradient = msg_new(MSG_GRADIENT);
    struct {
        struct msg *msg;
        const char *reason;
    } cases[] = {
        {activations(2, 0), "sent activations of round 2 that nobody waits for"},
        {activations(1, 10), "a label the model has no class for"},
        {thin, "activations of another size than the batch at the cut"},
        {few, "another number of samples than the batch"},
        {round_done(1), "ended round 1, which it is not in"},
        {ready(4), "said ready twice"},
        {gradient, "sent gradient out of turn"},
        {hello("pi-0"), "sent hello out of turn"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct table t;
        open_table(&t, "training.framework=psl");
        seat_both(&t);
        say(&t, 10, cases[i].msg);
        char *reason = mem_format("device pi-0: %s", cases[i].reason);
        assert_fails(&t, reason);
        free(reason);
    }
}

static void between_rounds_the_server_waits_to_be_told_to_go_on(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    assert_int_equal(server_wanted_round(t.server), 0);
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    say(&t, 11, hello("pi-1"));
    drop(&t, 11, MSG_ASSIGNMENT);
    say(&t, 10, ready(4));
    server_receive(t.server, 11, &(struct msg *){ready(6)}, 0);
    assert_int_equal(server_state(t.server), SERVER_PLANNING);
    assert_int_equal(server_wanted_round(t.server), 1);
    assert_silent(&t);
    go_on(&t);
    assert_int_equal(server_wanted_round(t.server), 0);
    drop(&t, 10, MSG_ROUND);
    drop(&t, 11, MSG_ROUND);
    close_table(&t);
}

static void taking_turns_one_device_trains_at_a_time(void **state)
{
    (void)state;
    const size_t front_bytes = N_FRONT * sizeof(float);
    struct table t;
    open_table(&t, "training.framework=sl");
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    say(&t, 11, hello("pi-1"));
    drop(&t, 11, MSG_ASSIGNMENT);
    say(&t, 10, ready(4));
    say(&t, 11, ready(6));
    struct msg *round = hear(&t, 10, MSG_ROUND);
    assert_true(round->round.returns_front);
    assert_int_equal(round->n_payloads, 0);
    msg_free(round);
    assert_silent(&t);
    say(&t, 10, activations(1, 0));
    drop(&t, 10, MSG_GRADIENT);
    struct msg *done = round_done(1);
    struct payload *front = payload_new(front_bytes);
    memset(payload_memory(front), 0, front_bytes);
    msg_attach(done, front);
    say(&t, 10, done);
    round = hear(&t, 11, MSG_ROUND);
    assert_int_equal(msg_payload_bytes(round), front_bytes);
    msg_free(round);
    say(&t, 11, activations(1, 0));
    drop(&t, 11, MSG_GRADIENT);
    say(&t, 11, round_done(1)); /* without the front it was asked for */
    assert_fails(&t, "device pi-1: handed on 0 bytes of front weights instead of 10288");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_run_goes_through_its_states),
        cmocka_unit_test(weights_that_nobody_wants_are_not_asked_for),
        cmocka_unit_test(fronts_of_another_size_or_out_of_turn_end_the_run),
        cmocka_unit_test(a_device_that_goes_ends_the_run_and_the_others_are_told),
        cmocka_unit_test(a_round_that_is_over_counts_even_if_its_evaluation_is_not),
        cmocka_unit_test(a_device_cannot_end_a_round_between_its_two_gradients),
        cmocka_unit_test(a_device_that_gives_up_ends_the_run_with_its_reason),
        cmocka_unit_test(stopping_tells_every_device),
        cmocka_unit_test(messages_that_do_not_fit_end_the_run),
        cmocka_unit_test(between_rounds_the_server_waits_to_be_told_to_go_on),
        cmocka_unit_test(taking_turns_one_device_trains_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
