// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "analysis/difference.h"
#include "base/text.h"

/** A site of one frame or two; the function named is the first. */
static struct ul_site *add(struct ul_trace *trace, enum ul_allocator allocator, const char *cache,
			   const char *function, const char *caller, uint64_t live, uint64_t bytes)
{
	struct ul_site *site = ul_vec_add(&trace->sites);
	assert_non_null(site);
	site->allocator = allocator;
	site->age_p50_s = 7;
	site->trust = 1;
	site->live = site->allocated = site->survivors = live;
	site->live_bytes = site->allocated_bytes = site->survivor_bytes = bytes;
	assert_true(ul_text_set(&site->cache, cache));
	struct ul_frame *frame = ul_vec_add(&site->stack.frames);
	assert_true(frame && ul_text_set(&frame->function, function));
	site->function = frame->function;
	if (caller) {
		frame = ul_vec_add(&site->stack.frames);
		assert_true(frame && ul_text_set(&frame->function, caller));
	}
	return site;
}

static const struct ul_site *find(const struct ul_trace *trace, const char *function)
{
	ul_vec_foreach (site, &trace->sites)
		if (!strcmp(site->function, function))
			return site;
	return NULL;
}

static void a_difference_is_what_came_since(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace begin = {0};
	UL_CLEANUP_TRACE struct ul_trace end = {0};
	add(&begin, UL_ALLOCATOR_SLAB, "c", "grows", NULL, 10, 1000);
	add(&begin, UL_ALLOCATOR_SLAB, "c", "shrinks", NULL, 10, 1000);
	add(&begin, UL_ALLOCATOR_SLAB, "c", "gone", NULL, 10, 1000);
	add(&begin, UL_ALLOCATOR_SLAB, "d", "new", NULL, 10, 1000); // another cache
	add(&end, UL_ALLOCATOR_SLAB, "c", "shrinks", NULL, 4, 400);
	add(&end, UL_ALLOCATOR_SLAB, "c", "new", NULL, 3, 300);
	add(&end, UL_ALLOCATOR_SLAB, "c", "grows", NULL, 111, 11100);
	assert_null(ul_difference_since(&end, &begin, 0));
	assert_int_equal(find(&end, "grows")->survivors, 101);
	assert_int_equal(find(&end, "grows")->survivor_bytes, 10100);
	assert_int_equal(find(&end, "new")->survivors, 3);
	assert_int_equal(find(&end, "shrinks")->live, 0);
	assert_true(isnan(find(&end, "grows")->age_p50_s));
	assert_int_equal(end.events, 104);
	ul_vec_foreach (site, &end.sites)
		assert_true(ul_site_balanced(site));
	ul_difference_prune(&end);
	assert_int_equal(end.sites.len, 2);
	assert_string_equal(end.sites.data[0].function, "grows"); // most bytes first
	assert_int_equal(end.sites.data[0].object_bytes, 100);
}

static void lines_of_one_function_are_kept_apart(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace begin = {0};
	UL_CLEANUP_TRACE struct ul_trace end = {0};
	add(&begin, UL_ALLOCATOR_SLAB, NULL, "f", NULL, 5, 50)->stack.frames.data[0].line = 1;
	add(&end, UL_ALLOCATOR_SLAB, NULL, "f", NULL, 6, 60)->stack.frames.data[0].line = 1;
	add(&end, UL_ALLOCATOR_SLAB, NULL, "f", NULL, 6, 60)->stack.frames.data[0].line = 2;
	assert_null(ul_difference_since(&end, &begin, 0));
	assert_int_equal(end.sites.data[0].live, 6);
	assert_int_equal(end.sites.data[0].stack.frames.data[0].line, 2);
	assert_int_equal(end.sites.data[1].live, 1);
}

static void processes_and_examples_are_those_since(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace begin = {0};
	UL_CLEANUP_TRACE struct ul_trace end = {0};
	struct ul_site *before = add(&begin, UL_ALLOCATOR_PAGES, NULL, "f", NULL, 5, 50);
	struct ul_site *after = add(&end, UL_ALLOCATOR_PAGES, NULL, "f", NULL, 9, 90);
	const struct ul_site_process old = {.pid = 1, .comm = "init", .objects = 5};
	const struct ul_site_process cat = {.pid = 2, .comm = "cat", .objects = 4};
	assert_true(ul_vec_push(&before->processes, old));
	assert_true(ul_vec_push(&after->processes, old));
	assert_true(ul_vec_push(&after->processes, cat));
	for (int64_t time = 1; time <= 4; time++)
		assert_true(
			ul_vec_push(&after->examples, ((struct ul_allocation){.time_ns = time})));
	assert_null(ul_difference_since(&end, &begin, 3));
	assert_int_equal(end.sites.data[0].processes.len, 1);
	assert_string_equal(end.sites.data[0].processes.data[0].comm, "cat");
	assert_int_equal(end.sites.data[0].examples.len, 2);
}

