// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether a file's DWARF can be read here at all, before libdw unpacks it. */
#include <libelf.h>
#include <string.h>

#include "source/image/dwarf_internal.h"

enum {
	ZDEBUG_HEADER = 12, /**< "ZLIB" and 8 bytes, the highest first */
};

/** Of compressed sections, unpacked: Debian's 6.1 has 260 MB. */
static const uint64_t UNPACKED_MAX = 8ULL << 30;

/* Offsets of another byte order or of a file that is not linked would be read wrongly. */
static struct ul_error *check_header(Elf *elf)
{
	const Elf64_Ehdr *header = elf64_getehdr(elf);
	const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
	if (!header || !little || header->e_ident[EI_DATA] != ELFDATA2LSB)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "DWARF: of 64-bit little-endian machines only");
	if (header->e_type == ET_REL)
		return ul_error_new(UL_ERR_UNSUPPORTED, "DWARF: of a file that is not linked");
	return NULL;
}

/* Of a section; what is not compressed costs no memory. 0: it is not, or it makes no sense. */
static uint64_t unpacked_bytes(Elf *elf, Elf_Scn *section, const Elf64_Shdr *header)
{
	size_t names;
	const char *name =
		elf_getshdrstrndx(elf, &names) ? NULL : elf_strptr(elf, names, header->sh_name);
	if (header->sh_flags & SHF_COMPRESSED) {
		const Elf64_Chdr *packed = elf64_getchdr(section);
		return packed ? packed->ch_size : 0;
	}
	if (!name || strncmp(name, ".zdebug", 7) != 0)
		return 0;
	const Elf_Data *data = elf_rawdata(section, NULL);
	if (!data || !data->d_buf || data->d_size < ZDEBUG_HEADER)
		return 0;
	uint64_t bytes = 0;
	for (size_t i = 4; i < ZDEBUG_HEADER; i++)
		bytes = bytes << 8 | ((const uint8_t *)data->d_buf)[i];
	return bytes;
}

/* libdw unpacks all sections at once: they may claim to be a thousand times their size. */
static struct ul_error *check_sections(Elf *elf)
{
	uint64_t sum = 0;
	for (Elf_Scn *section = elf_nextscn(elf, NULL); section;
	     section = elf_nextscn(elf, section)) {
		const Elf64_Shdr *header = elf64_getshdr(section);
		const uint64_t bytes = header ? unpacked_bytes(elf, section, header) : 0;
		if (bytes > UNPACKED_MAX - sum)
			return ul_error_new(UL_ERR_LIMIT,
					    "DWARF: sections of more than %llu bytes, unpacked",
					    (unsigned long long)UNPACKED_MAX);
		sum += bytes;
	}
	return NULL;
}

struct ul_error *ul_dwarf_check_file(Elf *elf)
{
	UL_TRY(check_header(elf));
	return check_sections(elf);
}
