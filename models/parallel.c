/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/parallel.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Turns of an idle worker before it sleeps: some tens of microseconds, the pause between two layers. */
#define AWAKE_TURNS 20000

/* The one pool of a process, like OpenBLAS's own. Fields are written while no loop runs, but for the counters. */
static struct pool {
    int n_threads; /* 0: not set, which is 1 */
    pthread_t workers[PARALLEL_MAX_THREADS];
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_uint loop;      /* counts loops: a change starts the workers */
    atomic_int n_running;  /* workers not done with it */
    atomic_bool is_ending; /* workers return */

    void (*part)(void *context, int i, int thread);
    void *context;
    int n_parts;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_share(int thread)
{
    for (int i = thread; i < pool.n_parts; i += pool.n_threads)
        pool.part(pool.context, i, thread);
}

/* Returns the number of a loop other than `seen`. */
static unsigned await_loop(unsigned seen)
{
    for (int turn = 0; turn < AWAKE_TURNS; turn++) {
        unsigned now = atomic_load_explicit(&pool.loop, memory_order_acquire);
        if (now != seen)
            return now;
        relax();
    }
    pthread_mutex_lock(&pool.mutex);
    while (atomic_load(&pool.loop) == seen)
        pthread_cond_wait(&pool.wake, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
    return atomic_load(&pool.loop);
}

static void *work(void *argument)
{
    int thread = (int)(intptr_t)argument;
    unsigned seen = 0;
    for (;;) {
        seen = await_loop(seen);
        if (atomic_load(&pool.is_ending))
            return NULL;
        run_share(thread);
        atomic_fetch_sub_explicit(&pool.n_running, 1, memory_order_release);
    }
}

/* Under the mutex, so that no worker falls asleep in between. */
static void start_loop(void)
{
    atomic_store(&pool.n_running, pool.n_threads - 1);
    pthread_mutex_lock(&pool.mutex);
    atomic_fetch_add_explicit(&pool.loop, 1, memory_order_release);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.mutex);
}

static void stop_workers(void)
{
    if (pool.n_threads < 2)
        return;
    atomic_store(&pool.is_ending, true);
    start_loop();
    for (int t = 1; t < pool.n_threads; t++)
        pthread_join(pool.workers[t], NULL);
    atomic_store(&pool.is_ending, false);
}

/* Signals are for the thread that has handlers in mind: workers take none. */
static int start_worker(int thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = pthread_create(&pool.workers[thread], NULL, work, (void *)(intptr_t)thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

void parallel_set_threads(int n)
{
    assert(n >= 1);
    n = n < PARALLEL_MAX_THREADS ? n : PARALLEL_MAX_THREADS;
    if (n == parallel_threads())
        return;
    stop_workers();
    atomic_store(&pool.loop, 0);
    pool.n_threads = 1;
    while (pool.n_threads < n && start_worker(pool.n_threads) == 0)
        pool.n_threads++;
}

int parallel_threads(void)
{
    return pool.n_threads > 0 ? pool.n_threads : 1;
}

void parallel_for(int n_parts, void (*part)(void *context, int i, int thread), void *context)
{
    if (parallel_threads() == 1 || n_parts == 1) {
        for (int i = 0; i < n_parts; i++)
            part(context, i, 0);
        return;
    }
    pool.part = part;
    pool.context = context;
    pool.n_parts = n_parts;
    start_loop();
    run_share(0);
    for (int turn = 0; atomic_load_explicit(&pool.n_running, memory_order_acquire) > 0; turn++) {
        if (turn < AWAKE_TURNS)
            relax();
        else
            sched_yield(); /* more threads than processors */
    }
}
