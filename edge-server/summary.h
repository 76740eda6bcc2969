/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person wants to see of a run: the table at its end, with accuracy and the predicted and measured
 * time of every phase (medians over the rounds).
 */
#ifndef EDGE_SERVER_SUMMARY_H
#define EDGE_SERVER_SUMMARY_H

#include "base/strbuf.h"
#include "edge-server/record.h"

struct summary;

struct summary *summary_new(bool takes_turns);
void summary_free(struct summary *summary);

void summary_add(struct summary *summary, const struct round_record *record);
void summary_print(const struct summary *summary, struct strbuf *out);

#endif
