/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed: the experimenter's command. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "testbed/command.h"

const char *argp_program_version = "splitbed 0.1";

static const struct command commands[] = {
    {"run", "run an experiment: server and device processes, emulated links, wall clock",
     command_run},
    {"simulate", "the same in one process on a virtual clock, repeatable bit for bit",
     command_simulate},
    {"plan", "choose cut layer, subchannels and power; predict the round's latency", command_plan},
    {"profile", "a model layer by layer: shape, FLOP, parameters, bytes, measured time",
     command_profile},
    {"check", "validate an experiment file and print it resolved", command_check},
};

static void print_help(FILE *to)
{
    fputs("Usage: splitbed COMMAND [ARGUMENTS]\n"
          "Split learning over wireless edge networks: plan it, run it, measure it.\n\n",
          to);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
    fputs("\n`splitbed COMMAND --help` tells more of each.\n"
          "Exit status: 0 done, 1 failed, 2 bad usage or bad config.\n",
          to);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    log_open("splitbed", LOG_INFO);
    signal(SIGPIPE, SIG_IGN); /* a reader that has left must not end a run */
    argp_err_exit_status = EXIT_USAGE;
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_SUCCESS;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts(argp_program_version);
        return EXIT_SUCCESS;
    }
    const struct command *command = find_command(argv[1]);
    if (!command) {
        fprintf(stderr, "splitbed: there is no command '%s'\n\n", argv[1]);
        print_help(stderr);
        return EXIT_USAGE;
    }
    char *name = mem_format("splitbed %s", command->name);
    argv[1] = name;
    int status = command->run(argc - 1, argv + 1);
    free(name);
    if (fflush(stdout) || ferror(stdout)) {
        log_error("cannot write to standard output");
        return status ? status : EXIT_FAILURE;
    }
    return status;
}
