/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files of source/image: how ul_image_open() is put together.
 *
 *   a reader of one format     fills kind, physical, ram, bytes, cpus, vmcoreinfo and a ul_dump
 *   ul_image_bootstrap()       page tables and the address space, from VMCOREINFO; fills memory
 *   ul_image_load_symbols()    kallsyms out of the image
 *   ul_image_refine()          what data symbols know better: page_offset, vmemmap, max_pfn, limits
 *   ul_image_load_types()      BTF out of the image, or BTF or DWARF of --vmlinux
 *   ul_image_name_unnamed()    variables that kallsyms leaves out
 *   ul_image_load_modules()    symbols and BTF of modules
 *
 * Every step adds what it checked to image->trust and what it misses to image->losses.
 */
#ifndef UL_SOURCE_IMAGE_IMAGE_INTERNAL_H
#define UL_SOURCE_IMAGE_IMAGE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"
#include "model/image.h"
#include "source/image/btf.h"

/* ---- names and types (kallsyms_image.c, btf.c, modules.c) ---- */

/** Fill image->symtab from the kallsyms tables in the image; needs image->memory. */
UL_MUST_USE struct ul_error *ul_image_load_symbols(struct ul_image *image);
/**
 * Fill image->types from the image's BTF, or from BTF or DWARF of file @p vmlinux (NULL: none
 * given).
 * *@p ret_base is for the modules' BTF; zero when there is nothing that it could build on.
 */
UL_MUST_USE struct ul_error *ul_image_load_types(struct ul_image *image, const char *vmlinux,
						 struct ul_btf_base *ret_base);
/** Add the modules' symbols and BTF. */
UL_MUST_USE struct ul_error *ul_image_load_modules(struct ul_image *image,
						   const struct ul_btf_base *base);

/** Names for variables that kallsyms has none for (CONFIG_KALLSYMS_ALL off); needs types. */
UL_MUST_USE struct ul_error *ul_image_name_unnamed(struct ul_image *image);

/**
 * Types of file @p path: BTF (of a vmlinux, or bare) is appended to @p ret_btf; where there is
 * none, what DWARF tells is added to the empty table @p types and to @p losses, and @p ret_btf
 * stays empty. UL_ERR_BAD_DATA when its build id is not the one @p vmcoreinfo (NULL: not known)
 * tells, UL_ERR_UNSUPPORTED when it has neither.
 */
UL_MUST_USE struct ul_error *ul_vmlinux_read(const char *path, const char *vmcoreinfo,
					     struct ul_types *types, struct ul_losses *losses,
					     struct ul_buf *ret_btf);

/** Add a phrase to the trust line. */
UL_MUST_USE struct ul_error *ul_image_trust(struct ul_image *image, const char *format, ...)
	UL_PRINTF(2, 3);

struct ul_image_options;

/** ul_image_open() up to the address space: no names, no types. Fills @p image, also in part. */
UL_MUST_USE struct ul_error *ul_image_open_memory(const struct ul_image_options *options,
						  struct ul_image *image);

/* ---- files ---- */

/** Bytes of the dump that lie in one piece in a flattened file. */
struct ul_image_chunk {
	uint64_t offset; /**< in the dump */
	uint64_t bytes;
	const uint8_t *data;
};

/**
 * A dump file, mapped whole; it must not shrink while it is used. Offsets are those of the dump:
 * of a flattened file (makedumpfile -F, QEMU's kdump formats) the pieces are found by an index.
 */
struct ul_image_file {
	const uint8_t *data; /**< as mapped: private to file.c and flattened.c */
	uint64_t mapped_bytes;
	uint64_t bytes;			      /**< of the dump: one beyond its last byte */
	UL_VEC(struct ul_image_chunk) chunks; /**< by offset; empty: not flattened */
	char *path;			      /**< for messages */
};

UL_MUST_USE struct ul_error *ul_image_file_open(const char *path, struct ul_image_file *ret);
/** A zeroed one is fine. */
void ul_image_file_close(struct ul_image_file *file);
#define UL_CLEANUP_IMAGE_FILE UL_CLEANUP(ul_image_file_close)
/**
 * The bytes at @p offset, good while the file is open, and how many follow; NULL: there are none.
 */
