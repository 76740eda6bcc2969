/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices come, say what they hold and are assigned what they need; strange ones are told why not. */
#include "tests/edge-server/server_table.h"

static void strangers_are_told_why_and_change_nothing(void **state)
{
    (void)state;
    static const char *const reasons[] = {"no device 'stranger'", "already connected", "version 9",
                                          "say hello before ready"};
    struct table t;
    open_table(&t, "training.framework=epsl");
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    struct msg *old = hello("pi-1");
    old->hello.protocol_version = 9;
    struct msg *strange[] = {hello("stranger"), hello("pi-0"), old, ready(4)};
    for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
        say(&t, 20 + i, strange[i]);
        struct msg *answer = hear(&t, 20 + i, MSG_ERROR);
        if (!strstr(answer->error.reason, reasons[i]))
            fail_msg("'%s' is missing in: %s", reasons[i], answer->error.reason);
        msg_free(answer);
        server_lost(t.server, 20 + i, "closed");
    }
    assert_int_equal(server_state(t.server), SERVER_GATHERING);
    close_table(&t);
}

static void an_assignment_holds_what_the_device_needs(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=epsl");
    say(&t, 11, hello("pi-1"));
    struct msg *msg = hear(&t, 11, MSG_ASSIGNMENT);
    assert_int_equal(msg->assignment.device_index, 1);
    assert_int_equal(msg->assignment.batch_size, BATCH);
    assert_int_equal(msg->assignment.cut, 6);
    assert_int_equal(msg->assignment.layers.n_layers, 12);
    assert_string_equal(msg->assignment.layers.layers[3].kind, "conv2d");
    assert_string_equal(msg->assignment.layers.layers[3].name, "conv2");
    assert_int_equal(payload_bytes(msg->payload[0]), 6 * sizeof(uint32_t));
    assert_int_equal(((const uint32_t *)payload_data(msg->payload[0]))[0], 4);
    assert_int_equal(payload_bytes(msg->payload[1]), N_FRONT * sizeof(float));
    msg_free(msg);
    close_table(&t);
}

/* 1 and 3 samples: the losses of labels 1 and 2 count 1/4 and 3/4. */
static void without_a_partition_devices_weigh_what_they_say_they_hold(void **state)
{
    (void)state;
    struct table t;
    open_table_with(&t, "training.framework=psl", "data.partition=local", false);
    for (uint64_t peer = 10; peer <= 11; peer++) {
        say(&t, peer, hello(peer == 10 ? "pi-0" : "pi-1"));
        struct msg *msg = hear(&t, peer, MSG_ASSIGNMENT);
        assert_true(msg->assignment.has_own_samples);
        assert_int_equal(payload_bytes(msg->payload[0]), 0);
        msg_free(msg);
    }
    struct msg *few = ready(1), *many = ready(3);
    few->ready.n_test_samples = 4; /* the fewest: 2 of them for each device */
    say(&t, 10, few);
    say(&t, 11, many);
    drop(&t, 10, MSG_ROUND);
    drop(&t, 11, MSG_ROUND);
    say(&t, 10, activations(1, 1));
    say(&t, 11, activations(1, 2));
    drop(&t, 10, MSG_GRADIENT);
    drop(&t, 11, MSG_GRADIENT);
    say(&t, 10, round_done(1));
    say(&t, 11, round_done(1));
    const struct round_record *record = server_next_record(t.server);
    double wanted = 0.25 * record->devices[0].loss + 0.75 * record->devices[1].loss;
    assert_true(record->devices[0].loss != record->devices[1].loss);
    assert_true(record->loss == wanted);
    drop(&t, 10, MSG_ROUND);
    drop(&t, 11, MSG_ROUND);
    close_table(&t);
}

static void without_a_partition_the_shortest_test_set_counts(void **state)
{
    (void)state;
    struct table t;
    open_table_with(&t, "training.framework=psl", "data.partition=local", false);
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    say(&t, 11, hello("pi-1"));
    drop(&t, 11, MSG_ASSIGNMENT);
    struct msg *few = ready(7);
    few->ready.n_test_samples = 4;
    say(&t, 10, ready(5));
    say(&t, 11, few);
    drop(&t, 10, MSG_ROUND);
    drop(&t, 11, MSG_ROUND);
    train_both(&t, 2);
    close_table(&t);
}

static void a_device_without_samples_of_its_own_ends_the_run(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct table t;
        open_table_with(&t, "training.framework=psl", "data.partition=local", false);
        say(&t, 10, hello("pi-0"));
        drop(&t, 10, MSG_ASSIGNMENT);
        struct msg *empty = ready(which ? 5 : 0);
        empty->ready.n_test_samples = which ? 0 : N_TEST;
        say(&t, 10, empty);
        assert_fails(&t, which ? "device pi-0: has 5 training and 0 test samples, allowed are 1 to "
                                 "4294967295 each"
                               : "device pi-0: has 0 training and 6 test samples");
    }
}

static void a_device_with_too_little_data_is_refused(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    struct msg *msg = ready(4);
    msg->ready.n_test_samples = N_TEST - 1;
    say(&t, 10, msg);
    assert_fails(&t, "4 training and 5 test samples, wanted are 4 and 6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_are_told_why_and_change_nothing),
        cmocka_unit_test(an_assignment_holds_what_the_device_needs),
        cmocka_unit_test(without_a_partition_devices_weigh_what_they_say_they_hold),
        cmocka_unit_test(without_a_partition_the_shortest_test_set_counts),
        cmocka_unit_test(a_device_without_samples_of_its_own_ends_the_run),
        cmocka_unit_test(a_device_with_too_little_data_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
