// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/proc/cgroup.h"

static void version_2_shows_its_figures(void **state)
{
	(void)state;
	int64_t figures[UL_CGROUP_FIGURES];
	ul_cgroup_parse_stat(ul_span_of("anon 4096\nfile 8192\nkernel 12288\nsock 1\nshmem 7\n"
					"slab_reclaimable 5\nfuture_thing 99\npercpu x\n"),
			     false, figures);
	assert_int_equal(figures[UL_CGROUP_ANON], 4096);
	assert_int_equal(figures[UL_CGROUP_FILE], 8192);
	assert_int_equal(figures[UL_CGROUP_KERNEL], 12288);
	assert_int_equal(figures[UL_CGROUP_SHMEM], 7);
	assert_int_equal(figures[UL_CGROUP_SLAB_RECLAIMABLE], 5);
	assert_int_equal(figures[UL_CGROUP_PERCPU], -1);
	assert_int_equal(figures[UL_CGROUP_VMALLOC], -1);
}

static void version_1_is_read_with_all_below(void **state)
{
	(void)state;
	int64_t figures[UL_CGROUP_FIGURES];
	ul_cgroup_parse_stat(ul_span_of("cache 1\nrss 2\nshmem 3\ntotal_cache 10\ntotal_rss 20\n"
					"total_shmem 30\n"),
			     true, figures);
	assert_int_equal(figures[UL_CGROUP_FILE], 10);
	assert_int_equal(figures[UL_CGROUP_ANON], 20);
	assert_int_equal(figures[UL_CGROUP_SHMEM], 30);
}

static void counts_need_both_lines(void **state)
{
	(void)state;
	uint64_t alive;
	uint64_t dying;
	assert_true(ul_cgroup_parse_counts(
		ul_span_of("nr_descendants 12\nnr_subsys_memory 13\nnr_dying_descendants 5\n"),
		&alive, &dying));
	assert_int_equal(alive, 12);
	assert_int_equal(dying, 5);
	assert_false(ul_cgroup_parse_counts(ul_span_of("nr_descendants 12\n"), &alive, &dying));
	uint64_t count;
	assert_true(ul_cgroup_parse_controllers(
		ul_span_of("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t3\t1\n"
			   "memory\t4\t16\t1\n"),
		&count));
	assert_int_equal(count, 16);
}

static void put(const char *root, const char *path, const char *text)
{
	char name[512];
	snprintf(name, sizeof(name), "%s/%s", root, path);
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make(const char *root, const char *path)
{
	char name[512];
	snprintf(name, sizeof(name), "%s/%s", root, path);
	assert_int_equal(mkdir(name, 0755), 0);
}

/** fs/cgroup of version 2 with a parent (a) and its child (a/b), and two that are gone. */
static void build_tree(char root[static 32])
{
	strcpy(root, "/tmp/ullage-cgroup-XXXXXX");
	assert_non_null(mkdtemp(root));
	make(root, "fs");
	make(root, "fs/cgroup");
	make(root, "fs/cgroup/a");
	make(root, "fs/cgroup/a/b");
	put(root, "fs/cgroup/cgroup.controllers", "memory\n");
	put(root, "fs/cgroup/cgroup.stat", "nr_descendants 2\nnr_dying_descendants 2\n");
	put(root, "fs/cgroup/a/memory.current", "1000000\n");
	put(root, "fs/cgroup/a/memory.stat",
	    "anon 300000\nfile 500000\nshmem 100000\n"
	    "slab_reclaimable 50000\n");
	put(root, "fs/cgroup/a/b/memory.current", "200000\n");
	put(root, "fs/cgroup/a/b/memory.stat", "anon 200000\nfile 0\nshmem 0\n");
}

static void remove_tree(const char *root)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	assert_int_equal(system(command), 0);
}

static void open_tree(const char *root, struct ul_cgroups *ret)
{
	const int fd = open(root, O_RDONLY | O_DIRECTORY);
	ul_cgroups_init(ret);
	ul_cgroups_open(ret, fd);
	close(fd);
	assert_true(ret->base_fd >= 0);
	assert_false(ret->v1);
	assert_true(ret->whole);
}

static const struct ul_cgroup *find(const struct ul_ledger *ledger, const char *path)
{
	ul_vec_foreach (cgroup, &ledger->cgroups)
		if (!strcmp(cgroup->path, path))
			return cgroup;
	return NULL;
}

static void a_sample_leaves_out_what_reclaim_can_take(void **state)
{
	(void)state;
	char root[32];
	struct ul_cgroups cgroups;
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	build_tree(root);
	open_tree(root, &cgroups);
	ul_ledger_init(&ledger);
	assert_null(ul_cgroups_sample(&cgroups, (struct ul_span){0}, 1, &ledger));
	// 1,000,000 less page cache (500,000 - 100,000 of shmem) less 50,000 of slab.
	assert_int_equal(find(&ledger, "/a")->held_bytes, 550000);
	assert_int_equal(find(&ledger, "/a")->bytes, 1000000);
	assert_int_equal(find(&ledger, "/a/b")->held_bytes, 200000);
	assert_int_equal(find(&ledger, UL_CGROUP_DYING)->objects, 2);
	ul_cgroups_deinit(&cgroups);
	remove_tree(root);
}

static void a_new_cgroup_is_seen_when_the_count_changes(void **state)
{
	(void)state;
	char root[32];
	struct ul_cgroups cgroups;
	UL_CLEANUP_LEDGER struct ul_ledger first;
	UL_CLEANUP_LEDGER struct ul_ledger second;
	build_tree(root);
	open_tree(root, &cgroups);
	ul_ledger_init(&first);
	ul_ledger_init(&second);
	assert_null(ul_cgroups_sample(&cgroups, (struct ul_span){0}, 1, &first));
	make(root, "fs/cgroup/c");
	put(root, "fs/cgroup/c/memory.current", "7\n");
	put(root, "fs/cgroup/c/memory.stat", "anon 7\n");
	put(root, "fs/cgroup/cgroup.stat", "nr_descendants 3\nnr_dying_descendants 2\n");
	assert_null(ul_cgroups_sample(&cgroups, (struct ul_span){0}, 2, &second));
	assert_null(find(&first, "/c"));
	assert_int_equal(find(&second, "/c")->held_bytes, 7);
	ul_cgroups_deinit(&cgroups);
	remove_tree(root);
}

static void holders_get_every_cgroup(void **state)
{
	(void)state;
	char root[32];
	struct ul_cgroups cgroups;
	UL_CLEANUP_HOLDERS struct ul_holders holders = {0};
	build_tree(root);
	open_tree(root, &cgroups);
	assert_null(ul_cgroups_read(&cgroups, (struct ul_span){0}, &holders));
	assert_int_equal(holders.cgroups.len, 2);
	assert_string_equal(holders.cgroups.data[0].path, "/a");
	assert_int_equal(holders.cgroups.data[0].figures[UL_CGROUP_ANON], 300000);
	assert_true(holders.has_dying);
	assert_int_equal(holders.dying, 2);
	ul_cgroups_deinit(&cgroups);
	remove_tree(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_2_shows_its_figures),
		cmocka_unit_test(version_1_is_read_with_all_below),
		cmocka_unit_test(counts_need_both_lines),
		cmocka_unit_test(a_sample_leaves_out_what_reclaim_can_take),
		cmocka_unit_test(a_new_cgroup_is_seen_when_the_count_changes),
		cmocka_unit_test(holders_get_every_cgroup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
