/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A look at encoded control bytes before the protobuf library sees them. The library recurses as deep and
 * allocates as much as the bytes ask for; this walk, which allocates nothing, bounds both:
 * every length lies within the message, messages are nested at most SCAN_MAX_DEPTH deep, no list is longer
 * than MSG_MAX_LAYERS, there are at most SCAN_MAX_FIELDS fields in all, no single field comes twice, a
 * message has at most one body, and
 * strings are printable ASCII. Fields the type does not know are skipped, as protobuf wants it.
 */
#ifndef WIRE_CONTROL_SCAN_H
#define WIRE_CONTROL_SCAN_H

#include <protobuf-c/protobuf-c.h>

#include "base/err.h"

/* Message and body, a list and a layer for each level of lists, and an argument. */
#define SCAN_MAX_DEPTH  (2 + 2 * (MSG_MAX_DEPTH + 1) + 1)
#define SCAN_MAX_FIELDS 65536

int control_scan(const ProtobufCMessageDescriptor *type, const void *control, size_t n_bytes,
                 struct err *err);

#endif
