/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sum of floats in double precision, made in lanes, so that the compiler may use vector instructions and the order
 * of additions is fixed all the same. Inside models/.
 */
#ifndef MODELS_MOMENTS_H
#define MODELS_MOMENTS_H

double sum_of(const float *x, int n);

#endif
