/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/distribution.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/rng.h"
#include "experiment/schema.h"

enum { ARGUMENT_BYTES = 64 };

static const struct form {
    const char *name;
    enum distribution_kind kind;
    size_t n_arguments;
} forms[] = {
    {"uniform", DISTRIBUTION_UNIFORM, 2},
    {"normal", DISTRIBUTION_NORMAL, 2},
    {"disc", DISTRIBUTION_DISC, 1},
};

/* One argument, up to `end`, without the blanks around it. */
static int read_argument(const char *text, const char *end, enum dimension dimension, double *si)
{
    char argument[ARGUMENT_BYTES];
    while (text < end && *text == ' ')
        text++;
    while (text < end && end[-1] == ' ')
        end--;
    size_t n = (size_t)(end - text);
    if (n >= sizeof argument)
        return -1;
    memcpy(argument, text, n);
    argument[n] = '\0';
    return unit_parse(argument, dimension, si, NULL);
}

/* "(a, b)" to the end of the text. */
static int read_arguments(const char *text, const struct form *form, enum dimension dimension,
                          struct distribution *d)
{
    const char *end = text + strlen(text);
    if (*text != '(' || end[-1] != ')')
        return -1;
    text++, end--;
    const char *comma = strchr(text, ',');
    if ((comma != NULL) != (form->n_arguments == 2))
        return -1;
    if (!comma)
        return read_argument(text, end, dimension, &d->a);
    if (read_argument(text, comma, dimension, &d->a))
        return -1;
    return read_argument(comma + 1, end, dimension, &d->b);
}

static bool stays_in_range(const struct distribution *d, const struct key_row *row)
{
    switch (d->kind) {
    case DISTRIBUTION_CONSTANT:
        return schema_in_range(row, d->a);
    case DISTRIBUTION_UNIFORM:
        return d->a <= d->b && schema_in_range(row, d->a) && schema_in_range(row, d->b);
    case DISTRIBUTION_NORMAL:
        return d->b >= 0;
    case DISTRIBUTION_DISC:
        return row->dimension == DIM_LENGTH && schema_in_range(row, d->a);
    }
    return false;
}

int distribution_parse(const char *text, const struct key_row *row, struct distribution *d)
{
    struct distribution read = {DISTRIBUTION_CONSTANT, 0, 0};
    const struct form *form = NULL;
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strlen(forms[i].name) == n && strncmp(forms[i].name, text, n) == 0)
            form = &forms[i];
    int status = form ? read_arguments(text + n, form, row->dimension, &read)
                      : unit_parse(text, row->dimension, &read.a, NULL);
    if (form)
        read.kind = form->kind;
    if (status || !stays_in_range(&read, row))
        return -1;
    *d = read;
    return 0;
}

/* FNV-1a, 64 bits, the NUL included so that ("ab", "c") is not ("a", "bc"). */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    size_t n = strlen(text) + 1;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static double draw_once(const struct distribution *d, struct rng *rng)
{
    switch (d->kind) {
    case DISTRIBUTION_UNIFORM:
        return rng_uniform_in(rng, d->a, d->b);
    case DISTRIBUTION_NORMAL:
        return d->a + d->b * rng_normal(rng);
    case DISTRIBUTION_DISC: /* (0, 1], so that no device stands in the antenna */
        return d->a * sqrt(1 - rng_uniform(rng));
    case DISTRIBUTION_CONSTANT:
        break;
    }
    return d->a;
}

int distribution_draw(const struct distribution *d, const struct key_row *row, uint64_t seed,
                      const char *group, int device, double *value)
{
    struct rng rng;
    uint64_t who = hash_text(hash_text(UINT64_C(0xcbf29ce484222325), group), row->key);
    rng_seed(&rng, seed ^ who, RNG_DEVICES + (uint64_t)device);
    for (int i = 0; i < DISTRIBUTION_MAX_REDRAWS; i++) {
        double drawn = draw_once(d, &rng);
        if (!schema_in_range(row, drawn))
            continue;
        *value = drawn;
        return 0;
    }
    return -1;
}

void distribution_add_forms(enum dimension dimension, struct strbuf *out)
{
    strbuf_addf(out, ", or uniform(a, b), normal(mean, std)%s",
                dimension == DIM_LENGTH ? ", disc(radius)" : "");
}
