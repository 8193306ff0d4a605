// SPDX-License-Identifier: GPL-2.0-or-later
/* Address spaces from VMCOREINFO and tables by hand; x86_64 with 4 levels is in image_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <elf.h>
#include <string.h>

#include "source/image/image_internal.h"

enum { RAM_BYTES = 4 << 20 };

/** 4 MiB of memory from some physical address on. */
struct machine {
	uint64_t start;
	uint8_t *bytes;
};

static void put(struct machine *machine, uint64_t phys, uint64_t word)
{
	memcpy(machine->bytes + (phys - machine->start), &word, sizeof(word));
}

static void put_utsname(struct machine *machine, uint64_t phys, const char *release)
{
	char *at = (char *)machine->bytes + (phys - machine->start);
	strcpy(at, "Linux");
	strcpy(at + 65, "node");
	strcpy(at + 130, release);
	strcpy(at + 195, "#1");
}

static void boot(struct machine *machine, const char *vmcoreinfo, struct ul_image *ret)
{
	struct ul_image_file none = {0};
	struct ul_phys_pieces pieces = {0};
	*ret = (struct ul_image){.kind = "test"};
	assert_true(ul_vec_push(&pieces.items, ((struct ul_phys_piece){machine->start, RAM_BYTES,
								       machine->bytes})));
	assert_null(ul_phys_create(&none, &pieces, ret));
	ret->vmcoreinfo = strdup(vmcoreinfo);
}

static void understands(struct ul_image *image, uint16_t machine)
{
	const struct ul_dump dump = {.machine = machine};
	struct ul_error *error = ul_image_bootstrap(image, &dump);
	if (error)
		fail_msg("%s", error->message);
}

static void refuses(const char *vmcoreinfo, uint16_t machine, const char *words)
{
	UL_CLEANUP_FREE uint8_t *bytes = calloc(1, RAM_BYTES);
	struct machine ram = {0, bytes};
	struct ul_image image UL_CLEANUP_IMAGE;
	const struct ul_dump dump = {.machine = machine};
	boot(&ram, vmcoreinfo, &image);
	struct ul_error *error = ul_image_bootstrap(&image, &dump);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
	assert_non_null(strstr(error->message, words));
	ul_error_destroy(error);
}

static void arm64_is_understood_by_va_bits_and_phys_offset(void **state)
{
	static const char text[] = "OSRELEASE=6.6.0-arm\n"
				   "PAGESIZE=4096\n"
				   "SYMBOL(init_uts_ns)=ffff800008002000\n"
				   "SYMBOL(swapper_pg_dir)=ffff800008001000\n"
				   "SYMBOL(_stext)=ffff800008000000\n"
				   "SYMBOL(mem_section)=ffff000000003000\n"
				   "LENGTH(mem_section)=1\n"
				   "SIZE(mem_section)=16\n"
				   "OFFSET(mem_section.section_mem_map)=0\n"
				   "SIZE(page)=64\n"
				   "NUMBER(VA_BITS)=48\n"
				   "NUMBER(TCR_EL1_T1SZ)=0x10\n"
				   "NUMBER(MODULES_VADDR)=0xffff800000000000\n"
				   "NUMBER(MODULES_END)=0xffff800008000000\n"
				   "NUMBER(VMALLOC_START)=0xffff800008000000\n"
				   "NUMBER(VMALLOC_END)=0xfffffbfff0000000\n"
				   "NUMBER(kimage_voffset)=0xffff7fffc7e00000\n"
				   "NUMBER(PHYS_OFFSET)=0x40000000\n";
	UL_CLEANUP_FREE uint8_t *bytes = calloc(1, RAM_BYTES);
	struct machine ram = {0x40000000, bytes};
	struct ul_image image UL_CLEANUP_IMAGE;
	// Direct map: two blocks of 2 MiB; the kernel's image: another one, of the second.
	put(&ram, 0x40201000, 0x40001003);
	put(&ram, 0x40001000, 0x40002003);
	put(&ram, 0x40002000, 0x40000000 | 0x701);
	put(&ram, 0x40002008, 0x40200000 | 0x701);
	put(&ram, 0x40201000 + 256 * 8, 0x40004003);
	put(&ram, 0x40004000, 0x40005003);
	put(&ram, 0x40005000 + 64 * 8, 0x40200000 | 0x701);
	put(&ram, 0x40003000, 0xffff000000006000);
	put(&ram, 0x40006000, 0xfffffbffff000003);
	put_utsname(&ram, 0x40202008, "6.6.0-arm");
	put(&ram, 0x40280000, 0x1234567890abcdef);
	boot(&ram, text, &image);
	understands(&image, EM_AARCH64);
	const struct ul_address_space *space = &image.space;
	assert_string_equal(image.kernel.arch, "aarch64");
	assert_int_equal(space->page_offset, 0xfffeffffc0000000);
	assert_int_equal(space->vmemmap, 0xfffffbffff000000);
	assert_int_equal(space->max_pfn, 0x40400);
	assert_int_equal(space->image.start, 0xffff800008000000);
	assert_int_equal(space->image.end, 0xffff800008200000);
	assert_int_equal(space->image_phys, 0x40200000);
	assert_int_equal(space->modules.end, 0xffff800008000000);
	assert_int_equal(space->vmalloc.end, 0xfffffbfff0000000);
	uint64_t word = 0;
	assert_true(ul_memory_u64(image.memory, 0xffff000000280000, &word));
	assert_int_equal(word, 0x1234567890abcdef);
	assert_true(ul_memory_u64(image.memory, 0xffff800008080000, &word));
	assert_int_equal(word, 0x1234567890abcdef);
	assert_false(ul_memory_u64(image.memory, 0xffff800008200000, &word));
	// Which boot: in its variable as bytes, in /proc as text. Zero until somebody asks.
	image.symtab = ul_symtab_create();
	assert_null(ul_symtab_add(image.symtab, 0xffff800008080000, 'b', "sysctl_bootid", NULL));
	ul_symtab_finish(image.symtab);
	put(&ram, 0x40280000, 0);
	assert_null(ul_image_refine(&image));
	assert_string_equal(image.kernel.boot_id, "");
	put(&ram, 0x40280000, 0x154d770a1e8c2b3f);
	put(&ram, 0x40280008, 0x563412eeffc06e9b);
	assert_null(ul_image_refine(&image));
	assert_string_equal(image.kernel.boot_id, "3f2b8c1e-0a77-4d15-9b6e-c0ffee123456");
}

