/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/dataset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/dataset_format.h"

static const struct dataset_format *const formats[] = {
    &dataset_idx, &dataset_cifar10, &dataset_cifar100,
    &dataset_npy, &dataset_npz,     &dataset_synthetic,
};

const char *dataset_formats(void)
{
    return "idx, cifar10, cifar100, npy, npz, synthetic";
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
    free(data->values);
    free(data->norms);
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

static struct dataset_norm norm_of(double mean, double std)
{
    struct dataset_norm norm = {.mean = (float)mean, .std = (float)std};
    assert(std > 0);
    for (int i = 0; i < 256; i++)
        norm.of_byte[i] = (float)((i / 255.0 - mean) / std);
    return norm;
}

void dataset_normalize(struct dataset *data, double mean, double std)
{
    data->norms = mem_resize(data->norms, 1, sizeof *data->norms);
    data->n_norms = 1;
    data->norms[0] = norm_of(mean, std);
}

void dataset_normalize_channels(struct dataset *data, const double *mean, const double *std)
{
    size_t channels = (size_t)data->shape.dim[0];
    data->norms = mem_resize(data->norms, channels, sizeof *data->norms);
    data->n_norms = (int)channels;
    for (size_t c = 0; c < channels; c++)
        data->norms[c] = norm_of(mean[c], std[c]);
}

void dataset_sample(const struct dataset *data, uint32_t index, float *x)
{
    size_t features = shape_features(&data->shape), first = (size_t)index * features;
    size_t part = features / (size_t)data->n_norms;
    assert(index < data->n_samples);
    for (int c = 0; c < data->n_norms; c++) {
        const struct dataset_norm *norm = &data->norms[c];
        size_t from = first + (size_t)c * part;
        for (size_t i = 0; i < part; i++)
            *x++ = data->pixels ? norm->of_byte[data->pixels[from + i]]
                                : (data->values[from + i] - norm->mean) / norm->std;
    }
}

void dataset_batch(const struct dataset *data, const uint32_t *index, int n, float *x,
                   uint32_t *labels)
{
    size_t features = shape_features(&data->shape);
    for (int i = 0; i < n; i++) {
        dataset_sample(data, index[i], x + (size_t)i * features);
        if (labels)
            labels[i] = data->labels[index[i]];
    }
}
