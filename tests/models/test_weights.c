/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include "models/safetensors.h"
#include "models/weights.h"
#include "tests/models/temp_dir.h"

static const char *const layers = "conv2d conv1 out_channels=2 kernel_size=3; batch_norm bn1; relu;"
                                  "flatten; linear fc out_features=3";

static struct net *part(int from, int to, uint64_t seed)
{
    struct net_spec spec = spec_from_text(shape_image(1, 5, 5), layers);
    struct net *net = net_new(&spec, from, to, NULL);
    net_init_weights(net, seed);
    size_t n;
    float *buffers = net_buffers(net, &n);
    for (size_t i = 0; i < n; i++)
        buffers[i] = (float)(seed + i);
    net_spec_release(&spec);
    return net;
}

static void save(const char *path, const struct net *a, const struct net *b)
{
    struct err err = ERR_INIT;
    const struct net *nets[] = {a, b};
    if (weights_save(path, nets, b ? 2 : 1, &err))
        fail_msg("%s", err.text);
}

static void equals(const struct net *a, const struct net *b, bool is_wanted)
{
    size_t n, n_b;
    const float *x = net_state(a, &n), *y = net_state(b, &n_b);
    assert_int_equal(n, n_b);
    assert_int_equal(memcmp(x, y, n * sizeof *x) == 0, is_wanted);
}

static void load(const char *path, struct net *net)
{
    struct err err = ERR_INIT;
    if (weights_load(path, net, &err))
        fail_msg("%s", err.text);
}

static void a_whole_network_comes_back(void **state)
{
    (void)state;
    struct net *net = part(0, -1, 1), *again = part(0, -1, 2);
    equals(net, again, false);
    save(temp_path("w"), net, NULL);
    load(temp_path("w"), again);
    equals(net, again, true);
    net_free(net);
    net_free(again);
}

static void parts_come_from_a_whole_and_make_one(void **state)
{
    (void)state;
    struct net *whole = part(0, -1, 1), *front = part(0, 2, 2), *back = part(2, -1, 2);
    save(temp_path("w"), whole, NULL);
    load(temp_path("w"), front);
    load(temp_path("w"), back);
    struct net *again = part(0, -1, 3);
    save(temp_path("both"), front, back);
    load(temp_path("both"), again);
    equals(whole, again, true);
    save(temp_path("front"), front, NULL);
    struct net *other = part(0, 2, 4);
    load(temp_path("front"), other);
    equals(front, other, true);
    net_free(whole);
    net_free(front);
    net_free(back);
    net_free(again);
    net_free(other);
}

static void buffers_have_their_names_and_types(void **state)
{
    (void)state;
    struct net *net = part(0, -1, 40);
    save(temp_path("w"), net, NULL);
    struct safetensors *file = safetensors_open(temp_path("w"), NULL);
    assert_int_equal(safetensors_n(file), 9);
    const struct safetensors_entry *entry = safetensors_find(file, "bn1.num_batches_tracked");
    int64_t count = 0;
    assert_string_equal(entry->dtype, "I64");
    assert_int_equal(entry->n_dims, 0);
    assert_int_equal(safetensors_read(file, entry, &count, NULL), 0);
    assert_int_equal(count, 44);
    assert_string_equal(safetensors_find(file, "bn1.running_var")->dtype, "F32");
    assert_int_equal(safetensors_find(file, "conv1.weight")->n_dims, 4);
    safetensors_close(file);
    net_free(net);
}

/* The file of another network, whose tensor `name` is as given. */
static void is_refused(const char *name, const struct safetensors_tensor *tensors, size_t n,
                       const char *text)
{
    struct net *net = part(0, -1, 1), *before = part(0, -1, 1);
    struct err err = ERR_INIT;
    char wanted[800];
    const char *path = temp_path(name);
    assert_int_equal(safetensors_write(path, tensors, n, &err), 0);
    assert_int_equal(weights_load(path, net, &err), -1);
    snprintf(wanted, sizeof wanted, "%s: %s", path, text);
    assert_string_equal(err.text, wanted);
    equals(net, before, true);
    net_free(net);
    net_free(before);
}

static void tensors_that_do_not_fit_are_refused_by_name(void **state)
{
    (void)state;
    static const float zeros[64];
    static const int conv[] = {2, 1, 3, 3}, flat[] = {18}, two[] = {2}, turned[] = {2, 3, 3, 1};
    is_refused("w", &(struct safetensors_tensor){"conv2.weight", "F32", 4, conv, zeros}, 1,
               "tensor 'conv2.weight': the network has none of this name");
    is_refused("w", &(struct safetensors_tensor){"conv1.wait", "F32", 4, conv, zeros}, 1,
               "tensor 'conv1.wait': the network has none of this name");
    is_refused("w", &(struct safetensors_tensor){"weight", "F32", 4, conv, zeros}, 1,
               "tensor 'weight': the network has none of this name");
    is_refused("w", &(struct safetensors_tensor){"conv1.weight", "F32", 1, flat, zeros}, 1,
               "tensor 'conv1.weight': shape (18): the network's is (2x1x3x3)");
    is_refused("w", &(struct safetensors_tensor){"conv1.weight", "F32", 4, turned, zeros}, 1,
               "tensor 'conv1.weight': shape (2x3x3x1): the network's is (2x1x3x3)");
    is_refused("w", &(struct safetensors_tensor){"conv1.weight", "F16", 4, conv, zeros}, 1,
               "tensor 'conv1.weight': dtype F16: allowed is F32");
    is_refused("w",
               (struct safetensors_tensor[]){{"conv1.weight", "F32", 4, conv, zeros},
                                             {"conv1.bias", "F32", 1, two, zeros}},
               2, "tensor 'bn1.weight': is not in the file");
}

static void counts_below_zero_are_refused(void **state)
{
    (void)state;
    struct net *net = part(0, 2, 1);
    struct safetensors_tensor tensors[7];
    const int64_t count = -1;
    size_t n = 0;
    for (size_t i = 0; i < net_n_weights(net) + net_n_buffers(net); i++) {
        bool is_weight = i < net_n_weights(net);
        const struct net_weight *w =
            is_weight ? net_weight(net, i) : net_buffer(net, i - net_n_weights(net));
        tensors[n++] =
            (struct safetensors_tensor){w->name, w->is_count ? "I64" : "F32", w->n_dims, w->dim,
                                        w->is_count ? (const void *)&count : net_state(net, NULL)};
    }
    struct err err = ERR_INIT;
    const char *path = temp_path("w");
    assert_int_equal(safetensors_write(path, tensors, n, &err), 0);
    assert_int_equal(weights_load(path, net, &err), -1);
    assert_non_null(
        strstr(err.text, "tensor 'bn1.num_batches_tracked': a count of -1: allowed is from 0"));
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_network_comes_back),
        cmocka_unit_test(parts_come_from_a_whole_and_make_one),
        cmocka_unit_test(buffers_have_their_names_and_types),
        cmocka_unit_test(tensors_that_do_not_fit_are_refused_by_name),
        cmocka_unit_test(counts_below_zero_are_refused),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
