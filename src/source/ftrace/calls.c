// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The function tracer (Linux kernel/trace/ftrace.c, trace_functions.c) in an instance: its filter,
 * its list of processes and its rings are ours alone, and others' tracing goes on. The filter is
 * written before the tracer is switched on (later ones take effect at once and as a whole, when the
 * file is closed) and read back: a filter that matched nothing is no filter to the kernel, which
 * then would trace everything.
 *
 * Functions are chosen by their place in available_filter_functions (Linux v5.1,
 * add_rec_by_index()): by name the kernel compares all of its fifty thousand names once for each.
 *
 * What is not seen: functions that are inlined or marked notrace; calls by the idle task.
 */
#include "source/ftrace/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "source/ftrace/format.h"
#include "source/ftrace/page.h"
#include "source/ftrace/tracefs.h"

enum { LEAST_KIB = 64 };

struct ul_call_trace {
	int tracefs;
	struct ul_instance instance;
	struct ul_ftrace_format entry;
	struct ul_ftrace_page_form form;
	size_t page_bytes;
	uint8_t *page;
	struct ul_tracefs_cpus cpus; /**< that have a ring */
	UL_VEC(int) rings;	     /**< trace_pipe_raw, not blocking */
	bool running; /**< the tracer is switched on; whether it records is another switch */
};

void ul_traceables_deinit(struct ul_traceables *traceables)
{
	ul_vec_deinit(&traceables->items);
	free(traceables->text);
	traceables->text = NULL;
}

struct ul_error *ul_traceables_parse(char *text, size_t len, struct ul_traceables *ret)
{
	struct ul_span rest = {text, len};
	*ret = (struct ul_traceables){.text = text};
	ul_span_foreach_line (line, rest) {
		struct ul_span word;
		struct ul_traceable *item = ul_vec_add(&ret->items);
		if (!item) {
			ul_traceables_deinit(ret);
			return &ul_enomem;
		}
		if (ret->items.len > UL_TRACEABLES_MAX) {
			ul_traceables_deinit(ret);
			return ul_error_new(UL_ERR_LIMIT,
					    "available_filter_functions: more than %d functions",
					    (int)UL_TRACEABLES_MAX);
		}
		// An empty line is a place, too.
		if (!ul_span_word(&line, &item->name))
			continue;
		if (ul_span_word(&line, &word) && word.len > 2 && word.data[0] == '[' &&
		    word.data[word.len - 1] == ']')
			item->module = (struct ul_span){word.data + 1, word.len - 2};
	}
	return NULL;
}

/** The form of the tracer's entries and of the pages they come in. */
static struct ul_error *learn(struct ul_call_trace *trace)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	struct ul_error *error =
		ul_tracefs_read(trace->tracefs, "events/ftrace/function/format", &text);
	if (error && error->code != UL_ERR_NOMEM) {
		ul_error_destroy(error);
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "this kernel has no function tracer "
						  "(CONFIG_FUNCTION_TRACER)"),
				     "see: ullage doctor");
	}
	UL_TRY(error);
	if (!ul_ftrace_format_parse((struct ul_span){text.data, text.len}, &trace->entry) ||
	    !trace->entry.fields[UL_FTRACE_IP].exists ||
	    !trace->entry.fields[UL_FTRACE_PARENT_IP].exists)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "function tracer: its entries are of an unknown form");
	return ul_ftrace_page_learn(trace->tracefs, &trace->form);
}

static struct ul_error *open_rings(struct ul_call_trace *trace)
{
	ul_vec_foreach (cpu, &trace->cpus.numbers) {
		int fd;
		UL_TRY(ul_instance_open_ring(&trace->instance, *cpu, &fd));
		if (!ul_vec_push(&trace->rings, fd)) {
			close(fd);
			return &ul_enomem;
		}
	}
	return trace->rings.len ? NULL
				: ul_error_new(UL_ERR_UNSUPPORTED, "ftrace: no ring of any CPU");
}

