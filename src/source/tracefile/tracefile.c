// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text is read into a buffer that holds the longest stack many times over: a file that is cut
 * meanwhile just ends, and what it lost is said.
 */
#include "source/tracefile/tracefile.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "source/tracefile/dat.h"
#include "source/tracefile/frames.h"
#include "source/tracefile/text.h"

enum {
	PIECE = 1 << 20, /**< bytes of text that are looked at together */
};

struct ul_tracefile {
	int fd;
	char *name;
	bool regular; /**< has a size, and can be read from anywhere */
	uint64_t size;
	struct ul_buf head; /**< what was read and is not parsed yet */
	struct ul_dictionary dictionary;
	struct ul_tracefile_info info;
	struct ul_losses losses;
};

const char *ul_tracefile_format_name(enum ul_tracefile_format format)
{
	switch (format) {
	case UL_TRACEFILE_FTRACE:
		return "trace";
	case UL_TRACEFILE_REPORT:
		return "trace-cmd report";
	case UL_TRACEFILE_PERF:
		return "perf script";
	case UL_TRACEFILE_DAT:
		return "trace.dat";
	case UL_TRACEFILE_UNKNOWN:
		break;
	}
	return "unknown";
}

static bool begins(struct ul_span head, const char *bytes, size_t len)
{
	return head.len >= len && !memcmp(head.data, bytes, len);
}

enum ul_tracefile_format ul_tracefile_sniff(struct ul_span head)
{
	if (begins(head, "\x17\x08\x44tracing", 10))
		return UL_TRACEFILE_DAT;
	if (head.len > UL_TRACEFILE_SNIFF)
		head.len = UL_TRACEFILE_SNIFF;
	bool report = false;
	ul_span_foreach_line (line, head) {
		struct ul_event_line event;
		struct ul_kmem_fields fields;
		if (ul_span_starts(line, "cpus=") || ul_span_starts(line, "version = "))
			report = true;
		if (ul_span_starts(line, "# tracer: "))
			return UL_TRACEFILE_FTRACE;
		if (!line.len || line.data[0] == '#' || !ul_event_line_parse(line, &event))
			continue;
		if (event.perf)
			return UL_TRACEFILE_PERF;
		// The plugin of trace-cmd puts the call site in front of the fields.
		ul_kmem_fields_parse(event.body, &fields);
		report |= ul_span_equal(event.event, "kernel_stack") ||
			  ul_span_starts(ul_span_trim(event.body), "(");
		return report ? UL_TRACEFILE_REPORT : UL_TRACEFILE_FTRACE;
	}
	return UL_TRACEFILE_UNKNOWN;
}

/** Files that people take for a trace. */
static const struct {
	const char *magic;
	const char *what;
	const char *hint;
} known[] = {
	{"PERFILE2", "data of perf record", "perf script --show-lost-events -i FILE >trace.txt"},
	{"\x1f\x8b", "packed with gzip", "zcat FILE | ullage import -"},
	{"\x28\xb5\x2f\xfd", "packed with zstd", "zstdcat FILE | ullage import -"},
	{"\xfd"
	 "7zXZ",
	 "packed with xz", "xzcat FILE | ullage import -"},
	{"BZh", "packed with bzip2", "bzcat FILE | ullage import -"},
};

bool ul_tracefile_refused(struct ul_span head)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(known); i++)
		if (ul_span_starts(head, known[i].magic))
			return true;
	return false;
}

static struct ul_error *refuse(struct ul_span head, const char *name)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(known); i++)
		if (ul_span_starts(head, known[i].magic))
			return ul_error_hint(
				ul_error_new(UL_ERR_UNSUPPORTED, "%s: %s", name, known[i].what),
				"%s", known[i].hint);
	return ul_error_new(UL_ERR_BAD_DATA,
			    "%s: no event with process, processor and time in its first %d KiB",
			    name, UL_TRACEFILE_SNIFF >> 10);
}

/** More bytes behind file->head; 0 at the end, or without room. A signal to stop is an end, too. */
static struct ul_error *read_more(struct ul_tracefile *file, uint64_t offset, size_t room,
				  size_t *ret)
{
	char *at = file->head.data + file->head.len;
	const ssize_t got =
		file->regular ? pread(file->fd, at, room, (off_t)offset) : read(file->fd, at, room);
	if (got < 0 && errno != EINTR)
		return ul_error_os(errno, "reading %s", file->name);
	*ret = got > 0 ? (size_t)got : 0;
	return NULL;
}

/** The start of the file, into file->head. */
static struct ul_error *read_head(struct ul_tracefile *file)
{
	if (!ul_buf_reserve(&file->head, UL_TRACEFILE_SNIFF))
		return &ul_enomem;
	size_t got;
	do {
		UL_TRY(read_more(file, file->head.len, UL_TRACEFILE_SNIFF - file->head.len, &got));
		file->head.len += got;
	} while (got);
	return NULL;
}

