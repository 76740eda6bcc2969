/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/run_weights.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "edge-server/framework.h"
#include "models/weights.h"

#define WHOLE_FILE "weights.safetensors"
#define BACK_FILE  "back.safetensors"

static char *front_path(const char *dir, const struct experiment *e, int device)
{
    return mem_format("%s/front-%s.safetensors", dir, e->devices[device].name);
}

/* The one file that the whole network is in, to be freed; NULL: the parts are files of a folder. */
static char *whole_path(const char *weights)
{
    struct stat status;
    if (stat(weights, &status) || !S_ISDIR(status.st_mode))
        return mem_string(weights);
    char *path = mem_format("%s/" WHOLE_FILE, weights);
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static bool has_back(const char *dir)
{
    char *path = mem_format("%s/" BACK_FILE, dir);
    bool is_there = access(path, F_OK) == 0;
    free(path);
    return is_there;
}

int run_weights_check(const struct experiment *e, struct err *err)
{
    char *whole = e->weights ? whole_path(e->weights) : NULL;
    free(whole);
    if (!e->weights || whole)
        return 0;
    if (!has_back(e->weights))
        return err_set(err,
                       "model.weights: %.400s: neither " WHOLE_FILE
                       ", a whole network, nor " BACK_FILE " and front-NAME.safetensors are there",
                       e->weights);
    const struct framework *framework = framework_find(e->training.framework);
    if (!framework || !framework->takes_turns || e->n_devices == 1)
        return 0;
    return err_set(
        err,
        "model.weights: %.400s: holds a front part of each device, but with framework %s "
        "all devices share one: start from a run that left " WHOLE_FILE ", or join " BACK_FILE
        " and one of the fronts into a file (docs/WEIGHTS.md)",
        e->weights, e->training.framework);
}

static int load(char *path, struct net *net, struct err *err)
{
    int status = weights_load(path, net, err) ? err_prefix(err, "model.weights") : 0;
    free(path);
    return status;
}

static struct payload *payload_of(const struct net *net)
{
    size_t n;
    const float *state = net_state(net, &n);
    struct payload *payload = payload_new(n * sizeof *state);
    memcpy(payload_memory(payload), state, n * sizeof *state);
    return payload;
}

/* One for all. */
static int start_alike(const struct experiment *e, struct net *front, char *path,
                       struct payload **fronts, struct err *err)
{
    if (path && load(path, front, err))
        return -1;
    fronts[0] = payload_of(front);
    for (int i = 1; i < e->n_devices; i++)
        fronts[i] = payload_share(fronts[0]);
    return 0;
}

static int start_apart(const struct experiment *e, struct net *front, struct payload **fronts,
                       struct err *err)
{
    for (int i = 0; i < e->n_devices; i++) {
        if (load(front_path(e->weights, e, i), front, err)) {
            while (i-- > 0) {
                payload_drop(fronts[i]);
                fronts[i] = NULL;
            }
            return -1;
        }
        fronts[i] = payload_of(front);
    }
    return 0;
}

int run_weights_start_fronts(const struct experiment *e, int cut, struct payload **fronts,
                             struct err *err)
{
    struct net *front = net_new(&e->model, 0, cut, err);
    if (!front)
        return -1;
    char *path = e->weights ? whole_path(e->weights) : NULL;
    net_init_weights(front, e->seed);
    int status = e->weights && !path ? start_apart(e, front, fronts, err)
                                     : start_alike(e, front, path, fronts, err);
    net_free(front);
    return status;
}

int run_weights_start_back(const struct experiment *e, struct net *back, struct err *err)
{
    if (!e->weights)
        return 0;
    char *path = whole_path(e->weights);
    return load(path ? path : mem_format("%s/" BACK_FILE, e->weights), back, err);
}

char *run_weights_file(const struct experiment *e, int i)
{
    char *whole = e->weights ? whole_path(e->weights) : NULL;
    if (i == 0 && whole)
        return whole;
    free(whole);
    if (!e->weights || whole || i > e->n_devices)
        return NULL;
    return i == 0 ? mem_format("%s/" BACK_FILE, e->weights) : front_path(e->weights, e, i - 1);
}

bool run_weights_is_one_front(const struct experiment *e, bool takes_turns)
{
    return takes_turns || e->n_devices == 1;
}

static int save(char *path, const struct net *a, const struct net *b, struct err *err)
{
    const struct net *nets[] = {a, b};
    int status = weights_save(path, nets, b ? 2 : 1, err);
    free(path);
    return status;
}

static void put_state(struct net *net, const struct payload *weights)
{
    size_t n;
    float *state = net_state(net, &n);
    memcpy(state, payload_data(weights), n * sizeof *state);
}

int run_weights_save(const char *dir, const struct experiment *e, const struct net *back,
                     struct payload *const *fronts, bool is_one_front, struct err *err)
{
    struct net *front = net_new(&e->model, 0, net_from(back), err);
    int status = front ? 0 : -1;
    if (!status && is_one_front) {
        put_state(front, fronts[e->n_devices - 1]);
        status = save(mem_format("%s/" WHOLE_FILE, dir), front, back, err);
    } else if (!status) {
        status = save(mem_format("%s/" BACK_FILE, dir), back, NULL, err);
        for (int i = 0; !status && i < e->n_devices; i++) {
            put_state(front, fronts[i]);
            status = save(front_path(dir, e, i), front, NULL, err);
        }
    }
    net_free(front);
    return status ? err_prefix(err, "cannot save the weights") : 0;
}
