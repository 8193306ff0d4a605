// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ELF core files of a whole kernel: /proc/vmcore as kdump saves it, QEMU's dump-guest-memory, a
 * copy of /proc/kcore. The LOAD segments with a physical address are the memory; their virtual
 * addresses are not used (QEMU leaves them zero), but the one of the kernel image tells phys_base
 * where VMCOREINFO is too old to.
 *
 * The file is hostile: offsets and sizes are clipped to it, what is missing is a loss, and a file
 * without any memory is refused.
 */
#include <elf.h>
#include <string.h>

#include "source/image/image_internal.h"

enum {
	SEGMENTS_LIMIT = 1 << 22, /**< program headers; a 64 TiB machine has thousands */
	CLAIMS_LIMIT = 4,	  /**< kcore names the kernel image twice; hostile files more */
	PHYS_BITS = 52,		  /**< no architecture has more */
};

/** Linux arch/x86/include/asm/page_64_types.h __START_KERNEL_map */
#define START_KERNEL_MAP 0xffffffff80000000ULL

bool ul_elf_is(struct ul_span start)
{
	return start.len >= SELFMAG && !memcmp(start.data, ELFMAG, SELFMAG);
}

static struct ul_error *check_header(const Elf64_Ehdr *elf)
{
	if (elf->e_ident[EI_DATA] != ELFDATA2LSB)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "ELF header: byte order of another machine");
	if (elf->e_ident[EI_CLASS] != ELFCLASS64)
		return ul_error_new(UL_ERR_UNSUPPORTED, "ELF header: of a 32-bit kernel");
	if (elf->e_type != ET_CORE)
		return ul_error_hint(ul_error_new(UL_ERR_BAD_DATA, "ELF header: no core file"),
				     "a memory image is wanted, not a program or vmlinux");
	if (elf->e_phentsize != sizeof(Elf64_Phdr))
		return ul_error_new(UL_ERR_BAD_DATA, "ELF header: program headers of %u bytes",
				    elf->e_phentsize);
	return NULL;
}

/* How many program headers; beyond 65,534 section header 0 says (ELF's extended numbering). */
static struct ul_error *count_segments(const struct ul_image_file *file, const Elf64_Ehdr *elf,
				       uint64_t *ret)
{
	uint64_t count = elf->e_phnum;
	if (count == PN_XNUM) {
		Elf64_Shdr section;
		if (!ul_image_file_read(file, elf->e_shoff, &section, sizeof(section)))
			return ul_error_new(UL_ERR_BAD_DATA, "ELF section header at offset %#llx",
					    (unsigned long long)elf->e_shoff);
		count = section.sh_info;
	}
	if (!count || count > SEGMENTS_LIMIT)
		return ul_error_new(UL_ERR_LIMIT, "ELF header: %llu program headers, at most %d",
				    (unsigned long long)count, SEGMENTS_LIMIT);
	if (elf->e_phoff > file->bytes || (file->bytes - elf->e_phoff) / sizeof(Elf64_Phdr) < count)
		return ul_error_new(
			UL_ERR_BAD_DATA,
			"ELF header: %llu program headers at offset %#llx of %llu bytes",
			(unsigned long long)count, (unsigned long long)elf->e_phoff,
			(unsigned long long)file->bytes);
	*ret = count;
	return NULL;
}

/** What is gathered while the program headers are read. */
struct segments {
	struct ul_phys_pieces pieces;
	uint64_t bytes;
	uint64_t note_bytes;
	uint64_t missing_bytes; /**< that the file should have and does not */
};

/* Pieces for what the file has of @p bytes at @p offset; the rest is missing. */
static struct ul_error *add_pieces(const struct ul_image_file *file, uint64_t offset, uint64_t phys,
				   uint64_t bytes, struct segments *segments)
{
	uint64_t done = 0;
	while (done < bytes) {
		uint64_t run;
		const uint8_t *data = ul_image_file_run(file, offset + done, &run);
		if (!data || offset + done < offset)
			break;
		const struct ul_phys_piece piece = {phys + done,
						    run < bytes - done ? run : bytes - done, data};
		if (!ul_vec_push(&segments->pieces.items, piece))
			return &ul_enomem;
		done += piece.bytes;
	}
	segments->bytes += done;
	segments->missing_bytes += bytes - done;
	if (segments->bytes / CLAIMS_LIMIT > file->mapped_bytes)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "ELF segments claim more than %d times the bytes of the file",
				    CLAIMS_LIMIT);
	return NULL;
}

