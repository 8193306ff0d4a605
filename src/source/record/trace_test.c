// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/record_fixture.h"

#include <math.h>

static void add_frame(struct ul_stack *stack, uint64_t kaddr, const char *function,
		      const char *module, const char *file)
{
	struct ul_frame *frame = ul_vec_add(&stack->frames);
	if (!frame)
		abort();
	frame->kaddr = kaddr;
	frame->offset = kaddr & 0xff;
	frame->line = file ? 77 : 0;
	frame->inlined = !kaddr;
	assert_true(ul_text_set(&frame->function, function));
	assert_true(ul_text_set(&frame->module, module));
	assert_true(ul_text_set(&frame->file, file));
}

static void add_site(struct ul_trace *trace, uint64_t salt, const char *cache)
{
	struct ul_site *site = ul_vec_add(&trace->sites);
	if (!site)
		abort();
	*site = (struct ul_site){.allocator = salt % 3 + 1,
				 .nested = salt & 1,
				 .cache_guessed = salt & 2,
				 .call_site = 0xffffffff81000000 + salt,
				 .object_bytes = 4096,
				 .allocated = 100 + salt,
				 .freed = 60,
				 .live = 30 + salt,
				 .missed = 10,
				 .allocated_bytes = UINT64_MAX,
				 .freed_bytes = 2,
				 .live_bytes = 3,
				 .survivors = 7,
				 .survivor_bytes = 28672,
				 .survivors_error = salt == 2 ? 3.5 : 0,
				 .freed_error = salt == 2 ? 11.25 : 0,
				 .allocated_error = salt == 2 ? 14.75 : 0,
				 .age_p50_s = salt ? 1.5 : NAN,
				 .trust = 0.75};
	assert_true(ul_text_set(&site->cache, cache));
	assert_true(ul_text_set(&site->account, cache ? "slab" : NULL));
	if (!salt)
		return; // an empty stack
	add_frame(&site->stack, 0xffffffff81234567, "kmalloc_trace", NULL, NULL);
	add_frame(&site->stack, 0, "inlined_one", NULL, "fs/seq_file.c");
	add_frame(&site->stack, 0xffffffffc0000010 + salt, "show_schedstat", "leak", "leak.c");
	add_frame(&site->stack, 0xffffffffc0000020, NULL, NULL, NULL);
	site->ages.freed[0] = 7;
	site->ages.live[23] = UINT64_C(1) << 40;
	site->function = site->stack.frames.data[2].function;
	site->module = site->stack.frames.data[2].module;
	struct ul_free_path *path = ul_vec_add(&site->free_paths);
	if (!path)
		abort();
	path->objects = 41 + salt;
	add_frame(&path->stack, 0xffffffff81230000, "kfree", NULL, NULL);
	add_frame(&path->stack, 0xffffffff81230100, "seq_release", NULL, NULL);
	const struct ul_site_process freed = {.comm = "grep", .objects = 43};
	assert_true(ul_vec_push(&site->freed_processes, freed));
	const struct ul_site_process process = {.pid = 4, .comm = "cat", .objects = 7};
	const struct ul_site_process folded = {.comm = "fifteen-letters", .objects = 2};
	assert_true(ul_vec_push(&site->processes, process));
	assert_true(ul_vec_push(&site->processes, folded));
	const struct ul_allocation example = {.key = 0xffff888012345000,
					      .bytes = 4096,
					      .time_ns = -5,
					      .pid = 4,
					      .comm = "cat",
					      .survivor = true};
	assert_true(ul_vec_push(&site->examples, example));
}

static void check_stack(const struct ul_stack *got, const struct ul_stack *want)
{
	assert_int_equal(got->frames.len, want->frames.len);
	for (size_t i = 0; i < want->frames.len; i++) {
		const struct ul_frame *a = &got->frames.data[i];
		const struct ul_frame *b = &want->frames.data[i];
		assert_true(a->kaddr == b->kaddr);
		assert_true(ul_text_equal(a->function, b->function));
		assert_true(a->offset == b->offset);
		assert_true(ul_text_equal(a->module, b->module));
		assert_true(ul_text_equal(a->file, b->file));
		assert_int_equal(a->line, b->line);
		assert_int_equal(a->inlined, b->inlined);
	}
}

