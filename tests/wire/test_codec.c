/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages to bytes and back, and the bytes the protocol's document shows. */
#include "wire/codec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/wire/examples.h"

/* Encoded and decoded again; frees the original. */
static struct msg *there_and_back(struct msg *msg)
{
    struct err err = ERR_INIT;
    struct payload *control = msg_encode(msg);
    struct payload *payloads[MSG_MAX_PAYLOADS];
    for (int i = 0; i < msg->n_payloads; i++)
        payloads[i] = payload_share(msg->payload[i]);
    struct msg *back =
        msg_decode(payload_data(control), payload_bytes(control), payloads, msg->n_payloads, &err);
    if (!back)
        fail_msg("%s", err.text);
    assert_int_equal(back->kind, msg->kind);
    assert_int_equal(back->n_payloads, msg->n_payloads);
    for (int i = 0; i < msg->n_payloads; i++)
        assert_ptr_equal(back->payload[i], msg->payload[i]);
    payload_drop(control);
    msg_free(msg);
    return back;
}

static void hello_keeps_its_fields(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_HELLO));
    assert_int_equal(msg->hello.protocol_version, PROTOCOL_VERSION);
    assert_string_equal(msg->hello.software, "splitbed-agent 0.1");
    assert_string_equal(msg->hello.name, "pi-03");
    msg_free(msg);
}

static void a_hello_of_another_version_is_decoded(void **state)
{
    (void)state;
    struct msg *msg = example(MSG_HELLO);
    msg->hello.protocol_version = 4000000000;
    msg = there_and_back(msg);
    assert_true(msg->hello.protocol_version == 4000000000);
    msg_free(msg);
}

static void assignment_keeps_its_fields(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_ASSIGNMENT));
    const struct msg_assignment *m = &msg->assignment;
    assert_int_equal(m->device_index, 3);
    assert_int_equal(m->n_devices, 5);
    assert_true(m->seed == 0xfedcba9876543210);
    assert_true(m->time_scale == 0.125 && m->peer_timeout_s == 7.5);
    assert_int_equal(m->threads, 2);
    assert_string_equal(m->model_name, "lenet5");
    assert_int_equal(m->n_input_dims, 3);
    assert_int_equal(m->input_dims[0], 1);
    assert_int_equal(m->input_dims[1], 28);
    assert_int_equal(m->input_dims[2], 29);
    assert_int_equal(m->cut, 2);
    assert_int_equal(m->batch_size, 64);
    assert_true(m->learning_rate == 1.5e-4 && m->momentum == 0.9 && m->weight_decay == 5e-4);
    assert_string_equal(m->optimizer, "adamw");
    assert_true(m->beta1 == 0.75 && m->beta2 == 0.875 && m->eps == 1e-7);
    assert_true(m->crop_padding == 6 && m->flips && !m->has_own_samples);
    assert_string_equal(m->data_format, "idx");
    assert_true(m->data_mean == -0.25 && m->data_std == 0.5);
    msg_free(msg);
}

static void a_device_with_samples_of_its_own_gets_none(void **state)
{
    (void)state;
    struct msg *own = example(MSG_ASSIGNMENT);
    own->assignment.has_own_samples = true;
    payload_drop(own->payload[0]);
    own->payload[0] = payload_new(0);
    struct msg *msg = there_and_back(own);
    assert_true(msg->assignment.has_own_samples);
    assert_int_equal(payload_bytes(msg->payload[0]), 0);
    msg_free(msg);
}

static void an_assignment_without_learning_carries_no_bytes(void **state)
{
    (void)state;
    struct msg *sent = example(MSG_ASSIGNMENT);
    sent->assignment.has_own_samples = sent->assignment.is_without_learning = true;
    for (size_t i = 0; i < 2; i++) {
        payload_drop(sent->payload[i]);
        sent->payload[i] = payload_new(0);
    }
    struct msg *msg = there_and_back(sent);
    assert_true(msg->assignment.is_without_learning);
    assert_int_equal(msg_payload_bytes(msg), 0);
    msg_free(msg);
}

