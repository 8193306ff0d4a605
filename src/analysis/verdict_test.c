// SPDX-License-Identifier: GPL-2.0-or-later
/* Evidence made by hand -> findings: what is called a leak, and, as important, what is not. */
#include "analysis/verdict_fixture.h"

static struct ul_site *add_site(struct fixture *f, const char *cache, const char *function,
				const char *comm, uint64_t allocated, uint64_t freed,
				uint64_t missed)
{
	const uint64_t survivors = allocated - freed - missed;
	struct ul_site *site = fixture_site(f, cache, function, comm, 4096, survivors);
	site->allocated = allocated;
	site->freed = freed;
	site->missed = missed;
	site->trust = freed + missed ? (double)freed / (double)(freed + missed) : 1;
	return site;
}

static const struct ul_findings *judge(struct fixture *f, bool traced,
				       const struct ul_process_mappings *mappings, size_t len)
{
	struct ul_evidence evidence = fixture_evidence(f);
	fixture_finish(f);
	evidence.mappings = mappings;
	evidence.mappings_len = len;
	if (!traced)
		evidence.trace = NULL;
	assert_null(ul_verdict(&evidence, &f->findings));
	return &f->findings;
}

static void growth_with_as_many_survivors_is_a_leak(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "kmalloc-cg-4k", 50, 4096, true);
	add_site(f, "kmalloc-cg-4k", "seq_read_iter", "cat", 700, 0, 0);
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.len, 1);
	const struct ul_finding *finding = &found->items.data[0];
	assert_int_equal(finding->verdict, UL_FINDING_LEAK);
	assert_int_equal(finding->rank, 1);
	assert_string_equal(finding->account, "kmalloc-cg-4k");
	assert_string_equal(finding->function, "seq_read_iter");
	assert_int_equal(finding->survivors, 700);
	// 50 a second from second 10 to 24, give or take a sample.
	assert_in_range(finding->grown_objects, 690, 710);
	assert_true(finding->confidence > 0.8);
}

static void survivors_of_a_cache_that_does_not_grow_are_no_finding(void **state)
{
	// 20,000 epoll add and delete pairs: 18,555 "survivors", and the cache grew by 20 KB.
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "eventpoll_epi", 0, 128, true);
	add_site(f, "eventpoll_epi", "ep_insert", "epoll", 18555, 0, 0);
	assert_int_equal(judge(f, true, NULL, 0)->items.len, 0);
}

static void a_site_cannot_leak_more_than_its_cache_grew(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "maple_node", 20, 4096, true); // 280 while recording
	add_site(f, "maple_node", "mas_store", "churn", 9000, 0, 0);
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.len, 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
	assert_true(found->items.data[0].confidence < 0.1);
}

static void a_site_whose_frees_are_proven_unseen_is_not_believed(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "kmalloc-64", 50, 4096, true);
	add_site(f, "kmalloc-64", "storm", "storm", 10000, 100, 9200); // trust 1 %, 700 survivors
	add_site(f, "kmalloc-64", "leaks", "sh", 690, 0, 0);
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_true(found->items.len >= 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_LEAK);
	assert_string_equal(found->items.data[0].function, "leaks");
	for (size_t i = 1; i < found->items.len; i++)
		assert_int_not_equal(found->items.data[i].verdict, UL_FINDING_LEAK);
}

/** The same growth and survivors as of a leak; only their ages differ. */
static void what_gets_old_and_is_still_freed_is_no_leak(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "kmalloc-4k", 50, 4096, true);
	struct ul_site *site = add_site(f, "kmalloc-4k", "queue_add", "daemon", 2000, 1300, 0);
	// Classes 13 to 15 end at 8.6, 17 and 34 s: of 800 that reached 8.6 s, most went later.
	site->ages = (struct ul_ages){
		.freed = {[13] = 600, [14] = 400, [15] = 300},
		.live = {[13] = 600, [14] = 70, [15] = 30},
	};
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.len, 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
	bool said = false;
	ul_vec_foreach (why, &found->items.data[0].why)
		said |= strstr(*why, "still being freed, as from a cache") != NULL;
	assert_true(said);
}

static void what_is_not_freed_young_and_stays_is_a_leak(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "kmalloc-4k", 50, 4096, true);
	struct ul_site *site = add_site(f, "kmalloc-4k", "seq_read", "cat", 2000, 1300, 0);
	site->ages = (struct ul_ages){
		.freed = {[2] = 1290, [4] = 10},
		.live = {[13] = 200, [14] = 300, [15] = 200},
	};
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_LEAK);
}

static void growth_without_a_trace_is_inconclusive(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "kmalloc-4k", 50, 4096, true);
	const struct ul_findings *found = judge(f, false, NULL, 0);
	assert_int_equal(found->items.len, 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
	assert_null(found->items.data[0].site);
}

