/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/schema.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "link/mobility.h"
#include "link/radio.h"
#include "models/dataset.h"
#include "models/loss.h"
#include "models/optimizer.h"
#include "models/partition.h"
#include "wire/endpoint.h"

static void add_names(const char *const *names, struct strbuf *out)
{
    for (size_t i = 0; names && names[i]; i++)
        strbuf_addf(out, "%s%s", i ? ", " : "", names[i]);
}

static void add_frameworks(const struct experiment_choices *choices, struct strbuf *out)
{
    add_names(choices ? choices->frameworks : NULL, out);
}

static void add_policies(const struct experiment_choices *choices, struct strbuf *out)
{
    add_names(choices ? choices->policies : NULL, out);
}

static void add_formats(const struct experiment_choices *choices, struct strbuf *out)
{
    (void)choices;
    strbuf_addf(out, "%s", dataset_formats());
}

static void add_partitions(const struct experiment_choices *choices, struct strbuf *out)
{
    (void)choices;
    strbuf_addf(out, "%s, local", partition_kinds());
}

static void add_optimizers(const struct experiment_choices *choices, struct strbuf *out)
{
    (void)choices;
    strbuf_addf(out, "%s", optimizer_kinds());
}

static void add_losses(const struct experiment_choices *choices, struct strbuf *out)
{
    (void)choices;
    strbuf_addf(out, "%s", loss_kinds());
}

static void add_path_losses(const struct experiment_choices *choices, struct strbuf *out)
{
    (void)choices;
    for (int i = 0; path_loss_at(i); i++)
        strbuf_addf(out, "%s%s", i ? ", " : "", path_loss_at(i)->name);
}

static void add_fadings(const struct experiment_choices *choices, struct strbuf *out)
{
    (void)choices;
    for (int i = 0; fading_at(i); i++)
        strbuf_addf(out, "%s%s", i ? ", " : "", fading_at(i)->name);
}

static void add_mobilities(const struct experiment_choices *choices, struct strbuf *out)
{
    (void)choices;
    for (int i = 0; mobility_at(i); i++)
        strbuf_addf(out, "%s%s", i ? ", " : "", mobility_at(i)->name);
}

static const struct section sections[] = {
    {"experiment", SECTION_MAPPING, "the run as a whole"},
    {"model", SECTION_MODEL,
     "required: either `file`, or the model itself (`name`, `input`, `layers`)"},
    {"data", SECTION_MAPPING, "data set and who holds which part of it"},
    {"training", SECTION_MAPPING, "how the model is trained"},
    {"devices", SECTION_DEVICES,
     "required: a list of groups of like devices; clock, cycles_per_flop, max_power, distance and "
     "memory may be drawn for each device"},
    {"server", SECTION_MAPPING, "the edge server"},
    {"radio", SECTION_MAPPING, "the air between devices and server"},
    {"scheduler", SECTION_MAPPING,
     "who gets which subchannels and power, and where the model is cut"},
    {"testbed", SECTION_MAPPING, "how a run stands for the modelled system"},
    {"model file", SECTION_MODEL_FILE,
     "a file that `model.file` names, or `splitbed profile` reads"},
};

#define IN(struct_, field) .offset = offsetof(struct struct_, field)
#define CLOSED(low, high)  .min = (low), .max = (high)
#define ABOVE(low, high)   .min = (low), .max = (high), .is_min_open = true
#define BELOW(low, high)   .min = (low), .max = (high), .is_max_open = true