const uint8_t *ul_image_file_run(const struct ul_image_file *file, uint64_t offset,
				 uint64_t *ret_bytes);
/** Copy @p len bytes at @p offset; false when the file has not all of them. */
bool ul_image_file_read(const struct ul_image_file *file, uint64_t offset, void *buffer,
			size_t len);
/** @p len bytes at @p offset without a copy, or copied to @p scratch; NULL: not all are there. */
const uint8_t *ul_image_file_bytes(const struct ul_image_file *file, uint64_t offset, size_t len,
				   void *scratch);

/** Whether a file begins as flattened ones do. */
bool ul_flattened_is(struct ul_span start);
/** Fill file->chunks and file->bytes. UL_ERR_BAD_DATA, UL_ERR_LIMIT. */
UL_MUST_USE struct ul_error *ul_flattened_index(struct ul_image_file *file);

/** What a format says beside the memory; zero: not known. */
struct ul_dump {
	uint16_t machine;    /**< ELF e_machine */
	uint64_t page_table; /**< CR3 of a processor: physical */
	/** Where a LOAD segment of the kernel image has both addresses. */
	uint64_t text_kaddr;
	uint64_t text_phys;
};

/* ---- physical memory (phys.c) ---- */

/** Bytes of physical memory that lie in one piece in a mapped file. */
struct ul_phys_piece {
	uint64_t phys;
	uint64_t bytes;
	const uint8_t *data;
};

struct ul_phys_pieces {
	UL_VEC(struct ul_phys_piece) items;
};

/**
 * Memory by physical address out of pieces of a file, zero-copy and concurrent: fills
 * image->physical, ram and bytes. Pieces may come in any order and may overlap (the first by
 * address wins). Takes @p file and the pieces, also when it fails.
 */
UL_MUST_USE struct ul_error *ul_phys_create(struct ul_image_file *file,
					    struct ul_phys_pieces *pieces, struct ul_image *image);

/* ---- formats ---- */

/* Each takes the files it succeeds with; of a failure the caller closes what is left open. */

/** ELF core: kdump's /proc/vmcore, QEMU's dump-guest-memory, a copy of /proc/kcore. */
UL_MUST_USE struct ul_error *ul_elf_open(struct ul_image_file *files, size_t len,
					 struct ul_image *image, struct ul_dump *ret);
bool ul_elf_is(struct ul_span start);
/** kdump-compressed, in one file or split. */
UL_MUST_USE struct ul_error *ul_kdump_open(struct ul_image_file *files, size_t len,
					   struct ul_image *image, struct ul_dump *ret);
bool ul_kdump_is(struct ul_span start);
/** Any other format libkdumpfile knows; UL_ERR_UNSUPPORTED when it knows none either. */
UL_MUST_USE struct ul_error *ul_kdumpfile_open(struct ul_image_file *files, size_t len,
					       struct ul_image *image, struct ul_dump *ret);
bool ul_kdumpfile_built_in(void);
/** Raw memory. */
UL_MUST_USE struct ul_error *ul_raw_open(struct ul_image_file *file, struct ul_image *image);
/** Whether it can be: whole pages, enough of them. */
bool ul_raw_is(const struct ul_image_file *file);

/**
 * What the notes of a core file tell: VMCOREINFO, registers, QEMU's CR3. What makes no sense is
 * left out. Only memory can run out.
 */
UL_MUST_USE struct ul_error *ul_notes_parse(struct ul_span notes, uint16_t machine,
					    struct ul_image *image, struct ul_dump *dump);

/** Bytes of all notes, at most: 8,192 processors need 4 MiB. */
enum { UL_NOTES_LIMIT = 64 << 20 };
/** The same of notes at @p offset of @p file, as far as it has them. */
UL_MUST_USE struct ul_error *ul_notes_load(const struct ul_image_file *file, uint64_t offset,
					   uint64_t bytes, uint16_t machine, struct ul_image *image,
					   struct ul_dump *dump);

/* ---- VMCOREINFO (vmcoreinfo.c) ---- */

