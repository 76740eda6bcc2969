/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A measured profile as a JSON file: `splitbed profile --json` writes it on one machine, and whoever emulates that machine
 * elsewhere reads it. docs/PROFILE.md has the keys; files of other programs need only the few that are not optional.
 */
#ifndef MODELS_PROFILE_FILE_H
#define MODELS_PROFILE_FILE_H

#include "models/profile.h"

/* One entry of the model. What is optional is 0 or NULL where the file does not say. */
struct profile_entry {
    char *name;                         /* as in struct layer_profile */
    char *kind, *output;                /* optional: "conv2d", "6x28x28" of one sample */
    double forward_s, backward_s;       /* measured, the whole batch */
    double forward_flop, backward_flop; /* optional, of one sample */
    double n_params;                    /* optional */
    double activation_bytes;            /* optional: the output of one sample */
    double moved_bytes;                 /* optional: read and written by the batch */
    /* Optional: training the layers up to here, this one included, see training_memory.h; and the sum. */
    double front_weight_bytes, front_gradient_bytes, front_optimizer_bytes, front_tape_bytes;
    double front_bytes;
};

struct profile_file {
    char *model;
    int batch_size; /* samples that were measured together */
    int threads;
    char *instruction_set;                          /* optional: "v4" */
    double thread_peak_flop_per_s, peak_flop_per_s; /* optional: of one thread, of all */
    struct profile_entry *entries;
    int n_entries;
};

/*
 * Refused: keys that are unknown, missing or twice there, what is not of its type or out of range. The error says which:
 * "pi4.json: entries[3].forward_s: -1: must be 0 to 1e+09". 0, and to be released, or -1.
 */
int profile_file_load(struct profile_file *file, const char *path, struct err *err);
int profile_file_save(const struct profile_file *file, const char *path, struct err *err);
void profile_file_release(struct profile_file *file);

/* Whether the entries are a model's: as many, of the same names, and of the same outputs where the file has them. */
int profile_file_check(const struct profile_file *file, const struct profile *model,
                       struct err *err);

/* Loads a file that has to be of this model. */
int profile_file_load_of(struct profile_file *file, const char *path, const struct net_spec *model,
                         struct err *err);

#endif
