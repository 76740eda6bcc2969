/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/device_times.h"

/* For so many FLOP a sample, or for the cut's entry in a list of measured times. */
static double batch_s(const struct problem *problem, int i, double flop, const double *per_sample,
                      int cut)
{
    const struct problem_device *d = &problem->devices[i];
    double b = problem->batch_size;
    double s = problem_device_is_measured(d) ? b * per_sample[problem->cuts[cut].number]
                                             : b * d->cycles_per_flop / d->clock_hz * flop;

    return d->slowdown > 0 ? d->slowdown * s : s;
}

double device_forward_s(const struct problem *problem, int device, int cut)
{
    return batch_s(problem, device, problem->cuts[cut].device_forward_flop,
                   problem->devices[device].forward_s_per_sample, cut);
}

double device_backward_s(const struct problem *problem, int device, int cut)
{
    return batch_s(problem, device, problem->cuts[cut].device_backward_flop,
                   problem->devices[device].backward_s_per_sample, cut);
}

double device_tail_forward_s(const struct problem *problem, int device, int cut)
{
    return batch_s(problem, device, problem->cuts[cut].server_forward_flop,
                   problem->devices[device].tail_forward_s_per_sample, cut);
}

double device_tail_backward_s(const struct problem *problem, int device, int cut)
{
    return batch_s(problem, device, problem->cuts[cut].server_backward_flop,
                   problem->devices[device].tail_backward_s_per_sample, cut);
}

static bool is_no_longer(const struct problem *problem, int device, int a, int b)
{
    return device_forward_s(problem, device, a) <= device_forward_s(problem, device, b) &&
           device_backward_s(problem, device, a) <= device_backward_s(problem, device, b);
}

/* Of those with a clock the FLOP decide, the same for all: one device speaks for them. */
bool device_times_cost_no_more(const struct problem *problem, int a, int b)
{
    const struct problem_cut *x = &problem->cuts[a], *y = &problem->cuts[b];
    bool has_clock = false;

    for (int i = 0; i < problem->n_devices; i++) {
        if (!problem_device_is_measured(&problem->devices[i]))
            has_clock = true;
        else if (!is_no_longer(problem, i, a, b))
            return false;
    }
    return !has_clock || (x->device_forward_flop <= y->device_forward_flop &&
                          x->device_backward_flop <= y->device_backward_flop);
}
