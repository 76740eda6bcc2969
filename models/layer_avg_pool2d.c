/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mean of each window, zeros of the padding counted (torch's count_include_pad default). */
#include <string.h>

#include "models/pool.h"

static float box_sum(const struct window *window, const float *x, struct pool_box box)
{
    float sum = 0;
    for (int iy = box.y0; iy < box.y1; iy++) {
        for (int ix = box.x0; ix < box.x1; ix++)
            sum += x[iy * window->width + ix];
    }
    return sum;
}

static void box_add(const struct window *window, float *x, struct pool_box box, float value)
{
    for (int iy = box.y0; iy < box.y1; iy++) {
        for (int ix = box.x0; ix < box.x1; ix++)
            x[iy * window->width + ix] += value;
    }
}

static void forward_planes(const struct layer *layer, const struct layer_pass *pass, size_t first,
                           size_t end)
{
    struct window window = pool_window(layer);
    float area = (float)(window.y.kernel * window.x.kernel);
    const float *x = pass->x + first * (size_t)(window.height * window.width);
    float *y = pass->y + first * (size_t)(window.out_height * window.out_width);
    for (size_t plane = first; plane < end; plane++) {
        for (int oy = 0; oy < window.out_height; oy++) {
            for (int ox = 0; ox < window.out_width; ox++)
                *y++ = box_sum(&window, x, pool_box(&window, oy, ox)) / area;
        }
        x += window.height * window.width;
    }
}

static void backward_planes(const struct layer *layer, const struct layer_pass *pass, size_t first,
                            size_t end)
{
    struct window window = pool_window(layer);
    size_t pixels = (size_t)(window.height * window.width);
    float area = (float)(window.y.kernel * window.x.kernel);
    const float *gy = pass->gy + first * (size_t)(window.out_height * window.out_width);
    float *gx = pass->gx + first * pixels;
    if (!pass->adds_gx)
        memset(gx, 0, (end - first) * pixels * sizeof *gx);
    for (size_t plane = first; plane < end; plane++) {
        for (int oy = 0; oy < window.out_height; oy++) {
            for (int ox = 0; ox < window.out_width; ox++)
                box_add(&window, gx, pool_box(&window, oy, ox), *gy++ / area);
        }
        gx += pixels;
    }
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    struct window window = pool_window(layer);
    layer_in_parts(layer, pass, pool_planes(&window, pass), forward_planes);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    struct window window = pool_window(layer);
    layer_in_parts(layer, pass, pool_planes(&window, pass), backward_planes);
}

const struct layer_ops layer_avg_pool2d = {
    .name = "avg_pool2d",
    .help = "mean of each window",
    .args = pool_args,
    .n_args = POOL_N_ARGS,
    .setup = pool_setup,
    .forward = forward,
    .backward = backward,
};
