/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/payload.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"

/* The numbers inside payloads are little-endian and used in place. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "payloads are not byte-swapped: a little-endian machine is needed");

#define ALIGNMENT 64

struct payload {
    atomic_size_t n_references;
    const void *data;
    size_t n_bytes;
    void *own; /* the same memory, writable; NULL when lent */
    void (*release)(void *arg);
    void *arg;
};

struct payload *payload_new(size_t n_bytes)
{
    assert(n_bytes <= PAYLOAD_MAX_BYTES);
    /* One block: the struct, then the bytes from the next multiple of ALIGNMENT on. */
    char *block = mem_resize(NULL, sizeof(struct payload) + ALIGNMENT + n_bytes, 1);
    uintptr_t after = (uintptr_t)(block + sizeof(struct payload));
    char *bytes = block + sizeof(struct payload) + (ALIGNMENT - after % ALIGNMENT) % ALIGNMENT;
    struct payload *payload = (void *)block;
    *payload = (struct payload){.data = bytes, .n_bytes = n_bytes, .own = bytes};
    atomic_init(&payload->n_references, 1);
    return payload;
}

void *payload_memory(struct payload *payload)
{
    assert(payload->own);
    return payload->own;
}

struct mapping {
    void *start;
    size_t n_bytes;
};

static void unmap(void *arg)
{
    struct mapping *mapping = arg;
    munmap(mapping->start, mapping->n_bytes);
    free(mapping);
}

/* Pages that are only read are all the kernel's one page of zeros. */
struct payload *payload_zeros(size_t n_bytes)
{
    if (n_bytes == 0)
        return payload_new(0);
    void *start =
        mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
        void *zeros = mem_zero(n_bytes, 1);
        return payload_lend(zeros, n_bytes, free, zeros);
    }
    struct mapping mapping = {start, n_bytes};
    return payload_lend(start, n_bytes, unmap, mem_copy(&mapping, sizeof mapping));
}

struct payload *payload_lend(const void *data, size_t n_bytes, void (*release)(void *arg),
                             void *arg)
{
    assert(n_bytes <= PAYLOAD_MAX_BYTES);
    struct payload *payload = mem_zero(1, sizeof *payload);
    payload->data = data;
    payload->n_bytes = n_bytes;
    payload->release = release;
    payload->arg = arg;
    atomic_init(&payload->n_references, 1);
    return payload;
}

static void drop_whole(void *payload)
{
    payload_drop(payload);
}

struct payload *payload_slice(struct payload *payload, size_t offset, size_t n_bytes)
{
    assert(offset <= payload->n_bytes && n_bytes <= payload->n_bytes - offset);
    return payload_lend((const char *)payload->data + offset, n_bytes, drop_whole,
                        payload_share(payload));
}

struct payload *payload_share(struct payload *payload)
{
    atomic_fetch_add_explicit(&payload->n_references, 1, memory_order_relaxed);
    return payload;
}

void payload_drop(struct payload *payload)
{
    /* Release and acquire: whoever frees sees all that the other owners did before. */
    if (!payload || atomic_fetch_sub_explicit(&payload->n_references, 1, memory_order_acq_rel) != 1)
        return;
    if (payload->release)
        payload->release(payload->arg);
    free(payload);
}

const void *payload_data(const struct payload *payload)
{
    return payload->data;
}

size_t payload_bytes(const struct payload *payload)
{
    return payload->n_bytes;
}