static struct ul_error *set_up(struct ul_call_trace *trace, uint64_t buffer_bytes)
{
	char text[32];
	UL_TRY(ul_instance_create(trace->tracefs, "calls", &trace->instance));
	UL_TRY(ul_instance_write(&trace->instance, "tracing_on", "0"));
	UL_TRY(ul_instance_write(&trace->instance, "trace_clock", "mono"));
	// Rings cannot be opened yet: while one is open, the tracer cannot be changed (EBUSY).
	const size_t cpus = trace->cpus.numbers.len;
	uint64_t kib = buffer_bytes / 1024 / (cpus ? cpus : 1);
	if (kib < LEAST_KIB)
		kib = LEAST_KIB;
	snprintf(text, sizeof(text), "%" PRIu64, kib);
	return ul_instance_write(&trace->instance, "buffer_size_kb", text);
}

struct ul_error *ul_call_trace_open(const char *sys_root, uint64_t buffer_bytes,
				    struct ul_call_trace **ret)
{
	UL_CLEANUP_CALL_TRACE struct ul_call_trace *trace = calloc(1, sizeof(*trace));
	if (!trace)
		return &ul_enomem;
	trace->tracefs = trace->instance.fd = -1;
	trace->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	trace->page = malloc(trace->page_bytes);
	if (!trace->page)
		return &ul_enomem;
	UL_TRY(ul_tracefs_open(sys_root, &trace->tracefs));
	ul_tracefs_stale(trace->tracefs, true);
	UL_TRY(learn(trace));
	UL_TRY(ul_tracefs_cpus(trace->tracefs, &trace->cpus));
	UL_TRY(set_up(trace, buffer_bytes));
	*ret = UL_TAKE(trace);
	return NULL;
}

void ul_call_trace_destroy(struct ul_call_trace *trace)
{
	if (!trace)
		return;
	ul_vec_foreach (fd, &trace->rings)
		close(*fd);
	ul_vec_deinit(&trace->rings);
	ul_vec_deinit(&trace->cpus.numbers);
	if (trace->running)
		ul_error_destroy(ul_instance_write(&trace->instance, "current_tracer", "nop"));
	ul_instance_remove(&trace->instance);
	if (trace->tracefs >= 0)
		close(trace->tracefs);
	free(trace->page);
	free(trace);
}

struct ul_error *ul_call_trace_list(const struct ul_call_trace *trace, struct ul_traceables *ret)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	struct ul_error *error = ul_file_read(trace->tracefs, "available_filter_functions",
					      UL_TRACEABLES_MAX_BYTES, &text);
	if (error)
		return ul_error_prepend(error, "tracefs");
	const size_t len = text.len;
	return ul_traceables_parse(UL_TAKE(text.data), len, ret);
}

static struct ul_error *open_filter(struct ul_call_trace *trace, int *ret)
{
	*ret = openat(trace->instance.fd, "set_ftrace_filter", O_WRONLY | O_TRUNC | O_CLOEXEC);
	return *ret < 0 ? ul_error_os(errno, "function tracer: opening its filter") : NULL;
}

/** The kernel takes one word of a write after the other. */
static struct ul_error *write_words(int fd, const char *text, size_t len)
{
	while (len) {
		const ssize_t written = write(fd, text, len);
		if (written <= 0)
			return ul_error_os(errno, "function tracer: setting its filter");
		text += written;
		len -= (size_t)written;
	}
	return NULL;
}

struct ul_error *ul_call_trace_modules(struct ul_call_trace *trace)
{
	// A module's name of which nothing is left but the star stands for every module, and not
	// for the kernel: Linux kernel/trace/ftrace.c ftrace_match_record().
	static const char every[] = "*:mod:*\n";
	UL_CLEANUP_CLOSE int fd = -1;
	UL_TRY(open_filter(trace, &fd));
	return write_words(fd, every, sizeof(every) - 1);
}

struct ul_error *ul_call_trace_functions(struct ul_call_trace *trace, const uint32_t *places,
					 size_t len)
{
	UL_CLEANUP_CLOSE int fd = -1;
	struct ul_buf text UL_CLEANUP_BUF = {0};
	for (size_t i = 0; i < len; i++)
		ul_buf_printf(&text, "%" PRIu32 "\n", places[i] + 1); // the kernel counts from 1
	if (text.failed)
		return &ul_enomem;
	UL_TRY(open_filter(trace, &fd));
	return write_words(fd, text.data, text.len);
}

