// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the members lie that the walkers read, all by name from the kernel's own types. What a
 * kernel does not have stays UL_KWALK_NONE, and the walker that would read it does without: that is
 * how the features of kernels are told apart. What no walker can do without is named in the error.
 *
 * Page types before v6.12 are macros, which types do not tell. Their bits come from VMCOREINFO
 * where it has them (buddy, offline, slab); page tables have stood behind "offline" since v4.18,
 * with charged kernel pages in between while struct page had a member mem_cgroup.
 */
#include <stdlib.h>

#include "source/kwalk/kwalk_internal.h"

/** A member and where its offset goes; the first of its spellings that exists counts. */
struct row {
	const char *type;
	const char *path;
	size_t to; /**< offsetof(struct ul_kwalk_layout, ...) */
	bool needed;
};

#define TO(member) offsetof(struct ul_kwalk_layout, member)
#define NEED(t, p, to)                                                                             \
	{                                                                                          \
		t, p, TO(to), true                                                                 \
	}
#define MAY(t, p, to)                                                                              \
	{                                                                                          \
		t, p, TO(to), false                                                                \
	}

/* Linux include/linux/mm_types.h, mm/slab.h; struct slab was part of struct page before v5.17. */
static const struct row rows[] = {
	NEED("page", "flags", page_flags),
	NEED("page", "compound_head", page_info),
	// commit "mm: rename page->compound_head to compound_info" (v7.1)
	NEED("page", "compound_info", page_info),
	NEED("page", "page_type", page_type),
	NEED("page", "_refcount", page_refcount),
	NEED("page", "mapping", page_mapping),
	NEED("page", "private", page_private),
	NEED("page", "lru", page_lru),
	NEED("slab", "slab_cache", slab_cache),
	NEED("page", "slab_cache", slab_cache),
	NEED("slab", "freelist", slab_freelist),
	NEED("page", "freelist", slab_freelist),
	NEED("kmem_cache", "name", cache_name),
	NEED("kmem_cache", "list", cache_list),
	NEED("kmem_cache", "size", cache_size),
	NEED("kmem_cache", "object_size", cache_object_size),
	NEED("kmem_cache", "offset", cache_offset),
	NEED("kmem_cache", "flags", cache_flags),
	MAY("kmem_cache", "random", cache_random),
	MAY("kmem_cache", "red_left_pad", cache_red_left_pad),
	MAY("kmem_cache", "refcount", cache_refcount),
	MAY("kmem_cache", "kobj", cache_kobj),
	MAY("kmem_cache", "cpu_slab", cache_cpu_slab),
	MAY("kmem_cache", "cpu_sheaves", cache_cpu_sheaves),
	MAY("kmem_cache", "sheaf_capacity", cache_sheaf_capacity),
	MAY("kmem_cache_cpu", "freelist", cpu_freelist),
	MAY("slub_percpu_sheaves", "main", sheaves_main),
	MAY("slub_percpu_sheaves", "spare", sheaves_spare),
	MAY("slub_percpu_sheaves", "rcu_free", sheaves_rcu_free),
	MAY("slab_sheaf", "size", sheaf_size),
	MAY("slab_sheaf", "capacity", sheaf_capacity),
	MAY("slab_sheaf", "objects", sheaf_objects),
	MAY("slab_sheaf", "barn_list", sheaf_list),
	MAY("kmem_cache_node", "barn", node_barn),
	MAY("node_barn", "sheaves_full", barn_full),
	MAY("node_barn", "sheaves_empty", barn_empty),
	MAY("vmap_area", "va_start", area_start),
	MAY("vmap_area", "va_end", area_end),
	MAY("vmap_area", "rb_node", area_rb),
	MAY("vmap_area", "list", area_list),
	MAY("vmap_area", "vm", area_vm),
	MAY("vmap_area", "purge_list", area_purge_list),
	MAY("rb_node", "__rb_parent_color", rb_parent),
	MAY("rb_node", "rb_left", rb_left),
	MAY("rb_node", "rb_right", rb_right),
	MAY("vm_struct", "addr", vm_addr),
	MAY("vm_struct", "size", vm_size),
	MAY("vm_struct", "flags", vm_flags),
	MAY("vm_struct", "pages", vm_pages),
	MAY("vm_struct", "nr_pages", vm_nr_pages),
	MAY("vm_struct", "caller", vm_caller),
	MAY("vmap_node", "pool", vmap_node_pool),
	MAY("vmap_node", "busy.root.rb_node", vmap_node_busy),
	MAY("vmap_node", "lazy.root.rb_node", vmap_node_lazy),
	MAY("vmap_node", "purge_list", vmap_node_purge),
	MAY("vmap_pool", "head", vmap_pool_head),
	MAY("pcpu_chunk", "list", chunk_list),
	MAY("pcpu_chunk", "base_addr", chunk_base),
	MAY("pcpu_chunk", "alloc_map", chunk_alloc_map),
	MAY("pcpu_chunk", "bound_map", chunk_bound_map),
	MAY("pcpu_chunk", "nr_pages", chunk_nr_pages),
	MAY("pcpu_chunk", "populated", chunk_populated),
	MAY("pcpu_chunk", "start_offset", chunk_start),
	MAY("pcpu_chunk", "end_offset", chunk_end),
	MAY("task_struct", "tasks", task_tasks),
	MAY("task_struct", "signal", task_signal),
	MAY("task_struct", "thread_node", task_thread_node),
	MAY("task_struct", "stack", task_stack),
	MAY("task_struct", "thread.sp", task_sp),
	MAY("task_struct", "thread.cpu_context.sp", task_sp), // arm64
	MAY("task_struct", "on_cpu", task_on_cpu),
	MAY("task_struct", "stack_vm_area", task_stack_vm),
	MAY("task_struct", "mm", task_mm),
	MAY("task_struct", "active_mm", task_active_mm),
	MAY("mm_struct", "pgd", mm_pgd),
	MAY("signal_struct", "thread_head", signal_thread_head),
	MAY("rq", "idle", rq_idle),
	MAY("module", "list", module_list),
	// commit ac3b43283923 ("module: replace module_layout with module_memory") (v6.4)
	MAY("module", "mem", module_memory),
	MAY("module", "core_layout", module_memory),
	MAY("module_memory", "base", memory_base),
	MAY("module_layout", "base", memory_base),
	MAY("module_memory", "size", memory_size),
	MAY("module_layout", "size", memory_size),
	MAY("module_layout", "text_size", memory_text_size),
	MAY("kfence_metadata", "state", kfence_state),
	MAY("kfence_metadata", "addr", kfence_addr),
	MAY("kfence_metadata", "size", kfence_size),
	MAY("kfence_metadata", "cache", kfence_cache),
	MAY("kernfs_node", "dir.children.rb_node", kernfs_children),
	MAY("kernfs_node", "rb", kernfs_rb),
	MAY("kernfs_node", "name", kernfs_name),
	MAY("kernfs_node", "flags", kernfs_flags),
	MAY("kernfs_node", "symlink.target_kn", kernfs_target),
	MAY("kernfs_node", "priv", kernfs_priv),
	MAY("kset", "kobj", kset_kobj),
	MAY("kobject", "sd", kobject_sd),
	MAY("pglist_data", "node_zones", pgdat_zones),
	// commit 28f836b6777b ("mm/page_alloc: split per cpu page lists and zone stats") (v5.14)
	MAY("zone", "per_cpu_pageset", zone_pageset),
	MAY("zone", "pageset", zone_pageset),
	MAY("per_cpu_pages", "lists", pageset_lists),
};

