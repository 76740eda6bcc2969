/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/trace.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "link/csv.h"

#define MAX_TIME_S   1e9
#define MIN_RATE_BPS 1e-3 /* or 0: slower, and a transfer would outlast every count of laps */
#define MAX_RATE_BPS 1e15

/*
 * Both kinds are a curve of bits sent by a time of the recording: it rises along lines between the
 * rows, or by a packet at each. Time is in ticks: seconds for rates; for packets milliseconds,
 * whole numbers, so that laps add up without rounding and no packet is used twice.
 */
struct trace {
    bool is_packets;
    double ticks_per_s;
    double *time;      /* [n] ascending */
    double *sent_bits; /* [n] rates: by that time; [i] of packets: (i + 1) packets */
    double *rate;      /* [n] rates: bits per tick from that time on */
    size_t n, capacity;
    double period, period_bits;
};

static void add(struct trace *trace, double time, double rate)
{
    size_t capacity = trace->capacity;

    trace->time = mem_grow(trace->time, trace->n, &capacity, sizeof(double));
    if (capacity != trace->capacity) {
        trace->rate = mem_resize(trace->rate, capacity, sizeof(double));
        trace->sent_bits = mem_resize(trace->sent_bits, capacity, sizeof(double));
        trace->capacity = capacity;
    }
    trace->time[trace->n] = time;
    trace->rate[trace->n] = rate;
    trace->sent_bits[trace->n] = 0;
    trace->n++;
}

static int read_rates(struct trace *trace, struct csv *csv, struct err *err)
{
    int status;

    if (!csv_has_columns(csv, "time_s,rate_bps"))
        return csv_error(csv, err, "the columns must be time_s,rate_bps");
    while ((status = csv_next(csv, err)) > 0) {
        double time_s, rate_bps;
        if (csv_number(csv, 0, "time_s", 0, MAX_TIME_S, &time_s, err) ||
            csv_number(csv, 1, "rate_bps", 0, MAX_RATE_BPS, &rate_bps, err))
            return -1;
        if (rate_bps > 0 && rate_bps < MIN_RATE_BPS)
            return csv_error(csv, err, "rate_bps '%s': must be 0 or at least %g", csv->field[1],
                             MIN_RATE_BPS);
        if (trace->n == 0 && time_s != 0)
            return csv_error(csv, err, "time_s '%s': the first must be 0", csv->field[0]);
        if (trace->n && !(time_s > trace->time[trace->n - 1]))
            return csv_error(csv, err, "time_s '%s': must be later than the one before",
                             csv->field[0]);
        add(trace, time_s, rate_bps);
    }
    return status;
}

static int read_packets(struct trace *trace, struct csv *csv, struct err *err)
{
    int status;

    while ((status = csv_next(csv, err)) > 0) {
        double ms;
        if (csv->n_fields != 1 || csv_number(csv, 0, "millisecond", 0, MAX_TIME_S * 1e3, &ms, err))
            return csv->n_fields == 1 ? -1 : csv_error(csv, err, "one number a line is wanted");
        if (ms != floor(ms))
            return csv_error(csv, err, "millisecond '%s': must be an integer", csv->field[0]);
        if (trace->n && ms < trace->time[trace->n - 1])
            return csv_error(csv, err, "millisecond '%s': must not be earlier than the one before",
                             csv->field[0]);
        add(trace, ms, 0);
    }
    return status;
}

static void finish_rates(struct trace *trace)
{
    double last = trace->time[trace->n - 1];
    double lasts = trace->n > 1 ? last - trace->time[trace->n - 2] : 1;

    for (size_t i = 1; i < trace->n; i++)
        trace->sent_bits[i] =
            trace->sent_bits[i - 1] + trace->rate[i - 1] * (trace->time[i] - trace->time[i - 1]);
    trace->period = last + lasts;
    trace->period_bits = trace->sent_bits[trace->n - 1] + trace->rate[trace->n - 1] * lasts;
}

static void finish_packets(struct trace *trace)
{
    for (size_t i = 0; i < trace->n; i++)
        trace->sent_bits[i] = (double)(i + 1) * TRACE_PACKET_BITS;
    trace->period = trace->time[trace->n - 1];
    trace->period_bits = (double)trace->n * TRACE_PACKET_BITS;
}

