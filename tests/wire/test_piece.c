/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages cut into pieces and joined again, and what a joint refuses (run under asan). */
#include "wire/piece.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/rng.h"
#include "tests/wire/examples.h"
#include "wire/codec.h"

/* As the other side gets it: encoded, decoded, checked. Frees the message. */
static struct msg *over_the_wire(struct msg *msg, struct err *err)
{
    struct payload *control = msg_encode(msg);
    struct payload *payloads[MSG_MAX_PAYLOADS];
    for (int i = 0; i < msg->n_payloads; i++)
        payloads[i] = payload_share(msg->payload[i]);
    struct msg *back =
        msg_decode(payload_data(control), payload_bytes(control), payloads, msg->n_payloads, err);
    for (int i = 0; i < msg->n_payloads && !back; i++)
        payload_drop(payloads[i]);
    payload_drop(control);
    msg_free(msg);
    return back;
}

static void pass_piece(struct joint *joint, const struct msg *msg, size_t offset, size_t n)
{
    struct err err = ERR_INIT;
    struct msg *piece = over_the_wire(piece_cut(msg, offset, n), &err);
    if (!piece || joint_take(joint, &piece, &err))
        fail_msg("%s", err.text);
    assert_null(piece);
}

/* In steps of so many bytes, the first n_ahead of them ahead; frees the message. */
static struct msg *in_pieces(struct msg *msg, size_t step, size_t n_ahead)
{
    struct joint joint = {0};
    struct err err = ERR_INIT;
    size_t offset = 0;
    while (offset < n_ahead) {
        size_t n = step < n_ahead - offset ? step : n_ahead - offset;
        struct msg *piece = piece_cut(msg, offset, n);
        n = msg_payload_bytes(piece);
        msg_free(piece);
        pass_piece(&joint, msg, offset, n);
        offset += n;
    }
    piece_rest(msg, offset);
    struct msg *back = over_the_wire(msg, &err);
    if (!back || joint_take(&joint, &back, &err))
        fail_msg("%s", err.text);
    joint_release(&joint);
    return back;
}

static void pieces_joined_give_the_same_bytes(void **state)
{
    (void)state;
    static const enum msg_kind kinds[] = {MSG_ROUND, MSG_ACTIVATIONS, MSG_GRADIENT, MSG_ROUND_DONE,
                                          MSG_LAYERS};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t step = 1; step < 40; step += 3) {
            struct msg *like = example(kinds[k]);
            size_t total = msg_payload_bytes(like);
            for (size_t n_ahead = 0; n_ahead <= total; n_ahead += 5) {
                struct msg *msg = in_pieces(example(kinds[k]), step, n_ahead);
                assert_int_equal(msg->kind, kinds[k]);
                assert_int_equal(msg->n_payloads, like->n_payloads);
                for (int i = 0; i < msg->n_payloads; i++) {
                    assert_int_equal(msg->ahead_bytes[i], 0);
                    assert_int_equal(payload_bytes(msg->payload[i]),
                                     payload_bytes(like->payload[i]));
                    assert_memory_equal(payload_data(msg->payload[i]),
                                        payload_data(like->payload[i]),
                                        payload_bytes(like->payload[i]));
                }
                msg_free(msg);
            }
            msg_free(like);
        }
}

static void a_large_message_grows_its_memory_as_it_comes(void **state)
{
    (void)state;
    struct msg *like = msg_new(MSG_GRADIENT), *msg = msg_new(MSG_GRADIENT);
    like->gradient = msg->gradient = (struct msg_gradient){1, 0, 1, true};
    msg_attach(like, example_payload(3000000));
    msg_attach(msg, payload_share(like->payload[0]));
    msg = in_pieces(msg, 77777, 2900000);
    assert_int_equal(payload_bytes(msg->payload[0]), 3000000);
    assert_memory_equal(payload_data(msg->payload[0]), payload_data(like->payload[0]), 3000000);
    msg_free(msg);
    msg_free(like);
}

