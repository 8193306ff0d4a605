// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory cgroups.
 *
 * Version 2, Linux mm/memcontrol.c memory_files[]: memory.current is a counter and costs nothing;
 * memory.stat (memory_stat_format()) first flushes the counters of all CPUs. Version 1,
 * mm/memcontrol-v1.c mem_cgroup_legacy_files[]: memory.usage_in_bytes, memory.stat with other
 * names. Cgroups of version 2 hold what their children hold, too; so do those of version 1 with
 * use_hierarchy, which is all of them since v5.11.
 *
 * For a series the page cache is in the way: every cgroup fills with it. So `held_bytes` is what is
 * charged less page cache (not shmem) and reclaimable slab. memory.stat is read again only when
 * memory.current has moved by STAT_MOVED, so that idle cgroups cost one small read.
 *
 * The tree is walked when the kernel's count of cgroups changed and every WALK_AGE_S; in between
 * only the largest SAMPLED are read. A cgroup that is small at one walk and leaks is seen from the
 * next one on; those above it, which hold its memory as well, are seen before that.
 *
 * Cgroups that are gone and still hold memory ("dying"): cgroup.stat counts them in version 2; in
 * version 1 /proc/cgroups counts all (Linux kernel/cgroup/cgroup-v1.c proc_cgroupstats_show(): a
 * removed cgroup leaves the count when it is freed) and the directories are those alive. A count is
 * no size: DYING_BYTES is what one takes at the least (struct mem_cgroup, its parts of each node
 * and CPU, and the structures of the other controllers).
 *
 * Cannot see: cgroups outside of this cgroup namespace; hierarchies mounted elsewhere than below
 * /sys/fs/cgroup; slab by cgroup beyond its sum, but for version 1 before v5.9.
 */
#include "source/proc/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"
#include "source/proc/limits.h"
#include "source/proc/slabinfo.h"

enum {
	TEXT_BYTES = 1024 * 1024,
	PATH_BYTES = 4096,
	DEPTH_MAX = 64,
	SAMPLED = 256,
	WALK_AGE_S = 10,
	STAT_MOVED = 64 * 1024,
	DYING_BYTES = 8 * 1024,
};

static const struct {
	const char *name;
	const char *v1;
} figure_names[UL_CGROUP_FIGURES] = {
	[UL_CGROUP_ANON] = {"anon", "rss"},
	[UL_CGROUP_FILE] = {"file", "cache"},
	[UL_CGROUP_SHMEM] = {"shmem", "shmem"},
	[UL_CGROUP_KERNEL] = {"kernel", NULL},
	[UL_CGROUP_KERNEL_STACK] = {"kernel_stack", NULL},
	[UL_CGROUP_PAGE_TABLES] = {"pagetables", NULL},
	[UL_CGROUP_PERCPU] = {"percpu", NULL},
	[UL_CGROUP_SOCK] = {"sock", NULL},
	[UL_CGROUP_VMALLOC] = {"vmalloc", NULL},
	[UL_CGROUP_SLAB_RECLAIMABLE] = {"slab_reclaimable", NULL},
	[UL_CGROUP_SLAB_UNRECLAIMABLE] = {"slab_unreclaimable", NULL},
	[UL_CGROUP_ZSWAP] = {"zswap", NULL},
	[UL_CGROUP_SWAP] = {NULL, "swap"},
};

/** Set the figure called @p name, if there is one. */
static void set_figure(struct ul_span name, bool v1, uint64_t value,
		       int64_t figures[UL_CGROUP_FIGURES])
{
	for (size_t i = 0; i < UL_CGROUP_FIGURES; i++) {
		const char *known = v1 ? figure_names[i].v1 : figure_names[i].name;
		if (known && ul_span_equal(name, known))
			figures[i] = (int64_t)value;
	}
}

