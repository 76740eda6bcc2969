/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A 1x1 kernel that reads each pixel: one product a sample and group on OpenBLAS, of tensors where they lie. */
#include "models/conv.h"
#include "models/gemm.h"

/* Pixels below which a product is too narrow: samples are better taken together. */
#define MIN_PIXELS 64

static bool reads_each(struct window_axis axis)
{
    return axis.kernel == 1 && axis.stride == 1 && axis.padding == 0;
}

static bool fits(const struct conv *conv)
{
    return reads_each(conv->window.y) && reads_each(conv->window.x);
}

static bool suits(const struct conv *conv, enum conv_task task, int batch)
{
    (void)task, (void)batch;
    return conv->groups == 1 && conv->pixels >= MIN_PIXELS;
}

static double scratch(const struct conv *conv, enum conv_task task, int max_batch, int n_threads)
{
    (void)conv, (void)task, (void)max_batch, (void)n_threads;
    return 0;
}

/* The product of one sample and one group. */
struct block {
    int rows, depth; /* channels out and in */
    size_t in, out, weight;
};

static struct block block_of(const struct conv *conv, int i)
{
    int rows = conv->out_channels / conv->groups, depth = conv->patch / conv->groups;
    size_t pixels = (size_t)conv->pixels, group = (size_t)(i % conv->groups);
    return (struct block){rows, depth, (size_t)i * (size_t)depth * pixels,
                          (size_t)i * (size_t)rows * pixels, group * (size_t)(rows * depth)};
}

static void forward(const struct conv *conv, const struct layer_pass *pass)
{
    const float *bias = conv_bias(conv, pass);
    for (int i = 0; i < pass->batch * conv->groups; i++) {
        struct block b = block_of(conv, i);
        float *y = pass->y + b.out;
        gemm_nn(b.rows, conv->pixels, b.depth, pass->params + b.weight, pass->x + b.in, 0, y);
        for (int o = 0; bias && o < b.rows; o++, y += conv->pixels) {
            float shift = bias[i % conv->groups * b.rows + o];
            for (int p = 0; p < conv->pixels; p++)
                y[p] += shift;
        }
    }
}

static void input_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    for (int i = 0; i < pass->batch * conv->groups; i++) {
        struct block b = block_of(conv, i);
        gemm_tn(b.depth, conv->pixels, b.rows, pass->params + b.weight, pass->gy + b.out,
                pass->adds_gx ? 1 : 0, pass->gx + b.in);
    }
}

static void weight_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    size_t pixels = (size_t)conv->pixels, channels = (size_t)conv->out_channels;
    for (int i = 0; i < pass->batch * conv->groups; i++) {
        struct block b = block_of(conv, i);
        gemm_nt(b.rows, b.depth, conv->pixels, pass->gy + b.out, pass->x + b.in, 1,
                pass->grads + b.weight);
    }
    for (size_t c = 0; conv->has_bias && c < channels * (size_t)pass->batch; c++) {
        float sum = 0;
        for (size_t p = 0; p < pixels; p++)
            sum += pass->gy[c * pixels + p];
        pass->grads[conv_n_weights(conv) + c % channels] += sum;
    }
}

const struct conv_algorithm conv_pixelwise = {
    .name = "pixelwise",
    .fits = fits,
    .suits = suits,
    .scratch = scratch,
    .run = {forward, input_gradient, weight_gradient},
};
