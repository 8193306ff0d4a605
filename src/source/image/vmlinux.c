// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Types of a kernel from a file the user names, for images that carry none: vmlinux with BTF
 * (section .BTF) or with DWARF, its debug file, or bare BTF, as /sys/kernel/btf/vmlinux has it. Of
 * a file with both the BTF is taken: it is read a hundred times as fast. A file whose build id is
 * not that of the image is refused: its types would lie about every offset. Bare BTF has no build
 * id and is believed.
 */
#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <string.h>

#include "base/file.h"
#include "source/image/dwarf_types.h"
#include "source/image/image_internal.h"

enum {
	FILE_BYTES_MAX = 128 << 20,
	BUILD_ID_BYTES_MAX = 64,
	NOTE_BUILD_ID = 3, /* NT_GNU_BUILD_ID */
};

static void cleanup_elf(Elf **elf)
{
	(void)elf_end(*elf);
}

/* Hexadecimal build id out of notes; "" when there is none. */
static void find_build_id(const Elf_Data *notes, char text[static 2 * BUILD_ID_BYTES_MAX + 1])
{
	const uint8_t *bytes = notes->d_buf;
	size_t at = 0;
	*text = '\0';
	while (bytes && notes->d_size - at >= 12) {
		uint32_t header[3]; /* bytes of name and of contents, type */
		memcpy(header, bytes + at, sizeof(header));
		const uint64_t name = at + sizeof(header);
		const uint64_t contents = name + ((header[0] + 3ULL) & ~3ULL);
		const uint64_t end = contents + ((header[1] + 3ULL) & ~3ULL);
		if (end > notes->d_size)
			return;
		if (header[2] == NOTE_BUILD_ID && header[0] == 4 && header[1] &&
		    header[1] <= BUILD_ID_BYTES_MAX && !memcmp(bytes + name, "GNU", 4)) {
			for (uint32_t i = 0; i < header[1]; i++)
				(void)snprintf(text + 2 * (size_t)i, 3, "%02x",
					       bytes[contents + i]);
			return;
		}
		at = (size_t)end;
	}
}

static struct ul_error *check_build_id(const char *found, const char *vmcoreinfo)
{
	struct ul_span wanted;
	if (!*found || !ul_vmcoreinfo_text(vmcoreinfo, "BUILD-ID", &wanted) ||
	    ul_span_equal(ul_span_trim(wanted), found))
		return NULL;
	return ul_error_hint(ul_error_new(UL_ERR_BAD_DATA, "build id %s, that of the image is %.*s",
					  found, UL_SPAN_ARG(ul_span_trim(wanted))),
			     "it is of another build: give the one of this kernel");
}

/* The BTF, if there is any and the file is of the right build. */
static struct ul_error *read_sections(Elf *elf, const char *vmcoreinfo, struct ul_buf *ret)
{
	size_t names;
	if (elf_getshdrstrndx(elf, &names))
		return ul_error_new(UL_ERR_BAD_DATA, "no section names");
	for (Elf_Scn *section = elf_nextscn(elf, NULL); section;
	     section = elf_nextscn(elf, section)) {
		const Elf64_Shdr *header = elf64_getshdr(section);
		const char *name = header ? elf_strptr(elf, names, header->sh_name) : NULL;
		const bool notes = header && header->sh_type == SHT_NOTE;
		if (!name || (!notes && strcmp(name, ".BTF") != 0))
			continue;
		const Elf_Data *data = elf_rawdata(section, NULL);
		if (!data)
			continue;
		if (notes) {
			char id[2 * BUILD_ID_BYTES_MAX + 1];
			find_build_id(data, id);
			UL_TRY(check_build_id(id, vmcoreinfo));
		} else if (data->d_size <= FILE_BYTES_MAX && data->d_buf) {
			ul_buf_add(ret, data->d_buf, data->d_size);
		}
	}
	return ret->failed ? &ul_enomem : NULL;
}

static struct ul_error *read_dwarf(Elf *elf, struct ul_types *types, struct ul_losses *losses)
{
	if (ul_dwarf_built_in()) {
		struct ul_error *error = ul_dwarf_load(types, elf, losses);
		return error && error->code == UL_ERR_UNSUPPORTED
			       ? ul_error_prepend(error, "no section .BTF")
			       : error;
	}
	return ul_error_hint(
		ul_error_new(UL_ERR_UNSUPPORTED, "no section .BTF"),
		"of a file with debug information, pahole --btf_encode_detached=FILE.btf "
		"vmlinux makes one: --vmlinux FILE.btf");
}

static struct ul_error *read_elf(Elf *elf, const char *vmcoreinfo, struct ul_types *types,
				 struct ul_losses *losses, struct ul_buf *ret_btf)
{
	UL_TRY(read_sections(elf, vmcoreinfo, ret_btf));
	return ret_btf->len ? NULL : read_dwarf(elf, types, losses);
}

struct ul_error *ul_vmlinux_read(const char *path, const char *vmcoreinfo, struct ul_types *types,
				 struct ul_losses *losses, struct ul_buf *ret_btf)
{
	char magic[4] = "";
	UL_CLEANUP_CLOSE const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ul_error_os(errno, "%s", path);
	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
	    memcmp(magic, ELFMAG, SELFMAG) != 0)
		return ul_file_read(AT_FDCWD, path, FILE_BYTES_MAX, ret_btf);
	if (elf_version(EV_CURRENT) == EV_NONE)
		return ul_error_new(UL_ERR_UNSUPPORTED, "%s: libelf is too old", path);
	UL_CLEANUP(cleanup_elf) Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || !elf64_getehdr(elf))
		return ul_error_new(UL_ERR_BAD_DATA, "%s: not a 64-bit ELF file", path);
	struct ul_error *error = read_elf(elf, vmcoreinfo, types, losses, ret_btf);
	return error ? ul_error_prepend(error, "%s", path) : NULL;
}
