/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A summary for programs: summary.json. */
#include <math.h>

#include <jansson.h>

#include "edge-server/summary_impl.h"

/* Losses of a training that went astray are no numbers that JSON has. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *times_to_json(struct summary_times times)
{
    json_t *object = json_object();
    json_object_set_new(object, "predicted_s", number(times.predicted_s));
    json_object_set_new(object, "measured_s", number(times.measured_s));
    json_object_set_new(object, "off", number(times.off));
    return object;
}

static json_t *phases_to_json(const struct summary *summary)
{
    json_t *object = json_object();
    for (size_t i = 0; i < n_phases; i++) {
        struct summary_times times = summary_of_phase(summary, &phases[i]);
        if (times.predicted_s > 0)
            json_object_set_new(object, phases[i].key, times_to_json(times));
    }
    return object;
}

static json_t *worst_to_json(const struct summary *summary)
{
    const struct offender *worst = &summary->worst;
    if (!worst->phase)
        return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "phase", json_string(worst->phase->key));
    json_object_set_new(object, "device",
                        worst->device < 0 ? json_null()
                                          : json_string(summary->e->devices[worst->device].name));
    json_object_set_new(object, "round", json_integer(worst->round));
    json_object_set_new(object, "predicted_s", number(worst->predicted_s));
    json_object_set_new(object, "measured_s", number(worst->measured_s));
    return object;
}

static void add_learning(json_t *root, const struct summary *summary)
{
    if (summary->has_learned)
        json_object_set_new(root, "loss", number(summary->last_loss));
    if (!summary->is_evaluated)
        return;
    json_object_set_new(root, "accuracy", number(summary->accuracy));
    json_object_set_new(root, "test_loss", number(summary->test_loss));
}

static void add_times(json_t *root, const struct summary *summary)
{
    if (summary->n_rounds == 0)
        return;
    json_object_set_new(root, "latency", times_to_json(summary_of_round(summary)));
    json_object_set_new(root, "phases", phases_to_json(summary));
    json_object_set_new(root, "worst", worst_to_json(summary));
}

int summary_save(const struct summary *summary, bool is_complete, const char *path, struct err *err)
{
    json_t *root = json_object();
    json_object_set_new(root, "name", json_string(summary->e->name));
    json_object_set_new(root, "is_complete", json_boolean(is_complete));
    json_object_set_new(root, "rounds", json_integer(summary->n_rounds));
    json_object_set_new(root, "time_scale", number(summary->e->testbed.time_scale));
    add_learning(root, summary);
    add_times(root, summary);
    json_object_set_new(root, "differences", json_integer((json_int_t)summary->n_compared));
    json_object_set_new(root, "large_differences", json_integer((json_int_t)summary->n_large));
    json_object_set_new(root, "overruns", json_integer(summary->n_overruns));
    json_object_set_new(root, "late_rounds", json_integer(summary->n_late));
    int failed = json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    json_decref(root);
    return failed ? err_set_errno(err, "%s: cannot be written", path) : 0;
}
