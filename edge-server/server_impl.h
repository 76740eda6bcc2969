/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the files of the server's round logic alone: server.c (what came, from round to round), gathering.c (who
 * is there), turn.c (a round's turns), pacing.c (links that are paced outside), measure.c (what its phases took),
 * handover.c (layers that change sides), clocks.c (devices' clocks), collect.c (the trained weights), server_out.c
 * (messages out, ends).
 */
#ifndef EDGE_SERVER_SERVER_IMPL_H
#define EDGE_SERVER_SERVER_IMPL_H

#include "edge-server/air.h"
#include "edge-server/back.h"
#include "edge-server/evaluation.h"
#include "edge-server/framework.h"
#include "edge-server/link_kind.h"
#include "edge-server/server.h"
#include "link/pass.h"

/* docs/PROTOCOL.md names the same states. */
enum seat_state {
    SEAT_EMPTY,      /* no device of this name yet */
    SEAT_ASSIGNED,   /* told its part, loading */
    SEAT_READY,      /* for a round or an evaluation */
    SEAT_HANDING_UP, /* has the round; layers it gives up are awaited */
    SEAT_COMPUTING,  /* has the round; its activations are awaited */
    SEAT_WAITING,    /* its activations are here */
    SEAT_ANSWERED,   /* its gradient has gone; its MSG_ROUND_DONE is awaited */
    SEAT_EVALUATING, /* forwards a chunk of test samples */
    SEAT_COLLECTING  /* its front weights are awaited */
};

/* How far a device's clock is ahead of the server's, and by how much that may be wrong; modelled. */
struct clock_offset {
    bool is_known;
    double offset_us, bound_us;
};

/* Asking for it. */
struct clocks {
    int seat, n_asked; /* who is being asked, how often already */
    double asked_s;    /* the question that waits for its answer */
    double start_us, next_us;
};

/* A device of the experiment and who sits there. */
struct seat {
    enum seat_state state;
    uint64_t peer;
    uint64_t n_train, n_test; /* samples it will train on, and has for evaluations */
    double round_sent_us;     /* MSG_ROUND was on its way from here on */
    double answered_us;       /* its gradient had gone by here */
    int gains_from;           /* whose hand-over the weights with MSG_ROUND are; -1: it has none */
    bool returns_layers, returns_optimizer;   /* as asked for with the round */
    struct payload *layers[MSG_MAX_PAYLOADS]; /* handed up, until all have; NULL */
    struct clock_offset clock;
};

struct outgoing {
    uint64_t peer;
    struct msg *msg;
};

enum turn_phase {
    TURN_GATHERING, /* activations come in */
    TURN_FORWARD,   /* the server's forward pass */
    TURN_BACKWARD,  /* its backward pass */
    TURN_ANSWERING, /* gradients are on the air, devices run backward */
};

struct turn {
    int index;          /* in the round */
    int first, n_seats; /* its devices */
    int n_handed, n_arrived, n_done;
    enum turn_phase phase;
    struct pass pass;
    double gradients_us; /* backward was over: gradients went on the air */
    double broadcast_end_us;
};

/* The cut's way into this round, from == to when it stays. */
struct move {
    int from, to;
    /* When it gets larger: what every device gains, layers [from, to). Else NULL. */
    struct payload *weights, *optimizer;
};

struct server {
    struct server_inputs in;
    const struct framework *framework;
    const struct link_kind *link;
    enum aggregation aggregation;
    int n_seats; /* C */
    struct seat *seats;
    int *by_peer, n_taken; /* seats that were taken, in the order of their peers' numbers */
    int n_ready;
    enum server_state state;
    char failure[MSG_MAX_REASON];

    struct payload *
        *fronts; /* [C] weights each device starts from; once collected, those it ends with */
    struct payload *front; /* handed on from the turn before, or NULL */
    int n_to_collect;
    bool has_weights; /* fronts were collected */
    struct back *back;
    struct air *air;
    double *lambda; /* [C] D_i / sum D */
    double one;     /* the weight of a device that is alone on its turn */
    int n_slots;    /* n = ceil(phi b), 0 when taking turns */
    int n_test;     /* samples an evaluation covers */

    double run_start_us, round_start_us; /* the first round began, this one did */
    struct clocks clocks;
    struct move move;
    struct turn turn;
    struct evaluation evaluation;
    struct round_record records[2]; /* the round under way, and the last finished */
    int current;
    bool has_record;      /* the finished one was not given out yet */
    bool last_is_current; /* no round was begun after it */

    struct outgoing *outbox;
    size_t n_outgoing, outbox_capacity, next_outgoing;
    struct link_pace *paces; /* to be set before the outbox's messages go */
    size_t n_paces, pace_capacity, next_pace;
};

/* server_out.c */
void server_send(struct server *server, int seat, struct msg *msg);
void server_send_peer(struct server *server, uint64_t peer, struct msg *msg);
/* To n_seats from `first` on, bytes that are due ahead of their message (the cookie). */
void server_send_ahead(struct server *server, int first, int n_seats,
                       const struct shaper_piece *due);
void server_fail(struct server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void server_finish(struct server *server);
void server_clear_outbox(struct server *server);

/* pacing.c: at which rate of the round the next message goes out on the air, to a seat or to all. */
void pacing_air(struct server *server, enum link_direction direction, int seat);
/* What a link is to be from its next message on, where somebody else paces it; else nothing. */
void pacing_none(struct server *server);             /* no link is held up between rounds */
void pacing_uplink(struct server *server, int seat); /* for the activations */
void pacing_layers(struct server *server, int seat); /* for layers that go up before them */
/* For a message that the air gave out early, as one of the directions that go down. */
void pacing_downlink(struct server *server, int seat, const struct msg *msg,
                     enum link_direction direction);
/* Where delays and losses are real, for control and acknowledgements alone: the activations are there, ... */
void pacing_arrived(struct server *server, int seat);
void pacing_done(struct server *server, int seat);   /* ... the device's turn is over. */
void pacing_answer(struct server *server, int seat); /* and for a front part that comes back */

/* gathering.c */
int gathering_seat_of(const struct server *server, uint64_t peer); /* -1: it has none */
void gathering_on_hello(struct server *server, uint64_t peer, const struct msg_hello *hello);
void gathering_on_ready(struct server *server, int seat, const struct msg_ready *ready);

/* turn.c */
void turn_start_round(struct server *server, double now_us);
void turn_on_activations(struct server *server, int seat, struct msg *msg, double now_us);
void turn_on_round_done(struct server *server, int seat, struct msg *msg, double now_us);
void turn_advance(struct server *server, double now_us);
double turn_wake_us(const struct server *server);
void turn_shift_clock(struct turn *turn, double by_us);

/* timeline.c: what happens now, into the current record. */
void timeline_start_round(struct server *server, double now_us);
void timeline_start_turn(struct server *server, double now_us);
void timeline_arrived(struct server *server, int seat, double forward_s, double now_us);
void timeline_forward(struct server *server, double now_us);
void timeline_backward(struct server *server, double now_us);
void timeline_gradients(struct server *server); /* backward is over, or the broadcast */
void timeline_done(struct server *server, int seat, const struct msg *msg, double now_us);

/* handover.c */
/* At a round's start: the server's layers as its plan says. */
int handover_start(struct server *server, struct err *err);
void handover_release(struct server *server);
void handover_release_seat(struct seat *seat);
size_t handover_given_bytes(const struct server *server, int seat); /* as it was asked for them */
/* The cut, what the seat's device gains and what it is to hand up. */
void handover_attach(const struct server *server, int seat, struct msg *msg);
void handover_on_layers(struct server *server, int seat, struct msg *msg, double now_us);

/* clocks.c */
/* Between rounds: asks for the time when it is due. */
void clocks_advance(struct server *server, double now_us);
void clocks_on_answer(struct server *server, int seat, const struct msg_clock *answer,
                      double now_us);

/* measure.c: into the record of the round under way. */
/* A device's stamp in seconds of its clock: microseconds since the round began. */
double measure_stamp_us(const struct server *server, int seat, double stamp_s);
void measure_clock(struct server *server, int seat);
void measure_uplink(struct server *server, int seat, double forward_s, double now_us);
void measure_handover(struct server *server, int of, int seat, double now_us);
void measure_downlink(struct server *server, int seat, const struct msg *msg, double now_us);
bool measure_is_late(const struct server *server, const struct round_record *record);

/* collect.c */
void collect_start(struct server *server);
void collect_on_front(struct server *server, int seat, const struct msg *msg);

/* server.c */
size_t server_front_bytes(const struct server *server); /* of the front weights as the cut is */
/* Whether a batch and the front part at the schedule's cut fit into messages. */
int server_check_cut(const struct server *server, struct err *err);
/* NULL, or what is wrong with a message of n_samples activations and labels. */
const char *server_check_batch(const struct server *server, const struct msg *msg,
                               size_t n_samples);
/* What follows when the last turn of a round is over. */
void server_end_round(struct server *server);

static inline struct round_record *current_record(struct server *server)
{
    return &server->records[server->current];
}

static inline const char *seat_name(const struct server *server, int seat)
{
    return server->in.experiment->devices[seat].name;
}

#endif
