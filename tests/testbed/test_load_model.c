/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what a machine needs and what a plan models to the time scale and the resource that binds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/plan.h"
#include "testbed/load_model.h"

#define C 4

static double forward_s[C] = {0.1, 0.08, 0.2, 0.1}, backward_s[C] = {0.2, 0.16, 0.4, 0.2},
              uplink_s[C] = {0.1, 0.1, 0.2, 0.2}, downlink_s[C] = {0.1, 0.1, 0.1, 0.1},
              handover_s[C] = {0.5, 0.5, 0.5, 0.5};
static struct latency_terms terms = {forward_s,  uplink_s,   0.2,        0.4, 0.05,
                                     downlink_s, backward_s, handover_s, C};

static struct load make_load(void)
{
    return (struct load){.n_devices = C,
                         .terms = &terms,
                         .latency_s = 1.5,
                         .uplink_bytes = 1e6,
                         .downlink_bytes = 5e5,
                         .broadcast_bytes = 2e5};
}

/* Everything in no time. */
static const struct machine_speed fast = {.n_cores = 2};

static void assert_scale(struct time_scale found, double exact, const char *words)
{
    if (fabs(found.exact / exact - 1) > 1e-9 || !strstr(found.text, words))
        fail_msg("%.12g instead of %.12g, '%s' does not say '%s'", found.exact, exact, found.text,
                 words);
    assert_true(found.value >= found.exact && found.value < 1.1 * found.exact);
}

static void devices_share_the_cores(void **state)
{
    (void)state;
    struct load load = make_load();
    struct machine_speed speed = fast;
    speed.front_forward_s = 0.1; /* 4 on 2 cores: 0.2, against the fastest device's 0.08 */
    assert_scale(load_time_scale(&load, &speed), 1.25 * 0.2 / 0.08,
                 "time_scale 3.2: devices' forward passes bind (4 x 100 ms on 2 cores against 80 "
                 "ms)");
    speed.n_cores = 8;
    assert_scale(load_time_scale(&load, &speed), 1.25 * 0.1 / 0.08, "on 8 cores");
    speed.n_cores = 1;
    assert_scale(load_time_scale(&load, &speed), 1.25 * 0.4 / 0.08, "on 1 core against");
    speed.front_backward_s = 0.3;
    assert_scale(load_time_scale(&load, &speed), 1.25 * 1.2 / 0.16,
                 "devices' backward passes bind");
}

static void a_device_on_its_turn_has_a_core_and_the_server_its_share(void **state)
{
    (void)state;
    struct load load = make_load();
    struct machine_speed speed = fast;
    load.takes_turns = true;
    speed.n_cores = 1;
    speed.front_forward_s = 0.1;
    assert_scale(load_time_scale(&load, &speed), 1.25 * 0.1 / 0.08, "(1 x 100 ms on 1 core");
    speed.server_backward_s = 0.3; /* of one device, of which the round has four */
    assert_scale(load_time_scale(&load, &speed), 1.25 * 0.3 / 0.1,
                 "the server's backward pass binds (300 ms against 100 ms)");
}

static void the_server_has_the_machine_to_itself(void **state)
{
    (void)state;
    struct load load = make_load();
    struct machine_speed speed = fast;
    speed.server_forward_s = 1;
    assert_scale(load_time_scale(&load, &speed), 1.25 * 1 / 0.2,
                 "the server's forward pass binds (1e+03 ms against 200 ms)");
}

/* Up: 10 + 10 + 5 + 5 MB/s at once; down 4 x 5 MB/s; the broadcast 4 copies of 4 MB/s. */
static void transfers_at_the_same_time_add_up(void **state)
{
    (void)state;
    struct load load = make_load();
    struct machine_speed speed = fast;
    speed.byte_s = 1e-8;
    assert_scale(load_time_scale(&load, &speed), 1.25 * 30e6 * 1e-8,
                 "uplinks bind (4 x 1000000 bytes in 10 ms each, against 133 ms)");
    load.uplink_bytes = 0;
    assert_scale(load_time_scale(&load, &speed), 1.25 * 20e6 * 1e-8, "downlinks bind");
    load.downlink_bytes = 0;
    assert_scale(load_time_scale(&load, &speed), 1.25 * 16e6 * 1e-8, "the broadcast binds");
}

