/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network specs for tests, from one line of text: layers separated by ';', each "kind [name] key=value ...", the
 * inner lists of a composite in braces in the order of the kind's branches. And the models of configs/models/.
 */
#ifndef TESTS_MODELS_SPEC_FROM_TEXT_H
#define TESTS_MODELS_SPEC_FROM_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/rng.h"
#include "models/net.h"

#define MAYBE __attribute__((unused))

static const char *read_word(const char *at, char word[128])
{
    at += strspn(at, " ");
    size_t n = strcspn(at, " ;{}");
    assert_true(n < 128);
    memcpy(word, at, n);
    word[n] = 0;
    return at + n;
}

static const char *read_layers(struct layer_list *list, const char *at);

static const char *read_layer(struct layer_list *list, const char *at)
{
    char kind[128], word[128], name[128] = "";
    struct err err = ERR_INIT;
    at = read_word(at, kind);
    const char *next = read_word(at, word);
    if (word[0] && !strchr(word, '=')) {
        memcpy(name, word, sizeof name);
        at = next;
    }
    struct layer_spec *layer = layer_list_add(list, kind, name, &err);
    if (!layer)
        fail_msg("%s", err.text);
    for (next = read_word(at, word); word[0]; next = read_word(at, word)) {
        at = next;
        *strchr(word, '=') = 0;
        if (layer_spec_set(layer, word, strtod(word + strlen(word) + 1, NULL), &err))
            fail_msg("%s", err.text);
    }
    at = next;
    for (size_t i = 0; *at == '{'; i++) {
        const char *branch = layer_kind_branch(layer->kind, i);
        at = read_layers(layer_spec_branch(layer, branch, &err), at + 1);
        at += 1;
        at += strspn(at, " ");
    }
    return at;
}

static const char *read_layers(struct layer_list *list, const char *at)
{
    for (;;) {
        at += strspn(at, " ;");
        if (!*at || *at == '}')
            return at;
        at = read_layer(list, at);
    }
}

/* To be released. Does not check the whole: that is for the test to do. */
static MAYBE struct net_spec spec_from_text(struct shape input, const char *text)
{
    struct net_spec spec = NET_SPEC_INIT;
    spec.input = input;
    read_layers(&spec.layers, text);
    return spec;
}

static MAYBE struct net *net_from_text(struct shape input, const char *text)
{
    struct err err = ERR_INIT;
    struct net_spec spec = spec_from_text(input, text);
    struct net *net = net_new(&spec, 0, -1, &err);
    if (!net)
        fail_msg("%s", err.text);
    net_spec_release(&spec);
    return net;
}

#define LENET5                                                                                     \
    "conv2d conv1 out_channels=6 kernel_size=5 padding=2; relu; max_pool2d kernel_size=2;"         \
    "conv2d conv2 out_channels=16 kernel_size=5; relu; max_pool2d kernel_size=2; flatten;"         \
    "linear fc1 out_features=120; relu; linear fc2 out_features=84; relu; linear fc3 "             \
    "out_features=10"

#define VGG5                                                                                       \
    "conv2d conv1 out_channels=32 kernel_size=3 padding=1; relu; max_pool2d kernel_size=2;"        \
    "conv2d conv2 out_channels=64 kernel_size=3 padding=1; relu; max_pool2d kernel_size=2;"        \
    "conv2d conv3 out_channels=64 kernel_size=3 padding=1; relu; flatten;"                         \
    "linear fc1 out_features=128; relu; linear fc2 out_features=10"

#define CIFAR_STEM                                                                                 \
    "conv2d conv1 out_channels=64 kernel_size=3 padding=1 bias=0; group_norm bn1 "                 \
    "num_groups=32; relu; "
#define IMAGENET_STEM                                                                              \
    "conv2d conv1 out_channels=64 kernel_size=7 stride=2 padding=3 bias=0; group_norm bn1 "        \
    "num_groups=32; relu; max_pool2d maxpool kernel_size=3 stride=2 padding=1; "

static void add_block(char *text, size_t room, int stage, int block)
{
    int channels = 32 << stage;
    bool is_narrowing = stage > 1 && block == 0;
    char name[32];
    snprintf(name, sizeof name, "layer%d.%d", stage, block);
    size_t n = strlen(text);
    n += (size_t)snprintf(
        text + n, room - n,
        "residual %s {conv2d %s.conv1 out_channels=%d kernel_size=3 stride=%d padding=1 bias=0;"
        "group_norm %s.bn1 num_groups=32; relu;"
        "conv2d %s.conv2 out_channels=%d kernel_size=3 padding=1 bias=0;"
        "group_norm %s.bn2 num_groups=32} ",
        name, name, channels, is_narrowing ? 2 : 1, name, name, channels, name);
    if (is_narrowing)
        n += (size_t)snprintf(text + n, room - n,
                              "{conv2d %s.downsample.0 out_channels=%d kernel_size=1 stride=2 "
                              "bias=0; group_norm %s.downsample.1 num_groups=32} ",
                              name, channels, name);
    snprintf(text + n, room - n, "; ");
}

static MAYBE void resnet18_text(char *text, size_t room, const char *stem, int n_classes)
{
    snprintf(text, room, "%s", stem);
    for (int stage = 1; stage <= 4; stage++) {
        for (int block = 0; block < 2; block++)
            add_block(text, room, stage, block);
    }
    size_t n = strlen(text);
    snprintf(text + n, room - n, "global_avg_pool avgpool; linear fc out_features=%d", n_classes);
}

/* ResNet-18 with group norm, as configs/models/resnet18*.yaml. */
static MAYBE struct net_spec spec_resnet18(struct shape input, const char *stem, int n_classes)
{
    char text[8192];
    resnet18_text(text, sizeof text, stem, n_classes);
    return spec_from_text(input, text);
}

/* The same with batch norm. */
static MAYBE struct net_spec spec_resnet18_batch_norm(struct shape input, const char *stem,
                                                      int n_classes)
{
    static const char groups[] = "num_groups=32";
    char text[8192], *at;
    resnet18_text(text, sizeof text, stem, n_classes);
    while ((at = strstr(text, "group_norm")))
        memcpy(at, "batch", 5);
    while ((at = strstr(text, groups)))
        memset(at, ' ', sizeof groups - 1);
    return spec_from_text(input, text);
}

static MAYBE void fill_normal(float *x, size_t n, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed, 77);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)rng_normal(&rng);
}

#endif
