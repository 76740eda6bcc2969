/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include <math.h>
#include <unistd.h>
#include <zlib.h>

#include "models/dataset.h"

/* Two images of 2 x 3 pixels. */
static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0,  0,  2,  0,  0,
                                 0, 3, 0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 255};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};

static char dir[] = "/tmp/splitbed-test-idx-XXXXXX";

static void path_of(const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", dir, name);
}

static void put(const char *name, const uint8_t *bytes, size_t n)
{
    char path[256];
    path_of(name, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void put_gz(const char *name, const uint8_t *bytes, size_t n)
{
    char path[256];
    path_of(name, path);
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(file), Z_OK);
}

static const char *const names[] = {
    "train-images-idx3-ubyte",    "train-labels-idx1-ubyte", "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte",  "t10k-labels-idx1-ubyte",
};

static int start_empty(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[256];
        path_of(names[i], path);
        unlink(path);
    }
    return 0;
}

static void good_is(struct dataset *data, const char *why)
{
    if (!data)
        fail_msg("%s", why);
    struct shape shape = dataset_shape(data), wanted = shape_image(1, 2, 3);
    assert_int_equal(dataset_n_samples(data), 2);
    assert_true(shape_equal(&shape, &wanted));
    assert_int_equal(dataset_n_classes(data), 8);
    assert_int_equal(dataset_labels(data)[0], 7);
    assert_int_equal(dataset_labels(data)[1], 3);
    float x[6];
    uint32_t label;
    dataset_batch(data, (const uint32_t[]){1}, 1, x, &label);
    assert_int_equal(label, 3);
    assert_true(x[0] == (float)(6 / 255.0) && x[5] == 1);
    dataset_free(data);
}

static void plain_files_are_read(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    put(names[0], images, sizeof images);
    put(names[1], labels, sizeof labels);
    good_is(dataset_open("idx", dir, DATASET_TRAIN, &err), err.text);
}

static void gzip_files_are_read(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    put_gz(names[2], images, sizeof images);
    put_gz(names[3], labels, sizeof labels);
    good_is(dataset_open("idx", dir, DATASET_TRAIN, &err), err.text);
}

static void test_files_have_names_of_their_own(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    put(names[4], images, sizeof images);
    put(names[5], labels, sizeof labels);
    good_is(dataset_open("idx", dir, DATASET_TEST, &err), err.text);
    assert_null(dataset_open("idx", dir, DATASET_TRAIN, &err));
    assert_non_null(strstr(err.text, "neither train-images-idx3-ubyte nor "
                                     "train-images-idx3-ubyte.gz is there"));
}

static void wide_labels_are_read(void **state)
{
    (void)state;
    const uint8_t wide[] = {0, 0, 0x0c, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 3};
    struct err err = ERR_INIT;
    put(names[0], images, sizeof images);
    put(names[1], wide, sizeof wide);
    struct dataset *data = dataset_open("idx", dir, DATASET_TRAIN, &err);
    assert_non_null(data);
    assert_int_equal(dataset_n_classes(data), 65536);
    dataset_free(data);
}

