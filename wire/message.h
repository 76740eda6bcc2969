/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What devices and server say to one another (docs/PROTOCOL.md): a control part, encoded by protobuf, and up
 * to two payloads. These structs are what the round logic of both sides takes and returns; encoding,
 * decoding and every limit on sizes are behind wire/codec.h, so inside a decoded message all strings end, all
 * counts are within limits, all numbers are finite, and payload sizes are multiples of 4.
 *
 * Durations are modelled seconds (wall seconds over the experiment's time scale); a pace of 0 means
 * "not emulated: do not wait".
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/payload.h"

#define PROTOCOL_VERSION 3

#define MSG_MAX_NAME      64  /* bytes of a name, NUL included */
#define MSG_MAX_REASON    512 /* bytes of a reason, NUL included */
#define MSG_MAX_CONTROL   (1u << 20)
#define MSG_MAX_PAYLOADS  2
#define MSG_MAX_LAYERS    512 /* in one list */
#define MSG_MAX_DEPTH     4   /* lists within the network's own list */
#define MSG_MAX_ARGUMENTS 16
#define MSG_MAX_BRANCHES  4

enum msg_kind {
    MSG_HELLO = 1, /* device: here I am */
    MSG_ASSIGNMENT, /* server: model, data, optimiser; payloads: sample indices u32, front weights f32 */
    MSG_READY,      /* device: data and model are loaded */
    MSG_ROUND, /* server: begin; payloads (optional): weights f32 and optimiser state f32 to take over */
    MSG_ACTIVATIONS, /* device: payloads: activations f32 (batch, shape at the cut), labels u32 (batch) */
    MSG_GRADIENT,   /* server: payload: f32 (n_slots, shape at the cut) */
    MSG_ROUND_DONE, /* device: stepped; payload (if asked for): front weights f32 */
    MSG_EVALUATE,   /* server: forward these test samples */
    MSG_EVALUATION, /* device: payloads as MSG_ACTIVATIONS */
    MSG_STOP,       /* server: the run is over */
    MSG_ERROR,      /* either: I give up, for this reason; the connection ends */
    MSG_COLLECT,    /* server: send your front weights */
    MSG_FRONT,      /* device: payload: front weights f32 */
    MSG_LAYERS,     /* device: layers given up; payloads: weights f32, optimiser state f32 */
    MSG_PIECE,      /* either: bytes of a payload of the message to come (wire/piece.h) */
    MSG_CLOCK,      /* server: what time is it? device: the answer */
    MSG_N_KINDS
};

struct msg_hello {
    uint32_t protocol_version;
    char software[MSG_MAX_NAME]; /* "splitbed-agent 0.1" */
    char name[MSG_MAX_NAME];     /* of the device, as in the experiment */
};

/* A list of layers, kinds and arguments as in the experiment's model file. */
struct msg_argument {
    char key[MSG_MAX_NAME];
    double value;
};
struct msg_layer;
struct msg_layer_list {
    char key[MSG_MAX_NAME]; /* a branch's name; "" for the network's own list */
    struct msg_layer *layers;
    size_t n_layers;
};
struct msg_layer {
    char kind[MSG_MAX_NAME];
    char name[MSG_MAX_NAME];
    struct msg_argument *arguments;
    size_t n_arguments;
    struct msg_layer_list *branches;
    size_t n_branches;
};

struct msg_assignment {
    uint32_t device_index, n_devices;
    uint64_t seed;
    double time_scale; /* wall seconds per modelled second, > 0 */
    double
        peer_timeout_s; /* wall seconds of silence after which the server counts a peer as gone, > 0 */
    uint32_t threads; /* BLAS threads, >= 1 */

    char model_name[MSG_MAX_NAME];
    uint32_t input_dims[3]; /* channels, height, width; n_input_dims 1 or 3 */
    uint32_t n_input_dims;
    struct msg_layer_list layers;
    uint32_t cut; /* the device holds layers [0, cut) */

    uint32_t batch_size;
    char optimizer[MSG_MAX_NAME]; /* a row of models/optimizer.h, as are the numbers */
    double learning_rate, momentum, weight_decay;
    double beta1, beta2, eps;

    char data_format[MSG_MAX_NAME];
    double data_mean, data_std;
    uint32_t crop_padding; /* pixels; 0: training images are not cropped */
    bool flips;            /* left and right, in half of the training images */
    bool has_own_samples;  /* the device trains on all that it finds; payload 1 is empty */
    bool
        is_without_learning; /* sizes and times alone: no data, no weights; both payloads are empty */
};

struct msg_ready {
    uint64_t n_train_samples, n_test_samples; /* found on the device */
};

struct msg_round {
    uint32_t round;        /* from 1 */
    uint32_t n_shared;     /* n: slots whose gradient will be the shared one */
    double forward_s;      /* pace: modelled time of the device's forward pass */
    double backward_s;     /* pace: of its backward pass */
    double uplink_bps;     /* pace: planned rate of the activations */
    double layers_bps;     /* pace: of layers given up */
    double front_bps;      /* pace: of front weights that are returned */
    bool returns_front;    /* send the front weights with MSG_ROUND_DONE */
    uint32_t cut;          /* from this round on the device holds layers [0, cut) */
    uint32_t weights_from; /* payload 1, when there is one, is of layers [weights_from, cut) */
    /* When the cut gets smaller: send these of the layers given up with MSG_LAYERS, before anything else. */
    bool returns_layers, returns_optimizer;
};

struct msg_activations {
    uint32_t round, n_samples;
    double
        forward_s; /* measured, from MSG_ROUND's arrival to activations ready, waiting included */
    double forward_busy_s;  /* of that, really computing */
    double forward_start_s; /* when the forward pass began, on the device's clock */
};

struct msg_gradient {
    uint32_t round;
    uint32_t first_slot,
        n_slots;    /* of the batch; a round's gradients cover every slot exactly once */
    bool is_shared; /* the same for all devices (broadcast), or this device's own */
};

struct msg_round_done {
    uint32_t round;
    double backward_s;      /* measured, from the last gradient's arrival, waiting included */
    double backward_busy_s; /* of that, really computing */
    uint32_t
        n_overruns; /* passes of this round whose real computing took longer than the model says */
    double backward_start_s; /* when the batch's gradient was complete, on the device's clock */
};

struct msg_layers {
    uint32_t round;
};

struct msg_piece {
    uint32_t kind;        /* of the message to come: one that msg_may_come_in_pieces() */
    uint32_t payload;     /* which of its payloads: 1 or 2 */
    uint64_t offset;      /* bytes of that payload that went before */
    uint64_t total_bytes; /* of that payload as a whole */
};

/*
 * Modelled seconds on each one's own clock, from whatever zero it has. The server fills the first; the device
 * sends it back with the other two.
 */
struct msg_clock {
    double server_sent_s, device_received_s, device_sent_s;
};

struct msg_evaluate {
    uint32_t evaluation;               /* number of the evaluation, from 1 */
    uint32_t first, stride, n_samples; /* test samples first, first + stride, ... */
};

struct msg_evaluation {
    uint32_t evaluation, first, n_samples; /* as asked */
};

struct msg_reason { /* MSG_STOP, MSG_ERROR */
    char reason[MSG_MAX_REASON];
};

struct msg {
    enum msg_kind kind;
    union {
        struct msg_hello hello;
        struct msg_assignment assignment;
        struct msg_ready ready;
        struct msg_round round;
        struct msg_activations activations;
        struct msg_gradient gradient;
        struct msg_round_done round_done;
        struct msg_evaluate evaluate;
        struct msg_evaluation evaluation;
        struct msg_reason stop, error;
        struct msg_layers layers;
        struct msg_piece piece;
        struct msg_clock clock;
    };
    /* Of each payload, what pieces have brought before; payload[] has the rest. 0 inside the two round logics. */
    uint64_t ahead_bytes[MSG_MAX_PAYLOADS];
    struct payload *payload[MSG_MAX_PAYLOADS]; /* one reference each */
    int n_payloads;
};

struct msg *msg_new(enum msg_kind kind); /* zeroed */
void msg_free(struct msg *msg);          /* drops payloads, frees layer lists; NULL is fine */
void msg_attach(struct msg *msg, struct payload *payload); /* takes the reference */

/* MSG_STOP or MSG_ERROR with a formatted reason, cut to its limit. */
struct msg *msg_reason(enum msg_kind kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

const char *msg_kind_name(enum msg_kind kind); /* "activations" */

/* Is it a kind with tensors that are paced, and that therefore may come in pieces? */
bool msg_may_come_in_pieces(enum msg_kind kind);

/* Bytes of all payloads. */
size_t msg_payload_bytes(const struct msg *msg);

#endif
