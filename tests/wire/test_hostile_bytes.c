/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What msg_decode() and msg_check() refuse, and that nothing makes them crash (run under asan). */
#include "wire/codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/rng.h"
#include "tests/wire/examples.h"

/* Decodes with the payloads of `like`; whatever comes out must be valid. Was it taken? */
static bool is_taken(const void *control, size_t n_bytes, const struct msg *like, struct err *err)
{
    struct payload *payloads[MSG_MAX_PAYLOADS] = {NULL};
    int n_payloads = like ? like->n_payloads : 0;
    for (int i = 0; i < n_payloads; i++)
        payloads[i] = payload_share(like->payload[i]);
    err->text[0] = '\0';
    struct msg *msg = msg_decode(control, n_bytes, payloads, n_payloads, err);
    if (msg) {
        assert_int_equal(msg_check(msg, err), 0);
        msg_free(msg);
        return true;
    }
    assert_true(err->text[0]);
    for (int i = 0; i < n_payloads; i++)
        payload_drop(payloads[i]);
    return false;
}

static void refuses(const void *control, size_t n_bytes, const char *why)
{
    struct err err = ERR_INIT;
    assert_false(is_taken(control, n_bytes, NULL, &err));
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
}

static void no_truncation_and_no_flipped_bit_crashes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    for (int kind = MSG_HELLO; kind < MSG_N_KINDS; kind++) {
        struct msg *msg = example((enum msg_kind)kind);
        struct payload *control = msg_encode(msg);
        size_t n = payload_bytes(control);
        for (size_t i = 0; i < n; i++) {
            /* A copy of its own, so that a read past the end is seen. */
            unsigned char *bytes = mem_copy(payload_data(control), i);
            assert_false(is_taken(bytes, i, msg, &err));
            free(bytes);
        }
        unsigned char *bytes = mem_copy(payload_data(control), n);
        assert_true(is_taken(bytes, n, msg, &err));
        for (size_t bit = 0; bit < 8 * n; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            is_taken(bytes, n, msg, &err);
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        free(bytes);
        payload_drop(control);
        msg_free(msg);
    }
}

static void no_random_bytes_crash(void **state)
{
    (void)state;
    struct rng rng;
    struct err err = ERR_INIT;
    unsigned char bytes[64];
    rng_seed(&rng, 1, 2);
    struct msg *like = example(MSG_ACTIVATIONS);
    for (int i = 0; i < 20000; i++) {
        size_t n = rng_below(&rng, sizeof bytes);
        for (size_t j = 0; j < n; j++)
            bytes[j] = (unsigned char)rng_next(&rng);
        is_taken(bytes, n, i % 2 ? like : NULL, &err);
    }
    msg_free(like);
}

static void malformed_bytes_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *why;
    } cases[] = {
        {"", 0, "kind that is not known"},
        {"\xfa\x01\x00", 3, "kind that is not known"}, /* field 31 */
        {"\x0a", 1, "ends within a number"},           /* a hello without a length */
        {"\x0a\x05\x08", 3, "ends within a field"},    /* longer than the message */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "ends within a field"},
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "more than 10 bytes"},
        {"\x02\x00", 2, "no such field number"},            /* field 0 */
        {"\x0b\x0c", 2, "no such wire type"},               /* a group */
        {"\x08\x01", 2, "wrong type"},                      /* hello as a number */
        {"\x0a\x00\x0a\x00", 4, "too often"},               /* two hellos */
        {"\x0a\x04\x08\x01\x08\x01", 6, "too often"},       /* two versions */
        {"\x0a\x03\x1a\x01\x07", 5, "not printable ASCII"}, /* a name that rings */
        {"\x0a\x03\x1a\x01\x00", 5, "not printable ASCII"},
        {"\x0a\x02\x08\x01", 4, "name is empty"},
        {"\x1a\x00\x22\x02\x08\x01", 6, "more than one body"}, /* ready and a round */
        {"\x12\x00", 2, "layers are missing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char *bytes = mem_copy(cases[i].bytes, cases[i].n);
        refuses(bytes, cases[i].n, cases[i].why);
        free(bytes);
    }
}

