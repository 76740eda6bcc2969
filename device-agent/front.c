/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "device-agent/front.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "device-agent/model_message.h"
#include "models/dataset.h"
#include "models/net_range.h"
#include "models/optimizer.h"
#include "models/partition.h"

#define BATCH_MAX 65536

struct front {
    struct net_spec spec;
    bool has_spec;
    struct net *net;
    struct tape *tape;
    struct dataset *train, *test;
    struct sampler sampler;
    struct augment augment; /* of training images */
    struct optimizer optimizer;
    float *moments;  /* the optimiser's state */
    uint32_t *index; /* [batch] samples of the current batch */
    uint32_t *labels;
    int batch, cut;
    size_t cut_features;
    uint64_t seed, step; /* of what is drawn at random; training batches so far */
};

static bool augments(const struct front *front)
{
    return front->augment.crop_padding > 0 || front->augment.flips;
}

static int open_data(struct front *front, const struct msg_assignment *a, const char *dir,
                     struct err *err)
{
    front->train = dataset_open(a->data_format, dir, DATASET_TRAIN, err);
    front->test = front->train ? dataset_open(a->data_format, dir, DATASET_TEST, err) : NULL;
    if (!front->test)
        return -1;
    struct shape wanted = net_shape(front->net, 0);
    struct dataset *parts[] = {front->train, front->test};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct shape found = dataset_shape(parts[i]);
        char a_text[SHAPE_TEXT_BYTES], b_text[SHAPE_TEXT_BYTES];
        if (!shape_equal(&found, &wanted))
            return err_set(err, "data in '%s' are %s, the model '%s' takes %s", dir,
                           shape_format(&found, a_text), a->model_name,
                           shape_format(&wanted, b_text));
        dataset_normalize(parts[i], a->data_mean, a->data_std);
    }
    if (augments(front) && wanted.n_dims != 3)
        return err_set(err, "data in '%s' are no images: they cannot be cropped or flipped", dir);
    return 0;
}

/* All that there are (partition `local`). */
static void take_own_samples(struct front *front, const struct msg_assignment *a)
{
    size_t n = dataset_n_samples(front->train);
    uint32_t *index = mem_zero(n, sizeof *index);
    for (size_t i = 0; i < n; i++)
        index[i] = (uint32_t)i;
    sampler_init(&front->sampler, index, n, a->seed, RNG_SAMPLER + a->device_index);
    free(index);
}

static int take_samples(struct front *front, const struct msg_assignment *a,
                        const struct payload *samples, const char *dir, struct err *err)
{
    const uint32_t *index = payload_data(samples);
    size_t n = payload_bytes(samples) / sizeof *index;
    size_t n_found = dataset_n_samples(front->train);
    if (n_found == 0)
        return err_set(err, "'%s' holds no training samples", dir);
    if (a->has_own_samples) {
        take_own_samples(front, a);
        return 0;
    }
    if (n == 0)
        return err_set(err, "no training samples assigned");
    for (size_t i = 0; i < n; i++)
        if (index[i] >= n_found)
            return err_set(err, "assigned sample %u, but '%s' holds %zu training samples", index[i],
                           dir, n_found);
    sampler_init(&front->sampler, index, n, a->seed, RNG_SAMPLER + a->device_index);
    return 0;
}

static int take_weights(struct front *front, const struct payload *weights, struct err *err)
{
    size_t n;
    float *state = net_state(front->net, &n);
    if (payload_bytes(weights) != n * sizeof *state)
        return err_set(err, "%zu bytes of front weights, the layers have %zu",
                       payload_bytes(weights), n * sizeof *state);
    memcpy(state, payload_data(weights), n * sizeof *state);
    return 0;
}

static int take_optimizer(struct front *front, const struct msg_assignment *a, struct err *err)
{
    struct optimizer *optimizer = &front->optimizer;
    size_t n;
    if (optimizer_init(optimizer, a->optimizer, err))
        return -1;
    optimizer->learning_rate = a->learning_rate;
    optimizer->momentum = a->momentum;
    optimizer->weight_decay = a->weight_decay;
    optimizer->beta1 = a->beta1;
    optimizer->beta2 = a->beta2;
    optimizer->eps = a->eps;
    net_params(front->net, &n);
    front->moments = mem_zero(optimizer_state_floats(optimizer, n), sizeof *front->moments);
    return 0;
}

