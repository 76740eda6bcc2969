/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/peak.h"

#include "base/clock.h"
#include "models/kernels.h"
#include "models/parallel.h"

/* The best of several stretches counts: whatever else the machine does can only slow them down. */
#define STRETCHES 300
#define ROUNDS    100000L

static void run(void *context, int i, int thread)
{
    double *flop = context;
    (void)thread;
    flop[i] = kernels()->peak(ROUNDS);
}

double peak_flop_per_s(int n_threads)
{
    double flop[PARALLEL_MAX_THREADS], best = 0;
    int n = n_threads < parallel_threads() ? n_threads : parallel_threads();
    for (int stretch = 0; stretch < STRETCHES; stretch++) {
        double sum = 0;
        int64_t start_ns = clock_now_ns();
        parallel_for(n, run, flop);
        int64_t taken_ns = clock_now_ns() - start_ns;
        for (int i = 0; i < n; i++)
            sum += flop[i];
        if (taken_ns > 0 && sum / (double)taken_ns * 1e9 > best)
            best = sum / (double)taken_ns * 1e9;
    }
    return best;
}

const char *peak_instruction_set(void)
{
    return kernels()->isa;
}
