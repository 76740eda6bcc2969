/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = x weight^T + bias, weight (out_features, in_features), as torch.nn.Linear. */
#include <string.h>

#include "base/mem.h"
#include "models/gemm.h"
#include "models/layer.h"
#include "models/weight_init.h"

enum { OUT_FEATURES, BIAS, INIT };

static const struct layer_arg args[] = {
    [OUT_FEATURES] = {"out_features", 1, SHAPE_MAX_DIM, 0, true, true, "numbers out", NULL},
    [BIAS] = {"bias", 0, 1, 1, false, true, "whether a number is added per output", NULL},
    [INIT] = WEIGHT_INIT_ARG,
};

static int setup(struct layer *layer, struct err *err)
{
    char text[SHAPE_TEXT_BYTES];
    if (layer->in.n_dims != 1)
        return err_set(err, "input %s: a flat one is wanted, put a flatten before",
                       shape_format(&layer->in, text));
    int out = (int)layer->args[OUT_FEATURES], in = layer->in.dim[0];
    layer->out = shape_flat(out);
    layer->forward_flop = 2.0 * in * out;
    if (layer_add_tensor(layer, "weight", 2, (int[4]){out, in}, err))
        return -1;
    return layer->args[BIAS] != 0 ? layer_add_tensor(layer, "bias", 1, (int[4]){out}, err) : 0;
}

static void init(const struct layer *layer, float *params, struct rng *rng)
{
    weight_init(layer, (int)layer->args[INIT], params, rng);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    int in = layer->in.dim[0], out = layer->out.dim[0];
    bool has_bias = layer->n_tensors > 1;
    for (int i = 0; has_bias && i < pass->batch; i++)
        memcpy(pass->y + (size_t)i * (size_t)out, pass->params + layer->tensors[0].n,
               (size_t)out * sizeof *pass->y);
    gemm_nt(pass->batch, out, in, pass->x, pass->params, has_bias ? 1 : 0, pass->y);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    int in = layer->in.dim[0], out = layer->out.dim[0];
    gemm_tn(out, in, pass->batch, pass->gy, pass->x, pass->adds_grads ? 1 : 0, pass->grads);
    if (layer->n_tensors > 1) {
        float *grad = pass->grads + layer->tensors[0].n;
        if (!pass->adds_grads)
            memset(grad, 0, (size_t)out * sizeof *grad);
        for (int i = 0; i < pass->batch; i++) {
            for (int o = 0; o < out; o++)
                grad[o] += pass->gy[(size_t)i * (size_t)out + (size_t)o];
        }
    }
    if (pass->gx)
        gemm_nn(pass->batch, in, out, pass->gy, pass->params, pass->adds_gx ? 1 : 0, pass->gx);
}

const struct layer_ops layer_linear = {
    .name = "linear",
    .help = "every output from every input",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .writes_grads = true,
    .setup = setup,
    .init = init,
    .forward = forward,
    .backward = backward,
};
