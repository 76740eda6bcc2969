/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every field of problem.json, found by walking a good file, broken in every way that there is. */
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

#include "base/strbuf.h"
#include "scheduler/problem_keys.h"
#include "tests/scheduler/sample_problems.h"

static char path[] = "/tmp/splitbed-fields-XXXXXX";

static int make_file(void **state)
{
    int file = mkstemp(path);
    (void)state;
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void u_problem(struct problem *p)
{
    sample_problem_init(p, 2, 1, 3, 0);
    p->is_u_shaped = true;
    p->n_subchannels = 0;
    p->devices[0].uplink_bps = p->devices[0].downlink_bps = 1e8;
    p->devices[1].uplink_bps = p->devices[1].downlink_bps = 2e8;
}

/* Then cuts must say what they take. */
static void limit_memory(struct problem *p)
{
    p->devices[1].memory_bytes = 100;
    for (int j = 0; j < p->n_cuts; j++)
        p->cuts[j].device_memory_bytes = 7;
}

/* The second device is measured, and slow. */
static void measure_one(struct problem *p)
{
    struct rng rng;

    rng_seed(&rng, 1, RNG_DEVICES);
    measure_device(p, 1, draw_factor, &rng);
    p->devices[1].slowdown = 1.0 / 3;
}

static bool is_in(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(word, *words))
            return true;
    return false;
}

/* May be left out; may be 0. */
static const char *const optional[] = {"shape",        "turns",    "front_bits", "layer",
                                       "memory_bytes", "slowdown", NULL};
static const char *const may_be_zero[] = {"aggregation_ratio",
                                          "device_forward_flop",
                                          "device_backward_flop",
                                          "server_forward_flop",
                                          "server_backward_flop",
                                          "activation_bits",
                                          "last_layer_backward_flop",
                                          "gradient_bits",
                                          "front_bits",
                                          "memory_bytes",
                                          "layer",
                                          "gain",
                                          "forward_s_per_sample",
                                          "backward_s_per_sample",
                                          "tail_forward_s_per_sample",
                                          "tail_backward_s_per_sample",
                                          "slowdown",
                                          NULL};

struct walk {
    json_t *root;
    int n_broken;
};

/* The file as it is now must be refused with an error that begins with its name and `at`. */
static void assert_refused(struct walk *w, const char *at, const char *how)
{
    struct err err = ERR_INIT;
    struct problem p;
    size_t n = strlen(path);

    assert_int_equal(json_dump_file(w->root, path, 0), 0);
    if (problem_load(&p, path, &err) != -1)
        fail_msg("%s %s: was taken", at, how);
    if (strncmp(err.text, path, n) || strncmp(err.text + n, ": ", 2) ||
        strncmp(err.text + n + 2, at, strlen(at)))
        fail_msg("%s %s: '%s' does not say where", at, how, err.text);
    w->n_broken++;
}

/* Puts `other` (taken) in the place of a value, looks, and puts it back. */
static void replace_and_look(struct walk *w, json_t *parent, const char *key, size_t index,
                             json_t *other, const char *at, const char *how)
{
    json_t *before = key ? json_object_get(parent, key) : json_array_get(parent, index);

    json_incref(before);
    if (key)
        json_object_set_new(parent, key, other);
    else
        json_array_set_new(parent, index, other);
    assert_refused(w, at, how);
    if (key)
        json_object_set_new(parent, key, before);
    else
        json_array_set_new(parent, index, before);
}

static void remove_and_look(struct walk *w, json_t *parent, const char *key, const char *at)
{
    json_t *before = json_incref(json_object_get(parent, key));

    json_object_del(parent, key);
    assert_refused(w, at, "missing");
    json_object_set_new(parent, key, before);
}

static void break_number(struct walk *w, json_t *parent, const char *key, size_t index,
                         const char *name, const char *at)
{
    replace_and_look(w, parent, key, index, json_real(-1), at, "negative");
    replace_and_look(w, parent, key, index, json_real(1e31), at, "too large");
    replace_and_look(w, parent, key, index, json_string("1"), at, "a string");
    replace_and_look(w, parent, key, index, json_null(), at, "null");
    if (!is_in(name, may_be_zero))
        replace_and_look(w, parent, key, index, json_real(0), at, "zero");
}

