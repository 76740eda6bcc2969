/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/gain_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "link/csv.h"

#define MIN_DB     (-400.0)
#define MAX_DB     120.0
#define MAX_LINEAR 1e12

#define UNSET (-1.0)

struct reading {
    struct csv csv;
    double *gain;
    const struct name_index *devices;
    int n_subchannels;
    bool has_subchannel, is_db;
};

static int read_header(struct reading *r, struct err *err)
{
    static const struct {
        const char *columns;
        bool has_subchannel, is_db;
    } forms[] = {
        {"device,gain_db", false, true},
        {"device,gain", false, false},
        {"device,subchannel,gain_db", true, true},
        {"device,subchannel,gain", true, false},
    };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (csv_has_columns(&r->csv, forms[i].columns)) {
            r->has_subchannel = forms[i].has_subchannel;
            r->is_db = forms[i].is_db;
            return 0;
        }
    return csv_error(&r->csv, err,
                     "the columns must be device,gain_db or device,subchannel,gain_db (or gain)");
}

static int read_row(struct reading *r, struct err *err)
{
    int device = name_index_find(r->devices, r->csv.field[0]), last = r->csv.n_fields - 1;
    double gain, first = 0;

    if (device < 0)
        return csv_error(&r->csv, err, "device '%.64s': there is none of that name",
                         r->csv.field[0]);
    if (r->has_subchannel &&
        csv_number(&r->csv, 1, "subchannel", 0, r->n_subchannels - 1, &first, err))
        return -1;
    if (first != floor(first))
        return csv_error(&r->csv, err, "subchannel '%.64s': must be an integer", r->csv.field[1]);
    if (csv_number(&r->csv, last, r->is_db ? "gain_db" : "gain", r->is_db ? MIN_DB : 0,
                   r->is_db ? MAX_DB : MAX_LINEAR, &gain, err))
        return -1;
    if (r->is_db)
        gain = pow(10, gain / 10);
    double *row = r->gain + (size_t)device * (size_t)r->n_subchannels;
    int end = r->has_subchannel ? (int)first + 1 : r->n_subchannels;
    for (int k = (int)first; k < end; k++) {
        if (row[k] != UNSET)
            return csv_error(&r->csv, err, "device '%.64s' has a gain on subchannel %d already",
                             r->csv.field[0], k);
        row[k] = gain;
    }
    return 0;
}

static int check_all(const struct reading *r, struct err *err)
{
    for (int i = 0; i < r->devices->n; i++)
        for (int k = 0; k < r->n_subchannels; k++)
            if (r->gain[(size_t)i * (size_t)r->n_subchannels + (size_t)k] == UNSET)
                return err_set(err, "%.400s: no gain for device '%s' on subchannel %d", r->csv.path,
                               r->devices->names[i], k);
    return 0;
}

int gain_table_load(double *gain, const struct name_index *devices, int n_subchannels,
                    const char *path, struct err *err)
{
    struct reading r = {.gain = gain, .devices = devices, .n_subchannels = n_subchannels};
    size_t n = (size_t)devices->n * (size_t)n_subchannels;
    int status;

    for (size_t i = 0; i < n; i++)
        gain[i] = UNSET;
    if (csv_open(&r.csv, path, err))
        return -1;
    status = read_header(&r, err);
    while (!status && (status = csv_next(&r.csv, err)) > 0)
        status = read_row(&r, err);
    csv_close(&r.csv);
    return status ? -1 : check_all(&r, err);
}
