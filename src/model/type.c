// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Types of a kernel, packed: a distribution kernel has 120,000 of them with 400,000 members and
 * parameters, and a hundred modules add their own. An entry is 24 bytes, a member 16; names are
 * offsets into one blob. All of it is made once and then only read, from any thread.
 *
 * ul_types_finish() resolves typedefs and qualifiers for good: whatever refers to one refers to its
 * target from then on, and the id of a typedef answers as its target. What cannot be resolved (an
 * id that is out of range, typedefs in a ring) becomes void: input is hostile.
 *
 * Names are found by hash. Two structs of one name in one kernel do exist (drivers are not shy);
 * the first wins, and the kernel's own come before those of modules.
 */
#include "model/type.h"

#include <string.h>

#include "base/hash.h"
#include "model/type_internal.h"

enum {
	TYPES_MAX = 1 << 23,
	MEMBERS_MAX = 1 << 26,
	NAMES_MAX = 1 << 28,
	MODULES_MAX = 1 << 14,
	ALIAS_STEPS_MAX = 64, /**< typedef of const typedef of ... */
};

struct ul_types *ul_types_create(void)
{
	UL_CLEANUP_TYPES struct ul_types *types = calloc(1, sizeof(*types));
	uint32_t base;
	if (!types)
		return NULL;
	UL_CLEANUP_ERROR struct ul_error *error = ul_types_add_names(types, "", 1, &base);
	if (error || !ul_vec_add(&types->entries))
		return NULL;
	return UL_TAKE(types);
}

void ul_types_destroy(struct ul_types *types)
{
	if (!types)
		return;
	ul_vec_foreach (module, &types->modules)
		free(*module);
	ul_vec_deinit(&types->modules);
	ul_vec_deinit(&types->entries);
	ul_vec_deinit(&types->members);
	ul_vec_deinit(&types->enumerators);
	ul_vec_deinit(&types->names);
	free(types->by_name.slots);
	free(types->by_enumerator.slots);
	free(types);
}

struct ul_error *ul_types_add_names(struct ul_types *types, const char *bytes, size_t len,
				    uint32_t *ret_base)
{
	const size_t used = types->names.len;
	if (len > NAMES_MAX - 1 || used > NAMES_MAX - 1 - len)
		return ul_error_new(UL_ERR_LIMIT, "types: more than %d bytes of names", NAMES_MAX);
	if (!ul_vec_reserve(&types->names, used + len + 1))
		return &ul_enomem;
	if (len)
		memcpy(types->names.data + used, bytes, len);
	types->names.data[used + len] = '\0';
	types->names.len = used + len + 1;
	*ret_base = (uint32_t)used;
	return NULL;
}

struct ul_error *ul_types_reserve(struct ul_types *types, size_t more_types, size_t more_members,
				  size_t more_enumerators)
{
	if (more_types > TYPES_MAX || more_members > MEMBERS_MAX || more_enumerators > MEMBERS_MAX)
		return ul_error_new(UL_ERR_LIMIT, "types: %zu with %zu members", more_types,
				    more_members);
	if (!ul_vec_reserve(&types->entries, types->entries.len + more_types) ||
	    !ul_vec_reserve(&types->members, types->members.len + more_members) ||
	    !ul_vec_reserve(&types->enumerators, types->enumerators.len + more_enumerators))
		return &ul_enomem;
	return NULL;
}

struct ul_error *ul_types_begin_module(struct ul_types *types, const char *module)
{
	if (types->modules.len >= MODULES_MAX)
		return ul_error_new(UL_ERR_LIMIT, "types: more than %d modules", MODULES_MAX);
	UL_CLEANUP_FREE char *copy = strdup(module);
	if (!copy || !ul_vec_push(&types->modules, copy))
		return &ul_enomem;
	(void)UL_TAKE(copy);
	return NULL;
}

struct ul_error *ul_types_add(struct ul_types *types, const struct ul_type_entry *entry)
{
	if (types->entries.len >= TYPES_MAX)
		return ul_error_new(UL_ERR_LIMIT, "types: more than %d", TYPES_MAX);
	const bool of_enum = entry->kind == UL_TYPE_ENUM;
	const struct ul_types_entry packed = {
		.name = entry->name < types->names.len ? entry->name : 0,
		.target = entry->target,
		.count = entry->kind == UL_TYPE_ARRAY ? entry->count : 0,
		.first = (uint32_t)(of_enum ? types->enumerators.len : types->members.len),
		.bytes = entry->bytes < UINT32_MAX ? (uint32_t)entry->bytes : UINT32_MAX,
		.kind = (uint8_t)entry->kind,
		.flags = (uint8_t)((entry->is_signed ? UL_ENTRY_SIGNED : 0) |
				   (entry->is_char ? UL_ENTRY_CHAR : 0)),
		.int_bits = (uint8_t)(entry->int_bits < UINT8_MAX ? entry->int_bits : 0),
		.reserved = 0,
		.module = (uint16_t)types->modules.len,
	};
	return ul_vec_push(&types->entries, packed) ? NULL : &ul_enomem;
}

