/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The transforms of models/winograd.h, a register of channels at a time; the matrices are those of Lavin and Gray, 2015. */
#include <string.h>

#include "models/kernels_transpose.h"
#include "models/winograd.h"

#define LANES KERNEL_LANES
#define WIDTH KERNEL_WIDTH

/* Along one axis. A transform reads `from` and writes `to`, `step` vectors apart on either side. */
typedef void axis_transform(const vec *from, int from_step, vec *to, int to_step);

/* B^T, 6 to 6 */
static inline void input_4(const vec *d, int s, vec *to, int t)
{
    vec a = d[4 * s] - 4 * d[2 * s], b = d[3 * s] - 4 * d[s];
    vec c = d[4 * s] - d[2 * s], e = 2 * (d[3 * s] - d[s]);
    to[0] = 4 * d[0] - 5 * d[2 * s] + d[4 * s];
    to[t] = a + b;
    to[2 * t] = a - b;
    to[3 * t] = c + e;
    to[4 * t] = c - e;
    to[5 * t] = 4 * d[s] - 5 * d[3 * s] + d[5 * s];
}

/* B^T, 4 to 4 */
static inline void input_2(const vec *d, int s, vec *to, int t)
{
    to[0] = d[0] - d[2 * s];
    to[t] = d[s] + d[2 * s];
    to[2 * t] = d[2 * s] - d[s];
    to[3 * t] = d[s] - d[3 * s];
}

/* A^T, 6 to 4 */
static inline void output_4(const vec *m, int s, vec *to, int t)
{
    vec a = m[s] + m[2 * s], b = m[s] - m[2 * s];
    vec c = m[3 * s] + m[4 * s], e = m[3 * s] - m[4 * s];
    to[0] = m[0] + a + c;
    to[t] = b + 2 * e;
    to[2 * t] = a + 4 * c;
    to[3 * t] = b + 8 * e + m[5 * s];
}

/* A^T, 4 to 2 */
static inline void output_2(const vec *m, int s, vec *to, int t)
{
    to[0] = m[0] + m[s] + m[2 * s];
    to[t] = m[s] - m[2 * s] - m[3 * s];
}

/* A, 4 to 6 */
static inline void gradient_4(const vec *g, int s, vec *to, int t)
{
    vec a = g[0] + g[2 * s], b = g[s] + g[3 * s];
    vec c = g[0] + 4 * g[2 * s], e = 2 * g[s] + 8 * g[3 * s];
    to[0] = g[0];
    to[t] = a + b;
    to[2 * t] = a - b;
    to[3 * t] = c + e;
    to[4 * t] = c - e;
    to[5 * t] = g[3 * s];
}

/* A, 2 to 4 */
static inline void gradient_2(const vec *g, int s, vec *to, int t)
{
    to[0] = g[0];
    to[t] = g[0] + g[s];
    to[2 * t] = g[0] - g[s];
    to[3 * t] = -g[s];
}

/* G, 3 to 6 */
static inline void weight_4(const vec *w, int s, vec *to, int t)
{
    vec a = (w[0] + w[2 * s]) * (-1.0f / 6), b = w[s] * (1.0f / 6);
    vec c = w[0] * (1.0f / 24) + w[2 * s] * (1.0f / 6), e = w[s] * (1.0f / 12);
    to[0] = w[0] * 0.25f;
    to[t] = a - b;
    to[2 * t] = a + b;
    to[3 * t] = c + e;
    to[4 * t] = c - e;
    to[5 * t] = w[2 * s];
}

/* G, 3 to 4 */
static inline void weight_2(const vec *w, int s, vec *to, int t)
{
    vec a = (w[0] + w[2 * s]) * 0.5f, b = w[s] * 0.5f;
    to[0] = w[0];
    to[t] = a + b;
    to[2 * t] = a - b;
    to[3 * t] = w[2 * s];
}

