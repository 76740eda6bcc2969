/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/npy.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

/* The header's text, a Python dictionary, and where the data begins. */
struct header {
    const char *text;
    size_t n, data;
};

static int find_header(struct header *header, const uint8_t *bytes, size_t n, struct err *err)
{
    static const char magic[] = "\x93NUMPY";
    if (n < 12 || memcmp(bytes, magic, 6) != 0)
        return err_set(err, "is no .npy array");
    if (bytes[6] != 1 && bytes[6] != 2)
        return err_set(err, ".npy version %d: allowed are 1 and 2", bytes[6]);
    size_t start = bytes[6] == 1 ? 10 : 12;
    size_t length = bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] == 2)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > n - start)
        return err_set(err, "ends within its .npy header");
    *header = (struct header){(const char *)bytes + start, length, start + length};
    return 0;
}

/* What follows 'key': in the header, or NULL. */
static const char *value_of(const struct header *header, const char *key)
{
    char quoted[32];
    int n = snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *at = memmem(header->text, header->n, quoted, (size_t)n);
    const char *end = header->text + header->n;
    if (!at)
        return NULL;
    for (at += n; at < end && *at == ' '; at++)
        ;
    return at < end ? at : NULL;
}

static int parse_type(struct npy *array, const struct header *header, struct err *err)
{
    const char *descr = value_of(header, "descr"), *end = header->text + header->n;
    if (!descr || end - descr < 5 || descr[0] != '\'' || descr[4] != '\'')
        return err_set(err, "dtype: numbers of one simple type are wanted");
    array->type = descr[2];
    array->item_bytes = descr[3] - '0';
    bool is_whole = (descr[2] == 'u' || descr[2] == 'i') &&
                    (descr[3] == '1' || descr[3] == '2' || descr[3] == '4' || descr[3] == '8');
    bool is_float = descr[2] == 'f' && (descr[3] == '4' || descr[3] == '8');
    if ((!is_whole && !is_float) || (descr[0 + 1] == '>' && descr[3] != '1'))
        return err_set(err,
                       "dtype %.3s: allowed are whole numbers of 1 to 8 bytes and floats of 4 or "
                       "8, little-endian",
                       descr + 1);
    const char *order = value_of(header, "fortran_order");
    if (!order || end - order < 5 || memcmp(order, "False", 5) != 0)
        return err_set(err, "fortran_order: False is wanted");
    return 0;
}

static int parse_shape(struct npy *array, const struct header *header, struct err *err)
{
    const char *at = value_of(header, "shape"), *end = header->text + header->n;
    if (!at || *at++ != '(')
        return err_set(err, "shape is missing");
    array->n = 1;
    while (at < end && *at != ')') {
        uint64_t value = 0;
        if (!isdigit((unsigned char)*at) || array->n_dims == NPY_MAX_DIMS)
            return err_set(err, "shape: at most %d whole numbers are wanted", NPY_MAX_DIMS);
        for (; at < end && isdigit((unsigned char)*at); at++)
            value = value > NPY_MAX_BYTES ? value : value * 10 + (uint64_t)(*at - '0');
        array->dim[array->n_dims++] = value;
        if (__builtin_mul_overflow(array->n, value, &array->n) || array->n > NPY_MAX_BYTES)
            return err_set(err, "shape: more numbers than fit");
        while (at < end && (*at == ',' || *at == ' '))
            at++;
    }
    return at < end ? 0 : err_set(err, "shape: has no end");
}

int npy_parse(struct npy *array, const uint8_t *bytes, size_t n, struct err *err)
{
    struct header header = {0};
    *array = (struct npy){0};
    if (find_header(&header, bytes, n, err) || parse_type(array, &header, err) ||
        parse_shape(array, &header, err))
        return -1;
    uint64_t wanted = array->n * (uint64_t)array->item_bytes;
    if (wanted != n - header.data)
        return err_set(err, "has %zu bytes of numbers: its shape says %llu", n - header.data,
                       (unsigned long long)wanted);
    array->data = bytes + header.data;
    return 0;
}

static double float_at(const struct npy *array, uint64_t i)
{
    float single;
    double value;
    const uint8_t *at = array->data + i * (uint64_t)array->item_bytes;
    if (array->item_bytes == 8) {
        memcpy(&value, at, 8);
        return value;
    }
    memcpy(&single, at, 4);
    return (double)single;
}

int64_t npy_whole(const struct npy *array, uint64_t i)
{
    const uint8_t *at = array->data + i * (uint64_t)array->item_bytes;
    uint64_t bits = 0;
    if (array->type == 'f') {
        double value = float_at(array, i);
        return value >= 0 && value < 0x1p53 && value == floor(value) ? (int64_t)value : -1;
    }
    for (int b = array->item_bytes - 1; b >= 0; b--)
        bits = bits << 8 | at[b];
    int shift = 64 - 8 * array->item_bytes;
    if (array->type == 'i')
        return (int64_t)(bits << shift) >> shift;
    return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
}

float npy_float(const struct npy *array, uint64_t i)
{
    return array->type == 'f' ? (float)float_at(array, i) : (float)npy_whole(array, i);
}

uint8_t *npy_read_file(const char *path, size_t *n, struct err *err)
{
    struct stat info;
    FILE *stream = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (!stream || fstat(fileno(stream), &info) != 0) {
        err_set_errno(err, "%s", path);
    } else if (!S_ISREG(info.st_mode) || (uint64_t)info.st_size > NPY_MAX_BYTES) {
        err_set(err, "%s: a file of at most %llu bytes is wanted", path,
                (unsigned long long)NPY_MAX_BYTES);
    } else {
        *n = (size_t)info.st_size;
        bytes = mem_resize(NULL, *n + 1, 1);
        if (fread(bytes, 1, *n, stream) != *n) {
            err_set(err, "%s: could not be read whole", path);
            free(bytes);
            bytes = NULL;
        }
    }
    if (stream)
        fclose(stream);
    return bytes;
}
