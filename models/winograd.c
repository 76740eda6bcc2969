/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loops around the transforms. Tiles are taken row by row of an image, in groups of rows whose V and M fit a cache.
 *
 * Two ways, by the size of the transformed weights. Small ones are transformed once and every thread does groups of its
 * own, all in its second-level cache. Large ones (late layers: many channels, few pixels) are never held whole: all
 * threads transform one large group of tiles, then each takes panels of output channels, whose weights it transforms as
 * it goes.
 */
#include "models/winograd.h"

#include <string.h>

#include "models/parallel.h"

#define PANEL 64 /* output channels that are multiplied together */

/* Bytes of transformed weights up to which they are held whole. */
#define WHOLE_BYTES (3 << 20)

/* Tiles of a group: of one thread's, and of one shared by all. */
enum { OWN_TILES = 48, SHARED_TILES = 512 };

struct layout {
    int places, tiles_x, tiles_y;
    int rows;       /* tile rows of all samples */
    int group_rows; /* of one group at most */
    int n_groups, n_panels;
    bool is_shared;
    size_t group_tiles;
    size_t in_row,
        out_row; /* floats of a staged row of pixels: of the input; of the output's tiles */
    /* Floats in scratch. */
    size_t weights, v, z, m, stage, thread;
};

/*
 * Floats from one place to the next in an array of (places, n): a cache line more than n, which is often a power of two,
 * so that the places of a tile do not all fall into one set of the cache.
 */
