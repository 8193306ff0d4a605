// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trace.dat through libtracecmd and libtraceevent: the records are read raw, each field at the
 * place that the file's own event format says; only what is no number is printed: GFP flags, whose
 * bits differ between kernels, once for each value.
 *
 * A record has addresses, not hashes. Functions come from the kallsyms that trace-cmd saved with
 * the trace; the library does not say of which module they are.
 *
 * The library reads the file with its own checks; a file made to break it may.
 */
#include "source/tracefile/dat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <trace-cmd/trace-cmd.h>
#include <traceevent/trace-seq.h>
#pragma GCC diagnostic pop

#include "base/hash.h"
#include "source/tracefile/fields.h"
#include "source/tracefile/order.h"

enum {
	EVENT_IDS = 1 << 16,
	STACKS = 1 << 14, /**< of addresses, remembered; a power of two */
	GFP_VALUES = 256,
};

/** What the file's format says of one event id. */
struct layout {
	bool known; /**< looked up already */
	bool stack; /**< kernel_stack */
	const struct ul_kmem_event *what;
	struct tep_event *event;
	struct tep_format_field *call_site, *ptr, *bytes_req, *bytes_alloc, *gfp_flags, *name;
	struct tep_format_field *page, *pfn, *order, *migratetype;
	struct tep_format_field *caller, *size;
};

struct known_stack {
	uint64_t hash;
	uint32_t stack;
};

struct known_gfp {
	bool used;
	uint64_t value;
	unsigned int family;
};

struct reader {
	const struct ul_trace_dat *dat;
	struct tep_handle *tep;
	struct ul_order *order;
	struct layout *layouts;	    /**< EVENT_IDS of them */
	struct known_stack *stacks; /**< STACKS of them, direct-mapped */
	struct ul_kmalloc_names names;
	struct known_gfp gfp[GFP_VALUES];
	uint32_t page_bytes;
	uint64_t unreadable;
	struct ul_error *error;
};

static void reader_deinit(struct reader *reader)
{
	ul_order_destroy(reader->order);
	free(reader->layouts);
	free(reader->stacks);
	ul_error_destroy(reader->error);
}

static uint64_t number(struct tep_format_field *field, const struct tep_record *record)
{
	unsigned long long value = 0;
	if (!field || field->offset < 0 || field->size < 0 ||
	    (size_t)field->offset + (size_t)field->size > (size_t)record->size ||
	    tep_read_number_field(field, record->data, &value))
		return 0;
	return value;
}

static const struct layout *layout_of(struct reader *reader, struct tep_record *record)
{
	const int id = tep_data_type(reader->tep, record);
	if (id < 0 || id >= EVENT_IDS)
		return NULL;
	struct layout *layout = &reader->layouts[id];
	if (layout->known)
		return layout;
	layout->known = true;
	layout->event = tep_find_event(reader->tep, id);
	if (!layout->event || !layout->event->name)
		return layout;
	const struct {
		const char *name;
		struct tep_format_field **field;
	} fields[] = {
		{"call_site", &layout->call_site}, {"ptr", &layout->ptr},
		{"bytes_req", &layout->bytes_req}, {"bytes_alloc", &layout->bytes_alloc},
		{"gfp_flags", &layout->gfp_flags}, {"name", &layout->name},
		{"page", &layout->page},	   {"pfn", &layout->pfn},
		{"order", &layout->order},	   {"migratetype", &layout->migratetype},
		{"caller", &layout->caller},	   {"size", &layout->size},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(fields); i++)
		*fields[i].field = tep_find_field(layout->event, fields[i].name);
	layout->stack = !strcmp(layout->event->name, "kernel_stack") && layout->caller;
	if (!layout->event->system || !strcmp(layout->event->system, "kmem") ||
	    !strcmp(layout->event->system, "percpu"))
		layout->what = ul_kmem_event_find(ul_span_of(layout->event->name));
	return layout;
}

