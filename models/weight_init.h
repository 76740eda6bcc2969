/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the weights of convolutions and linear layers are drawn, by PyTorch's names (torch.nn.init). Inside
 * models/; the choice is the argument `init` of these kinds.
 *
 * default: weight and bias uniform in +-1/sqrt(fan_in), what torch.nn.Conv2d and Linear do by themselves.
 * The others draw the weight so and set the bias to 0:
 * kaiming_uniform, kaiming_normal: variance 2/fan_in (He et al., 2015; gain of ReLU);
 * kaiming_normal_fan_out: variance 2/fan_out, torchvision's choice for ResNet and VGG;
 * xavier_uniform, xavier_normal: variance 2/(fan_in + fan_out) (Glorot and Bengio, 2010; gain 1).
 */
#ifndef MODELS_WEIGHT_INIT_H
#define MODELS_WEIGHT_INIT_H

#include "models/layer.h"

#define WEIGHT_INIT_N 6
extern const char *const weight_init_names[WEIGHT_INIT_N + 1];

#define WEIGHT_INIT_ARG                                                                            \
    {                                                                                              \
        "init", 0, WEIGHT_INIT_N - 1, 0, false, true, "how the weights are drawn",                 \
            weight_init_names                                                                      \
    }

/* `choice`: a place in the names. Tensors: weight (out, in, ...), then perhaps bias (out). */
void weight_init(const struct layer *layer, int choice, float *params, struct rng *rng);

#endif
