/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As the matrix product weight (out_channels, patch) x patches (patch, pixels) on OpenBLAS, for any geometry. Small
 * images are taken several at a time, so that the product is wide enough to be worth reading the weights for.
 */
#include <string.h>

#include "models/conv.h"
#include "models/gemm.h"

/* Columns of patches that one matrix product should have at least. */
#define WANTED_COLUMNS 256

/* Images per matrix product. */
static int images_of(const struct conv *conv)
{
    return (WANTED_COLUMNS + conv->pixels - 1) / conv->pixels;
}

static bool fits(const struct conv *conv)
{
    (void)conv;
    return true;
}

static bool suits(const struct conv *conv, enum conv_task task, int batch)
{
    (void)conv, (void)task, (void)batch;
    return true;
}

static double scratch(const struct conv *conv, enum conv_task task, int max_batch, int n_threads)
{
    (void)task, (void)n_threads;
    int images = images_of(conv) < max_batch ? images_of(conv) : max_batch;
    return ((double)conv->patch + conv->out_channels) * images * conv->pixels;
}

/* Images (n, channels, pixels) to and from matrix columns (channels, n x pixels). */
static void images_to_columns(const struct conv *conv, int n, const float *images, float *columns)
{
    size_t pixels = (size_t)conv->pixels, channels = (size_t)conv->out_channels;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < (size_t)n; i++)
            memcpy(columns + (c * (size_t)n + i) * pixels, images + (i * channels + c) * pixels,
                   pixels * sizeof *columns);
    }
}

static void columns_to_images(const struct conv *conv, int n, const float *columns,
                              const float *bias, float *images)
{
    size_t pixels = (size_t)conv->pixels, channels = (size_t)conv->out_channels;
    for (size_t i = 0; i < (size_t)n; i++) {
        for (size_t c = 0; c < channels; c++) {
            const float *from = columns + (c * (size_t)n + i) * pixels;
            float *to = images + (i * channels + c) * pixels;
            float shift = bias ? bias[c] : 0;
            for (size_t p = 0; p < pixels; p++)
                to[p] = from[p] + shift;
        }
    }
}

/* Patches (patch, n x pixels) of n images. */
static void gather(const struct conv *conv, int n, const float *x, size_t in_features,
                   float *patches)
{
    for (int i = 0; i < n; i++)
        window_gather(&conv->window, x + (size_t)i * in_features,
                      patches + (size_t)i * (size_t)conv->pixels, (size_t)n * (size_t)conv->pixels);
}

/* y (out_channels, columns) = weight patches, group by group. */
static void multiply(const struct conv *conv, int columns, const float *weight,
                     const float *patches, float *y)
{
    int rows = conv->out_channels / conv->groups, depth = conv->patch / conv->groups;
    for (size_t g = 0; g < (size_t)conv->groups; g++)
        gemm_nn(rows, columns, depth, weight + g * (size_t)rows * (size_t)depth,
                patches + g * (size_t)depth * (size_t)columns, 0,
                y + g * (size_t)rows * (size_t)columns);
}

static void forward(const struct conv *conv, const struct layer_pass *pass)
{
    size_t in = conv_in_features(conv), out = conv_out_features(conv);
    int images = images_of(conv);
    for (int i = 0; i < pass->batch; i += images) {
        int n = pass->batch - i < images ? pass->batch - i : images;
        int columns = n * conv->pixels;
        float *patches = pass->scratch, *y = patches + (size_t)conv->patch * (size_t)columns;
        gather(conv, n, pass->x + (size_t)i * in, in, patches);
        multiply(conv, columns, pass->params, patches, y);
        columns_to_images(conv, n, y, conv_bias(conv, pass), pass->y + (size_t)i * out);
    }
}

static void add_bias_gradient(const struct conv *conv, int columns, const float *gy, float *grad)
{
    for (int c = 0; c < conv->out_channels; c++) {
        double sum = 0;
        for (int p = 0; p < columns; p++)
            sum += (double)gy[(size_t)c * (size_t)columns + (size_t)p];
        grad[c] += (float)sum;
    }
}

/* grad += gy patches^T, group by group. */
static void add_weight_gradient(const struct conv *conv, int columns, const float *gy,
                                const float *patches, float *grad)
{
    int rows = conv->out_channels / conv->groups, depth = conv->patch / conv->groups;
    for (size_t g = 0; g < (size_t)conv->groups; g++)
        gemm_nt(rows, depth, columns, gy + g * (size_t)rows * (size_t)columns,
                patches + g * (size_t)depth * (size_t)columns, 1,
                grad + g * (size_t)rows * (size_t)depth);
}

/* patches = weight^T gy, group by group. */
static void patch_gradient(const struct conv *conv, int columns, const float *weight,
                           const float *gy, float *patches)
{
    int rows = conv->out_channels / conv->groups, depth = conv->patch / conv->groups;
    for (size_t g = 0; g < (size_t)conv->groups; g++)
        gemm_tn(depth, columns, rows, weight + g * (size_t)rows * (size_t)depth,
                gy + g * (size_t)rows * (size_t)columns, 0,
                patches + g * (size_t)depth * (size_t)columns);
}

static void weight_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    size_t in = conv_in_features(conv), out = conv_out_features(conv);
    int images = images_of(conv);
    for (int i = 0; i < pass->batch; i += images) {
        int n = pass->batch - i < images ? pass->batch - i : images;
        int columns = n * conv->pixels;
        float *patches = pass->scratch, *gy = patches + (size_t)conv->patch * (size_t)columns;
        gather(conv, n, pass->x + (size_t)i * in, in, patches);
        images_to_columns(conv, n, pass->gy + (size_t)i * out, gy);
        add_weight_gradient(conv, columns, gy, patches, pass->grads);
        if (conv->has_bias)
            add_bias_gradient(conv, columns, gy, pass->grads + conv_n_weights(conv));
    }
}

static void input_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    size_t in = conv_in_features(conv), out = conv_out_features(conv);
    int images = images_of(conv);
    if (!pass->adds_gx)
        memset(pass->gx, 0, (size_t)pass->batch * in * sizeof *pass->gx);
    for (int i = 0; i < pass->batch; i += images) {
        int n = pass->batch - i < images ? pass->batch - i : images;
        int columns = n * conv->pixels;
        float *patches = pass->scratch, *gy = patches + (size_t)conv->patch * (size_t)columns;
        images_to_columns(conv, n, pass->gy + (size_t)i * out, gy);
        patch_gradient(conv, columns, pass->params, gy, patches);
        for (int s = 0; s < n; s++)
            window_scatter_add(&conv->window, patches + (size_t)s * (size_t)conv->pixels,
                               (size_t)columns, pass->gx + (size_t)(i + s) * in);
    }
}

const struct conv_algorithm conv_gemm = {
    .name = "gemm",
    .fits = fits,
    .suits = suits,
    .scratch = scratch,
    .run = {forward, input_gradient, weight_gradient},
};
