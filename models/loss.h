/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Softmax cross-entropy on the server's last activations. */
#ifndef MODELS_LOSS_H
#define MODELS_LOSS_H

#include <stdint.h>

struct loss {
    double sum;    /* of the samples' losses, in nats */
    int n_correct; /* samples whose largest logit is the label's (first one on ties) */
};

/*
 * logits (batch, n_classes), labels in [0, n_classes). gradient, unless NULL, receives softmax(z) - onehot
 * per sample, not divided by the batch; it may be `logits` itself. Stable for any finite logits.
 */
struct loss loss_softmax_cross_entropy(const float *logits, const uint32_t *labels, int batch,
                                       int n_classes, float *gradient);

#endif
