// SPDX-License-Identifier: GPL-2.0-or-later
/* Findings made by hand: nothing in them is owned but the suspects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/suspects.h"

static char account[] = "kmalloc-cg-4k";
static char ops[] = "leak_ops [leak]";
static char module[] = "leak";

static const char *const ops_functions[] = {"leak_open", "leak_read", "leak_release"};
static const struct ul_ops_table tables[] = {
	{.symbol = ops, .functions = ops_functions, .functions_len = 3}};

/** A site whose stack has these functions, innermost first. */
static struct ul_site make_site(struct ul_frame *frames, const char *const *functions, size_t len)
{
	struct ul_site site = {.cache = account};
	for (size_t i = 0; i < len; i++)
		frames[i] = (struct ul_frame){.function = (char *)(uintptr_t)functions[i]};
	site.stack.frames.data = frames;
	site.stack.frames.len = len;
	return site;
}

static const struct ul_suspect *find(const struct ul_finding *finding, const char *function)
{
	ul_vec_foreach (suspect, &finding->suspects)
		if (!strcmp(suspect->function, function))
			return suspect;
	return NULL;
}

static void release(struct ul_finding *finding)
{
	ul_vec_foreach (suspect, &finding->suspects)
		ul_suspect_deinit(suspect);
	ul_vec_deinit(&finding->suspects);
}

static void the_nearer_frame_is_more_suspicious(void **state)
{
	static const char *const functions[] = {"__kmalloc_node", "seq_read_iter", "seq_read",
						"vfs_read", "do_syscall_64"};
	struct ul_frame frames[5];
	const struct ul_site site = make_site(frames, functions, 5);
	struct ul_finding finding = {.account = account, .site = &site};
	assert_null(ul_suspects(&finding, NULL, 0));
	assert_int_equal(finding.suspects.len, 2); // no allocator, no entry
	assert_string_equal(finding.suspects.data[0].function, "seq_read_iter");
	assert_non_null(strstr(finding.suspects.data[0].why, "allocates the lost"));
	assert_string_equal(finding.suspects.data[1].function, "seq_read");
	release(&finding);
}

static void what_only_lost_objects_point_to_beats_the_stack(void **state)
{
	static const char *const functions[] = {"seq_read_iter", "seq_read"};
	struct ul_frame frames[2];
	const struct ul_site site = make_site(frames, functions, 2);
	struct ul_difference difference = {
		.kind = UL_DIFFERENCE_SYMBOL,
		.what = ops,
		.module = module,
		.lost = 1,
		.freed = 0,
		.offset = 0x60,
	};
	struct ul_finding finding = {.account = account, .site = &site};
	finding.free_path.differences.data = &difference;
	finding.free_path.differences.len = 1;
	assert_null(ul_suspects(&finding, tables, 1));
	// Of the functions of the table the one that ends an object's life is first.
	assert_string_equal(finding.suspects.data[0].function, "leak_release");
	assert_string_equal(finding.suspects.data[0].module, "leak");
	assert_non_null(strstr(finding.suspects.data[0].why, "leak_ops"));
	assert_non_null(strstr(finding.suspects.data[0].why, "0 % of the freed"));
	assert_true(find(&finding, "leak_open")->score > find(&finding, "seq_read_iter")->score);
	release(&finding);
}

static void what_lost_and_freed_share_accuses_nobody(void **state)
{
	struct ul_difference difference = {
		.kind = UL_DIFFERENCE_SYMBOL, .what = ops, .lost = 1, .freed = 1};
	struct ul_finding finding = {.account = account};
	finding.free_path.differences.data = &difference;
	finding.free_path.differences.len = 1;
	assert_null(ul_suspects(&finding, tables, 1));
	assert_int_equal(finding.suspects.len, 0);
}

static void a_companions_contents_count(void **state)
{
	struct ul_pattern_word word = {.kind = UL_WORD_SYMBOL, .symbol = ops, .share = 1};
	struct ul_pattern pattern = {.share = 1, .objects = 10};
	struct ul_companion companion = {.account = account};
	struct ul_finding finding = {.account = account};
	pattern.words.data = &word;
	pattern.words.len = 1;
	companion.patterns.items.data = &pattern;
	companion.patterns.items.len = 1;
	finding.companions.data = &companion;
	finding.companions.len = 1;
	assert_null(ul_suspects(&finding, tables, 1));
	assert_int_equal(finding.suspects.len, 3);
	assert_string_equal(finding.suspects.data[0].function, "leak_release");
	release(&finding);
}

static void only_the_first_eight_are_kept(void **state)
{
	char names[12][8];
	const char *functions[12];
	struct ul_frame frames[12];
	for (size_t i = 0; i < 12; i++) {
		snprintf(names[i], sizeof(names[i]), "f%02zu", i);
		functions[i] = names[i];
	}
	const struct ul_site site = make_site(frames, functions, 12);
	struct ul_finding finding = {.account = account, .site = &site};
	assert_null(ul_suspects(&finding, NULL, 0));
	assert_int_equal(finding.suspects.len, 8);
	assert_string_equal(finding.suspects.data[7].function, "f07");
	release(&finding);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearer_frame_is_more_suspicious),
		cmocka_unit_test(what_only_lost_objects_point_to_beats_the_stack),
		cmocka_unit_test(what_lost_and_freed_share_accuses_nobody),
		cmocka_unit_test(a_companions_contents_count),
		cmocka_unit_test(only_the_first_eight_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
