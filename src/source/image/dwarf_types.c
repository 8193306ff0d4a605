// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DWARF -> model/type, with libdw.
 *
 * Every compilation unit describes all types it uses anew: the 2,172 units of Debian's 6.1 describe
 * 922,357 times one of 11,109 named structs, unions, enums and typedefs. pahole turns all of them
 * into BTF and then removes what is double. Here what is double is never made: a struct, enum,
 * typedef, function or variable is known by what declares it (kind, name, size, line and column),
 * and only the first one is read. The file is not looked at: libdw knows it by index in a table of
 * lines for each unit, and reading those costs more than all the rest. What would be
 * mixed up for it has the same name, size, line and column in two files; none of the 922,357 was.
 *
 * What has no name (structs within structs, prototypes) belongs to the one thing that holds it;
 * pointers and arrays are known by their targets. Qualifiers are nothing and need no type.
 *
 * Types get their ids when they are first met, and are filled in that order: a queue instead of
 * recursion. A chain of pointers and arrays is followed to its end and wrapped on the way back.
 *
 * A struct that is only declared stands for the one struct of that name in the whole kernel; where
 * there are several it stays what it is, since nothing says which.
 *
 * Left out, as pahole does for the kernel: Rust; functions that exist inlined only. Left out, too:
 * what is declared within the body of a function (its descriptions are most of the bytes and hardly
 * ever types of memory that is allocated). What dwz put into a file beside this one is read where
 * libdw finds that (DWARF 4); else references lead nowhere, and are counted.
 *
 * Bytes are believed nothing. libdw checks what it decodes; here the ways are bounded that lead
 * through it: bytes stepped over (as a multiple of what there are), types, members, names, depth.
 */
#include "source/image/dwarf_types.h"

#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/vec.h"
#include "source/image/dwarf_internal.h"

enum {
	/* Debian's 6.1: 149,789 types. */
	DWARF_TYPES_MAX = 1 << 21,
	DWARF_MEMBERS_MAX = 1 << 23,
	DWARF_NAMES_MAX = 1 << 26,
	UNITS_MAX = 1 << 17,
	DEPTH_MAX = 64,	   /**< pointer to array of pointer to ... */
	ORIGIN_STEPS = 4,  /**< from a function's code to where its name is */
	STEPS_FACTOR = 32, /**< bytes stepped over, for each byte of a unit */
	STEPS_MIN = 1 << 20,
};

/* ---- the walk ---- */

/** A type that has its id and waits for its turn. */
struct pending {
	int kind; /**< enum ul_type_kind or enum ul_type_entry_kind */
	ul_type_id target;
	uint32_t count;
	Dwarf_Die die; /**< of pointers and arrays: not used */
};

/** A struct, union or enum of which only the name is known. */
struct forward {
	uint64_t key;
	ul_type_id id;
};

struct walk {
	struct ul_types *types;
	struct ul_map declared; /**< what declares it -> id */
	struct ul_map places;	/**< address of what describes it -> id */
	struct ul_map wrapped;	/**< kind, target and count of a pointer or array -> id */
	struct ul_map complete; /**< kind and name of a struct, union or enum -> id; AMBIGUOUS */
	UL_VEC(struct forward) forwards;
	UL_VEC(struct pending) queue;
	size_t filled; /**< of the queue */
	ul_type_id next;
	uint64_t members;
	uint64_t name_bytes;
	uint64_t unit_bytes; /**< of the unit that is being looked at */
	uint64_t steps;	     /**< bytes that may still be stepped over */
	uint64_t astray;     /**< references that lead nowhere, members that make no sense */
};

enum { AMBIGUOUS = UINT32_MAX };

static void walk_deinit(struct walk *walk)
{
	ul_map_deinit(&walk->declared);
	ul_map_deinit(&walk->places);
	ul_map_deinit(&walk->wrapped);
	ul_map_deinit(&walk->complete);
	ul_vec_deinit(&walk->forwards);
	ul_vec_deinit(&walk->queue);
}

/* Costs @p bytes; false when that is more than there is left. */
static bool step(struct walk *walk, uint64_t bytes)
{
	walk->steps -= bytes < walk->steps ? bytes : walk->steps;
	return walk->steps;
}

static bool first_child(struct walk *walk, Dwarf_Die *die, Dwarf_Die *ret)
{
	return step(walk, 1) && !dwarf_child(die, ret);
}

