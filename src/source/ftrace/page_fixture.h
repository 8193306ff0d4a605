/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages of a ring, made by hand as the kernel would. */
#ifndef UL_SOURCE_FTRACE_PAGE_FIXTURE_H
#define UL_SOURCE_FTRACE_PAGE_FIXTURE_H

#include <stdint.h>
#include <string.h>

struct page_maker {
	uint8_t bytes[4096];
	size_t len; /**< of records */
};

enum { PAGE_HEADER = 16 };

static inline void page_word(struct page_maker *maker, uint32_t word)
{
	memcpy(maker->bytes + PAGE_HEADER + maker->len, &word, sizeof(word));
	maker->len += sizeof(word);
}

static inline void page_head(struct page_maker *maker, uint32_t type, uint32_t delta)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	page_word(maker, type | delta << 5);
#else
	page_word(maker, type << 27 | delta);
#endif
}

/** A record of @p len bytes (a multiple of 4), @p delta ns after the one before. */
static inline void page_record(struct page_maker *maker, uint32_t delta, const void *data,
			       size_t len)
{
	const size_t short_max = 28 * 4;
	page_head(maker, len <= short_max ? (uint32_t)len / 4 : 0, delta);
	if (len > short_max)
		page_word(maker, (uint32_t)len + 4);
	memcpy(maker->bytes + PAGE_HEADER + maker->len, data, len);
	maker->len += len;
}

/** Fill in the header. @p flags: of the field commit. */
static inline void page_end(struct page_maker *maker, uint64_t time_ns, uint64_t flags)
{
	const uint64_t commit = maker->len | flags;
	memcpy(maker->bytes, &time_ns, sizeof(time_ns));
	memcpy(maker->bytes + 8, &commit, sizeof(commit));
}

#endif
