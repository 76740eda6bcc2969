/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/problem_keys.h"

#include "base/mem.h"
#include "scheduler/problem.h"

static const struct number_key problem_rows[] = {
    {"aggregation_ratio", offsetof(struct problem, aggregation_ratio), false},
    {"noise_psd_w_per_hz", offsetof(struct problem, noise_psd_w_per_hz), false},
    {"downlink_psd_w_per_hz", offsetof(struct problem, downlink_psd_w_per_hz), false},
    {"total_power_w", offsetof(struct problem, total_power_w), false},
};
static const struct number_key server_rows[] = {
    {"clock_hz", offsetof(struct problem, server_clock_hz), false},
    {"cycles_per_flop", offsetof(struct problem, server_cycles_per_flop), false},
};
/* Clock and cycles are wanted where there are no measured times: problem_load() sees to that. */
static const struct number_key device_rows[] = {
    {"clock_hz", offsetof(struct problem_device, clock_hz), true},
    {"cycles_per_flop", offsetof(struct problem_device, cycles_per_flop), true},
    {"max_power_w", offsetof(struct problem_device, max_power_w), false},
    {"memory_bytes", offsetof(struct problem_device, memory_bytes), true},
    {"slowdown", offsetof(struct problem_device, slowdown), true},
};
static const struct number_key u_device_rows[] = {
    {"clock_hz", offsetof(struct problem_device, clock_hz), true},
    {"cycles_per_flop", offsetof(struct problem_device, cycles_per_flop), true},
    {"uplink_bps", offsetof(struct problem_device, uplink_bps), false},
    {"downlink_bps", offsetof(struct problem_device, downlink_bps), false},
    {"memory_bytes", offsetof(struct problem_device, memory_bytes), true},
    {"slowdown", offsetof(struct problem_device, slowdown), true},
};
static const struct number_key cut_rows[] = {
    {"device_forward_flop", offsetof(struct problem_cut, device_forward_flop), false},
    {"device_backward_flop", offsetof(struct problem_cut, device_backward_flop), false},
    {"server_forward_flop", offsetof(struct problem_cut, server_forward_flop), false},
    {"server_backward_flop", offsetof(struct problem_cut, server_backward_flop), false},
    {"last_layer_backward_flop", offsetof(struct problem_cut, last_layer_backward_flop), false},
    {"activation_bits", offsetof(struct problem_cut, activation_bits), false},
    {"gradient_bits", offsetof(struct problem_cut, gradient_bits), false},
    {"front_bits", offsetof(struct problem_cut, front_bits), true},
    {"device_memory_bytes", offsetof(struct problem_cut, device_memory_bytes), true},
    {"tail_memory_bytes", offsetof(struct problem_cut, tail_memory_bytes), true},
};

#define TIMES(key)                                                                                 \
    {                                                                                              \
#key, offsetof(struct problem_device, key)                                                 \
    }
static const struct times_key times_rows[] = {
    TIMES(forward_s_per_sample),
    TIMES(backward_s_per_sample),
    TIMES(tail_forward_s_per_sample),
    TIMES(tail_backward_s_per_sample),
};

const struct number_keys problem_number_keys = {problem_rows, ARRAY_LEN(problem_rows)};
const struct number_keys server_number_keys = {server_rows, ARRAY_LEN(server_rows)};
const struct number_keys device_number_keys = {device_rows, ARRAY_LEN(device_rows)};
const struct number_keys no_number_keys = {NULL, 0};
const struct number_keys u_device_number_keys = {u_device_rows, ARRAY_LEN(u_device_rows)};
const struct number_keys cut_number_keys = {cut_rows, ARRAY_LEN(cut_rows)};
const struct times_keys times_keys = {times_rows, 2};
const struct times_keys u_times_keys = {times_rows, ARRAY_LEN(times_rows)};
