// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parser of /sys/kernel/debug/kmemleak, Linux mm/kmemleak.c print_unreferenced(), and of the same
 * text in a log, with or without the log's own prefix:
 *
 *	unreferenced object 0xffff888243866800 (size 2048):
 *	  comm "sendmsg02", pid 67, jiffies 4294903166 (age 38.540s)
 *	  hex dump (first 32 bytes):
 *	    00 00 00 00 00 00 00 00 5e 00 00 00 00 00 00 00  ........^.......
 *	  backtrace (crc 7e96a3f2):
 *	    [<ffffffa542c5f8f8>] create_object+0x100/0x288
 *
 * The age went with v6.8, the crc came with it; the address of a frame went with v6.10. Per-CPU
 * objects are "unreferenced object (percpu) 0x..." since v6.13.
 *
 * What it reports was not reached from any root by its last scan; it is exact about the address and
 * the stack, not about being lost: an object held only by a pointer it does not scan, or one moved
 * while it scanned, is reported, too. The last scan may be ten minutes old, and ullage starts none
 * (that is a write, and stops nothing less than the machine's scanning thread).
 */
#include <math.h>
#include <string.h>

#include "source/exact/exact_internal.h"

/** Without "[   67.130652] kmemleak: " and the like in front. */
static struct ul_span without_prefix(struct ul_span line)
{
	static const char mark[] = "kmemleak: ";
	size_t at;
	if (!ul_span_find(line, mark, &at))
		return line;
	at += sizeof(mark) - 1;
	return (struct ul_span){line.data + at, line.len - at};
}

static struct ul_error *head(struct ul_exact_parser *parser, struct ul_span text)
{
	struct ul_span rest = text;
	struct ul_span word;
	uint64_t kaddr = 0;
	UL_TRY(ul_exact_begin(parser));
	struct ul_exact_record *record = &parser->record;
	record->allocator = UL_ALLOCATOR_SLAB;
	while (!kaddr && ul_span_word(&rest, &word)) {
		if (ul_span_equal(word, "(percpu)"))
			record->allocator = UL_ALLOCATOR_PERCPU;
		else if (ul_span_starts(word, "0x"))
			(void)ul_span_hex(word, &kaddr);
	}
	if (!kaddr || !ul_exact_number_after(text, "(size ", &record->bytes)) {
		record->open = false;
		parser->bad_lines++;
		return NULL;
	}
	record->objects = 1;
	record->object_bytes = record->bytes;
	record->has_example = true;
	record->example =
		(struct ul_allocation){.key = kaddr, .bytes = record->bytes, .survivor = true};
	ul_buf_printf(&record->key, "%d %llu\n", (int)record->allocator,
		      (unsigned long long)record->bytes);
	record->stack_at = record->key.len;
	return NULL;
}

/** 'comm "name", pid 67, jiffies 4294903166 (age 38.540s)': the name may hold anything. */
static void parse_comm(struct ul_exact_parser *parser, struct ul_span text)
{
	struct ul_exact_record *record = &parser->record;
	size_t end;
	uint64_t pid;
	uint64_t jiffies;
	size_t age_at;
	if (!ul_span_find(text, "\", pid ", &end) || end < 6)
		return;
	ul_span_copy((struct ul_span){text.data + 6, end - 6}, record->comm, sizeof(record->comm));
	text = (struct ul_span){text.data + end, text.len - end};
	if (ul_exact_number_after(text, ", pid ", &pid) && pid <= INT32_MAX) {
		record->has_process = true;
		record->pid = record->example.pid = (pid_t)pid;
	}
	memcpy(record->example.comm, record->comm, sizeof(record->comm));
	if (ul_span_find(text, "(age ", &age_at)) {
		struct ul_span age = {text.data + age_at + 5, text.len - age_at - 5};
		struct ul_span seconds;
		if (ul_span_cut(&age, 's', &seconds))
			(void)ul_exact_decimal(seconds, &record->age_s);
	} else if (ul_exact_number_after(text, ", jiffies ", &jiffies)) {
		record->age_s = ul_exact_jiffies_age(&parser->context.clock, jiffies);
	}
	if (!isnan(record->age_s) && parser->context.clock.monotonic_ns)
		record->example.time_ns =
			parser->context.clock.monotonic_ns - (int64_t)(record->age_s * 1e9);
}

static struct ul_error *line(struct ul_exact_parser *parser, struct ul_span text)
{
	const struct ul_span trimmed = ul_span_trim(without_prefix(text));
	if (ul_span_starts(trimmed, "unreferenced object"))
		return head(parser, trimmed);
	if (!parser->record.open)
		return NULL; // a log has lines of others
	if (!trimmed.len)
		return ul_exact_end(parser);
	if (ul_span_starts(trimmed, "comm \""))
		parse_comm(parser, trimmed);
	else if (ul_exact_is_frame(trimmed))
		ul_exact_add_frame(parser, ul_exact_without_address(trimmed));
	return NULL; // hex dump, backtrace:, hex dump bytes
}

const struct ul_exact_format ul_exact_kmemleak = {.line = line, .end = ul_exact_group_record};
