/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of link/path_loss.c, a file each; and what several of them need. For these files alone.
 */
#ifndef LINK_PATH_LOSS_MODELS_H
#define LINK_PATH_LOSS_MODELS_H

#include "link/radio.h"

#define SPEED_OF_LIGHT_M_PER_S 299792458.0

extern const struct path_loss path_loss_samimi_los, path_loss_samimi_nlos; /* path_loss_samimi.c */
extern const struct path_loss path_loss_umi, path_loss_uma;                /* path_loss_tr38901.c */
extern const struct path_loss path_loss_free_space, path_loss_table;

static inline double at_least_a_metre(double distance_m)
{
    return distance_m > 1 ? distance_m : 1;
}

#endif
