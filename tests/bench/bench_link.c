/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How exact an emulated link is: processes of their own send messages back to back over TCP on the loopback
 * interface, paced in pieces as devices pace theirs, for a second or one message, whichever is longer.
 * Achieved is what has arrived whole over the time from the first push to the last arrival.
 *
 *     bench_link [MAX_LINKS [MIN_MBPS]]    a table in Markdown for one link, and one for five at once
 *
 * Exit status 1 when a cell is off by more than 2 %.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "link/shaper.h"
#include "wire/endpoint.h"
#include "wire/piece.h"

#define MAX_LINKS     5
#define TIMEOUT_S     60.0
#define CELL_S        1.0
#define BOUND         0.02
#define SHUT_DOWN_S   2.0
#define MAX_UNDER_WAY 200 /* below half of ENDPOINT_QUEUE */

struct cell {
    double rate_bps;
    size_t n_bytes; /* of a message */
};

struct arrivals { /* of one link */
    double start_s, end_s;
    size_t n_messages;
};

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_link: %s: %s\n", what, err->text);
    exit(EXIT_FAILURE);
}

static size_t n_messages(const struct cell *cell)
{
    double n = ceil(cell->rate_bps * CELL_S / (8.0 * (double)cell->n_bytes));
    return n > 1 ? (size_t)n : 1;
}

static struct msg *new_message(struct payload *payload)
{
    struct msg *msg = msg_new(MSG_GRADIENT);
    msg->gradient = (struct msg_gradient){1, 0, 1, false};
    msg_attach(msg, payload_share(payload));
    return msg;
}

/* One end that sends. */
struct sender {
    struct endpoint *endpoint;
    struct shaper *shaper;
    struct payload *payload;
    size_t *n_parts; /* of each message: pieces and rest */
    size_t n_sent, n_received,
        n_under_way; /* messages gone, and told to have come; parts between */
};

static void send_part(struct sender *s, const struct shaper_piece *piece)
{
    struct msg *msg = piece->cookie, *cut;
    s->n_parts[s->n_sent]++;
    s->n_under_way++;
    if (piece->is_last) {
        piece_rest(msg, piece->offset_bytes);
        endpoint_send(s->endpoint, 0, &msg);
        s->n_sent++;
        return;
    }
    cut = piece_cut(msg, piece->offset_bytes, piece->n_bytes);
    endpoint_send(s->endpoint, 0, &cut);
}

/* Until then, or until a message is told to have come. */
static void wait_until(struct sender *s, double wake_us)
{
    struct wire_event event;
    struct err err = ERR_INIT;
    double wait_us = isinf(wake_us) ? -1 : fmax(ceil(wake_us - (double)clock_now_us()), 0);
    if (endpoint_wait(s->endpoint, (int64_t)wait_us, -1, &event, &err))
        die("sender", &err);
    if (event.kind == WIRE_MESSAGE)
        s->n_under_way -= s->n_parts[s->n_received++];
    else if (event.kind != WIRE_NONE)
        die("sender", &event.reason);
    msg_free(event.msg);
}

/* In a round a message waits for its answer; here a receiver that does not keep up holds the sender. */
static void send_all(struct sender *s, size_t n)
{
    struct shaper_piece piece;
    while (s->n_received < n) {
        double wake_us = HUGE_VAL;
        if (s->n_under_way < MAX_UNDER_WAY) {
            uint64_t step = shaper_step_bytes(s->shaper, SHAPER_STEP_WALL_US);
            if (shaper_take(s->shaper, (double)clock_now_us(), step, &piece)) {
                send_part(s, &piece);
                continue;
            }
            wake_us = shaper_step_us(s->shaper, step);
        }
        wait_until(s, wake_us);
    }
}

static void push_all(struct sender *s, const struct cell *cell)
{
    double now_us = (double)clock_now_us();
    struct msg *start = msg_new(MSG_CLOCK);
    start->clock.device_sent_s = now_us * 1e-6;
    endpoint_send(s->endpoint, 0, &start);
    for (size_t i = 0; i < n_messages(cell); i++)
        shaper_push(s->shaper, now_us, 8.0 * (double)cell->n_bytes, new_message(s->payload));
}

/* One device: connects, waits for the start, sends a cell's messages. */
static void run_sender(const char *address, const struct cell *cell)
{
    struct err err = ERR_INIT;
    struct wire_event event;
    struct sender s = {.endpoint = endpoint_connect(address, TIMEOUT_S, &err),
                       .shaper = shaper_new(cell->rate_bps),
                       .payload = payload_new(cell->n_bytes),
                       .n_parts = mem_zero(n_messages(cell), sizeof *s.n_parts)};
    struct msg *ready = msg_new(MSG_READY);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!s.endpoint)
        die("sender", &err);
    memset(payload_memory(s.payload), 1, cell->n_bytes);
    endpoint_send(s.endpoint, 0, &ready);
    if (endpoint_wait(s.endpoint, -1, -1, &event, &err) || event.kind != WIRE_MESSAGE)
        die("sender", err.text[0] ? &err : &event.reason);
    msg_free(event.msg);
    push_all(&s, cell);
    send_all(&s, n_messages(cell));
    endpoint_close(s.endpoint, SHUT_DOWN_S);
    shaper_free(s.shaper);
    payload_drop(s.payload);
    free(s.n_parts);
}

