/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Device names to device numbers, for files that name devices. */
#ifndef LINK_NAME_INDEX_H
#define LINK_NAME_INDEX_H

struct name_index {
    const char *const *names; /* [n] by number; borrowed */
    int *sorted;              /* [n] numbers in the order of their names */
    int n;
};

void name_index_init(struct name_index *index, const char *const *names, int n);
void name_index_release(struct name_index *index);
int name_index_find(const struct name_index *index, const char *name); /* -1: none of that name */

#endif
