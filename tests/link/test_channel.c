/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gains over time: what they are made of, what they depend on, and the files they may come from. */
#include <math.h>

#include "link/channel.h"
#include "link/shadowing.h"
#include "link/streams.h"
#include "tests/link/temp_file.h"

enum { N = 4, M = 3 };

static const char *const names[N] = {"a", "b", "c", "d"};
static const double distances_m[N] = {50, 100, 200, 400};

static struct channel_settings base_settings(void)
{
    return (struct channel_settings){
        .seed = 11,
        .names = names,
        .distance_m = distances_m,
        .n_devices = N,
        .n_subchannels = M,
        .path_loss = path_loss_find("samimi-los"),
        .fading = fading_find("none"),
        .mobility = mobility_find("none"),
        .carrier_hz = 28e9,
        .antenna_gain = 10,
        .rician_k = 10,
        .coherence_s = 0.1,
        .speed_min_m_per_s = 1,
        .speed_max_m_per_s = 20,
        .pause_s = 1,
        .cell_radius_m = 200,
    };
}

static struct channel *must_open(const struct channel_settings *settings)
{
    struct err err = ERR_INIT;
    struct channel *channel = channel_new(settings, &err);
    if (!channel)
        fail_msg("%s", err.text);
    return channel;
}

static double gain_of(struct channel *channel, int device, uint32_t round, double time_s)
{
    double gain[M];
    channel_gains(channel, device, round, time_s, gain);
    return gain[0];
}

static double samimi_gain(double distance_m)
{
    return 10 * pow(10, -(61.4 + 20 * log10(distance_m)) / 10);
}

static void a_still_channel_is_path_loss_and_antennas(void **state)
{
    struct channel_settings settings = base_settings();
    struct channel *channel = must_open(&settings);
    double gain[M];

    (void)state;
    assert_true(channel_is_constant(channel));
    for (int i = 0; i < N; i++) {
        channel_gains(channel, i, 7, 123, gain);
        for (int k = 0; k < M; k++)
            assert_near(gain[k] / samimi_gain(distances_m[i]), 1, 1e-12);
    }
    channel_free(channel);
}

/* Plans and runs of before go on being what they were. */
static void the_first_block_of_fading_is_stream_channel_plus_device(void **state)
{
    struct channel_settings settings = base_settings();
    static const enum channel_block blocks[] = {BLOCK_RUN, BLOCK_ROUND, BLOCK_TIME};
    double gain[M];
    struct rng rng;

    (void)state;
    settings.fading = fading_find("rayleigh");
    for (size_t j = 0; j < ARRAY_LEN(blocks); j++) {
        settings.block = blocks[j];
        struct channel *channel = must_open(&settings);
        channel_gains(channel, 2, 1, 0, gain);
        rng_seed(&rng, 11, RNG_CHANNEL + 2);
        for (int k = 0; k < M; k++)
            assert_near(gain[k] / (samimi_gain(200) * rng_exponential(&rng)), 1, 1e-12);
        channel_free(channel);
    }
}

static void a_draw_of_the_fading_lasts_a_block(void **state)
{
    struct channel_settings settings = base_settings();

    (void)state;
    settings.fading = fading_find("rician");
    struct channel *channel = must_open(&settings);
    assert_true(channel_is_constant(channel));
    assert_true(gain_of(channel, 1, 1, 0) == gain_of(channel, 1, 50, 77));
    channel_free(channel);

    settings.block = BLOCK_ROUND;
    channel = must_open(&settings);
    assert_false(channel_is_constant(channel));
    assert_true(gain_of(channel, 1, 3, 0) == gain_of(channel, 1, 3, 9));
    assert_true(gain_of(channel, 1, 3, 0) != gain_of(channel, 1, 4, 0));
    assert_true(gain_of(channel, 1, 3, 0) != gain_of(channel, 2, 3, 0) * 4);
    channel_free(channel);

    settings.block = BLOCK_TIME; /* 100 ms: shorter and longer rounds alike */
    channel = must_open(&settings);
    assert_true(gain_of(channel, 1, 1, 0.51) == gain_of(channel, 1, 9, 0.59));
    assert_true(gain_of(channel, 1, 1, 0.59) != gain_of(channel, 1, 1, 0.61));
    channel_free(channel);
}

static void blocks_are_independent_with_mean_one(void **state)
{
    enum { ROUNDS = 20000 };
    struct channel_settings settings = base_settings();
    double sum = 0, products = 0, last = 0;

    (void)state;
    settings.fading = fading_find("rayleigh");
    settings.block = BLOCK_ROUND;
    struct channel *channel = must_open(&settings);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        double h = gain_of(channel, 0, round, 0) / samimi_gain(50);
        sum += h;
        products += (h - 1) * (last - 1);
        last = h;
    }
    assert_near(sum / ROUNDS, 1, 0.03);
    assert_near(products / ROUNDS, 0, 0.03);
    channel_free(channel);
}

