/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/window.h"

#include <string.h>

struct window window_of(const struct shape *in, int kernel, int stride, int padding)
{
    return (struct window){
        .channels = in->dim[0],
        .height = in->dim[1],
        .width = in->dim[2],
        .kernel = kernel,
        .stride = stride,
        .padding = padding,
        .out_height = (in->dim[1] + 2 * padding - kernel) / stride + 1,
        .out_width = (in->dim[2] + 2 * padding - kernel) / stride + 1,
    };
}

int window_init(struct window *window, const struct shape *in, int kernel, int stride, int padding,
                struct err *err)
{
    char text[SHAPE_TEXT_BYTES];
    if (in->n_dims != 3)
        return err_set(err, "input %s: channels x height x width is wanted",
                       shape_format(in, text));
    if (in->dim[1] + 2 * padding < kernel || in->dim[2] + 2 * padding < kernel)
        return err_set(err, "input %s with padding %d is smaller than kernel_size %d",
                       shape_format(in, text), padding, kernel);
    *window = window_of(in, kernel, stride, padding);
    return 0;
}

int window_patch(const struct window *window)
{
    return window->channels * window->kernel * window->kernel;
}

int window_pixels(const struct window *window)
{
    return window->out_height * window->out_width;
}

/* Output positions [*first, *end) of `n` whose pixel, at `offset` in the window, is inside [0, size). */
static void inside(const struct window *window, int offset, int size, int n, int *first, int *end)
{
    int start = window->padding - offset; /* position p reads pixel p * stride - start */
    int stride = window->stride;
    *first = start > 0 ? (start + stride - 1) / stride : 0;
    *end = size + start > 0 ? (size + start - 1) / stride + 1 : 0;
    if (*end > n)
        *end = n;
    if (*first > *end)
        *first = *end;
}

static void gather_row(const struct window *window, const float *image, int ky, int kx, float *row)
{
    int y0, y1, x0, x1, stride = window->stride, out_width = window->out_width;
    inside(window, ky, window->height, window->out_height, &y0, &y1);
    inside(window, kx, window->width, out_width, &x0, &x1);
    memset(row, 0, (size_t)(y0 * out_width) * sizeof *row);
    for (int oy = y0; oy < y1; oy++) {
        const float *from = image + (oy * stride + ky - window->padding) * window->width;
        float *to = row + oy * out_width;
        for (int ox = 0; ox < x0; ox++)
            to[ox] = 0;
        int shift = kx - window->padding;
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
        for (int ky = 0; ky < window->kernel; ky++) {
            for (int kx = 0; kx < window->kernel; kx++) {
                gather_row(window, x + (size_t)c * image, ky, kx, patches);
                patches += row_stride;
            }
        }
    }
}

static void scatter_row(const struct window *window, const float *row, int ky, int kx, float *image)
{
    int y0, y1, x0, x1, stride = window->stride;
    inside(window, ky, window->height, window->out_height, &y0, &y1);
    inside(window, kx, window->width, window->out_width, &x0, &x1);
    int shift = kx - window->padding;
    for (int oy = y0; oy < y1; oy++) {
        float *to = image + (oy * stride + ky - window->padding) * window->width;
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
        for (int ky = 0; ky < window->kernel; ky++) {
            for (int kx = 0; kx < window->kernel; kx++) {
                scatter_row(window, patches, ky, kx, x + (size_t)c * image);
                patches += row_stride;
            }
        }
    }
}