static int load(struct trace *trace, const char *path, struct err *err)
{
    struct csv csv;
    int status;

    if (trace->is_packets ? csv_open_bare(&csv, path, err) : csv_open(&csv, path, err))
        return -1;
    status = trace->is_packets ? read_packets(trace, &csv, err) : read_rates(trace, &csv, err);
    csv_close(&csv);
    if (status)
        return -1;
    if (trace->n == 0)
        return err_set(err, "%.400s: no rows", path);
    if (trace->is_packets)
        finish_packets(trace);
    else
        finish_rates(trace);
    if (!(trace->period_bits > 0) || !(trace->period > 0))
        return err_set(err, "%.400s: %s", path,
                       trace->is_packets ? "lasts no time: one line must be above 0"
                                         : "carries nothing: one rate must be above 0");
    return 0;
}

struct trace *trace_load(const char *path, struct err *err)
{
    struct trace *trace = mem_zero(1, sizeof *trace);
    size_t n = strlen(path);

    trace->is_packets = n < 4 || strcmp(path + n - 4, ".csv") != 0;
    trace->ticks_per_s = trace->is_packets ? 1e3 : 1;
    if (load(trace, path, err) == 0)
        return trace;
    trace_free(trace);
    return NULL;
}

void trace_free(struct trace *trace)
{
    if (!trace)
        return;
    free(trace->time);
    free(trace->rate);
    free(trace->sent_bits);
    free(trace);
}

/* How many of the ascending values are at most x. */
static size_t count_up_to(const double *values, size_t n, double x)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (values[middle] <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The curve within one recording, 0 <= t <= period. */
static double sent_within(const struct trace *trace, double t)
{
    size_t n = count_up_to(trace->time, trace->n, t);

    if (trace->is_packets)
        return (double)n * TRACE_PACKET_BITS;
    return trace->sent_bits[n - 1] + trace->rate[n - 1] * (t - trace->time[n - 1]);
}

/* The first moment of one recording by which so many bits, in (0, period_bits], are sent. */
static double time_within(const struct trace *trace, double bits)
{
    size_t low = 0, high = trace->n;

    while (low < high) { /* the first row that has at least so many */
        size_t middle = low + (high - low) / 2;
        if (trace->sent_bits[middle] < bits)
            low = middle + 1;
        else
            high = middle;
    }
    if (trace->is_packets)
        return trace->time[low < trace->n ? low : trace->n - 1];
    low = low > 0 ? low - 1 : 0; /* the row on whose line they are reached */
    return fmin(trace->time[low] + (bits - trace->sent_bits[low]) / trace->rate[low],
                low + 1 < trace->n ? trace->time[low + 1] : trace->period);
}

/* A microsecond of a tick is rounding: 4.9999999 ms is the fifth. */
static double ticks_of(const struct trace *trace, double t_s)
{
    double ticks = t_s * trace->ticks_per_s;

    if (!trace->is_packets)
        return ticks;
    return fabs(ticks - nearbyint(ticks)) < 1e-6 ? nearbyint(ticks) : floor(ticks);
}

/* What is sent by t within its lap, which is lap's up to rounding. */
static double sent_in_lap(const struct trace *trace, double lap, double t)
{
    return sent_within(trace, fmin(fmax(t - lap * trace->period, 0), trace->period));
}

double trace_end_s(const struct trace *trace, double start_s, double bits)
{
    double t = ticks_of(trace, start_s), lap = floor(t / trace->period);
    double left = trace->is_packets ? ceil(bits / TRACE_PACKET_BITS) * TRACE_PACKET_BITS : bits;

    if (!(bits > 0))
        return start_s;
    left += sent_in_lap(trace, lap, t);
    double laps = ceil(left / trace->period_bits) - 1;
    if (!(lap + laps < 1e12))
        return HUGE_VAL;
    double within = fmin(fmax(left - laps * trace->period_bits, 0), trace->period_bits);
    double end = (lap + laps) * trace->period + time_within(trace, within);
    return fmax(end / trace->ticks_per_s, start_s);
}

double trace_bits(const struct trace *trace, double start_s, double end_s)
{
    double from = ticks_of(trace, start_s), to = ticks_of(trace, end_s);
    double first = floor(from / trace->period), last = floor(to / trace->period);

    if (!(to > from))
        return 0;
    return fmax((last - first) * trace->period_bits + sent_in_lap(trace, last, to) -
                    sent_in_lap(trace, first, from),
                0);
}

double trace_mean_bps(const struct trace *trace)
{
    return trace->period_bits / trace->period * trace->ticks_per_s;
}
