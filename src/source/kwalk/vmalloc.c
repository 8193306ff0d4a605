// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmalloc areas: a list up to v6.8, red-black trees of several nodes from v6.9 on (commit
 * d093602919ad, "mm: vmalloc: remove global vmap_area_root rb-tree").
 *
 * The allocator's own records name every area: struct vmap_area by its bounds, busy and free ones
 * alike (a free range ends where the next area starts), vm_struct by its address. With these words
 * in sight no area would ever be lost, so they are hidden. vm_struct.pages stays in sight.
 *
 * Which areas are blocks: those that own their pages (VM_ALLOC). Pages that vmap() shows at a
 * second address belong to whoever allocated them, and whether that one still has them cannot be
 * seen from pointers alone: they are taken as kept. I/O mappings are no memory.
 */
#include <string.h>

#include "source/kwalk/kwalk_internal.h"

enum { /* Linux include/linux/vmalloc.h */
       VM_IOREMAP = 0x1,
       VM_ALLOC = 0x2,
       VM_MAP = 0x4,
       VM_NO_GUARD = 0x40,
       CACHED_STACKS = 2, /**< Linux kernel/fork.c NR_CACHED_STACKS */
       PAGES_AT_ONCE = 512,
       AREA_PAGES_MAX = 1 << 28
};

struct area {
	uint64_t kaddr, start, end;
	uint64_t vm; /**< struct vm_struct *; 0: none */
};

struct walker {
	struct ul_kwalk *walk;
	size_t left;
	uint64_t damaged;
	UL_VEC(uint64_t) cached; /**< vm_struct of stacks that wait for the next task */
};

static void walker_deinit(struct walker *walker)
{
	ul_vec_deinit(&walker->cached);
}

/** Stacks of tasks that have ended, kept for the next ones: found by no pointer but these. */
static struct ul_error *read_cached_stacks(struct walker *walker)
{
	const struct ul_kwalk *walk = walker->walk;
	uint64_t at;
	if (!ul_kwalk_symbol(walk, "cached_stacks", &at))
		return NULL;
	for (size_t i = 0; i < walk->heap->cpu_offsets.len * CACHED_STACKS; i++) {
		uint64_t vm;
		if (ul_kwalk_word(walk,
				  ul_kwalk_percpu(walk, at, i / CACHED_STACKS) +
					  i % CACHED_STACKS * 8,
				  0, &vm) &&
		    vm && !ul_vec_push(&walker->cached, vm))
			return &ul_enomem;
	}
	return NULL;
}

static bool is_cached_stack(const struct walker *walker, uint64_t vm)
{
	ul_vec_foreach (cached, &walker->cached)
		if (*cached == vm)
			return true;
	return false;
}

static bool is_stack(const struct ul_kwalk *walk, uint64_t start)
{
	size_t low = 0;
	size_t high = walk->stacks.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (walk->stacks.data[middle].start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < walk->stacks.len && walk->stacks.data[low].start == start;
}

/** Frames of a pages[] array; returns how many of them are memory. */
static uint64_t claim_pages(struct ul_kwalk *walk, uint64_t pages, uint64_t count, uint8_t class)
{
	const struct ul_address_space *space = &walk->heap->space;
	uint64_t claimed = 0;
	for (uint64_t done = 0; done < count;) {
		uint64_t batch[PAGES_AT_ONCE];
		uint64_t pfn;
		const size_t n =
			count - done < PAGES_AT_ONCE ? (size_t)(count - done) : PAGES_AT_ONCE;
		if (!ul_kwalk_read(walk, pages + done * 8, batch, n * sizeof(*batch)))
			break;
		for (size_t i = 0; i < n; i++)
			if (ul_space_page_pfn(space, batch[i], &pfn))
				claimed += ul_kwalk_claim(walk, ul_space_pfn_kaddr(space, pfn),
							  space->page_bytes, class);
		done += n;
	}
	return claimed;
}

/** What a vm_struct says. */
struct vm {
	uint64_t size, pages, caller, nr_pages;
	uint32_t flags;
};

static bool read_vm(const struct ul_kwalk *walk, uint64_t kaddr, struct vm *ret)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint32_t pages = 0;
	struct vm vm = {0};
	if (!ul_kwalk_word(walk, kaddr, layout->vm_size, &vm.size) ||
	    !ul_kwalk_u32(walk, kaddr, layout->vm_flags, &vm.flags) ||
	    !ul_kwalk_word(walk, kaddr, layout->vm_pages, &vm.pages))
		return false;
	if (layout->vm_nr_pages_bytes == sizeof(uint64_t)) {
		if (!ul_kwalk_word(walk, kaddr, layout->vm_nr_pages, &vm.nr_pages))
			return false;
	} else {
		if (!ul_kwalk_u32(walk, kaddr, layout->vm_nr_pages, &pages))
			return false;
		vm.nr_pages = pages;
	}
	if (!ul_kwalk_word(walk, kaddr, layout->vm_caller, &vm.caller))
		vm.caller = 0;
	*ret = vm;
	return true;
}

