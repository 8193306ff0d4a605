// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above first. */
#include <cmocka.h>
#include <string.h>

#include "analysis/freepath.h"
#include "base/text.h"

static void fill_stack(struct ul_stack *stack, const char *const *functions)
{
	for (size_t i = 0; functions[i]; i++) {
		struct ul_frame *frame = ul_vec_add(&stack->frames);
		assert_non_null(frame);
		assert_true(ul_text_set(&frame->function, functions[i]));
	}
}

/** A site named after the frame number @p named of its stack. */
static struct ul_site *add_site(struct ul_trace *trace, const char *cache,
				const char *const *functions, size_t named, uint64_t freed,
				uint64_t live)
{
	struct ul_site *site = ul_vec_add(&trace->sites);
	assert_non_null(site);
	site->allocator = UL_ALLOCATOR_SLAB;
	site->object_bytes = 4096;
	site->freed = freed;
	site->live = site->survivors = live;
	site->allocated = freed + live;
	assert_true(ul_text_set(&site->cache, cache));
	fill_stack(&site->stack, functions);
	site->function = site->stack.frames.data[named].function;
	return site;
}

static void add_path(struct ul_site *site, uint64_t objects, const char *const *functions)
{
	struct ul_free_path *path = ul_vec_add(&site->free_paths);
	assert_non_null(path);
	path->objects = objects;
	fill_stack(&path->stack, functions);
}

static void add_process(struct ul_site *site, const char *comm, uint64_t freed)
{
	struct ul_site_process process = {.objects = freed};
	ul_text_copy(process.comm, sizeof(process.comm), comm);
	assert_true(ul_vec_push(&site->freed_processes, process));
}

/** One pattern of @p objects of which all have @p symbol at @p offset. */
static void add_pattern(struct ul_patterns *patterns, uint64_t objects, double share,
			uint32_t offset, const char *symbol, const char *text)
{
	struct ul_pattern *pattern = ul_vec_add(&patterns->items);
	assert_non_null(pattern);
	patterns->objects_read += objects;
	pattern->objects = objects;
	pattern->share = share;
	assert_true(ul_text_set(&pattern->text, text));
	if (!symbol)
		return;
	struct ul_pattern_word *word = ul_vec_add(&pattern->words);
	assert_non_null(word);
	*word = (struct ul_pattern_word){.offset = offset, .kind = UL_WORD_SYMBOL, .share = 1};
	assert_true(ul_text_set(&word->symbol, symbol));
}

static const char *const read_stack[] = {"kvmalloc_node", "seq_read_iter", "seq_read", NULL};
static const char *const release_path[] = {"kfree", "kvfree", "seq_release", "proc_reg_release",
					   NULL};
static const char *const other_path[] = {"kfree", "seq_read_iter", NULL};

static void the_usual_free_path_is_the_commonest_function_that_is_no_allocator(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	struct ul_site *site = add_site(&trace, "kmalloc-cg-4k", read_stack, 1, 100, 50);
	// The same stack twice: two ids in the kernel's table, or different offsets.
	add_path(site, 30, release_path);
	add_path(site, 10, other_path);
	add_path(site, 60, release_path);
	assert_null(ul_freepath_digest(site));
	assert_int_equal(site->free_paths.len, 2);
	assert_int_equal(site->free_paths.data[0].objects, 90);
	assert_string_equal(site->free_paths.data[0].function, "seq_release");
	struct ul_finding finding = {.site = site};
	assert_null(ul_freepath_explain(&trace, &finding));
	assert_string_equal(finding.free_path.usual, "seq_release");
	assert_int_equal(finding.free_path.freed, 100);
	assert_true(finding.free_path.usual_share > 0.89 && finding.free_path.usual_share < 0.91);
	assert_int_equal(finding.free_path.differences.len, 0);
	assert_null(finding.free_path.missing);
	ul_finding_deinit(&finding);
}

