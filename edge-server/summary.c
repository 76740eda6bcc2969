/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/median.h"
#include "base/mem.h"
#include "edge-server/phase.h"
#include "edge-server/summary_impl.h"

struct summary *summary_new(const struct experiment *e, bool takes_turns)
{
    struct summary *summary = mem_zero(1, sizeof *summary);
    summary->e = e;
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
    if (predicted > 0)
        series_add(&compared->off, fabs(measured - predicted) / predicted);
}

static void compared_release(struct compared *compared)
{
    free(compared->predicted.values);
    free(compared->measured.values);
    free(compared->off.values);
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

static double difference_s(const struct offender *offender)
{
    return fabs(offender->measured_s - offender->predicted_s);
}

/* A large difference comes before all that are not, however far off those are. */
static void suspect(struct summary *summary, const struct offender *one)
{
    bool is_first_large, is_large;
    if (one->predicted_s <= 0 && one->measured_s <= 0)
        return; /* nothing to do in this phase */
    is_large =
        difference_is_large(one->predicted_s, one->measured_s, summary->e->testbed.time_scale);
    is_first_large = is_large && summary->n_large == 0;
    summary->n_compared++;
    if (!summary->worst.phase || is_first_large ||
        (is_large == (summary->n_large > 0) && difference_s(one) > difference_s(&summary->worst)))
        summary->worst = *one;
    summary->n_large += is_large;
}

static void suspect_phase(struct summary *summary, const struct phase *phase,
                          const struct round_record *record)
{
    struct offender one = {.phase = phase, .device = -1, .round = record->round};
    if (!phase->is_per_device) {
        one.predicted_s = phase_of_round(phase, &record->predicted, false);
        one.measured_s = phase_of_round(phase, &record->measured, false);
        suspect(summary, &one);
        return;
    }
    for (int i = 0; i < record->measured.n_devices; i++) {
        one.device = i;
        one.predicted_s = phase_of_device(phase, &record->predicted, i);
        one.measured_s = phase_of_device(phase, &record->measured, i);
        suspect(summary, &one);
    }
}

struct offender summary_worst(const struct summary *summary, uint64_t *n_large)
{
    if (n_large)
        *n_large = summary->n_large;
    return summary->worst;
}

void summary_add(struct summary *summary, const struct round_record *record)
{
    for (size_t i = 0; i < n_phases; i++) {
        compared_add(&summary->phases[i],
                     phase_of_round(&phases[i], &record->predicted, summary->takes_turns),
                     phase_of_round(&phases[i], &record->measured, summary->takes_turns));
        suspect_phase(summary, &phases[i], record);
    }
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
    return series->n ? median(series->values, series->n) : (double)NAN;
}

static struct summary_times times_of(const struct compared *compared)
{
    return (struct summary_times){median_of(&compared->predicted), median_of(&compared->measured),
                                  median_of(&compared->off)};
}

struct summary_times summary_of_phase(const struct summary *summary, const struct phase *phase)
{
    return times_of(&summary->phases[phase - phases]);
}

struct summary_times summary_of_round(const struct summary *summary)
{
    return times_of(&summary->round);
}

static void print_row(struct strbuf *out, const char *label, struct summary_times times)
{
    strbuf_addf(out, "  %-24s %12.3f %12.3f %+12.3f", label, 1e3 * times.predicted_s,
                1e3 * times.measured_s, 1e3 * (times.measured_s - times.predicted_s));
    if (times.predicted_s > 0)
        strbuf_addf(out, " %+8.1f %% %8.1f %%", 100 * (times.measured_s / times.predicted_s - 1),
                    100 * times.off);
    strbuf_addf(out, "\n");
}

static void print_worst(const struct summary *summary, struct strbuf *out)
{
    const struct offender *worst = &summary->worst;
    if (!worst->phase)
        return;
    strbuf_addf(out, "  Worst: %s", worst->phase->label);
    if (worst->device >= 0)
        strbuf_addf(out, " of %s", summary->e->devices[worst->device].name);
    strbuf_addf(out, " in round %u: %.3f predicted, %.3f measured, %+.3f", worst->round,
                1e3 * worst->predicted_s, 1e3 * worst->measured_s,
                1e3 * (worst->measured_s - worst->predicted_s));
    if (worst->predicted_s > 0)
        strbuf_addf(out, " (%+.1f %%)", 100 * (worst->measured_s / worst->predicted_s - 1));
    strbuf_addf(out,
                ".\n  %" PRIu64 " of %" PRIu64
                " phases, over devices and rounds, were more than %.0f %% and %.0f ms of wall time "
                "off.\n",
                summary->n_large, summary->n_compared, 100 * DIFFERENCE_SHARE,
                1e3 * DIFFERENCE_WALL_S);
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
    strbuf_addf(out, "\n\n  %-24s %12s %12s %12s %21s\n",
                summary->takes_turns ? "sum over the devices" : "slowest device", "predicted ms",
                "measured ms", "difference", "off");
    for (size_t i = 0; i < n_phases; i++)
        if (summary_of_phase(summary, &phases[i]).predicted_s > 0)
            print_row(out, phases[i].label, summary_of_phase(summary, &phases[i]));
    print_row(out, "round", summary_of_round(summary));
    strbuf_addf(out, "  Modelled milliseconds, medians over the rounds; off: |measured - "
                     "predicted| / predicted.\n");
    print_worst(summary, out);
    print_fidelity(summary, out);
}