struct ul_error *ul_types_add_member(struct ul_types *types, uint32_t name, ul_type_id type,
				     uint32_t offset_bits, uint8_t bits)
{
	if (types->members.len >= MEMBERS_MAX)
		return ul_error_new(UL_ERR_LIMIT, "types: more than %d members", MEMBERS_MAX);
	const struct ul_types_member member = {
		.name = name < types->names.len ? name : 0,
		.type = type,
		.offset_bits = offset_bits,
		.bits = bits,
	};
	if (!ul_vec_push(&types->members, member))
		return &ul_enomem;
	types->entries.data[types->entries.len - 1].count++;
	return NULL;
}

struct ul_error *ul_types_add_enumerator(struct ul_types *types, uint32_t name, int64_t value)
{
	if (types->enumerators.len >= MEMBERS_MAX)
		return ul_error_new(UL_ERR_LIMIT, "types: more than %d enumerators", MEMBERS_MAX);
	const struct ul_types_enumerator enumerator = {
		.name = name < types->names.len ? name : 0,
		.value = value,
	};
	if (!ul_vec_push(&types->enumerators, enumerator))
		return &ul_enomem;
	types->entries.data[types->entries.len - 1].count++;
	return NULL;
}

void ul_types_complete(struct ul_types *types, ul_type_id id, ul_type_id target)
{
	if (id < types->finished_entries || id >= types->entries.len)
		return;
	struct ul_types_entry *entry = &types->entries.data[id];
	if (entry->kind != UL_TYPE_FORWARD && (entry->kind != UL_TYPE_ENUM || entry->count))
		return;
	entry->kind = UL_ENTRY_QUALIFIER;
	entry->target = target;
}

static bool is_alias(const struct ul_types_entry *entry)
{
	return entry->kind >= UL_ENTRY_TYPEDEF;
}

/* What @p id stands for: itself, or what a chain of aliases ends at. */
static ul_type_id resolve(const struct ul_types *types, ul_type_id id)
{
	for (size_t step = 0; step < ALIAS_STEPS_MAX && id < types->entries.len; step++) {
		const struct ul_types_entry *entry = &types->entries.data[id];
		if (!is_alias(entry))
			return id;
		if (entry->kind == UL_ENTRY_NONE)
			return 0;
		id = entry->target;
	}
	return 0;
}

/* An anonymous struct, union or enum goes by the name of its first typedef. */
static void name_by_typedef(struct ul_types *types, const struct ul_types_entry *alias)
{
	struct ul_types_entry *target = &types->entries.data[alias->target];
	const bool can = target->kind == UL_TYPE_STRUCT || target->kind == UL_TYPE_UNION ||
			 target->kind == UL_TYPE_ENUM;
	if (!can || target->name)
		return;
	target->name = alias->name;
	target->flags |= UL_ENTRY_NAMED_BY_TYPEDEF;
}

/* Of the entries and members that are new since the last time. */
static void resolve_new(struct ul_types *types)
{
	// Aliases first: their targets then need a single step. A chain may shorten underway; it
	// ends at the same place.
	for (size_t i = types->finished_entries; i < types->entries.len; i++) {
		struct ul_types_entry *entry = &types->entries.data[i];
		if (is_alias(entry))
			entry->target =
				entry->kind == UL_ENTRY_NONE ? 0 : resolve(types, entry->target);
	}
	for (size_t i = types->finished_entries; i < types->entries.len; i++) {
		struct ul_types_entry *entry = &types->entries.data[i];
		if (entry->kind == UL_ENTRY_TYPEDEF)
			name_by_typedef(types, entry);
		else if (!is_alias(entry))
			entry->target = resolve(types, entry->target);
	}
	for (size_t i = types->finished_members; i < types->members.len; i++)
		types->members.data[i].type = resolve(types, types->members.data[i].type);
}

static uint32_t hash_name(int kind, const char *name)
{
	return (uint32_t)ul_hash_bytes((uint64_t)kind, name, strlen(name)) | 1;
}

