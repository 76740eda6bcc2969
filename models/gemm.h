/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row-major single-precision matrix products on OpenBLAS, named by what is transposed. Inside models/.
 * Matrices are dense: the row stride is the number of columns. beta 0 does not read C. Shared out to the threads of
 * models/parallel.h where that is worth it: OpenBLAS itself runs on one, so that two pools do not wait for each other.
 */
#ifndef MODELS_GEMM_H
#define MODELS_GEMM_H

/* C (m, n) = A (m, k) B (k, n) + beta C */
void gemm_nn(int m, int n, int k, const float *a, const float *b, float beta, float *c);

/* C (m, n) = A (m, k) B^T (n, k) + beta C */
void gemm_nt(int m, int n, int k, const float *a, const float *b, float beta, float *c);

/* C (m, n) = A^T (k, m) B (k, n) + beta C */
void gemm_tn(int m, int n, int k, const float *a, const float *b, float beta, float *c);

#endif
