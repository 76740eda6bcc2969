/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/name_index.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int compare(const void *a, const void *b, void *names)
{
    const char *const *name = names;
    return strcmp(name[*(const int *)a], name[*(const int *)b]);
}

void name_index_init(struct name_index *index, const char *const *names, int n)
{
    *index = (struct name_index){names, mem_zero((size_t)n, sizeof(int)), n};
    for (int i = 0; i < n; i++)
        index->sorted[i] = i;
    qsort_r(index->sorted, (size_t)n, sizeof(int), compare, (void *)(uintptr_t)names);
}

void name_index_release(struct name_index *index)
{
    free(index->sorted);
    *index = (struct name_index){NULL, NULL, 0};
}

int name_index_find(const struct name_index *index, const char *name)
{
    int low = 0, high = index->n;

    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = strcmp(index->names[index->sorted[middle]], name);
        if (order == 0)
            return index->sorted[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}
