// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Types as C writes them. A declarator grows outwards from the place where the name of a variable
 * would stand: a pointer puts a star before it, an array and a prototype put their brackets behind
 * it, in parentheses when a star stands before. What does not fit is cut.
 */
#include <stdio.h>
#include <string.h>

#include "model/type.h"
#include "model/type_internal.h"

enum {
	TEXT_BYTES = 256,
	STEPS_MAX = 16,	 /**< pointer to array of pointer to ... */
	NESTING_MAX = 3, /**< prototypes within the parameters of prototypes */
};

/* Text that is cut silently where it is full. */
struct text {
	char *data;
	size_t size;
	size_t len;
};

static void put(struct text *text, const char *string)
{
	const size_t room = text->size - 1 - text->len;
	const size_t len = strnlen(string, room);
	memcpy(text->data + text->len, string, len);
	text->len += len;
	text->data[text->len] = '\0';
}

static bool is_full(const struct text *text)
{
	return text->len + 1 >= text->size;
}

static void put_front(char text[TEXT_BYTES], char first)
{
	const size_t len = strnlen(text, TEXT_BYTES - 2);
	memmove(text + 1, text, len);
	text[0] = first;
	text[len + 1] = '\0';
}

/* "struct sk_buff", "unsigned int", "void". */
static void put_base(const struct ul_types *types, ul_type_id id, const struct ul_type *type,
		     struct text *out)
{
	const struct ul_types_entry *entry = &types->entries.data[id];
	const bool bare = entry->flags & UL_ENTRY_NAMED_BY_TYPEDEF;
	switch (type->kind) {
	case UL_TYPE_STRUCT:
	case UL_TYPE_FORWARD:
		put(out, bare ? "" : "struct ");
		break;
	case UL_TYPE_UNION:
		put(out, bare ? "" : "union ");
		break;
	case UL_TYPE_ENUM:
		put(out, bare ? "" : "enum ");
		break;
	case UL_TYPE_VOID:
		put(out, "void");
		return;
	case UL_TYPE_INT:
	case UL_TYPE_FLOAT:
	case UL_TYPE_POINTER:
	case UL_TYPE_ARRAY:
	case UL_TYPE_FUNCTION:
		break;
	}
	put(out, *type->name ? type->name : "{...}");
}

static void put_type(const struct ul_types *types, ul_type_id id, unsigned int nesting,
		     struct text *out);

static void put_parameters(const struct ul_types *types, ul_type_id id, unsigned int nesting,
			   struct text *out)
{
	struct ul_member parameter;
	put(out, "(");
	for (uint32_t i = 0; ul_types_member_at(types, id, i, &parameter) && !is_full(out); i++) {
		if (i)
			put(out, ", ");
		if (nesting >= NESTING_MAX || (!parameter.type && !*parameter.name))
			put(out, "...");
		else
			put_type(types, parameter.type, nesting + 1, out);
	}
	if (!ul_types_member_at(types, id, 0, &parameter))
		put(out, "void");
	put(out, ")");
}

/* Nests no deeper than NESTING_MAX, and stops where @p out is full. */
static void put_type(const struct ul_types *types, ul_type_id id, unsigned int nesting,
		     struct text *out)
{
	char around[TEXT_BYTES] = "";
	struct ul_type type;
	for (size_t step = 0; ul_types_get(types, id, &type); step++) {
		struct text tail = {around, sizeof(around), strlen(around)};
		const bool starred = *around == '*';
		char count[32];
		if (step >= STEPS_MAX)
			return put(out, "...");
		switch (type.kind) {
		case UL_TYPE_POINTER:
			put_front(around, '*');
			break;
		case UL_TYPE_ARRAY:
		case UL_TYPE_FUNCTION:
			if (starred) {
				put_front(around, '(');
				tail.len = strlen(around);
				put(&tail, ")");
			}
			(void)snprintf(count, sizeof(count), type.count ? "[%u]" : "[]",
				       type.count);
			if (type.kind == UL_TYPE_ARRAY)
				put(&tail, count);
			else
				put_parameters(types, id, nesting, &tail);
			break;
		case UL_TYPE_VOID:
		case UL_TYPE_INT:
		case UL_TYPE_ENUM:
		case UL_TYPE_FLOAT:
		case UL_TYPE_STRUCT:
		case UL_TYPE_UNION:
		case UL_TYPE_FORWARD:
			put_base(types, id, &type, out);
			if (*around && *around != '[')
				put(out, " ");
			return put(out, around);
		}
		id = type.target;
	}
	put(out, "?");
}

void ul_types_name(const struct ul_types *types, ul_type_id id, char *text, size_t size)
{
	struct text out = {text, size, 0};
	if (!size)
		return;
	*text = '\0';
	// Aliases answer as their target; so that flags are the target's, go there first.
	if (id < types->entries.len && types->entries.data[id].kind >= UL_ENTRY_TYPEDEF)
		id = types->entries.data[id].target;
	put_type(types, id, 0, &out);
}