static struct ul_error *missing(const char *what)
{
	return ul_error_hint(
		ul_error_new(UL_ERR_UNSUPPORTED, "kernel's types: no %s", what),
		"objects can be told on kernels with SLUB and a linear page array (VMEMMAP)");
}

static struct ul_error *load_rows(const struct ul_types *types, struct ul_kwalk_layout *layout)
{
	uint8_t *base = (uint8_t *)layout;
	for (size_t i = 0; i < UL_ARRAY_LEN(rows); i++)
		*(uint32_t *)(void *)(base + rows[i].to) = UL_KWALK_NONE;
	for (size_t i = 0; i < UL_ARRAY_LEN(rows); i++) {
		uint32_t *to = (uint32_t *)(void *)(base + rows[i].to);
		struct ul_place place;
		if (*to == UL_KWALK_NONE &&
		    ul_types_place(types, rows[i].type, rows[i].path, &place))
			*to = place.offset;
	}
	for (size_t i = 0; i < UL_ARRAY_LEN(rows); i++) {
		const uint32_t *to = (const uint32_t *)(const void *)(base + rows[i].to);
		if (!rows[i].needed || *to != UL_KWALK_NONE)
			continue;
		char name[96];
		snprintf(name, sizeof(name), "struct %s member %s", rows[i].type, rows[i].path);
		return missing(name);
	}
	return NULL;
}

/** Elements of an array member; 0 where there is none. */
static uint32_t array_len(const struct ul_types *types, const char *name, const char *path)
{
	struct ul_place place;
	struct ul_type type;
	if (!ul_types_place(types, name, path, &place) || !ul_types_get(types, place.type, &type))
		return 0;
	return type.kind == UL_TYPE_ARRAY ? type.count : 0;
}

