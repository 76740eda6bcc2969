/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CIFAR, NumPy and made-up data; augmentation. tests/data/models/make_arrays.py made the .npz files. */
#include "tests/models/spec_from_text.h"

#include <math.h>
#include <sys/stat.h>

#include "models/dataset.h"
#include "models/npy.h"
#include "tests/models/temp_dir.h"

static struct dataset *open_good(const char *format, const char *dir, enum dataset_part part)
{
    struct err err = ERR_INIT;
    struct dataset *data = dataset_open(format, dir, part, &err);
    if (!data)
        fail_msg("%s", err.text);
    return data;
}

static void is_refused(const char *format, const char *dir, const char *text)
{
    struct err err = ERR_INIT;
    assert_null(dataset_open(format, dir, DATASET_TRAIN, &err));
    if (!strstr(err.text, text))
        fail_msg("'%s' has no '%s'", err.text, text);
}

static uint8_t records[2][3074];

static void cifar10_takes_all_its_files(void **state)
{
    (void)state;
    for (int i = 1; i <= 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        memset(records, i, sizeof records);
        records[0][0] = (uint8_t)i;
        records[0][3072] = 255;
        temp_file(name, records, 3073);
    }
    struct dataset *data = open_good("cifar10", temp_dir, DATASET_TRAIN);
    assert_int_equal(dataset_n_samples(data), 5);
    struct shape shape = dataset_shape(data), wanted = shape_image(3, 32, 32);
    assert_true(shape_equal(&shape, &wanted));
    assert_int_equal(dataset_labels(data)[4], 5);
    static float x[3072];
    dataset_batch(data, (const uint32_t[]){2}, 1, x, NULL);
    assert_true(x[0] == (float)(3 / 255.0) && x[3071] == 1);
    dataset_free(data);
}

static void cifar100_has_coarse_labels_before_the_fine(void **state)
{
    (void)state;
    memset(records, 0, sizeof records);
    records[0][0] = 19;
    records[0][1] = 99;
    records[1][1] = 3;
    temp_file("train.bin", records, sizeof records);
    struct dataset *data = open_good("cifar100", temp_dir, DATASET_TRAIN);
    assert_int_equal(dataset_n_samples(data), 2);
    assert_int_equal(dataset_labels(data)[0], 99);
    assert_int_equal(dataset_labels(data)[1], 3);
    dataset_free(data);
}

static void broken_cifar_files_are_refused(void **state)
{
    (void)state;
    memset(records, 0, sizeof records);
    temp_file("train.bin", records, 3073);
    is_refused("cifar100", temp_dir, "train.bin: has 3073 bytes: records of 3074 are wanted");
    records[0][1] = 100;
    temp_file("train.bin", records, 3074);
    is_refused("cifar100", temp_dir, "train.bin: label 100 of sample 0: allowed is 0 to 99");
    temp_file("data_batch_1.bin", "", 0);
    is_refused("cifar10", temp_dir, "data_batch_1.bin: has 0 bytes");
    is_refused("cifar10", "/nowhere", "/nowhere/data_batch_1.bin: No such file");
}

static void npz_with_channels_last_is_turned_around(void **state)
{
    (void)state;
    struct dataset *data = open_good("npz", "tests/data/models/medmnist.npz", DATASET_TRAIN);
    struct shape shape = dataset_shape(data), wanted = shape_image(3, 2, 5);
    assert_true(shape_equal(&shape, &wanted));
    assert_int_equal(dataset_n_samples(data), 3);
    assert_int_equal(dataset_labels(data)[0], 2);
    float x[30];
    dataset_batch(data, (const uint32_t[]){1}, 1, x, NULL);
    for (int c = 0; c < 3; c++) {
        for (int p = 0; p < 10; p++)
            assert_true(x[c * 10 + p] == (float)((30 + p * 3 + c) * 7 % 256 / 255.0));
    }
    dataset_free(data);
    data = open_good("npz", "tests/data/models/medmnist.npz", DATASET_TEST);
    assert_int_equal(dataset_n_samples(data), 1);
    dataset_free(data);
}

static void npz_with_floats_is_taken_as_it_is(void **state)
{
    (void)state;
    struct dataset *data = open_good("npz", "tests/data/models/flat.npz", DATASET_TRAIN);
    assert_int_equal(dataset_shape(data).n_dims, 1);
    assert_int_equal(dataset_n_classes(data), 4);
    float x[6];
    uint32_t label;
    dataset_batch(data, (const uint32_t[]){3}, 1, x, &label);
    assert_true(x[5] == 1 && label == 3);
    dataset_normalize(data, 1, 2);
    dataset_batch(data, (const uint32_t[]){0}, 1, x, &label);
    assert_true(x[0] == -1);
    dataset_free(data);
    data = open_good("npz", "tests/data/models/flat.npz", DATASET_TEST);
    assert_int_equal(dataset_labels(data)[0], 3);
    dataset_free(data);
}

