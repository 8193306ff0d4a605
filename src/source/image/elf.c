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
	NOTES_LIMIT = 64 << 20,	  /**< bytes of all notes: 8,192 processors need 4 MiB */
	CPUS_LIMIT = 8192,	  /**< CONFIG_NR_CPUS at most */
	CLAIMS_LIMIT = 4,	  /**< kcore names the kernel image twice; hostile files more */
	PHYS_BITS = 52,		  /**< no architecture has more */
};

/** Linux arch/x86/include/asm/page_64_types.h __START_KERNEL_map */
#define START_KERNEL_MAP 0xffffffff80000000ULL

bool ul_elf_is(struct ul_span start)
{
	return start.len >= SELFMAG && !memcmp(start.data, ELFMAG, SELFMAG);
}

static bool bytes_at(const struct ul_image_file *file, uint64_t offset, void *buffer, size_t len)
{
	if (offset > file->bytes || file->bytes - offset < len)
		return false;
	memcpy(buffer, file->data + offset, len);
	return true;
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
		if (!bytes_at(file, elf->e_shoff, &section, sizeof(section)))
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
	uint64_t note_bytes;
	uint64_t missing_bytes; /**< that the file should have and does not */
};

/* The part of a segment that the file has. */
static struct ul_span contents(const struct ul_image_file *file, const Elf64_Phdr *header)
{
	if (header->p_offset >= file->bytes)
		return (struct ul_span){0};
	const uint64_t left = file->bytes - header->p_offset;
	return (struct ul_span){(const char *)file->data + header->p_offset,
				header->p_filesz < left ? header->p_filesz : left};
}

static struct ul_error *add_load(const struct ul_image_file *file, const Elf64_Phdr *header,
				 struct segments *segments, struct ul_image *image,
				 struct ul_dump *dump)
{
	const struct ul_span bytes = contents(file, header);
	// A copy of /proc/kcore says ~0 of vmalloc and the like: they have no one physical place.
	if (header->p_paddr >> PHYS_BITS || header->p_filesz >> PHYS_BITS)
		return NULL;
	if (header->p_vaddr >= START_KERNEL_MAP && !dump->text_kaddr) {
		dump->text_kaddr = header->p_vaddr;
		dump->text_phys = header->p_paddr;
	}
	segments->missing_bytes += header->p_filesz - bytes.len;
	image->bytes += bytes.len;
	if (image->bytes / CLAIMS_LIMIT > file->bytes)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "ELF segments claim more than %d times the bytes of the file",
				    CLAIMS_LIMIT);
	const struct ul_phys_piece piece = {header->p_paddr, bytes.len,
					    (const uint8_t *)bytes.data};
	return !bytes.len || ul_vec_push(&segments->pieces.items, piece) ? NULL : &ul_enomem;
}

static struct ul_error *add_segment(const struct ul_image_file *file, const Elf64_Phdr *header,
				    struct segments *segments, struct ul_image *image,
				    struct ul_dump *dump)
{
	if (header->p_type == PT_LOAD)
		return add_load(file, header, segments, image, dump);
	if (header->p_type != PT_NOTE)
		return NULL;
	const struct ul_span notes = contents(file, header);
	segments->note_bytes += notes.len;
	return segments->note_bytes > NOTES_LIMIT
		       ? ul_error_new(UL_ERR_LIMIT, "ELF notes: more than %d bytes", NOTES_LIMIT)
		       : ul_notes_parse(notes, dump->machine, image, dump);
}

static struct ul_error *read_segments(const struct ul_image_file *file, struct segments *segments,
				      struct ul_image *image, struct ul_dump *dump)
{
	Elf64_Ehdr elf;
	uint64_t count = 0;
	if (!bytes_at(file, 0, &elf, sizeof(elf)))
		return ul_error_new(UL_ERR_BAD_DATA, "ELF header: %llu bytes of %zu",
				    (unsigned long long)file->bytes, sizeof(elf));
	UL_TRY(check_header(&elf));
	UL_TRY(count_segments(file, &elf, &count));
	dump->machine = elf.e_machine;
	for (uint64_t i = 0; i < count; i++) {
		Elf64_Phdr header;
		memcpy(&header, file->data + elf.e_phoff + i * sizeof(header), sizeof(header));
		UL_TRY(add_segment(file, &header, segments, image, dump));
	}
	if (!segments->pieces.items.len)
		return ul_error_new(UL_ERR_BAD_DATA, "ELF core without physical memory");
	if (segments->missing_bytes)
		UL_TRY(ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, segments->missing_bytes,
				     "bytes of memory cut off the end of the dump"));
	return NULL;
}

