/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"
#include "tests/models/temp_dir.h"

#include "base/mem.h"
#include "models/profile_file.h"

#define ENTRY_A          "{\"name\": \"a\", \"forward_s\": 0.25, \"backward_s\": 0.5}"
#define HEAD             "{\"model\": \"m\", \"batch_size\": 4, \"threads\": 2, "
#define FILE_OF(entries) HEAD "\"entries\": [" entries "]}"

static const char *text_file(const char *text)
{
    return temp_file("p.json", text, strlen(text));
}

static void what_is_saved_is_read_again(void **state)
{
    (void)state;
    char conv[] = "conv1", kind[] = "conv2d", output[] = "6x28x28", relu[] = "relu1";
    char model[] = "lenet5", isa[] = "v4";
    struct profile_entry entries[2] = {
        {conv, kind, output, 0.1, 1.0 / 3, 235200, 470400, 156, 18816, 1, 2, 3, 4, 5, 14},
        {.name = relu, .forward_s = 1e-7}};
    struct profile_file saved = {model, 16, 2, isa, 1e11, 2e11, entries, 2}, read;
    assert_int_equal(profile_file_save(&saved, temp_path("s.json"), NULL), 0);
    assert_int_equal(profile_file_load(&read, temp_path("s.json"), NULL), 0);
    assert_string_equal(read.model, "lenet5");
    assert_string_equal(read.instruction_set, "v4");
    assert_int_equal(read.batch_size, 16);
    assert_int_equal(read.threads, 2);
    assert_true(read.thread_peak_flop_per_s == 1e11 && read.peak_flop_per_s == 2e11);
    assert_int_equal(read.n_entries, 2);
    assert_string_equal(read.entries[0].kind, "conv2d");
    assert_string_equal(read.entries[0].output, "6x28x28");
    assert_float_equal(read.entries[0].backward_s, 1.0 / 3, 1e-8);
    const size_t numbers = offsetof(struct profile_entry, forward_flop);
    assert_memory_equal((char *)&read.entries[0] + numbers, (char *)&entries[0] + numbers,
                        sizeof entries[0] - numbers);
    assert_string_equal(read.entries[1].name, "relu1");
    assert_null(read.entries[1].kind);
    assert_true(read.entries[1].forward_s == 1e-7 && read.entries[1].backward_s == 0);
    profile_file_release(&read);
}

