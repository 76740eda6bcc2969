/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "experiment/experiment.h"
#include "experiment/key_value.h"
#include "experiment/model_yaml.h"

enum { REMARK_COLUMN = 44 };

/* What decibels say better than watts: " (-174 dBm/Hz)". */
static void add_decibels(const struct key_row *row, const void *field, struct strbuf *out)
{
    char text[64];
    bool is_db =
        row->dimension == DIM_POWER || row->dimension == DIM_PSD || row->dimension == DIM_GAIN;
    if (row->type == KEY_QUANTITY && is_db)
        strbuf_addf(out, " (%s)",
                    unit_format(*(const double *)field, row->dimension, text, sizeof text));
}

/* A file's name from the folder that the text is for (NULL: any), if it is in there. */
static const char *name_within(const char *path, const char *folder)
{
    size_t n = folder ? strlen(folder) : 0;
    bool is_within = folder && strncmp(path, folder, n) == 0 && path[n] == '/';
    return is_within ? path + n + 1 : path;
}

static void print_value(const struct key_row *row, const void *field, const char *folder,
                        struct strbuf *out)
{
    if (row->type == KEY_FILE)
        key_print_text(name_within(*(char *const *)field, folder), out);
    else
        key_print(row, field, out);
}

/* "  batch_size: 32      # b: samples each device takes a round; an integer in [1, 65536]" */
static void print_key(const struct key_row *row, const void *field, const char *folder,
                      struct strbuf *out)
{
    size_t start = out->n;
    strbuf_addf(out, "  %s: ", row->key);
    print_value(row, field, folder, out);
    size_t width = out->n - start;
    strbuf_addf(out, "%*s# %s", width < REMARK_COLUMN ? (int)(REMARK_COLUMN - width) : 1, "",
                row->help);
    add_decibels(row, field, out);
    if (row->type != KEY_TEXT && row->type != KEY_NAME && row->type != KEY_FILE) {
        strbuf_addf(out, "; ");
        schema_add_allowed(row, NULL, out);
    }
    strbuf_addf(out, "\n");
}

static void print_mapping(const char *section, const struct experiment *e, const char *folder,
                          struct strbuf *out)
{
    const struct key_row *row = NULL;
    while ((row = schema_next(section, row)))
        print_key(row, (const char *)e + row->offset, folder, out);
}

static void print_model(const struct experiment *e, const char *folder, struct strbuf *out)
{
    model_print(&e->model, 2, out);
    if (e->weights)
        print_key(schema_find("model", "weights"), &e->weights, folder, out);
}

/* What the device does not have, and what its profile is in place of, is left out. */
static bool is_printed(const struct key_row *row, const struct experiment_device *device)
{
    const void *field = (const char *)device + row->offset;
    bool is_clock = strcmp(row->key, "clock") == 0 || strcmp(row->key, "cycles_per_flop") == 0;
    if (row->is_input_only || (row->type == KEY_FILE && !*(char *const *)field))
        return false;
    return !(is_clock && device->profile);
}

static void print_devices(const struct experiment *e, const char *folder, struct strbuf *out)
{
    const struct key_row *row = NULL;
    while ((row = schema_next("devices", row)))
        if (!row->is_input_only)
            strbuf_addf(out, "  # %s: %s%s%s%s\n", row->key, row->help,
                        *unit_symbol(row->dimension) ? " [" : "", unit_symbol(row->dimension),
                        *unit_symbol(row->dimension) ? "]" : "");
    for (int i = 0; i < e->n_devices; i++) {
        const char *before = "  - {";
        while ((row = schema_next("devices", row))) {
            if (!is_printed(row, &e->devices[i]))
                continue;
            strbuf_addf(out, "%s%s: ", before, row->key);
            print_value(row, (const char *)&e->devices[i] + row->offset, folder, out);
            before = ", ";
        }
        strbuf_addf(out, "}\n");
    }
}

void experiment_print_for(const struct experiment *e, const char *folder, struct strbuf *out)
{
    strbuf_addf(out, "# A resolved Splitbed experiment: every key, distributions drawn; running it "
                     "again repeats the run.\n");
    for (size_t i = 0; section_at(i); i++) {
        const struct section *section = section_at(i);
        if (section->kind == SECTION_MODEL_FILE)
            continue;
        strbuf_addf(out, "\n%s:\n", section->name);
        if (section->kind == SECTION_MODEL)
            print_model(e, folder, out);
        else if (section->kind == SECTION_DEVICES)
            print_devices(e, folder, out);
        else
            print_mapping(section->name, e, folder, out);
    }
}

void experiment_print(const struct experiment *e, struct strbuf *out)
{
    experiment_print_for(e, NULL, out);
}

static void print_row(const struct key_row *row, struct strbuf *out)
{
    strbuf_addf(out, "- `%s`: %s. ", row->key, row->help);
    struct strbuf allowed = STRBUF_INIT;
    schema_add_allowed(row, NULL, &allowed);
    if (allowed.n && allowed.text[0] >= 'a' && allowed.text[0] <= 'z')
        allowed.text[0] = (char)(allowed.text[0] - 'a' + 'A');
    strbuf_addf(out, "%s", allowed.text);
    strbuf_release(&allowed);
    if (row->fallback)
        strbuf_addf(out, "; default %s", row->fallback);
    strbuf_addf(out, ".\n");
}

void experiment_print_keys(struct strbuf *out)
{
    for (size_t i = 0; section_at(i); i++) {
        const struct section *section = section_at(i);
        const struct key_row *row = NULL;
        strbuf_addf(out, "%s## %s\n\n%s.\n\n", i ? "\n" : "", section->name, section->help);
        while ((row = schema_next(section->name, row)))
            print_row(row, out);
    }
}
