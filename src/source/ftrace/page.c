// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linux include/linux/ring_buffer.h and kernel/trace/ring_buffer.c. A page:
 *
 *	u64 time of its first record; commit (4 or 8 bytes): bytes of records, and two flags:
 *	bit 31 records were lost before this page, bit 30 how many stands behind the records
 *
 * A record begins with 32 bits, type_len:5 and time_delta:27 (in the order of the machine's bit
 * fields), and the delta counts from the record before:
 *
 *	1..28	its data, 4 * type_len bytes
 *	0	its data; the next word says how many bytes, its own 4 included
 *	29	nothing: the rest of the page when the delta is 0, else a record that was given up
 *		(its time counts, but for a delta of 1, which stands for none: check_buffer())
 *	30	more time: the next word is the upper bits of a delta
 *	31	the time itself, in the same two parts; its five highest bits stay as they were
 */
#include "source/ftrace/page.h"

#include <string.h>

#include "source/ftrace/format.h"
#include "source/ftrace/tracefs.h"

enum {
	TYPE_PADDING = 29,
	TYPE_TIME_EXTEND = 30,
	TYPE_TIME_STAMP = 31,
	DELTA_BITS = 27,
	WORD = 4,
};

static const uint64_t missed_events = UINT64_C(1) << 31;
static const uint64_t missed_stored = UINT64_C(1) << 30;
static const uint64_t highest_bits = UINT64_C(0xf8) << 56;

static uint32_t word_at(const uint8_t *bytes)
{
	uint32_t word;
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static void split(uint32_t head, uint32_t *ret_type, uint32_t *ret_delta)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	*ret_type = head & 31;
	*ret_delta = head >> 5;
#else
	*ret_type = head >> DELTA_BITS;
	*ret_delta = head & ((UINT32_C(1) << DELTA_BITS) - 1);
#endif
}

struct ul_error *ul_ftrace_page_learn(int tracefs, struct ul_ftrace_page_form *ret)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	struct ul_ftrace_format format;
	UL_TRY(ul_tracefs_read(tracefs, "events/header_page", &text));
	if (!ul_ftrace_format_parse((struct ul_span){text.data, text.len}, &format) ||
	    !format.fields[UL_FTRACE_COMMIT].exists || !format.fields[UL_FTRACE_DATA].exists)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "ftrace: events/header_page of this kernel is of an unknown "
				    "form");
	ret->commit_bytes = format.fields[UL_FTRACE_COMMIT].size;
	ret->data_offset = format.fields[UL_FTRACE_DATA].offset;
	return NULL;
}

bool ul_ftrace_page_open(struct ul_ftrace_page *page, const uint8_t *bytes, size_t len,
			 const struct ul_ftrace_page_form *form)
{
	const size_t commit_bytes = form->commit_bytes;
	const size_t data_offset = form->data_offset;
	uint64_t commit = 0;
	*page = (struct ul_ftrace_page){0};
	if (len > UL_FTRACE_PAGE_MAX || (commit_bytes != WORD && commit_bytes != 8) ||
	    data_offset < 8 + commit_bytes || data_offset > len)
		return false;
	memcpy(&page->time_ns, bytes, sizeof(page->time_ns));
	if (commit_bytes == WORD)
		commit = word_at(bytes + 8);
	else
		memcpy(&commit, bytes + 8, sizeof(commit));
	page->len = commit & (missed_stored - 1);
	page->data = bytes + data_offset;
	if (page->len > len - data_offset)
		return false;
	if (!(commit & missed_events))
		return true;
	page->missed = -1;
	if (commit & missed_stored && page->len + commit_bytes <= len - data_offset) {
		uint64_t count = 0;
		if (commit_bytes == WORD)
			count = word_at(page->data + page->len);
		else
			memcpy(&count, page->data + page->len, sizeof(count));
		if (count && count < UINT32_MAX)
			page->missed = (int64_t)count;
	}
	return true;
}

bool ul_ftrace_page_next(struct ul_ftrace_page *page, struct ul_ftrace_record *ret)
{
	while (page->len - page->at >= 2 * WORD) {
		const uint8_t *head = page->data + page->at;
		const size_t left = page->len - page->at;
		const uint32_t next = word_at(head + WORD);
		uint32_t type;
		uint32_t delta;
		split(word_at(head), &type, &delta);
		if (type == TYPE_TIME_EXTEND || type == TYPE_TIME_STAMP) {
			const uint64_t time = ((uint64_t)next << DELTA_BITS) + delta;
			page->time_ns = type == TYPE_TIME_EXTEND
						? page->time_ns + time
						: (page->time_ns & highest_bits) | time;
			page->at += 2 * WORD;
			continue;
		}
		if (type == TYPE_PADDING && !delta)
			break;
		const bool counted = type == 0 || type == TYPE_PADDING;
		const size_t size = counted ? next : (size_t)type * WORD; // behind the head
		if (size < WORD || size > left - WORD)
			break;
		page->at += WORD + (size + WORD - 1) / WORD * WORD;
		if (page->at > page->len)
			page->at = page->len;
		if (type != TYPE_PADDING || delta != 1)
			page->time_ns += delta;
		if (type == TYPE_PADDING)
			continue;
		*ret = (struct ul_ftrace_record){
			.data = head + WORD + (counted ? WORD : 0),
			.len = counted ? size - WORD : size,
			.time_ns = page->time_ns,
		};
		return true;
	}
	page->at = page->len;
	return false;
}
