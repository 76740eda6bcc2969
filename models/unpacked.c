/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/unpacked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/mem.h"

#define PIECE_BYTES 65536

static int make_and_open_dir(const char *parent, const char *below)
{
    char *dir = mem_format("%s/%s", parent, below);
    int fd =
        mkdir(dir, 0700) && errno != EEXIST ? -1 : open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    free(dir);
    return fd;
}

/* -1: there is none, and none can be made. */
static int open_cache(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        return make_and_open_dir(cache, "splitbed");
    if (!home || *home != '/')
        return -1;
    int fd = make_and_open_dir(home, ".cache");
    if (fd < 0)
        return -1;
    close(fd);
    return make_and_open_dir(home, ".cache/splitbed");
}

/* NULL when the packed file is not there. */
static char *name_of_copy(const char *gz_path)
{
    struct stat s;
    if (stat(gz_path, &s))
        return NULL;
    return mem_format("%llx-%llx-%llx-%lld.%09ld", (unsigned long long)s.st_dev,
                      (unsigned long long)s.st_ino, (unsigned long long)s.st_size,
                      (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
}

static int open_copy(int cache, const char *name, uint64_t n_bytes)
{
    struct stat s;
    int fd = openat(cache, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &s) || !S_ISREG(s.st_mode) || (uint64_t)s.st_size != n_bytes)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written <= 0)
            return false;
        bytes += written;
        n -= (size_t)written;
    }
    return true;
}

/* All of gz into fd, if that is n_bytes and undamaged. */
static bool unpack(gzFile gz, int fd, uint64_t n_bytes)
{
    char *piece = mem_resize(NULL, PIECE_BYTES, 1);
    uint64_t n_left = n_bytes;
    int n;
    gzbuffer(gz, PIECE_BYTES);
    while ((n = gzread(gz, piece, PIECE_BYTES)) > 0 && (uint64_t)n <= n_left &&
           write_all(fd, piece, (size_t)n))
        n_left -= (uint64_t)n;
    free(piece);
    return n == 0 && n_left == 0;
}

/* Under another name until it is whole: who is killed halfway leaves nothing that could be taken for a copy. */
static void make_copy(int cache, const char *name, const char *gz_path, uint64_t n_bytes)
{
    char *part = mem_format("%s.part", name);
    int fd = openat(cache, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    gzFile gz = fd >= 0 ? gzopen(gz_path, "rbe") : NULL;
    bool is_whole = gz && unpack(gz, fd, n_bytes);
    if (gz)
        gzclose(gz);
    if (fd >= 0 && close(fd))
        is_whole = false;
    if (!is_whole || renameat(cache, part, cache, name))
        unlinkat(cache, part, 0);
    free(part);
}

int unpacked_open(const char *gz_path, uint64_t n_bytes)
{
    int fd = -1, cache = n_bytes >= UNPACKED_MIN_BYTES ? open_cache() : -1;
    char *name = cache >= 0 ? name_of_copy(gz_path) : NULL;
    if (name)
        fd = open_copy(cache, name, n_bytes);
    if (name && fd < 0 && flock(cache, LOCK_EX) == 0) {
        fd = open_copy(cache, name, n_bytes); /* somebody else may have made it meanwhile */
        if (fd < 0) {
            make_copy(cache, name, gz_path, n_bytes);
            fd = open_copy(cache, name, n_bytes);
        }
    }
    free(name);
    if (cache >= 0)
        close(cache); /* and with it the lock */
    return fd;
}