/* `key` NULL: element `index` of an array named `name`. */
static void break_all(struct walk *w, json_t *parent, const char *key, size_t index,
                      const char *name, const char *at)
{
    json_t *value = key ? json_object_get(parent, key) : json_array_get(parent, index), *child;
    const char *child_key;
    size_t i;

    if (key && !is_in(key, optional))
        remove_and_look(w, parent, key, at);
    if (json_is_number(value)) {
        break_number(w, parent, key, index, name, at);
        return;
    }
    replace_and_look(w, parent, key, index, json_integer(7), at, "a number");
    if (json_is_array(value)) {
        replace_and_look(w, parent, key, index, json_array(), at, "empty");
        json_array_foreach(value, i, child)
        {
            char *child_at = mem_format("%s[%zu]", at, i);
            break_all(w, value, NULL, i, name, child_at);
            free(child_at);
        }
    } else if (json_is_object(value)) {
        json_t *before = json_copy(value); /* what is broken changes order while it is walked */
        json_object_foreach(before, child_key, child)
        {
            char *child_at = mem_format("%s.%s", at, child_key);
            break_all(w, value, child_key, 0, child_key, child_at);
            free(child_at);
        }
        json_decref(before);
    }
}

static int break_problem(const struct problem *p)
{
    struct walk w = {NULL, 0};
    struct problem loaded;
    json_t *child, *before;
    const char *key;

    assert_int_equal(problem_save(p, path, NULL), 0);
    w.root = json_load_file(path, 0, NULL);
    assert_non_null(w.root);
    assert_int_equal(problem_load(&loaded, path, NULL), 0);
    problem_release(&loaded);
    before = json_copy(w.root);
    json_object_foreach(before, key, child) break_all(&w, w.root, key, 0, key, key);
    json_decref(before);
    json_decref(w.root);
    return w.n_broken;
}

static void every_broken_field_is_refused_with_its_path(void **state)
{
    struct problem p;

    (void)state;
    sample_problem_init(&p, 2, 3, 2, 0.5);
    limit_memory(&p);
    assert_true(break_problem(&p) > 200);
    measure_one(&p);
    assert_true(break_problem(&p) > 220);
    problem_release(&p);
    u_problem(&p);
    limit_memory(&p);
    for (int j = 0; j < p.n_cuts; j++)
        p.cuts[j].tail_memory_bytes = 5;
    assert_true(break_problem(&p) > 150);
    measure_one(&p);
    assert_true(break_problem(&p) > 200);
    problem_release(&p);
}

/* What JSON cannot say, in a problem that was built. */
static void refuse_in(struct problem *p, void *object, const struct number_keys *keys,
                      const char *prefix)
{
    static const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -1e-300, 1e300};

    for (size_t r = 0; r < keys->n; r++)
        for (size_t b = 0; b < ARRAY_LEN(bad); b++) {
            double *number = number_at(object, &keys->rows[r]), before = *number;
            struct err err = ERR_INIT;
            char *wanted = mem_format("%s%s: ", prefix, keys->rows[r].key);
            *number = bad[b];
            assert_int_equal(problem_check(p, &err), -1);
            if (strncmp(err.text, wanted, strlen(wanted)))
                fail_msg("%s%g: '%s'", wanted, bad[b], err.text);
            *number = before;
            free(wanted);
        }
}

static void nan_and_infinity_are_refused_in_every_number(void **state)
{
    struct problem p;

    (void)state;
    sample_problem_init(&p, 2, 2, 2, 0.5);
    refuse_in(&p, &p, &problem_number_keys, "");
    refuse_in(&p, &p, &server_number_keys, "server.");
    refuse_in(&p, &p.devices[1], &device_number_keys, "devices[1].");
    refuse_in(&p, &p.cuts[1], &cut_number_keys, "cuts[1].");
    problem_release(&p);
    u_problem(&p);
    refuse_in(&p, &p.devices[1], &u_device_number_keys, "devices[1].");
    problem_release(&p);
}

