// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The address space of a dumped kernel, from VMCOREINFO and its own page tables; then, once there
 * are symbols, from the variables that hold the truth. Nothing is taken on one word:
 *
 *   Page tables: where they lie follows from SYMBOL(swapper_pg_dir) and where the kernel was loaded
 *   (phys_base, kimage_voffset). They must map _stext to where it must be.
 *
 *   Release: the utsname in memory must say what VMCOREINFO says.
 *
 *   Direct map: x86_64: the lowest mapped page of the kernel's half whose distance to its physical
 *   address is a whole GiB (the alignment of KASLR, Linux arch/x86/mm/kaslr.c) and is shared by
 *   three quarters of all memory; arm64: by VA_BITS and PHYS_OFFSET, checked in the same way.
 *
 *   Page array: mem_section[]: with SPARSEMEM_VMEMMAP every section's section_mem_map is the same,
 *   vmemmap plus flags in the low bits (Linux include/linux/mmzone.h sparse_encode_mem_map()).
 *
 * What it cannot see: kernels without SPARSEMEM_VMEMMAP, Xen PV guests (machine addresses).
 */
#include <elf.h>
#include <string.h>

#include "base/text.h"
#include "source/image/image_internal.h"

/** Linux arch/x86/include/asm/page_64_types.h __START_KERNEL_map */
#define START_KERNEL_MAP 0xffffffff80000000ULL
/** Linux arch/x86/include/asm/pgtable_64_types.h MODULES_END */
#define X86_MODULES_END 0xffffffffff000000ULL
#define GIB		(1ULL << 30)

enum {
	WALK_LIMIT = 1 << 16,  /**< translations tried while the direct map is looked for */
	BASES_LIMIT = 64,      /**< bases tried against memory */
	SAMPLES = 64,	       /**< pages of memory a base is checked with */
	UTSNAME_WORD = 65,     /**< Linux include/uapi/linux/utsname.h __NEW_UTS_LEN + 1 */
	UTSNAME_BYTES = 1024,  /**< of init_uts_ns, looked through for the utsname */
	SECTIONS_LIMIT = 4096, /**< sections compared */
	IMAGE_LIMIT_GIB = 1,   /**< the kernel image's room on x86_64 */
	SECTION_FLAGS = 0xfff, /**< room for SECTION_MAP_LAST_BIT; vmemmap is aligned to more */
};

static bool number(const struct ul_image *image, const char *key, uint64_t *ret)
{
	int64_t value;
	if (!ul_image_vmcoreinfo(image, key, &value))
		return false;
	*ret = (uint64_t)value;
	return true;
}

static struct ul_error *lacks(const char *key)
{
	return ul_error_new(UL_ERR_UNSUPPORTED, "VMCOREINFO: no %s", key);
}

/* ---- page tables ---- */

static struct ul_error *x86_tables(const struct ul_image *image, const struct ul_dump *dump,
				   struct ul_page_tables *tables, uint64_t *ret_image_base)
{
	uint64_t directory = 0;
	uint64_t five_levels = 0;
	uint64_t phys_base = 0;
	if (!number(image, "NUMBER(phys_base)", &phys_base)) {
		// Before Linux 401721ecd1dc (v4.10) only the text's LOAD segment says it.
		if (!dump->text_kaddr)
			return lacks("NUMBER(phys_base)");
		phys_base = dump->text_phys - (dump->text_kaddr - START_KERNEL_MAP);
	}
	if (!number(image, "SYMBOL(swapper_pg_dir)", &directory) &&
	    !number(image, "SYMBOL(init_top_pgt)", &directory) &&
	    !number(image, "SYMBOL(init_level4_pgt)", &directory))
		return lacks("SYMBOL(swapper_pg_dir)");
	if (!number(image, "NUMBER(pgtable_l5_enabled)", &five_levels))
		five_levels = 0;
	uint64_t encryption = 0;
	if (number(image, "NUMBER(sme_mask)", &encryption))
		tables->clear = encryption;
	tables->arch = UL_ARCH_X86_64;
	tables->levels = five_levels ? 5 : 4;
	tables->va_bits = five_levels ? 57 : 48;
	tables->page_shift = 12;
	tables->pa_bits = 52;
	// What is linear in the kernel's image: address - this = physical.
	*ret_image_base = START_KERNEL_MAP - phys_base;
	tables->root = directory - *ret_image_base;
	return NULL;
}

