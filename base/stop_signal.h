/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SIGINT and SIGTERM as something a loop can wait for. For programs. */
#ifndef BASE_STOP_SIGNAL_H
#define BASE_STOP_SIGNAL_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Blocks SIGINT and SIGTERM in this thread and those it starts later, and returns a file descriptor that
 * is readable once one has come; -1 with err. Call before any thread is started. Children inherit the
 * blocked mask: see stop_signal_unblock().
 */
int stop_signal_open(struct err *err);

/* In a child, before exec. */
void stop_signal_unblock(void);

/* Whether one has come, without taking it. */
bool stop_signal_came(int fd);

#endif
