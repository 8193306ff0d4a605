// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bytes are memory in which lists of modules begin at its start; then the same bytes as an
 * image with kallsyms: its first 12 words of 16 bits say where VMCOREINFO points (all zero: to
 * nothing, so that the tables are searched for).
 */
#include "base/buf.h"
#include "source/image/array_memory_fixture.h"
#include "source/image/image_internal.h"
#include "source/image/modules_fixture.h"

#define BASE 0xffff888000000000ULL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void done(struct ul_error *error)
{
	ul_error_destroy(error);
}

static void walk_modules(struct array_memory *memory)
{
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	const struct ul_btf_base base = {.types = 12, .strings = 1};
	image.memory = &memory->memory;
	image.types = fixture_types();
	image.symtab = ul_symtab_create();
	if (!image.symtab)
		abort();
	done(ul_symtab_add(image.symtab, BASE, 'D', "modules", NULL));
	done(ul_symtab_add(image.symtab, BASE + 0x20, 'D', "btf_modules", NULL));
	ul_symtab_finish(image.symtab);
	done(ul_image_load_modules(&image, &base));
	image.memory = NULL;
}

static void read_kallsyms(struct array_memory *memory, const uint8_t *data)
{
	static const char *const lines[] = {"_stext",
					    "kallsyms_names",
					    "kallsyms_num_syms",
					    "kallsyms_token_table",
					    "kallsyms_token_index",
					    "kallsyms_offsets",
					    "kallsyms_addresses",
					    "kallsyms_relative_base"};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_buf info = {0};
	for (size_t i = 0; i < UL_ARRAY_LEN(lines); i++) {
		uint16_t at;
		memcpy(&at, data + i * sizeof(at), sizeof(at));
		if (at || !i)
			ul_buf_printf(&info, "SYMBOL(%s)=%llx\n", lines[i], BASE + at);
	}
	image.vmcoreinfo = info.data;
	image.memory = &memory->memory;
	image.space = (struct ul_address_space){.page_bytes = 4096, .image = {BASE, 0}};
	done(ul_image_load_symbols(&image));
	image.memory = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct array_memory memory = array_memory_make();
	if (size < 32 || size > 1 << 17)
		return 0;
	array_memory_add(&memory, BASE, data, size);
	walk_modules(&memory);
	read_kallsyms(&memory, data);
	return 0;
}
