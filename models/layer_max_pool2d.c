/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Largest pixel of each window; padding never is. Ties go to the first, NaN wins, as in torch. */
#include <math.h>
#include <string.h>

#include "models/pool.h"

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

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    struct window window = pool_window(layer);
    const float *x = pass->x;
    float *y = pass->y;
    for (size_t plane = pool_planes(&window, pass); plane-- > 0;) {
        for (int oy = 0; oy < window.out_height; oy++) {
            for (int ox = 0; ox < window.out_width; ox++)
                *y++ = x[argmax(&window, x, oy, ox)];
        }
        x += window.height * window.width;
    }
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    struct window window = pool_window(layer);
    const float *x = pass->x, *gy = pass->gy;
    float *gx = pass->gx;
    if (!pass->adds_gx)
        memset(gx, 0, (size_t)pass->batch * shape_features(&layer->in) * sizeof *gx);
    for (size_t plane = pool_planes(&window, pass); plane-- > 0;) {
        for (int oy = 0; oy < window.out_height; oy++) {
            for (int ox = 0; ox < window.out_width; ox++)
                gx[argmax(&window, x, oy, ox)] += *gy++;
        }
        x += window.height * window.width;
        gx += window.height * window.width;
    }
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
