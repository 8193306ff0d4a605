// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ledger: which counter becomes which account, and which counters are contained in which.
 *
 * The frame is one read of /proc/meminfo. Every account's total comes out of that one text, and the
 * other files only divide a total of the frame into parts: slabinfo divides Slab, vmallocinfo
 * divides VmallocUsed, the sizes of tmpfs mounts and segments divide Shmem. What a divider does not
 * explain becomes a part of its own ("kmalloc-large", "vmalloc (other)"), so a divider that was
 * read a moment earlier shifts bytes between parts and not into what is unaccounted. Only pages
 * that meminfo leaves out altogether are added from elsewhere (per-CPU free lists, zsmalloc,
 * hot-plugged memmap).
 *
 * Which field contains which, Linux fs/proc/meminfo.c meminfo_proc_show() and the places named:
 *
 *  MemTotal       what the buddy allocator was given: not the kernel image, not struct page arrays
 *                 and not the first per-CPU chunk, which memblock keeps
 *  MemFree        NR_FREE_PAGES; contains CmaFree and Unaccepted, not the per-CPU lists (zoneinfo)
 *  AnonPages      mapped anonymous pages, huge ones included (AnonHugePages is a part of it)
 *  Cached         NR_FILE_PAGES - swap cache - Buffers; contains Shmem, Mapped, secretmem, and
 *                 dirty pages (Dirty, Writeback, NFS_Unstable). Page cache = Cached - Shmem
 *  SwapCached     may be mapped again, and is then in AnonPages too: overlap, goes to the bounds
 *  Slab           SReclaimable + SUnreclaim; contains large kmalloc, which is in no cache
 *                 (mm/slub.c ___kmalloc_large_node())
 *  Shmem          every tmpfs, resident pages only: the mounts in sight, System V segments, and the
 *                 kernel's own mount (memfd, shared anonymous memory, GPU buffers). See shmem.c
 *  KReclaimable   SReclaimable + NR_KERNEL_MISC_RECLAIMABLE; the latter is an account
 *  KernelStack    with CONFIG_VMAP_STACK the stacks are vmalloc areas and in VmallocUsed as well
 *                 (kernel/fork.c account_kernel_stack()); so is ShadowCallStack (kernel/scs.c)
 *  VmallocUsed    nr_vmalloc_pages; stacks kept for reuse (NR_CACHED_STACKS) are in it and not in
 *                 KernelStack: they show up in "vmalloc (other)". Kernels before v5.4 show 0 and
 *                 then the sum of vmallocinfo takes its place
 *  PageTables, SecPageTables (KVM, IOMMU; nr_iommu_pages is a part), Bounce, WritebackTmp (copies
 *                 that FUSE made up to v6.15), HardwareCorrupted, GPUActive and GPUReclaim (TTM,
 *                 drivers/gpu/drm/ttm/ttm_pool.c): from alloc_pages(), in no other field
 *  Percpu         contains the first chunk, which is not in MemTotal (mm/percpu.c
 *                 pcpu_setup_first_chunk()); its size is not in /proc, hence a bound
 *  Hugetlb        all sizes; in no other field (hugetlb pages are not in NR_FILE_PAGES)
 *  Zswap          its pool; zsmalloc pages (nr_zspages) contain it where zswap uses zsmalloc, and
 *                 are in meminfo not at all for zram
 *  Balloon        some drivers take the pages out of MemTotal and some do not: which calls
 *                 adjust_managed_page_count() cannot be told from here, so it is a note and widens
 *                 the bounds
 *
 * What is unaccounted is then what drivers and the network took with alloc_pages() and no counter,
 * and error. It errs both ways; how far is estimated in bounds() and bounds only what is
 * understood.
 */
#include "source/proc/ledger.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "source/proc/limits.h"

