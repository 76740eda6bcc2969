/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "scheduler/plan.h"
#include "tests/scheduler/sample_problems.h"

static const struct plan_options defaults = {.gap = 0.005, .time_limit_s = 10};

/* The sample cell as a U-shaped problem, with rates and clocks from the seed. */
static void u_problem(struct problem *p, uint64_t seed, int n_devices, int n_cuts)
{
    struct rng rng;

    sample_problem_init(p, n_devices, 1, n_cuts, 0);
    p->is_u_shaped = true;
    p->n_subchannels = 0;
    rng_seed(&rng, seed, RNG_DEVICES);
    p->server_clock_hz *= rng_uniform_in(&rng, 0.2, 5);
    for (int i = 0; i < n_devices; i++) {
        p->devices[i].clock_hz *= rng_uniform_in(&rng, 0.2, 20);
        p->devices[i].uplink_bps = rng_uniform_in(&rng, 2e7, 8e8);
        p->devices[i].downlink_bps = rng_uniform_in(&rng, 2e7, 8e8);
    }
}

static void solve(struct plan *plan, const struct problem *problem, const char *policy)
{
    struct err err = ERR_INIT;

    if (plan_make(plan, problem, policy, &defaults, &err))
        fail_msg("%s", err.text);
    assert_int_not_equal(plan->status, PLAN_INFEASIBLE);
}

/* Two devices, two cuts, so one pair: numbers by hand. */
static void by_hand_init(struct problem *p)
{
    u_problem(p, 1, 2, 2);
    p->batch_size = 2;
    p->server_clock_hz = 100;
    p->server_cycles_per_flop = 2;
    for (int i = 0; i < 2; i++) {
        p->devices[i].clock_hz = 10;
        p->devices[i].cycles_per_flop = 1;
        p->devices[i].uplink_bps = 4;
        p->devices[i].downlink_bps = 8;
    }
    for (int j = 0; j < 2; j++) {
        struct problem_cut *c = &p->cuts[j];
        c->device_forward_flop = j ? 40 : 5;
        c->device_backward_flop = j ? 90 : 10;
        c->server_forward_flop = j ? 15 : 50;
        c->server_backward_flop = j ? 20 : 100;
        c->last_layer_backward_flop = 0;
        c->activation_bits = j ? 12 : 6;
        c->gradient_bits = j ? 20 : 4;
    }
}

static void phases_are_those_worked_out_by_hand(void **state)
{
    static const double wanted[U_PHASES] = {
        [U_HEAD_FORWARD] = 1,    [U_ACTIVATION_UP] = 3,   [U_BODY_FORWARD] = 2.8,
        [U_ACTIVATION_DOWN] = 3, [U_TAIL_FORWARD] = 3,    [U_TAIL_BACKWARD] = 4,
        [U_GRADIENT_UP] = 10,    [U_BODY_BACKWARD] = 6.4, [U_GRADIENT_DOWN] = 1,
        [U_HEAD_BACKWARD] = 2,
    };
    struct problem p;
    struct plan plan;

    (void)state;
    by_hand_init(&p);
    solve(&plan, &p, "exact");
    for (int i = 0; i < 2; i++)
        for (int phase = 0; phase < U_PHASES; phase++)
            assert_true(fabs(plan.u->phase_s[i * U_PHASES + phase] - wanted[phase]) < 1e-9);
    assert_true(fabs(plan.latency_s - 36.2) < 1e-9);
    assert_true(fabs(plan.u->share[0] - 0.5) < 1e-9);
    plan_release(&plan);
    problem_release(&p);
}

/* The soonest common end when every device's pair is given: sum of c_i / (T - a_i) = f_s, by
 * bisection. */
static double with_pairs_s(const struct problem *p, int pairs[][2])
{
    double low = 0, high = 0;

    for (int i = 0; i < p->n_devices; i++) {
        struct u_cost cost = u_cost_of(p, i, pairs[i][0], pairs[i][1]);
        low = fmax(low, cost.own_s);
        high = fmax(high, cost.own_s + cost.server_cycles * p->n_devices / p->server_clock_hz);
    }
    for (int step = 0; step < 100; step++) {
        double middle = 0.5 * (low + high), hz = 0;
        for (int i = 0; i < p->n_devices; i++) {
            struct u_cost cost = u_cost_of(p, i, pairs[i][0], pairs[i][1]);
            hz += cost.server_cycles > 0 ? cost.server_cycles / (middle - cost.own_s) : 0;
        }
        *(hz > p->server_clock_hz ? &low : &high) = middle;
    }
    return high;
}

