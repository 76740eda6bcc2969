/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The section radio: what its keys make of channel and links, and how their files are refused. */
#include "tests/experiment/load_text.h"

#include <math.h>

#include "experiment/radio_setup.h"

static void write_file(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static void remove_files(void)
{
    unlink("g.csv");
    unlink("t.csv");
}

static void settings_reach_the_channel(void **state)
{
    (void)state;
    struct experiment e;
    struct err err = ERR_INIT;
    double gain[20];
    write_file("g.csv", "device,gain_db\ndevice-0,-80\ndevice-1,-90\n");
    must_load(&e, TINY "radio: {path_loss: table, gains: g.csv}\n", NULL);
    struct channel *channel = radio_channel(&e, &err);
    assert_non_null(channel);
    assert_true(channel_is_constant(channel));
    channel_gains(channel, 1, 1, 0, gain);
    assert_true(fabs(gain[19] / 1e-9 - 1) < 1e-12);
    channel_free(channel);
    experiment_release(&e);

    must_load(&e, TINY "radio: {fading: rayleigh, fading_block: time, coherence_time: 2 s}\n",
              NULL);
    channel = radio_channel(&e, &err);
    assert_non_null(channel);
    double later[20];
    channel_gains(channel, 1, 1, 0, gain);
    channel_gains(channel, 1, 2, 1.9, later);
    assert_memory_equal(gain, later, sizeof gain);
    channel_gains(channel, 1, 2, 2.1, later);
    assert_true(gain[0] != later[0]);
    channel_free(channel);
    experiment_release(&e);
    remove_files();
}

static void settings_reach_the_links(void **state)
{
    (void)state;
    struct experiment e;
    struct err err = ERR_INIT;
    must_load(&e, TINY, NULL);
    struct links *links = radio_links(&e, &err);
    assert_true(links_are_ideal(links));
    links_free(links);
    experiment_release(&e);
    write_file("t.csv", "device,down_s,up_s\n*,0,3\n");
    must_load(&e, TINY "radio: {delay: 250 ms, outages: t.csv}\n", NULL);
    links = radio_links(&e, &err);
    assert_non_null(links);
    assert_true(fabs(links_transfer(links, LINK_DOWNLINK, 1, 1, 1, 1e6, 1e6).at_s - 3.25) < 1e-12);
    links_free(links);
    experiment_release(&e);
    remove_files();
}

static void combinations_and_files_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *radio, *message;
        const char *in_file; /* what is wrong in g.csv, whose path goes before */
    } rows[] = {
        {"path_loss: table", "x.yaml:7:8: radio.gains: path_loss table needs its file\n", NULL},
        {"path_loss: table, gains: no.csv",
         "x.yaml:7:34: radio.gains: no.csv: No such file or directory\n", NULL},
        {"path_loss: table, gains: g.csv",
         "x.yaml:7:34: radio.gains: ", "2: device 'pi': there is none of that name\n"},
        {"path_loss: table, gains: g.csv, mobility: waypoint",
         "x.yaml:7:51: radio.mobility: 'waypoint': gains of path_loss table have no places\n",
         NULL},
        {"path_loss: table, gains: g.csv, shadowing: fixed",
         "x.yaml:7:52: radio.shadowing: 'fixed': gains of path_loss table have theirs in them\n",
         NULL},
        {"mobility: positions", "x.yaml:7:8: radio.positions: mobility positions needs its file\n",
         NULL},
        {"mobility: positions, positions: g.csv",
         "x.yaml:7:41: radio.positions: ", "1: the columns must be time_s,device,x_m,y_m\n"},
        {"speed_min: 3 m/s, speed_max: 2 m/s",
         "x.yaml:7:20: radio.speed_min: 3 m/s is more than speed_max, 2 m/s\n", NULL},
        {"trace: g.csv",
         "x.yaml:7:16: radio.trace: ", "1: the columns must be device,direction,trace\n"},
        {"outages: g.csv",
         "x.yaml:7:18: radio.outages: ", "1: the columns must be device,down_s,up_s\n"},
        {"outages: g.csv, outage_every: 5 s",
         "x.yaml:7:18: radio.outages: a schedule, and outage_every draws them: one of the two\n",
         NULL},
    };
    write_file("g.csv", "device,gain_db\npi,-80\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = mem_format(TINY "radio: {%s}\n", rows[i].radio);
        char *message = rows[i].in_file ? mem_format("%s%s/g.csv:%s", rows[i].message, load_folder,
                                                     rows[i].in_file)
                                        : mem_string(rows[i].message);
        must_refuse(text, NULL, message);
        free(message);
        free(text);
    }
    remove_files();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_reach_the_channel),
        cmocka_unit_test(settings_reach_the_links),
        cmocka_unit_test(combinations_and_files_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, load_setup, load_teardown);
}