enum {
	NAME_BYTES = 256,
	/**
	 * Percpu, first chunk, per CPU: static variables 150-300 KiB in distribution kernels, plus
	 * PERCPU_MODULE_RESERVE and PERCPU_DYNAMIC_RESERVE, some 40 KiB.
	 */
	FIRST_CHUNK_BYTES = 512 * 1024,
	/** Linux mm/vmstat.c calculate_normal_threshold(): never more than this. */
	MAX_THRESHOLD = 125,
	/**
	 * Counters of the frame that are kept per CPU: free, file, anon, shmem, two of slab,
	 * stacks, page tables, misc reclaimable, zspages.
	 */
	DRIFTING_COUNTERS = 10,
	/** Pages that move between the free list and a per-CPU list at once (pcp->batch). */
	PCP_BATCH = 63,
};

struct builder {
	const struct ul_proc_facts *facts;
	const struct ul_meminfo *mi;
	struct ul_ledger *ledger;
	uint64_t over;	/**< accounts may be too large by this */
	uint64_t under; /**< or too small by this */
};

static const struct row {
	enum ul_meminfo_field field;
	enum ul_kind kind;
	const char *name;
	bool reclaimable;
	bool rare; /**< left out until it was above zero once */
} rows[] = {
	{UL_MEMINFO_MEM_FREE, UL_KIND_FREE, "free", false, false},
	{UL_MEMINFO_ANON_PAGES, UL_KIND_ANON, "anon", false, false},
	{UL_MEMINFO_BUFFERS, UL_KIND_FILE, "buffers", true, false},
	{UL_MEMINFO_SWAP_CACHED, UL_KIND_FILE, "swap cache", true, true},
	{UL_MEMINFO_KERNEL_STACK, UL_KIND_KERNEL_STACK, "kernel stacks", false, false},
	{UL_MEMINFO_SHADOW_CALL_STACK, UL_KIND_KERNEL_STACK, "shadow call stacks", false, true},
	{UL_MEMINFO_PAGE_TABLES, UL_KIND_PAGE_TABLES, "page tables", false, false},
	{UL_MEMINFO_SEC_PAGE_TABLES, UL_KIND_PAGE_TABLES, "secondary page tables", false, true},
	{UL_MEMINFO_QUICKLISTS, UL_KIND_PAGE_TABLES, "page table quicklists", true, true},
	{UL_MEMINFO_PERCPU, UL_KIND_PERCPU, "percpu", false, false},
	{UL_MEMINFO_BOUNCE, UL_KIND_KERNEL_OTHER, "bounce buffers", false, true},
	{UL_MEMINFO_WRITEBACK_TMP, UL_KIND_KERNEL_OTHER, "fuse writeback", false, true},
	{UL_MEMINFO_HARDWARE_CORRUPTED, UL_KIND_KERNEL_OTHER, "hardware corrupted", false, true},
	{UL_MEMINFO_GPU_ACTIVE, UL_KIND_KERNEL_OTHER, "gpu objects", false, true},
	{UL_MEMINFO_GPU_RECLAIM, UL_KIND_KERNEL_OTHER, "gpu pools", true, true},
};

/** Bits of `seen` after those of the rows. */
enum {
	SEEN_MISC = UL_ARRAY_LEN(rows),
	SEEN_HUGETLB,
	SEEN_ZSWAP,
	SEEN_ZSMALLOC,
	SEEN_MEMMAP,
	SEEN_BITS,
};
_Static_assert((int)SEEN_BITS <= 64, "seen is 64 bits");

static struct ul_error *add(struct builder *b, enum ul_kind kind, const char *name, uint64_t bytes,
			    int64_t objects, bool reclaimable)
{
	return ul_ledger_add(b->ledger, kind, name, (int64_t)bytes, objects, reclaimable);
}

/** Add an account that most machines do not have, once it was seen. */
static struct ul_error *add_rare(struct builder *b, uint64_t *seen, int bit, enum ul_kind kind,
				 const char *name, uint64_t bytes, bool reclaimable)
{
	if (bytes)
		*seen |= UINT64_C(1) << bit;
	if (!(*seen >> bit & 1))
		return NULL;
	return add(b, kind, name, bytes, -1, reclaimable);
}

/**
 * @p whole less @p part. A part that is larger than its whole (counters drift, files are read one
 * after the other) leaves 0, and the accounts are too large by the difference.
 */
