/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The row of one instruction set. */
#include "models/kernels.h"
#include "models/winograd.h"

#define TEXT_(isa) #isa
#define TEXT(isa)  TEXT_(isa)

extern const struct winograd_kernels KERNEL(winograd_kernels);

extern const struct kernels KERNEL(kernels);
const struct kernels KERNEL(kernels) = {
    .isa = TEXT(KERNEL_ISA),
    .winograd = &KERNEL(winograd_kernels),
};
