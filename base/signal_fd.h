/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals as something a loop can wait for: a file descriptor that is readable once one has come. For
 * programs. Made with a handler rather than signalfd(), because libraries start threads before main() that
 * do not block what main() blocks, and would take the signal.
 */
#ifndef BASE_SIGNAL_FD_H
#define BASE_SIGNAL_FD_H

#include <stdbool.h>

#include "base/err.h"

/* From now on `signal` makes the returned descriptor readable, for the rest of the program; -1 with err. */
int signal_fd_open(int signal, struct err *err);

/* One descriptor for SIGINT and SIGTERM: a wish to stop. */
int signal_fd_open_stop(struct err *err);

/* Whether a signal has come. signal_fd_take() also makes the descriptor unreadable again. */
bool signal_fd_came(int fd);
bool signal_fd_take(int fd);

#endif
