/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server with ZeroMQ, the wall clock and a result folder: what the program splitbed-server does. */
#ifndef EDGE_SERVER_SERVER_LOOP_H
#define EDGE_SERVER_SERVER_LOOP_H

#include "base/err.h"
#include "experiment/experiment.h"

struct server_options {
    const struct experiment *experiment;
    const char *out_dir; /* result folder, exists */
    int ready_fd; /* the address is written here, a line, once devices can connect; -1: none */
    const int *netns_fds; /* of the devices' network namespaces, for testbed.link netns; or NULL */
};

/*
 * SIGINT and SIGTERM end the run in order once devices may connect; before that there is nothing to keep,
 * and they end the program.
 *
 * Plans, waits for the devices, trains, writes plan.json, rounds.csv and devices.csv, shows the plan, progress
 * and the summary on standard output. 0 when all rounds were done; -1 with the reason otherwise, with every
 * finished round on disk and summarised.
 */
int server_run(const struct server_options *options, struct err *err);

#endif