/** An area that owns its pages. */
static struct ul_error *add_block(struct walker *walker, const struct area *area,
				  const struct vm *vm)
{
	struct ul_kwalk *walk = walker->walk;
	const uint64_t page_bytes = walk->heap->space.page_bytes;
	const uint64_t whole = area->end - area->start;
	const uint64_t guard = vm->flags & VM_NO_GUARD || whole <= page_bytes ? 0 : page_bytes;
	const bool cached = is_cached_stack(walker, area->vm);
	const bool stack = cached || is_stack(walk, area->start);
	struct ul_heap_area *record = ul_vec_add(&walk->heap->areas);
	if (!record)
		return &ul_enomem;
	struct ul_block block = {
		.kaddr = area->start,
		.bytes = vm->nr_pages && vm->nr_pages * page_bytes <= whole
				 ? vm->nr_pages * page_bytes
				 : whole - guard,
		.slots = 1,
		.cache = (uint32_t)walk->heap->areas.len - 1,
		.kind = UL_BLOCK_VMALLOC,
		.flags = stack ? UL_BLOCK_NO_SCAN | UL_BLOCK_NOT_LEAK : 0,
	};
	*record = (struct ul_heap_area){.vm_struct = area->vm,
					.caller = vm->caller,
					.flags = vm->flags,
					.pages = vm->nr_pages};
	claim_pages(walk, vm->pages, vm->nr_pages, stack ? UL_FRAME_STACK : UL_FRAME_VMALLOC);
	return ul_heap_add_block(walk->heap, &block);
}

static struct ul_error *add_area(struct walker *walker, const struct area *area)
{
	struct ul_kwalk *walk = walker->walk;
	const uint64_t whole = area->end - area->start;
	struct vm vm = {0};
	if (!area->vm) { // vm_map_ram()
		ul_kwalk_claim(walk, area->start, whole, UL_FRAME_MAPPED);
		return NULL;
	}
	if (!ul_kwalk_is_pointer(area->vm) || !read_vm(walk, area->vm, &vm) ||
	    vm.nr_pages > whole / walk->heap->space.page_bytes) {
		walker->damaged++;
		return NULL;
	}
	UL_TRY(ul_kwalk_hide(walk, area->vm + walk->layout.vm_addr, 8));
	if (vm.flags & VM_IOREMAP)
		return NULL;
	// Per-CPU chunks are areas, too: without pages[], and known by their own lists.
	if (vm.flags & VM_ALLOC && vm.pages)
		return add_block(walker, area, &vm);
	if (vm.flags & VM_ALLOC)
		ul_kwalk_claim(walk, area->start, whole, UL_FRAME_PERCPU);
	else
		ul_kwalk_claim(walk, area->start, whole, UL_FRAME_MAPPED);
	return NULL;
}

static struct ul_error *hide_area(struct ul_kwalk *walk, uint64_t kaddr)
{
	UL_TRY(ul_kwalk_hide(walk, kaddr + walk->layout.area_start, 8));
	return ul_kwalk_hide(walk, kaddr + walk->layout.area_end, 8);
}

static struct ul_error *busy_area(struct walker *walker, uint64_t kaddr)
{
	const struct ul_kwalk *walk = walker->walk;
	const struct ul_kwalk_layout *layout = &walk->layout;
	const uint64_t page_bytes = walk->heap->space.page_bytes;
	struct area area = {.kaddr = kaddr};
	if (!ul_kwalk_word(walk, kaddr, layout->area_start, &area.start) ||
	    !ul_kwalk_word(walk, kaddr, layout->area_end, &area.end) ||
	    !ul_kwalk_word(walk, kaddr, layout->area_vm, &area.vm) || !(area.start >> 63) ||
	    area.end <= area.start || (area.start | area.end) & (page_bytes - 1) ||
	    (area.end - area.start) / page_bytes > AREA_PAGES_MAX) {
		walker->damaged++;
		return NULL;
	}
	UL_TRY(hide_area(walker->walk, kaddr));
	return add_area(walker, &area);
}

static struct ul_error *busy_node(void *argument, uint64_t node)
{
	struct walker *walker = argument;
	return busy_area(walker, node - walker->walk->layout.area_rb);
}

static struct ul_error *free_node(void *argument, uint64_t node)
{
	struct walker *walker = argument;
	return hide_area(walker->walk, node - walker->walk->layout.area_rb);
}

/** Areas that are free, or about to be: only their words are hidden. */
static struct ul_error *free_list(struct walker *walker, uint64_t head)
{
	struct ul_kwalk_list list = ul_kwalk_list_begin(walker->walk, head, walker->left);
	uint64_t node;
	while (ul_kwalk_list_next(&list, &node))
		UL_TRY(hide_area(walker->walk, node - walker->walk->layout.area_list));
	walker->left = list.left;
	walker->damaged += list.broken;
	return NULL;
}

static struct ul_error *busy_list(struct walker *walker, uint64_t head)
{
	struct ul_kwalk_list list = ul_kwalk_list_begin(walker->walk, head, walker->left);
	uint64_t node;
	while (ul_kwalk_list_next(&list, &node))
		UL_TRY(busy_area(walker, node - walker->walk->layout.area_list));
	walker->left = list.left;
	walker->damaged += list.broken;
	return NULL;
}

