// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as the notes of a dump, as VMCOREINFO and as /proc/iomem. */
#include <elf.h>

#include "fuzz_image.h"

static void look_up(const struct ul_image *image)
{
	static const char *const keys[] = {"OSRELEASE",		"PAGESIZE",
					   "NUMBER(phys_base)", "SYMBOL(_stext)",
					   "KERNELOFFSET",	"LENGTH(mem_section)",
					   "NUMBER(VA_BITS)",	""};
	for (size_t i = 0; i < UL_ARRAY_LEN(keys); i++) {
		struct ul_span text;
		int64_t value;
		const bool has_text = ul_vmcoreinfo_text(image->vmcoreinfo, keys[i], &text);
		// A number is a text, too.
		if (ul_image_vmcoreinfo(image, keys[i], &value) && !has_text)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span bytes = {(const char *)data, size};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_image lines UL_CLEANUP_IMAGE = {0};
	struct ul_dump dump = {.machine = EM_X86_64};
	ul_error_destroy(ul_notes_parse(bytes, EM_X86_64, &image, &dump));
	ul_error_destroy(ul_image_iomem_parse(bytes, &image));
	for (size_t i = 1; i < image.ram.len; i++)
		if (image.ram.data[i].start < image.ram.data[i - 1].end)
			abort();
	look_up(&image);
	if (ul_vmcoreinfo_is(bytes)) {
		lines.vmcoreinfo = ul_span_dup(bytes);
		look_up(&lines);
	}
	return 0;
}
