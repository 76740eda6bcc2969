/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes that wake when they are due. An emulated link's end and a pass's end are instants at which a process has to be
 * on a core, while the other processes of a run compute on the same few cores: by default Linux lets those go on for up to a
 * slice of some milliseconds first. Called by whoever starts the processes of a run, which inherit it. No privilege.
 */
#ifndef TESTBED_PROMPTNESS_H
#define TESTBED_PROMPTNESS_H

/* Short slices (Linux 6.12 or later; nothing otherwise) and timers that do not wait for others. */
void promptness_ask_for(void);

#endif
