/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What MSG_ROUND does to the device's part of the network: the round's cut, weights handed on, layers gained and layers
 * given up with their optimiser state. Used by device.c when a round begins; docs/PROTOCOL.md has the rules.
 */
#ifndef DEVICE_AGENT_ROUND_PLAN_H
#define DEVICE_AGENT_ROUND_PLAN_H

#include "base/err.h"
#include "device-agent/front.h"
#include "wire/message.h"

/*
 * The front part becomes that of the round, ready for its forward pass. *layers, NULL before, becomes the caller's
 * MSG_LAYERS to send when the server asks for layers that are given up. Fails, with *layers NULL, when what came does
 * not fit the cut; the front part may then be of no more use.
 */
int round_plan_take(struct front *front, const struct msg *msg, struct msg **layers,
                    struct err *err);

#endif
