/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel of 1 MiB, made by hand: 256 page frames in an array, mapped as a direct map, as a page
 * array, as a kernel image and through a few vmalloc pages. One of two ages, so that both halves of
 * the walkers have something to do: `modern` false is like v5.10 (slab fields in struct page,
 * freelists of CPUs, a list of vmalloc areas), true like v7.2 (types of pages, sheaves, barns,
 * trees of vmalloc areas, pages that are frozen). For tests and the fuzz target; include it once.
 */
#ifndef UL_SOURCE_KWALK_KWALK_FIXTURE_H
#define UL_SOURCE_KWALK_KWALK_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "source/kwalk/kwalk.h"

enum {
	FK_PAGE = 4096,
	FK_PAGES = 256,
	FK_PAGE_ARRAY = 4, /**< page frames of the page array: 4 */
	FK_IMAGE = 8,	   /**< of the image: 16 */
	FK_IMAGE_PAGES = 16,
	FK_VMALLOC_PAGES = 32,
	FK_SLAB_A = 32,	   /**< one page of "alpha": 64 objects */
	FK_SLAB_A2 = 34,   /**< two pages of "alpha": 128 objects */
	FK_SLAB_B = 36,	   /**< "beta", with red zones: 31 objects */
	FK_SLAB_BAD = 38,  /**< "alpha", its freelist leads nowhere */
	FK_LARGE = 40,	   /**< modern: a large kmalloc of two pages */
	FK_SINGLE = 45,	   /**< alloc_page() */
	FK_COMPOUND = 48,  /**< four pages */
	FK_UNCOUNTED = 52, /**< two pages without __GFP_COMP */
	FK_ON_CPU_LIST = 54,
	FK_ANON = 56,
	FK_FILE = 57,
	FK_TABLE = 58,
	FK_AREA = 60,	   /**< two pages of a vmalloc area */
	FK_BUDDY = 64,	   /**< eight pages */
	FK_STACK = 72,	   /**< four pages, a vmalloc area */
	FK_PERCPU = 80,	   /**< CPU 0's unit of the first chunk */
	FK_ROOT_PAGE = 84, /**< reserved, taken before the page allocator */
	FK_OBJECT_A = 64,  /**< bytes */
	FK_SLOT_B = 128,
	FK_RED_B = 16,
};

#define FK_DIRECT  UINT64_C(0xffff888000000000)
#define FK_VMEMMAP UINT64_C(0xffffea0000000000)
#define FK_TEXT	   UINT64_C(0xffffffff81000000)
#define FK_VMALLOC UINT64_C(0xffffc90000000000)
#define FK_RANDOM  UINT64_C(0x1122334455667788)
#define FK_MODULE  UINT64_C(0xffffffffc0000000)

/* Where things lie in the image: offsets from FK_TEXT. Data begins at 0x4000. */
enum {
	FK_SLAB_CACHES = 0x4000,
	FK_CACHE_A = 0x4100,
	FK_CACHE_B = 0x4300,
	FK_NAME_A = 0x4500,
	FK_NAME_B = 0x4520,
	FK_OFFSETS = 0x4540,
	FK_CPU_IDS = 0x4580,
	FK_VARIABLES = 0x4600, /**< 8 bytes each, see the symbols */
	FK_INIT_TASK = 0x4800,
	FK_SIGNAL = 0x4900,
	FK_BUSY = 0x4a00, /**< struct vmap_area */
	FK_STACK_BUSY = 0x4a80,
	FK_FREE_AREA = 0x4b00,
	FK_VM = 0x4c00,
	FK_STACK_VM = 0x4c80,
	FK_PAGES_ARRAY = 0x4d00,
	FK_STACK_PAGES = 0x4d40,
	FK_VMAP_NODE = 0x4e00,
	FK_CHUNK = 0x5000,
	FK_ALLOC_MAP = 0x5100,
	FK_BOUND_MAP = 0x5400,
	FK_CHUNK_LISTS = 0x5700,
	FK_MODULE_STRUCT = 0x5800,
	FK_PGDAT = 0x5900,
	FK_SHEAF = 0x6000,
	FK_BARN = 0x6200,
	FK_BARN_SHEAF = 0x6300,
	FK_CPU_AREA = 0x100, /**< offset of variables in the per-CPU area */
};

struct fake_kernel {
	struct ul_memory memory;
	struct ul_image image;
	bool modern;
	bool no_map;	 /**< as a source that can only read */
	uint64_t moving; /**< address of a word that is another each time it is read: it or 0 ... */
	unsigned int moves; /**< ... so many times */
	uint64_t moved;
	uint8_t *bytes;
	uint32_t vmalloc_pfn[FK_VMALLOC_PAGES]; /**< 0: not mapped */
};

static inline uint64_t fk_direct(uint64_t pfn)
{
	return FK_DIRECT + pfn * FK_PAGE;
}

static inline uint64_t fk_struct_page(uint64_t pfn)
{
	return FK_VMEMMAP + pfn * 64;
}

