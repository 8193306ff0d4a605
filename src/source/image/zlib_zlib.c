// SPDX-License-Identifier: GPL-2.0-or-later
/* zlib pages by zlib itself; the stream is kept, so that a page costs no allocation. */
#include <stdlib.h>
#include <zlib.h>

#include "source/image/decompress.h"

struct ul_zlib_state {
	z_stream stream;
};

bool ul_zlib_built_in(void)
{
	return true;
}

struct ul_zlib_state *ul_zlib_create(void)
{
	struct ul_zlib_state *state = calloc(1, sizeof(*state));
	if (state && inflateInit(&state->stream) == Z_OK)
		return state;
	free(state);
	return NULL;
}

void ul_zlib_destroy(struct ul_zlib_state *state)
{
	if (!state)
		return;
	inflateEnd(&state->stream);
	free(state);
}

bool ul_zlib_page(struct ul_zlib_state *state, const uint8_t *from, size_t from_bytes, uint8_t *to,
		  size_t to_bytes)
{
	z_stream *stream = &state->stream;
	if (inflateReset(stream) != Z_OK)
		return false;
	stream->next_in = (Bytef *)(uintptr_t)from;
	stream->avail_in = (uInt)from_bytes;
	stream->next_out = to;
	stream->avail_out = (uInt)to_bytes;
	return inflate(stream, Z_FINISH) == Z_STREAM_END && !stream->avail_out;
}