/* Every byte of the file cut off or changed: an error or a sound data set. */
static void damaged_npz_files_do_not_crash(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = npy_read_file("tests/data/models/medmnist.npz", &n, NULL);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) {
        struct err err = ERR_INIT;
        assert_null(dataset_open("npz", temp_file("cut.npz", bytes, i), DATASET_TRAIN, &err));
        assert_true(err.text[0]);
        bytes[i] ^= (uint8_t)(1 << i % 8);
        dataset_free(dataset_open("npz", temp_file("flipped.npz", bytes, n), DATASET_TRAIN, NULL));
        bytes[i] ^= (uint8_t)(1 << i % 8);
    }
    free(bytes);
}

/* A version 1 array with n bytes of zeros. */
static void write_npy(const char *name, const char *header, size_t n)
{
    static uint8_t bytes[1024];
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "\x93NUMPY\1\0", 8);
    bytes[8] = (uint8_t)strlen(header);
    memcpy(bytes + 10, header, strlen(header));
    temp_file(name, bytes, 10 + strlen(header) + n);
}

#define NPY(descr, shape) "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape ", }"

static void npy_headers_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t n;
        const char *text; /* NULL: good */
    } rows[] = {
        {NPY("|u1", "(2, 4, 4)"), 32, NULL},
        {NPY("<f4", "(2, 4)"), 32, NULL},
        {NPY("<f8", "(2, 2)"), 32, NULL},
        {NPY("|u1", "(2, 4, 4)"), 31, "has 31 bytes of numbers: its shape says 32"},
        {NPY("|u1", "(2, 4, 4"), 32, "shape: at most 8 whole numbers are wanted"},
        {NPY("|u1", "(2,)"), 2, "images of 1 dimensions: allowed are 2 to 4"},
        {NPY("|u1", "(0, 4)"), 0, "0 samples: allowed is 1 to 16777216"},
        {NPY("|u1", "(2, 0)"), 0, "dimension 1 is 0: allowed is 1 to 65536"},
        {NPY("|u1", "(99999999999999999999, 4)"), 0, "shape: more numbers than fit"},
        {NPY("|u1", "(2, -4)"), 8, "shape: at most 8 whole numbers are wanted"},
        {NPY(">f4", "(2, 4)"), 32, "dtype >f4: allowed are whole numbers of 1 to 8 bytes and "},
        {NPY("<f2", "(2, 4)"), 16, "dtype <f2"},
        {NPY("<i4", "(2, 4)"), 32, "images of whole numbers of 4 bytes: allowed are unsigned"},
        {"{'descr': [('a', '<f4')], }", 0, "dtype: numbers of one simple type are wanted"},
        {"{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2)}", 4,
         "fortran_order: False is wanted"},
        {"{'descr': '|u1', 'fortran_order': False}", 4, "shape is missing"},
        {"", 0, "is no .npy array"},
    };
    write_npy("train_labels.npy", NPY("<i8", "(2,)"), 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_npy("train_images.npy", rows[i].header, rows[i].n);
        if (rows[i].text)
            is_refused("npy", temp_dir, rows[i].text);
        else
            dataset_free(open_good("npy", temp_dir, DATASET_TRAIN));
    }
    write_npy("train_images.npy", NPY("|u1", "(3, 4)"), 12);
    is_refused("npy", temp_dir, "train_labels.npy: one label for each of the 3 images is wanted");
    temp_file("train_images.npy", "none", 4);
    is_refused("npy", temp_dir, "train_images.npy: is no .npy array");
    is_refused("npy", "/nowhere", "/nowhere: neither train_images.npy nor x_train.npy is there");
    is_refused("npz", temp_dir, "data.npz: No such file");
}

static void synthetic_data_follow_from_their_description(void **state)
{
    (void)state;
    static float x[2][10 * 64], mean[2][64];
    struct dataset *data = open_good("synthetic", "1x8x8 classes=2 train=20 seed=3", DATASET_TRAIN);
    assert_int_equal(dataset_n_samples(data), 20);
    assert_int_equal(dataset_n_classes(data), 2);
    for (uint32_t i = 0; i < 20; i++) {
        uint32_t label;
        dataset_batch(data, &i, 1, &x[i % 2][i / 2 * 64], &label);
        assert_int_equal(label, i % 2);
        for (int p = 0; p < 64; p++)
            mean[i % 2][p] += x[i % 2][i / 2 * 64 + (uint32_t)p] / 10;
    }
    double between = 0, within = 0;
    for (int p = 0; p < 64; p++) {
        between += pow((double)(mean[0][p] - mean[1][p]), 2);
        for (int i = 0; i < 10; i++)
            within += pow((double)(x[0][i * 64 + p] - mean[0][p]), 2) / 10;
    }
    assert_true(between > 0.5 * within && within > 0);
    struct dataset *again =
        open_good("synthetic", "1x8x8 classes=2 train=20 seed=3", DATASET_TRAIN);
    struct dataset *other =
        open_good("synthetic", "1x8x8 classes=2 train=20 seed=4", DATASET_TRAIN);
    struct dataset *test = open_good("synthetic", "1x8x8 classes=2 test=20 seed=3", DATASET_TEST);
    float y[64];
    dataset_batch(again, (const uint32_t[]){0}, 1, y, NULL);
    assert_memory_equal(x[0], y, sizeof y);
    dataset_batch(other, (const uint32_t[]){0}, 1, y, NULL);
    assert_memory_not_equal(x[0], y, sizeof y);
    dataset_batch(test, (const uint32_t[]){0}, 1, y, NULL);
    assert_memory_not_equal(x[0], y, sizeof y);
    dataset_free(data);
    dataset_free(again);
    dataset_free(other);
    dataset_free(test);
    is_refused("synthetic", "/usr/share/mnist",
               "data.dir (of an agent: --data) is here a description, such as \"3x32x32 classes=10 "
               "train=5000 test=1000 seed=1\": '/usr/share/mnist' is no part of one");
    is_refused("synthetic", "3x32", "'3x32' is no part of one");
    is_refused("synthetic", "classes=1", "1 classes, 5000 and 1000 samples: at least 2, 1 and 1");
    is_refused("synthetic", "train=-5", "'train=-5': allowed is a whole number up to 16777216");
    is_refused("synthetic", "1x4096x4096 train=9999", "synthetic data: 9999 samples of 16777216");
}