static void shadowing_has_the_models_deviation_one_draw_a_device(void **state)
{
    enum { MANY = 4000 };
    struct channel_settings settings = base_settings();
    const char **many = mem_zero(MANY, sizeof *many);
    double *same_m = mem_zero(MANY, sizeof *same_m), sum = 0, squares = 0;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        many[i] = mem_format("d%d", i);
        same_m[i] = 100;
    }
    settings.names = many;
    settings.distance_m = same_m;
    settings.n_devices = MANY;
    settings.shadowing = SHADOWING_FIXED;
    struct channel *channel = must_open(&settings);
    assert_true(channel_is_constant(channel));
    for (int i = 0; i < MANY; i++) {
        double db = 10 * log10(gain_of(channel, i, 1, 0) / samimi_gain(100));
        sum += db;
        squares += db * db;
        free((void *)(uintptr_t)many[i]);
    }
    assert_near(sum / MANY, 0, 0.4);
    assert_near(sqrt(squares / MANY), 5.8, 0.3);
    channel_free(channel);
    free(many);
    free(same_m);
}

/* Over many fields: variance 1, and exp(-r/D) at r = D/2, D and 3 D. */
static void the_shadowing_field_has_unit_variance_and_exponential_correlation(void **state)
{
    enum { FIELDS = 20000 };
    static const double distances[] = {0, 0.5, 1, 3};
    double products[ARRAY_LEN(distances)] = {0}, sum = 0;

    (void)state;
    for (uint64_t seed = 0; seed < FIELDS; seed++) {
        struct shadowing field;
        shadowing_init(&field, seed);
        double here = shadowing_at(&field, 30, -7, 20);
        sum += here;
        for (size_t i = 0; i < ARRAY_LEN(distances); i++)
            products[i] +=
                here * shadowing_at(&field, 30 + 12 * distances[i], -7 + 16 * distances[i], 20);
    }
    assert_near(sum / FIELDS, 0, 0.03);
    for (size_t i = 0; i < ARRAY_LEN(distances); i++)
        assert_near(products[i] / FIELDS, exp(-distances[i]), 0.03);
}

static void correlated_shadowing_is_a_function_of_the_place(void **state)
{
    struct channel_settings settings = base_settings();
    struct err err = ERR_INIT;

    (void)state;
    write_text("x.csv", "time_s,device,x_m,y_m\n"
                        "0,a,60,80\n10,a,60,180\n20,a,60,80\n"
                        "0,b,60,80\n0,c,60,80\n0,d,0,100\n");
    settings.mobility = mobility_find("positions");
    settings.positions_path = "x.csv";
    settings.shadowing = SHADOWING_CORRELATED;
    struct channel *channel = channel_new(&settings, &err);
    assert_non_null(channel);
    assert_true(gain_of(channel, 0, 1, 0) == gain_of(channel, 1, 1, 0));
    assert_true(gain_of(channel, 0, 1, 0) == gain_of(channel, 0, 1, 20)); /* back again */
    assert_true(gain_of(channel, 0, 1, 0) != gain_of(channel, 3, 1, 0));  /* as far, elsewhere */
    assert_near(10 * log10(gain_of(channel, 0, 1, 0) / gain_of(channel, 0, 1, 0.01)), 0, 0.5);
    channel_free(channel);
}

static void line_of_sight_is_drawn_with_the_models_probability(void **state)
{
    enum { SEEDS = 4000 };
    struct channel_settings settings = base_settings();
    struct position place;
    bool is_los;
    int n_los[N] = {0};

    (void)state;
    settings.path_loss = path_loss_find("uma");
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        settings.seed = seed;
        struct channel *channel = must_open(&settings);
        for (int i = 0; i < N; i++) {
            channel_place(channel, i, 0, &place, &is_los);
            assert_true(place.distance_m == distances_m[i]);
            double loss_db = settings.path_loss->loss_db(28e9, distances_m[i], is_los);
            assert_near(gain_of(channel, i, 1, 0) / (10 * pow(10, -loss_db / 10)), 1, 1e-12);
            n_los[i] += is_los;
        }
        channel_free(channel);
    }
    for (int i = 0; i < N; i++)
        assert_near((double)n_los[i] / SEEDS, settings.path_loss->los_probability(distances_m[i]),
                    0.025);
}

