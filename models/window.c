/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/window.h"

#include <string.h>

/* Pixels that the kernel reaches over, gaps between its places included. */
static int reach(struct window_axis axis)
{
    return axis.dilation * (axis.kernel - 1) + 1;
}

static int positions(struct window_axis axis, int size)
{
    return (size + 2 * axis.padding - reach(axis)) / axis.stride + 1;
}

struct window window_of(const struct shape *in, struct window_axis y, struct window_axis x)
{
    return (struct window){
        .channels = in->dim[0],
        .height = in->dim[1],
        .width = in->dim[2],
        .y = y,
        .x = x,
        .out_height = positions(y, in->dim[1]),
        .out_width = positions(x, in->dim[2]),
    };
}

static int check_axis(const struct shape *in, struct window_axis axis, int size, struct err *err)
{
    char text[SHAPE_TEXT_BYTES];
    if (size + 2 * axis.padding >= reach(axis))
        return 0;
    if (axis.dilation > 1)
        return err_set(err,
                       "input %s with padding %d is smaller than kernel_size %d with dilation %d",
                       shape_format(in, text), axis.padding, axis.kernel, axis.dilation);
    return err_set(err, "input %s with padding %d is smaller than kernel_size %d",
                   shape_format(in, text), axis.padding, axis.kernel);
}

int window_init(struct window *window, const struct shape *in, struct window_axis y,
                struct window_axis x, struct err *err)
{
    char text[SHAPE_TEXT_BYTES];
    if (in->n_dims != 3)
        return err_set(err, "input %s: channels x height x width is wanted",
                       shape_format(in, text));
    if (check_axis(in, y, in->dim[1], err) || check_axis(in, x, in->dim[2], err))
        return -1;
    *window = window_of(in, y, x);
    return 0;
}

int window_patch(const struct window *window)
{
    return window->channels * window->y.kernel * window->x.kernel;
}

int window_pixels(const struct window *window)
{
    return window->out_height * window->out_width;
}

/* Output positions [*first, *end) of `n` whose pixel, at `offset` in the window, is inside [0, size). */
static void inside(struct window_axis axis, int offset, int size, int n, int *first, int *end)
{
    int start = axis.padding - offset; /* position p reads pixel p * stride - start */
    int stride = axis.stride;
    *first = start > 0 ? (start + stride - 1) / stride : 0;
    *end = size + start > 0 ? (size + start - 1) / stride + 1 : 0;
    if (*end > n)
        *end = n;
    if (*first > *end)
        *first = *end;
}

static void gather_row(const struct window *window, const float *image, int ky, int kx, float *row)
{
    int y0, y1, x0, x1, stride = window->x.stride, out_width = window->out_width;
    int drop = ky * window->y.dilation, shift = kx * window->x.dilation;
    inside(window->y, drop, window->height, window->out_height, &y0, &y1);
    inside(window->x, shift, window->width, out_width, &x0, &x1);
    shift -= window->x.padding;
    drop -= window->y.padding;
    memset(row, 0, (size_t)(y0 * out_width) * sizeof *row);
    for (int oy = y0; oy < y1; oy++) {
        const float *from = image + (oy * window->y.stride + drop) * window->width;
        float *to = row + oy * out_width;
        for (int ox = 0; ox < x0; ox++)
            to[ox] = 0;
        if (stride == 1 && x1 > x0)
            memcpy(to + x0, from + x0 + shift, (size_t)(x1 - x0) * sizeof *to);
        else
            for (int ox = x0; ox < x1; ox++)
                to[ox] = from[ox * stride + shift];
        for (int ox = x1; ox < out_width; ox++)
            to[ox] = 0;
    }
    memset(row + y1 * out_width, 0, (size_t)((window->out_height - y1) * out_width) * sizeof *row);
}

void window_gather(const struct window *window, const float *x, float *patches, size_t row_stride)
{
    size_t image = (size_t)window->height * (size_t)window->width;
    for (int c = 0; c < window->channels; c++) {
        for (int ky = 0; ky < window->y.kernel; ky++) {
            for (int kx = 0; kx < window->x.kernel; kx++) {
                gather_row(window, x + (size_t)c * image, ky, kx, patches);
                patches += row_stride;
            }
        }
    }
}

static void scatter_row(const struct window *window, const float *row, int ky, int kx, float *image)
{
    int y0, y1, x0, x1, stride = window->x.stride;
    int drop = ky * window->y.dilation, shift = kx * window->x.dilation;
    inside(window->y, drop, window->height, window->out_height, &y0, &y1);
    inside(window->x, shift, window->width, window->out_width, &x0, &x1);
    shift -= window->x.padding;
    drop -= window->y.padding;
    for (int oy = y0; oy < y1; oy++) {
        float *to = image + (oy * window->y.stride + drop) * window->width;
        const float *from = row + oy * window->out_width;
        if (stride == 1)
            for (int ox = x0; ox < x1; ox++)
                to[ox + shift] += from[ox];
        else
            for (int ox = x0; ox < x1; ox++)
                to[ox * stride + shift] += from[ox];
    }
}

void window_scatter_add(const struct window *window, const float *patches, size_t row_stride,
                        float *x)
{
    size_t image = (size_t)window->height * (size_t)window->width;
    for (int c = 0; c < window->channels; c++) {
        for (int ky = 0; ky < window->y.kernel; ky++) {
            for (int kx = 0; kx < window->x.kernel; kx++) {
                scatter_row(window, patches, ky, kx, x + (size_t)c * image);
                patches += row_stride;
            }
        }
    }
}
