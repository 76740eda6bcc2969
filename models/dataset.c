/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/dataset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/dataset_format.h"

static const struct dataset_format *const formats[] = {&dataset_idx};

const char *dataset_formats(void)
{
    return "idx";
}

static const struct dataset_format *find_format(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    }
    return NULL;
}

static int count_classes(const struct dataset *data)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < data->n_samples; i++) {
        if (data->labels[i] > largest)
            largest = data->labels[i];
    }
    return (int)largest + 1;
}

struct dataset *dataset_open(const char *format, const char *dir, enum dataset_part part,
                             struct err *err)
{
    const struct dataset_format *row = find_format(format);
    if (!row) {
        err_set(err, "'%.64s' is no format of data sets: allowed are %s", format,
                dataset_formats());
        return NULL;
    }
    struct dataset *data = mem_zero(1, sizeof *data);
    if (row->read(data, dir, part, err)) {
        dataset_free(data);
        return NULL;
    }
    data->n_classes = count_classes(data);
    dataset_normalize(data, 0, 1);
    return data;
}

void dataset_free(struct dataset *data)
{
    if (!data)
        return;
    free(data->pixels);
    free(data->labels);
    free(data);
}

size_t dataset_n_samples(const struct dataset *data)
{
    return data->n_samples;
}

struct shape dataset_shape(const struct dataset *data)
{
    return data->shape;
}

int dataset_n_classes(const struct dataset *data)
{
    return data->n_classes;
}

const uint32_t *dataset_labels(const struct dataset *data)
{
    return data->labels;
}

void dataset_normalize(struct dataset *data, double mean, double std)
{
    assert(std > 0);
    for (int i = 0; i < 256; i++)
        data->of_byte[i] = (float)((i / 255.0 - mean) / std);
}

void dataset_batch(const struct dataset *data, const uint32_t *index, int n, float *x,
                   uint32_t *labels)
{
    size_t features = shape_features(&data->shape);
    for (int i = 0; i < n; i++) {
        assert(index[i] < data->n_samples);
        const uint8_t *pixels = data->pixels + (size_t)index[i] * features;
        for (size_t f = 0; f < features; f++)
            x[(size_t)i * features + f] = data->of_byte[pixels[f]];
        if (labels)
            labels[i] = data->labels[index[i]];
    }
}
