// SPDX-License-Identifier: GPL-2.0-or-later
/* The one judge of what is UTF-8: JSON and the terminal must agree. */
#include "view/utf8.h"

size_t ul_utf8_len(const unsigned char *bytes, size_t len)
{
	const unsigned char lead = bytes[0];
	unsigned char second_min = 0x80;
	unsigned char second_max = 0xbf;
	size_t need;
	if (lead < 0x80) {
		return 1;
	} else if (lead >= 0xc2 && lead <= 0xdf) {
		need = 2;
	} else if (lead >= 0xe0 && lead <= 0xef) {
		need = 3;
		second_min = lead == 0xe0 ? 0xa0 : 0x80; // else overlong
		second_max = lead == 0xed ? 0x9f : 0xbf; // else a surrogate
	} else if (lead >= 0xf0 && lead <= 0xf4) {
		need = 4;
		second_min = lead == 0xf0 ? 0x90 : 0x80;
		second_max = lead == 0xf4 ? 0x8f : 0xbf; // else above U+10FFFF
	} else {
		return 0;
	}
	if (len < need || bytes[1] < second_min || bytes[1] > second_max)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	return need;
}