static void lists_of_layers_keep_their_shape(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_ASSIGNMENT));
    const struct msg_layer_list *list = &msg->assignment.layers;
    assert_int_equal(list->n_layers, 3);
    assert_string_equal(list->layers[0].kind, "conv2d");
    assert_string_equal(list->layers[0].name, "conv1");
    assert_int_equal(list->layers[0].n_arguments, 3);
    assert_string_equal(list->layers[0].arguments[2].key, "argument_2");
    assert_true(list->layers[0].arguments[2].value == 2.5);
    assert_int_equal(list->layers[0].n_branches, 0);
    const struct msg_layer *residual = &list->layers[1];
    assert_int_equal(residual->n_branches, 2);
    assert_string_equal(residual->branches[0].key, "body");
    assert_int_equal(residual->branches[0].n_layers, 2);
    assert_string_equal(residual->branches[0].layers[0].name, "layer1.0.conv1");
    assert_string_equal(residual->branches[0].layers[1].kind, "relu");
    assert_string_equal(residual->branches[1].key, "shortcut");
    assert_int_equal(residual->branches[1].n_layers, 0);
    msg_free(msg);
}

static void ready_keeps_its_fields(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_READY));
    assert_int_equal(msg->ready.n_train_samples, 60000);
    assert_int_equal(msg->ready.n_test_samples, 10000);
    msg_free(msg);
}

static void round_keeps_its_fields(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_ROUND));
    assert_int_equal(msg->round.round, 12);
    assert_int_equal(msg->round.n_shared, 32);
    assert_true(msg->round.forward_s == 0.5 && msg->round.backward_s == 1.5);
    assert_true(msg->round.uplink_bps == 2e7);
    assert_true(msg->round.layers_bps == 3e7 && msg->round.front_bps == 4e7);
    assert_true(msg->round.returns_front);
    assert_int_equal(msg->round.cut, 7);
    assert_int_equal(msg->round.weights_from, 5);
    assert_true(msg->round.returns_layers && msg->round.returns_optimizer);
    msg_free(msg);
}

static void layers_keep_their_round(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_LAYERS));
    assert_int_equal(msg->layers.round, 19);
    msg_free(msg);
}

static void activations_keep_their_fields(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_ACTIVATIONS));
    assert_int_equal(msg->activations.round, 11);
    assert_int_equal(msg->activations.n_samples, 4);
    assert_true(msg->activations.forward_s == 0.25 && msg->activations.forward_busy_s == 0.125 &&
                msg->activations.forward_start_s == -3.5);
    msg_free(msg);
}

static void gradient_keeps_its_fields(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_GRADIENT));
    assert_int_equal(msg->gradient.round, 13);
    assert_int_equal(msg->gradient.first_slot, 32);
    assert_int_equal(msg->gradient.n_slots, 2);
    assert_true(msg->gradient.is_shared);
    msg_free(msg);
}

static void round_done_keeps_its_fields(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_ROUND_DONE));
    assert_int_equal(msg->round_done.round, 14);
    assert_true(msg->round_done.backward_s == 0.75 && msg->round_done.backward_busy_s == 0.625);
    assert_int_equal(msg->round_done.n_overruns, 9);
    assert_true(msg->round_done.backward_start_s == 4.5);
    msg_free(msg);
}

static void a_piece_and_a_clock_keep_their_fields(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_PIECE));
    assert_int_equal(msg->piece.kind, MSG_GRADIENT);
    assert_int_equal(msg->piece.payload, 1);
    assert_int_equal(msg->piece.offset, 8);
    assert_int_equal(msg->piece.total_bytes, 24);
    msg_free(msg);
    msg = there_and_back(example(MSG_CLOCK));
    assert_true(msg->clock.server_sent_s == -1.25 && msg->clock.device_received_s == 2.5 &&
                msg->clock.device_sent_s == 2.75);
    msg_free(msg);
}

static void a_message_keeps_what_came_ahead_of_it(void **state)
{
    (void)state;
    struct msg *msg = example(MSG_LAYERS);
    payload_drop(msg->payload[0]);
    msg->payload[0] = payload_new(0);
    msg->ahead_bytes[0] = 24;
    msg->ahead_bytes[1] = 4;
    msg = there_and_back(msg);
    assert_int_equal(msg->ahead_bytes[0], 24);
    assert_int_equal(msg->ahead_bytes[1], 4);
    msg_free(msg);
}

static void evaluate_and_evaluation_keep_their_fields(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_EVALUATE));
    assert_int_equal(msg->evaluate.evaluation, 15);
    assert_int_equal(msg->evaluate.first, 16);
    assert_int_equal(msg->evaluate.stride, 17);
    assert_int_equal(msg->evaluate.n_samples, 18);
    msg_free(msg);
    msg = there_and_back(example(MSG_EVALUATION));
    assert_int_equal(msg->evaluation.evaluation, 21);
    assert_int_equal(msg->evaluation.first, 22);
    assert_int_equal(msg->evaluation.n_samples, 4);
    msg_free(msg);
}

