/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A convolution and the ways to compute it. layer_conv2d.c has a table of algorithms and takes, for each of the
 * three computations and each batch, the first that suits. Inside models/.
 *
 *   forward           y[o] = bias[o] + sum_c weight[o][c] * x[c]        (cross-correlation, as torch.nn.Conv2d)
 *   input gradient    gx[c] = sum_o gy[o] convolved with weight[o][c]
 *   weight gradient   weight's += sum over samples and pixels of gy[o] x[c] at each place of the kernel;
 *                     bias's += sum of gy[o]
 *
 * Tensors are (batch, channels, height, width), weights (out_channels, channels / groups, kernel height, width).
 */
#ifndef MODELS_CONV_H
#define MODELS_CONV_H

#include <stdbool.h>
#include <stddef.h>

#include "models/kernels.h"
#include "models/layer.h"
#include "models/window.h"

/* Group g has the g-th of `groups` equal blocks of channels in, of channels out, and of rows of the weight. */
struct conv {
    struct window window;
    int groups;
    int out_channels, patch; /* of all groups; patch: channels x kernel height x kernel width */
    int pixels;              /* of one image out */
    bool has_bias; /* parameters: weight (out_channels, patch / groups), bias (out_channels) */
    const struct kernels *kernels; /* kernels(), but in tests */
};

enum conv_task { CONV_FORWARD, CONV_INPUT_GRADIENT, CONV_WEIGHT_GRADIENT, CONV_N_TASKS };

/* One file models/conv_<name>.c. */
struct conv_algorithm {
    const char *name;
    bool
        writes_grads; /* the weight gradient heeds adds_grads; else grads are zero when it is false */

    /* Whether it computes this convolution at all: all three tasks, any batch. */
    bool (*fits)(const struct conv *conv);

    /* Whether it is to be taken, given that it fits and no row before it in the table was. */
    bool (*suits)(const struct conv *conv, enum conv_task task, int batch);

    /* Floats of scratch memory for any batch up to max_batch on n_threads threads; a double may not overflow. */
    double (*scratch)(const struct conv *conv, enum conv_task task, int max_batch, int n_threads);

    /*
     * By task. The members of `pass` are those of a layer's forward or backward (models/layer.h): gx is written, or
     * added to where adds_gx; grads likewise (writes_grads). The input gradient is not run when gx is NULL.
     */
    void (*run[CONV_N_TASKS])(const struct conv *conv, const struct layer_pass *pass);
};

extern const struct conv_algorithm conv_winograd, conv_lanes, conv_pixelwise, conv_gemm;

/* The rows of the table, for tests and benches; NULL past the last. */
const struct conv_algorithm *conv_algorithm_at(size_t i);

/* What layer_conv2d takes. */
const struct conv_algorithm *conv_algorithm_for(const struct conv *conv, enum conv_task task,
                                                int batch);

struct conv conv_of(struct window window, int out_channels, int groups, bool has_bias);

static inline size_t conv_n_weights(const struct conv *conv)
{
    return (size_t)conv->out_channels * (size_t)(conv->patch / conv->groups);
}

/* NULL without bias. */
static inline const float *conv_bias(const struct conv *conv, const struct layer_pass *pass)
{
    return conv->has_bias ? pass->params + conv_n_weights(conv) : NULL;
}

static inline size_t conv_in_features(const struct conv *conv)
{
    const struct window *window = &conv->window;
    return (size_t)window->channels * (size_t)window->height * (size_t)window->width;
}

static inline size_t conv_out_features(const struct conv *conv)
{
    return (size_t)conv->out_channels * (size_t)conv->pixels;
}

#endif