static void a_file_needs_only_names_and_times(void **state)
{
    (void)state;
    struct profile_file file;
    assert_int_equal(profile_file_load(&file, text_file(FILE_OF(ENTRY_A)), NULL), 0);
    assert_int_equal(file.n_entries, 1);
    assert_null(file.instruction_set);
    assert_true(file.entries[0].backward_s == 0.5 && file.entries[0].front_bytes == 0);
    profile_file_release(&file);
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error; /* after the file's name */
    } rows[] = {
        {"{", ":1:1: string or '}' expected near end of file"},
        {"[]", ": must be an object"},
        {"{\"model\": \"m\", \"model\": \"m\"}", ":1:22: duplicate object key near '\"model\"'"},
        {"{}", ": model: missing"},
        {"{\"model\": 3}", ": model: must be a text of at most 200 bytes"},
        {"{\"model\": \"m\", \"batch_size\": 0}",
         ": batch_size: 0: must be a whole number from 1 to 1.67772e+07"},
        {"{\"model\": \"m\", \"batch_size\": 1.5}",
         ": batch_size: 1.5: must be a whole number from 1 to 1.67772e+07"},
        {"{\"model\": \"m\", \"batch_size\": \"1\"}", ": batch_size: must be a number"},
        {"{\"model\": \"m\", \"batch_size\": 1}", ": threads: missing"},
        {HEAD "\"peak_flop_per_s\": -1}", ": peak_flop_per_s: -1: must be 0 to 1e+30"},
        {HEAD "\"cpu\": \"x\"}",
         ": cpu: unknown key: allowed are model, batch_size, threads, instruction_set, "
         "thread_peak_flop_per_s, peak_flop_per_s, entries"},
        {HEAD "\"threads_\": 1}",
         ": threads_: unknown key: allowed are model, batch_size, threads, instruction_set, "
         "thread_peak_flop_per_s, peak_flop_per_s, entries"},
        {"{\"model\": \"m\", \"batch_size\": 1, \"threads\": 1}",
         ": entries: must be a list of 1 to 512"},
        {FILE_OF(""), ": entries: must be a list of 1 to 512"},
        {FILE_OF("1"), ": entries[0]: must be an object"},
        {FILE_OF(ENTRY_A ", {}"), ": entries[1].name: missing"},
        {FILE_OF("{\"name\": null}"), ": entries[0].name: must be a text of at most 200 bytes"},
        {FILE_OF("{\"name\": \"a\"}"), ": entries[0].forward_s: missing"},
        {FILE_OF(ENTRY_A ", {\"name\": \"b\", \"forward_s\": -1}"),
         ": entries[1].forward_s: -1: must be 0 to 1e+09"},
        {FILE_OF("{\"name\": \"b\", \"forward_s\": 1, \"backward_s\": 2e9}"),
         ": entries[0].backward_s: 2e+09: must be 0 to 1e+09"},
        {FILE_OF("{\"name\": \"b\", \"forward_s\": 1, \"backward_s\": true}"),
         ": entries[0].backward_s: must be a number"},
        {FILE_OF("{\"name\": \"b\", \"forward_s\": 1, \"backward_s\": 1, \"flop\": 1}"),
         ": entries[0].flop: unknown key: allowed are name, kind, output, forward_s, backward_s, "
         "forward_flop, backward_flop, n_params, activation_bytes, moved_bytes, "
         "front_weight_bytes, front_gradient_bytes, front_optimizer_bytes, front_tape_bytes, "
         "front_bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct profile_file file;
        struct err err = ERR_INIT;
        char expected[1000];
        const char *path = text_file(rows[i].text);
        snprintf(expected, sizeof expected, "%s%s", path, rows[i].error);
        assert_int_equal(profile_file_load(&file, path, &err), -1);
        assert_string_equal(err.text, expected);
    }
}

static void a_file_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct profile_file file;
    struct err err = ERR_INIT;
    assert_int_equal(profile_file_load(&file, "/no/such.json", &err), -1);
    assert_string_equal(err.text, "unable to open /no/such.json: No such file or directory");
    struct profile_file none = {.model = temp_dir};
    struct err err_2 = ERR_INIT;
    assert_int_equal(profile_file_save(&none, "/no/such.json", &err_2), -1);
    assert_string_equal(err_2.text, "/no/such.json: cannot be written: No such file or directory");
}

static void the_entries_must_be_the_models(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_flat(4), "linear a out_features=3; relu");
    struct profile profile;
    struct profile_file file;
    struct err short_err = ERR_INIT, name_err = ERR_INIT, output_err = ERR_INIT;
    char second[] = "{\"name\": \"relu1\", \"forward_s\": 0, \"backward_s\": 0, \"output\": \"3\"}";
    assert_int_equal(profile_make(&profile, &spec, NULL), 0);
    assert_int_equal(profile_file_load(&file, text_file(FILE_OF(ENTRY_A)), NULL), 0);
    assert_int_equal(profile_file_check(&file, &profile, &short_err), -1);
    assert_string_equal(short_err.text, "entries: 1: the model has 2 layers");
    profile_file_release(&file);

    char *text = mem_format(FILE_OF(ENTRY_A ", %s"), second);
    assert_int_equal(profile_file_load(&file, text_file(text), NULL), 0);
    assert_int_equal(profile_file_check(&file, &profile, NULL), 0);
    file.entries[1].output[0] = '9';
    assert_int_equal(profile_file_check(&file, &profile, &output_err), -1);
    assert_string_equal(output_err.text, "entries[1].output: '9': in the model relu1 gives 3");
    file.entries[1].name[0] = 'g';
    assert_int_equal(profile_file_check(&file, &profile, &name_err), -1);
    assert_string_equal(name_err.text, "entries[1].name: 'gelu1': the model has 'relu1' there");
    free(text);
    profile_file_release(&file);
    profile_release(&profile);
    net_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_read_again),
        cmocka_unit_test(a_file_needs_only_names_and_times),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(a_file_that_is_not_there_is_refused),
        cmocka_unit_test(the_entries_must_be_the_models),
    };
    return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
