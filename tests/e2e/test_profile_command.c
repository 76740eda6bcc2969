/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `splitbed profile` as a user sees it: the tables and the file. */
#include "tests/e2e/process.h"

#include <jansson.h>

static char json_path[] = "/tmp/splitbed-test-profile-XXXXXX";

static int profile(struct process *p, const char *model, const char *batch)
{
    const char *const arguments[] = {"profile", model, "--batch", batch, "--json", json_path, NULL};
    *p = process_start("splitbed", arguments);
    return process_end(p);
}

static void every_layer_is_in_the_tables_and_in_the_file(void **state)
{
    (void)state;
    struct process p;
    assert_int_equal(profile(&p, "configs/models/lenet5.yaml", "2"), 0);
    json_t *root = json_load_file(json_path, 0, NULL), *entries = json_object_get(root, "entries");
    assert_string_equal(json_string_value(json_object_get(root, "model")), "lenet5");
    assert_int_equal(json_integer_value(json_object_get(root, "batch_size")), 2);
    assert_int_equal(json_array_size(entries), 12);
    for (size_t i = 0; i < json_array_size(entries); i++) {
        json_t *entry = json_array_get(entries, i);
        char *cell =
            mem_format("%zu  %s ", i + 1, json_string_value(json_object_get(entry, "name")));
        char *row = strstr(p.output, cell);
        assert_true(row && strstr(row + 1, cell)); /* both tables */
        assert_true(json_number_value(json_object_get(entry, "forward_s")) >= 0);
        assert_true(json_number_value(json_object_get(entry, "front_tape_bytes")) > 0);
        free(cell);
    }
    json_t *last = json_array_get(entries, 11);
    assert_int_equal(json_integer_value(json_object_get(last, "front_optimizer_bytes")), 4 * 61706);
    assert_true(json_number_value(json_object_get(json_array_get(entries, 3), "forward_s")) > 0);
    assert_non_null(strstr(p.output, "the whole network"));
    json_decref(root);
    process_release(&p);
}

/* Of batches of sixteen, the times of the layers before the cut. */
static double front_s(const json_t *entries, const char *key, const char *cut)
{
    double sum_s = 0;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        sum_s += json_number_value(json_object_get(entry, key));
        if (!strcmp(json_string_value(json_object_get(entry, "name")), cut))
            break;
    }
    return sum_s;
}

/* `splitbed plan` of a file: what --json wrote. */
static json_t *plan_of(const char *config)
{
    char *plan_path = mem_format("%s.plan", json_path);
    const char *const arguments[] = {"plan", config, "--json", plan_path, NULL};
    struct process p = process_start("splitbed", arguments);
    if (process_end(&p) != 0)
        fail_msg("%s", p.output);
    process_release(&p);
    json_t *plan = json_load_file(plan_path, 0, NULL);
    unlink(plan_path);
    free(plan_path);
    assert_non_null(plan);
    return plan;
}

static void write_config(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Devices that are this machine, planned for batches of 32; the resolved file plans the same from another folder. */
static void a_profile_is_planned_with_and_so_is_the_resolved_experiment(void **state)
{
    (void)state;
    struct process p;
    char cwd[4096], dir[] = "/tmp/splitbed-test-resolved-XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(profile(&p, "configs/models/lenet5.yaml", "16"), 0);
    process_release(&p);
    assert_non_null(getcwd(cwd, sizeof cwd));
    char *config = mem_format("%s.yaml", json_path),
         *resolved = mem_format("%s/resolved.yaml", dir);
    char *text = mem_format("model: {file: %s/configs/models/lenet5.yaml}\n"
                            "training: {batch_size: 32}\nscheduler: {cuts: [pool1, pool2]}\n"
                            "devices: [{count: 2, profile: %s}, {name: c}]\n",
                            cwd, strrchr(json_path, '/') + 1);
    write_config(config, text);
    const char *const check[] = {"check", config, NULL};
    p = process_start("splitbed", check);
    assert_int_equal(process_end(&p), 0);
    write_config(resolved, p.output);
    process_release(&p);
    json_t *plan = plan_of(config), *again = plan_of(resolved);
    const char *cut = json_string_value(json_object_get(plan, "cut"));
    json_t *terms = json_object_get(plan, "terms"), *file = json_load_file(json_path, 0, NULL);
    json_t *entries = json_object_get(file, "entries");
    double forward_s =
        json_number_value(json_array_get(json_object_get(terms, "device_forward_s"), 1));
    double backward_s =
        json_number_value(json_array_get(json_object_get(terms, "device_backward_s"), 0));
    double wanted_s = 2 * front_s(entries, "forward_s", cut);
    assert_true(wanted_s > 0 && forward_s > 0.999999 * wanted_s && forward_s < 1.000001 * wanted_s);
    wanted_s = 2 * front_s(entries, "backward_s", cut);
    assert_true(backward_s > 0.999999 * wanted_s && backward_s < 1.000001 * wanted_s);
    assert_true(json_equal(terms, json_object_get(again, "terms")));
    json_decref(plan);
    json_decref(again);
    json_decref(file);
    unlink(config);
    unlink(resolved);
    assert_int_equal(rmdir(dir), 0);
    free(config);
    free(resolved);
    free(text);
}

static void a_bad_batch_is_bad_usage(void **state)
{
    (void)state;
    struct process p;
    assert_int_equal(profile(&p, "configs/models/lenet5.yaml", "0"), 2);
    assert_non_null(strstr(p.output, "--batch: '0': 1 to 65536 are allowed"));
    process_release(&p);
}

static void a_file_that_cannot_be_written_ends_it_before_it_measures(void **state)
{
    (void)state;
    const char *const arguments[] = {"profile", "configs/models/lenet5.yaml", "--batch", "2",
                                     "--json",  "/nonexistent/x.json",        NULL};
    struct process p = process_start("splitbed", arguments);
    assert_int_equal(process_end(&p), 1);
    assert_non_null(strstr(p.output, "/nonexistent/x.json: cannot be written: No such file"));
    assert_null(strstr(p.output, "Instruction set")); /* the table's head */
    process_release(&p);
}

static int make_file(void **state)
{
    (void)state;
    return close(mkstemp(json_path));
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(json_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_is_in_the_tables_and_in_the_file),
        cmocka_unit_test(a_profile_is_planned_with_and_so_is_the_resolved_experiment),
        cmocka_unit_test(a_bad_batch_is_bad_usage),
        cmocka_unit_test(a_file_that_cannot_be_written_ends_it_before_it_measures),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
