// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/codec.h"

#include "source/record/schema.h"

enum {
	MASK_BYTES = 1 << 0,
	MASK_OBJECTS = 1 << 1,
	MASK_BITS = 2,
	PAGE_UNIT = 4096,
	VARINT_BITS = 7,
	VARINT_MORE = 0x80,
};

static uint64_t zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

void ul_codec_put_varint(struct ul_buf *buf, uint64_t value)
{
	while (value >= VARINT_MORE) {
		ul_buf_putc(buf, (char)(unsigned char)(value | VARINT_MORE));
		value >>= VARINT_BITS;
	}
	ul_buf_putc(buf, (char)(unsigned char)value);
}

bool ul_codec_get_varint(struct ul_span *rest, uint64_t *ret)
{
	uint64_t value = 0;
	size_t at = 0;
	for (unsigned int shift = 0; shift < 64; shift += VARINT_BITS) {
		if (at == rest->len)
			return false;
		const uint64_t byte = (unsigned char)rest->data[at++];
		const uint64_t bits = byte & (VARINT_MORE - 1);
		if (shift && bits > UINT64_MAX >> shift)
			return false;
		value |= bits << shift;
		if (byte & VARINT_MORE)
			continue;
		rest->data += at;
		rest->len -= at;
		*ret = value;
		return true;
	}
	return false;
}

static void put_bytes(struct ul_buf *buf, int64_t delta)
{
	if (delta % PAGE_UNIT == 0)
		ul_codec_put_varint(buf, zigzag(delta / PAGE_UNIT) << 1 | 1);
	else
		ul_codec_put_varint(buf, zigzag(delta) << 1);
}

static bool get_bytes(struct ul_span *rest, int64_t *ret)
{
	uint64_t packed;
	if (!ul_codec_get_varint(rest, &packed))
		return false;
	const int64_t delta = unzigzag(packed >> 1);
	if (!(packed & 1)) {
		*ret = delta;
		return true;
	}
	return !__builtin_mul_overflow(delta, (int64_t)PAGE_UNIT, ret);
}

void ul_codec_put_change(struct ul_buf *buf, bool full, const struct ul_codec_change *change,
			 uint32_t *last_id)
{
	unsigned int mask = 0;
	if (change->bytes_delta)
		mask |= MASK_BYTES;
	if (change->objects_delta)
		mask |= MASK_OBJECTS;
	if (!mask && !full && !change->ends)
		mask = MASK_BYTES;
	if (change->ends)
		mask = 0;
	const uint64_t gap = change->id - *last_id - 1;
	ul_codec_put_varint(buf, gap << MASK_BITS | mask);
	if (mask & MASK_BYTES)
		put_bytes(buf, change->bytes_delta);
	if (mask & MASK_OBJECTS)
		ul_codec_put_varint(buf, zigzag(change->objects_delta));
	*last_id = change->id;
}

static bool within(int64_t value)
{
	return value >= -2 * UL_RECORD_MAX_VALUE && value <= 2 * UL_RECORD_MAX_VALUE;
}

static bool get_change(struct ul_codec_reader *reader, struct ul_codec_change *ret)
{
	uint64_t head;
	if (!ul_codec_get_varint(&reader->rest, &head))
		return false;
	const uint64_t gap = head >> MASK_BITS;
	if (gap >= UL_RECORD_MAX_SERIES || reader->last_id + gap >= UL_RECORD_MAX_SERIES)
		return false;
	*ret = (struct ul_codec_change){
		.id = reader->last_id + (uint32_t)gap + 1,
		.ends = !reader->full && !(head & (MASK_BYTES | MASK_OBJECTS)),
	};
	if ((head & MASK_BYTES) && !get_bytes(&reader->rest, &ret->bytes_delta))
		return false;
	uint64_t objects;
	if (head & MASK_OBJECTS) {
		if (!ul_codec_get_varint(&reader->rest, &objects))
			return false;
		ret->objects_delta = unzigzag(objects);
	}
	reader->last_id = ret->id;
	return within(ret->bytes_delta) && within(ret->objects_delta);
}

bool ul_codec_next(struct ul_codec_reader *reader, struct ul_codec_change *ret)
{
	if (reader->bad || !reader->rest.len)
		return false;
	reader->bad = !get_change(reader, ret);
	return !reader->bad;
}
