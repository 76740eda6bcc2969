/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's half of the learning: back layers [cut, L), their optimiser, and the steps that frameworks
 * are made of. A turn of training is, on the activations of one or of all devices ("groups"):
 *
 *     back_put() for each group;  back_forward();  back_backward_last();
 *     [back_aggregate()]  back_backward_rest();  back_update();
 *
 * Scaling (docs/MODEL.md): the server's gradient is that of sum_i lambda_i (1/b) sum_j l_ij, so column j of
 * group i runs backward with weight lambda_i / b; what is sent to device i is divided by lambda_i again, so
 * that it is the gradient of the device's own mean loss.
 */
#ifndef EDGE_SERVER_BACK_H
#define EDGE_SERVER_BACK_H

#include <stdint.h>

#include "base/err.h"
#include "models/loss.h"
#include "models/net.h"
#include "models/optimizer.h"
#include "wire/payload.h"

/* What an aggregated column's layers are differentiated at (EPSL leaves it open). */
enum aggregation {
    AGGREGATE_CACHED_MEANS, /* lambda-weighted means of every cached layer input; no second forward */
    AGGREGATE_MEAN_ACTIVATIONS, /* the mean of the activations at the cut, run forward again */
    AGGREGATE_BROADCAST_GRADIENT /* each device's own column with the common gradient; averaged at the cut */
};

/* The config's name for it ("cached-means", ...) to the value; -1 when there is none. */
int aggregation_find(const char *name);

struct back_options {
    int cut;         /* the server holds layers [cut, L) */
    int max_groups;  /* devices in one turn at most */
    int batch;       /* b, per group */
    bool aggregates; /* back_aggregate() will be called with slots; takes more memory */
    bool
        is_without_learning; /* sizes are as they would be, gradients and losses are 0, there is no net */
    uint64_t seed;           /* of the weights */
    struct optimizer optimizer;
    const struct loss_kind *loss;
    double label_smoothing; /* in training; an evaluation's loss is without */
};

struct back;
/* `spec` is borrowed. */
struct back *back_new(const struct net_spec *spec, const struct back_options *options,
                      struct err *err);
void back_free(struct back *back);

size_t back_cut_features(const struct back *back);
int back_n_classes(const struct back *back);

/* Group's batch to its place: activations (b, cut features), labels (b) below back_n_classes(). Copied. */
void back_put(struct back *back, int group, const float *activations, const uint32_t *labels);

/* Starts a turn of n_groups groups with weights lambda (sum 1; borrowed until the turn's end). */
void back_forward(struct back *back, int n_groups, const double *lambda);

/* Losses after back_forward(): of a group, summed over its batch. */
struct loss back_loss(const struct back *back, int group);

/* The last layer, backward for all C b columns. */
void back_backward_last(struct back *back);

/* From here on the first n_slots columns of every group are one. */
void back_aggregate(struct back *back, enum aggregation aggregation, int n_slots);

/* The layers between the cut and the last. */
void back_backward_rest(struct back *back);

void back_update(struct back *back);

/* After back_backward_rest(), until the next turn: the cut gradient of the n_slots shared slots, and of
 * group's other b - n_slots; (slots, cut features). NULL when there are no such slots. */
const float *back_shared_gradient(const struct back *back);
const float *back_own_gradient(const struct back *back, int group);

/* Columns that went backward below the last layer: n + C (b - n), or C b when nothing was merged. */
int back_columns_below_last(const struct back *back);

/* All back weights in one array, layer after layer. */
const float *back_weights(const struct back *back, size_t *n);
struct net *
back_net(const struct back *back); /* layers [cut, L); the back's own; NULL without learning */

/* Forward without learning; n <= b. */
struct loss back_evaluate(struct back *back, const float *activations, const uint32_t *labels,
                          int n);

/*
 * Between turns: the server holds layers [cut, L) from here on. Layers it had before keep weights and optimiser
 * state; those it gains are to be set before the next back_forward().
 */
int back_cut(const struct back *back);
int back_move_cut(struct back *back, int cut, struct err *err);

/* Floats of any layers [from, to) of the network, and of the optimiser's state of them (models/net_range.h). */
size_t back_weights_floats(const struct back *back, int from, int to);
size_t back_optimizer_floats(const struct back *back, int from, int to);

/* Copies of layers [from, to) of the back part: of their weights, of the optimiser's state. Payloads hold so many. */
struct payload *back_get_weights(const struct back *back, int from, int to);
struct payload *back_get_optimizer(const struct back *back, int from, int to);

/*
 * Layers [from, to) become the mean of n parties', with weights lambda (sum 1): of their weights, of their
 * optimiser state.
 */
void back_set_weights(struct back *back, int from, int to, int n, const double *lambda,
                      const float *const *weights);
void back_set_optimizer(struct back *back, int from, int to, int n, const double *lambda,
                        const float *const *states);

#endif