static void tell(struct endpoint *endpoint, uint64_t peer)
{
    struct msg *msg = msg_new(MSG_COLLECT);
    endpoint_send(endpoint, peer, &msg);
}

static void receive_cell(struct endpoint *endpoint, int n_links, const struct cell *cell,
                         struct arrivals *links)
{
    struct wire_event event;
    struct err err = ERR_INIT;
    int n_ready = 0, n_done = 0;
    while (n_done < n_links) {
        if (endpoint_wait(endpoint, -1, -1, &event, &err))
            die("receiver", &err);
        struct arrivals *link = &links[event.peer];
        if (event.kind == WIRE_LOST && link->n_messages == n_messages(cell))
            continue; /* it has done its part */
        if (event.kind != WIRE_MESSAGE)
            die("receiver", &event.reason);
        if (event.msg->kind == MSG_READY && ++n_ready == n_links)
            for (int i = 0; i < n_links; i++)
                tell(endpoint, (uint64_t)i);
        if (event.msg->kind == MSG_CLOCK)
            link->start_s = event.msg->clock.device_sent_s;
        if (event.msg->kind == MSG_GRADIENT) {
            link->end_s = (double)clock_now_us() * 1e-6;
            n_done += ++link->n_messages == n_messages(cell);
            tell(endpoint, event.peer);
        }
        msg_free(event.msg);
    }
}

/* The link that is furthest off. */
static double worst_rate(const struct arrivals *links, int n_links, const struct cell *cell)
{
    double worst = cell->rate_bps;
    for (int i = 0; i < n_links; i++) {
        double bits = 8.0 * (double)cell->n_bytes * (double)links[i].n_messages;
        double rate = bits / (links[i].end_s - links[i].start_s);
        if (fabs(rate - cell->rate_bps) > fabs(worst - cell->rate_bps))
            worst = rate;
    }
    return worst;
}

static double measure(const struct cell *cell, int n_links)
{
    struct err err = ERR_INIT;
    struct arrivals links[MAX_LINKS] = {{0}};
    struct endpoint *endpoint = endpoint_listen("tcp://127.0.0.1:*", TIMEOUT_S, &err);
    char *address = endpoint ? mem_string(endpoint_address(endpoint)) : NULL;
    if (!endpoint)
        die("receiver", &err);
    fflush(stdout);
    endpoint_close(endpoint, 0);
    for (int i = 0; i < n_links; i++)
        if (fork() == 0) {
            run_sender(address, cell);
            _exit(EXIT_SUCCESS);
        }
    endpoint = endpoint_listen(address, TIMEOUT_S, &err);
    if (!endpoint)
        die("receiver", &err);
    receive_cell(endpoint, n_links, cell, links);
    endpoint_close(endpoint, SHUT_DOWN_S);
    while (wait(NULL) > 0)
        ;
    free(address);
    return worst_rate(links, n_links, cell);
}

static bool print_table(int n_links, double min_bps)
{
    static const double rates[] = {1e6, 1e7, 1e8, 1e9};
    static const size_t sizes[] = {64 << 10, 1 << 20, 16 << 20};
    bool is_within = true;
    printf("| links at once | asked Mbit/s | message KiB | messages each | achieved Mbit/s | "
           "difference %% |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(rates); i++)
        for (size_t k = 0; k < ARRAY_LEN(sizes) && rates[i] >= min_bps; k++) {
            struct cell cell = {rates[i], sizes[k]};
            double rate = measure(&cell, n_links), off = rate / cell.rate_bps - 1;
            is_within = is_within && fabs(off) <= BOUND;
            printf("| %d | %g | %zu | %zu | %.5g | %+.3f |\n", n_links, rates[i] * 1e-6,
                   sizes[k] >> 10, n_messages(&cell), rate * 1e-6, 100 * off);
            fflush(stdout);
        }
    printf("\n");
    return is_within;
}

int main(int argc, char **argv)
{
    bool wants_many = argc < 2 || strcmp(argv[1], "1") != 0;
    double min_bps = argc > 2 ? strtod(argv[2], NULL) * 1e6 : 0;
    bool is_within = print_table(1, min_bps);
    if (wants_many)
        is_within = print_table(MAX_LINKS, min_bps) && is_within;
    return is_within ? EXIT_SUCCESS : EXIT_FAILURE;
}
