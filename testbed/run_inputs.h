/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A result folder that stands alone: copies of every file that its experiment reads, but for data sets, so that the run
 * can be repeated from there when the folder was moved and the files have changed or gone. Used by run_folder.c.
 *
 * The files are the keys of type KEY_FILE (experiment/schema.h). A copy is called for its key, and for the first of the
 * devices that name it: inputs/radio.gains.csv, inputs/pi-0.profile.json. Two kinds are more than a file: the list that
 * radio.trace names goes with its recordings, radio.trace-1.csv and so on, and a result folder of model.weights becomes
 * the folder inputs/model.weights with the files that are read of it.
 */
#ifndef TESTBED_RUN_INPUTS_H
#define TESTBED_RUN_INPUTS_H

#include "experiment/experiment.h"

/* Weights that are larger than this together stay where they are, and a warning says so. */
#define RUN_INPUTS_MAX_WEIGHTS_BYTES (256 << 20)

/*
 * Copies into DIR/inputs, which is made if there is anything to copy; dir is an absolute path. From here on `e` names
 * the copies; data.dir becomes an absolute path.
 */
int run_inputs_copy(struct experiment *e, const char *dir, struct err *err);

#endif
