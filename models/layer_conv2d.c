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
#include "models/weight_init.h"
#include "models/window.h"

enum {
    OUT_CHANNELS,
    KERNEL_SIZE,
    STRIDE,
    PADDING,
    BIAS,
    DILATION,
    GROUPS,
    KERNEL_HEIGHT,
    PADDING_HEIGHT,
    INIT
};

static const struct layer_arg args[] = {
    [OUT_CHANNELS] = {"out_channels", 1, SHAPE_MAX_DIM, 0, true, true, "feature maps out", NULL},
    [KERNEL_SIZE] = {"kernel_size", 1, WINDOW_MAX_KERNEL, 0, true, true, "pixels", NULL},
    [STRIDE] = {"stride", 1, WINDOW_MAX_STRIDE, 1, false, true, "pixels", NULL},
    [PADDING] = {"padding", 0, WINDOW_MAX_PADDING, 0, false, true, "pixels of zeros on each side",
                 NULL},
    [BIAS] = {"bias", 0, 1, 1, false, true, "whether a number is added per feature map", NULL},
    [DILATION] = {"dilation", 1, WINDOW_MAX_DILATION, 1, false, true,
                  "pixels from one place of the kernel to the next", NULL},
    [GROUPS] = {"groups", 1, SHAPE_MAX_DIM, 1, false, true,
                "groups of channels with kernels of their own; all channels: depthwise", NULL},
    [KERNEL_HEIGHT] = {"kernel_height", 1, WINDOW_MAX_KERNEL, 0, false, true,
                       "pixels; as kernel_size when not given", NULL},
    [PADDING_HEIGHT] = {"padding_height", 0, WINDOW_MAX_PADDING, -1, false, true,
                        "pixels of zeros above and below; as padding when not given", NULL},
    [INIT] = WEIGHT_INIT_ARG,
};

/* Columns of patches that one matrix product should have at least. */
#define WANTED_COLUMNS 256

/* What both directions work with. Matrices of group g are the g-th of `groups` equal blocks of rows. */
struct conv {
    struct window window;
    int groups;
    int out_channels, patch, pixels; /* out_channels and patch: of all groups */
    int images;                      /* per matrix product */
    bool has_bias; /* tensors: weight (out_channels, patch / groups), then bias (out_channels) */
};

static struct window_axis axis_x(const struct layer *layer)
{
    const double *a = layer->args;
    return (struct window_axis){(int)a[KERNEL_SIZE], (int)a[STRIDE], (int)a[PADDING],
                                (int)a[DILATION]};
}

static struct window_axis axis_y(const struct layer *layer)
{
    struct window_axis axis = axis_x(layer);
    if (layer->args[KERNEL_HEIGHT] != 0)
        axis.kernel = (int)layer->args[KERNEL_HEIGHT];
    if (layer->args[PADDING_HEIGHT] >= 0)
        axis.padding = (int)layer->args[PADDING_HEIGHT];
    return axis;
}

static struct conv conv_of(const struct layer *layer)
{
    struct conv conv = {.window = window_of(&layer->in, axis_y(layer), axis_x(layer))};
    conv.groups = (int)layer->args[GROUPS];
    conv.out_channels = (int)layer->args[OUT_CHANNELS];
    conv.patch = window_patch(&conv.window);
    conv.pixels = window_pixels(&conv.window);
    conv.images = (WANTED_COLUMNS + conv.pixels - 1) / conv.pixels;
    conv.has_bias = layer->args[BIAS] != 0;
    return conv;
}

static int check_groups(int groups, int in_channels, int out_channels, struct err *err)
{
    if (in_channels % groups == 0 && out_channels % groups == 0)
        return 0;
    return err_set(err, "groups %d does not divide both the %d channels in and the %d out", groups,
                   in_channels, out_channels);
}

/* Patches and one side's columns of as many images as are taken at a time. */
static double scratch_floats(const struct conv *conv)
{
    return ((double)conv->patch + conv->out_channels) * conv->images * conv->pixels;
}

static int setup(struct layer *layer, struct err *err)
{
    struct window window;
    if (window_init(&window, &layer->in, axis_y(layer), axis_x(layer), err))
        return -1;
    struct conv conv = conv_of(layer);
    if (check_groups(conv.groups, window.channels, conv.out_channels, err))
        return -1;
    layer->out = shape_image(conv.out_channels, window.out_height, window.out_width);
    int dim[4] = {conv.out_channels, window.channels / conv.groups, window.y.kernel,
                  window.x.kernel};
    if (layer_add_tensor(layer, "weight", 4, dim, err))
        return -1;
    if (conv.has_bias && layer_add_tensor(layer, "bias", 1, (int[4]){conv.out_channels}, err))
        return -1;
    double macs = (double)layer->tensors[0].n * conv.pixels;
    layer->forward_flop = 2 * macs;
    double wanted = scratch_floats(&conv);
    if (wanted > NET_MAX_PARAMS)
        return err_set(err, "needs %.0f numbers of scratch memory: allowed are at most %u", wanted,
                       NET_MAX_PARAMS);
    return 0;
}

static size_t scratch(const struct layer *layer, int max_batch, int n_threads)
{
    (void)max_batch;
    (void)n_threads;
    struct conv conv = conv_of(layer);
    return (size_t)scratch_floats(&conv);
}

static void init(const struct layer *layer, float *params, struct rng *rng)
{
    weight_init(layer, (int)layer->args[INIT], params, rng);
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

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    struct conv conv = conv_of(layer);
    size_t in = shape_features(&layer->in), out = shape_features(&layer->out);
    const float *bias = conv.has_bias ? pass->params + layer->tensors[0].n : NULL;
    for (int i = 0; i < pass->batch; i += conv.images) {
        int n = pass->batch - i < conv.images ? pass->batch - i : conv.images;
        int columns = n * conv.pixels;
        float *patches = pass->scratch, *y = patches + (size_t)conv.patch * (size_t)columns;
        gather(&conv, n, pass->x + (size_t)i * in, in, patches);
        multiply(&conv, columns, pass->params, patches, y);
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

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    struct conv conv = conv_of(layer);
    size_t in = shape_features(&layer->in), out = shape_features(&layer->out);
    if (pass->gx && !pass->adds_gx)
        memset(pass->gx, 0, (size_t)pass->batch * in * sizeof *pass->gx);
    for (int i = 0; i < pass->batch; i += conv.images) {
        int n = pass->batch - i < conv.images ? pass->batch - i : conv.images;
        int columns = n * conv.pixels;
        float *patches = pass->scratch, *gy = patches + (size_t)conv.patch * (size_t)columns;
        gather(&conv, n, pass->x + (size_t)i * in, in, patches);
        images_to_columns(&conv, n, pass->gy + (size_t)i * out, gy);
        add_weight_gradient(&conv, columns, gy, patches, pass->grads);
        if (conv.has_bias)
            add_bias_gradient(&conv, columns, gy, pass->grads + layer->tensors[0].n);
        if (!pass->gx)
            continue;
        patch_gradient(&conv, columns, pass->params, gy, patches);
        for (int s = 0; s < n; s++)
            window_scatter_add(&conv.window, patches + (size_t)s * (size_t)conv.pixels,
                               (size_t)columns, pass->gx + (size_t)(i + s) * in);
    }
}

const struct layer_ops layer_conv2d = {
    .name = "conv2d",
    .help = "convolution",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .setup = setup,
    .init = init,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
