/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_peak THREADS SECONDS: the float32 peak of THREADS cores at once, in GFLOP/s: independent fused
 * multiply-adds on registers, with the widest vectors the processor has, chosen when run (AVX-512, AVX2 with FMA,
 * NEON; else plain C). What shares of the peak refer to. The best of several short stretches counts: whatever else
 * the machine does can only slow them down.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#if defined __x86_64__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

#define CHAINS     16 /* independent sums: more than latency x issue width anywhere */
#define MULTIPLIES 200000L
#define FLOP       2 /* of a multiply-add */

/*
 * NAME(): MULTIPLIES rounds of CHAINS multiply-adds on vectors; returns a sum, so that none can be left out. A
 * factor a little below 1 keeps the sums from growing.
 */
#define DEFINE_LOOP(NAME, ATTRIBUTE, VECTOR, BROADCAST, MULTIPLY_ADD, FIRST)                       \
    ATTRIBUTE static float NAME(void)                                                              \
    {                                                                                              \
        VECTOR sum[CHAINS], factor = BROADCAST(0.999999f), term = BROADCAST(1e-6f);                \
        for (int c = 0; c < CHAINS; c++)                                                           \
            sum[c] = BROADCAST((float)c);                                                          \
        for (long i = 0; i < MULTIPLIES; i++)                                                      \
            for (int c = 0; c < CHAINS; c++)                                                       \
                sum[c] = MULTIPLY_ADD(sum[c], factor, term);                                       \
        float total = 0;                                                                           \
        for (int c = 0; c < CHAINS; c++)                                                           \
            total += FIRST(sum[c]);                                                                \
        return total;                                                                              \
    }

#define PLAIN_BROADCAST(x)          (x)
#define PLAIN_MULTIPLY_ADD(s, f, t) ((s) * (f) + (t))
DEFINE_LOOP(plain, , float, PLAIN_BROADCAST, PLAIN_MULTIPLY_ADD, PLAIN_BROADCAST)

#if defined __x86_64__
DEFINE_LOOP(avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps,
            _mm512_cvtss_f32)
DEFINE_LOOP(avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps,
            _mm256_cvtss_f32)
#elif defined __aarch64__
#define NEON_MULTIPLY_ADD(s, f, t) vfmaq_f32(t, s, f)
#define NEON_FIRST(v)              vgetq_lane_f32(v, 0)
DEFINE_LOOP(neon, , float32x4_t, vdupq_n_f32, NEON_MULTIPLY_ADD, NEON_FIRST)
#endif

struct loop {
    const char *name;
    float (*run)(void);
    int lanes;
};

static struct loop best_loop(void)
{
#if defined __x86_64__
    if (__builtin_cpu_supports("avx512f"))
        return (struct loop){"AVX-512", avx512, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct loop){"AVX2", avx2, 8};
#elif defined __aarch64__
    return (struct loop){"NEON", neon, 4};
#endif
    return (struct loop){"plain", plain, 1};
}

struct stretch {
    pthread_t thread;
    struct loop loop;
    double seconds, gflops;
};

static void *measure(void *context)
{
    struct stretch *s = context;
    volatile float kept = 0;
    int64_t end_us = clock_now_us() + (int64_t)(s->seconds * 1e6);
    while (clock_now_us() < end_us) {
        int64_t start_us = clock_now_us();
        kept = kept + s->loop.run();
        double elapsed_s = (double)(clock_now_us() - start_us) * 1e-6;
        double gflops = FLOP * (double)CHAINS * MULTIPLIES * s->loop.lanes / elapsed_s * 1e-9;
        if (gflops > s->gflops)
            s->gflops = gflops;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc == 3 ? atoi(argv[1]) : 0;
    if (n < 1 || n > 1024) {
        fprintf(stderr, "usage: %s THREADS SECONDS\n", argv[0]);
        return 2;
    }
    struct stretch *stretches = mem_zero((size_t)n, sizeof *stretches);
    double gflops = 0;
    for (int i = 0; i < n; i++) {
        stretches[i] = (struct stretch){.loop = best_loop(), .seconds = atof(argv[2])};
        if (pthread_create(&stretches[i].thread, NULL, measure, &stretches[i]))
            return 1;
    }
    for (int i = 0; i < n; i++) {
        pthread_join(stretches[i].thread, NULL);
        gflops += stretches[i].gflops;
    }
    printf("{\"gflops\": %.6g, \"kind\": \"%s\"}\n", gflops, stretches[0].loop.name);
    free(stretches);
    return 0;
}
