/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "link/csv.h"
#include "link/name_index.h"
#include "tests/link/temp_file.h"

static void rows_come_field_by_field_without_blanks_and_remarks(void **state)
{
    struct csv csv;
    struct err err = ERR_INIT;
    double value;

    (void)state;
    write_text("x.csv", "# made by hand\n\n a , b\r\n 1 ,two\n\n#\n-3e2,\tx y \r\n4,5");
    assert_int_equal(csv_open(&csv, "x.csv", &err), 0);
    assert_true(csv_has_columns(&csv, "a,b"));
    assert_int_equal(csv_next(&csv, &err), 1);
    assert_string_equal(csv.field[1], "two");
    assert_int_equal(csv.line, 4);
    assert_int_equal(csv_next(&csv, &err), 1);
    assert_int_equal(csv_number(&csv, 0, "a", -1000, 0, &value, &err), 0);
    assert_true(value == -300);
    assert_string_equal(csv.field[1], "x y");
    assert_int_equal(csv_next(&csv, &err), 1); /* no newline at the end */
    assert_int_equal(csv_next(&csv, &err), 0);
    assert_int_equal(csv.n_rows, 3);
    csv_close(&csv);
}

static void must_refuse(const char *text, size_t n, const char *message)
{
    struct csv csv;
    struct err err = ERR_INIT;
    int status;

    write_bytes("x.csv", text, n);
    status = csv_open(&csv, "x.csv", &err) ? -1 : 1;
    while (status > 0 && (status = csv_next(&csv, &err)) > 0) {
        double value;
        if (csv_number(&csv, 0, "a", 0, 10, &value, &err))
            status = -1;
    }
    csv_close(&csv);
    assert_int_equal(status, -1);
    assert_string_equal(err.text, message);
}

static void what_is_no_table_is_refused_with_its_place(void **state)
{
    static const char zero[] = "a,b\n1,\0\n";
    char *lengthy = mem_zero(3000, 1);

    (void)state;
    must_refuse("", 0, "x.csv: empty: the first line must name the columns");
    must_refuse("\n#x\n", 4, "x.csv: empty: the first line must name the columns");
    must_refuse("a,b\n1,2\n1\n", 10, "x.csv:3: 1 fields, wanted are 2: a,b");
    must_refuse("a,b\n1,2,3\n", 10, "x.csv:2: 3 fields, wanted are 2: a,b");
    must_refuse("a,b\nx,2\n", 8, "x.csv:2: a 'x': must be a number in [0, 10]");
    must_refuse("a,b\nnan,2\n", 10, "x.csv:2: a 'nan': must be a number in [0, 10]");
    must_refuse("a,b\n11,2\n", 9, "x.csv:2: a '11': must be a number in [0, 10]");
    must_refuse("a,b\n1 2,2\n", 10, "x.csv:2: a '1 2': must be a number in [0, 10]");
    must_refuse("a,b,c,d,e,f,g,h,i\n", 18, "x.csv:1: more than 8 fields");
    must_refuse(zero, sizeof zero - 1, "x.csv:2: longer than 1022 bytes, or a zero byte in it");
    memset(lengthy, 'a', 2999);
    must_refuse(lengthy, 2999, "x.csv:1: longer than 1022 bytes, or a zero byte in it");
    free(lengthy);
}

static void a_byte_order_mark_is_no_part_of_the_first_field(void **state)
{
    static const char *const texts[] = {"\xef\xbb\xbf"
                                        "a,b\n1,2\n",
                                        "\xef\xbb\xbf#x\na,b\n1,2\n"};
    struct csv csv;
    struct err err = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        write_text("x.csv", texts[i]);
        assert_int_equal(csv_open(&csv, "x.csv", &err), 0);
        assert_true(csv_has_columns(&csv, "a,b"));
        assert_int_equal(csv_next(&csv, &err), 1);
        assert_string_equal(csv.field[0], "1");
        csv_close(&csv);
    }
    write_text("x.csv", "\xef\xbb\xbf"
                        "7\n\xef\xbb\xbf"
                        "8\n");
    assert_int_equal(csv_open_bare(&csv, "x.csv", &err), 0);
    assert_int_equal(csv_next(&csv, &err), 1);
    assert_string_equal(csv.field[0], "7");
    assert_int_equal(csv_next(&csv, &err), 1);
    assert_string_equal(csv.field[0], "\xef\xbb\xbf"
                                      "8"); /* only the file's first line has one */
    csv_close(&csv);
}

static void only_files_are_read(void **state)
{
    struct csv csv;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(csv_open(&csv, "/dev/zero", &err), -1);
    assert_string_equal(err.text, "/dev/zero: not a file");
    assert_int_equal(csv_open(&csv, "none.csv", &err), -1);
    assert_string_equal(err.text, "none.csv: No such file or directory");
}

static void names_are_found_by_number(void **state)
{
    static const char *const names[] = {"pi-10", "a", "pi-2", "z"};
    struct name_index index;

    (void)state;
    name_index_init(&index, names, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(name_index_find(&index, names[i]), i);
    assert_int_equal(name_index_find(&index, "pi-1"), -1);
    assert_int_equal(name_index_find(&index, ""), -1);
    name_index_release(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_field_by_field_without_blanks_and_remarks),
        cmocka_unit_test(what_is_no_table_is_refused_with_its_place),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_field),
        cmocka_unit_test(only_files_are_read),
        cmocka_unit_test(names_are_found_by_number),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
