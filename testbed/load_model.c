/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/load_model.h"

#include <math.h>
#include <stdio.h>

struct load load_of_plan(const struct problem *problem, const struct plan *plan)
{
    const struct problem_cut *cut = &problem->cuts[plan->cut];
    int batch = problem->batch_size, n_shared = problem_aggregated_slots(problem);
    bool is_handed_on = problem->takes_turns && problem->n_devices > 1;
    return (struct load){
        .n_devices = problem->n_devices,
        .takes_turns = problem->takes_turns,
        .terms = &plan->terms,
        .latency_s = plan->latency_s,
        .uplink_bytes = batch * cut->activation_bits / 8,
        .downlink_bytes = (batch - n_shared) * cut->gradient_bits / 8,
        .broadcast_bytes = n_shared * cut->gradient_bits / 8,
        .front_bytes = is_handed_on ? cut->front_bits / 8 : 0,
    };
}

/* The choice so far, and real work that no modelled time hides. */
struct search {
    double scale;
    char why[TIME_SCALE_WHY];
    double uncovered_s;
};

/* Whether the need asks for more than all before it. */
static bool binds(struct search *search, double need_s, double modelled_s)
{
    double scale = LOAD_MARGIN * need_s / modelled_s;
    if (modelled_s <= 0) {
        search->uncovered_s += need_s;
        return false;
    }
    if (scale <= search->scale)
        return false;
    search->scale = scale;
    return true;
}

static double smallest(const double *values, int n)
{
    double least = HUGE_VAL;
    for (int i = 0; i < n; i++)
        least = fmin(least, values[i]);
    return least;
}

static void try_devices(struct search *search, const struct load *load,
                        const struct machine_speed *speed, const char *which, double pass_s,
                        const double *modelled_s)
{
    int n = load->takes_turns ? 1 : load->n_devices;
    double least_s = smallest(modelled_s, load->n_devices);
    if (binds(search, pass_s * fmax(1, (double)n / speed->n_cores), least_s))
        snprintf(search->why, sizeof search->why,
                 "devices' %s passes bind (%d x %.3g ms on %d %s against %.3g ms)", which, n,
                 1e3 * pass_s, speed->n_cores, speed->n_cores == 1 ? "core" : "cores",
                 1e3 * least_s);
}

static void try_server(struct search *search, const struct load *load, const char *which,
                       double pass_s, double modelled_s)
{
    double turn_s = modelled_s / (load->takes_turns ? load->n_devices : 1);
    if (binds(search, pass_s, turn_s))
        snprintf(search->why, sizeof search->why,
                 "the server's %s pass binds (%.3g ms against %.3g ms)", which, 1e3 * pass_s,
                 1e3 * turn_s);
}

/*
 * Devices send at the same time, each at its rate bytes / modelled time: the machine needs the sum of these rates times
 * byte_s, in each second. Shown as n messages against the time that all have together.
 */
static void try_bytes(struct search *search, const struct load *load, const char *which,
                      double bytes, double byte_s, const double *modelled_s)
{
    double message_s = bytes * byte_s, per_s = 0;
    int n = load->takes_turns ? 1 : load->n_devices;
    if (bytes <= 0)
        return;
    for (int i = 0; i < load->n_devices; i++)
        per_s = load->takes_turns ? fmax(per_s, 1 / modelled_s[i]) : per_s + 1 / modelled_s[i];
    double together_s = n / per_s;
    if (binds(search, n * message_s, together_s))
        snprintf(search->why, sizeof search->why,
                 "%s (%d x %.0f bytes in %.3g ms each, against %.3g ms)", which, n, bytes,
                 1e3 * message_s, 1e3 * together_s);
}

static void try_broadcast(struct search *search, const struct load *load, double byte_s)
{
    double copy_s = load->broadcast_bytes * byte_s;
    if (load->broadcast_bytes > 0 &&
        binds(search, load->n_devices * copy_s, load->terms->broadcast_s))
        snprintf(search->why, sizeof search->why,
                 "the broadcast binds (%d x %.0f bytes in %.3g ms each, against %.3g ms)",
                 load->n_devices, load->broadcast_bytes, 1e3 * copy_s,
                 1e3 * load->terms->broadcast_s);
}

/* MSG_ROUND, MSG_ACTIVATIONS, MSG_ROUND_DONE, and the gradients. */
static int messages_of_round(const struct load *load)
{
    int each = 3 + (load->downlink_bytes > 0) + (load->broadcast_bytes > 0);
    return each * load->n_devices;
}

static void try_messages(struct search *search, const struct load *load,
                         const struct machine_speed *speed)
{
    int n = messages_of_round(load);
    double late_s = n * speed->message_s + search->uncovered_s;
    double scale = late_s / (LOAD_LATE_SHARE * load->latency_s);
    if (scale <= search->scale)
        return;
    search->scale = scale;
    snprintf(search->why, sizeof search->why,
             "messages bind (%d x %.3g ms, %.3g ms with what else is not modelled, against %.0f %% "
             "of %.3g ms)",
             n, 1e3 * speed->message_s, 1e3 * late_s, 100 * LOAD_LATE_SHARE, 1e3 * load->latency_s);
}

/* To two digits. */
static double rounded_up(double value)
{
    double shift = pow(10, 1 - floor(log10(value)));
    return ceil(value * shift - 1e-9) / shift;
}

struct time_scale time_scale_make(double exact, double floor, const char *why)
{
    struct time_scale found = {.exact = exact, .floor = floor};
    const char *bound = exact <= LOAD_MIN_SCALE  ? ", the smallest there is"
                        : exact > LOAD_MAX_SCALE ? ", the largest there is"
                                                 : "";
    found.value = fmin(rounded_up(fmax(exact, LOAD_MIN_SCALE)), LOAD_MAX_SCALE);
    snprintf(found.text, sizeof found.text, "time_scale %g%s: %s", found.value, bound, why);
    return found;
}

struct time_scale load_time_scale(const struct load *load, const struct machine_speed *speed)
{
    const struct latency_terms *terms = load->terms;
    struct search search = {0};
    try_devices(&search, load, speed, "forward", speed->front_forward_s, terms->device_forward_s);
    try_devices(&search, load, speed, "backward", speed->front_backward_s,
                terms->device_backward_s);
    try_server(&search, load, "forward", speed->server_forward_s, terms->server_forward_s);
    try_server(&search, load, "backward", speed->server_backward_s, terms->server_backward_s);
    try_bytes(&search, load, "uplinks bind", load->uplink_bytes, speed->byte_s, terms->uplink_s);
    try_bytes(&search, load, "downlinks bind", load->downlink_bytes, speed->byte_s,
              terms->downlink_s);
    /* Each front goes up and down once. */
    try_bytes(&search, load, "the hand-over of front parts binds", 2 * load->front_bytes,
              speed->byte_s, terms->handover_s);
    try_broadcast(&search, load, speed->byte_s);
    double floor = search.scale;
    try_messages(&search, load, speed);
    return time_scale_make(search.scale, floor, search.why);
}