/*
 * The next child; false at the end. Forwards only, whatever DW_AT_sibling says. What lies below the
 * last one is stepped over, too, and libdw does not say how much that was: the unit at most.
 */
static bool next_child(struct walk *walk, Dwarf_Die *die)
{
	Dwarf_Die next;
	const uint64_t skipped = dwarf_haschildren(die) > 0 ? walk->unit_bytes : 1;
	if (!walk->steps)
		return false;
	if (dwarf_siblingof(die, &next) || (const char *)next.addr <= (const char *)die->addr) {
		(void)step(walk, skipped);
		return false;
	}
	const bool more = step(walk, (uint64_t)((const char *)next.addr - (const char *)die->addr));
	*die = next;
	return more;
}

static void read_facts(struct walk *walk, Dwarf_Die *die, struct ul_dwarf_facts *ret)
{
	ul_dwarf_facts_read(die, ret);
	walk->astray += ret->name_lost;
	// Names lie elsewhere and may be long.
	(void)step(walk, strlen(ret->name));
}

/* What @p reference refers to; false when that is not to be had. */
static bool follow(struct walk *walk, Dwarf_Attribute *reference, Dwarf_Die *ret)
{
	if (dwarf_formref_die(reference, ret) && step(walk, 1))
		return true;
	walk->astray++;
	return false;
}

static struct ul_error *add_name(struct walk *walk, const char *name, uint32_t *ret)
{
	const size_t len = strlen(name);
	*ret = 0;
	if (!len)
		return NULL;
	walk->name_bytes += len + 1;
	if (walk->name_bytes > DWARF_NAMES_MAX)
		return ul_error_new(UL_ERR_LIMIT, "DWARF: more than %d bytes of names",
				    DWARF_NAMES_MAX);
	return ul_types_add_names(walk->types, name, len, ret);
}

/* ---- ids ---- */

static struct ul_error *new_type(struct walk *walk, struct pending what, ul_type_id *ret)
{
	if (walk->next >= DWARF_TYPES_MAX)
		return ul_error_new(UL_ERR_LIMIT, "DWARF: more than %d types", DWARF_TYPES_MAX);
	if (!ul_vec_push(&walk->queue, what))
		return &ul_enomem;
	*ret = walk->next++;
	return NULL;
}

/* Two names of 64 bits that are alike: once in 10^9 kernels; then one would be taken for another.
 */
static uint64_t key_of_name(int tag, const char *name)
{
	return ul_hash_bytes((uint64_t)tag, name, strlen(name)) | 1;
}

/* An enum without a name, too, is declared: it goes by its first value. */
static const char *name_to_know(struct walk *walk, Dwarf_Die *die, int tag,
				const struct ul_dwarf_facts *facts)
{
	Dwarf_Die child;
	if (*facts->name || tag != DW_TAG_enumeration_type || !first_child(walk, die, &child))
		return facts->name;
	struct ul_dwarf_facts first;
	read_facts(walk, &child, &first);
	return first.name;
}

/* The first full struct, union or enum of a name, or that there is more than one. */
static struct ul_error *note_complete(struct walk *walk, int tag, const char *name, ul_type_id id)
{
	const uint64_t key = key_of_name(tag, name);
	const bool known = ul_map_find(&walk->complete, key);
	return ul_map_put(&walk->complete, key, known ? (uint32_t)AMBIGUOUS : id) ? NULL
										  : &ul_enomem;
}

/* The id of what @p facts declare: the same as before, or a new one. */
static struct ul_error *declare(struct walk *walk, int kind, int tag, const Dwarf_Die *die,
				const char *name, const struct ul_dwarf_facts *facts,
				ul_type_id *ret)
{
	uint64_t key = ul_hash_u64(key_of_name(tag, name), facts->line << 32 ^ facts->column);
	key = ul_hash_u64(key, facts->bytes << 8 ^ facts->encoding) | 1;
	const uint32_t *known = ul_map_find(&walk->declared, key);
	if (known) {
		*ret = *known;
		return NULL;
	}
	UL_TRY(new_type(walk, (struct pending){.kind = kind, .die = *die}, ret));
	if (!ul_map_put(&walk->declared, key, *ret))
		return &ul_enomem;
	if (kind == UL_TYPE_STRUCT || kind == UL_TYPE_UNION || kind == UL_TYPE_ENUM)
		return note_complete(walk, tag, name, *ret);
	return NULL;
}