/** Offset in bytes[] of a kernel address; false: not mapped. */
static inline bool fk_translate(const struct fake_kernel *fake, uint64_t kaddr, uint64_t *ret,
				uint64_t *ret_run)
{
	const uint64_t all = (uint64_t)FK_PAGES * FK_PAGE;
	if (kaddr - FK_DIRECT < all) {
		*ret = kaddr - FK_DIRECT;
		*ret_run = all - *ret;
		return true;
	}
	if (kaddr - FK_VMEMMAP < FK_PAGES * 64) {
		*ret = FK_PAGE_ARRAY * FK_PAGE + (kaddr - FK_VMEMMAP);
		*ret_run = FK_PAGES * 64 - (kaddr - FK_VMEMMAP);
		return true;
	}
	if (kaddr - FK_TEXT < FK_IMAGE_PAGES * FK_PAGE) {
		*ret = FK_IMAGE * FK_PAGE + (kaddr - FK_TEXT);
		*ret_run = FK_IMAGE_PAGES * FK_PAGE - (kaddr - FK_TEXT);
		return true;
	}
	const uint64_t page = (kaddr - FK_VMALLOC) / FK_PAGE;
	if (kaddr < FK_VMALLOC || page >= FK_VMALLOC_PAGES || !fake->vmalloc_pfn[page])
		return false;
	*ret = (uint64_t)fake->vmalloc_pfn[page] * FK_PAGE + kaddr % FK_PAGE;
	*ret_run = FK_PAGE - kaddr % FK_PAGE;
	return true;
}

/** The word that moves does, if it is about to be read. */
static inline void fk_move(struct fake_kernel *fake, uint64_t kaddr, size_t len)
{
	uint64_t word;
	uint64_t at;
	uint64_t run;
	if (!fake->moves || fake->moving - kaddr >= len ||
	    !fk_translate(fake, fake->moving, &at, &run))
		return;
	fake->moves--;
	memcpy(&word, fake->bytes + at, sizeof(word));
	memcpy(fake->bytes + at, &fake->moved, sizeof(word));
	fake->moved = word;
}

static inline struct ul_error *fk_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				       size_t len, size_t *ret_read)
{
	struct fake_kernel *fake = (struct fake_kernel *)memory;
	size_t done = 0;
	uint64_t at;
	uint64_t run;
	fk_move(fake, kaddr, len);
	while (done < len && fk_translate(fake, kaddr + done, &at, &run)) {
		const size_t n = run < len - done ? (size_t)run : len - done;
		memcpy((uint8_t *)buffer + done, fake->bytes + at, n);
		done += n;
	}
	*ret_read = done;
	return NULL;
}

static inline const void *fk_map(struct ul_memory *memory, uint64_t kaddr, size_t *ret_len)
{
	const struct fake_kernel *fake = (const struct fake_kernel *)memory;
	uint64_t at;
	uint64_t run;
	if (fake->no_map || !fk_translate(fake, kaddr, &at, &run))
		return NULL;
	*ret_len = (size_t)run;
	return fake->bytes + at;
}

static inline bool fk_phys(struct ul_memory *memory, uint64_t kaddr, uint64_t *ret_phys,
			   uint64_t *ret_len)
{
	return fk_translate((const struct fake_kernel *)memory, kaddr, ret_phys, ret_len);
}

static inline void fk_no_destroy(struct ul_memory *memory)
{
}

static const struct ul_memory_ops fk_ops = {
	.read = fk_read, .destroy = fk_no_destroy, .map = fk_map, .phys = fk_phys};

static inline void fk_put(struct fake_kernel *fake, uint64_t kaddr, uint64_t value, size_t bytes)
{
	uint64_t at;
	uint64_t run;
	if (fk_translate(fake, kaddr, &at, &run) && run >= bytes)
		memcpy(fake->bytes + at, &value, bytes);
}

static inline void fk_word(struct fake_kernel *fake, uint64_t kaddr, uint64_t value)
{
	fk_put(fake, kaddr, value, 8);
}

static inline uint64_t fk_get(struct fake_kernel *fake, uint64_t kaddr)
{
	uint64_t value = 0;
	ul_memory_u64(&fake->memory, kaddr, &value);
	return value;
}

/* ---- types ---- */

/*
 * "struct NAME BYTES", then "MEMBER OFFSET TYPE" with TYPE bytes, a struct, or one of them [N];
 * "bits MEMBER OFFSET BYTES BIT BITS"; "enum NAME VALUE".
 */
