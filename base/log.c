/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *who;
    enum log_level level;
    int file; /* -1: none */
} log_state = {"splitbed", LOG_INFO, -1};

void log_open(const char *who, enum log_level level)
{
    log_state.who = who;
    log_state.level = level;
}

int log_to_file(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_set_errno(err, "cannot open the log '%s'", path);
    if (log_state.file >= 0)
        close(log_state.file);
    log_state.file = fd;
    return 0;
}

/* One write() a line, so that lines of several processes do not mix. */
static void put(int fd, const char *line, size_t n)
{
    ssize_t written = write(fd, line, n);
    (void)written; /* a full disk must not end a run */
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
    char line[2048];
    struct timespec now;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    int head = snprintf(line, sizeof line, "%02d:%02d:%02d.%03ld ", local.tm_hour, local.tm_min,
                        local.tm_sec, now.tv_nsec / 1000000);
    int n = head + snprintf(line + head, sizeof line - (size_t)head, "%.200s: %s", log_state.who,
                            names[level]);
    va_list args;
    va_start(args, format);
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
    va_end(args);
    size_t length = (size_t)n + (m < 0 ? 0 : (size_t)m);
    if (length > sizeof line - 2)
        length = sizeof line - 2;
    line[length++] = '\n';
    if (level <= log_state.level)
        put(STDERR_FILENO, line + head, length - (size_t)head);
    if (log_state.file >= 0)
        put(log_state.file, line, length);
}
