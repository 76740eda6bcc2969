/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sizes at each cut are those of the networks that are not built. */
#include "tests/models/spec_from_text.h"

#include "models/net_range.h"
#include "models/net_sizes.h"

static void sizes_are_those_of_the_network(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(
        shape_image(1, 5, 5), "conv2d a out_channels=2 kernel_size=2; batch_norm b; relu; "
                              "flatten; linear c out_features=6; relu; linear d out_features=3");
    struct net *net = net_new(&spec, 0, -1, NULL);
    struct net_sizes sizes;
    assert_int_equal(net_sizes_make(&sizes, &spec, NULL), 0);
    assert_int_equal(sizes.n_layers, 7);
    for (int from = 0; from <= 7; from++) {
        struct shape shape = net_shape(net, from);
        assert_int_equal(sizes.features[from], shape_features(&shape));
        for (int to = from; to <= 7; to++) {
            assert_int_equal(net_sizes_weights(&sizes, from, to), net_range_weights(net, from, to));
            assert_int_equal(net_sizes_params(&sizes, from, to), net_range_params(net, from, to));
        }
    }
    assert_true(net_sizes_weights(&sizes, 1, 2) > net_sizes_params(&sizes, 1, 2)); /* buffers */
    net_sizes_release(&sizes);
    net_free(net);
    net_spec_release(&spec);
}

static void a_network_that_does_not_fit_together_is_refused(void **state)
{
    (void)state;
    struct net_sizes sizes = {0};
    struct err err = ERR_INIT;
    struct net_spec spec =
        spec_from_text(shape_image(1, 2, 2), "conv2d a out_channels=2 kernel_size=5; flatten");
    assert_int_equal(net_sizes_make(&sizes, &spec, &err), -1);
    assert_true(strlen(err.text) > 0);
    net_sizes_release(&sizes);
    net_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_those_of_the_network),
        cmocka_unit_test(a_network_that_does_not_fit_together_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
