/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As the matrix product weight (out_channels, patch) x patches (patch, pixels) on OpenBLAS, for any geometry. Small
 * images are taken several at a time, so that the product is wide enough to be worth reading the weights for.
 */
#include <string.h>

#include "models/conv.h"
#include "models/gemm.h"
#include "models/parallel.h"

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

/*
 * What comes before and after a product, shared out to threads: images (n, channels, pixels) to or from matrix columns
 * (channels, n x pixels), and images in to or from patches (patch, n x pixels).
 */
struct rearranging {
    const struct conv *conv;
    size_t n; /* images */
    const float *from, *bias;
    float *to;
};

static void channels_to_columns(void *context, size_t first, size_t end)
{
    const struct rearranging *r = context;
    size_t pixels = (size_t)r->conv->pixels, channels = (size_t)r->conv->out_channels;
    for (size_t c = first; c < end; c++) {
        for (size_t i = 0; i < r->n; i++)
            memcpy(r->to + (c * r->n + i) * pixels, r->from + (i * channels + c) * pixels,
                   pixels * sizeof *r->to);
    }
}

static void columns_to_channels(void *context, size_t first, size_t end)
{
    const struct rearranging *r = context;
    size_t pixels = (size_t)r->conv->pixels, channels = (size_t)r->conv->out_channels;
    for (size_t c = first; c < end; c++) {
        float shift = r->bias ? r->bias[c] : 0;
        for (size_t i = 0; i < r->n; i++) {
            const float *from = r->from + (c * r->n + i) * pixels;
            float *to = r->to + (i * channels + c) * pixels;
            for (size_t p = 0; p < pixels; p++)
                to[p] = from[p] + shift;
        }
    }
}

static void images_to_patches(void *context, size_t first, size_t end)
{
    const struct rearranging *r = context;
    size_t in = conv_in_features(r->conv), pixels = (size_t)r->conv->pixels;
    for (size_t i = first; i < end; i++)
        window_gather(&r->conv->window, r->from + i * in, r->to + i * pixels, r->n * pixels);
}

static void patches_to_images(void *context, size_t first, size_t end)
{
    const struct rearranging *r = context;
    size_t in = conv_in_features(r->conv), pixels = (size_t)r->conv->pixels;
    for (size_t i = first; i < end; i++)
        window_scatter_add(&r->conv->window, r->from + i * pixels, r->n * pixels, r->to + i * in);
}

static void images_to_columns(const struct conv *conv, int n, const float *images, float *columns)
{
    struct rearranging r = {conv, (size_t)n, images, NULL, columns};
    size_t channels = (size_t)conv->out_channels;
    parallel_ranges(channels, channels * r.n * (size_t)conv->pixels, channels_to_columns, &r);
}

static void columns_to_images(const struct conv *conv, int n, const float *columns,
                              const float *bias, float *images)
{
    struct rearranging r = {conv, (size_t)n, columns, bias, images};
    size_t channels = (size_t)conv->out_channels;
    parallel_ranges(channels, channels * r.n * (size_t)conv->pixels, columns_to_channels, &r);
}

static void gather(const struct conv *conv, int n, const float *x, float *patches)
{
    struct rearranging r = {conv, (size_t)n, x, NULL, patches};
    parallel_ranges(r.n, r.n * (size_t)conv->patch * (size_t)conv->pixels, images_to_patches, &r);
}

static void scatter(const struct conv *conv, int n, const float *patches, float *gx)
{
    struct rearranging r = {conv, (size_t)n, patches, NULL, gx};
    parallel_ranges(r.n, r.n * (size_t)conv->patch * (size_t)conv->pixels, patches_to_images, &r);
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
        gather(conv, n, pass->x + (size_t)i * in, patches);
        multiply(conv, columns, pass->params, patches, y);
        columns_to_images(conv, n, y, conv_bias(conv, pass), pass->y + (size_t)i * out);
    }
}

static void bias_gradient(const struct conv *conv, int columns, const float *gy, bool adds,
                          float *grad)
{
    for (int c = 0; c < conv->out_channels; c++) {
        double sum = 0;
        for (int p = 0; p < columns; p++)
            sum += (double)gy[(size_t)c * (size_t)columns + (size_t)p];
        grad[c] = (adds ? grad[c] : 0) + (float)sum;
    }
}

/* grad = or += gy patches^T, group by group. */
static void patches_gradient(const struct conv *conv, int columns, const float *gy,
                             const float *patches, bool adds, float *grad)
{
    int rows = conv->out_channels / conv->groups, depth = conv->patch / conv->groups;
    for (size_t g = 0; g < (size_t)conv->groups; g++)
        gemm_nt(rows, depth, columns, gy + g * (size_t)rows * (size_t)columns,
                patches + g * (size_t)depth * (size_t)columns, adds,
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
        gather(conv, n, pass->x + (size_t)i * in, patches);
        images_to_columns(conv, n, pass->gy + (size_t)i * out, gy);
        bool adds = pass->adds_grads || i > 0;
        patches_gradient(conv, columns, gy, patches, adds, pass->grads);
        if (conv->has_bias)
            bias_gradient(conv, columns, gy, adds, pass->grads + conv_n_weights(conv));
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
        scatter(conv, n, patches, pass->gx + (size_t)i * in);
    }
}

const struct conv_algorithm conv_gemm = {
    .name = "gemm",
    .writes_grads = true,
    .fits = fits,
    .suits = suits,
    .scratch = scratch,
    .run = {forward, input_gradient, weight_gradient},
};