/* The id of a struct, union or enum that is only declared. */
static struct ul_error *declare_forward(struct walk *walk, int tag, const Dwarf_Die *die,
					const char *name, ul_type_id *ret)
{
	const struct ul_dwarf_facts none = {.name = name};
	const ul_type_id before = walk->next;
	const int kind = tag == DW_TAG_enumeration_type ? UL_TYPE_ENUM : UL_TYPE_FORWARD;
	UL_TRY(declare(walk, kind, -tag, die, name, &none, ret));
	if (*ret != before)
		return NULL;
	const struct forward forward = {key_of_name(tag, name), *ret};
	return ul_vec_push(&walk->forwards, forward) ? NULL : &ul_enomem;
}

/* Of the kinds that are declared or described; UL_ENTRY_NONE: of none. */
static int kind_of_tag(int tag)
{
	switch (tag) {
	case DW_TAG_base_type:
		return UL_TYPE_INT;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return UL_TYPE_STRUCT;
	case DW_TAG_union_type:
		return UL_TYPE_UNION;
	case DW_TAG_enumeration_type:
		return UL_TYPE_ENUM;
	case DW_TAG_typedef:
		return UL_ENTRY_TYPEDEF;
	case DW_TAG_subroutine_type:
		return UL_TYPE_FUNCTION;
	default:
		return UL_ENTRY_NONE;
	}
}

/* The id of what is neither pointer nor array nor qualifier. */
static struct ul_error *describe(struct walk *walk, Dwarf_Die *die, int tag,
				 const struct ul_dwarf_facts *facts, ul_type_id *ret)
{
	const int kind = kind_of_tag(tag);
	*ret = 0;
	if (kind == UL_ENTRY_NONE)
		return NULL;
	if (facts->declaration && kind != UL_ENTRY_TYPEDEF)
		return declare_forward(walk, tag, die, facts->name, ret);
	const char *name = name_to_know(walk, die, tag, facts);
	if (*name)
		return declare(walk, kind, tag, die, name, facts, ret);
	return new_type(walk, (struct pending){.kind = kind, .die = *die}, ret);
}

/* ---- pointers, arrays, qualifiers ---- */

struct wrapper {
	uint64_t place;
	int kind; /**< UL_ENTRY_QUALIFIER: the same as what it wraps */
	uint32_t count;
};

static bool is_wrapper(int tag)
{
	switch (tag) {
	case DW_TAG_pointer_type:
	case DW_TAG_array_type:
	case DW_TAG_const_type:
	case DW_TAG_volatile_type:
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type:
		return true;
	default:
		return false;
	}
}

/* Of all dimensions: an array of arrays is one array, as pahole has it. */
static uint32_t array_count(struct walk *walk, Dwarf_Die *array)
{
	uint64_t count = 1;
	bool any = false;
	Dwarf_Die child;
	for (bool more = first_child(walk, array, &child); more; more = next_child(walk, &child)) {
		if (dwarf_tag(&child) != DW_TAG_subrange_type)
			continue;
		any = true;
		if (__builtin_mul_overflow(count, ul_dwarf_elements(&child), &count) ||
		    count > UINT32_MAX)
			return 0;
	}
	return any ? (uint32_t)count : 0;
}

static struct wrapper read_wrapper(struct walk *walk, Dwarf_Die *die, int tag)
{
	struct wrapper wrapper = {.place = (uintptr_t)die->addr, .kind = UL_ENTRY_QUALIFIER};
	if (tag == DW_TAG_pointer_type)
		wrapper.kind = UL_TYPE_POINTER;
	if (tag == DW_TAG_array_type) {
		wrapper.kind = UL_TYPE_ARRAY;
		wrapper.count = array_count(walk, die);
	}
	return wrapper;
}

static struct ul_error *note_place(struct walk *walk, uint64_t place, ul_type_id id)
{
	return ul_map_put(&walk->places, place, id) ? NULL : &ul_enomem;
}

/* Make *@p id the pointer to (array of) what it is. */
static struct ul_error *wrap(struct walk *walk, const struct wrapper *wrapper, ul_type_id *id)
{
	const struct pending what = {.kind = wrapper->kind, .target = *id, .count = wrapper->count};
	if (wrapper->kind == UL_ENTRY_QUALIFIER)
		return note_place(walk, wrapper->place, *id);
	_Static_assert(DWARF_TYPES_MAX <= 1 << 24, "a key holds an id");
	const uint64_t key = (uint64_t)wrapper->kind << 56 | (uint64_t)*id << 32 | wrapper->count;
	const uint32_t *known = ul_map_find(&walk->wrapped, key);
	if (known) {
		*id = *known;
	} else {
		UL_TRY(new_type(walk, what, id));
		if (!ul_map_put(&walk->wrapped, key, *id))
			return &ul_enomem;
	}
	return note_place(walk, wrapper->place, *id);
}

