/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices whose times are measured, or that are slowed down on the way, over a whole run on a virtual clock: what is
 * predicted follows the files, and what is measured is what is predicted.
 */
#include "tests/testbed/virtual_line.h"

#include <unistd.h>

#include "models/profile_file.h"

static char file_path[] = "/tmp/splitbed-test-device-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    return close(mkstemp(file_path));
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file_path);
}

/* A run of four rounds in which the first entry's devices have that file. */
static struct line run_with(const char *framework, const char *key, const char *every)
{
    char *set = mem_format("devices.0.%s=%s", key, file_path);
    const char *const sets[] = {SMALL, framework, every, set, NULL};
    struct line line = run_line(sets);
    free(set);
    return line;
}

/* The factor is `factor` from at_s on. */
static void write_step(double at_s, double factor)
{
    FILE *file = fopen(file_path, "w");
    assert_non_null(file);
    fprintf(file, "at_s,factor\n%.17g,%.17g\n", at_s, factor);
    assert_int_equal(fclose(file), 0);
}

static void assert_scaled(double got_s, double factor, double base_s)
{
    if (!(fabs(got_s - factor * base_s) <= 1e-12 * got_s))
        fail_msg("%.17g is not %g times %.17g", got_s, factor, base_s);
}

/* Round `r` of b is round `r` of a but for its devices' computing, slower by the factor. */
static void assert_slowed(const struct line *a, const struct line *b, size_t r, double factor)
{
    const struct line_round *slow = &b->rounds[r], *as_is = &a->rounds[r];
    struct latency_terms terms;
    int c = a->e.n_devices;
    latency_terms_init(&terms, c);
    latency_terms_copy(&terms, &as_is->predicted);
    for (int i = 0; i < c; i++) {
        assert_scaled(slow->predicted.device_forward_s[i], factor, terms.device_forward_s[i]);
        assert_scaled(slow->predicted.device_backward_s[i], factor, terms.device_backward_s[i]);
        assert_true(slow->predicted.uplink_s[i] == terms.uplink_s[i]);
        assert_true(
            fabs(slow->measured.device_forward_s[i] - slow->predicted.device_forward_s[i]) <= 2e-6);
        assert_true(fabs(slow->measured.device_backward_s[i] -
                         slow->predicted.device_backward_s[i]) <= 2e-6);
        terms.device_forward_s[i] *= factor;
        terms.device_backward_s[i] *= factor;
    }
    assert_scaled(slow->predicted_s, 1, latency_total(&a->schedule.problem, &terms));
    assert_true(fabs(slow->measured_s - slow->predicted_s) <= 1e-4);
    latency_terms_release(&terms);
}

/* On the very moment that round 3 begins, and a moment later. */
static void rounds_that_begin_after_the_step_take_as_much_longer(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=epsl", "training.framework=sl"};
    for (int k = 0; k < 2; k++) {
        const char *const sets[] = {SMALL, frameworks[k], NULL};
        struct line as_is = run_line(sets);
        double begin_s = as_is.rounds[0].predicted_s + as_is.rounds[1].predicted_s;
        for (size_t first = 2; first < 4; first++) {
            write_step(begin_s + (first == 2 ? 0 : 1e-6), 2.5);
            struct line slow = run_with(frameworks[k], "slowdown", "scheduler.every=0");
            for (size_t r = k; r < 4; r++) /* sl: round 1 has no first hand-over to measure */
                assert_slowed(&as_is, &slow, r, r < first ? 1 : 2.5);
            line_close(&slow);
        }
        line_close(&as_is);
    }
}

static void slow_downs_repeat_and_leave_learning_alone(void **state)
{
    (void)state;
    const char *const sets[] = {SMALL, NULL};
    struct line as_is = run_line(sets);
    write_step(0.5 * as_is.rounds[0].predicted_s, 7);
    struct line a = run_with("training.framework=epsl", "slowdown", "scheduler.every=0");
    struct line b = run_with("training.framework=epsl", "slowdown", "scheduler.every=0");
    assert_same_losses(&as_is, &a);
    assert_same_losses(&a, &b);
    for (size_t r = 0; r < 4; r++) {
        assert_true(a.rounds[r].predicted_s == b.rounds[r].predicted_s);
        assert_true(a.rounds[r].measured_s == b.rounds[r].measured_s);
    }
    line_close(&as_is);
    line_close(&a);
    line_close(&b);
}

