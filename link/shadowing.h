/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shadowing of the whole cell as a fixed random field over places: normal with mean 0 and variance
 * 1, its autocorrelation exp(-distance / correlation distance) (Gudmundson, Electronics Letters
 * 27(23), 1991; 3GPP TR 38.901, eq. 7.4-5). A function of the place alone, so a device that comes
 * back finds the same, and two devices at one place have the same.
 *
 * A sum of plane waves with random phases (Cai and Giannakis, IEEE TVT 52(3), 2003): the plane
 * spectrum of exp(-r/D) is proportional to k / (1 + (k D)^2)^(3/2), whose inverse distribution is k
 * D = sqrt(1/(1-u)^2 - 1).
 */
#ifndef LINK_SHADOWING_H
#define LINK_SHADOWING_H

#include <stdint.h>

#define SHADOWING_WAVES 128

struct shadowing {
    double k_x[SHADOWING_WAVES], k_y[SHADOWING_WAVES]; /* waves per correlation distance */
    double phase[SHADOWING_WAVES];
};

void shadowing_init(struct shadowing *field, uint64_t seed);
double shadowing_at(const struct shadowing *field, double x_m, double y_m, double correlation_m);

#endif
