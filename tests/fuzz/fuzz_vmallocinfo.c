// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text may be called vmallocinfo; no caller appears twice and no page is lost. */
#include "source/proc/vmallocinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	UL_CLEANUP_ERROR struct ul_error *err = ul_vmallocinfo_parse(text, &info);
	uint64_t pages = info.stack_pages;
	ul_vec_foreach (caller, &info.callers) {
		char name[64];
		ul_vmalloc_caller_name(caller, name, sizeof(name));
		pages += caller->pages;
	}
	if (!err && !info.callers_over_limit && pages != info.pages)
		__builtin_trap();
	return 0;
}
