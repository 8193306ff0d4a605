// SPDX-License-Identifier: GPL-2.0-or-later
/* One process in four forms; tests/golden/traces/README.md says what it did. */
#include "source/tracefile/tracefile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* libtraceevent 1.7.1 loses two bytes while it parses the format of some event. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libtraceevent.so";
}

enum { PIPES = 73, CLOSED = 20 };

struct tally {
	const struct ul_dictionary *dictionary;
	uint64_t keys[PIPES];
	size_t allocated, freed, freed_ours;
	int64_t last_ns;
	bool in_order;
	bool real;
};

static bool has_function(const struct ul_stack *stack, const char *function)
{
	if (stack)
		ul_vec_foreach (frame, &stack->frames)
			if (frame->function && !strcmp(frame->function, function))
				return true;
	return false;
}

static struct ul_error *count(void *context, const struct ul_event *event)
{
	struct tally *tally = context;
	tally->in_order &= event->time_ns >= tally->last_ns;
	tally->last_ns = event->time_ns;
	if (event->kind == UL_EVENT_ALLOC) {
		assert_int_equal(event->bytes, 1024);
		assert_string_equal(ul_dictionary_name_of(tally->dictionary, event->cache),
				    "kmalloc-cg-1k");
		assert_string_equal(ul_dictionary_name_of(tally->dictionary, event->comm),
				    "python3");
		assert_true(tally->allocated < PIPES);
		tally->keys[tally->allocated++] = event->key;
		tally->real &= event->key >> 48 == 0xffff;
	} else {
		assert_int_equal(event->kind, UL_EVENT_FREE);
		tally->freed++;
		for (size_t i = 0; i < tally->allocated; i++) {
			if (tally->keys[i] != event->key)
				continue;
			tally->keys[i] = 0;
			tally->freed_ours++;
		}
	}
	return NULL;
}

static void read_golden(const char *name, enum ul_tracefile_format format, bool real)
{
	char path[4096];
	struct ul_tracefile *file = NULL;
	snprintf(path, sizeof(path), UL_GOLDEN "/traces/%s", name);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_null(ul_tracefile_open(fd, name, &file));
	struct tally tally = {
		.dictionary = ul_tracefile_dictionary(file),
		.in_order = true,
		.real = true,
	};
	assert_null(ul_tracefile_read(file, count, &tally));
	const struct ul_tracefile_info *info = ul_tracefile_info(file);
	assert_int_equal(info->format, format);
	assert_int_equal(tally.allocated, PIPES);
	assert_int_equal(tally.freed_ours, CLOSED);
	assert_int_equal(tally.freed, 2 * CLOSED);
	assert_int_equal(info->events, PIPES + 2 * CLOSED);
	assert_int_equal(info->stacks, info->events);
	assert_true(tally.in_order);
	assert_int_equal(tally.real, real);
	size_t stacks = 0;
	ul_vec_foreach (stack, &tally.dictionary->stacks)
		stacks += has_function(stack, "alloc_pipe_info") &&
			  has_function(stack, "create_pipe_files");
	assert_true(stacks >= 1);
	assert_int_equal(ul_tracefile_losses(file)->items.len, 0);
	ul_tracefile_destroy(file);
	close(fd);
}

static void ftrace_text_gives_what_the_process_did(void **state)
{
	read_golden("pipes.trace", UL_TRACEFILE_FTRACE, false);
}

static void trace_cmd_report_gives_what_the_process_did(void **state)
{
	read_golden("pipes.report", UL_TRACEFILE_REPORT, true);
}

static void perf_script_gives_what_the_process_did(void **state)
{
	read_golden("pipes.perf", UL_TRACEFILE_PERF, true);
}

static void trace_dat_gives_what_the_process_did(void **state)
{
	if (!ul_tracefile_library())
		skip();
	read_golden("pipes.dat", UL_TRACEFILE_DAT, true);
}

static int open_text(const char *bytes, size_t len)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, len), (ssize_t)len);
	close(ends[1]);
	return ends[0];
}

static void a_pipe_is_read_like_a_file(void **state)
{
	static const char text[] =
		"# tracer: nop\n"
		"             cat-7     [000] ..... 1.000001: kfree: ptr=0x1000\n";
	struct ul_tracefile *file = NULL;
	struct tally tally = {.in_order = true};
	const int fd = open_text(text, sizeof(text) - 1);
	assert_null(ul_tracefile_open(fd, "pipe", &file));
	assert_null(ul_tracefile_read(file, count, &tally));
	assert_int_equal(tally.freed, 1);
	assert_int_equal(ul_tracefile_info(file)->bytes, sizeof(text) - 1);
	ul_tracefile_destroy(file);
	close(fd);
}

static void refuse(const char *bytes, size_t len, enum ul_error_code code, const char *words)
{
	struct ul_tracefile *file = NULL;
	const int fd = open_text(bytes, len);
	struct ul_error *err = ul_tracefile_open(fd, "x", &file);
	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_non_null(strstr(err->message, words));
	ul_error_destroy(err);
	close(fd);
}

static void what_is_no_trace_is_refused_with_a_hint(void **state)
{
	refuse("PERFILE2....", 12, UL_ERR_UNSUPPORTED, "perf record");
	refuse("\x1f\x8b....", 6, UL_ERR_UNSUPPORTED, "gzip");
	refuse("slabinfo - version: 2.1\n", 24, UL_ERR_BAD_DATA, "no event");
	refuse("", 0, UL_ERR_BAD_DATA, "no event");
	refuse("\x17\x08\x44tracing6", 11, UL_ERR_UNSUPPORTED, "pipe");
}

static void a_trace_without_allocations_says_what_to_record(void **state)
{
	static const char text[] =
		"             cat-7     [000] ..... 1.000001: sched_switch: prev_comm=x\n";
	struct ul_tracefile *file = NULL;
	struct tally tally = {0};
	const int fd = open_text(text, sizeof(text) - 1);
	assert_null(ul_tracefile_open(fd, "pipe", &file));
	struct ul_error *err = ul_tracefile_read(file, count, &tally);
	assert_non_null(err);
	assert_non_null(strstr(err->hint, "kmem:kmalloc"));
	ul_error_destroy(err);
	ul_tracefile_destroy(file);
	close(fd);
}

static void a_cut_or_damaged_trace_dat_is_an_error(void **state)
{
	char path[] = "/tmp/ullage-test-XXXXXX";
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, "\x17\x08\x44tracing6\0\0\1\4", 15), 15);
	struct ul_tracefile *file = NULL;
	struct tally tally = {0};
	assert_null(ul_tracefile_open(fd, "cut", &file));
	struct ul_error *err = ul_tracefile_read(file, count, &tally);
	assert_non_null(err);
	ul_error_destroy(err);
	ul_tracefile_destroy(file);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ftrace_text_gives_what_the_process_did),
		cmocka_unit_test(trace_cmd_report_gives_what_the_process_did),
		cmocka_unit_test(perf_script_gives_what_the_process_did),
		cmocka_unit_test(trace_dat_gives_what_the_process_did),
		cmocka_unit_test(a_pipe_is_read_like_a_file),
		cmocka_unit_test(what_is_no_trace_is_refused_with_a_hint),
		cmocka_unit_test(a_trace_without_allocations_says_what_to_record),
		cmocka_unit_test(a_cut_or_damaged_trace_dat_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
