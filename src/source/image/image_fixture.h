/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine of 4 MiB, made by hand, and its memory in every format that is read. Where its parts
 * lie:
 *
 *   physical   kernel address       what
 *   0          ffff888000000000     direct map, by two pages of 2 MiB
 *   0x200000   ffffffff81000000     kernel image, by a page of 2 MiB; phys_base is negative
 *   0x201000   ffffffff81001000     init_uts_ns
 *   0x202000   ffffffff81002000     swapper_pg_dir
 *   0x100000   ffffc90000000000     vmalloc: two pages that do not lie in a row, then a hole
 *   0x0ff000   ffffc90000001000
 *   0x00a000                        mem_section: vmemmap is ffffea0000000000
 *
 * Every other word is FIXTURE_WORD(its physical address); the pages from 0x280000 to 0x2fffff are
 * zero.
 */
#ifndef UL_SOURCE_IMAGE_IMAGE_FIXTURE_H
#define UL_SOURCE_IMAGE_IMAGE_FIXTURE_H

#include <elf.h>
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"

#define FIXTURE_BYTES	   (4ULL << 20)
#define FIXTURE_PAGE	   4096ULL
#define FIXTURE_DIRECT	   0xffff888000000000ULL
#define FIXTURE_TEXT	   0xffffffff81000000ULL
#define FIXTURE_TEXT_PHYS  0x200000ULL
#define FIXTURE_VMALLOC	   0xffffc90000000000ULL
#define FIXTURE_VMEMMAP	   0xffffea0000000000ULL
#define FIXTURE_ROOT	   0x202000ULL
#define FIXTURE_RELEASE	   "6.1.0-fixture"
#define FIXTURE_WORD(phys) ((phys)*0x9e3779b97f4a7c15ULL | 1)
#define FIXTURE_ZERO_FROM  0x280000ULL
#define FIXTURE_ZERO_TO	   0x300000ULL
#define FIXTURE_NOTE_PHYS  0x300000ULL

static const char fixture_vmcoreinfo[] = "OSRELEASE=" FIXTURE_RELEASE "\n"
					 "PAGESIZE=4096\n"
					 "SYMBOL(init_uts_ns)=ffffffff81001000\n"
					 "SYMBOL(swapper_pg_dir)=ffffffff81002000\n"
					 "SYMBOL(_stext)=ffffffff81000000\n"
					 "SYMBOL(mem_section)=ffff88800000a000\n"
					 "LENGTH(mem_section)=2\n"
					 "SIZE(mem_section)=32\n"
					 "OFFSET(mem_section.section_mem_map)=0\n"
					 "SIZE(page)=64\n"
					 "NUMBER(phys_base)=-14680064\n"
					 "NUMBER(pgtable_l5_enabled)=0\n"
					 "NUMBER(KERNEL_IMAGE_SIZE)=1073741824\n"
					 "KERNELOFFSET=0\n";

static inline void fixture_put(uint8_t *ram, uint64_t phys, uint64_t word)
{
	memcpy(ram + phys, &word, sizeof(word));
}

/* Index of @p kaddr in the table of @p level (4: top). */
static inline uint64_t fixture_index(uint64_t kaddr, unsigned int level)
{
	return kaddr >> (12 + 9 * (level - 1)) & 511;
}

