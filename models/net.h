/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A network, or the range [from, to) of one: parameters, gradients, and forward and backward over any
 * sub-range. That is the split: a device holds net_new(spec, 0, cut), the server net_new(spec, cut, L).
 *
 * Shapes are agreed when the net is made, so forward and backward cannot fail; a `tape` holds every
 * activation and gradient for batches up to a given size, so they do not allocate either. A net may be
 * used with several tapes; a net and its tapes belong to one thread.
 *
 * "Boundary i" is the place before layer i of the whole network: boundary 0 is the input, boundary L the
 * output. Layers are always counted in the whole network, also in a net that holds only a part.
 */
#ifndef MODELS_NET_H
#define MODELS_NET_H

#include <stdint.h>

#include "base/err.h"
#include "models/net_spec.h"

struct net;

/* Layers [from, to) of `spec` (to < 0: to the end), weights zero. NULL when the spec does not check. */
struct net *net_new(const struct net_spec *spec, int from, int to, struct err *err);
void net_free(struct net *net);
size_t net_bytes(const struct net *net); /* of parameters, buffers and gradients */

int net_from(const struct net *net);
int net_to(const struct net *net);
struct shape net_shape(const struct net *net,
                       int boundary); /* of one sample there; from <= boundary <= to */

/*
 * Weights as PyTorch's defaults draw them (uniform +-1/sqrt(fan_in) for convolution and linear, ones and
 * zeros for norms), from (seed, index of the layer in the whole network): a front and a back part drawn
 * with the same seed are the two parts of the whole drawn with it.
 */
void net_init_weights(struct net *net, uint64_t seed);

/*
 * All parameters in one array, in order of the layers; gradients in another of the same layout. Buffers are what a
 * state_dict holds besides: batch norm's running statistics, which training forward passes change and no gradient
 * does; at first mean 0, variance 1, 0 batches. net_state() is both in one array, parameters first: what makes two
 * nets compute alike, and what travels between parties.
 */
float *net_params(const struct net *net, size_t *n);
float *net_grads(const struct net *net,
                 size_t *n); /* to be asked for anew after net_zero_grads() */
void net_zero_grads(struct net *net);
float *net_buffers(const struct net *net, size_t *n);
float *net_state(const struct net *net, size_t *n);

/* The parameters of layers [from, to) within net_params(): where they start and how many. */
void net_param_range(const struct net *net, int from, int to, size_t *first, size_t *n);

/* One weight or buffer tensor, under its state_dict name; i in [0, net_n_weights()). */
struct net_weight {
    char name[NET_MAX_NAME + 16]; /* "conv1.weight" */
    int n_dims;
    int dim[4];      /* as PyTorch stores it: (out, in, kh, kw), (out, in), (channels) */
    size_t first, n; /* within net_params(); of a buffer within net_buffers() */
    bool is_count;   /* a buffer that counts: an int64 in a state_dict, "bn1.num_batches_tracked" */
};
size_t net_n_weights(const struct net *net);
const struct net_weight *net_weight(const struct net *net, size_t i);
size_t net_n_buffers(const struct net *net);
const struct net_weight *net_buffer(const struct net *net, size_t i); /* "bn1.running_mean" */

/*
 * Activations and gradients of a net for batches of up to max_batch, zero at first. Fails when memory is
 * short. The net must outlive its tapes.
 *
 * A tape is for layers that go forward in order, in one call or in several, and then once backward: backward puts
 * gradients where activations were that it has done with. An aggregating tape takes more memory; there activations stay
 * until the next forward, tape_aggregate() may be called, and layers may go forward or backward again. Results of both
 * are the same bit for bit.
 */
struct tape;
struct tape *tape_new(const struct net *net, int max_batch, struct err *err);
struct tape *tape_new_aggregating(const struct net *net, int max_batch, struct err *err);
void tape_free(struct tape *tape);
size_t tape_bytes(const struct tape *tape);

/*
 * (max_batch, shape at boundary): where the input is put before net_forward() and the output found after;
 * likewise the gradient before and after net_backward(). Of the gradients only the one last written is
 * good, and of the activations those at the net's two ends (in an aggregating tape all): the boundaries share memory.
 * What lies at the net's two ends is touched by nothing but the passes that begin or end there.
 */
float *tape_activation(struct tape *tape, int boundary);
float *tape_gradient(struct tape *tape, int boundary);

/*
 * Training or evaluation, and what random layers draw from. A new tape trains, with seed and step 0.
 *
 * In training, batch norm takes the batch's own statistics and updates its running ones, and dropout drops numbers by
 * a mask made from (seed, layer, step, column) alone: the same for a network whole or split, drawn again in backward,
 * new with each step that the caller counts. In evaluation batch norm takes its running statistics and dropout does
 * nothing; backward is good then too. Also ends the effect of tape_aggregate().
 */
void tape_set_training(struct tape *tape, bool is_training, uint64_t seed, uint64_t step);

/*
 * Layers [from, to) forward: reads the activation at `from`, writes those up to `to`, and keeps in the tape
 * what backward needs. Columns [0, batch); the others stay as they are. 1 <= batch <= max_batch.
 */
void net_forward(const struct net *net, struct tape *tape, int from, int to, int batch);

/*
 * Layers [from, to) backward: reads the gradient at `to` (batch, shape), adds the parameters' gradients to
 * net_grads(), leaves the gradient at `from` in the tape unless wants_input is false (the first layer of a
 * network needs none). Everything besides the gradient is recomputed from the tape's activations, so that
 * tape_aggregate() may change those in between. Batch norm alone keeps its batch's statistics from the last forward.
 */
void net_backward(struct net *net, struct tape *tape, int from, int to, int batch,
                  bool wants_input);

/*
 * How the columns of a batch of C devices become fewer (EPSL, papers: "last-layer gradient aggregation").
 * Before: C groups of `batch` columns. After: n_slots columns, each the weighted mean over the groups'
 * columns of that slot, then the other (batch - n_slots) columns of group 0, of group 1, ...
 */
struct slots {
    int n_groups;          /* C */
    int batch;             /* b: columns of each group */
    int n_slots;           /* n = ceil(phi b) */
    const double *weights; /* lambda_i, C of them, sum 1 */
};
int slots_columns(const struct slots *slots); /* n + C (b - n) */

/* That, in place, for one array of (C b, features). With C = 1 nothing changes, bit for bit. */
void slots_aggregate(const struct slots *slots, float *columns, size_t features);

/*
 * That, in an aggregating tape, for every activation of layers [from, to) that backward will read (inner ones of composites too),
 * boundary `from` included: "cached means", option A of docs/MODEL.md. Until tape_set_training() or a forward of more
 * than n_slots columns, layers that look beyond their column do as follows.
 *
 * Batch norm keeps the statistics of the C b columns that went forward, also in a forward of merged columns (which
 * then does not touch the running ones). Its backward sums run over the merged columns, a merged one standing for C:
 * it takes C times the part that flows through the mean and the variance. So it is exact where the groups' columns
 * of a slot are alike, and off by the covariance of gradient and input otherwise, as every layer is.
 * Dropout's mask of a merged column is the weighted mean of the groups' masks; other columns keep theirs.
 */
void tape_aggregate(struct tape *tape, int from, int to, const struct slots *slots);

/*
 * Threads that this process computes with, BLAS's and the layers'; 1 is deterministic. Before tapes are made: a tape
 * has scratch memory for as many threads as there were then, and more must not use it.
 */
void net_set_threads(int n);

#endif
