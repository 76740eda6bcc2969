/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/profile_report.h"

#include <stdio.h>

#define MIB (1024.0 * 1024.0)

static double per_s(double amount, const struct layer_timing *t)
{
    double taken_s = t->forward_s + t->backward_s;
    return taken_s > 0 ? amount / taken_s : 0;
}

double profile_bytes_per_s(const struct profile_report *r, int layer)
{
    const struct layer_profile *l = &r->profile.layers[layer];
    return per_s((double)l->sample_bytes * r->batch + (double)l->batch_bytes, &r->timings[layer]);
}

double profile_flop_per_s(const struct profile_report *r, int layer)
{
    const struct layer_profile *l = &r->profile.layers[layer];
    return per_s(r->batch * (l->forward_flop + l->backward_flop), &r->timings[layer]);
}

static void print_head(const struct profile_report *r)
{
    char shape[SHAPE_TEXT_BYTES];
    printf("%s, input %s. Batch of %d, %d thread%s, instruction set %s, peak %.0f GFLOP/s.\n",
           r->spec->name, shape_format(&r->spec->input, shape), r->batch, r->threads,
           r->threads == 1 ? "" : "s", r->instruction_set, r->peak_flop_per_s * 1e-9);
    printf("%4s  %-18s %-14s %-11s | %28s | %46s | %7s\n", "", "", "", "", "per sample",
           "measured, the whole batch", "front");
    printf("%4s  %-18s %-14s %-11s | %9s %9s %9s %9s | %9s %9s %8s %6s %6s | %7s\n", "cut",
           "after layer", "kind", "output", "fwd MFLOP", "bwd MFLOP", "params", "out bytes",
           "fwd ms", "bwd ms", "GFLOP/s", "% peak", "GB/s", "MiB");
}

static void print_flop(double flop, double flop_per_s, double peak)
{
    if (flop > 0)
        printf(" %8.1f %6.1f", flop_per_s * 1e-9, peak > 0 ? 100 * flop_per_s / peak : 0);
    else
        printf(" %8s %6s", "-", "-");
}

static void print_row(const struct profile_report *r, int i)
{
    const struct layer_profile *l = &r->profile.layers[i];
    char shape[SHAPE_TEXT_BYTES];
    printf("%4d  %-18s %-14s %-11s | %9.3f %9.3f %9zu %9zu | %9.3f %9.3f", i + 1, l->name, l->kind,
           shape_format(&l->output, shape), l->forward_flop * 1e-6, l->backward_flop * 1e-6,
           l->n_params, l->activation_bytes, 1e3 * r->timings[i].forward_s,
           1e3 * r->timings[i].backward_s);
    print_flop(l->forward_flop, profile_flop_per_s(r, i), r->peak_flop_per_s);
    printf(" %6.1f | %7.1f\n", profile_bytes_per_s(r, i) * 1e-9,
           (double)training_memory_sum(&r->fronts[i]) / MIB);
}

static void print_sum(const struct profile_report *r)
{
    struct layer_profile sum = {.kind = ""};
    struct layer_timing total = {0, 0};
    double moved = 0;
    for (int i = 0; i < r->profile.n_layers; i++) {
        const struct layer_profile *l = &r->profile.layers[i];
        sum.forward_flop += l->forward_flop;
        sum.backward_flop += l->backward_flop;
        sum.n_params += l->n_params;
        moved += (double)l->sample_bytes * r->batch + (double)l->batch_bytes;
        total.forward_s += r->timings[i].forward_s;
        total.backward_s += r->timings[i].backward_s;
    }
    printf("%4s  %-18s %-14s %-11s | %9.3f %9.3f %9zu %9s | %9.3f %9.3f", "", "sum", "", "",
           sum.forward_flop * 1e-6, sum.backward_flop * 1e-6, sum.n_params, "",
           1e3 * total.forward_s, 1e3 * total.backward_s);
    print_flop(sum.forward_flop, per_s(r->batch * (sum.forward_flop + sum.backward_flop), &total),
               r->peak_flop_per_s);
    printf(" %6.1f | %7s\n", per_s(moved, &total) * 1e-9, "");
}

static void print_memory(const struct profile_report *r)
{
    const struct training_memory *m = &r->fronts[r->profile.n_layers - 1];
    printf("Memory of training the whole network with momentum, MiB: weights %.1f, gradients %.1f, "
           "momentum %.1f, tape %.1f; %.1f in all.\n",
           (double)m->weights / MIB, (double)m->gradients / MIB, (double)m->optimizer / MIB,
           (double)m->tape / MIB, (double)training_memory_sum(m) / MIB);
    printf("GB/s: what a layer must read and write at least, over its time. front MiB: memory of "
           "training the layers up to the cut.\n");
}

void profile_print(const struct profile_report *report)
{
    print_head(report);
    for (int i = 0; i < report->profile.n_layers; i++)
        print_row(report, i);
    print_sum(report);
    print_memory(report);
}
