// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines become events; runs of frames become the stack of the event they follow.
 *
 * Speed comes from doing nothing twice: a run of frames is hashed as text, and only a text that was
 * not seen before is parsed (traces repeat a few thousand stacks millions of times); names are
 * looked up for allocations only. The table of texts is direct-mapped: what is pushed out is parsed
 * again. Two texts with one 64-bit hash would be taken for one stack.
 *
 * What is not seen: events other than those in fields.c, and frames of user space. Lines that are
 * nothing known are counted; a wrapped or cut line is one.
 */
#include "source/tracefile/text.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "source/tracefile/frames.h"

enum { PAGE_BYTES = 4096 /* the text does not say it */ };

struct ul_error *ul_trace_text_create(struct ul_dictionary *dictionary,
				      struct ul_tracefile_info *info, struct ul_losses *losses,
				      ul_event_fn *take, void *context, struct ul_trace_text **ret)
{
	UL_CLEANUP_TRACE_TEXT struct ul_trace_text *text = calloc(1, sizeof(*text));
	if (!text)
		return &ul_enomem;
	text->stacks = calloc(UL_TEXT_STACKS, sizeof(*text->stacks));
	if (!text->stacks)
		return &ul_enomem;
	UL_TRY(ul_order_create(take, context, &text->order));
	text->dictionary = dictionary;
	text->info = info;
	text->losses = losses;
	*ret = UL_TAKE(text);
	return NULL;
}

void ul_trace_text_destroy(struct ul_trace_text *text)
{
	if (!text)
		return;
	ul_order_destroy(text->order);
	free(text->stacks);
	free(text);
}

/** Number of the stack that @p span (frames, or one call site) says. */
static struct ul_error *stack_of_text(struct ul_trace_text *text, struct ul_span span, bool site,
				      uint32_t *ret)
{
	const uint64_t hash = ul_hash_bytes(site, span.data, span.len) | 1;
	struct ul_text_stack *slot = &text->stacks[hash >> 8 & (UL_TEXT_STACKS - 1)];
	if (slot->hash == hash) {
		*ret = slot->stack;
		return NULL;
	}
	struct ul_stack stack = {0};
	struct ul_error *err =
		site ? ul_frame_parse_site(span, &stack) : ul_frames_parse(span, &stack);
	if (err) {
		ul_stack_deinit(&stack);
		return err;
	}
	UL_TRY(ul_dictionary_stack(text->dictionary, &stack, ret));
	*slot = (struct ul_text_stack){hash, *ret};
	return NULL;
}

static struct ul_error *close_block(struct ul_trace_text *text)
{
	const struct ul_text_block block = text->block;
	text->block = (struct ul_text_block){0};
	if (!block.begin || !block.owner)
		return NULL;
	uint32_t stack;
	UL_TRY(stack_of_text(text, (struct ul_span){block.begin, (size_t)(block.end - block.begin)},
			     false, &stack));
	ul_order_bind(text->order, block.owner, stack);
	return NULL;
}

/** True when the line belongs to the stack being read. */
static bool take_frame(struct ul_text_block *block, struct ul_span line)
{
	bool kernel = true;
	if (!block->open ||
	    !(block->perf ? ul_frame_is_perf(line, &kernel) : ul_frame_is_arrow(line)))
		return false;
	if (!kernel || block->frames >= UL_TRACEFILE_FRAMES)
		block->ended = true;
	if (!block->ended && !block->begin)
		block->begin = line.data;
	block->lines += block->begin != NULL;
	if (block->ended)
		return true;
	block->end = line.data + line.len;
	block->frames++;
	return true;
}

/** Names that only allocations need: who, which cache, from where. */
static struct ul_error *name_allocation(struct ul_trace_text *text,
					const struct ul_kmem_event *what,
					const struct ul_event_line *line,
					const struct ul_kmem_fields *fields, struct ul_event *event)
{
	UL_TRY(ul_dictionary_name(text->dictionary, line->comm, &event->comm));
	if (fields->call_site.len)
		UL_TRY(stack_of_text(text, fields->call_site, true, &event->stack));
	if (!what->kmalloc)
		return ul_dictionary_name(text->dictionary, fields->name, &event->cache);
	event->cache_guessed = true;
	return ul_kmalloc_cache(&text->names, text->dictionary, event->bytes,
				ul_kmalloc_family(fields->gfp_flags), &event->cache);
}

static struct ul_error *take_kmem(struct ul_trace_text *text, const struct ul_kmem_event *what,
				  const struct ul_event_line *line)
{
	text->block = (struct ul_text_block){.open = true, .perf = line->perf};
	struct ul_kmem_fields fields;
	ul_kmem_fields_parse(line->body, &fields);
	struct ul_event event = {
		.time_ns = line->time_ns,
		.cpu = line->cpu,
		.pid = line->pid,
	};
	const enum ul_kmem_outcome outcome = ul_kmem_event_fill(what, &fields, PAGE_BYTES, &event);
	if (outcome != UL_KMEM_TAKEN) {
		text->unreadable += outcome == UL_KMEM_UNREADABLE;
		ul_order_other(text->order, line->cpu, line->tid);
		return NULL;
	}
	if (event.kind == UL_EVENT_ALLOC)
		UL_TRY(name_allocation(text, what, line, &fields, &event));
	else
		UL_TRY(ul_dictionary_name(text->dictionary, fields.name, &event.cache));
	text->info->events++;
	return ul_order_event(text->order, &event, line->tid, &text->block.owner);
}

