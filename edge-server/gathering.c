/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices come and sit down (HELLO), get their part, and say what they have (READY), until all are there. */
#include <limits.h>
#include <string.h>

#include "edge-server/assignment.h"
#include "edge-server/server_impl.h"

static int seat_of_name(const struct server *server, const char *name)
{
    for (int i = 0; i < server->n_seats; i++)
        if (strcmp(seat_name(server, i), name) == 0)
            return i;
    return -1;
}

/* Among those taken: the first whose peer's number is not below. */
static int place_of(const struct server *server, uint64_t peer)
{
    int first = 0, end = server->n_taken;
    while (first < end) {
        int middle = first + (end - first) / 2;
        if (server->seats[server->by_peer[middle]].peer < peer)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

int gathering_seat_of(const struct server *server, uint64_t peer)
{
    int place = place_of(server, peer);
    if (place == server->n_taken)
        return -1;
    const struct seat *seat = &server->seats[server->by_peer[place]];
    return seat->peer == peer && seat->state != SEAT_EMPTY ? server->by_peer[place] : -1;
}

static void take_seat(struct server *server, int seat, uint64_t peer)
{
    int place = place_of(server, peer);
    memmove(server->by_peer + place + 1, server->by_peer + place,
            (size_t)(server->n_taken - place) * sizeof *server->by_peer);
    server->by_peer[place] = seat;
    server->n_taken++;
    server->seats[seat].peer = peer;
    server->seats[seat].state = SEAT_ASSIGNED;
}

/* A stranger who may not sit down is told why; the run goes on without it. */
void gathering_on_hello(struct server *server, uint64_t peer, const struct msg_hello *hello)
{
    int seat = seat_of_name(server, hello->name);
    struct msg *refusal = NULL;
    if (hello->protocol_version != PROTOCOL_VERSION)
        refusal = msg_reason(MSG_ERROR, "protocol version %u (%s): this server speaks version %d",
                             hello->protocol_version, hello->software, PROTOCOL_VERSION);
    else if (seat < 0)
        refusal = msg_reason(MSG_ERROR, "the experiment has no device '%s'", hello->name);
    else if (server->seats[seat].state != SEAT_EMPTY)
        refusal = msg_reason(MSG_ERROR, "a device '%s' is already connected", hello->name);
    if (refusal) {
        server_send_peer(server, peer, refusal);
        return;
    }
    int cut = server->in.schedule->cut;
    take_seat(server, seat, peer);
    server_send(server, seat,
                assignment_make(server->in.experiment, seat, cut, server->in.partition,
                                server->fronts[seat]));
}

/* Whether the device's data are what was assigned. */
static bool has_assigned_samples(const struct server *server, int seat,
                                 const struct msg_ready *ready)
{
    const struct partition *p = server->in.partition;
    return ready->n_train_samples == p->first[seat + 1] - p->first[seat] &&
           ready->n_test_samples >= (uint64_t)server->in.n_test_samples;
}

static int take_counts(struct server *server, int seat, const struct msg_ready *ready)
{
    const struct partition *p = server->in.partition;
    unsigned long long n_train = ready->n_train_samples, n_test = ready->n_test_samples;
    if (!server->in.experiment->training.learns) {
        server->seats[seat].n_train = 1; /* all weigh the same */
        return 0;
    }
    if (p && !has_assigned_samples(server, seat, ready)) {
        server_fail(server,
                    "device %s: has %llu training and %llu test samples, wanted are %zu and %d",
                    seat_name(server, seat), n_train, n_test, p->first[seat + 1] - p->first[seat],
                    server->in.n_test_samples);
        return -1;
    }
    if (n_train < 1 || n_train > UINT32_MAX || n_test < 1 || n_test > UINT32_MAX) {
        server_fail(server,
                    "device %s: has %llu training and %llu test samples, allowed are 1 to %u each",
                    seat_name(server, seat), n_train, n_test, UINT32_MAX);
        return -1;
    }
    server->seats[seat].n_train = n_train;
    server->seats[seat].n_test = n_test;
    return 0;
}

/* Every device's weight, once it is known how many samples each has. */
static void weigh_devices(struct server *server)
{
    uint64_t n_samples = 0;
    for (int i = 0; i < server->n_seats; i++)
        n_samples += server->seats[i].n_train;
    for (int i = 0; i < server->n_seats; i++)
        server->lambda[i] = (double)server->seats[i].n_train / (double)n_samples;
}

/* Without a partition: as many as wanted that every device has. */
static void agree_on_test_samples(struct server *server)
{
    uint64_t n = server->in.n_test_samples > 0 ? (uint64_t)server->in.n_test_samples : INT_MAX;
    for (int i = 0; i < server->n_seats; i++)
        n = server->seats[i].n_test < n ? server->seats[i].n_test : n;
    server->n_test = (int)n;
}

void gathering_on_ready(struct server *server, int seat, const struct msg_ready *ready)
{
    if (server->seats[seat].state != SEAT_ASSIGNED) {
        server_fail(server, "device %s: said ready twice", seat_name(server, seat));
        return;
    }
    if (take_counts(server, seat, ready))
        return;
    server->seats[seat].state = SEAT_READY;
    if (++server->n_ready < server->n_seats)
        return;
    weigh_devices(server);
    if (!server->in.partition)
        agree_on_test_samples(server);
    server->state = SERVER_PLANNING;
}