static const char fk_types_common[] =
	"struct list_head 16\nnext 0 8\nprev 8 8\n"
	"struct rb_node 24\n__rb_parent_color 0 8\nrb_right 8 8\nrb_left 16 8\n"
	"struct rb_root 8\nrb_node 0 8\n"
	"struct thread_struct 32\nsp 24 8\n"
	"struct task_struct 256\nstack 8 8\ntasks 16 list_head\nsignal 32 8\nthread_node 40 "
	"list_head\n"
	"thread 64 thread_struct\non_cpu 96 4\n"
	"struct signal_struct 64\nthread_head 16 list_head\n"
	"struct track 32\naddr 0 8\n"
	"struct pcpu_chunk 160\nlist 0 list_head\nbase_addr 64 8\nalloc_map 72 8\nbound_map 80 8\n"
	"start_offset 104 4\nend_offset 108 4\nnr_pages 120 4\npopulated 136 8\n"
	"struct per_cpu_pages 256\nlists 64 list_head[3]\n"
	"struct zone 512\nper_cpu_pageset 32 8\n"
	"struct pglist_data 1024\nnode_zones 0 zone[1]\n"
	"enum PG_locked 0\nenum PG_lru 5\nenum PG_reserved 13\nenum PG_swapbacked 17\n"
	"enum PG_swapcache 10\nenum MIGRATE_PCPTYPES 3\n";

static const char fk_types_old[] =
	"struct page 64\nflags 0 8\nlru 8 list_head\ncompound_head 8 8\nmapping 24 8\nprivate 40 "
	"8\n"
	"slab_cache 24 8\nfreelist 32 8\npage_type 48 4\n_refcount 52 4\nmemcg_data 56 8\n"
	"bits objects 40 4 16 15\n"
	"struct kmem_cache_node 64\nnr_partial 8 8\n"
	"struct kmem_cache 512\ncpu_slab 0 8\nflags 8 4\nsize 24 4\nobject_size 28 4\noffset 40 4\n"
	"refcount 64 4\ninuse 76 4\nred_left_pad 88 4\nname 96 8\nlist 104 list_head\nkobj 120 8\n"
	"random 184 8\ncpu_sheaves 192 8\nnode 216 8[4]\n"
	"struct kmem_cache_cpu 32\nfreelist 0 8\n"
	"struct vmap_area 64\nva_start 0 8\nva_end 8 8\nrb_node 16 rb_node\nlist 40 list_head\nvm "
	"56 8\n"
	"struct vm_struct 72\naddr 8 8\nsize 16 8\nflags 24 8\npages 32 8\nnr_pages 40 4\ncaller "
	"56 8\n"
	"struct module_layout 32\nbase 0 8\nsize 8 4\ntext_size 12 4\n"
	"struct module 192\nlist 8 list_head\ncore_layout 64 module_layout\n"
	"enum PG_slab 9\nenum PG_head 16\n";

static const char fk_types_modern[] =
	"struct page 64\nflags 0 8\nlru 8 list_head\ncompound_info 8 8\nmapping 24 8\nprivate 40 "
	"8\n"
	"page_type 48 4\n_refcount 52 4\nmemcg_data 56 8\n"
	"struct slab 64\nslab_cache 8 8\nfreelist 32 8\nbits objects 40 4 16 15\nobj_exts 56 8\n"
	"struct kmem_cache_per_node_ptrs 16\nbarn 0 8\nnode 8 8\n"
	"struct kmem_cache 512\ncpu_sheaves 0 8\nflags 8 4\nsize 24 4\nobject_size 28 4\noffset 40 "
	"4\n"
	"sheaf_capacity 44 4\nrefcount 64 4\ninuse 76 4\nred_left_pad 88 4\nname 96 8\nlist 104 "
	"list_head\n"
	"kobj 120 8\nrandom 184 8\nper_node 216 kmem_cache_per_node_ptrs[4]\n"
	"struct slub_percpu_sheaves 32\nmain 8 8\nspare 16 8\nrcu_free 24 8\n"
	"struct slab_sheaf 32\nbarn_list 0 list_head\ncapacity 0 4\ncache 16 8\nsize 24 4\nobjects "
	"32 8[0]\n"
	"struct node_barn 48\nsheaves_full 8 list_head\nsheaves_empty 24 list_head\n"
	"struct vmap_area 72\nva_start 0 8\nva_end 8 8\nrb_node 16 rb_node\nlist 40 list_head\nvm "
	"56 8\n"
	"struct vm_struct 80\naddr 8 8\nsize 16 8\nflags 24 8\npages 32 8\nnr_pages 48 8\ncaller "
	"64 8\n"
	"struct rb_list 24\nroot 0 rb_root\nhead 8 list_head\n"
	"struct vmap_pool 24\nhead 0 list_head\nlen 16 8\n"
	"struct vmap_node 256\npool 0 vmap_pool[2]\nbusy 64 rb_list\nlazy 96 rb_list\npurge_list "
	"128 list_head\n"
	"struct module_memory 16\nbase 0 8\nsize 8 4\n"
	"struct module 192\nlist 8 list_head\nmem 64 module_memory[3]\n"
	"enum MOD_TEXT 0\nenum MOD_DATA 1\nenum MOD_RODATA 2\n"
	"enum PG_head 6\nenum PGTY_buddy 240\nenum PGTY_offline 241\nenum PGTY_table 242\n"
	"enum PGTY_slab 245\nenum PGTY_large_kmalloc 248\n";

