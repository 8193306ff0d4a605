/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Damage to the small kernel of kwalk_fixture.h, out of an input. */
#ifndef UL_FUZZ_KWALK_H
#define UL_FUZZ_KWALK_H

#include "source/kwalk/kwalk_fixture.h"

enum { RECORD = 9, DATA_START = 0x4000, DATA_BYTES = 0x3000 };

/**
 * A record of nine bytes: what to write (a number of 1 to 8 bytes, or an address), where (the page
 * array, the data of the image, anywhere), and the value.
 */
static inline void damage(struct fake_kernel *fake, const uint8_t *record)
{
	static const uint64_t bases[] = {FK_DIRECT, FK_VMEMMAP, FK_TEXT, FK_VMALLOC};
	const uint8_t what = record[0];
	const uint32_t where = record[1] | (uint32_t)record[2] << 8 | (uint32_t)record[3] << 16;
	uint64_t value = 0;
	uint64_t at = fk_direct(0) + where % (FK_PAGES * FK_PAGE);
	memcpy(&value, record + 4, 5);
	if ((what & 3) == 0)
		at = FK_VMEMMAP + where % (FK_PAGES * 64);
	else if ((what & 3) == 1)
		at = FK_TEXT + DATA_START + where % DATA_BYTES;
	if (what & 4) // an address: of something, or near it
		value = bases[value & 3] + (value >> 2) % (FK_PAGES * FK_PAGE);
	if (what & 8)
		value = ~value;
	fk_put(fake, at & ~UINT64_C(7), value, what & 4 ? 8 : (size_t)1 << (what >> 4 & 3));
}

static inline void damage_all(struct fake_kernel *fake, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at + RECORD <= size; at += RECORD)
		damage(fake, data + at);
}

#endif
