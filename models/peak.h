/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the processor can do at most, to say how near layers come to it: fused multiply-adds on registers, with the
 * instruction set that the kernels run on. Used by splitbed profile.
 */
#ifndef MODELS_PEAK_H
#define MODELS_PEAK_H

/*
 * float32 operations a second, two a multiply-add, of n_threads threads together, at most as many as net_set_threads() has
 * set. The best of several stretches, whatever else the machine does; takes about 50 ms.
 */
double peak_flop_per_s(int n_threads);

/* The instruction set that kernels run on: "v4" (models/kernels.h). */
const char *peak_instruction_set(void);

#endif
