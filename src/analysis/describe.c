// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An object told member by member. Structs within it are laid out to a small depth, with dotted
 * names; what is zero is left out and counted, for most of most structs is. A pointer is told by
 * what it leads to: a function or variable, an object of a cache, and where the declared type is
 * one that has an identity (identify.c), by that. Of a union the first member stands for all: which
 * one is in use nobody knows.
 */
#include "analysis/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	DEPTH_MAX = 4,
	MEMBERS_MAX = 100,
	BYTES_MAX = 65536,
	NAME_BYTES = 128,
	VALUE_BYTES = 480,
	TEXT_BYTES = 80,
	ELEMENTS_SHOWN = 4,
	WORD = 8,
};

/* A struct or union being told. */
struct level {
	ul_type_id type;
	uint32_t next;
	uint64_t offset;
	size_t name_len; /* of what stands before its members' names */
	bool first_only; /* a union */
};

struct describer {
	struct ul_image *image;
	const struct ul_heap *heap;
	const struct ul_typeid *typeid;
	uint64_t kaddr;
	uint8_t *bytes;
	size_t len;
	char name[NAME_BYTES];
	const char *type_name; /* of the whole struct */
	struct ul_described *ret;
};

static uint64_t number_at(const struct describer *d, uint64_t offset, uint64_t bytes)
{
	uint64_t value = 0;
	if (bytes <= sizeof(value) && offset + bytes <= d->len)
		memcpy(&value, d->bytes + offset, (size_t)bytes);
	return value;
}

static bool is_zero(const struct describer *d, uint64_t offset, uint64_t bytes)
{
	for (uint64_t i = offset; i < offset + bytes && i < d->len; i++)
		if (d->bytes[i])
			return false;
	return true;
}

/* Text in quotes, as far as it is printable; false when it is none. */
static bool put_text(const char *bytes, size_t len, char *text, size_t size)
{
	size_t at = 0;
	size_t i = 0;
	text[at++] = '"';
	for (; i < len && bytes[i] && at + 4 < size; i++) {
		if (bytes[i] == '\n') {
			text[at++] = '\\';
			text[at++] = 'n';
		} else if (bytes[i] == '\t') {
			text[at++] = '\\';
			text[at++] = 't';
		} else if (bytes[i] >= ' ' && bytes[i] <= '~') {
			text[at++] = bytes[i];
		} else {
			return false;
		}
	}
	text[at++] = '"';
	text[at] = '\0';
	return i;
}

static bool is_char(const struct ul_types *types, ul_type_id id)
{
	struct ul_type type;
	return ul_types_get(types, id, &type) && type.kind == UL_TYPE_INT && type.bytes == 1 &&
	       (type.is_char || !strcmp(type.name, "char"));
}

static bool put_pointed_text(const struct describer *d, uint64_t value, char *text, size_t size)
{
	char bytes[TEXT_BYTES];
	size_t got = 0;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(d->image->memory, value, bytes, sizeof(bytes), &got);
	return !error && got && put_text(bytes, got, text, size);
}

/* "kmalloc-4k+0x10 (free)", "schedstat_sops [mod]", "0xffff..." */
static void put_place(const struct describer *d, uint64_t value, char *text, size_t size)
{
	struct ul_symbol symbol;
	struct ul_heap_hit hit;
	if (d->image->symtab && ul_symtab_lookup(d->image->symtab, value, &symbol)) {
		char offset[24] = "";
		if (symbol.offset)
			(void)snprintf(offset, sizeof(offset), "+0x%" PRIx64, symbol.offset);
		(void)snprintf(text, size, symbol.module ? "%.100s%s [%.60s]" : "%.100s%s",
			       symbol.name, offset, symbol.module);
		return;
	}
	if (d->heap && ul_heap_find(d->heap, value, &hit)) {
		char offset[24] = "";
		if (hit.offset)
			(void)snprintf(offset, sizeof(offset), "+0x%" PRIx64, hit.offset);
		(void)snprintf(text, size, "0x%" PRIx64 " (%.60s%s%s)", value,
			       ul_heap_block_name(d->heap, hit.block), offset,
			       hit.allocated ? "" : ", free");
		return;
	}
	(void)snprintf(text, size, "0x%" PRIx64, value);
}

