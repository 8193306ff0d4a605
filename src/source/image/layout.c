// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the kernel keeps its direct map and its page array, and which slab cache owns an address.
 *
 * Both bases are random at boot (CONFIG_RANDOMIZE_MEMORY) and the variables that hold them appear
 * in kallsyms only with CONFIG_KALLSYMS_ALL. Without them they are searched for:
 *
 *   direct map   This process locks one page full of random bytes and asks /proc/self/pagemap for
 *                its page frame. A base is right when the bytes appear at base + pfn * page size.
 *                Candidates: the address of the current task_struct, rounded down to 1 GiB (the
 *                alignment of both bases, Linux arch/x86/mm/kaslr.c), then lower GiB by GiB.
 *   page array   The first page of this thread's stack is known by its struct page. Candidates:
 *                rounded down to what describes 1 GiB, then lower, step by step.
 *
 * Without pagemap only the pair of bases can be tested; pairs that are shifted alike by a whole
 * number of GiB give the same conversions, and of these the lowest readable one is taken.
 *
 * No candidate is believed before a chain closes on itself (SLUB): the struct page of the task says
 * a kmem_cache C with a printable name; the struct page of C says a kmem_cache K called
 * "kmem_cache", out of which all are allocated; and the struct page of K says K (bootstrap() in
 * Linux mm/slub.c). With the old SLAB allocator K lies in the kernel image; then C must be called
 * "task_struct". A wrong base meets this by accident about never; when nothing meets it the answer
 * is UL_ERR_UNSUPPORTED.
 *
 * What it cannot see: machines without a linear page array (FLATMEM, classic SPARSEMEM), and
 * bases off these alignments.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/text.h"
#include "source/image/live_internal.h"

enum {
	STRUCT_PAGE_LIMIT = 512,  /**< bytes; 64 on common kernels */
	CACHE_NAME_BYTES = 64,	  /**< longer names are cut */
	CACHE_SLOTS = 1024,	  /**< caches remembered; power of two */
	CACHE_SLOTS_USED = 768,	  /**< beyond this, look-ups go to memory each time */
	STEPS_LIMIT = 65536,	  /**< of 1 GiB: 64 TiB, the direct map's extent on x86_64 */
	PHYSICAL_BITS = 52,	  /**< no architecture has more */
	CHAIN_STEPS_LIMIT = 4096, /**< of the page array, where no cookie bounds them */
};

#define GIB	      (1ULL << 30)
#define PC_RAM_OFFSET (1ULL << 20)

struct cache_entry {
	uint64_t cache; /**< struct kmem_cache *; 0: free slot */
	bool valid;
	char name[CACHE_NAME_BYTES];
};

struct ul_layout_slabs {
	struct ul_slab_types types;
	uint64_t root; /**< the cache of caches, where it is itself a slab object; 0: not known */
	size_t used;
	struct cache_entry entries[CACHE_SLOTS];
};

void ul_layout_deinit(struct ul_layout *layout)
{
	free(layout->slabs);
	*layout = (struct ul_layout){0};
}

static bool read_exactly(struct ul_memory *memory, uint64_t kaddr, void *buffer, size_t len)
{
	size_t got = 0;
	UL_CLEANUP_ERROR struct ul_error *error = ul_memory_read(memory, kaddr, buffer, len, &got);
	return !error && got == len;
}

