// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading out of made-up trees: which sources are there, which are refused, and the tick rate. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "source/exact/exact.h"

struct tree {
	char root[64];
	struct ul_exact_options options;
};

static void make_directories(const char *path)
{
	char part[512];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		assert_true(mkdir(part, 0700) == 0 || errno == EEXIST);
	}
}

static void put(const struct tree *tree, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", tree->root, name);
	make_directories(path);
	UL_CLEANUP_FCLOSE FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static int make_tree(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	snprintf(tree->root, sizeof(tree->root), "/tmp/ullage-exact-XXXXXX");
	if (!tree || !mkdtemp(tree->root))
		return -1;
	tree->options.proc_root = tree->options.sys_root = tree->root;
	tree->options.page_bytes = 4096;
	*state = tree;
	return 0;
}

static int drop_tree(void **state)
{
	struct tree *tree = *state;
	char command[128];
	snprintf(command, sizeof(command), "rm -r '%s'", tree->root);
	const int failed = system(command);
	free(tree);
	return failed;
}

static void an_empty_machine_has_no_source(void **state)
{
	const struct tree *tree = *state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	assert_int_equal(ul_exact_usable(&tree->options), 0);
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_exact_read(&tree->options, UL_EXACT_PAGE_OWNER, &trace);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
	assert_non_null(strstr(error->hint, "page_owner=on"));
}

static void each_file_makes_its_source_usable(void **state)
{
	const struct tree *tree = *state;
	put(tree, "allocinfo", "allocinfo - version: 1.0\n 64 1 a.c:1 func:f\n");
	put(tree, "kernel/debug/kmemleak", "");
	put(tree, "kernel/debug/page_owner", "");
	put(tree, "kernel/debug/page_owner_stacks/show_stacks", "");
	put(tree, "kernel/debug/slab/c/alloc_traces", " 2 a+0x1/0x2 age=1\n");
	assert_int_equal(ul_exact_usable(&tree->options),
			 UL_EXACT_ALLOCINFO | UL_EXACT_KMEMLEAK | UL_EXACT_PAGE_OWNER |
				 UL_EXACT_PAGE_STACKS | UL_EXACT_SLUB);
	assert_true(ul_exact_slub_usable(&tree->options, "c"));
	assert_false(ul_exact_slub_usable(&tree->options, "d"));
	assert_false(ul_exact_slub_usable(&tree->options, "../slab/c"));
}

static void profiling_that_is_switched_off_counts_nothing(void **state)
{
	const struct tree *tree = *state;
	put(tree, "allocinfo", "allocinfo - version: 1.0\n 64 1 a.c:1 func:f\n");
	put(tree, "sys/vm/mem_profiling", "0\n");
	assert_int_equal(ul_exact_usable(&tree->options), 0);
	put(tree, "sys/vm/mem_profiling", "1\n");
	assert_int_equal(ul_exact_usable(&tree->options), UL_EXACT_ALLOCINFO);
}

static void all_caches_with_traces_are_read(void **state)
{
	const struct tree *tree = *state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	put(tree, "kernel/debug/slab/c/alloc_traces", " 2 a+0x1/0x2 age=1\n");
	put(tree, "kernel/debug/slab/d/alloc_traces", " 3 a+0x1/0x2 age=1\n");
	assert_null(ul_exact_read(&tree->options, UL_EXACT_SLUB, &trace));
	assert_int_equal(trace.sites.len, 2);
	assert_int_equal(trace.events, 5);
	assert_string_not_equal(trace.sites.data[0].cache, trace.sites.data[1].cache);
}

static void old_kernels_have_the_traces_in_sysfs(void **state)
{
	const struct tree *tree = *state;
	static const char *const caches[] = {"c", "off"};
	static const uint64_t sizes[] = {64, 32};
	struct ul_exact_options options = tree->options;
	options.caches = caches;
	options.object_bytes = sizes;
	options.caches_len = 2;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	put(tree, "kernel/slab/c/store_user", "1\n");
	put(tree, "kernel/slab/c/alloc_calls", " 2 a+0x1/0x2 age=1 pid=3\n");
	put(tree, "kernel/slab/off/store_user", "0\n");
	put(tree, "kernel/slab/off/alloc_calls", "");
	assert_null(ul_exact_read(&options, UL_EXACT_SLUB, &trace));
	assert_int_equal(trace.sites.len, 1);
	assert_int_equal(trace.sites.data[0].live_bytes, 128);
}

static void the_tick_rate_follows_from_jiffies_and_the_clock(void **state)
{
	const struct tree *tree = *state;
	static const unsigned int rates[] = {100, 250, 300, 1000};
	for (size_t i = 0; i < UL_ARRAY_LEN(rates); i++) {
		char text[256];
		struct ul_exact_clock clock;
		// 1000 s after boot: INITIAL_JIFFIES is 300 s before 2^32.
		snprintf(text, sizeof(text),
			 "Timer List Version: v0.9\nnow at 1000000000000 nsecs\n\ncpu: 0\n"
			 "  .nohz_mode : 2\njiffies: %" PRIu64 "\n",
			 (UINT64_C(1) << 32) + (uint64_t)rates[i] * 700);
		put(tree, "timer_list", text);
		ul_exact_read_clock(tree->root, &clock);
		assert_true(fabs(clock.jiffies_per_s - rates[i]) < 1e-9);
		assert_true(clock.monotonic_ns == 1000000000000);
	}
}

static void a_clock_at_which_all_rates_agree_is_not_believed(void **state)
{
	const struct tree *tree = *state;
	struct ul_exact_clock clock;
	put(tree, "timer_list", "now at 300000000000 nsecs\njiffies: 4294967296\n");
	ul_exact_read_clock(tree->root, &clock);
	assert_true(clock.jiffies_per_s == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_machine_has_no_source, make_tree,
						drop_tree),
		cmocka_unit_test_setup_teardown(each_file_makes_its_source_usable, make_tree,
						drop_tree),
		cmocka_unit_test_setup_teardown(profiling_that_is_switched_off_counts_nothing,
						make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(all_caches_with_traces_are_read, make_tree,
						drop_tree),
		cmocka_unit_test_setup_teardown(old_kernels_have_the_traces_in_sysfs, make_tree,
						drop_tree),
		cmocka_unit_test_setup_teardown(the_tick_rate_follows_from_jiffies_and_the_clock,
						make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(a_clock_at_which_all_rates_agree_is_not_believed,
						make_tree, drop_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
