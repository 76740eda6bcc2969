/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/experiment/load_text.h"

static void an_override_wins_over_the_file_and_the_later_over_the_earlier(void **state)
{
    (void)state;
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    assert_int_equal(load_text(&e, TINY "training: {rounds: 7}\n", "training.rounds=50",
                               "training.rounds=51", &errors),
                     0);
    assert_int_equal(e.training.rounds, 51);
    experiment_release(&e);
}

static void an_override_may_add_key_and_section(void **state)
{
    (void)state;
    struct experiment e;
    must_load(&e, TINY, "radio.carrier=2.4 GHz");
    assert_true(e.radio.carrier_hz == 2.4e9);
    experiment_release(&e);
    must_load(&e, TINY "radio: # every key is a remark\n", "radio.carrier=1 GHz");
    assert_true(e.radio.carrier_hz == 1e9);
    experiment_release(&e);
}

static void values_are_yaml(void **state)
{
    (void)state;
    struct experiment e;
    must_load(&e, TINY, "scheduler.cuts=[a]");
    assert_int_equal(e.scheduler.n_cuts, 1);
    assert_string_equal(e.scheduler.cuts[0], "a");
    experiment_release(&e);
    must_load(&e, TINY, "devices=[{name: x}, {name: y, count: 2}]");
    assert_int_equal(e.n_devices, 3);
    assert_string_equal(e.devices[2].name, "y-1");
    experiment_release(&e);
    must_load(&e, TINY, "data.dir=/a=b");
    assert_string_equal(e.data.dir, "/a=b");
    experiment_release(&e);
}

static void groups_are_reached_by_their_index(void **state)
{
    (void)state;
    struct experiment e;
    must_load(&e, TINY_MODEL "devices: [{count: 2}, {name: x}]\n", "devices.1.clock=3 GHz");
    assert_true(e.devices[0].clock_hz == 1.2e9 && e.devices[2].clock_hz == 3e9);
    experiment_release(&e);
}

static void refused_overrides_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *set, *message;
    } cases[] = {
        {"training", "must be key.path=value, at most 32 keys deep"},
        {"=3", "must be key.path=value, at most 32 keys deep"},
        {"training..rounds=3", "must be key.path=value, at most 32 keys deep"},
        {".rounds=3", "must be key.path=value, at most 32 keys deep"},
        {"rounds.=3", "must be key.path=value, at most 32 keys deep"},
        {"training.round=3", "training.round: unknown key: did you mean 'rounds'?"},
        {"trainin.rounds=3", "trainin: unknown section: did you mean 'training'?"},
        {"batch_size=3", "batch_size: unknown section: did you mean 'training.batch_size'?"},
        {"devices.1.count=3", "devices.1: no such item: the list has items 0 to 0"},
        {"devices.x.count=3", "devices.x: no such item: the list has items 0 to 0"},
        {"devices.-1.count=3", "devices.-1: no such item: the list has items 0 to 0"},
        {"devices.0.count.x=3", "devices.0.count.x: no such item: what is there is a single value"},
        {"devices=[]", "devices: value '[]': must be a list of 1 to 100000 groups, `- {name: pi, "
                       "count: 5}` each"},
        {"training=[1]", "training: value is a list: must be a mapping, `key: value` each"},
        {"training.rounds=[3", "not YAML: while parsing a flow sequence, did not find expected ',' "
                               "or ']'"},
        {"training.rounds={a: 1, a: 2}", "a: the key is there twice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct experiment e;
        struct strbuf errors = STRBUF_INIT;
        char *line = mem_format("--set %s: %s\n", cases[i].set, cases[i].message);
        assert_int_equal(load_text(&e, TINY, cases[i].set, NULL, &errors), -1);
        if (strncmp(errors.text, line, strlen(line)) != 0)
            fail_msg("\n%swhere was wanted\n%s", errors.text, line);
        strbuf_release(&errors);
        free(line);
    }
}

static void a_long_path_is_refused(void **state)
{
    (void)state;
    struct experiment e;
    struct strbuf errors = STRBUF_INIT, set = STRBUF_INIT;
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&set, "a.");
    strbuf_addf(&set, "a=1");
    assert_int_equal(load_text(&e, TINY, set.text, NULL, &errors), -1);
    assert_non_null(strstr(errors.text, "must be key.path=value"));
    assert_true(errors.n < 1000);
    strbuf_release(&errors);
    strbuf_release(&set);
}

static void a_model_file_in_an_override_is_sought_from_the_working_directory(void **state)
{
    (void)state;
    static const char model[] = "name: m\ninput: [4]\nlayers:\n"
                                "  - linear: {name: a, out_features: 3}\n"
                                "  - linear: {name: b, out_features: 2}\n";
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    write_bytes("m.yaml", model, strlen(model));
    assert_int_equal(mkdir("sub", 0777), 0);
    write_bytes("sub/x.yaml", "devices: [{count: 1}]\n", 22);
    assert_int_equal(load_file(&e, "sub/x.yaml", "model.file=m.yaml", NULL, &errors), 0);
    assert_string_equal(e.model.name, "m");
    experiment_release(&e);
    static const char beside[] = "model: {file: m.yaml}\ndevices: [{count: 1}]\n";
    write_bytes("sub/x.yaml", beside, strlen(beside));
    assert_int_equal(load_file(&e, "sub/x.yaml", NULL, NULL, &errors), -1);
    assert_string_equal(errors.text, "sub/x.yaml:1:15: model.file: cannot read 'sub/m.yaml': No "
                                     "such file or directory\n");
    strbuf_release(&errors);
    static const char above[] = "model: {file: ../m.yaml}\ndevices: [{count: 1}]\n";
    write_bytes("sub/x.yaml", above, strlen(above));
    assert_int_equal(load_file(&e, "sub/x.yaml", NULL, NULL, &errors), 0);
    experiment_release(&e);
    unlink("sub/x.yaml");
    rmdir("sub");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_override_wins_over_the_file_and_the_later_over_the_earlier),
        cmocka_unit_test(an_override_may_add_key_and_section),
        cmocka_unit_test(values_are_yaml),
        cmocka_unit_test(groups_are_reached_by_their_index),
        cmocka_unit_test(refused_overrides_say_why),
        cmocka_unit_test(a_long_path_is_refused),
        cmocka_unit_test(a_model_file_in_an_override_is_sought_from_the_working_directory),
    };
    return cmocka_run_group_tests(tests, load_setup, load_teardown);
}
