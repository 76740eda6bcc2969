/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "experiment/yaml_tree.h"

static struct yaml_node *parse(const char *text, size_t n, struct strbuf *errors)
{
    struct complaints c = {errors, 0};
    return yaml_node_parse(text, n, "x", false, &c);
}

static void nodes_know_their_places(void **state)
{
    (void)state;
    static const char text[] = "a: 1\nb:\n  - x\n  - \"\"\nc:\n";
    struct strbuf errors = STRBUF_INIT;
    struct yaml_node *root = parse(text, strlen(text), &errors);
    assert_non_null(root);
    assert_int_equal(root->kind, YAML_MAPPING);
    assert_int_equal(root->n, 3);
    const struct yaml_node *b = yaml_node_get(root, "b");
    assert_int_equal(b->kind, YAML_SEQUENCE);
    assert_string_equal(b->item[0]->text, "x");
    assert_int_equal(b->item[0]->place.line, 3);
    assert_int_equal(b->item[0]->place.column, 5);
    assert_int_equal(root->key[1]->place.line, 2);
    assert_true(b->item[1]->is_quoted && !yaml_node_is_empty(b->item[1]));
    assert_true(yaml_node_is_empty(yaml_node_get(root, "c")));
    assert_null(yaml_node_get(root, "d"));
    assert_null(yaml_node_get(b, "x"));
    yaml_node_free(root);
}

static void refuses_what_an_experiment_does_not_need(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a: &x 1\nb: *x\n", "x:1:4: a: anchors (&name) are not taken: write the value out\n"},
        {"a: *x\n", "x:1:4: a: aliases (*name) are not taken: write the value out\n"},
        {"a:\n  - !!int 3\n", "x:2:5: a.0: tags (!name) are not taken\n"},
        {"a: 1\n---\nb: 2\n", "x:2:1: a second document begins: one is taken\n"},
        {"[x, y]: 1\n", "x:1:1: a list cannot be a key: a word is wanted\n"},
        {"a: \"x\\0y\"\n", "x:1:4: a: a NUL byte is no text\n"},
        {"a: [1\nb: 2\n",
         "x:2:2: not YAML: while parsing a flow sequence, did not find expected ',' "
         "or ']'\n"},
        {"a: 1\n\tb: 2\n",
         "x:2:1: not YAML: while scanning a plain scalar, found a tab character that "
         "violates indentation\n"},
        {"a: \"x\n", "x:2:1: not YAML: while scanning a quoted scalar, found unexpected end of "
                     "stream\n"},
        {"a: 1\nb: \xff\n", "x:2:4: not YAML: invalid leading UTF-8 octet\n"},
        {"{a: 1} junk\n", "x:1:8: not YAML: did not find expected <document start>\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf errors = STRBUF_INIT;
        assert_null(parse(cases[i].text, strlen(cases[i].text), &errors));
        assert_string_equal(errors.text, cases[i].message);
        strbuf_release(&errors);
    }
}

static void duplicates_are_told_and_the_first_is_kept(void **state)
{
    (void)state;
    static const char text[] = "s:\n  b: 1\n  a: 2\n  b: {x: 3}\n  b: 4\nt: 5\n";
    struct strbuf errors = STRBUF_INIT;
    struct yaml_node *root = parse(text, strlen(text), &errors);
    assert_non_null(root);
    assert_string_equal(errors.text, "x:4:3: s.b: the key is there twice, first in line 2\n"
                                     "x:5:3: s.b: the key is there twice, first in line 2\n");
    const struct yaml_node *s = yaml_node_get(root, "s");
    assert_int_equal(s->n, 2);
    assert_string_equal(yaml_node_get(s, "b")->text, "1");
    assert_string_equal(yaml_node_get(s, "a")->text, "2");
    yaml_node_free(root);
    strbuf_release(&errors);
}

static void an_empty_text_is_an_empty_scalar(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "# only a remark\n", "---\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct strbuf errors = STRBUF_INIT;
        struct yaml_node *root = parse(texts[i], strlen(texts[i]), &errors);
        assert_non_null(root);
        assert_true(yaml_node_is_empty(root));
        yaml_node_free(root);
    }
}

/* "[[[[...": `depth` lists in one another. */
static struct yaml_node *parse_nested(size_t depth, char open, char close, struct strbuf *errors)
{
    char *text = mem_zero(2 * depth + 1, 1);
    memset(text, open, depth);
    memset(text + depth, close, depth);
    struct yaml_node *root = parse(text, 2 * depth, errors);
    free(text);
    return root;
}

static void depth_is_limited(void **state)
{
    (void)state;
    struct strbuf errors = STRBUF_INIT;
    struct yaml_node *root = parse_nested(YAML_MAX_DEPTH, '[', ']', &errors);
    assert_non_null(root);
    yaml_node_free(root);
    assert_null(parse_nested(YAML_MAX_DEPTH + 1, '[', ']', &errors));
    assert_non_null(strstr(errors.text, "nested too deeply: at most 32 levels are taken"));
    assert_null(parse_nested(100000, '[', ']', &errors));
    assert_null(parse_nested(100000, '{', '}', &errors));
    strbuf_release(&errors);
}

static void size_is_limited(void **state)
{
    (void)state;
    size_t n = YAML_MAX_BYTES;
    char *text = mem_resize(NULL, n + 1, 1);
    struct strbuf errors = STRBUF_INIT;
    memset(text, ',', n + 1);
    for (size_t i = 1; i < n; i += 2)
        text[i] = '1';
    text[0] = '[';
    assert_null(parse(text, n + 1, &errors));
    assert_string_equal(errors.text, "x: too large: at most 4194304 bytes are taken\n");
    strbuf_release(&errors);
    assert_null(parse(text, n, &errors));
    assert_non_null(strstr(errors.text, "too long: at most 1000000 values are taken"));
    strbuf_release(&errors);
    free(text);
}

static void a_file_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct strbuf errors = STRBUF_INIT;
    struct complaints c = {&errors, 0};
    assert_null(yaml_node_load("/nowhere/x.yaml", NULL, NULL, &c));
    assert_null(yaml_node_load("/", NULL, NULL, &c));
    assert_string_equal(errors.text, "/nowhere/x.yaml: cannot be read: No such file or directory\n"
                                     "/: cannot be read: Is a directory\n");
    strbuf_release(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_their_places),
        cmocka_unit_test(refuses_what_an_experiment_does_not_need),
        cmocka_unit_test(duplicates_are_told_and_the_first_is_kept),
        cmocka_unit_test(an_empty_text_is_an_empty_scalar),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(a_file_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
