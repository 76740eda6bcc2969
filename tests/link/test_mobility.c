/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "link/mobility.h"
#include "tests/link/temp_file.h"

static const double distances_m[] = {50, 150};
static const char *const names[] = {"a", "b"};

static struct mobility_settings base_settings(void)
{
    return (struct mobility_settings){
        .seed = 5,
        .n_devices = 2,
        .distance_m = distances_m,
        .speed_min_m_per_s = 2,
        .speed_max_m_per_s = 4,
        .pause_s = 10,
        .cell_radius_m = 200,
    };
}

static void a_walk_starts_at_its_distance_and_stays_in_the_cell(void **state)
{
    const struct mobility_kind *kind = mobility_find("waypoint");
    struct mobility_settings settings = base_settings();
    void *walk = kind->open(&settings, NULL);
    struct position place;

    (void)state;
    for (int i = 0; i < 2; i++) {
        kind->place(walk, i, 0, &place);
        assert_near(place.distance_m, distances_m[i], 1e-9);
        for (int t = 0; t < 20000; t++) {
            kind->place(walk, i, t, &place);
            assert_true(place.distance_m <= 200 + 1e-9);
            assert_near(place.distance_m, hypot(place.x_m, place.y_m), 0);
        }
    }
    kind->free(walk);
}

/*
 * Every second: at most as fast as speed_max; standing still for as long as pauses last, walking in
 * between.
 */
static void a_walk_keeps_its_speeds_and_pauses(void **state)
{
    const struct mobility_kind *kind = mobility_find("waypoint");
    struct mobility_settings settings = base_settings();
    void *walk = kind->open(&settings, NULL);
    struct position last, place;
    int n_still = 0, n_walking = 0;

    (void)state;
    kind->place(walk, 0, 0, &last);
    for (int t = 1; t < 200000; t++) {
        kind->place(walk, 0, t, &place);
        double way_m = hypot(place.x_m - last.x_m, place.y_m - last.y_m);
        assert_true(way_m <= 4 + 1e-9);
        n_still += way_m == 0;
        n_walking += way_m >= 2 - 1e-9;
        last = place;
    }
    /*
     * A walk is 2 x 200 x 0.4527 m (mean distance in a disc) / speed: about 62 s to a pause of 10
     * s.
     */
    assert_near((double)n_still / n_walking, 9.0 / 62, 0.03);
    kind->free(walk);
}

static void a_walk_repeats_whatever_was_asked_before(void **state)
{
    const struct mobility_kind *kind = mobility_find("waypoint");
    struct mobility_settings settings = base_settings();
    void *a = kind->open(&settings, NULL), *b = kind->open(&settings, NULL);
    struct position first, again, other;

    (void)state;
    kind->place(a, 1, 1000, &other);
    kind->place(a, 1, 12.5, &again);
    kind->place(b, 1, 12.5, &first);
    assert_memory_equal(&first, &again, sizeof first);
    kind->place(a, 0, 12.5, &other);
    assert_true(other.x_m != first.x_m);
    kind->free(b);
    settings.seed = 6;
    b = kind->open(&settings, NULL);
    kind->place(b, 1, 12.5, &other);
    assert_true(other.x_m != first.x_m);
    kind->free(a);
    kind->free(b);
}

static void *open_positions(const char *text, struct err *err)
{
    struct mobility_settings settings = base_settings();
    struct name_index index;
    write_text("x.csv", text);
    name_index_init(&index, names, 2);
    settings.devices = &index;
    settings.positions_path = "x.csv";
    void *tracks = mobility_find("positions")->open(&settings, err);
    name_index_release(&index);
    return tracks;
}

static void positions_are_joined_by_straight_lines(void **state)
{
    const struct mobility_kind *kind = mobility_find("positions");
    struct err err = ERR_INIT;
    void *tracks = open_positions("time_s,device,x_m,y_m\n1,a,30,40\n0,b,-3,4\n3,a,30,0\n", &err);
    static const struct {
        double time_s, x_m, y_m;
    } rows[] = {{0, 30, 40}, {1, 30, 40}, {1.5, 30, 30}, {2, 30, 20}, {3, 30, 0}, {99, 30, 0}};
    struct position place;

    (void)state;
    assert_non_null(tracks);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        kind->place(tracks, 0, rows[i].time_s, &place);
        assert_near(place.x_m, rows[i].x_m, 1e-12);
        assert_near(place.y_m, rows[i].y_m, 1e-12);
    }
    kind->place(tracks, 1, 50, &place);
    assert_near(place.distance_m, 5, 1e-12);
    kind->free(tracks);
}

static void what_are_no_positions_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"time_s,x_m,y_m\n", "x.csv:1: the columns must be time_s,device,x_m,y_m"},
        {"time_s,device,x_m,y_m\n0,c,1,1\n", "x.csv:2: device 'c': there is none of that name"},
        {"time_s,device,x_m,y_m\n0,a,1,1\n0,a,1,1\n",
         "x.csv:3: time_s '0': must be later than device 'a' had before"},
        {"time_s,device,x_m,y_m\n0,a,1e7,1\n",
         "x.csv:2: x_m '1e7': must be a number in [-1e+06, 1e+06]"},
        {"time_s,device,x_m,y_m\n0,a,1,1\n", "x.csv: no place for device 'b'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = ERR_INIT;
        assert_null(open_positions(rows[i].text, &err));
        assert_string_equal(err.text, rows[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_starts_at_its_distance_and_stays_in_the_cell),
        cmocka_unit_test(a_walk_keeps_its_speeds_and_pauses),
        cmocka_unit_test(a_walk_repeats_whatever_was_asked_before),
        cmocka_unit_test(positions_are_joined_by_straight_lines),
        cmocka_unit_test(what_are_no_positions_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