static struct ul_error *arm64_tables(const struct ul_image *image, struct ul_page_tables *tables,
				     uint64_t *ret_image_base)
{
	uint64_t directory;
	uint64_t va_bits;
	uint64_t t1sz;
	const uint32_t page_bytes = image->space.page_bytes;
	if (!number(image, "SYMBOL(swapper_pg_dir)", &directory))
		return lacks("SYMBOL(swapper_pg_dir)");
	if (!number(image, "NUMBER(kimage_voffset)", ret_image_base))
		return lacks("NUMBER(kimage_voffset)");
	if (!number(image, "NUMBER(VA_BITS)", &va_bits))
		return lacks("NUMBER(VA_BITS)");
	if (page_bytes != 4096 && page_bytes != 16384 && page_bytes != 65536)
		return ul_error_new(UL_ERR_UNSUPPORTED, "VMCOREINFO: PAGESIZE=%u", page_bytes);
	// A 52-bit kernel on a 48-bit machine. With pages of 64 KiB its top table covers 52 bits
	// even so (Linux arch/arm64/include/asm/pgtable.h, TTBR1_BADDR_4852_OFFSET), else it is
	// folded.
	if (page_bytes != 65536 && number(image, "NUMBER(TCR_EL1_T1SZ)", &t1sz) && t1sz < 64)
		va_bits = 64 - t1sz;
	if (va_bits < 36 || va_bits > 52)
		return ul_error_new(UL_ERR_UNSUPPORTED, "VMCOREINFO: VA_BITS=%llu",
				    (unsigned long long)va_bits);
	tables->arch = UL_ARCH_ARM64;
	tables->page_shift = (unsigned int)__builtin_ctz(page_bytes);
	tables->va_bits = (unsigned int)va_bits;
	const unsigned int bits = tables->page_shift - 3;
	tables->levels = (tables->va_bits - tables->page_shift + bits - 1) / bits;
	// 4 and 16 KiB: bits 9..8 are address only with LPA2, which is what 52 bits of address
	// mean.
	tables->pa_bits = page_bytes == 65536 || va_bits == 52 ? 52 : 48;
	tables->root = directory - *ret_image_base;
	return NULL;
}

/* The page tables must map _stext where the image is linear; see the top. */
static struct ul_error *check_image(struct ul_image *image, const struct ul_page_tables *tables,
				    uint64_t image_base)
{
	uint64_t text;
	struct ul_mapping_run run;
	if (!number(image, "SYMBOL(_stext)", &text))
		return lacks("SYMBOL(_stext)");
	if (!ul_page_tables_walk(tables, image->physical, text, &run))
		return ul_error_new(UL_ERR_BAD_DATA,
				    "page tables at physical %#llx: cannot be followed to _stext "
				    "(%#llx)",
				    (unsigned long long)tables->root, (unsigned long long)text);
	if (!run.mapped || run.phys != text - image_base)
		return ul_error_new(
			UL_ERR_BAD_DATA,
			"page tables at physical %#llx: map _stext (%#llx) to %#llx, not to %#llx",
			(unsigned long long)tables->root, (unsigned long long)text,
			(unsigned long long)run.phys, (unsigned long long)(text - image_base));
	image->space.image.start = text;
	image->space.image_phys = run.phys;
	return ul_image_trust(image, "page tables map _stext as VMCOREINFO says");
}

