/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * y = relu(body(x) + shortcut(x)), an empty shortcut being x itself: the block of ResNet (He et al., 2016). With
 * relu false the sum itself, as in MobileNetV2 (Sandler et al., 2018). Weights come in the order body, shortcut, as torchvision has them.
 */
#include "base/mem.h"
#include "models/layer.h"
#include "models/program.h"

enum { BODY, SHORTCUT };
enum { RELU };

static const struct layer_arg args[] = {
    [RELU] = {"relu", 0, 1, 1, false, true, "whether the sum goes through a ReLU", NULL},
};

static int check_branches(const struct program *program, int input, int body, int shortcut,
                          struct err *err)
{
    const struct shape *a = &program->buffers[body].shape;
    const struct shape *b = &program->buffers[shortcut].shape;
    char text_a[SHAPE_TEXT_BYTES], text_b[SHAPE_TEXT_BYTES];
    if (!shape_equal(a, b))
        return err_set(err, "body gives %s, shortcut %s: they must be alike",
                       shape_format(a, text_a), shape_format(b, text_b));
    /* The sum is made in the body's own memory. */
    if (program_storage(program, body) == program_storage(program, input))
        return err_set(err, "body must hold at least one layer that computes");
    return 0;
}

static int expand(struct program *program, const struct layer_spec *spec, int input,
                  struct err *err)
{
    int body = program_add_list(program, &spec->branch[BODY], input, err);
    if (body < 0)
        return err_prefix(err, "body");
    int shortcut = program_add_list(program, &spec->branch[SHORTCUT], input, err);
    if (shortcut < 0)
        return err_prefix(err, "shortcut");
    if (check_branches(program, input, body, shortcut, err))
        return -1;
    int sum =
        program_add_node(program, &(struct layer_spec){.kind = &layer_add}, body, shortcut, err);
    if (sum < 0 || spec->args[RELU] == 0)
        return sum;
    return program_add_node(program, &(struct layer_spec){.kind = &layer_relu}, sum, -1, err);
}

const struct layer_ops layer_residual = {
    .name = "residual",
    .help = "relu(body(x) + shortcut(x)); an empty shortcut is x",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .branches = {"body", "shortcut"},
    .expand = expand,
};
