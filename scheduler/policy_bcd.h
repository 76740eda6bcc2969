/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Block coordinate descent as in EPSL (Lin et al., IEEE TMC 2024): subchannels greedily to the
 * straggler, power control, then the cut, each with the other two fixed, until the round gets no
 * shorter. A block that would lengthen the round leaves things as they were.
 */
#ifndef SCHEDULER_POLICY_BCD_H
#define SCHEDULER_POLICY_BCD_H

#include "scheduler/policy.h"

#define BCD_MAX_TURNS 50

struct bcd {
    const struct cell *cell; /* borrowed */
    const int *partner;
    int cut, *owner; /* [M] */
    double *psd;     /* [M] */
    double round_s;
    int n_blocks;
    double after_s[3 * BCD_MAX_TURNS]; /* the round after each block */
};

void bcd_init(struct bcd *b, const struct cell *cell, const int *partner, int first_cut);
void bcd_release(struct bcd *b);
void bcd_run(struct bcd *b);

#endif
