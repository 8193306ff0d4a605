// SPDX-License-Identifier: GPL-2.0-or-later
/* The tracer against this machine's kernel; skipped where BPF tracing is not allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above first. */
#include <cmocka.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/trace/trace_fixture.h"
#include "source/trace/tracer.h"
#include "source/trace/unpreempted.h"

/* Primes, so that a number found is no accident. */
enum { HELD = 211, RELEASED = 307 };

/** A child called "ul-eventfds" that, told to, makes eventfds, closes some and holds the others. */
struct child {
	pid_t pid;
	int to, from;
};

static void child_main(int from, int to)
{
	prctl(PR_SET_NAME, "ul-eventfds");
	prctl(PR_SET_PDEATHSIG, SIGKILL); // it holds our output open
	const struct rlimit limit = {4096, 4096};
	setrlimit(RLIMIT_NOFILE, &limit);
	char byte;
	if (read(from, &byte, 1) != 1)
		_exit(1);
	for (int i = 0; i < RELEASED; i++) {
		const int fd = eventfd(0, 0);
		close(fd);
	}
	for (int i = 0; i < HELD; i++)
		if (eventfd(0, 0) < 0)
			_exit(2);
	if (write(to, "d", 1) != 1)
		_exit(3);
	pause();
	_exit(0);
}

static struct child child_start(void)
{
	int down[2], up[2];
	assert_int_equal(pipe(down), 0);
	assert_int_equal(pipe(up), 0);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child_main(down[0], up[1]);
	close(down[0]);
	close(up[1]);
	return (struct child){pid, down[1], up[0]};
}

static void child_run(const struct child *child)
{
	char byte;
	assert_int_equal(write(child->to, "g", 1), 1);
	assert_int_equal(read(child->from, &byte, 1), 1);
}

static void child_stop(const struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->to);
	close(child->from);
}

/** The site of the child with most survivors whose cache name begins with @p cache. */
static const struct ul_site *child_site(const struct ul_trace *trace, const char *cache)
{
	const struct ul_site *best = NULL;
	ul_vec_foreach (site, &trace->sites) {
		if (!site->cache || strncmp(site->cache, cache, strlen(cache)) != 0 ||
		    !site->processes.len ||
		    strcmp(site->processes.data[0].comm, "ul-eventfds") != 0)
			continue;
		if (!best || site->survivors > best->survivors)
			best = site;
	}
	return best;
}

static void what_a_process_keeps_survives_and_what_it_closes_does_not(void **state)
{
	(void)state;
	const struct ul_tracer_options options = {
		.allocators = UL_TRACE_SLAB, .stacks = true, .comm = "ul-eventfds"};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	const struct child child = child_start();
	assert_null(ul_tracer_record(tracer));
	child_run(&child);
	ul_tracer_drain(tracer);
	// struct file is freed after a grace period; the drain gives RCU its time.
	usleep(300 * 1000);
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_null(ul_tracer_collect(tracer, &trace));

	ul_vec_foreach (site, &trace.sites) {
		uint64_t freed = 0;
		uint64_t live = 0;
		for (size_t i = 0; i < UL_AGE_CLASSES; i++) {
			freed += site->ages.freed[i];
			live += site->ages.live[i];
		}
		assert_true(ul_site_balanced(site));
		// Everything was recorded: each object has its age.
		assert_int_equal(live, site->live);
		assert_int_equal(freed, site->freed);
	}
	// An eventfd is one eventfd_ctx (kmalloc) and one struct file.
	const struct ul_site *context = child_site(&trace, "kmalloc");
	assert_non_null(context);
	assert_int_equal(context->survivors, HELD);
	assert_int_equal(context->allocated, HELD + RELEASED);
	assert_int_equal(context->processes.data[0].pid, child.pid);
	assert_true(context->stack.frames.len > 3);
	assert_int_equal(context->examples.len, HELD);
	for (size_t i = 1; i < context->examples.len; i++)
		assert_true(context->examples.data[i - 1].time_ns <=
			    context->examples.data[i].time_ns);
	const struct ul_site *file = child_site(&trace, "filp");
	assert_non_null(file);
	assert_int_equal(file->survivors, HELD);
	child_stop(&child);
}