static void fronts_that_are_handed_on_go_up_and_down_one_by_one(void **state)
{
    (void)state;
    struct load load = make_load();
    struct machine_speed speed = fast;
    load.takes_turns = true;
    load.front_bytes = 1e8;
    speed.byte_s = 1e-8;
    assert_scale(load_time_scale(&load, &speed), 1.25 * 2e8 * 1e-8 / 0.5,
                 "the hand-over of front parts binds");
}

/* MSG_ROUND, activations, two gradients, the answer: of four devices. */
static void messages_make_a_round_two_percent_longer_at_most(void **state)
{
    (void)state;
    struct load load = make_load();
    struct machine_speed speed = fast;
    speed.message_s = 1e-3;
    assert_scale(load_time_scale(&load, &speed), 20e-3 / (0.02 * 1.5),
                 "messages bind (20 x 1 ms, 20 ms with");
    load.broadcast_bytes = 0;
    assert_scale(load_time_scale(&load, &speed), 16e-3 / (0.02 * 1.5), "messages bind (16 x 1 ms");
}

/* A pass that is modelled to take no time cannot hide any. */
static void work_without_modelled_time_counts_as_lateness(void **state)
{
    (void)state;
    struct load load = make_load();
    struct latency_terms none = terms;
    struct machine_speed speed = fast;
    none.server_forward_s = 0;
    load.terms = &none;
    speed.server_forward_s = 0.03;
    assert_scale(load_time_scale(&load, &speed), 0.03 / (0.02 * 1.5), "messages bind");
}

static void the_scale_has_two_digits_and_a_least_value(void **state)
{
    (void)state;
    struct load load = make_load();
    struct machine_speed speed = fast;
    static const struct {
        double exact, value;
    } cases[] = {{3.14, 3.2}, {0.0701, 0.071}, {17.01, 18},  {123, 130},
                 {2, 2},      {0.05, 0.05},    {1e-9, 0.05}, {4999, 5000}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        speed.server_forward_s = cases[i].exact * 0.2 / 1.25;
        struct time_scale found = load_time_scale(&load, &speed);
        assert_true(fabs(found.value / cases[i].value - 1) < 1e-12);
    }
    speed.server_forward_s = 0.001;
    assert_non_null(strstr(load_time_scale(&load, &speed).text,
                           "time_scale 0.05, the smallest there is: the server's forward"));
}

static void a_plans_load_is_what_its_messages_carry(void **state)
{
    (void)state;
    struct problem_cut cuts[] = {{.activation_bits = 1},
                                 {.activation_bits = 800, .gradient_bits = 400, .front_bits = 160}};
    struct problem problem = {
        .batch_size = 10, .aggregation_ratio = 0.25, .n_devices = C, .cuts = cuts, .n_cuts = 2};
    struct plan plan = {.cut = 1, .latency_s = 3, .terms = terms};
    struct load load = load_of_plan(&problem, &plan);
    assert_true(load.uplink_bytes == 1000);
    assert_true(load.downlink_bytes == 7 * 50); /* ceil(0.25 * 10) slots are shared */
    assert_true(load.broadcast_bytes == 3 * 50);
    assert_true(load.front_bytes == 0);
    assert_true(load.latency_s == 3 && load.n_devices == C && !load.takes_turns);
    problem.takes_turns = true;
    assert_true(load_of_plan(&problem, &plan).front_bytes == 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_share_the_cores),
        cmocka_unit_test(a_device_on_its_turn_has_a_core_and_the_server_its_share),
        cmocka_unit_test(the_server_has_the_machine_to_itself),
        cmocka_unit_test(transfers_at_the_same_time_add_up),
        cmocka_unit_test(fronts_that_are_handed_on_go_up_and_down_one_by_one),
        cmocka_unit_test(messages_make_a_round_two_percent_longer_at_most),
        cmocka_unit_test(work_without_modelled_time_counts_as_lateness),
        cmocka_unit_test(the_scale_has_two_digits_and_a_least_value),
        cmocka_unit_test(a_plans_load_is_what_its_messages_carry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
