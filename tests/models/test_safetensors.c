/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that are refused, with the error's words; files that are read as written. */
#include "tests/models/spec_from_text.h"

#include "models/safetensors.h"
#include "tests/models/temp_dir.h"

/* Length, header, n_data bytes 0, 1, 2, ... */
static const char *write_file(const char *header, uint64_t length, size_t n_data)
{
    static uint8_t bytes[4096];
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(length >> (8 * i));
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < n_data; i++)
        bytes[8 + n + i] = (uint8_t)i;
    return temp_file("t.safetensors", bytes, 8 + n + n_data);
}

static void is_refused(const char *path, const char *text)
{
    struct err err = ERR_INIT;
    assert_null(safetensors_open(path, &err));
    size_t n = strlen(path);
    if (strncmp(err.text, path, n) != 0 || strncmp(err.text + n, ": ", 2) != 0 ||
        strcmp(err.text + n + 2, text) != 0)
        fail_msg("'%s', not '%s'", err.text, text);
}

#define A(dtype, shape, begin, end)                                                                \
    "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}}"
#define TWO(begin, end)                                                                            \
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"                             \
    "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" #begin "," #end "]}}"

static void files_out_of_order_are_refused_with_the_tensors_name(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t n_data;
        const char *text;
    } rows[] = {
        {"[]", 0, "header: a JSON object is wanted"},
        {"{\"a\":1}", 0, "tensor 'a': an object with dtype, shape and data_offsets is wanted"},
        {"{\"a\":{}}", 0, "tensor 'a': an object with dtype, shape and data_offsets is wanted"},
        {A("F31", "[1]", 0, 4), 4, "tensor 'a': dtype 'F31' is not known"},
        {A("F32", "1", 0, 4), 4, "tensor 'a': shape: a list of at most 8 numbers is wanted"},
        {A("F32", "[1,1,1,1,1,1,1,1,1]", 0, 4), 4,
         "tensor 'a': shape: a list of at most 8 numbers is wanted"},
        {A("F32", "[-1]", 0, 4), 4,
         "tensor 'a': shape: dimension 0: a whole number from 0 is wanted"},
        {A("F32", "[1,1.0]", 0, 4), 4,
         "tensor 'a': shape: dimension 1: a whole number from 0 is wanted"},
        {A("F32", "[4294967296,4294967296]", 0, 4), 4,
         "tensor 'a': shape: more numbers than can be counted"},
        {A("F32", "[2]", 0, 4), 4, "tensor 'a': data_offsets give it 4 bytes, dtype and shape 8"},
        {A("F32", "[1]", 0, 8), 4, "tensor 'a': data_offsets [0, 8]: the file holds bytes 0 to 4"},
        {A("F32", "[1]", 4, 0), 4, "tensor 'a': data_offsets [4, 0]: the file holds bytes 0 to 4"},
        {A("F32", "[1]", -4, 0), 4,
         "tensor 'a': data_offsets [-4, 0]: the file holds bytes 0 to 4"},
        {A("F32", "[1]", 0.0, 4), 4, "tensor 'a': data_offsets: two whole numbers are wanted"},
        {A("F32", "[1]", 0, 4), 6, "its last 2 bytes belong to no tensor"},
        {TWO(2, 6), 6, "tensor 'b': its bytes overlap those of 'a'"},
        {TWO(6, 10), 10, "tensor 'b': 2 bytes before it belong to none"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__: an object of texts is wanted"},
        {"{\"__metadata__\":[]}", 0, "__metadata__: an object of texts is wanted"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        is_refused(write_file(rows[i].header, strlen(rows[i].header), rows[i].n_data),
                   rows[i].text);
}

static void broken_headers_are_refused(void **state)
{
    (void)state;
    is_refused(temp_file("t", "\1\0\0", 3), "ends within the 8 bytes of the header's length");
    is_refused(write_file("{}", 3, 0), "says its header has 3 bytes, more than are in the file");
    is_refused(write_file("{}", UINT64_MAX, 0),
               "says its header has 18446744073709551615 bytes: allowed are at most 16777216");
    is_refused(temp_dir, "is no file");
    is_refused(temp_path("none"), "No such file or directory");
    struct err err = ERR_INIT;
    assert_null(safetensors_open(write_file("{\"a\":{},\"a\":{}}", 15, 0), &err));
    assert_non_null(strstr(err.text, "header: duplicate object key"));
    assert_null(safetensors_open(write_file("{\"a\":", 5, 0), NULL));
}

/* Whatever is cut off the end, or flipped, is an error or a sound file, never more. */
static void truncated_and_flipped_files_do_not_crash(void **state)
{
    (void)state;
    const char *header = TWO(4, 8);
    size_t n = strlen(header), whole = 8 + n + 8;
    uint8_t bytes[512], changed[512];
    FILE *stream = fopen(write_file(header, n, 8), "rb");
    assert_int_equal(fread(bytes, 1, sizeof bytes, stream), whole);
    fclose(stream);
    for (size_t i = 0; i < whole; i++) {
        assert_null(safetensors_open(temp_file("cut", bytes, i), NULL));
        memcpy(changed, bytes, whole);
        changed[i] ^= (uint8_t)(1 << i % 8);
        safetensors_close(safetensors_open(temp_file("flipped", changed, whole), NULL));
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    const float w[] = {1, 2, 3, 4, 5, 6};
    const int64_t count = 1234567890123;
    const struct safetensors_tensor tensors[] = {
        {"fc.weight", "F32", 2, (const int[]){2, 3}, w},
        {"bn.num_batches_tracked", "I64", 0, NULL, &count},
    };
    struct err err = ERR_INIT;
    const char *path = temp_path("w.safetensors");
    assert_int_equal(safetensors_write(path, tensors, 2, &err), 0);
    struct safetensors *file = safetensors_open(path, &err);
    assert_non_null(file);
    assert_int_equal(safetensors_n(file), 2);
    const struct safetensors_entry *entry = safetensors_find(file, "fc.weight");
    assert_string_equal(entry->dtype, "F32");
    assert_int_equal(entry->n_dims, 2);
    assert_int_equal(entry->dim[1], 3);
    float w_read[6];
    int64_t count_read;
    assert_int_equal(safetensors_read(file, entry, w_read, &err), 0);
    assert_memory_equal(w_read, w, sizeof w);
    assert_int_equal(safetensors_read(file, safetensors_at(file, 1), &count_read, &err), 0);
    assert_true(count_read == count);
    assert_string_equal(safetensors_metadata(file, "format"), "pt");
    assert_null(safetensors_metadata(file, "other"));
    assert_null(safetensors_find(file, "fc"));
    safetensors_close(file);
    assert_int_equal(safetensors_write(temp_path("no/such/dir"), tensors, 2, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_out_of_order_are_refused_with_the_tensors_name),
        cmocka_unit_test(broken_headers_are_refused),
        cmocka_unit_test(truncated_and_flipped_files_do_not_crash),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
