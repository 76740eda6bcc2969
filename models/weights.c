/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/net_impl.h"
#include "models/safetensors.h"

/* Parameters and buffers of a net, counted through. */
static size_t n_tensors(const struct net *net)
{
    return net->n_weights + net->n_buffers;
}

static const struct net_weight *tensor_at(const struct net *net, size_t i)
{
    return i < net->n_weights ? &net->weights[i] : &net->buffers[i - net->n_weights];
}

/* Where its floats are within net_state(). */
static size_t place_of(const struct net *net, size_t i)
{
    return tensor_at(net, i)->first + (i < net->n_weights ? 0 : net->n_params);
}

static const char *dtype_of(const struct net_weight *tensor)
{
    return tensor->is_count ? "I64" : "F32";
}

/* Adds net's tensors; a count is converted into counts[]. */
static size_t list_tensors(const struct net *net, struct safetensors_tensor *tensors,
                           int64_t *counts)
{
    for (size_t i = 0; i < n_tensors(net); i++) {
        const struct net_weight *tensor = tensor_at(net, i);
        const float *data = net->state + place_of(net, i);
        tensors[i] = (struct safetensors_tensor){tensor->name, dtype_of(tensor), tensor->n_dims,
                                                 tensor->dim, data};
        if (!tensor->is_count)
            continue;
        counts[i] = (int64_t)*data;
        tensors[i].data = &counts[i];
    }
    return n_tensors(net);
}

int weights_save(const char *path, const struct net *const *nets, int n_nets, struct err *err)
{
    size_t n = 0;
    for (int i = 0; i < n_nets; i++)
        n += n_tensors(nets[i]);
    struct safetensors_tensor *tensors = mem_zero(n, sizeof *tensors);
    int64_t *counts = mem_zero(n, sizeof *counts);
    n = 0;
    for (int i = 0; i < n_nets; i++)
        n += list_tensors(nets[i], tensors + n, counts + n);
    int status = safetensors_write(path, tensors, n, err);
    free(tensors);
    free(counts);
    return status;
}

static bool layer_has(const struct layer_tensor *tensors, int n, const char *suffix)
{
    for (int t = 0; t < n; t++) {
        if (strcmp(tensors[t].suffix, suffix) == 0)
            return true;
    }
    return false;
}

/* Whether the whole network, of which the net may be a part, has such a tensor. */
static bool network_has(const struct net *net, const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < net->program.n_nodes; i++) {
        const struct program_node *node = &net->program.nodes[i];
        size_t n = strlen(node->name);
        if (n == (size_t)(dot - name) && memcmp(node->name, name, n) == 0 &&
            (layer_has(node->layer.tensors, node->layer.n_tensors, dot + 1) ||
             layer_has(node->layer.buffers, node->layer.n_buffers, dot + 1)))
            return true;
    }
    return false;
}

static int check_names(const struct safetensors *file, const struct net *net, struct err *err)
{
    for (size_t i = 0; i < safetensors_n(file); i++) {
        const char *name = safetensors_at(file, i)->name;
        if (!network_has(net, name))
            return err_set(err, "tensor '%s': the network has none of this name", name);
    }
    return 0;
}

/* "6x1x5x5", "" for a single number. */
static void format_shape(char text[160], int n_dims, const int64_t *dim)
{
    size_t n = 0;
    text[0] = 0;
    for (int i = 0; i < n_dims; i++)
        n += (size_t)snprintf(text + n, 160 - n, "%s%lld", i ? "x" : "", (long long)dim[i]);
}

static int check_tensor(const struct safetensors_entry *entry, const struct net_weight *tensor,
                        struct err *err)
{
    if (!entry)
        return err_set(err, "tensor '%s': is not in the file", tensor->name);
    if (strcmp(entry->dtype, dtype_of(tensor)) != 0)
        return err_set(err, "tensor '%s': dtype %s: allowed is %s", tensor->name, entry->dtype,
                       dtype_of(tensor));
    int64_t dim[4] = {0};
    bool is_alike = entry->n_dims == tensor->n_dims;
    for (int i = 0; i < tensor->n_dims; i++) {
        dim[i] = tensor->dim[i];
        is_alike = is_alike && entry->dim[i] == dim[i];
    }
    if (is_alike)
        return 0;
    char found[160], wanted[160];
    format_shape(found, entry->n_dims, entry->dim);
    format_shape(wanted, tensor->n_dims, dim);
    return err_set(err, "tensor '%s': shape (%s): the network's is (%s)", tensor->name, found,
                   wanted);
}

static int read_count(struct safetensors *file, const struct safetensors_entry *entry, float *to,
                      struct err *err)
{
    int64_t count;
    if (safetensors_read(file, entry, &count, err))
        return -1;
    if (count < 0)
        return err_set(err, "tensor '%s': a count of %lld: allowed is from 0", entry->name,
                       (long long)count);
    *to = (float)count;
    return 0;
}

static int read_tensors(struct safetensors *file, const struct net *net, float *state,
                        struct err *err)
{
    for (size_t i = 0; i < n_tensors(net); i++) {
        const struct net_weight *tensor = tensor_at(net, i);
        const struct safetensors_entry *entry = safetensors_find(file, tensor->name);
        float *to = state + place_of(net, i);
        if (check_tensor(entry, tensor, err) ||
            (tensor->is_count ? read_count(file, entry, to, err)
                              : safetensors_read(file, entry, to, err)))
            return -1;
    }
    return 0;
}

int weights_load(const char *path, struct net *net, struct err *err)
{
    struct safetensors *file = safetensors_open(path, err);
    size_t n = net->n_params + net->n_buffer_floats;
    struct float_arena state = {0};
    if (!file)
        return -1;
    int status = check_names(file, net, err) || float_arena_init(&state, n, "weights", err) ||
                         read_tensors(file, net, state.at, err)
                     ? err_prefix(err, "%s", path)
                     : 0;
    if (status == 0)
        memcpy(net->state, state.at, n * sizeof(float));
    float_arena_release(&state);
    safetensors_close(file);
    return status;
}
