/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every model of configs/models/ trains split as it does whole, bit for bit, at every cut. For time the networks are
 * an eighth as wide: every number of channels, groups and hidden features that can be divided by 8 is.
 */
#include <dirent.h>

#include "experiment/experiment.h"
#include "tests/models/split_training.h"

#define FOLDER    "configs/models"
#define BATCH     2
#define NARROWING 8

static void narrow_layers(struct layer_list *list, bool keeps_last)
{
    static const char *const widths[] = {"out_channels", "groups", "num_groups", "out_features"};
    for (size_t i = 0; i < list->n; i++) {
        struct layer_spec *layer = &list->layers[i];
        size_t n_args;
        const struct layer_arg *args = layer_kind_args(layer->kind, &n_args);
        for (size_t a = 0; a < n_args && !(keeps_last && i + 1 == list->n); a++)
            for (size_t k = 0; k < sizeof widths / sizeof *widths; k++)
                if (strcmp(args[a].key, widths[k]) == 0 && layer->args[a] >= 2 * NARROWING &&
                    (int)layer->args[a] % NARROWING == 0)
                    layer->args[a] /= NARROWING;
        for (size_t b = 0; b < LAYER_MAX_BRANCHES; b++)
            narrow_layers(&layer->branch[b], false);
    }
}

static void splits_anywhere(const char *file)
{
    char path[512];
    struct net_spec spec;
    struct strbuf errors = STRBUF_INIT;
    struct err err = ERR_INIT;
    snprintf(path, sizeof path, FOLDER "/%s", file);
    if (model_load(&spec, path, &errors))
        fail_msg("%s", errors.text);
    narrow_layers(&spec.layers, true);
    if (net_spec_check(&spec, &err))
        fail_msg("%s: %s", path, err.text);
    print_message("%s, %zu layers\n", file, spec.layers.n);
    every_cut_equals_the_whole(&spec, BATCH, "sgd");
    net_spec_release(&spec);
}

static void every_model_file_trains_split_as_whole(void **state)
{
    (void)state;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    int n_models = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        size_t n = strlen(entry->d_name);
        if (n < 5 || strcmp(entry->d_name + n - 5, ".yaml") != 0)
            continue;
        splits_anywhere(entry->d_name);
        n_models++;
    }
    closedir(folder);
    assert_true(n_models >= 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_model_file_trains_split_as_whole)};
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