static void unknown_fields_are_skipped(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    /* hello with name "d", then field 100 (a number), 101 (64 bit), 102 (bytes), 103 (32 bit) */
    static const char hello[] = "\x0a\x1b\x08\x01\x1a\x01"
                                "d"
                                "\xa0\x06\x07"
                                "\xa9\x06"
                                "12345678"
                                "\xb2\x06\x01\xff"
                                "\xbd\x06";
    char bytes[64];
    size_t n = sizeof hello - 1;
    memcpy(bytes, hello, n);
    memcpy(bytes + n, "1234", 4);
    n += 4;
    bytes[1] = (char)(n - 2);
    if (!is_taken(bytes, n, NULL, &err))
        fail_msg("%s", err.text);
}

/* Puts `tag`, a length of 3 bytes and what is there already: one more level around it. */
static size_t wrap(unsigned char *buffer, size_t size, size_t n, unsigned char tag)
{
    unsigned char *start = buffer + size - n - 4;
    start[0] = tag;
    start[1] = (unsigned char)(n | 0x80);
    start[2] = (unsigned char)(n >> 7 | 0x80);
    start[3] = (unsigned char)(n >> 14 & 0x7f);
    return n + 4;
}

static void deep_nesting_is_refused_before_it_is_followed(void **state)
{
    (void)state;
    size_t size = MSG_MAX_CONTROL, n = 0;
    unsigned char *buffer = mem_zero(size, 1);
    while (n + 24 < size) {
        n = wrap(buffer, size, n, 0x12); /* LayerList.layers */
        n = wrap(buffer, size, n, 0x22); /* Layer.branches */
    }
    n = wrap(buffer, size, n, 0x12); /* LayerList.layers */
    n = wrap(buffer, size, n, 0x4a); /* Assignment.layers */
    n = wrap(buffer, size, n, 0x12); /* Message.assignment */
    refuses(buffer + size - n, n, "nested too deep");
    free(buffer);
}

static void many_fields_are_refused(void **state)
{
    (void)state;
    size_t size = MSG_MAX_CONTROL;
    unsigned char *buffer = mem_zero(size, 1);
    for (size_t i = 0; i + 3 < size; i += 3)
        memcpy(buffer + i, "\x90\x03", 3); /* field 50, a number: 0 */
    refuses(buffer, size, "too many fields");
    free(buffer);
}

static void a_control_part_beyond_its_limit_is_refused(void **state)
{
    (void)state;
    unsigned char *buffer = mem_zero(MSG_MAX_CONTROL + 1, 1);
    refuses(buffer, MSG_MAX_CONTROL + 1, "at most 1048576");
    free(buffer);
}

static void lists_beyond_their_limits_are_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct msg *msg = msg_new(MSG_ASSIGNMENT);
    struct msg_layer_list *list = &msg->assignment.layers;
    list->n_layers = MSG_MAX_LAYERS + 1;
    list->layers = mem_zero(list->n_layers, sizeof *list->layers);
    struct payload *control = msg_encode(msg);
    refuses(payload_data(control), payload_bytes(control), "too often");
    payload_drop(control);

    list->n_layers = 1;
    example_layer(&list->layers[0], "conv2d", "", MSG_MAX_ARGUMENTS + 1);
    control = msg_encode(msg);
    refuses(payload_data(control), payload_bytes(control), "a layer has 17 arguments");
    payload_drop(control);

    list->layers[0].n_arguments = 0;
    list->layers[0].branches = mem_zero(MSG_MAX_BRANCHES + 1, sizeof(struct msg_layer_list));
    list->layers[0].n_branches = MSG_MAX_BRANCHES + 1;
    control = msg_encode(msg);
    refuses(payload_data(control), payload_bytes(control), "a layer has 5 branches");
    payload_drop(control);
    (void)err;
    msg_free(msg);
}

/* `depth` lists within the network's own. */
static struct msg *nested(int depth)
{
    struct msg *msg = example(MSG_ASSIGNMENT);
    struct msg_layer_list *list = &msg->assignment.layers.layers[1].branches[1];
    for (int i = 1; i < depth; i++) {
        list->layers = mem_zero(1, sizeof *list->layers);
        list->n_layers = 1;
        example_layer(list->layers, "residual", "", 1);
        list->layers->branches = mem_zero(1, sizeof(struct msg_layer_list));
        list->layers->n_branches = 1;
        list = list->layers->branches;
        strcpy(list->key, "body");
    }
    list->layers = mem_zero(1, sizeof *list->layers);
    list->n_layers = 1;
    example_layer(list->layers, "linear", "", 1);
    return msg;
}

