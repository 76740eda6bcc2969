/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/parallel.h"

/* Floats below which a thread costs more than it brings: some microseconds of work. */
#define MIN_FLOATS 16384

struct ranges {
    size_t n;
    int n_parts;
    void (*range)(void *context, size_t first, size_t end);
    void *context;
};

static void run_part(void *context, int i, int thread)
{
    const struct ranges *ranges = context;
    (void)thread;
    size_t n = ranges->n, of = (size_t)ranges->n_parts;
    size_t first = n / of * (size_t)i + n % of * (size_t)i / of;
    size_t end = n / of * ((size_t)i + 1) + n % of * ((size_t)i + 1) / of;
    if (first < end)
        ranges->range(ranges->context, first, end);
}

void parallel_ranges(size_t n, size_t work, void (*range)(void *context, size_t first, size_t end),
                     void *context)
{
    size_t most = work / MIN_FLOATS;
    int n_threads = parallel_threads(), n_parts = most < (size_t)n_threads ? (int)most : n_threads;
    struct ranges ranges = {n, n_parts > 1 ? n_parts : 1, range, context};
    parallel_for(ranges.n_parts, run_part, &ranges);
}
