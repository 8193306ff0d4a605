// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/vec.h"

bool ul_vec_grow(void **data, size_t *cap, size_t wanted, size_t size)
{
	size_t target = *cap < 8 ? 8 : *cap;
	while (target < wanted)
		if (__builtin_mul_overflow(target, 2, &target))
			return false;
	size_t bytes;
	if (__builtin_mul_overflow(target, size, &bytes))
		return false;
	void *grown = realloc(*data, bytes);
	if (!grown)
		return false;
	*data = grown;
	*cap = target;
	return true;
}