struct fk_builder {
	struct ul_types *types;
	char names[256][32];
	ul_type_id ids[256];
	size_t len;
};

static inline uint32_t fk_name(struct fk_builder *builder, const char *text)
{
	uint32_t base = 0;
	ul_error_destroy(ul_types_add_names(builder->types, text, strlen(text), &base));
	return base;
}

static inline ul_type_id fk_add(struct fk_builder *builder, int kind, const char *name,
				uint64_t bytes, ul_type_id target, uint32_t count)
{
	const struct ul_type_entry entry = {.kind = kind,
					    .name = *name ? fk_name(builder, name) : 0,
					    .bytes = bytes,
					    .target = target,
					    .count = count};
	const ul_type_id id = (ul_type_id)ul_types_len(builder->types);
	ul_error_destroy(ul_types_add(builder->types, &entry));
	return id;
}

/**
 * Finds or makes "8", "list_head", "8[4]", "*list_head" (a pointer, to void if that comes later).
 * What members need is made before their struct.
 */
static inline ul_type_id fk_type(struct fk_builder *builder, const char *text)
{
	char element[32];
	const char *bracket = strchr(text, '[');
	for (size_t i = 0; i < builder->len; i++)
		if (!strcmp(builder->names[i], text))
			return builder->ids[i];
	ul_type_id id;
	if (*text == '*') {
		ul_type_id target = 0;
		for (size_t i = 0; i < builder->len; i++)
			if (!strcmp(builder->names[i], text + 1))
				target = builder->ids[i];
		id = fk_add(builder, UL_TYPE_POINTER, "", 8, target, 0);
		snprintf(builder->names[builder->len], sizeof(builder->names[0]), "%s", text);
		builder->ids[builder->len++] = id;
		return id;
	}
	if (bracket) {
		snprintf(element, sizeof(element), "%.*s", (int)(bracket - text), text);
		const ul_type_id of = fk_type(builder, element);
		id = fk_add(builder, UL_TYPE_ARRAY, "", 0, of, (uint32_t)atol(bracket + 1));
	} else {
		id = fk_add(builder, UL_TYPE_INT, "", (uint64_t)atol(text), 0, 0);
	}
	snprintf(builder->names[builder->len], sizeof(builder->names[0]), "%s", text);
	builder->ids[builder->len++] = id;
	return id;
}

/** First pass over a text makes the types of members, the second the structs. */
static inline void fk_parse(struct fk_builder *builder, const char *text)
{
	char line[128];
	char a[32];
	char b[32];
	unsigned int offset;
	unsigned int bytes;
	unsigned int bit;
	unsigned int bits;
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		if (sscanf(line, "struct %31s %u", a, &bytes) == 2) {
			// Types of the members that follow, up to the next struct.
			for (const char *next = at + strcspn(at, "\n") + 1;
			     *next && strncmp(next, "struct ", 7) != 0;
			     next += strcspn(next, "\n") + 1) {
				char member[128];
				char name[32];
				snprintf(member, sizeof(member), "%.*s", (int)strcspn(next, "\n"),
					 next);
				if (sscanf(member, "bits %31s %u %u", name, &offset, &bit) == 3)
					fk_type(builder, "4");
				else if (strncmp(member, "enum ", 5) != 0 &&
					 sscanf(member, "%31s %u %31s", name, &offset, b) == 3)
					fk_type(builder, b);
			}
			const ul_type_id id = fk_add(builder, UL_TYPE_STRUCT, a, bytes, 0, 0);
			snprintf(builder->names[builder->len], sizeof(builder->names[0]), "%s", a);
			builder->ids[builder->len++] = id;
		} else if (sscanf(line, "enum %31s %u", a, &bytes) == 2) {
			fk_add(builder, UL_TYPE_ENUM, "", 4, 0, 0);
			ul_error_destroy(ul_types_add_enumerator(builder->types,
								 fk_name(builder, a), bytes));
		} else if (sscanf(line, "bits %31s %u %u %u %u", a, &offset, &bytes, &bit, &bits) ==
			   5) {
			ul_error_destroy(ul_types_add_member(builder->types, fk_name(builder, a),
							     fk_type(builder, "4"),
							     offset * 8 + bit, (uint8_t)bits));
		} else if (sscanf(line, "%31s %u %31s", a, &offset, b) == 3) {
			ul_error_destroy(ul_types_add_member(builder->types, fk_name(builder, a),
							     fk_type(builder, b), offset * 8, 0));
		}
	}
}

/** @p more: further structs; "" none. */
static inline struct ul_types *fk_types_and(bool modern, const char *more)
{
	struct fk_builder builder = {.types = ul_types_create()};
	if (!builder.types)
		return NULL;
	fk_parse(&builder, fk_types_common);
	fk_parse(&builder, modern ? fk_types_modern : fk_types_old);
	fk_parse(&builder, more);
	ul_error_destroy(ul_types_finish(builder.types));
	return builder.types;
}

