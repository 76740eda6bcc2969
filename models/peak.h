/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the processor can do at most, to say how near layers come to it. */
#ifndef MODELS_PEAK_H
#define MODELS_PEAK_H

/* float32 operations a second (two a multiply-add) of net_set_threads() threads together; takes some 50 ms. */
double peak_flop_per_s(void);

/* The instruction set that kernels run on: "v4". */
const char *peak_instruction_set(void);

#endif
