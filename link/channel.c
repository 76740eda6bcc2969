/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/channel.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "link/gain_table.h"
#include "link/shadowing.h"
#include "link/streams.h"

struct channel {
    struct channel_settings
        settings;           /* its borrowed members are not looked at after channel_new() */
    void *mobility;         /* of settings.mobility */
    double *table;          /* [n_devices][n_subchannels], or NULL */
    double *los_draw;       /* [n_devices] */
    double *shadowing_draw; /* [n_devices] */
    struct shadowing field;
};

static void draw_devices(struct channel *channel)
{
    const struct channel_settings *s = &channel->settings;
    struct rng rng;

    channel->los_draw = mem_zero((size_t)s->n_devices, sizeof(double));
    channel->shadowing_draw = mem_zero((size_t)s->n_devices, sizeof(double));
    for (int i = 0; i < s->n_devices; i++) {
        rng_seed(&rng, s->seed, channel_stream(CHANNEL_LINE_OF_SIGHT, i, 0));
        channel->los_draw[i] = rng_uniform(&rng);
        rng_seed(&rng, s->seed, channel_stream(CHANNEL_SHADOWING, i, 0));
        channel->shadowing_draw[i] = rng_normal(&rng);
    }
    shadowing_init(&channel->field, s->seed);
}

static int load(struct channel *channel, const struct name_index *devices, struct err *err)
{
    const struct channel_settings *s = &channel->settings;
    struct mobility_settings mobility = {
        .seed = s->seed,
        .n_devices = s->n_devices,
        .distance_m = s->distance_m,
        .speed_min_m_per_s = s->speed_min_m_per_s,
        .speed_max_m_per_s = s->speed_max_m_per_s,
        .pause_s = s->pause_s,
        .cell_radius_m = s->cell_radius_m,
        .positions_path = s->positions_path,
        .devices = devices,
    };

    channel->mobility = s->mobility->open(&mobility, err);
    if (!channel->mobility)
        return -1;
    if (s->path_loss->loss_db)
        return 0;
    channel->table = mem_zero((size_t)s->n_devices * (size_t)s->n_subchannels, sizeof(double));
    return gain_table_load(channel->table, devices, s->n_subchannels, s->gains_path, err);
}

struct channel *channel_new(const struct channel_settings *settings, struct err *err)
{
    struct channel *channel = mem_zero(1, sizeof *channel);
    struct name_index devices;
    int status;

    channel->settings = *settings;
    name_index_init(&devices, settings->names, settings->n_devices);
    status = load(channel, &devices, err);
    name_index_release(&devices);
    if (status) {
        channel_free(channel);
        return NULL;
    }
    draw_devices(channel);
    return channel;
}

void channel_free(struct channel *channel)
{
    if (!channel)
        return;
    if (channel->mobility)
        channel->settings.mobility->free(channel->mobility);
    free(channel->table);
    free(channel->los_draw);
    free(channel->shadowing_draw);
    free(channel);
}

bool channel_is_constant(const struct channel *channel)
{
    const struct channel_settings *s = &channel->settings;
    bool moves = s->mobility != mobility_find("none") && !channel->table;
    bool fades = s->block != BLOCK_RUN && s->fading != fading_find("none");

    return !moves && !fades;
}

void channel_place(struct channel *channel, int device, double time_s, struct position *place,
                   bool *is_los)
{
    const struct path_loss *model = channel->settings.path_loss;

    channel->settings.mobility->place(channel->mobility, device, time_s, place);
    *is_los = !model->los_probability ||
              channel->los_draw[device] < model->los_probability(place->distance_m);
}

static double shadowing_db(const struct channel *channel, int device, const struct position *place,
                           bool is_los)
{
    const struct channel_settings *s = &channel->settings;
    double sigma_db = s->path_loss->sigma_db[is_los];

    if (s->shadowing == SHADOWING_NONE)
        return 0;
    if (s->shadowing == SHADOWING_FIXED)
        return sigma_db * channel->shadowing_draw[device];
    return sigma_db * shadowing_at(&channel->field, place->x_m, place->y_m,
                                   s->path_loss->correlation_m[is_los]);
}

static double path_gain(struct channel *channel, int device, double time_s)
{
    const struct channel_settings *s = &channel->settings;
    struct position place;
    bool is_los;

    channel_place(channel, device, time_s, &place, &is_los);
    double loss_db = s->path_loss->loss_db(s->carrier_hz, place.distance_m, is_los) +
                     shadowing_db(channel, device, &place, is_los);
    return s->antenna_gain * pow(10, -loss_db / 10);
}

bool channel_is_flat(const struct channel *channel)
{
    return !channel->table && channel->settings.fading == fading_find("none");
}

double channel_flat_gain(struct channel *channel, int device, double time_s)
{
    return path_gain(channel, device, time_s);
}

static uint64_t block_of(const struct channel_settings *s, uint32_t round, double time_s)
{
    if (s->block == BLOCK_ROUND)
        return round - 1;
    return s->block == BLOCK_TIME ? (uint64_t)(time_s / s->coherence_s) : 0;
}

void channel_gains(struct channel *channel, int device, uint32_t round, double time_s, double *gain)
{
    const struct channel_settings *s = &channel->settings;
    double path = channel->table ? 1 : path_gain(channel, device, time_s);
    struct rng rng;

    rng_seed(&rng, s->seed, channel_stream(CHANNEL_FADING, device, block_of(s, round, time_s)));
    for (int k = 0; k < s->n_subchannels; k++) {
        gain[k] = path * s->fading->draw(&rng, s->rician_k);
        if (channel->table)
            gain[k] *= channel->table[(size_t)device * (size_t)s->n_subchannels + (size_t)k];
    }
}