/* The id of what lies at the end of a chain, whose links are kept in @p wrappers. */
static struct ul_error *unwrap(struct walk *walk, Dwarf_Attribute *reference,
			       struct wrapper wrappers[static DEPTH_MAX], size_t *depth,
			       ul_type_id *ret)
{
	Dwarf_Die die;
	struct ul_dwarf_facts facts = {.type = *reference};
	*ret = 0;
	while (facts.type.code && follow(walk, &facts.type, &die)) {
		const uint32_t *known = ul_map_find(&walk->places, (uintptr_t)die.addr);
		if (known) {
			*ret = *known;
			return NULL;
		}
		const int tag = dwarf_tag(&die);
		read_facts(walk, &die, &facts);
		if (!is_wrapper(tag)) {
			UL_TRY(describe(walk, &die, tag, &facts, ret));
			return note_place(walk, (uintptr_t)die.addr, *ret);
		}
		if (*depth == DEPTH_MAX) {
			walk->astray++;
			return NULL;
		}
		wrappers[(*depth)++] = read_wrapper(walk, &die, tag);
	}
	return NULL;
}

static struct ul_error *type_of(struct walk *walk, struct ul_dwarf_facts *facts, ul_type_id *ret)
{
	struct wrapper wrappers[DEPTH_MAX];
	size_t depth = 0;
	*ret = 0;
	if (!facts->type.code)
		return NULL;
	UL_TRY(unwrap(walk, &facts->type, wrappers, &depth, ret));
	while (depth)
		UL_TRY(wrap(walk, &wrappers[--depth], ret));
	return NULL;
}

/* ---- filling ---- */

static struct ul_error *count_member(struct walk *walk)
{
	return ++walk->members > DWARF_MEMBERS_MAX
		       ? ul_error_new(UL_ERR_LIMIT, "DWARF: more than %d members and enumerators",
				      DWARF_MEMBERS_MAX)
		       : NULL;
}

static struct ul_error *add_member(struct walk *walk, const char *name, ul_type_id type,
				   uint64_t offset_bits, uint64_t bits)
{
	uint32_t known;
	UL_TRY(count_member(walk));
	UL_TRY(add_name(walk, name, &known));
	return ul_types_add_member(walk->types, known, type, (uint32_t)offset_bits, (uint8_t)bits);
}

static struct ul_error *fill_members(struct walk *walk, Dwarf_Die *owner)
{
	Dwarf_Die child;
	for (bool more = first_child(walk, owner, &child); more; more = next_child(walk, &child)) {
		struct ul_dwarf_facts facts;
		ul_type_id type;
		uint64_t offset_bits;
		if (dwarf_tag(&child) != DW_TAG_member)
			continue;
		read_facts(walk, &child, &facts);
		if (!ul_dwarf_member_bits(&facts, &offset_bits)) {
			walk->astray++;
			continue;
		}
		UL_TRY(type_of(walk, &facts, &type));
		UL_TRY(add_member(walk, facts.name, type, offset_bits, facts.bits));
	}
	return NULL;
}

/* What only the body of a function has, and what comes behind all parameters. */
static bool is_body(int tag)
{
	return tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
	       tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site || tag == DW_TAG_label;
}

static struct ul_error *fill_parameters(struct walk *walk, Dwarf_Die *owner)
{
	Dwarf_Die child;
	for (bool more = first_child(walk, owner, &child); more; more = next_child(walk, &child)) {
		const int tag = dwarf_tag(&child);
		struct ul_dwarf_facts facts = {.name = ""};
		ul_type_id type = 0;
		if (is_body(tag))
			break;
		if (tag != DW_TAG_formal_parameter && tag != DW_TAG_unspecified_parameters)
			continue; // clang puts static variables first
		if (tag == DW_TAG_formal_parameter) {
			read_facts(walk, &child, &facts);
			UL_TRY(type_of(walk, &facts, &type));
		}
		UL_TRY(add_member(walk, facts.name, type, 0, 0));
	}
	return NULL;
}

static bool has_negative(struct walk *walk, Dwarf_Die *owner)
{
	Dwarf_Die child;
	int64_t value;
	bool negative = false;
	for (bool more = first_child(walk, owner, &child); more && !negative;
	     more = next_child(walk, &child))
		(void)ul_dwarf_enumerator(&child, &value, &negative);
	return negative;
}

