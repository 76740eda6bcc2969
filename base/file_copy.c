/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file_copy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

/* -1 with errno. A folder opens, and fails when it is read. */
static int pump(FILE *in, FILE *out)
{
    char buf[1 << 16];
    size_t n;
    while ((n = fread(buf, 1, sizeof buf, in)) > 0)
        if (fwrite(buf, 1, n, out) != n)
            return -1;
    return ferror(in) || fflush(out) ? -1 : 0;
}

static int copy(const char *from, const char *to)
{
    FILE *in = fopen(from, "re"), *out = in ? fopen(to, "we") : NULL;
    int status = out ? pump(in, out) : -1;
    int why = errno;
    if (out && fclose(out) && !status) {
        status = -1;
        why = errno;
    }
    if (in)
        fclose(in);
    errno = why;
    return status;
}

int file_copy(const char *from, const char *to, struct err *err)
{
    char *part = mem_format("%s.part", to);
    int status = copy(from, part) || rename(part, to) ? -1 : 0;
    if (status) {
        err_set_errno(err, "cannot copy '%.200s' to '%.200s'", from, to);
        unlink(part);
    }
    free(part);
    return status;
}