/* Room for @p more names; *@p ret_rebuilt: the table is new and empty. */
static bool names_reserve(struct ul_types_names *names, size_t more, size_t all, bool *ret_rebuilt)
{
	size_t slots = 16;
	*ret_rebuilt = false;
	if (names->slots && (names->used + more) * 2 <= names->mask + 1)
		return true;
	// Modules come later: room for them, too.
	while (slots < all * 2 + all / 4)
		slots *= 2;
	free(names->slots);
	*names = (struct ul_types_names){.slots = calloc(slots, sizeof(*names->slots)),
					 .mask = slots - 1};
	*ret_rebuilt = true;
	return names->slots;
}

static bool is_indexed(const struct ul_types_entry *entry)
{
	switch (entry->kind) {
	case UL_ENTRY_TYPEDEF:
	case UL_ENTRY_FUNCTION:
	case UL_ENTRY_VARIABLE:
	case UL_TYPE_INT:
	case UL_TYPE_ENUM:
	case UL_TYPE_FLOAT:
	case UL_TYPE_STRUCT:
	case UL_TYPE_UNION:
	case UL_TYPE_FORWARD:
		return entry->name != 0;
	default:
		return false;
	}
}

/* The slot of the entry of that kind and name, or the empty one where it belongs. */
static struct ul_types_slot *entry_slot(const struct ul_types *types, int kind, const char *name,
					uint32_t hash)
{
	for (size_t i = hash >> 1;; i++) {
		struct ul_types_slot *slot = &types->by_name.slots[i & types->by_name.mask];
		if (!slot->hash)
			return slot;
		if (slot->hash != hash)
			continue;
		const struct ul_types_entry *entry = &types->entries.data[slot->index];
		if (entry->kind == kind && !strcmp(types->names.data + entry->name, name))
			return slot;
	}
}

static struct ul_types_slot *enumerator_slot(const struct ul_types *types, const char *name,
					     uint32_t hash)
{
	for (size_t i = hash >> 1;; i++) {
		struct ul_types_slot *slot =
			&types->by_enumerator.slots[i & types->by_enumerator.mask];
		if (!slot->hash)
			return slot;
		const uint32_t offset = types->enumerators.data[slot->index].name;
		if (slot->hash == hash && !strcmp(types->names.data + offset, name))
			return slot;
	}
}

static void index_entries(struct ul_types *types, size_t from)
{
	for (size_t i = from; i < types->entries.len; i++) {
		const struct ul_types_entry *entry = &types->entries.data[i];
		if (!is_indexed(entry))
			continue;
		const char *name = types->names.data + entry->name;
		const uint32_t hash = hash_name(entry->kind, name);
		struct ul_types_slot *slot = entry_slot(types, entry->kind, name, hash);
		if (slot->hash)
			continue;
		*slot = (struct ul_types_slot){hash, (uint32_t)i};
		types->by_name.used++;
	}
}

static void index_enumerators(struct ul_types *types, size_t from)
{
	for (size_t i = from; i < types->enumerators.len; i++) {
		const char *name = types->names.data + types->enumerators.data[i].name;
		const uint32_t hash = hash_name(0, name);
		struct ul_types_slot *slot = enumerator_slot(types, name, hash);
		if (slot->hash)
			continue;
		*slot = (struct ul_types_slot){hash, (uint32_t)i};
		types->by_enumerator.used++;
	}
}

struct ul_error *ul_types_finish(struct ul_types *types)
{
	const size_t new_enumerators = types->enumerators.len - types->finished_enumerators;
	size_t named = 0;
	size_t all = 0;
	bool rebuilt;
	resolve_new(types);
	for (size_t i = 0; i < types->entries.len; i++) {
		all += is_indexed(&types->entries.data[i]);
		if (i == types->finished_entries)
			named = 0;
		named += is_indexed(&types->entries.data[i]);
	}
	if (!names_reserve(&types->by_name, named, all, &rebuilt))
		return &ul_enomem;
	index_entries(types, rebuilt ? 0 : types->finished_entries);
	if (!names_reserve(&types->by_enumerator, new_enumerators, types->enumerators.len,
			   &rebuilt))
		return &ul_enomem;
	index_enumerators(types, rebuilt ? 0 : types->finished_enumerators);
	types->finished_entries = types->entries.len;
	types->finished_members = types->members.len;
	types->finished_enumerators = types->enumerators.len;
	return NULL;
}

size_t ul_types_len(const struct ul_types *types)
{
	return types->entries.len;
}

/* The entry that @p id stands for; NULL when there is no such type. */
static const struct ul_types_entry *entry_of(const struct ul_types *types, ul_type_id id)
{
	if (id >= types->entries.len)
		return NULL;
	const struct ul_types_entry *entry = &types->entries.data[id];
	return is_alias(entry) ? &types->entries.data[entry->target] : entry;
}