static void lists_may_be_nested_to_the_limit_and_no_deeper(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    for (int depth = MSG_MAX_DEPTH; depth <= MSG_MAX_DEPTH + 1; depth++) {
        struct msg *msg = nested(depth);
        struct payload *control = msg_encode(msg);
        bool is_allowed = depth == MSG_MAX_DEPTH;
        assert_int_equal(is_taken(payload_data(control), payload_bytes(control), msg, &err),
                         is_allowed);
        assert_int_equal(msg_check(msg, &err), is_allowed ? 0 : -1);
        payload_drop(control);
        msg_free(msg);
    }
}

static void too_long_text_is_refused(void **state)
{
    (void)state;
    unsigned char bytes[600] = {0x0a, 66, 0x1a, 64}; /* hello with a name of 64 */
    memset(bytes + 4, 'n', 64);
    refuses(bytes, 4 + 64, "name has 64 characters; at most 63");
    unsigned char reason[600] = {0x52, 0x83, 0x04, 0x0a, 0x80, 0x04}; /* stop, reason of 512 */
    memset(reason + 6, 'r', 512);
    refuses(reason, 6 + 512, "reason has 512 characters; at most 511");
}

static void refuses_check(struct msg *msg, const char *why)
{
    struct err err = ERR_INIT;
    struct payload *control = msg_encode(msg);
    assert_int_equal(msg_check(msg, &err), -1);
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
    assert_false(is_taken(payload_data(control), payload_bytes(control), msg, &err));
    payload_drop(control);
    msg_free(msg);
}

