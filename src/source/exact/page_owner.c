// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parsers of page_owner's two files (boot with page_owner=on), Linux mm/page_owner.c.
 *
 * /sys/kernel/debug/page_owner has a block for each allocation, print_page_owner():
 *
 *	Page allocated via order 2, mask 0xcc0(GFP_KERNEL), pid 17, tgid 17 (cat), ts 9 ns
 *	PFN 0x1a2b type Unmovable Block 13 type Unmovable Flags 0x...
 *	 post_alloc_hook+0x177/0x1a0
 *	Page has been migrated, last migrate reason: ...
 *	Slab cache page
 *	Charged to memcg ...
 *
 * The last three lines are rare; the first may go on with "free_ts 7 ns", and PFN is decimal before
 * v6.3. /sys/kernel/debug/page_owner_stacks/show_stacks has a block for each stack, stack_print():
 *
 *	 post_alloc_hook+0x177/0x1a0
 *	nr_base_pages: 16
 *
 * In v6.9 the number is "stack_count: 4" and counts allocations, not pages.
 *
 * Process and time came one by one (v5.11 to v5.18); whichever is missing stays unknown. Where the
 * text says "Slab cache page", the allocation is slab's own and booked there. The first file costs
 * a read() for each allocation, and on many kernels each of them drains the page lists of all CPUs;
 * the second one costs nothing, and knows neither order nor process nor which pages.
 */
#include <math.h>
#include <string.h>

#include "base/units.h"
#include "source/exact/exact_internal.h"

enum { MAX_ORDER_ACCEPTED = 30 };

/** The name in the last pair of parentheses before ", ts": it may itself hold some. */
static void parse_comm(struct ul_span text, struct ul_exact_record *record)
{
	size_t end;
	if (!ul_span_find(text, "), ts ", &end))
		return;
	size_t begin = 0;
	// The name follows a number: "tgid 17 (cat" or "pid 17 (cat".
	for (size_t i = 0; i + 1 < end; i++)
		if (text.data[i] == ' ' && text.data[i + 1] == '(')
			begin = begin ? begin : i + 2;
	if (!begin)
		return;
	ul_span_copy((struct ul_span){text.data + begin, end - begin}, record->comm,
		     sizeof(record->comm));
}

static void parse_process(struct ul_span text, struct ul_exact_record *record)
{
	uint64_t pid;
	size_t at;
	// Behind the mask, whose flags are words, too.
	if (ul_span_find(text, "), pid ", &at))
		text = (struct ul_span){text.data + at, text.len - at};
	if (!ul_exact_number_after(text, ", tgid ", &pid) &&
	    !ul_exact_number_after(text, ", pid ", &pid))
		return;
	if (pid > INT32_MAX)
		return;
	record->has_process = true;
	record->pid = (pid_t)pid;
	parse_comm(text, record);
}

static struct ul_error *head(struct ul_exact_parser *parser, struct ul_span text)
{
	uint64_t order;
	uint64_t time_ns;
	UL_TRY(ul_exact_begin(parser));
	struct ul_exact_record *record = &parser->record;
	if (!ul_exact_number_after(text, "via order ", &order) || order > MAX_ORDER_ACCEPTED) {
		record->open = false;
		parser->bad_lines++;
		return NULL;
	}
	record->allocator = UL_ALLOCATOR_PAGES;
	record->objects = 1;
	record->object_bytes = record->bytes = (uint64_t)parser->context.page_bytes << order;
	parse_process(text, record);
	if (ul_exact_number_after(text, ", ts ", &time_ns) && time_ns <= INT64_MAX) {
		record->example.time_ns = (int64_t)time_ns;
		if (parser->context.clock.monotonic_ns >= record->example.time_ns)
			record->age_s = (double)(parser->context.clock.monotonic_ns -
						 record->example.time_ns) /
					UL_NS_PER_S;
	}
	ul_buf_printf(&record->key, "%llu\n", (unsigned long long)order);
	record->stack_at = record->key.len;
	return NULL;
}

/**
 * Movable and reclaimable pages are those of processes and of caches that reclaim empties; tracing
 * leaves them out, too (source/trace).
 */