static uint64_t remainder_of(struct builder *b, uint64_t whole, uint64_t part)
{
	if (part <= whole)
		return whole - part;
	b->over += part - whole;
	return 0;
}

static uint64_t pages_to_bytes(const struct builder *b, uint64_t pages)
{
	return pages * b->facts->page_bytes;
}

static struct ul_error *build_rows(struct builder *b, uint64_t *seen)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		const uint64_t bytes = b->mi->value[row->field];
		if (row->rare)
			UL_TRY(add_rare(b, seen, (int)i, row->kind, row->name, bytes,
					row->reclaimable));
		else
			UL_TRY(add(b, row->kind, row->name, bytes, -1, row->reclaimable));
	}
	return NULL;
}

static struct ul_error *build_derived(struct builder *b, uint64_t *seen)
{
	const uint64_t *value = b->mi->value;
	const uint64_t file = remainder_of(b, value[UL_MEMINFO_CACHED], value[UL_MEMINFO_SHMEM]);
	UL_TRY(add(b, UL_KIND_FILE, "page cache", file, -1, true));
	uint64_t misc = 0;
	if (b->mi->has[UL_MEMINFO_K_RECLAIMABLE])
		misc = remainder_of(b, value[UL_MEMINFO_K_RECLAIMABLE],
				    value[UL_MEMINFO_S_RECLAIMABLE]);
	UL_TRY(add_rare(b, seen, SEEN_MISC, UL_KIND_KERNEL_OTHER, "misc reclaimable", misc, true));
	uint64_t huge = value[UL_MEMINFO_HUGETLB];
	if (!b->mi->has[UL_MEMINFO_HUGETLB] &&
	    (__builtin_mul_overflow(value[UL_MEMINFO_HUGE_PAGES_TOTAL],
				    value[UL_MEMINFO_HUGE_PAGE_SIZE], &huge) ||
	     huge > UL_PROC_LIMIT_BYTES))
		return ul_error_new(UL_ERR_LIMIT, "meminfo: huge pages exceed %llu bytes",
				    (unsigned long long)UL_PROC_LIMIT_BYTES);
	return add_rare(b, seen, SEEN_HUGETLB, UL_KIND_HUGETLB, "hugetlb", huge, false);
}

/**
 * Every mount a part of @p left. They show swapped-out pages, too: when they claim more than there
 * is, each gets its share.
 */
static struct ul_error *build_tmpfs(struct builder *b, uint64_t *left)
{
	const struct ul_tmpfs_list *list = b->facts->tmpfs;
	uint64_t claimed = 0;
	ul_vec_foreach (mount, &list->mounts)
		claimed += mount->known ? mount->bytes : 0;
	const uint64_t whole = *left;
	const double part = claimed > whole ? (double)whole / (double)claimed : 1;
	ul_vec_foreach (mount, &list->mounts) {
		char name[UL_TMPFS_PATH + 32];
		if (!mount->known)
			continue;
		uint64_t bytes =
			claimed > whole ? (uint64_t)((double)mount->bytes * part) : mount->bytes;
		bytes = bytes < *left ? bytes : *left;
		snprintf(name, sizeof(name), "%s %s", mount->type, mount->path);
		UL_TRY(add(b, UL_KIND_SHMEM, name, bytes, -1, false));
		*left -= bytes;
	}
	if (claimed > whole && claimed - whole > claimed / 100 + UL_MIB)
		return ul_losses_add(&b->ledger->losses, UL_BIAS_UNKNOWN, 0,
				     "tmpfs mounts hold swapped pages: shared memory is divided "
				     "among them in proportion");
	return NULL;
}

