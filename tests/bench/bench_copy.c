/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_copy SECONDS BYTES...: how fast one thread moves memory, for each number of bytes: half of them are copied onto the
 * other half again and again, so that the smaller ones stay in a cache. What shares of the bandwidth refer to
 * (run_limits.py). Prints GB/s, bytes read and written together, as one line of JSON. The best of several stretches
 * counts: whatever else the machine does can only slow them down.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"

#define HUGE_PAGE  ((size_t)2 << 20) /* bytes; tensors lie on such pages, as in a tape */
#define STRETCH_US 2000
#define MAX_BYTES  1e10

static char *filled(size_t n_bytes)
{
    char *block = aligned_alloc(HUGE_PAGE, (n_bytes / HUGE_PAGE + 1) * HUGE_PAGE);
    if (!block) {
        fprintf(stderr, "bench_copy: no memory for %zu bytes\n", n_bytes);
        exit(EXIT_FAILURE);
    }
    madvise(block, (n_bytes / HUGE_PAGE + 1) * HUGE_PAGE, MADV_HUGEPAGE);
    memset(block, 1, n_bytes);
    return block;
}

/* The rate of one stretch: as many copies as it takes to tell the time. */
static double stretch(char *to, const char *from, size_t n_bytes)
{
    int64_t start_us = clock_now_us(), now_us;
    double moved = 0;
    do {
        memcpy(to, from, n_bytes);
        __asm__ volatile("" : : "r"(to) : "memory"); /* somebody might read it */
        moved += 2 * (double)n_bytes;
    } while ((now_us = clock_now_us()) - start_us < STRETCH_US);
    return moved / ((double)(now_us - start_us) * 1e3);
}

static double best_gb_per_s(size_t n_bytes, double seconds)
{
    char *from = filled(n_bytes), *to = filled(n_bytes);
    int64_t end_us = clock_now_us() + (int64_t)(seconds * 1e6);
    double best = 0;
    do {
        double rate = stretch(to, from, n_bytes);
        best = rate > best ? rate : best;
    } while (clock_now_us() < end_us);
    free(from);
    free(to);
    return best;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s SECONDS BYTES...\n", argv[0]);
        return 2;
    }
    printf("{\"gb_per_s\": [");
    for (int i = 2; i < argc; i++) {
        double bytes = atof(argv[i]);
        if (!(bytes >= 2 && bytes <= MAX_BYTES)) {
            fprintf(stderr, "%s: '%s' bytes: 2 to %g\n", argv[0], argv[i], MAX_BYTES);
            return 2;
        }
        printf("%s%.6g", i > 2 ? ", " : "", best_gb_per_s((size_t)bytes / 2, atof(argv[1])));
    }
    printf("]}\n");
    return 0;
}
