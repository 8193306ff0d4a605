// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ftrace/decode.h"

#include <limits.h>
#include <string.h>

#include "base/hash.h"

struct ul_error *ul_ftrace_decoder_init(struct ul_ftrace_decoder *decoder, uint32_t page_bytes)
{
	*decoder = (struct ul_ftrace_decoder){.page_bytes = page_bytes};
	decoder->stacks = calloc(UL_FTRACE_STACKS, sizeof(*decoder->stacks));
	return decoder->stacks ? NULL : &ul_enomem;
}

void ul_ftrace_decoder_deinit(struct ul_ftrace_decoder *decoder)
{
	ul_dictionary_deinit(&decoder->dictionary);
	free(decoder->stacks);
}

static enum ul_ftrace_sort sort_of(const char *name)
{
	if (!strcmp(name, "kernel_stack"))
		return UL_FTRACE_STACK;
	if (!strcmp(name, "task_newtask"))
		return UL_FTRACE_NEW_TASK;
	if (!strcmp(name, "task_rename"))
		return UL_FTRACE_RENAME;
	return ul_kmem_event_find(ul_span_of(name)) ? UL_FTRACE_EVENT : UL_FTRACE_NOTHING;
}

bool ul_ftrace_decoder_learn(struct ul_ftrace_decoder *decoder, const char *name,
			     struct ul_span format)
{
	if (decoder->known_len == UL_FTRACE_EVENTS)
		return false;
	struct ul_ftrace_known *known = &decoder->known[decoder->known_len];
	*known = (struct ul_ftrace_known){
		.sort = sort_of(name),
		.what = ul_kmem_event_find(ul_span_of(name)),
	};
	if (known->sort == UL_FTRACE_NOTHING || !ul_ftrace_format_parse(format, &known->format) ||
	    !known->format.id || !known->format.fields[UL_FTRACE_COMMON_PID].exists)
		return false;
	decoder->known_len++;
	return true;
}

/** One record, and what its format says. */
struct view {
	const struct ul_ftrace_known *known;
	const struct ul_ftrace_record *record;
};

static bool has(const struct view *view, enum ul_ftrace_field_id id)
{
	return view->known->format.fields[id].exists;
}

static uint64_t number(const struct view *view, enum ul_ftrace_field_id id)
{
	return ul_ftrace_number(&view->known->format.fields[id], view->record->data,
				view->record->len);
}

static struct ul_span string(const struct view *view, enum ul_ftrace_field_id id)
{
	return ul_ftrace_string(&view->known->format.fields[id], view->record->data,
				view->record->len);
}

static struct ul_error *stack_of(struct ul_ftrace_decoder *decoder, const uint64_t *addresses,
				 size_t count, uint32_t *ret)
{
	const uint64_t hash = ul_hash_bytes(count == 1, addresses, count * sizeof(*addresses)) | 1;
	struct ul_ftrace_known_stack *slot = &decoder->stacks[hash >> 8 & (UL_FTRACE_STACKS - 1)];
	if (slot->hash == hash) {
		*ret = slot->stack;
		return NULL;
	}
	struct ul_stack stack = {0};
	for (size_t i = 0; i < count; i++) {
		struct ul_frame *frame = ul_vec_add(&stack.frames);
		if (!frame) {
			ul_stack_deinit(&stack);
			return &ul_enomem;
		}
		frame->kaddr = addresses[i];
	}
	UL_TRY(ul_dictionary_stack(&decoder->dictionary, &stack, ret));
	*slot = (struct ul_ftrace_known_stack){hash, *ret};
	return NULL;
}

/** The array `caller` goes on to the end of the record; `size` says how much of it is used. */
static struct ul_error *take_stack(struct ul_ftrace_decoder *decoder, const struct view *view,
				   struct ul_ftrace_entry *entry)
{
	const struct ul_ftrace_field *caller = &view->known->format.fields[UL_FTRACE_CALLER];
	const size_t wanted = has(view, UL_FTRACE_SIZE) ? number(view, UL_FTRACE_SIZE) : SIZE_MAX;
	uint64_t addresses[UL_STACK_MAX_FRAMES];
	size_t count = 0;
	if (!caller->exists)
		return NULL;
	for (size_t at = caller->offset, seen = 0; count < UL_STACK_MAX_FRAMES && seen < wanted &&
						   at + sizeof(unsigned long) <= view->record->len;
	     at += sizeof(unsigned long), seen++) {
		unsigned long address;
		memcpy(&address, view->record->data + at, sizeof(address));
		if (!address || address == ULONG_MAX)
			break;
		// FTRACE_TRAMPOLINE_MARKER, Linux kernel/trace/trace.h: the tracer itself.
		if (address != INT_MAX)
			addresses[count++] = address;
	}
	entry->sort = UL_FTRACE_STACK;
	return count ? stack_of(decoder, addresses, count, &entry->event.stack) : NULL;
}

