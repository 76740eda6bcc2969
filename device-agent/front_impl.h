/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of a device's learning alone: front.c (batches), front_layers.c (the cut, layers in and out). */
#ifndef DEVICE_AGENT_FRONT_IMPL_H
#define DEVICE_AGENT_FRONT_IMPL_H

#include "device-agent/front.h"
#include "models/dataset.h"
#include "models/net.h"
#include "models/net_sizes.h"
#include "models/optimizer.h"
#include "models/partition.h"

struct front {
    bool learns; /* otherwise there are sizes and zeros, and none of the rest */
    struct net_sizes sizes;
    struct payload *zeros; /* as many as any message wants */
    struct net_spec spec;
    bool has_spec;
    struct net *net;
    struct tape *tape;
    struct dataset *train, *test;
    struct sampler sampler;
    struct augment augment; /* of training images */
    struct optimizer optimizer;
    float *moments;  /* the optimiser's state */
    uint32_t *index; /* [batch] samples of the current batch */
    uint32_t *labels;
    int batch, cut;
    size_t cut_features;
    uint64_t seed, step; /* of what is drawn at random; training batches so far */
};

/* front_layers.c */
int front_check_cut(const struct front *front, int64_t cut, struct err *err);
/* The tape and sizes that belong to the cut; front->net is there already. */
int front_settle_cut(struct front *front, int cut, struct err *err);

#endif
