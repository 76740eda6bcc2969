/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an experiment may say of learning, through server and devices: optimiser, loss, data, weights. */
#include "tests/testbed/virtual_line.h"

#include <unistd.h>

/* Trains with one setting more than SMALL; the same setting twice must give the same, bit for bit. */
static struct line run_twice(const char *setting)
{
    const char *const sets[] = {SMALL, setting, NULL};
    struct line line = run_line(sets), again = run_line(sets);
    assert_same_losses(&line, &again);
    line_close(&again);
    return line;
}

/* The settings change what is learnt, from the round-th on (from 0), and not before. */
static void assert_changes_from(int round, const char *const *settings, size_t n)
{
    struct line plain = run_twice("experiment.seed=1");
    for (size_t i = 0; i < n; i++) {
        struct line line = run_twice(settings[i]);
        for (int k = 0; k < 4; k++)
            if ((line.rounds[k].loss != plain.rounds[k].loss) != (k >= round))
                fail_msg("%s: round %d: loss %.17g, plain %.17g", settings[i], k,
                         line.rounds[k].loss, plain.rounds[k].loss);
        line_close(&line);
    }
    line_close(&plain);
}

static void optimizers_step_differently(void **state)
{
    (void)state;
    static const char *const first[] = {"training.optimizer=adamw"};
    static const char *const second[] = {"training.momentum=0.5"}; /* instead of 0.9 */
    assert_changes_from(1, first, ARRAY_LEN(first));
    assert_changes_from(2, second, ARRAY_LEN(second));
}

/* On both sides: one that steps at a rate of 1e-30 moves nothing, so that what differs is the other's doing. */
static void adamw_takes_its_numbers_from_the_experiment(void **state)
{
    (void)state;
    static const char *const stills[] = {"training.server_learning_rate=1e-30",
                                         "training.device_learning_rate=1e-30"};
    static const char *const settings[] = {"training.beta1=0.5", "training.beta2=0.5",
                                           "training.eps=0.5", "training.weight_decay=0.5"};
    for (size_t k = 0; k < ARRAY_LEN(stills); k++) {
        const char *const plain_sets[] = {SMALL, "training.optimizer=adamw", stills[k], NULL};
        struct line plain = run_line(plain_sets);
        for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
            const char *const sets[] = {SMALL, "training.optimizer=adamw", stills[k], settings[i],
                                        NULL};
            struct line line = run_line(sets);
            if (line.rounds[3].loss == plain.rounds[3].loss)
                fail_msg("%s changes nothing with %s", settings[i], stills[k]);
            line_close(&line);
        }
        line_close(&plain);
    }
}

static void losses_differ(void **state)
{
    (void)state;
    static const char *const settings[] = {"training.loss=mse", "training.label_smoothing=0.1"};
    assert_changes_from(0, settings, ARRAY_LEN(settings));
}

/* Smoothing is no part of an evaluation's loss: at a rate that moves nothing it is the plain one. */
static void an_evaluation_is_not_smoothed(void **state)
{
    (void)state;
    static const char *const plain[] = {SMALL, "training.device_learning_rate=1e-30",
                                        "training.server_learning_rate=1e-30", NULL};
    static const char *const smooth[] = {SMALL, "training.device_learning_rate=1e-30",
                                         "training.server_learning_rate=1e-30",
                                         "training.label_smoothing=0.3", NULL};
    struct line a = run_line(plain), b = run_line(smooth);
    assert_true(a.rounds[3].loss != b.rounds[3].loss);
    assert_true(a.rounds[3].test_loss == b.rounds[3].test_loss);
    line_close(&a);
    line_close(&b);
}

static void augmented_images_are_other_images(void **state)
{
    (void)state;
    static const char *const settings[] = {"data.crop_padding=3", "data.flip=horizontal"};
    assert_changes_from(0, settings, ARRAY_LEN(settings));
}

