// SPDX-License-Identifier: GPL-2.0-or-later
/* What points to what, by hand -> which findings become one, and under which object. */
#include "analysis/verdict_fixture.h"

#include "analysis/verdict_join.h"

enum { LOOKED_AT = 256 };

/** A cache that grows by @p per_s objects of 512 bytes, and a site of @p comm as much of it. */
static void lose(struct fixture *f, const char *cache, const char *comm, double per_s)
{
	char function[64];
	(void)snprintf(function, sizeof(function), "%s_new", cache);
	fixture_grow(f, UL_KIND_SLAB, cache, per_s, 512, true);
	fixture_site(f, cache, function, comm, 512, (uint64_t)(per_s * 14));
}

static void judge(struct fixture *f)
{
	fixture_finish(f);
	const struct ul_evidence evidence = fixture_evidence(f);
	assert_null(ul_verdict(&evidence, &f->findings));
	ul_vec_foreach (site, &f->trace.sites) {
		struct ul_linked *linked = ul_vec_add(&f->links.sites);
		assert_non_null(linked);
		linked->site = site;
		for (size_t i = 0; i < LOOKED_AT && i < site->survivors; i++)
			assert_true(ul_vec_push(&linked->objects, i));
	}
}

static size_t site_of(const struct fixture *f, const char *cache)
{
	for (size_t i = 0; i < f->links.sites.len; i++)
		if (!strcmp(f->links.sites.data[i].site->cache, cache))
			return i;
	fail_msg("no site of %s", cache);
	return 0;
}

static void point(struct fixture *f, const char *from, const char *to, uint64_t pointed)
{
	const struct ul_link link = {.from = site_of(f, from),
				     .to = site_of(f, to),
				     .pointing = pointed,
				     .pointed = pointed};
	assert_true(ul_vec_push(&f->links.items, link));
}

static const struct ul_findings *join(struct fixture *f)
{
	const struct ul_evidence evidence = fixture_evidence(f);
	assert_null(ul_verdict_join_linked(&evidence, &f->links, &f->findings));
	return &f->findings;
}

static const struct ul_companion *companion(const struct ul_finding *finding, const char *account)
{
	ul_vec_foreach (one, &finding->companions)
		if (!strcmp(one->account, account))
			return one;
	return NULL;
}

static void a_companion_that_points_to_the_rest_takes_its_place(void **state)
{
	struct fixture *f = *state;
	struct ul_cache *cache = ul_vec_add(&f->ledger.caches);
	assert_non_null(cache);
	cache->name = strdup("kmalloc-cg-4k");
	assert_true(ul_vec_push(&cache->aliases, strdup("another")));
	lose(f, "kmalloc-cg-4k", "cat", 50);
	lose(f, "seq_file", "cat", 49);
	judge(f);
	assert_int_equal(f->findings.items.len, 1);
	assert_string_equal(f->findings.items.data[0].aliases, "another");
	assert_string_equal(f->findings.items.data[0].account, "kmalloc-cg-4k");
	point(f, "seq_file", "kmalloc-cg-4k", 250);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 1);
	const struct ul_finding *finding = &found->items.data[0];
	assert_string_equal(finding->account, "seq_file");
	assert_string_equal(finding->function, "seq_file_new");
	assert_null(finding->aliases);
	assert_int_equal(finding->verdict, UL_FINDING_LEAK);
	assert_int_equal(finding->survivors, 49 * 14);
	assert_in_range(finding->grown_objects, 49 * 14 - 14, 49 * 14 + 14);
	assert_true(finding->group_bytes_per_s > 95 * 512);
	assert_int_equal(finding->companions.len, 1);
	const struct ul_companion *buffer = companion(finding, "kmalloc-cg-4k");
	assert_non_null(buffer);
	assert_string_equal(buffer->pointed_by, "seq_file");
	assert_int_equal(buffer->pointed, 250);
	assert_int_equal(buffer->looked_at, LOOKED_AT);
	assert_int_equal(buffer->survivors, 50 * 14);
	assert_int_equal(finding->next.len, 1);
	assert_string_equal(finding->next.data[0], "ullage trace --cache seq_file --for 1m");
}