static bool add_frame(struct reader *reader, uint64_t kaddr, struct ul_stack *stack)
{
	struct ul_frame *frame = ul_vec_add(&stack->frames);
	if (!frame)
		return false;
	frame->kaddr = kaddr;
	const char *name = NULL;
	unsigned long long start = 0;
	unsigned long size = 0;
	if (tep_find_function_info(reader->tep, kaddr, &name, &start, &size) <= 0 || !name)
		return true;
	frame->offset = kaddr - start;
	frame->function = strdup(name);
	return frame->function != NULL;
}

/** Number of the stack with these addresses, which are read at each miss only. */
static struct ul_error *stack_of(struct reader *reader, const uint64_t *addresses, size_t count,
				 uint32_t *ret)
{
	const uint64_t hash = ul_hash_bytes(count == 1, addresses, count * sizeof(*addresses)) | 1;
	struct known_stack *slot = &reader->stacks[hash >> 8 & (STACKS - 1)];
	if (slot->hash == hash) {
		*ret = slot->stack;
		return NULL;
	}
	struct ul_stack stack = {0};
	for (size_t i = 0; i < count; i++) {
		if (!add_frame(reader, addresses[i], &stack)) {
			ul_stack_deinit(&stack);
			return &ul_enomem;
		}
	}
	UL_TRY(ul_dictionary_stack(reader->dat->dictionary, &stack, ret));
	*slot = (struct known_stack){hash, *ret};
	return NULL;
}

static struct ul_error *take_stack(struct reader *reader, const struct layout *layout,
				   const struct tep_record *record, ul_order_handle owner)
{
	const int word = tep_get_long_size(reader->tep);
	uint64_t addresses[UL_TRACEFILE_FRAMES];
	size_t count = 0;
	if (!owner || (word != 4 && word != 8) || layout->caller->offset < 0)
		return NULL;
	const uint64_t end_mark = word == 8 ? UINT64_MAX : UINT32_MAX;
	const uint64_t wanted = layout->size ? number(layout->size, record) : UINT64_MAX;
	for (size_t at = (size_t)layout->caller->offset;
	     count < UL_TRACEFILE_FRAMES && count < wanted &&
	     at + (size_t)word <= (size_t)record->size;
	     at += (size_t)word) {
		const uint64_t address =
			tep_read_number(reader->tep, (const char *)record->data + at, word);
		if (!address || address == end_mark)
			break;
		// FTRACE_TRAMPOLINE_MARKER, Linux kernel/trace/trace.h: the tracer itself.
		if (address != INT_MAX)
			addresses[count++] = address;
	}
	uint32_t stack = 0;
	if (count)
		UL_TRY(stack_of(reader, addresses, count, &stack));
	ul_order_bind(reader->order, owner, stack);
	return NULL;
}

/** The family of kmalloc caches, out of what the event's own format makes of the flags. */
static unsigned int family_of(struct reader *reader, const struct layout *layout,
			      struct tep_record *record)
{
	if (!layout->gfp_flags)
		return 0;
	const uint64_t value = number(layout->gfp_flags, record);
	struct known_gfp *slot = &reader->gfp[ul_hash_u64(3, value) % GFP_VALUES];
	if (slot->used && slot->value == value)
		return slot->family;
	struct trace_seq seq;
	struct ul_kmem_fields fields;
	trace_seq_init(&seq);
	tep_print_event(reader->tep, &seq, record, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&seq);
	ul_kmem_fields_parse(seq.buffer ? ul_span_of(seq.buffer) : (struct ul_span){0}, &fields);
	*slot = (struct known_gfp){true, value, ul_kmalloc_family(fields.gfp_flags)};
	trace_seq_destroy(&seq);
	return slot->family;
}

