/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The weights a run starts from and those it leaves, as files (docs/WEIGHTS.md).
 *
 * model.weights is a file of the whole network, or a result folder. A result folder holds weights.safetensors, the
 * whole network, when all devices have one front part: when it is handed on, or there is one device. Otherwise it
 * holds back.safetensors and each device's own front-NAME.safetensors, for in psl and epsl nothing is averaged.
 */
#ifndef EDGE_SERVER_RUN_WEIGHTS_H
#define EDGE_SERVER_RUN_WEIGHTS_H

#include "experiment/experiment.h"
#include "models/net.h"
#include "wire/payload.h"

/*
 * Whether model.weights, if it is a folder, holds what this experiment can start from: where the front part is handed
 * on, many fronts are none to start from. What the files hold is checked as they are read.
 */
int run_weights_check(const struct experiment *e, struct err *err);

/*
 * The front weights (net_state() of layers [0, cut)) that each device starts from, drawn from the seed or read: one
 * reference for each of e->n_devices. On failure, which names file and tensor, none is left to drop.
 */
int run_weights_start_fronts(const struct experiment *e, int cut, struct payload **fronts,
                             struct err *err);

/* The same for the server's layers, which `back` holds. */
int run_weights_start_back(const struct experiment *e, struct net *back, struct err *err);

/* The i-th of the files that are read for these two, to be freed; NULL past the last. */
char *run_weights_file(const struct experiment *e, int i);

/* Whether all devices end with one front part: that of the last one. */
bool run_weights_is_one_front(const struct experiment *e, bool takes_turns);

/* Writes files into `dir`; fronts by device, all there or, if is_one_front, the last. */
int run_weights_save(const char *dir, const struct experiment *e, const struct net *back,
                     struct payload *const *fronts, bool is_one_front, struct err *err);

#endif