enum {
	/** Linux include/linux/crash_core.h VMCOREINFO_BYTES is a page, which may be 64 KiB. */
	UL_VMCOREINFO_LIMIT = 64 * 1024,
};

/** Whether @p text looks like VMCOREINFO: printable lines, OSRELEASE among them. */
bool ul_vmcoreinfo_is(struct ul_span text);
/** Text of "KEY=value" up to the end of its line; false when there is no such line. */
bool ul_vmcoreinfo_text(const char *vmcoreinfo, const char *key, struct ul_span *ret);

enum { UL_VMCOREINFO_TEXTS = 16 }; /**< of a scan, at most */

struct ul_vmcoreinfo_texts {
	UL_VEC(char *) items;
};

/**
 * Search physical memory from *@p phys on for the kernel's own note. Adds one text to @p ret that
 * is not in it yet and moves *@p phys behind it; adds none when there is none.
 */
UL_MUST_USE struct ul_error *ul_vmcoreinfo_scan(struct ul_image *image, uint64_t *phys,
						struct ul_vmcoreinfo_texts *ret);
void ul_vmcoreinfo_texts_deinit(struct ul_vmcoreinfo_texts *texts);

/* ---- page tables (translate.c, x86_64 and arm64) ---- */

enum ul_arch { UL_ARCH_X86_64, UL_ARCH_ARM64 };

/** How kernel virtual addresses become physical ones. */
struct ul_page_tables {
	enum ul_arch arch;
	uint64_t root;	      /**< physical address of the top table */
	unsigned int levels;  /**< 1..5 */
	unsigned int va_bits; /**< that a kernel address has */
	unsigned int page_shift;
	unsigned int pa_bits; /**< that an entry's address has */
	uint64_t clear;	      /**< bits of an entry that are not address: sme_mask */
};

/** A stretch of mapped addresses, from the one asked for to the end of its (large) page. */
struct ul_mapping_run {
	uint64_t phys;
	uint64_t bytes;	     /**< mapped: from here to its end; not mapped: to the next candidate */
	uint64_t page_bytes; /**< of the page that maps it: 4 KiB, 2 MiB, 1 GiB ... */
	bool mapped;
};

/** False when a table cannot be read (nothing is known of the address then). */
bool ul_page_tables_walk(const struct ul_page_tables *tables, struct ul_memory *physical,
			 uint64_t kaddr, struct ul_mapping_run *ret);

/* ---- memory by kernel virtual address (virtual.c) ---- */

/** Memory through page tables; @p physical is borrowed and must live longer. */
UL_MUST_USE struct ul_error *ul_virtual_create(struct ul_memory *physical,
					       const struct ul_page_tables *tables,
					       struct ul_memory **ret);
/** [kaddr, kaddr + bytes) is physical [phys, ...): faster than the tables. Before threads start. */
void ul_virtual_set_direct(struct ul_memory *memory, uint64_t kaddr, uint64_t phys, uint64_t bytes);
void ul_virtual_set_image(struct ul_memory *memory, uint64_t kaddr, uint64_t phys, uint64_t bytes);
/** Read by @p reader, which is borrowed, and not through the tables. Before threads start. */
void ul_virtual_set_reader(struct ul_memory *memory, struct ul_memory *reader);
/** The tables @p memory goes by. */
const struct ul_page_tables *ul_virtual_tables(const struct ul_memory *memory);

/* ---- the running kernel (live_image.c) ---- */

/** Everything up to the address space. @p kcore: /proc/kcore even where BPF works. */
UL_MUST_USE struct ul_error *ul_live_image_open(bool kcore, struct ul_image *image);
/** "System RAM" of /proc/iomem, as ranges by address. */
UL_MUST_USE struct ul_error *ul_image_iomem_parse(struct ul_span text, struct ul_image *image);

/* ---- address space (space.c) ---- */

/** Page tables and as much of image->space as VMCOREINFO and the tables tell; image->memory. */
UL_MUST_USE struct ul_error *ul_image_bootstrap(struct ul_image *image, const struct ul_dump *dump);
/**
 * What data symbols know: page_offset_base, vmemmap_base, max_pfn, _end; checks that they agree.
 */
UL_MUST_USE struct ul_error *ul_image_refine(struct ul_image *image);

#endif
