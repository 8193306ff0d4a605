// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A frame, as these print it:
 *
 *	ftrace		 => function
 *			 => function+0x227/0x570 [module] <ffffffff816365b7>
 *			 => 0xffffffffc0401234, ffffffffc0401234
 *	trace-cmd	=> function (ffffffff816365b7)
 *			\t=> function		(report -N)
 *	perf		\t ffffffff816365b7 function+0x227 ([kernel.kallsyms])
 *			\t ffffffffc0401234 function+0x12 ([module])
 *			\t ffffffffc0401234 function+0x12 (/lib/modules/.../module.ko.xz)
 *
 * The second of ftrace's is that of the options sym-offset and sym-addr; the third has no symbol.
 * ftrace names no module without sym-offset, and trace-cmd never does.
 */
#include "source/tracefile/frames.h"

#include <string.h>

#include "base/vec.h"

static bool is_hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static void skip_blanks(struct ul_span *rest)
{
	while (rest->len && (rest->data[0] == ' ' || rest->data[0] == '\t')) {
		rest->data++;
		rest->len--;
	}
}

bool ul_frame_is_arrow(struct ul_span line)
{
	// At most one blank in front: asked of every line, so it must be quick to say no.
	const size_t at = line.len && (line.data[0] == ' ' || line.data[0] == '\t');
	return line.len >= at + 2 && line.data[at] == '=' && line.data[at + 1] == '>';
}

bool ul_frame_is_perf(struct ul_span line, bool *ret_kernel)
{
	enum { ADDRESS = 16 };
	if (!line.len || (line.data[0] != ' ' && line.data[0] != '\t'))
		return false;
	skip_blanks(&line);
	size_t digits = 0;
	while (digits < line.len && digits <= ADDRESS && is_hex_digit(line.data[digits]))
		digits++;
	if (!digits || digits > ADDRESS || digits == line.len || line.data[digits] != ' ')
		return false;
	// Kernels live in the upper half of x86, ARM, RISC-V; of others the image's name says it.
	*ret_kernel = (digits == ADDRESS && (line.data[0] >= '8')) ||
		      ul_span_find(line, "([kernel", NULL) || ul_span_find(line, ".ko", NULL);
	if (ul_span_find(line, "([vsyscall])", NULL))
		*ret_kernel = false;
	return true;
}

static struct ul_span strip(struct ul_span span, char open, char close)
{
	if (span.len && span.data[0] == open) {
		span.data++;
		span.len--;
	}
	if (span.len && span.data[span.len - 1] == close)
		span.len--;
	return span;
}

/** Module out of "[module]" or of a path to module.ko.xz; NULL for the kernel itself. */
static struct ul_error *set_module(struct ul_frame *frame, struct ul_span image)
{
	size_t at;
	if (ul_span_find(image, ".ko", &at)) {
		image.len = at;
		const char *slash = image.data && at ? memrchr(image.data, '/', at) : NULL;
		if (slash) {
			image.len -= (size_t)(slash + 1 - image.data);
			image.data = slash + 1;
		}
	} else if (image.len && image.data[0] == '[') {
		image = strip(image, '[', ']');
		if (ul_span_starts(image, "kernel") || ul_span_starts(image, "guest.kernel") ||
		    ul_span_equal(image, "unknown") || ul_span_starts(image, "bpf"))
			return NULL;
		// "[module build-id]", with stacktrace_build_id.
		struct ul_span name;
		if (ul_span_cut(&image, ' ', &name))
			image = name;
	} else {
		return NULL;
	}
	if (!image.len)
		return NULL;
	frame->module = ul_span_dup(image);
	if (!frame->module)
		return &ul_enomem;
	for (char *c = frame->module; *c; c++)
		if (*c == '-')
			*c = '_';
	return NULL;
}

/** "function+0x227/0x570" or a bare address. */
static struct ul_error *set_function(struct ul_frame *frame, struct ul_span symbol)
{
	enum { BARE_DIGITS = 8 };
	uint64_t address;
	if (ul_span_equal(symbol, "[unknown]") || ul_span_equal(symbol, "??"))
		return NULL;
	if ((ul_span_starts(symbol, "0x") || symbol.len >= BARE_DIGITS) &&
	    ul_span_hex(symbol, &address)) {
		if (!frame->kaddr)
			frame->kaddr = address;
		return NULL;
	}
	struct ul_span rest = symbol;
	struct ul_span name;
	if (ul_span_cut(&rest, '+', &name)) {
		struct ul_span offset;
		if (!ul_span_cut(&rest, '/', &offset))
			offset = rest;
		uint64_t value;
		if (ul_span_hex(offset, &value))
			frame->offset = value;
	} else {
		name = symbol;
	}
	if (!name.len)
		return NULL;
	frame->function = ul_span_dup(name);
	return frame->function ? NULL : &ul_enomem;
}

/** One frame without its arrow; whatever words stand there. */
static struct ul_error *parse_words(struct ul_span line, bool perf, struct ul_frame *frame)
{
	struct ul_span word;
	if (perf) {
		if (ul_span_word(&line, &word) && !ul_span_hex(word, &frame->kaddr))
			frame->kaddr = 0;
	}
	if (!ul_span_word(&line, &word))
		return NULL;
	UL_TRY(set_function(frame, word));
	if (perf)
		return set_module(frame, strip(ul_span_trim(line), '(', ')'));
	while (ul_span_word(&line, &word)) {
		uint64_t address;
		if (word.data[0] == '[' && !frame->module)
			UL_TRY(set_module(frame, word));
		else if (word.data[0] == '<' && ul_span_hex(strip(word, '<', '>'), &address))
			frame->kaddr = address;
		else if (word.data[0] == '(' && ul_span_hex(strip(word, '(', ')'), &address))
			frame->kaddr = address;
	}
	return NULL;
}

/** Parse into a new frame of @p stack, which is dropped again when it says nothing. */
static struct ul_error *add_frame(struct ul_span words, bool perf, struct ul_stack *stack)
{
	struct ul_frame *frame = ul_vec_add(&stack->frames);
	if (!frame)
		return &ul_enomem;
	UL_TRY(parse_words(words, perf, frame));
	if (!frame->function && !frame->kaddr) {
		free(frame->module);
		stack->frames.len--;
	}
	return NULL;
}

struct ul_error *ul_frames_parse(struct ul_span text, struct ul_stack *stack)
{
	ul_span_foreach_line (line, text) {
		const bool arrow = ul_frame_is_arrow(line);
		if (arrow) {
			skip_blanks(&line);
			line.data += 2;
			line.len -= 2;
		}
		UL_TRY(add_frame(line, !arrow, stack));
	}
	return NULL;
}

struct ul_error *ul_frame_parse_site(struct ul_span text, struct ul_stack *stack)
{
	return add_frame(text, false, stack);
}