static int check_cut(const struct front *front, int64_t cut, struct err *err)
{
    int64_t n = (int64_t)front->spec.layers.n;
    if (cut < 1 || cut >= n)
        return err_set(err, "cut %lld of a model of %lld layers: allowed are 1 to %lld",
                       (long long)cut, (long long)n, (long long)n - 1);
    return 0;
}

/* The tape and sizes that belong to front->net, [0, cut). */
static int settle_cut(struct front *front, int cut, struct err *err)
{
    struct shape shape = net_shape(front->net, cut);
    size_t features = shape_features(&shape);
    if (features > PAYLOAD_MAX_BYTES / sizeof(float) / (size_t)front->batch)
        return err_set(err, "batch size %d: too large to be sent at cut %d", front->batch, cut);
    tape_free(front->tape);
    front->tape = tape_new(front->net, front->batch, err);
    front->cut = cut;
    front->cut_features = features;
    return front->tape ? 0 : -1;
}

static int build(struct front *front, const struct msg_assignment *a, struct err *err)
{
    if (a->batch_size < 1 || a->batch_size > BATCH_MAX)
        return err_set(err, "batch size %u: allowed are 1 to %d", a->batch_size, BATCH_MAX);
    if (model_from_message(&front->spec, a, err))
        return -1;
    front->has_spec = true;
    front->batch = (int)a->batch_size;
    if (check_cut(front, a->cut, err) ||
        !(front->net = net_new(&front->spec, 0, (int)a->cut, err)) ||
        settle_cut(front, (int)a->cut, err))
        return -1;
    front->seed = a->seed + a->device_index;
    front->index = mem_zero(a->batch_size, sizeof *front->index);
    front->labels = mem_zero(a->batch_size, sizeof *front->labels);
    front->augment = (struct augment){(int)a->crop_padding, a->flips, front->seed};
    return 0;
}

struct front *front_new(const struct msg_assignment *assignment, const struct payload *samples,
                        const struct payload *weights, const char *data_dir, struct err *err)
{
    struct front *front = mem_zero(1, sizeof *front);
    net_set_threads((int)assignment->threads);
    if (build(front, assignment, err) || take_weights(front, weights, err) ||
        take_optimizer(front, assignment, err) || open_data(front, assignment, data_dir, err) ||
        take_samples(front, assignment, samples, data_dir, err)) {
        front_free(front);
        return NULL;
    }
    return front;
}

void front_free(struct front *front)
{
    if (!front)
        return;
    tape_free(front->tape);
    net_free(front->net);
    if (front->has_spec)
        net_spec_release(&front->spec);
    dataset_free(front->train);
    dataset_free(front->test);
    sampler_release(&front->sampler);
    free(front->moments);
    free(front->index);
    free(front->labels);
    free(front);
}

size_t front_n_train(const struct front *front)
{
    return front->sampler.n;
}

size_t front_n_test(const struct front *front)
{
    return dataset_n_samples(front->test);
}

int front_batch_size(const struct front *front)
{
    return front->batch;
}

size_t front_cut_features(const struct front *front)
{
    return front->cut_features;
}

/* The n samples whose images are in the tape. */
static const float *run_forward(struct front *front, int n, const uint32_t **labels)
{
    net_forward(front->net, front->tape, 0, front->cut, n);
    *labels = front->labels;
    return tape_activation(front->tape, front->cut);
}

const float *front_forward(struct front *front, const uint32_t **labels)
{
    sampler_draw(&front->sampler, front->index, front->batch);
    float *images = tape_activation(front->tape, 0);
    if (augments(front))
        dataset_batch_augmented(front->train, &front->augment, front->step, front->index,
                                front->batch, images, front->labels);
    else
        dataset_batch(front->train, front->index, front->batch, images, front->labels);
    tape_set_training(front->tape, true, front->seed, front->step++);
    return run_forward(front, front->batch, labels);
}

