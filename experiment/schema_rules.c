/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "experiment/schema.h"

bool schema_in_range(const struct key_row *row, double value)
{
    return (row->is_min_open ? value > row->min : value >= row->min) &&
           (row->is_max_open ? value < row->max : value <= row->max);
}

bool schema_is_choice(const char *list, const char *name)
{
    size_t n = strlen(name);
    if (!list || !*list)
        return true;
    while (list) {
        const char *end = strstr(list, ", ");
        if ((end ? (size_t)(end - list) : strlen(list)) == n && strncmp(list, name, n) == 0)
            return true;
        list = end ? end + 2 : NULL;
    }
    return false;
}

struct strbuf schema_choices(const struct key_row *row, const struct experiment_choices *choices)
{
    struct strbuf out = STRBUF_INIT;
    strbuf_addf(&out, "%s", row->choices ? row->choices : "");
    if (row->add_choices)
        row->add_choices(choices, &out);
    return out;
}

void schema_add_range(double min, double max, bool is_min_open, bool is_max_open,
                      struct strbuf *out)
{
    char low[NUMBER_TEXT_BYTES], high[NUMBER_TEXT_BYTES];
    strbuf_addf(out, "%c%s, %s%c", is_min_open ? '(' : '[', number_format(min, low),
                number_format(max, high), is_max_open ? ')' : ']');
}

static void add_quantity(const struct key_row *row, struct strbuf *out)
{
    const char *symbol = unit_symbol(row->dimension);
    strbuf_addf(out, "%s in ", unit_noun(row->dimension));
    schema_add_range(row->min, row->max, row->is_min_open, row->is_max_open, out);
    if (row->dimension == DIM_NONE)
        strbuf_addf(out, " (or in %%)%s", row->takes_auto ? ", or auto" : "");
    else
        strbuf_addf(out, "%s%s (units: %s)", *symbol ? " " : "", symbol,
                    unit_choices(row->dimension));
}

static void add_choice(const struct key_row *row, const struct experiment_choices *choices,
                       struct strbuf *out)
{
    struct strbuf list = schema_choices(row, choices);
    strbuf_addf(out, "%s%s", list.n ? "one of " : "a name this build knows", list.text);
    strbuf_release(&list);
}

void schema_add_allowed(const struct key_row *row, const struct experiment_choices *choices,
                        struct strbuf *out)
{
    switch (row->type) {
    case KEY_TEXT:
        strbuf_addf(out, "a text of 1 to %d bytes without control characters", KEY_MAX_TEXT);
        break;
    case KEY_NAME:
        strbuf_addf(out,
                    "a name of at most %d letters, digits, '-', '_' and '.' that begins with a "
                    "letter or digit",
                    KEY_MAX_NAME);
        break;
    case KEY_FILE:
        strbuf_addf(out,
                    "a path of 1 to %d bytes without control characters, relative to the "
                    "experiment file (with --set: to the working directory)",
                    KEY_MAX_TEXT);
        break;
    case KEY_ADDRESS:
        strbuf_addf(out, "a ZeroMQ address: tcp://HOST:PORT or ipc://PATH");
        break;
    case KEY_CHOICE:
        add_choice(row, choices, out);
        break;
    case KEY_MODELLED:
        strbuf_addf(out, "one of modelled, native");
        break;
    case KEY_BOOLEAN:
        strbuf_addf(out, "true or false");
        break;
    case KEY_INTEGER:
        strbuf_addf(out, "an integer in ");
        schema_add_range(row->min, row->max, row->is_min_open, row->is_max_open, out);
        break;
    case KEY_SEED:
        strbuf_addf(out, "an integer in [0, 18446744073709551615]");
        break;
    case KEY_QUANTITY:
    case KEY_DRAWN:
        add_quantity(row, out);
        if (row->type == KEY_DRAWN)
            distribution_add_forms(row->dimension, out);
        break;
    case KEY_NAMES:
        strbuf_addf(out, "a list of at most %d names", KEY_MAX_NAMES);
        break;
    case KEY_SHAPE:
        strbuf_addf(out, "[channels, height, width] or [features], each an integer in ");
        schema_add_range(row->min, row->max, false, false, out);
        strbuf_addf(out, ", at most %u in all", SHAPE_MAX_FEATURES);
        break;
    case KEY_LAYERS:
        strbuf_addf(out, "a list of layers, `- kind: {key: value}` each");
        break;
    }
}