static inline void fixture_tables(uint8_t *ram)
{
	const uint64_t table = 0x63; // present, writable, accessed, dirty
	const uint64_t large = 0xe3;
	for (uint64_t page = 0x2000; page < 0x9000; page += FIXTURE_PAGE)
		memset(ram + page, 0, FIXTURE_PAGE);
	memset(ram + FIXTURE_ROOT, 0, FIXTURE_PAGE);
	fixture_put(ram, FIXTURE_ROOT + 8 * fixture_index(FIXTURE_DIRECT, 4), 0x2000 | table);
	fixture_put(ram, 0x2000 + 8 * fixture_index(FIXTURE_DIRECT, 3), 0x3000 | table);
	fixture_put(ram, 0x3000, 0 | large);
	fixture_put(ram, 0x3008, 0x200000 | large);
	fixture_put(ram, FIXTURE_ROOT + 8 * fixture_index(FIXTURE_TEXT, 4), 0x4000 | table);
	fixture_put(ram, 0x4000 + 8 * fixture_index(FIXTURE_TEXT, 3), 0x5000 | table);
	fixture_put(ram, 0x5000 + 8 * fixture_index(FIXTURE_TEXT, 2), FIXTURE_TEXT_PHYS | large);
	fixture_put(ram, FIXTURE_ROOT + 8 * fixture_index(FIXTURE_VMALLOC, 4), 0x6000 | table);
	fixture_put(ram, 0x6000 + 8 * fixture_index(FIXTURE_VMALLOC, 3), 0x7000 | table);
	fixture_put(ram, 0x7000 + 8 * fixture_index(FIXTURE_VMALLOC, 2), 0x8000 | table);
	fixture_put(ram, 0x8000, 0x100000 | table);
	fixture_put(ram, 0x8008, 0x0ff000 | table);
}

static inline void fixture_note(struct ul_buf *out, const char *name, uint32_t type,
				const void *desc, size_t len)
{
	const uint32_t header[3] = {(uint32_t)strlen(name) + 1, (uint32_t)len, type};
	static const char padding[4];
	ul_buf_add(out, header, sizeof(header));
	ul_buf_add(out, name, header[0]);
	ul_buf_add(out, padding, (4 - header[0] % 4) % 4);
	ul_buf_add(out, desc, len);
	ul_buf_add(out, padding, (4 - len % 4) % 4);
}

/* Memory of FIXTURE_BYTES; with @p note the kernel's own note lies in it. */
static inline uint8_t *fixture_ram(bool note)
{
	static const char *const words[] = {"Linux", "node", FIXTURE_RELEASE, "#1 SMP fixture",
					    "x86_64"};
	uint8_t *ram = malloc(FIXTURE_BYTES);
	if (!ram)
		abort();
	for (uint64_t phys = 0; phys < FIXTURE_BYTES; phys += 8)
		fixture_put(ram, phys,
			    phys >= FIXTURE_ZERO_FROM && phys < FIXTURE_ZERO_TO
				    ? 0
				    : FIXTURE_WORD(phys));
	fixture_tables(ram);
	memset(ram + 0xa000, 0, 2 * FIXTURE_PAGE);
	fixture_put(ram, 0xa008, FIXTURE_DIRECT + 0xb000);
	fixture_put(ram, 0xb000, FIXTURE_VMEMMAP | 3);
	fixture_put(ram, 0xb020, FIXTURE_VMEMMAP | 7);
	memset(ram + 0x201000, 0, FIXTURE_PAGE);
	for (size_t i = 0; i < 5; i++)
		strcpy((char *)ram + 0x201004 + 65 * i, words[i]);
	if (note) {
		struct ul_buf text UL_CLEANUP_BUF = {0};
		fixture_note(&text, "VMCOREINFO", 0, fixture_vmcoreinfo,
			     strlen(fixture_vmcoreinfo));
		memcpy(ram + FIXTURE_NOTE_PHYS, text.data, text.len);
	}
	return ram;
}

/* Two processors' registers; word N of the second is 0x1000 + N. */
static inline void fixture_notes(struct ul_buf *out)
{
	uint64_t prstatus[42] = {0};
	uint8_t qemu[440] = {0};
	const uint64_t cr3 = FIXTURE_ROOT;
	fixture_note(out, "CORE", NT_PRSTATUS, prstatus, sizeof(prstatus));
	for (uint64_t i = 0; i < 27; i++)
		prstatus[14 + i] = 0x1000 + i;
	fixture_note(out, "CORE", NT_PRSTATUS, prstatus, sizeof(prstatus));
	memcpy(qemu + 416, &cr3, sizeof(cr3));
	fixture_note(out, "QEMU", 0, qemu, sizeof(qemu));
}

