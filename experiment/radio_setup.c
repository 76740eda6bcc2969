/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/radio_setup.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *file_or_null(const char *text)
{
    return strcmp(text, RADIO_NO_FILE) == 0 ? NULL : text;
}

static const char **device_names(const struct experiment *e)
{
    const char **names = mem_zero((size_t)e->n_devices, sizeof *names);
    for (int i = 0; i < e->n_devices; i++)
        names[i] = e->devices[i].name;
    return names;
}

static enum channel_shadowing shadowing_of(const char *name)
{
    if (strcmp(name, "fixed") == 0)
        return SHADOWING_FIXED;
    return strcmp(name, "correlated") == 0 ? SHADOWING_CORRELATED : SHADOWING_NONE;
}

static enum channel_block block_of(const char *name)
{
    if (strcmp(name, "round") == 0)
        return BLOCK_ROUND;
    return strcmp(name, "time") == 0 ? BLOCK_TIME : BLOCK_RUN;
}

static int check(const struct experiment *e, const struct channel_settings *s, struct err *err)
{
    if (!s->path_loss)
        return err_set(err, "radio.path_loss: '%s': no such model", e->radio.path_loss);
    if (!s->fading)
        return err_set(err, "radio.fading: '%s': no such model", e->radio.fading);
    if (!s->mobility)
        return err_set(err, "radio.mobility: '%s': no such model", e->radio.mobility);
    bool is_table = !s->path_loss->loss_db;
    if (is_table && !s->gains_path)
        return err_set(err, "radio.gains: path_loss table needs its file");
    if (is_table && strcmp(s->mobility->name, "none") != 0)
        return err_set(err, "radio.mobility: '%s': gains of path_loss table have no places",
                       s->mobility->name);
    if (is_table && s->shadowing != SHADOWING_NONE)
        return err_set(err, "radio.shadowing: '%s': gains of path_loss table have theirs in them",
                       e->radio.shadowing);
    if (strcmp(s->mobility->name, "positions") == 0 && !s->positions_path)
        return err_set(err, "radio.positions: mobility positions needs its file");
    if (s->speed_min_m_per_s > s->speed_max_m_per_s)
        return err_set(err, "radio.speed_min: %g m/s is more than speed_max, %g m/s",
                       s->speed_min_m_per_s, s->speed_max_m_per_s);
    return 0;
}

static struct channel_settings settings_of(const struct experiment *e)
{
    return (struct channel_settings){
        .seed = e->seed,
        .n_devices = e->n_devices,
        .n_subchannels = e->radio.n_subchannels,
        .path_loss = path_loss_find(e->radio.path_loss),
        .fading = fading_find(e->radio.fading),
        .mobility = mobility_find(e->radio.mobility),
        .gains_path = file_or_null(e->radio.gains),
        .positions_path = file_or_null(e->radio.positions),
        .carrier_hz = e->radio.carrier_hz,
        .antenna_gain = e->radio.antenna_gain,
        .rician_k = e->radio.rician_k,
        .shadowing = shadowing_of(e->radio.shadowing),
        .block = block_of(e->radio.fading_block),
        .coherence_s = e->radio.coherence_time_s,
        .speed_min_m_per_s = e->radio.speed_min_m_per_s,
        .speed_max_m_per_s = e->radio.speed_max_m_per_s,
        .pause_s = e->radio.pause_s,
        .cell_radius_m = e->radio.cell_radius_m,
    };
}

struct channel *radio_channel(const struct experiment *e, struct err *err)
{
    struct channel_settings settings = settings_of(e);
    if (check(e, &settings, err))
        return NULL;
    const char **names = device_names(e);
    double *distance_m = mem_zero((size_t)e->n_devices, sizeof *distance_m);
    for (int i = 0; i < e->n_devices; i++)
        distance_m[i] = e->devices[i].distance_m;
    settings.names = names;
    settings.distance_m = distance_m;
    struct channel *channel = channel_new(&settings, err);
    if (!channel) /* path loss and mobility never read a file both: check() */
        err_prefix(err, "%s", settings.path_loss->loss_db ? "radio.positions" : "radio.gains");
    free(names);
    free(distance_m);
    return channel;
}

static int load_links(struct links *links, const struct experiment *e, struct err *err)
{
    const char *outages_path = file_or_null(e->radio.outages);
    const char *trace_path = file_or_null(e->radio.trace);
    const char **names = device_names(e);
    struct name_index devices;
    int status = 0;
    name_index_init(&devices, names, e->n_devices);
    if (outages_path && links_load_outages(links, &devices, outages_path, err))
        status = err_prefix(err, "radio.outages");
    if (!status && trace_path && links_load_traces(links, &devices, trace_path, err))
        status = err_prefix(err, "radio.trace");
    name_index_release(&devices);
    free(names);
    return status;
}

struct links *radio_links(const struct experiment *e, struct err *err)
{
    struct links_settings settings = {
        .seed = e->seed,
        .n_devices = e->n_devices,
        .up_mean_s = e->radio.up_mean_s,
        .down_mean_s = e->radio.down_mean_s,
        .impairments = {e->radio.delay_s, e->radio.jitter_s, e->radio.loss,
                        e->radio.retransmission_s},
    };
    if (file_or_null(e->radio.outages) && e->radio.up_mean_s > 0) {
        err_set(err, "radio.outages: a schedule, and outage_every draws them: one of the two");
        return NULL;
    }
    struct links *links = links_new(&settings);
    if (load_links(links, e, err) == 0)
        return links;
    links_free(links);
    return NULL;
}
