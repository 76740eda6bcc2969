/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/assignment.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

int assignment_optimizer(struct optimizer *optimizer, const struct experiment *e,
                         double learning_rate, struct err *err)
{
    if (optimizer_init(optimizer, e->training.optimizer, err))
        return -1;
    optimizer->learning_rate = learning_rate;
    optimizer->momentum = e->training.momentum;
    optimizer->weight_decay = e->training.weight_decay;
    optimizer->beta1 = e->training.beta1;
    optimizer->beta2 = e->training.beta2;
    optimizer->eps = e->training.eps;
    return 0;
}

static void copy_text(char *to, const char *from)
{
    snprintf(to, MSG_MAX_NAME, "%s", from);
}

static void copy_layers(struct msg_layer_list *to, const struct layer_list *from);

/* Only what was given: the device's table has the same fallbacks. */
static void copy_layer(struct msg_layer *to, const struct layer_spec *from)
{
    copy_text(to->kind, layer_kind_name(from->kind));
    copy_text(to->name, from->name);
    size_t n_args;
    const struct layer_arg *args = layer_kind_args(from->kind, &n_args);
    to->arguments = mem_zero(n_args, sizeof *to->arguments);
    for (size_t i = 0; i < n_args; i++) {
        if (!from->has_arg[i])
            continue;
        struct msg_argument *argument = &to->arguments[to->n_arguments++];
        copy_text(argument->key, args[i].key);
        argument->value = from->args[i];
    }
    to->branches = mem_zero(LAYER_MAX_BRANCHES, sizeof *to->branches);
    const char *key;
    while (to->n_branches < LAYER_MAX_BRANCHES &&
           (key = layer_kind_branch(from->kind, to->n_branches))) {
        copy_text(to->branches[to->n_branches].key, key);
        copy_layers(&to->branches[to->n_branches], &from->branch[to->n_branches]);
        to->n_branches++;
    }
}

static void copy_layers(struct msg_layer_list *to, const struct layer_list *from)
{
    to->n_layers = from->n;
    to->layers = mem_zero(from->n, sizeof *to->layers);
    for (size_t i = 0; i < from->n; i++)
        copy_layer(&to->layers[i], &from->layers[i]);
}

static void copy_optimizer(struct msg_assignment *a, const struct experiment *e)
{
    copy_text(a->optimizer, e->training.optimizer);
    a->learning_rate = e->training.device_learning_rate;
    a->momentum = e->training.momentum;
    a->weight_decay = e->training.weight_decay;
    a->beta1 = e->training.beta1;
    a->beta2 = e->training.beta2;
    a->eps = e->training.eps;
}

static void copy_data(struct msg_assignment *a, const struct experiment *e)
{
    copy_text(a->data_format, e->data.format);
    a->data_mean = e->data.mean;
    a->data_std = e->data.std;
    a->crop_padding = (uint32_t)e->data.crop_padding;
    a->flips = strcmp(e->data.flip, "none") != 0;
}

static struct payload *lend_samples(const struct partition *partition, int device)
{
    if (!partition)
        return payload_new(0);
    size_t first = partition->first[device], n = partition->first[device + 1] - first;
    return payload_lend(partition->index + first, n * sizeof *partition->index, NULL, NULL);
}

struct msg *assignment_make(const struct experiment *e, int device, int cut,
                            const struct partition *partition, struct payload *weights)
{
    struct msg *msg = msg_new(MSG_ASSIGNMENT);
    struct msg_assignment *a = &msg->assignment;
    a->device_index = (uint32_t)device;
    a->n_devices = (uint32_t)e->n_devices;
    a->seed = e->seed;
    a->time_scale = e->testbed.time_scale;
    a->peer_timeout_s = e->testbed.peer_timeout_s;
    a->threads = 1;
    copy_text(a->model_name, e->model.name);
    a->n_input_dims = (uint32_t)e->model.input.n_dims;
    for (int i = 0; i < e->model.input.n_dims; i++)
        a->input_dims[i] = (uint32_t)e->model.input.dim[i];
    copy_layers(&a->layers, &e->model.layers);
    a->cut = (uint32_t)cut;
    a->batch_size = (uint32_t)e->training.batch_size;
    copy_optimizer(a, e);
    copy_data(a, e);
    a->has_own_samples = !partition;
    a->is_without_learning = !e->training.learns;
    msg_attach(msg, lend_samples(partition, device));
    msg_attach(msg, payload_share(weights));
    return msg;
}
