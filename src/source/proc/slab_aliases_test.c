// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "source/proc/slab_aliases.h"

struct tree {
	char path[64];
	int fd;
};

static void make_cache(const struct tree *tree, const char *name, const char *flag)
{
	char path[128];
	snprintf(path, sizeof(path), "kernel/slab/%s", name);
	assert_int_equal(mkdirat(tree->fd, path, 0755), 0);
	snprintf(path, sizeof(path), "kernel/slab/%s/reclaim_account", name);
	UL_CLEANUP_CLOSE const int fd = openat(tree->fd, path, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, flag, strlen(flag)), strlen(flag));
}

static void make_link(const struct tree *tree, const char *name, const char *target)
{
	char path[128];
	snprintf(path, sizeof(path), "kernel/slab/%s", name);
	assert_int_equal(symlinkat(target, tree->fd, path), 0);
}

static int make_tree(void **state)
{
	(void)state;
	static struct tree tree;
	snprintf(tree.path, sizeof(tree.path), "/tmp/ullage-slab-XXXXXX");
	assert_non_null(mkdtemp(tree.path));
	tree.fd = open(tree.path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(mkdirat(tree.fd, "kernel", 0755), 0);
	assert_int_equal(mkdirat(tree.fd, "kernel/slab", 0755), 0);
	make_cache(&tree, ":0000064", "0\n");
	make_cache(&tree, ":a-0000104", "1\n");
	make_cache(&tree, "dentry", "1\n");
	make_link(&tree, "anon_vma_chain", ":0000064");
	make_link(&tree, "kmalloc-64", "../slab/:0000064");
	make_link(&tree, "buffer_head", ":a-0000104");
	*state = &tree;
	return 0;
}

static int remove_tree(void **state)
{
	const struct tree *tree = *state;
	static const char *const links[] = {"anon_vma_chain", "kmalloc-64", "buffer_head"};
	static const char *const caches[] = {":0000064", ":a-0000104", "dentry"};
	char path[128];
	for (size_t i = 0; i < UL_ARRAY_LEN(links); i++) {
		snprintf(path, sizeof(path), "kernel/slab/%s", links[i]);
		unlinkat(tree->fd, path, 0);
		snprintf(path, sizeof(path), "kernel/slab/%s/reclaim_account", caches[i]);
		unlinkat(tree->fd, path, 0);
		snprintf(path, sizeof(path), "kernel/slab/%s", caches[i]);
		unlinkat(tree->fd, path, AT_REMOVEDIR);
	}
	unlinkat(tree->fd, "kernel/slab", AT_REMOVEDIR);
	unlinkat(tree->fd, "kernel", AT_REMOVEDIR);
	close(tree->fd);
	return rmdir(tree->path);
}

static void names_of_one_cache_are_found_from_any_of_them(void **state)
{
	const struct tree *tree = *state;
	UL_CLEANUP_SLAB_ALIASES struct ul_slab_aliases aliases = {0};
	assert_null(ul_slab_aliases_read(tree->fd, &aliases));
	assert_int_equal(aliases.names.len, 6);
	const struct ul_slab_name *name = ul_slab_aliases_find(&aliases, ul_span_of("kmalloc-64"));
	assert_non_null(name);
	assert_string_equal(name->target, ":0000064");
	const struct ul_slab_name *first;
	assert_int_equal(ul_slab_aliases_group(&aliases, name, &first), 3);
	assert_string_equal(first[0].name, ":0000064");
	assert_string_equal(first[1].name, "anon_vma_chain");
	assert_string_equal(first[2].name, "kmalloc-64");
}

static void reclaim_is_known_through_a_link(void **state)
{
	const struct tree *tree = *state;
	UL_CLEANUP_SLAB_ALIASES struct ul_slab_aliases aliases = {0};
	assert_null(ul_slab_aliases_read(tree->fd, &aliases));
	assert_true(ul_slab_aliases_find(&aliases, ul_span_of("buffer_head"))->reclaimable);
	assert_true(ul_slab_aliases_find(&aliases, ul_span_of("dentry"))->reclaimable);
	assert_false(ul_slab_aliases_find(&aliases, ul_span_of("anon_vma_chain"))->reclaimable);
	assert_null(ul_slab_aliases_find(&aliases, ul_span_of("dentr")));
	assert_null(ul_slab_aliases_find(&aliases, ul_span_of("dentry2")));
}

static void a_machine_without_the_directory_has_no_aliases(void **state)
{
	const struct tree *tree = *state;
	UL_CLEANUP_SLAB_ALIASES struct ul_slab_aliases aliases = {0};
	UL_CLEANUP_CLOSE const int fd = openat(tree->fd, "kernel/slab/dentry", O_RDONLY);
	assert_null(ul_slab_aliases_read(fd, &aliases));
	assert_int_equal(aliases.names.len, 0);
	assert_null(ul_slab_aliases_find(&aliases, ul_span_of("dentry")));
}

static void names_alone_tell_the_well_known_shrinkable_caches(void **state)
{
	(void)state;
	assert_true(ul_slab_name_reclaimable(ul_span_of("ext4_inode_cache")));
	assert_true(ul_slab_name_reclaimable(ul_span_of("dentry")));
	assert_true(ul_slab_name_reclaimable(ul_span_of("kmalloc-rcl-96")));
	assert_false(ul_slab_name_reclaimable(ul_span_of("shmem_inode_cache")));
	assert_false(ul_slab_name_reclaimable(ul_span_of("kmalloc-64")));
	assert_false(ul_slab_name_reclaimable(ul_span_of("dentry2")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_one_cache_are_found_from_any_of_them),
		cmocka_unit_test(reclaim_is_known_through_a_link),
		cmocka_unit_test(a_machine_without_the_directory_has_no_aliases),
		cmocka_unit_test(names_alone_tell_the_well_known_shrinkable_caches),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