static void numbers_may_differ_where_pointers_agree(void **state)
{
	struct fixture *f = *state;
	lose(f, "sock", "server", 30);
	lose(f, "skb", "client", 120); // four for each, sent by somebody else
	lose(f, "head", "client", 120);
	judge(f);
	assert_int_equal(f->findings.items.len, 2); // skb and head by number
	point(f, "sock", "skb", 250);
	point(f, "skb", "head", 255);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 1);
	assert_string_equal(found->items.data[0].account, "sock");
	assert_int_equal(found->items.data[0].rank, 1);
	assert_int_equal(found->items.data[0].companions.len, 2);
	assert_string_equal(companion(&found->items.data[0], "skb")->pointed_by, "sock");
	assert_string_equal(companion(&found->items.data[0], "head")->pointed_by, "skb");
}

static void of_a_share_of_addresses_a_share_of_pointers_is_seen(void **state)
{
	struct fixture *f = *state;
	lose(f, "kmalloc-cg-4k", "cat", 50);
	lose(f, "seq_file", "cat", 49);
	judge(f);
	point(f, "seq_file", "kmalloc-cg-4k", 50); // of 256 and 256
	f->trace.share = 0.25;
	assert_string_equal(join(f)->items.data[0].account, "seq_file");
}

static void what_all_share_joins_nothing(void **state)
{
	struct fixture *f = *state;
	lose(f, "one", "cat", 50);
	lose(f, "two", "sh", 80);
	judge(f);
	point(f, "one", "two", 5); // the same five, again and again
	assert_int_equal(join(f)->items.len, 2);
}

static void two_leaks_of_things_that_point_to_a_third_stay_two(void **state)
{
	struct fixture *f = *state;
	lose(f, "first", "cat", 90);
	lose(f, "second", "sh", 40);
	lose(f, "shared", "init", 60);
	judge(f);
	assert_int_equal(f->findings.items.len, 3);
	point(f, "first", "shared", 200);
	point(f, "second", "shared", 200);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 2);
	assert_string_equal(found->items.data[0].account, "first");
	assert_non_null(companion(&found->items.data[0], "shared"));
	assert_string_equal(found->items.data[1].account, "second");
	assert_int_equal(found->items.data[1].companions.len, 0);
}

static void of_a_ring_the_one_that_grows_most_stands_for_all(void **state)
{
	struct fixture *f = *state;
	lose(f, "inode", "cat", 90);
	lose(f, "dentry", "sh", 40);
	judge(f);
	point(f, "inode", "dentry", 200);
	point(f, "dentry", "inode", 200);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 1);
	assert_string_equal(found->items.data[0].account, "inode");
	assert_string_equal(companion(&found->items.data[0], "dentry")->pointed_by, "inode");
}

static void what_is_held_for_a_reason_is_no_part_of_a_leak(void **state)
{
	struct fixture *f = *state;
	lose(f, "leaking", "cat", 50);
	lose(f, "held", "sh", 80);
	judge(f);
	assert_int_equal(f->findings.items.len, 2);
	f->findings.items.data[0].verdict = UL_FINDING_HELD; // "held", by rank
	assert_string_equal(f->findings.items.data[0].account, "held");
	point(f, "held", "leaking", 200);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 2);
	assert_string_equal(found->items.data[0].account, "leaking");
	assert_int_equal(found->items.data[1].verdict, UL_FINDING_HELD);
}

static void a_root_that_was_inconclusive_is_a_leak_with_what_hangs_from_it(void **state)
{
	struct fixture *f = *state;
	lose(f, "buffer", "cat", 50);
	lose(f, "file", "sh", 80);
	judge(f);
	f->findings.items.data[0].verdict = UL_FINDING_INCONCLUSIVE;
	assert_string_equal(f->findings.items.data[0].account, "file");
	point(f, "file", "buffer", 200);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 1);
	assert_string_equal(found->items.data[0].account, "file");
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_LEAK);
}