/* The devices of a line share one folder here: as if each had been dealt all of it. */
static void local_data_are_trained_on_whole(void **state)
{
    (void)state;
    static const char *const local_sets[] = {SMALL, "data.partition=local", NULL};
    static const char *const dealt_sets[] = {SMALL, NULL};
    struct line local = run_line(local_sets), dealt;
    line_open(&dealt, dealt_sets);
    size_t n = TINY_IDX_N_TRAIN;
    dealt.partition.index = mem_resize(dealt.partition.index, 5 * n, sizeof(uint32_t));
    for (size_t i = 0; i < 5 * n; i++)
        dealt.partition.index[i] = (uint32_t)(i % n);
    for (size_t i = 0; i <= 5; i++)
        dealt.partition.first[i] = i * n;
    line_start(&dealt);
    line_run(&dealt);
    assert_same_losses(&local, &dealt);
    line_close(&local);
    line_close(&dealt);
}

static char folder[] = "/tmp/splitbed-weights-XXXXXX";

/* Trains, saves, and evaluates the saved weights in a run of one round at a rate that moves nothing. */
static void assert_saved_weights_evaluate_alike(const char *framework, const char *devices,
                                                const char *from)
{
    const char *const sets[] = {SMALL, framework, devices, NULL};
    char *weights = mem_format("model.weights=%s%s", folder, from);
    const char *const again_sets[] = {SMALL,
                                      framework,
                                      devices,
                                      weights,
                                      "training.rounds=1",
                                      "experiment.seed=2",
                                      "training.device_learning_rate=1e-30",
                                      "training.server_learning_rate=1e-30",
                                      NULL};
    struct line line = run_line(sets);
    if (server_save_weights(line.server, folder, &line.err))
        fail_msg("%s", line.err.text);
    struct line again = run_line(again_sets);
    assert_true(again.rounds[0].test_loss == line.rounds[3].test_loss);
    assert_true(again.rounds[0].accuracy == line.rounds[3].accuracy);
    assert_true(line.rounds[0].loss != again.rounds[0].loss);
    line_close(&line);
    line_close(&again);
    free(weights);
}

static bool is_saved(const char *name)
{
    char *path = mem_format("%s/%s", folder, name);
    bool is_there = access(path, R_OK) == 0;
    unlink(path);
    free(path);
    return is_there;
}

static void fronts_of_their_own_are_saved_one_by_one(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=psl", "training.framework=epsl"};
    for (size_t i = 0; i < ARRAY_LEN(frameworks); i++) {
        assert_saved_weights_evaluate_alike(frameworks[i], "devices.0.count=3", "");
        assert_true(is_saved("back.safetensors"));
        assert_true(is_saved("front-pi-0.safetensors") && is_saved("front-pi-1.safetensors"));
        assert_true(is_saved("front-pi-2.safetensors"));
        assert_false(is_saved("weights.safetensors"));
    }
}

static void one_front_is_saved_as_a_whole_network(void **state)
{
    (void)state;
    static const char *const froms[] = {"", "/weights.safetensors"};
    for (size_t i = 0; i < ARRAY_LEN(froms); i++) {
        assert_saved_weights_evaluate_alike("training.framework=sl", "devices.0.count=3", froms[i]);
        assert_true(is_saved("weights.safetensors"));
        assert_false(is_saved("back.safetensors"));
    }
    assert_saved_weights_evaluate_alike("training.framework=epsl", "devices.0.count=1",
                                        "/weights.safetensors");
    assert_true(is_saved("weights.safetensors"));
}

static void assert_sets_do_not_start(const char *const *sets, const char *message)
{
    struct line line;
    line_open(&line, sets);
    struct server_inputs inputs = {.experiment = &line.e,
                                   .schedule = &line.schedule,
                                   .partition = &line.partition,
                                   .n_test_samples = 64};
    assert_null(server_new(&inputs, &line.err));
    if (!strstr(line.err.text, message))
        fail_msg("'%s' is missing in: %s", message, line.err.text);
    line_close(&line);
}

static void assert_does_not_start(const char *setting, const char *message)
{
    const char *const sets[] = {SMALL, setting, NULL};
    assert_sets_do_not_start(sets, message);
}

