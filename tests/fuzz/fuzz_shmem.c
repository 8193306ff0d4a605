// SPDX-License-Identifier: GPL-2.0-or-later
/* mountinfo holds paths that users choose. */
#include "source/proc/shmem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	UL_CLEANUP_SYSV struct ul_sysv sysv = {0};
	UL_CLEANUP_TMPFS struct ul_tmpfs_list list = {0};
	ul_error_destroy(ul_sysv_parse(text, &sysv));
	ul_error_destroy(ul_tmpfs_parse(text, &list));
	return 0;
}