static double try_all_s(const struct problem *p, int pairs[][2], int i)
{
    double best_s = HUGE_VAL;

    if (i == 3 || i == p->n_devices)
        return with_pairs_s(p, pairs);
    for (int head = 0; head < p->n_cuts; head++)
        for (int tail = head + 1; tail < p->n_cuts; tail++) {
            pairs[i][0] = head;
            pairs[i][1] = tail;
            best_s = fmin(best_s, try_all_s(p, pairs, i + 1));
        }
    return best_s;
}

static void one_two_and_three_devices_match_brute_force(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct problem p;
        struct plan plan;
        int pairs[3][2];
        double best_s;

        u_problem(&p, seed, 1 + (int)(seed % 3), 5);
        p.cuts[2].activation_bits *= seed % 5 ? 1 : 0.01; /* so that the best pairs differ */
        p.cuts[3].gradient_bits *= seed % 7 ? 1 : 20;
        if (seed % 4 == 3)
            measure_devices(&p, seed);
        best_s = try_all_s(&p, pairs, 0);
        solve(&plan, &p, "exact");
        assert_int_equal(plan.status, PLAN_OPTIMAL);
        assert_true(fabs(plan.latency_s - best_s) <= 1e-9 * best_s);
        assert_true(plan.lower_bound_s <= best_s);
        assert_true(plan.lower_bound_s >= best_s * (1 - 1e-9));
        plan_release(&plan);
        problem_release(&p);
    }
}

static void devices_choose_cuts_of_their_own(void **state)
{
    struct problem p;
    struct plan plan;

    (void)state;
    u_problem(&p, 3, 2, RESNET18_CUTS);
    p.devices[0].clock_hz = 1e8;
    p.devices[1].clock_hz = 1e12;
    solve(&plan, &p, "exact");
    assert_true(plan.u->head[0] < plan.u->head[1]);
    plan_release(&plan);
    problem_release(&p);
}

static void equal_shares_are_never_better_and_their_bound_holds(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct problem p;
        struct plan exact, equal;

        u_problem(&p, seed, 7, RESNET18_CUTS);
        solve(&exact, &p, "auto");
        solve(&equal, &p, "equal");
        assert_true(exact.latency_s <= equal.latency_s * (1 + 1e-9));
        assert_true(equal.lower_bound_s <= exact.latency_s);
        for (int i = 0; i < 7; i++)
            assert_true(equal.u->share[i] == 1.0 / 7);
        plan_release(&exact);
        plan_release(&equal);
        problem_release(&p);
    }
}

static void a_body_without_work_needs_no_share(void **state)
{
    struct problem p;
    struct plan plan;

    (void)state;
    by_hand_init(&p);
    p.cuts[0].server_forward_flop = p.cuts[1].server_forward_flop;
    p.cuts[0].server_backward_flop = p.cuts[1].server_backward_flop;
    solve(&plan, &p, "exact");
    assert_true(fabs(plan.latency_s - 27) < 1e-9);
    plan_release(&plan);
    problem_release(&p);
}

static void policies_of_the_radio_do_not_apply(void **state)
{
    struct err err = ERR_INIT;
    struct problem p;
    struct plan plan;
    int n_refused = 0;

    (void)state;
    u_problem(&p, 1, 2, 3);
    for (int i = 0; policy_at(i); i++) {
        if (policy_at(i)->solve_u)
            continue;
        assert_int_equal(plan_make(&plan, &p, policy_at(i)->name, &defaults, &err), -1);
        assert_non_null(
            strstr(err.text, "': does not apply to U-shaped problems; auto, equal, exact do"));
        n_refused++;
    }
    assert_int_equal(n_refused, 11);
    problem_release(&p);
}

static void assert_refused(struct plan *plan, const struct problem *p, const char *wanted)
{
    struct err err = ERR_INIT;

    assert_int_equal(plan_check(plan, p, &err), -1);
    assert_string_equal(err.text, wanted);
    plan_release(plan);
    solve(plan, p, "exact");
}

