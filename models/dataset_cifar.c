/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009; cs.toronto.edu/~kriz/cifar.html): records of one
 * label byte (two in CIFAR-100: coarse, fine) and 3 x 32 x 32 bytes, red, green, blue plane.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "models/dataset_format.h"

#define IMAGE_BYTES     3072
#define MAX_LABEL_BYTES 2

struct cifar {
    const char *const *files; /* NULL at the end */
    int label_bytes;          /* the last one counts */
    int n_classes;
};

static int read_record(struct dataset *data, const struct cifar *cifar, const char *path,
                       FILE *stream, struct err *err)
{
    uint8_t label[MAX_LABEL_BYTES];
    uint8_t *pixels = data->pixels + data->n_samples * IMAGE_BYTES;
    size_t n = (size_t)cifar->label_bytes;
    if (fread(label, 1, n, stream) != n || fread(pixels, 1, IMAGE_BYTES, stream) != IMAGE_BYTES)
        return err_set(err, "%s: ends within a record", path);
    if (label[n - 1] >= cifar->n_classes)
        return err_set(err, "%s: label %d of sample %zu: allowed is 0 to %d", path, label[n - 1],
                       data->n_samples, cifar->n_classes - 1);
    data->labels[data->n_samples++] = label[n - 1];
    return 0;
}

static int read_stream(struct dataset *data, const struct cifar *cifar, const char *path,
                       FILE *stream, struct err *err)
{
    struct stat info;
    uint64_t record = IMAGE_BYTES + (uint64_t)cifar->label_bytes;
    if (fstat(fileno(stream), &info) != 0)
        return err_set_errno(err, "%s", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, "%s: is no file", path);
    uint64_t bytes = (uint64_t)info.st_size, n = bytes / record;
    if (bytes == 0 || bytes % record != 0 || bytes > DATASET_MAX_BYTES)
        return err_set(err, "%s: has %llu bytes: records of %llu are wanted, %llu bytes at most",
                       path, (unsigned long long)bytes, (unsigned long long)record,
                       (unsigned long long)DATASET_MAX_BYTES);
    size_t whole = data->n_samples + (size_t)n;
    data->pixels = mem_resize(data->pixels, whole, IMAGE_BYTES);
    data->labels = mem_resize(data->labels, whole, sizeof *data->labels);
    while (data->n_samples < whole) {
        if (read_record(data, cifar, path, stream, err))
            return -1;
    }
    return 0;
}

static int cifar_read(struct dataset *data, const char *dir, const struct cifar *cifar,
                      struct err *err)
{
    int status = 0;
    data->shape = shape_image(3, 32, 32);
    for (size_t i = 0; cifar->files[i] && status == 0; i++) {
        char *path = mem_format("%s/%s", dir, cifar->files[i]);
        FILE *stream = fopen(path, "rb");
        status =
            stream ? read_stream(data, cifar, path, stream, err) : err_set_errno(err, "%s", path);
        if (stream)
            fclose(stream);
        free(path);
    }
    return status;
}

static int cifar10_read(struct dataset *data, const char *dir, enum dataset_part part,
                        struct err *err)
{
    static const char *const train[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin", NULL};
    static const char *const test[] = {"test_batch.bin", NULL};
    struct cifar cifar = {part == DATASET_TRAIN ? train : test, 1, 10};
    return cifar_read(data, dir, &cifar, err);
}

static int cifar100_read(struct dataset *data, const char *dir, enum dataset_part part,
                         struct err *err)
{
    static const char *const train[] = {"train.bin", NULL}, *const test[] = {"test.bin", NULL};
    struct cifar cifar = {part == DATASET_TRAIN ? train : test, 2, 100};
    return cifar_read(data, dir, &cifar, err);
}

const struct dataset_format dataset_cifar10 = {"cifar10", cifar10_read};
const struct dataset_format dataset_cifar100 = {"cifar100", cifar100_read};
