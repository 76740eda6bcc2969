/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * y[o] = bias[o] + sum_c weight[o][c] * x[c] (cross-correlation, as torch.nn.Conv2d), as the matrix product
 * weight (out_channels, patch) x patches (patch, pixels). Small images are taken several at a time, so that
 * the product is wide enough to be worth reading the weights for.
 */
#include <string.h>

#include "base/mem.h"
#include "models/gemm.h"
#include "models/layer.h"
#include "models/window.h"

enum { OUT_CHANNELS, KERNEL_SIZE, STRIDE, PADDING, BIAS };

static const struct layer_arg args[] = {
    [OUT_CHANNELS] = {"out_channels", 1, SHAPE_MAX_DIM, 0, true, true, "feature maps out"},
    [KERNEL_SIZE] = {"kernel_size", 1, WINDOW_MAX_KERNEL, 0, true, true, "pixels"},
    [STRIDE] = {"stride", 1, WINDOW_MAX_STRIDE, 1, false, true, "pixels"},
    [PADDING] = {"padding", 0, WINDOW_MAX_PADDING, 0, false, true, "pixels of zeros on each side"},
    [BIAS] = {"bias", 0, 1, 1, false, true, "whether a number is added per feature map"},
};

/* Columns of patches that one matrix product should have at least. */
#define WANTED_COLUMNS 256

/* What both directions work with. */
struct conv {
    struct window window;
    int out_channels, patch, pixels;
    int group;     /* images per matrix product */
    bool has_bias; /* tensors: weight (out_channels, patch), then bias (out_channels) */
};

static struct conv conv_of(const struct layer *layer)
{
    struct conv conv = {.window = window_of(&layer->in, (int)layer->args[KERNEL_SIZE],
                                            (int)layer->args[STRIDE], (int)layer->args[PADDING])};
    conv.out_channels = (int)layer->args[OUT_CHANNELS];
    conv.patch = window_patch(&conv.window);
    conv.pixels = window_pixels(&conv.window);
    conv.group = (WANTED_COLUMNS + conv.pixels - 1) / conv.pixels;
    conv.has_bias = layer->args[BIAS] != 0;
    return conv;
}

static int setup(struct layer *layer, struct err *err)
{
    struct window window;
    if (window_init(&window, &layer->in, (int)layer->args[KERNEL_SIZE], (int)layer->args[STRIDE],
                    (int)layer->args[PADDING], err))
        return -1;
    struct conv conv = conv_of(layer);
    int kernel = window.kernel;
    layer->out = shape_image(conv.out_channels, window.out_height, window.out_width);
    if (layer_add_tensor(layer, "weight", 4,
                         (int[4]){conv.out_channels, window.channels, kernel, kernel}, err))
        return -1;
    if (conv.has_bias && layer_add_tensor(layer, "bias", 1, (int[4]){conv.out_channels}, err))
        return -1;
    double macs = (double)conv.out_channels * conv.patch * conv.pixels;
    layer->forward_flop = 2 * macs;
    double scratch = ((double)conv.patch + conv.out_channels) * conv.group * conv.pixels;
    if (scratch > NET_MAX_PARAMS)
        return err_set(err, "needs %.0f numbers of scratch memory: allowed are at most %u", scratch,
                       NET_MAX_PARAMS);
    layer->scratch_floats = (size_t)scratch;
    return 0;
}

static void init(const struct layer *layer, float *params, struct rng *rng)
{
    struct conv conv = conv_of(layer);
    layer_init_uniform(layer, (size_t)conv.patch, params, rng);
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

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    struct conv conv = conv_of(layer);
    size_t in = shape_features(&layer->in), out = shape_features(&layer->out);
    const float *bias = conv.has_bias ? pass->params + layer->tensors[0].n : NULL;
    for (int i = 0; i < pass->batch; i += conv.group) {
        int n = pass->batch - i < conv.group ? pass->batch - i : conv.group;
        int columns = n * conv.pixels;
        float *patches = pass->scratch, *y = patches + (size_t)conv.patch * (size_t)columns;
        gather(&conv, n, pass->x + (size_t)i * in, in, patches);
        gemm_nn(conv.out_channels, columns, conv.patch, pass->params, patches, 0, y);
        columns_to_images(&conv, n, y, bias, pass->y + (size_t)i * out);
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

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    struct conv conv = conv_of(layer);
    size_t in = shape_features(&layer->in), out = shape_features(&layer->out);
    if (pass->gx && !pass->adds_gx)
        memset(pass->gx, 0, (size_t)pass->batch * in * sizeof *pass->gx);
    for (int i = 0; i < pass->batch; i += conv.group) {
        int n = pass->batch - i < conv.group ? pass->batch - i : conv.group;
        int columns = n * conv.pixels;
        float *patches = pass->scratch, *gy = patches + (size_t)conv.patch * (size_t)columns;
        gather(&conv, n, pass->x + (size_t)i * in, in, patches);
        images_to_columns(&conv, n, pass->gy + (size_t)i * out, gy);
        gemm_nt(conv.out_channels, conv.patch, columns, gy, patches, 1, pass->grads);
        if (conv.has_bias)
            add_bias_gradient(&conv, columns, gy, pass->grads + layer->tensors[0].n);
        if (!pass->gx)
            continue;
        gemm_tn(conv.patch, columns, conv.out_channels, pass->params, gy, 0, patches);
        for (int s = 0; s < n; s++)
            window_scatter_add(&conv.window, patches + (size_t)s * (size_t)conv.pixels,
                               (size_t)columns, pass->gx + (size_t)(i + s) * in);
    }
}

const struct layer_ops layer_conv2d = {
    .name = "conv2d",
    .help = "convolution with a square kernel",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .setup = setup,
    .init = init,
    .forward = forward,
    .backward = backward,
};