static void pages_that_nobody_counts_are_found_by_bytes(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_UNACCOUNTED, "unaccounted", 50, 4096, false);
	add_site(f, NULL, "leakstat_leak_pages", "sh", 700, 0, 0);
	add_site(f, NULL, "pte_alloc_one", "sh", 5000, 0, 0); // page tables have their own account
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.len, 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_LEAK);
	assert_string_equal(found->items.data[0].function, "leakstat_leak_pages");
	assert_string_equal(ul_finding_kind_name(found->items.data[0].kind), "pages");
}

static void what_is_lost_together_is_one_finding(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "kmalloc-cg-4k", 50, 4096, true);
	fixture_grow(f, UL_KIND_SLAB, "seq_file", 50, 120, true);
	fixture_grow(f, UL_KIND_SLAB, "other", 50, 512, true);
	add_site(f, "kmalloc-cg-4k", "seq_read_iter", "cat", 700, 0, 0);
	add_site(f, "seq_file", "seq_open", "cat", 703, 0, 0);
	add_site(f, "other", "elsewhere", "sshd", 700, 0, 0);
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.len, 2);
	assert_string_equal(found->items.data[0].account, "kmalloc-cg-4k");
	assert_int_equal(found->items.data[0].companions.len, 1);
	assert_string_equal(found->items.data[0].companions.data[0].account, "seq_file");
	assert_string_equal(found->items.data[0].companions.data[0].function, "seq_open");
	assert_string_equal(found->items.data[1].account, "other");
	assert_int_equal(found->items.data[1].rank, 2);
}

static void a_vmalloc_caller_is_named_by_its_account(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_VMALLOC, "leakstat_leak_vmalloc [leakstat]", 4, 20480, true);
	const struct ul_findings *found = judge(f, false, NULL, 0);
	assert_int_equal(found->items.len, 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_LEAK);
	assert_string_equal(found->items.data[0].function, "leakstat_leak_vmalloc");
	assert_string_equal(found->items.data[0].module, "leakstat");
}

static void grow_process(struct fixture *f, pid_t pid, const char *comm)
{
	struct ul_series *series = NULL;
	char name[32];
	snprintf(name, sizeof(name), "%d:100", (int)pid);
	fixture_grow(f, UL_KIND_PROCESS, name, 50, 4096, false);
	series = ul_series_set_find(f->series, UL_KIND_PROCESS, name);
	assert_non_null(series);
	series->pid = pid;
	assert_true(ul_text_set(&series->label, comm));
}

static void a_process_that_grows_by_heap_is_a_leak_and_a_new_one_is_warming_up(void **state)
{
	struct fixture *f = *state;
	grow_process(f, 41, "old");
	grow_process(f, 42, "new");
	grow_process(f, 99, "ullage");
	struct ul_process_mappings looks[2] = {
		{.pid = 41, .comm = "old", .process_age_s = 5000},
		{.pid = 42, .comm = "new", .process_age_s = 31},
	};
	for (int i = 0; i < 2; i++) {
		looks[i].after.classes[UL_MAPPING_HEAP].rss_bytes = 4 << 20;
		ul_text_copy(looks[i].after.classes[UL_MAPPING_HEAP].largest_name, 128, "[heap]");
		looks[i].after.classes[UL_MAPPING_FILE].rss_bytes = 1 << 20;
	}
	const struct ul_findings *found = judge(f, true, looks, 2);
	assert_int_equal(found->items.len, 2); // and nothing about ourselves
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_LEAK);
	assert_string_equal(found->items.data[0].process.comm, "old");
	assert_int_equal(found->items.data[0].process.mapping, UL_MAPPING_HEAP);
	assert_int_equal(found->items.data[1].verdict, UL_FINDING_INCONCLUSIVE);
	assert_string_equal(found->items.data[1].process.comm, "new");
}

static void a_process_that_grew_faster_before_is_warming_up(void **state)
{
	// 200 KiB/s, for 70 s at most 14 MiB of the 4 MiB + 6 MiB it has: as fast as ever. The
	// other has had 200 s for 400 MiB, which at this pace are 39: it grew faster before.
	struct fixture *f = *state;
	grow_process(f, 41, "steady");
	grow_process(f, 42, "settling");
	struct ul_series *series = ul_series_set_find(f->series, UL_KIND_PROCESS, "42:100");
	ul_vec_foreach (sample, &series->samples)
		sample->bytes += 400 << 20;
	struct ul_process_mappings looks[2] = {
		{.pid = 41, .comm = "steady", .process_age_s = 70},
		{.pid = 42, .comm = "settling", .process_age_s = 200},
	};
	for (int i = 0; i < 2; i++)
		looks[i].after.classes[UL_MAPPING_ANON].rss_bytes = 4 << 20;
	const struct ul_findings *found = judge(f, true, looks, 2);
	assert_int_equal(found->items.len, 2);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_LEAK);
	assert_string_equal(found->items.data[0].process.comm, "steady");
	assert_int_equal(found->items.data[1].verdict, UL_FINDING_INCONCLUSIVE);
}

