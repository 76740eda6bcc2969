/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/branch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void open_list_init(struct open_list *list, size_t n_pairs, size_t n_prices)
{
    *list = (struct open_list){NULL, 0, 0, n_pairs, n_prices};
}

void open_list_release(struct open_list *list)
{
    for (size_t p = 0; p < list->n; p++) {
        free(list->nodes[p].allowed);
        free(list->nodes[p].prices);
    }
    free(list->nodes);
    memset(list, 0, sizeof *list);
}

static void exchange(struct open_list *list, size_t a, size_t b)
{
    struct node node = list->nodes[a];
    list->nodes[a] = list->nodes[b];
    list->nodes[b] = node;
}

void open_list_push(struct open_list *list, double bound_s, int cut, const bool *allowed,
                    const double *prices)
{
    struct node node = {bound_s, cut, mem_zero((list->n_pairs + 7) / 8, 1), NULL};
    size_t p = list->n;

    for (size_t at = 0; at < list->n_pairs; at++)
        if (allowed[at])
            node.allowed[at / 8] |= (uint8_t)(1u << (at % 8));
    if (prices)
        node.prices = mem_copy(prices, list->n_prices * sizeof *prices);
    list->nodes = mem_grow(list->nodes, list->n, &list->capacity, sizeof *list->nodes);
    list->nodes[list->n++] = node;
    for (; p > 0 && list->nodes[(p - 1) / 2].bound_s > list->nodes[p].bound_s; p = (p - 1) / 2)
        exchange(list, p, (p - 1) / 2);
}

static void sink(struct open_list *list, size_t p)
{
    for (;;) {
        size_t least = p;
        for (size_t child = 2 * p + 1; child <= 2 * p + 2 && child < list->n; child++)
            if (list->nodes[child].bound_s < list->nodes[least].bound_s)
                least = child;
        if (least == p)
            return;
        exchange(list, p, least);
        p = least;
    }
}

bool open_list_pop(struct open_list *list, double *bound_s, int *cut, bool *allowed, double *prices,
                   bool *has_prices)
{
    struct node top;

    if (list->n == 0)
        return false;
    top = list->nodes[0];
    list->nodes[0] = list->nodes[--list->n];
    sink(list, 0);
    *bound_s = top.bound_s;
    *cut = top.cut;
    for (size_t at = 0; at < list->n_pairs; at++)
        allowed[at] = top.allowed[at / 8] >> (at % 8) & 1;
    if (has_prices)
        *has_prices = top.prices != NULL;
    if (prices && top.prices)
        memcpy(prices, top.prices, list->n_prices * sizeof *prices);
    free(top.allowed);
    free(top.prices);
    return true;
}

double open_list_least_s(const struct open_list *list)
{
    return list->n ? list->nodes[0].bound_s : HUGE_VAL;
}
