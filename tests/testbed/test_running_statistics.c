/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Running statistics of batch norm, which no training loss depends on: each device has its own; layers handed up bring
 * the mean over the devices, layers handed down the server's; what is saved at the end is what they were. All of it
 * reckoned here from the images.
 */
#include <unistd.h>

#include "models/safetensors.h"
#include "tests/testbed/cut_moves.h"

#define DEVICES  3
#define BATCH    8
#define PIXELS   784
#define MOMENTUM 0.1
#define BEFORE   0 /* the cut's index: batch norm is the server's */
#define BEHIND   1 /* it is the devices' */
#define SETS                                                                                       \
    "training.framework=psl", "model.file=tests/data/models/statistics.yaml", "devices.0.count=3", \
        "data.partition=dirichlet", "training.batch_size=8", "training.evaluate_every=0",          \
        "data.test_samples=64", "scheduler.gap=0.5", "scheduler.time_limit=0.2 s"

struct statistics {
    double mean, variance, n_batches;
};

/* Moves by one batch of n numbers: the mean and the unbiased variance. */
static void take_batch(struct statistics *s, const float *x, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    for (size_t i = 0; i < n; i++)
        squares += ((double)x[i] - sum / (double)n) * ((double)x[i] - sum / (double)n);
    s->mean += MOMENTUM * (sum / (double)n - s->mean);
    s->variance += MOMENTUM * (squares / (double)(n - 1) - s->variance);
    s->n_batches++;
}

/* What a run with these cuts must end with: of each device, or of the server if it has the layer then. */
struct reckoned {
    struct statistics devices[DEVICES], server;
};

/* The batches of a round after relu1, device by device. */
static void draw_round(struct sampler *samplers, struct dataset *train,
                       float x[DEVICES][BATCH * PIXELS])
{
    uint32_t index[BATCH], labels[BATCH];
    for (int i = 0; i < DEVICES; i++) {
        sampler_draw(&samplers[i], index, BATCH);
        dataset_batch(train, index, BATCH, x[i], labels);
        for (int k = 0; k < BATCH * PIXELS; k++)
            x[i][k] = x[i][k] > 0 ? x[i][k] : 0;
    }
}

static void move(struct reckoned *r, const double *lambda, int cut)
{
    struct statistics mean = {0, 0, 0};
    for (int i = 0; i < DEVICES; i++) {
        mean.mean += lambda[i] * r->devices[i].mean;
        mean.variance += lambda[i] * r->devices[i].variance;
        mean.n_batches += lambda[i] * r->devices[i].n_batches;
        if (cut == BEHIND)
            r->devices[i] = r->server;
    }
    if (cut == BEFORE)
        r->server = mean;
}

static struct reckoned reckon(const struct line *line, const int *cuts)
{
    static float x[DEVICES][BATCH * PIXELS];
    const struct partition *p = &line->partition;
    struct reckoned r = {.server = {0, 1, 0}};
    struct sampler samplers[DEVICES];
    double lambda[DEVICES];
    struct dataset *train =
        dataset_open(line->e.data.format, line->e.data.dir, DATASET_TRAIN, NULL);
    dataset_normalize(train, line->e.data.mean, line->e.data.std);
    for (int i = 0; i < DEVICES; i++) {
        size_t n = p->first[i + 1] - p->first[i];
        lambda[i] = (double)n / (double)p->first[DEVICES];
        assert_true(i == 0 || lambda[i] != lambda[i - 1]);
        sampler_init(&samplers[i], p->index + p->first[i], n, line->e.seed,
                     RNG_SAMPLER + (uint64_t)i);
        r.devices[i] = r.server;
    }
    for (size_t round = 0; round < line->n_rounds; round++) {
        if (round > 0 && cuts[round] != cuts[round - 1])
            move(&r, lambda, cuts[round]);
        draw_round(samplers, train, x);
        for (int i = 0; i < DEVICES && cuts[round] == BEHIND; i++)
            take_batch(&r.devices[i], x[i], BATCH * PIXELS);
        if (cuts[round] == BEFORE)
            take_batch(&r.server, x[0], DEVICES * BATCH * PIXELS);
    }
    for (int i = 0; i < DEVICES; i++)
        sampler_release(&samplers[i]);
    dataset_free(train);
    return r;
}

