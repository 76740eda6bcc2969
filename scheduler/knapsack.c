/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/knapsack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void knapsack_init(struct knapsack *s, int max_items)
{
    size_t n = (size_t)max_items;

    memset(s, 0, sizeof *s);
    s->items = mem_zero(n, sizeof *s->items);
    s->taken = mem_zero(n, sizeof *s->taken);
    s->best = mem_zero(n, sizeof *s->best);
    s->weights = mem_zero(n + 1, sizeof(double));
    s->costs = mem_zero(n + 1, sizeof(double));
    s->cheapest = mem_zero(n + 1, sizeof(double));
}

void knapsack_release(struct knapsack *s)
{
    free(s->items);
    free(s->taken);
    free(s->best);
    free(s->weights);
    free(s->costs);
    free(s->cheapest);
}

/* What costs nothing first, then by cost per weight. */
static int by_ratio(const void *a, const void *b)
{
    const struct knapsack_item *x = a, *y = b;
    double left = x->cost * y->mixed, right = y->cost * x->mixed;

    if ((x->cost <= 0) != (y->cost <= 0))
        return x->cost <= 0 ? -1 : 1;
    if (left != right && x->cost > 0)
        return left < right ? -1 : 1;
    return x->label - y->label;
}

/* The least cost of weight `need` from the items from `from` on, if the last may be taken in part.
 * */
static double relaxed(const struct knapsack *s, int from, double need)
{
    double wanted = s->weights[from] + need, part;
    int low = from, high = s->n; /* weights[low] < wanted <= weights[high] */

    if (!(wanted <= s->weights[s->n] * (1 + 1e-12)))
        return HUGE_VAL;
    if (!(wanted > s->weights[from]))
        return 0;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (s->weights[middle] < wanted)
            low = middle;
        else
            high = middle;
    }
    part = (wanted - s->weights[low]) / s->items[low].mixed;
    return s->costs[low] - s->costs[from] + fmin(part, 1) * s->items[low].cost;
}

/* What is still missing: on the two scales, and on their mean. */
struct lack {
    double scale[2], mixed;
};

static struct lack without(struct lack lack, const struct knapsack_item *item)
{
    return (struct lack){{lack.scale[0] - item->weight[0], lack.scale[1] - item->weight[1]},
                         lack.mixed - item->mixed};
}

static bool weighs_enough(const struct knapsack *s, const struct lack *lack)
{
    return !(s->is_needed[0] && lack->scale[0] > 0) && !(s->is_needed[1] && lack->scale[1] > 0);
}

/* `is_new`: the set taken has not been looked at. */
static void branch(struct knapsack *s, int from, struct lack lack, double cost, bool is_new)
{
    bool is_heavy = weighs_enough(s, &lack);

    for (;;) {
        double bound;
        if (is_heavy && is_new && (!s->will_do || s->will_do(s->context, s))) {
            if (cost < s->least) {
                s->least = cost;
                memcpy(s->best, s->taken, (size_t)s->n * sizeof *s->best);
            }
            return;
        }
        is_new = false;
        if (from == s->n)
            return;
        bound = cost + fmax(is_heavy ? 0 : relaxed(s, from, lack.mixed), s->cheapest[from]);
        if (!(bound < s->least - s->tolerance))
            return;
        if (s->n_left-- <= 0) {
            s->open = fmin(s->open, bound);
            return;
        }
        s->taken[from] = true;
        branch(s, from + 1, without(lack, &s->items[from]), cost + s->items[from].cost, true);
        s->taken[from++] = false;
    }
}

static double mixed(const double weight[2], const bool is_needed[2], double mix)
{
    if (!is_needed[0] || !is_needed[1])
        return is_needed[0] ? weight[0] : is_needed[1] ? weight[1] : 0;
    return (1 - mix) * weight[0] + mix * weight[1];
}

/* Sorts, sums up, takes what costs nothing; what is then lacking. */
static struct lack start(struct knapsack *s, int n, const bool is_needed[2], double mix,
                         double *cost)
{
    static const double whole[2] = {1, 1};
    struct lack lack = {{1, 1}, mixed(whole, is_needed, mix)};

    s->n = n;
    s->n_free = 0;
    memcpy(s->is_needed, is_needed, sizeof s->is_needed);
    for (int j = 0; j < n; j++)
        s->items[j].mixed = mixed(s->items[j].weight, is_needed, mix);
    qsort(s->items, (size_t)n, sizeof *s->items, by_ratio);
    *cost = 0;
    for (int j = 0; j < n; j++) {
        s->weights[j + 1] = s->weights[j] + s->items[j].mixed;
        s->costs[j + 1] = s->costs[j] + s->items[j].cost;
        s->taken[j] = s->best[j] = s->items[j].cost <= 0;
        if (s->taken[j]) {
            s->n_free++;
            *cost += s->items[j].cost;
            lack = without(lack, &s->items[j]);
        }
    }
    s->cheapest[n] = HUGE_VAL;
    for (int j = n; j-- > 0;)
        s->cheapest[j] = fmin(s->cheapest[j + 1], fmax(0, s->items[j].cost));
    return lack;
}

double knapsack_root(struct knapsack *s, int n, const bool is_needed[2], double mix)
{
    double cost;
    struct lack lack = start(s, n, is_needed, mix, &cost);

    return cost + relaxed(s, s->n_free, lack.mixed);
}

double knapsack_solve(struct knapsack *s, int n, const bool is_needed[2], double mix,
                      double tolerance, long max_nodes)
{
    double cost;
    struct lack lack = start(s, n, is_needed, mix, &cost);

    s->tolerance = tolerance;
    s->n_left = max_nodes;
    s->least = s->open = HUGE_VAL;
    branch(s, s->n_free, lack, cost, true);
    return fmin(s->least - tolerance, s->open);
}
