/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/frames.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int recv_frame(void *socket, zmq_msg_t *frame)
{
    int rc;
    zmq_msg_init(frame);
    do
        rc = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        int saved = errno;
        zmq_msg_close(frame);
        errno = saved;
    }
    return rc;
}

/* ZeroMQ gives a message as a whole or not at all, so after its first frame the others are there. */
int frames_recv(void *socket, bool has_id, struct frames *frames)
{
    zmq_msg_t frame;
    bool is_id = has_id, has_more = true;
    frames->n_id = 0;
    frames->n_parts = 0;
    frames->fd = -1;
    for (int i = 0; i < 1 + MSG_MAX_PAYLOADS; i++)
        zmq_msg_init(&frames->part[i]);
    while (has_more) {
        if (recv_frame(socket, &frame) < 0) {
            frames_release(frames);
            return errno == EAGAIN ? 0 : -1;
        }
        has_more = zmq_msg_more(&frame);
        if (is_id) {
            frames->n_id = zmq_msg_size(&frame);
            memcpy(frames->id, zmq_msg_data(&frame), frames->n_id);
            is_id = false;
        } else {
            if (frames->n_parts == 0)
                frames->fd = zmq_msg_get(&frame, ZMQ_SRCFD);
            if (frames->n_parts < 1 + MSG_MAX_PAYLOADS)
                zmq_msg_move(&frames->part[frames->n_parts], &frame);
            frames->n_parts++;
        }
        zmq_msg_close(&frame);
    }
    return 1;
}

void frames_release(struct frames *frames)
{
    int saved = errno;
    for (int i = 0; i < 1 + MSG_MAX_PAYLOADS; i++)
        zmq_msg_close(&frames->part[i]);
    errno = saved;
}

static void close_frame(void *frame)
{
    zmq_msg_close(frame);
    free(frame);
}

struct payload *frames_take(struct frames *frames, int i)
{
    zmq_msg_t *frame = mem_zero(1, sizeof *frame);
    zmq_msg_init(frame);
    zmq_msg_move(frame, &frames->part[i]);
    /* Only now: the bytes of a small frame lie in the zmq_msg_t itself. */
    const void *data = zmq_msg_data(frame);
    size_t n_bytes = zmq_msg_size(frame);
    if ((uintptr_t)data % 4 == 0)
        return payload_lend(data, n_bytes, close_frame, frame);
    struct payload *copy = payload_new(n_bytes);
    memcpy(payload_memory(copy), data, n_bytes);
    close_frame(frame);
    return copy;
}

static void drop_payload(void *data, void *payload)
{
    (void)data;
    payload_drop(payload);
}

static int send_payload(void *socket, struct payload *payload, int flags)
{
    zmq_msg_t frame;
    int rc;
    /* ZeroMQ wants writable memory and does not write to it. */
    zmq_msg_init_data(&frame, (void *)(uintptr_t)payload_data(payload), payload_bytes(payload),
                      drop_payload, payload_share(payload));
    do
        rc = zmq_msg_send(&frame, socket, flags | ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc >= 0)
        return 0;
    int saved = errno;
    zmq_msg_close(&frame);
    return saved;
}

static int send_id(void *socket, const void *id, size_t n_id)
{
    int rc;
    do
        rc = zmq_send(socket, id, n_id, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? errno : 0;
}

int frames_send(void *socket, const void *id, size_t n_id, struct payload *control,
                const struct msg *msg)
{
    int failed = n_id ? send_id(socket, id, n_id) : 0;
    if (!failed)
        failed = send_payload(socket, control, msg->n_payloads ? ZMQ_SNDMORE : 0);
    for (int i = 0; i < msg->n_payloads && !failed; i++)
        failed = send_payload(socket, msg->payload[i], i + 1 < msg->n_payloads ? ZMQ_SNDMORE : 0);
    return failed;
}
