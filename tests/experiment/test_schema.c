/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every key of the schema has a value that is refused, with the message it gets, and one that is taken.
 */
#include "tests/experiment/load_text.h"

#include "experiment/schema.h"

#define HZ      " Hz (units: Hz, kHz, MHz, GHz)"
#define WATT    " W (units: W, mW, uW, dBm, dBW)"
#define PSD     " W/Hz (units: W/Hz, mW/Hz, W/MHz, dBm/Hz, dBW/Hz)"
#define SECOND  " s (units: us, ms, s, min, h)"
#define SPEED   " m/s (units: m/s, km/h)"
#define METRE   " m (units: cm, m, km)"
#define BYTES   " B (units: B, kB, MB, GB, KiB, MiB, GiB)"
#define PERCENT " (or in %)"
#define DRAWN   ", or uniform(a, b), normal(mean, std)"
#define NAME                                                                                       \
    "a name of at most 63 letters, digits, '-', '_' and '.' that begins with a letter or digit"
#define TEXT "a text of 1 to 1023 bytes without control characters"
#define PATH                                                                                       \
    "a path of 1 to 1023 bytes without control characters, relative to the experiment file (with " \
    "--set: to the working directory)"
#define SHAPE                                                                                      \
    "[channels, height, width] or [features], each an integer in [1, 65536], at most "             \
    "67108864 in all"

