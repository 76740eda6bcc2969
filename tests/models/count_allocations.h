/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * n_allocations while is_counting. A test program's own malloc family counts and passes on to glibc's; sanitizers have
 * theirs, so there (SANITIZED) nothing is counted. OpenBLAS takes a few kB of its own for tiny products (its
 * sgemm_small_kernel), which are not ours to avoid.
 */
#ifndef TESTS_MODELS_COUNT_ALLOCATIONS_H
#define TESTS_MODELS_COUNT_ALLOCATIONS_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define SANITIZED 1
#endif

static int n_allocations;
static bool is_counting; /* by then everything below dladdr() is loaded */

#ifndef SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static void count(const void *caller)
{
    Dl_info info;
    if (is_counting && dladdr(caller, &info) && !strstr(info.dli_fname, "openblas"))
        n_allocations++;
}

void *malloc(size_t size)
{
    count(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_realloc(p, size);
}
#endif

#endif
