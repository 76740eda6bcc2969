/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monotonic clock, for programs, benchmarks and the scheduler's time limit: everything else takes the
 * time as a parameter.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC; the same clock in every process of one machine. */
int64_t clock_now_us(void);

/* The same in nanoseconds, for what takes less than a microsecond. */
int64_t clock_now_ns(void);

#endif