/** "kernel_stack: ... => function": trace-cmd report -N has the first frame in the event's line. */
static void take_first_frame(struct ul_text_block *block, struct ul_span body)
{
	size_t at;
	if (!ul_span_find(body, "=> ", &at))
		return;
	block->begin = body.data + at;
	block->end = body.data + body.len;
	block->frames = block->lines = 1;
}

static struct ul_error *take_event(struct ul_trace_text *text, const struct ul_event_line *line)
{
	text->clock = line->clock;
	text->last_ns = line->time_ns;
	const struct ul_kmem_event *what = ul_kmem_event_find(line->event);
	if (what)
		return take_kmem(text, what, line);
	if (ul_span_equal(line->event, "<stack trace>") ||
	    ul_span_equal(line->event, "kernel_stack")) {
		text->block.open = true;
		text->block.owner = ul_order_owner(text->order, line->cpu, line->tid);
		take_first_frame(&text->block, line->body);
		return NULL;
	}
	if (ul_span_equal(line->event, "<user stack trace>") ||
	    ul_span_equal(line->event, "user_stack")) {
		text->block.open = true;
		return NULL;
	}
	text->info->others++;
	ul_order_other(text->order, line->cpu, line->tid);
	text->block = (struct ul_text_block){.open = true, .perf = line->perf};
	return NULL;
}

/** Number in front of or behind @p at, whichever there is; 0: none. */
static uint64_t number_in(struct ul_span text)
{
	uint64_t value = 0;
	for (size_t i = 0; i < text.len; i++) {
		size_t end = i;
		while (end < text.len && text.data[end] >= '0' && text.data[end] <= '9')
			end++;
		if (end > i && ul_span_u64((struct ul_span){text.data + i, end - i}, &value))
			return value;
		i = end > i ? end : i;
	}
	return 0;
}

static struct ul_error *lost(struct ul_trace_text *text, uint64_t count)
{
	const struct ul_event event = {.kind = UL_EVENT_LOST, .bytes = count};
	return text->order->take(text->order->context, &event);
}

/** What follows "CPU:", which the name of a buffer instance may precede; else empty. */
static struct ul_span from_cpu(struct ul_span line)
{
	size_t at;
	if (!ul_span_find(line, "CPU:", &at) || (at && line.data[at - 1] != ' '))
		return (struct ul_span){0};
	return (struct ul_span){line.data + at + 4, line.len - at - 4};
}

/**
 * "CPU:1 [LOST 549 EVENTS]", "CPU:1 [LOST EVENTS]" (Linux kernel/trace/trace.c), "CPU:1 [549 EVENTS
 * DROPPED]" (trace-cmd, behind "instance: "), "PERF_RECORD_LOST ... lost:549", "lost 549 events"
 * (perf).
 */
static struct ul_error *take_lost(struct ul_trace_text *text, struct ul_span line, bool *ret)
{
	size_t at;
	*ret = false;
	const struct ul_span cpu_line = from_cpu(line);
	if (ul_span_find(cpu_line, "[", &at) &&
	    (ul_span_find(cpu_line, "LOST", NULL) || ul_span_find(cpu_line, "DROPPED", NULL))) {
		struct ul_span cpu = {cpu_line.data, at};
		*ret = true;
		return ul_order_lost(
			text->order, (uint32_t)(number_in(cpu) % UL_ORDER_CPUS),
			number_in((struct ul_span){cpu_line.data + at, cpu_line.len - at}),
			text->last_ns);
	}
	const char *const marks[] = {"PERF_RECORD_LOST", "Lost ", "lost "};
	for (size_t i = 0; i < UL_ARRAY_LEN(marks); i++) {
		if (!ul_span_find(line, marks[i], &at))
			continue;
		struct ul_span rest = {line.data + at, line.len - at};
		if (i && !ul_span_find(rest, "event", NULL) && !ul_span_find(rest, "chunk", NULL))
			continue;
		if (!i && ul_span_find(rest, "lost", &at)) {
			rest.data += at;
			rest.len -= at;
		}
		*ret = true;
		// perf counts chunks where it does not know events.
		return lost(text, ul_span_find(rest, "chunk", NULL) ? 0 : number_in(rest));
	}
	return NULL;
}

static void take_release(struct ul_trace_text *text, struct ul_span release)
{
	if (text->info->release[0] || release.len >= sizeof(text->info->release))
		return;
	ul_span_copy(release, text->info->release, sizeof(text->info->release));
}

