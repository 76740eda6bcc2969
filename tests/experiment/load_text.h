/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the tests of experiment/: YAML text in, experiment or error text out. The group runs in a folder of
 * its own, so that files have the short names that the expected messages hold.
 */
#ifndef TESTS_EXPERIMENT_LOAD_TEXT_H
#define TESTS_EXPERIMENT_LOAD_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "experiment/experiment.h"

/* The least an experiment can be. */
#define TINY_MODEL                                                                                 \
    "model:\n  input: [4]\n  layers:\n    - linear: {name: a, out_features: 3}\n"                  \
    "    - linear: {name: b, out_features: 2}\n"
#define TINY TINY_MODEL "devices: [{count: 2}]\n"

static char load_root[4096]; /* the source tree: tests are started from it */
static char load_folder[] = "/tmp/splitbed-test-experiment-XXXXXX";

static int load_setup(void **state)
{
    (void)state;
    if (!getcwd(load_root, sizeof load_root) || !mkdtemp(load_folder))
        return -1;
    return chdir(load_folder);
}

static int load_teardown(void **state)
{
    (void)state;
    unlink("x.yaml");
    unlink("m.yaml");
    return chdir(load_root) || rmdir(load_folder) ? -1 : 0;
}

__attribute__((unused)) static void write_bytes(const char *name, const char *text, size_t n)
{
    unlink(name); /* some file systems wait for the disk when a file is written anew in place */
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

__attribute__((unused)) static const struct experiment_choices *load_choices(void)
{
    static const char *const frameworks[] = {"sl", "psl", "epsl", NULL};
    static const char *const policies[] = {"auto", "equal", "exact", "fixed", "random", NULL};
    static const struct experiment_choices choices = {frameworks, policies};
    return &choices;
}

/* Loads x.yaml as it is, with up to two overrides (NULL: none). */
__attribute__((unused)) static int load_file(struct experiment *e, const char *path,
                                             const char *set_1, const char *set_2,
                                             struct strbuf *errors)
{
    struct experiment_override overrides[2] = {{set_1}, {set_2}};
    return experiment_load(e, path, overrides, (size_t)(set_1 != NULL) + (set_2 != NULL),
                           load_choices(), errors);
}

__attribute__((unused)) static int load_text(struct experiment *e, const char *text,
                                             const char *set_1, const char *set_2,
                                             struct strbuf *errors)
{
    write_bytes("x.yaml", text, strlen(text));
    return load_file(e, "x.yaml", set_1, set_2, errors);
}

/* The text must load. */
__attribute__((unused)) static void must_load(struct experiment *e, const char *text,
                                              const char *set)
{
    struct strbuf errors = STRBUF_INIT;
    if (load_text(e, text, set, NULL, &errors))
        fail_msg("%s", errors.text);
    assert_null(errors.text);
}

/* The text must be refused with exactly these lines. */
__attribute__((unused)) static void must_refuse(const char *text, const char *set,
                                                const char *message)
{
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    assert_int_equal(load_text(&e, text, set, NULL, &errors), -1);
    assert_string_equal(errors.text, message);
    strbuf_release(&errors);
}

#endif
