// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel's own variables say about its address space (Linux arch/x86/kernel/head64.c
 * page_offset_base, vmalloc_base, vmemmap_base; mm/memory.c max_pfn). They need data symbols in
 * kallsyms (CONFIG_KALLSYMS_ALL) and replace what was derived from the page tables; where the two
 * disagree the image is not understood, and that is said instead of a guess.
 */
#include <stdio.h>
#include <string.h>

#include "source/image/image_internal.h"

enum { CPUS_LIMIT = 8192 }; /**< CONFIG_NR_CPUS at most */

/** Linux arch/x86/include/asm/pgtable_64_types.h VMALLOC_SIZE_TB */
#define TIB	      (1ULL << 40)
#define X86_VMALLOC_4 (32 * TIB)
#define X86_VMALLOC_5 (12800 * TIB)

static bool variable(const struct ul_image *image, const char *name, uint64_t *ret)
{
	uint64_t kaddr;
	return image->symtab && ul_symtab_address(image->symtab, name, &kaddr) &&
	       ul_memory_u64(image->memory, kaddr, ret);
}

static bool variable_u32(const struct ul_image *image, const char *name, uint32_t *ret)
{
	uint64_t kaddr;
	size_t got = 0;
	if (!image->symtab || !ul_symtab_address(image->symtab, name, &kaddr))
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, kaddr, ret, sizeof(*ret), &got);
	return !error && got == sizeof(*ret);
}

/* *@p place must be what variable @p name says, or is set to it while it is 0. */
static struct ul_error *agree(struct ul_image *image, const char *name, uint64_t *place,
			      bool *ret_said)
{
	uint64_t value;
	*ret_said = variable(image, name, &value) && value >> 63;
	if (!*ret_said || *place == value)
		return NULL;
	if (*place)
		return ul_error_new(UL_ERR_BAD_DATA, "%s says %#llx, the page tables %#llx", name,
				    (unsigned long long)value, (unsigned long long)*place);
	*place = value;
	return NULL;
}

static void refine_image(struct ul_image *image)
{
	struct ul_address_space *space = &image->space;
	uint64_t text;
	uint64_t end;
	if (!ul_symtab_address(image->symtab, "_text", &text) ||
	    !ul_symtab_address(image->symtab, "_end", &end) || text >= end ||
	    text > space->image.start || space->image.start > end || end > space->image.end)
		return;
	space->image_phys -= space->image.start - text;
	space->image = (struct ul_range){text, end};
	ul_virtual_set_image(image->memory, text, space->image_phys, end - text);
}

static void refine_vmalloc(struct ul_image *image)
{
	const struct ul_page_tables *tables = ul_virtual_tables(image->memory);
	struct ul_address_space *space = &image->space;
	uint64_t base;
	if (!tables || tables->arch != UL_ARCH_X86_64 || !variable(image, "vmalloc_base", &base) ||
	    !(base >> 63))
		return;
	const uint64_t size = tables->levels == 5 ? X86_VMALLOC_5 : X86_VMALLOC_4;
	space->vmalloc.start = base;
	if (!__builtin_add_overflow(base, size, &space->vmalloc.end) &&
	    (!space->vmemmap || space->vmemmap < base || space->vmalloc.end <= space->vmemmap))
		return;
	space->vmalloc.end = space->vmemmap > base ? space->vmemmap : UINT64_MAX;
}

/*
 * As /proc/sys/kernel/random/boot_id prints it: Linux drivers/char/random.c sysctl_bootid. The
 * kernel makes it when it is first asked for; until then it is zero, which says nothing.
 */
static void read_boot_id(struct ul_image *image)
{
	enum { ID_BYTES = 16 };
	uint8_t id[ID_BYTES] = {0};
	uint64_t kaddr;
	size_t got = 0;
	size_t set = 0;
	if (!ul_symtab_address(image->symtab, "sysctl_bootid", &kaddr))
		return;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, kaddr, id, sizeof(id), &got);
	for (size_t i = 0; i < ID_BYTES; i++)
		set += id[i] != 0;
	if (error || got != sizeof(id) || !set)
		return;
	char *text = image->kernel.boot_id;
	for (size_t i = 0; i < ID_BYTES; i++) {
		(void)snprintf(text, 4, "%02x%s", id[i],
			       i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
		text += strlen(text);
	}
}

struct ul_error *ul_image_refine(struct ul_image *image)
{
	struct ul_address_space *space = &image->space;
	uint64_t max_pfn;
	uint32_t cpus;
	bool offset_said;
	bool vmemmap_said;
	if (!image->symtab)
		return NULL;
	UL_TRY(agree(image, "page_offset_base", &space->page_offset, &offset_said));
	UL_TRY(agree(image, "vmemmap_base", &space->vmemmap, &vmemmap_said));
	if (offset_said && vmemmap_said)
		UL_TRY(ul_image_trust(image, "page_offset_base and vmemmap_base agree"));
	refine_image(image);
	refine_vmalloc(image);
	// The dump may hold memory beyond (firmware); it never lacks the end.
	if (variable(image, "max_pfn", &max_pfn) && max_pfn && max_pfn < space->max_pfn)
		space->max_pfn = max_pfn;
	if (variable_u32(image, "nr_cpu_ids", &cpus) && cpus && cpus <= CPUS_LIMIT)
		image->kernel.cpus = cpus;
	if (!image->live)
		read_boot_id(image);
	return NULL;
}