/** Lines that begin with #, and trace-cmd's "cpus=2", "version = 6". */
static struct ul_error *take_comment(struct ul_trace_text *text, struct ul_span line)
{
	static const char began[] = "buffer started ####";
	static const char entries[] = "entries-in-buffer/entries-written: ";
	static const char os[] = "# os release : ";
	size_t at;
	if (ul_span_find(line, began, NULL)) {
		const struct ul_event event = {.kind = UL_EVENT_CPU_BEGINS,
					       .time_ns = text->last_ns};
		ul_order_handle unused;
		return ul_order_event(text->order, &event, 0, &unused);
	}
	if (ul_span_find(line, entries, &at)) {
		struct ul_span rest = {line.data + at + sizeof(entries) - 1,
				       line.len - at - sizeof(entries) + 1};
		struct ul_span in_buffer;
		struct ul_span written;
		uint64_t kept;
		uint64_t all;
		if (ul_span_cut(&rest, '/', &in_buffer) && ul_span_word(&rest, &written) &&
		    ul_span_u64(in_buffer, &kept) && ul_span_u64(written, &all) && all > kept)
			text->overwritten += all - kept;
	} else if (ul_span_starts(line, os)) {
		take_release(text, ul_span_trim((struct ul_span){line.data + sizeof(os) - 1,
								 line.len - sizeof(os) + 1}));
	} else if (ul_span_find(line, " latency trace v", &at) && ul_span_find(line, " on ", &at)) {
		take_release(text,
			     ul_span_trim((struct ul_span){line.data + at + 4, line.len - at - 4}));
	}
	return NULL;
}

static bool is_blank(struct ul_span line)
{
	return !ul_span_trim(line).len;
}

static struct ul_error *take_line(struct ul_trace_text *text, struct ul_span line)
{
	text->info->lines++;
	if (take_frame(&text->block, line))
		return NULL;
	UL_TRY(close_block(text));
	struct ul_event_line event;
	if (line.len && line.data[0] != '#' && ul_event_line_parse(line, &event))
		return take_event(text, &event);
	if (is_blank(line) || ul_frame_is_arrow(line))
		return NULL;
	bool was_loss;
	UL_TRY(take_lost(text, line, &was_loss));
	if (was_loss)
		return NULL;
	if (line.data[0] == '#' || ul_span_starts(line, "cpus=") ||
	    ul_span_starts(line, "version =") || ul_span_starts(line, "trace-cmd version"))
		return take_comment(text, line);
	text->strange++;
	return NULL;
}

struct ul_error *ul_trace_text_feed(struct ul_trace_text *text, struct ul_span piece, bool last,
				    size_t *ret_used)
{
	struct ul_span rest = piece;
	while (rest.len) {
		const char *newline = memchr(rest.data, '\n', rest.len);
		if (!newline && !last)
			break;
		struct ul_span line;
		ul_span_line(&rest, &line);
		line.len -= line.len && line.data[line.len - 1] == '\r';
		UL_TRY(take_line(text, line));
	}
	const char *done = rest.data;
	struct ul_text_block *block = &text->block;
	if (last) {
		UL_TRY(close_block(text));
		done = piece.data + piece.len;
	} else if (block->begin) {
		// The frames so far are fed again, so that the whole stack lies in one piece.
		done = block->begin;
		text->info->lines -= block->lines;
		block->begin = block->end = NULL;
		block->frames = block->lines = 0;
		block->ended = false;
	}
	*ret_used = piece.len ? (size_t)(done - piece.data) : 0;
	return NULL;
}

struct ul_error *ul_trace_text_finish(struct ul_trace_text *text)
{
	UL_TRY(ul_order_flush(text->order));
	text->info->stacks = text->order->bound;
	const struct {
		uint64_t count;
		enum ul_bias bias;
		const char *what;
	} table[] = {
		{text->strange, UL_BIAS_UNKNOWN, "lines of the trace that are no events"},
		{text->unreadable, UL_BIAS_UNKNOWN,
		 "allocations and frees without a readable address"},
		{text->order->late, UL_BIAS_UNKNOWN,
		 "events out of order by more than the sorting window"},
		{text->order->unbound, UL_BIAS_NONE, "stacks that belong to no event"},
		{text->overwritten + text->order->overwritten, UL_BIAS_UNDER,
		 "oldest events overwritten before the trace was saved"},
		{text->order->overwritten_unknown, UL_BIAS_UNDER,
		 "processors whose oldest events were overwritten before the trace was saved"},
		{text->dictionary->refused, UL_BIAS_NONE,
		 "names and stacks beyond the limit: shown without"},
		{text->clock != UL_LINE_CLOCK_S && text->info->lines, UL_BIAS_NONE,
		 "clock of the trace: no seconds since boot, so ages are only relative"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++)
		if (table[i].count)
			UL_TRY(ul_losses_add(text->losses, table[i].bias, table[i].count, "%s",
					     table[i].what));
	return NULL;
}
