/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the section `radio` of an experiment to what link/ computes with: the channel (gains over
 * time) and the links (recordings, outages, delay, jitter, loss). Reads the files that the section
 * names; an error begins with the key whose it is, "radio.gains: g.csv:3: ...".
 */
#ifndef EXPERIMENT_RADIO_SETUP_H
#define EXPERIMENT_RADIO_SETUP_H

#include "experiment/experiment.h"
#include "link/channel.h"
#include "link/links.h"

struct channel *radio_channel(const struct experiment *e, struct err *err);
struct links *radio_links(const struct experiment *e, struct err *err);

#endif
