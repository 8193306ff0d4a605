// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parser of /proc/allocinfo, Linux lib/alloc_tag.c alloc_tag_to_text() and lib/codetag.c
 * codetag_to_text(), commit 22d407b164ff ("lib: add allocation tagging support for memory
 * allocation profiling") (v6.10):
 *
 *	allocinfo - version: 1.0
 *	#     <size>  <calls> <tag info>
 *	    69632       17 drivers/net/virtio_net.c:123 [virtio_net] func:virtnet_probe accurate:no
 *
 * Since version 2.0 "accurate:no" marks a line whose counter missed some (commit 39d117e04d15,
 * v6.18). A module's path may hold blanks in theory; the parts are found from their marks.
 *
 * The numbers are live bytes and live allocations of one line of code, of every allocator: slab,
 * pages, percpu, vmalloc. Which one it was is not told. The pages slabs are made of are counted
 * once more, at mm/slub.c: that line is marked nested. Bytes of slab objects are what the slot
 * takes. Errs: counters of CPUs are summed up while they change, so a line can be off by what is
 * in flight; a negative sum is shown as none and counted.
 */
#include <string.h>

#include "source/exact/exact_internal.h"

/** Number that may be negative: then it is 0 and @p ret_negative true. */
static bool parse_signed(struct ul_span word, uint64_t *ret, bool *ret_negative)
{
	*ret_negative = word.len > 1 && word.data[0] == '-';
	if (*ret_negative) {
		word.data++;
		word.len--;
	}
	if (!ul_span_u64(word, ret) || *ret > INT64_MAX)
		return false;
	if (*ret_negative)
		*ret = 0;
	return true;
}

/** "file.c:12 [module] func:name more" -> key of a frame that ul_exact_frame() understands. */
static bool parse_tag(struct ul_exact_parser *parser, struct ul_span rest)
{
	struct ul_span place;
	struct ul_span word;
	struct ul_span module = {0};
	struct ul_span function = {0};
	if (!ul_span_word(&rest, &place) || !memchr(place.data, ':', place.len))
		return false;
	while (ul_span_word(&rest, &word)) {
		if (word.data[0] == '[' && word.len > 2 && !module.len)
			module = word;
		else if (ul_span_starts(word, "func:") && !function.len)
			function = (struct ul_span){word.data + 5, word.len - 5};
		else if (ul_span_equal(word, "accurate:no"))
			parser->marked++;
	}
	if (!function.len)
		return false;
	struct ul_buf *key = &parser->record.key;
	ul_buf_add(key, function.data, function.len);
	ul_buf_puts(key, "+0x0 ");
	ul_buf_add(key, place.data, place.len);
	ul_buf_putc(key, ' ');
	ul_buf_add(key, module.data ? module.data : "", module.len);
	ul_buf_putc(key, '\n');
	return true;
}

static struct ul_error *line(struct ul_exact_parser *parser, struct ul_span text)
{
	struct ul_span rest = ul_span_trim(text);
	struct ul_span bytes;
	struct ul_span calls;
	bool negative = false;
	bool negative_calls = false;
	if (!rest.len || rest.data[0] == '#' || ul_span_starts(rest, "allocinfo"))
		return NULL;
	UL_TRY(ul_exact_begin(parser));
	struct ul_exact_record *record = &parser->record;
	record->allocator = UL_ALLOCATOR_SLAB;
	const bool good = ul_span_word(&rest, &bytes) && ul_span_word(&rest, &calls) &&
			  parse_signed(bytes, &record->bytes, &negative) &&
			  parse_signed(calls, &record->objects, &negative_calls) &&
			  parse_tag(parser, rest);
	if (!good) {
		record->open = false;
		parser->bad_lines++;
		return NULL;
	}
	parser->marked += negative || negative_calls;
	return ul_exact_end(parser);
}

static struct ul_error *losses(const struct ul_exact_parser *parser, struct ul_losses *losses)
{
	if (!parser->marked)
		return NULL;
	return ul_losses_add(
		losses, UL_BIAS_UNDER, parser->marked,
		"allocinfo: lines whose counters are not exact (marked so, or negative)");
}

const struct ul_exact_format ul_exact_allocinfo = {
	.line = line,
	.end = ul_exact_group_record,
	.losses = losses,
};