static inline void fixture_notes_all(struct ul_buf *out)
{
	fixture_notes(out);
	fixture_note(out, "VMCOREINFO", 0, fixture_vmcoreinfo, strlen(fixture_vmcoreinfo));
}

/* An ELF core: notes, then the segments given as pairs of physical start and end, in that order. */
static inline void fixture_elf(struct ul_buf *out, const uint8_t *ram, const uint64_t *ranges,
			       size_t ranges_len, const struct ul_buf *notes)
{
	Elf64_Ehdr header = {.e_type = ET_CORE,
			     .e_version = EV_CURRENT,
			     .e_ehsize = sizeof(Elf64_Ehdr),
			     .e_machine = EM_X86_64,
			     .e_phoff = sizeof(Elf64_Ehdr),
			     .e_phentsize = sizeof(Elf64_Phdr),
			     .e_phnum = (uint16_t)(ranges_len / 2 + 1)};
	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	header.e_ident[EI_VERSION] = EV_CURRENT;
	ul_buf_add(out, &header, sizeof(header));
	uint64_t offset = sizeof(header) + header.e_phnum * sizeof(Elf64_Phdr);
	const Elf64_Phdr note = {.p_type = PT_NOTE, .p_offset = offset, .p_filesz = notes->len};
	ul_buf_add(out, &note, sizeof(note));
	offset += notes->len;
	for (size_t i = 0; i < ranges_len; i += 2) {
		const uint64_t bytes = ranges[i + 1] - ranges[i];
		const Elf64_Phdr load = {.p_type = PT_LOAD,
					 .p_offset = offset,
					 .p_paddr = ranges[i],
					 .p_filesz = bytes,
					 .p_memsz = bytes};
		ul_buf_add(out, &load, sizeof(load));
		offset += bytes;
	}
	ul_buf_add(out, notes->data, notes->len);
	for (size_t i = 0; i < ranges_len; i += 2)
		ul_buf_add(out, ram + ranges[i], ranges[i + 1] - ranges[i]);
}

/** How a page is compressed for fixture_kdump(); returns bytes written, 0: stored as it is. */
typedef size_t fixture_compress(const uint8_t *page, uint8_t *to, size_t size);

static inline size_t fixture_zlib(const uint8_t *page, uint8_t *to, size_t size)
{
	uLongf got = size;
	return compress(to, &got, page, FIXTURE_PAGE) == Z_OK ? got : 0;
}

static inline void fixture_at(struct ul_buf *out, uint64_t offset, const void *bytes, size_t len)
{
	while (out->len < offset)
		ul_buf_putc(out, '\0');
	ul_buf_add(out, bytes, len);
}

static inline bool fixture_dumped(const uint8_t *dumped, uint64_t pfn)
{
	return !dumped || (dumped[pfn / 8] >> pfn % 8 & 1);
}

/*
 * A kdump-compressed file with the page frames from @p start up to @p end, of those that @p dumped
 * has (NULL: all). @p flag: the compression's. @p split: it says that it is one of several.
 */
