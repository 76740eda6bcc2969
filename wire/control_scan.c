/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/control_scan.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/message.h"

#define MAX_KNOWN_FIELDS 32 /* of one protobuf message type; Assignment has the most */

/* Wire types of the protobuf encoding. */
enum wire_type { WIRE_TYPE_VARINT = 0, WIRE_TYPE_64 = 1, WIRE_TYPE_BYTES = 2, WIRE_TYPE_32 = 5 };

struct scan {
    const uint8_t *at, *end;
    const uint8_t *start; /* for offsets in errors */
    size_t n_fields;
    struct err *err;
};

struct field {
    uint32_t number;
    unsigned wire_type;
    const uint8_t *bytes; /* WIRE_TYPE_BYTES */
    size_t n_bytes;
};

static int refuse(struct scan *scan, const char *what)
{
    return err_set(scan->err, "control part is malformed at byte %zu: %s",
                   (size_t)(scan->at - scan->start), what);
}

static int scan_varint(struct scan *scan, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (scan->at == scan->end)
            return refuse(scan, "it ends within a number");
        uint8_t byte = *scan->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return 0;
    }
    return refuse(scan, "a number has more than 10 bytes");
}

static int skip_bytes(struct scan *scan, uint64_t n)
{
    if (n > (uint64_t)(scan->end - scan->at))
        return refuse(scan, "it ends within a field");
    scan->at += n;
    return 0;
}

static int scan_field(struct scan *scan, struct field *field)
{
    uint64_t key, value;
    if (++scan->n_fields > SCAN_MAX_FIELDS)
        return refuse(scan, "too many fields");
    if (scan_varint(scan, &key))
        return -1;
    if (key >> 3 == 0 || key >> 3 >= 1u << 29)
        return refuse(scan, "no such field number");
    *field = (struct field){.number = (uint32_t)(key >> 3), .wire_type = key & 7};
    switch (field->wire_type) {
    case WIRE_TYPE_VARINT:
        return scan_varint(scan, &value);
    case WIRE_TYPE_64:
        return skip_bytes(scan, 8);
    case WIRE_TYPE_32:
        return skip_bytes(scan, 4);
    case WIRE_TYPE_BYTES:
        if (scan_varint(scan, &value))
            return -1;
        field->bytes = scan->at;
        field->n_bytes = (size_t)value;
        return skip_bytes(scan, value);
    default:
        return refuse(scan, "no such wire type");
    }
}

static int check_text(struct scan *scan, const struct field *field)
{
    for (size_t i = 0; i < field->n_bytes; i++)
        if (field->bytes[i] < ' ' || field->bytes[i] > '~')
            return refuse(scan, "text is not printable ASCII");
    return 0;
}

static int scan_message(struct scan *scan, const ProtobufCMessageDescriptor *type, int depth)
{
    unsigned counts[MAX_KNOWN_FIELDS] = {0}, n_bodies = 0;
    assert(type->n_fields <= MAX_KNOWN_FIELDS);
    if (depth > SCAN_MAX_DEPTH)
        return refuse(scan, "lists are nested too deep");
    while (scan->at < scan->end) {
        struct field field = {0};
        if (scan_field(scan, &field))
            return -1;
        const ProtobufCFieldDescriptor *known =
            protobuf_c_message_descriptor_get_field(type, field.number);
        if (!known)
            continue;
        unsigned *count = &counts[known - type->fields];
        if (++*count > (known->label == PROTOBUF_C_LABEL_REPEATED ? MSG_MAX_LAYERS : 1))
            return refuse(scan, "a field comes too often");
        if (known->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && ++n_bodies > 1)
            return refuse(scan, "it has more than one body");
        if (field.wire_type != WIRE_TYPE_BYTES)
            continue;
        if (known->type == PROTOBUF_C_TYPE_STRING && check_text(scan, &field))
            return -1;
        if (known->type == PROTOBUF_C_TYPE_MESSAGE) {
            struct scan inner = *scan;
            inner.at = field.bytes;
            inner.end = field.bytes + field.n_bytes;
            if (scan_message(&inner, known->descriptor, depth + 1))
                return -1;
            scan->n_fields = inner.n_fields;
        }
    }
    return 0;
}

int control_scan(const ProtobufCMessageDescriptor *type, const void *control, size_t n_bytes,
                 struct err *err)
{
    const uint8_t *bytes = control;
    struct scan scan = {.at = bytes, .end = bytes + n_bytes, .start = bytes, .err = err};
    return scan_message(&scan, type, 1);
}
