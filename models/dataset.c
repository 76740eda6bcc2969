/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/dataset.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void dataset_read_from(struct dataset *data, int fd, uint64_t first)
{
    data->file = mem_zero(1, sizeof *data->file);
    *data->file = (struct pixel_file){
        .fd = fd, .first = first, .row = mem_zero(shape_features(&data->shape), 1)};
}

void dataset_free(struct dataset *data)
{
    if (!data)
        return;
    if (data->file) {
        close(data->file->fd);
        free(data->file->row);
    }
    free(data->file);
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

int dataset_check(const struct dataset *data, struct err *err)
{
    if (!data->file || !data->file->failure)
        return 0;
    errno = data->file->failure;
    return err_set_errno(err, "a sample of the data set could not be read");
}

/* The file was as long as it should be when it was opened. */
static const uint8_t *read_row(struct pixel_file *file, uint64_t index, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got =
            pread(file->fd, file->row + done, n - done, (off_t)(file->first + index * n + done));
        if (got <= 0) {
            file->failure = got < 0 ? errno : EIO;
            memset(file->row, 0, n);
            break;
        }
        done += (size_t)got;
    }
    return file->row;
}

void dataset_sample(const struct dataset *data, uint32_t index, float *x)
{
    size_t features = shape_features(&data->shape), first = (size_t)index * features;
    size_t part = features / (size_t)data->n_norms;
    assert(index < data->n_samples);
    const uint8_t *pixels = data->file     ? read_row(data->file, index, features)
                            : data->pixels ? data->pixels + first
                                           : NULL;
    for (int c = 0; c < data->n_norms; c++) {
        const struct dataset_norm *norm = &data->norms[c];
        size_t from = (size_t)c * part;
        for (size_t i = from; i < from + part; i++)
            *x++ = pixels ? norm->of_byte[pixels[i]]
                          : (data->values[first + i] - norm->mean) / norm->std;
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