static inline struct ul_types *fk_types(bool modern)
{
	return fk_types_and(modern, "");
}

/* ---- memory ---- */

static inline void fk_list(struct fake_kernel *fake, uint64_t head, uint64_t node)
{
	fk_word(fake, head, node ? node : head);
	fk_word(fake, head + 8, node ? node : head);
	if (!node)
		return;
	fk_word(fake, node, head);
	fk_word(fake, node + 8, head);
}

static inline void fk_page(struct fake_kernel *fake, uint64_t pfn, uint64_t flags, uint32_t type,
			   uint32_t count)
{
	const uint64_t page = fk_struct_page(pfn);
	fk_word(fake, page, flags);
	fk_put(fake, page + 48, type, 4);
	fk_put(fake, page + 52, count, 4);
}

static inline void fk_compound(struct fake_kernel *fake, uint64_t pfn, uint64_t pages)
{
	const uint64_t page = fk_struct_page(pfn);
	fk_word(fake, page, fk_get(fake, page) | (fake->modern ? 1 << 6 : 1 << 16));
	for (uint64_t i = 1; i < pages; i++) {
		// The mask form where the kernel would use it: a head at a multiple of its size.
		fk_word(fake, fk_struct_page(pfn + i) + 8,
			fake->modern ? ~(pages * 64 - 1) | 1 : page | 1);
		fk_put(fake, fk_struct_page(pfn + i) + 48, UINT32_MAX, 4);
	}
}

static inline void fk_slab(struct fake_kernel *fake, uint64_t pfn, uint64_t pages, uint64_t cache,
			   uint32_t objects)
{
	const uint64_t page = fk_struct_page(pfn);
	if (fake->modern)
		fk_page(fake, pfn, 1, 0xf5000000, 0); // frozen: no count
	else
		fk_page(fake, pfn, 1 << 9, UINT32_MAX, 1);
	if (pages > 1)
		fk_compound(fake, pfn, pages);
	fk_word(fake, page + (fake->modern ? 8 : 24), FK_TEXT + cache);
	fk_put(fake, page + 40, (uint64_t)objects << 16, 4);
}

/** Write the link of a free object, as a hardened kernel does. */
static inline void fk_link(struct fake_kernel *fake, uint64_t object, uint32_t offset,
			   uint64_t next)
{
	const uint64_t at = object + offset;
	fk_word(fake, at, next ^ FK_RANDOM ^ __builtin_bswap64(at));
}

static inline void fk_cache(struct fake_kernel *fake, uint64_t at, uint64_t name, const char *text,
			    uint32_t size, uint32_t object_size, uint32_t red)
{
	const uint64_t cache = FK_TEXT + at;
	fk_put(fake, cache + 24, size, 4);
	fk_put(fake, cache + 28, object_size, 4);
	fk_put(fake, cache + 40, 32, 4); // the free pointer stands in the middle
	fk_put(fake, cache + 64, 1, 4);
	fk_put(fake, cache + 88, red, 4);
	fk_word(fake, cache + 96, FK_TEXT + name);
	fk_word(fake, cache + 184, FK_RANDOM);
	for (size_t i = 0; i <= strlen(text); i++)
		fk_put(fake, FK_TEXT + name + i, (uint8_t)text[i], 1);
}

static inline void fk_slabs(struct fake_kernel *fake)
{
	const uint64_t a = fk_direct(FK_SLAB_A);
	const uint64_t b = fk_direct(FK_SLAB_B) + FK_RED_B;
	const uint64_t caches = FK_TEXT + FK_SLAB_CACHES;
	const uint64_t list_a = FK_TEXT + FK_CACHE_A + 104;
	const uint64_t list_b = FK_TEXT + FK_CACHE_B + 104;
	fk_cache(fake, FK_CACHE_A, FK_NAME_A, "alpha", FK_OBJECT_A, 56, 0);
	fk_cache(fake, FK_CACHE_B, FK_NAME_B, "beta", FK_SLOT_B, 100, FK_RED_B);
	fk_word(fake, caches, list_a);
	fk_word(fake, list_a, list_b);
	fk_word(fake, list_b, caches);
	fk_word(fake, list_a + 8, caches);
	fk_word(fake, list_b + 8, list_a);
	fk_word(fake, caches + 8, list_b);
	fk_slab(fake, FK_SLAB_A, 1, FK_CACHE_A, 64);
	fk_slab(fake, FK_SLAB_A2, 2, FK_CACHE_A, 128);
	fk_slab(fake, FK_SLAB_B, 1, FK_CACHE_B, 31);
	fk_slab(fake, FK_SLAB_BAD, 1, FK_CACHE_A, 64);
	// alpha: objects 3, 7 and 5 are free.
	fk_word(fake, fk_struct_page(FK_SLAB_A) + 32, a + 3 * FK_OBJECT_A);
	fk_link(fake, a + 3 * FK_OBJECT_A, 32, a + 7 * FK_OBJECT_A);
	fk_link(fake, a + 7 * FK_OBJECT_A, 32, a + 5 * FK_OBJECT_A);
	fk_link(fake, a + 5 * FK_OBJECT_A, 32, 0);
	// beta: object 30, the last.
	fk_word(fake, fk_struct_page(FK_SLAB_B) + 32, b + 30 * FK_SLOT_B);
	fk_link(fake, b + 30 * FK_SLOT_B, 32, 0);
	// The damaged one: its second free object is in another slab.
	fk_word(fake, fk_struct_page(FK_SLAB_BAD) + 32, fk_direct(FK_SLAB_BAD));
	fk_link(fake, fk_direct(FK_SLAB_BAD), 32, a);
}

