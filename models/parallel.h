/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A loop shared by the threads of this process: net_set_threads() says how many. Inside models/: layers split their
 * work into parts with it. Part i always runs on thread i modulo the number of threads, so that results depend on that
 * number but never on timing.
 *
 * Workers wait for the next loop awake for some microseconds, then asleep. One loop runs at a time: nets belong to one
 * thread (models/net.h), and parts start no loops.
 */
#ifndef MODELS_PARALLEL_H
#define MODELS_PARALLEL_H

#include <stddef.h>

#define PARALLEL_MAX_THREADS 64

/* Starts or stops workers so that loops run on n >= 1 threads, the caller's included; above the limit: the limit. */
void parallel_set_threads(int n);
int parallel_threads(void);

/*
 * Calls part(context, i, thread) for each i in [0, n_parts) and returns when all are done; `thread`, in
 * [0, parallel_threads()), tells parts that run at the same time apart.
 */
void parallel_for(int n_parts, void (*part)(void *context, int i, int thread), void *context);

/*
 * Calls range(context, first, end) for ranges that make up [0, n), work being n floats or so: on as many threads as that
 * is worth, one range a thread.
 */
void parallel_ranges(size_t n, size_t work, void (*range)(void *context, size_t first, size_t end),
                     void *context);

#endif
