/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/prices.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void prices_init(struct prices *prices, int n_devices)
{
    prices->uplink = mem_zero((size_t)n_devices, sizeof(double));
    prices->downlink = mem_zero((size_t)n_devices, sizeof(double));
    prices->power = mem_zero((size_t)n_devices, sizeof(double));
    prices->total_power = 0;
}

void prices_release(struct prices *prices)
{
    free(prices->uplink);
    free(prices->downlink);
    free(prices->power);
    memset(prices, 0, sizeof *prices);
}

void prices_copy(struct prices *to, const struct prices *from, int n_devices)
{
    size_t bytes = (size_t)n_devices * sizeof(double);

    memcpy(to->uplink, from->uplink, bytes);
    memcpy(to->downlink, from->downlink, bytes);
    memcpy(to->power, from->power, bytes);
    to->total_power = from->total_power;
}

size_t prices_count(int n_devices)
{
    return 3 * (size_t)n_devices + 1;
}

void prices_pack(const struct prices *prices, int n_devices, double *list)
{
    size_t n = (size_t)n_devices;

    memcpy(list, prices->uplink, n * sizeof(double));
    memcpy(list + n, prices->downlink, n * sizeof(double));
    memcpy(list + 2 * n, prices->power, n * sizeof(double));
    list[3 * n] = prices->total_power;
}

void prices_unpack(struct prices *prices, int n_devices, const double *list)
{
    size_t n = (size_t)n_devices;

    memcpy(prices->uplink, list, n * sizeof(double));
    memcpy(prices->downlink, list + n, n * sizeof(double));
    memcpy(prices->power, list + 2 * n, n * sizeof(double));
    prices->total_power = list[3 * n];
}
