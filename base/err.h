/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line of error text that travels up to the person who can act on it.
 *
 * Functions that can fail return 0 or -1 (or a pointer or NULL) and take `struct err *err` last. The
 * place that fails fills it once, callers put context before it on the way up ("device pi-03: ..."),
 * and a program prints it. On success it is left untouched, so calls chain with ||. `err` may be NULL
 * for a caller who only wants to know whether.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

struct err {
    char text[1024]; /* one line, no newline at the end; cut, never overrun */
};

#define ERR_INIT                                                                                   \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Sets the text. Returns -1, so that a function can `return err_set(err, ...)`. */
int err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As err_set, with strerror(errno) after ": ". */
int err_set_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts context and ": " before the text that is there. Returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
