/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Losses on the last activations of a network, with their gradients. */
#ifndef MODELS_LOSS_H
#define MODELS_LOSS_H

#include <stdint.h>

struct loss {
    double sum;    /* of the samples' losses; cross-entropy in nats */
    int n_correct; /* samples whose largest logit is the label's (first one on ties) */
};

/*
 * logits (batch, n_classes), labels in [0, n_classes). gradient, unless NULL, receives softmax(z) - onehot
 * per sample, not divided by the batch; it may be `logits` itself. Stable for any finite logits.
 */
struct loss loss_softmax_cross_entropy(const float *logits, const uint32_t *labels, int batch,
                                       int n_classes, float *gradient);

/*
 * The same against the smoothed target (1 - smoothing) onehot + smoothing/n_classes (Szegedy et al., 2016;
 * label_smoothing of torch.nn.CrossEntropyLoss); smoothing in [0, 1], 0 is the above bit for bit.
 */
struct loss loss_smoothed_cross_entropy(const float *logits, const uint32_t *labels, int batch,
                                        int n_classes, double smoothing, float *gradient);

/*
 * A sample's loss is the mean of (y - target)^2 over its features; y and target are (batch, features). gradient, unless
 * NULL, receives 2 (y - target)/features; it may be `y` itself. n_correct is 0.
 */
struct loss loss_mean_squared_error(const float *y, const float *target, int batch, int features,
                                    float *gradient);

/* The same of outputs (batch, n_classes) against the smoothed target of a label, as above; n_correct is counted. */
struct loss loss_label_squared_error(const float *outputs, const uint32_t *labels, int batch,
                                     int n_classes, double smoothing, float *gradient);

/* Losses against labels, one row a kind (models/loss.c); all have the one form of loss_smoothed_cross_entropy(). */
struct loss_kind {
    const char *name;
    struct loss (*of)(const float *outputs, const uint32_t *labels, int batch, int n_classes,
                      double smoothing, float *gradient);
};
const struct loss_kind *loss_find(const char *name); /* NULL when there is none */
const char *loss_kinds(void);                        /* "cross-entropy, mse" */

#endif
