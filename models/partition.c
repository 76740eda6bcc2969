/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One function and one row a kind of partition. */
#include "models/partition.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_DRAWS 100

/* What a kind works on: it fills in owner[sample]. */
struct deal {
    const struct partition_request *request;
    const uint32_t *labels;
    size_t n_samples;
    uint32_t *order; /* all samples, shuffled */
    uint32_t *owner;
    struct rng rng;
};

struct partition_kind {
    const char *name;
    bool is_redrawn; /* may come out differently the next time */
    /* Checks the kind's own request fields. */
    int (*check)(const struct deal *deal, struct err *err);
    void (*deal)(struct deal *deal);
};

/* Piece `i` of n things in n_pieces whose sizes differ by at most one starts here. */
static size_t piece_start(size_t n, size_t n_pieces, size_t i)
{
    size_t rest = n % n_pieces;
    return n / n_pieces * i + (i < rest ? i : rest);
}

static int check_nothing(const struct deal *deal, struct err *err)
{
    (void)deal;
    (void)err;
    return 0;
}

static void deal_iid(struct deal *deal)
{
    size_t n_devices = (size_t)deal->request->n_devices;
    for (size_t d = 0; d < n_devices; d++) {
        size_t end = piece_start(deal->n_samples, n_devices, d + 1);
        for (size_t i = piece_start(deal->n_samples, n_devices, d); i < end; i++)
            deal->owner[deal->order[i]] = (uint32_t)d;
    }
}

/* Counting sort of deal->order by label, keeping the shuffled order within a label. */
static void sort_by_label(struct deal *deal, size_t **first_of_label, size_t *n_labels)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < deal->n_samples; i++)
        largest = deal->labels[i] > largest ? deal->labels[i] : largest;
    *n_labels = (size_t)largest + 1;
    size_t *first = mem_zero(*n_labels + 1, sizeof *first);
    for (size_t i = 0; i < deal->n_samples; i++)
        first[deal->labels[i] + 1]++;
    for (size_t k = 0; k < *n_labels; k++)
        first[k + 1] += first[k];
    size_t *next = mem_copy(first, *n_labels * sizeof *first);
    uint32_t *sorted = mem_zero(deal->n_samples, sizeof *sorted);
    for (size_t i = 0; i < deal->n_samples; i++)
        sorted[next[deal->labels[deal->order[i]]]++] = deal->order[i];
    memcpy(deal->order, sorted, deal->n_samples * sizeof *sorted);
    free(sorted);
    free(next);
    *first_of_label = first;
}

static int check_shards(const struct deal *deal, struct err *err)
{
    const struct partition_request *request = deal->request;
    if (request->shards_per_device < 1)
        return err_set(err, "shards_per_device %d: at least 1", request->shards_per_device);
    uint64_t shards = (uint64_t)request->n_devices * (uint64_t)request->shards_per_device;
    if (shards > deal->n_samples)
        return err_set(err,
                       "%d devices with %d shards each need more samples than the %zu there are",
                       request->n_devices, request->shards_per_device, deal->n_samples);
    return 0;
}

static void deal_shards(struct deal *deal)
{
    size_t per_device = (size_t)deal->request->shards_per_device, n_labels, *first;
    size_t n_shards = (size_t)deal->request->n_devices * per_device;
    sort_by_label(deal, &first, &n_labels);
    free(first);
    uint32_t *shard = mem_zero(n_shards, sizeof *shard);
    for (size_t i = 0; i < n_shards; i++)
        shard[i] = (uint32_t)i;
    rng_shuffle(&deal->rng, shard, n_shards);
    for (size_t i = 0; i < n_shards; i++) {
        size_t end = piece_start(deal->n_samples, n_shards, shard[i] + 1);
        for (size_t at = piece_start(deal->n_samples, n_shards, shard[i]); at < end; at++)
            deal->owner[deal->order[at]] = (uint32_t)(i / per_device);
    }
    free(shard);
}

static int check_dirichlet(const struct deal *deal, struct err *err)
{
    if (!(deal->request->alpha > 0 && deal->request->alpha <= 1e6))
        return err_set(err, "alpha %g: above 0, at most 1e6", deal->request->alpha);
    return 0;
}

/* Where each device's part of one label's samples ends, as shares of 1: a draw of Dirichlet(alpha). */
static void draw_share_ends(struct deal *deal, double *end, int n)
{
    double sum = 0;
    for (int d = 0; d < n; d++)
        end[d] = sum += rng_gamma(&deal->rng, deal->request->alpha);
    if (sum > 0) {
        for (int d = 0; d < n; d++)
            end[d] /= sum;
        return;
    }
    /* Every draw underflowed, alpha is tiny: the limit gives all to one device. */
    int all = (int)rng_below(&deal->rng, (uint64_t)n);
    for (int d = 0; d < n; d++)
        end[d] = d >= all;
}