/** 700 survivors of 70,000 in filp, by three programs of which @p running still run. */
static void add_open_files(struct fixture *f, uint64_t allocated, uint64_t first_has, int running)
{
	fixture_grow(f, UL_KIND_SLAB, "filp", 50, 192, true);
	struct ul_site *site =
		add_site(f, "filp", "alloc_empty_file", "first", allocated, allocated - 700, 0);
	site->processes.data[0].objects = first_has;
	for (pid_t pid = 1; pid <= 3; pid++) {
		if (pid > 1) {
			struct ul_site_process process = {.pid = pid,
							  .objects = (700 - first_has) / 2};
			snprintf(process.comm, sizeof(process.comm), "program %d", (int)pid);
			assert_true(ul_vec_push(&site->processes, process));
		}
		struct ul_allocation example = {.key = 4096, .pid = pid, .survivor = true};
		assert_true(ul_vec_push(&site->examples, example));
		struct ul_process process = {.pid = pid};
		if (pid <= running)
			assert_true(ul_vec_push(&f->ledger.processes, process));
	}
}

static void what_several_running_programs_hold_is_inconclusive(void **state)
{
	struct fixture *f = *state;
	add_open_files(f, 70000, 300, 3);
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.len, 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
	assert_true(found->items.data[0].confidence < 0.5);
}

static void what_one_program_holds_is_a_leak(void **state)
{
	struct fixture *f = *state;
	add_open_files(f, 70000, 600, 3);
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_LEAK);
}

static void what_programs_have_left_behind_is_a_leak(void **state)
{
	struct fixture *f = *state;
	add_open_files(f, 70000, 300, 1);
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_LEAK);
}

static void what_is_hardly_ever_freed_is_a_leak(void **state)
{
	struct fixture *f = *state;
	add_open_files(f, 1400, 300, 3);
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_LEAK);
}

static void files_of_a_tmpfs_are_held(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "shmem_inode_cache", 50, 744, true);
	struct ul_site *site =
		add_site(f, "shmem_inode_cache", "shmem_alloc_inode", "sh", 700, 0, 0);
	struct ul_frame *frame = ul_vec_add(&site->stack.frames);
	assert_non_null(frame);
	assert_true(ul_text_set(&frame->function, "shmem_mknod"));
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_HELD);
}

/** @p started processes of which each began in second 12, while allocations were recorded. */
static void add_forks(struct fixture *f, size_t survivors, size_t started)
{
	fixture_grow(f, UL_KIND_SLAB, "task_struct", 50, 4096, true);
	add_site(f, "task_struct", "copy_process", "sh", survivors, 0, 0);
	for (size_t i = 0; i < started; i++) {
		struct ul_process process = {.pid = 100 + (pid_t)i, .start_ticks = 1200};
		assert_true(ul_vec_push(&f->ledger.processes, process));
	}
	struct ul_process old = {.pid = 1, .start_ticks = 999};
	assert_true(ul_vec_push(&f->ledger.processes, old));
}

static void what_new_processes_are_made_of_is_held(void **state)
{
	struct fixture *f = *state;
	add_forks(f, 700, 690);
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_HELD);
}

static void what_new_processes_may_hold_is_inconclusive(void **state)
{
	struct fixture *f = *state;
	add_forks(f, 700, 20); // 35 for each
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
}

/** Survivors that every one of @p started new processes took itself; some of them still run. */
static void add_execs(struct fixture *f, pid_t started, pid_t running)
{
	fixture_grow(f, UL_KIND_SLAB, "mm_struct", 50, 1024, true);
	struct ul_site *site = add_site(f, "mm_struct", "mm_alloc", "sleep", 2800, 2100, 0);
	for (pid_t pid = 1; pid <= started; pid++) {
		struct ul_allocation example = {.key = 4096, .pid = pid, .survivor = true};
		assert_true(ul_vec_push(&site->examples, example));
		struct ul_process process = {.pid = pid, .start_ticks = 1200};
		if (pid <= running)
			assert_true(ul_vec_push(&f->ledger.processes, process));
	}
}

static void what_exec_gave_new_processes_is_inconclusive(void **state)
{
	struct fixture *f = *state;
	add_execs(f, 300, 290);
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
}

static void what_exec_gave_processes_that_ended_is_a_leak(void **state)
{
	struct fixture *f = *state;
	add_execs(f, 300, 100);
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_LEAK);
}

