// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a member lies, by path. A name is searched for in the struct itself and in its anonymous
 * members, to any depth that real code has; a struct that holds itself (only hostile input does)
 * ends at the limits.
 */
#include <limits.h>
#include <string.h>

#include "model/type.h"

enum {
	NAME_MAX_BYTES = 128,
	ANONYMOUS_DEPTH_MAX = 16,
	VISITS_MAX = 1 << 20, /**< members looked at for one name */
};

struct level {
	ul_type_id type;
	uint32_t next; /**< member to look at */
	uint64_t offset_bits;
};

static bool is_compound(const struct ul_types *types, ul_type_id id)
{
	struct ul_type type;
	return ul_types_get(types, id, &type) &&
	       (type.kind == UL_TYPE_STRUCT || type.kind == UL_TYPE_UNION);
}

/* Member @p name of @p id, offsets of anonymous members added up. */
static bool find_member(const struct ul_types *types, ul_type_id id, const char *name,
			struct ul_member *ret)
{
	struct level stack[ANONYMOUS_DEPTH_MAX] = {{.type = id}};
	size_t depth = 1;
	for (size_t visits = 0; depth && visits < VISITS_MAX; visits++) {
		struct level *level = &stack[depth - 1];
		struct ul_member member;
		if (!ul_types_member_at(types, level->type, level->next++, &member)) {
			depth--;
			continue;
		}
		member.offset_bits += level->offset_bits;
		if (*member.name) {
			if (strcmp(member.name, name) != 0)
				continue;
			*ret = member;
			return true;
		}
		if (depth < ANONYMOUS_DEPTH_MAX && is_compound(types, member.type))
			stack[depth++] = (struct level){.type = member.type,
							.offset_bits = member.offset_bits};
	}
	return false;
}

/* Cut the next name off @p path; false when there is none, or one that no member can have. */
static bool next_name(const char **path, char name[NAME_MAX_BYTES])
{
	const size_t len = strcspn(*path, ".[");
	if (!len || len >= NAME_MAX_BYTES)
		return false;
	memcpy(name, *path, len);
	name[len] = '\0';
	*path += len;
	return true;
}

/* Apply "[3]" at *@p path to @p member. */
static bool apply_index(const struct ul_types *types, const char **path, struct ul_member *member)
{
	struct ul_type array;
	struct ul_type element;
	uint64_t index = 0;
	const char *at = *path + 1;
	for (; *at >= '0' && *at <= '9' && index < UINT32_MAX; at++)
		index = index * 10 + (uint64_t)(*at - '0');
	if (*at != ']' || at == *path + 1 || !ul_types_get(types, member->type, &array) ||
	    array.kind != UL_TYPE_ARRAY || !ul_types_get(types, array.target, &element))
		return false;
	// A flexible array has any number.
	if (array.count && index >= array.count)
		return false;
	member->offset_bits += index * element.bytes * CHAR_BIT;
	member->type = array.target;
	member->bits = 0;
	*path = at + 1;
	return true;
}

static bool to_place(const struct ul_types *types, const struct ul_member *member,
		     struct ul_place *ret)
{
	struct ul_type type;
	if (!ul_types_get(types, member->type, &type) ||
	    member->offset_bits / CHAR_BIT > UINT32_MAX || type.bytes > UINT32_MAX)
		return false;
	*ret = (struct ul_place){
		.offset = (uint32_t)(member->offset_bits / CHAR_BIT),
		.bytes = (uint32_t)type.bytes,
		.type = member->type,
		.bit_offset = (uint32_t)(member->offset_bits % CHAR_BIT),
		.bits = member->bits,
	};
	if (member->bits)
		ret->bytes = (ret->bit_offset + ret->bits + CHAR_BIT - 1) / CHAR_BIT;
	return true;
}

bool ul_types_place_in(const struct ul_types *types, ul_type_id id, const char *path,
		       struct ul_place *ret)
{
	struct ul_member at = {.name = "", .type = id};
	for (;;) {
		char name[NAME_MAX_BYTES];
		struct ul_member member;
		if (!next_name(&path, name) || !find_member(types, at.type, name, &member))
			return false;
		member.offset_bits += at.offset_bits;
		at = member;
		while (*path == '[')
			if (!apply_index(types, &path, &at))
				return false;
		if (!*path)
			return to_place(types, &at, ret);
		if (*path++ != '.')
			return false;
	}
}

bool ul_types_place(const struct ul_types *types, const char *name, const char *path,
		    struct ul_place *ret)
{
	ul_type_id id = ul_types_find(types, UL_TYPE_STRUCT, name);
	if (!id)
		id = ul_types_find(types, UL_TYPE_UNION, name);
	return id && ul_types_place_in(types, id, path, ret);
}
