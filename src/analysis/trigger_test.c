// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traces made by hand: sites whose survivors have times, and 10 batches of 4 runs, a second each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/trigger.h"
#include "base/text.h"
#include "base/units.h"
#include "model/ledger.h"

enum { BATCHES = 10, RUNS = 4 };

struct fixture {
	struct ul_trace trace;
	struct ul_batches batches;
	struct ul_findings findings;
};

static void add_batch(struct fixture *fixture, enum ul_batch_kind kind, uint32_t runs)
{
	const int64_t begin_ns = (int64_t)fixture->batches.items.len * UL_NS_PER_S;
	const struct ul_batch batch = {kind, runs, begin_ns, begin_ns + UL_NS_PER_S / 2};
	assert_true(ul_vec_push(&fixture->batches.items, batch));
}

/**
 * Batch 0 warms up, 1 is idle, then the trigger's, then one of the control with @p control runs.
 */
static void begin(struct fixture *fixture, uint32_t control)
{
	*fixture = (struct fixture){.batches.lag_ns = UL_NS_PER_S / 100};
	fixture->trace.window_s = BATCHES;
	add_batch(fixture, UL_BATCH_WARM_UP, RUNS);
	add_batch(fixture, UL_BATCH_IDLE, 0);
	for (size_t i = 0; i < BATCHES; i++)
		add_batch(fixture, UL_BATCH_TRIGGER, RUNS);
	if (control)
		add_batch(fixture, UL_BATCH_CONTROL, control);
}

static void end(struct fixture *fixture)
{
	ul_findings_deinit(&fixture->findings);
	ul_trace_deinit(&fixture->trace);
	ul_vec_deinit(&fixture->batches.items);
}

static struct ul_site *add_site(struct fixture *fixture, const char *cache, const char *function)
{
	struct ul_site *site = ul_vec_add(&fixture->trace.sites);
	assert_non_null(site);
	*site = (struct ul_site){.allocator = UL_ALLOCATOR_SLAB, .object_bytes = 512, .trust = 1};
	assert_true(ul_text_set(&site->cache, cache) && ul_text_set(&site->account, cache));
	struct ul_frame *frame = ul_vec_add(&site->stack.frames);
	assert_true(frame && ul_text_set(&frame->function, function));
	site->function = frame->function;
	return site;
}

/** @p count objects allocated in batch @p batch and never freed. */
static void leave(struct ul_site *site, size_t batch, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		const struct ul_allocation one = {
			.key = 0xffff888000000000 + 512 * site->examples.len,
			.bytes = 512,
			.time_ns = (int64_t)batch * UL_NS_PER_S + 1000 * (int64_t)i,
			.survivor = true,
		};
		assert_true(ul_vec_push(&site->examples, one));
		site->survivors++;
		site->live++;
		site->allocated++;
	}
}

static void judge(struct fixture *fixture)
{
	const struct ul_trigger_evidence evidence = {
		.trace = &fixture->trace,
		.batches = &fixture->batches,
	};
	assert_null(ul_trigger_findings(&evidence, &fixture->findings));
}

static void what_every_run_loses_is_a_leak(void **state)
{
	struct fixture fixture;
	begin(&fixture, 0);
	struct ul_site *site = add_site(&fixture, "kmalloc-512", "queue");
	for (size_t i = 0; i < BATCHES + 2; i++)
		leave(site, i, i == 1 ? 0 : RUNS);
	struct ul_site *once = add_site(&fixture, "kmalloc-64", "init");
	leave(once, 0, 300);
	leave(once, 3, 1);
	judge(&fixture);
	assert_int_equal(fixture.findings.items.len, 1);
	const struct ul_finding *finding = fixture.findings.items.data;
	assert_int_equal(finding->verdict, UL_FINDING_LEAK);
	assert_string_equal(finding->account, "kmalloc-512");
	assert_int_equal(finding->trigger.runs, RUNS * BATCHES);
	assert_int_equal(finding->trigger.lost.lost, RUNS * BATCHES);
	assert_int_equal(finding->trigger.lost.lost_in_all, RUNS * (BATCHES + 1));
	assert_int_equal(finding->trigger.lost.numerator, 1);
	end(&fixture);
}

static void what_is_lost_together_is_one_finding(void **state)
{
	struct fixture fixture;
	begin(&fixture, 0);
	struct ul_site *file = add_site(&fixture, "filp", "alloc_empty_file");
	struct ul_site *blob = add_site(&fixture, "kmalloc-16", "security_file_alloc");
	struct ul_site *other = add_site(&fixture, "kmalloc-96", "somebody");
	blob->object_bytes = 16;
	for (size_t i = 2; i < BATCHES + 2; i++) {
		leave(file, i, RUNS);
		leave(blob, i, 2 * (uint64_t)RUNS);
		leave(other, i, i % 3 * 7);
	}
	judge(&fixture);
	const struct ul_finding *finding = fixture.findings.items.data;
	assert_string_equal(finding->account, "filp");
	assert_int_equal(finding->companions.len, 1);
	assert_string_equal(finding->companions.data[0].account, "kmalloc-16");
	assert_true(finding->companions.data[0].lost.per_run == 2.0);
	end(&fixture);
}

