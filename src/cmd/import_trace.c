// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A trace that somebody recorded elsewhere: its sites are shown at once, since they are what is
 * wanted of it, and kept where -o names a recording. The kernel is the trace's, where it says one.
 */
#include "cmd/import_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/pairing.h"
#include "analysis/sites.h"
#include "base/text.h"
#include "cmd/measure.h"
#include "source/logs/logs.h"
#include "source/tracefile/tracefile.h"
#include "view/import.h"
#include "view/trace.h"

enum { TOP_DEFAULT = 10, EVENTS_BETWEEN_LOOKS = 1 << 16 };

struct import {
	const struct ul_cmd_context *context;
	const struct ul_tracefile *file;
	struct ul_pairing *pairing;
	struct ul_progress progress;
	uint64_t events;
	bool stopped;
};

static bool is_stdin(const char *path)
{
	return !strcmp(path, "-");
}

/**
 * What the start of @p fd looks like. A pipe is not looked into, for that would take it away: since
 * a log has to become a recording, it is a trace when none is to be made (@p keep). So is what is
 * none that can be read, but of which the reader of traces knows what to say.
 */
static bool begins_like_a_trace(int fd, bool keep)
{
	struct stat status;
	UL_CLEANUP_FREE char *head = malloc(UL_TRACEFILE_SNIFF);
	if (fstat(fd, &status) || S_ISDIR(status.st_mode) || !head)
		return false;
	const ssize_t got = S_ISREG(status.st_mode) ? pread(fd, head, UL_TRACEFILE_SNIFF, 0) : -1;
	if (got < 0)
		return !keep;
	const struct ul_span begin = {head, (size_t)got};
	return ul_tracefile_sniff(begin) != UL_TRACEFILE_UNKNOWN ||
	       ul_span_starts(begin, "PERFILE2") || (!keep && ul_tracefile_refused(begin));
}

bool ul_import_is_trace(const struct ul_cmd_context *context)
{
	const bool keep = context->options.output != NULL;
	if (context->options.format == UL_LOG_TRACE)
		return true;
	if (context->options.format != UL_LOG_AUTO)
		return false;
	if (is_stdin(context->positionals[0]))
		return begins_like_a_trace(STDIN_FILENO, keep);
	UL_CLEANUP_CLOSE int fd =
		open(context->positionals[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd >= 0 && begins_like_a_trace(fd, keep);
}

/** Ctrl-C ends the reading, and what was read is still reported. */
static struct ul_error *take(void *context, const struct ul_event *event)
{
	struct import *import = context;
	if (++import->events % EVENTS_BETWEEN_LOOKS == 0) {
		import->stopped = ul_cmd_stopped(import->context);
		if (import->stopped)
			return ul_error_new(UL_ERR_INTERRUPTED, "stopped");
		ul_progress_update(&import->progress, ul_cmd_now_ns(),
				   ul_tracefile_progress(import->file), NAN, "pairing events");
	}
	return ul_pairing_add(import->pairing, event);
}

static struct ul_error *read_all(struct import *import, struct ul_tracefile *file)
{
	ul_cmd_progress(import->context, &import->progress);
	struct ul_error *err = ul_tracefile_read(file, take, import);
	ul_progress_end(&import->progress);
	// Also while it waited for more of a pipe.
	import->stopped |= ul_cmd_stopped(import->context);
	if (!err || !import->stopped)
		return err;
	ul_error_destroy(err);
	return NULL;
}

static const char *engine_of(enum ul_tracefile_format format)
{
	switch (format) {
	case UL_TRACEFILE_REPORT:
		return "trace-cmd";
	case UL_TRACEFILE_PERF:
		return "perf";
	case UL_TRACEFILE_DAT:
		return "trace.dat";
	case UL_TRACEFILE_FTRACE:
	case UL_TRACEFILE_UNKNOWN:
		break;
	}
	return "ftrace";
}

static struct ul_error *pair(const struct ul_cmd_context *context, struct ul_tracefile *file,
			     struct ul_trace *trace)
{
	const struct ul_options *options = &context->options;
	UL_CLEANUP_PAIRING struct ul_pairing *pairing = NULL;
	UL_TRY(ul_pairing_create(
		&(struct ul_pairing_options){.drain_ns =
						     options->drain_ns ? options->drain_ns : -1},
		&pairing));
	struct import import = {.context = context, .file = file, .pairing = pairing};
	UL_TRY(read_all(&import, file));
	UL_TRY(ul_pairing_finish(pairing, ul_tracefile_dictionary(file), trace));
	trace->engine = engine_of(ul_tracefile_info(file)->format);
	UL_TRY(ul_losses_merge(&trace->losses, ul_tracefile_losses(file)));
	if (import.stopped)
		UL_TRY(ul_losses_add(&trace->losses, UL_BIAS_UNKNOWN, 0,
				     "rest of the trace: stopped before its end"));
	return ul_sites_digest(trace, NULL);
}

static void fill_kernel(const struct ul_tracefile *file, struct ul_kernel *kernel)
{
	const struct ul_tracefile_info *info = ul_tracefile_info(file);
	*kernel = (struct ul_kernel){.page_bytes = 4096};
	ul_text_copy(kernel->release, sizeof(kernel->release),
		     info->release[0] ? info->release : "unknown");
	ul_text_copy(kernel->arch, sizeof(kernel->arch), "unknown");
}

static struct ul_error *save(const struct ul_cmd_context *context, const struct ul_kernel *kernel,
			     const struct ul_trace *trace)
{
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	UL_TRY(ul_record_create(context->options.output, kernel, false, &record));
	return ul_record_write_trace(record, trace);
}

static struct ul_error *show(const struct ul_cmd_context *context, const struct ul_kernel *kernel,
			     const struct ul_import_view *view, const struct ul_trace *trace)
{
	const struct ul_options *options = &context->options;
	if (options->json)
		return ul_json_import_trace(context->out, options->pretty, kernel, view, trace,
					    options->top);
	if (options->quiet)
		return NULL;
	struct ul_term term;
	ul_cmd_term(context, &term);
	ul_term_import_trace(&term, view);
	const bool all = (options->given & UL_OPTION_BIT(TOP)) && !options->top;
	return ul_term_trace(&term, trace,
			     all	    ? SIZE_MAX
			     : options->top ? (size_t)options->top
					    : TOP_DEFAULT,
			     options->verbose > 0);
}

struct ul_error *ul_import_trace(const struct ul_cmd_context *context)
{
	UL_CLEANUP_TRACEFILE struct ul_tracefile *file = NULL;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	struct ul_kernel kernel;
	const char *path = context->positionals[0];
	if (context->positionals_len > 1)
		return ul_error_new(UL_ERR_USAGE, "traces are imported one at a time: %s is one",
				    path);
	UL_CLEANUP_CLOSE int fd = is_stdin(path) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
						 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ul_error_os(errno, "opening %s", path);
	UL_TRY(ul_tracefile_open(fd, is_stdin(path) ? "standard input" : path, &file));
	UL_TRY(pair(context, file, &trace));
	fill_kernel(file, &kernel);
	if (context->options.output)
		UL_TRY(save(context, &kernel, &trace));
	const struct ul_tracefile_info *info = ul_tracefile_info(file);
	const struct ul_import_view view = {
		.file = context->options.output,
		.format = ul_tracefile_format_name(info->format),
		.samples = (size_t)trace.events,
		.window_s = trace.window_s + trace.drain_s,
	};
	return show(context, &kernel, &view, &trace);
}