static uint32_t offset_or_none(const struct ul_types *types, const char *name, const char *path)
{
	struct ul_place place;
	return ul_types_place(types, name, path, &place) ? place.offset : UL_KWALK_NONE;
}

static struct ul_error *load_slab(const struct ul_types *types, struct ul_kwalk_layout *layout)
{
	struct ul_place place;
	if (!ul_types_place(types, "slab", "objects", &place) &&
	    !ul_types_place(types, "page", "objects", &place))
		return missing("struct slab member objects");
	layout->slab_objects = place.offset;
	layout->slab_objects_shift = place.bit_offset;
	layout->slab_objects_bits = place.bits ? place.bits : place.bytes * 8;
	if (layout->slab_objects_shift + layout->slab_objects_bits > 64)
		return missing("member objects of a size that is understood");
	// commit "slab: replace cache_from_obj() ..." (v7.1): barn and node of each in one array
	layout->cache_node_bytes = ul_types_sizeof(types, "kmem_cache_per_node_ptrs");
	layout->cache_nodes = offset_or_none(types, "kmem_cache", "per_node");
	layout->cache_node_node = offset_or_none(types, "kmem_cache_per_node_ptrs", "node");
	layout->cache_node_barn = offset_or_none(types, "kmem_cache_per_node_ptrs", "barn");
	layout->cache_node_count = array_len(types, "kmem_cache", "per_node");
	if (layout->cache_nodes == UL_KWALK_NONE || !layout->cache_node_bytes) {
		layout->cache_nodes = offset_or_none(types, "kmem_cache", "node");
		layout->cache_node_bytes = sizeof(uint64_t);
		layout->cache_node_node = 0;
		layout->cache_node_barn = UL_KWALK_NONE;
		layout->cache_node_count = array_len(types, "kmem_cache", "node");
	}
	return NULL;
}

static void load_sizes(const struct ul_types *types, struct ul_kwalk_layout *layout)
{
	struct ul_place place;
	layout->has_memcg_type = ul_types_place(types, "page", "mem_cgroup", &place);
	layout->vm_nr_pages_bytes =
		ul_types_place(types, "vm_struct", "nr_pages", &place) ? place.bytes : 0;
	layout->task_on_cpu_bytes =
		ul_types_place(types, "task_struct", "on_cpu", &place) ? place.bytes : 0;
	layout->vmap_node_bytes = ul_types_sizeof(types, "vmap_node");
	layout->vmap_pool_bytes = ul_types_sizeof(types, "vmap_pool");
	layout->vmap_pools = array_len(types, "vmap_node", "pool");
	layout->stack_bytes = ul_types_sizeof(types, "thread_union");
	layout->module_memory_len = array_len(types, "module", "mem");
	layout->module_memory_bytes = ul_types_sizeof(types, "module_memory");
	layout->kfence_bytes = ul_types_sizeof(types, "kfence_metadata");
	layout->zone_bytes = ul_types_sizeof(types, "zone");
	layout->pgdat_zones_len = array_len(types, "pglist_data", "node_zones");
	layout->pageset_lists_len = array_len(types, "per_cpu_pages", "lists");
	if (ul_types_place(types, "per_cpu_pageset", "pcp", &place) &&
	    layout->pageset_lists != UL_KWALK_NONE)
		layout->pageset_lists += place.offset;
}

/* ---- marks ---- */

static uint64_t flag(const struct ul_types *types, const char *name)
{
	int64_t bit;
	return ul_types_enumerator(types, name, &bit) && bit >= 0 && bit < 64 ? UINT64_C(1) << bit
									      : 0;
}

static void add_bit(struct ul_kwalk_marks *marks, uint32_t bit, uint8_t class)
{
	if (bit && marks->of_bit_len < UL_ARRAY_LEN(marks->of_bit)) {
		marks->of_bit[marks->of_bit_len].bit = bit;
		marks->of_bit[marks->of_bit_len++].class = class;
	}
}

/*
 * Linux include/linux/page-flags.h enum pagetype, commit 4ffca5a96678 ("mm: support only one
 * page_type per page") (v6.12).
 */
static void load_type_bytes(const struct ul_types *types, struct ul_kwalk_marks *marks)
{
	static const struct {
		const char *name;
		uint8_t class;
	} names[] = {
		{"PGTY_buddy", UL_FRAME_FREE},	    {"PGTY_offline", UL_FRAME_OFFLINE},
		{"PGTY_table", UL_FRAME_TABLE},	    {"PGTY_guard", UL_FRAME_FREE},
		{"PGTY_hugetlb", UL_FRAME_HUGETLB}, {"PGTY_slab", UL_FRAME_SLAB},
		{"PGTY_unaccepted", UL_FRAME_FREE}, {"PGTY_large_kmalloc", UL_FRAME_KMALLOC_LARGE},
	};
	int64_t value;
	marks->bytes = true;
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++)
		if (ul_types_enumerator(types, names[i].name, &value) && value > 0 && value < 256)
			marks->of_byte[value] = names[i].class;
	if (ul_types_enumerator(types, "PGTY_zsmalloc", &value) && value > 0 && value < 256)
		marks->of_byte[value] = UL_FRAME_ZSMALLOC;
}