static void images_may_have_channels(void **state)
{
    (void)state;
    const uint8_t deep[] = {0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0,  0,  1,
                            0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct err err = ERR_INIT;
    put(names[0], deep, sizeof deep);
    put(names[1], labels, sizeof labels);
    struct dataset *data = dataset_open("idx", dir, DATASET_TRAIN, &err);
    assert_non_null(data);
    struct shape shape = dataset_shape(data), wanted = shape_image(3, 1, 2);
    assert_true(shape_equal(&shape, &wanted));
    dataset_free(data);
}

static void pixels_are_normalised(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    put(names[0], images, sizeof images);
    put(names[1], labels, sizeof labels);
    struct dataset *data = dataset_open("idx", dir, DATASET_TRAIN, &err);
    dataset_normalize(data, 0.5, 0.25);
    float x[12];
    dataset_batch(data, (const uint32_t[]){0, 1}, 2, x, NULL);
    assert_true(x[0] == -2 && x[11] == 2);
    dataset_free(data);
}

/* A byte of a good file changed, or its end cut off or grown. */
struct damage {
    bool in_labels;
    int at; /* byte to change; -1: none */
    uint8_t value;
    int longer; /* bytes more than the good file; negative: less */
    const char *text;
};

static const struct damage damages[] = {
    {false, -1, 0, -1, "train-images-idx3-ubyte: ends 1 bytes early, in the data"},
    {false, -1, 0, -20, "train-images-idx3-ubyte: ends 8 bytes early, in the header"},
    {false, -1, 0, -28, "train-images-idx3-ubyte: ends 4 bytes early, in the header"},
    {false, -1, 0, 1, "train-images-idx3-ubyte: is longer than its header says"},
    {true, -1, 0, -1, "train-labels-idx1-ubyte: ends 1 bytes early, in the data"},
    {true, -1, 0, 1, "train-labels-idx1-ubyte: is longer than its header says"},
    {false, 0, 1, 0, "train-images-idx3-ubyte: begins with 01 00: an IDX file begins with 00 00"},
    {false, 2, 0x0d, 0, "train-images-idx3-ubyte: type 0x0d: images are unsigned bytes, 0x08"},
    {false, 3, 1, 0, "train-images-idx3-ubyte: has 1 dimensions: allowed is 3 to 4"},
    {false, 3, 200, 0, "train-images-idx3-ubyte: has 200 dimensions: allowed is 3 to 4"},
    {false, 4, 0xff, 0, "train-images-idx3-ubyte: says it has 4278190082 samples: allowed is 1 to"},
    {false, 7, 0, 0, "train-images-idx3-ubyte: says it has 0 samples: allowed is 1 to 16777216"},
    {false, 8, 0xff, 0, "train-images-idx3-ubyte: images of 1 x 4278190082 x 3: each is at most"},
    {false, 11, 0, 0, "train-images-idx3-ubyte: dimension 1 is 0: allowed is 1 to 65536"},
    {false, 5, 0xff, 0, "train-images-idx3-ubyte: says it has 100270092 bytes of data, more than"},
    {true, 2, 0x0e, 0, "train-labels-idx1-ubyte: type 0x0e: labels are 0x08, 0x0b or 0x0c"},
    {true, 7, 3, 1, "train-labels-idx1-ubyte: 3 labels for 2 images"},
};

static void damaged_files_are_refused(void **state)
{
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        const struct damage *damage = &damages[i];
        uint8_t bytes[2][32] = {{0}, {0}};
        size_t n[2] = {sizeof images, sizeof labels};
        start_empty(state);
        memcpy(bytes[0], images, sizeof images);
        memcpy(bytes[1], labels, sizeof labels);
        if (damage->at >= 0)
            bytes[damage->in_labels][damage->at] = damage->value;
        n[damage->in_labels] += (size_t)damage->longer;
        put(names[0], bytes[0], n[0]);
        put(names[1], bytes[1], n[1]);
        struct err err = ERR_INIT;
        assert_null(dataset_open("idx", dir, DATASET_TRAIN, &err));
        if (!strstr(err.text, damage->text))
            fail_msg("'%s' is not in '%s'", damage->text, err.text);
    }
}

static void labels_out_of_range_are_refused(void **state)
{
    (void)state;
    const uint8_t wide[] = {0, 0, 0x0c, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0, 0};
    struct err err = ERR_INIT;
    put(names[0], images, sizeof images);
    put(names[1], wide, sizeof wide);
    assert_null(dataset_open("idx", dir, DATASET_TRAIN, &err));
    assert_non_null(strstr(err.text, "label 65536 of sample 1: allowed is 0 to 65535"));
}

static void a_damaged_gzip_file_is_named_once(void **state)
{
    (void)state;
    static const uint8_t garbage[] = {0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7};
    struct err err = ERR_INIT;
    put(names[2], garbage, sizeof garbage);
    assert_null(dataset_open("idx", dir, DATASET_TRAIN, &err));
    const char *name = strstr(err.text, names[2]);
    assert_non_null(name);
    assert_null(strstr(name + 1, names[2]));
    assert_non_null(strstr(name, ".gz: in the header: "));
}

static void a_cut_gzip_file_is_refused(void **state)
{
    (void)state;
    char path[256];
    uint8_t packed[256];
    put_gz(names[2], images, sizeof images);
    put_gz(names[3], labels, sizeof labels);
    path_of(names[2], path);
    FILE *file = fopen(path, "rb");
    size_t n = fread(packed, 1, sizeof packed, file);
    fclose(file);
    put(names[2], packed, n - 12);
    struct err err = ERR_INIT;
    assert_null(dataset_open("idx", dir, DATASET_TRAIN, &err));
    assert_non_null(strstr(err.text, "train-images-idx3-ubyte.gz: "));
}

static void unknown_formats_are_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_null(dataset_open("png", dir, DATASET_TRAIN, &err));
    assert_string_equal(
        err.text,
        "'png' is no format of data sets: allowed are idx, cifar10, cifar100, npy, npz, synthetic");
}