/** Up to v5.18 what is to be purged is on a list with one direction. */
static struct ul_error *purge_llist(struct walker *walker, uint64_t head)
{
	const struct ul_kwalk *walk = walker->walk;
	const uint32_t link = walk->layout.area_purge_list;
	uint64_t node;
	if (link == UL_KWALK_NONE || !ul_kwalk_word(walk, head, 0, &node))
		return NULL;
	while (node && walker->left) {
		walker->left--;
		if (!ul_kwalk_is_pointer(node)) {
			walker->damaged++;
			return NULL;
		}
		UL_TRY(hide_area(walker->walk, node - link));
		if (!ul_kwalk_word(walk, node, 0, &node))
			return NULL;
	}
	return NULL;
}

static struct ul_error *tree_at(struct walker *walker, uint64_t root_at,
				struct ul_error *(*visit)(void *argument, uint64_t node))
{
	uint64_t root;
	bool whole = false;
	if (ul_kwalk_word(walker->walk, root_at, 0, &root))
		UL_TRY(ul_kwalk_tree(walker->walk, root, &walker->left, visit, walker, &whole));
	walker->damaged += !whole;
	return NULL;
}

static struct ul_error *add_vmap_node(struct walker *walker, uint64_t node)
{
	const struct ul_kwalk_layout *layout = &walker->walk->layout;
	UL_TRY(tree_at(walker, node + layout->vmap_node_busy, busy_node));
	if (layout->vmap_node_lazy != UL_KWALK_NONE)
		UL_TRY(tree_at(walker, node + layout->vmap_node_lazy, free_node));
	if (layout->vmap_node_purge != UL_KWALK_NONE)
		UL_TRY(free_list(walker, node + layout->vmap_node_purge));
	if (layout->vmap_node_pool == UL_KWALK_NONE || layout->vmap_pool_head == UL_KWALK_NONE)
		return NULL;
	for (uint32_t i = 0; walker->left && i < layout->vmap_pools; i++)
		UL_TRY(free_list(walker, node + layout->vmap_node_pool +
						 (uint64_t)i * layout->vmap_pool_bytes +
						 layout->vmap_pool_head));
	return NULL;
}

static struct ul_error *walk_areas(struct walker *walker, bool *ret_found)
{
	const struct ul_kwalk *walk = walker->walk;
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t at;
	uint64_t nodes;
	uint32_t count = 1;
	*ret_found = true;
	if (layout->vmap_node_busy != UL_KWALK_NONE && layout->vmap_node_bytes &&
	    ul_kwalk_variable(walk, "vmap_nodes", &nodes) && ul_kwalk_is_pointer(nodes)) {
		// One for each CPU, by Linux mm/vmalloc.c vmap_init_nodes(), where it has no name.
		if (!ul_kwalk_variable32(walk, "nr_vmap_nodes", &count) && walk->image->kernel.cpus)
			count = walk->image->kernel.cpus < UL_KWALK_NODES ? walk->image->kernel.cpus
									  : UL_KWALK_NODES;
		for (uint32_t i = 0; i < count && i < UL_KWALK_NODES; i++)
			UL_TRY(add_vmap_node(walker,
					     nodes + (uint64_t)i * layout->vmap_node_bytes));
	} else if (ul_kwalk_symbol(walk, "vmap_area_list", &at)) {
		UL_TRY(busy_list(walker, at));
	} else {
		*ret_found = false;
	}
	if (ul_kwalk_symbol(walk, "free_vmap_area_list", &at))
		UL_TRY(free_list(walker, at));
	if (ul_kwalk_symbol(walk, "purge_vmap_area_list", &at))
		UL_TRY(free_list(walker, at));
	else if (ul_kwalk_symbol(walk, "vmap_purge_list", &at))
		UL_TRY(purge_llist(walker, at));
	return NULL;
}

struct ul_error *ul_kwalk_vmalloc(struct ul_kwalk *walk)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	UL_CLEANUP(walker_deinit)
	struct walker walker = {.walk = walk, .left = UL_KWALK_AREAS + walk->heap->space.max_pfn};
	bool found = false;
	UL_TRY(read_cached_stacks(&walker));
	if (layout->area_start != UL_KWALK_NONE && layout->area_end != UL_KWALK_NONE &&
	    layout->area_rb != UL_KWALK_NONE && layout->area_list != UL_KWALK_NONE &&
	    layout->vm_addr != UL_KWALK_NONE && layout->rb_parent != UL_KWALK_NONE)
		UL_TRY(walk_areas(&walker, &found));
	if (!found)
		UL_TRY(ul_kwalk_loss(walk, UL_BIAS_OVER, 0,
				     "vmalloc areas: not found; what only they hold looks lost"));
	if (walker.damaged)
		UL_TRY(ul_kwalk_loss(walk, UL_BIAS_OVER, walker.damaged,
				     "vmalloc areas and lists of them that make no sense"));
	return NULL;
}