static inline void fixture_kdump(struct ul_buf *out, const uint8_t *ram, const uint8_t *dumped,
				 uint64_t start, uint64_t end, bool split, uint32_t flag,
				 fixture_compress *compress_page, const struct ul_buf *notes)
{
	const uint64_t pfns = FIXTURE_BYTES / FIXTURE_PAGE;
	uint8_t header[464] = {0};
	uint64_t sub[13] = {0};
	uint8_t bitmap[4096] = {0};
	const int32_t version = 6;
	// status, block_size, sub_hdr_size, bitmap_blocks, max_mapnr
	const uint32_t numbers[5] = {flag, 4096, 1 + (uint32_t)(notes->len / 4096), 2,
				     (uint32_t)pfns};
	memcpy(header, "KDUMP   ", 8);
	memcpy(header + 8, &version, sizeof(version));
	strcpy((char *)header + 12 + 4 * 65, "x86_64");
	memcpy(header + 424, numbers, sizeof(numbers));
	ul_buf_add(out, header, sizeof(header));
	sub[1] = (uint64_t)split << 32;
	const char *text = memmem(notes->data, notes->len, "OSRELEASE=", 10);
	if (text) {
		sub[4] = 4096 + sizeof(sub) + (uint64_t)(text - notes->data);
		sub[5] = strlen(fixture_vmcoreinfo);
	}
	sub[6] = 4096 + sizeof(sub);
	sub[7] = notes->len;
	sub[10] = start;
	sub[11] = end;
	sub[12] = pfns;
	fixture_at(out, 4096, sub, sizeof(sub));
	ul_buf_add(out, notes->data, notes->len);
	memset(bitmap, 0xff, pfns / 8);
	const uint64_t bitmaps = (1 + (uint64_t)numbers[2]) * 4096;
	fixture_at(out, bitmaps, bitmap, sizeof(bitmap));
	if (dumped)
		memcpy(bitmap, dumped, pfns / 8);
	fixture_at(out, bitmaps + 4096, bitmap, sizeof(bitmap));
	uint64_t pages = 0;
	for (uint64_t pfn = start; pfn < end; pfn++)
		pages += fixture_dumped(dumped, pfn);
	struct ul_buf data UL_CLEANUP_BUF = {0};
	for (uint64_t pfn = start; pfn < end; pfn++) {
		uint8_t packed[8192];
		const uint8_t *page = ram + pfn * FIXTURE_PAGE;
		if (!fixture_dumped(dumped, pfn))
			continue;
		const size_t got = compress_page ? compress_page(page, packed, sizeof(packed)) : 0;
		const bool stored = !got || got >= FIXTURE_PAGE;
		const uint64_t offset = bitmaps + 8192 + pages * 24 + data.len;
		const uint32_t sizes[2] = {stored ? 4096 : (uint32_t)got, stored ? 0 : flag};
		const uint64_t page_flags = 0;
		ul_buf_add(out, &offset, sizeof(offset));
		ul_buf_add(out, sizes, sizeof(sizes));
		ul_buf_add(out, &page_flags, sizeof(page_flags));
		ul_buf_add(&data, stored ? page : packed, sizes[0]);
	}
	ul_buf_add(out, data.data, data.len);
}

static inline void fixture_piece(struct ul_buf *out, const struct ul_buf *file, uint64_t from,
				 uint64_t to)
{
	const uint64_t header[2] = {htobe64(from), htobe64(to - from)};
	ul_buf_add(out, header, sizeof(header));
	ul_buf_add(out, file->data + from, to - from);
}

/*
 * Flatten @p file: in pieces of @p step bytes, the last one first; before them one piece of garbage
 * over the first 100 bytes, which a later piece must win against.
 */
static inline void fixture_flatten(struct ul_buf *out, const struct ul_buf *file, uint64_t step)
{
	const uint64_t ones[2] = {htobe64(1), htobe64(1)};
	const uint64_t garbage[2] = {0, htobe64(100)};
	const uint64_t end[2] = {UINT64_MAX, UINT64_MAX};
	ul_buf_add(out, "makedumpfile\0\0\0", 16);
	ul_buf_add(out, ones, sizeof(ones));
	fixture_at(out, 4096, garbage, sizeof(garbage));
	fixture_at(out, out->len + 100, NULL, 0);
	for (uint64_t at = (file->len - 1) / step * step;; at -= step) {
		fixture_piece(out, file, at, at + step < file->len ? at + step : file->len);
		if (!at)
			break;
	}
	ul_buf_add(out, end, sizeof(end));
}

#endif
