/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far each device's clock is ahead of the server's, so that what a device stamped can be placed on the server's
 * time line: between rounds, when nothing else is on its way, each device in turn is asked a few times what
 * time it is. Of several answers the one with the shortest round trip counts, as in NTP's clock filter (RFC
 * 5905, section 10): with t1 asked, t2 received, t3 sent back, t4 answered,
 *
 *     offset = ((t2 - t1) + (t3 - t4)) / 2,    off by at most ((t4 - t1) - (t3 - t2)) / 2
 *
 * whatever the delays of the two ways were.
 */
#include <math.h>

#include "edge-server/server_impl.h"

#define N_EXCHANGES 8
#define MAX_SHARE   0.02 /* of the time that asking may take */

static void ask(struct server *server, double now_us)
{
    struct clocks *clocks = &server->clocks;
    struct msg *msg = msg_new(MSG_CLOCK);
    msg->clock.server_sent_s = clocks->asked_s = now_us * 1e-6;
    clocks->n_asked++;
    server_send(server, clocks->seat, msg);
}

static void ask_seat(struct server *server, int seat, double now_us)
{
    server->clocks.seat = seat;
    server->clocks.n_asked = 0;
    server->seats[seat].clock = (struct clock_offset){.bound_us = HUGE_VAL};
    ask(server, now_us);
}

void clocks_advance(struct server *server, double now_us)
{
    double every_us = server->in.clock_every_us;
    if (server->state != SERVER_PLANNING || every_us <= 0 || now_us < server->clocks.next_us)
        return;
    server->state = SERVER_CLOCKS;
    server->clocks.start_us = now_us;
    ask_seat(server, 0, now_us);
}

static void keep_shortest(struct clock_offset *clock, const struct msg_clock *answer, double now_us)
{
    double t1 = answer->server_sent_s * 1e6, t4 = now_us;
    double t2 = answer->device_received_s * 1e6, t3 = answer->device_sent_s * 1e6;
    double bound_us = fmax((t4 - t1) - (t3 - t2), 0) / 2;
    if (bound_us < clock->bound_us)
        *clock = (struct clock_offset){true, ((t2 - t1) + (t3 - t4)) / 2, bound_us};
}

void clocks_on_answer(struct server *server, int seat, const struct msg_clock *answer,
                      double now_us)
{
    struct clocks *clocks = &server->clocks;
    if (server->state != SERVER_CLOCKS || clocks->seat != seat ||
        answer->server_sent_s != clocks->asked_s) {
        server_fail(server, "device %s: told a time that nobody asked for",
                    seat_name(server, seat));
        return;
    }
    if (answer->device_sent_s < answer->device_received_s) {
        server_fail(server, "device %s: its clock went back by %g s while it looked",
                    seat_name(server, seat), answer->device_received_s - answer->device_sent_s);
        return;
    }
    keep_shortest(&server->seats[seat].clock, answer, now_us);
    if (!isfinite(server->seats[seat].clock.offset_us)) {
        server_fail(server, "device %s: its clock is at %g s, which is out of all range",
                    seat_name(server, seat), answer->device_received_s);
        return;
    }
    if (clocks->n_asked < N_EXCHANGES) {
        ask(server, now_us);
    } else if (seat + 1 < server->n_seats) {
        ask_seat(server, seat + 1, now_us);
    } else {
        double least_us = (now_us - clocks->start_us) / MAX_SHARE;
        clocks->next_us = now_us + fmax(server->in.clock_every_us, least_us);
        server->state = SERVER_PLANNING;
    }
}
