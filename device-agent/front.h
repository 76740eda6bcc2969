/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device's half of the learning: its data, the front layers [0, cut), their optimiser, and the order in
 * which samples are drawn. Everything that decides what the device will compute next is in here.
 */
#ifndef DEVICE_AGENT_FRONT_H
#define DEVICE_AGENT_FRONT_H

#include <stdint.h>

#include "base/err.h"
#include "wire/message.h"

struct front;

/*
 * From the server's assignment and its two payloads: this device's sample indices (u32; none: all that it
 * holds) and the front weights (f32), both copied. Data sets are opened in data_dir. The error says what of the
 * assignment or of the data does not fit.
 *
 * An assignment without learning has neither samples nor weights, and no data are opened: the front then knows the
 * sizes of everything, gives zeros, and takes whatever it is given.
 */
struct front *front_new(const struct msg_assignment *assignment, const struct payload *samples,
                        const struct payload *weights, const char *data_dir, struct err *err);
void front_free(struct front *front);

size_t front_n_train(const struct front *front); /* this device's training samples */
size_t front_n_test(const struct front *front);  /* test samples in data_dir */
int front_batch_size(const struct front *front);
size_t front_cut_features(const struct front *front); /* floats per sample that cross the link */

/*
 * Draws the next batch, crops and flips its images as assigned, and runs it forward. Returns the activations
 * (batch, cut features) and sets *labels (batch); both stay good until the next call of front_forward() or front_evaluate().
 */
const float *front_forward(struct front *front, const uint32_t **labels);

/* -1 when samples of a batch could not be read from disk. */
int front_check(const struct front *front, struct err *err);

/* The gradient of the last batch's activations, (slots, cut features) from first_slot on. Sizes are the caller's. */
void front_put_gradient(struct front *front, uint32_t first_slot, const struct payload *gradient);

/* Backward with that gradient, then one optimiser step. */
void front_backward(struct front *front);

/* Forward without learning: test samples first, first + stride, ... (n <= batch, all in range). */
const float *front_evaluate(struct front *front, uint32_t first, uint32_t stride, int n,
                            const uint32_t **labels);

/*
 * All front weights and, behind them, buffers (net_state()) in one array, layer after layer; the optimiser's
 * state stays with the device.
 */
const float *front_weights(struct front *front, size_t *n);

int front_cut(const struct front *front);

/*
 * The front is layers [0, cut) from here on. Layers it had before keep weights and optimiser state; those it gains
 * are to be set. What front_forward() and the like returned before is gone.
 */
int front_move_cut(struct front *front, int cut, struct err *err);

/*
 * Layers [from, to) of the front: copies of their weights, and of the optimiser's state of them
 * (models/net_range.h). NULL when that is more than a payload holds.
 */
struct payload *front_get_weights(const struct front *front, int from, int to, struct err *err);
struct payload *front_get_optimizer(const struct front *front, int from, int to, struct err *err);

/* Takes over what these returned on another party. The error says what does not fit. */
int front_set_weights(struct front *front, int from, int to, const struct payload *weights,
                      struct err *err);
int front_set_optimizer(struct front *front, int from, int to, const struct payload *state,
                        struct err *err);

#endif
