/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/overrides.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The path's words, cut apart in place. */
struct words {
    char *word[YAML_MAX_DEPTH];
    size_t n;
};

static int split(char *path, struct words *words)
{
    words->n = 0;
    for (char *word = path; word; words->n++) {
        char *dot = strchr(word, '.');
        if (words->n == YAML_MAX_DEPTH || word[0] == '\0' || dot == word)
            return -1;
        if (dot)
            *dot++ = '\0';
        words->word[words->n] = word;
        word = dot;
    }
    return 0;
}

/* The index that `word` says, or the list's length when it says none. */
static size_t index_of(const struct yaml_node *list, const char *word)
{
    if (!*word || strlen(word) > 9 || word[strspn(word, "0123456789")])
        return list->n;
    size_t i = strtoul(word, NULL, 10);
    return i < list->n ? i : list->n;
}

/* The node under `word` of `node`; a mapping is made where the file says nothing. NULL: no such place. */
static struct yaml_node *step(struct yaml_node *node, const char *word, const struct place *place)
{
    if (node->kind == YAML_SEQUENCE) {
        size_t i = index_of(node, word);
        return i < node->n ? node->item[i] : NULL;
    }
    if (yaml_node_is_empty(node))
        node->kind = YAML_MAPPING; /* a section whose keys are all commented out */
    if (node->kind == YAML_SCALAR)
        return NULL;
    struct yaml_node *child = yaml_node_get(node, word);
    if (!child) {
        child = yaml_node_new(YAML_MAPPING, place);
        yaml_node_put(node, word, child);
    }
    return child;
}

static void complain_step(const struct yaml_node *node, const struct key_path *path,
                          const struct place *place, struct complaints *c)
{
    if (node->kind == YAML_SEQUENCE && node->n)
        complain(c, place, path, "no such item: the list has items 0 to %zu", node->n - 1);
    else
        complain(c, place, path, "no such item: what is there is %s", yaml_node_kind_text(node));
}

/* Puts `value` (taken) where the words lead. */
static void put(struct yaml_node *root, const struct words *words, struct yaml_node *value,
                const struct place *place, struct complaints *c)
{
    struct key_path frames[YAML_MAX_DEPTH];
    struct yaml_node *node = root;
    for (size_t i = 0; i < words->n; i++) {
        frames[i] = (struct key_path){i ? &frames[i - 1] : NULL, words->word[i], 0};
        bool is_last = i + 1 == words->n;
        struct yaml_node *child = step(node, words->word[i], place);
        if (!child) {
            complain_step(node, &frames[i], place, c);
            yaml_node_free(value);
            return;
        }
        if (is_last && node->kind == YAML_SEQUENCE)
            yaml_node_put_item(node, index_of(node, words->word[i]), value);
        else if (is_last)
            yaml_node_put(node, words->word[i], value);
        node = child;
    }
}

static void apply(struct yaml_node *root, const char *assignment, const char *source,
                  struct complaints *c)
{
    struct place place = {source, 0, 0};
    const char *equals = strchr(assignment, '=');
    char *path = mem_string(assignment);
    struct words words;
    path[strcspn(path, "=")] = '\0';
    if (!equals || split(path, &words)) {
        complain(c, &place, NULL, "must be key.path=value, at most %d keys deep", YAML_MAX_DEPTH);
    } else {
        struct yaml_node *value = yaml_node_parse(equals + 1, strlen(equals + 1), source, true, c);
        if (value)
            put(root, &words, value, &place, c);
    }
    free(path);
}

void overrides_apply(struct yaml_node *root, const struct experiment_override *overrides, size_t n,
                     char ***sources, struct complaints *c)
{
    *sources = mem_zero(n, sizeof **sources);
    for (size_t i = 0; i < n; i++) {
        (*sources)[i] = mem_format("--set %.500s", overrides[i].assignment);
        apply(root, overrides[i].assignment, (*sources)[i], c);
    }
}

void overrides_free_sources(char **sources, size_t n)
{
    for (size_t i = 0; sources && i < n; i++)
        free(sources[i]);
    free(sources);
}
