/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/profile_report.h"

#include <stdio.h>

#define MIB (1024.0 * 1024.0)

static void print_head(const struct profile_file *f, const struct net_spec *spec)
{
    char shape[SHAPE_TEXT_BYTES];
    printf("%s, input %s. Batch of %d, %d thread%s. Instruction set %s, peak %.1f GFLOP/s a thread",
           f->model, shape_format(&spec->input, shape), f->batch_size, f->threads,
           f->threads == 1 ? "" : "s", f->instruction_set, f->thread_peak_flop_per_s * 1e-9);
    if (f->threads > 1)
        printf(", %.1f on %d", f->peak_flop_per_s * 1e-9, f->threads);
    printf(".\n");
}

static double rate(double amount, const struct profile_entry *e)
{
    double taken_s = e->forward_s + e->backward_s;
    return taken_s > 0 ? amount / taken_s : 0;
}

static void print_measured(const struct profile_file *f, const struct profile_entry *e)
{
    double flop_per_s = rate(f->batch_size * (e->forward_flop + e->backward_flop), e);
    printf(" | %9.4f %9.4f", 1e3 * e->forward_s, 1e3 * e->backward_s);
    if (flop_per_s > 0)
        printf(" %8.1f %6.1f", flop_per_s * 1e-9, 100 * flop_per_s / f->peak_flop_per_s);
    else
        printf(" %8s %6s", "-", "-");
    if (e->moved_bytes > 0)
        printf(" %6.1f\n", rate(e->moved_bytes, e) * 1e-9);
    else
        printf(" %6s\n", "-");
}

static void print_layers(const struct profile_file *f)
{
    struct profile_entry sum = {0};
    printf("\n%4s  %-18s %-14s %-11s | %39s | %s\n", "", "", "", "", "of a sample",
           "measured, the whole batch");
    printf("%4s  %-18s %-14s %-11s | %9s %9s %9s %9s | %9s %9s %8s %6s %6s\n", "cut", "after layer",
           "kind", "output", "fwd MFLOP", "bwd MFLOP", "params", "out bytes", "fwd ms", "bwd ms",
           "GFLOP/s", "% peak", "GB/s");
    for (int i = 0; i < f->n_entries; i++) {
        const struct profile_entry *e = &f->entries[i];
        printf("%4d  %-18s %-14s %-11s | %9.3f %9.3f %9.0f %9.0f", i + 1, e->name, e->kind,
               e->output, e->forward_flop * 1e-6, e->backward_flop * 1e-6, e->n_params,
               e->activation_bytes);
        print_measured(f, e);
        sum.forward_flop += e->forward_flop;
        sum.backward_flop += e->backward_flop;
        sum.n_params += e->n_params;
        sum.forward_s += e->forward_s;
        sum.backward_s += e->backward_s;
        sum.moved_bytes += e->moved_bytes;
    }
    printf("%4s  %-18s %-14s %-11s | %9.3f %9.3f %9.0f %9s", "", "sum", "", "",
           sum.forward_flop * 1e-6, sum.backward_flop * 1e-6, sum.n_params, "");
    print_measured(f, &sum);
    printf("GB/s: what a layer has to read and write at least, over its time; caches may exceed the"
           " memory's rate.\n");
}

static void print_memory(const struct profile_file *f)
{
    printf("\nMemory of training the layers up to the cut, a batch of %d, SGD with momentum, MiB\n",
           f->batch_size);
    printf("%4s  %-18s | %10s %10s %10s %10s | %10s\n", "cut", "after layer", "weights",
           "gradients", "momentum", "tape", "sum");
    for (int i = 0; i < f->n_entries; i++) {
        const struct profile_entry *e = &f->entries[i];
        printf("%4d  %-18s | %10.3f %10.3f %10.3f %10.3f | %10.3f%s\n", i + 1, e->name,
               e->front_weight_bytes / MIB, e->front_gradient_bytes / MIB,
               e->front_optimizer_bytes / MIB, e->front_tape_bytes / MIB, e->front_bytes / MIB,
               i + 1 == f->n_entries ? " (the whole network)" : "");
    }
    printf(
        "tape: the one block of activations, their gradients and scratch. Besides, a process has "
        "its program and its data.\n");
}

void profile_print(const struct profile_file *file, const struct net_spec *spec)
{
    print_head(file, spec);
    print_layers(file);
    print_memory(file);
}