/* How far the image is mapped in one linear piece: where it ends, until _end says so. */
static uint64_t image_end(const struct ul_image *image, const struct ul_page_tables *tables)
{
	const uint64_t limit = image->space.image.start + IMAGE_LIMIT_GIB * GIB;
	uint64_t at = image->space.image.start;
	while (at < limit) {
		struct ul_mapping_run run;
		if (!ul_page_tables_walk(tables, image->physical, at, &run) || !run.mapped ||
		    run.phys - image->space.image_phys != at - image->space.image.start)
			break;
		if (run.bytes > limit - at)
			break;
		at += run.bytes;
	}
	return at;
}

/* ---- who the kernel is ---- */

/* Find struct new_utsname by its release: sysname, nodename, release, version, machine. */
static bool find_utsname(struct ul_image *image, char words[static 5 * UTSNAME_WORD])
{
	char bytes[UTSNAME_BYTES] = {0};
	uint64_t kaddr;
	size_t got = 0;
	if (!number(image, "SYMBOL(init_uts_ns)", &kaddr))
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, kaddr, bytes, sizeof(bytes), &got);
	if (error)
		return false;
	for (size_t at = 0; at + 5 * UTSNAME_WORD <= got; at++) {
		const char *release = bytes + at + 2 * UTSNAME_WORD;
		if (memcmp(bytes + at, "Linux", sizeof("Linux")) ||
		    strncmp(release, image->kernel.release, UTSNAME_WORD))
			continue;
		memcpy(words, bytes + at, 5 * (size_t)UTSNAME_WORD);
		return true;
	}
	return false;
}

static void copy_word(char to[static UTSNAME_WORD], const char *words, size_t index)
{
	memcpy(to, words + index * UTSNAME_WORD, UTSNAME_WORD);
	to[UTSNAME_WORD - 1] = '\0';
}

static struct ul_error *identify(struct ul_image *image)
{
	char words[5 * UTSNAME_WORD];
	if (!find_utsname(image, words))
		return ul_losses_add(&image->losses, UL_BIAS_NONE, 1,
				     "utsname not found in the image: release by VMCOREINFO only");
	copy_word(image->kernel.node, words, 1);
	copy_word(image->kernel.version, words, 3);
	return ul_image_trust(image, "utsname in memory says %s too", image->kernel.release);
}

/* ---- direct map ---- */

/* Share of memory, in SAMPLES-ths, that @p base + physical address is mapped to. */
static unsigned int agreement(const struct ul_image *image, const struct ul_page_tables *tables,
			      uint64_t base)
{
	const uint64_t step = image->bytes / SAMPLES;
	unsigned int agreed = 0;
	uint64_t before = 0; // bytes of the ranges already passed
	unsigned int sample = 0;
	ul_vec_foreach (range, &image->ram) {
		const uint64_t bytes = range->end - range->start;
		for (; sample < SAMPLES && sample * step - before < bytes; sample++) {
			const uint64_t phys = range->start + (sample * step - before);
			struct ul_mapping_run run;
			if (ul_page_tables_walk(tables, image->physical, base + phys, &run) &&
			    run.mapped && run.phys == phys)
				agreed++;
		}
		before += bytes;
	}
	return agreed;
}

static bool good_base(const struct ul_image *image, const struct ul_page_tables *tables,
		      uint64_t base)
{
	return agreement(image, tables, base) >= SAMPLES / 4 * 3;
}

/* See the top. @p image_base is the one linear mapping that is not meant. */
static bool find_direct_map(const struct ul_image *image, const struct ul_page_tables *tables,
			    uint64_t *ret)
{
	uint64_t kaddr = UINT64_MAX << (tables->va_bits - 1);
	uint64_t last = 0;
	unsigned int bases = 0;
	for (unsigned int i = 0; i < WALK_LIMIT && bases < BASES_LIMIT; i++) {
		struct ul_mapping_run run;
		if (!ul_page_tables_walk(tables, image->physical, kaddr, &run))
			return false;
		const uint64_t base = kaddr - run.phys;
		if (run.mapped && !(base & (GIB - 1)) && base != last) {
			if (good_base(image, tables, base)) {
				*ret = base;
				return true;
			}
			last = base;
			bases++;
		}
		if (__builtin_add_overflow(kaddr, run.bytes, &kaddr) || kaddr >= START_KERNEL_MAP)
			return false;
	}
	return false;
}

