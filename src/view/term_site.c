// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "view/site.h"

enum { HEX_BYTES_PER_LINE = 16, HEX_MAX_BYTES = 64, MAX_WORDS = 8, MAX_TEXT = 200 };

/** "function+0x1c [module]", escaped. */
static void frame_text(struct ul_buf *buf, const struct ul_frame *frame)
{
	if (!frame->function) {
		ul_buf_printf(buf, "0x%016" PRIx64, frame->kaddr);
		return;
	}
	ul_term_escape(buf, frame->function);
	if (frame->inlined)
		ul_buf_puts(buf, " (inlined)");
	else if (frame->offset) // a call returns behind a function's start: 0 is not known
		ul_buf_printf(buf, "+0x%" PRIx64, frame->offset);
	if (frame->module) {
		ul_buf_puts(buf, " [");
		ul_term_escape(buf, frame->module);
		ul_buf_putc(buf, ']');
	}
}

void ul_term_stack(const struct ul_term *term, unsigned int indent, const struct ul_stack *stack,
		   size_t max_frames)
{
	size_t shown = 0;
	ul_vec_foreach (frame, &stack->frames) {
		if (max_frames && shown == max_frames) {
			ul_term_print(term, UL_STYLE_DIM, "%*s... %zu more\n", (int)indent, "",
				      stack->frames.len - shown);
			break;
		}
		struct ul_buf text UL_CLEANUP_BUF = {0};
		frame_text(&text, frame);
		ul_term_print(term, UL_STYLE_PLAIN, "%*s%s", (int)indent, "", ul_buf_str(&text));
		if (frame->file)
			ul_term_print(term, UL_STYLE_DIM, "  %s:%" PRIu32, frame->file,
				      frame->line);
		ul_term_print(term, UL_STYLE_PLAIN, "\n");
		shown++;
	}
}

void ul_term_callers(struct ul_buf *buf, const struct ul_stack *stack, const char *function,
		     size_t max)
{
	size_t shown = 0;
	bool begun = false;
	ul_vec_foreach (frame, &stack->frames) {
		begun = begun || frame->function == function;
		if (!begun || !frame->function || shown == max)
			continue;
		ul_buf_puts(buf, shown++ ? " <- " : "");
		ul_term_escape(buf, frame->function);
		if (frame->module) {
			ul_buf_puts(buf, " [");
			ul_term_escape(buf, frame->module);
			ul_buf_putc(buf, ']');
		}
	}
}

void ul_term_processes(struct ul_buf *buf, const struct ul_site *site, size_t max)
{
	char count[UL_UNITS_TEXT];
	size_t shown = 0;
	ul_vec_foreach (process, &site->processes) {
		if (shown == max) {
			ul_buf_printf(buf, " and %zu more", site->processes.len - shown);
			break;
		}
		ul_buf_puts(buf, shown ? ", " : "");
		ul_term_escape(buf, process->comm);
		if (process->pid)
			ul_buf_printf(buf, "[%d]", (int)process->pid);
		if (site->processes.len > 1)
			ul_buf_printf(buf, " (%s)", ul_format_count(count, process->objects));
		shown++;
	}
}

static void print_hex(const struct ul_term *term, unsigned int indent, const uint8_t *bytes,
		      size_t len)
{
	for (size_t at = 0; at < len; at += HEX_BYTES_PER_LINE) {
		const size_t n = len - at < HEX_BYTES_PER_LINE ? len - at : HEX_BYTES_PER_LINE;
		struct ul_buf line UL_CLEANUP_BUF = {0};
		for (size_t i = 0; i < HEX_BYTES_PER_LINE; i++) {
			if (i < n)
				ul_buf_printf(&line, "%02x", bytes[at + i]);
			else
				ul_buf_puts(&line, "  ");
			ul_buf_puts(&line, i % 8 == 7 ? "  " : i % 2 ? " " : "");
		}
		for (size_t i = 0; i < n; i++) {
			const uint8_t byte = bytes[at + i];
			ul_buf_putc(&line, byte >= 0x20 && byte < 0x7f ? (char)byte : '.');
		}
		ul_term_print(term, UL_STYLE_DIM, "%*s%04zx  %s\n", (int)indent, "", at,
			      ul_buf_str(&line));
	}
}

