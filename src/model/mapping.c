// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/mapping.h"

const char *ul_mapping_kind_name(enum ul_mapping_kind kind)
{
	static const char *const names[UL_MAPPING_KINDS] = {
		[UL_MAPPING_HEAP] = "heap",	      [UL_MAPPING_STACK] = "stack",
		[UL_MAPPING_ANON] = "anonymous",      [UL_MAPPING_FILE] = "file",
		[UL_MAPPING_SHMEM] = "shared memory",
	};
	return kind < UL_MAPPING_KINDS ? names[kind] : "unknown";
}
