/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys that change nothing beside the values of others are told, each by name and with what it would count with. */
#include "tests/experiment/load_text.h"

static void assert_warns(const char *text, const char *set, const char *warnings)
{
    struct experiment e;
    must_load(&e, text, set);
    if (warnings)
        assert_string_equal(e.warnings ? e.warnings : "nothing", warnings);
    else
        assert_null(e.warnings);
    experiment_release(&e);
}

static void a_key_that_counts_with_another_value_is_told_with_its_place(void **state)
{
    (void)state;
    assert_warns(
        TINY "training:\n  momentum: 0.9\n  optimizer: adamw\n", NULL,
        "x.yaml:8:13: training.momentum: warning: changes nothing with training.optimizer adamw: "
        "it counts with sgd\n");
    assert_warns(TINY "scheduler: {owners: [device-0]}\n", "scheduler.policy=fixed", NULL);
    assert_warns(
        TINY, "scheduler.owners=[device-0]",
        "--set scheduler.owners=[device-0]: scheduler.owners: warning: changes nothing with "
        "scheduler.policy auto: it counts with fixed\n");
}

static void files_that_nobody_reads_are_told(void **state)
{
    (void)state;
    write_bytes("m.yaml", "x\n", 2);
    assert_warns(
        TINY "radio: {gains: m.yaml, positions: m.yaml}\ntraining: {learning: false}\n",
        "model.weights=m.yaml",
        "--set model.weights=m.yaml: model.weights: warning: changes nothing with "
        "training.learning "
        "false: it counts with true\n"
        "x.yaml:7:16: radio.gains: warning: changes nothing with radio.path_loss samimi-los: it "
        "counts with table\n"
        "x.yaml:7:35: radio.positions: warning: changes nothing with radio.mobility none: it "
        "counts "
        "with positions\n");
}

static void a_key_that_counts_with_more_of_another_is_told(void **state)
{
    (void)state;
    assert_warns(
        TINY, "radio.retransmission=1 s",
        "--set radio.retransmission=1 s: radio.retransmission: warning: changes nothing with "
        "radio.loss 0: it counts with another value of that\n");
    assert_warns(TINY "radio: {loss: 0.1}\n", "radio.retransmission=1 s", NULL);
    assert_warns(TINY "radio: {outage_length: 2 s, outage_every: 9 s}\n", NULL, NULL);
}

/* An experiment that spells its defaults out, as a resolved one does, sets nothing. */
static void defaults_are_not_told(void **state)
{
    (void)state;
    struct strbuf resolved = STRBUF_INIT;
    struct experiment e;
    assert_warns(TINY "training: {momentum: 0, optimizer: adamw}\n", NULL, NULL);
    assert_warns(TINY "radio: {gains: none, coherence_time: 1000 ms, rician_k: 10 dB}\n", NULL,
                 NULL);
    must_load(&e, TINY, NULL);
    experiment_print(&e, &resolved);
    experiment_release(&e);
    assert_warns(resolved.text, NULL, NULL);
    strbuf_release(&resolved);
}

static bool is_told(const char *set, const char *other)
{
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    char *place = mem_format("--set %s: ", set);
    if (load_text(&e, TINY, set, other, &errors))
        fail_msg("%s", errors.text);
    bool is_there = e.warnings && strstr(e.warnings, place);
    experiment_release(&e);
    free(place);
    return is_there;
}

/* A value that no choice has would make a row that always tells. */
static void every_row_is_told_and_is_quiet_where_it_counts(void **state)
{
    (void)state;
    static const struct {
        const char *set, *counts, *idle;
    } cases[] = {
        {"data.alpha=1", "data.partition=dirichlet", "data.partition=iid"},
        {"data.shards_per_device=3", "data.partition=shards", "data.partition=iid"},
        {"training.aggregation_ratio=0.2", "training.framework=epsl", "training.framework=psl"},
        {"training.aggregation=mean-activations", "training.framework=epsl",
         "training.framework=psl"},
        {"training.momentum=0.5", "training.optimizer=sgd", "training.optimizer=adamw"},
        {"training.beta1=0.5", "training.optimizer=adamw", "training.optimizer=sgd"},
        {"training.beta2=0.5", "training.optimizer=adamw", "training.optimizer=sgd"},
        {"training.eps=0.5", "training.optimizer=adamw", "training.optimizer=sgd"},
        {"radio.carrier=2 GHz", "radio.path_loss=umi", "radio.path_loss=samimi-nlos"},
        {"radio.carrier=3 GHz", "radio.path_loss=free-space", "radio.path_loss=samimi-los"},
        {"radio.shadowing=fixed", "radio.path_loss=uma", "radio.path_loss=free-space"},
        {"radio.shadowing=correlated", "radio.path_loss=samimi-los", "radio.path_loss=free-space"},
        {"radio.rician_k=3", "radio.fading=rician", "radio.fading=rayleigh"},
        {"radio.fading_block=round", "radio.fading=rayleigh", "radio.fading=none"},
        {"radio.coherence_time=3 s", "radio.fading_block=time", "radio.fading_block=round"},
        {"radio.speed_min=1 m/s", "radio.mobility=waypoint", "radio.mobility=none"},
        {"radio.speed_max=3 m/s", "radio.mobility=waypoint", "radio.mobility=none"},
        {"radio.pause=3 s", "radio.mobility=waypoint", "radio.mobility=none"},
        {"radio.cell_radius=300 m", "radio.mobility=waypoint", "radio.mobility=none"},
        {"testbed.netem=off", "testbed.link=netns", "testbed.link=native"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (is_told(cases[i].set, cases[i].counts))
            fail_msg("%s is told with %s", cases[i].set, cases[i].counts);
        if (!is_told(cases[i].set, cases[i].idle))
            fail_msg("%s is not told with %s", cases[i].set, cases[i].idle);
    }
}

static void the_experiments_that_come_along_have_none(void **state)
{
    (void)state;
    static const char *const names[] = {"quickstart", "moving-cell", "epsl-resnet18", "native-psl",
                                        "latency-10k"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct experiment e;
        struct strbuf errors = STRBUF_INIT;
        char *path = mem_format("%s/configs/experiments/%s.yaml", load_root, names[i]);
        if (experiment_load(&e, path, NULL, 0, NULL, &errors))
            fail_msg("%s", errors.text);
        if (e.warnings)
            fail_msg("%s", e.warnings);
        experiment_release(&e);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_counts_with_another_value_is_told_with_its_place),
        cmocka_unit_test(files_that_nobody_reads_are_told),
        cmocka_unit_test(a_key_that_counts_with_more_of_another_is_told),
        cmocka_unit_test(every_row_is_told_and_is_quiet_where_it_counts),
        cmocka_unit_test(defaults_are_not_told),
        cmocka_unit_test(the_experiments_that_come_along_have_none),
    };
    return cmocka_run_group_tests(tests, load_setup, load_teardown);
}