static bool can_be_taken_back(struct ul_span text)
{
	size_t at;
	if (!ul_span_find(text, " type ", &at))
		return false;
	text = (struct ul_span){text.data + at + 6, text.len - at - 6};
	return ul_span_starts(text, "Movable ") || ul_span_starts(text, "Reclaimable ");
}

/** "PFN 0x1a2b type ..." or "PFN 6699 type ...". */
static void parse_pfn(struct ul_exact_record *record, struct ul_span text)
{
	struct ul_span word;
	uint64_t pfn;
	(void)ul_span_word(&text, &word); // "PFN"
	if (!ul_span_word(&text, &word))
		return;
	if (ul_span_starts(word, "0x") ? !ul_span_hex(word, &pfn) : !ul_span_u64(word, &pfn))
		return;
	record->has_example = true;
	record->example.key = pfn; // the caller knows where struct page lies
	record->example.bytes = record->bytes;
	record->example.pid = record->pid;
	record->example.survivor = true;
	memcpy(record->example.comm, record->comm, sizeof(record->comm));
}

static struct ul_error *line(struct ul_exact_parser *parser, struct ul_span text)
{
	const struct ul_span trimmed = ul_span_trim(text);
	if (!trimmed.len)
		return ul_exact_end(parser);
	if (ul_span_starts(trimmed, "Page allocated via order "))
		return head(parser, trimmed);
	if (!parser->record.open) {
		parser->bad_lines++;
		return NULL;
	}
	if (ul_exact_is_frame(trimmed)) {
		ul_exact_add_frame(parser, trimmed);
	} else if (ul_span_starts(trimmed, "PFN ") && can_be_taken_back(trimmed)) {
		parser->record.objects = 0;
		parser->left_out++;
	} else if (ul_span_starts(trimmed, "PFN ")) {
		parse_pfn(&parser->record, trimmed);
	}
	return NULL; // what else a block says (migrated, charged to) is of no use here
}

static struct ul_error *losses(const struct ul_exact_parser *parser, struct ul_losses *losses)
{
	if (!parser->left_out)
		return NULL;
	return ul_losses_add(
		losses, UL_BIAS_NONE, parser->left_out,
		"page_owner: movable and reclaimable allocations (of processes, of the "
		"page cache), left out");
}

const struct ul_exact_format ul_exact_page_owner = {
	.line = line,
	.end = ul_exact_group_record,
	.losses = losses,
};

/** The last line of a block of show_stacks says how many; then it is complete. */
static struct ul_error *stacks_line(struct ul_exact_parser *parser, struct ul_span text)
{
	const struct ul_span trimmed = ul_span_trim(text);
	struct ul_exact_record *record = &parser->record;
	if (!trimmed.len) {
		record->open = false; // no count: below the threshold, or of a future kernel
		return NULL;
	}
	if (ul_exact_is_frame(trimmed)) {
		if (!record->open)
			UL_TRY(ul_exact_begin(parser));
		ul_exact_add_frame(parser, trimmed);
		return NULL;
	}
	const bool pages = ul_exact_number_after(trimmed, "nr_base_pages: ", &record->objects);
	if (!pages && !ul_exact_number_after(trimmed, "stack_count: ", &record->objects)) {
		parser->bad_lines += !ul_span_starts(trimmed, "handle:");
		return NULL;
	}
	parser->marked += !pages;
	record->allocator = UL_ALLOCATOR_PAGES;
	record->object_bytes = parser->context.page_bytes;
	if (!record->open ||
	    __builtin_mul_overflow(record->objects, record->object_bytes, &record->bytes)) {
		parser->bad_lines++;
		record->open = false;
		return NULL;
	}
	return ul_exact_end(parser);
}

static struct ul_error *stacks_losses(const struct ul_exact_parser *parser,
				      struct ul_losses *losses)
{
	if (!parser->marked)
		return NULL;
	return ul_losses_add(
		losses, UL_BIAS_UNDER, parser->marked,
		"page_owner: stacks of which this kernel counts allocations, not pages: "
		"each taken for one page");
}

const struct ul_exact_format ul_exact_page_stacks = {
	.line = stacks_line,
	.end = ul_exact_group_record,
	.losses = stacks_losses,
};