static void weights_that_do_not_fit_are_told_by_name(void **state)
{
    (void)state;
    char *weights = mem_format("model.weights=%s", folder);
    static const char *const sl[] = {SMALL, "training.framework=sl", "devices.0.count=2", NULL};
    static const char *const psl[] = {SMALL, "training.framework=psl", "devices.0.count=2", NULL};
    assert_does_not_start(weights, ": neither weights.safetensors, a whole network, nor "
                                   "back.safetensors and front-NAME.safetensors are there");
    struct line line = run_line(psl); /* two devices' fronts, where five are wanted */
    assert_int_equal(server_save_weights(line.server, folder, &line.err), 0);
    line_close(&line);
    assert_does_not_start(weights, "/front-pi-2.safetensors: ");
    line = run_line(sl);
    assert_int_equal(server_save_weights(line.server, folder, &line.err), 0);
    line_close(&line);
    const char *const others[] = {SMALL, weights, "model.classes=12", NULL};
    line_open(&line, others);
    struct server_inputs inputs = {.experiment = &line.e,
                                   .schedule = &line.schedule,
                                   .partition = &line.partition,
                                   .n_test_samples = 64};
    assert_null(server_new(&inputs, &line.err));
    assert_non_null(strstr(line.err.text,
                           "weights.safetensors: tensor 'fc3.weight': shape (10x84): "
                           "the network's is (12x84)"));
    line_close(&line);
    is_saved("front-pi-0.safetensors");
    is_saved("front-pi-1.safetensors");
    is_saved("back.safetensors");
    is_saved("weights.safetensors");
    free(weights);
}

/* Silently taking the first would leave out what the other devices had learnt. */
static void fronts_of_many_are_refused_where_one_is_handed_on(void **state)
{
    (void)state;
    char *weights = mem_format("model.weights=%s", folder);
    static const char *const psl[] = {SMALL, "training.framework=psl", "devices.0.count=2", NULL};
    const char *const one[] = {
        SMALL, weights, "training.framework=sl", "devices.0.count=1", "devices.0.name=pi-0", NULL};
    struct line line = run_line(psl);
    assert_int_equal(server_save_weights(line.server, folder, &line.err), 0);
    line_close(&line);
    const char *const sl[] = {SMALL, weights, "training.framework=sl", "devices.0.count=2", NULL};
    assert_sets_do_not_start(sl, ": holds a front part of each device, but with framework sl all "
                                 "devices share one: start from a run that left "
                                 "weights.safetensors, or join back.safetensors and one of the "
                                 "fronts into a file (docs/WEIGHTS.md)");
    line = run_line(one); /* a device by itself goes on from its own */
    line_close(&line);
    assert_true(is_saved("front-pi-0.safetensors") && is_saved("front-pi-1.safetensors"));
    assert_true(is_saved("back.safetensors"));
    free(weights);
}

static void a_folder_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "training.rounds=1", NULL};
    struct line line = run_line(sets);
    assert_int_equal(server_save_weights(line.server, "/nowhere", &line.err), -1);
    assert_non_null(strstr(line.err.text, "cannot save the weights: /nowhere/back.safetensors"));
    line_close(&line);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folders(void **state)
{
    (void)state;
    tiny_idx_remove();
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimizers_step_differently),
        cmocka_unit_test(adamw_takes_its_numbers_from_the_experiment),
        cmocka_unit_test(losses_differ),
        cmocka_unit_test(an_evaluation_is_not_smoothed),
        cmocka_unit_test(augmented_images_are_other_images),
        cmocka_unit_test(local_data_are_trained_on_whole),
        cmocka_unit_test(fronts_of_their_own_are_saved_one_by_one),
        cmocka_unit_test(one_front_is_saved_as_a_whole_network),
        cmocka_unit_test(weights_that_do_not_fit_are_told_by_name),
        cmocka_unit_test(fronts_of_many_are_refused_where_one_is_handed_on),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folders);
}