static struct ul_error *fill_enumerators(struct walk *walk, Dwarf_Die *owner)
{
	Dwarf_Die child;
	for (bool more = first_child(walk, owner, &child); more; more = next_child(walk, &child)) {
		int64_t value;
		bool negative;
		struct ul_dwarf_facts facts;
		uint32_t name;
		if (!ul_dwarf_enumerator(&child, &value, &negative))
			continue;
		UL_TRY(count_member(walk));
		read_facts(walk, &child, &facts);
		UL_TRY(add_name(walk, facts.name, &name));
		UL_TRY(ul_types_add_enumerator(walk->types, name, value));
	}
	return NULL;
}

/* u8 is an unsigned char in DWARF, and a number: what is a char has that name, as in BTF. */
static void fill_base(const struct ul_dwarf_facts *facts, struct ul_type_entry *entry)
{
	const uint64_t encoding = facts->encoding;
	if (encoding == DW_ATE_float || encoding == DW_ATE_complex_float)
		entry->kind = UL_TYPE_FLOAT;
	entry->is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
}

static struct ul_error *fill_described(struct walk *walk, struct pending *what)
{
	struct ul_dwarf_facts facts;
	struct ul_type_entry entry = {.kind = what->kind};
	read_facts(walk, &what->die, &facts);
	entry.bytes = facts.bytes;
	if (what->kind == UL_TYPE_INT)
		fill_base(&facts, &entry);
	if (what->kind == UL_TYPE_ENUM)
		entry.is_signed = has_negative(walk, &what->die);
	if (what->kind == UL_TYPE_FORWARD || what->kind == UL_TYPE_FUNCTION)
		entry.bytes = 0;
	if (what->kind == UL_ENTRY_FUNCTION)
		UL_TRY(new_type(walk, (struct pending){.kind = UL_TYPE_FUNCTION, .die = what->die},
				&entry.target));
	else if (what->kind == UL_ENTRY_TYPEDEF || what->kind == UL_ENTRY_VARIABLE ||
		 what->kind == UL_TYPE_FUNCTION)
		UL_TRY(type_of(walk, &facts, &entry.target));
	if (what->kind != UL_TYPE_FUNCTION)
		UL_TRY(add_name(walk, facts.name, &entry.name));
	UL_TRY(ul_types_add(walk->types, &entry));
	if (what->kind == UL_TYPE_STRUCT || what->kind == UL_TYPE_UNION)
		return fill_members(walk, &what->die);
	if (what->kind == UL_TYPE_FUNCTION)
		return fill_parameters(walk, &what->die);
	if (what->kind == UL_TYPE_ENUM)
		return fill_enumerators(walk, &what->die);
	return NULL;
}

static struct ul_error *fill(struct walk *walk, struct pending what)
{
	const struct ul_type_entry entry = {
		.kind = what.kind,
		.bytes = what.kind == UL_TYPE_POINTER ? sizeof(uint64_t) : 0,
		.target = what.target,
		.count = what.count,
	};
	if (what.kind == UL_TYPE_POINTER || what.kind == UL_TYPE_ARRAY)
		return ul_types_add(walk->types, &entry);
	return fill_described(walk, &what);
}

/* All that waits, and what is met on the way. */
static struct ul_error *fill_all(struct walk *walk)
{
	while (walk->filled < walk->queue.len && walk->steps)
		UL_TRY(fill(walk, walk->queue.data[walk->filled++]));
	if (!walk->steps)
		return ul_error_new(UL_ERR_LIMIT,
				    "DWARF: its units are gone through more than %d times",
				    STEPS_FACTOR);
	walk->queue.len = 0;
	walk->filled = 0;
	return NULL;
}

/* ---- units ---- */

/*
 * A function with code of its own (or that of another which is the same: gcc gives no address
 * then), or a variable that has a place. Its name may be told elsewhere.
 */
static struct ul_error *scan_object(struct walk *walk, Dwarf_Die *die, int tag)
{
	struct ul_dwarf_facts facts;
	ul_type_id id;
	const bool function = tag == DW_TAG_subprogram;
	read_facts(walk, die, &facts);
	if (facts.declaration || facts.inlined || (!function && !facts.has_place))
		return NULL;
	for (size_t i = 0; i < ORIGIN_STEPS && !*facts.name && facts.origin.code; i++) {
		Dwarf_Die origin;
		if (!follow(walk, &facts.origin, &origin))
			return NULL;
		*die = origin;
		read_facts(walk, die, &facts);
	}
	if (!*facts.name)
		return NULL;
	return declare(walk, function ? UL_ENTRY_FUNCTION : UL_ENTRY_VARIABLE, tag, die, facts.name,
		       &facts, &id);
}