static void broken_plans_are_refused(void **state)
{
    struct problem p, other;
    struct plan plan;

    (void)state;
    u_problem(&p, 2, 3, 4);
    random_problem(&other, 2, 3, 4, 4, 0);
    solve(&plan, &p, "exact");
    assert_int_equal(plan_check(&plan, &p, NULL), 0);
    plan.u->head[1] = plan.u->tail[1] = 2;
    assert_refused(&plan, &p,
                   "head_cut_index[1], tail_cut_index[1]: 2, 2: must be 0 to 3 and in order");
    plan.u->head[0] = 1;
    plan.u->tail[0] = 4;
    assert_refused(&plan, &p,
                   "head_cut_index[0], tail_cut_index[0]: 1, 4: must be 0 to 3 and in order");
    plan.u->share[2] = -0.1;
    assert_refused(&plan, &p, "server_share[2]: -0.1: must be 0 to 1");
    plan.u->share[2] = (double)NAN;
    assert_int_equal(plan_check(&plan, &p, NULL), -1);
    plan.u->share[0] = plan.u->share[1] = plan.u->share[2] = 0.5;
    assert_refused(&plan, &p, "server_share: sum is 1.5: must be at most 1");
    plan.u->share[2] = 0;
    assert_refused(&plan, &p,
                   "latency: infinite, a device has data but no rate, or work for the server but "
                   "no share");
    plan.latency_s *= 1.001;
    assert_int_equal(plan_check(&plan, &p, NULL), -1);
    assert_refused(&plan, &other, "is of another problem: 3 devices, 0 subchannels, U-shaped");
    plan_release(&plan);
    problem_release(&p);
    problem_release(&other);
}

static json_t *save_and_read(const struct plan *plan, const struct problem *p)
{
    char path[] = "/tmp/splitbed-u-XXXXXX";
    int file = mkstemp(path);
    json_t *root;

    assert_true(file >= 0);
    close(file);
    assert_int_equal(plan_save(plan, p, path, NULL), 0);
    root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    unlink(path);
    assert_non_null(root);
    return root;
}

static void plan_json_holds_cuts_shares_and_phases(void **state)
{
    struct problem p;
    struct plan plan;
    json_t *root, *terms;

    (void)state;
    u_problem(&p, 5, 3, RESNET18_CUTS);
    solve(&plan, &p, "exact");
    root = save_and_read(&plan, &p);
    assert_string_equal(json_string_value(json_object_get(root, "shape")), "u");
    assert_null(json_object_get(root, "owner"));
    for (size_t i = 0; i < 3; i++) {
        json_t *head = json_object_get(root, "head_cut_index");
        json_t *tail = json_object_get(root, "tail_cut");
        json_t *share = json_object_get(root, "server_share");
        assert_int_equal(json_integer_value(json_array_get(head, i)), plan.u->head[i]);
        assert_string_equal(json_string_value(json_array_get(tail, i)),
                            p.cuts[plan.u->tail[i]].name);
        assert_true(json_real_value(json_array_get(share, i)) == plan.u->share[i]);
    }
    terms = json_object_get(root, "terms");
    assert_int_equal(json_object_size(terms), U_PHASES);
    for (size_t phase = 0; phase < U_PHASES; phase++)
        assert_true(json_real_value(json_array_get(json_object_get(terms, u_phase_keys[phase]),
                                                   2)) == plan.u->phase_s[2 * U_PHASES + phase]);
    json_decref(root);
    plan_release(&plan);
    problem_release(&p);
}

static void the_table_shows_cuts_and_shares_within_100_columns(void **state)
{
    struct problem p;
    struct plan plan;
    struct strbuf out = STRBUF_INIT;

    (void)state;
    u_problem(&p, 5, 60, RESNET18_CUTS);
    solve(&plan, &p, "exact");
    plan_print(&plan, &p, &out);
    assert_non_null(strstr(
        out.text, "Plan: U-shaped, two cuts for each of 60 devices, policy exact, optimal\n"));
    assert_non_null(strstr(out.text, "... and 10 devices more\n"));
    for (const char *line = out.text; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 100);
    strbuf_release(&out);
    plan_release(&plan);
    problem_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_are_those_worked_out_by_hand),
        cmocka_unit_test(one_two_and_three_devices_match_brute_force),
        cmocka_unit_test(devices_choose_cuts_of_their_own),
        cmocka_unit_test(equal_shares_are_never_better_and_their_bound_holds),
        cmocka_unit_test(a_body_without_work_needs_no_share),
        cmocka_unit_test(policies_of_the_radio_do_not_apply),
        cmocka_unit_test(broken_plans_are_refused),
        cmocka_unit_test(plan_json_holds_cuts_shares_and_phases),
        cmocka_unit_test(the_table_shows_cuts_and_shares_within_100_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
