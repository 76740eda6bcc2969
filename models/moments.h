/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sums of floats in double precision, for the norms. Made in lanes, so that the compiler may use vector instructions
 * and the order of additions is fixed all the same. Inside models/.
 */
#ifndef MODELS_MOMENTS_H
#define MODELS_MOMENTS_H

double sum_of(const float *x, int n);

/* Sum of (x[i] - shift) z[i], z being NULL for x[i] - shift again. */
double product_of(const float *x, double shift, const float *z, int n);

#endif