static void an_exact_count_replaces_what_it_covers_and_keeps_the_addresses(void **state)
{
	(void)state;
	static const char *const caches[] = {"c"};
	const struct ul_difference_cover cover = {.caches = caches, .caches_len = 1};
	UL_CLEANUP_TRACE struct ul_trace traced = {0};
	UL_CLEANUP_TRACE struct ul_trace exact = {0};
	struct ul_site *site = add(&traced, UL_ALLOCATOR_SLAB, "c", "f", "near", 90, 900);
	assert_true(ul_vec_push(&site->examples, ((struct ul_allocation){.key = 42})));
	site->allocated = 500;
	site->allocated_bytes = 5000;
	site->trust = 0.1;
	add(&traced, UL_ALLOCATOR_SLAB, "c", "f", "far", 8, 80);
	add(&traced, UL_ALLOCATOR_SLAB, "c", "blind", NULL, 70, 700); // its frees were not seen
	add(&traced, UL_ALLOCATOR_SLAB, "other", "g", NULL, 7, 70);
	add(&traced, UL_ALLOCATOR_PAGES, NULL, "h", NULL, 7, 70);
	add(&exact, UL_ALLOCATOR_SLAB, "c", "f", "near", 100, 1000)->exact = true;
	add(&exact, UL_ALLOCATOR_SLAB, "c", "blind", NULL, 0, 0)->exact = true;
	assert_null(ul_difference_replace(&traced, &exact, &cover));
	assert_int_equal(traced.sites.len, 3);
	const struct ul_site *f = find(&traced, "f");
	assert_true(f->exact && f->survivors == 100 && f->trust == 1);
	assert_int_equal(f->allocated, 500);
	assert_true(ul_site_balanced(f));
	assert_int_equal(f->examples.data[0].key, 42);
	assert_null(find(&traced, "blind"));
	assert_non_null(find(&traced, "g"));
	assert_non_null(find(&traced, "h"));
}

static void a_count_by_function_says_how_far_tracing_is_believed(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace traced = {0};
	UL_CLEANUP_TRACE struct ul_trace counted = {0};
	// Two callers of one allocating function: 1000 bytes survived by tracing, 250 by count.
	add(&traced, UL_ALLOCATOR_SLAB, "c", "f", "a", 60, 600);
	add(&traced, UL_ALLOCATOR_SLAB, "c", "f", "b", 40, 400);
	add(&traced, UL_ALLOCATOR_SLAB, "c", "good", NULL, 10, 100)->trust = 0.2;
	add(&traced, UL_ALLOCATOR_SLAB, "c", "unknown", NULL, 10, 100)->trust = 0.3;
	add(&traced, UL_ALLOCATOR_SLAB, "c", "still", NULL, 10, 100);
	add(&counted, UL_ALLOCATOR_SLAB, NULL, "f", NULL, 25, 250);
	add(&counted, UL_ALLOCATOR_SLAB, NULL, "good", NULL, 11, 110);
	add(&counted, UL_ALLOCATOR_SLAB, NULL, "still", NULL, 0, 0);
	ul_difference_confirm(&traced, &counted);
	assert_true(fabs(traced.sites.data[0].trust - 0.25) < 1e-9);
	assert_true(fabs(traced.sites.data[1].trust - 0.25) < 1e-9);
	assert_true(find(&traced, "good")->trust == 1);
	assert_true(fabs(find(&traced, "unknown")->trust - 0.3) < 1e-9);
	assert_true(find(&traced, "still")->trust == 0);
}

static void findings_are_told_what_was_counted(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace traced = {0};
	UL_CLEANUP_TRACE struct ul_trace counted = {.engine = "allocinfo"};
	UL_CLEANUP_TRACE struct ul_trace orphans = {0};
	UL_CLEANUP_FINDINGS struct ul_findings findings = {0};
	const struct ul_site *site = add(&traced, UL_ALLOCATOR_SLAB, "c", "f", "a", 60, 600);
	add(&counted, UL_ALLOCATOR_SLAB, NULL, "f", NULL, 25, 2048);
	add(&orphans, UL_ALLOCATOR_SLAB, NULL, "f", "z", 3, 30);
	add(&orphans, UL_ALLOCATOR_SLAB, NULL, "g", NULL, 4, 40);
	struct ul_finding *finding = ul_vec_add(&findings.items);
	finding->site = site;
	assert_non_null(ul_vec_add(&findings.items)); // one without a site
	assert_null(ul_difference_explain(&findings, &counted, &orphans));
	finding = findings.items.data;
	assert_int_equal(finding->why.len, 2);
	assert_non_null(strstr(finding->why.data[0], "counts 25 more live"));
	assert_non_null(strstr(finding->why.data[1], "kmemleak reports 3 orphans"));
	assert_int_equal(findings.items.data[1].why.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_difference_is_what_came_since),
		cmocka_unit_test(lines_of_one_function_are_kept_apart),
		cmocka_unit_test(processes_and_examples_are_those_since),
		cmocka_unit_test(an_exact_count_replaces_what_it_covers_and_keeps_the_addresses),
		cmocka_unit_test(a_count_by_function_says_how_far_tracing_is_believed),
		cmocka_unit_test(findings_are_told_what_was_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
