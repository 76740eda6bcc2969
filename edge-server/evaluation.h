/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Test accuracy through the devices' front parts: which test samples each device forwards, in chunks of at
 * most a batch, one chunk at a time, and the sums of what came of it. The chunks of a device come back in
 * order, and sums are per device, so the result does not depend on who answers first.
 *
 * "shared": device i takes samples i, i + C, i + 2C, ..., so that the whole set passes once.
 * "every-device": each device takes the whole set; the accuracy is the mean over the devices.
 */
#ifndef EDGE_SERVER_EVALUATION_H
#define EDGE_SERVER_EVALUATION_H

#include <stdbool.h>
#include <stdint.h>

#include "models/loss.h"
#include "wire/message.h"

struct evaluation_share {
    uint32_t first, stride, n_samples; /* test samples this device has still to be asked for */
    uint32_t asked;                    /* of those, in the chunk under way; 0: none */
    struct loss total;
};

struct evaluation {
    uint32_t number; /* of the evaluation, from 1 */
    uint32_t chunk;  /* samples at a time at most */
    int n_devices, n_left;
    uint64_t n_samples;              /* over all devices */
    struct evaluation_share *shares; /* [C] */
};

void evaluation_init(struct evaluation *evaluation, int n_devices, int chunk);
void evaluation_release(struct evaluation *evaluation);

/*
 * The next evaluation, of n_test samples: by all devices in shares, by every device, or, with `only` >= 0,
 * by that device alone.
 */
void evaluation_start(struct evaluation *evaluation, int n_test, bool by_every_device, int only);

/* MSG_EVALUATE with a device's next chunk; NULL when it has none left. */
struct msg *evaluation_ask(struct evaluation *evaluation, int device);

/* Whether this answer is the one asked for. */
bool evaluation_expects(const struct evaluation *evaluation, int device,
                        const struct msg_evaluation *answer);

/* Counts an answer. True when it was the last of all. */
bool evaluation_count(struct evaluation *evaluation, int device, struct loss loss);

double evaluation_accuracy(const struct evaluation *evaluation); /* [0, 1] */
double evaluation_loss(const struct evaluation *evaluation);     /* mean */

#endif
