// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files are mapped and parsed in place, pieces at a time so that what was read can be let go; pipes
 * are read into a buffer that holds the longest stack many times over.
 */
#include "source/tracefile/tracefile.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "source/tracefile/dat.h"
#include "source/tracefile/frames.h"
#include "source/tracefile/text.h"

enum {
	PIECE = 8 << 20, /**< bytes of a mapped file between two looks at it */
	PIPE_BUFFER = 4 << 20,
};

struct ul_tracefile {
	int fd;
	char *name;
	bool regular;
	uint64_t size;
	struct ul_buf head; /**< of a pipe: what detection has read */
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
static struct ul_error *refuse(struct ul_span head, const char *name)
{
	static const struct {
		const char *magic;
		const char *what;
		const char *hint;
	} known[] = {
		{"PERFILE2", "data of perf record", "perf script -i FILE >trace.txt"},
		{"\x1f\x8b", "packed with gzip", "zcat FILE | ullage import -"},
		{"\x28\xb5\x2f\xfd", "packed with zstd", "zstdcat FILE | ullage import -"},
		{"\xfd"
		 "7zXZ",
		 "packed with xz", "xzcat FILE | ullage import -"},
		{"BZh", "packed with bzip2", "bzcat FILE | ullage import -"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(known); i++)
		if (ul_span_starts(head, known[i].magic))
			return ul_error_hint(
				ul_error_new(UL_ERR_UNSUPPORTED, "%s: %s", name, known[i].what),
				"%s", known[i].hint);
	return ul_error_new(UL_ERR_BAD_DATA,
			    "%s: no event with process, processor and time in its first %d KiB",
			    name, UL_TRACEFILE_SNIFF >> 10);
}

/** The start of the file, into file->head. */
static struct ul_error *read_head(struct ul_tracefile *file)
{
	if (!ul_buf_reserve(&file->head, UL_TRACEFILE_SNIFF))
		return &ul_enomem;
	while (file->head.len < UL_TRACEFILE_SNIFF) {
		char *at = file->head.data + file->head.len;
		const size_t room = UL_TRACEFILE_SNIFF - file->head.len;
		const ssize_t got = file->regular ? pread(file->fd, at, room, (off_t)file->head.len)
						  : read(file->fd, at, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ul_error_os(errno, "reading %s", file->name);
		if (!got)
			break;
		file->head.len += (size_t)got;
	}
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
	file->regular = S_ISREG(status.st_mode);
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

static struct ul_error *feed_pieces(struct ul_tracefile *file, struct ul_trace_text *text,
				    char *map)
{
	const uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	uint64_t at = 0;
	size_t ahead = PIECE;
	while (at < file->size) {
		const bool last = file->size - at <= ahead;
		size_t used;
		UL_TRY(ul_trace_text_feed(
			text, (struct ul_span){map + at, last ? file->size - at : ahead}, last,
			&used));
		// One line longer than a piece: look at more of it.
		ahead = used ? PIECE : ahead * 2;
		// What was read stays in the page cache, and need not be our memory.
		const uint64_t done = at & ~page_mask;
		at += used;
		if (used)
			madvise(map + done, (at & ~page_mask) - done, MADV_DONTNEED);
		file->info.bytes = at;
	}
	return NULL;
}

static struct ul_error *read_mapped(struct ul_tracefile *file, struct ul_trace_text *text)
{
	if (file->size > SIZE_MAX)
		return ul_error_new(UL_ERR_LIMIT, "%s: larger than the address space", file->name);
	char *map = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (map == MAP_FAILED)
		return ul_error_os(errno, "mapping %s", file->name);
	madvise(map, file->size, MADV_SEQUENTIAL);
	struct ul_error *err = feed_pieces(file, text, map);
	munmap(map, file->size);
	return err;
}

static struct ul_error *read_piped(struct ul_tracefile *file, struct ul_trace_text *text)
{
	struct ul_buf *buf = &file->head;
	if (!ul_buf_reserve(buf, UL_TRACEFILE_SNIFF + PIPE_BUFFER - buf->len))
		return &ul_enomem;
	const size_t cap = UL_TRACEFILE_SNIFF + PIPE_BUFFER;
	for (bool end = false; !end;) {
		const ssize_t got = read(file->fd, buf->data + buf->len, cap - buf->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ul_error_os(errno, "reading %s", file->name);
		buf->len += (size_t)got;
		end = !got;
		// What fills all of the buffer without an end is no line of a trace: let it go.
		size_t used;
		UL_TRY(ul_trace_text_feed(text, (struct ul_span){buf->data, buf->len},
					  end || buf->len == cap, &used));
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
	UL_TRY(file->regular ? read_mapped(file, text) : read_piped(file, text));
	return ul_trace_text_finish(text);
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