static void put_pointer(const struct describer *d, ul_type_id target, uint64_t value, char *text,
			size_t size)
{
	char identity[UL_IDENTITY_BYTES] = "";
	struct ul_heap_hit hit;
	struct ul_type type;
	put_place(d, value, text, size);
	const size_t len = strlen(text);
	if (!ul_identify_owned(d->image, d->type_name, d->name, d->kaddr, value)) {
		(void)snprintf(text + len, size - len, " no longer its own");
		return;
	}
	// What the object is known to be says more than what the pointer is declared to be.
	if (d->heap && d->typeid && ul_heap_find(d->heap, value, &hit) && !hit.offset) {
		const ul_type_id known = ul_typeid_of(d->typeid, hit.object);
		target = known ? known : target;
	}
	if (is_char(d->image->types, target)) {
		char quoted[TEXT_BYTES + 8];
		if (put_pointed_text(d, value, quoted, sizeof(quoted)))
			(void)snprintf(text + len, size - len, " %s", quoted);
		return;
	}
	if (ul_types_get(d->image->types, target, &type) && type.kind == UL_TYPE_STRUCT &&
	    ul_identify(d->image, target, value, identity))
		(void)snprintf(text + len, size - len, " %s", identity);
}

static void put_integer(const struct ul_type *type, uint64_t value, char *text, size_t size)
{
	const unsigned int bits = (unsigned int)type->bytes * 8;
	if (type->is_signed && bits && bits < 64 && value >> (bits - 1) & 1)
		value |= ~0ULL << bits;
	if (type->is_signed)
		(void)snprintf(text, size, "%" PRId64, (int64_t)value);
	else if (value > 0xffffff)
		(void)snprintf(text, size, "0x%" PRIx64, value);
	else
		(void)snprintf(text, size, "%" PRIu64, value);
}

static void put_array(const struct describer *d, const struct ul_type *array, uint64_t offset,
		      char *text, size_t size)
{
	struct ul_type element;
	size_t len = 0;
	*text = '\0';
	if (is_char(d->image->types, array->target) && offset < d->len) {
		const size_t left = d->len - (size_t)offset;
		const size_t most =
			array->bytes && array->bytes < left ? (size_t)array->bytes : left;
		if (put_text((const char *)d->bytes + offset, most, text, TEXT_BYTES))
			return;
	}
	if (!ul_types_get(d->image->types, array->target, &element) || !element.bytes ||
	    element.bytes > WORD) {
		(void)snprintf(text, size, "%u elements", array->count);
		return;
	}
	for (uint32_t i = 0; i < array->count && i < ELEMENTS_SHOWN && len + 32 < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s0x%" PRIx64, i ? ", " : "",
					number_at(d, offset + i * element.bytes, element.bytes));
	if (array->count > ELEMENTS_SHOWN)
		(void)snprintf(text + len, size - len, ", ...");
}

/* A list_head says whether it is empty. */
static bool put_list(const struct describer *d, ul_type_id id, uint64_t offset, char *text,
		     size_t size)
{
	const uint64_t next = number_at(d, offset, WORD);
	if (id != ul_types_find(d->image->types, UL_TYPE_STRUCT, "list_head"))
		return false;
	if (next == d->kaddr + offset) {
		(void)snprintf(text, size, "empty");
		return true;
	}
	char place[200];
	put_place(d, next, place, sizeof(place));
	(void)snprintf(text, size, "next %s", place);
	return true;
}

static struct ul_error *add_member(struct describer *d, uint64_t offset, ul_type_id type,
				   const char *value)
{
	char type_name[96];
	if (d->ret->members.len >= MEMBERS_MAX) {
		d->ret->left_out++;
		return NULL;
	}
	struct ul_described_member *member = ul_vec_add(&d->ret->members);
	if (!member)
		return &ul_enomem;
	ul_types_name(d->image->types, type, type_name, sizeof(type_name));
	member->offset = (uint32_t)offset;
	member->name = strdup(d->name);
	member->type = strdup(type_name);
	member->value = strdup(value);
	return member->name && member->type && member->value ? NULL : &ul_enomem;
}

static struct ul_error *tell_bits(struct describer *d, const struct ul_member *member,
				  uint64_t offset_bits)
{
	char text[32];
	const uint64_t start = offset_bits / 8;
	uint64_t value = number_at(d, start, start + WORD <= d->len ? WORD : d->len - start);
	value = value >> offset_bits % 8 & (member->bits < 64 ? (1ULL << member->bits) - 1 : ~0ULL);
	if (!value) {
		d->ret->zero_members++;
		return NULL;
	}
	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	return add_member(d, start, member->type, text);
}