static void the_module_that_owns_what_is_lost_with_it_is_named(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	struct ul_site *site = add_site(&trace, "kmalloc-cg-4k", read_stack, 1, 400, 50);
	add_path(site, 400, release_path);
	assert_null(ul_freepath_digest(site));
	struct ul_finding finding = {.site = site};
	struct ul_companion *companion = ul_vec_add(&finding.companions);
	assert_non_null(companion);
	assert_true(ul_text_set(&companion->account, "seq_file"));
	add_pattern(&companion->patterns, 48, 0.96, 96, "leakstat_seq_ops [leakstat]", NULL);
	add_pattern(&companion->patterns, 2, 0.04, 96, "single_start", NULL);
	add_pattern(&companion->freed_patterns, 32, 1, 96, "single_start", NULL);
	assert_null(ul_freepath_explain(&trace, &finding));
	assert_int_equal(finding.free_path.differences.len, 1);
	const struct ul_difference *first = &finding.free_path.differences.data[0];
	assert_int_equal(first->kind, UL_DIFFERENCE_SYMBOL);
	assert_string_equal(first->what, "leakstat_seq_ops [leakstat]");
	assert_string_equal(first->module, "leakstat");
	assert_string_equal(first->account, "seq_file");
	assert_string_equal(finding.free_path.missing,
			    "96 % of the objects of seq_file lost with them point to "
			    "leakstat_seq_ops [leakstat] (at +96), none of the 32 freed ones "
			    "looked at does: look for a way out of [leakstat] that does not call "
			    "seq_release");
	ul_finding_deinit(&finding);
}

static void a_symbol_that_the_freed_ones_have_too_is_no_difference(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	struct ul_site *site = add_site(&trace, "seq_file", read_stack, 1, 400, 50);
	add_path(site, 400, release_path);
	assert_null(ul_freepath_digest(site));
	struct ul_finding finding = {.site = site};
	add_pattern(&finding.patterns, 50, 1, 96, "leakstat_seq_ops [leakstat]", NULL);
	add_pattern(&finding.freed_patterns, 8, 0.25, 96, "leakstat_seq_ops [leakstat]", NULL);
	add_pattern(&finding.freed_patterns, 24, 0.75, 96, "single_start", NULL);
	assert_null(ul_freepath_explain(&trace, &finding));
	assert_int_equal(finding.free_path.differences.len, 0);
	ul_finding_deinit(&finding);
}

static void too_few_freed_objects_prove_nothing(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	struct ul_site *site = add_site(&trace, "seq_file", read_stack, 1, 3, 50);
	add_path(site, 3, release_path);
	assert_null(ul_freepath_digest(site));
	struct ul_finding finding = {.site = site};
	add_pattern(&finding.patterns, 50, 1, 96, "leakstat_seq_ops [leakstat]", NULL);
	add_pattern(&finding.freed_patterns, 3, 1, 96, "single_start", NULL);
	assert_null(ul_freepath_explain(&trace, &finding));
	assert_string_equal(finding.free_path.usual, "seq_release");
	assert_int_equal(finding.free_path.differences.len, 0);
	ul_finding_deinit(&finding);
}

static void the_caller_only_the_lost_ones_have_is_named(void **state)
{
	(void)state;
	static const char *const good[] = {"seq_open", "good_open", "do_dentry_open", NULL};
	static const char *const bad[] = {"seq_open", "bad_open", "do_dentry_open", NULL};
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	add_site(&trace, "seq_file", good, 0, 900, 1);
	struct ul_site *site = add_site(&trace, "seq_file", bad, 0, 0, 50);
	add_path(&trace.sites.data[0], 900, release_path);
	assert_null(ul_freepath_digest(&trace.sites.data[0]));
	struct ul_finding finding = {.site = site};
	assert_null(ul_freepath_explain(&trace, &finding));
	assert_string_equal(finding.free_path.usual, "seq_release");
	assert_int_equal(finding.free_path.freed, 900);
	assert_int_equal(finding.free_path.differences.len, 1);
	assert_string_equal(finding.free_path.missing,
			    "the lost ones were allocated through bad_open, none of the 900 freed "
			    "ones looked at was: look for a way out of it that does not call "
			    "seq_release");
	ul_finding_deinit(&finding);
}