static void deal_dirichlet(struct deal *deal)
{
    int n_devices = deal->request->n_devices;
    double *end = mem_zero((size_t)n_devices, sizeof *end);
    size_t n_labels, *first;
    sort_by_label(deal, &first, &n_labels);
    for (size_t k = 0; k < n_labels; k++) {
        size_t at = first[k], n = first[k + 1] - first[k];
        draw_share_ends(deal, end, n_devices);
        for (int d = 0; d < n_devices; d++) {
            bool is_last = d == n_devices - 1;
            size_t stop = first[k] + (is_last ? n : (size_t)(end[d] * (double)n + 0.5));
            for (; at < stop && at < first[k + 1]; at++)
                deal->owner[deal->order[at]] = (uint32_t)d;
        }
    }
    free(first);
    free(end);
}

static const struct partition_kind kinds[] = {
    {"iid", false, check_nothing, deal_iid},
    {"shards", false, check_shards, deal_shards},
    {"dirichlet", true, check_dirichlet, deal_dirichlet},
};

const char *partition_kinds(void)
{
    return "iid, shards, dirichlet";
}

/* Lists each device's samples, in the order of deal->order. */
static void collect(struct partition *partition, const struct deal *deal)
{
    size_t n_devices = (size_t)deal->request->n_devices;
    memset(partition->first, 0, (n_devices + 1) * sizeof *partition->first);
    for (size_t i = 0; i < deal->n_samples; i++)
        partition->first[deal->owner[i] + 1]++;
    for (size_t d = 0; d < n_devices; d++)
        partition->first[d + 1] += partition->first[d];
    size_t *next = mem_copy(partition->first, n_devices * sizeof *next);
    for (size_t i = 0; i < deal->n_samples; i++) {
        uint32_t sample = deal->order[i];
        partition->index[next[deal->owner[sample]]++] = sample;
    }
    free(next);
}

static int check_sizes(const struct partition *partition, size_t least, struct err *err)
{
    for (int d = 0; d < partition->n_devices; d++) {
        size_t n = partition->first[d + 1] - partition->first[d];
        if (n < least)
            return err_set(err, "device %d gets %zu samples, at least %zu are wanted", d, n, least);
    }
    return 0;
}

static int draw(struct partition *partition, const struct partition_kind *kind, struct deal *deal,
                struct err *err)
{
    int wanted = deal->request->min_samples;
    size_t least = wanted > 1 ? (size_t)wanted : 1;
    int draws = kind->is_redrawn ? MAX_DRAWS : 1;
    struct err why = ERR_INIT;
    for (int i = 0; i < draws; i++) {
        for (size_t s = 0; s < deal->n_samples; s++)
            deal->order[s] = (uint32_t)s;
        rng_shuffle(&deal->rng, deal->order, deal->n_samples);
        kind->deal(deal);
        collect(partition, deal);
        if (check_sizes(partition, least, &why) == 0)
            return 0;
    }
    if (draws > 1)
        err_prefix(&why, "%d draws, none good; in the last", draws);
    return err_set(err, "%s", why.text);
}

static int check_request(const struct deal *deal, const struct partition_kind **found,
                         struct err *err)
{
    const struct partition_request *request = deal->request;
    *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, request->kind) == 0)
            *found = &kinds[i];
    }
    if (!*found)
        return err_set(err, "'%.64s' is no kind of partition: allowed are %s", request->kind,
                       partition_kinds());
    if (request->n_devices < 1 || (size_t)request->n_devices > deal->n_samples)
        return err_set(err, "%d devices for %zu samples: at least 1 device and a sample for each",
                       request->n_devices, deal->n_samples);
    return (*found)->check(deal, err);
}

int partition_make(struct partition *partition, const struct partition_request *request,
                   const uint32_t *labels, size_t n_samples, struct err *err)
{
    assert(n_samples <= UINT32_MAX);
    struct deal deal = {.request = request, .labels = labels, .n_samples = n_samples};
    const struct partition_kind *kind;
    if (check_request(&deal, &kind, err))
        return -1;
    rng_seed(&deal.rng, request->seed, RNG_PARTITION);
    deal.order = mem_zero(n_samples, sizeof *deal.order);
    deal.owner = mem_zero(n_samples, sizeof *deal.owner);
    partition->n_devices = request->n_devices;
    partition->index = mem_zero(n_samples, sizeof *partition->index);
    partition->first = mem_zero((size_t)request->n_devices + 1, sizeof *partition->first);
    int status = draw(partition, kind, &deal, err);
    free(deal.order);
    free(deal.owner);
    if (status)
        partition_release(partition);
    return status;
}

void partition_release(struct partition *partition)
{
    free(partition->index);
    free(partition->first);
    *partition = (struct partition){NULL, NULL, 0};
}