static void a_cache_filter_leaves_the_others_out(void **state)
{
	(void)state;
	const char *const caches[] = {"filp"};
	const struct ul_tracer_options options = {.allocators = UL_TRACE_SLAB,
						  .stacks = true,
						  .caches = caches,
						  .caches_len = 1,
						  .bytes_min = 1,
						  .bytes_max = 1024};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	const struct child child = child_start();
	assert_null(ul_tracer_record(tracer));
	child_run(&child);
	ul_tracer_drain(tracer);
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_null(ul_tracer_collect(tracer, &trace));
	assert_non_null(child_site(&trace, "filp"));
	ul_vec_foreach (site, &trace.sites)
		// Where the cache of a kmalloc object is not known, its size decides alone.
		assert_true(site->cache_guessed || !strcmp(site->cache, "filp"));
	child_stop(&child);
}

/** Slots of most caches are larger than their objects; slabinfo knows the slot's size only. */
static uint64_t slot_size(const char *cache)
{
	char path[128];
	uint64_t bytes = 0;
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/slab_size", cache);
	FILE *file UL_CLEANUP_FCLOSE = fopen(path, "re");
	if (!file || fscanf(file, "%" SCNu64, &bytes) != 1)
		skip();
	return bytes;
}

static void a_cache_is_found_by_the_size_of_its_slots(void **state)
{
	(void)state;
	const char *const caches[] = {"filp"};
	const uint64_t bytes = slot_size("filp");
	const struct ul_tracer_options options = {.allocators = UL_TRACE_SLAB,
						  .caches = caches,
						  .caches_len = 1,
						  .comm = "ul-eventfds",
						  .bytes_min = bytes,
						  .bytes_max = bytes};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	const struct child child = child_start();
	assert_null(ul_tracer_record(tracer));
	child_run(&child);
	ul_tracer_drain(tracer);
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_null(ul_tracer_collect(tracer, &trace));
	const struct ul_site *file = child_site(&trace, "filp");
	assert_non_null(file);
	assert_true(file->survivors >= HELD);
	child_stop(&child);
}

/** Whether a trace of filp and, if @p large, of large kmalloc, sees the ring of a pipe. */
static bool sees_large(bool large)
{
	const char *const caches[] = {"filp", UL_TRACE_KMALLOC_LARGE};
	const struct ul_tracer_options options = {
		.allocators = UL_TRACE_SLAB, .caches = caches, .caches_len = large ? 2 : 1};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	assert_null(ul_tracer_record(tracer));
	const pid_t pid = fork(); // the tracer does not record its own process
	if (!pid) {
		int fds[2];
		// 256 pages: as many struct pipe_buffer of 40 bytes, in one kmalloc.
		_exit(pipe(fds) || fcntl(fds[0], F_SETPIPE_SZ, 1 << 20) < 0);
	}
	waitpid(pid, NULL, 0);
	ul_tracer_drain(tracer);
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_null(ul_tracer_collect(tracer, &trace));
	bool seen = false;
	ul_vec_foreach (site, &trace.sites)
		seen |= site->cache && !strcmp(site->cache, UL_TRACE_KMALLOC_LARGE);
	return seen;
}

static void large_kmalloc_is_traced_only_when_named(void **state)
{
	(void)state;
	assert_false(sees_large(false));
	assert_true(sees_large(true));
}

static void a_full_table_is_a_loss_and_the_books_still_balance(void **state)
{
	(void)state;
	const struct ul_tracer_options options = {
		.allocators = UL_TRACE_SLAB, .stacks = true, .comm = "ul-eventfds", .max_live = 16};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	const struct child child = child_start();
	assert_null(ul_tracer_record(tracer));
	child_run(&child);
	ul_tracer_drain(tracer);
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_null(ul_tracer_collect(tracer, &trace));
	uint64_t lost = 0;
	ul_vec_foreach (loss, &trace.losses.items)
		if (strstr(loss->what, "was full"))
			lost += loss->count;
	// More than 211 contexts and as many files were held, at most 16 had room.
	assert_true(lost > HELD);
	uint64_t live = 0;
	ul_vec_foreach (site, &trace.sites) {
		assert_true(ul_site_balanced(site));
		live += site->live;
	}
	assert_true(live > 0 && live <= 16);
	child_stop(&child);
}

