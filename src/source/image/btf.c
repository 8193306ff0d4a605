// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * BTF -> model/type, with a bounded reader of our own: the bytes come out of images that may be
 * damaged, and a table of types is wanted anyway, not libbpf's view of the bytes.
 *
 * A header gives two sections, types and strings (and, where pahole 1.31 wrote it, a third that
 * tells the sizes of kinds, so that kinds unknown here are stepped over instead of ending all). A
 * type is 12 bytes: name, info (kind, flag, number of members), size or type; members and the like
 * follow it. Ids are given by order. The BTF of a module goes on with ids and with string offsets
 * where the kernel's end ("split"); in the table modules lie one behind the other, so ids above the
 * kernel's are shifted.
 *
 * A first pass looks at everything and adds nothing: a module with damaged BTF leaves no half types
 * behind.
 */
#include "source/image/btf.h"

#include <limits.h>
#include <string.h>

enum {
	MAGIC = 0xeb9f,
	VERSION = 1,
	HEADER_BYTES = 24,	  /**< the shortest there is */
	HEADER_LAYOUT_BYTES = 32, /**< with layout_off and layout_len */
	BTF_BYTES_MAX = 256 << 20,
	KINDS = 128,
};

/* Kinds; Linux include/uapi/linux/btf.h BTF_KIND_*. */
enum kind {
	KIND_INT = 1,
	KIND_PTR = 2,
	KIND_ARRAY = 3,
	KIND_STRUCT = 4,
	KIND_UNION = 5,
	KIND_ENUM = 6,
	KIND_FWD = 7,
	KIND_TYPEDEF = 8,
	KIND_VOLATILE = 9,
	KIND_CONST = 10,
	KIND_RESTRICT = 11,
	KIND_FUNC = 12,
	KIND_FUNC_PROTO = 13,
	KIND_VAR = 14,
	KIND_DATASEC = 15,
	KIND_FLOAT = 16,
	KIND_DECL_TAG = 17,
	KIND_TYPE_TAG = 18,
	KIND_ENUM64 = 19,
};

/* Bytes that follow a type: once, and for each member. */
struct shape {
	bool known;
	uint8_t once;
	uint8_t each;
};

static const struct shape known_shapes[] = {
	[KIND_INT] = {true, 4, 0},	  [KIND_PTR] = {true, 0, 0},
	[KIND_ARRAY] = {true, 12, 0},	  [KIND_STRUCT] = {true, 0, 12},
	[KIND_UNION] = {true, 0, 12},	  [KIND_ENUM] = {true, 0, 8},
	[KIND_FWD] = {true, 0, 0},	  [KIND_TYPEDEF] = {true, 0, 0},
	[KIND_VOLATILE] = {true, 0, 0},	  [KIND_CONST] = {true, 0, 0},
	[KIND_RESTRICT] = {true, 0, 0},	  [KIND_FUNC] = {true, 0, 0},
	[KIND_FUNC_PROTO] = {true, 0, 8}, [KIND_VAR] = {true, 4, 0},
	[KIND_DATASEC] = {true, 0, 12},	  [KIND_FLOAT] = {true, 0, 0},
	[KIND_DECL_TAG] = {true, 4, 0},	  [KIND_TYPE_TAG] = {true, 0, 0},
	[KIND_ENUM64] = {true, 0, 12},
};

struct header {
	uint16_t magic;
	uint8_t version;
	uint8_t flags;
	uint32_t header_bytes;
	uint32_t types_offset, types_bytes; /* offsets are from the end of the header */
	uint32_t strings_offset, strings_bytes;
	uint32_t layout_offset, layout_bytes; /* v7.1 and later, where header_bytes has room */
};
_Static_assert(sizeof(struct header) == HEADER_LAYOUT_BYTES, "as in the file");

struct raw_type {
	uint32_t name;
	uint32_t info; /* bits 0-23 members, 24-30 kind, 31 flag */
	uint32_t size_or_type;
};

struct btf {
	struct ul_types *types;
	struct ul_span type_section;
	struct ul_span strings;
	struct shape shapes[KINDS];
	struct ul_btf_base base; /* zero: this is the kernel's */
	uint32_t names;		 /* where our strings begin in the table */
	uint32_t first;		 /* id in the table of our first type */
	uint32_t len;		 /* our types, */
	uint32_t members;	 /* their members and parameters, */
	uint32_t enumerators;
};

