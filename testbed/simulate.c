/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/simulate.h"

#include "base/log.h"
#include "base/signal_fd.h"
#include "edge-server/framework.h"
#include "edge-server/run.h"
#include "testbed/simulation.h"

/* A look for signals is a system call; an event may be much less. */
#define EVENTS_A_LOOK 64

static bool is_over(const struct server *server)
{
    return server_state(server) == SERVER_DONE || server_state(server) == SERVER_FAILED;
}

static int step(struct run *run, struct server *server, struct simulation *simulation,
                struct err *err)
{
    if (server_wanted_round(server)) {
        run_start(run);
        simulation_restart_clock(simulation);
        run_go_on(run, server, simulation_now_us(simulation));
        simulation_take_sent(simulation);
    }
    if (!is_over(server) && !simulation_step(simulation))
        server_stop(server, "the simulation stands still: nobody has anything to do");
    return run_take_records(run, server, err);
}

static int train(struct run *run, struct server *server, struct simulation *simulation, int stop_fd,
                 struct err *err)
{
    for (uint64_t n = 0; !is_over(server); n++) {
        /* Learning makes events long. */
        bool looks = run->e->training.learns || n % EVENTS_A_LOOK == 0;
        if (looks && signal_fd_came(stop_fd))
            server_stop(server, "stopped by a signal");
        if (step(run, server, simulation, err))
            return -1;
    }
    const char *failure = server_failure(server);
    return failure ? err_set(err, "%s", failure) : 0;
}

static int run_and_close(struct run *run, const struct experiment *e, const char *dir, int stop_fd,
                         struct err *err)
{
    struct server *server = run_open(run, e, dir, err) ? NULL : server_new(&run->inputs, err);
    if (!server)
        return -1;
    log_info("%s", framework_find(e->training.framework)->help);
    struct simulation *simulation = simulation_new(e, server);
    int status = run_end(run, server, train(run, server, simulation, stop_fd, err), err);
    simulation_free(simulation);
    server_free(server);
    return status;
}

int simulate_run(const struct experiment *e, const char *dir, int stop_fd, struct err *err)
{
    struct experiment modelled = *e; /* what it points to is borrowed */
    struct err closing = ERR_INIT;
    struct run run;
    char link[] = "modelled";
    modelled.testbed.models_compute = true;
    modelled.testbed.link = link;
    modelled.testbed.time_scale = 1; /* it may be for `splitbed run` to find */
    int status = run_and_close(&run, &modelled, dir, stop_fd, err);
    if (run_close(&run, &closing) && !status)
        status = err_set(err, "%s", closing.text);
    return status;
}
