/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/kernels.h"

#include "base/mem.h"

#ifdef __x86_64__

extern const struct kernels kernels_v1, kernels_v3, kernels_v4;

static const struct kernels *const rows[] = {&kernels_v1, &kernels_v3, &kernels_v4};

static size_t n_rows(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return 1;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return 2;
    return ARRAY_LEN(rows);
}

#else

extern const struct kernels kernels_base;

static const struct kernels *const rows[] = {&kernels_base};

static size_t n_rows(void)
{
    return 1;
}

#endif

const struct kernels *kernels(void)
{
    return rows[n_rows() - 1];
}

const struct kernels *kernels_at(size_t i)
{
    return i < n_rows() ? rows[i] : NULL;
}