struct ul_error *ul_elf_open(struct ul_image_file *file, struct ul_image *image,
			     struct ul_dump *ret)
{
	struct segments segments = {0};
	struct ul_error *error = read_segments(file, &segments, image, ret);
	image->kind = "elf";
	if (!error)
		return ul_phys_create(file, &segments.pieces, image);
	ul_vec_deinit(&segments.pieces.items);
	ul_image_file_close(file);
	return error;
}

/* ---- notes ---- */

/** Offsets within struct elf_prstatus (Linux include/linux/elfcore.h), the same on 64-bit machines.
 */
enum { PRSTATUS_REGISTERS = 112 };

/** Which words of pr_reg are what. */
struct register_layout {
	uint16_t machine;
	uint8_t words;	  /**< of pr_reg */
	uint8_t ip;	  /**< index */
	uint8_t sp;	  /**< index */
	uint8_t generals; /**< the first so many are general ones */
};

static const struct register_layout layouts[] = {
	// Linux arch/x86/include/asm/user_64.h struct user_regs_struct: r15 .. rdi, orig_ax
	{EM_X86_64, 27, 16, 19, 15},
	// Linux arch/arm64/include/uapi/asm/ptrace.h struct user_pt_regs: x0 .. x30, sp, pc
	{EM_AARCH64, 34, 32, 31, 31},
};

static struct ul_error *add_registers(struct ul_span desc, uint16_t machine, struct ul_image *image)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(layouts); i++) {
		const struct register_layout *layout = &layouts[i];
		uint64_t words[34];
		if (layout->machine != machine ||
		    desc.len < PRSTATUS_REGISTERS + layout->words * sizeof(words[0]) ||
		    image->cpus.len >= CPUS_LIMIT)
			continue;
		memcpy(words, desc.data + PRSTATUS_REGISTERS, layout->words * sizeof(words[0]));
		struct ul_cpu_state *cpu = ul_vec_add(&image->cpus);
		if (!cpu)
			return &ul_enomem;
		cpu->cpu = (uint32_t)(image->cpus.len - 1);
		cpu->ip = words[layout->ip];
		cpu->sp = words[layout->sp];
		cpu->registers_len = layout->generals;
		memcpy(cpu->registers, words, layout->generals * sizeof(words[0]));
	}
	return NULL;
}

/** QEMU target/i386/arch_dump.c struct QEMUCPUState: version 1, 440 bytes, cr[3] at 416. */
enum { QEMU_STATE_CR3 = 416 };

static void take_qemu(struct ul_span desc, struct ul_dump *dump)
{
	if (dump->machine == EM_X86_64 && !dump->page_table && desc.len >= QEMU_STATE_CR3 + 8)
		memcpy(&dump->page_table, desc.data + QEMU_STATE_CR3, sizeof(dump->page_table));
}

static struct ul_error *take_note(struct ul_span name, uint32_t type, struct ul_span desc,
				  uint16_t machine, struct ul_image *image, struct ul_dump *dump)
{
	if (ul_span_equal(name, "CORE") && type == NT_PRSTATUS)
		return add_registers(desc, machine, image);
	if (ul_span_equal(name, "QEMU"))
		take_qemu(desc, dump);
	if (!ul_span_equal(name, "VMCOREINFO") || image->vmcoreinfo || !ul_vmcoreinfo_is(desc))
		return NULL;
	image->vmcoreinfo = ul_span_dup(desc);
	return image->vmcoreinfo ? NULL : &ul_enomem;
}

/* Cut @p len bytes and their padding to a multiple of four off @p rest; false: it has fewer. */
static bool cut_padded(struct ul_span *rest, uint32_t len, struct ul_span *ret)
{
	const uint64_t padded = ((uint64_t)len + 3) & ~3ULL;
	if (len > rest->len)
		return false;
	*ret = (struct ul_span){rest->data, len};
	const size_t step = padded < rest->len ? (size_t)padded : rest->len;
	rest->data += step;
	rest->len -= step;
	return true;
}

struct ul_error *ul_notes_parse(struct ul_span notes, uint16_t machine, struct ul_image *image,
				struct ul_dump *dump)
{
	Elf64_Nhdr header;
	while (notes.len >= sizeof(header)) {
		struct ul_span name;
		struct ul_span desc;
		memcpy(&header, notes.data, sizeof(header));
		notes.data += sizeof(header);
		notes.len -= sizeof(header);
		if (!cut_padded(&notes, header.n_namesz, &name) ||
		    !cut_padded(&notes, header.n_descsz, &desc))
			break;
		while (name.len && !name.data[name.len - 1])
			name.len--;
		UL_TRY(take_note(name, header.n_type, desc, machine, image, dump));
	}
	return NULL;
}