void ul_cgroup_parse_stat(struct ul_span text, bool v1, int64_t ret[UL_CGROUP_FIGURES])
{
	static const char total[] = "total_";
	for (size_t i = 0; i < UL_CGROUP_FIGURES; i++)
		ret[i] = -1;
	// The sums of version 1 come after the cgroup's own figures, and replace them.
	ul_span_foreach_line (line, text) {
		struct ul_span name;
		uint64_t value;
		if (!ul_span_word(&line, &name) || !ul_span_word_u64(&line, &value) ||
		    value > UL_PROC_LIMIT_BYTES)
			continue;
		if (v1 && ul_span_starts(name, total)) {
			name.data += sizeof(total) - 1;
			name.len -= sizeof(total) - 1;
		}
		set_figure(name, v1, value, ret);
	}
}

bool ul_cgroup_parse_counts(struct ul_span text, uint64_t *ret_alive, uint64_t *ret_dying)
{
	uint64_t alive = 0;
	uint64_t dying = 0;
	bool has_alive = false;
	bool has_dying = false;
	ul_span_foreach_line (line, text) {
		struct ul_span name;
		uint64_t value;
		if (!ul_span_word(&line, &name) || !ul_span_word_u64(&line, &value) ||
		    value > INT32_MAX)
			continue;
		if (ul_span_equal(name, "nr_descendants")) {
			alive = value;
			has_alive = true;
		} else if (ul_span_equal(name, "nr_dying_descendants")) {
			dying = value;
			has_dying = true;
		}
	}
	if (!has_alive || !has_dying)
		return false;
	*ret_alive = alive;
	*ret_dying = dying;
	return true;
}

bool ul_cgroup_parse_controllers(struct ul_span text, uint64_t *ret)
{
	ul_span_foreach_line (line, text) {
		struct ul_span name;
		uint64_t hierarchy;
		uint64_t count;
		if (ul_span_word(&line, &name) && ul_span_equal(name, "memory") &&
		    ul_span_word_u64(&line, &hierarchy) && ul_span_word_u64(&line, &count) &&
		    count <= INT32_MAX) {
			*ret = count;
			return true;
		}
	}
	return false;
}

void ul_cgroups_init(struct ul_cgroups *cgroups)
{
	*cgroups = (struct ul_cgroups){.base_fd = -1};
}