static void another_sort_counts_only_where_the_cache_has_one_type(void **state)
{
	(void)state;
	static const char *const other[] = {"__kmalloc", "somebody_else", NULL};
	static const char *const caches[] = {"kmalloc-cg-4k", "seq_file"};
	for (size_t i = 0; i < 2; i++) {
		struct ul_trace trace UL_CLEANUP_TRACE = {0};
		add_site(&trace, caches[i], other, 1, 900, 0);
		struct ul_site *site = add_site(&trace, caches[i], read_stack, 1, 0, 50);
		add_path(&trace.sites.data[0], 900, release_path);
		assert_null(ul_freepath_digest(&trace.sites.data[0]));
		struct ul_finding finding = {.site = site};
		assert_null(ul_freepath_explain(&trace, &finding));
		if (i == 0)
			assert_null(finding.free_path.usual);
		else
			assert_string_equal(finding.free_path.usual, "seq_release");
		ul_finding_deinit(&finding);
	}
}

static void a_program_whose_objects_are_not_freed_is_named(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	struct ul_site *site = add_site(&trace, "kmalloc-cg-4k", read_stack, 1, 400, 50);
	const struct ul_site_process lost = {.comm = "cat", .objects = 49};
	assert_true(ul_vec_push(&site->processes, lost));
	add_process(site, "cat", 12);
	add_process(site, "grep", 388);
	add_path(site, 400, release_path);
	assert_null(ul_freepath_digest(site));
	assert_string_equal(site->freed_processes.data[0].comm, "grep");
	struct ul_finding finding = {.site = site};
	add_pattern(&finding.patterns, 50, 1, 0, NULL, "version 15\\ntimestamp 42");
	add_pattern(&finding.freed_patterns, 16, 1, 0, NULL, "MemTotal: 1 kB");
	assert_null(ul_freepath_explain(&trace, &finding));
	assert_int_equal(finding.free_path.differences.len, 2);
	assert_string_equal(finding.free_path.missing,
			    "98 % of the lost ones were allocated by cat, 3 % of the 400 freed "
			    "ones looked at were");
	const struct ul_difference *second = &finding.free_path.differences.data[1];
	assert_int_equal(second->kind, UL_DIFFERENCE_TEXT);
	ul_finding_deinit(&finding);
}

static void what_is_known_of_frees_moves_with_a_merged_site(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	add_site(&trace, "seq_file", read_stack, 1, 10, 0);
	add_site(&trace, "seq_file", read_stack, 1, 20, 0);
	struct ul_site *into = &trace.sites.data[0];
	struct ul_site *from = &trace.sites.data[1];
	add_path(into, 10, release_path);
	add_path(from, 20, release_path);
	add_process(into, "cat", 10);
	add_process(from, "cat", 20);
	const struct ul_freed_object object = {.kaddr = 42, .len = 8};
	assert_true(ul_vec_push(&from->freed_objects, object));
	assert_null(ul_freepath_move(into, from));
	assert_null(ul_freepath_digest(into));
	assert_int_equal(into->free_paths.len, 1);
	assert_int_equal(into->free_paths.data[0].objects, 30);
	assert_int_equal(into->freed_processes.len, 1);
	assert_int_equal(into->freed_processes.data[0].objects, 30);
	assert_int_equal(into->freed_objects.len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_usual_free_path_is_the_commonest_function_that_is_no_allocator),
		cmocka_unit_test(the_module_that_owns_what_is_lost_with_it_is_named),
		cmocka_unit_test(a_symbol_that_the_freed_ones_have_too_is_no_difference),
		cmocka_unit_test(too_few_freed_objects_prove_nothing),
		cmocka_unit_test(the_caller_only_the_lost_ones_have_is_named),
		cmocka_unit_test(another_sort_counts_only_where_the_cache_has_one_type),
		cmocka_unit_test(a_program_whose_objects_are_not_freed_is_named),
		cmocka_unit_test(what_is_known_of_frees_moves_with_a_merged_site),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
