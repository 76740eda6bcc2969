/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Largest pixel of each window; padding never is. Ties go to the first, NaN wins, as in torch. Windows of 2x2 and 3x3
 * with stride 2 have kernels of their own.
 */
#include <math.h>
#include <string.h>

#include "models/kernels.h"
#include "models/kernels_pool.h"
#include "models/pool.h"

static bool is_square(const struct window *window, int kernel, int max_padding)
{
    const struct window_axis *x = &window->x, *y = &window->y;
    return x->kernel == kernel && y->kernel == kernel && x->stride == 2 && y->stride == 2 &&
           x->padding == y->padding && x->padding <= max_padding &&
           window->width <= POOL_MAX3_WIDTH;
}

static bool is_max2(const struct window *window)
{
    return is_square(window, 2, 0);
}

static bool is_max3(const struct window *window)
{
    return is_square(window, 3, 1);
}

/* Where in the plane x (height, width) the largest pixel of a window is. */
static int argmax(const struct window *window, const float *x, int oy, int ox)
{
    struct pool_box box = pool_box(window, oy, ox);
    int best = box.y0 * window->width + box.x0;
    for (int iy = box.y0; iy < box.y1; iy++) {
        for (int ix = box.x0; ix < box.x1; ix++) {
            int at = iy * window->width + ix;
            if (x[at] > x[best] || isnan(x[at]))
                best = at;
        }
    }
    return best;
}

static void forward_any(const struct window *window, size_t n, const float *x, float *y)
{
    for (; n > 0; n--, x += window->height * window->width) {
        for (int oy = 0; oy < window->out_height; oy++) {
            for (int ox = 0; ox < window->out_width; ox++)
                *y++ = x[argmax(window, x, oy, ox)];
        }
    }
}

static void backward_any(const struct window *window, size_t n, const float *x, const float *gy,
                         float *gx)
{
    size_t pixels = (size_t)window->height * (size_t)window->width;
    for (; n > 0; n--, x += pixels, gx += pixels) {
        for (int oy = 0; oy < window->out_height; oy++) {
            for (int ox = 0; ox < window->out_width; ox++)
                gx[argmax(window, x, oy, ox)] += *gy++;
        }
    }
}

/* Planes [first, end). */
static void forward_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                         size_t end)
{
    struct window window = pool_window(layer);
    const struct pool_kernels *pool = kernels()->pool;
    int height = window.height, width = window.width;
    const float *x = pass->x + first * (size_t)(height * width);
    float *y = pass->y + first * (size_t)(window.out_height * window.out_width);
    if (is_max2(&window))
        pool->max2(end - first, height, width, x, y);
    else if (is_max3(&window))
        pool->max3(end - first, height, width, window.x.padding, x, y);
    else
        forward_any(&window, end - first, x, y);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    struct window window = pool_window(layer);
    layer_in_parts(layer, pass, pool_planes(&window, pass), forward_part);
}

static void backward_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                          size_t end)
{
    struct window window = pool_window(layer);
    const struct pool_kernels *pool = kernels()->pool;
    int height = window.height, width = window.width;
    size_t n = end - first, pixels = (size_t)height * (size_t)width;
    const float *x = pass->x + first * pixels;
    const float *gy = pass->gy + first * (size_t)(window.out_height * window.out_width);
    float *gx = pass->gx + first * pixels;
    if (is_max2(&window) && !pass->adds_gx) {
        pool->max2_gradient(n, height, width, x, gy, gx);
        return;
    }
    if (!pass->adds_gx)
        memset(gx, 0, n * pixels * sizeof *gx);
    if (is_max3(&window))
        pool->max3_gradient(n, height, width, window.x.padding, x, gy, gx);
    else
        backward_any(&window, n, x, gy, gx);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    struct window window = pool_window(layer);
    layer_in_parts(layer, pass, pool_planes(&window, pass), backward_part);
}

const struct layer_ops layer_max_pool2d = {
    .name = "max_pool2d",
    .help = "largest pixel of each window",
    .args = pool_args,
    .n_args = POOL_N_ARGS,
    .backward_reads_input = true,
    .setup = pool_setup,
    .forward = forward,
    .backward = backward,
};
