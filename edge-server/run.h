/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a run is besides its server and its devices, whoever drives these: the plan, who gets which samples, the
 * result folder, progress and the summary on standard output. For programs.
 *
 *     run_open();  server_new(&run.inputs);  [whoever drives: messages, time]
 *     between rounds:  run_go_on();  when records come:  run_take_records();  at the end:  run_end();  run_close();
 *
 * Used by the server's loop (ZeroMQ, wall clock) and by the simulator (memory, virtual clock).
 */
#ifndef EDGE_SERVER_RUN_H
#define EDGE_SERVER_RUN_H

#include "edge-server/progress.h"
#include "edge-server/results.h"
#include "edge-server/server.h"
#include "edge-server/summary.h"

struct run {
    const struct experiment *e;
    const char *out_dir;
    struct schedule schedule;
    struct partition partition;
    struct server_inputs inputs; /* for server_new() */
    struct results *results;
    struct summary *summary;
    struct progress progress;
    bool has_started, has_warned;
};

/*
 * The plan of round 1 (made, saved, printed), the samples divided, the result tables opened in out_dir, which exists.
 * `e` and out_dir are borrowed. run_close() is due also when this has failed.
 */
int run_open(struct run *run, const struct experiment *e, const char *out_dir, struct err *err);
int run_close(struct run *run, struct err *err); /* after the server is gone */

/* Starts the next round if the server waits for one, with its plan; what is wrong with that ends the run. */
void run_go_on(struct run *run, struct server *server, double now_us);

/* Everyone is there; progress counts from now. */
void run_start(struct run *run);

/* Finished rounds into tables, progress and summary. Fails when the disk does. */
int run_take_records(struct run *run, struct server *server, struct err *err);

/* The trained weights, if the run is complete, and the summary; status 0, or -1 when the run has failed. */
int run_end(struct run *run, const struct server *server, int status, struct err *err);

#endif