int front_check(const struct front *front, struct err *err)
{
    return dataset_check(front->train, err) || dataset_check(front->test, err) ? -1 : 0;
}

float *front_gradient(struct front *front)
{
    return tape_gradient(front->tape, front->cut);
}

void front_backward(struct front *front)
{
    size_t n;
    float *params = net_params(front->net, &n);
    net_zero_grads(front->net);
    net_backward(front->net, front->tape, 0, front->cut, front->batch, false);
    optimizer_step(&front->optimizer, params, net_grads(front->net, &n), front->moments, n,
                   front->step);
}

const float *front_evaluate(struct front *front, uint32_t first, uint32_t stride, int n,
                            const uint32_t **labels)
{
    for (int i = 0; i < n; i++)
        front->index[i] = first + (uint32_t)i * stride;
    dataset_batch(front->test, front->index, n, tape_activation(front->tape, 0), front->labels);
    tape_set_training(front->tape, false, front->seed, front->step);
    return run_forward(front, n, labels);
}

float *front_weights(struct front *front, size_t *n)
{
    return net_state(front->net, n);
}

int front_cut(const struct front *front)
{
    return front->cut;
}

/* Floats of optimiser state for each parameter. */
static int n_planes(const struct front *front)
{
    return (int)optimizer_state_floats(&front->optimizer, 1);
}

int front_move_cut(struct front *front, int cut, struct err *err)
{
    if (cut == front->cut)
        return 0;
    if (check_cut(front, cut, err))
        return -1;
    tape_free(front->tape); /* first: there may be no memory for two */
    front->tape = NULL;
    float *moments;
    struct net *net = net_range_moved(front->net, front->moments, n_planes(front), &front->spec, 0,
                                      cut, &moments, err);
    if (!net)
        return -1;
    net_free(front->net);
    free(front->moments);
    front->net = net;
    front->moments = moments;
    return settle_cut(front, cut, err);
}

static struct payload *room_for(size_t n_floats, int from, int to, struct err *err)
{
    if (n_floats <= PAYLOAD_MAX_BYTES / sizeof(float))
        return payload_new(n_floats * sizeof(float));
    err_set(err, "layers [%d, %d): too large to be sent", from, to);
    return NULL;
}

struct payload *front_get_weights(const struct front *front, int from, int to, struct err *err)
{
    struct payload *weights = room_for(net_range_weights(front->net, from, to), from, to, err);
    if (weights)
        net_range_get(front->net, from, to, payload_memory(weights));
    return weights;
}

struct payload *front_get_optimizer(const struct front *front, int from, int to, struct err *err)
{
    size_t n = net_range_params(front->net, from, to) * (size_t)n_planes(front);
    struct payload *state = room_for(n, from, to, err);
    if (state)
        net_range_get_planes(front->net, from, to, n_planes(front), front->moments,
                             payload_memory(state));
    return state;
}

int front_set_weights(struct front *front, int from, int to, const struct payload *weights,
                      struct err *err)
{
    size_t wanted = net_range_weights(front->net, from, to) * sizeof(float);
    if (payload_bytes(weights) != wanted)
        return err_set(err, "%zu bytes of weights for layers [%d, %d), which have %zu",
                       payload_bytes(weights), from, to, wanted);
    net_range_set(front->net, from, to, payload_data(weights));
    return 0;
}

int front_set_optimizer(struct front *front, int from, int to, const struct payload *state,
                        struct err *err)
{
    size_t n = net_range_params(front->net, from, to) * (size_t)n_planes(front);
    if (payload_bytes(state) != n * sizeof(float))
        return err_set(err, "%zu bytes of optimiser state for layers [%d, %d), which have %zu",
                       payload_bytes(state), from, to, n * sizeof(float));
    net_range_set_planes(front->net, from, to, n_planes(front), front->moments,
                         payload_data(state));
    return 0;
}
