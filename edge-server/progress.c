/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/progress.h"

#include <stdio.h>
#include <unistd.h>

#define TERMINAL_EVERY_US 100000
#define PLAIN_EVERY_US    5000000

void progress_start(struct progress *progress, uint32_t n_rounds, int64_t now_us)
{
    *progress = (struct progress){.is_terminal = isatty(STDOUT_FILENO) == 1,
                                  .n_rounds = n_rounds,
                                  .start_us = now_us,
                                  .last_us = now_us,
                                  .accuracy = -1};
}

void progress_show(struct progress *progress, const struct round_record *record, int64_t now_us)
{
    bool is_last = record->round == progress->n_rounds;
    int64_t every_us = progress->is_terminal ? TERMINAL_EVERY_US : PLAIN_EVERY_US;
    if (record->is_evaluated)
        progress->accuracy = record->accuracy;
    if (!is_last && now_us - progress->last_us < every_us &&
        !(record->is_evaluated && !progress->is_terminal))
        return;
    progress->last_us = now_us;
    double elapsed_s = (double)(now_us - progress->start_us) * 1e-6;
    double left_s = elapsed_s / record->round * (progress->n_rounds - record->round);
    printf("%sround %u/%u", progress->is_terminal ? "\r" : "", record->round, progress->n_rounds);
    if (record->has_learned)
        printf("  loss %.4f", record->loss);
    if (progress->accuracy >= 0)
        printf("  accuracy %.2f %%", 100 * progress->accuracy);
    printf("  round %.1f ms (predicted %.1f)  %.0f s left%s", 1e3 * record->measured_s,
           1e3 * record->predicted_s, left_s, progress->is_terminal ? "\033[K" : "\n");
    fflush(stdout);
}

void progress_end(struct progress *progress)
{
    if (progress->is_terminal)
        putchar('\n');
    fflush(stdout);
}
