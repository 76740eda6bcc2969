/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed-agent: the program on a device. Everything but its name, its data and the address comes from the
 * server. */
#include <argp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/signal_fd.h"
#include "base/units.h"
#include "device-agent/agent_loop.h"
#include "wire/endpoint.h"

#define DEFAULT_TIMEOUT_S 10.0

const char *argp_program_version = "splitbed-agent 0.1";

struct arguments {
    struct agent_options agent;
    const char *log_path;
    enum log_level level;
};

static const struct argp_option options[] = {
    {"server", 's', "ADDRESS", 0, "Where the server listens, e.g. tcp://192.168.1.10:5555", 0},
    {"name", 'n', "NAME", 0, "This device's name in the experiment", 0},
    {"data", 'd', "DIR", 0, "Folder of the data set", 0},
    {"timeout", 't', "TIME", 0,
     "To reach the server, and its silence that counts as its end (default 10 s)", 0},
    {"log", 'l', "FILE", 0, "Also log to FILE", 0},
    {"verbose", 'v', NULL, 0, "Say more", 0},
    {"quiet", 'q', NULL, 0, "Say nothing but in the log file", 0},
    {0}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct err err = ERR_INIT;
    switch (key) {
    case 's':
        arguments->agent.server = value;
        return 0;
    case 'n':
        arguments->agent.name = value;
        return 0;
    case 'd':
        arguments->agent.data_dir = value;
        return 0;
    case 't':
        if (unit_parse(value, DIM_TIME, &arguments->agent.timeout_s, &err))
            argp_error(state, "--timeout: %s", err.text);
        else if (arguments->agent.timeout_s < ENDPOINT_MIN_TIMEOUT_S ||
                 arguments->agent.timeout_s > ENDPOINT_MAX_TIMEOUT_S)
            argp_error(state, "--timeout: '%s': 0.1 s to 1 h are allowed", value);
        return 0;
    case 'l':
        arguments->log_path = value;
        return 0;
    case 'v':
        arguments->level = LOG_DEBUG;
        return 0;
    case 'q':
        arguments->level = LOG_SILENT;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s': no arguments besides options", value);
        return 0;
    case ARGP_KEY_END:
        if (!arguments->agent.server || !arguments->agent.name || !arguments->agent.data_dir)
            argp_error(state, "--server, --name and --data are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse,
        NULL,    "The device's side of split learning: runs the front layers on local data.",
        NULL,    NULL,
        NULL};
    struct arguments arguments = {.agent = {.timeout_s = DEFAULT_TIMEOUT_S, .stop_fd = -1},
                                  .level = LOG_WARN};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);

    struct err err = ERR_INIT;
    log_open(arguments.agent.name, arguments.level);
    if ((arguments.log_path && log_to_file(arguments.log_path, &err)) ||
        (arguments.agent.stop_fd = signal_fd_open_stop(&err)) < 0 ||
        agent_run(&arguments.agent, &err)) {
        log_error("%s", err.text);
        return EXIT_FAILURE;
    }
    log_info("finished");
    return EXIT_SUCCESS;
}