/* One type with what follows it. */
struct item {
	struct raw_type type;
	unsigned int kind;
	uint32_t members;
	bool flag;
	const char *more; /* what follows, its length checked */
};

static uint32_t u32_at(const char *bytes, size_t index)
{
	uint32_t word;
	memcpy(&word, bytes + index * sizeof(word), sizeof(word));
	return word;
}

static bool read_header(struct ul_span bytes, struct header *ret)
{
	struct header header = {0};
	if (bytes.len < HEADER_BYTES)
		return false;
	memcpy(&header, bytes.data, HEADER_BYTES);
	if (header.magic != MAGIC || header.version != VERSION ||
	    header.header_bytes < HEADER_BYTES || header.header_bytes > BTF_BYTES_MAX)
		return false;
	if (header.header_bytes >= HEADER_LAYOUT_BYTES && bytes.len >= HEADER_LAYOUT_BYTES)
		memcpy(&header, bytes.data, HEADER_LAYOUT_BYTES);
	*ret = header;
	return true;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t ul_btf_bytes(struct ul_span bytes)
{
	struct header header;
	if (!read_header(bytes, &header))
		return 0;
	uint64_t end = max_u64((uint64_t)header.types_offset + header.types_bytes,
			       (uint64_t)header.strings_offset + header.strings_bytes);
	end = max_u64(end, (uint64_t)header.layout_offset + header.layout_bytes);
	end += header.header_bytes;
	return end <= BTF_BYTES_MAX ? end : 0;
}

/* A section, when it lies within @p bytes. */
static bool section(struct ul_span bytes, const struct header *header, uint32_t offset,
		    uint32_t len, struct ul_span *ret)
{
	const uint64_t start = (uint64_t)header->header_bytes + offset;
	if (start > bytes.len || len > bytes.len - start)
		return false;
	*ret = (struct ul_span){bytes.data + start, len};
	return true;
}

/* What the image says of kinds we do not know; those we know are not open to debate. */
static void read_layout(struct btf *btf, struct ul_span layout)
{
	memcpy(btf->shapes, known_shapes, sizeof(known_shapes));
	for (size_t kind = 1; kind < KINDS && (kind + 1) * 4 <= layout.len; kind++)
		if (!btf->shapes[kind].known)
			btf->shapes[kind] = (struct shape){
				true,
				(uint8_t)layout.data[kind * 4],
				(uint8_t)layout.data[kind * 4 + 1],
			};
}

static struct ul_error *open_btf(struct btf *btf, struct ul_span bytes)
{
	struct header header;
	struct ul_span layout = {0};
	if (!read_header(bytes, &header))
		return ul_error_new(UL_ERR_BAD_DATA,
				    "BTF: %zu bytes do not begin with a header of version %d",
				    bytes.len, VERSION);
	if (!section(bytes, &header, header.types_offset, header.types_bytes, &btf->type_section) ||
	    !section(bytes, &header, header.strings_offset, header.strings_bytes, &btf->strings))
		return ul_error_new(UL_ERR_BAD_DATA,
				    "BTF: sections of %u and %u bytes do not fit into %zu",
				    header.types_bytes, header.strings_bytes, bytes.len);
	if (btf->strings.len && btf->strings.data[btf->strings.len - 1])
		return ul_error_new(UL_ERR_BAD_DATA, "BTF: the last string does not end");
	(void)section(bytes, &header, header.layout_offset, header.layout_bytes, &layout);
	read_layout(btf, layout);
	return NULL;
}

/* Cut the next type off @p rest; false at the end, or (@p rest is not empty then) at damage. */
static bool next_item(const struct btf *btf, struct ul_span *rest, struct item *ret)
{
	struct item item;
	if (rest->len < sizeof(item.type))
		return false;
	memcpy(&item.type, rest->data, sizeof(item.type));
	item.kind = item.type.info >> 24 & (KINDS - 1);
	item.members = item.type.info & 0xffffff;
	item.flag = item.type.info >> 31;
	item.more = rest->data + sizeof(item.type);
	const struct shape *shape = &btf->shapes[item.kind];
	const uint64_t bytes =
		sizeof(item.type) + shape->once + (uint64_t)shape->each * item.members;
	if (!shape->known || bytes > rest->len)
		return false;
	rest->data += bytes;
	rest->len -= bytes;
	*ret = item;
	return true;
}

/* Look at every type; count them. */
static struct ul_error *check_types(struct btf *btf)
{
	struct ul_span rest = btf->type_section;
	struct item item;
	while (next_item(btf, &rest, &item)) {
		btf->len++;
		// Bounded: each takes up bytes of the section.
		if (item.kind == KIND_ENUM || item.kind == KIND_ENUM64)
			btf->enumerators += item.members;
		else if (item.kind != KIND_DATASEC)
			btf->members += item.members;
	}
	if (rest.len)
		return ul_error_new(UL_ERR_BAD_DATA, "BTF: type %u at offset %#zx makes no sense",
				    btf->base.types + btf->len, btf->type_section.len - rest.len);
	return NULL;
}

/* A string offset of the BTF as one of the table's names. */
static uint32_t name_of(const struct btf *btf, uint32_t offset)
{
	if (!offset)
		return 0;
	if (offset < btf->base.strings)
		return btf->base.names + offset;
	offset -= btf->base.strings;
	return offset < btf->strings.len ? btf->names + offset : 0;
}

/* A type id of the BTF as one of the table. */
static ul_type_id type_of(const struct btf *btf, uint32_t id)
{
	if (!btf->base.types || id < btf->base.types)
		return id;
	id -= btf->base.types;
	return id < btf->len ? btf->first + id : 0;
}

static struct ul_error *add_members(const struct btf *btf, const struct item *item)
{
	for (size_t i = 0; i < item->members; i++) {
		const char *member = item->more + i * 12;
		const uint32_t offset = u32_at(member, 2);
		// With the flag, the upper byte is the number of bits of a bit field.
		UL_TRY(ul_types_add_member(btf->types, name_of(btf, u32_at(member, 0)),
					   type_of(btf, u32_at(member, 1)),
					   item->flag ? offset & 0xffffff : offset,
					   item->flag ? (uint8_t)(offset >> 24) : 0));
	}
	return NULL;
}

static struct ul_error *add_parameters(const struct btf *btf, const struct item *item)
{
	for (size_t i = 0; i < item->members; i++) {
		const char *parameter = item->more + i * 8;
		UL_TRY(ul_types_add_member(btf->types, name_of(btf, u32_at(parameter, 0)),
					   type_of(btf, u32_at(parameter, 1)), 0, 0));
	}
	return NULL;
}

static struct ul_error *add_enumerators(const struct btf *btf, const struct item *item)
{
	for (size_t i = 0; i < item->members; i++) {
		const char *one = item->more + i * (item->kind == KIND_ENUM64 ? 12 : 8);
		const uint32_t low = u32_at(one, 1);
		int64_t value;
		if (item->kind == KIND_ENUM64)
			value = (int64_t)((uint64_t)u32_at(one, 2) << 32 | low);
		else
			value = item->flag ? (int32_t)low : (int64_t)low;
		UL_TRY(ul_types_add_enumerator(btf->types, name_of(btf, u32_at(one, 0)), value));
	}
	return NULL;
}

/* Integers of fewer bits than their bytes have: how bit fields looked before the flag. */
static void fill_integer(const struct item *item, struct ul_type_entry *entry)
{
	const uint32_t encoding = u32_at(item->more, 0);
	const uint32_t bits = encoding & 0xff;
	entry->bytes = item->type.size_or_type;
	entry->is_signed = encoding >> 24 & 1;
	entry->is_char = encoding >> 24 & 2;
	if (bits < entry->bytes * CHAR_BIT)
		entry->int_bits = bits;
}

static void fill(const struct btf *btf, const struct item *item, struct ul_type_entry *entry)
{
	entry->kind = UL_ENTRY_NONE;
	entry->name = name_of(btf, item->type.name);
	switch ((enum kind)item->kind) {
	case KIND_INT:
		entry->kind = UL_TYPE_INT;
		fill_integer(item, entry);
		break;
	case KIND_PTR:
		entry->kind = UL_TYPE_POINTER;
		entry->bytes = sizeof(uint64_t);
		entry->target = type_of(btf, item->type.size_or_type);
		break;
	case KIND_ARRAY:
		entry->kind = UL_TYPE_ARRAY;
		entry->target = type_of(btf, u32_at(item->more, 0));
		entry->count = u32_at(item->more, 2);
		break;
	case KIND_STRUCT:
	case KIND_UNION:
		entry->kind = item->kind == KIND_STRUCT ? UL_TYPE_STRUCT : UL_TYPE_UNION;
		entry->bytes = item->type.size_or_type;
		break;
	case KIND_ENUM:
	case KIND_ENUM64:
		entry->kind = UL_TYPE_ENUM;
		entry->bytes = item->type.size_or_type;
		entry->is_signed = item->flag;
		break;
	case KIND_FWD:
		entry->kind = UL_TYPE_FORWARD;
		break;
	case KIND_FLOAT:
		entry->kind = UL_TYPE_FLOAT;
		entry->bytes = item->type.size_or_type;
		break;
	case KIND_FUNC_PROTO:
		entry->kind = UL_TYPE_FUNCTION;
		entry->target = type_of(btf, item->type.size_or_type);
		break;
	case KIND_TYPEDEF:
		entry->kind = UL_ENTRY_TYPEDEF;
		entry->target = type_of(btf, item->type.size_or_type);
		break;
	case KIND_VOLATILE:
	case KIND_CONST:
	case KIND_RESTRICT:
	case KIND_TYPE_TAG:
		entry->kind = UL_ENTRY_QUALIFIER;
		entry->target = type_of(btf, item->type.size_or_type);
		break;
	case KIND_FUNC:
		entry->kind = UL_ENTRY_FUNCTION;
		entry->target = type_of(btf, item->type.size_or_type);
		break;
	case KIND_VAR:
		entry->kind = UL_ENTRY_VARIABLE;
		entry->target = type_of(btf, item->type.size_or_type);
		break;
	case KIND_DATASEC:
	case KIND_DECL_TAG:
		break;
	}
}

static struct ul_error *add_item(const struct btf *btf, const struct item *item)
{
	struct ul_type_entry entry = {0};
	fill(btf, item, &entry);
	UL_TRY(ul_types_add(btf->types, &entry));
	if (entry.kind == UL_TYPE_STRUCT || entry.kind == UL_TYPE_UNION)
		return add_members(btf, item);
	if (entry.kind == UL_TYPE_FUNCTION)
		return add_parameters(btf, item);
	if (entry.kind == UL_TYPE_ENUM)
		return add_enumerators(btf, item);
	return NULL;
}

static struct ul_error *add_all(struct btf *btf)
{
	struct ul_span rest = btf->type_section;
	struct item item;
	UL_TRY(ul_types_add_names(btf->types, btf->strings.data, btf->strings.len, &btf->names));
	UL_TRY(ul_types_reserve(btf->types, btf->len, btf->members, btf->enumerators));
	btf->first = (uint32_t)ul_types_len(btf->types);
	while (next_item(btf, &rest, &item))
		UL_TRY(add_item(btf, &item));
	return NULL;
}

struct ul_error *ul_btf_load(struct ul_types *types, struct ul_span bytes,
			     struct ul_btf_base *ret_base)
{
	struct btf btf = {.types = types};
	UL_TRY(open_btf(&btf, bytes));
	UL_TRY(check_types(&btf));
	UL_TRY(add_all(&btf));
	*ret_base = (struct ul_btf_base){
		.types = btf.len + 1,
		.strings = (uint32_t)btf.strings.len,
		.names = btf.names,
	};
	return NULL;
}

struct ul_error *ul_btf_load_module(struct ul_types *types, struct ul_span bytes,
				    const char *module, const struct ul_btf_base *base)
{
	struct btf btf = {.types = types, .base = *base};
	UL_TRY(open_btf(&btf, bytes));
	UL_TRY(check_types(&btf));
	UL_TRY(ul_types_begin_module(types, module));
	return add_all(&btf);
}
