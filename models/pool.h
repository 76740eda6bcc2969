/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What max_pool2d and avg_pool2d share: arguments, output shape, the pixels of one window. */
#ifndef MODELS_POOL_H
#define MODELS_POOL_H

#include "models/layer.h"
#include "models/window.h"

#define POOL_N_ARGS 5
extern const struct layer_arg pool_args[POOL_N_ARGS]; /* kernel_size, stride, padding, ..._height */

/*
 * Square unless kernel_height and padding_height say otherwise; a stride not given is the kernel's size along
 * either axis. padding at most half of kernel_size, as in torch: no window lies outside the image.
 */
int pool_setup(struct layer *layer, struct err *err);
struct window pool_window(const struct layer *layer);

/* The part of output pixel (oy, ox)'s window that is inside the image: rows [y0, y1), columns [x0, x1). */
struct pool_box {
    int y0, y1, x0, x1;
};
struct pool_box pool_box(const struct window *window, int oy, int ox);

/* Planes (height, width) in a batch. */
static inline size_t pool_planes(const struct window *window, const struct layer_pass *pass)
{
    return (size_t)pass->batch * (size_t)window->channels;
}

#endif
