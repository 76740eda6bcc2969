/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/gemm.h"

#include <cblas.h>
#include <stddef.h>

#include "models/parallel.h"

/* Rows or columns that a thread takes at least together: OpenBLAS's kernels are so wide. */
#define BLOCK 16

/* Multiplications that take as long as a float that is only read and written (models/parallel.h). */
#define WORK_OF_A_FLOAT 32

struct product {
    enum CBLAS_TRANSPOSE transpose_a, transpose_b;
    int m, n, k;
    const float *a, *b;
    float beta, *c;
};

static size_t offset(int row, int column, int n_columns)
{
    return (size_t)row * (size_t)n_columns + (size_t)column;
}

/* The block of C of rows [i, i + m) and columns [j, j + n). */
static void multiply(const struct product *p, int i, int j, int m, int n)
{
    int lda = p->transpose_a == CblasTrans ? p->m : p->k;
    int ldb = p->transpose_b == CblasTrans ? p->k : p->n;
    const float *a = p->a + (p->transpose_a == CblasTrans ? (size_t)i : offset(i, 0, lda));
    const float *b = p->b + (p->transpose_b == CblasTrans ? offset(j, 0, ldb) : (size_t)j);
    cblas_sgemm(CblasRowMajor, p->transpose_a, p->transpose_b, m, n, p->k, 1, a, lda, b, ldb,
                p->beta, p->c + offset(i, j, p->n), p->n);
}

static void multiply_range(void *context, size_t first, size_t end)
{
    const struct product *p = context;
    int from = (int)first * BLOCK, to = (int)end * BLOCK;
    if (p->m > p->n)
        multiply(p, from, 0, (to < p->m ? to : p->m) - from, p->n);
    else
        multiply(p, 0, from, p->m, (to < p->n ? to : p->n) - from);
}

/* The longer side of C is shared out; every element is summed by one thread, whatever their number. */
static void run(struct product product)
{
    size_t longer = (size_t)(product.m > product.n ? product.m : product.n);
    size_t n_blocks = (longer + BLOCK - 1) / BLOCK;
    double work = (double)product.m * product.n * product.k;
    parallel_ranges(n_blocks, (size_t)(work / WORK_OF_A_FLOAT), multiply_range, &product);
}

void gemm_nn(int m, int n, int k, const float *a, const float *b, float beta, float *c)
{
    run((struct product){CblasNoTrans, CblasNoTrans, m, n, k, a, b, beta, c});
}

void gemm_nt(int m, int n, int k, const float *a, const float *b, float beta, float *c)
{
    run((struct product){CblasNoTrans, CblasTrans, m, n, k, a, b, beta, c});
}

void gemm_tn(int m, int n, int k, const float *a, const float *b, float beta, float *c)
{
    run((struct product){CblasTrans, CblasNoTrans, m, n, k, a, b, beta, c});
}