static uint64_t word_at(const uint8_t *bytes, uint32_t offset)
{
	uint64_t word;
	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

/* Kernel addresses are the upper half on every architecture this serves. */
static bool is_kernel_pointer(uint64_t value)
{
	return value >> 63 && !(value & 7);
}

static bool page_of(const struct ul_layout *layout, uint64_t kaddr, uint64_t *ret)
{
	const uint64_t pfn = (kaddr - layout->page_offset) / layout->page_bytes;
	uint64_t offset;
	return kaddr >= layout->page_offset && pfn >> PHYSICAL_BITS == 0 &&
	       !__builtin_mul_overflow(pfn, (uint64_t)layout->struct_page_bytes, &offset) &&
	       !__builtin_add_overflow(layout->vmemmap, offset, ret);
}

uint64_t ul_layout_page_to_virt(const struct ul_layout *layout, uint64_t struct_page)
{
	if (struct_page < layout->vmemmap || !layout->struct_page_bytes)
		return 0;
	const uint64_t distance = struct_page - layout->vmemmap;
	const uint64_t pfn = distance / layout->struct_page_bytes;
	uint64_t kaddr;
	if (distance % layout->struct_page_bytes ||
	    pfn > (1ULL << PHYSICAL_BITS) / layout->page_bytes ||
	    __builtin_add_overflow(layout->page_offset, pfn * layout->page_bytes, &kaddr))
		return 0;
	return kaddr;
}

/*
 * The head page of a tail page. Bit 0 of compound_head marks a tail; the rest is the head's address
 * or, where struct page's size is a power of two and the kernel says compound_info, a mask to apply
 * to the tail's own address. As an address the mask would lie beyond the page array.
 */
static bool head_of(const struct ul_layout *layout, uint64_t page, uint64_t info, uint64_t *ret)
{
	const uint64_t head = info & ~1ULL;
	*ret = head >= layout->vmemmap && head < page ? head : page & info;
	return *ret >= layout->vmemmap && *ret < page;
}

/* The kmem_cache that the slab page under @p kaddr points to; nothing is checked about it. */
static bool cache_of(struct ul_memory *memory, const struct ul_layout *layout,
		     const struct ul_slab_types *types, uint64_t kaddr, uint64_t *ret)
{
	_Alignas(8) uint8_t bytes[STRUCT_PAGE_LIMIT];
	uint64_t page;
	if (!page_of(layout, kaddr, &page) ||
	    !read_exactly(memory, page, bytes, types->struct_page_bytes))
		return false;
	const uint64_t info = word_at(bytes, types->page_compound_head);
	if (info & 1) {
		if (!head_of(layout, page, info, &page) ||
		    !read_exactly(memory, page, bytes, types->struct_page_bytes) ||
		    word_at(bytes, types->page_compound_head) & 1)
			return false;
	}
	uint32_t mark;
	memcpy(&mark, bytes + types->slab_type, sizeof(mark));
	if ((mark & types->slab_type_mask) != types->slab_type_value)
		return false;
	const uint64_t cache = word_at(bytes, types->slab_slab_cache);
	if (!is_kernel_pointer(cache))
		return false;
	*ret = cache;
	return true;
}

/* The name of @p cache (struct kmem_cache *): printable and not empty, or false. */
static bool read_name(struct ul_memory *memory, const struct ul_slab_types *types, uint64_t cache,
		      char name[static CACHE_NAME_BYTES])
{
	uint64_t pointer;
	size_t got = 0;
	if (!ul_memory_u64(memory, cache + types->kmem_cache_name, &pointer) || !(pointer >> 63))
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(memory, pointer, name, CACHE_NAME_BYTES, &got);
	if (error || !got)
		return false;
	size_t len = 0;
	while (len < got && name[len]) {
		if (name[len] < ' ' || name[len] > '~')
			return false;
		len++;
	}
	// A name that runs into a hole is no string; one that fills the buffer is a long one.
	if (!len || (len == got && got < CACHE_NAME_BYTES))
		return false;
	name[len < CACHE_NAME_BYTES ? len : CACHE_NAME_BYTES - 1] = '\0';
	return true;
}

/* True when the chain task -> C -> K -> K closes; see the top. @p ret_root: K or 0. */
static bool verify(struct ul_memory *memory, const struct ul_layout *layout,
		   const struct ul_slab_types *types, uint64_t task, uint64_t *ret_root)
{
	char name[CACHE_NAME_BYTES];
	uint64_t cache;
	if (!cache_of(memory, layout, types, task, &cache) ||
	    !read_name(memory, types, cache, name))
		return false;
	const bool is_task_struct = ul_text_equal(name, "task_struct");
	uint64_t root;
	uint64_t again;
	if (!cache_of(memory, layout, types, cache, &root) ||
	    !read_name(memory, types, root, name) || !ul_text_equal(name, "kmem_cache"))
		return false;
	if (cache_of(memory, layout, types, root, &again)) {
		*ret_root = root;
		return again == root;
	}
	*ret_root = 0;
	return is_task_struct;
}

/* Search the page array's base for a given direct map. */
static bool find_vmemmap(struct ul_memory *memory, const struct ul_layout_probe *probe,
			 size_t steps, struct ul_layout *layout, uint64_t *ret_root)
{
	// Both bases are whole GiB; where a direct map begins below RAM, the page array's base is
	// off by the pages of that difference, whole GiB again. Sizes that are no power of two fit
	// no such grid.
	const uint32_t size = layout->struct_page_bytes;
	const uint64_t step = size & (size - 1) ? GIB : GIB / layout->page_bytes * size;
	const uint64_t first = probe->anchors.stack_page & ~(step - 1);
	for (uint64_t i = 0; i < steps && i * step < first; i++) {
		layout->vmemmap = first - i * step;
		if (verify(memory, layout, &probe->types, probe->anchors.task, ret_root))
			return true;
	}
	return false;
}

static bool cookie_at(struct ul_memory *memory, const struct ul_layout_probe *probe,
		      uint64_t page_offset)
{
	uint8_t bytes[sizeof(probe->cookie)];
	return read_exactly(memory, page_offset + probe->cookie_pfn * probe->types.page_bytes,
			    bytes, sizeof(bytes)) &&
	       !memcmp(bytes, probe->cookie, sizeof(bytes));
}

static bool search_by_cookie(struct ul_memory *memory, const struct ul_layout_probe *probe,
			     struct ul_layout *layout, uint64_t *ret_root)
{
	const uint64_t first = probe->anchors.task & ~(GIB - 1);
	for (uint64_t i = 0; i < STEPS_LIMIT; i++) {
		layout->page_offset = first - i * GIB;
		if (cookie_at(memory, probe, layout->page_offset))
			return find_vmemmap(memory, probe, STEPS_LIMIT, layout, ret_root);
	}
	return false;
}

/*
 * Without the cookie: from low to high, so that the whole direct map lies above the base found and
 * the first one tried is the right one on an ordinary machine.
 */
static bool search_by_chain(struct ul_memory *memory, const struct ul_layout_probe *probe,
			    struct ul_layout *layout, uint64_t *ret_root)
{
	const uint64_t first = probe->anchors.task & ~(GIB - 1);
	for (uint64_t i = STEPS_LIMIT; i-- > 0;) {
		uint64_t word;
		layout->page_offset = first - i * GIB;
		// The second MiB is RAM on every PC; the first may be firmware's.
		if (!ul_memory_u64(memory, layout->page_offset + PC_RAM_OFFSET, &word))
			continue;
		if (find_vmemmap(memory, probe, CHAIN_STEPS_LIMIT, layout, ret_root))
			return true;
	}
	return false;
}

static bool types_fit(const struct ul_slab_types *types)
{
	const uint32_t size = types->struct_page_bytes;
	return size >= 32 && size <= STRUCT_PAGE_LIMIT && types->page_bytes >= 4096 &&
	       !(types->page_bytes & (types->page_bytes - 1)) &&
	       types->page_compound_head <= size - 8 && types->slab_slab_cache <= size - 8 &&
	       types->slab_type <= size - 4;
}

static struct ul_error *layout_begin(const struct ul_slab_types *types, struct ul_layout *ret)
{
	if (!types_fit(types))
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "kernel's BTF: struct page of %u bytes is not understood",
				    types->struct_page_bytes);
	struct ul_layout_slabs *slabs = calloc(1, sizeof(*slabs));
	if (!slabs)
		return &ul_enomem;
	slabs->types = *types;
	*ret = (struct ul_layout){.page_bytes = types->page_bytes,
				  .struct_page_bytes = types->struct_page_bytes,
				  .slabs = slabs};
	return NULL;
}

