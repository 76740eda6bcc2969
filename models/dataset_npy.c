/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NumPy arrays as data sets: two .npy files a part, or two members of one .npz. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "models/dataset_format.h"
#include "models/npy.h"

/* What the arrays of a part may be called, images and labels. */
static const char *const names[2][2][2] = {
    [DATASET_TRAIN] = {{"train_images", "train_labels"}, {"x_train", "y_train"}},
    [DATASET_TEST] = {{"test_images", "test_labels"}, {"x_test", "y_test"}},
};

/* Where arrays come from: a folder, or a ZIP file in memory. */
struct source {
    const char *path;
    uint8_t *zip; /* NULL: a folder */
    size_t n_zip;
};

/* The bytes of one array, to be freed; NULL with *is_there false when there is none of this name. */
static uint8_t *load(const struct source *source, const char *name, size_t *n, bool *is_there,
                     struct err *err)
{
    char *file = mem_format("%s.npy", name);
    uint8_t *bytes;
    if (source->zip) {
        bytes = zip_member(source->zip, source->n_zip, file, n, is_there, err);
        if (!bytes && *is_there)
            err_prefix(err, "%s", source->path);
    } else {
        struct stat info;
        char *path = mem_format("%s/%s", source->path, file);
        *is_there = stat(path, &info) == 0;
        bytes = *is_there ? npy_read_file(path, n, err) : NULL;
        free(path);
    }
    free(file);
    return bytes;
}

/* (channels, height, width) of images whose channels come last. */
static bool is_channels_last(const struct npy *images)
{
    uint64_t last = images->dim[3], first = images->dim[1];
    return (last == 1 || last == 3 || last == 4) && !(first == 1 || first == 3 || first == 4);
}

static int take_shape(struct dataset *data, const struct npy *images, struct err *err)
{
    if (images->n_dims < 2 || images->n_dims > 4)
        return err_set(err, "images of %d dimensions: allowed are 2 to 4", images->n_dims);
    if (images->dim[0] < 1 || images->dim[0] > DATASET_MAX_SAMPLES)
        return err_set(err, "%llu samples: allowed is 1 to %u", (unsigned long long)images->dim[0],
                       DATASET_MAX_SAMPLES);
    int dim[4] = {0};
    for (int i = 1; i < images->n_dims; i++) {
        if (images->dim[i] < 1 || images->dim[i] > SHAPE_MAX_DIM)
            return err_set(err, "dimension %d is %llu: allowed is 1 to %d", i,
                           (unsigned long long)images->dim[i], SHAPE_MAX_DIM);
        dim[i] = (int)images->dim[i];
    }
    if (images->n_dims == 2)
        data->shape = shape_flat(dim[1]);
    else if (images->n_dims == 3)
        data->shape = shape_image(1, dim[1], dim[2]);
    else if (is_channels_last(images))
        data->shape = shape_image(dim[3], dim[1], dim[2]);
    else
        data->shape = shape_image(dim[1], dim[2], dim[3]);
    data->n_samples = (size_t)images->dim[0];
    return shape_check(&data->shape, err);
}

/* Place in the array of number i of the data set's order. */
static uint64_t place_of(const struct npy *images, uint64_t i)
{
    if (images->n_dims != 4 || !is_channels_last(images))
        return i;
    uint64_t pixels = images->dim[1] * images->dim[2], channels = images->dim[3];
    uint64_t features = pixels * channels, within = i % features;
    return i - within + within % pixels * channels + within / pixels;
}

static int take_images(struct dataset *data, const struct npy *images, struct err *err)
{
    if (take_shape(data, images, err))
        return -1;
    if (images->type == 'u' && images->item_bytes == 1) {
        data->pixels = mem_resize(NULL, images->n, 1);
        for (uint64_t i = 0; i < images->n; i++)
            data->pixels[i] = images->data[place_of(images, i)];
        return 0;
    }
    if (images->type != 'f')
        return err_set(err,
                       "images of whole numbers of %d bytes: allowed are unsigned bytes and "
                       "floats",
                       images->item_bytes);
    data->values = mem_resize(NULL, images->n, sizeof *data->values);
    for (uint64_t i = 0; i < images->n; i++) {
        data->values[i] = npy_float(images, place_of(images, i));
        if (!isfinite(data->values[i]))
            return err_set(err, "number %llu is not finite", (unsigned long long)i);
    }
    return 0;
}

static int take_labels(struct dataset *data, const struct npy *labels, struct err *err)
{
    bool is_list = labels->n_dims == 1 || (labels->n_dims == 2 && labels->dim[1] == 1);
    if (!is_list || labels->dim[0] != data->n_samples)
        return err_set(err, "one label for each of the %zu images is wanted", data->n_samples);
    data->labels = mem_zero(data->n_samples, sizeof *data->labels);
    for (size_t i = 0; i < data->n_samples; i++) {
        int64_t label = npy_whole(labels, i);
        if (label < 0 || label > DATASET_MAX_LABEL)
            return err_set(err, "label of sample %zu: allowed is a whole number from 0 to %d", i,
                           DATASET_MAX_LABEL);
        data->labels[i] = (uint32_t)label;
    }
    return 0;
}

static int read_array(struct dataset *data, const struct source *source, const char *name,
                      int (*take)(struct dataset *, const struct npy *, struct err *),
                      bool *is_there, struct err *err)
{
    size_t n;
    struct npy array;
    uint8_t *bytes = load(source, name, &n, is_there, err);
    if (!bytes)
        return -1;
    int status = npy_parse(&array, bytes, n, err) || take(data, &array, err) ? -1 : 0;
    free(bytes);
    return status ? err_prefix(err, "%s: %s.npy", source->path, name) : 0;
}

static int read_part(struct dataset *data, const struct source *source, enum dataset_part part,
                     struct err *err)
{
    for (size_t i = 0; i < 2; i++) {
        bool is_there;
        const char *images = names[part][i][0], *labels = names[part][i][1];
        if (read_array(data, source, images, take_images, &is_there, err) == 0) {
            if (read_array(data, source, labels, take_labels, &is_there, err) == 0)
                return 0;
            return is_there ? -1 : err_set(err, "%s: %s.npy is not there", source->path, labels);
        }
        if (is_there)
            return -1;
    }
    return err_set(err, "%s: neither %s.npy nor %s.npy is there", source->path, names[part][0][0],
                   names[part][1][0]);
}

static int npy_read(struct dataset *data, const char *dir, enum dataset_part part, struct err *err)
{
    return read_part(data, &(struct source){.path = dir}, part, err);
}

static int npz_read(struct dataset *data, const char *dir, enum dataset_part part, struct err *err)
{
    struct stat info;
    bool is_file = stat(dir, &info) == 0 && S_ISREG(info.st_mode);
    char *path = is_file ? mem_string(dir) : mem_format("%s/data.npz", dir);
    struct source source = {.path = path};
    source.zip = npy_read_file(path, &source.n_zip, err);
    int status = source.zip ? read_part(data, &source, part, err) : -1;
    free(source.zip);
    free(path);
    return status;
}

const struct dataset_format dataset_npy = {"npy", npy_read};
const struct dataset_format dataset_npz = {"npz", npz_read};
