/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where everything that a batch needs lies in a tape's one arena: activations, gradients, scratch, statistics. Made from
 * the program alone, without taking memory, so that profile can say how much a tape will take. Inside models/.
 *
 * Time goes forward through the nodes and then backward; each thing lives from where it is first written to where it is
 * last read, and things that do not live at the same time share memory: gradients take the places of activations that
 * backward has done with, scratch those of activations not yet or no longer there. Besides,
 *   - a relu works in its input's place when nobody else reads that, and runs in one with a batch norm or an addition
 *     before it;
 *   - backward of whatever works number by number writes gx over gy;
 *   - both branches of an addition have its gradient for theirs, without a copy.
 * Results are bit for bit those without any of it.
 *
 * With keeps_inputs, every activation has its own place and stays after forward until the next: tape_aggregate() wants
 * that, and layers may go forward again between two pieces of backward.
 *
 * The activations and gradients at the net's own two ends share memory with nothing but other gradients: they may be
 * lent to someone while layers compute.
 */
#ifndef MODELS_LAYOUT_H
#define MODELS_LAYOUT_H

#include "models/program.h"

struct layout_request {
    const struct program *program;
    int from, to; /* layers of the net */
    int max_batch, n_threads;
    bool keeps_inputs;
};

struct layout {
    size_t n; /* floats of the arena */
    /* By storage: floats into the arena; meaningless outside the net's range. */
    size_t *activation, *gradient;
    /* By node of the program, likewise. */
    size_t *forward_scratch, *backward_scratch;
    bool *is_fused; /* runs in one with the relu after it, where both are asked for */
    bool *
        passes_gradient; /* an addition whose gradient is its other branch's: backward has nothing to do */
    size_t saved;        /* of all nodes, in order */
};

/* Fails when it would not fit into memory. */
int layout_init(struct layout *layout, const struct layout_request *request, struct err *err);
void layout_release(struct layout *layout);

#endif
