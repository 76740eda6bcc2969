/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An experiment: what one YAML file says, checked and resolved. The keys, their units, ranges, defaults and
 * help are rows of the schema (experiment/schema.c); docs and messages are made from the same rows.
 *
 * Everything is SI. Distributions ("uniform(1 GHz, 1.6 GHz)") are drawn while reading, from the experiment's
 * seed, device by device; the printed form holds the drawn values and reproduces the run.
 */
#ifndef EXPERIMENT_EXPERIMENT_H
#define EXPERIMENT_EXPERIMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "models/net_spec.h"

#define EXPERIMENT_MAX_DEVICES     100000
#define EXPERIMENT_MAX_SUBCHANNELS 100000
#define EXPERIMENT_MAX_BATCH       65536 /* samples of one device in a round */

#define RADIO_NO_FILE "none"

struct experiment_device {
    char *name;     /* unique; group name, with a running number when the group counts several */
    char *profile;  /* file of measured times (models/profile_file.h), in place of clock and cycles;
                       NULL: none */
    char *slowdown; /* file of when its computing is how much slower (slowdowns.h); NULL: never */
    double clock_hz;        /* f_i, cycles/s; what it is has no meaning where there is a profile */
    double cycles_per_flop; /* kappa_i; as before */
    double max_power_w;     /* p_i^max */
    double distance_m;      /* to the server */
    double memory_bytes;    /* for training its layers; 0: no limit */
};

struct experiment {
    char *name; /* letters, digits, '-', '_', '.' */
    uint64_t seed;

    struct net_spec model;
    char *
        weights; /* model.weights: file, or result folder, that training starts from; NULL: drawn */

    struct {
        char *format;     /* dataset format, "idx" */
        char *dir;        /* folder of the data set; on real devices each has its own --data */
        double mean, std; /* normalisation of pixels in [0, 1] */
        char *partition; /* "iid", "shards", "dirichlet"; "local": each device has its own folder */
        int shards_per_device;
        double alpha;
        int test_samples; /* first so many of the test set; 0: all */
        int crop_padding; /* pixels; 0: training images are not cropped */
        char *flip;       /* "none", "horizontal": half of the training images */
    } data;

    struct {
        char *framework;          /* "sl", "psl", "epsl" */
        double aggregation_ratio; /* phi */
        char *aggregation; /* "cached-means", "mean-activations", "broadcast-gradient": MODEL.md */
        int rounds;
        int batch_size;  /* b, per device */
        char *optimizer; /* a row of models/optimizer.h, as are the numbers */
        double device_learning_rate, server_learning_rate;
        double momentum, weight_decay;
        bool learns; /* otherwise only sizes and times are as they would be */
        double beta1, beta2, eps;
        char *loss;             /* "cross-entropy", "mse" */
        double label_smoothing; /* of the loss's target */
        int evaluate_every;     /* rounds; 0: only at the end */
        char *evaluation;       /* "shared": each device takes its share of the test set;
                                "every-device": each takes the whole of it */
        char *save_weights;     /* "at-end", "never" */
    } training;

    struct experiment_device *devices;
    int n_devices; /* C */

    struct {
        double clock_hz;        /* f_s */
        double cycles_per_flop; /* kappa_s */
        int threads;            /* BLAS threads of the server process; 1 is deterministic */
    } server;

    struct {
        char *path_loss, *fading; /* rows of link/ */
        double carrier_hz;
        int n_subchannels;            /* M */
        double bandwidth_hz;          /* of each subchannel */
        double noise_psd_w_per_hz;    /* N0 */
        double downlink_psd_w_per_hz; /* p_DL */
        double total_power_w;         /* p_total of all devices' uplinks */
        double antenna_gain;          /* both ends together, linear */
        char *gains;                  /* file of path loss `table`; RADIO_NO_FILE */
        char *shadowing;              /* "none", "fixed", "correlated" */
        double rician_k;              /* linear */
        char *fading_block;           /* "run", "round", "time" */
        double coherence_time_s;      /* of fading_block time */
        char *mobility;               /* row of link/ */
        double speed_min_m_per_s, speed_max_m_per_s, pause_s, cell_radius_m; /* waypoint */
        char *positions;          /* file of mobility `positions`; RADIO_NO_FILE */
        char *trace;              /* file that says who replays which recording; RADIO_NO_FILE */
        double delay_s, jitter_s; /* propagation, and its seeded variation */
        double loss;              /* share of segments sent again */
        double retransmission_s;  /* after so much */
        double up_mean_s, down_mean_s; /* of drawn outages; up_mean_s 0: none */
        char *outages;                 /* file of scheduled outages; RADIO_NO_FILE */
    } radio;

    struct {
        char *policy;
        double gap; /* stop at this relative gap */
        double time_limit_s;
        int every; /* rounds from one plan to the next; 0: one plan for the whole run */
        char **
            cuts; /* names of the layers after which a cut may fall; n_cuts 0: after any but the last */
        int n_cuts;
        char **owners; /* policy fixed: device names, subchannel by subchannel */
        int n_owners;
    } scheduler;

    struct {
        double time_scale; /* wall seconds per modelled second; 0: auto, to be found before a run */
        bool models_compute; /* "modelled": wait out the modelled compute time; "native": do not */
        char *link;  /* who makes the links as slow as planned: a row of edge-server/link_kind.h */
        char *netem; /* of link netns: "auto", "off" */
        double peer_timeout_s; /* wall seconds without a sign of life until a peer counts as gone */
        char *listen;          /* ZeroMQ address of the server, "tcp://127.0.0.1:*" */
        int trace_rounds;      /* first so many into trace.json; 0: no such file */
    } testbed;

    char *warnings; /* lines on keys that were set and change nothing (idle_keys.h); NULL: none */
};

/* Names that only higher layers know; NULL-terminated lists, borrowed. */
struct experiment_choices {
    const char *const *frameworks;
    const char *const *policies;
};

/* One `--set key.path=value`, as given. */
struct experiment_override {
    const char *assignment;
};

/*
 * Reads and checks `path`. On -1 every error of the file and of the overrides is in `errors`, a line each:
 * "file:line:column: key.path: value 'x': what is allowed", with the nearest valid key where the key is
 * unknown; on 0 e->warnings are for the program to print. Files are named relative to the experiment file, those of overrides to the working directory; in `e` their
 * paths are absolute. `e` is uninitialised before and only to be released after success.
 */
int experiment_load(struct experiment *e, const char *path,
                    const struct experiment_override *overrides, size_t n_overrides,
                    const struct experiment_choices *choices, struct strbuf *errors);
void experiment_release(struct experiment *e);

/* The resolved experiment as YAML: every key with its value, remarked; loads again to the same. */
void experiment_print(const struct experiment *e, struct strbuf *out);

/* The same for a file in `folder`, an absolute path: files in there are named relative to it. */
void experiment_print_for(const struct experiment *e, const char *folder, struct strbuf *out);

/* A model file alone, for `splitbed profile`. */
int model_load(struct net_spec *spec, const char *path, struct strbuf *errors);

/* Every key with type, unit, range, default and help, as text: `splitbed check --keys`, docs. */
void experiment_print_keys(struct strbuf *out);

#endif
