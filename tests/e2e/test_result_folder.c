/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A result folder stands alone: moved elsewhere, with every file gone that its experiment named, its config.yaml repeats
 * the run to the bit.
 */
#include "tests/e2e/process.h"

#include <sys/stat.h>

static char work[] = "/tmp/splitbed-alone-XXXXXX";

static const char model[] = "name: m\ninput: [1, 8, 8]\nlayers:\n  - flatten: {name: f}\n"
                            "  - linear: {name: a, out_features: 8}\n  - relu: {name: r}\n"
                            "  - linear: {name: z, out_features: 4}\n";

static const char profile[] = "{\"model\": \"m\", \"batch_size\": 4, \"threads\": 1, \"entries\": ["
                              "{\"name\": \"f\", \"forward_s\": 0.001, \"backward_s\": 0.002},"
                              "{\"name\": \"a\", \"forward_s\": 0.003, \"backward_s\": 0.004},"
                              "{\"name\": \"r\", \"forward_s\": 0.001, \"backward_s\": 0.002},"
                              "{\"name\": \"z\", \"forward_s\": 0.001, \"backward_s\": 0.002}]}";

/* One experiment for each kind of file; `copies`: what its result folder has in inputs/. */
static const struct {
    const char *name, *model, *devices, *radio, *copies;
} kinds[] = {
    {"model", "", "", "", NULL},
    {"profile", "", ", profile: files/p.json", "", "pi-0.profile.json"},
    {"slowdown", "", ", slowdown: files/s.csv", "", "pi-0.slowdown.csv"},
    {"gains", "", "", "path_loss: table, gains: files/g.csv", "radio.gains.csv"},
    {"positions", "", "", "mobility: positions, positions: files/xy.csv", "radio.positions.csv"},
    {"outages", "", "", "outages: files/o.csv", "radio.outages.csv"},
    {"trace", "", "", "trace: files/list.csv",
     "radio.trace-1.csv radio.trace-2.trace radio.trace-3.csv radio.trace.csv"},
    {"weights", ", weights: files/w.safetensors", "", "", "model.weights.safetensors"},
    {"folder", ", weights: files/parts", "", "", "model.weights"},
};

