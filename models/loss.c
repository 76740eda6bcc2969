/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/loss.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

static int first_largest(const float *logits, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++) {
        if (logits[k] > logits[best])
            best = k;
    }
    return best;
}

static double mean_of(const float *z, int n)
{
    double sum = 0;
    for (int k = 0; k < n; k++)
        sum += (double)z[k];
    return sum / n;
}

struct loss loss_smoothed_cross_entropy(const float *logits, const uint32_t *labels, int batch,
                                        int n_classes, double smoothing, float *gradient)
{
    struct loss loss = {0, 0};
    assert(smoothing >= 0 && smoothing <= 1);
    double spread = smoothing / n_classes; /* of the target, over all classes */
    for (int i = 0; i < batch; i++) {
        const float *z = logits + (size_t)i * (size_t)n_classes;
        uint32_t label = labels[i];
        assert(label < (uint32_t)n_classes);
        int best = first_largest(z, n_classes);
        double top = (double)z[best], target = (double)z[label];
        if (smoothing > 0)
            target += smoothing * (mean_of(z, n_classes) - target);
        double sum = 1; /* the largest logit's own */
        for (int k = 0; k < n_classes; k++)
            sum += k == best ? 0 : exp((double)z[k] - top);
        loss.sum += log(sum) + top - target;
        loss.n_correct += best == (int)label;
        if (!gradient)
            continue;
        float *g = gradient + (size_t)i * (size_t)n_classes;
        for (int k = 0; k < n_classes; k++)
            g[k] = (float)(exp((double)z[k] - top) / sum -
                           (k == (int)label ? 1 - smoothing + spread : spread));
    }
    return loss;
}

struct loss loss_softmax_cross_entropy(const float *logits, const uint32_t *labels, int batch,
                                       int n_classes, float *gradient)
{
    return loss_smoothed_cross_entropy(logits, labels, batch, n_classes, 0, gradient);
}

struct loss loss_mean_squared_error(const float *y, const float *target, int batch, int features,
                                    float *gradient)
{
    struct loss loss = {0, 0};
    size_t n = (size_t)batch * (size_t)features;
    for (size_t i = 0; i < n; i++) {
        double difference = (double)y[i] - (double)target[i];
        loss.sum += difference * difference / features;
        if (gradient)
            gradient[i] = (float)(2 * difference / features);
    }
    return loss;
}

struct loss loss_label_squared_error(const float *outputs, const uint32_t *labels, int batch,
                                     int n_classes, double smoothing, float *gradient)
{
    struct loss loss = {0, 0};
    assert(smoothing >= 0 && smoothing <= 1);
    double spread = smoothing / n_classes;
    for (int i = 0; i < batch; i++) {
        size_t first = (size_t)i * (size_t)n_classes;
        const float *y = outputs + first;
        int label = (int)labels[i];
        assert(labels[i] < (uint32_t)n_classes);
        loss.n_correct += first_largest(y, n_classes) == label;
        for (int k = 0; k < n_classes; k++) {
            double difference = (double)y[k] - (k == label ? 1 - smoothing + spread : spread);
            loss.sum += difference * difference / n_classes;
            if (gradient)
                gradient[first + (size_t)k] = (float)(2 * difference / n_classes);
        }
    }
    return loss;
}

static const struct loss_kind kinds[] = {
    {"cross-entropy", loss_smoothed_cross_entropy},
    {"mse", loss_label_squared_error},
};

const struct loss_kind *loss_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

const char *loss_kinds(void)
{
    return "cross-entropy, mse";
}
