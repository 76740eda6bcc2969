/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder of a test's own under $TMPDIR or /tmp, and paths in it that live until the next call. */
#ifndef TESTS_MODELS_TEMP_DIR_H
#define TESTS_MODELS_TEMP_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char temp_dir[256];

static int temp_dir_make(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(temp_dir, sizeof temp_dir, "%s/splitbed-test-XXXXXX", base ? base : "/tmp");
    return mkdtemp(temp_dir) ? 0 : -1;
}

static __attribute__((unused)) int temp_dir_remove(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", temp_dir);
    return system(command);
}

static __attribute__((unused)) const char *temp_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", temp_dir, name);
    return path;
}

static __attribute__((unused)) const char *temp_file(const char *name, const void *bytes, size_t n)
{
    const char *path = temp_path(name);
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(bytes, 1, n, stream) != n || fclose(stream) != 0)
        abort();
    return path;
}

#endif