static const struct example {
    const char *path, *refused, *allowed; /* `allowed`: the message after "must be " */
    const char *taken;
    bool is_prefix; /* other folders may add to the list */
} examples[] = {
    {"experiment.name", "../up", NAME, "a-b_c.1", false},
    {"experiment.seed", "-1", "an integer in [0, 18446744073709551615]", "18446744073709551615",
     false},
    {"model.file", "\"\"", PATH, NULL, false},
    {"model.classes", "0", "an integer in [1, 65536]", "7", false},
    {"model.name", "a b", NAME, "other", false},
    {"model.input", "[1, 2]", SHAPE, "[8]", false},
    {"model.layers", "7", "a list of layers", NULL, false},
    {"model.weights", "\"\"", PATH, NULL, false},
    {"data.format", "png", "one of idx, cifar10, cifar100, npy, npz, synthetic", "idx", true},
    {"data.dir", "\"a\\tb\"", TEXT, "some where", false},
    {"data.mean", "2", "a number in [0, 1]" PERCENT, "50 %", false},
    {"data.std", "0", "a number in (0, 10]" PERCENT, "1", false},
    {"data.partition", "fair", "one of iid, shards, dirichlet, local", "local", false},
    {"data.shards_per_device", "0", "an integer in [1, 10000]", "1", false},
    {"data.alpha", "0", "a number in (0, 1000000]" PERCENT, "0.1", false},
    {"data.test_samples", "1.5", "an integer in [0, 1e+09]", "1e3", false},
    {"data.crop_padding", "65", "an integer in [0, 64]", "0", false},
    {"data.flip", "vertical", "one of none, horizontal", "none", false},
    {"training.framework", "gan", "one of sl, psl, epsl", "sl", false},
    {"training.aggregation_ratio", "1.1", "a number in [0, 1]" PERCENT, "1", false},
    {"training.aggregation", "none", "one of cached-means, mean-activations, broadcast-gradient",
     "mean-activations", false},
    {"training.rounds", "0", "an integer in [1, 1e+09]", "1000000000", false},
    {"training.batch_size", "65537", "an integer in [1, 65536]", "1", false},
    {"training.optimizer", "adam", "one of sgd, adamw", "adamw", false},
    {"training.device_learning_rate", "0", "a number in (0, 1000]" PERCENT, "1e-9", false},
    {"training.server_learning_rate", "fast", "a number in (0, 1000]" PERCENT, "3", false},
    {"training.momentum", "1", "a number in [0, 1)" PERCENT, "0.999", false},
    {"training.weight_decay", "-1e-9", "a number in [0, 1]" PERCENT, "5e-4", false},
    {"training.beta1", "1", "a number in [0, 1)" PERCENT, "0", false},
    {"training.beta2", "-0.5", "a number in [0, 1)" PERCENT, "99 %", false},
    {"training.eps", "0", "a number in (0, 1]" PERCENT, "1e-6", false},
    {"training.learning", "no", "true or false", "false", false},
    {"training.loss", "hinge", "one of cross-entropy, mse", "mse", false},
    {"training.label_smoothing", "1.5", "a number in [0, 1]" PERCENT, "10 %", false},
    {"training.evaluate_every", "-1", "an integer in [0, 1e+09]", "0", false},
    {"training.evaluation", "all", "one of shared, every-device", "every-device", false},
    {"training.save_weights", "yes", "one of at-end, never", "never", false},
    {"devices.0.name", "-x", NAME, "pi", false},
    {"devices.0.count", "100001", "an integer in [1, 100000]", "3", false},
    {"devices.0.clock", "1 W", "a frequency in (0, 1e+15]" HZ DRAWN, "2 GHz", false},
    {"devices.0.cycles_per_flop", "0", "a number in (0, 1000000]" PERCENT DRAWN, "1", false},
    {"devices.0.profile", "\"\"", PATH, NULL, false},
    {"devices.0.slowdown", "\"\"", PATH, NULL, false},
    {"devices.0.max_power", "3 dB", "a power in (0, 1000000]" WATT DRAWN, "3 dBm", false},
    {"devices.0.distance", "0 m", "a length in (0, 1000000]" METRE DRAWN ", disc(radius)",
     "disc(3 m)", false},
    {"devices.0.memory", "-1 B", "a size in [0, 1e+15]" BYTES DRAWN, "512 MiB", false},
    {"server.clock", "0", "a frequency in (0, 1e+15]" HZ, "5e9", false},
    {"server.cycles_per_flop", "-1", "a number in (0, 1000000]" PERCENT, "2", false},
    {"server.threads", "0", "an integer in [1, 1024]", "1024", false},
    {"radio.path_loss", "hata", "one of samimi-los, samimi-nlos, free-space, umi, uma, table",
     "free-space", true},
    {"radio.carrier", "28 m", "a frequency in (0, 1e+13]" HZ, "2.4 GHz", false},
    {"radio.subchannels", "0", "an integer in [1, 100000]", "7", false},
    {"radio.bandwidth", "1 mhz", "a frequency in (0, 1e+12]" HZ, "180 kHz", false},
    {"radio.noise_psd", "-174 dBm", "a power spectral density in (0, 1]" PSD, "-170 dBm/Hz", false},
    {"radio.downlink_psd", "0", "a power spectral density in (0, 1]" PSD, "-40 dBm/Hz", false},
    {"radio.total_power", "nan", "a power in (0, 1e+09]" WATT, "10 W", false},
    {"radio.antenna_gain", "10 dBm", "a gain in (0, 1e+12] (units: a bare ratio, dB, dBi)", "3 dB",
     false},
    {"radio.fading", "rice", "one of none, rayleigh, rician", "rayleigh", true},
    {"radio.gains", "\"\"", PATH, NULL, false},
    {"radio.shadowing", "always", "one of none, fixed, correlated", "correlated", false},
    {"radio.rician_k", "-1", "a gain in [0, 1000000] (units: a bare ratio, dB, dBi)", "6 dB",
     false},
    {"radio.fading_block", "second", "one of run, round, time", "round", false},
    {"radio.coherence_time", "0 s", "a time in [0.001, 1000000]" SECOND, "50 ms", false},
    {"radio.mobility", "brownian", "one of none, waypoint, positions", "waypoint", true},
    {"radio.speed_min", "0", "a speed in [0.001, 1000]" SPEED, "1 m/s", false},
    {"radio.speed_max", "1 m", "a speed in [0.001, 1000]" SPEED, "50 km/h", false},
    {"radio.pause", "-1 s", "a time in [0, 1000000]" SECOND, "1 min", false},
    {"radio.cell_radius", "0.5 m", "a length in [1, 1000000]" METRE, "1 km", false},
    {"radio.positions", "\"\"", PATH, NULL, false},
    {"radio.trace", "\"\"", PATH, NULL, false},
    {"radio.delay", "2 min", "a time in [0, 60]" SECOND, "20 ms", false},
    {"radio.jitter", "-1 ms", "a time in [0, 60]" SECOND, "5 ms", false},
    {"radio.loss", "60 %", "a number in [0, 0.5]" PERCENT, "1 %", false},
    {"radio.retransmission", "61", "a time in [0, 60]" SECOND, "1 s", false},
    {"radio.outage_every", "-1", "a time in [0, 1000000]" SECOND, "1 min", false},
    {"radio.outage_length", "0", "a time in [0.001, 1000000]" SECOND, "100 ms", false},
    {"radio.outages", "\"\"", PATH, NULL, false},
    {"scheduler.policy", "best", "one of auto, equal, exact, fixed, random", "random", false},
    {"scheduler.gap", "1", "a number in [0, 1)" PERCENT, "0", false},
    {"scheduler.time_limit", "0 s", "a time in (0, 1000000]" SECOND, "2 min", false},
    {"scheduler.every", "-1", "an integer in [0, 1e+09]", "5", false},
    {"scheduler.cuts", "a", "a list of at most 512 names", "[a]", false},
    {"scheduler.owners", "a", "a list of at most 512 names", "[a]", false},
    {"testbed.time_scale", "0", "a number in [1e-06, 1000000]" PERCENT ", or auto", "auto", false},
    {"testbed.compute", "real", "one of modelled, native", "native", false},
    {"testbed.link", "1", "one of modelled, netns, native", "netns", false},
    {"testbed.netem", "on", "one of auto, off", "off", false},
    {"testbed.peer_timeout", "2 days", "a time in [0.1, 3600]" SECOND, "500 ms", false},
    {"testbed.listen", "localhost:5555", "a ZeroMQ address: tcp://HOST:PORT or ipc://PATH",
     "ipc:///tmp/x", false},
    {"testbed.trace_rounds", "-1", "an integer in [0, 1e+09]", "0", false},
};