static struct ul_error *scan_type(struct walk *walk, Dwarf_Die *die, int tag)
{
	struct ul_dwarf_facts facts;
	ul_type_id id;
	read_facts(walk, die, &facts);
	// What has no name is met where it is used.
	if (facts.declaration || !*name_to_know(walk, die, tag, &facts))
		return NULL;
	return describe(walk, die, tag, &facts, &id);
}

/* What dwz put into a unit that others import is scanned with that unit; but is it there? */
static void look_for_import(struct walk *walk, Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Die unit;
	if (dwarf_attr(die, DW_AT_import, &attribute))
		(void)follow(walk, &attribute, &unit);
}

static struct ul_error *scan_child(struct walk *walk, Dwarf_Die die)
{
	const int tag = dwarf_tag(&die);
	switch (tag) {
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_typedef:
		return scan_type(walk, &die, tag);
	case DW_TAG_subprogram:
	case DW_TAG_variable:
		return scan_object(walk, &die, tag);
	case DW_TAG_imported_unit:
		look_for_import(walk, &die);
		return NULL;
	default:
		return NULL;
	}
}

static struct ul_error *scan_unit(struct walk *walk, Dwarf_Die *unit)
{
	Dwarf_Die child;
	if (dwarf_srclang(unit) == DW_LANG_Rust)
		return NULL;
	for (bool more = first_child(walk, unit, &child); more; more = next_child(walk, &child))
		UL_TRY(scan_child(walk, child));
	return fill_all(walk);
}

static struct ul_error *scan_units(struct walk *walk, Dwarf *dwarf)
{
	Dwarf_Off offset = 0;
	Dwarf_Off next;
	size_t header_bytes;
	size_t units = 0;
	while (!dwarf_next_unit(dwarf, offset, &next, &header_bytes, NULL, NULL, NULL, NULL, NULL,
				NULL)) {
		Dwarf_Die unit;
		if (next <= offset || ++units > UNITS_MAX)
			return ul_error_new(UL_ERR_LIMIT, "DWARF: more than %d units", UNITS_MAX);
		walk->unit_bytes = next - offset;
		walk->steps += walk->unit_bytes * STEPS_FACTOR;
		if (dwarf_offdie(dwarf, offset + header_bytes, &unit))
			UL_TRY(scan_unit(walk, &unit));
		offset = next;
	}
	return NULL;
}

/* With what dwz put into a file of its own for several programs, if libdw finds it. */
static struct ul_error *scan_all(struct walk *walk, Dwarf *dwarf)
{
	UL_TRY(scan_units(walk, dwarf));
	Dwarf *beside = dwarf_getalt(dwarf);
	return beside ? scan_units(walk, beside) : NULL;
}

/* A struct that is only declared becomes the only one of that name. */
static void complete_forwards(struct walk *walk)
{
	ul_vec_foreach (forward, &walk->forwards) {
		const uint32_t *id = ul_map_find(&walk->complete, forward->key);
		if (id && *id != (uint32_t)AMBIGUOUS)
			ul_types_complete(walk->types, forward->id, *id);
	}
}

static void cleanup_dwarf(Dwarf **dwarf)
{
	(void)dwarf_end(*dwarf);
}

bool ul_dwarf_built_in(void)
{
	return true;
}

struct ul_error *ul_dwarf_load(struct ul_types *types, struct Elf *elf, struct ul_losses *losses)
{
	struct walk walk UL_CLEANUP(walk_deinit) = {
		.types = types, .next = (ul_type_id)ul_types_len(types), .steps = STEPS_MIN};
	UL_TRY(ul_dwarf_check_file(elf));
	UL_CLEANUP(cleanup_dwarf) Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (!dwarf)
		return ul_error_new(UL_ERR_UNSUPPORTED, "DWARF: %s", dwarf_errmsg(-1));
	UL_TRY(scan_all(&walk, dwarf));
	complete_forwards(&walk);
	if (!walk.astray)
		return NULL;
	return ul_losses_add(losses, UL_BIAS_UNKNOWN, walk.astray,
			     "references between types that lead nowhere (DWARF)");
}