ul_type_id ul_types_resolve(const struct ul_types *types, ul_type_id id)
{
	if (id >= types->entries.len)
		return 0;
	const struct ul_types_entry *entry = &types->entries.data[id];
	return is_alias(entry) ? entry->target : id;
}

/* Bytes of an array: of its innermost element times all its counts; 0 where that overflows. */
static uint64_t array_bytes(const struct ul_types *types, const struct ul_types_entry *array)
{
	uint64_t bytes = 1;
	for (size_t step = 0; step < ALIAS_STEPS_MAX; step++) {
		if (array->kind != UL_TYPE_ARRAY)
			return __builtin_mul_overflow(bytes, array->bytes, &bytes) ? 0 : bytes;
		if (__builtin_mul_overflow(bytes, array->count, &bytes))
			return 0;
		array = &types->entries.data[array->target];
	}
	return 0;
}

bool ul_types_get(const struct ul_types *types, ul_type_id id, struct ul_type *ret)
{
	const struct ul_types_entry *entry = entry_of(types, id);
	if (!entry)
		return false;
	*ret = (struct ul_type){
		.kind = (enum ul_type_kind)entry->kind,
		.name = types->names.data + entry->name,
		.module = entry->module ? types->modules.data[entry->module - 1] : NULL,
		.bytes = entry->kind == UL_TYPE_ARRAY ? array_bytes(types, entry) : entry->bytes,
		.target = entry->target,
		.count = entry->count,
		.is_signed = entry->flags & UL_ENTRY_SIGNED,
		.is_char = entry->flags & UL_ENTRY_CHAR,
	};
	return true;
}

bool ul_types_member_at(const struct ul_types *types, ul_type_id id, uint32_t index,
			struct ul_member *ret)
{
	const struct ul_types_entry *entry = entry_of(types, id);
	const bool has_members =
		entry && (entry->kind == UL_TYPE_STRUCT || entry->kind == UL_TYPE_UNION ||
			  entry->kind == UL_TYPE_FUNCTION);
	if (!has_members || index >= entry->count)
		return false;
	const struct ul_types_member *member = &types->members.data[entry->first + index];
	const struct ul_types_entry *type = &types->entries.data[member->type];
	*ret = (struct ul_member){
		.name = types->names.data + member->name,
		.type = member->type,
		.offset_bits = member->offset_bits,
		.bits = member->bits,
	};
	if (!ret->bits && type->kind == UL_TYPE_INT)
		ret->bits = type->int_bits;
	return true;
}

static ul_type_id find_entry(const struct ul_types *types, int kind, const char *name)
{
	const struct ul_types_slot *slot = entry_slot(types, kind, name, hash_name(kind, name));
	return slot->hash ? slot->index : 0;
}

ul_type_id ul_types_find(const struct ul_types *types, enum ul_type_kind kind, const char *name)
{
	if (kind != UL_TYPE_FUNCTION)
		return find_entry(types, (int)kind, name);
	return types->entries.data[find_entry(types, UL_ENTRY_FUNCTION, name)].target;
}

bool ul_types_function_at(const struct ul_types *types, ul_type_id id, struct ul_type_function *ret)
{
	if (id >= types->entries.len || types->entries.data[id].kind != UL_ENTRY_FUNCTION)
		return false;
	const struct ul_types_entry *entry = &types->entries.data[id];
	*ret = (struct ul_type_function){
		.name = types->names.data + entry->name,
		.module = entry->module ? types->modules.data[entry->module - 1] : NULL,
		.prototype = entry->target,
	};
	return true;
}

ul_type_id ul_types_find_typedef(const struct ul_types *types, const char *name)
{
	return types->entries.data[find_entry(types, UL_ENTRY_TYPEDEF, name)].target;
}

ul_type_id ul_types_find_variable(const struct ul_types *types, const char *name)
{
	return types->entries.data[find_entry(types, UL_ENTRY_VARIABLE, name)].target;
}

bool ul_types_enumerator(const struct ul_types *types, const char *name, int64_t *ret)
{
	const struct ul_types_slot *slot = enumerator_slot(types, name, hash_name(0, name));
	if (!slot->hash)
		return false;
	*ret = types->enumerators.data[slot->index].value;
	return true;
}

uint32_t ul_types_sizeof(const struct ul_types *types, const char *name)
{
	ul_type_id id = ul_types_find(types, UL_TYPE_STRUCT, name);
	if (!id)
		id = ul_types_find(types, UL_TYPE_UNION, name);
	return types->entries.data[id].bytes;
}
