/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The most memory this process has had in RAM so far: VmHWM of /proc/self/status. (ru_maxrss would not do: a
 * process begins with that of the process that started it.)
 */
#ifndef TESTS_BENCH_PEAK_MEMORY_H
#define TESTS_BENCH_PEAK_MEMORY_H

#include <stdio.h>

/* KiB; 0 where there is no such file. */
static inline long peak_memory_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "VmHWM: %ld", &kib) != 1)
        ;
    if (file)
        fclose(file);
    return kib;
}

#endif
