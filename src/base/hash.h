/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fast 64-bit hash of bytes for tables in memory: eight bytes at a time, multiplied and
 * folded. Not for what an enemy may aim at collisions: tables compare keys, or say what a collision
 * costs.
 */
#ifndef UL_BASE_HASH_H
#define UL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** One step: @p hash and eight more bytes. */
static inline uint64_t ul_hash_u64(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word ^ 0x9e3779b97f4a7c15ULL) * 0xd6e8feb86659fd93ULL;
	return hash ^ hash >> 32;
}

/** Hash of @p len bytes, going on from @p hash; begin with any constant. */
static inline uint64_t ul_hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const char *at = bytes;
	size_t left = len;
	for (; left >= 8; at += 8, left -= 8) {
		uint64_t word;
		memcpy(&word, at, sizeof(word));
		hash = ul_hash_u64(hash, word);
	}
	uint64_t last = 0;
	if (left)
		memcpy(&last, at, left);
	return ul_hash_u64(hash ^ len, last);
}

#endif
