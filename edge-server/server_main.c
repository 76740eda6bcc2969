/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed-server: the edge server, started by `splitbed run` or by hand next to real devices. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "edge-server/planning.h"
#include "edge-server/server_loop.h"
#include "experiment/arguments.h"

#define EXIT_USAGE 2

const char *argp_program_version = "splitbed-server 0.1";

struct arguments {
    struct experiment_arguments experiment;
    const char *out_dir;
    int ready_fd;
    int *netns_fds; /* [n_netns_fds] */
    size_t n_netns_fds, netns_capacity;
    enum log_level level;
};

static const struct argp_option option_table[] = {
    {"out", 'o', "DIR", 0, "Result folder (created if missing)", 0},
    {"ready-fd", 'r', "N", 0, "Write the address to file descriptor N once devices can connect", 0},
    {"netns", 'n', "N,N,...", 0,
     "Network namespaces of the devices, in their order, as file descriptors (testbed.link netns)",
     0},
    {"verbose", 'v', NULL, 0, "Say more", 0},
    {"quiet", 'q', NULL, 0, "Log nothing but errors outside the log file", 0},
    {0}};

static int parse_fd(const char *text, const char *option, const struct argp_state *state)
{
    char *end;
    long fd = strtol(text, &end, 10);
    if (end == text || *end || fd < 0 || fd > 1 << 20)
        argp_error(state, "%s: '%s' is no file descriptor", option, text);
    return (int)fd;
}

static void add_netns_fds(struct arguments *a, char *list, const struct argp_state *state)
{
    for (char *text; (text = strsep(&list, ","));) {
        a->netns_fds =
            mem_grow(a->netns_fds, a->n_netns_fds, &a->netns_capacity, sizeof *a->netns_fds);
        a->netns_fds[a->n_netns_fds++] = parse_fd(text, "--netns", state);
    }
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->experiment;
        return 0;
    case 'o':
        a->out_dir = value;
        return 0;
    case 'r':
        a->ready_fd = parse_fd(value, "--ready-fd", state);
        return 0;
    case 'n':
        add_netns_fds(a, value, state);
        return 0;
    case 'v':
        a->level = LOG_DEBUG;
        return 0;
    case 'q':
        a->level = LOG_ERROR;
        return 0;
    case ARGP_KEY_END:
        if (!a->out_dir)
            argp_error(state, "--out is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int open_out_dir(const char *dir, struct err *err)
{
    if (mkdir(dir, 0777) && errno != EEXIST)
        return err_set_errno(err, "cannot make the result folder '%s'", dir);
    char *path = mem_format("%s/log.txt", dir);
    int status = log_to_file(path, err);
    free(path);
    return status;
}

static int serve(const struct arguments *a, const struct experiment *e)
{
    struct err err = ERR_INIT;
    struct server_options options = {
        .experiment = e, .out_dir = a->out_dir, .ready_fd = a->ready_fd, .netns_fds = a->netns_fds};
    if (a->netns_fds && a->n_netns_fds != (size_t)e->n_devices) {
        log_error("--netns: %zu network namespaces for %d devices", a->n_netns_fds, e->n_devices);
        return EXIT_USAGE;
    }
    if (open_out_dir(a->out_dir, &err) || server_run(&options, &err)) {
        log_error("%s", err.text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct argp_child children[] = {{&experiment_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        option_table,
        parse,
        "CONFIG",
        "The server's side of split learning: plans, trains the back layers, writes the results.",
        children,
        NULL,
        NULL};
    struct arguments arguments = {.ready_fd = -1, .level = LOG_INFO};
    signal(SIGPIPE, SIG_IGN); /* a reader that has left must not end a run */
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    log_open("server", arguments.level);

    struct experiment e;
    struct experiment_choices choices = planning_choices();
    struct strbuf errors = STRBUF_INIT;
    int status = EXIT_USAGE;
    if (experiment_load_arguments(&e, &arguments.experiment, &choices, &errors)) {
        fputs(errors.text, stderr);
    } else {
        if (e.warnings && arguments.ready_fd < 0) /* else `splitbed run` has printed them */
            fputs(e.warnings, stderr);
        status = serve(&arguments, &e);
        experiment_release(&e);
    }
    strbuf_release(&errors);
    experiment_arguments_release(&arguments.experiment);
    free(arguments.netns_fds);
    return status;
}
