/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The device with ZeroMQ and the wall clock: what the program splitbed-agent does. */
#ifndef DEVICE_AGENT_AGENT_LOOP_H
#define DEVICE_AGENT_AGENT_LOOP_H

#include "base/err.h"

struct agent_options {
    const char *server; /* ZeroMQ address */
    const char *name;   /* of the device, as in the experiment */
    const char *data_dir;
    double timeout_s; /* to reach the server, and silence after which it counts as gone */
    int stop_fd;      /* readable: end at once (base/signal_fd.h); -1: none */
};

/* Until the server says stop (0), or -1 when the run cannot go on or stop_fd got readable. */
int agent_run(const struct agent_options *options, struct err *err);

#endif
