// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of memfds and of deleted files are chosen by anybody. */
#include "source/proc/fds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	struct ul_fd_link link;
	struct ul_fd_drm drm;
	ul_fd_parse_link(text, &link);
	ul_fd_parse_drm(text, &drm);
	return 0;
}