/* G^T, 6 to 3 */
static inline void weight_back_4(const vec *u, int s, vec *to, int t)
{
    vec a = u[s] + u[2 * s], b = u[2 * s] - u[s];
    vec c = u[3 * s] + u[4 * s], e = u[3 * s] - u[4 * s];
    to[0] = u[0] * 0.25f - a * (1.0f / 6) + c * (1.0f / 24);
    to[t] = b * (1.0f / 6) + e * (1.0f / 12);
    to[2 * t] = (c - a) * (1.0f / 6) + u[5 * s];
}

/* G^T, 4 to 3 */
static inline void weight_back_2(const vec *u, int s, vec *to, int t)
{
    vec a = (u[s] + u[2 * s]) * 0.5f;
    to[0] = u[0] + a;
    to[t] = (u[s] - u[2 * s]) * 0.5f;
    to[2 * t] = a + u[3 * s];
}

/* to (n_out, n_out) = T from (n_in, n_in) T^T for an axis_transform T of n_in to n_out */
#define TRANSFORM(transform, n_in, n_out, from, to)                                                \
    do {                                                                                           \
        vec half_[(n_out) * (n_in)];                                                               \
        _Pragma("GCC unroll 6") for (int i_ = 0; i_ < (n_in); i_++)                                \
            transform((from) + i_, n_in, half_ + i_, n_in);                                        \
        _Pragma("GCC unroll 6") for (int i_ = 0; i_ < (n_out); i_++)                               \
            transform(half_ + i_ * (n_in), 1, (to) + i_ * (n_out), 1);                             \
    } while (0)