static void five_levels_and_an_encryption_bit_are_understood(void **state)
{
	static const char text[] = "OSRELEASE=6.1.0-la57\n"
				   "PAGESIZE=4096\n"
				   "SYMBOL(init_uts_ns)=ffffffff81001000\n"
				   "SYMBOL(swapper_pg_dir)=ffffffff81002000\n"
				   "SYMBOL(_stext)=ffffffff81000000\n"
				   "NUMBER(phys_base)=-14680064\n"
				   "NUMBER(pgtable_l5_enabled)=1\n"
				   "NUMBER(sme_mask)=140737488355328\n"
				   "SIZE(page)=64\n";
	const uint64_t c = 1ULL << 47; // the encryption bit, as EPYC has it
	UL_CLEANUP_FREE uint8_t *bytes = calloc(1, RAM_BYTES);
	struct machine ram = {0, bytes};
	struct ul_image image UL_CLEANUP_IMAGE;
	put(&ram, 0x202000 + 0x111 * 8, c | 0x1063);
	put(&ram, 0x1000, c | 0x2063);
	put(&ram, 0x2000, c | 0x3063);
	put(&ram, 0x3000, c | 0xe3);
	put(&ram, 0x3008, c | 0x200000 | 0xe3);
	put(&ram, 0x202000 + 511 * 8, c | 0x4063);
	put(&ram, 0x4000 + 511 * 8, c | 0x5063);
	put(&ram, 0x5000 + 510 * 8, c | 0x6063);
	put(&ram, 0x6000 + 8 * 8, c | 0x200000 | 0xe3);
	put_utsname(&ram, 0x201004, "6.1.0-la57");
	boot(&ram, text, &image);
	understands(&image, EM_X86_64);
	assert_int_equal(image.space.page_offset, 0xff11000000000000);
	assert_int_equal(image.space.vmemmap, 0);
	assert_int_equal(image.space.image_phys, 0x200000);
	assert_int_equal(ul_virtual_tables(image.memory)->levels, 5);
}

static void what_is_not_understood_is_named(void **state)
{
	static const char arm[] =
		"OSRELEASE=x\nPAGESIZE=4096\nSYMBOL(swapper_pg_dir)=ffff800008001000\n"
		"NUMBER(kimage_voffset)=0xffff7fffc7e00000\n";
	refuses("OSRELEASE=x\nPAGESIZE=4096\n", EM_S390, "only x86_64 and arm64");
	refuses("OSRELEASE=x\nPAGESIZE=5000\n", EM_X86_64, "PAGESIZE");
	refuses("PAGESIZE=4096\n", EM_X86_64, "OSRELEASE");
	refuses("OSRELEASE=x\nPAGESIZE=4096\n", EM_X86_64, "NUMBER(phys_base)");
	refuses("OSRELEASE=x\nPAGESIZE=4096\nNUMBER(phys_base)=0\n", EM_X86_64, "swapper_pg_dir");
	refuses(arm, EM_AARCH64, "NUMBER(VA_BITS)");
}

static void system_ram_is_read_from_iomem(void **state)
{
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	assert_null(ul_image_iomem_parse(ul_span_of("00000000-00000fff : Reserved\n"
						    "00001000-0009fbff : System RAM\n"
						    "00100000-bfffffff : System RAM\n"
						    "  01000000-022090c7 : Kernel code\n"
						    "  30000000-30ffffff : System RAM (kmem)\n"
						    "fec00000-fec003ff : IOAPIC 0\n"
						    "100000000-63fffffff : System RAM\n"),
					 &image));
	assert_int_equal(image.ram.len, 3);
	assert_int_equal(image.ram.data[0].start, 0x1000);
	assert_int_equal(image.ram.data[0].end, 0x9fc00);
	assert_int_equal(image.ram.data[2].start, 0x100000000);
	assert_int_equal(image.ram.data[2].end, 0x640000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_is_understood_by_va_bits_and_phys_offset),
		cmocka_unit_test(five_levels_and_an_encryption_bit_are_understood),
		cmocka_unit_test(what_is_not_understood_is_named),
		cmocka_unit_test(system_ram_is_read_from_iomem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
