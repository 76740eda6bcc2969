/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/median.h"

#include <stdlib.h>

#include "base/mem.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(const double *values, size_t n)
{
    double *sorted = mem_copy(values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    double middle = n % 2 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
    free(sorted);
    return middle;
}