static void what_one_new_process_takes_is_a_leak(void **state)
{
	struct fixture *f = *state;
	add_execs(f, 1, 1);
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_LEAK);
}

static void what_ended_processes_leave_of_fork_is_a_leak(void **state)
{
	struct fixture *f = *state;
	add_forks(f, 700, 10); // 70 for each
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_LEAK);
}

static void what_is_freed_late_by_design_is_filling(void **state)
{
	// Every fork makes a stack; its vmap_area is freed when 32 MiB of them are gathered.
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "vmap_area", 10, 64, true);
	add_site(f, "vmap_area", "alloc_vmap_area", "sh", 140, 0, 0);
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.len, 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_FILLING);
}

static void what_lives_longer_than_the_window_by_design_is_inconclusive(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "tw_sock_TCP", 10, 248, true);
	add_site(f, "tw_sock_TCP", "inet_twsk_alloc", "nc", 286, 0, 0);
	const struct ul_finding *found = &judge(f, true, NULL, 0)->items.data[0];
	assert_int_equal(found->verdict, UL_FINDING_INCONCLUSIVE);
	assert_true(found->confidence < 0.5);
}

static void the_ports_of_closed_connections_are_inconclusive(void **state)
{
	// Their buckets lie in a merged cache, here that of struct pid.
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "pid", 10, 128, true);
	add_site(f, "pid", "__inet_hash_connect", "churn", 249, 0, 0);
	assert_int_equal(judge(f, true, NULL, 0)->items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
}

static void the_slab_allocators_own_bookkeeping_is_held(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_SLAB, "kmalloc-192", 10, 192, true);
	add_site(f, "kmalloc-192", "alloc_slab_obj_exts", "find", 140, 0, 0);
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.len, 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_HELD);
}

static void what_reclaim_takes_back_is_filling(void **state)
{
	struct fixture *f = *state;
	fixture_grow(f, UL_KIND_FILE, "page cache", 500, 4096, false);
	struct ul_series *series = ul_series_set_find(f->series, UL_KIND_FILE, "page cache");
	series->reclaimable = true;
	const struct ul_findings *found = judge(f, true, NULL, 0);
	assert_int_equal(found->items.len, 1);
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_FILLING);
}

static void nothing_at_all_gives_no_finding(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(judge(f, true, NULL, 0)->items.len, 0);
}

int main(void)
{
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(growth_with_as_many_survivors_is_a_leak),
		WITH_FIXTURE(survivors_of_a_cache_that_does_not_grow_are_no_finding),
		WITH_FIXTURE(a_site_cannot_leak_more_than_its_cache_grew),
		WITH_FIXTURE(a_site_whose_frees_are_proven_unseen_is_not_believed),
		WITH_FIXTURE(what_gets_old_and_is_still_freed_is_no_leak),
		WITH_FIXTURE(what_is_not_freed_young_and_stays_is_a_leak),
		WITH_FIXTURE(growth_without_a_trace_is_inconclusive),
		WITH_FIXTURE(pages_that_nobody_counts_are_found_by_bytes),
		WITH_FIXTURE(what_is_lost_together_is_one_finding),
		WITH_FIXTURE(a_vmalloc_caller_is_named_by_its_account),
		WITH_FIXTURE(a_process_that_grows_by_heap_is_a_leak_and_a_new_one_is_warming_up),
		WITH_FIXTURE(a_process_that_grew_faster_before_is_warming_up),
		WITH_FIXTURE(what_several_running_programs_hold_is_inconclusive),
		WITH_FIXTURE(what_one_program_holds_is_a_leak),
		WITH_FIXTURE(what_programs_have_left_behind_is_a_leak),
		WITH_FIXTURE(what_is_hardly_ever_freed_is_a_leak),
		WITH_FIXTURE(files_of_a_tmpfs_are_held),
		WITH_FIXTURE(what_new_processes_are_made_of_is_held),
		WITH_FIXTURE(what_new_processes_may_hold_is_inconclusive),
		WITH_FIXTURE(what_exec_gave_new_processes_is_inconclusive),
		WITH_FIXTURE(what_exec_gave_processes_that_ended_is_a_leak),
		WITH_FIXTURE(what_one_new_process_takes_is_a_leak),
		WITH_FIXTURE(what_ended_processes_leave_of_fork_is_a_leak),
		WITH_FIXTURE(what_is_freed_late_by_design_is_filling),
		WITH_FIXTURE(what_lives_longer_than_the_window_by_design_is_inconclusive),
		WITH_FIXTURE(the_ports_of_closed_connections_are_inconclusive),
		WITH_FIXTURE(the_slab_allocators_own_bookkeeping_is_held),
		WITH_FIXTURE(what_reclaim_takes_back_is_filling),
		WITH_FIXTURE(nothing_at_all_gives_no_finding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
