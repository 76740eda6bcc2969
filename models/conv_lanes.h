/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The weight gradient of conv_lanes.c, in a file of its own. */
#ifndef MODELS_CONV_LANES_H
#define MODELS_CONV_LANES_H

#include "models/conv.h"

/* Floats for any batch and any number of threads. */
double conv_lanes_weight_scratch(const struct conv *conv);
void conv_lanes_weight_gradient(const struct conv *conv, const struct layer_pass *pass);

#endif