/* Tell a member that is not laid out further. */
static struct ul_error *tell(struct describer *d, ul_type_id id, const struct ul_type *type,
			     uint64_t offset)
{
	char text[VALUE_BYTES] = "";
	if (is_zero(d, offset, type->bytes ? type->bytes : 1)) {
		d->ret->zero_members++;
		return NULL;
	}
	switch (type->kind) {
	case UL_TYPE_POINTER:
		put_pointer(d, type->target, number_at(d, offset, WORD), text, sizeof(text));
		break;
	case UL_TYPE_INT:
	case UL_TYPE_ENUM:
		put_integer(type, number_at(d, offset, type->bytes), text, sizeof(text));
		break;
	case UL_TYPE_ARRAY:
		put_array(d, type, offset, text, sizeof(text));
		break;
	case UL_TYPE_STRUCT:
	case UL_TYPE_UNION:
		if (!put_list(d, id, offset, text, sizeof(text)))
			(void)snprintf(text, sizeof(text), "%" PRIu64 " bytes", type->bytes);
		break;
	case UL_TYPE_VOID:
	case UL_TYPE_FLOAT:
	case UL_TYPE_FUNCTION:
	case UL_TYPE_FORWARD:
		return NULL;
	}
	return add_member(d, offset, id, text);
}

/* Name of a member behind that of what it is in. */
static size_t put_name(struct describer *d, size_t at, const char *name)
{
	if (!*name) {
		d->name[at] = '\0';
		return at;
	}
	const int len = snprintf(d->name + at, sizeof(d->name) - at, "%s%s", at ? "." : "", name);
	const size_t end = at + (size_t)(len > 0 ? len : 0);
	return end < sizeof(d->name) ? end : sizeof(d->name) - 1;
}

static struct ul_error *tell_all(struct describer *d, ul_type_id type)
{
	struct level stack[DEPTH_MAX] = {{.type = type}};
	const ul_type_id list = ul_types_find(d->image->types, UL_TYPE_STRUCT, "list_head");
	size_t depth = 1;
	while (depth) {
		struct level *level = &stack[depth - 1];
		struct ul_member member;
		struct ul_type one;
		if ((level->first_only && level->next) ||
		    !ul_types_member_at(d->image->types, level->type, level->next++, &member)) {
			depth--;
			continue;
		}
		const uint64_t bits = level->offset * 8 + member.offset_bits;
		const uint64_t offset = bits / 8;
		const size_t end = put_name(d, level->name_len, member.name);
		if (offset >= d->len || !ul_types_get(d->image->types, member.type, &one))
			continue;
		if (member.bits) {
			UL_TRY(tell_bits(d, &member, bits));
			continue;
		}
		const bool compound = one.kind == UL_TYPE_STRUCT || one.kind == UL_TYPE_UNION;
		if (compound && member.type != list && depth < DEPTH_MAX &&
		    !is_zero(d, offset, one.bytes))
			stack[depth++] = (struct level){.type = member.type,
							.offset = offset,
							.name_len = end,
							.first_only = one.kind == UL_TYPE_UNION};
		else
			UL_TRY(tell(d, member.type, &one, offset));
	}
	return NULL;
}

static char *identity_of(const struct describer *d, ul_type_id type)
{
	struct ul_seq_owner owner = {0};
	struct ul_identified one;
	return ul_identify_one(d->image, d->heap, type, d->kaddr, &owner, &one) ? strdup(one.text)
										: NULL;
}

struct ul_error *ul_describe(struct ul_image *image, const struct ul_heap *heap,
			     const struct ul_typeid *typeid, ul_type_id type, uint64_t kaddr,
			     struct ul_described *ret)
{
	struct describer d = {
		.image = image, .heap = heap, .typeid = typeid, .kaddr = kaddr, .ret = ret};
	struct ul_type one;
	char name[96];
	*ret = (struct ul_described){.kaddr = kaddr};
	if (!image->types || !ul_types_get(image->types, type, &one) || one.kind != UL_TYPE_STRUCT)
		return NULL;
	const size_t len = one.bytes < BYTES_MAX ? (size_t)one.bytes : BYTES_MAX;
	UL_CLEANUP_FREE uint8_t *bytes = calloc(1, len + WORD);
	if (!bytes)
		return &ul_enomem;
	d.bytes = bytes;
	d.type_name = one.name;
	UL_TRY(ul_memory_read(image->memory, kaddr, bytes, len, &d.len));
	ul_types_name(image->types, type, name, sizeof(name));
	ret->type = strdup(name);
	ret->identity = identity_of(&d, type);
	struct ul_error *error = ret->type ? tell_all(&d, type) : &ul_enomem;
	if (error)
		ul_described_deinit(ret);
	return error;
}