static void a_few_examples_are_the_oldest(void **state)
{
	(void)state;
	struct ul_tracer_options options = {
		.allocators = UL_TRACE_SLAB, .comm = "ul-eventfds", .max_examples = 7};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	const struct child child = child_start();
	assert_null(ul_tracer_record(tracer));
	child_run(&child);
	usleep(20 * 1000);
	ul_tracer_drain(tracer);
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_null(ul_tracer_collect(tracer, &trace));
	const struct ul_site *context = child_site(&trace, "kmalloc");
	assert_non_null(context);
	assert_int_equal(context->examples.len, 7);
	// All 211 were made within milliseconds: the median is no younger than the oldest seven.
	const int64_t last_ns = context->examples.data[6].time_ns;
	assert_true(context->age_p50_s <= (double)(trace.end_ns - trace.begin_ns) / 1e9 + 1);
	assert_true(context->examples.data[0].time_ns <= last_ns);
	child_stop(&child);
}

/** What the kernel says of every map this process has open: "memlock:" in /proc/self/fdinfo. */
static uint64_t locked_by_maps(void)
{
	enum { MOST = 1024 };
	uint64_t sum = 0;
	for (int fd = 0; fd < MOST; fd++) {
		char path[64];
		char line[128];
		uint64_t bytes = 0;
		bool is_map = false;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		FILE *file UL_CLEANUP_FCLOSE = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file)) {
			is_map = is_map || !strncmp(line, "map_type:", 9);
			if (!strncmp(line, "memlock:", 8))
				bytes = strtoull(line + 8, NULL, 10);
		}
		sum += is_map ? bytes : 0;
	}
	return sum;
}

/** All tables are counted, those of free paths and page holes, too; the kernel is asked. */
static void the_tables_take_no_more_than_their_budget(void **state)
{
	(void)state;
	const uint64_t mib = 1024 * 1024;
	const struct ul_tracer_options options = {
		.allocators = UL_TRACE_SLAB | UL_TRACE_PAGES | UL_TRACE_PERCPU | UL_TRACE_VMALLOC,
		.stacks = true,
		.free_paths = true,
		.freed_contents = true,
		.memory_bytes = 24 * mib,
	};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	const uint64_t bytes = ul_tracer_memory_bytes(tracer);
	const uint64_t locked = locked_by_maps();
	print_message("counted %" PRIu64 " bytes, the kernel says %" PRIu64 "\n", bytes, locked);
	assert_true(bytes <= options.memory_bytes);
	assert_true(bytes > options.memory_bytes / 2); // and makes use of it
	// Linux v6.4 and later count what a map takes (90a5527d7686); before, a rough number.
	if (locked > bytes / 2)
		assert_true(bytes > locked - locked / 10 && bytes < locked + locked / 10);
}

static void nothing_is_recorded_before_recording_begins(void **state)
{
	(void)state;
	const struct ul_tracer_options options = {.allocators = UL_TRACE_SLAB,
						  .comm = "ul-eventfds"};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	const struct child child = child_start();
	child_run(&child);
	assert_null(ul_tracer_record(tracer));
	ul_tracer_drain(tracer);
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_null(ul_tracer_collect(tracer, &trace));
	assert_int_equal(trace.sites.len, 0);
	child_stop(&child);
}