/** Objects 10 and 11 of alpha wait on the CPU; modern: 12 in a barn, too. */
static inline void fk_waiting(struct fake_kernel *fake, uint64_t percpu_start)
{
	const uint64_t a = fk_direct(FK_SLAB_A);
	const uint64_t cpu = fk_direct(FK_PERCPU) + FK_CPU_AREA;
	fk_word(fake, FK_TEXT + FK_CACHE_A, percpu_start + FK_CPU_AREA);
	if (!fake->modern) {
		fk_word(fake, cpu, a + 10 * FK_OBJECT_A);
		fk_link(fake, a + 10 * FK_OBJECT_A, 32, a + 11 * FK_OBJECT_A);
		fk_link(fake, a + 11 * FK_OBJECT_A, 32, 0);
		return;
	}
	const uint64_t sheaf = FK_TEXT + FK_SHEAF;
	const uint64_t barn = FK_TEXT + FK_BARN;
	const uint64_t full = FK_TEXT + FK_BARN_SHEAF;
	fk_word(fake, cpu + 8, sheaf);
	fk_put(fake, sheaf + 24, 2, 4);
	fk_word(fake, sheaf + 32, a + 10 * FK_OBJECT_A);
	fk_word(fake, sheaf + 40, a + 11 * FK_OBJECT_A);
	fk_word(fake, sheaf + 48, a + 13 * FK_OBJECT_A); // stale: given out since
	fk_put(fake, FK_TEXT + FK_CACHE_A + 44, 4, 4);
	fk_word(fake, FK_TEXT + FK_CACHE_A + 216, barn);
	fk_list(fake, barn + 8, full);
	fk_list(fake, barn + 24, 0);
	fk_put(fake, full + 24, 1, 4);
	fk_word(fake, full + 32, a + 12 * FK_OBJECT_A);
}

static inline void fk_area(struct fake_kernel *fake, uint64_t area, uint64_t vm, uint64_t page,
			   uint64_t pages, uint64_t array, uint64_t pfn)
{
	const uint64_t start = FK_VMALLOC + page * FK_PAGE;
	fk_word(fake, FK_TEXT + area, start);
	fk_word(fake, FK_TEXT + area + 8, start + (pages + 1) * FK_PAGE);
	fk_word(fake, FK_TEXT + area + 56, FK_TEXT + vm);
	fk_word(fake, FK_TEXT + vm + 8, start);
	fk_word(fake, FK_TEXT + vm + 16, (pages + 1) * FK_PAGE);
	fk_word(fake, FK_TEXT + vm + 24, 2); // VM_ALLOC
	fk_word(fake, FK_TEXT + vm + 32, FK_TEXT + array);
	fk_word(fake, FK_TEXT + vm + (fake->modern ? 48 : 40), pages);
	fk_word(fake, FK_TEXT + vm + (fake->modern ? 64 : 56), FK_TEXT + 0x123);
	for (uint64_t i = 0; i < pages; i++) {
		fk_word(fake, FK_TEXT + array + i * 8, fk_struct_page(pfn + i));
		fk_page(fake, pfn + i, 1, UINT32_MAX, 1);
		fake->vmalloc_pfn[page + i] = (uint32_t)(pfn + i);
	}
}

static inline void fk_vmalloc(struct fake_kernel *fake)
{
	const uint64_t variables = FK_TEXT + FK_VARIABLES;
	const uint64_t busy = FK_TEXT + FK_BUSY;
	const uint64_t stack = FK_TEXT + FK_STACK_BUSY;
	const uint64_t free_area = FK_TEXT + FK_FREE_AREA;
	fk_area(fake, FK_BUSY, FK_VM, 1, 2, FK_PAGES_ARRAY, FK_AREA);
	fk_area(fake, FK_STACK_BUSY, FK_STACK_VM, 8, 4, FK_STACK_PAGES, FK_STACK);
	fk_word(fake, free_area, FK_VMALLOC + 4 * FK_PAGE);
	fk_word(fake, free_area + 8, FK_VMALLOC + 8 * FK_PAGE);
	fk_list(fake, variables + 0x40, free_area + 40);
	if (fake->modern) {
		const uint64_t node = FK_TEXT + FK_VMAP_NODE;
		fk_word(fake, variables + 0x18, node); // vmap_nodes
		fk_word(fake, node + 64, busy + 16);
		fk_word(fake, busy + 16 + 8, stack + 16);
		fk_word(fake, stack + 16, (busy + 16) | 1);
		fk_list(fake, node, 0);
		fk_list(fake, node + 24, 0);
		fk_list(fake, node + 128, 0);
		return;
	}
	fk_list(fake, variables + 0x50, busy + 40); // vmap_area_list
	fk_word(fake, busy + 40, stack + 40);
	fk_word(fake, stack + 40, variables + 0x50);
	fk_word(fake, stack + 48, busy + 40);
	fk_word(fake, variables + 0x58, stack + 40);
}