/* From 1 ms on; plans would be made anew in round 2, 3 and 4 if there were reason to. */
static void the_plan_made_anew_sees_the_slow_down(void **state)
{
    (void)state;
    write_step(1e-3, 3);
    struct line once = run_with("training.framework=epsl", "slowdown", "scheduler.every=0");
    struct line anew = run_with("training.framework=epsl", "slowdown", "scheduler.every=1");
    for (size_t r = 0; r < 4; r++) {
        assert_int_equal(once.rounds[r].plan_round, 1);
        assert_int_equal(anew.rounds[r].plan_round, r == 0 ? 1 : 2);
        assert_true(fabs(anew.rounds[r].measured_s - anew.rounds[r].predicted_s) <= 1e-4);
    }
    const struct plan *plan = &anew.schedule.plan;
    assert_scaled(plan->terms.device_forward_s[1], 3, anew.rounds[0].predicted.device_forward_s[1]);
    assert_true(plan->latency_s == anew.rounds[3].predicted_s);
    assert_true(plan->latency_s <= once.rounds[3].predicted_s * (1 + 1e-9));
    line_close(&once);
    line_close(&anew);
}

/* Entry l of the model takes l + 1 and 10 (l + 1) ms for batches of sixteen. */
static void write_profile(void)
{
    struct experiment e;
    struct profile model;
    struct strbuf errors = STRBUF_INIT;
    struct experiment_choices choices = planning_choices();
    assert_int_equal(
        experiment_load(&e, "configs/experiments/quickstart.yaml", NULL, 0, &choices, &errors), 0);
    assert_int_equal(profile_make(&model, &e.model, NULL), 0);
    struct profile_file file = {.model = e.model.name, .batch_size = 16, .threads = 1};
    file.n_entries = model.n_layers;
    file.entries = mem_zero((size_t)model.n_layers, sizeof *file.entries);
    for (int l = 0; l < model.n_layers; l++)
        file.entries[l] = (struct profile_entry){.name = model.layers[l].name,
                                                 .forward_s = 1e-3 * (l + 1),
                                                 .backward_s = 1e-2 * (l + 1)};
    assert_int_equal(profile_file_save(&file, file_path, NULL), 0);
    free(file.entries);
    profile_release(&model);
    experiment_release(&e);
}

/* Two devices as measured, one with a clock; batches of eight, cut after the sixth layer. */
static void measured_devices_wait_out_the_times_of_their_file(void **state)
{
    (void)state;
    write_profile();
    char *devices = mem_format("devices=[{name: m, count: 2, profile: %s}, {name: c}]", file_path);
    const char *const sets[] = {SMALL, devices, NULL};
    struct line line = run_line(sets);
    int cut = line.schedule.cut;
    double sum = 0.5 * cut * (cut + 1) * 8 / 16;
    assert_true(cut > 1);
    for (size_t r = 0; r < 4; r++) {
        const struct line_round *round = &line.rounds[r];
        for (int i = 0; i < 2; i++) {
            assert_scaled(round->predicted.device_forward_s[i], 1e-3, sum);
            assert_scaled(round->predicted.device_backward_s[i], 1e-2, sum);
            assert_true(fabs(round->measured.device_forward_s[i] - 1e-3 * sum) <= 2e-6);
            assert_true(fabs(round->measured.device_backward_s[i] - 1e-2 * sum) <= 2e-6);
        }
        assert_true(round->predicted.device_forward_s[2] != 1e-3 * sum);
        assert_true(fabs(round->measured_s - round->predicted_s) <= 1e-4);
    }
    line_close(&line);
    free(devices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_that_begin_after_the_step_take_as_much_longer),
        cmocka_unit_test(slow_downs_repeat_and_leave_learning_alone),
        cmocka_unit_test(the_plan_made_anew_sees_the_slow_down),
        cmocka_unit_test(measured_devices_wait_out_the_times_of_their_file),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
