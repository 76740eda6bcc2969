/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Weights files: a network's parameters and buffers under their state_dict names as safetensors, in both directions
 * with PyTorch (docs/WEIGHTS.md). Parameters and running statistics are F32, counts (num_batches_tracked) I64.
 */
#ifndef MODELS_WEIGHTS_H
#define MODELS_WEIGHTS_H

#include "base/err.h"
#include "models/net.h"

/*
 * Saves what one net holds (a whole network, a front, a back), or several parts of one network in one file. No layer
 * may be in two of them.
 */
int weights_save(const char *path, const struct net *const *nets, int n_nets, struct err *err);

/*
 * Loads net's layers from a file of these or of the whole network. Refused, with the tensor's name: a tensor of
 * the net's that is missing, one that the whole network does not have, another shape or dtype, and whatever
 * models/safetensors.h refuses. On failure the net is as before.
 */
int weights_load(const char *path, struct net *net, struct err *err);

#endif