static void gains_do_not_depend_on_what_was_asked_before(void **state)
{
    struct channel_settings settings = base_settings();
    double first[20];

    (void)state;
    settings.mobility = mobility_find("waypoint");
    settings.fading = fading_find("rayleigh");
    settings.block = BLOCK_TIME;
    settings.shadowing = SHADOWING_CORRELATED;
    settings.path_loss = path_loss_find("umi");
    struct channel *a = must_open(&settings), *b = must_open(&settings);
    assert_false(channel_is_constant(a));
    for (int i = 0; i < 20; i++)
        first[i] = gain_of(a, i % N, 1, 37.5 * i);
    for (int i = 19; i >= 0; i--)
        assert_true(gain_of(b, i % N, 1, 37.5 * i) == first[i]);
    channel_free(b);
    settings.n_devices = 2; /* devices less */
    b = must_open(&settings);
    assert_true(gain_of(b, 1, 1, 37.5) == first[1]);
    channel_free(b);
    settings.seed = 12;
    b = must_open(&settings);
    assert_true(gain_of(b, 1, 1, 37.5) != first[1]);
    channel_free(a);
    channel_free(b);
}

static void gains_come_from_a_table_as_they_are(void **state)
{
    struct channel_settings settings = base_settings();

    (void)state;
    settings.path_loss = path_loss_find("table");
    settings.gains_path = "x.csv";
    write_text("x.csv", "device,gain_db\nd,-100\nb,-90\na,-80\nc,-70\n");
    struct channel *channel = must_open(&settings);
    assert_near(gain_of(channel, 0, 1, 0) / 1e-8, 1, 1e-12);
    assert_near(gain_of(channel, 3, 1, 0) / 1e-10, 1, 1e-12);
    assert_true(channel_is_constant(channel));
    channel_free(channel);
    settings.n_devices = 2;
    settings.n_subchannels = 2;
    write_text("x.csv", "device,subchannel,gain\na,1,2e-9\na,0,1e-9\nb,0,0\nb,1,3e-9\n");
    channel = must_open(&settings);
    double gain[2];
    channel_gains(channel, 0, 1, 0, gain);
    assert_true(gain[0] == 1e-9 && gain[1] == 2e-9);
    channel_gains(channel, 1, 1, 0, gain);
    assert_true(gain[0] == 0 && gain[1] == 3e-9);
    channel_free(channel);
}

static void what_is_no_gain_table_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"device,db\n", "x.csv:1: the columns must be device,gain_db or device,subchannel,gain_db "
                        "(or gain)"},
        {"device,gain_db\ne,-80\n", "x.csv:2: device 'e': there is none of that name"},
        {"device,gain_db\na,-80\na,-81\n",
         "x.csv:3: device 'a' has a gain on subchannel 0 already"},
        {"device,gain_db\na,-80\nb,-80\nd,-80\n", "x.csv: no gain for device 'c' on subchannel 0"},
        {"device,gain\na,-1\n", "x.csv:2: gain '-1': must be a number in [0, 1e+12]"},
        {"device,gain_db\na,-401\n", "x.csv:2: gain_db '-401': must be a number in [-400, 120]"},
        {"device,subchannel,gain_db\na,3,-80\n",
         "x.csv:2: subchannel '3': must be a number in [0, 2]"},
        {"device,subchannel,gain_db\na,0.5,-80\n", "x.csv:2: subchannel '0.5': must be an integer"},
    };
    struct channel_settings settings = base_settings();

    (void)state;
    settings.path_loss = path_loss_find("table");
    settings.gains_path = "x.csv";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = ERR_INIT;
        write_text("x.csv", rows[i].text);
        assert_null(channel_new(&settings, &err));
        assert_string_equal(err.text, rows[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_still_channel_is_path_loss_and_antennas),
        cmocka_unit_test(the_first_block_of_fading_is_stream_channel_plus_device),
        cmocka_unit_test(a_draw_of_the_fading_lasts_a_block),
        cmocka_unit_test(blocks_are_independent_with_mean_one),
        cmocka_unit_test(shadowing_has_the_models_deviation_one_draw_a_device),
        cmocka_unit_test(the_shadowing_field_has_unit_variance_and_exponential_correlation),
        cmocka_unit_test(correlated_shadowing_is_a_function_of_the_place),
        cmocka_unit_test(line_of_sight_is_drawn_with_the_models_probability),
        cmocka_unit_test(gains_do_not_depend_on_what_was_asked_before),
        cmocka_unit_test(gains_come_from_a_table_as_they_are),
        cmocka_unit_test(what_is_no_gain_table_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