static void print_words(const struct ul_term *term, unsigned int indent,
			const struct ul_pattern *pattern)
{
	size_t shown = 0;
	ul_vec_foreach (word, &pattern->words) {
		if ((!word->symbol && !word->target) || shown == MAX_WORDS)
			continue;
		struct ul_buf to UL_CLEANUP_BUF = {0};
		ul_term_escape(&to, word->symbol ? word->symbol : word->target);
		if (word->target && word->target_offset)
			ul_buf_printf(&to, " +0x%" PRIx32, word->target_offset);
		ul_term_print(term, UL_STYLE_PLAIN, "%*s+0x%02" PRIx32 " points %s %s in %.0f %%\n",
			      (int)indent, "", word->offset, word->symbol ? "to" : "into",
			      ul_buf_str(&to), 100 * word->share);
		shown++;
	}
}

static void print_pattern(const struct ul_term *term, unsigned int indent,
			  const struct ul_patterns *patterns, const struct ul_pattern *pattern,
			  bool with_bytes)
{
	char objects[UL_UNITS_TEXT];
	char read[UL_UNITS_TEXT];
	const char *kind = pattern->kind == UL_WORD_TEXT     ? "text"
			   : pattern->kind == UL_WORD_ZERO   ? "nothing but zeroes"
			   : pattern->kind == UL_WORD_SYMBOL ? "pointers to kernel symbols"
			   : pattern->kind == UL_WORD_KERNEL ? "kernel pointers"
							     : "mixed data";
	ul_term_print(term, UL_STYLE_PLAIN, "%*s%s of the %s objects read hold %s\n", (int)indent,
		      "", ul_format_count(objects, pattern->objects),
		      ul_format_count(read, patterns->objects_read), kind);
	if (pattern->text && *pattern->text) {
		struct ul_buf text UL_CLEANUP_BUF = {0};
		const bool cut = strlen(pattern->text) > MAX_TEXT;
		ul_buf_printf(&text, "\"%.*s\"%s", MAX_TEXT, pattern->text, cut ? " ..." : "");
		ul_term_print(term, UL_STYLE_PLAIN, "%*s", (int)indent + 2, "");
		ul_term_wrap(term, UL_STYLE_STRONG, indent + 2, ul_buf_str(&text));
	}
	print_words(term, indent + 2, pattern);
	if (with_bytes && pattern->kind != UL_WORD_ZERO && pattern->bytes.len)
		print_hex(term, indent + 2, pattern->bytes.data,
			  pattern->bytes.len < HEX_MAX_BYTES ? pattern->bytes.len : HEX_MAX_BYTES);
}

void ul_term_patterns(const struct ul_term *term, unsigned int indent,
		      const struct ul_patterns *patterns, size_t max_patterns)
{
	char count[UL_UNITS_TEXT];
	for (size_t i = 0; i < patterns->items.len && i < max_patterns; i++)
		print_pattern(term, indent, patterns, &patterns->items.data[i], i == 0);
	if (patterns->objects_unreadable)
		ul_term_print(term, UL_STYLE_DIM, "%*s%s object%s could not be read\n", (int)indent,
			      "", ul_format_count(count, patterns->objects_unreadable),
			      patterns->objects_unreadable > 1 ? "s" : "");
}

void ul_term_identity(struct ul_buf *buf, const char *identity, uint64_t objects,
		      uint64_t looked_at)
{
	if (objects * 2 > looked_at)
		ul_buf_printf(buf, "most of them (%llu of the %llu looked at): ",
			      (unsigned long long)objects, (unsigned long long)looked_at);
	else
		ul_buf_printf(buf, "%llu of the %llu looked at: ", (unsigned long long)objects,
			      (unsigned long long)looked_at);
	ul_term_escape(buf, identity);
}

void ul_term_refcount(struct ul_buf *buf, const struct ul_refcount *refcount, bool lost)
{
	if (!refcount->member[0])
		return;
	if (refcount->saturated)
		ul_buf_printf(buf,
			      "of %zu of %zu the count of references is saturated (%s): after an "
			      "overflow, or a put too many, the kernel never frees them",
			      refcount->objects, refcount->looked_at, refcount->member);
	else if (refcount->left > 0)
		ul_buf_printf(buf, "%zu of %zu still count %lld reference%s (%s)%s",
			      refcount->objects, refcount->looked_at, (long long)refcount->left,
			      refcount->left == 1 ? "" : "s", refcount->member,
			      lost ? ": of what was taken, so much was never given back" : "");
	else
		ul_buf_printf(buf,
			      "%zu of %zu count no reference any more (%s): all was given back, "
			      "and yet they were not freed",
			      refcount->objects, refcount->looked_at, refcount->member);
}
