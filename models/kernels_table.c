/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The row of one instruction set. */
#include "models/kernels.h"

#define TEXT_(isa) #isa
#define TEXT(isa)  TEXT_(isa)

extern const struct kernels KERNEL(kernels);
const struct kernels KERNEL(kernels) = {
    .isa = TEXT(KERNEL_ISA),
};
