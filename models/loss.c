/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/loss.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static int first_largest(const float *logits, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++) {
        if (logits[k] > logits[best])
            best = k;
    }
    return best;
}

struct loss loss_softmax_cross_entropy(const float *logits, const uint32_t *labels, int batch,
                                       int n_classes, float *gradient)
{
    struct loss loss = {0, 0};
    for (int i = 0; i < batch; i++) {
        const float *z = logits + (size_t)i * (size_t)n_classes;
        uint32_t label = labels[i];
        assert(label < (uint32_t)n_classes);
        int best = first_largest(z, n_classes);
        double top = (double)z[best], target = (double)z[label];
        double sum = 1; /* the largest logit's own */
        for (int k = 0; k < n_classes; k++)
            sum += k == best ? 0 : exp((double)z[k] - top);
        loss.sum += log(sum) + top - target;
        loss.n_correct += best == (int)label;
        if (!gradient)
            continue;
        float *g = gradient + (size_t)i * (size_t)n_classes;
        for (int k = 0; k < n_classes; k++)
            g[k] = (float)(exp((double)z[k] - top) / sum - (k == (int)label ? 1 : 0));
    }
    return loss;
}
