/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets of source/exact share: feed a text in pieces, check what comes out. */
#ifndef UL_TESTS_FUZZ_EXACT_H
#define UL_TESTS_FUZZ_EXACT_H

#include "source/exact/exact.h"

/** Number of sites in @p text, fed in pieces of @p piece bytes; every site's books must balance. */
static inline size_t parse(enum ul_exact_source source, const char *text, size_t size, size_t piece)
{
	const struct ul_exact_context context = {
		.source = source,
		.cache = "c",
		.object_bytes = 64,
		.clock = {.jiffies_per_s = 250, .jiffies = 1 << 20, .monotonic_ns = 1LL << 40}};
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	UL_CLEANUP_EXACT_PARSER struct ul_exact_parser *parser = ul_exact_parser_create(&context);
	struct ul_error *err = NULL;
	for (size_t at = 0; !err && parser && at < size; at += piece)
		err = ul_exact_parser_feed(parser, text + at,
					   size - at < piece ? size - at : piece);
	if (!err && parser)
		err = ul_exact_parser_finish(parser, &trace);
	ul_error_destroy(err);
	ul_vec_foreach (site, &trace.sites)
		if (!ul_site_balanced(site) || !site->live)
			__builtin_trap();
	return trace.sites.len;
}

/** In pieces it must give what it gives whole. */
static inline void parse_whole_and_in_pieces(enum ul_exact_source source, const uint8_t *data,
					     size_t size)
{
	const char *text = (const char *)data;
	const size_t whole = parse(source, text, size, size + 1);
	if (parse(source, text, size, 7) != whole)
		__builtin_trap();
}

#endif