struct ul_error *ul_layout_probe(struct ul_memory *memory, const struct ul_layout_probe *probe,
				 struct ul_layout *ret)
{
	UL_CLEANUP_LAYOUT struct ul_layout layout = {0};
	if (!probe->anchors.task || !probe->anchors.stack_page)
		return ul_error_hint(
			ul_error_new(UL_ERR_UNSUPPORTED,
				     "finding the direct map: no address to begin from"),
			"needs the BPF reader and CONFIG_VMAP_STACK, or CONFIG_KALLSYMS_ALL");
	UL_TRY(layout_begin(&probe->types, &layout));
	uint64_t root = 0;
	bool found = probe->cookie_pfn && search_by_cookie(memory, probe, &layout, &root);
	// The page may have been moved between the question and the search.
	if (!found)
		found = search_by_chain(memory, probe, &layout, &root);
	if (!found)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "finding the direct map: no base fits what the slab pages say");
	layout.slabs->root = root;
	layout.how = "probed";
	*ret = layout;
	layout = (struct ul_layout){0};
	return NULL;
}

/* Lock a page of random bytes and ask for its frame; leaves cookie_pfn 0 where that is refused. */
static void *make_cookie(struct ul_layout_probe *probe)
{
	const size_t page_bytes = probe->types.page_bytes;
	uint8_t *page =
		mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	uint64_t entry = 0;
	UL_CLEANUP_CLOSE const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || mlock(page, page_bytes) ||
	    getrandom(probe->cookie, sizeof(probe->cookie), 0) != sizeof(probe->cookie))
		return page;
	memcpy(page, probe->cookie, sizeof(probe->cookie));
	const off_t offset = (off_t)((uintptr_t)page / page_bytes * sizeof(entry));
	// Linux Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bits 0-54 the frame.
	if (pread(fd, &entry, sizeof(entry), offset) == sizeof(entry) && entry >> 63)
		probe->cookie_pfn = entry & ((1ULL << 55) - 1);
	return page;
}

