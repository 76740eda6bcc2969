/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/mem.h"
#include "models/safetensors_impl.h"

static uint64_t bytes_of(const struct safetensors_tensor *tensor)
{
    uint64_t bytes = (uint64_t)safetensors_dtype(tensor->dtype)->bytes;
    for (int i = 0; i < tensor->n_dims; i++)
        bytes *= (uint64_t)tensor->dim[i];
    return bytes;
}

static json_t *header_entry(const struct safetensors_tensor *tensor, uint64_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->n_dims; i++)
        json_array_append_new(shape, json_integer(tensor->dim[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", tensor->dtype, "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + bytes_of(tensor)));
}

/* The header as text, spaces at its end so that the data begins at a multiple of 8 bytes. */
static char *make_header(const struct safetensors_tensor *tensors, size_t n, uint64_t *length)
{
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    uint64_t begin = 0;
    for (size_t i = 0; i < n; i++) {
        json_object_set_new(header, tensors[i].name, header_entry(&tensors[i], begin));
        begin += bytes_of(&tensors[i]);
    }
    char *dense = json_dumps(header, JSON_COMPACT);
    *length = (strlen(dense) + 7) / 8 * 8;
    char *text = mem_format("%-*s", (int)*length, dense);
    free(dense);
    json_decref(header);
    return text;
}

static bool write_all(FILE *stream, const struct safetensors_tensor *tensors, size_t n)
{
    uint64_t length;
    uint8_t bytes[8];
    char *header = make_header(tensors, n, &length);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(length >> (8 * i));
    bool is_good = fwrite(bytes, 1, sizeof bytes, stream) == sizeof bytes &&
                   fwrite(header, 1, length, stream) == length;
    for (size_t i = 0; i < n && is_good; i++) {
        size_t size = (size_t)bytes_of(&tensors[i]);
        is_good = fwrite(tensors[i].data, 1, size, stream) == size;
    }
    free(header);
    return is_good && fflush(stream) == 0 && fsync(fileno(stream)) == 0;
}

int safetensors_write(const char *path, const struct safetensors_tensor *tensors, size_t n,
                      struct err *err)
{
    char *beside = mem_format("%s.tmp", path);
    FILE *stream = fopen(beside, "wb");
    int status = 0;
    if (!stream) {
        status = err_set_errno(err, "%s", beside);
    } else {
        bool is_good = write_all(stream, tensors, n);
        is_good = fclose(stream) == 0 && is_good;
        if (!is_good || rename(beside, path) != 0) {
            status = err_set_errno(err, "%s", path);
            remove(beside);
        }
    }
    free(beside);
    return status;
}