static size_t slice_of(size_t n)
{
    return n + KERNEL_LANES;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static struct layout layout_of(const struct winograd *w)
{
    struct layout l = {.places = (w->tile + 2) * (w->tile + 2)};
    size_t places = (size_t)l.places, in = (size_t)w->in_channels, out = (size_t)w->out_channels;
    l.tiles_x = (w->out_width + w->tile - 1) / w->tile;
    l.tiles_y = (w->out_height + w->tile - 1) / w->tile;
    l.rows = w->samples * l.tiles_y;
    l.n_panels = (w->out_channels + PANEL - 1) / PANEL;
    l.is_shared = places * in * out * sizeof(float) > WHOLE_BYTES;
    int most = (l.is_shared ? SHARED_TILES : OWN_TILES) / l.tiles_x;
    l.group_rows = most < 1 ? 1 : most < l.rows ? most : l.rows;
    l.n_groups = (l.rows + l.group_rows - 1) / l.group_rows;
    if (l.is_shared) /* of like size */
        l.group_rows = (l.rows + l.n_groups - 1) / l.n_groups;
    l.group_tiles = (size_t)(l.group_rows * l.tiles_x);
    l.in_row = (size_t)(l.tiles_x * w->tile + 2) * in;
    l.out_row = (size_t)(l.tiles_x * w->tile) * out;
    size_t panel = out < PANEL ? out : PANEL;
    l.weights = places * slice_of(in * panel) * (size_t)(l.is_shared ? 1 : l.n_panels);
    l.v = places * slice_of(l.group_tiles * in);
    l.z = places * slice_of(l.group_tiles * out);
    l.m = places * slice_of(l.group_tiles * panel);
    l.stage = larger((size_t)(w->tile + 2) * l.in_row, (size_t)w->tile * l.out_row);
    /* A thread's own, whichever call needs more: weights last, so that whole ones can be common. */
    l.thread = l.stage + (l.is_shared ? l.m + l.weights : l.v + larger(l.m, l.z) + l.weights);
    return l;
}

bool winograd_fits(int in_channels, int out_channels)
{
    return in_channels % KERNEL_LANES == 0 && out_channels % KERNEL_LANES == 0;
}

size_t winograd_scratch(const struct winograd *w)
{
    struct layout l = layout_of(w);
    return (l.is_shared ? l.v + l.z : l.weights) + (size_t)w->threads * l.thread;
}

/* Measured: 22 multiply-adds a cycle of products, 2.2 cycles a transformed weight, 0.4 a transformed pixel. */
double winograd_cost(const struct winograd *w)
{
    struct layout l = layout_of(w);
    double tiles = (double)l.rows * l.tiles_x, in = w->in_channels, out = w->out_channels;
    return l.places * (tiles * in * out / 22 + 2.2 * in * out + 0.4 * tiles * (in + out));
}

int winograd_best_tile(const struct winograd *w)
{
    struct winograd small = *w, large = *w;
    small.tile = 2;
    large.tile = 4;
    return winograd_cost(&small) < 1.15 * winograd_cost(&large) ? 2 : 4; /* 2 rounds less */
}

/* What the parts of a loop work with. */
struct job {
    const struct winograd *w;
    struct layout l;
    const struct winograd_kernels *k;
    const float *x, *gy, *weight, *bias;
    float *y, *grad;
    bool is_turned, adds;
    float *shared, *own; /* scratch: all threads', each thread's */
    int first_row, n_rows;
};

/* Tile rows [first, first + n) of the input to v. */
static void input_rows(const struct job *job, int first, int n, float *v, size_t slice,
                       float *stage)
{
    const struct winograd *w = job->w;
    const struct layout *l = &job->l;
    size_t plane = (size_t)w->height * (size_t)w->width, in = (size_t)w->in_channels;
    for (int row = first; row < first + n; row++) {
        const float *image = job->x + (size_t)(row / l->tiles_y) * in * plane;
        int top = row % l->tiles_y * w->tile - w->padding;
        int from = top > 0 ? top : 0, to = top + w->tile + 2;
        to = to < w->height ? to : w->height;
        memset(stage, 0, (size_t)(w->tile + 2) * l->in_row * sizeof *stage);
        if (to > from)
            job->k->planes_to_channels(
                image + (size_t)from * (size_t)w->width, plane, w->in_channels, to - from, w->width,
                stage + (size_t)(from - top) * l->in_row + (size_t)w->padding * in, l->in_row);
        job->k->input[w->tile / 4](stage, l->in_row, w->in_channels, l->tiles_x, v, slice, in);
        v += (size_t)l->tiles_x * in;
    }
}

/* Likewise of the output's gradient to z. */
static void gradient_rows(const struct job *job, int first, int n, float *z, size_t slice,
                          float *stage)
{
    const struct winograd *w = job->w;
    const struct layout *l = &job->l;
    size_t plane = (size_t)w->out_height * (size_t)w->out_width, out = (size_t)w->out_channels;
    for (int row = first; row < first + n; row++) {
        const float *image = job->gy + (size_t)(row / l->tiles_y) * out * plane;
        int top = row % l->tiles_y * w->tile, bottom = top + w->tile;
        bottom = bottom < w->out_height ? bottom : w->out_height;
        memset(stage, 0, (size_t)w->tile * l->out_row * sizeof *stage);
        job->k->planes_to_channels(image + (size_t)top * (size_t)w->out_width, plane,
                                   w->out_channels, bottom - top, w->out_width, stage, l->out_row);
        job->k->gradient[w->tile / 4](stage, l->out_row, w->out_channels, l->tiles_x, z, slice,
                                      out);
        z += (size_t)l->tiles_x * out;
    }
}

static int panel_width(const struct winograd *w, int panel)
{
    int left = w->out_channels - panel * PANEL;
    return left < PANEL ? left : PANEL;
}

/* Weights of a panel to u: (places, in, width). */
static void panel_weights(const struct job *job, int panel, float *u)
{
    const struct winograd *w = job->w;
    size_t in = (size_t)w->in_channels, out = (size_t)w->out_channels;
    size_t stride = (size_t)panel_width(w, panel), slice = slice_of(in * stride);
    size_t out_stride = job->is_turned ? 9 : 9 * in, in_stride = job->is_turned ? 9 * out : 9;
    for (int o = 0; o < (int)stride; o += KERNEL_LANES) {
        const float *from = job->weight + (size_t)(panel * PANEL + o) * out_stride;
        for (int i = 0; i < w->in_channels; i += KERNEL_LANES)
            job->k->weight[w->tile / 4](from + (size_t)i * in_stride, out_stride, in_stride,
                                        job->is_turned, u + (size_t)i * stride + o, slice, stride);
    }
}

/* M of a panel, tile rows [first, first + n), to y. */
static void output_rows(const struct job *job, int panel, int first, int n, const float *m,
                        size_t slice, float *stage)
{
    const struct winograd *w = job->w;
    const struct layout *l = &job->l;
    size_t plane = (size_t)w->out_height * (size_t)w->out_width;
    size_t width = (size_t)panel_width(w, panel);
    const float *bias = job->bias ? job->bias + panel * PANEL : NULL;
    for (int row = first; row < first + n; row++) {
        int top = row % l->tiles_y * w->tile;
        int rows = w->out_height - top < w->tile ? w->out_height - top : w->tile;
        for (int x = 0; x < l->tiles_x; x++, m += width) {
            int left = x * w->tile;
            int columns = w->out_width - left < w->tile ? w->out_width - left : w->tile;
            job->k->output[w->tile / 4](m, slice, (int)width, bias, rows, columns,
                                        stage + (size_t)left * width, (size_t)w->out_width * width,
                                        width);
        }
        size_t channel =
            (size_t)(row / l->tiles_y) * (size_t)w->out_channels + (size_t)panel * PANEL;
        job->k->channels_to_planes(stage, width, (int)width, rows * w->out_width,
                                   job->y + channel * plane + (size_t)top * (size_t)w->out_width,
                                   plane, job->adds);
    }
}

/* M (places, tiles, width) = V (places, tiles, in) U (places, in, width), then to y. */
static void multiply_panel(const struct job *job, int panel, int first, int n, const float *v,
                           const float *u, float *m, float *stage)
{
    const struct winograd *w = job->w;
    size_t in = (size_t)w->in_channels, width = (size_t)panel_width(w, panel);
    size_t tiles = (size_t)(n * job->l.tiles_x);
    for (size_t place = 0; place < (size_t)job->l.places; place++)
        job->k->product((int)tiles, (int)in, (int)width, v + place * slice_of(tiles * in), in,
                        u + place * slice_of(in * width), width,
                        m + place * slice_of(tiles * width), width);
    output_rows(job, panel, first, n, m, slice_of(tiles * width), stage);
}

/* Where panel's weights are among whole ones: (panel, places, in, width). */
static size_t panel_start(const struct job *job, int panel)
{
    size_t whole = slice_of((size_t)job->w->in_channels * PANEL);
    return (size_t)(panel * job->l.places) * whole;
}

static void whole_weights_part(void *context, int panel, int thread)
{
    const struct job *job = context;
    (void)thread;
    panel_weights(job, panel, job->shared + panel_start(job, panel));
}

static void own_forward_part(void *context, int group, int thread)
{
    const struct job *job = context;
    const struct layout *l = &job->l;
    float *stage = job->own + (size_t)thread * l->thread, *v = stage + l->stage, *m = v + l->v;
    int first = group * l->group_rows;
    int n = l->rows - first < l->group_rows ? l->rows - first : l->group_rows;
    input_rows(job, first, n, v, slice_of((size_t)(n * l->tiles_x * job->w->in_channels)), stage);
    for (int panel = 0; panel < l->n_panels; panel++)
        multiply_panel(job, panel, first, n, v, job->shared + panel_start(job, panel), m, stage);
}

/* One tile row of a shared group. */
static void shared_input_part(void *context, int i, int thread)
{
    const struct job *job = context;
    const struct layout *l = &job->l;
    size_t row = (size_t)l->tiles_x * (size_t)job->w->in_channels;
    input_rows(job, job->first_row + i, 1, job->shared + (size_t)i * row,
               slice_of((size_t)job->n_rows * row), job->own + (size_t)thread * l->thread);
}

static void shared_gradient_part(void *context, int i, int thread)
{
    const struct job *job = context;
    const struct layout *l = &job->l;
    size_t row = (size_t)l->tiles_x * (size_t)job->w->out_channels;
    gradient_rows(job, job->first_row + i, 1, job->shared + l->v + (size_t)i * row,
                  slice_of((size_t)job->n_rows * row), job->own + (size_t)thread * l->thread);
}

static void shared_forward_part(void *context, int panel, int thread)
{
    const struct job *job = context;
    const struct layout *l = &job->l;
    float *stage = job->own + (size_t)thread * l->thread, *m = stage + l->stage, *u = m + l->m;
    panel_weights(job, panel, u);
    multiply_panel(job, panel, job->first_row, job->n_rows, job->shared, u, m, stage);
}

static struct job job_of(const struct winograd *w, float *scratch)
{
    struct job job = {.w = w, .l = layout_of(w), .k = w->kernels, .shared = scratch};
    job.own = scratch + (job.l.is_shared ? job.l.v + job.l.z : job.l.weights);
    return job;
}

/* The tile rows of the next shared group. */
static void next_group(struct job *job)
{
    job->first_row += job->n_rows;
    int left = job->l.rows - job->first_row;
    job->n_rows = left < job->l.group_rows ? left : job->l.group_rows;
}

void winograd_forward(const struct winograd *w, const float *x, const float *weight, bool is_turned,
                      const float *bias, float *y, bool adds, float *scratch)
{
    struct job job = job_of(w, scratch);
    job.x = x;
    job.weight = weight;
    job.bias = bias;
    job.y = y;
    job.is_turned = is_turned;
    job.adds = adds;
    if (!job.l.is_shared) {
        parallel_for(job.l.n_panels, whole_weights_part, &job);
        parallel_for(job.l.n_groups, own_forward_part, &job);
        return;
    }
    for (next_group(&job); job.n_rows > 0; next_group(&job)) {
        parallel_for(job.n_rows, shared_input_part, &job);
        parallel_for(job.l.n_panels, shared_forward_part, &job);
    }
}

/* grad = or += G^T dU G for a panel of dU, (places, in, width). Zeros are written where the cache still has them. */
static void add_panel(const struct job *job, int panel, const float *du, bool adds)
{
    const struct winograd *w = job->w;
    size_t in = (size_t)w->in_channels, width = (size_t)panel_width(w, panel);
    for (int o = 0; o < (int)width; o += KERNEL_LANES) {
        float *to = job->grad + (size_t)(panel * PANEL + o) * 9 * in;
        if (!adds)
            memset(to, 0, KERNEL_LANES * 9 * in * sizeof *to);
        for (size_t i = 0; i < in; i += KERNEL_LANES)
            job->k->weight_back[w->tile / 4](du + i * width + o, slice_of(in * width), width,
                                             to + 9 * i, 9 * in);
    }
}

/* dU (places, in, width) of a panel = or += V^T Z. */
static void multiply_gradient(const struct job *job, int panel, size_t tiles, const float *v,
                              const float *z, float *du, bool adds)
{
    size_t in = (size_t)job->w->in_channels, out = (size_t)job->w->out_channels;
    size_t width = (size_t)panel_width(job->w, panel);
    for (size_t place = 0; place < (size_t)job->l.places; place++)
        job->k->product_tn((int)in, (int)tiles, (int)width, v + place * slice_of(tiles * in), in,
                           z + place * slice_of(tiles * out) + panel * PANEL, out,
                           du + place * slice_of(in * width), width, adds);
}

static float *own_du(const struct job *job, int thread)
{
    return job->own + (size_t)(thread + 1) * job->l.thread - job->l.weights;
}

/* dU (places, in, out) of the thread's groups so far. */
static void own_weight_part(void *context, int group, int thread)
{
    const struct job *job = context;
    const struct layout *l = &job->l;
    float *stage = job->own + (size_t)thread * l->thread, *v = stage + l->stage, *z = v + l->v;
    size_t in = (size_t)job->w->in_channels, out = (size_t)job->w->out_channels;
    int first = group * l->group_rows;
    int n = l->rows - first < l->group_rows ? l->rows - first : l->group_rows;
    size_t tiles = (size_t)(n * l->tiles_x);
    input_rows(job, first, n, v, slice_of(tiles * in), stage);
    gradient_rows(job, first, n, z, slice_of(tiles * out), stage);
    for (int panel = 0; panel < l->n_panels; panel++)
        multiply_gradient(job, panel, tiles, v, z, own_du(job, thread) + panel_start(job, panel),
                          group >= job->w->threads);
}

static void own_add_part(void *context, int panel, int thread)
{
    const struct job *job = context;
    (void)thread;
    for (int t = 0; t < job->w->threads && t < job->l.n_groups; t++)
        add_panel(job, panel, own_du(job, t) + panel_start(job, panel), job->adds || t > 0);
}

static void shared_weight_part(void *context, int panel, int thread)
{
    const struct job *job = context;
    float *du = own_du(job, thread);
    multiply_gradient(job, panel, (size_t)(job->n_rows * job->l.tiles_x), job->shared,
                      job->shared + job->l.v, du, false);
    add_panel(job, panel, du, job->adds || job->first_row > 0);
}

void winograd_weight_gradient(const struct winograd *w, const float *x, const float *gy,
                              float *grad, bool adds, float *scratch)
{
    struct job job = job_of(w, scratch);
    job.x = x;
    job.gy = gy;
    job.grad = grad;
    job.adds = adds;
    if (!job.l.is_shared) {
        parallel_for(job.l.n_groups, own_weight_part, &job);
        parallel_for(job.l.n_panels, own_add_part, &job);
        return;
    }
    for (next_group(&job); job.n_rows > 0; next_group(&job)) {
        parallel_for(job.n_rows, shared_input_part, &job);
        parallel_for(job.n_rows, shared_gradient_part, &job);
        parallel_for(job.l.n_panels, shared_weight_part, &job);
    }
}