static inline void fk_percpu(struct fake_kernel *fake)
{
	const uint64_t chunk = FK_TEXT + FK_CHUNK;
	const uint64_t lists = FK_TEXT + FK_CHUNK_LISTS;
	const uint64_t variables = FK_TEXT + FK_VARIABLES;
	fk_word(fake, variables, fk_direct(FK_PERCPU)); // pcpu_base_addr
	fk_word(fake, variables + 8, lists);		// pcpu_chunk_lists
	fk_word(fake, variables + 0x10, 1);		// pcpu_nr_slots
	fk_list(fake, lists, chunk);
	fk_word(fake, chunk + 64, fk_direct(FK_PERCPU));
	fk_word(fake, chunk + 72, FK_TEXT + FK_ALLOC_MAP);
	fk_word(fake, chunk + 80, FK_TEXT + FK_BOUND_MAP);
	fk_put(fake, chunk + 104, 2048, 4); // behind the static variables
	fk_put(fake, chunk + 120, 1, 4);
	// [2048, 2064) and [2080, 2112) are given out.
	fk_word(fake, FK_TEXT + FK_ALLOC_MAP + 64, 0xff0f);
	fk_word(fake, FK_TEXT + FK_BOUND_MAP + 64, 0x10111);
	for (uint64_t i = 0; i < 2; i++)
		fk_page(fake, FK_PERCPU + i, 1 << 13, UINT32_MAX, 1);
	// Lists of free pages of the CPU.
	const uint64_t pageset = fk_direct(FK_PERCPU) + 0x400;
	fk_list(fake, pageset + 64, fk_struct_page(FK_ON_CPU_LIST) + 8);
	fk_list(fake, pageset + 80, 0);
	fk_list(fake, pageset + 96, 0);
}

static inline void fk_tasks(struct fake_kernel *fake)
{
	const uint64_t task = FK_TEXT + FK_INIT_TASK;
	const uint64_t signal = FK_TEXT + FK_SIGNAL;
	const uint64_t stack = FK_VMALLOC + 8 * FK_PAGE;
	fk_word(fake, task + 8, stack);
	fk_list(fake, task + 16, 0);
	fk_word(fake, task + 32, signal);
	fk_list(fake, signal + 16, task + 40);
	fk_word(fake, task + 64 + 24, stack + 4 * FK_PAGE - 256);
}

static inline void fk_module(struct fake_kernel *fake)
{
	const uint64_t module = FK_TEXT + FK_MODULE_STRUCT;
	fk_list(fake, FK_TEXT + FK_VARIABLES + 0x60, module + 8);
	if (fake->modern) {
		fk_word(fake, module + 64, FK_MODULE);
		fk_put(fake, module + 72, 0x2000, 4);
		fk_word(fake, module + 80, FK_MODULE + 0x2000);
		fk_put(fake, module + 88, 0x1000, 4);
		return;
	}
	fk_word(fake, module + 64, FK_MODULE);
	fk_put(fake, module + 72, 0x3000, 4);
	fk_put(fake, module + 76, 0x2000, 4);
}

static inline void fk_frames(struct fake_kernel *fake)
{
	const bool modern = fake->modern;
	for (uint64_t i = 0; i < FK_PAGES; i++)
		fk_page(fake, i, 1, UINT32_MAX, 0);
	for (uint64_t i = 0; i < 4; i++)
		fk_page(fake, FK_PAGE_ARRAY + i, 1 << 13, UINT32_MAX, 1);
	for (uint64_t i = 0; i < FK_IMAGE_PAGES; i++)
		fk_page(fake, FK_IMAGE + i, 1 << 13, UINT32_MAX, 1);
	// The last page of the image was given to the page allocator after booting.
	fk_page(fake, FK_IMAGE + FK_IMAGE_PAGES - 1, 1, UINT32_MAX, 1);
	fk_page(fake, FK_SINGLE, 1, UINT32_MAX, 1);
	fk_page(fake, FK_COMPOUND, 1, UINT32_MAX, 1);
	fk_compound(fake, FK_COMPOUND, 4);
	fk_page(fake, FK_UNCOUNTED, 1, UINT32_MAX, 1);
	fk_page(fake, FK_ANON, 1 << 5 | 1 << 17, 0, 1);
	fk_word(fake, fk_struct_page(FK_ANON) + 24, FK_DIRECT + 0x8001);
	fk_page(fake, FK_FILE, 1 << 5, UINT32_MAX, 1);
	fk_word(fake, fk_struct_page(FK_FILE) + 24, FK_DIRECT + 0x8000);
	// v5.11 and later without a member mem_cgroup: tables are 0x200 below the base.
	fk_page(fake, FK_TABLE, 1, modern ? 0xf2000000 : ~0x200u, 1);
	fk_page(fake, FK_BUDDY, 1, modern ? 0xf0000000 : ~0x80u, 0);
	fk_word(fake, fk_struct_page(FK_BUDDY) + 40, 3);
	fk_page(fake, FK_ROOT_PAGE, 1 << 13, UINT32_MAX, 1);
	if (!modern)
		return;
	fk_page(fake, FK_LARGE, 1, 0xf8000000, 0);
	fk_compound(fake, FK_LARGE, 2);
}

