/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "device-agent/front_impl.h"
#include "device-agent/model_message.h"

#define BATCH_MAX 65536

static bool augments(const struct front *front)
{
    return front->augment.crop_padding > 0 || front->augment.flips;
}

/* Samples as the model takes them, labels that it has a class for. */
static int check_part(const struct front *front, const struct dataset *data, struct err *err)
{
    struct shape found = dataset_shape(data), wanted = net_shape(front->net, 0);
    char a_text[SHAPE_TEXT_BYTES], b_text[SHAPE_TEXT_BYTES];
    const char *model = front->spec.name;
    if (!shape_equal(&found, &wanted))
        return err_set(err, "samples are %s, the model '%s' takes %s", shape_format(&found, a_text),
                       model, shape_format(&wanted, b_text));
    size_t n_classes = front->sizes.features[front->sizes.n_layers];
    for (size_t i = 0; i < dataset_n_samples(data); i++)
        if (dataset_labels(data)[i] >= n_classes)
            return err_set(err, "label %u of sample %zu, the model '%s' has classes 0 to %zu",
                           dataset_labels(data)[i], i, model, n_classes - 1);
    return 0;
}

static int open_data(struct front *front, const struct msg_assignment *a, const char *dir,
                     struct err *err)
{
    front->train = dataset_open(a->data_format, dir, DATASET_TRAIN, err);
    front->test = front->train ? dataset_open(a->data_format, dir, DATASET_TEST, err) : NULL;
    if (!front->test)
        return -1;
    if (check_part(front, front->train, err))
        return err_prefix(err, "the training set in '%s'", dir);
    if (check_part(front, front->test, err))
        return err_prefix(err, "the test set in '%s'", dir);
    dataset_normalize(front->train, a->data_mean, a->data_std);
    dataset_normalize(front->test, a->data_mean, a->data_std);
    if (augments(front) && net_shape(front->net, 0).n_dims != 3)
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
    if (optimizer_init(optimizer, a->optimizer, err))
        return -1;
    optimizer->learning_rate = a->learning_rate;
    optimizer->momentum = a->momentum;
    optimizer->weight_decay = a->weight_decay;
    optimizer->beta1 = a->beta1;
    optimizer->beta2 = a->beta2;
    optimizer->eps = a->eps;
    return 0;
}

static int build(struct front *front, const struct msg_assignment *a, struct err *err)
{
    if (a->batch_size < 1 || a->batch_size > BATCH_MAX)
        return err_set(err, "batch size %u: allowed are 1 to %d", a->batch_size, BATCH_MAX);
    if (model_from_message(&front->spec, a, err))
        return -1;
    front->has_spec = true;
    front->batch = (int)a->batch_size;
    if (net_sizes_make(&front->sizes, &front->spec, err) || front_check_cut(front, a->cut, err) ||
        (front->learns && !(front->net = net_new(&front->spec, 0, (int)a->cut, err))) ||
        front_settle_cut(front, (int)a->cut, err))
        return -1;
    front->seed = a->seed + a->device_index;
    if (front->learns) {
        front->index = mem_zero(a->batch_size, sizeof *front->index);
        front->labels = mem_zero(a->batch_size, sizeof *front->labels);
    }
    front->augment = (struct augment){(int)a->crop_padding, a->flips, front->seed};
    return 0;
}

static int start_learning(struct front *front, const struct msg_assignment *a,
                          const struct payload *samples, const struct payload *weights,
                          const char *data_dir, struct err *err)
{
    size_t n;
    if (take_weights(front, weights, err))
        return -1;
    net_params(front->net, &n);
    front->moments = mem_zero(optimizer_state_floats(&front->optimizer, n), sizeof *front->moments);
    return open_data(front, a, data_dir, err) || take_samples(front, a, samples, data_dir, err) ? -1
                                                                                                : 0;
}

struct front *front_new(const struct msg_assignment *assignment, const struct payload *samples,
                        const struct payload *weights, const char *data_dir, struct err *err)
{
    struct front *front = mem_zero(1, sizeof *front);
    front->learns = !assignment->is_without_learning;
    if (front->learns)
        net_set_threads((int)assignment->threads);
    if (build(front, assignment, err) || take_optimizer(front, assignment, err) ||
        (front->learns && start_learning(front, assignment, samples, weights, data_dir, err))) {
        front_free(front);
        return NULL;
    }
    if (!front
             ->learns) { /* sizes are all that is needed from here on, and there may be many devices */
        net_spec_release(&front->spec);
        front->has_spec = false;
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
    net_sizes_release(&front->sizes);
    payload_drop(front->zeros);
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
    return front->learns ? dataset_n_samples(front->test) : 0;
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
    if (!front->learns) {
        *labels = payload_data(front->zeros);
        return payload_data(front->zeros);
    }
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
    if (!front->learns)
        return 0;
    return dataset_check(front->train, err) || dataset_check(front->test, err) ? -1 : 0;
}

void front_put_gradient(struct front *front, uint32_t first_slot, const struct payload *gradient)
{
    if (front->learns)
        memcpy(tape_gradient(front->tape, front->cut) + first_slot * front->cut_features,
               payload_data(gradient), payload_bytes(gradient));
}

void front_backward(struct front *front)
{
    if (!front->learns)
        return;
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

const float *front_weights(struct front *front, size_t *n)
{
    *n = net_sizes_weights(&front->sizes, 0, front->cut);
    return front->learns ? net_state(front->net, NULL) : payload_data(front->zeros);
}