static void broken_times_of_a_built_problem_are_refused(void **state)
{
    static const double bad[] = {(double)NAN, (double)INFINITY, -1e-300, 1e300};

    (void)state;
    for (int is_u = 0; is_u < 2; is_u++) {
        const struct times_keys *keys = is_u ? &u_times_keys : &times_keys;
        struct err err = ERR_INIT;
        struct problem p;
        if (is_u)
            u_problem(&p);
        else
            sample_problem_init(&p, 2, 2, 3, 0.5);
        measure_one(&p);
        for (size_t r = 0; r < keys->n; r++)
            for (size_t b = 0; b < ARRAY_LEN(bad); b++) {
                double *times = *times_at(&p.devices[1], &keys->rows[r]), before = times[2];
                char *wanted = mem_format("devices[1].%s[2]: ", keys->rows[r].key);
                err = (struct err)ERR_INIT;
                times[2] = bad[b];
                assert_int_equal(problem_check(&p, &err), -1);
                if (strncmp(err.text, wanted, strlen(wanted)))
                    fail_msg("%s%g: '%s'", wanted, bad[b], err.text);
                times[2] = before;
                free(wanted);
            }
        err = (struct err)ERR_INIT;
        p.devices[1].n_times = 2;
        assert_int_equal(problem_check(&p, &err), -1);
        assert_string_equal(err.text,
                            "devices[1].forward_s_per_sample: 2 entries: there is none for cut 2");
        problem_release(&p);
    }
}

static void assert_u_refused(struct problem *p, const char *wanted)
{
    struct err err = ERR_INIT;

    assert_int_equal(problem_check(p, &err), -1);
    assert_string_equal(err.text, wanted);
    problem_release(p);
    u_problem(p);
}

static void u_shaped_problems_must_make_sense(void **state)
{
    struct problem p;

    (void)state;
    u_problem(&p);
    assert_int_equal(problem_check(&p, NULL), 0);
    p.takes_turns = true;
    assert_u_refused(&p, "turns: devices of a U-shaped problem do not take turns");
    free(p.cuts[1].name);
    free(p.cuts[2].name);
    p.n_cuts = 1;
    assert_u_refused(&p, "cuts: 1 entries: must be at least 2, a U-shaped problem has two cuts");
    p.cuts[2].server_forward_flop = 1e30;
    assert_u_refused(&p, "cuts[2].server_forward_flop: 1e+30: must be at most that of the cut "
                         "before, 2.76831e+08: the cuts of a U-shaped problem stand in the "
                         "network's order");
    p.cuts[1].server_backward_flop = 1e30;
    assert_u_refused(&p, "cuts[1].server_backward_flop: 1e+30: must be at most that of the cut "
                         "before, 5.53662e+08: the cuts of a U-shaped problem stand in the "
                         "network's order");
    problem_release(&p);
}

static void only_two_shapes_are_known_and_keys_go_with_them(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"{\"shape\": \"v\"}", "shape: 'v': must be 'front' or 'u'"},
        {"{\"shape\": 1}", "shape: 'a number': must be 'front' or 'u'"},
        {"{\"shape\": \"u\", \"total_power_w\": 1}",
         "total_power_w: unknown key: allowed are shape, batch_size, server, devices, cuts"},
        {"{\"shape\": \"u\", \"turns\": true}",
         "turns: unknown key: allowed are shape, batch_size, server, devices, cuts"},
    };

    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct err err = ERR_INIT;
        struct problem p;
        FILE *file = fopen(path, "w");
        fputs(rows[r].text, file);
        fclose(file);
        assert_int_equal(problem_load(&p, path, &err), -1);
        assert_string_equal(err.text + strlen(path) + 2, rows[r].message);
    }
}

static void assert_same_times(const struct problem *a, const struct problem *b,
                              const struct times_keys *keys)
{
    assert_int_equal(b->devices[0].n_times, 0);
    assert_int_equal(b->devices[1].n_times, a->n_cuts);
    assert_true(b->devices[1].clock_hz == 0 && b->devices[1].slowdown == 1.0 / 3);
    for (size_t r = 0; r < keys->n; r++)
        assert_memory_equal(times_of(&a->devices[1], &keys->rows[r]),
                            times_of(&b->devices[1], &keys->rows[r]),
                            (size_t)a->n_cuts * sizeof(double));
}

