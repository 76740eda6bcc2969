/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/unpacked.h"
#include "tests/models/temp_dir.h"

#define N (UNPACKED_MIN_BYTES + 12345)

static uint8_t bytes[N];

static int start(void **state)
{
    struct rng rng;
    rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < N; i++)
        bytes[i] = (uint8_t)(rng_next(&rng) & 15);
    return temp_dir_make(state) || setenv("XDG_CACHE_HOME", temp_dir, 1);
}

static const char *pack(const char *name, size_t n)
{
    const char *path = temp_path(name);
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(file), Z_OK);
    return path;
}

static ino_t inode_of(int fd)
{
    struct stat info;
    assert_int_equal(fstat(fd, &info), 0);
    return info.st_ino;
}

static int files_in_cache(void)
{
    int n = 0;
    DIR *dir = opendir(temp_path("splitbed"));
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

static void holds_what_was_packed(void **state)
{
    (void)state;
    uint8_t *found = mem_zero(N + 1, 1);
    int fd = unpacked_open(pack("a.gz", N), N);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, found, N + 1), N);
    assert_memory_equal(found, bytes, N);
    close(fd);
    free(found);
}

static void is_made_once(void **state)
{
    (void)state;
    const char *path = pack("a.gz", N);
    int first = unpacked_open(path, N), second = unpacked_open(path, N);
    assert_true(first >= 0 && second >= 0);
    assert_int_equal(inode_of(first), inode_of(second));
    assert_int_equal(files_in_cache(), 1);
    close(first);
    close(second);
}

static void another_packed_file_has_another_copy(void **state)
{
    (void)state;
    int first = unpacked_open(pack("a.gz", N), N), second = unpacked_open(pack("b.gz", N), N);
    assert_true(first >= 0 && second >= 0);
    assert_int_not_equal(inode_of(first), inode_of(second));
    close(first);
    close(second);
}

static void what_was_left_half_made_is_made_anew(void **state)
{
    (void)state;
    const char *path = pack("a.gz", N);
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    char *part = mem_format("splitbed/%llx-%llx-%llx-%lld.%09ld.part", (unsigned long long)s.st_dev,
                            (unsigned long long)s.st_ino, (unsigned long long)s.st_size,
                            (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    assert_int_equal(mkdir(temp_path("splitbed"), 0700), 0);
    temp_file(part, "half", 4);
    free(part);
    int fd = unpacked_open(temp_path("a.gz"), N);
    assert_true(fd >= 0);
    uint8_t first[4];
    assert_int_equal(read(fd, first, 4), 4);
    assert_memory_equal(first, bytes, 4);
    assert_int_equal(files_in_cache(), 1);
    close(fd);
}

static void damaged_or_of_another_size_leaves_nothing(void **state)
{
    (void)state;
    const char *path = pack("a.gz", N);
    assert_int_equal(unpacked_open(path, N + 1), -1);
    assert_int_equal(unpacked_open(path, N - 1), -1);
    assert_int_equal(truncate(path, 500000), 0);
    assert_int_equal(unpacked_open(path, N), -1);
    assert_int_equal(files_in_cache(), 0);
}

static void small_files_are_not_kept(void **state)
{
    (void)state;
    assert_int_equal(unpacked_open(pack("a.gz", 1000), 1000), -1);
    assert_int_equal(files_in_cache(), 0);
}

static void without_a_place_there_is_no_copy(void **state)
{
    (void)state;
    const char *path = pack("a.gz", N);
    assert_int_equal(setenv("XDG_CACHE_HOME", "/proc/nowhere", 1), 0);
    assert_int_equal(unpacked_open(path, N), -1);
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    assert_int_equal(setenv("HOME", "/proc/nowhere", 1), 0);
    assert_int_equal(unpacked_open(path, N), -1);
}

static void home_has_the_cache_where_nothing_else_is_said(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    assert_int_equal(setenv("HOME", temp_dir, 1), 0);
    int fd = unpacked_open(pack("a.gz", N), N);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(access(temp_path(".cache/splitbed"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(holds_what_was_packed, start, temp_dir_remove),
        cmocka_unit_test_setup_teardown(is_made_once, start, temp_dir_remove),
        cmocka_unit_test_setup_teardown(another_packed_file_has_another_copy, start,
                                        temp_dir_remove),
        cmocka_unit_test_setup_teardown(what_was_left_half_made_is_made_anew, start,
                                        temp_dir_remove),
        cmocka_unit_test_setup_teardown(damaged_or_of_another_size_leaves_nothing, start,
                                        temp_dir_remove),
        cmocka_unit_test_setup_teardown(small_files_are_not_kept, start, temp_dir_remove),
        cmocka_unit_test_setup_teardown(without_a_place_there_is_no_copy, start, temp_dir_remove),
        cmocka_unit_test_setup_teardown(home_has_the_cache_where_nothing_else_is_said, start,
                                        temp_dir_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
