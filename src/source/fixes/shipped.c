// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The index that is part of the program: data/leak-fixes.gz, put into the binary by the
 * assembler (see meson.build).
 */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "source/fixes/fixes_internal.h"

enum { UNPACKED_LIMIT = 64 * 1024 * 1024 };

extern const unsigned char ul_fixes_packed[];
extern const unsigned char ul_fixes_packed_end[];

struct ul_error *ul_fixes_unpack(struct ul_span packed, struct ul_buf *text)
{
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)packed.data,
			   .avail_in = (uInt)packed.len};
	if (inflateInit2(&stream, 15 + 16) != Z_OK) // + 16: gzip
		return &ul_enomem;
	int result = Z_OK;
	while (result == Z_OK && text->len < UNPACKED_LIMIT) {
		if (!ul_buf_reserve(text, 1024 * 1024))
			break;
		stream.next_out = (Bytef *)text->data + text->len;
		stream.avail_out = 1024 * 1024;
		result = inflate(&stream, Z_NO_FLUSH);
		text->len += 1024 * 1024 - stream.avail_out;
		text->data[text->len] = 0;
	}
	inflateEnd(&stream);
	if (result == Z_STREAM_END)
		return NULL;
	return text->failed ? &ul_enomem
			    : ul_error_new(UL_ERR_BAD_DATA, "the index of fixes is damaged");
}

struct ul_error *ul_fixes_shipped(struct ul_fixes *ret)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	const struct ul_span packed = {.data = (const char *)ul_fixes_packed,
				       .len = (size_t)(ul_fixes_packed_end - ul_fixes_packed)};
	memset(ret, 0, sizeof(*ret));
	UL_TRY(ul_fixes_unpack(packed, &text));
	return ul_fixes_parse((struct ul_span){.data = ul_buf_str(&text), .len = text.len}, ret);
}