/** The name of the cache where the record holds it; some kernels had only a pointer to it there. */
static struct ul_span cache_name(const struct layout *layout, struct tep_record *record)
{
	int len = 0;
	if (!layout->name || !(layout->name->flags & TEP_FIELD_IS_STRING))
		return (struct ul_span){0};
	const char *name = tep_get_field_raw(NULL, layout->event, "name", record, &len, 0);
	const char *const end = (const char *)record->data + record->size;
	if (!name || len <= 0 || name < (const char *)record->data || name + len > end)
		return (struct ul_span){0};
	return (struct ul_span){name, strnlen(name, (size_t)len)};
}

static struct ul_error *name_allocation(struct reader *reader, const struct layout *layout,
					struct tep_record *record, pid_t tid,
					struct ul_event *event)
{
	struct ul_dictionary *dictionary = reader->dat->dictionary;
	const char *comm = tep_data_comm_from_pid(reader->tep, tid);
	if (comm)
		UL_TRY(ul_dictionary_name(dictionary, ul_span_of(comm), &event->comm));
	const uint64_t call_site = number(layout->call_site, record);
	if (call_site)
		UL_TRY(stack_of(reader, &call_site, 1, &event->stack));
	if (event->allocator != UL_ALLOCATOR_SLAB)
		return NULL;
	if (!layout->what->kmalloc)
		return ul_dictionary_name(dictionary, cache_name(layout, record), &event->cache);
	event->cache_guessed = true;
	return ul_kmalloc_cache(&reader->names, dictionary, event->bytes,
				family_of(reader, layout, record), &event->cache);
}

static int64_t time_of(const struct tep_record *record)
{
	return record->ts > INT64_MAX ? INT64_MAX : (int64_t)record->ts;
}

static struct ul_error *take_kmem(struct reader *reader, const struct layout *layout,
				  struct tep_record *record, pid_t tid)
{
	const struct ul_kmem_fields fields = {
		.pointer = number(layout->ptr, record),
		.pfn = number(layout->pfn, record),
		.page = number(layout->page, record),
		.bytes_req = number(layout->bytes_req, record),
		.bytes_alloc =
			number(layout->bytes_alloc ? layout->bytes_alloc : layout->size, record),
		.order = number(layout->order, record),
		.migratetype = number(layout->migratetype, record),
		.has_pointer = layout->ptr != NULL,
		.has_pfn = layout->pfn != NULL,
		.has_page = layout->page != NULL,
	};
	struct ul_event event = {
		.time_ns = time_of(record),
		.cpu = (uint32_t)record->cpu,
		.pid = tid,
	};
	const enum ul_kmem_outcome outcome =
		ul_kmem_event_fill(layout->what, &fields, reader->page_bytes, &event);
	if (outcome != UL_KMEM_TAKEN) {
		reader->unreadable += outcome == UL_KMEM_UNREADABLE;
		ul_order_other(reader->order, (uint32_t)record->cpu, tid);
		return NULL;
	}
	if (event.kind == UL_EVENT_ALLOC)
		UL_TRY(name_allocation(reader, layout, record, tid, &event));
	else
		UL_TRY(ul_dictionary_name(reader->dat->dictionary, cache_name(layout, record),
					  &event.cache));
	ul_order_handle unused;
	reader->dat->info->events++;
	return ul_order_event(reader->order, &event, tid, &unused);
}

static struct ul_error *take_record(struct reader *reader, struct tep_record *record)
{
	reader->dat->info->lines++;
	if (record->missed_events)
		UL_TRY(ul_order_lost(reader->order, (uint32_t)record->cpu,
				     record->missed_events > 0 ? (uint64_t)record->missed_events
							       : 0,
				     time_of(record)));
	const pid_t tid = tep_data_pid(reader->tep, record);
	const struct layout *layout = layout_of(reader, record);
	if (layout && layout->stack)
		return take_stack(reader, layout, record,
				  ul_order_owner(reader->order, (uint32_t)record->cpu, tid));
	if (layout && layout->what)
		return take_kmem(reader, layout, record, tid);
	reader->dat->info->others++;
	ul_order_other(reader->order, (uint32_t)record->cpu, tid);
	return NULL;
}

