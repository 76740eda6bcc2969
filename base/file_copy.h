/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A copy of a file, for who keeps what it has read. */
#ifndef BASE_FILE_COPY_H
#define BASE_FILE_COPY_H

#include "base/err.h"

/*
 * What `from` holds, whole or not at all, as `to`; what `to` was is replaced, and may be `from` itself. The error names
 * both.
 */
int file_copy(const char *from, const char *to, struct err *err);

#endif
