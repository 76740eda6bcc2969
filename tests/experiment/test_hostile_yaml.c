/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever bytes a file holds: an experiment or an error, never a crash, never a flood.
 */
#include "tests/experiment/load_text.h"

#include "base/rng.h"

/* Loads the bytes; either way there is a clean end. Whether they were taken. */
static bool survive(const char *text, size_t n)
{
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    write_bytes("x.yaml", text, n);
    int status = load_file(&e, "x.yaml", NULL, NULL, &errors);
    if (status == 0) {
        assert_null(errors.text);
        experiment_release(&e);
    } else {
        assert_true(errors.n > 0 && errors.n < 1000000);
        assert_int_equal(errors.text[errors.n - 1], '\n');
        assert_true(errors.n == strlen(errors.text));
    }
    strbuf_release(&errors);
    return status == 0;
}

/* The quick start with its model in it, so that one file holds everything; to be freed. */
static char *quickstart(size_t *n, bool is_resolved)
{
    struct experiment e;
    struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;
    char *path = mem_format("%s/configs/experiments/quickstart.yaml", load_root);
    if (is_resolved) {
        assert_int_equal(load_file(&e, path, NULL, NULL, &errors), 0);
        experiment_print(&e, &out);
        experiment_release(&e);
    } else {
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        char buf[65536];
        strbuf_add(&out, buf, fread(buf, 1, sizeof buf, file));
        fclose(file);
    }
    free(path);
    *n = out.n;
    return out.text;
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (int is_resolved = 0; is_resolved < 2; is_resolved++) {
        size_t n;
        char *text = quickstart(&n, is_resolved);
        for (size_t i = 0; i < n; i++)
            survive(text, i);
        free(text);
    }
}

static void random_bytes_in_a_good_file(void **state)
{
    (void)state;
    static const char bytes[] = "\0\xff\x80:{}[]-&*!|>'\"%@#,?\n\t ~0a";
    size_t n;
    char *text = quickstart(&n, true);
    struct rng rng;
    rng_seed(&rng, 11, 0);
    for (int i = 0; i < 3000; i++) {
        char saved[4];
        size_t at[4];
        for (int j = 0; j < 4; j++) {
            at[j] = rng_below(&rng, n);
            saved[j] = text[at[j]];
            text[at[j]] = bytes[rng_below(&rng, sizeof bytes)];
        }
        survive(text, n);
        for (int j = 3; j >= 0; j--)
            text[at[j]] = saved[j];
    }
    free(text);
}

static void binary_and_other_encodings(void **state)
{
    (void)state;
    char zeros[1000] = {0}, all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    assert_false(survive(zeros, sizeof zeros));
    assert_false(survive(all, sizeof all));
    assert_false(survive("model: \0x", 9));
    assert_false(survive("\xfe\xff\0a\0:\0 \0b", 10));
    assert_false(survive("\xff\xfe", 2));
    assert_false(survive("\xef\xbb\xbf", 3));
    assert_false(survive("a: \xed\xa0\x80", 6));
    assert_false(survive("a: \xc0\xaf", 5));
}

static void an_alias_bomb_does_not_go_off(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 20; i++) {
        strbuf_addf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            strbuf_addf(&text, "*a%d, ", i - 1);
        strbuf_addf(&text, "]\n");
    }
    assert_false(survive(text.text, text.n));
    strbuf_release(&text);
    assert_false(survive("a: &a [*a]\n", 11));
}

static void repeated(const char *head, const char *unit, size_t n_bytes, const char *tail)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%s", head);
    while (text.n < n_bytes)
        strbuf_addf(&text, "%s", unit);
    strbuf_addf(&text, "%s", tail);
    assert_false(survive(text.text, text.n));
    strbuf_release(&text);
}

static void much_of_everything(void **state)
{
    (void)state;
    repeated("", "[", 1000000, "");
    repeated("", "{a: ", 1000000, "");
    repeated("", "- ", 100000, "");
    repeated("", "? ", 100000, "");
    repeated("a: ", "x", 4000000, "\n");
    repeated("a: \"", "x\n\n", 1000000, "\"\n");
    repeated("", "x", 2000, ": 1\n");
    repeated(TINY_MODEL "devices:\n", "  - {}\n", 1000000, "");
    repeated("training:\n", "  rounds: 0\n", 1000000, "");
    repeated("training:\n", "  - \n", 1000000, "");
    repeated("model:\n  layers:\n", "    - relu:\n", 1000000, "");
    repeated("scheduler: {cuts: [", "a, ", 100000, "]}\n");
    repeated("", "a", 4300000, "");
}

static void many_different_unknown_keys(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    for (int i = 0; i < 200000; i++)
        strbuf_addf(&text, "k%d: 1\n", i);
    assert_false(survive(text.text, text.n));
    strbuf_release(&text);
}

static void a_loop_of_model_files_is_none(void **state)
{
    (void)state;
    assert_false(survive("model: {file: x.yaml}\ndevices: [{}]\n", 36));
    assert_false(survive("model: {file: /dev/zero}\ndevices: [{}]\n", 39));
    assert_false(survive("model: {file: .}\ndevices: [{}]\n", 31));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(random_bytes_in_a_good_file),
        cmocka_unit_test(binary_and_other_encodings),
        cmocka_unit_test(an_alias_bomb_does_not_go_off),
        cmocka_unit_test(much_of_everything),
        cmocka_unit_test(many_different_unknown_keys),
        cmocka_unit_test(a_loop_of_model_files_is_none),
    };
    return cmocka_run_group_tests(tests, load_setup, load_teardown);
}
