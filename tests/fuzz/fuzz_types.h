/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets of a kernel's types share. */
#ifndef UL_TESTS_FUZZ_TYPES_H
#define UL_TESTS_FUZZ_TYPES_H

#include "model/type.h"

/** All that can be asked of one type. */
static inline void look(const struct ul_types *types, ul_type_id id)
{
	struct ul_type type;
	struct ul_member member;
	struct ul_place place;
	char text[300];
	if (!ul_types_get(types, id, &type))
		return;
	ul_types_name(types, id, text, sizeof(text));
	(void)ul_types_find(types, type.kind, type.name);
	for (uint32_t i = 0; i < 8 && ul_types_member_at(types, id, i, &member); i++)
		(void)ul_types_place_in(types, id, member.name, &place);
	(void)ul_types_place_in(types, id, "a.b[1]", &place);
}

/** Of the first of @p types, which are finished. */
static inline void look_at_all(const struct ul_types *types)
{
	for (ul_type_id id = 0; id < ul_types_len(types) && id < 256; id++)
		look(types, id);
}

#endif
