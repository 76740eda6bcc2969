/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A kind of layer: one file models/layer_<kind>.c and one row in models/layer_kinds.c. Inside models/ only;
 * others see kinds through models/net_spec.h.
 *
 * A primitive kind (conv2d, relu, ...) turns one input into one output and has setup, forward, backward. A
 * composite (residual) has `expand` instead and appends primitives to the program. Forward and backward
 * cannot fail and do not allocate: shapes are agreed in setup, scratch when a tape is made.
 */
#ifndef MODELS_LAYER_H
#define MODELS_LAYER_H

#include <stdint.h>

#include "base/rng.h"
#include "models/net.h"

#define LAYER_MAX_TENSORS 2
#define LAYER_MAX_BUFFERS 3
#define NET_MAX_PARAMS    (1u << 28) /* floats in one network, and in one layer's scratch */

/* One parameter or buffer tensor as PyTorch stores it. */
struct layer_tensor {
    const char *suffix; /* "weight", "bias": the end of the state_dict name */
    int n_dims;
    int dim[4];
    size_t n;      /* floats: the product of the dimensions */
    bool is_count; /* a buffer that is an int64 in a state_dict */
};

/* A primitive layer whose shapes are known. */
struct layer {
    const struct layer_ops *ops;
    struct shape in, out;                           /* of one sample */
    double args[LAYER_MAX_ARGS];                    /* by the kind's rows, fallbacks filled in */
    struct layer_tensor tensors[LAYER_MAX_TENSORS]; /* in order, one behind the other in memory */
    int n_tensors;
    struct layer_tensor buffers[LAYER_MAX_BUFFERS]; /* not learnt: running statistics; likewise */
    int n_buffers;
    int index;           /* of this primitive in the whole network */
    double forward_flop; /* per sample, 2 per multiply-add */
    size_t saved_floats; /* that forward leaves in the tape for backward, for any batch */
};

/* The memory of one forward or backward pass through one layer. */
struct layer_pass {
    int batch;
    bool is_training;    /* else: evaluation */
    uint64_t seed, step; /* of what is drawn at random */
    const struct slots
        *merged;         /* how columns were merged since the batch went forward, else NULL */
    const float *params; /* this layer's tensors */
    float *buffers;      /* this layer's, likewise; forward in training writes them */
    float *saved;        /* layer->saved_floats: written by forward, kept for backward */
    float *grads;        /* backward: written, or added to; same layout */
    bool adds_grads;     /* grads already hold something: add instead of writing */
    const float *x;      /* (batch, in): the cached input */
    const float *other;  /* (batch, in): the second input of `add`, else NULL */
    float *y;            /* forward: (batch, out); written */
    const float *gy;     /* backward: (batch, out) */
    float *gx;           /* backward: (batch, in), or NULL when nobody wants it */
    bool adds_gx;        /* gx already holds another consumer's gradient: add instead of writing */
    float *scratch;      /* as many floats as ops->scratch says, contents not kept */
};

struct program;

struct layer_ops {
    const char *name;
    const char *help;
    const struct layer_arg *args;
    size_t n_args;
    const char *branches[LAYER_MAX_BRANCHES]; /* composites: names of the inner lists */

    /* The output's memory is the (first) input's: flatten, and add which works in place. */
    bool shares_storage;
    /* Forward may write y over x, and backward find y in place of x; see layout.h. */
    bool overwrites_input;
    /* Backward may write gx over gy. */
    bool overwrites_gradient;
    /* Backward heeds pass->adds_grads; for other kinds grads are zero when it is false. */
    bool writes_grads;
    /* Backward reads pass->x: what tape_aggregate() has to treat. */
    bool backward_reads_input;

    /*
     * Primitives. Called once per layer with ops, in and args filled in and args within their rows; sets
     * the rest. Fails with what does not fit; the caller puts the layer's name before it.
     */
    int (*setup)(struct layer *layer, struct err *err);
    /* Draws the parameters. NULL for kinds without. */
    void (*init)(const struct layer *layer, float *params, struct rng *rng);
    /* What buffers hold before any training. NULL for kinds without. */
    void (*reset_buffers)(const struct layer *layer, float *buffers);
    /*
     * Floats of scratch that forward and backward of up to max_batch columns want when parallel_for() runs on
     * up to n_threads threads. Activations of max_batch columns fit into memory. NULL for kinds without.
     */
    size_t (*scratch)(const struct layer *layer, int max_batch, int n_threads);
    /* NULL, both, for a kind that only gives its memory another shape. */
    void (*forward)(const struct layer *layer, const struct layer_pass *pass);
    /*
     * Reads x, gy, params and, of a batch's statistics, saved: nothing else is remembered from forward. After
     * tape_aggregate() x holds merged columns and pass->merged says how.
     */
    void (*backward)(const struct layer *layer, const struct layer_pass *pass);

    /*
     * This layer and a relu after it in one: the relu's y, and backward with the relu's gy, bit for bit what both give
     * one after the other. NULL for kinds without; backward_then_relu may be so alone. See layout.h.
     */
    void (*forward_then_relu)(const struct layer *layer, const struct layer_pass *pass);
    void (*backward_then_relu)(const struct layer *layer, const struct layer_pass *pass);

    /* Composites. Appends primitives that lead from buffer `input` to the returned one; -1: error. */
    int (*expand)(struct program *program, const struct layer_spec *spec, int input,
                  struct err *err);
};

/* Adds a tensor to layer->tensors; dims past n_dims are ignored. Fails above NET_MAX_PARAMS. */
int layer_add_tensor(struct layer *layer, const char *suffix, int n_dims, const int dim[4],
                     struct err *err);
int layer_add_buffer(struct layer *layer, const char *suffix, int n_dims, const int dim[4],
                     bool is_count, struct err *err);
size_t layer_n_params(const struct layer *layer);
size_t layer_n_buffer_floats(const struct layer *layer);

/* A setup for kinds whose output has the input's shape, and nothing else. */
int layer_same_shape(struct layer *layer, struct err *err);

/* An init for norms: the first tensor (scale) ones, the others zeros. */
void layer_init_ones_and_zeros(const struct layer *layer, float *params, struct rng *rng);

/*
 * Does part(layer, pass, first, end) for ranges that make up [0, n), n being columns, planes, channels or numbers whose
 * work is alike, on as many threads as the layer's input is worth.
 */
typedef void layer_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                        size_t end);
void layer_in_parts(const struct layer *layer, const struct layer_pass *pass, size_t n,
                    layer_part *part);

/*
 * Where a column came from: sets *source to the column of the batch that went forward and returns its weight
 * in the mean. Merged columns have a source for each group in [0, merged->n_groups); others one, group 0.
 */
double layer_pass_source(const struct layer_pass *pass, int column, int group, int *source);

extern const struct layer_ops layer_conv2d, layer_linear, layer_relu, layer_leaky_relu, layer_gelu,
    layer_silu, layer_sigmoid, layer_tanh, layer_max_pool2d, layer_avg_pool2d,
    layer_adaptive_avg_pool2d, layer_global_avg_pool, layer_batch_norm, layer_group_norm,
    layer_layer_norm, layer_dropout, layer_flatten, layer_residual, layer_sequence;

/* y = x + other, in place; not in the table, only composites have a second input. */
extern const struct layer_ops layer_add;

#endif
