/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/pass.h"

void pass_start(struct pass *pass, double now_us, double modelled_s)
{
    pass->start_us = now_us;
    pass->due_us = now_us + modelled_s * 1e6;
    pass->busy_us = -1;
}

bool pass_is_over(struct pass *pass, double now_us)
{
    if (pass->busy_us < 0)
        pass->busy_us = now_us - pass->start_us;
    return now_us >= pass->due_us;
}

double pass_wake_us(const struct pass *pass)
{
    return pass->busy_us < 0 ? pass->start_us : pass->due_us;
}

bool pass_overran(const struct pass *pass)
{
    return pass->due_us > pass->start_us && pass->start_us + pass->busy_us > pass->due_us;
}

double pass_busy_s(const struct pass *pass)
{
    return pass->busy_us * 1e-6;
}

double pass_elapsed_s(const struct pass *pass, double now_us)
{
    return (now_us - pass->start_us) * 1e-6;
}

void pass_shift_clock(struct pass *pass, double by_us)
{
    pass->start_us += by_us;
    pass->due_us += by_us;
}
