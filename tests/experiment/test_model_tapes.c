/* SPDX-License-Identifier: GPL-3.0-or-later */
/* On every model that comes with splitbed a tape that shares memory learns bit for bit what one does that keeps inputs. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "experiment/experiment.h"
#include "models/net.h"

enum { BATCH = 2, STEPS = 2 };

static void fill(float *values, size_t n, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)rng_normal(&rng);
}

/* Everything that comes out of a step goes behind what is there already. */
static float *keep(float *at, const float *values, size_t n)
{
    memcpy(at, values, n * sizeof *values);
    return at + n;
}

static void step(struct net *net, struct tape *tape, uint64_t number)
{
    struct shape in = net_shape(net, 0), out = net_shape(net, net_to(net));
    size_t n;
    float *params = net_params(net, &n);
    tape_set_training(tape, true, 1, number);
    fill(tape_activation(tape, 0), BATCH * shape_features(&in), 10 + number);
    net_forward(net, tape, 0, net_to(net), BATCH);
    fill(tape_gradient(tape, net_to(net)), BATCH * shape_features(&out), 20 + number);
    net_zero_grads(net);
    net_backward(net, tape, 0, net_to(net), BATCH, true);
    const float *grads = net_grads(net, &n);
    for (size_t i = 0; i < n; i++)
        params[i] -= 1e-4f * grads[i];
}

/* Outputs and input gradients of all steps, then the state that they led to; *n floats, to be freed. */
static float *learn(const struct net_spec *spec,
                    struct tape *(*new_tape)(const struct net *net, int max_batch, struct err *err),
                    size_t *n)
{
    struct net *net = net_new(spec, 0, -1, NULL);
    struct tape *tape = new_tape(net, BATCH, NULL);
    struct shape in = net_shape(net, 0), out = net_shape(net, net_to(net));
    size_t n_in = BATCH * shape_features(&in), n_out = BATCH * shape_features(&out), n_state;
    const float *state = net_state(net, &n_state);
    *n = STEPS * (n_in + n_out) + n_state;
    float *all = mem_zero(*n, sizeof *all), *at = all;
    net_init_weights(net, 3);
    for (uint64_t i = 0; i < STEPS; i++) {
        step(net, tape, i);
        at = keep(at, tape_activation(tape, net_to(net)), n_out);
        at = keep(at, tape_gradient(tape, 0), n_in);
    }
    keep(at, state, n_state);
    tape_free(tape);
    net_free(net);
    return all;
}

static void check_model(const char *path)
{
    struct net_spec spec;
    struct strbuf errors = STRBUF_INIT;
    size_t n, n_kept;
    assert_int_equal(model_load(&spec, path, &errors), 0);
    float *lean = learn(&spec, tape_new, &n), *kept = learn(&spec, tape_new_aggregating, &n_kept);
    assert_int_equal(n, n_kept);
    bool moved = false;
    for (size_t i = 0; i < n; i++) {
        assert_true(lean[i] - lean[i] == 0); /* finite */
        moved |= lean[i] != 0;
    }
    assert_true(moved);
    if (memcmp(lean, kept, n * sizeof *lean) != 0)
        fail_msg("%s: the two tapes differ", path);
    free(lean);
    free(kept);
    net_spec_release(&spec);
    strbuf_release(&errors);
}

static void shared_memory_changes_no_bit_of_any_model(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("configs/models/*.yaml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 15);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_model(found.gl_pathv[i]);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_memory_changes_no_bit_of_any_model),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
