/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plugin of QEMU that counts what an arm64 program executes: at the end it says how many instructions, how many of
 * them load or store, and how many multiply and add vectors (FMLA, FMLS). Built for this machine: tests/arm64/count.
 *
 * Debian has no header of QEMU's plugins; what is declared here is version 1 of their interface.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define EXPORTED __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_INLINE_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*translate)(uint64_t id, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *at,
                                              uint64_t n);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*end)(uint64_t id, void *), void *context);
void qemu_plugin_outs(const char *text);

EXPORTED int qemu_plugin_version = 1;
EXPORTED int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

enum { ALL, MEMORY, MULTIPLY_ADD, N_KINDS };

static uint64_t counts[N_KINDS];

/* "Arm Architecture Reference Manual", A64: by vector (FMLA, FMLS) and by element. */
static int multiplies_and_adds(uint32_t code)
{
    return (code & 0xbf20fc00) == 0x0e20cc00 || (code & 0xbf80b400) == 0x0f801000;
}

static void translate(uint64_t id, struct qemu_plugin_tb *tb)
{
    uint64_t n[N_KINDS] = {0};
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        uint32_t code = *(const uint32_t *)qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i));
        n[ALL]++;
        n[MEMORY] += (code >> 25 & 5) == 4;
        n[MULTIPLY_ADD] += (uint64_t)multiplies_and_adds(code);
    }
    for (int kind = 0; kind < N_KINDS; kind++)
        qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &counts[kind],
                                                 n[kind]);
}

static void end(uint64_t id, void *context)
{
    char line[80];
    (void)id, (void)context;
    snprintf(line, sizeof line, "%llu %llu %llu\n", (unsigned long long)counts[ALL],
             (unsigned long long)counts[MEMORY], (unsigned long long)counts[MULTIPLY_ADD]);
    qemu_plugin_outs(line);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, end, NULL);
    return 0;
}