/* Tiles of n_in x n_in pixels, `step` pixels apart, to n_out x n_out places. */
#define DEFINE_TILES(name, transform, n_in, n_out, step)                                           \
    static void name(const float *pixels, size_t row_stride, int n_channels, int n, float *to,     \
                     size_t slice, size_t stride)                                                  \
    {                                                                                              \
        for (int tile = 0; tile < n; tile++) {                                                     \
            const float *at = pixels + (size_t)tile * (step) * (size_t)n_channels;                 \
            for (int c = 0; c < n_channels; c += WIDTH) {                                          \
                vec from[(n_in) * (n_in)], out[(n_out) * (n_out)];                                 \
                for (int y = 0; y < (n_in); y++)                                                   \
                    for (int x = 0; x < (n_in); x++)                                               \
                        from[y * (n_in) + x] =                                                     \
                            vec_load(at + (size_t)y * row_stride + (size_t)(x * n_channels + c));  \
                TRANSFORM(transform, n_in, n_out, from, out);                                      \
                for (int i = 0; i < (n_out) * (n_out); i++)                                        \
                    vec_store(to + (size_t)i * slice + (size_t)tile * stride + c, out[i]);         \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_TILES(input_tiles_2, input_2, 4, 4, 2)
DEFINE_TILES(input_tiles_4, input_4, 6, 6, 4)
DEFINE_TILES(gradient_tiles_2, gradient_2, 2, 4, 2)
DEFINE_TILES(gradient_tiles_4, gradient_4, 4, 6, 4)

#define DEFINE_OUTPUT(name, transform, n_in, n_out)                                                \
    static void name(const float *m, size_t slice, int n_channels, const float *bias, int rows,    \
                     int columns, float *pixels, size_t row_stride, size_t pixel_stride)           \
    {                                                                                              \
        for (int c = 0; c < n_channels; c += WIDTH) {                                              \
            vec from[(n_in) * (n_in)], out[(n_out) * (n_out)];                                     \
            for (int i = 0; i < (n_in) * (n_in); i++)                                              \
                from[i] = vec_load(m + (size_t)i * slice + c);                                     \
            TRANSFORM(transform, n_in, n_out, from, out);                                          \
            vec shift = bias ? vec_load(bias + c) : (vec){0};                                      \
            for (int y = 0; y < rows; y++)                                                         \
                for (int x = 0; x < columns; x++)                                                  \
                    vec_store(pixels + (size_t)y * row_stride + (size_t)x * pixel_stride + c,      \
                              out[y * (n_out) + x] + shift);                                       \
        }                                                                                          \
    }

DEFINE_OUTPUT(output_tile_2, output_2, 4, 2)
DEFINE_OUTPUT(output_tile_4, output_4, 6, 4)

/* 16 rows of 144 numbers, (16, 9), to rows[i][tap] of what were columns: 16 of the rows inside. */
static void turn_rows(const float *weight, size_t stride, struct lanes rows[16][9])
{
    struct lanes block[16];
    for (int part = 0; part < 9; part++) {
        for (int r = 0; r < LANES; r++)
            block[r] = lanes_load(weight + (size_t)r * stride + 16 * part);
        transpose_16x16(block);
        for (int j = 0; j < LANES; j++)
            rows[(16 * part + j) / 9][(16 * part + j) % 9] = block[j];
    }
}

/* The 9 taps of 16 inputs by 16 outputs as taps[i][tap], 16 outputs inside. */
static void taps_of(const float *weight, size_t out_stride, size_t in_stride,
                    struct lanes taps[16][9])
{
    if (in_stride == 9) {
        turn_rows(weight, out_stride, taps);
        return;
    }
    struct lanes rows[16][9], block[16]; /* by output, 16 inputs inside: turned once more */
    turn_rows(weight, in_stride, rows);
    for (int tap = 0; tap < 9; tap++) {
        for (int o = 0; o < LANES; o++)
            block[o] = rows[o][tap];
        transpose_16x16(block);
        for (int i = 0; i < LANES; i++)
            taps[i][tap] = block[i];
    }
}

#define DEFINE_WEIGHT(name, transform, n_out)                                                      \
    static void name(const float *weight, size_t out_stride, size_t in_stride, bool is_turned,     \
                     float *u, size_t slice, size_t stride)                                        \
    {                                                                                              \
        struct lanes taps[16][9];                                                                  \
        vec from[9], out[(n_out) * (n_out)];                                                       \
        taps_of(weight, out_stride, in_stride, taps);                                              \
        for (int i = 0; i < LANES * KERNEL_PARTS; i++) {                                           \
            const struct lanes *of_input = taps[i / KERNEL_PARTS];                                 \
            int part = i % KERNEL_PARTS;                                                           \
            for (int tap = 0; tap < 9; tap++)                                                      \
                from[tap] = of_input[is_turned ? 8 - tap : tap].part[part];                        \
            TRANSFORM(transform, 3, n_out, from, out);                                             \
            float *to = u + (size_t)(i / KERNEL_PARTS) * stride + part * WIDTH;                    \
            for (int k = 0; k < (n_out) * (n_out); k++)                                            \
                vec_store(to + (size_t)k * slice, out[k]);                                         \
        }                                                                                          \
    }

DEFINE_WEIGHT(weight_tile_2, weight_2, 4)
DEFINE_WEIGHT(weight_tile_4, weight_4, 6)

static void add_taps(struct lanes taps[144], float *grad, size_t out_stride)
{
    for (int part = 0; part < 9; part++) {
        transpose_16x16(taps + 16 * part);
        for (int o = 0; o < LANES; o++)
            lanes_add(grad + (size_t)o * out_stride + 16 * part, taps[16 * part + o]);
    }
}

#define DEFINE_WEIGHT_BACK(name, transform, n_in)                                                  \
    static void name(const float *du, size_t slice, size_t stride, float *grad, size_t out_stride) \
    {                                                                                              \
        struct lanes taps[144];                                                                    \
        vec from[(n_in) * (n_in)], to[9];                                                          \
        for (int i = 0; i < LANES * KERNEL_PARTS; i++) {                                           \
            int part = i % KERNEL_PARTS;                                                           \
            const float *at = du + (size_t)(i / KERNEL_PARTS) * stride + part * WIDTH;             \
            for (int k = 0; k < (n_in) * (n_in); k++)                                              \
                from[k] = vec_load(at + (size_t)k * slice);                                        \
            TRANSFORM(transform, n_in, 3, from, to);                                               \
            for (int k = 0; k < 9; k++)                                                            \
                taps[9 * (i / KERNEL_PARTS) + k].part[part] = to[k];                               \
        }                                                                                          \
        add_taps(taps, grad, out_stride);                                                          \
    }

DEFINE_WEIGHT_BACK(weight_back_tile_2, weight_back_2, 4)
DEFINE_WEIGHT_BACK(weight_back_tile_4, weight_back_4, 6)

/* Pixels [at, at + count) of 16 planes to where `place` says. */
static inline void block_to_channels(const float *planes, size_t plane, int at, int count,
                                     const size_t *place, float *inside)
{
    const struct lanes zeros = {{{0}}};
    struct lanes block[16];
    for (int k = 0; k < LANES; k++) {
        const float *from = planes + (size_t)k * plane + at;
        if (count == LANES) {
            block[k] = lanes_load(from);
        } else {
            block[k] = zeros;
            memcpy(&block[k], from, (size_t)count * sizeof *from);
        }
    }
    transpose_16x16(block);
    for (int i = 0; i < count; i++)
        lanes_store(inside + place[i], block[i]);
}

static void planes_to_channels(const float *planes, size_t plane, int n_channels, int rows,
                               int columns, float *inside, size_t row_stride)
{
    int n = rows * columns;
    for (int first = 0; first < n; first += LANES) {
        int at = first, count = n - first < LANES ? n - first : LANES;
        if (count < LANES && n >= LANES) { /* some pixels twice rather than one by one */
            at = n - LANES;
            count = LANES;
        }
        size_t place[LANES];
        for (int i = 0, y = at / columns, x = at % columns; i < count; i++) {
            place[i] = (size_t)y * row_stride + (size_t)(x * n_channels);
            if (++x == columns) {
                x = 0;
                y++;
            }
        }
        for (int c = 0; c < n_channels; c += LANES)
            block_to_channels(planes + (size_t)c * plane, plane, at, count, place, inside + c);
    }
}

static inline void put_pixels(float *to, const struct lanes *pixels, int count, bool adds)
{
    float v[LANES];
    if (count == LANES && adds) {
        lanes_add(to, *pixels);
        return;
    }
    if (count == LANES) {
        lanes_store(to, *pixels);
        return;
    }
    memcpy(v, pixels, sizeof v);
    for (int i = 0; i < count; i++)
        to[i] = adds ? to[i] + v[i] : v[i];
}

static void channels_to_planes(const float *inside, size_t stride, int n_channels, int n,
                               float *planes, size_t plane, bool adds)
{
    for (int first = 0; first < n; first += LANES) {
        int count = n - first < LANES ? n - first : LANES;
        for (int c = 0; c < n_channels; c += LANES) {
            struct lanes block[16];
            for (int i = 0; i < count; i++)
                block[i] = lanes_load(inside + (size_t)(first + i) * stride + c);
            transpose_16x16(block);
            for (int k = 0; k < LANES; k++)
                put_pixels(planes + (size_t)(c + k) * plane + first, &block[k], count, adds);
        }
    }
}

/* The product's register block: ROWS rows of VECTORS registers of sums. AVX-512 and NEON have 32, AVX2 and SSE2 16. */
#if defined(__AVX512F__) || defined(__aarch64__)
enum { ROWS = 6, VECTORS = 4 };
#elif defined(__AVX2__)
enum { ROWS = 6, VECTORS = 2 };
#else
enum { ROWS = 3, VECTORS = 4 };
#endif

/* Depth that is multiplied at a time: its part of b, 64 wide, stays in the first-level cache. */
#define DEPTH 128

/* A matrix whose element (r, d) is at[r * row + d * step]: rows of a, or columns of its transpose. */
struct left {
    const float *at;
    size_t row, step;
};

/* c (rows, WIDTH vectors) = left b, or added to c */
KERNEL_INLINE void block_product(int rows, int vectors, int depth, struct left left, const float *b,
                                 size_t b_stride, float *c, size_t c_stride, bool adds)
{
    vec sum[ROWS][VECTORS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = adds ? vec_load(c + (size_t)r * c_stride + WIDTH * v) : (vec){0};
    for (int d = 0; d < depth; d++) {
        vec right[VECTORS];
        for (int v = 0; v < vectors; v++)
            right[v] = vec_load(b + WIDTH * v);
        for (int r = 0; r < rows; r++) {
            float factor = left.at[(size_t)r * left.row];
            for (int v = 0; v < vectors; v++)
                sum[r][v] += factor * right[v];
        }
        left.at += left.step;
        b += b_stride;
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            vec_store(c + (size_t)r * c_stride + WIDTH * v, sum[r][v]);
}

/* n rows, in blocks; the last of less than ROWS. */
KERNEL_INLINE void strip_product(int vectors, int n, int depth, struct left left, const float *b,
                                 size_t b_stride, float *c, size_t c_stride, bool adds)
{
#define BLOCK(rows) block_product(rows, vectors, depth, left, b, b_stride, c, c_stride, adds)
    for (; n >= ROWS; n -= ROWS) {
        BLOCK(ROWS);
        left.at += ROWS * left.row;
        c += ROWS * c_stride;
    }
    if (n >= 4 && ROWS > 4) {
        BLOCK(4);
        left.at += 4 * left.row;
        c += 4 * c_stride;
        n -= 4;
    }
    if (n >= 2) {
        BLOCK(2);
        left.at += 2 * left.row;
        c += 2 * c_stride;
        n -= 2;
    }
    if (n == 1)
        BLOCK(1);
#undef BLOCK
}

KERNEL_INLINE void whole_product(int n, int depth, int width, struct left left, const float *b,
                                 size_t b_stride, float *c, size_t c_stride, bool adds)
{
    int at = 0;
    for (; at + WIDTH * VECTORS <= width; at += WIDTH * VECTORS)
        strip_product(VECTORS, n, depth, left, b + at, b_stride, c + at, c_stride, adds);
    for (; at < width; at += WIDTH)
        strip_product(1, n, depth, left, b + at, b_stride, c + at, c_stride, adds);
}

static void product(int n, int depth, int width, const float *a, size_t a_stride, const float *b,
                    size_t b_stride, float *c, size_t c_stride)
{
    for (int d = 0; d < depth; d += DEPTH) {
        struct left left = {a + d, a_stride, 1};
        int part = depth - d < DEPTH ? depth - d : DEPTH;
        if (d == 0)
            whole_product(n, part, width, left, b, b_stride, c, c_stride, false);
        else
            whole_product(n, part, width, left, b + (size_t)d * b_stride, b_stride, c, c_stride,
                          true);
    }
}

static void product_tn(int n, int depth, int width, const float *a, size_t a_stride, const float *b,
                       size_t b_stride, float *c, size_t c_stride, bool adds)
{
    for (int d = 0; d < depth; d += DEPTH) {
        struct left left = {a + (size_t)d * a_stride, 1, a_stride};
        int part = depth - d < DEPTH ? depth - d : DEPTH;
        if (d == 0 && !adds)
            whole_product(n, part, width, left, b, b_stride, c, c_stride, false);
        else
            whole_product(n, part, width, left, b + (size_t)d * b_stride, b_stride, c, c_stride,
                          true);
    }
}

extern const struct winograd_kernels KERNEL(winograd_kernels);
const struct winograd_kernels KERNEL(winograd_kernels) = {
    .planes_to_channels = planes_to_channels,
    .channels_to_planes = channels_to_planes,
    .input = {input_tiles_2, input_tiles_4},
    .gradient = {gradient_tiles_2, gradient_tiles_4},
    .output = {output_tile_2, output_tile_4},
    .weight = {weight_tile_2, weight_tile_4},
    .weight_back = {weight_back_tile_2, weight_back_tile_4},
    .product = product,
    .product_tn = product_tn,
};
