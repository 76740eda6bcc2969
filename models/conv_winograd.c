/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 3x3 windows at stride 1 with channels in sixteens: models/winograd.h. */
#include "models/conv.h"
#include "models/moments.h"
#include "models/parallel.h"
#include "models/winograd.h"

static bool fits(const struct conv *conv)
{
    const struct window_axis *x = &conv->window.x, *y = &conv->window.y;
    return x->kernel == 3 && y->kernel == 3 && x->stride == 1 && y->stride == 1 &&
           x->dilation == 1 && y->dilation == 1 && x->padding == y->padding && x->padding <= 2 &&
           conv->groups == 1 && winograd_fits(conv->window.channels, conv->out_channels);
}

/* The input's gradient is a convolution the other way round. */
static struct winograd winograd_of(const struct conv *conv, enum conv_task task, int batch,
                                   int n_threads)
{
    const struct window *window = &conv->window;
    bool is_turned = task == CONV_INPUT_GRADIENT;
    struct winograd w = {
        .kernels = conv->kernels->winograd,
        .samples = batch,
        .in_channels = is_turned ? conv->out_channels : window->channels,
        .out_channels = is_turned ? window->channels : conv->out_channels,
        .height = is_turned ? window->out_height : window->height,
        .width = is_turned ? window->out_width : window->width,
        .padding = is_turned ? 2 - window->x.padding : window->x.padding,
        .out_height = is_turned ? window->height : window->out_height,
        .out_width = is_turned ? window->width : window->out_width,
        .threads = n_threads,
    };
    w.tile = winograd_best_tile(&w);
    return w;
}

/* Against a matrix product of 20 multiply-adds a cycle that reads the weights once. */
static bool suits(const struct conv *conv, enum conv_task task, int batch)
{
    struct winograd w = winograd_of(conv, task, batch, 1);
    double weights = (double)conv_n_weights(conv), pixels = (double)batch * w.out_height;
    return winograd_cost(&w) < weights * (pixels * w.out_width / 20 + 0.3);
}

static double scratch(const struct conv *conv, enum conv_task task, int max_batch, int n_threads)
{
    struct winograd w = winograd_of(conv, task, max_batch, n_threads);
    return (double)winograd_scratch(&w);
}

static void forward(const struct conv *conv, const struct layer_pass *pass)
{
    struct winograd w = winograd_of(conv, CONV_FORWARD, pass->batch, parallel_threads());
    winograd_forward(&w, pass->x, pass->params, false, conv_bias(conv, pass), pass->y, false,
                     pass->scratch);
}

static void input_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    struct winograd w = winograd_of(conv, CONV_INPUT_GRADIENT, pass->batch, parallel_threads());
    winograd_forward(&w, pass->gy, pass->params, true, NULL, pass->gx, pass->adds_gx,
                     pass->scratch);
}

static void add_bias_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    float *grad = pass->grads + conv_n_weights(conv);
    size_t pixels = (size_t)conv->pixels, channels = (size_t)conv->out_channels;
    for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < (size_t)pass->batch; i++)
            sum += sum_of(pass->gy + (i * channels + c) * pixels, conv->pixels);
        grad[c] = (pass->adds_grads ? grad[c] : 0) + (float)sum;
    }
}

static void weight_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    struct winograd w = winograd_of(conv, CONV_WEIGHT_GRADIENT, pass->batch, parallel_threads());
    winograd_weight_gradient(&w, pass->x, pass->gy, pass->grads, pass->adds_grads, pass->scratch);
    if (conv->has_bias)
        add_bias_gradient(conv, pass);
}

const struct conv_algorithm conv_winograd = {
    .name = "winograd",
    .writes_grads = true,
    .fits = fits,
    .suits = suits,
    .scratch = scratch,
    .run = {forward, input_gradient, weight_gradient},
};