static void write_file(const char *name, const char *text)
{
    char *path = mem_format("%s/%s", work, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static void shell(const char *format, const char *a, const char *b)
{
    char *command = mem_format("set -e; work=%s; a='%s'; b='%s'; %s", work, a, b, format);
    if (system(command))
        fail_msg("%s", command);
    free(command);
}

static void write_experiment(size_t kind)
{
    char *text =
        mem_format("experiment: {name: alone}\nmodel: {file: files/m.yaml%s}\n"
                   "data: {format: synthetic, dir: 1x8x8 classes=4 train=200 test=40}\n"
                   "training: {framework: psl, rounds: 3, batch_size: 4, evaluate_every: 2}\n"
                   "devices: [{name: pi, count: 2%s}, {name: b%s}]\nradio: {subchannels: 3, %s}\n"
                   "scheduler: {policy: equal, cuts: [a]}\ntestbed: {time_scale: 1}\n",
                   kinds[kind].model, kinds[kind].devices, kinds[kind].devices, kinds[kind].radio);
    write_file("x.yaml", text);
    free(text);
}

static void do_run(const char *command, const char *config, const char *out)
{
    const char *const arguments[] = {command, config, "--out", out, NULL};
    struct process p = process_start("splitbed", arguments);
    if (process_end(&p))
        fail_msg("%s %s: %s", command, config, p.output);
    process_release(&p);
}

/* WORK/from as a config of WORK/to. */
static void do_in_work(const char *command, const char *config, const char *out)
{
    char *from = mem_format("%s/%s", work, config), *to = mem_format("%s/%s", work, out);
    do_run(command, from, to);
    free(from);
    free(to);
}

static void write_files(void)
{
    shell("rm -rf $work/*; mkdir $work/files $work/files/recordings", "", "");
    write_file("files/m.yaml", model);
    write_file("files/p.json", profile);
    write_file("files/s.csv", "at_s,factor\n0.01,1.5\n");
    write_file("files/g.csv", "device,gain_db\npi-0,-80\npi-1,-85\nb,-90\n");
    write_file("files/xy.csv",
               "time_s,device,x_m,y_m\n0,pi-0,10,0\n0,pi-1,20,0\n0,b,30,5\n9,b,99,5\n");
    write_file("files/o.csv", "device,down_s,up_s\nb,0.001,0.05\n");
    write_file("files/list.csv", "device,direction,trace\n*,uplink,recordings/up.csv\n"
                                 "pi-1,downlink,recordings/down\nb,uplink,recordings/slow.csv\n");
    write_file("files/recordings/up.csv", "time_s,rate_bps\n0,2e6\n0.01,1e6\n");
    write_file("files/recordings/slow.csv", "time_s,rate_bps\n0,5e5\n");
    write_file("files/recordings/down", "1\n2\n5\n");
}

static void weights_are_made(void **state)
{
    (void)state;
    write_files();
    write_experiment(0);
    do_in_work("simulate", "x.yaml", "files/parts");
    shell("cp $work/x.yaml $work/y.yaml; sed -i 's/psl/sl/' $work/y.yaml", "", "");
    do_in_work("simulate", "y.yaml", "one");
    shell("mv $work/one/weights.safetensors $work/files/w.safetensors; rm -r $work/one; "
          "mv $work/files /tmp/$(basename $work)-files",
          "", "");
}

/* The files as they were made, and the experiment. */
static void prepare(size_t kind)
{
    shell("rm -rf $work/*; cp -r /tmp/$(basename $work)-files $work/files", "", "");
    write_experiment(kind);
}

static void assert_copies(size_t kind, const char *folder)
{
    if (kinds[kind].copies)
        shell("test \"$(cd $work/$a/inputs; LC_ALL=C; echo *)\" = \"$b\"", folder,
              kinds[kind].copies);
    else
        shell("test ! -e $work/$a/inputs", folder, "");
}

static void a_moved_folder_repeats_its_simulation_to_the_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        prepare(i);
        do_in_work("simulate", "x.yaml", "first");
        assert_copies(i, "first");
        shell("mkdir $work/away; mv $work/first $work/away/moved; rm -r $work/files $work/x.yaml",
              "", "");
        do_in_work("simulate", "away/moved/config.yaml", "second");
        assert_copies(i, "second");
        shell("diff -r -x log.txt -x 'plan*' $work/$a $work/$b", "away/moved", "second");
        shell("! grep -q \"$work\" $work/second/config.yaml", "", "");
    }
}

/* Its inputs are not written over while they are read, which in another order would mix recordings up. */
static void a_folder_without_results_is_run_in_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        prepare(i);
        do_in_work("simulate", "x.yaml", "first");
        shell("list=$work/first/inputs/radio.trace.csv; if [ -e $list ]; then "
              "tac $list | sed '$d' > $work/rows; sed -i 1q $list; cat $work/rows >> $list; fi",
              "", "");
        shell("rm -r $work/files; mkdir $work/bare; cp $work/first/config.yaml $work/bare; "
              "if [ -e $work/first/inputs ]; then cp -r $work/first/inputs $work/bare; fi",
              "", "");
        do_in_work("simulate", "bare/config.yaml", "bare");
        shell("diff -r -x log.txt -x 'plan*' $work/$a $work/$b", "first", "bare");
    }
}

/* Through the config, the server reads the copies too. */
static void a_moved_folder_repeats_its_run(void **state)
{
    (void)state;
    static const char *const names[] = {"gains", "trace", "folder"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        bool is_wanted = false;
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            is_wanted |= strcmp(kinds[i].name, names[k]) == 0;
        if (!is_wanted)
            continue;
        prepare(i);
        do_in_work("run", "x.yaml", "first");
        shell("mv $work/first $work/moved; rm -r $work/files $work/x.yaml", "", "");
        do_in_work("run", "moved/config.yaml", "second");
        shell(
            "for f in moved second; do cut -d, -f1-5 $work/$f/rounds.csv > $work/$f.losses; done; "
            "cmp $work/moved.losses $work/second.losses; "
            "diff -r $work/moved/inputs $work/second/inputs; "
            "cmp $work/moved/config.yaml $work/second/config.yaml; "
            "cmp $work/moved/back.safetensors $work/second/back.safetensors",
            "", "");
    }
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(work) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    shell("rm -rf $work /tmp/$(basename $work)-files", "", "");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_made),
        cmocka_unit_test(a_moved_folder_repeats_its_simulation_to_the_bit),
        cmocka_unit_test(a_folder_without_results_is_run_in_place),
        cmocka_unit_test(a_moved_folder_repeats_its_run),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