/** The bit of a page type: VMCOREINFO gives its complement, as the value _mapcount shows. */
static uint32_t type_bit(const struct ul_image *image, const char *key, const char *enumerator)
{
	int64_t value;
	if (ul_types_enumerator(image->types, enumerator, &value) && value > 64)
		return (uint32_t)value; // enum pagetype of v6.11
	return ul_image_vmcoreinfo(image, key, &value) ? ~(uint32_t)value : 0;
}

static struct ul_error *load_type_bits(const struct ul_image *image,
				       const struct ul_kwalk_layout *layout,
				       struct ul_kwalk_marks *marks)
{
	uint32_t buddy = type_bit(image, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", "PG_buddy");
	if (!buddy)
		buddy = 0x80; // Linux include/linux/page-flags.h PG_buddy, v4.18 to v6.10
	const bool high = buddy > 0x00ffffff; // v6.11 counts from the top
	uint32_t table = type_bit(image, "", "PG_table");
	// Behind buddy stand offline (balloon before), charged pages up to v5.10, tables.
	if (!table)
		table = high ? buddy >> 2 : layout->has_memcg_type ? buddy << 3 : buddy << 2;
	marks->type_base = high ? 0x80000000 : 0xf0000000;
	add_bit(marks, type_bit(image, "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)", "PG_slab"),
		UL_FRAME_SLAB);
	add_bit(marks, buddy, UL_FRAME_FREE);
	add_bit(marks, high ? buddy >> 1 : buddy << 1, UL_FRAME_OFFLINE);
	add_bit(marks, table, UL_FRAME_TABLE);
	add_bit(marks, type_bit(image, "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)", ""),
		UL_FRAME_HUGETLB);
	return NULL;
}

static struct ul_error *load_marks(const struct ul_image *image,
				   const struct ul_kwalk_layout *layout,
				   struct ul_kwalk_marks *marks)
{
	const struct ul_types *types = image->types;
	int64_t value;
	marks->slab = flag(types, "PG_slab");
	marks->reserved = flag(types, "PG_reserved");
	marks->head = flag(types, "PG_head");
	marks->lru = flag(types, "PG_lru");
	marks->swap_backed = flag(types, "PG_swapbacked");
	marks->swap_cache = flag(types, "PG_swapcache");
	marks->poisoned = flag(types, "PG_hwpoison");
	if (!marks->reserved || !marks->head || !marks->lru)
		return missing("enumerators PG_reserved, PG_head, PG_lru");
	marks->dtor = UL_KWALK_NONE;
	if (ul_types_enumerator(types, "PGTY_slab", &value)) {
		load_type_bytes(types, marks);
		return NULL;
	}
	UL_TRY(load_type_bits(image, layout, marks));
	marks->hugetlb_second = flag(types, "PG_hugetlb");
	if (ul_types_enumerator(types, "HUGETLB_PAGE_DTOR", &value)) {
		marks->dtor_hugetlb = (uint8_t)value;
		marks->dtor = offset_or_none(types, "folio", "_folio_dtor");
		const uint32_t in_page = offset_or_none(types, "page", "compound_dtor");
		if (marks->dtor == UL_KWALK_NONE && in_page != UL_KWALK_NONE)
			marks->dtor = layout->page_bytes + in_page;
	}
	return NULL;
}

struct ul_error *ul_kwalk_layout_load(const struct ul_image *image, struct ul_kwalk_layout *ret,
				      struct ul_kwalk_marks *ret_marks)
{
	const struct ul_types *types = image->types;
	struct ul_kwalk_layout layout = {0};
	struct ul_kwalk_marks marks = {0};
	if (!types)
		return ul_error_hint(
			ul_error_new(UL_ERR_UNSUPPORTED, "walking kernel memory: no types known"),
			"a kernel with BTF, or --vmlinux FILE");
	layout.page_bytes = ul_types_sizeof(types, "page");
	if (layout.page_bytes < 32 || layout.page_bytes > UL_KWALK_STRUCT_PAGE)
		return missing("struct page of a size that is understood");
	UL_TRY(load_rows(types, &layout));
	UL_TRY(load_slab(types, &layout));
	load_sizes(types, &layout);
	UL_TRY(load_marks(image, &layout, &marks));
	*ret = layout;
	*ret_marks = marks;
	return NULL;
}