static void what_the_control_leaves_too_is_no_leak_of_the_trigger(void **state)
{
	struct fixture fixture;
	begin(&fixture, 8);
	struct ul_site *site = add_site(&fixture, "kmalloc-512", "queue");
	struct ul_site *clear = add_site(&fixture, "kmalloc-192", "other");
	for (size_t i = 2; i < BATCHES + 2; i++) {
		leave(site, i, RUNS);
		leave(clear, i, i % 2 ? 3 : 5);
	}
	leave(site, BATCHES + 2, 8);
	judge(&fixture);
	ul_vec_foreach (finding, &fixture.findings.items)
		assert_int_equal(finding->verdict, strcmp(finding->account, "kmalloc-512")
							   ? UL_FINDING_LEAK
							   : UL_FINDING_INCONCLUSIVE);
	assert_int_equal(fixture.findings.items.len, 2);
	assert_string_equal(fixture.findings.items.data[0].account, "kmalloc-192");
	end(&fixture);
}

static void a_bound_and_a_history_are_no_leaks(void **state)
{
	struct fixture fixture;
	begin(&fixture, 0);
	struct ul_site *bound = add_site(&fixture, "kmalloc-1k", "charge");
	struct ul_site *ring = add_site(&fixture, "kmalloc-2k", "ring_add");
	leave(bound, 0, 4);
	for (size_t i = 2; i < 6; i++)
		leave(bound, i, i == 5 ? 1 : RUNS);
	for (size_t i = 7; i < BATCHES + 2; i++)
		leave(ring, i, RUNS);
	ring->allocated = 44;
	ring->freed = 24;
	judge(&fixture);
	assert_int_equal(fixture.findings.items.len, 2);
	assert_int_equal(fixture.findings.items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
	assert_int_equal(fixture.findings.items.data[0].trigger.lost.shape, UL_PER_RUN_STOPPED);
	assert_int_equal(fixture.findings.items.data[0].trigger.lost.lost_in_all, 17);
	assert_int_equal(fixture.findings.items.data[1].verdict, UL_FINDING_HELD);
	assert_int_equal(fixture.findings.items.data[1].trigger.lost.shape, UL_PER_RUN_RECENT);
	end(&fixture);
}

static void a_stamp_that_lags_belongs_to_the_batch_that_follows(void **state)
{
	struct fixture fixture;
	begin(&fixture, 0);
	struct ul_site *site = add_site(&fixture, "kmalloc-512", "queue");
	for (size_t i = 2; i < BATCHES + 2; i++)
		leave(site, i, RUNS);
	ul_vec_foreach (example, &site->examples)
		example->time_ns -= UL_NS_PER_S / 200;
	judge(&fixture);
	assert_int_equal(fixture.findings.items.len, 1);
	assert_int_equal(fixture.findings.items.data[0].trigger.lost.lost, RUNS * BATCHES);
	end(&fixture);
}

static void a_leak_is_no_companion_of_what_the_control_leaves_too(void **state)
{
	struct fixture fixture;
	begin(&fixture, 8);
	struct ul_site *large = add_site(&fixture, "ext4_inode_cache", "ext4_alloc_inode");
	struct ul_site *small = add_site(&fixture, "kmalloc-64", "note");
	large->object_bytes = 1024;
	small->object_bytes = 64;
	for (size_t i = 2; i < BATCHES + 2; i++) {
		leave(large, i, RUNS);
		leave(small, i, RUNS);
	}
	leave(large, BATCHES + 2, 8);
	judge(&fixture);
	assert_int_equal(fixture.findings.items.len, 2);
	assert_string_equal(fixture.findings.items.data[0].account, "kmalloc-64");
	assert_int_equal(fixture.findings.items.data[0].verdict, UL_FINDING_LEAK);
	assert_int_equal(fixture.findings.items.data[1].verdict, UL_FINDING_INCONCLUSIVE);
	end(&fixture);
}

static void survivors_of_which_no_time_is_known_are_not_taken_for_none(void **state)
{
	struct fixture fixture;
	begin(&fixture, 0);
	struct ul_site *site = add_site(&fixture, "kmalloc-512", "queue");
	for (size_t i = 2; i < BATCHES / 2 + 2; i++)
		leave(site, i, RUNS);
	// The tracer kept the oldest only.
	site->survivors += RUNS * (uint64_t)BATCHES / 2;
	judge(&fixture);
	assert_int_equal(fixture.findings.items.len, 1);
	assert_int_equal(fixture.findings.items.data[0].trigger.lost.shape, UL_PER_RUN_UNEVEN);
	assert_int_equal(fixture.findings.losses.items.len, 1);
	assert_int_equal(fixture.findings.losses.items.data[0].count, RUNS * BATCHES / 2);
	end(&fixture);
}

static void an_irregular_rate_beside_unseen_frees_is_no_leak(void **state)
{
	struct fixture fixture;
	begin(&fixture, 0);
	struct ul_site *site = add_site(&fixture, "maple_node", "mas_new_ma_node");
	for (size_t i = 2; i < BATCHES + 2; i++)
		leave(site, i, 5 + i * 7 % 4);
	site->freed = 1600;
	site->allocated += 1600;
	site->trust = 0.8;
	judge(&fixture);
	assert_int_equal(fixture.findings.items.len, 1);
	assert_int_equal(fixture.findings.items.data[0].trigger.lost.shape, UL_PER_RUN_STEADY);
	assert_int_equal(fixture.findings.items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
	end(&fixture);
}

static void what_processes_that_still_run_may_hold_is_no_leak(void **state)
{
	struct fixture fixture;
	struct ul_ledger after UL_CLEANUP_LEDGER;
	ul_ledger_init(&after);
	begin(&fixture, 0);
	struct ul_site *site = add_site(&fixture, "task_struct", "copy_process");
	for (size_t i = 2; i < BATCHES + 2; i++)
		leave(site, i, RUNS);
	for (int i = 0; i < RUNS * BATCHES; i++) {
		struct ul_process *process = ul_vec_add(&after.processes);
		assert_non_null(process);
		process->pid = 1000 + i;
		process->start_ticks = 100;
	}
	const struct ul_trigger_evidence evidence = {
		.trace = &fixture.trace, .batches = &fixture.batches, .after = &after};
	assert_null(ul_trigger_findings(&evidence, &fixture.findings));
	assert_int_equal(fixture.findings.items.len, 1);
	assert_int_equal(fixture.findings.items.data[0].verdict, UL_FINDING_INCONCLUSIVE);
	end(&fixture);
}

/** How many findings there are of an object that is lost, and a reclaimable one with it. */
static size_t findings_of(uint64_t leak_bytes, uint64_t reclaimable_bytes)
{
	struct fixture fixture;
	struct ul_ledger after UL_CLEANUP_LEDGER;
	ul_ledger_init(&after);
	struct ul_cache *cache = ul_vec_add(&after.caches);
	assert_non_null(cache);
	*cache = (struct ul_cache){.reclaimable = true};
	assert_true(ul_text_set(&cache->name, "sock_inode_cache"));
	begin(&fixture, 0);
	struct ul_site *sock = add_site(&fixture, "UDP", "sk_prot_alloc");
	struct ul_site *inode = add_site(&fixture, "sock_inode_cache", "sock_alloc_inode");
	sock->object_bytes = leak_bytes;
	inode->object_bytes = reclaimable_bytes;
	for (size_t i = 2; i < BATCHES + 2; i++) {
		leave(sock, i, RUNS);
		leave(inode, i, RUNS);
	}
	const struct ul_trigger_evidence evidence = {
		.trace = &fixture.trace, .batches = &fixture.batches, .after = &after};
	assert_null(ul_trigger_findings(&evidence, &fixture.findings));
	const size_t len = fixture.findings.items.len;
	assert_string_equal(fixture.findings.items.data[0].account, "UDP");
	assert_int_equal(fixture.findings.items.data[0].verdict, UL_FINDING_LEAK);
	if (len > 1)
		assert_int_equal(fixture.findings.items.data[1].verdict, UL_FINDING_FILLING);
	else
		assert_string_equal(fixture.findings.items.data[0].companions.data[0].account,
				    "sock_inode_cache");
	end(&fixture);
	return len;
}

static void what_reclaim_could_take_goes_with_the_leak_that_holds_it(void **state)
{
	assert_int_equal(findings_of(1152, 832), 1);
	assert_int_equal(findings_of(64, 832), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_every_run_loses_is_a_leak),
		cmocka_unit_test(what_is_lost_together_is_one_finding),
		cmocka_unit_test(what_the_control_leaves_too_is_no_leak_of_the_trigger),
		cmocka_unit_test(a_bound_and_a_history_are_no_leaks),
		cmocka_unit_test(a_stamp_that_lags_belongs_to_the_batch_that_follows),
		cmocka_unit_test(a_leak_is_no_companion_of_what_the_control_leaves_too),
		cmocka_unit_test(what_reclaim_could_take_goes_with_the_leak_that_holds_it),
		cmocka_unit_test(survivors_of_which_no_time_is_known_are_not_taken_for_none),
		cmocka_unit_test(an_irregular_rate_beside_unseen_frees_is_no_leak),
		cmocka_unit_test(what_processes_that_still_run_may_hold_is_no_leak),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