static int on_record(struct tracecmd_input *handle, struct tep_record *record, int cpu,
		     void *context)
{
	struct reader *reader = context;
	reader->tep = tracecmd_get_tep(handle);
	reader->error = take_record(reader, record);
	return reader->error ? -1 : 0;
}

static struct ul_error *iterate(struct reader *reader, struct tracecmd_input *input)
{
	enum { INSTANCES_MAX = 64 };
	struct tracecmd_input *handles[INSTANCES_MAX + 1] = {input};
	int count = 1;
	const int instances = tracecmd_buffer_instances(input);
	for (int i = 0; i < instances && i < INSTANCES_MAX; i++) {
		struct tracecmd_input *instance = tracecmd_buffer_instance_handle(input, i);
		if (instance)
			handles[count++] = instance;
	}
	const int failed = tracecmd_iterate_events_multi(handles, count, on_record, reader);
	for (int i = 1; i < count; i++)
		tracecmd_close(handles[i]);
	if (reader->error)
		return UL_TAKE(reader->error);
	if (failed)
		return ul_error_new(UL_ERR_BAD_DATA, "%s: libtracecmd cannot read its records",
				    reader->dat->name);
	UL_TRY(ul_order_flush(reader->order));
	reader->dat->info->stacks = reader->order->bound;
	return NULL;
}

static struct ul_error *add_losses(const struct reader *reader)
{
	const struct {
		uint64_t count;
		enum ul_bias bias;
		const char *what;
	} table[] = {
		{reader->unreadable, UL_BIAS_UNKNOWN,
		 "allocations and frees without a readable address"},
		{reader->order->late, UL_BIAS_UNKNOWN,
		 "events out of order by more than the sorting window"},
		{reader->order->unbound, UL_BIAS_NONE, "stacks that belong to no event"},
		{reader->order->overwritten, UL_BIAS_UNDER,
		 "oldest events overwritten before the trace was saved"},
		{reader->order->overwritten_unknown, UL_BIAS_UNDER,
		 "processors whose oldest events were overwritten before the trace was saved"},
		{reader->dat->dictionary->refused, UL_BIAS_NONE,
		 "names and stacks beyond the limit: shown without"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++)
		if (table[i].count)
			UL_TRY(ul_losses_add(reader->dat->losses, table[i].bias, table[i].count,
					     "%s", table[i].what));
	return NULL;
}

static struct ul_error *read_input(const struct ul_trace_dat *dat, struct tracecmd_input *input)
{
	struct reader reader UL_CLEANUP(reader_deinit) = {.dat = dat};
	UL_TRY(ul_order_create(dat->take, dat->context, &reader.order));
	reader.layouts = calloc(EVENT_IDS, sizeof(*reader.layouts));
	reader.stacks = calloc(STACKS, sizeof(*reader.stacks));
	if (!reader.layouts || !reader.stacks)
		return &ul_enomem;
	const int page_bytes = tep_get_page_size(tracecmd_get_tep(input));
	reader.page_bytes =
		page_bytes >= 4096 && page_bytes <= 1 << 18 ? (uint32_t)page_bytes : 4096;
	UL_TRY(iterate(&reader, input));
	return add_losses(&reader);
}

struct ul_error *ul_trace_dat_read(const struct ul_trace_dat *dat, int fd)
{
	// The library closes its descriptor, and moves the offset that a copy would share.
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const int own = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return ul_error_os(errno, "opening %s again", dat->name);
	tracecmd_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	struct tracecmd_input *input = tracecmd_open_fd(own, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!input)
		return ul_error_hint(ul_error_new(UL_ERR_BAD_DATA,
						  "%s: libtracecmd cannot open it: damaged, cut "
						  "short, or of a newer format",
						  dat->name),
				     "trace-cmd report FILE >trace.txt, with the trace-cmd that "
				     "recorded it");
	struct ul_error *err = read_input(dat, input);
	tracecmd_close(input);
	return err;
}

const char *ul_trace_dat_library(void)
{
	return UL_TRACECMD_VERSION;
}
