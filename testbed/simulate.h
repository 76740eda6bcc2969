/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole run on a virtual clock (testbed/simulation.h): plan, data, learning, result folder. */
#ifndef TESTBED_SIMULATE_H
#define TESTBED_SIMULATE_H

#include "experiment/experiment.h"

/*
 * Writes what `splitbed run` writes into `dir`, which exists, and shows the same on standard output. Computing and
 * links are as modelled, whatever `testbed` says. Ends early when stop_fd (base/signal_fd.h) becomes readable; rounds
 * that are over are kept.
 */
int simulate_run(const struct experiment *e, const char *dir, int stop_fd, struct err *err);

#endif