static void read_tensor(struct safetensors *file, const char *name, void *to)
{
    struct err err = ERR_INIT;
    const struct safetensors_entry *entry = safetensors_find(file, name);
    if (!entry || safetensors_read(file, entry, to, &err))
        fail_msg("%s: %s", name, entry ? err.text : "is not there");
}

static void assert_near(const char *what, double got, double want)
{
    if (!(fabs(got - want) <= 1e-5 * fabs(want)))
        fail_msg("%s: %.9g instead of %.9g", what, got, want);
}

static void assert_saved(const char *dir, const char *name, const struct statistics *want)
{
    char *path = mem_format("%s/%s.safetensors", dir, name);
    struct err err = ERR_INIT;
    struct safetensors *file = safetensors_open(path, &err);
    float mean, variance;
    int64_t n_batches;
    if (!file)
        fail_msg("%s", err.text);
    read_tensor(file, "bn1.running_mean", &mean);
    read_tensor(file, "bn1.running_var", &variance);
    read_tensor(file, "bn1.num_batches_tracked", &n_batches);
    assert_near(name, (double)mean, want->mean);
    assert_near(name, (double)variance, want->variance);
    assert_near(name, (double)n_batches, want->n_batches);
    safetensors_close(file);
    free(path);
}

/* As many rounds as n, cut as `cuts` says; the statistics that its files hold are those reckoned. */
static void assert_statistics(const char *rounds, size_t n, const int *cuts)
{
    const char *const sets[] = {SETS, rounds, NULL};
    char dir[] = "/tmp/splitbed-statistics-XXXXXX", name[] = "front-pi-0";
    struct line line;
    assert_non_null(mkdtemp(dir));
    line_open(&line, sets);
    line_move_cut(&line, cuts);
    line_start(&line);
    line_run(&line);
    line_assert_done(&line);
    assert_int_equal(line.n_rounds, n);
    assert_int_equal(server_save_weights(line.server, dir, &line.err), 0);
    struct reckoned want = reckon(&line, cuts);
    if (cuts[n - 1] == BEFORE)
        assert_saved(dir, "back", &want.server);
    for (int i = 0; i < DEVICES && cuts[n - 1] == BEHIND; i++) {
        name[sizeof name - 2] = (char)('0' + i);
        assert_saved(dir, name, &want.devices[i]);
    }
    char *command = mem_format("rm -r '%s'", dir);
    assert_int_equal(system(command), 0);
    free(command);
    line_close(&line);
}

static void each_device_keeps_its_own_where_the_cut_stays(void **state)
{
    (void)state;
    static const int cuts[] = {BEHIND, BEHIND, BEHIND};
    assert_statistics("training.rounds=3", ARRAY_LEN(cuts), cuts);
}

static void the_servers_are_over_all_devices_batches(void **state)
{
    (void)state;
    static const int cuts[] = {BEFORE, BEFORE, BEFORE};
    assert_statistics("training.rounds=3", ARRAY_LEN(cuts), cuts);
}

static void layers_handed_up_bring_the_devices_weighted_mean(void **state)
{
    (void)state;
    static const int cuts[] = {BEHIND, BEHIND, BEFORE};
    assert_statistics("training.rounds=3", ARRAY_LEN(cuts), cuts);
}

static void layers_handed_down_bring_the_servers_to_all(void **state)
{
    (void)state;
    static const int cuts[] = {BEHIND, BEFORE, BEFORE, BEHIND, BEHIND};
    assert_statistics("training.rounds=5", ARRAY_LEN(cuts), cuts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_device_keeps_its_own_where_the_cut_stays),
        cmocka_unit_test(the_servers_are_over_all_devices_batches),
        cmocka_unit_test(layers_handed_up_bring_the_devices_weighted_mean),
        cmocka_unit_test(layers_handed_down_bring_the_servers_to_all),
    };
    return cmocka_run_group_tests(tests, NULL, line_remove_data);
}
