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

static void a_bad_batch_is_bad_usage(void **state)
{
    (void)state;
    struct process p;
    assert_int_equal(profile(&p, "configs/models/lenet5.yaml", "0"), 2);
    assert_non_null(strstr(p.output, "--batch: '0': 1 to 4096 are allowed"));
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
        cmocka_unit_test(a_bad_batch_is_bad_usage),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
