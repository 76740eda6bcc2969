/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The programs' voice: lines with a level to stderr and, when log_to_file() was called, with the time
 * of day to the run folder's log.txt. Programs log; libraries return errors.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_SILENT = -1, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above `level` are dropped from stderr (not from the file). `who` names the process; borrowed. */
void log_open(const char *who, enum log_level level);

/* Also write every line to `path`, appended, so that several processes may share one file. */
int log_to_file(const char *path, struct err *err);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