static void a_piece_does_not_go_over_the_end_of_a_payload(void **state)
{
    (void)state;
    struct msg *msg = example(MSG_LAYERS); /* 24 and 12 bytes */
    struct msg *piece = piece_cut(msg, 20, 100);
    assert_int_equal(piece->piece.payload, 1);
    assert_int_equal(piece->piece.offset, 20);
    assert_int_equal(msg_payload_bytes(piece), 4);
    msg_free(piece);
    piece = piece_cut(msg, 24, 100);
    assert_int_equal(piece->piece.payload, 2);
    assert_int_equal(piece->piece.offset, 0);
    assert_int_equal(piece->piece.total_bytes, 12);
    assert_int_equal(msg_payload_bytes(piece), 12);
    msg_free(piece);
    msg_free(msg);
}

static void a_piece_shares_the_memory_it_is_of(void **state)
{
    (void)state;
    struct msg *msg = example(MSG_GRADIENT);
    const unsigned char *bytes = payload_data(msg->payload[0]);
    struct msg *piece = piece_cut(msg, 5, 7);
    assert_ptr_equal(payload_data(piece->payload[0]), bytes + 5);
    msg_free(msg); /* the slice keeps it */
    assert_int_equal(((const unsigned char *)payload_data(piece->payload[0]))[0], 5 * 7);
    msg_free(piece);
}

static void messages_without_pieces_are_left_alone(void **state)
{
    (void)state;
    struct joint joint = {0};
    struct err err = ERR_INIT;
    for (int kind = MSG_HELLO; kind < MSG_N_KINDS; kind++) {
        if (kind == MSG_PIECE)
            continue;
        struct msg *msg = example((enum msg_kind)kind), *same = msg;
        assert_int_equal(joint_take(&joint, &msg, &err), 0);
        assert_ptr_equal(msg, same);
        msg_free(msg);
    }
}

static void stop_and_error_end_what_was_begun(void **state)
{
    (void)state;
    static const enum msg_kind ends[] = {MSG_STOP, MSG_ERROR};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct joint joint = {0};
        struct err err = ERR_INIT;
        struct msg *round = example(MSG_ROUND), *end = example(ends[i]);
        pass_piece(&joint, round, 0, 10);
        assert_int_equal(joint_take(&joint, &end, &err), 0);
        assert_non_null(end);
        assert_null(joint.part[0].bytes);
        assert_int_equal(joint_take(&joint, &round, &err), 0); /* as if nothing had come */
        msg_free(end);
        msg_free(round);
    }
}

/* A message after 10 bytes of the activations of example() have come. */
static void refuses_after_ten_bytes(struct msg *msg, const char *why)
{
    struct joint joint = {0};
    struct err err = ERR_INIT;
    struct msg *activations = example(MSG_ACTIVATIONS);
    pass_piece(&joint, activations, 0, 10);
    assert_int_equal(joint_take(&joint, &msg, &err), -1);
    assert_null(msg);
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
    joint_release(&joint);
    msg_free(activations);
}

static struct msg *rest_of(struct msg *msg, size_t offset)
{
    piece_rest(msg, offset);
    return msg;
}

static struct msg *piece_of(enum msg_kind kind, uint32_t payload, uint64_t offset, uint64_t total)
{
    struct msg *msg = msg_new(MSG_PIECE);
    msg->piece = (struct msg_piece){(uint32_t)kind, payload, offset, total};
    msg_attach(msg, example_payload(4));
    return msg;
}

static void what_does_not_follow_is_refused(void **state)
{
    (void)state;
    refuses_after_ten_bytes(example(MSG_ROUND_DONE), "round done amid the pieces of activations");
    refuses_after_ten_bytes(example(MSG_READY), "ready amid the pieces of activations");
    refuses_after_ten_bytes(example(MSG_CLOCK), "clock amid the pieces of activations");
    refuses_after_ten_bytes(example(MSG_ACTIVATIONS),
                            "activations: 10 bytes came ahead of payload 1, not 0");
    refuses_after_ten_bytes(rest_of(example(MSG_ACTIVATIONS), 9),
                            "10 bytes came ahead of payload 1, not 9");
    refuses_after_ten_bytes(rest_of(example(MSG_ACTIVATIONS), 12),
                            "10 bytes came ahead of payload 1, not 12");
    refuses_after_ten_bytes(piece_of(MSG_LAYERS, 1, 10, 96),
                            "a piece of layers amid those of activations");
    refuses_after_ten_bytes(piece_of(MSG_ACTIVATIONS, 1, 8, 96), "from byte 8 on: 10 came");
    refuses_after_ten_bytes(piece_of(MSG_ACTIVATIONS, 1, 12, 96), "from byte 12 on: 10 came");
    refuses_after_ten_bytes(piece_of(MSG_ACTIVATIONS, 1, 10, 100), "of 100 bytes: 96 were");
    refuses_after_ten_bytes(piece_of(MSG_ACTIVATIONS, 2, 0, 16), "are mixed");
    struct msg *larger = example(MSG_ACTIVATIONS);
    payload_drop(larger->payload[0]);
    larger->payload[0] = example_payload(100);
    refuses_after_ten_bytes(rest_of(larger, 10), "has 100 bytes; its pieces announced 96");
}

