/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/waterfill.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LN_2 0.693147180559945309417

/* How far the water stands above the lowest floor, and over how many subchannels. */
struct level {
    double above_w_per_hz;
    int n_wet;
};

static void reserve(struct bands *bands, int n)
{
    if (n <= bands->capacity)
        return;
    bands->capacity = n > 2 * bands->capacity ? n : 2 * bands->capacity;
    n = bands->capacity;
    bands->subchannel = mem_resize(bands->subchannel, (size_t)n, sizeof(int));
    bands->bandwidth_hz = mem_resize(bands->bandwidth_hz, (size_t)n, sizeof(double));
    bands->floor_w_per_hz = mem_resize(bands->floor_w_per_hz, (size_t)n, sizeof(double));
    bands->log_floor = mem_resize(bands->log_floor, (size_t)n, sizeof(double));
}

void bands_init(struct bands *bands, int n_subchannels)
{
    memset(bands, 0, sizeof *bands);
    reserve(bands, n_subchannels);
}

void bands_release(struct bands *bands)
{
    free(bands->subchannel);
    free(bands->bandwidth_hz);
    free(bands->floor_w_per_hz);
    free(bands->log_floor);
    memset(bands, 0, sizeof *bands);
}

void bands_fill(struct bands *bands, const struct cell *cell, int device, const int *owner)
{
    const int *order = &cell->order[cell_at(cell, device, 0)];
    const double *floor = &cell->floor_w_per_hz[cell_at(cell, device, 0)];
    int n = 0;

    for (int j = 0; j < cell->n_subchannels; j++) {
        int k = order[j];
        if (owner && owner[k] != device)
            continue;
        if (isinf(floor[k]))
            break; /* and so are all after it */
        reserve(bands, n + 1);
        bands->subchannel[n] = k;
        bands->bandwidth_hz[n] = cell->problem->bandwidth_hz[k];
        bands->floor_w_per_hz[n] = floor[k];
        bands->log_floor[n] = n ? log(floor[k] / bands->floor_w_per_hz[0]) : 0;
        n++;
    }
    bands->n = n;
}

static void refer_to_lowest(struct bands *bands)
{
    for (int j = 0; j < bands->n; j++)
        bands->log_floor[j] = j ? log(bands->floor_w_per_hz[j] / bands->floor_w_per_hz[0]) : 0;
}

void bands_add(struct bands *bands, const struct cell *cell, int device, int subchannel)
{
    double floor = cell->floor_w_per_hz[cell_at(cell, device, subchannel)];
    int j = bands->n;

    if (isinf(floor))
        return;
    reserve(bands, bands->n + 1);
    for (; j > 0 &&
           (bands->floor_w_per_hz[j - 1] > floor ||
            (bands->floor_w_per_hz[j - 1] == floor && bands->subchannel[j - 1] > subchannel));
         j--) {
        bands->subchannel[j] = bands->subchannel[j - 1];
        bands->bandwidth_hz[j] = bands->bandwidth_hz[j - 1];
        bands->floor_w_per_hz[j] = bands->floor_w_per_hz[j - 1];
        bands->log_floor[j] = bands->log_floor[j - 1];
    }
    bands->subchannel[j] = subchannel;
    bands->bandwidth_hz[j] = cell->problem->bandwidth_hz[subchannel];
    bands->floor_w_per_hz[j] = floor;
    bands->n++;
    if (j == 0)
        refer_to_lowest(bands);
    else
        bands->log_floor[j] = log(floor / bands->floor_w_per_hz[0]);
}

void bands_remove(struct bands *bands, int subchannel)
{
    int at = 0;

    while (at < bands->n && bands->subchannel[at] != subchannel)
        at++;
    if (at == bands->n)
        return;
    bands->n--;
    for (int j = at; j < bands->n; j++) {
        bands->subchannel[j] = bands->subchannel[j + 1];
        bands->bandwidth_hz[j] = bands->bandwidth_hz[j + 1];
        bands->floor_w_per_hz[j] = bands->floor_w_per_hz[j + 1];
        bands->log_floor[j] = bands->log_floor[j + 1];
    }
    if (at == 0)
        refer_to_lowest(bands);
}

/* The level rises over one more floor at a time until it stays below the next. */
static struct level level_for_rate(const struct bands *bands, double rate_bps)
{
    double width = 0, weighted_logs = 0, nats = rate_bps * LN_2, log_level = 0;
    int n = 0;

    while (n < bands->n && (n == 0 || bands->log_floor[n] < log_level)) {
        width += bands->bandwidth_hz[n];
        weighted_logs += bands->bandwidth_hz[n] * bands->log_floor[n];
        log_level = (nats + weighted_logs) / width;
        n++;
    }
    return (struct level){n ? bands->floor_w_per_hz[0] * expm1(log_level) : 0, n};
}

static struct level level_for_power(const struct bands *bands, double power_w)
{
    double width = 0, weighted_floors = 0, above = 0;
    int n = 0;

    while (n < bands->n &&
           (n == 0 || bands->floor_w_per_hz[n] - bands->floor_w_per_hz[0] < above)) {
        width += bands->bandwidth_hz[n];
        weighted_floors +=
            bands->bandwidth_hz[n] * (bands->floor_w_per_hz[n] - bands->floor_w_per_hz[0]);
        above = (power_w + weighted_floors) / width;
        n++;
    }
    return (struct level){above, n};
}

static double psd_at(const struct bands *bands, const struct level *level, int j)
{
    double psd = level->above_w_per_hz - (bands->floor_w_per_hz[j] - bands->floor_w_per_hz[0]);
    return j < level->n_wet && psd > 0 ? psd : 0;
}

double waterfill_power_w(const struct bands *bands, double rate_bps)
{
    struct level level;
    double power_w = 0;

    if (rate_bps <= 0)
        return 0;
    if (bands->n == 0)
        return HUGE_VAL;
    level = level_for_rate(bands, rate_bps);
    for (int j = 0; j < level.n_wet; j++)
        power_w += bands->bandwidth_hz[j] * psd_at(bands, &level, j);
    return power_w;
}

double waterfill_rate_bps(const struct bands *bands, double power_w)
{
    struct level level = level_for_power(bands, power_w);
    double rate_bps = 0;

    for (int j = 0; j < level.n_wet; j++)
        rate_bps += bands->bandwidth_hz[j] *
                    log1p(psd_at(bands, &level, j) / bands->floor_w_per_hz[j]) / LN_2;
    return rate_bps;
}

static void write_psd(const struct bands *bands, const struct level *level, double *psd_w_per_hz)
{
    for (int j = 0; j < bands->n; j++)
        psd_w_per_hz[bands->subchannel[j]] = psd_at(bands, level, j);
}

void waterfill_psd_for_rate(const struct bands *bands, double rate_bps, double *psd_w_per_hz)
{
    struct level level = level_for_rate(bands, rate_bps);
    write_psd(bands, &level, psd_w_per_hz);
}

void waterfill_psd_for_power(const struct bands *bands, double power_w, double *psd_w_per_hz)
{
    struct level level = level_for_power(bands, power_w);
    write_psd(bands, &level, psd_w_per_hz);
}
