/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The row of one instruction set. */
#include "models/kernels.h"
#include "models/kernels_lanes.h"
#include "models/winograd.h"

#define TEXT_(isa) #isa
#define TEXT(isa)  TEXT_(isa)

extern const struct pointwise_kernels KERNEL(pointwise_kernels);
extern const struct norm_kernels KERNEL(norm_kernels);
extern const struct pool_kernels KERNEL(pool_kernels);
extern const struct lane_kernels KERNEL(lane_kernels);
extern const struct winograd_kernels KERNEL(winograd_kernels);

extern double KERNEL(peak)(long n_rounds);

extern const struct kernels KERNEL(kernels);
const struct kernels KERNEL(kernels) = {
    .isa = TEXT(KERNEL_ISA),
    .pointwise = &KERNEL(pointwise_kernels),
    .norm = &KERNEL(norm_kernels),
    .pool = &KERNEL(pool_kernels),
    .lanes = &KERNEL(lane_kernels),
    .winograd = &KERNEL(winograd_kernels),
    .peak = KERNEL(peak),
};
