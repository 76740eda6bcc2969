/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of a range of layers goes out of a network and into another, and a network becomes one of another range. */
#include "tests/models/spec_from_text.h"

#include "models/net_range.h"

/* Layers with parameters, with buffers too, and with neither. */
static const char text[] = "conv2d a out_channels=2 kernel_size=2; batch_norm b; relu; "
                           "flatten; linear c out_features=6; relu; linear d out_features=3";

static struct net_spec make_spec(void)
{
    return spec_from_text(shape_image(1, 5, 5), text);
}

/* Every number of its state different, and one more for each plane of optimiser state. */
static struct net *make_net(const struct net_spec *spec, int from, int to, float first)
{
    size_t n;
    struct net *net = net_new(spec, from, to, NULL);
    float *state = net_state(net, &n);
    for (size_t i = 0; i < n; i++)
        state[i] = first + (float)i;
    return net;
}

static float *make_planes(const struct net *net, int n_planes, float first)
{
    size_t n;
    net_params(net, &n);
    float *planes = calloc(n * (size_t)n_planes, sizeof *planes);
    for (size_t i = 0; i < n * (size_t)n_planes; i++)
        planes[i] = first + (float)i;
    return planes;
}

static void a_range_is_laid_out_as_a_net_of_its_layers(void **state)
{
    (void)state;
    struct net_spec spec = make_spec();
    struct net *whole = make_net(&spec, 0, -1, 0), *part = net_new(&spec, 1, 5, NULL);
    size_t n;
    net_state(part, &n);
    assert_int_equal(net_range_weights(whole, 1, 5), n);
    assert_int_equal(net_range_weights(part, 1, 5), n);
    net_range_get(whole, 1, 5, net_state(part, NULL));
    for (size_t i = 0; i < net_n_weights(part); i++)
        for (size_t k = 0; k < net_n_weights(whole); k++) {
            const struct net_weight *a = net_weight(part, i), *b = net_weight(whole, k);
            if (strcmp(a->name, b->name) == 0)
                assert_memory_equal(net_params(part, NULL) + a->first,
                                    net_params(whole, NULL) + b->first, a->n * sizeof(float));
        }
    assert_memory_equal(net_buffers(part, NULL), net_buffers(whole, NULL), 5 * sizeof(float));
    net_free(part);
    net_free(whole);
    net_spec_release(&spec);
}

static void sizes_are_known_of_layers_the_net_does_not_hold(void **state)
{
    (void)state;
    struct net_spec spec = make_spec();
    struct net *none = net_new(&spec, 0, 0, NULL), *whole = net_new(&spec, 0, -1, NULL);
    size_t n;
    for (int from = 0; from <= 7; from++)
        for (int to = from; to <= 7; to++) {
            struct net *part = net_new(&spec, from, to, NULL);
            net_state(part, &n);
            assert_int_equal(net_range_weights(none, from, to), n);
            assert_int_equal(net_range_weights(whole, from, to), n);
            net_params(part, &n);
            assert_int_equal(net_range_params(none, from, to), n);
            net_free(part);
        }
    net_free(none);
    net_free(whole);
    net_spec_release(&spec);
}

/* A front and a back made of one whole and moved to another cut are those of the whole cut there. */
static void a_moved_cut_with_what_changed_sides_gives_the_parts_of_the_whole(void **state)
{
    (void)state;
    enum { PLANES = 2 };
    struct net_spec spec = make_spec();
    for (int from = 1; from < 7; from++)
        for (int to = 1; to < 7; to++) {
            struct net *whole = make_net(&spec, 0, -1, 3), *old = net_new(&spec, 0, from, NULL);
            size_t n_whole, n;
            float *whole_planes = make_planes(whole, PLANES, 9), *old_planes, *planes;
            net_params(whole, &n_whole);
            net_range_get(whole, 0, from, net_state(old, NULL));
            old_planes = make_planes(old, PLANES, 0);
            net_range_get_planes(whole, 0, from, PLANES, whole_planes, old_planes);
            struct net *moved =
                net_range_moved(old, old_planes, PLANES, &spec, 0, to, &planes, NULL);
            if (to > from) {
                float *gained = calloc(2 * n_whole + 100, sizeof *gained);
                net_range_get(whole, from, to, gained);
                net_range_set(moved, from, to, gained);
                net_range_get_planes(whole, from, to, PLANES, whole_planes, gained);
                net_range_set_planes(moved, from, to, PLANES, planes, gained);
                free(gained);
            }
            struct net *want = net_new(&spec, 0, to, NULL);
            net_range_get(whole, 0, to, net_state(want, &n));
            assert_memory_equal(net_state(moved, NULL), net_state(want, NULL), n * sizeof(float));
            float *want_planes = make_planes(want, PLANES, 0);
            net_range_get_planes(whole, 0, to, PLANES, whole_planes, want_planes);
            net_params(want, &n);
            assert_memory_equal(planes, want_planes, PLANES * n * sizeof(float));
            net_free(whole);
            net_free(old);
            net_free(moved);
            net_free(want);
            free(whole_planes);
            free(old_planes);
            free(planes);
            free(want_planes);
        }
    net_spec_release(&spec);
}

static void layers_that_are_gained_begin_as_in_a_new_net(void **state)
{
    (void)state;
    struct net_spec spec = make_spec();
    struct net *old = make_net(&spec, 4, -1, 1), *fresh = net_new(&spec, 0, 4, NULL);
    float *planes;
    struct net *moved = net_range_moved(old, NULL, 0, &spec, 0, -1, &planes, NULL);
    size_t n;
    net_state(fresh, &n);
    float *got = calloc(n, sizeof *got);
    net_range_get(moved, 0, 4, got);
    assert_memory_equal(got, net_state(fresh, NULL), n * sizeof *got);
    assert_null(planes);
    free(got);
    net_free(old);
    net_free(fresh);
    net_free(moved);
    net_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_laid_out_as_a_net_of_its_layers),
        cmocka_unit_test(sizes_are_known_of_layers_the_net_does_not_hold),
        cmocka_unit_test(a_moved_cut_with_what_changed_sides_gives_the_parts_of_the_whole),
        cmocka_unit_test(layers_that_are_gained_begin_as_in_a_new_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
