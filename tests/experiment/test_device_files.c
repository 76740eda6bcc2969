/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that devices name: found beside the experiment file, checked against its model, kept by absolute path. */
#include "tests/experiment/load_text.h"

#define PROFILE(a, b)                                                                              \
    "{\"model\": \"m\", \"batch_size\": 4, \"threads\": 1, \"entries\": ["                         \
    "{\"name\": \"" a "\", \"forward_s\": 1, \"backward_s\": 2},"                                  \
    "{\"name\": \"" b "\", \"forward_s\": 3, \"backward_s\": 4}]}"
#define CSV "at_s,factor\n1,2\n"

static void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static int setup(void **state)
{
    if (load_setup(state) || mkdir("sub", 0777))
        return -1;
    write_text("sub/p.json", PROFILE("a", "b"));
    write_text("sub/a, b.csv", CSV);
    write_text("p.json", PROFILE("a", "b"));
    return 0;
}

static int teardown(void **state)
{
    unlink("sub/p.json");
    unlink("sub/a, b.csv");
    unlink("sub/x.yaml");
    unlink("p.json");
    rmdir("sub");
    return load_teardown(state);
}

static void assert_path(const char *path, const char *name)
{
    char *wanted = mem_format("%s/%s", load_folder, name);
    assert_string_equal(path, wanted);
    free(wanted);
}

static void files_lie_beside_the_experiment_and_are_found_from_anywhere_once_resolved(void **state)
{
    (void)state;
    static const char text[] =
        TINY_MODEL "devices: [{count: 2, profile: p.json, slowdown: 'a, b.csv'}, {name: b}]\n";
    struct experiment e, again;
    struct strbuf errors = STRBUF_INIT, out = STRBUF_INIT, out_again = STRBUF_INIT;
    write_text("sub/x.yaml", text);
    if (load_file(&e, "sub/x.yaml", NULL, NULL, &errors))
        fail_msg("%s", errors.text);
    for (int i = 0; i < 2; i++) {
        assert_path(e.devices[i].profile, "sub/p.json");
        assert_path(e.devices[i].slowdown, "sub/a, b.csv");
    }
    assert_null(e.devices[2].profile);
    assert_null(e.devices[2].slowdown);
    experiment_print(&e, &out);
    char *line = mem_format("  - {name: device-0, profile: %s/sub/p.json, slowdown: "
                            "\"%s/sub/a, b.csv\", max_power: ",
                            load_folder, load_folder);
    assert_non_null(strstr(out.text, line));
    assert_non_null(strstr(out.text, "  - {name: b, clock: "));
    must_load(&again, out.text, NULL); /* in another folder */
    experiment_print(&again, &out_again);
    assert_string_equal(out.text, out_again.text);
    free(line);
    strbuf_release(&out);
    strbuf_release(&out_again);
    experiment_release(&e);
    experiment_release(&again);
}

static void an_override_names_a_file_of_the_working_directory(void **state)
{
    (void)state;
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    write_text("sub/x.yaml", TINY);
    if (load_file(&e, "sub/x.yaml", "devices.0.profile=p.json", NULL, &errors))
        fail_msg("%s", errors.text);
    assert_path(e.devices[1].profile, "p.json");
    experiment_release(&e);
}

static void a_device_is_measured_or_has_a_clock(void **state)
{
    (void)state;
    must_refuse(TINY_MODEL "devices: [{profile: p.json, clock: 1 GHz}]\n", NULL,
                "x.yaml:6:36: devices.0.clock: not together with profile: either or\n");
    must_refuse(TINY_MODEL "devices: [{cycles_per_flop: 1}]\n", "devices.0.profile=p.json",
                "x.yaml:6:29: devices.0.cycles_per_flop: not together with profile: either or\n");
}

static void files_that_are_not_there_or_not_right_are_told_where_they_are_named(void **state)
{
    (void)state;
    must_refuse(TINY_MODEL "devices: [{profile: q.json, slowdown: q.csv}]\n", NULL,
                "x.yaml:6:21: devices.0.profile: q.json: No such file or directory\n"
                "x.yaml:6:39: devices.0.slowdown: q.csv: No such file or directory\n");
    write_text("p.json", PROFILE("a", "c"));
    char *message = mem_format("x.yaml:6:32: devices.1.profile: %s/p.json: entries[1].name: 'c': "
                               "the model has 'b' there\n",
                               load_folder);
    must_refuse(TINY_MODEL "devices: [{name: b}, {profile: p.json}]\n", NULL, message);
    free(message);
    write_text("p.json", "{");
    message = mem_format("%s/p.json:1:1: ", load_folder);
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    assert_int_equal(load_text(&e, TINY, "devices.0.profile=p.json", NULL, &errors), -1);
    assert_non_null(strstr(errors.text, message));
    strbuf_release(&errors);
    free(message);
    write_text("p.json", CSV "0,1\n");
    message = mem_format("--set devices.0.slowdown=p.json: devices.0.slowdown: %s/p.json:3: at_s "
                         "'0': must be later than the row before\n",
                         load_folder);
    must_refuse(TINY, "devices.0.slowdown=p.json", message);
    free(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_lie_beside_the_experiment_and_are_found_from_anywhere_once_resolved),
        cmocka_unit_test(an_override_names_a_file_of_the_working_directory),
        cmocka_unit_test(a_device_is_measured_or_has_a_clock),
        cmocka_unit_test(files_that_are_not_there_or_not_right_are_told_where_they_are_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
