/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pool.h"

enum { KERNEL_SIZE, STRIDE, PADDING, KERNEL_HEIGHT, PADDING_HEIGHT };

const struct layer_arg pool_args[POOL_N_ARGS] = {
    [KERNEL_SIZE] = {"kernel_size", 1, WINDOW_MAX_KERNEL, 0, true, true, "pixels", NULL},
    [STRIDE] = {"stride", 1, WINDOW_MAX_STRIDE, 0, false, true,
                "pixels; as kernel_size when not given", NULL},
    [PADDING] = {"padding", 0, WINDOW_MAX_PADDING, 0, false, true,
                 "pixels on each side, at most half of kernel_size", NULL},
    [KERNEL_HEIGHT] = {"kernel_height", 1, WINDOW_MAX_KERNEL, 0, false, true,
                       "pixels; as kernel_size when not given", NULL},
    [PADDING_HEIGHT] = {"padding_height", 0, WINDOW_MAX_PADDING, -1, false, true,
                        "pixels above and below; as padding when not given", NULL},
};

static struct window_axis axis_of(const struct layer *layer, int kernel, int padding)
{
    int stride = (int)layer->args[STRIDE];
    return (struct window_axis){kernel, stride ? stride : kernel, padding, 1};
}

static struct window_axis axis_x(const struct layer *layer)
{
    return axis_of(layer, (int)layer->args[KERNEL_SIZE], (int)layer->args[PADDING]);
}

static struct window_axis axis_y(const struct layer *layer)
{
    const double *args = layer->args;
    return axis_of(layer, (int)args[args[KERNEL_HEIGHT] != 0 ? KERNEL_HEIGHT : KERNEL_SIZE],
                   (int)args[args[PADDING_HEIGHT] >= 0 ? PADDING_HEIGHT : PADDING]);
}

static int check_padding(struct window_axis axis, struct err *err)
{
    if (2 * axis.padding <= axis.kernel)
        return 0;
    return err_set(err, "padding %d: allowed is at most half of kernel_size %d", axis.padding,
                   axis.kernel);
}

int pool_setup(struct layer *layer, struct err *err)
{
    struct window window;
    struct window_axis y = axis_y(layer), x = axis_x(layer);
    if (check_padding(x, err) || check_padding(y, err) ||
        window_init(&window, &layer->in, y, x, err))
        return -1;
    layer->out = shape_image(window.channels, window.out_height, window.out_width);
    return 0;
}

struct window pool_window(const struct layer *layer)
{
    return window_of(&layer->in, axis_y(layer), axis_x(layer));
}

struct pool_box pool_box(const struct window *window, int oy, int ox)
{
    int y = oy * window->y.stride - window->y.padding;
    int x = ox * window->x.stride - window->x.padding;
    int y_end = y + window->y.kernel, x_end = x + window->x.kernel;
    return (struct pool_box){
        .y0 = y > 0 ? y : 0,
        .y1 = y_end < window->height ? y_end : window->height,
        .x0 = x > 0 ? x : 0,
        .x1 = x_end < window->width ? x_end : window->width,
    };
}
