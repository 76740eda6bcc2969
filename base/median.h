/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The median of measurements, for summaries and timings. */
#ifndef BASE_MEDIAN_H
#define BASE_MEDIAN_H

#include <stddef.h>

/* Of n >= 1 numbers, which are left as they are; the mean of the middle two when n is even. */
double median(const double *values, size_t n);

#endif