#define REFUSES(kind, change, why)                                                                 \
    do {                                                                                           \
        struct msg *m = example(kind);                                                             \
        change;                                                                                    \
        refuses_check(m, why);                                                                     \
    } while (0)

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    double nan = (double)NAN, inf = (double)INFINITY;
    REFUSES(MSG_HELLO, m->hello.name[0] = '\0', "hello: name is empty");
    REFUSES(MSG_ASSIGNMENT, m->assignment.n_devices = 0, "n_devices is 0");
    REFUSES(MSG_ASSIGNMENT, m->assignment.device_index = 5, "device_index is 5; 0 to 4");
    REFUSES(MSG_ASSIGNMENT, m->assignment.time_scale = 0, "time_scale is 0");
    REFUSES(MSG_ASSIGNMENT, m->assignment.time_scale = nan, "time_scale is nan");
    REFUSES(MSG_ASSIGNMENT, m->assignment.peer_timeout_s = -1, "peer_timeout_s is -1");
    REFUSES(MSG_ASSIGNMENT, m->assignment.threads = 0, "threads is 0");
    REFUSES(MSG_ASSIGNMENT, m->assignment.n_input_dims = 2, "input_dims has 2");
    REFUSES(MSG_ASSIGNMENT, m->assignment.input_dims[1] = 0, "input_dims is 0");
    REFUSES(MSG_ASSIGNMENT, m->assignment.input_dims[1] = 1u << 28, "product of input_dims");
    REFUSES(MSG_ASSIGNMENT, m->assignment.cut = 0, "cut is 0; 1 to 3");
    REFUSES(MSG_ASSIGNMENT, m->assignment.cut = 4, "cut is 4; 1 to 3");
    REFUSES(MSG_ASSIGNMENT, m->assignment.batch_size = 0, "batch_size is 0");
    REFUSES(MSG_ASSIGNMENT, m->assignment.learning_rate = -1, "learning_rate is -1");
    REFUSES(MSG_ASSIGNMENT, m->assignment.optimizer[0] = '\0', "optimizer is empty");
    REFUSES(MSG_ASSIGNMENT, m->assignment.beta1 = 1, "beta1 is 1; a number >= 0 and < 1");
    REFUSES(MSG_ASSIGNMENT, m->assignment.beta2 = -0.5, "beta2 is -0.5");
    REFUSES(MSG_ASSIGNMENT, m->assignment.eps = 0, "eps is 0");
    REFUSES(MSG_ASSIGNMENT, m->assignment.crop_padding = 65537,
            "crop_padding is 65537; 0 to 65536");
    REFUSES(MSG_ASSIGNMENT, m->assignment.has_own_samples = true,
            "payload 1 is not empty and has_own_samples true");
    REFUSES(MSG_ASSIGNMENT, m->assignment.is_without_learning = true,
            "bytes of payload and is_without_learning true");
    REFUSES(MSG_ASSIGNMENT, m->assignment.data_format[0] = '\0', "data_format is empty");
    REFUSES(MSG_ASSIGNMENT, m->assignment.data_std = 0, "data_std is 0");
    REFUSES(MSG_ASSIGNMENT, m->assignment.data_mean = inf, "data_mean is inf");
    REFUSES(MSG_ASSIGNMENT, m->assignment.layers.layers[0].kind[0] = '\0',
            "layer 0: kind is empty");
    REFUSES(MSG_ASSIGNMENT, m->assignment.layers.layers[0].arguments[1].value = nan,
            "argument_1 is nan");
    REFUSES(MSG_ROUND, m->round.round = 0, "round is 0");
    REFUSES(MSG_ROUND, m->round.forward_s = nan, "forward_s is nan");
    REFUSES(MSG_ROUND, m->round.backward_s = -0.5, "backward_s is -0.5");
    REFUSES(MSG_ROUND, m->round.uplink_bps = inf, "uplink_bps is inf");
    REFUSES(MSG_ROUND, m->round.layers_bps = inf, "layers_bps is inf");
    REFUSES(MSG_ROUND, m->round.front_bps = inf, "front_bps is inf");
    REFUSES(MSG_ROUND, m->round.cut = 0, "cut is 0; 1 to 512");
    REFUSES(MSG_ROUND, m->round.cut = 513, "cut is 513; 1 to 512");
    REFUSES(MSG_ROUND, m->round.weights_from = 8, "weights_from is 8; 0 to 7");
    REFUSES(MSG_LAYERS, m->layers.round = 0, "round is 0");
    REFUSES(MSG_ACTIVATIONS, m->activations.n_samples = 0, "n_samples is 0");
    REFUSES(MSG_ACTIVATIONS, m->activations.n_samples = 5, "activations are 96 bytes");
    REFUSES(MSG_ACTIVATIONS, m->activations.n_samples = 2, "labels are 16 bytes");
    REFUSES(MSG_ACTIVATIONS, m->activations.forward_s = inf, "forward_s is inf");
    REFUSES(MSG_GRADIENT, m->gradient.n_slots = 0, "n_slots is 0");
    REFUSES(MSG_GRADIENT, m->gradient.n_slots = 5, "gradient is 24 bytes");
    REFUSES(MSG_GRADIENT, m->gradient.first_slot = UINT32_MAX, "first_slot is 4294967295");
    REFUSES(MSG_ROUND_DONE, m->round_done.backward_busy_s = nan, "backward_busy_s is nan");
    REFUSES(MSG_ACTIVATIONS, m->activations.forward_start_s = nan, "forward_start_s is nan");
    REFUSES(MSG_ROUND_DONE, m->round_done.backward_start_s = inf, "backward_start_s is inf");
    REFUSES(MSG_CLOCK, m->clock.device_sent_s = nan, "device_sent_s is nan");
    REFUSES(MSG_PIECE, m->piece.kind = MSG_HELLO, "kind 1 does not come in pieces");
    REFUSES(MSG_PIECE, m->piece.kind = 4000000000, "kind 4000000000 does not come in pieces");
    REFUSES(MSG_PIECE, m->piece.payload = 0, "payload is 0; 1 to 2");
    REFUSES(MSG_PIECE, m->piece.payload = 3, "payload is 3; 1 to 2");
    REFUSES(MSG_PIECE, m->piece.total_bytes = 26, "total_bytes is 26; a multiple of 4");
    REFUSES(MSG_PIECE, m->piece.total_bytes = 0, "total_bytes is 0; 4 to");
    REFUSES(MSG_PIECE, m->piece.total_bytes = (1u << 30) + 4, "total_bytes is 1073741828");
    REFUSES(MSG_PIECE, m->piece.offset = 24, "offset is 24; 0 to 23");
    REFUSES(MSG_PIECE, m->piece.offset = UINT64_MAX, "offset is 18446744073709551615");
    REFUSES(MSG_PIECE, m->piece.offset = 14, "bytes of the piece is 11; 1 to 10");
    REFUSES(MSG_EVALUATE, m->evaluate.stride = 0, "stride is 0");
    REFUSES(MSG_EVALUATE, m->evaluate.n_samples = 1u << 21, "n_samples is 2097152");
    REFUSES(MSG_EVALUATE, m->evaluate.stride = 1u << 31, "index of the last sample");
    REFUSES(MSG_EVALUATION, m->evaluation.evaluation = 0, "evaluation is 0");
}