static void what_says_that_pieces_came_when_none_did_is_refused(void **state)
{
    (void)state;
    struct joint joint = {0};
    struct err err = ERR_INIT;
    struct msg *msg = rest_of(example(MSG_GRADIENT), 8);
    assert_int_equal(joint_take(&joint, &msg, &err), -1);
    assert_non_null(strstr(err.text, "gradient: 0 bytes came ahead of payload 1, not 8"));
}

static void an_announcement_alone_takes_little_memory(void **state)
{
    (void)state;
    struct joint joint = {0};
    struct err err = ERR_INIT;
    struct msg *piece = piece_of(MSG_GRADIENT, 1, 0, PAYLOAD_MAX_BYTES);
    assert_int_equal(joint_take(&joint, &piece, &err), 0);
    assert_true(joint.part[0].capacity <= 65536);
    joint_release(&joint);
}

/* Random pieces and messages, each one valid by itself, never crash a joint nor outgrow what was announced. */
static void no_sequence_of_messages_crashes(void **state)
{
    (void)state;
    struct joint joint = {0};
    struct rng rng;
    int n_joined = 0, n_refused = 0;
    rng_seed(&rng, 5, 6);
    for (int i = 0; i < 100000; i++) {
        struct err err = ERR_INIT;
        static const enum msg_kind kinds[] = {MSG_LAYERS, MSG_ACTIVATIONS, MSG_READY};
        enum msg_kind kind = kinds[rng_below(&rng, 8) ? 0 : rng_below(&rng, 3)];
        struct msg *msg = example(kind);
        bool has_pieces = msg_may_come_in_pieces(kind);
        size_t came = joint.part[0].n_bytes + joint.part[1].n_bytes;
        size_t offset = rng_below(&rng, 8) ? came : rng_below(&rng, msg_payload_bytes(msg) + 1);
        if (has_pieces && offset <= msg_payload_bytes(msg)) {
            if (rng_below(&rng, 4) && offset < msg_payload_bytes(msg)) {
                struct msg *piece = piece_cut(msg, offset, 1 + rng_below(&rng, 16));
                msg_free(msg);
                msg = piece;
            } else {
                piece_rest(msg, offset);
            }
        }
        assert_int_equal(msg_check(msg, &err), 0);
        bool is_piece = msg->kind == MSG_PIECE;
        if (joint_take(&joint, &msg, &err)) {
            n_refused++;
            assert_null(msg);
            joint_release(&joint);
        } else if (!is_piece) {
            assert_int_equal(msg_check(msg, &err), 0);
            n_joined += kind != MSG_READY;
        }
        for (int k = 0; k < MSG_MAX_PAYLOADS; k++)
            assert_true(joint.part[k].n_bytes <= joint.part[k].total_bytes);
        msg_free(msg);
    }
    joint_release(&joint);
    assert_true(n_joined > 100 && n_refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_joined_give_the_same_bytes),
        cmocka_unit_test(a_large_message_grows_its_memory_as_it_comes),
        cmocka_unit_test(a_piece_does_not_go_over_the_end_of_a_payload),
        cmocka_unit_test(a_piece_shares_the_memory_it_is_of),
        cmocka_unit_test(messages_without_pieces_are_left_alone),
        cmocka_unit_test(stop_and_error_end_what_was_begun),
        cmocka_unit_test(what_does_not_follow_is_refused),
        cmocka_unit_test(what_says_that_pieces_came_when_none_did_is_refused),
        cmocka_unit_test(an_announcement_alone_takes_little_memory),
        cmocka_unit_test(no_sequence_of_messages_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