/** The parts of Shmem, never more than there is of it. */
static struct ul_error *build_shmem(struct builder *b)
{
	uint64_t left = b->mi->value[UL_MEMINFO_SHMEM];
	const struct ul_sysv *sysv = b->facts->sysv;
	const bool has_sysv = sysv && sysv->has_rss;
	if (has_sysv) {
		const uint64_t bytes = sysv->rss_bytes < left ? sysv->rss_bytes : left;
		UL_TRY(add(b, UL_KIND_SHMEM, "System V shared memory", bytes,
			   (int64_t)sysv->segments.len, false));
		left -= bytes;
	}
	if (sysv && sysv->bad_lines)
		UL_TRY(ul_losses_add(&b->ledger->losses, UL_BIAS_UNDER, sysv->bad_lines,
				     "lines of sysvipc/shm not understood"));
	if (!b->facts->tmpfs)
		return add(b, UL_KIND_SHMEM, has_sysv ? "shmem (other)" : "shmem", left, -1, false);
	UL_TRY(build_tmpfs(b, &left));
	return add(b, UL_KIND_SHMEM, "memfd, shared anonymous", left, -1, false);
}

static struct ul_error *build_free_lists(struct builder *b)
{
	if (!b->facts->zoneinfo)
		return NULL;
	if (!b->facts->zoneinfo->lists)
		return ul_losses_add(&b->ledger->losses, UL_BIAS_OVER, 0,
				     "no per-CPU free lists in zoneinfo: part of unaccounted");
	return add(b, UL_KIND_FREE, "free (per-CPU lists)",
		   pages_to_bytes(b, b->facts->zoneinfo->listed_pages), -1, false);
}

static struct ul_error *build_vmstat(struct builder *b, uint64_t *seen)
{
	const uint64_t zswap = b->mi->value[UL_MEMINFO_ZSWAP];
	const struct ul_vmstat *vmstat = b->facts->vmstat;
	uint64_t zsmalloc = vmstat ? pages_to_bytes(b, vmstat->zspages) : 0;
	if (!b->facts->zswap_apart)
		// Without zspages to contain it zswap stands alone, and nothing is too large.
		zsmalloc = zsmalloc > zswap ? zsmalloc - zswap : 0;
	UL_TRY(add_rare(b, seen, SEEN_ZSWAP, UL_KIND_COMPRESSED, "zswap", zswap, true));
	UL_TRY(add_rare(b, seen, SEEN_ZSMALLOC, UL_KIND_COMPRESSED, "zsmalloc (zram)", zsmalloc,
			false));
	if (!vmstat)
		return NULL;
	return add_rare(b, seen, SEEN_MEMMAP, UL_KIND_KERNEL_OTHER, "page metadata",
			pages_to_bytes(b, vmstat->memmap_pages), false);
}