static void check_parts(const struct ul_site *got, const struct ul_site *want)
{
	assert_int_equal(got->processes.len, want->processes.len);
	for (size_t i = 0; i < want->processes.len; i++) {
		assert_int_equal(got->processes.data[i].pid, want->processes.data[i].pid);
		assert_string_equal(got->processes.data[i].comm, want->processes.data[i].comm);
		assert_int_equal(got->processes.data[i].objects, want->processes.data[i].objects);
	}
	assert_int_equal(got->free_paths.len, want->free_paths.len);
	for (size_t i = 0; i < want->free_paths.len; i++) {
		assert_int_equal(got->free_paths.data[i].objects, want->free_paths.data[i].objects);
		check_stack(&got->free_paths.data[i].stack, &want->free_paths.data[i].stack);
	}
	assert_int_equal(got->freed_processes.len, want->freed_processes.len);
	for (size_t i = 0; i < want->freed_processes.len; i++) {
		assert_string_equal(got->freed_processes.data[i].comm,
				    want->freed_processes.data[i].comm);
		assert_int_equal(got->freed_processes.data[i].objects,
				 want->freed_processes.data[i].objects);
	}
	assert_int_equal(got->examples.len, want->examples.len);
	for (size_t i = 0; i < want->examples.len; i++) {
		const struct ul_allocation *a = &got->examples.data[i];
		const struct ul_allocation *b = &want->examples.data[i];
		assert_true(a->key == b->key && a->bytes == b->bytes && a->time_ns == b->time_ns);
		assert_int_equal(a->pid, b->pid);
		assert_string_equal(a->comm, b->comm);
		assert_int_equal(a->survivor, b->survivor);
	}
}

static void check_site(const struct ul_site *got, const struct ul_site *want)
{
	assert_int_equal(got->allocator, want->allocator);
	assert_true(ul_text_equal(got->cache, want->cache));
	assert_true(ul_text_equal(got->account, want->account));
	assert_int_equal(got->nested, want->nested);
	assert_int_equal(got->cache_guessed, want->cache_guessed);
	assert_true(got->call_site == want->call_site);
	assert_int_equal(got->object_bytes, want->object_bytes);
	check_stack(&got->stack, &want->stack);
	assert_true(ul_text_equal(got->function, want->function));
	assert_true(ul_text_equal(got->module, want->module));
	assert_int_equal(got->allocated, want->allocated);
	assert_int_equal(got->freed, want->freed);
	assert_int_equal(got->live, want->live);
	assert_int_equal(got->missed, want->missed);
	assert_true(got->allocated_bytes == want->allocated_bytes);
	assert_int_equal(got->freed_bytes, want->freed_bytes);
	assert_int_equal(got->live_bytes, want->live_bytes);
	assert_int_equal(got->survivors, want->survivors);
	assert_int_equal(got->survivor_bytes, want->survivor_bytes);
	assert_true(got->survivors_error == want->survivors_error);
	assert_true(got->freed_error == want->freed_error);
	assert_true(got->allocated_error == want->allocated_error);
	assert_memory_equal(&got->ages, &want->ages, sizeof(want->ages));
	assert_true(isnan(want->age_p50_s) ? isnan(got->age_p50_s)
					   : got->age_p50_s == want->age_p50_s);
	assert_true(got->trust == want->trust);
	check_parts(got, want);
}

