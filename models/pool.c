/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pool.h"

enum { KERNEL_SIZE, STRIDE, PADDING };

const struct layer_arg pool_args[POOL_N_ARGS] = {
    [KERNEL_SIZE] = {"kernel_size", 1, WINDOW_MAX_KERNEL, 0, true, true, "pixels"},
    [STRIDE] = {"stride", 1, WINDOW_MAX_STRIDE, 0, false, true,
                "pixels; as kernel_size when not given"},
    [PADDING] = {"padding", 0, WINDOW_MAX_PADDING, 0, false, true,
                 "pixels on each side, at most half of kernel_size"},
};

static int stride_of(const struct layer *layer)
{
    return (int)layer->args[layer->args[STRIDE] == 0 ? KERNEL_SIZE : STRIDE];
}

int pool_setup(struct layer *layer, struct err *err)
{
    int kernel = (int)layer->args[KERNEL_SIZE], padding = (int)layer->args[PADDING];
    if (2 * padding > kernel)
        return err_set(err, "padding %d: allowed is at most half of kernel_size %d", padding,
                       kernel);
    struct window window;
    if (window_init(&window, &layer->in, kernel, stride_of(layer), padding, err))
        return -1;
    layer->out = shape_image(window.channels, window.out_height, window.out_width);
    return 0;
}

struct window pool_window(const struct layer *layer)
{
    return window_of(&layer->in, (int)layer->args[KERNEL_SIZE], stride_of(layer),
                     (int)layer->args[PADDING]);
}

struct pool_box pool_box(const struct window *window, int oy, int ox)
{
    int y = oy * window->stride - window->padding, x = ox * window->stride - window->padding;
    int y_end = y + window->kernel, x_end = x + window->kernel;
    return (struct pool_box){
        .y0 = y > 0 ? y : 0,
        .y1 = y_end < window->height ? y_end : window->height,
        .x0 = x > 0 ? x : 0,
        .x1 = x_end < window->width ? x_end : window->width,
    };
}
