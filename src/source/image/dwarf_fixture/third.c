// SPDX-License-Identifier: GPL-2.0-or-later
/* Has another `twin`. */
#include "source/image/dwarf_fixture/shapes.h"

struct twin {
	uint64_t of_third[2];
};

extern struct twin third_twin;
struct twin third_twin;

void shape_finish(const struct shape *shape, counter_pointer_t count, unsigned int flags)
{
	third_twin.of_third[0] = (uint64_t)shape->named.x + (uint64_t)count->value + flags;
}
