/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The IDX files of the MNIST family (LeCun's format): two zero bytes, a type byte, a byte with the number of
 * dimensions, the dimensions as big-endian 32-bit numbers, then the data, the last dimension fastest. Plain
 * or gzip. Images are unsigned bytes (n, height, width) or (n, channels, height, width); labels are
 * unsigned bytes, or 16- or 32-bit big-endian numbers as in QMNIST (n).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/mem.h"
#include "models/dataset_format.h"
#include "models/unpacked.h"

enum { TYPE_UBYTE = 0x08, TYPE_SHORT = 0x0B, TYPE_INT = 0x0C };

#define IDX_MAX_DIMS 4

struct idx_file {
    char *path;
    gzFile gz;
    uint64_t most_bytes; /* that the file can hold, unpacked */
    int type, n_dims;
    uint32_t dim[IDX_MAX_DIMS];
};

/* deflate makes at best 1032 bytes of one. */
#define DEFLATE_MAX_RATIO 1032

static int open_path(struct idx_file *file, char *path, struct err *err)
{
    struct stat info;
    file->path = path;
    if (stat(path, &info) != 0 || !(file->gz = gzopen(path, "rb")))
        return err_set_errno(err, "%s", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, "%s: is no file", path);
    gzbuffer(file->gz, 1 << 17);
    uint64_t ratio = gzdirect(file->gz) ? 1 : DEFLATE_MAX_RATIO;
    file->most_bytes = (uint64_t)info.st_size * ratio;
    return 0;
}

/* dir/name, or dir/name.gz where there is no such. */
static int idx_open(struct idx_file *file, const char *dir, const char *name, struct err *err)
{
    struct stat info;
    char *path = mem_format("%s/%s", dir, name), *gz_path = mem_format("%s/%s.gz", dir, name);
    bool is_plain = stat(path, &info) == 0, is_packed = !is_plain && stat(gz_path, &info) == 0;
    if (!is_plain && !is_packed) {
        err_set(err, "%s: neither %s nor %s.gz is there", dir, name, name);
        free(path);
        free(gz_path);
        return -1;
    }
    free(is_plain ? gz_path : path);
    return open_path(file, is_plain ? path : gz_path, err);
}

static void idx_close(struct idx_file *file)
{
    if (file->gz)
        gzclose(file->gz);
    free(file->path);
}

/* zlib names the file before what is wrong with it. */
static const char *without_path(const struct idx_file *file, const char *why)
{
    size_t n = strlen(file->path);
    return strncmp(why, file->path, n) == 0 && strncmp(why + n, ": ", 2) == 0 ? why + n + 2 : why;
}

static int read_bytes(struct idx_file *file, void *to, size_t n, const char *what, struct err *err)
{
    uint8_t *at = to;
    while (n > 0) {
        int got = gzread(file->gz, at, n > 1 << 20 ? 1 << 20 : (unsigned)n);
        int status;
        const char *why = got < 0 ? gzerror(file->gz, &status) : "";
        if (got < 0)
            return err_set(err, "%s: in the %s: %s", file->path, what, without_path(file, why));
        if (got == 0)
            return err_set(err, "%s: ends %zu bytes early, in the %s", file->path, n, what);
        at += got;
        n -= (size_t)got;
    }
    return 0;
}

static uint32_t big_endian(const uint8_t *bytes, size_t n)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

static int read_header(struct idx_file *file, int least_dims, int most_dims, struct err *err)
{
    uint8_t bytes[4 + 4 * IDX_MAX_DIMS];
    if (read_bytes(file, bytes, 4, "header", err))
        return -1;
    if (bytes[0] != 0 || bytes[1] != 0)
        return err_set(err, "%s: begins with %02x %02x: an IDX file begins with 00 00", file->path,
                       bytes[0], bytes[1]);
    file->type = bytes[2];
    file->n_dims = bytes[3];
    if (file->n_dims < least_dims || file->n_dims > most_dims)
        return err_set(err, "%s: has %d dimensions: allowed is %d to %d", file->path, file->n_dims,
                       least_dims, most_dims);
    if (read_bytes(file, bytes, 4 * (size_t)file->n_dims, "header", err))
        return -1;
    for (int i = 0; i < file->n_dims; i++)
        file->dim[i] = big_endian(bytes + 4 * i, 4);
    if (file->dim[0] < 1 || file->dim[0] > DATASET_MAX_SAMPLES)
        return err_set(err, "%s: says it has %u samples: allowed is 1 to %u", file->path,
                       file->dim[0], DATASET_MAX_SAMPLES);
    return 0;
}

/* Reads what is left into a new array: n bytes and not one more. NULL on failure. */
static uint8_t *read_rest(struct idx_file *file, uint64_t n, struct err *err)
{
    if (n > DATASET_MAX_BYTES) {
        err_set(err, "%s: says it has %llu bytes of data: allowed are %llu", file->path,
                (unsigned long long)n, (unsigned long long)DATASET_MAX_BYTES);
        return NULL;
    }
    if (n > file->most_bytes) {
        err_set(err, "%s: says it has %llu bytes of data, more than are in the file", file->path,
                (unsigned long long)n);
        return NULL;
    }
    uint8_t *data = mem_resize(NULL, n, 1), more;
    if (read_bytes(file, data, n, "data", err) == 0) {
        if (gzread(file->gz, &more, 1) == 0)
            return data;
        err_set(err, "%s: is longer than its header says", file->path);
    }
    free(data);
    return NULL;
}

/* Leaves n bytes of images after `first` others where they are, if they can be read there. */
static bool leave_on_disk(struct dataset *data, const struct idx_file *file, uint64_t first,
                          uint64_t n)
{
    struct stat info;
    int fd = gzdirect(file->gz) ? open(file->path, O_RDONLY | O_CLOEXEC)
                                : unpacked_open(file->path, first + n);
    if (fd < 0 || fstat(fd, &info) || (uint64_t)info.st_size != first + n) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    dataset_read_from(data, fd, first);
    return true;
}

static int read_images(struct dataset *data, struct idx_file *file, struct err *err)
{
    if (read_header(file, 3, 4, err))
        return -1;
    if (file->type != TYPE_UBYTE)
        return err_set(err, "%s: type 0x%02x: images are unsigned bytes, 0x08", file->path,
                       (unsigned)file->type);
    const uint32_t *dim = file->dim + file->n_dims - 2;
    uint32_t channels = file->n_dims == 4 ? file->dim[1] : 1;
    if (channels > SHAPE_MAX_DIM || dim[0] > SHAPE_MAX_DIM || dim[1] > SHAPE_MAX_DIM)
        return err_set(err, "%s: images of %u x %u x %u: each is at most %d", file->path, channels,
                       dim[0], dim[1], SHAPE_MAX_DIM);
    data->shape = shape_image((int)channels, (int)dim[0], (int)dim[1]);
    if (shape_check(&data->shape, err))
        return err_prefix(err, "%s", file->path);
    data->n_samples = file->dim[0];
    uint64_t n = (uint64_t)data->n_samples * shape_features(&data->shape);
    if (n <= DATASET_MAX_BYTES && leave_on_disk(data, file, 4 + 4 * (uint64_t)file->n_dims, n))
        return 0;
    data->pixels = read_rest(file, n, err);
    return data->pixels ? 0 : -1;
}

static int label_bytes(const struct idx_file *file, struct err *err)
{
    switch (file->type) {
    case TYPE_UBYTE:
        return 1;
    case TYPE_SHORT:
        return 2;
    case TYPE_INT:
        return 4;
    default:
        return err_set(err, "%s: type 0x%02x: labels are 0x08, 0x0b or 0x0c", file->path,
                       (unsigned)file->type);
    }
}

static int read_labels(struct dataset *data, struct idx_file *file, struct err *err)
{
    int width;
    if (read_header(file, 1, 1, err) || (width = label_bytes(file, err)) < 0)
        return -1;
    size_t n = file->dim[0];
    if (n != data->n_samples)
        return err_set(err, "%s: %zu labels for %zu images", file->path, n, data->n_samples);
    uint8_t *bytes = read_rest(file, (uint64_t)n * (uint64_t)width, err);
    if (!bytes)
        return -1;
    data->labels = mem_zero(n, sizeof *data->labels);
    int status = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        data->labels[i] = big_endian(bytes + i * (size_t)width, (size_t)width);
        if (data->labels[i] > DATASET_MAX_LABEL)
            status = err_set(err, "%s: label %u of sample %zu: allowed is 0 to %d", file->path,
                             data->labels[i], i, DATASET_MAX_LABEL);
    }
    free(bytes);
    return status;
}

static int idx_read_file(struct dataset *data, const char *dir, const char *name,
                         int (*read)(struct dataset *, struct idx_file *, struct err *),
                         struct err *err)
{
    struct idx_file file = {0};
    int status = idx_open(&file, dir, name, err) || read(data, &file, err) ? -1 : 0;
    idx_close(&file);
    return status;
}

static int idx_read(struct dataset *data, const char *dir, enum dataset_part part, struct err *err)
{
    bool is_train = part == DATASET_TRAIN;
    const char *images = is_train ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte";
    const char *labels = is_train ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte";
    return idx_read_file(data, dir, images, read_images, err) ||
                   idx_read_file(data, dir, labels, read_labels, err)
               ? -1
               : 0;
}

const struct dataset_format dataset_idx = {"idx", idx_read};
