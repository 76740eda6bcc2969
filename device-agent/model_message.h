/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model as it comes over the wire, turned into a net_spec by the same checks as a model file. */
#ifndef DEVICE_AGENT_MODEL_MESSAGE_H
#define DEVICE_AGENT_MODEL_MESSAGE_H

#include "base/err.h"
#include "models/net_spec.h"
#include "wire/message.h"

/* `spec` is uninitialised before and only to be released after success; it has passed net_spec_check(). */
int model_from_message(struct net_spec *spec, const struct msg_assignment *assignment,
                       struct err *err);

#endif