static struct ul_error *add_aliases(const struct ul_slab_aliases *aliases,
				    const struct ul_slab_name *entry, struct ul_cache *cache)
{
	const struct ul_slab_name *first;
	const size_t count = ul_slab_aliases_group(aliases, entry, &first);
	for (size_t i = 0; i < count; i++) {
		// The directory is named after properties, ":0000064": nobody asked for that name.
		if (first[i].name[0] == ':' || !strcmp(first[i].name, cache->name))
			continue;
		if (!ul_cache_add_alias(cache, first[i].name))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *build_cache(struct builder *b, const struct ul_slabinfo_cache *line)
{
	const struct ul_slab_aliases *aliases = b->facts->aliases;
	const struct ul_slab_name *entry =
		aliases ? ul_slab_aliases_find(aliases, line->name) : NULL;
	struct ul_cache *cache = ul_vec_add(&b->ledger->caches);
	if (!cache)
		return &ul_enomem;
	cache->name = ul_span_dup(line->name);
	if (!cache->name)
		return &ul_enomem;
	cache->bytes = pages_to_bytes(b, line->pages);
	cache->objects = line->active_objects;
	cache->objects_total = line->objects;
	cache->object_size = line->object_size;
	cache->objects_per_slab = line->objects_per_slab;
	cache->pages_per_slab = line->pages_per_slab;
	cache->reclaimable = entry ? entry->reclaimable : ul_slab_name_reclaimable(line->name);
	if (entry)
		UL_TRY(add_aliases(aliases, entry, cache));
	return add(b, UL_KIND_SLAB, cache->name, cache->bytes, (int64_t)cache->objects,
		   cache->reclaimable);
}

static struct ul_error *build_slab_whole(struct builder *b, uint64_t slab)
{
	const uint64_t reclaimable = b->mi->value[UL_MEMINFO_S_RECLAIMABLE] < slab
					     ? b->mi->value[UL_MEMINFO_S_RECLAIMABLE]
					     : slab;
	UL_TRY(add(b, UL_KIND_SLAB, "slab (caches not readable)", slab - reclaimable, -1, false));
	return add(b, UL_KIND_SLAB, "reclaimable slab (caches not readable)", reclaimable, -1,
		   true);
}

static struct ul_error *build_slab(struct builder *b)
{
	uint64_t slab = b->mi->value[UL_MEMINFO_SLAB];
	if (!b->mi->has[UL_MEMINFO_SLAB])
		slab = b->mi->value[UL_MEMINFO_S_RECLAIMABLE] +
		       b->mi->value[UL_MEMINFO_S_UNRECLAIM];
	const struct ul_slabinfo *slabinfo = b->facts->slabinfo;
	if (!slabinfo)
		return build_slab_whole(b, slab);
	if (!ul_vec_reserve(&b->ledger->caches, slabinfo->caches.len))
		return &ul_enomem;
	ul_vec_foreach (line, &slabinfo->caches)
		UL_TRY(build_cache(b, line));
	if (slabinfo->bad_lines)
		UL_TRY(ul_losses_add(&b->ledger->losses, UL_BIAS_UNDER, slabinfo->bad_lines,
				     "lines of slabinfo not understood"));
	const uint64_t large = remainder_of(b, slab, pages_to_bytes(b, slabinfo->pages));
	return add(b, UL_KIND_SLAB, "kmalloc-large", large, -1, false);
}

/** Kernel stacks that VmallocUsed holds as well, as far as one can tell. */
static uint64_t stacks_in_vmalloc(struct builder *b, uint64_t used)
{
	const uint64_t stacks =
		b->mi->value[UL_MEMINFO_KERNEL_STACK] + b->mi->value[UL_MEMINFO_SHADOW_CALL_STACK];
	if (b->facts->vmallocinfo)
		return b->facts->vmallocinfo->stack_areas ? stacks : 0;
	if (stacks > used)
		return 0;
	// Every distribution kernel of today has CONFIG_VMAP_STACK; without it this is too little.
	b->under += stacks;
	return stacks;
}

static struct ul_error *build_vmalloc(struct builder *b)
{
	const struct ul_vmallocinfo *info = b->facts->vmallocinfo;
	uint64_t used = b->mi->value[UL_MEMINFO_VMALLOC_USED];
	if (!info) {
		used -= stacks_in_vmalloc(b, used);
		return add(b, UL_KIND_VMALLOC, "vmalloc (callers not readable)", used, -1, false);
	}
	if (!used)
		used = pages_to_bytes(b, info->pages);
	uint64_t explained = stacks_in_vmalloc(b, used);
	ul_vec_foreach (caller, &info->callers) {
		char name[NAME_BYTES];
		const uint64_t bytes = pages_to_bytes(b, caller->pages);
		ul_vmalloc_caller_name(caller, name, sizeof(name));
		UL_TRY(add(b, UL_KIND_VMALLOC, name, bytes, (int64_t)caller->areas, false));
		explained += bytes;
	}
	if (info->bad_lines)
		UL_TRY(ul_losses_add(&b->ledger->losses, UL_BIAS_UNDER, info->bad_lines,
				     "lines of vmallocinfo not understood"));
	if (info->callers_over_limit)
		UL_TRY(ul_losses_add(&b->ledger->losses, UL_BIAS_UNDER, info->callers_over_limit,
				     "vmalloc areas of more than %d callers",
				     UL_PROC_LIMIT_CALLERS));
	return add(b, UL_KIND_VMALLOC, "vmalloc (other)", remainder_of(b, used, explained), -1,
		   false);
}

static struct ul_error *build_notes(struct builder *b)
{
	const uint64_t *value = b->mi->value;
	if (b->facts->sockstat) {
		const struct ul_sockstat *sockstat = b->facts->sockstat;
		UL_TRY(ul_ledger_note(b->ledger, "tcp memory",
				      pages_to_bytes(b, sockstat->tcp_pages)));
		UL_TRY(ul_ledger_note(b->ledger, "udp memory",
				      pages_to_bytes(b, sockstat->udp_pages)));
		UL_TRY(ul_ledger_note(b->ledger, "ip fragments", sockstat->fragment_bytes));
	}
	if (value[UL_MEMINFO_CMA_TOTAL] > value[UL_MEMINFO_CMA_FREE])
		UL_TRY(ul_ledger_note(b->ledger, "cma in use",
				      value[UL_MEMINFO_CMA_TOTAL] - value[UL_MEMINFO_CMA_FREE]));
	if (value[UL_MEMINFO_BALLOON])
		UL_TRY(ul_ledger_note(b->ledger, "balloon", value[UL_MEMINFO_BALLOON]));
	if (b->facts->vmallocinfo && b->facts->vmallocinfo->borrowed_pages)
		UL_TRY(ul_ledger_note(b->ledger, "vmap of pages allocated elsewhere",
				      pages_to_bytes(b, b->facts->vmallocinfo->borrowed_pages)));
	return NULL;
}

/**
 * How far counters that are kept per CPU may be from the truth, pages. A CPU keeps up to
 * `threshold` of each counter to itself (Linux mm/vmstat.c __mod_node_page_state()) and a worker
 * folds them in every second. That all CPUs err by the full threshold to the same side does not
 * happen: the sum over CPUs and counters of an error that is even in -t..t has the deviation t *
 * sqrt(n / 3), and three of those are taken. Moves between the free list and a per-CPU list that
 * fall between the reads of zoneinfo and meminfo are one more such counter, of a batch.
 */
static uint64_t drift_pages(const struct ul_proc_facts *facts)
{
	const bool shown = facts->zoneinfo && facts->zoneinfo->threshold;
	const double threshold = shown ? facts->zoneinfo->threshold : MAX_THRESHOLD;
	const double variance =
		(DRIFTING_COUNTERS * threshold * threshold + (double)PCP_BATCH * PCP_BATCH) / 3;
	return (uint64_t)(3 * sqrt(variance * (facts->cpus ? facts->cpus : 1)));
}

static void bounds(struct builder *b)
{
	const uint64_t *value = b->mi->value;
	const uint64_t drift = pages_to_bytes(b, drift_pages(b->facts));
	const uint64_t first_chunk = (uint64_t)b->facts->cpus * FIRST_CHUNK_BYTES;
	b->over += drift;
	b->under += drift;
	b->over += value[UL_MEMINFO_SWAP_CACHED] < value[UL_MEMINFO_ANON_PAGES]
			   ? value[UL_MEMINFO_SWAP_CACHED]
			   : value[UL_MEMINFO_ANON_PAGES];
	b->over += value[UL_MEMINFO_PERCPU] < first_chunk ? value[UL_MEMINFO_PERCPU] : first_chunk;
	b->under += value[UL_MEMINFO_BALLOON];
}

struct ul_error *ul_proc_build(const struct ul_proc_facts *facts, uint64_t *seen,
			       struct ul_ledger *ledger)
{
	struct builder b = {.facts = facts, .mi = facts->meminfo, .ledger = ledger};
	ledger->mem_total = b.mi->value[UL_MEMINFO_MEM_TOTAL];
	UL_TRY(build_rows(&b, seen));
	UL_TRY(build_derived(&b, seen));
	UL_TRY(build_shmem(&b));
	UL_TRY(build_free_lists(&b));
	UL_TRY(build_vmstat(&b, seen));
	UL_TRY(build_slab(&b));
	UL_TRY(build_vmalloc(&b));
	UL_TRY(build_notes(&b));
	bounds(&b);
	ul_ledger_close(ledger, b.over, b.under);
	return NULL;
}
