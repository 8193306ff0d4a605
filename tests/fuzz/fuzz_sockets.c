// SPDX-License-Identifier: GPL-2.0-or-later
/* The first byte says which of the formats the rest is. */
#include "source/proc/sockets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	UL_CLEANUP_HOLDERS struct ul_holders holders = {0};
	const enum ul_socket_format format =
		(enum ul_socket_format)(size ? data[0] % (UL_SOCKET_PACKET + 1) : 0);
	ul_error_destroy(ul_sockets_parse(text, "x", format, &holders));
	return 0;
}
