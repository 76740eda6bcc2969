/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Convolutions of 3x3 windows at stride 1 by Winograd's minimal filtering, F(m x m, 3x3) with m = 2 or 4: forward, and
 * the gradients of input and weights. Inside models/; conv2d chooses it where it fits.
 *
 * Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015. An output tile of m x m pixels is
 * A^T [ (G w G^T) * (B^T d B) ] A with d the (m + 2) x (m + 2) pixels under it and * element by element; summed over
 * input channels, each of the (m + 2)^2 "places" of a tile is one matrix product over all tiles of the batch:
 *
 *     forward          M[place] (tiles, out)  =  V[place] (tiles, in)    U[place] (in, out)
 *     weight gradient  dU[place] (in, out)    =  V[place]^T (in, tiles)  Z[place] (tiles, out)
 *
 * V = B^T d B, U = G w G^T, Z = A gy A^T, and the gradient of w is G^T dU G. The gradient of the input is the forward
 * convolution of gy by the weights turned by 180 degrees, in and out exchanged. (m + 2)^2 products stand for 9 m^2: 2.25
 * times fewer at m = 2, 4 times at m = 4. Rounding grows with m: tests/models/test_winograd.c bounds it.
 *
 * Between the transforms 16 channels lie side by side, so that every step works on whole vectors; channels in and out
 * are multiples of 16.
 */
#ifndef MODELS_WINOGRAD_H
#define MODELS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

#include "models/kernels.h"

struct winograd_kernels;

/* One convolution of `samples` images. */
struct winograd {
    const struct winograd_kernels *kernels; /* of one instruction set */
    int tile;                               /* m: 2 or 4 */
    int samples;
    int in_channels, out_channels;
    int height, width;         /* of the input */
    int padding;               /* 0, 1 or 2, on each side */
    int out_height, out_width; /* height + 2 padding - 2, likewise */
    int threads;               /* of parallel_for() */
};

/* Whether a convolution of this many channels can be done. */
bool winograd_fits(int in_channels, int out_channels);

/* The tile with the least work for this geometry; w->tile is not read. */
int winograd_best_tile(const struct winograd *w);

/* Estimated cycles of one core per call, to compare with other algorithms. */
double winograd_cost(const struct winograd *w);

/* Floats of scratch that any of the calls below may use. */
size_t winograd_scratch(const struct winograd *w);

/*
 * y (samples, out, out_height, out_width) = or += (by `adds`) x (samples, in, height, width) with weight (out, in, 3, 3)
 * and bias (out) or NULL. is_turned: weight is (in, out, 3, 3) and turned by 180 degrees: the input's gradient.
 */
void winograd_forward(const struct winograd *w, const float *x, const float *weight, bool is_turned,
                      const float *bias, float *y, bool adds, float *scratch);

/* grad (out, in, 3, 3) = or += (by `adds`) the weight's gradient. */
void winograd_weight_gradient(const struct winograd *w, const float *x, const float *gy,
                              float *grad, bool adds, float *scratch);

/*
 * What is compiled for each instruction set. "Channels inside" arrays have the channel as their last index, `stride`
 * floats from one pixel, tile or row to the next. Places are (m + 2)^2 slices, `slice` floats apart.
 */
struct winograd_kernels {
    /* `rows` rows of `columns` pixels of n_channels planes, `plane` floats apart, to rows of row_stride floats. */
    void (*planes_to_channels)(const float *planes, size_t plane, int n_channels, int rows,
                               int columns, float *inside, size_t row_stride);
    /* The way back, for n pixels one behind the other; writes or adds. */
    void (*channels_to_planes)(const float *inside, size_t stride, int n_channels, int n,
                               float *planes, size_t plane, bool adds);

    /* n tiles, m pixels apart, in rows of row_stride floats: V, one row of `stride` floats a tile. */
    void (*input[2])(const float *pixels, size_t row_stride, int n_channels, int n, float *v,
                     size_t slice, size_t stride);
    /* m x m pixels a tile, likewise: Z. */
    void (*gradient[2])(const float *pixels, size_t row_stride, int n_channels, int n, float *z,
                        size_t slice, size_t stride);
    /* M of one tile to m rows of m pixels, bias (n_channels) added unless NULL; `rows` and `columns` <= m are kept. */
    void (*output[2])(const float *m, size_t slice, int n_channels, const float *bias, int rows,
                      int columns, float *pixels, size_t row_stride, size_t pixel_stride);

    /*
     * Weights of 16 outputs and 16 inputs: weight + o out_stride + i in_stride + tap, to rows i of U, 16 outputs inside.
     * One of the strides is 9. is_turned exchanges the taps 0..8 with 8..0.
     */
    void (*weight[2])(const float *weight, size_t out_stride, size_t in_stride, bool is_turned,
                      float *u, size_t slice, size_t stride);
    /* dU of 16 inputs and outputs to grad + o out_stride + 9 i + tap, added. */
    void (*weight_back[2])(const float *du, size_t slice, size_t stride, float *grad,
                           size_t out_stride);

    /* c (n, width) = a (n, depth) b (depth, width); width is a multiple of 16, strides in floats. */
    void (*product)(int n, int depth, int width, const float *a, size_t a_stride, const float *b,
                    size_t b_stride, float *c, size_t c_stride);
    /* c (n, width) = or += a^T (n, depth) b (depth, width), where a is (depth, n); n is a multiple of 16 as well. */
    void (*product_tn)(int n, int depth, int width, const float *a, size_t a_stride, const float *b,
                       size_t b_stride, float *c, size_t c_stride, bool adds);
};

#endif
