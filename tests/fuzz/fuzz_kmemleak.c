// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text may be called kmemleak's report; in pieces it gives what it gives whole, and the books
 * of every site balance. */
#include "source/exact/exact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t parse(enum ul_exact_source source, const char *text, size_t size, size_t piece)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const size_t whole = parse(UL_EXACT_KMEMLEAK, text, size, size + 1);
	if (parse(UL_EXACT_KMEMLEAK, text, size, 7) != whole)
		__builtin_trap();
	return 0;
}
