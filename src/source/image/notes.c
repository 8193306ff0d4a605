// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The notes of a dump: what the machine said of itself when it was taken. VMCOREINFO is one, each
 * processor's registers are another (NT_PRSTATUS, which kdump and QEMU write alike), QEMU adds its
 * own view of the processor with the control registers. A note that is cut off ends the list;
 * notes nobody here knows are passed over.
 */
#include <elf.h>
#include <string.h>

#include "source/image/image_internal.h"

enum { CPUS_LIMIT = 8192 }; /**< CONFIG_NR_CPUS at most */

/**
 * Offsets within struct elf_prstatus (Linux include/linux/elfcore.h), the same on 64-bit machines.
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

struct ul_error *ul_notes_load(const struct ul_image_file *file, uint64_t offset, uint64_t bytes,
			       uint16_t machine, struct ul_image *image, struct ul_dump *dump)
{
	if (offset >= file->bytes)
		return NULL;
	if (bytes > file->bytes - offset)
		bytes = file->bytes - offset;
	if (bytes > UL_NOTES_LIMIT)
		bytes = UL_NOTES_LIMIT;
	if (bytes > file->mapped_bytes)
		bytes = file->mapped_bytes;
	UL_CLEANUP_FREE char *scratch = malloc(bytes ? bytes : 1);
	if (!scratch)
		return &ul_enomem;
	const uint8_t *notes = ul_image_file_bytes(file, offset, bytes, scratch);
	return notes ? ul_notes_parse((struct ul_span){(const char *)notes, bytes}, machine, image,
				      dump)
		     : NULL;
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
