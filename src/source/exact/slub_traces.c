// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parser of what SLUB knows of a cache with slab_debug=U (older: slub_debug=U):
 *
 *	/sys/kernel/debug/slab/CACHE/alloc_traces	Linux mm/slub.c slab_debugfs_show()
 *	/sys/kernel/slab/CACHE/alloc_calls		list_locations(), before commit 64dd68497be7
 *							("mm: slub: move sysfs slab alloc/free
 *							interfaces to debugfs") (v5.14)
 *
 *	   1009 leakstat_leak_cache+0x16/0x70 [leakstat] waste=9/3 age=90/98/109 pid=116-118 cpus=0
 *	        leakstat_leak_cache+0x16/0x70 [leakstat]
 *	        leakstat_leak_now+0x66/0xa0 [leakstat]
 *
 * Stacks came with commit 8ea9fb921bf5 ("mm/slub: distinguish and print stack traces in debugfs
 * files") (v5.19) and hold 16 frames; before it only the calling function is known. Ages are ticks.
 * The counts are exact: debugged caches keep no objects per CPU (since v6.2), and earlier ones list
 * them with the slab. Objects whose track is cleared ("<not-available>") have no site and are a
 * loss. The old file is cut at one page of text: what did not fit is lost, and said.
 */
#include <math.h>
#include <string.h>

#include "source/exact/exact_internal.h"

enum { SYSFS_PAGE_NEARLY_FULL = 3500 }; /* 4096 less KSYM_SYMBOL_LEN + 100, less the longest line */

/** "age=90/98/109" or "age=953": the middle one, or the only one. */
static void parse_age(struct ul_exact_parser *parser, struct ul_span text)
{
	struct ul_span part;
	uint64_t ticks;
	if (ul_span_cut(&text, '/', &part))
		(void)(ul_span_cut(&text, '/', &part) && (text = part, true));
	if (ul_span_u64(text, &ticks) && parser->context.clock.jiffies_per_s > 0)
		parser->record.age_s = (double)ticks / parser->context.clock.jiffies_per_s;
}

/** "pid=116", or "pid=1-107": then who it was is not known. */
static void parse_pid(struct ul_exact_record *record, struct ul_span text)
{
	uint64_t pid;
	if (!ul_span_u64(text, &pid) || pid > INT32_MAX || !pid)
		return;
	record->has_process = true;
	record->pid = (pid_t)pid;
}

static void parse_facts(struct ul_exact_parser *parser, struct ul_span rest)
{
	struct ul_span word;
	while (ul_span_word(&rest, &word)) {
		struct ul_span value = word;
		struct ul_span name;
		if (!ul_span_cut(&value, '=', &name))
			continue; // [module], or of a future kernel
		if (ul_span_equal(name, "age"))
			parse_age(parser, value);
		else if (ul_span_equal(name, "pid"))
			parse_pid(&parser->record, value);
	}
}

/** The head of a record: how many, by which function, and facts. */
static struct ul_error *head(struct ul_exact_parser *parser, uint64_t objects, struct ul_span rest)
{
	struct ul_span words = rest;
	struct ul_span caller;
	UL_TRY(ul_exact_begin(parser));
	struct ul_exact_record *record = &parser->record;
	record->allocator = UL_ALLOCATOR_SLAB;
	record->objects = objects;
	record->object_bytes = parser->context.object_bytes;
	if (__builtin_mul_overflow(objects, record->object_bytes, &record->bytes)) {
		record->open = false;
		parser->bad_lines++;
		return NULL;
	}
	(void)ul_span_word(&words, &caller);
	parse_facts(parser, words);
	// The caller with its module stands for the stack where there is none; end() drops it
	// otherwise.
	struct ul_span tail = ul_span_trim(words);
	ul_buf_add(&record->key, caller.data, caller.len);
	if (tail.len && tail.data[0] == '[') {
		struct ul_span module;
		(void)ul_span_word(&tail, &module);
		ul_buf_putc(&record->key, ' ');
		ul_buf_add(&record->key, module.data, module.len);
	}
	ul_buf_putc(&record->key, '\n');
	record->stack_at = record->key.len;
	return NULL;
}

static struct ul_error *line(struct ul_exact_parser *parser, struct ul_span text)
{
	struct ul_span rest = text;
	struct ul_span first;
	uint64_t objects;
	if (!ul_span_word(&rest, &first))
		return ul_exact_end(parser);
	if (ul_span_u64(first, &objects) && ul_span_trim(rest).len)
		return head(parser, objects, rest);
	if (parser->record.open && ul_exact_is_frame(text))
		ul_exact_add_frame(parser, text);
	else if (!ul_span_starts(ul_span_trim(text), "No data"))
		parser->bad_lines++;
	return NULL;
}

static struct ul_error *end(struct ul_exact_parser *parser)
{
	struct ul_exact_record *record = &parser->record;
	struct ul_span caller = {record->key.data, record->stack_at};
	if (record->key.len == record->stack_at) {
		if (!ul_exact_is_frame(caller)) { // "<not-available>"
			parser->no_stack += record->objects;
			return NULL;
		}
		record->stack_at = 0; // the caller is the stack
	}
	return ul_exact_groups_add(&parser->groups, parser->cache, record);
}

static struct ul_error *losses(const struct ul_exact_parser *parser, struct ul_losses *losses)
{
	bool stacks = false;
	ul_vec_foreach (entry, &parser->groups.entries)
		stacks |= memchr(entry->key.data, '\n', entry->key.len) !=
			  entry->key.data + entry->key.len - 1;
	if (stacks || parser->text_bytes < SYSFS_PAGE_NEARLY_FULL)
		return NULL;
	return ul_losses_add(losses, UL_BIAS_UNDER, 0,
			     "slub_debug: the list of %s fills a page and may be cut there",
			     parser->cache ? parser->cache : "a cache");
}

const struct ul_exact_format ul_exact_slub = {.line = line, .end = end, .losses = losses};