/* The bases as the kernel's own variables say (Linux arch/x86/kernel/head64.c). */
static bool find_by_symbols(struct ul_memory *memory, const struct ul_symtab *symtab,
			    struct ul_layout *layout)
{
	uint64_t page_offset_at;
	uint64_t vmemmap_at;
	return symtab && ul_symtab_address(symtab, "page_offset_base", &page_offset_at) &&
	       ul_symtab_address(symtab, "vmemmap_base", &vmemmap_at) &&
	       ul_memory_u64(memory, page_offset_at, &layout->page_offset) &&
	       ul_memory_u64(memory, vmemmap_at, &layout->vmemmap) && layout->page_offset >> 63 &&
	       layout->vmemmap >> 63 &&
	       !((layout->page_offset | layout->vmemmap) & (layout->page_bytes - 1));
}

struct ul_error *ul_layout_find(struct ul_memory *memory, const struct ul_symtab *symtab,
				struct ul_layout *ret)
{
	struct ul_layout_probe probe = {0};
	UL_TRY(ul_slab_types_load(&probe.types));
	const bool anchored = ul_live_bpf_anchors(memory, &probe.anchors);
	UL_CLEANUP_LAYOUT struct ul_layout layout = {0};
	UL_TRY(layout_begin(&probe.types, &layout));
	if (find_by_symbols(memory, symtab, &layout) &&
	    (!anchored ||
	     verify(memory, &layout, &probe.types, probe.anchors.task, &layout.slabs->root))) {
		layout.how = "kallsyms";
		*ret = layout;
		layout = (struct ul_layout){0};
		return NULL;
	}
	void *cookie = make_cookie(&probe);
	struct ul_error *error = ul_layout_probe(memory, &probe, ret);
	if (cookie)
		munmap(cookie, probe.types.page_bytes);
	return error;
}

/* The slot of @p cache, or a free one for it; NULL when the table is full. */
static struct cache_entry *entry_of(struct ul_layout_slabs *slabs, uint64_t cache)
{
	// Caches are a few hundred bytes apart: spread the middle bits.
	size_t slot = (size_t)((cache >> 3) * 0x9e3779b97f4a7c15ULL >> 32) % CACHE_SLOTS;
	while (slabs->entries[slot].cache && slabs->entries[slot].cache != cache)
		slot = (slot + 1) % CACHE_SLOTS;
	if (!slabs->entries[slot].cache && slabs->used >= CACHE_SLOTS_USED)
		return NULL;
	return &slabs->entries[slot];
}

static void fill_entry(struct ul_memory *memory, const struct ul_layout *layout, uint64_t cache,
		       struct cache_entry *entry)
{
	const struct ul_layout_slabs *slabs = layout->slabs;
	uint64_t root;
	entry->cache = cache;
	entry->valid = read_name(memory, &slabs->types, cache, entry->name) &&
		       (!slabs->root || (cache_of(memory, layout, &slabs->types, cache, &root) &&
					 root == slabs->root));
}

bool ul_layout_cache_name(struct ul_memory *memory, const struct ul_layout *layout, uint64_t kaddr,
			  char *name, size_t size)
{
	uint64_t cache;
	if (!layout->slabs || !size ||
	    !cache_of(memory, layout, &layout->slabs->types, kaddr, &cache))
		return false;
	struct cache_entry unremembered = {0};
	struct cache_entry *entry = entry_of(layout->slabs, cache);
	if (entry && !entry->cache)
		layout->slabs->used++;
	if (!entry)
		entry = &unremembered;
	if (!entry->cache)
		fill_entry(memory, layout, cache, entry);
	if (entry->valid)
		ul_text_copy(name, size, entry->name);
	return entry->valid;
}
