/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows of link/mobility.c, a file each. For these files alone. */
#ifndef LINK_MOBILITY_KINDS_H
#define LINK_MOBILITY_KINDS_H

#include "link/mobility.h"

extern const struct mobility_kind mobility_none, mobility_waypoint, mobility_positions;

#endif