static int open_directory(int fd, const char *path)
{
	return openat(fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void ul_cgroups_open(struct ul_cgroups *cgroups, int sys_fd)
{
	if (sys_fd < 0)
		return;
	const int v1 = open_directory(sys_fd, "fs/cgroup/memory");
	// A cgroup of version 2 may be called "memory", too.
	if (v1 >= 0 && !faccessat(v1, "memory.usage_in_bytes", F_OK, 0)) {
		cgroups->base_fd = v1;
		cgroups->v1 = true;
		cgroups->whole = !faccessat(v1, "release_agent", F_OK, 0);
		return;
	}
	if (v1 >= 0)
		close(v1);
	const int v2 = open_directory(sys_fd, "fs/cgroup");
	if (v2 < 0)
		return;
	if (faccessat(v2, "cgroup.controllers", F_OK, 0)) {
		close(v2);
		return;
	}
	cgroups->base_fd = v2;
	cgroups->whole = faccessat(v2, "cgroup.type", F_OK, 0) != 0;
}

static void entry_deinit(struct ul_cgroup_entry *entry)
{
	free(entry->path);
}

static void drop_entries(struct ul_cgroups *cgroups, size_t keep)
{
	for (size_t i = keep; i < cgroups->entries.len; i++)
		entry_deinit(&cgroups->entries.data[i]);
	if (keep < cgroups->entries.len)
		cgroups->entries.len = keep;
}

void ul_cgroups_deinit(struct ul_cgroups *cgroups)
{
	drop_entries(cgroups, 0);
	ul_vec_deinit(&cgroups->entries);
	ul_buf_deinit(&cgroups->text);
	if (cgroups->base_fd >= 0)
		close(cgroups->base_fd);
	cgroups->base_fd = -1;
}

/** A file of one cgroup ("" is the base); false when there is none, or it is gone. */
static bool read_file(struct ul_cgroups *cgroups, const char *path, const char *file,
		      struct ul_span *ret)
{
	char name[PATH_BYTES];
	const int len = snprintf(name, sizeof(name), "%s%s%s", path, *path ? "/" : "", file);
	if (len < 0 || (size_t)len >= sizeof(name))
		return false;
	ul_buf_clear(&cgroups->text);
	UL_CLEANUP_ERROR struct ul_error *err =
		ul_file_read(cgroups->base_fd, name, TEXT_BYTES, &cgroups->text);
	if (err)
		return false;
	*ret = (struct ul_span){cgroups->text.data, cgroups->text.len};
	return true;
}

static bool read_current(struct ul_cgroups *cgroups, const char *path, uint64_t *ret)
{
	const char *file = cgroups->v1 ? "memory.usage_in_bytes" : "memory.current";
	struct ul_span text;
	return read_file(cgroups, path, file, &text) && ul_span_u64(ul_span_trim(text), ret) &&
	       *ret <= UL_PROC_LIMIT_BYTES;
}

static bool read_figures(struct ul_cgroups *cgroups, const char *path,
			 int64_t ret[UL_CGROUP_FIGURES])
{
	struct ul_span text;
	uint64_t swap;
	uint64_t kernel;
	if (!read_file(cgroups, path, "memory.stat", &text))
		return false;
	ul_cgroup_parse_stat(text, cgroups->v1, ret);
	if (cgroups->v1 && read_file(cgroups, path, "memory.kmem.usage_in_bytes", &text) &&
	    ul_span_u64(ul_span_trim(text), &kernel) && kernel <= UL_PROC_LIMIT_BYTES)
		ret[UL_CGROUP_KERNEL] = (int64_t)kernel;
	if (!cgroups->v1 && read_file(cgroups, path, "memory.swap.current", &text) &&
	    ul_span_u64(ul_span_trim(text), &swap) && swap <= UL_PROC_LIMIT_BYTES)
		ret[UL_CGROUP_SWAP] = (int64_t)swap;
	return true;
}

static uint64_t reclaimable_of(const int64_t figures[UL_CGROUP_FIGURES])
{
	const int64_t file = figures[UL_CGROUP_FILE] > 0 ? figures[UL_CGROUP_FILE] : 0;
	const int64_t shmem = figures[UL_CGROUP_SHMEM] > 0 ? figures[UL_CGROUP_SHMEM] : 0;
	const int64_t slab =
		figures[UL_CGROUP_SLAB_RECLAIMABLE] > 0 ? figures[UL_CGROUP_SLAB_RECLAIMABLE] : 0;
	return (uint64_t)((file > shmem ? file - shmem : 0) + slab);
}

static size_t depth_of(const char *path)
{
	size_t depth = 0;
	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

/** The directories right below @p parent as new entries at the end. */
static struct ul_error *add_children(struct ul_cgroups *cgroups, const char *parent)
{
	const int fd = open_directory(cgroups->base_fd, *parent ? parent : ".");
	if (fd < 0)
		return NULL;
	UL_CLEANUP_CLOSEDIR DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return &ul_enomem;
	}
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		cgroups->visible++;
		if (cgroups->entries.len >= UL_PROC_LIMIT_CGROUPS)
			continue;
		struct ul_cgroup_entry child = {.stat_at = UINT64_MAX};
		if (asprintf(&child.path, "%s%s%s", parent, *parent ? "/" : "", entry->d_name) < 0)
			return &ul_enomem;
		if (!ul_vec_push(&cgroups->entries, child)) {
			free(child.path);
			return &ul_enomem;
		}
	}
	return NULL;
}

static int larger_entry_first(const void *left, const void *right)
{
	const struct ul_cgroup_entry *a = left;
	const struct ul_cgroup_entry *b = right;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return strcmp(a->path, b->path);
}

/** Every cgroup below the base, breadth first, the largest @p keep of them in order of size. */
static struct ul_error *walk(struct ul_cgroups *cgroups, size_t keep)
{
	drop_entries(cgroups, 0);
	cgroups->visible = 0;
	UL_TRY(add_children(cgroups, ""));
	for (size_t i = 0; i < cgroups->entries.len; i++) {
		// The array moves as it grows.
		char *path UL_CLEANUP_FREE = strdup(cgroups->entries.data[i].path);
		if (!path)
			return &ul_enomem;
		if (depth_of(path) < DEPTH_MAX)
			UL_TRY(add_children(cgroups, path));
		(void)read_current(cgroups, path, &cgroups->entries.data[i].bytes);
	}
	if (cgroups->entries.len)
		qsort(cgroups->entries.data, cgroups->entries.len, sizeof(*cgroups->entries.data),
		      larger_entry_first);
	drop_entries(cgroups, keep);
	cgroups->left_out = cgroups->visible - cgroups->entries.len;
	return NULL;
}

/** What the kernel counts; false when it does not tell. */
static bool count(struct ul_cgroups *cgroups, struct ul_span controllers, uint64_t *ret_count,
		  uint64_t *ret_dying)
{
	struct ul_span text;
	uint64_t all;
	if (!cgroups->v1)
		return read_file(cgroups, "", "cgroup.stat", &text) &&
		       ul_cgroup_parse_counts(text, ret_count, ret_dying);
	if (!cgroups->whole || !ul_cgroup_parse_controllers(controllers, &all))
		return false;
	*ret_count = all;
	*ret_dying = all > cgroups->visible + 1 ? all - cgroups->visible - 1 : 0;
	return true;
}

/** Walk again when there is reason to. */
static struct ul_error *refresh(struct ul_cgroups *cgroups, struct ul_span controllers,
				int64_t now_ns)
{
	uint64_t counted = 0;
	uint64_t dying;
	(void)count(cgroups, controllers, &counted, &dying);
	const bool fresh = cgroups->walked_ns && counted == cgroups->count &&
			   now_ns - cgroups->walked_ns < WALK_AGE_S * UL_NS_PER_S;
	if (fresh)
		return NULL;
	UL_TRY(walk(cgroups, SAMPLED));
	cgroups->count = counted;
	cgroups->walked_ns = now_ns;
	return NULL;
}

static bool has_moved(const struct ul_cgroup_entry *entry)
{
	const uint64_t apart = entry->bytes > entry->stat_at ? entry->bytes - entry->stat_at
							     : entry->stat_at - entry->bytes;
	return entry->stat_at == UINT64_MAX || apart >= STAT_MOVED;
}

static struct ul_error *sample_entry(struct ul_cgroups *cgroups, struct ul_cgroup_entry *entry,
				     struct ul_ledger *ledger)
{
	int64_t figures[UL_CGROUP_FIGURES];
	char path[PATH_BYTES];
	if (!read_current(cgroups, entry->path, &entry->bytes))
		return NULL;
	if (has_moved(entry)) {
		if (!read_figures(cgroups, entry->path, figures))
			return NULL;
		entry->reclaimable = reclaimable_of(figures);
		entry->stat_at = entry->bytes;
	}
	// Between two readings of memory.stat what moved is held: at most STAT_MOVED of it.
	const uint64_t held =
		entry->bytes > entry->reclaimable ? entry->bytes - entry->reclaimable : 0;
	snprintf(path, sizeof(path), "/%s", entry->path);
	return ul_ledger_add_cgroup(ledger, path, entry->bytes, held, -1);
}

struct ul_error *ul_cgroups_sample(struct ul_cgroups *cgroups, struct ul_span controllers,
				   int64_t now_ns, struct ul_ledger *ledger)
{
	uint64_t counted;
	uint64_t dying;
	if (cgroups->base_fd < 0)
		return NULL;
	UL_TRY(refresh(cgroups, controllers, now_ns));
	ul_vec_foreach (entry, &cgroups->entries)
		UL_TRY(sample_entry(cgroups, entry, ledger));
	if (cgroups->left_out)
		UL_TRY(ul_losses_add(&ledger->losses, UL_BIAS_UNDER, cgroups->left_out,
				     "cgroups below the %d largest, not sampled", SAMPLED));
	if (!count(cgroups, controllers, &counted, &dying))
		return NULL;
	return ul_ledger_add_cgroup(ledger, UL_CGROUP_DYING, dying * DYING_BYTES,
				    dying * DYING_BYTES, (int64_t)dying);
}

static struct ul_error *read_caches(struct ul_cgroups *cgroups, const char *path,
				    struct ul_cgroup_holder *holder)
{
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	struct ul_span text;
	// Empty since v5.9, when slabs came to be shared between cgroups.
	if (!cgroups->v1 || !read_file(cgroups, path, "memory.kmem.slabinfo", &text) || !text.len)
		return NULL;
	UL_CLEANUP_ERROR struct ul_error *err = ul_slabinfo_parse(text, &slabinfo);
	if (err)
		return err->code == UL_ERR_NOMEM ? UL_TAKE(err) : NULL;
	ul_vec_foreach (line, &slabinfo.caches) {
		struct ul_cgroup_cache *cache = line->pages ? ul_vec_add(&holder->caches) : NULL;
		if (line->pages && !cache)
			return &ul_enomem;
		if (!cache)
			continue;
		ul_span_copy(line->name, cache->name, sizeof(cache->name));
		cache->bytes = line->pages * (uint64_t)sysconf(_SC_PAGESIZE);
		cache->objects = line->active_objects;
	}
	return NULL;
}

static struct ul_error *read_holder(struct ul_cgroups *cgroups, const char *path,
				    struct ul_holders *holders)
{
	struct ul_cgroup_holder *holder;
	struct ul_span text;
	uint64_t alive;
	uint64_t bytes;
	if (!read_current(cgroups, path, &bytes))
		return NULL;
	holder = ul_vec_add(&holders->cgroups);
	if (!holder)
		return &ul_enomem;
	holder->bytes = bytes;
	if (asprintf(&holder->path, "/%s", path) < 0) {
		holder->path = NULL;
		holders->cgroups.len--;
		return &ul_enomem;
	}
	if (!read_figures(cgroups, path, holder->figures))
		ul_cgroup_parse_stat((struct ul_span){0}, cgroups->v1, holder->figures);
	if (!cgroups->v1 && read_file(cgroups, path, "cgroup.stat", &text))
		holder->has_dying = ul_cgroup_parse_counts(text, &alive, &holder->dying);
	return read_caches(cgroups, path, holder);
}

struct ul_error *ul_cgroups_read(struct ul_cgroups *cgroups, struct ul_span controllers,
				 struct ul_holders *holders)
{
	uint64_t counted;
	if (cgroups->base_fd < 0)
		return NULL;
	UL_TRY(walk(cgroups, UL_PROC_LIMIT_CGROUPS));
	cgroups->walked_ns = 0; // a sample after this wants the largest only
	holders->has_cgroups = true;
	holders->cgroup_v1 = cgroups->v1;
	holders->cgroups_seen = cgroups->visible;
	ul_vec_foreach (entry, &cgroups->entries)
		UL_TRY(read_holder(cgroups, entry->path, holders));
	if (cgroups->left_out)
		UL_TRY(ul_losses_add(&holders->losses, UL_BIAS_UNDER, cgroups->left_out,
				     "cgroups beyond the first %d", UL_PROC_LIMIT_CGROUPS));
	holders->has_dying = count(cgroups, controllers, &counted, &holders->dying);
	return NULL;
}