/* In the order in which they are printed. */
static const struct key_row rows[] = {
    {"experiment", "name", KEY_NAME, .fallback = "experiment", .help = "names the result folder",
     IN(experiment, name)},
    {"experiment", "seed", KEY_SEED, .fallback = "1",
     .help = "of every random number: weights, partition, order of samples, devices, fading",
     IN(experiment, seed)},

    {"model", "file", KEY_FILE, .is_input_only = true, .help = "model file", IN(model_keys, file)},
    {"model", "classes", KEY_INTEGER, CLOSED(1, 65536), .is_input_only = true,
     .help = "outputs of the last layer, in place of the model's own", IN(model_keys, n_classes)},
    {"model", "name", KEY_NAME, .help = "of the model", IN(model_keys, name)},
    {"model", "input", KEY_SHAPE, CLOSED(1, SHAPE_MAX_DIM),
     .help = "shape of one sample; with `file` in place of the model's own", IN(model_keys, input)},
    {"model", "layers", KEY_LAYERS, .help = "the layers, first to last"},
    {"model", "weights", KEY_FILE, .copy = ".safetensors",
     .help = "start from this .safetensors file or result folder", IN(model_keys, weights)},

    {"data", "format", KEY_CHOICE, .fallback = "idx", .add_choices = add_formats,
     .help = "file format of the data set (docs/DATA.md)", IN(experiment, data.format)},
    {"data", "dir", KEY_TEXT, .fallback = "/usr/share/datasets/fashion-mnist",
     .help = "folder of the data set, relative to the working directory; npz: or the file; "
             "synthetic: a description, \"1x28x28 classes=10 train=600 test=200\"",
     IN(experiment, data.dir)},
    {"data", "mean", KEY_QUANTITY, DIM_NONE, CLOSED(0, 1), .fallback = "0.2860",
     .help = "of the pixels, bytes as 0 to 1 and floats as they are; taken off",
     IN(experiment, data.mean)},
    {"data", "std", KEY_QUANTITY, DIM_NONE, ABOVE(0, 10), .fallback = "0.3530",
     .help = "standard deviation of the pixels; divided by", IN(experiment, data.std)},
    {"data", "partition", KEY_CHOICE, .fallback = "iid", .add_choices = add_partitions,
     .help =
         "how the training set is dealt to the devices; local: each has its own, dir/NAME in a run",
     IN(experiment, data.partition)},
    {"data", "shards_per_device", KEY_INTEGER, CLOSED(1, 10000), .fallback = "2",
     .help = "partition shards: label-sorted pieces each device gets",
     IN(experiment, data.shards_per_device)},
    {"data", "alpha", KEY_QUANTITY, DIM_NONE, ABOVE(0, 1e6), .fallback = "0.5",
     .help = "partition dirichlet: concentration; the smaller, the more skewed",
     IN(experiment, data.alpha)},
    {"data", "test_samples", KEY_INTEGER, CLOSED(0, 1e9), .fallback = "0",
     .help = "the first so many of the test set are evaluated; 0: all",
     IN(experiment, data.test_samples)},
    {"data", "crop_padding", KEY_INTEGER, CLOSED(0, 64), .fallback = "0",
     .help = "pixels put around a training image before a random crop of its size; 0: no crop",
     IN(experiment, data.crop_padding)},
    {"data", "flip", KEY_CHOICE, .fallback = "none", .choices = "none, horizontal",
     .help = "half of the training images, left and right changed over", IN(experiment, data.flip)},

    {"training", "framework", KEY_CHOICE, .fallback = "epsl", .add_choices = add_frameworks,
     .help = "split-learning framework", IN(experiment, training.framework)},
    {"training", "aggregation_ratio", KEY_QUANTITY, DIM_NONE, CLOSED(0, 1), .fallback = "0.5",
     .help = "phi of epsl: share of the batch whose gradients are aggregated",
     IN(experiment, training.aggregation_ratio)},
    {"training", "aggregation", KEY_CHOICE, .fallback = "cached-means",
     .choices = "cached-means, mean-activations, broadcast-gradient",
     .help = "which activations an aggregated gradient meets in the server's layers",
     IN(experiment, training.aggregation)},
    {"training", "learning", KEY_BOOLEAN, .fallback = "true",
     .help = "false: messages of the same sizes, but no data, no weights, no layers: for latency "
             "studies",
     IN(experiment, training.learns)},
    {"training", "rounds", KEY_INTEGER, CLOSED(1, 1e9), .fallback = "100",
     .help = "one batch of every device each", IN(experiment, training.rounds)},
    {"training", "batch_size", KEY_INTEGER, CLOSED(1, EXPERIMENT_MAX_BATCH), .fallback = "32",
     .help = "b: samples each device takes a round", IN(experiment, training.batch_size)},
    {"training", "optimizer", KEY_CHOICE, .fallback = "sgd", .add_choices = add_optimizers,
     .help = "of devices and server; each keeps its own state", IN(experiment, training.optimizer)},
    {"training", "device_learning_rate", KEY_QUANTITY, DIM_NONE, ABOVE(0, 1000), .fallback = "0.01",
     .help = "of the layers on the devices", IN(experiment, training.device_learning_rate)},
    {"training", "server_learning_rate", KEY_QUANTITY, DIM_NONE, ABOVE(0, 1000), .fallback = "0.01",
     .help = "of the layers on the server", IN(experiment, training.server_learning_rate)},
    {"training", "momentum", KEY_QUANTITY, DIM_NONE, BELOW(0, 1), .fallback = "0",
     .help = "sgd: v = momentum v + g; w -= rate v", IN(experiment, training.momentum)},
    {"training", "weight_decay", KEY_QUANTITY, DIM_NONE, CLOSED(0, 1), .fallback = "0",
     .help = "sgd: g += weight_decay w; adamw: w -= rate weight_decay w",
     IN(experiment, training.weight_decay)},
    {"training", "beta1", KEY_QUANTITY, DIM_NONE, BELOW(0, 1), .fallback = "0.9",
     .help = "adamw: m = beta1 m + (1 - beta1) g", IN(experiment, training.beta1)},
    {"training", "beta2", KEY_QUANTITY, DIM_NONE, BELOW(0, 1), .fallback = "0.999",
     .help = "adamw: v = beta2 v + (1 - beta2) g^2", IN(experiment, training.beta2)},
    {"training", "eps", KEY_QUANTITY, DIM_NONE, ABOVE(0, 1), .fallback = "1e-8",
     .help = "adamw: added to the root of v", IN(experiment, training.eps)},
    {"training", "loss", KEY_CHOICE, .fallback = "cross-entropy", .add_choices = add_losses,
     .help = "of the last layer's outputs; mse: against 1 for the label's, 0 for the others",
     IN(experiment, training.loss)},
    {"training", "label_smoothing", KEY_QUANTITY, DIM_NONE, CLOSED(0, 1), .fallback = "0",
     .help = "share of the loss's target that is spread over all classes, in training",
     IN(experiment, training.label_smoothing)},
    {"training", "evaluate_every", KEY_INTEGER, CLOSED(0, 1e9), .fallback = "10",
     .help = "rounds between evaluations on the test set; 0: only at the end",
     IN(experiment, training.evaluate_every)},
    {"training", "evaluation", KEY_CHOICE, .fallback = "shared", .choices = "shared, every-device",
     .help = "each device's layers on its share of the test set, or on the whole of it",
     IN(experiment, training.evaluation)},
    {"training", "save_weights", KEY_CHOICE, .fallback = "at-end", .choices = "at-end, never",
     .help = "to the result folder, as .safetensors", IN(experiment, training.save_weights)},

    {"devices", "name", KEY_NAME, .fallback = "device",
     .help = "of the group; devices are numbered from 0 when it counts several or has no name",
     IN(device_group, device.name)},
    {"devices", "count", KEY_INTEGER, CLOSED(1, EXPERIMENT_MAX_DEVICES), .fallback = "1",
     .is_input_only = true, .help = "devices in the group", IN(device_group, count)},
    {"devices", "clock", KEY_DRAWN, DIM_FREQUENCY, ABOVE(0, 1e15), .fallback = "1.2 GHz",
     .help = "f_i: cycles per second", IN(device_group, device.clock_hz)},
    {"devices", "cycles_per_flop", KEY_DRAWN, DIM_NONE, ABOVE(0, 1e6), .fallback = "0.0625",
     .help = "kappa_i: cycles a floating-point operation takes",
     IN(device_group, device.cycles_per_flop)},
    {"devices", "profile", KEY_FILE, .copy = ".json",
     .help = "measured compute times in place of clock and cycles_per_flop, a file of `splitbed "
             "profile --json`",
     IN(device_group, device.profile)},
    {"devices", "slowdown", KEY_FILE, .copy = ".csv",
     .help = "CSV file at_s,factor: its compute times are multiplied by factor from that modelled "
             "second of the run on",
     IN(device_group, device.slowdown)},
    {"devices", "max_power", KEY_DRAWN, DIM_POWER, ABOVE(0, 1e6), .fallback = "23 dBm",
     .help = "p_i^max: of the device's whole uplink", IN(device_group, device.max_power_w)},
    {"devices", "distance", KEY_DRAWN, DIM_LENGTH, ABOVE(0, 1e6), .fallback = "100 m",
     .help = "to the server", IN(device_group, device.distance_m)},
    {"devices", "memory", KEY_DRAWN, DIM_SIZE, CLOSED(0, 1e15), .fallback = "0 B",
     .help = "for training its layers (docs/PROFILE.md): the model is not cut where that takes "
             "more; 0: no limit",
     IN(device_group, device.memory_bytes)},

    {"server", "clock", KEY_QUANTITY, DIM_FREQUENCY, ABOVE(0, 1e15), .fallback = "5 GHz",
     .help = "f_s: cycles per second", IN(experiment, server.clock_hz)},
    {"server", "cycles_per_flop", KEY_QUANTITY, DIM_NONE, ABOVE(0, 1e6), .fallback = "0.03125",
     .help = "kappa_s: cycles a floating-point operation takes",
     IN(experiment, server.cycles_per_flop)},
    {"server", "threads", KEY_INTEGER, CLOSED(1, 1024), .fallback = "1",
     .help = "of the server's matrix products; with 1 a run can be repeated bit for bit",
     IN(experiment, server.threads)},

    {"radio", "path_loss", KEY_CHOICE, .fallback = "samimi-los", .add_choices = add_path_losses,
     .help = "path-loss model", IN(experiment, radio.path_loss)},
    {"radio", "carrier", KEY_QUANTITY, DIM_FREQUENCY, ABOVE(0, 1e13), .fallback = "28 GHz",
     .help = "carrier frequency", IN(experiment, radio.carrier_hz)},
    {"radio", "subchannels", KEY_INTEGER, CLOSED(1, EXPERIMENT_MAX_SUBCHANNELS), .fallback = "20",
     .help = "M", IN(experiment, radio.n_subchannels)},
    {"radio", "bandwidth", KEY_QUANTITY, DIM_FREQUENCY, ABOVE(0, 1e12), .fallback = "10 MHz",
     .help = "B_k: of each subchannel", IN(experiment, radio.bandwidth_hz)},
    {"radio", "noise_psd", KEY_QUANTITY, DIM_PSD, ABOVE(0, 1), .fallback = "-174 dBm/Hz",
     .help = "N0: power spectral density of the noise", IN(experiment, radio.noise_psd_w_per_hz)},
    {"radio", "downlink_psd", KEY_QUANTITY, DIM_PSD, ABOVE(0, 1), .fallback = "-50 dBm/Hz",
     .help = "p_DL: power spectral density of the server's transmitter",
     IN(experiment, radio.downlink_psd_w_per_hz)},
    {"radio", "total_power", KEY_QUANTITY, DIM_POWER, ABOVE(0, 1e9), .fallback = "36.99 dBm",
     .help = "of all devices' uplinks together", IN(experiment, radio.total_power_w)},
    {"radio", "antenna_gain", KEY_QUANTITY, DIM_GAIN, ABOVE(0, 1e12), .fallback = "10",
     .help = "both ends together, a ratio of powers", IN(experiment, radio.antenna_gain)},
    {"radio", "fading", KEY_CHOICE, .fallback = "none", .add_choices = add_fadings,
     .help = "small-scale fading, drawn per device and subchannel", IN(experiment, radio.fading)},
    {"radio", "gains", KEY_FILE, .fallback = RADIO_NO_FILE, .copy = ".csv",
     .help = "path_loss table: CSV file device,gain_db or device,subchannel,gain_db, antennas "
             "included",
     IN(experiment, radio.gains)},
    {"radio", "shadowing", KEY_CHOICE, .fallback = "none", .choices = "none, fixed, correlated",
     .help = "with the path-loss model's deviation: a draw for each device, or a field over the "
             "cell",
     IN(experiment, radio.shadowing)},
    {"radio", "rician_k", KEY_QUANTITY, DIM_GAIN, CLOSED(0, 1e6), .fallback = "10",
     .help = "fading rician: power of the direct path over that of all others",
     IN(experiment, radio.rician_k)},
    {"radio", "fading_block", KEY_CHOICE, .fallback = "run", .choices = "run, round, time",
     .help = "how long a draw of the fading lasts: for the run, a round, or coherence_time",
     IN(experiment, radio.fading_block)},
    {"radio", "coherence_time", KEY_QUANTITY, DIM_TIME, CLOSED(1e-3, 1e6), .fallback = "1 s",
     .help = "fading_block time: a round has the fading of the block it begins in",
     IN(experiment, radio.coherence_time_s)},
    {"radio", "mobility", KEY_CHOICE, .fallback = "none", .add_choices = add_mobilities,
     .help = "how devices move on the modelled clock", IN(experiment, radio.mobility)},
    {"radio", "speed_min", KEY_QUANTITY, DIM_SPEED, CLOSED(1e-3, 1000), .fallback = "0.5 m/s",
     .help = "mobility waypoint: slowest walk", IN(experiment, radio.speed_min_m_per_s)},
    {"radio", "speed_max", KEY_QUANTITY, DIM_SPEED, CLOSED(1e-3, 1000), .fallback = "1.5 m/s",
     .help = "mobility waypoint: fastest walk", IN(experiment, radio.speed_max_m_per_s)},
    {"radio", "pause", KEY_QUANTITY, DIM_TIME, CLOSED(0, 1e6), .fallback = "0 s",
     .help = "mobility waypoint: rest between two walks", IN(experiment, radio.pause_s)},
    {"radio", "cell_radius", KEY_QUANTITY, DIM_LENGTH, CLOSED(1, 1e6), .fallback = "200 m",
     .help = "mobility waypoint: of the cell around the server",
     IN(experiment, radio.cell_radius_m)},
    {"radio", "positions", KEY_FILE, .fallback = RADIO_NO_FILE, .copy = ".csv",
     .help = "mobility positions: CSV file time_s,device,x_m,y_m", IN(experiment, radio.positions)},
    {"radio", "trace", KEY_FILE, .fallback = RADIO_NO_FILE, .copy = ".csv",
     .help = "CSV file device,direction,trace: links that replay a recording in place of the "
             "planned rate",
     IN(experiment, radio.trace)},
    {"radio", "delay", KEY_QUANTITY, DIM_TIME, CLOSED(0, 60), .fallback = "0 s",
     .help = "propagation, each way", IN(experiment, radio.delay_s)},
    {"radio", "jitter", KEY_QUANTITY, DIM_TIME, CLOSED(0, 60), .fallback = "0 s",
     .help = "further delay of each transfer, uniform from 0 to this",
     IN(experiment, radio.jitter_s)},
    {"radio", "loss", KEY_QUANTITY, DIM_NONE, CLOSED(0, 0.5), .fallback = "0",
     .help = "share of 1500-byte segments that are sent again", IN(experiment, radio.loss)},
    {"radio", "retransmission", KEY_QUANTITY, DIM_TIME, CLOSED(0, 60), .fallback = "200 ms",
     .help = "until lost segments are sent again", IN(experiment, radio.retransmission_s)},
    {"radio", "outage_every", KEY_QUANTITY, DIM_TIME, CLOSED(0, 1e6), .fallback = "0 s",
     .help = "mean time a device's link is up between drawn outages; 0: none",
     IN(experiment, radio.up_mean_s)},
    {"radio", "outage_length", KEY_QUANTITY, DIM_TIME, CLOSED(1e-3, 1e6), .fallback = "1 s",
     .help = "mean length of drawn outages", IN(experiment, radio.down_mean_s)},
    {"radio", "outages", KEY_FILE, .fallback = RADIO_NO_FILE, .copy = ".csv",
     .help = "CSV file device,down_s,up_s of scheduled outages", IN(experiment, radio.outages)},

    {"scheduler", "policy", KEY_CHOICE, .fallback = "auto", .add_choices = add_policies,
     .help = "how the plan is made", IN(experiment, scheduler.policy)},
    {"scheduler", "gap", KEY_QUANTITY, DIM_NONE, BELOW(0, 1), .fallback = "0.5 %",
     .help = "good enough: (latency - lower bound) / latency", IN(experiment, scheduler.gap)},
    {"scheduler", "time_limit", KEY_QUANTITY, DIM_TIME, ABOVE(0, 1e6), .fallback = "10 s",
     .help = "wall-clock time after which the best plan so far is taken",
     IN(experiment, scheduler.time_limit_s)},
    {"scheduler", "every", KEY_INTEGER, CLOSED(0, 1e9), .fallback = "0",
     .help = "rounds after which a new plan is made for the channel as it is then; 0: one plan",
     IN(experiment, scheduler.every)},
    {"scheduler", "cuts", KEY_NAMES, .fallback = "[]",
     .help = "layers after which the model may be cut; []: after any but the last",
     IN(experiment, scheduler.cuts)},
    {"scheduler", "owners", KEY_NAMES, .fallback = "[]",
     .help = "policy fixed: device of each subchannel, repeated when fewer; []: all in turn",
     IN(experiment, scheduler.owners)},

    {"testbed", "time_scale", KEY_QUANTITY, DIM_NONE, CLOSED(1e-6, 1e6), .takes_auto = true,
     .fallback = "1",
     .help = "wall-clock seconds one modelled second lasts; auto: `splitbed run` finds what this "
             "machine needs; 1 whatever is given when compute or link is native",
     IN(experiment, testbed.time_scale)},
    {"testbed", "compute", KEY_MODELLED, .fallback = "modelled",
     .help = "wait until the modelled compute time has passed, or go at the machine's own speed",
     IN(experiment, testbed.models_compute)},
    {"testbed", "link", KEY_CHOICE, .fallback = "modelled", .choices = "modelled, netns, native",
     .help = "pace to the planned rates in the processes, or in the kernel between network "
             "namespaces, or send as fast as the network takes it",
     IN(experiment, testbed.link)},
    {"testbed", "netem", KEY_CHOICE, .fallback = "auto", .choices = "auto, off",
     .help =
         "link netns: delay, jitter and loss by the kernel's netem where it has it, or always by "
         "lower rates",
     IN(experiment, testbed.netem)},
    {"testbed", "peer_timeout", KEY_QUANTITY, DIM_TIME,
     CLOSED(ENDPOINT_MIN_TIMEOUT_S, ENDPOINT_MAX_TIMEOUT_S), .fallback = "10 s",
     .help = "wall-clock time without a sign of life until a peer counts as gone",
     IN(experiment, testbed.peer_timeout_s)},
    {"testbed", "listen", KEY_ADDRESS, .fallback = "tcp://127.0.0.1:*",
     .help = "where the server takes devices; port *: any free one",
     IN(experiment, testbed.listen)},
    {"testbed", "trace_rounds", KEY_INTEGER, CLOSED(0, 1e9), .fallback = "100",
     .help = "the first so many rounds go into trace.json; 0: no such file",
     IN(experiment, testbed.trace_rounds)},

    {"model file", "name", KEY_NAME, .help = "of the model", IN(model_keys, name)},
    {"model file", "input", KEY_SHAPE, CLOSED(1, SHAPE_MAX_DIM), .help = "shape of one sample",
     IN(model_keys, input)},
    {"model file", "layers", KEY_LAYERS, .help = "the layers, first to last"},
};

const struct section *section_at(size_t i)
{
    return i < ARRAY_LEN(sections) ? &sections[i] : NULL;
}

const struct section *section_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        if (strcmp(sections[i].name, name) == 0)
            return &sections[i];
    return NULL;
}

const struct key_row *schema_at(size_t i)
{
    return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

const struct key_row *schema_next(const char *section, const struct key_row *row)
{
    for (size_t i = row ? (size_t)(row - rows) + 1 : 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].section, section) == 0)
            return &rows[i];
    return NULL;
}

const struct key_row *schema_find(const char *section, const char *key)
{
    const struct key_row *row = NULL;
    while ((row = schema_next(section, row)))
        if (strcmp(row->key, key) == 0)
            return row;
    return NULL;
}

size_t schema_drawn_index(const struct key_row *row)
{
    size_t n = 0;
    const struct key_row *other = NULL;
    while ((other = schema_next(row->section, other)) && other != row)
        n += other->type == KEY_DRAWN;
    return n;
}
