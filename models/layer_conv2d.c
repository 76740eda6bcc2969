/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A convolution's arguments and shapes; how it is computed: conv.h. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "models/conv.h"
#include "models/weight_init.h"

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

/* Samples from which scratch memory hardly grows any more. */
#define CHECKED_BATCH 256

/* The first that fits and suits is taken; the last always does. */
static const struct conv_algorithm *const algorithms[] = {&conv_winograd, &conv_lanes,
                                                          &conv_pixelwise, &conv_gemm};

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

struct conv conv_of(struct window window, int out_channels, int groups, bool has_bias)
{
    return (struct conv){
        .window = window,
        .groups = groups,
        .out_channels = out_channels,
        .patch = window_patch(&window),
        .pixels = window_pixels(&window),
        .has_bias = has_bias,
        .kernels = kernels(),
    };
}

static struct conv conv_of_layer(const struct layer *layer)
{
    const double *a = layer->args;
    return conv_of(window_of(&layer->in, axis_y(layer), axis_x(layer)), (int)a[OUT_CHANNELS],
                   (int)a[GROUPS], a[BIAS] != 0);
}

const struct conv_algorithm *conv_algorithm_at(size_t i)
{
    return i < ARRAY_LEN(algorithms) ? algorithms[i] : NULL;
}

const struct conv_algorithm *conv_algorithm_for(const struct conv *conv, enum conv_task task,
                                                int batch)
{
    size_t i = 0;
    while (!algorithms[i]->fits(conv) || !algorithms[i]->suits(conv, task, batch))
        i++;
    return algorithms[i];
}

/* Of the algorithms that a batch of so many samples takes. */
static double scratch_of_batch(const struct conv *conv, int batch, int n_threads)
{
    double most = 0;
    for (enum conv_task task = 0; task < CONV_N_TASKS; task++) {
        double floats =
            conv_algorithm_for(conv, task, batch)->scratch(conv, task, batch, n_threads);
        most = floats > most ? floats : most;
    }
    return most;
}

/* Of every batch up to max_batch: a smaller one may take another algorithm, which needs more. */
static double scratch_floats(const struct conv *conv, int max_batch, int n_threads)
{
    double most = 0;
    for (int batch = 1; batch <= max_batch; batch++)
        most = fmax(most, scratch_of_batch(conv, batch, n_threads));
    return most;
}

/* Near the same, in no time: for a limit on sizes, held against every layer that is described. */
static double checked_scratch_floats(const struct conv *conv)
{
    double most = 0;
    for (int batch = 1; batch <= CHECKED_BATCH; batch *= 2)
        most = fmax(most, scratch_of_batch(conv, batch, 1));
    return most;
}

static int check_groups(int groups, int in_channels, int out_channels, struct err *err)
{
    if (in_channels % groups == 0 && out_channels % groups == 0)
        return 0;
    return err_set(err, "groups %d does not divide both the %d channels in and the %d out", groups,
                   in_channels, out_channels);
}

static int setup(struct layer *layer, struct err *err)
{
    struct window window;
    if (window_init(&window, &layer->in, axis_y(layer), axis_x(layer), err))
        return -1;
    struct conv conv = conv_of_layer(layer);
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
    double wanted = checked_scratch_floats(&conv);
    if (wanted > NET_MAX_PARAMS)
        return err_set(err, "needs %.0f numbers of scratch memory: allowed are at most %u", wanted,
                       NET_MAX_PARAMS);
    return 0;
}

static size_t scratch(const struct layer *layer, int max_batch, int n_threads)
{
    struct conv conv = conv_of_layer(layer);
    return (size_t)scratch_floats(&conv, max_batch, n_threads);
}

static void init(const struct layer *layer, float *params, struct rng *rng)
{
    weight_init(layer, (int)layer->args[INIT], params, rng);
}

static void run(const struct conv *conv, enum conv_task task, const struct layer_pass *pass)
{
    conv_algorithm_for(conv, task, pass->batch)->run[task](conv, pass);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    struct conv conv = conv_of_layer(layer);
    run(&conv, CONV_FORWARD, pass);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    struct conv conv = conv_of_layer(layer);
    const struct conv_algorithm *weight =
        conv_algorithm_for(&conv, CONV_WEIGHT_GRADIENT, pass->batch);
    if (!pass->adds_grads && !weight->writes_grads)
        memset(pass->grads, 0, layer_n_params(layer) * sizeof *pass->grads);
    weight->run[CONV_WEIGHT_GRADIENT](&conv, pass);
    if (pass->gx)
        run(&conv, CONV_INPUT_GRADIENT, pass);
}

const struct layer_ops layer_conv2d = {
    .name = "conv2d",
    .help = "convolution",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .writes_grads = true,
    .backward_reads_input = true,
    .setup = setup,
    .init = init,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
