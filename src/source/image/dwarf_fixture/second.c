// SPDX-License-Identifier: GPL-2.0-or-later
/* Knows what `later` is, and has a `twin` of its own. */
#include "source/image/dwarf_fixture/shapes.h"

struct later {
	uint16_t before;
	struct shape *shape;
};

struct twin {
	uint32_t of_second;
};

int shape_call(struct shape *shape, const char *format, ...)
{
	static struct later later;
	static struct twin twin;
	later.shape = shape;
	shape->later = &later;
	shape->twin = &twin;
	return *format + (int)later.before + (int)twin.of_second;
}