static void the_newest_trace_comes_back_in_every_field(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_TRACE struct ul_trace want = {.engine = "bpf",
						 .window_s = 60.5,
						 .drain_s = 10,
						 .begin_ns = 1234567890123,
						 .end_ns = 1299999999999,
						 .share = 0.25,
						 .cost = 0.0175,
						 .memory_bytes = 24683032,
						 .events = UINT64_MAX - 1};
	add_site(&want, 1, "kmalloc-4k");
	add_site(&want, 0, NULL);
	add_site(&want, 2, "kmalloc-4k");
	OK(ul_losses_add(&want.losses, UL_BIAS_OVER, 12, "frees missed"));
	{
		UL_CLEANUP_RECORD struct ul_record *writer = fixture_create(path, false);
		bool found = true;
		UL_CLEANUP_TRACE struct ul_trace none = {0};
		OK(ul_record_read_trace(writer, &found, &none));
		assert_false(found);
		UL_CLEANUP_TRACE struct ul_trace older = {.engine = "ftrace"};
		OK(ul_record_write_trace(writer, &older));
		OK(ul_record_write_trace(writer, &want));
	}
	UL_CLEANUP_RECORD struct ul_record *reader = fixture_open(path);
	UL_CLEANUP_TRACE struct ul_trace got = {0};
	bool found = false;
	OK(ul_record_read_trace(reader, &found, &got));
	assert_true(found);
	assert_string_equal(got.engine, "bpf");
	assert_true(got.window_s == 60.5 && got.drain_s == 10);
	assert_true(got.begin_ns == 1234567890123 && got.end_ns == 1299999999999);
	assert_true(got.events == want.events);
	assert_true(got.share == want.share && got.cost == want.cost);
	assert_true(got.memory_bytes == want.memory_bytes);
	fixture_check_losses(&got.losses, &want.losses);
	assert_int_equal(got.sites.len, 3);
	for (size_t i = 0; i < 3; i++)
		check_site(&got.sites.data[i], &want.sites.data[i]);
}

static void losses_of_the_measurement_add_up_over_sessions(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	for (uint64_t i = 1; i <= 2; i++) {
		UL_CLEANUP_RECORD struct ul_record *record = fixture_create(path, true);
		struct ul_losses losses = {0};
		OK(ul_losses_add(&losses, UL_BIAS_UNKNOWN, 0, "unknown number"));
		OK(ul_record_write_losses(record, &losses));
		// Running totals: the last word of a session counts.
		OK(ul_losses_add(&losses, UL_BIAS_UNDER, 10 * i, "events"));
		OK(ul_record_write_losses(record, &losses));
		ul_losses_deinit(&losses);
	}
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	struct ul_losses got = {0};
	OK(ul_record_read_losses(record, &got));
	assert_int_equal(got.items.len, 2);
	assert_string_equal(got.items.data[1].what, "events");
	assert_int_equal(got.items.data[1].count, 30);
	ul_losses_deinit(&got);
}

static void the_newest_document_of_a_command_is_kept(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_RECORD struct ul_record *record = fixture_create(path, false);
	OK(ul_record_write_document(record, "find", "{\"a\":1}"));
	OK(ul_record_write_document(record, "grow", "{}"));
	OK(ul_record_write_document(record, "find", "{\"a\":\"\xc3\xa4\"}"));
	UL_CLEANUP_FREE char *find = NULL;
	UL_CLEANUP_FREE char *none = (char *)strdup("x");
	OK(ul_record_read_document(record, "find", &find));
	assert_string_equal(find, "{\"a\":\"\xc3\xa4\"}");
	free(none);
	OK(ul_record_read_document(record, "trace", &none));
	assert_null(none);
}

static void info_says_what_the_recording_is(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct ul_record_info info;
	{
		UL_CLEANUP_RECORD struct ul_record *writer = fixture_create(path, false);
		OK(ul_record_info(writer, &info));
		assert_int_equal(info.samples, 0);
		assert_int_equal(info.first_time_ns, 0);
		fixture_write(writer, 3, 8);
		UL_CLEANUP_RECORD struct ul_record *reader = fixture_open(path);
		OK(ul_record_info(reader, &info));
		assert_false(info.clean);
	}
	UL_CLEANUP_RECORD struct ul_record *reader = fixture_open(path);
	OK(ul_record_info(reader, &info));
	assert_true(info.clean);
	assert_int_equal(info.samples, 8);
	assert_int_equal(info.schema_version, 1);
	assert_int_equal(info.first_time_ns, 1700000003LL * UL_NS_PER_S + 7);
	assert_int_equal(info.last_time_ns, 1700000010LL * UL_NS_PER_S + 7);
	assert_string_equal(info.kernel.release, fixture_kernel.release);
	assert_string_equal(info.kernel.version, fixture_kernel.version);
	assert_string_equal(info.kernel.arch, fixture_kernel.arch);
	assert_string_equal(info.kernel.node, fixture_kernel.node);
	assert_int_equal(info.kernel.page_bytes, 4096);
	assert_int_equal(info.kernel.cpus, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_trace_comes_back_in_every_field),
		TEST(losses_of_the_measurement_add_up_over_sessions),
		TEST(the_newest_document_of_a_command_is_kept),
		TEST(info_says_what_the_recording_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