static void programs_that_keep_from_being_preempted_load_and_count_the_same(void **state)
{
	(void)state;
	const struct ul_tracer_options options = {.allocators = UL_TRACE_SLAB | UL_TRACE_PAGES |
								UL_TRACE_PERCPU | UL_TRACE_VMALLOC,
						  .stacks = true,
						  .free_paths = true,
						  .comm = "ul-eventfds",
						  .preemption = UL_TRACE_UNPREEMPTED};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	struct btf *btf = btf__load_vmlinux_btf();
	const bool wanted = ul_unpreempted_wanted(btf, UL_TRACE_UNPREEMPTED);
	btf__free(btf);
	// False: the verifier refused it, and the tracer went on without.
	assert_int_equal(tracer->unpreempted, wanted);
	if (!wanted)
		skip(); // the kernel has no functions for it
	const struct child child = child_start();
	assert_null(ul_tracer_record(tracer));
	child_run(&child);
	ul_tracer_drain(tracer);
	usleep(200 * 1000); // struct file is freed after a grace period
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_null(ul_tracer_collect(tracer, &trace));
	const struct ul_site *context = child_site(&trace, "kmalloc");
	assert_non_null(context);
	assert_int_equal(context->allocated, HELD + RELEASED);
	assert_int_equal(context->survivors, HELD);
	child_stop(&child);
}

/** The stack of the child's eventfd contexts; and how many known stacks were checked. */
static struct ul_stack context_stack(bool walk_all, uint64_t *checked)
{
	const struct ul_tracer_options options = {.allocators = UL_TRACE_SLAB,
						  .stacks = true,
						  .comm = "ul-eventfds",
						  .walk_all = walk_all};
	struct ul_stack stack = {0};
	UL_CLEANUP_TRACER struct ul_tracer *tracer = open_or_skip(&options);
	const struct child child = child_start();
	assert_null(ul_tracer_record(tracer));
	child_run(&child);
	ul_tracer_drain(tracer);
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_null(ul_tracer_collect(tracer, &trace));
	const struct ul_site *context = child_site(&trace, "kmalloc");
	assert_non_null(context);
	// One site: a stack taken for another would have made two, or left some out.
	assert_int_equal(context->allocated, HELD + RELEASED);
	assert_true(ul_stack_copy(&stack, &context->stack));
	*checked = ul_tracer_counter(tracer, ULT_STACK_CHECKED);
	assert_int_equal(ul_tracer_counter(tracer, ULT_STACK_STALE), 0);
	child_stop(&child);
	return stack;
}

static void a_stack_known_again_is_the_stack_that_would_have_been_walked(void **state)
{
	(void)state;
	uint64_t checked;
	struct ul_stack walked = context_stack(true, &checked);
	assert_int_equal(checked, 0);
	struct ul_stack known = context_stack(false, &checked);
	// One known stack in 64 is checked: of 518 contexts and as many files some must have been.
	assert_true(checked > 0);
	// The innermost are the programs themselves, and one more where somebody else traces, too.
	const size_t least =
		known.frames.len < walked.frames.len ? known.frames.len : walked.frames.len;
	assert_true(least > ULT_STACK_BELOW + 3);
	for (size_t i = 1; i < least - ULT_STACK_BELOW; i++)
		assert_int_equal(known.frames.data[known.frames.len - i].kaddr,
				 walked.frames.data[walked.frames.len - i].kaddr);
	ul_stack_deinit(&walked);
	ul_stack_deinit(&known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_process_keeps_survives_and_what_it_closes_does_not),
		cmocka_unit_test(a_cache_filter_leaves_the_others_out),
		cmocka_unit_test(a_cache_is_found_by_the_size_of_its_slots),
		cmocka_unit_test(large_kmalloc_is_traced_only_when_named),
		cmocka_unit_test(a_full_table_is_a_loss_and_the_books_still_balance),
		cmocka_unit_test(a_few_examples_are_the_oldest),
		cmocka_unit_test(the_tables_take_no_more_than_their_budget),
		cmocka_unit_test(nothing_is_recorded_before_recording_begins),
		cmocka_unit_test(programs_that_keep_from_being_preempted_load_and_count_the_same),
		cmocka_unit_test(a_stack_known_again_is_the_stack_that_would_have_been_walked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
