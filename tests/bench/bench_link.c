/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How exact an emulated link is: processes of their own send messages back to back over TCP on the loopback
 * interface, paced in pieces as devices pace theirs, for a second or one message, whichever is longer.
 * Achieved is what has arrived whole over the time from the first push to the last arrival.
 *
 *     bench_link [MAX_LINKS]    a table in Markdown for one link, and one for five at once
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

#define MAX_LINKS   5
#define TIMEOUT_S   60.0
#define CELL_S      1.0
#define BOUND       0.02
#define SHUT_DOWN_S 2.0

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

/* What is due of the oldest message goes. */
static void send_piece(struct endpoint *endpoint, const struct shaper_piece *piece)
{
    struct msg *msg = piece->cookie, *cut;
    if (piece->is_last) {
        piece_rest(msg, piece->offset_bytes);
        endpoint_send(endpoint, 0, &msg);
        return;
    }
    cut = piece_cut(msg, piece->offset_bytes, piece->n_bytes);
    endpoint_send(endpoint, 0, &cut);
}

/* The other messages that are awaited are none: an event is the end of the line. */
static void wait_quietly(struct endpoint *endpoint, double wake_us)
{
    struct wire_event event;
    struct err err = ERR_INIT;
    double wait_us = ceil(wake_us - (double)clock_now_us());
    if (endpoint_wait(endpoint, wait_us > 0 ? (int64_t)wait_us : 0, -1, &event, &err))
        die("sender", &err);
    if (event.kind != WIRE_NONE)
        die("sender", &event.reason);
}

static void push_all(struct shaper *shaper, const struct cell *cell, struct payload *payload)
{
    double now_us = (double)clock_now_us();
    for (size_t i = 0; i < n_messages(cell); i++)
        shaper_push(shaper, now_us, 8.0 * (double)cell->n_bytes, new_message(payload));
}

static void tell_start(struct endpoint *endpoint)
{
    struct msg *msg = msg_new(MSG_CLOCK);
    msg->clock.device_sent_s = (double)clock_now_us() * 1e-6;
    endpoint_send(endpoint, 0, &msg);
}

static void pace(struct endpoint *endpoint, struct shaper *shaper)
{
    struct shaper_piece piece;
    for (;;) {
        uint64_t step = shaper_step_bytes(shaper, SHAPER_STEP_WALL_US);
        while (shaper_take(shaper, (double)clock_now_us(), step, &piece)) {
            send_piece(endpoint, &piece);
            step = shaper_step_bytes(shaper, SHAPER_STEP_WALL_US);
        }
        if (isinf(shaper_step_us(shaper, step)))
            return;
        wait_quietly(endpoint, shaper_step_us(shaper, step));
    }
}

/* One device: connects, waits for the start, sends a cell's messages. */
static void run_sender(const char *address, const struct cell *cell)
{
    struct err err = ERR_INIT;
    struct wire_event event;
    struct endpoint *endpoint = endpoint_connect(address, TIMEOUT_S, &err);
    struct shaper *shaper = shaper_new(cell->rate_bps);
    struct payload *payload = payload_new(cell->n_bytes);
    struct msg *ready = msg_new(MSG_READY);
    memset(payload_memory(payload), 1, cell->n_bytes);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!endpoint)
        die("sender", &err);
    endpoint_send(endpoint, 0, &ready);
    if (endpoint_wait(endpoint, -1, -1, &event, &err) || event.kind != WIRE_MESSAGE)
        die("sender", err.text[0] ? &err : &event.reason);
    msg_free(event.msg);
    tell_start(endpoint);
    push_all(shaper, cell, payload);
    pace(endpoint, shaper);
    if (endpoint_wait(endpoint, -1, -1, &event, &err) || event.kind != WIRE_MESSAGE)
        die("sender", err.text[0] ? &err : &event.reason);
    msg_free(event.msg); /* all was received */
    endpoint_close(endpoint, SHUT_DOWN_S);
    shaper_free(shaper);
    payload_drop(payload);
}

static void tell_all(struct endpoint *endpoint, int n_links)
{
    for (int i = 0; i < n_links; i++) {
        struct msg *go = msg_new(MSG_COLLECT);
        endpoint_send(endpoint, (uint64_t)i, &go);
    }
}

static void receive_cell(struct endpoint *endpoint, int n_links, const struct cell *cell,
                         struct arrivals *links)
{
    struct wire_event event;
    struct err err = ERR_INIT;
    int n_ready = 0, n_done = 0;
    while (n_done < n_links) {
        if (endpoint_wait(endpoint, -1, -1, &event, &err) || event.kind != WIRE_MESSAGE)
            die("receiver", err.text[0] ? &err : &event.reason);
        struct arrivals *link = &links[event.peer];
        if (event.msg->kind == MSG_READY && ++n_ready == n_links)
            tell_all(endpoint, n_links);
        if (event.msg->kind == MSG_CLOCK)
            link->start_s = event.msg->clock.device_sent_s;
        if (event.msg->kind == MSG_GRADIENT && ++link->n_messages == n_messages(cell)) {
            link->end_s = (double)clock_now_us() * 1e-6;
            n_done++;
        }
        msg_free(event.msg);
    }
    tell_all(endpoint, n_links);
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

static bool print_table(int n_links)
{
    static const double rates[] = {1e6, 1e7, 1e8, 1e9};
    static const size_t sizes[] = {64 << 10, 1 << 20, 16 << 20};
    bool is_within = true;
    printf("| links at once | asked Mbit/s | message KiB | messages each | achieved Mbit/s | "
           "difference %% |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(rates); i++)
        for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
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
    bool is_within = print_table(1);
    if (wants_many)
        is_within = print_table(MAX_LINKS) && is_within;
    return is_within ? EXIT_SUCCESS : EXIT_FAILURE;
}