static void channels_are_normalised_apart(void **state)
{
    (void)state;
    struct dataset *data = open_good("npz", "tests/data/models/medmnist.npz", DATASET_TRAIN);
    float raw[30], x[30];
    dataset_batch(data, (const uint32_t[]){0}, 1, raw, NULL);
    dataset_normalize_channels(data, (const double[]){0, 0.5, 1}, (const double[]){1, 2, 4});
    dataset_batch(data, (const uint32_t[]){0}, 1, x, NULL);
    assert_true(fabsf(x[9] - raw[9]) < 1e-6f);
    assert_true(fabsf(x[10] - (raw[10] - 0.5f) / 2) < 1e-6f);
    assert_true(fabsf(x[29] - (raw[29] - 1) / 4) < 1e-6f);
    dataset_free(data);
}

/* Whether y is x moved by (down, right), zeros outside, and flipped. */
static bool is_moved(const float *x, const float *y, int height, int width, int down, int right,
                     bool is_flipped)
{
    for (int i = 0; i < height; i++) {
        for (int k = 0; k < width; k++) {
            int from_y = i + down, from_x = (is_flipped ? width - 1 - k : k) + right;
            bool is_inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
            if (y[i * width + k] != (is_inside ? x[from_y * width + from_x] : 0))
                return false;
        }
    }
    return true;
}

static void augmented_images_are_crops_and_flips(void **state)
{
    (void)state;
    enum { H = 6, W = 7, N = 300 };
    static float x[H * W], y[N * H * W];
    static const uint32_t index[N];
    uint32_t labels[N];
    bool is_seen[5][5][2] = {{{0}}};
    struct dataset *data = open_good("synthetic", "1x6x7 classes=2 train=2", DATASET_TRAIN);
    struct augment augment = {.crop_padding = 2, .flips = true, .seed = 5};
    dataset_batch(data, index, 1, x, NULL);
    dataset_batch_augmented(data, &augment, 1, index, N, y, labels);
    for (int n = 0; n < N; n++) {
        int n_found = 0;
        for (int k = 0; k < 50; k++) {
            if (!is_moved(x, y + n * H * W, H, W, k % 5 - 2, k / 5 % 5 - 2, k >= 25))
                continue;
            is_seen[k % 5][k / 5 % 5][k / 25] = true;
            n_found++;
        }
        assert_int_equal(n_found, 1);
    }
    int n_seen = 0;
    for (int k = 0; k < 50; k++)
        n_seen += is_seen[k % 5][k / 5 % 5][k / 25];
    assert_true(n_seen >= 47);
    static float again[N * H * W];
    dataset_batch_augmented(data, &augment, 1, index, N, again, NULL);
    assert_memory_equal(y, again, sizeof y);
    dataset_batch_augmented(data, &augment, 2, index, N, again, NULL);
    assert_memory_not_equal(y, again, sizeof y);
    augment = (struct augment){0};
    dataset_batch_augmented(data, &augment, 2, index, 1, again, NULL);
    assert_memory_equal(x, again, sizeof x);
    dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cifar10_takes_all_its_files),
        cmocka_unit_test(cifar100_has_coarse_labels_before_the_fine),
        cmocka_unit_test(broken_cifar_files_are_refused),
        cmocka_unit_test(npz_with_channels_last_is_turned_around),
        cmocka_unit_test(npz_with_floats_is_taken_as_it_is),
        cmocka_unit_test(damaged_npz_files_do_not_crash),
        cmocka_unit_test(npy_headers_are_checked),
        cmocka_unit_test(synthetic_data_follow_from_their_description),
        cmocka_unit_test(channels_are_normalised_apart),
        cmocka_unit_test(augmented_images_are_crops_and_flips),
    };
    return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