static void wrong_payloads_are_refused(void **state)
{
    (void)state;
    REFUSES(MSG_HELLO, msg_attach(m, example_payload(4)), "hello: 1 payloads; 0 to 0");
    REFUSES(MSG_ACTIVATIONS, payload_drop(m->payload[--m->n_payloads]), "1 payloads; 2 to 2");
    REFUSES(MSG_ROUND_DONE, msg_attach(m, example_payload(4)), "2 payloads; 0 to 1");
    REFUSES(MSG_LAYERS, payload_drop(m->payload[--m->n_payloads]), "1 payloads; 2 to 2");
    REFUSES(MSG_GRADIENT, payload_drop(m->payload[0]);
            m->payload[0] = example_payload(6), "payload 1 is 6 bytes; a multiple of 4");
    REFUSES(MSG_GRADIENT, payload_drop(m->payload[0]);
            m->payload[0] = example_payload(0), "payload 1 is empty");
    REFUSES(MSG_ASSIGNMENT, payload_drop(m->payload[0]);
            m->payload[0] = example_payload(0), "payload 1 is empty and has_own_samples false");
    REFUSES(MSG_COLLECT, msg_attach(m, example_payload(4)), "collect: 1 payloads; 0 to 0");
    REFUSES(MSG_FRONT, payload_drop(m->payload[--m->n_payloads]), "front: 0 payloads; 1 to 1");
}

static void impossible_sizes_ahead_are_refused(void **state)
{
    (void)state;
    REFUSES(MSG_READY, m->ahead_bytes[0] = 4, "ready: 4 bytes ahead of payload 1, which has no");
    REFUSES(MSG_EVALUATION, m->ahead_bytes[0] = 4, "which has no pieces");
    REFUSES(MSG_PIECE, m->ahead_bytes[0] = 4, "which has no pieces");
    REFUSES(MSG_GRADIENT, m->ahead_bytes[1] = 4, "4 bytes ahead of payload 2, which has no");
    REFUSES(MSG_GRADIENT, m->ahead_bytes[0] = 1u << 30, "payload 1 is larger than 1073741824");
    REFUSES(MSG_GRADIENT, m->ahead_bytes[0] = UINT64_MAX, "payload 1 is larger than 1073741824");
    REFUSES(MSG_GRADIENT, m->ahead_bytes[0] = 6, "payload 1 is 30 bytes; a multiple of 4");
    REFUSES(MSG_GRADIENT, m->ahead_bytes[0] = 4, "gradient is 28 bytes; a multiple of 4 for each");
    REFUSES(MSG_LAYERS, m->ahead_bytes[1] = 4, "pieces of payload 2 before all of payload 1");
    REFUSES(MSG_ACTIVATIONS, m->ahead_bytes[0] = 8, "activations are 104 bytes");
}

static void layers_may_have_no_weights_and_no_optimizer_state(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct msg *msg = msg_new(MSG_LAYERS);
    msg->layers.round = 1;
    for (int i = 0; i < 2; i++)
        msg_attach(msg, example_payload(0));
    assert_int_equal(msg_check(msg, &err), 0);
    msg_free(msg);
}

static void a_front_part_may_have_no_weights(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct msg *msg = example(MSG_ASSIGNMENT);
    payload_drop(msg->payload[1]);
    msg->payload[1] = example_payload(0);
    assert_int_equal(msg_check(msg, &err), 0);
    msg_free(msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_truncation_and_no_flipped_bit_crashes),
        cmocka_unit_test(no_random_bytes_crash),
        cmocka_unit_test(malformed_bytes_are_refused_with_a_reason),
        cmocka_unit_test(unknown_fields_are_skipped),
        cmocka_unit_test(deep_nesting_is_refused_before_it_is_followed),
        cmocka_unit_test(many_fields_are_refused),
        cmocka_unit_test(a_control_part_beyond_its_limit_is_refused),
        cmocka_unit_test(lists_beyond_their_limits_are_refused),
        cmocka_unit_test(lists_may_be_nested_to_the_limit_and_no_deeper),
        cmocka_unit_test(too_long_text_is_refused),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(wrong_payloads_are_refused),
        cmocka_unit_test(impossible_sizes_ahead_are_refused),
        cmocka_unit_test(a_front_part_may_have_no_weights),
        cmocka_unit_test(layers_may_have_no_weights_and_no_optimizer_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