static struct ul_error *take_task(struct ul_ftrace_decoder *decoder, const struct view *view,
				  struct ul_ftrace_entry *entry)
{
	enum { CLONE_THREAD_BIT = 0x10000 }; // Linux include/uapi/linux/sched.h CLONE_THREAD
	const bool created = view->known->sort == UL_FTRACE_NEW_TASK;
	entry->task = (pid_t)number(view, UL_FTRACE_PID);
	// Since v6.15 the record of a rename has no pid: it is always the current task's.
	if (!has(view, UL_FTRACE_PID))
		entry->task = entry->tid;
	entry->thread = created && (number(view, UL_FTRACE_CLONE_FLAGS) & CLONE_THREAD_BIT);
	entry->sort = view->known->sort;
	return ul_dictionary_name(&decoder->dictionary,
				  string(view, created ? UL_FTRACE_COMM : UL_FTRACE_NEWCOMM),
				  &entry->event.comm);
}

static unsigned int family_of(const struct view *view)
{
	const struct ul_ftrace_format *format = &view->known->format;
	const uint64_t flags = number(view, UL_FTRACE_GFP_FLAGS);
	return (flags & format->gfp_account ? UL_KMALLOC_ACCOUNT : 0u) |
	       (flags & format->gfp_reclaimable ? UL_KMALLOC_RECLAIMABLE : 0u) |
	       (flags & format->gfp_dma ? UL_KMALLOC_DMA : 0u);
}

static struct ul_error *name_cache(struct ul_ftrace_decoder *decoder, const struct view *view,
				   struct ul_event *event)
{
	if (event->allocator != UL_ALLOCATOR_SLAB)
		return NULL;
	if (!view->known->what->kmalloc)
		return ul_dictionary_name(&decoder->dictionary, string(view, UL_FTRACE_NAME),
					  &event->cache);
	event->cache_guessed = true;
	return ul_kmalloc_cache(&decoder->names, &decoder->dictionary, event->bytes,
				family_of(view), &event->cache);
}

static struct ul_error *take_kmem(struct ul_ftrace_decoder *decoder, const struct view *view,
				  struct ul_ftrace_entry *entry)
{
	struct ul_event *event = &entry->event;
	const struct ul_kmem_fields fields = {
		.pointer = number(view, UL_FTRACE_PTR),
		.pfn = number(view, UL_FTRACE_PFN),
		.page = number(view, UL_FTRACE_PAGE),
		.bytes_req = number(view, UL_FTRACE_BYTES_REQ),
		.bytes_alloc = number(view, has(view, UL_FTRACE_BYTES_ALLOC) ? UL_FTRACE_BYTES_ALLOC
									     : UL_FTRACE_SIZE),
		.order = number(view, UL_FTRACE_ORDER),
		.migratetype = number(view, UL_FTRACE_MIGRATETYPE),
		.has_pointer = has(view, UL_FTRACE_PTR),
		.has_pfn = has(view, UL_FTRACE_PFN),
		.has_page = has(view, UL_FTRACE_PAGE),
	};
	const enum ul_kmem_outcome outcome =
		ul_kmem_event_fill(view->known->what, &fields, decoder->page_bytes, event);
	decoder->unreadable += outcome == UL_KMEM_UNREADABLE;
	if (outcome != UL_KMEM_TAKEN)
		return NULL;
	entry->sort = UL_FTRACE_EVENT;
	if (event->kind == UL_EVENT_FREE)
		return ul_dictionary_name(&decoder->dictionary, string(view, UL_FTRACE_NAME),
					  &event->cache);
	const uint64_t call_site = number(view, UL_FTRACE_CALL_SITE);
	if (call_site)
		UL_TRY(stack_of(decoder, &call_site, 1, &event->stack));
	return name_cache(decoder, view, event);
}

struct ul_error *ul_ftrace_decode(struct ul_ftrace_decoder *decoder,
				  const struct ul_ftrace_record *record, uint32_t cpu,
				  struct ul_ftrace_entry *ret)
{
	*ret = (struct ul_ftrace_entry){
		.event = {.time_ns = (int64_t)(record->time_ns & INT64_MAX), .cpu = cpu},
	};
	for (size_t i = 0; i < decoder->known_len; i++) {
		const struct view view = {&decoder->known[i], record};
		if (number(&view, UL_FTRACE_COMMON_TYPE) != view.known->format.id)
			continue;
		ret->tid = (pid_t)number(&view, UL_FTRACE_COMMON_PID);
		switch (view.known->sort) {
		case UL_FTRACE_EVENT:
			return take_kmem(decoder, &view, ret);
		case UL_FTRACE_STACK:
			return take_stack(decoder, &view, ret);
		case UL_FTRACE_NEW_TASK:
		case UL_FTRACE_RENAME:
			return take_task(decoder, &view, ret);
		case UL_FTRACE_NOTHING:
			return NULL;
		}
	}
	return NULL;
}