static struct ul_error *add_load(const struct ul_image_file *file, const Elf64_Phdr *header,
				 struct segments *segments, struct ul_dump *dump)
{
	// A copy of /proc/kcore says ~0 of vmalloc and the like: they have no one physical place.
	if (header->p_paddr >> PHYS_BITS || header->p_filesz >> PHYS_BITS)
		return NULL;
	if (header->p_vaddr >= START_KERNEL_MAP && !dump->text_kaddr) {
		dump->text_kaddr = header->p_vaddr;
		dump->text_phys = header->p_paddr;
	}
	return add_pieces(file, header->p_offset, header->p_paddr, header->p_filesz, segments);
}

static struct ul_error *add_notes(const struct ul_image_file *file, const Elf64_Phdr *header,
				  struct segments *segments, struct ul_image *image,
				  struct ul_dump *dump)
{
	segments->note_bytes +=
		header->p_filesz < UL_NOTES_LIMIT ? header->p_filesz : UL_NOTES_LIMIT;
	if (segments->note_bytes > UL_NOTES_LIMIT)
		return ul_error_new(UL_ERR_LIMIT, "ELF notes: more than %d bytes", UL_NOTES_LIMIT);
	return ul_notes_load(file, header->p_offset, header->p_filesz, dump->machine, image, dump);
}

static struct ul_error *add_segment(const struct ul_image_file *file, const Elf64_Phdr *header,
				    struct segments *segments, struct ul_image *image,
				    struct ul_dump *dump)
{
	if (header->p_type == PT_LOAD)
		return add_load(file, header, segments, dump);
	if (header->p_type == PT_NOTE)
		return add_notes(file, header, segments, image, dump);
	return NULL;
}

static struct ul_error *read_segments(const struct ul_image_file *file, struct segments *segments,
				      struct ul_image *image, struct ul_dump *dump)
{
	Elf64_Ehdr elf;
	uint64_t count = 0;
	if (!ul_image_file_read(file, 0, &elf, sizeof(elf)))
		return ul_error_new(UL_ERR_BAD_DATA, "ELF header: %llu bytes of %zu",
				    (unsigned long long)file->bytes, sizeof(elf));
	UL_TRY(check_header(&elf));
	UL_TRY(count_segments(file, &elf, &count));
	dump->machine = elf.e_machine;
	for (uint64_t i = 0; i < count; i++) {
		Elf64_Phdr header;
		if (!ul_image_file_read(file, elf.e_phoff + i * sizeof(header), &header,
					sizeof(header)))
			return ul_error_new(UL_ERR_BAD_DATA, "ELF program header %llu: cut off",
					    (unsigned long long)i);
		UL_TRY(add_segment(file, &header, segments, image, dump));
	}
	if (!segments->pieces.items.len)
		return ul_error_new(UL_ERR_BAD_DATA, "ELF core without physical memory");
	if (segments->missing_bytes)
		UL_TRY(ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, segments->missing_bytes,
				     "bytes of memory cut off the end of the dump"));
	return NULL;
}

struct ul_error *ul_elf_open(struct ul_image_file *files, size_t len, struct ul_image *image,
			     struct ul_dump *ret)
{
	struct segments segments = {0};
	image->kind = "elf";
	if (len > 1)
		return ul_error_new(UL_ERR_UNSUPPORTED, "an ELF core in several files");
	struct ul_error *error = read_segments(files, &segments, image, ret);
	if (!error)
		return ul_phys_create(files, &segments.pieces, image);
	ul_vec_deinit(&segments.pieces.items);
	return error;
}