/* One beyond the last page frame that the direct map has. */
static uint64_t last_pfn(const struct ul_image *image, const struct ul_page_tables *tables)
{
	const uint64_t page_bytes = image->space.page_bytes;
	for (size_t i = image->ram.len; i-- > 0;) {
		const uint64_t phys = image->ram.data[i].start;
		struct ul_mapping_run run;
		if (ul_page_tables_walk(tables, image->physical, image->space.page_offset + phys,
					&run) &&
		    run.mapped && run.phys == phys)
			return image->ram.data[i].end / page_bytes;
	}
	return 0;
}

static struct ul_error *locate_direct_map(struct ul_image *image,
					  const struct ul_page_tables *tables)
{
	uint64_t base = 0;
	bool found;
	if (tables->arch == UL_ARCH_X86_64) {
		found = find_direct_map(image, tables, &base);
	} else {
		uint64_t phys_offset = 0;
		found = number(image, "NUMBER(PHYS_OFFSET)", &phys_offset) ||
			number(image, "NUMBER(memstart_addr)", &phys_offset);
		base = (UINT64_MAX << tables->va_bits) - phys_offset;
		found = found && good_base(image, tables, base);
	}
	if (!found)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "direct map: no base fits the page tables and the memory");
	image->space.page_offset = base;
	image->space.max_pfn = last_pfn(image, tables);
	ul_virtual_set_direct(image->memory, base, 0,
			      image->space.max_pfn * image->space.page_bytes);
	return ul_image_trust(image, "direct map at %#llx agrees with the memory's addresses",
			      (unsigned long long)base);
}

/* ---- page array ---- */

/* vmemmap out of mem_section; see the top. False when the sections disagree or cannot be read. */
static bool find_vmemmap(const struct ul_image *image, uint64_t *ret)
{
	uint64_t roots;
	uint64_t length;
	uint64_t size;
	uint64_t offset;
	if (!number(image, "SYMBOL(mem_section)", &roots) ||
	    !number(image, "LENGTH(mem_section)", &length) ||
	    !number(image, "SIZE(mem_section)", &size) ||
	    !number(image, "OFFSET(mem_section.section_mem_map)", &offset) || !size ||
	    size > image->space.page_bytes)
		return false;
	const uint64_t per_root = image->space.page_bytes / size;
	uint64_t seen = 0;
	uint64_t tried = 0;
	for (uint64_t root = 0; root < length && tried < SECTIONS_LIMIT; root++, tried++) {
		uint64_t sections;
		if (!ul_memory_u64(image->memory, roots + root * 8, &sections))
			break;
		for (uint64_t i = 0; sections && i < per_root && tried < SECTIONS_LIMIT;
		     i++, tried++) {
			uint64_t map;
			if (!ul_memory_u64(image->memory, sections + i * size + offset, &map))
				break;
			// Bit 0 (SECTION_MARKED_PRESENT), bit 1 (SECTION_HAS_MEM_MAP).
			if ((map & 3) != 3)
				continue;
			map &= ~(uint64_t)SECTION_FLAGS;
			if (seen && map != seen)
				return false;
			seen = map;
		}
	}
	*ret = seen;
	return seen >> 63;
}

