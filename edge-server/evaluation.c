/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/evaluation.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void evaluation_init(struct evaluation *evaluation, int n_devices, int chunk)
{
    *evaluation = (struct evaluation){.n_devices = n_devices, .chunk = (uint32_t)chunk};
    evaluation->shares = mem_zero((size_t)n_devices, sizeof *evaluation->shares);
}

void evaluation_release(struct evaluation *evaluation)
{
    free(evaluation->shares);
    evaluation->shares = NULL;
}

void evaluation_start(struct evaluation *evaluation, int n_test, bool by_every_device, int only)
{
    uint32_t n = (uint32_t)n_test, n_devices = (uint32_t)evaluation->n_devices;
    evaluation->number++;
    evaluation->n_left = 0;
    evaluation->n_samples = 0;
    for (uint32_t i = 0; i < n_devices; i++) {
        struct evaluation_share *share = &evaluation->shares[i];
        *share = (struct evaluation_share){.stride = 1};
        if (only >= 0)
            share->n_samples = (int)i == only ? n : 0;
        else if (by_every_device)
            share->n_samples = n;
        else
            *share = (struct evaluation_share){
                .first = i, .stride = n_devices, .n_samples = (n + n_devices - 1 - i) / n_devices};
        evaluation->n_samples += share->n_samples;
        evaluation->n_left += share->n_samples > 0;
    }
}

struct msg *evaluation_ask(struct evaluation *evaluation, int device)
{
    struct evaluation_share *share = &evaluation->shares[device];
    if (share->n_samples == 0)
        return NULL;
    share->asked = share->n_samples < evaluation->chunk ? share->n_samples : evaluation->chunk;
    struct msg *msg = msg_new(MSG_EVALUATE);
    msg->evaluate.evaluation = evaluation->number;
    msg->evaluate.first = share->first;
    msg->evaluate.stride = share->stride;
    msg->evaluate.n_samples = share->asked;
    return msg;
}

bool evaluation_expects(const struct evaluation *evaluation, int device,
                        const struct msg_evaluation *answer)
{
    const struct evaluation_share *share = &evaluation->shares[device];
    return share->asked > 0 && answer->evaluation == evaluation->number &&
           answer->first == share->first && answer->n_samples == share->asked;
}

bool evaluation_count(struct evaluation *evaluation, int device, struct loss loss)
{
    struct evaluation_share *share = &evaluation->shares[device];
    share->total.sum += loss.sum;
    share->total.n_correct += loss.n_correct;
    share->first += share->asked * share->stride;
    share->n_samples -= share->asked;
    share->asked = 0;
    evaluation->n_left -= share->n_samples == 0;
    return evaluation->n_left == 0;
}

double evaluation_accuracy(const struct evaluation *evaluation)
{
    double n_correct = 0;
    for (int i = 0; i < evaluation->n_devices; i++)
        n_correct += evaluation->shares[i].total.n_correct;
    return n_correct / (double)evaluation->n_samples;
}

double evaluation_loss(const struct evaluation *evaluation)
{
    double sum = 0;
    for (int i = 0; i < evaluation->n_devices; i++)
        sum += evaluation->shares[i].total.sum;
    return sum / (double)evaluation->n_samples;
}
