// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ftrace/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/ftrace/tasks.h"
#include "source/ftrace/tracefs.h"

#define COMMON                                                                                     \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                     \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"

static const struct {
	const char *name, *format;
} formats[] = {
	{"kmalloc",
	 "ID: 10\n" COMMON "\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"
	 "\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"
	 "\tfield:size_t bytes_req;\toffset:24;\tsize:8;\tsigned:0;\n"
	 "\tfield:size_t bytes_alloc;\toffset:32;\tsize:8;\tsigned:0;\n"
	 "\tfield:unsigned long gfp_flags;\toffset:40;\tsize:8;\tsigned:0;\n"
	 "print fmt: {((gfp_t)0x400000u), \"__GFP_ACCOUNT\"}"},
	{"kfree",
	 "ID: 11\n" COMMON "\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"
	 "\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"},
	{"mm_page_alloc",
	 "ID: 12\n" COMMON "\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n"
	 "\tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;\n"
	 "\tfield:int migratetype;\toffset:32;\tsize:4;\tsigned:1;\n"},
	{"kernel_stack", "ID: 4\n" COMMON "\tfield:int size;\toffset:8;\tsize:4;\tsigned:1;\n"
			 "\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;\n"},
	{"task_newtask", "ID: 13\n" COMMON "\tfield:pid_t pid;\toffset:8;\tsize:4;\tsigned:1;\n"
			 "\tfield:char comm[16];\toffset:12;\tsize:16;\tsigned:0;\n"
			 "\tfield:unsigned long clone_flags;\toffset:32;\tsize:8;\tsigned:0;\n"},
	{"task_rename",
	 "ID: 14\n" COMMON "\tfield:char oldcomm[16];\toffset:12;\tsize:16;\tsigned:0;\n"
	 "\tfield:char newcomm[16];\toffset:28;\tsize:16;\tsigned:0;\n"},
};

struct made {
	uint8_t bytes[96];
};

static struct made begin(uint16_t type, int32_t pid)
{
	struct made made = {0};
	memcpy(made.bytes, &type, sizeof(type));
	memcpy(made.bytes + 4, &pid, sizeof(pid));
	return made;
}

static void set(struct made *made, size_t offset, uint64_t value, size_t size)
{
	// Little-endian machines only, as the rest of this file's numbers.
	memcpy(made->bytes + offset, &value, size);
}

static int set_up(void **state)
{
	struct ul_ftrace_decoder *decoder = calloc(1, sizeof(*decoder));
	if (!decoder || ul_ftrace_decoder_init(decoder, 4096))
		return -1;
	for (size_t i = 0; i < UL_ARRAY_LEN(formats); i++)
		if (!ul_ftrace_decoder_learn(decoder, formats[i].name,
					     ul_span_of(formats[i].format)))
			return -1;
	*state = decoder;
	return 0;
}

static int tear_down(void **state)
{
	ul_ftrace_decoder_deinit(*state);
	free(*state);
	return 0;
}

static struct ul_ftrace_entry decode(void **state, const struct made *made, size_t len)
{
	struct ul_ftrace_entry entry;
	const struct ul_ftrace_record record = {made->bytes, len, 123456789};
	assert_null(ul_ftrace_decode(*state, &record, 3, &entry));
	return entry;
}

static void an_allocation_has_size_cache_and_call_site(void **state)
{
	struct ul_ftrace_decoder *decoder = *state;
	struct made made = begin(10, 77);
	set(&made, 8, 0xffffffff81148e3a, 8);
	set(&made, 16, 0xffff88003d2c1000, 8);
	set(&made, 24, 4000, 8);
	set(&made, 32, 4096, 8);
	set(&made, 40, 0x400cc0, 8);
	const struct ul_ftrace_entry entry = decode(state, &made, 56);
	assert_int_equal(entry.sort, UL_FTRACE_EVENT);
	assert_int_equal(entry.tid, 77);
	assert_int_equal(entry.event.kind, UL_EVENT_ALLOC);
	assert_true(entry.event.key == 0xffff88003d2c1000);
	assert_int_equal(entry.event.bytes, 4096);
	assert_int_equal(entry.event.time_ns, 123456789);
	assert_false(entry.event.hashed);
	assert_string_equal(ul_dictionary_name_of(&decoder->dictionary, entry.event.cache),
			    "kmalloc-cg-4k");
	const struct ul_stack *stack =
		ul_dictionary_stack_of(&decoder->dictionary, entry.event.stack);
	assert_int_equal(stack->frames.len, 1);
	assert_true(stack->frames.data[0].kaddr == 0xffffffff81148e3a);
}