static struct ul_error *locate_page_array(struct ul_image *image)
{
	uint64_t size;
	if (number(image, "SIZE(page)", &size) && size <= UINT32_MAX)
		image->space.struct_page_bytes = (uint32_t)size;
	if (!find_vmemmap(image, &image->space.vmemmap))
		return NULL;
	return ul_image_trust(image, "page array at %#llx by all memory sections",
			      (unsigned long long)image->space.vmemmap);
}

/* ---- ranges ---- */

static void locate_ranges(struct ul_image *image, const struct ul_page_tables *tables)
{
	struct ul_address_space *space = &image->space;
	const uint64_t direct_end = space->page_offset + space->max_pfn * space->page_bytes;
	uint64_t value;
	if (number(image, "NUMBER(VMALLOC_START)", &value))
		space->vmalloc.start = value;
	else
		space->vmalloc.start = direct_end;
	if (number(image, "NUMBER(VMALLOC_END)", &value))
		space->vmalloc.end = value;
	else
		space->vmalloc.end =
			space->vmemmap > space->vmalloc.start ? space->vmemmap : START_KERNEL_MAP;
	if (tables->arch == UL_ARCH_X86_64) {
		const uint64_t room =
			number(image, "NUMBER(KERNEL_IMAGE_SIZE)", &value) && value <= GIB
				? value
				: GIB / 2;
		space->modules = (struct ul_range){START_KERNEL_MAP + room, X86_MODULES_END};
	} else if (number(image, "NUMBER(MODULES_VADDR)", &value)) {
		space->modules.start = value;
		if (number(image, "NUMBER(MODULES_END)", &value))
			space->modules.end = value;
	}
}

static struct ul_error *read_header(struct ul_image *image)
{
	struct ul_span release;
	uint64_t page_bytes;
	if (!ul_vmcoreinfo_text(image->vmcoreinfo, "OSRELEASE", &release))
		return lacks("OSRELEASE");
	ul_span_copy(release, image->kernel.release, sizeof(image->kernel.release));
	if (!number(image, "PAGESIZE", &page_bytes) || page_bytes < 4096 || page_bytes > 65536 ||
	    (page_bytes & (page_bytes - 1)))
		return lacks("PAGESIZE");
	image->space.page_bytes = (uint32_t)page_bytes;
	image->kernel.page_bytes = (uint32_t)page_bytes;
	if (image->cpus.len)
		image->kernel.cpus = (uint32_t)image->cpus.len;
	return NULL;
}

static struct ul_error *read_tables(const struct ul_image *image, const struct ul_dump *dump,
				    struct ul_page_tables *tables, uint64_t *ret_image_base)
{
	uint64_t value;
	const bool arm64 = dump->machine == EM_AARCH64 ||
			   (!dump->machine && number(image, "NUMBER(kimage_voffset)", &value));
	if (arm64)
		return arm64_tables(image, tables, ret_image_base);
	if (dump->machine && dump->machine != EM_X86_64)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "ELF machine %u: only x86_64 and arm64 are understood",
				    dump->machine);
	return x86_tables(image, dump, tables, ret_image_base);
}

struct ul_error *ul_image_bootstrap(struct ul_image *image, const struct ul_dump *dump)
{
	struct ul_page_tables tables = {0};
	uint64_t image_base = 0;
	UL_TRY(read_header(image));
	UL_TRY(read_tables(image, dump, &tables, &image_base));
	ul_text_copy(image->kernel.arch, sizeof(image->kernel.arch),
		     tables.arch == UL_ARCH_X86_64 ? "x86_64" : "aarch64");
	UL_TRY(check_image(image, &tables, image_base));
	UL_TRY(ul_virtual_create(image->physical, &tables, &image->memory));
	image->space.image.end = image_end(image, &tables);
	ul_virtual_set_image(image->memory, image->space.image.start, image->space.image_phys,
			     image->space.image.end - image->space.image.start);
	UL_TRY(identify(image));
	UL_TRY(locate_direct_map(image, &tables));
	UL_TRY(locate_page_array(image));
	locate_ranges(image, &tables);
	return NULL;
}