static void measured_times_are_saved_and_loaded_to_the_bit(void **state)
{
    struct problem saved, loaded;

    (void)state;
    for (int is_u = 0; is_u < 2; is_u++) {
        if (is_u)
            u_problem(&saved);
        else
            sample_problem_init(&saved, 2, 2, 3, 0.5);
        measure_one(&saved);
        assert_int_equal(problem_save(&saved, path, NULL), 0);
        assert_int_equal(problem_load(&loaded, path, NULL), 0);
        assert_same_times(&saved, &loaded, is_u ? &u_times_keys : &times_keys);
        assert_int_equal(loaded.cuts[2].number, 2);
        problem_release(&saved);
        problem_release(&loaded);
    }
}

/* A problem in the file, with one thing changed in its second, measured device. */
static void refuse_device(const char *key, json_t *value, const char *message)
{
    struct problem p;
    struct err err = ERR_INIT;
    json_t *root, *device;

    sample_problem_init(&p, 2, 2, 3, 0.5);
    measure_one(&p);
    assert_int_equal(problem_save(&p, path, NULL), 0);
    problem_release(&p);
    root = json_load_file(path, 0, NULL);
    device = json_array_get(json_object_get(root, "devices"), 1);
    if (value)
        json_object_set_new(device, key, value);
    else
        json_object_del(device, key);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
    assert_int_equal(problem_load(&p, path, &err), -1);
    assert_string_equal(err.text + strlen(path) + 2, message);
}

static void a_device_is_measured_or_has_a_clock(void **state)
{
    (void)state;
    refuse_device("clock_hz", json_real(1e9),
                  "devices[1].clock_hz: not together with forward_s_per_sample: either or");
    refuse_device("cycles_per_flop", json_real(1),
                  "devices[1].cycles_per_flop: not together with forward_s_per_sample: either or");
    refuse_device("backward_s_per_sample", NULL, "devices[1].backward_s_per_sample: missing");
    refuse_device("forward_s_per_sample", json_pack("[f, f]", 1.0, 2.0),
                  "devices[1].forward_s_per_sample: 2 entries: must be 3, one per cut");
    refuse_device("tail_forward_s_per_sample", json_pack("[f, f, f]", 1.0, 2.0, 3.0),
                  "devices[1].tail_forward_s_per_sample: unknown key: allowed are clock_hz, "
                  "cycles_per_flop, max_power_w, memory_bytes, slowdown, name, gain, "
                  "forward_s_per_sample, backward_s_per_sample");
    refuse_device("slowdown", json_real(-1), "devices[1].slowdown: -1: must be > 0");
}

static void a_u_shaped_problem_is_saved_and_loaded_to_the_bit(void **state)
{
    struct problem saved, loaded;

    (void)state;
    u_problem(&saved);
    saved.devices[1].uplink_bps = 1e8 / 3;
    assert_int_equal(problem_save(&saved, path, NULL), 0);
    assert_int_equal(problem_load(&loaded, path, NULL), 0);
    assert_true(loaded.is_u_shaped);
    assert_int_equal(loaded.n_subchannels, 0);
    assert_true(loaded.devices[1].uplink_bps == saved.devices[1].uplink_bps);
    assert_true(loaded.devices[0].downlink_bps == 1e8);
    assert_true(loaded.cuts[2].gradient_bits == saved.cuts[2].gradient_bits);
    problem_release(&saved);
    problem_release(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_broken_field_is_refused_with_its_path),
        cmocka_unit_test(nan_and_infinity_are_refused_in_every_number),
        cmocka_unit_test(broken_times_of_a_built_problem_are_refused),
        cmocka_unit_test(measured_times_are_saved_and_loaded_to_the_bit),
        cmocka_unit_test(a_device_is_measured_or_has_a_clock),
        cmocka_unit_test(u_shaped_problems_must_make_sense),
        cmocka_unit_test(only_two_shapes_are_known_and_keys_go_with_them),
        cmocka_unit_test(a_u_shaped_problem_is_saved_and_loaded_to_the_bit),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