static inline void fk_symbols(struct fake_kernel *fake, uint64_t percpu_start)
{
	const struct {
		const char *name;
		uint64_t kaddr;
	} symbols[] = {
		{"_text", FK_TEXT},
		{"_stext", FK_TEXT},
		{"_etext", FK_TEXT + 0x3000},
		{"_sdata", FK_TEXT + 0x4000},
		{"_end", FK_TEXT + FK_IMAGE_PAGES * FK_PAGE},
		{"slab_caches", FK_TEXT + FK_SLAB_CACHES},
		{"__per_cpu_offset", FK_TEXT + FK_OFFSETS},
		{"nr_cpu_ids", FK_TEXT + FK_CPU_IDS},
		{"pcpu_base_addr", FK_TEXT + FK_VARIABLES},
		{"pcpu_chunk_lists", FK_TEXT + FK_VARIABLES + 8},
		{"pcpu_nr_slots", FK_TEXT + FK_VARIABLES + 0x10},
		{"free_vmap_area_list", FK_TEXT + FK_VARIABLES + 0x40},
		{fake->modern ? "vmap_nodes" : "vmap_area_list",
		 FK_TEXT + FK_VARIABLES + (fake->modern ? 0x18 : 0x50)},
		{"modules", FK_TEXT + FK_VARIABLES + 0x60},
		{"init_task", FK_TEXT + FK_INIT_TASK},
		{"contig_page_data", FK_TEXT + FK_PGDAT},
		{"__per_cpu_start", percpu_start},
		{"__per_cpu_end", percpu_start + 2048},
		{fake->modern ? "__start_runtime_ptr_dentry_hashtable" : "nothing",
		 FK_TEXT + 0x3000},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(symbols); i++)
		ul_error_destroy(ul_symtab_add(fake->image.symtab, symbols[i].kaddr, 'D',
					       symbols[i].name, NULL));
	ul_symtab_finish(fake->image.symtab);
}

/** @p types: of fk_types(modern), taken; false when memory is out. */
static inline bool fake_kernel_init(struct fake_kernel *fake, bool modern, struct ul_types *types)
{
	const uint64_t percpu_start = modern ? FK_TEXT + 0xc000 : 0;
	*fake = (struct fake_kernel){.modern = modern, .bytes = calloc(FK_PAGES, FK_PAGE)};
	fake->memory = (struct ul_memory){.ops = &fk_ops, .engine = "test", .concurrent = true};
	fake->image = (struct ul_image){
		.kind = "test",
		.bytes = (uint64_t)FK_PAGES * FK_PAGE,
		.kernel = {.page_bytes = FK_PAGE, .cpus = 1},
		.memory = &fake->memory,
		.space = {.page_bytes = FK_PAGE,
			  .struct_page_bytes = 64,
			  .page_offset = FK_DIRECT,
			  .vmemmap = FK_VMEMMAP,
			  .max_pfn = FK_PAGES,
			  .image = {FK_TEXT, FK_TEXT + FK_IMAGE_PAGES * FK_PAGE},
			  .image_phys = FK_IMAGE * FK_PAGE,
			  .vmalloc = {FK_VMALLOC, FK_VMALLOC + FK_VMALLOC_PAGES * FK_PAGE}},
		.symtab = ul_symtab_create(),
		.types = types,
	};
	if (!fake->bytes || !fake->image.symtab || !fake->image.types)
		return false;
	fk_word(fake, FK_TEXT + FK_OFFSETS, fk_direct(FK_PERCPU) - percpu_start);
	fk_put(fake, FK_TEXT + FK_CPU_IDS, 1, 4);
	fk_word(fake, FK_TEXT + FK_PGDAT + 32, percpu_start + 0x400);
	fk_frames(fake);
	fk_slabs(fake);
	fk_waiting(fake, percpu_start);
	fk_vmalloc(fake);
	fk_percpu(fake);
	fk_tasks(fake);
	fk_module(fake);
	fk_symbols(fake, percpu_start);
	return true;
}

static inline void fake_kernel_deinit(struct fake_kernel *fake)
{
	ul_image_deinit(&fake->image);
	free(fake->bytes);
	fake->bytes = NULL;
}

#endif