struct ul_error *ul_tracefile_open(int fd, const char *name, struct ul_tracefile **ret)
{
	UL_CLEANUP_TRACEFILE struct ul_tracefile *file = calloc(1, sizeof(*file));
	if (!file)
		return &ul_enomem;
	file->fd = fd;
	file->name = strdup(name);
	if (!file->name)
		return &ul_enomem;
	struct stat status;
	if (fstat(fd, &status))
		return ul_error_os(errno, "%s", name);
	// The files of tracefs say that they are regular and empty, and trace_pipe cannot seek.
	file->regular = S_ISREG(status.st_mode) && status.st_size;
	file->size = file->regular ? (uint64_t)status.st_size : 0;
	UL_TRY(read_head(file));
	const struct ul_span head = {file->head.data, file->head.len};
	file->info.format = ul_tracefile_sniff(head);
	if (file->info.format == UL_TRACEFILE_UNKNOWN)
		return refuse(head, name);
	if (file->info.format == UL_TRACEFILE_DAT && !file->regular)
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "%s: a trace.dat cannot be read from a pipe",
						  name),
				     "give the file by its name");
	*ret = UL_TAKE(file);
	return NULL;
}

void ul_tracefile_destroy(struct ul_tracefile *file)
{
	if (!file)
		return;
	free(file->name);
	ul_buf_deinit(&file->head);
	ul_dictionary_deinit(&file->dictionary);
	ul_losses_deinit(&file->losses);
	free(file);
}

static struct ul_error *read_pieces(struct ul_tracefile *file, struct ul_trace_text *text)
{
	struct ul_buf *buf = &file->head;
	const size_t cap = UL_TRACEFILE_SNIFF + PIECE;
	if (!ul_buf_reserve(buf, cap - buf->len))
		return &ul_enomem;
	for (bool end = false; !end;) {
		size_t got;
		UL_TRY(read_more(file, file->info.bytes + buf->len, cap - buf->len, &got));
		buf->len += got;
		end = !got;
		size_t used;
		UL_TRY(ul_trace_text_feed(text, (struct ul_span){buf->data, buf->len}, end, &used));
		// What fills all of the buffer without an end is no line of a trace: let it go.
		if (!used && buf->len == cap)
			UL_TRY(ul_trace_text_feed(text, (struct ul_span){buf->data, buf->len}, true,
						  &used));
		memmove(buf->data, buf->data + used, buf->len - used);
		buf->len -= used;
		file->info.bytes += used;
	}
	return NULL;
}

static struct ul_error *read_text(struct ul_tracefile *file, ul_event_fn *take, void *context)
{
	UL_CLEANUP_TRACE_TEXT struct ul_trace_text *text = NULL;
	UL_TRY(ul_trace_text_create(&file->dictionary, &file->info, &file->losses, take, context,
				    &text));
	UL_TRY(read_pieces(file, text));
	return ul_trace_text_finish(text);
}

static struct ul_error *check_size(struct ul_tracefile *file)
{
	struct stat status;
	if (!file->regular || fstat(file->fd, &status) || (uint64_t)status.st_size >= file->size)
		return NULL;
	return ul_losses_add(&file->losses, UL_BIAS_UNKNOWN, file->size - (uint64_t)status.st_size,
			     "bytes cut off the file while it was read");
}

struct ul_error *ul_tracefile_read(struct ul_tracefile *file, ul_event_fn *take, void *context)
{
	const struct ul_trace_dat dat = {
		.name = file->name,
		.dictionary = &file->dictionary,
		.info = &file->info,
		.losses = &file->losses,
		.take = take,
		.context = context,
	};
	UL_TRY(file->info.format == UL_TRACEFILE_DAT ? ul_trace_dat_read(&dat, file->fd)
						     : read_text(file, take, context));
	UL_TRY(check_size(file));
	if (!file->info.events)
		return ul_error_hint(
			ul_error_new(UL_ERR_BAD_DATA,
				     "%s: a trace, but without any allocation or free", file->name),
			"record them: trace-cmd record -e kmem:kmalloc -e kmem:kfree -T");
	return NULL;
}

const struct ul_dictionary *ul_tracefile_dictionary(const struct ul_tracefile *file)
{
	return &file->dictionary;
}

const struct ul_tracefile_info *ul_tracefile_info(const struct ul_tracefile *file)
{
	return &file->info;
}

double ul_tracefile_progress(const struct ul_tracefile *file)
{
	return file->size ? (double)file->info.bytes / (double)file->size : 0;
}

const struct ul_losses *ul_tracefile_losses(const struct ul_tracefile *file)
{
	return &file->losses;
}

const char *ul_tracefile_library(void)
{
	return ul_trace_dat_library();
}
