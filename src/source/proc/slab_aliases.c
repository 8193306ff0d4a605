// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SLUB merges caches of like size and flags. /proc/slabinfo then shows one of their names, and a
 * leak in "skbuff_ext_cache" grows a line called "vm_area_struct". In /sys/kernel/slab a merged
 * cache is a directory with a name made of its properties (":0000064", ":a-0000104", Linux
 * mm/slub.c create_unique_id()) and every name it was asked for under is a link to it
 * (sysfs_slab_alias()); the name slabinfo prints is one of these links. A cache that cannot be
 * merged is a directory of its own name.
 *
 * reclaim_account says SLAB_RECLAIM_ACCOUNT: its pages count in SReclaimable, and growth of it is
 * the kernel filling a cache (dentries, inodes) rather than losing memory. Where sysfs is missing
 * the name must do: the known shrinkable caches are few, and an unknown one is taken as not
 * reclaimable, which errs towards calling its growth a leak, where the user looks at it, and not
 * away from it.
 */
#include "source/proc/slab_aliases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "source/proc/limits.h"

enum {
	NAME_BYTES = 256,
	LIMIT_NAMES = 8 * UL_PROC_LIMIT_CACHES, /**< links: several to one cache */
};

static int by_name(const void *left, const void *right)
{
	const struct ul_slab_name *a = left;
	const struct ul_slab_name *b = right;
	return strcmp(a->name, b->name);
}

static int by_target(const void *left, const void *right)
{
	const struct ul_slab_name *a = left;
	const struct ul_slab_name *b = right;
	const int order = strcmp(a->target, b->target);
	return order ? order : strcmp(a->name, b->name);
}

static bool read_flag(int dir_fd, const char *cache)
{
	char path[NAME_BYTES + 32];
	char byte = '0';
	snprintf(path, sizeof(path), "%s/reclaim_account", cache);
	UL_CLEANUP_CLOSE const int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &byte, 1) == 1 && byte == '1';
}

/** Last component of the link @p name, or @p name itself when it is none. */
static const char *follow(int dir_fd, const char *name, char buffer[static NAME_BYTES])
{
	const ssize_t len = readlinkat(dir_fd, name, buffer, NAME_BYTES - 1);
	if (len <= 0)
		return name;
	buffer[len] = '\0';
	const char *slash = strrchr(buffer, '/');
	return slash ? slash + 1 : buffer;
}

static struct ul_error *add_name(int dir_fd, const char *name, struct ul_slab_aliases *aliases)
{
	char buffer[NAME_BYTES];
	if (aliases->names.len >= LIMIT_NAMES)
		return ul_error_new(UL_ERR_LIMIT, "kernel/slab: more than %d names", LIMIT_NAMES);
	struct ul_slab_name entry = {
		.name = ul_arena_strdup(&aliases->arena, ul_span_of(name)),
		.target =
			ul_arena_strdup(&aliases->arena, ul_span_of(follow(dir_fd, name, buffer))),
	};
	if (!entry.name || !entry.target || !ul_vec_push(&aliases->names, entry))
		return &ul_enomem;
	return NULL;
}

/** The flag is read once for each directory and handed to all names of it. */
static struct ul_error *finish(int dir_fd, struct ul_slab_aliases *aliases)
{
	if (!aliases->names.len)
		return NULL;
	if (!ul_vec_reserve(&aliases->targets, aliases->names.len))
		return &ul_enomem;
	qsort(aliases->names.data, aliases->names.len, sizeof(*aliases->names.data), by_target);
	const char *target = "";
	bool reclaimable = false;
	ul_vec_foreach (entry, &aliases->names) {
		if (strcmp(entry->target, target) != 0) {
			target = entry->target;
			reclaimable = read_flag(dir_fd, target);
		}
		entry->reclaimable = reclaimable;
	}
	memcpy(aliases->targets.data, aliases->names.data,
	       aliases->names.len * sizeof(*aliases->names.data));
	aliases->targets.len = aliases->names.len;
	qsort(aliases->names.data, aliases->names.len, sizeof(*aliases->names.data), by_name);
	return NULL;
}

struct ul_error *ul_slab_aliases_read(int sys_fd, struct ul_slab_aliases *ret)
{
	UL_CLEANUP_SLAB_ALIASES struct ul_slab_aliases aliases = {0};
	const int fd = openat(sys_fd, "kernel/slab", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EBADF))
		return NULL;
	if (fd < 0)
		return ul_error_os(errno, "opening kernel/slab");
	UL_CLEANUP_CLOSEDIR DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return &ul_enomem;
	}
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			UL_TRY(add_name(fd, entry->d_name, &aliases));
	UL_TRY(finish(fd, &aliases));
	*ret = aliases;
	aliases = (struct ul_slab_aliases){0};
	return NULL;
}

void ul_slab_aliases_deinit(struct ul_slab_aliases *aliases)
{
	ul_vec_deinit(&aliases->names);
	ul_vec_deinit(&aliases->targets);
	ul_arena_deinit(&aliases->arena);
}

/** strcmp() of a span and a string. */
static int compare_span(struct ul_span span, const char *string)
{
	const size_t len = strlen(string);
	const int order = memcmp(span.data, string, span.len < len ? span.len : len);
	return order ? order : (span.len > len) - (span.len < len);
}

const struct ul_slab_name *ul_slab_aliases_find(const struct ul_slab_aliases *aliases,
						struct ul_span name)
{
	size_t low = 0;
	size_t high = aliases->names.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = compare_span(name, aliases->names.data[middle].name);
		if (!order)
			return &aliases->names.data[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

size_t ul_slab_aliases_group(const struct ul_slab_aliases *aliases, const struct ul_slab_name *name,
			     const struct ul_slab_name **ret_first)
{
	size_t low = 0;
	size_t high = aliases->targets.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (strcmp(aliases->targets.data[middle].target, name->target) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	size_t count = 0;
	while (low + count < aliases->targets.len &&
	       !strcmp(aliases->targets.data[low + count].target, name->target))
		count++;
	*ret_first = count ? &aliases->targets.data[low] : NULL;
	return count;
}

static bool ends_with(struct ul_span span, const char *suffix)
{
	const size_t len = strlen(suffix);
	return span.len >= len && !memcmp(span.data + span.len - len, suffix, len);
}

bool ul_slab_name_reclaimable(struct ul_span name)
{
	static const char *const names[] = {
		"dentry",	  "inode_cache", "radix_tree_node", "buffer_head",
		"xfs_inode",	  "btrfs_inode", "gfs2_inode",	    "erofs_inode",
		"fuse_inode",	  "ovl_inode",	 "extent_status",   "ext4_extent_status",
		"mb_cache_entry",
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++)
		if (ul_span_equal(name, names[i]))
			return true;
	// The inodes of these live only in memory: no shrinker frees them.
	if (ul_span_equal(name, "shmem_inode_cache") || ul_span_equal(name, "mqueue_inode_cache") ||
	    ul_span_equal(name, "hugetlbfs_inode_cache"))
		return false;
	return ul_span_starts(name, "kmalloc-rcl-") || ends_with(name, "_inode_cache");
}