static void what_the_kernel_keeps_by_design_stands_for_no_leak_it_points_to(void **state)
{
	struct fixture *f = *state;
	lose(f, "buffer", "cat", 50);
	lose(f, "sheaf", "cat", 49);
	ul_vec_foreach (site, &f->trace.sites)
		if (!strcmp(site->cache, "sheaf"))
			assert_true(ul_text_set(&site->stack.frames.data[0].function,
						"alloc_empty_sheaf"));
	judge(f);
	point(f, "sheaf", "buffer", 250);
	point(f, "buffer", "sheaf", 250);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 2);
	assert_string_equal(found->items.data[0].account, "buffer");
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_LEAK);
	assert_int_equal(found->items.data[0].companions.len, 0);
	assert_int_equal(found->items.data[1].verdict, UL_FINDING_HELD);
}

static void what_stands_below_something_held_is_joined_without_it(void **state)
{
	struct fixture *f = *state;
	lose(f, "buffer", "cat", 90);
	lose(f, "file", "sh", 60);
	lose(f, "sheaf", "init", 30);
	ul_vec_foreach (site, &f->trace.sites)
		if (!strcmp(site->cache, "sheaf"))
			assert_true(ul_text_set(&site->stack.frames.data[0].function,
						"alloc_empty_sheaf"));
	judge(f);
	point(f, "sheaf", "file", 250);
	point(f, "file", "buffer", 250);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 2);
	assert_string_equal(found->items.data[0].account, "file");
	assert_non_null(companion(&found->items.data[0], "buffer"));
	assert_int_equal(found->items.data[1].verdict, UL_FINDING_HELD);
}

/** Ten processes that started while recording and still run, and took what is left of @p cache. */
static void still_run(struct fixture *f, const char *cache)
{
	for (pid_t pid = 100; pid < 110; pid++) {
		struct ul_process *process = ul_vec_add(&f->ledger.processes);
		assert_non_null(process);
		process->pid = pid;
		process->start_ticks = 2000;
		ul_vec_foreach (site, &f->trace.sites) {
			const struct ul_allocation example = {.pid = pid, .survivor = true};
			if (!strcmp(site->cache, cache))
				assert_true(ul_vec_push(&site->examples, example));
		}
	}
}

static void what_running_processes_may_hold_is_no_leak_for_pointing_to_one(void **state)
{
	struct fixture *f = *state;
	lose(f, "buffer", "cat", 50);
	lose(f, "file", "sh", 40);
	still_run(f, "file");
	judge(f);
	assert_int_equal(f->findings.items.len, 2);
	assert_int_equal(f->findings.items.data[1].verdict, UL_FINDING_INCONCLUSIVE);
	point(f, "file", "buffer", 250);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 2);
	assert_string_equal(found->items.data[0].account, "buffer");
	assert_int_equal(found->items.data[0].verdict, UL_FINDING_LEAK);
	assert_string_equal(found->items.data[1].account, "file");
	assert_int_equal(found->items.data[1].verdict, UL_FINDING_INCONCLUSIVE);
}

static void what_running_processes_may_hold_is_lost_with_what_points_to_it(void **state)
{
	struct fixture *f = *state;
	lose(f, "file", "cat", 50);
	lose(f, "buffer", "sh", 40);
	still_run(f, "buffer");
	judge(f);
	point(f, "file", "buffer", 250);
	const struct ul_findings *found = join(f);
	assert_int_equal(found->items.len, 1);
	assert_string_equal(found->items.data[0].account, "file");
	assert_non_null(companion(&found->items.data[0], "buffer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_companion_that_points_to_the_rest_takes_its_place,
						setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_may_differ_where_pointers_agree, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_all_share_joins_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(of_a_share_of_addresses_a_share_of_pointers_is_seen,
						setup, teardown),
		cmocka_unit_test_setup_teardown(two_leaks_of_things_that_point_to_a_third_stay_two,
						setup, teardown),
		cmocka_unit_test_setup_teardown(of_a_ring_the_one_that_grows_most_stands_for_all,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_held_for_a_reason_is_no_part_of_a_leak,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_root_that_was_inconclusive_is_a_leak_with_what_hangs_from_it, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			what_the_kernel_keeps_by_design_stands_for_no_leak_it_points_to, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			what_stands_below_something_held_is_joined_without_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_running_processes_may_hold_is_no_leak_for_pointing_to_one, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			what_running_processes_may_hold_is_lost_with_what_points_to_it, setup,
			teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
