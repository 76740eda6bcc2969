/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/summary.h"

#include <math.h>
#include <stdlib.h>

#include "base/median.h"
#include "base/mem.h"
#include "edge-server/phase.h"

/* One number a round. */
struct series {
    double *values;
    size_t n, capacity;
};

struct compared {
    struct series predicted, measured;
};

struct summary {
    bool takes_turns;
    struct compared *phases; /* [n_phases] */
    struct compared round;
    uint32_t n_rounds, n_overrun_rounds, n_overruns, n_late;
    double last_loss, accuracy, test_loss;
    bool has_learned, is_evaluated;
};

struct summary *summary_new(bool takes_turns)
{
    struct summary *summary = mem_zero(1, sizeof *summary);
    summary->takes_turns = takes_turns;
    summary->phases = mem_zero(n_phases, sizeof *summary->phases);
    return summary;
}

static void series_add(struct series *series, double value)
{
    series->values = mem_grow(series->values, series->n, &series->capacity, sizeof *series->values);
    series->values[series->n++] = value;
}

static void compared_add(struct compared *compared, double predicted, double measured)
{
    series_add(&compared->predicted, predicted);
    series_add(&compared->measured, measured);
}

static void compared_release(struct compared *compared)
{
    free(compared->predicted.values);
    free(compared->measured.values);
}

void summary_free(struct summary *summary)
{
    if (!summary)
        return;
    for (size_t i = 0; i < n_phases; i++)
        compared_release(&summary->phases[i]);
    compared_release(&summary->round);
    free(summary->phases);
    free(summary);
}

void summary_add(struct summary *summary, const struct round_record *record)
{
    for (size_t i = 0; i < n_phases; i++)
        compared_add(&summary->phases[i],
                     phase_of_round(&phases[i], &record->predicted, summary->takes_turns),
                     phase_of_round(&phases[i], &record->measured, summary->takes_turns));
    compared_add(&summary->round, record->predicted_s, record->measured_s);
    summary->n_rounds++;
    summary->n_overruns += record->n_overruns;
    summary->n_late += record->is_late;
    summary->n_overrun_rounds += record->n_overruns > 0;
    summary->has_learned = record->has_learned;
    summary->last_loss = record->loss;
    if (record->is_evaluated) {
        summary->is_evaluated = true;
        summary->accuracy = record->accuracy;
        summary->test_loss = record->test_loss;
    }
}

static double median_of(const struct series *series)
{
    return median(series->values, series->n);
}

static void print_row(struct strbuf *out, const char *label, const struct compared *compared)
{
    double predicted_s = median_of(&compared->predicted),
           measured_s = median_of(&compared->measured);
    strbuf_addf(out, "  %-24s %12.3f %12.3f %+12.3f", label, 1e3 * predicted_s, 1e3 * measured_s,
                1e3 * (measured_s - predicted_s));
    if (predicted_s > 0)
        strbuf_addf(out, " %+8.1f %%", 100 * (measured_s / predicted_s - 1));
    strbuf_addf(out, "\n");
}

/* Whether this machine kept up with what it was to emulate. */
static void print_fidelity(const struct summary *summary, struct strbuf *out)
{
    if (summary->n_overruns)
        strbuf_addf(out,
                    "  OVERRUNS: in %u of %u rounds %u passes computed longer than modelled.\n",
                    summary->n_overrun_rounds, summary->n_rounds, summary->n_overruns);
    if (summary->n_late)
        strbuf_addf(out, "  LATE: %u of %u rounds took over 5 %% longer than predicted.\n",
                    summary->n_late, summary->n_rounds);
    if (summary->n_overruns || summary->n_late)
        strbuf_addf(out, "  A larger testbed.time_scale gives this machine more time.\n");
    else
        strbuf_addf(out, "  No overruns, no late rounds: this machine kept up.\n");
}

void summary_print(const struct summary *summary, struct strbuf *out)
{
    if (summary->n_rounds == 0) {
        strbuf_addf(out, "No round was finished.\n");
        return;
    }
    strbuf_addf(out, "%u rounds", summary->n_rounds);
    if (summary->has_learned)
        strbuf_addf(out, ", last training loss %.4f", summary->last_loss);
    else
        strbuf_addf(out, " without learning");
    if (summary->is_evaluated)
        strbuf_addf(out, ", test accuracy %.2f %% (loss %.4f)", 100 * summary->accuracy,
                    summary->test_loss);
    strbuf_addf(out, "\n\n  %-24s %12s %12s %12s\n",
                summary->takes_turns ? "sum over the devices" : "slowest device", "predicted ms",
                "measured ms", "difference");
    for (size_t i = 0; i < n_phases; i++)
        if (median_of(&summary->phases[i].predicted) > 0)
            print_row(out, phases[i].label, &summary->phases[i]);
    print_row(out, "round", &summary->round);
    strbuf_addf(out, "  Modelled milliseconds, medians over the rounds.\n");
    print_fidelity(summary, out);
}
