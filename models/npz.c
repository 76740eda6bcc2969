/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Members of a ZIP file (PKWARE APPNOTE 6.3): the end record tells where the central directory is, whose entries tell
 * sizes, method and place. Only what NumPy writes is read: one disk, no encryption, stored or deflated.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "models/npy.h"

enum { STORED = 0, DEFLATED = 8 };
enum { END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30, MAX_COMMENT = 65535 };

/* deflate makes at best 1032 bytes of one. */
#define DEFLATE_MAX_RATIO 1032

static uint32_t number(const uint8_t *at, int bytes)
{
    uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

struct directory {
    const uint8_t *zip;
    size_t n_zip;
    size_t at, n_entries;
};

static int find_directory(struct directory *directory, struct err *err)
{
    const uint8_t *zip = directory->zip;
    size_t n = directory->n_zip;
    for (size_t back = END_BYTES; back <= n && back <= END_BYTES + MAX_COMMENT; back++) {
        const uint8_t *end = zip + n - back;
        if (memcmp(end, "PK\5\6", 4) != 0)
            continue;
        directory->n_entries = number(end + 10, 2);
        directory->at = number(end + 16, 4);
        if (directory->n_entries == 0xffff || directory->at > n - back)
            return err_set(err, "its directory lies outside of the file");
        return 0;
    }
    return err_set(err, "is no ZIP file, or not a whole one");
}

struct entry {
    uint32_t flags, method, crc, packed, unpacked, local;
    const uint8_t *name;
    size_t n_name;
};

/* The entry at directory->at, which moves on. */
static int next_entry(struct directory *directory, struct entry *entry, struct err *err)
{
    const uint8_t *at = directory->zip + directory->at;
    size_t left = directory->n_zip - directory->at;
    if (left < ENTRY_BYTES || memcmp(at, "PK\1\2", 4) != 0)
        return err_set(err, "its directory is damaged");
    *entry = (struct entry){
        .flags = number(at + 8, 2),
        .method = number(at + 10, 2),
        .crc = number(at + 16, 4),
        .packed = number(at + 20, 4),
        .unpacked = number(at + 24, 4),
        .local = number(at + 42, 4),
        .name = at + ENTRY_BYTES,
        .n_name = number(at + 28, 2),
    };
    size_t whole = ENTRY_BYTES + entry->n_name + number(at + 30, 2) + number(at + 32, 2);
    if (whole > left)
        return err_set(err, "its directory is damaged");
    directory->at += whole;
    return 0;
}

static int inflate_to(uint8_t *to, size_t n, const uint8_t *from, size_t n_from, struct err *err)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)n_from};
    z.next_out = to;
    z.avail_out = (uInt)n;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return err_set(err, "no memory to unpack it");
    int status = inflate(&z, Z_FINISH);
    bool is_whole = status == Z_STREAM_END && z.total_out == n;
    inflateEnd(&z);
    return is_whole ? 0 : err_set(err, "its packed bytes are damaged");
}

/* Where the member's bytes begin, by its local header. */
static int find_data(const struct directory *directory, const struct entry *entry, size_t *data,
                     struct err *err)
{
    size_t n = directory->n_zip;
    const uint8_t *local = directory->zip + entry->local;
    if (entry->local > n || n - entry->local < LOCAL_BYTES || memcmp(local, "PK\3\4", 4) != 0)
        return err_set(err, "its place in the file is damaged");
    *data = entry->local + LOCAL_BYTES + number(local + 26, 2) + number(local + 28, 2);
    if (*data > n || entry->packed > n - *data)
        return err_set(err, "its bytes lie outside of the file");
    return 0;
}

static int check_entry(const struct entry *entry, struct err *err)
{
    if (entry->flags & 1)
        return err_set(err, "is encrypted");
    if (entry->method != STORED && entry->method != DEFLATED)
        return err_set(err, "is packed by method %u: allowed are stored and deflated",
                       entry->method);
    if (entry->unpacked > NPY_MAX_BYTES || entry->packed == UINT32_MAX)
        return err_set(err, "is larger than %llu bytes", (unsigned long long)NPY_MAX_BYTES);
    uint64_t most = (uint64_t)entry->packed * (entry->method == STORED ? 1 : DEFLATE_MAX_RATIO);
    if (entry->unpacked > most || (entry->method == STORED && entry->unpacked != most))
        return err_set(err, "says it has %u bytes, which %u packed ones cannot hold",
                       entry->unpacked, entry->packed);
    return 0;
}

static uint8_t *unpack(const struct directory *directory, const struct entry *entry,
                       struct err *err)
{
    size_t data = 0, n = entry->unpacked;
    if (check_entry(entry, err) || find_data(directory, entry, &data, err))
        return NULL;
    uint8_t *bytes = mem_resize(NULL, n + 1, 1);
    int status = 0;
    if (entry->method == STORED)
        memcpy(bytes, directory->zip + data, n);
    else
        status = inflate_to(bytes, n, directory->zip + data, entry->packed, err);
    if (status == 0 && crc32_z(0, bytes, n) != entry->crc)
        status = err_set(err, "its checksum is wrong");
    if (status == 0)
        return bytes;
    free(bytes);
    return NULL;
}

uint8_t *zip_member(const uint8_t *zip, size_t n_zip, const char *name, size_t *n, bool *is_there,
                    struct err *err)
{
    struct directory directory = {zip, n_zip, 0, 0};
    *is_there = false;
    if (find_directory(&directory, err)) {
        *is_there = true;
        return NULL;
    }
    for (size_t i = 0; i < directory.n_entries; i++) {
        struct entry entry = {0};
        if (next_entry(&directory, &entry, err)) {
            *is_there = true;
            return NULL;
        }
        if (entry.n_name != strlen(name) || memcmp(entry.name, name, entry.n_name) != 0)
            continue;
        *is_there = true;
        *n = entry.unpacked;
        uint8_t *bytes = unpack(&directory, &entry, err);
        if (!bytes)
            err_prefix(err, "%s", name);
        return bytes;
    }
    return NULL;
}
