/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layer normalisation (Ba et al., 2016; torch.nn.LayerNorm): each row of a sample's last `n_dims` dimensions brought
 * to mean 0 and (biased) variance 1, then y = weight xhat + bias, number by number, when elementwise_affine.
 *
 * With s = 1/sqrt(variance + eps) and h = weight gy: gx = s (h - mean(h) - xhat mean(h xhat)) over the row.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "models/kernels.h"
#include "models/kernels_norm.h"
#include "models/layer.h"

enum { EPS, ELEMENTWISE_AFFINE, N_DIMS };

static const struct layer_arg args[] = {
    [EPS] = {"eps", 1e-12, 1, 1e-5, false, false, "added to the variance", NULL},
    [ELEMENTWISE_AFFINE] = {"elementwise_affine", 0, 1, 1, false, true,
                            "whether scale and shift are learnt per number", NULL},
    [N_DIMS] = {"n_dims", 1, SHAPE_MAX_DIMS, 0, false, true,
                "last dimensions of a sample that make a row; all when not given", NULL},
};

static int row_dims(const struct layer *layer)
{
    return layer->args[N_DIMS] != 0 ? (int)layer->args[N_DIMS] : layer->in.n_dims;
}

static int row_floats(const struct layer *layer)
{
    int n = 1;
    for (int i = layer->in.n_dims - row_dims(layer); i < layer->in.n_dims; i++)
        n *= layer->in.dim[i];
    return n;
}

static int setup(struct layer *layer, struct err *err)
{
    int n_dims = row_dims(layer), dim[4];
    if (n_dims > layer->in.n_dims)
        return err_set(err, "n_dims %d: the input has %d", n_dims, layer->in.n_dims);
    for (int i = 0; i < n_dims; i++)
        dim[i] = layer->in.dim[layer->in.n_dims - n_dims + i];
    layer->out = layer->in;
    if (layer->args[ELEMENTWISE_AFFINE] == 0)
        return 0;
    return layer_add_tensor(layer, "weight", n_dims, dim, err) ||
                   layer_add_tensor(layer, "bias", n_dims, dim, err)
               ? -1
               : 0;
}

static size_t scratch(const struct layer *layer, int max_batch, int n_threads)
{
    (void)max_batch;
    (void)n_threads;
    return (size_t)row_floats(layer);
}

static void moments(const struct layer *layer, const float *x, int n, double *mean, double *scale)
{
    double squares;
    kernels()->norm->moments((struct norm_rows){1, n, 0}, x, mean, &squares);
    *scale = 1 / sqrt(squares / n + layer->args[EPS]);
}

static size_t n_rows(const struct layer *layer, const struct layer_pass *pass, int n)
{
    return (size_t)pass->batch * shape_features(&layer->in) / (size_t)n;
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    int n = row_floats(layer);
    const float *x = pass->x;
    const float *weight = layer->n_tensors ? pass->params : NULL, *bias = pass->params + n;
    float *y = pass->y;
    for (size_t row = n_rows(layer, pass, n); row-- > 0; x += n, y += n) {
        double mean, scale;
        moments(layer, x, n, &mean, &scale);
        float shift = (float)mean, gain = (float)scale;
        for (int i = 0; i < n; i++) {
            float xhat = gain * (x[i] - shift);
            y[i] = weight ? weight[i] * xhat + bias[i] : xhat;
        }
    }
}

/* h = weight gy; adds the parameters' gradients. */
static void reduce_row(const struct layer *layer, const struct layer_pass *pass, const float *x,
                       const float *gy, int n, double mean, double scale, float *h)
{
    if (!layer->n_tensors) {
        memcpy(h, gy, (size_t)n * sizeof *h);
        return;
    }
    float shift = (float)mean, gain = (float)scale;
    for (int i = 0; i < n; i++) {
        pass->grads[i] += gy[i] * gain * (x[i] - shift);
        pass->grads[n + i] += gy[i];
        h[i] = pass->params[i] * gy[i];
    }
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    int n = row_floats(layer);
    const float *x = pass->x, *gy = pass->gy;
    float *h = pass->scratch, *gx = pass->gx;
    for (size_t row = n_rows(layer, pass, n); row-- > 0; x += n, gy += n) {
        double mean, scale;
        moments(layer, x, n, &mean, &scale);
        reduce_row(layer, pass, x, gy, n, mean, scale, h);
        if (!gx)
            continue;
        struct norm_rows at = {1, n, 0};
        struct norm_line line = {.mean = (float)mean, .gain = (float)scale};
        double sum, product; /* of h, of h (x - mean) */
        kernels()->norm->sums(at, line, x, h, &sum, &product);
        struct norm_slope slope = {
            .gain = (float)scale,
            .level = (float)(scale * sum / n),
            .slope = (float)(scale * scale * scale * product / n),
            .adds = pass->adds_gx,
        };
        kernels()->norm->gradient(at, line, slope, x, h, gx);
        gx += n;
    }
}

const struct layer_ops layer_layer_norm = {
    .name = "layer_norm",
    .help = "mean 0 and variance 1 within each sample",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .overwrites_gradient = true,
    .setup = setup,
    .init = layer_init_ones_and_zeros,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
