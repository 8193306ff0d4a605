// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One frame of a stack as the kernel prints it with %pS, Linux lib/vsprintf.c symbol_string() and
 * kernel/kallsyms.c __sprint_symbol():
 *
 *	seq_read_iter+0x370/0x450
 *	leakstat_leak_cache+0x16/0x70 [leakstat]
 *	leakstat_leak_cache+0x16/0x70 [leakstat 1f..]	with CONFIG_STACKTRACE_BUILD_ID
 *	0xffffffff81234567				no symbol
 *	[<ffffffff81545854>] kmalloc_trace+0x24/0x90	kmemleak; the address may be a hash (%p)
 *	kzalloc include/linux/slab.h:680 [inline]	decoded by scripts/decode_stacktrace.sh
 *
 * The address in brackets is dropped: kernels since v4.15 print a hash there, and which it is
 * cannot be told. So frames have a name and an offset and no address.
 */
#include <string.h>

#include "source/exact/exact_internal.h"

struct ul_span ul_exact_without_address(struct ul_span line)
{
	struct ul_span rest = ul_span_trim(line);
	struct ul_span word;
	if (!ul_span_starts(rest, "[<"))
		return rest;
	(void)ul_span_word(&rest, &word);
	return ul_span_trim(rest);
}

/** "0x1c/0x50", or only "0x1c". */
static bool parse_offset(struct ul_span text, uint64_t *ret_offset)
{
	uint64_t size;
	struct ul_span offset;
	if (!ul_span_cut(&text, '/', &offset))
		return ul_span_starts(text, "0x") && ul_span_hex(text, ret_offset);
	return ul_span_starts(offset, "0x") && ul_span_hex(offset, ret_offset) &&
	       ul_span_hex(text, &size);
}

/** "func+0x1c/0x50": names can hold '+' in no language the kernel is written in. */
static bool parse_symbol(struct ul_span word, struct ul_span *ret_function, uint64_t *ret_offset)
{
	return ul_span_cut(&word, '+', ret_function) && ret_function->len &&
	       parse_offset(word, ret_offset);
}

/** "file.c:12" into its parts. */
static bool parse_place(struct ul_span word, struct ul_span *ret_file, uint32_t *ret_line)
{
	uint64_t line;
	size_t colon = word.len;
	while (colon && word.data[colon - 1] != ':')
		colon--;
	if (colon < 2 ||
	    !ul_span_u64((struct ul_span){word.data + colon, word.len - colon}, &line) ||
	    line > UINT32_MAX)
		return false;
	*ret_file = (struct ul_span){word.data, colon - 1};
	*ret_line = (uint32_t)line;
	return true;
}

/** What may follow a symbol: "[module]", "[module buildid]", "[inline]", "file.c:12". */
struct tail {
	struct ul_span module;
	struct ul_span file;
	uint32_t line;
	bool inlined;
};

static void parse_tail(struct ul_span rest, struct tail *tail)
{
	struct ul_span word;
	while (ul_span_word(&rest, &word)) {
		if (ul_span_equal(word, "[inline]"))
			tail->inlined = true;
		else if (word.data[0] == '[' && word.len > 1 && !tail->module.len) {
			const bool closed = word.data[word.len - 1] == ']';
			tail->module = (struct ul_span){word.data + 1, word.len - 1 - closed};
		} else if (!tail->file.len)
			(void)parse_place(word, &tail->file, &tail->line);
	}
}

bool ul_exact_is_frame(struct ul_span line)
{
	struct ul_span rest = ul_exact_without_address(line);
	struct ul_span word;
	struct ul_span function;
	uint64_t number;
	struct tail tail = {0};
	if (!ul_span_word(&rest, &word))
		return false;
	if (parse_symbol(word, &function, &number))
		return true;
	if (ul_span_starts(word, "0x") && ul_span_hex(word, &number))
		return true;
	parse_tail(rest, &tail);
	return tail.inlined;
}

bool ul_exact_frame(struct ul_span line, struct ul_stack *stack, bool *ret_enomem)
{
	struct ul_span rest = ul_exact_without_address(line);
	struct ul_span word;
	struct ul_span function = {0};
	uint64_t offset = 0;
	uint64_t kaddr = 0;
	struct tail tail = {0};
	if (!ul_span_word(&rest, &word))
		return false;
	const bool symbol = parse_symbol(word, &function, &offset);
	const bool address = !symbol && ul_span_starts(word, "0x") && ul_span_hex(word, &kaddr);
	parse_tail(rest, &tail);
	if (!symbol && !address) {
		if (!tail.inlined)
			return false;
		function = word;
	}
	struct ul_frame *frame = ul_vec_add(&stack->frames);
	*ret_enomem = !frame;
	if (!frame)
		return false;
	frame->kaddr = kaddr;
	frame->offset = offset;
	frame->inlined = tail.inlined;
	frame->line = tail.line;
	if (function.len)
		frame->function = ul_span_dup(function);
	if (tail.module.len)
		frame->module = ul_span_dup(tail.module);
	if (tail.file.len)
		frame->file = ul_span_dup(tail.file);
	*ret_enomem = (function.len && !frame->function) || (tail.module.len && !frame->module) ||
		      (tail.file.len && !frame->file);
	return !*ret_enomem;
}