static const struct example *find_example(const struct key_row *row)
{
    char path[128];
    snprintf(path, sizeof path, "%s.%s%s", row->section,
             strcmp(row->section, "devices") == 0 ? "0." : "", row->key);
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        if (strcmp(examples[i].path, path) == 0)
            return &examples[i];
    return NULL;
}

static void every_key_has_a_refused_example(void **state)
{
    (void)state;
    for (size_t i = 0; schema_at(i); i++)
        if (strcmp(schema_at(i)->section, "model file") != 0 && !find_example(schema_at(i)))
            fail_msg("%s.%s has no refused example here", schema_at(i)->section, schema_at(i)->key);
}

/* As a message shows the value: without the quotes of YAML. */
static void shown_value(const char *refused, char *buf, size_t n)
{
    if (refused[0] == '[')
        snprintf(buf, n, "value is a list");
    else if (refused[0] == '"')
        snprintf(buf, n, "value '%s'", strcmp(refused, "\"\"") == 0 ? "" : "a?b");
    else
        snprintf(buf, n, "value '%s'", refused);
}

static void every_refused_example_gets_its_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        const struct example *x = &examples[i];
        char set[256], value[128], expected[1024];
        struct experiment e;
        struct strbuf errors = STRBUF_INIT;
        snprintf(set, sizeof set, "%s=%s", x->path, x->refused);
        assert_int_equal(load_text(&e, TINY, set, NULL, &errors), -1);
        shown_value(x->refused, value, sizeof value);
        snprintf(expected, sizeof expected, "--set %s: %s: %s: must be %s%s", set, x->path, value,
                 x->allowed, x->is_prefix ? "" : "\n");
        const char *at = strstr(errors.text, expected);
        if (!at)
            fail_msg("\n%swhere was wanted\n%s", errors.text, expected);
        if (strncmp(x->path, "model.", 6) != 0) /* a model may be wrong in more ways for it */
            assert_ptr_equal(strchr(at, '\n'), errors.text + errors.n - 1);
        strbuf_release(&errors);
    }
}

static void every_taken_example_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        const struct example *x = &examples[i];
        char set[256];
        struct experiment e;
        if (!x->taken)
            continue;
        snprintf(set, sizeof set, "%s=%s", x->path, x->taken);
        must_load(&e, TINY, set);
        experiment_release(&e);
    }
}

static void every_key_is_refused_without_a_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        char set[128], expected[512];
        struct experiment e;
        struct strbuf errors = STRBUF_INIT;
        snprintf(set, sizeof set, "%s=", examples[i].path);
        snprintf(expected, sizeof expected, "--set %s: %s: no value: must be ", set,
                 examples[i].path);
        assert_int_equal(load_text(&e, TINY, set, NULL, &errors), -1);
        if (!strstr(errors.text, expected))
            fail_msg("\n%swhere was wanted\n%s", errors.text, expected);
        strbuf_release(&errors);
    }
}

static void every_row_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; schema_at(i); i++) {
        const struct key_row *row = schema_at(i);
        assert_non_null(section_find(row->section));
        assert_true(row->help && row->help[0]);
        assert_ptr_equal(schema_find(row->section, row->key), row);
        if (row->type == KEY_INTEGER || row->type == KEY_QUANTITY || row->type == KEY_DRAWN)
            assert_true(row->min < row->max);
        if (row->type == KEY_DRAWN)
            assert_true(schema_drawn_index(row) < GROUP_MAX_DRAWN);
    }
}

static void the_printed_key_table_has_every_key(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    experiment_print_keys(&out);
    for (size_t i = 0; schema_at(i); i++) {
        char line[256];
        snprintf(line, sizeof line, "\n- `%s`: %s. ", schema_at(i)->key, schema_at(i)->help);
        assert_non_null(strstr(out.text, line));
    }
    assert_non_null(strstr(out.text, "- `momentum`: sgd: v = momentum v + g; w -= rate v. A "
                                     "number in [0, 1) (or in %); default 0.\n"));
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_a_refused_example),
        cmocka_unit_test(every_refused_example_gets_its_message),
        cmocka_unit_test(every_taken_example_is_taken),
        cmocka_unit_test(every_key_is_refused_without_a_value),
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(the_printed_key_table_has_every_key),
    };
    return cmocka_run_group_tests(tests, load_setup, load_teardown);
}
