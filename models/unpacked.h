/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A packed file once unpacked for all: kept under $XDG_CACHE_HOME/splitbed or ~/.cache/splitbed, where every
 * process reads what it needs from it instead of unpacking and holding the whole. Inside models/; used by formats
 * of data sets. Only the user can read what is there, and can delete it at any time.
 */
#ifndef MODELS_UNPACKED_H
#define MODELS_UNPACKED_H

#include <stdint.h>

/* Smaller files are not worth keeping: they are unpacked into memory faster than found. */
#define UNPACKED_MIN_BYTES (UINT64_C(1) << 20)

/*
 * A file descriptor to read the n_bytes that gz_path holds unpacked, to be closed. The first call makes the copy, while
 * others wait for it; a copy belongs to one packed file (device, inode, size and time of change).
 *
 * -1 when there can be no such copy: n_bytes is too few, there is nowhere to put it, or what is packed is damaged
 * or of another size. The caller unpacks into memory then, and finds out what is wrong.
 */
int unpacked_open(const char *gz_path, uint64_t n_bytes);

#endif
