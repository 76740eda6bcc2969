/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/plan.h"

#include <stdio.h>

#include <jansson.h>

static json_t *number_list(const double *values, int n)
{
    json_t *array = json_array();

    for (int i = 0; i < n; i++)
        json_array_append_new(array, json_real(values[i]));
    return array;
}

static json_t *terms_to_json(const struct latency_terms *terms, bool takes_turns)
{
    json_t *object = json_object();
    int c = terms->n_devices;

    json_object_set_new(object, "device_forward_s", number_list(terms->device_forward_s, c));
    json_object_set_new(object, "uplink_s", number_list(terms->uplink_s, c));
    json_object_set_new(object, "server_forward_s", json_real(terms->server_forward_s));
    json_object_set_new(object, "server_backward_s", json_real(terms->server_backward_s));
    json_object_set_new(object, "broadcast_s", json_real(terms->broadcast_s));
    json_object_set_new(object, "downlink_s", number_list(terms->downlink_s, c));
    json_object_set_new(object, "device_backward_s", number_list(terms->device_backward_s, c));
    if (takes_turns)
        json_object_set_new(object, "handover_s", number_list(terms->handover_s, c));
    return object;
}

static json_t *phases_to_json(const struct u_plan *u)
{
    json_t *object = json_object();

    for (int p = 0; p < U_PHASES; p++) {
        json_t *list = json_array();
        for (int i = 0; i < u->n_devices; i++)
            json_array_append_new(list, json_real(u->phase_s[(size_t)i * U_PHASES + (size_t)p]));
        json_object_set_new(object, u_phase_keys[p], list);
    }
    return object;
}

static void add_cuts(json_t *root, const struct problem *problem, const int *cuts, const char *name,
                     const char *index)
{
    json_t *names = json_array(), *indices = json_array();

    for (int i = 0; i < problem->n_devices; i++) {
        json_array_append_new(names, json_string(problem->cuts[cuts[i]].name));
        json_array_append_new(indices, json_integer(cuts[i]));
    }
    json_object_set_new(root, name, names);
    json_object_set_new(root, index, indices);
}

static void add_result(json_t *root, const struct plan *plan)
{
    json_object_set_new(root, "latency_s", json_real(plan->latency_s));
    json_object_set_new(root, "lower_bound_s", json_real(plan->lower_bound_s));
    json_object_set_new(root, "gap", json_real(plan_gap(plan)));
}

static void add_u_split(json_t *root, const struct plan *plan, const struct problem *problem)
{
    json_object_set_new(root, "shape", json_string("u"));
    add_cuts(root, problem, plan->u->head, "head_cut", "head_cut_index");
    add_cuts(root, problem, plan->u->tail, "tail_cut", "tail_cut_index");
    json_object_set_new(root, "server_share", number_list(plan->u->share, plan->u->n_devices));
    add_result(root, plan);
    json_object_set_new(root, "terms", phases_to_json(plan->u));
}

static void add_allocation(json_t *root, const struct plan *plan, const struct problem *problem)
{
    int c = problem->n_devices, m = problem->n_subchannels;
    json_t *list = json_array();

    json_object_set_new(root, "cut", json_string(problem->cuts[plan->cut].name));
    json_object_set_new(root, "cut_index", json_integer(plan->cut));
    for (int k = 0; k < m; k++)
        json_array_append_new(list, json_integer(plan->owner[k]));
    json_object_set_new(root, "owner", list);
    json_object_set_new(root, "psd_w_per_hz", number_list(plan->psd_w_per_hz, m));
    if (problem->takes_turns) {
        json_object_set_new(root, "turn_psd_w_per_hz", list = json_array());
        for (int i = 0; i < c; i++)
            json_array_append_new(list,
                                  number_list(&plan->turn_psd_w_per_hz[(size_t)i * (size_t)m], m));
    }
    add_result(root, plan);
    json_object_set_new(root, "terms", terms_to_json(&plan->terms, problem->takes_turns));
}

static json_t *plan_to_json(const struct plan *plan, const struct problem *problem)
{
    static const char *const names[] = {
        [PLAN_OPTIMAL] = "optimal", [PLAN_FEASIBLE] = "feasible", [PLAN_INFEASIBLE] = "infeasible"};
    json_t *root = json_object();

    json_object_set_new(root, "status", json_string(names[plan->status]));
    json_object_set_new(root, "policy", json_string(plan->policy));
    if (plan->status == PLAN_INFEASIBLE)
        json_object_set_new(root, "reason", json_string(plan->reason));
    else
        (plan->u ? add_u_split : add_allocation)(root, plan, problem);
    json_object_set_new(root, "solve_s", json_real(plan->solve_s));
    return root;
}

int plan_save(const struct plan *plan, const struct problem *problem, const char *path,
              struct err *err)
{
    json_t *root = plan_to_json(plan, problem);
    int failed = json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(17));

    json_decref(root);
    return failed ? err_set_errno(err, "%s: cannot be written", path) : 0;
}

int plan_append(const struct plan *plan, const struct problem *problem, uint32_t round,
                const char *path, struct err *err)
{
    json_t *root = json_object(), *members = plan_to_json(plan, problem);
    FILE *file = fopen(path, "ae");
    int failed = !file;

    json_object_set_new(root, "round", json_integer(round));
    json_object_update(root, members);
    if (file) {
        failed |= json_dumpf(root, file, JSON_COMPACT | JSON_REAL_PRECISION(17)) != 0;
        failed |= fputc('\n', file) == EOF;
        failed |= fclose(file) != 0;
    }
    json_decref(members);
    json_decref(root);
    return failed ? err_set_errno(err, "%s: cannot be written", path) : 0;
}
