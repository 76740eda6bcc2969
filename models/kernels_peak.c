/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Multiply-adds on registers alone: what the processor can do at most, see models/peak.h. */
#include "models/kernels.h"

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
/* Independent sums: enough for any latency, and registers still with factor and term. */
#define CHAINS 12

typedef float floats __attribute__((vector_size(4 * LANES)));

/* A factor a little below 1 keeps the sums from growing. The sums count, so that none is left out. */
extern double KERNEL(peak)(long n_rounds);
double KERNEL(peak)(long n_rounds)
{
    floats sum[CHAINS], zero = {0}, factor = zero + 0.999999f, term = zero + 1e-6f, total = zero;
    for (int c = 0; c < CHAINS; c++)
        sum[c] = zero + (float)c;
    for (long round = 0; round < n_rounds; round++) {
        for (int c = 0; c < CHAINS; c++)
            sum[c] = sum[c] * factor + term;
    }
    for (int c = 0; c < CHAINS; c++)
        total += sum[c];
    return total[0] >= 0 ? 2.0 * CHAINS * LANES * (double)n_rounds : 0;
}
