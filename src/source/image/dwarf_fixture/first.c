// SPDX-License-Identifier: GPL-2.0-or-later
/* The first unit to be met: it knows `later` and `twin` by name only. */
#include "source/image/dwarf_fixture/shapes.h"

extern struct shape first_shape;
struct shape first_shape;

static inline __attribute__((always_inline)) int only_inlined(int number)
{
	return number * 2;
}

int main(void)
{
	first_shape.named.x = only_inlined(FIRST_WITHOUT_A_NAME);
	return shape_call(&first_shape, "");
}
