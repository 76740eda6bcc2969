/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/profile_report.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

static json_t *memory_json(const struct training_memory *m)
{
    return json_pack("{sI sI sI sI sI}", "weights", (json_int_t)m->weights, "gradients",
                     (json_int_t)m->gradients, "optimizer", (json_int_t)m->optimizer, "tape",
                     (json_int_t)m->tape, "sum", (json_int_t)training_memory_sum(m));
}

static json_t *layer_json(const struct profile_report *r, int i)
{
    const struct layer_profile *l = &r->profile.layers[i];
    char shape[SHAPE_TEXT_BYTES];
    return json_pack("{si ss ss ss sf sf sI sI sf sf sf sf so}", "cut", i + 1, "name", l->name,
                     "kind", l->kind, "output", shape_format(&l->output, shape), "forward_flop",
                     l->forward_flop, "backward_flop", l->backward_flop, "n_params",
                     (json_int_t)l->n_params, "activation_bytes", (json_int_t)l->activation_bytes,
                     "forward_s", r->timings[i].forward_s, "backward_s", r->timings[i].backward_s,
                     "flop_per_s", profile_flop_per_s(r, i), "bytes_per_s",
                     profile_bytes_per_s(r, i), "front_bytes", memory_json(&r->fronts[i]));
}

int profile_save(const struct profile_report *r, const char *path, struct err *err)
{
    char shape[SHAPE_TEXT_BYTES];
    json_t *layers = json_array();
    for (int i = 0; i < r->profile.n_layers; i++)
        json_array_append_new(layers, layer_json(r, i));
    json_t *root = json_pack("{ss ss si si ss sf so}", "model", r->spec->name, "input",
                             shape_format(&r->spec->input, shape), "batch_size", r->batch,
                             "threads", r->threads, "instruction_set", r->instruction_set,
                             "peak_flop_per_s", r->peak_flop_per_s, "layers", layers);
    int status = 0;
    if (!root || json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(9)))
        status = err_set(err, "%s: %s", path, strerror(errno));
    json_decref(root);
    return status;
}