struct ul_error *ul_call_trace_threads(struct ul_call_trace *trace, const pid_t *tids, size_t len)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	UL_TRY(ul_instance_write(&trace->instance, "options/function-fork", "1"));
	for (size_t i = 0; i < len; i++)
		ul_buf_printf(&text, "%d ", (int)tids[i]);
	ul_buf_puts(&text, "\n");
	if (text.failed)
		return &ul_enomem;
	UL_CLEANUP_CLOSE int fd =
		openat(trace->instance.fd, "set_ftrace_pid", O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return ul_error_os(errno, "function tracer: opening its list of processes");
	return write_words(fd, text.data, text.len);
}

/** True when the filter is empty: the kernel then says that all functions are enabled. */
static bool filter_is_empty(const struct ul_call_trace *trace)
{
	char begin[8] = "";
	UL_CLEANUP_CLOSE int fd =
		openat(trace->instance.fd, "set_ftrace_filter", O_RDONLY | O_CLOEXEC);
	return fd < 0 || read(fd, begin, sizeof(begin) - 1) <= 0 || begin[0] == '#';
}

struct ul_error *ul_call_trace_on(struct ul_call_trace *trace)
{
	if (filter_is_empty(trace))
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "function tracer: none of the functions can be traced");
	if (!trace->running) {
		UL_TRY(ul_instance_write(&trace->instance, "current_tracer", "function"));
		trace->running = true;
		UL_TRY(open_rings(trace));
	}
	return ul_instance_write(&trace->instance, "tracing_on", "1");
}

struct ul_error *ul_call_trace_off(struct ul_call_trace *trace)
{
	return ul_instance_write(&trace->instance, "tracing_on", "0");
}

static struct ul_error *take_page(const struct ul_call_trace *trace, size_t len,
				  struct ul_call_events *events)
{
	const struct ul_ftrace_field *fields = trace->entry.fields;
	struct ul_ftrace_page page;
	struct ul_ftrace_record record;
	if (!ul_ftrace_page_open(&page, trace->page, len, &trace->form))
		return NULL;
	if (page.missed)
		events->lost += page.missed > 0 ? (uint64_t)page.missed : 1;
	while (ul_ftrace_page_next(&page, &record)) {
		if (ul_ftrace_number(&fields[UL_FTRACE_COMMON_TYPE], record.data, record.len) !=
		    trace->entry.id)
			continue;
		if (events->items.len >= UL_CALL_EVENTS_MAX) {
			events->lost++;
			continue;
		}
		struct ul_call_event *event = ul_vec_add(&events->items);
		if (!event)
			return &ul_enomem;
		*event = (struct ul_call_event){
			.time_ns = (int64_t)record.time_ns,
			.kaddr = ul_ftrace_number(&fields[UL_FTRACE_IP], record.data, record.len),
			.caller = ul_ftrace_number(&fields[UL_FTRACE_PARENT_IP], record.data,
						   record.len),
			.tid = (pid_t)ul_ftrace_number(&fields[UL_FTRACE_COMMON_PID], record.data,
						       record.len),
		};
	}
	return NULL;
}

static int by_time(const void *left, const void *right)
{
	const struct ul_call_event *a = left;
	const struct ul_call_event *b = right;
	return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

struct ul_error *ul_call_trace_take(struct ul_call_trace *trace, struct ul_call_events *events)
{
	const size_t before = events->items.len;
	ul_vec_foreach (fd, &trace->rings) {
		for (;;) {
			const ssize_t got = read(*fd, trace->page, trace->page_bytes);
			if (got < 0 && errno == EINTR)
				continue;
			if (got < 0 && errno != EAGAIN)
				return ul_error_os(errno, "function tracer: reading a ring");
			if (got <= 16)
				break;
			UL_TRY(take_page(trace, (size_t)got, events));
		}
	}
	if (events->items.len > before)
		qsort(events->items.data + before, events->items.len - before,
		      sizeof(*events->items.data), by_time);
	return NULL;
}
