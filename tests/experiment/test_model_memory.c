/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What training takes is predicted to the byte for every model that comes with splitbed, whole and cut anywhere. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "experiment/experiment.h"
#include "models/net.h"
#include "models/training_memory.h"

static void check(const struct net_spec *spec, int from, int to, int batch, int threads,
                  bool is_aggregating)
{
    struct err err = ERR_INIT;
    struct training_memory memory;
    struct training_memory_request request = {spec, from, to, batch, threads, is_aggregating, NULL};
    net_set_threads(threads);
    struct net *net = net_new(spec, from, to, NULL);
    struct tape *tape = (is_aggregating ? tape_new_aggregating : tape_new)(net, batch, NULL);
    if (training_memory_predict(&memory, &request, &err))
        fail_msg("%s", err.text);
    assert_int_equal(memory.weights + memory.gradients, net_bytes(net));
    assert_int_equal(memory.tape, tape_bytes(tape));
    assert_int_equal(memory.optimizer, 0);
    assert_int_equal(training_memory_sum(&memory), net_bytes(net) + tape_bytes(tape));
    tape_free(tape);
    net_free(net);
}

static void check_model(const char *path)
{
    struct net_spec spec;
    struct strbuf errors = STRBUF_INIT;
    assert_int_equal(model_load(&spec, path, &errors), 0);
    int n = (int)spec.layers.n;
    for (int cut = 1; cut <= n; cut++) {
        check(&spec, 0, cut, 1 + cut % 3 * 7, 1 + cut % 2, false);
        check(&spec, 0, cut, 4, 1, true);
        check(&spec, cut, -1, 3, 1, cut % 2 == 0);
    }
    check(&spec, 0, -1, 64, 1, false);
    check(&spec, 0, -1, 16, 2, true);
    net_spec_release(&spec);
    strbuf_release(&errors);
}

static void every_models_memory_is_predicted(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("configs/models/*.yaml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 15);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_model(found.gl_pathv[i]);
    globfree(&found);
}

static void an_optimizers_state_is_counted(void **state)
{
    (void)state;
    struct net_spec spec;
    struct strbuf errors = STRBUF_INIT;
    struct optimizer adamw;
    struct training_memory memory;
    assert_int_equal(model_load(&spec, "configs/models/lenet5.yaml", &errors), 0);
    assert_int_equal(optimizer_init(&adamw, "adamw", NULL), 0);
    struct training_memory_request request = {&spec, 0, -1, 4, 1, false, &adamw};
    assert_int_equal(training_memory_predict(&memory, &request, NULL), 0);
    assert_int_equal(memory.gradients, 61706 * sizeof(float));
    assert_int_equal(memory.optimizer, 2 * 61706 * sizeof(float));
    net_spec_release(&spec);
    strbuf_release(&errors);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct net_spec spec;
    struct strbuf errors = STRBUF_INIT;
    struct err err = ERR_INIT;
    struct training_memory memory;
    assert_int_equal(model_load(&spec, "configs/models/lenet5.yaml", &errors), 0);
    struct training_memory_request request = {&spec, 3, 2, 4, 1, false, NULL};
    assert_int_equal(training_memory_predict(&memory, &request, &err), -1);
    assert_string_equal(err.text, "layers [3, 2) of a network of 12 layers");
    request.to = -1;
    request.max_batch = 0;
    struct err none = ERR_INIT, huge = ERR_INIT;
    assert_int_equal(training_memory_predict(&memory, &request, &none), -1);
    assert_string_equal(none.text, "a batch of 0 samples: at least 1");
    request.max_batch = INT32_MAX;
    assert_int_equal(training_memory_predict(&memory, &request, &huge), -1);
    assert_non_null(strstr(huge.text, "do not fit into memory"));
    net_spec_release(&spec);
    strbuf_release(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_models_memory_is_predicted),
        cmocka_unit_test(an_optimizers_state_is_counted),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