static void a_stack_ends_where_its_size_says(void **state)
{
	struct ul_ftrace_decoder *decoder = *state;
	struct made made = begin(4, 77);
	set(&made, 8, 3, 4);
	set(&made, 16, 0xffffffff81000001, 8);
	set(&made, 24, INT32_MAX, 8); // the tracer itself
	set(&made, 32, 0xffffffff81000002, 8);
	set(&made, 40, 0xffffffff81000003, 8);
	const struct ul_ftrace_entry entry = decode(state, &made, 80);
	assert_int_equal(entry.sort, UL_FTRACE_STACK);
	const struct ul_stack *stack =
		ul_dictionary_stack_of(&decoder->dictionary, entry.event.stack);
	assert_int_equal(stack->frames.len, 2);
	assert_true(stack->frames.data[1].kaddr == 0xffffffff81000002);
	// The same again is the same number; an empty one has none.
	assert_int_equal(decode(state, &made, 80).event.stack, entry.event.stack);
	set(&made, 8, 0, 4);
	assert_int_equal(decode(state, &made, 80).event.stack, 0);
}

static void pages_frees_and_what_is_none(void **state)
{
	struct made made = begin(12, 1);
	set(&made, 8, 0x12345, 8);
	set(&made, 16, 2, 4);
	struct ul_ftrace_entry entry = decode(state, &made, 40);
	assert_int_equal(entry.event.kind, UL_EVENT_ALLOC);
	assert_int_equal(entry.event.bytes, 16384);
	set(&made, 32, 1, 4); // movable
	assert_int_equal(decode(state, &made, 40).event.kind, UL_EVENT_REUSE);
	made = begin(11, 1);
	set(&made, 16, 0xffff88003d2c1000, 8);
	assert_int_equal(decode(state, &made, 24).event.kind, UL_EVENT_FREE);
	set(&made, 16, 0, 8); // kfree(NULL)
	assert_int_equal(decode(state, &made, 24).sort, UL_FTRACE_NOTHING);
	made = begin(99, 1);
	assert_int_equal(decode(state, &made, 24).sort, UL_FTRACE_NOTHING);
	assert_int_equal(decode(state, &made, 1).sort, UL_FTRACE_NOTHING);
}

static void tasks_are_born_and_renamed(void **state)
{
	struct ul_ftrace_decoder *decoder = *state;
	struct made made = begin(13, 50);
	set(&made, 8, 51, 4);
	memcpy(made.bytes + 12, "worker", 6);
	set(&made, 32, 0x10000, 8);
	struct ul_ftrace_entry entry = decode(state, &made, 48);
	assert_int_equal(entry.sort, UL_FTRACE_NEW_TASK);
	assert_int_equal(entry.task, 51);
	assert_true(entry.thread);
	assert_string_equal(ul_dictionary_name_of(&decoder->dictionary, entry.event.comm),
			    "worker");
	made = begin(14, 52);
	memcpy(made.bytes + 28, "cat", 3);
	entry = decode(state, &made, 48);
	assert_int_equal(entry.sort, UL_FTRACE_RENAME);
	assert_int_equal(entry.task, 52);
	assert_string_equal(ul_dictionary_name_of(&decoder->dictionary, entry.event.comm), "cat");
}

static void threads_are_known_by_what_was_said_last(void **state)
{
	struct ul_dictionary dictionary UL_CLEANUP_DICTIONARY = {0};
	struct ul_ftrace_tasks tasks = {0};
	struct ul_ftrace_task task;
	uint32_t name;
	assert_null(ul_dictionary_name(&dictionary, ul_span_of("first"), &name));
	// Far beyond PID_MAX_LIMIT: not in /proc.
	for (pid_t tid = 10000000; tid < 10005000; tid++)
		assert_null(ul_ftrace_tasks_set(&tasks, tid, 10000000, name));
	assert_null(ul_ftrace_tasks_get(&tasks, &dictionary, 10004999, &task));
	assert_int_equal(task.tgid, 10000000);
	assert_string_equal(ul_dictionary_name_of(&dictionary, task.comm), "first");
	assert_null(ul_ftrace_tasks_get(&tasks, &dictionary, 20000000, &task));
	assert_int_equal(task.tgid, 20000000);
	assert_int_equal(task.comm, 0);
	assert_null(ul_ftrace_tasks_get(&tasks, &dictionary, getpid(), &task));
	assert_int_equal(task.tgid, getpid());
	assert_non_null(ul_dictionary_name_of(&dictionary, task.comm));
	ul_ftrace_tasks_deinit(&tasks);
}

static void instances_of_the_dead_are_told_from_others(void **state)
{
	char own[64];
	assert_true(ul_tracefs_is_stale("ullage-10000000-5-allocs"));
	assert_false(ul_tracefs_is_stale("ullage-x-5-allocs"));
	assert_false(ul_tracefs_is_stale("ullage-5"));
	assert_false(ul_tracefs_is_stale("somebody-10000000-5-allocs"));
	// Our pid, but not our start: the pid has been used again.
	snprintf(own, sizeof(own), "ullage-%d-1-allocs", (int)getpid());
	assert_true(ul_tracefs_is_stale(own));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_allocation_has_size_cache_and_call_site, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_stack_ends_where_its_size_says, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(pages_frees_and_what_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tasks_are_born_and_renamed, set_up, tear_down),
		cmocka_unit_test(threads_are_known_by_what_was_said_last),
		cmocka_unit_test(instances_of_the_dead_are_told_from_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