static void stop_and_error_keep_their_reason(void **state)
{
    (void)state;
    struct msg *msg = there_and_back(example(MSG_STOP));
    assert_string_equal(msg->stop.reason, "reason of stop");
    msg_free(msg);
    msg = there_and_back(example(MSG_ERROR));
    assert_string_equal(msg->error.reason, "reason of error");
    msg_free(msg);
}

static void a_reason_of_any_bytes_arrives_as_printable_ascii(void **state)
{
    (void)state;
    char longest[2 * MSG_MAX_REASON];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    struct msg *msg = there_and_back(msg_reason(MSG_ERROR, "%s", longest));
    assert_int_equal(strlen(msg->error.reason), MSG_MAX_REASON - 1);
    msg_free(msg);
    msg = there_and_back(msg_reason(MSG_STOP, "a\nb\033[31m\xc3\xa9"));
    assert_string_equal(msg->stop.reason, "a?b?[31m??");
    msg_free(msg);
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (int kind = MSG_HELLO; kind < MSG_N_KINDS; kind++)
        assert_string_not_equal(msg_kind_name((enum msg_kind)kind), "unknown");
    assert_string_equal(msg_kind_name((enum msg_kind)0), "unknown");
    assert_string_equal(msg_kind_name(MSG_N_KINDS), "unknown");
}

static void payload_bytes_are_summed(void **state)
{
    (void)state;
    struct msg *msg = example(MSG_ASSIGNMENT);
    assert_int_equal(msg_payload_bytes(msg), 4 * 10 + 4 * 25);
    msg_free(msg);
}

/* The hex numbers left of '|' in the first code block after `heading`. */
static size_t document_bytes(const char *heading, unsigned char *bytes, size_t max)
{
    char line[512];
    size_t n = 0;
    int fences = -1;
    FILE *file = fopen("docs/PROTOCOL.md", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) && fences < 2) {
        if (strstr(line, heading))
            fences = 0;
        else if (fences >= 0 && strncmp(line, "```", 3) == 0)
            fences++;
        else if (fences == 1)
            for (char *c = line, *end; *c && *c != '|' && n < max; c = end) {
                bytes[n] = (unsigned char)strtoul(c, &end, 16);
                n += end != c;
                end += end == c;
            }
    }
    fclose(file);
    return n;
}

static void the_document_shows_the_bytes_of_a_hello(void **state)
{
    (void)state;
    unsigned char bytes[256];
    size_t n = document_bytes("## Bytes of a hello", bytes, sizeof bytes);
    struct msg *msg = example(MSG_HELLO);
    struct payload *control = msg_encode(msg);
    assert_int_equal(n, payload_bytes(control));
    assert_memory_equal(bytes, payload_data(control), n);
    payload_drop(control);
    msg_free(msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_keeps_its_fields),
        cmocka_unit_test(a_hello_of_another_version_is_decoded),
        cmocka_unit_test(assignment_keeps_its_fields),
        cmocka_unit_test(a_device_with_samples_of_its_own_gets_none),
        cmocka_unit_test(an_assignment_without_learning_carries_no_bytes),
        cmocka_unit_test(lists_of_layers_keep_their_shape),
        cmocka_unit_test(ready_keeps_its_fields),
        cmocka_unit_test(round_keeps_its_fields),
        cmocka_unit_test(layers_keep_their_round),
        cmocka_unit_test(activations_keep_their_fields),
        cmocka_unit_test(gradient_keeps_its_fields),
        cmocka_unit_test(round_done_keeps_its_fields),
        cmocka_unit_test(a_piece_and_a_clock_keep_their_fields),
        cmocka_unit_test(a_message_keeps_what_came_ahead_of_it),
        cmocka_unit_test(evaluate_and_evaluation_keep_their_fields),
        cmocka_unit_test(stop_and_error_keep_their_reason),
        cmocka_unit_test(a_reason_of_any_bytes_arrives_as_printable_ascii),
        cmocka_unit_test(every_kind_has_a_name),
        cmocka_unit_test(payload_bytes_are_summed),
        cmocka_unit_test(the_document_shows_the_bytes_of_a_hello),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