static void a_sample_that_cannot_be_read_any_more_is_told(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char path[256];
    float x[12];
    put(names[0], images, sizeof images);
    put(names[1], labels, sizeof labels);
    struct dataset *data = dataset_open("idx", dir, DATASET_TRAIN, &err);
    assert_non_null(data);
    path_of(names[0], path);
    assert_int_equal(truncate(path, sizeof images - 6), 0);
    dataset_batch(data, (const uint32_t[]){0}, 1, x, NULL);
    assert_int_equal(dataset_check(data, &err), 0);
    dataset_batch(data, (const uint32_t[]){0, 1}, 2, x, NULL);
    assert_true(x[1] == (float)(1 / 255.0) && x[6] == 0 && x[11] == 0);
    assert_int_equal(dataset_check(data, &err), -1);
    assert_non_null(strstr(err.text, "could not be read"));
    dataset_free(data);
}

/* 1500 images of 28 x 28, packed. */
static void put_large(void)
{
    static uint8_t large[16 + 1500 * 784] = {0, 0, 8, 3, 0, 0, 5, 0xDC, 0, 0, 0, 28, 0, 0, 0, 28},
                                     classes[8 + 1500] = {0, 0, 8, 1, 0, 0, 5, 0xDC};
    struct rng rng;
    rng_seed(&rng, 1, 0);
    for (size_t i = 16; i < sizeof large; i++)
        large[i] = (uint8_t)rng_next(&rng);
    put_gz(names[2], large, sizeof large);
    put_gz(names[3], classes, sizeof classes);
}

static void large_packed_images_are_the_same_from_a_copy_and_from_memory(void **state)
{
    (void)state;
    static float x[2][1500 * 784];
    const char *const caches[] = {dir, "/proc/nowhere"};
    struct err err = ERR_INIT;
    char command[300];
    put_large();
    for (int k = 0; k < 2; k++) {
        setenv("XDG_CACHE_HOME", caches[k], 1);
        struct dataset *data = dataset_open("idx", dir, DATASET_TRAIN, &err);
        assert_non_null(data);
        for (uint32_t i = 0; i < 1500; i++)
            dataset_batch(data, &i, 1, x[k] + (size_t)i * 784, NULL);
        assert_int_equal(dataset_check(data, &err), 0);
        dataset_free(data);
    }
    assert_memory_equal(x[0], x[1], sizeof x[0]);
    snprintf(command, sizeof command, "rm -r '%s/splitbed'", dir); /* and there was one */
    assert_int_equal(system(command), 0);
}

static void fashion_mnist_is_what_it_should_be(void **state)
{
    (void)state;
    static const char place[] = "/usr/share/datasets/fashion-mnist";
    if (access(place, R_OK) != 0)
        skip();
    struct err err = ERR_INIT;
    struct dataset *data = dataset_open("idx", place, DATASET_TEST, &err);
    assert_non_null(data);
    assert_int_equal(dataset_n_samples(data), 10000);
    assert_int_equal(dataset_n_classes(data), 10);
    int of_class[10] = {0};
    for (size_t i = 0; i < 10000; i++)
        of_class[dataset_labels(data)[i]]++;
    for (int k = 0; k < 10; k++)
        assert_int_equal(of_class[k], 1000);
    dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(plain_files_are_read, start_empty),
        cmocka_unit_test_setup(gzip_files_are_read, start_empty),
        cmocka_unit_test_setup(test_files_have_names_of_their_own, start_empty),
        cmocka_unit_test_setup(wide_labels_are_read, start_empty),
        cmocka_unit_test_setup(images_may_have_channels, start_empty),
        cmocka_unit_test_setup(pixels_are_normalised, start_empty),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test_setup(labels_out_of_range_are_refused, start_empty),
        cmocka_unit_test_setup(a_damaged_gzip_file_is_named_once, start_empty),
        cmocka_unit_test_setup(a_cut_gzip_file_is_refused, start_empty),
        cmocka_unit_test(unknown_formats_are_refused),
        cmocka_unit_test_setup(a_sample_that_cannot_be_read_any_more_is_told, start_empty),
        cmocka_unit_test_setup(large_packed_images_are_the_same_from_a_copy_and_from_memory,
                               start_empty),
        cmocka_unit_test(fashion_mnist_is_what_it_should_be),
    };
    if (!mkdtemp(dir))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    start_empty(NULL);
    rmdir(dir);
    return failed;
}
