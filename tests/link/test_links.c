/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "link/links.h"
#include "tests/link/temp_file.h"

static const char *const names[] = {"a", "b", "c"};

static int load_traces(struct links *links, const char *text, struct err *err)
{
    struct name_index index;
    write_text("x.csv", text);
    name_index_init(&index, names, 3);
    int status = links_load_traces(links, &index, "x.csv", err);
    name_index_release(&index);
    return status;
}

static void ideal_links_take_bits_over_rate(void **state)
{
    struct links_settings settings = {.seed = 1, .n_devices = 3};
    struct links *links = links_new(&settings);

    (void)state;
    assert_true(links_are_ideal(links));
    assert_near(links_transfer(links, LINK_UPLINK, 0, 1, 5, 1e6, 5e5).at_s, 0.5, 1e-12);
    assert_true(links_transfer(links, LINK_DOWNLINK, 0, 1, 5, 0, 0).at_s == 0);
    assert_true(links_transfer(links, LINK_DOWNLINK, 0, 1, 5, 0, 1).at_s == HUGE_VAL);
    links_free(links);
}

static void a_recording_takes_the_place_of_the_rate(void **state)
{
    struct links_settings settings = {.seed = 1, .n_devices = 3};
    struct links *links = links_new(&settings);
    struct err err = ERR_INIT;

    (void)state;
    write_text("y.csv", "time_s,rate_bps\n0,1e6\n");
    write_text("x.trace", "1\n"); /* 12 Mbit/s */
    if (load_traces(links,
                    "device,direction,trace\nb,uplink,y.csv\n*,uplink,x.trace\n"
                    "c,downlink,./y.csv\n",
                    &err))
        fail_msg("%s", err.text);
    assert_false(links_are_ideal(links));
    assert_near(links_transfer(links, LINK_UPLINK, 0, 1, 0, 5, 12e6).at_s, 1, 1e-9);
    assert_near(links_transfer(links, LINK_UPLINK, 1, 1, 0, 5, 12e6).at_s, 12,
                1e-9); /* its own row */
    assert_near(links_transfer(links, LINK_UPLINK, 2, 1, 0, 5, 12e6).at_s, 1, 1e-9);
    assert_near(links_transfer(links, LINK_DOWNLINK, 1, 1, 0, 2e6, 12e6).at_s, 6, 1e-9);
    assert_near(links_transfer(links, LINK_DOWNLINK, 2, 1, 0, 2e6, 12e6).at_s, 12, 1e-9);
    assert_near(links_transfer(links, LINK_BROADCAST, 2, 1, 0, 2e6, 12e6).at_s, 12, 1e-9);
    assert_near(links_transfer(links, LINK_GIVEN, 0, 1, 0, 5, 12e6).at_s, 1, 1e-9);
    assert_near(links_transfer(links, LINK_FRONT, 0, 1, 0, 5, 12e6).at_s, 1, 1e-9);
    assert_near(links_transfer(links, LINK_GAINED, 1, 1, 0, 2e6, 12e6).at_s, 6, 1e-9);
    assert_near(links_transfer(links, LINK_GAINED_BY_ALL, 2, 1, 0, 2e6, 12e6).at_s, 12, 1e-9);
    links_free(links);
}

static void draws_depend_on_device_direction_and_round_alone(void **state)
{
    struct links_settings settings = {
        .seed = 1, .n_devices = 3, .impairments = {0.01, 0.1, 0.01, 0.2}};
    struct links *a = links_new(&settings), *b = links_new(&settings);

    (void)state;
    assert_false(links_are_ideal(a));
    double first = links_transfer(a, LINK_UPLINK, 1, 4, 0, 1e6, 1e5).at_s;
    links_transfer(b, LINK_DOWNLINK, 2, 4, 0, 1e6, 1e5);
    assert_true(links_transfer(b, LINK_UPLINK, 1, 4, 0, 1e6, 1e5).at_s == first);
    assert_true(links_transfer(a, LINK_UPLINK, 1, 4, 0, 1e6, 1e5).at_s == first);
    assert_true(links_transfer(a, LINK_DOWNLINK, 1, 4, 0, 1e6, 1e5).at_s != first);
    assert_true(links_transfer(a, LINK_UPLINK, 2, 4, 0, 1e6, 1e5).at_s != first);
    assert_true(links_transfer(a, LINK_UPLINK, 1, 5, 0, 1e6, 1e5).at_s != first);
    links_free(a);
    links_free(b);
}

/* Hand-overs: over the uplink's or the downlink's recording and outages, with draws of their own. */
static void every_direction_draws_for_itself_on_its_way(void **state)
{
    struct links_settings settings = {.seed = 1, .n_devices = 1, .impairments = {0.01, 0.1, 0, 0}};
    struct links *links = links_new(&settings);
    double at_s[LINK_N_DIRECTIONS];

    (void)state;
    for (int d = 0; d < LINK_N_DIRECTIONS; d++) {
        at_s[d] = links_transfer(links, (enum link_direction)d, 0, 4, 0, 1e6, 1e5).at_s;
        for (int before = 0; before < d; before++)
            assert_true(at_s[d] != at_s[before]);
    }
    links_free(links);
}

static void what_names_no_recordings_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"device,trace\n", "x.csv:1: the columns must be device,direction,trace"},
        {"device,direction,trace\nd,uplink,x.trace\n",
         "x.csv:2: device 'd': there is none of that name"},
        {"device,direction,trace\na,up,x.trace\n",
         "x.csv:2: direction 'up': must be uplink or downlink"},
        {"device,direction,trace\na,uplink,gone.trace\n",
         "x.csv:2: gone.trace: No such file or directory"},
        {"device,direction,trace\na,uplink,x.trace\n",
         "x.csv:2: x.trace:1: one number a line is wanted"},
        {"device,direction,trace\na,uplink,y.csv\na,uplink,y.csv\n",
         "x.csv:3: device 'a' has a recording for its uplink already"},
    };
    struct links_settings settings = {.seed = 1, .n_devices = 3};

    (void)state;
    write_text("y.csv", "time_s,rate_bps\n0,1e6\n");
    write_text("x.trace", "1,1\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = ERR_INIT;
        struct links *links = links_new(&settings);
        assert_int_equal(load_traces(links, rows[i].text, &err), -1);
        assert_string_equal(err.text, rows[i].message);
        links_free(links);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ideal_links_take_bits_over_rate),
        cmocka_unit_test(a_recording_takes_the_place_of_the_rate),
        cmocka_unit_test(draws_depend_on_device_direction_and_round_alone),
        cmocka_unit_test(every_direction_draws_for_itself_on_its_way),
        cmocka_unit_test(what_names_no_recordings_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
