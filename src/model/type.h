/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types of a kernel: structs, their members, prototypes. Filled by source/image (BTF, DWARF), read
 * by the walkers of kernel structures and by analysis/typeid. Typedefs and qualifiers (const,
 * volatile, restrict) are resolved when the table is built: nobody meets them here.
 *
 * The BTF of a module follows that of the kernel in the same table; names of the kernel come first.
 */
#ifndef UL_MODEL_TYPE_H
#define UL_MODEL_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/** Index in the table; 0 is void. */
typedef uint32_t ul_type_id;

enum ul_type_kind {
	UL_TYPE_VOID,
	UL_TYPE_INT, /**< also char and bool */
	UL_TYPE_ENUM,
	UL_TYPE_FLOAT,
	UL_TYPE_POINTER,
	UL_TYPE_ARRAY,
	UL_TYPE_STRUCT,
	UL_TYPE_UNION,
	UL_TYPE_FUNCTION, /**< a prototype */
	UL_TYPE_FORWARD,  /**< declared only: size not known */
};

struct ul_type {
	enum ul_type_kind kind;
	const char *name;   /**< "" where it has none; borrowed from the table */
	const char *module; /**< whose BTF it is from; NULL: the kernel's */
	uint64_t bytes;	    /**< 0: void, prototype, forward, flexible array */
	ul_type_id target;  /**< pointer: what it points to; array: element; prototype: result */
	uint32_t count;	    /**< array: elements; struct, union: members; prototype: parameters */
	bool is_signed;
	bool is_char;
};

/** A member of a struct or union, or a parameter of a prototype (offset 0 then). */
struct ul_member {
	const char *name; /**< "" for an anonymous struct or union */
	ul_type_id type;
	uint64_t offset_bits;
	uint32_t bits; /**< of a bit field; 0: it is none */
};

/** Where a member lies in its outermost struct. */
struct ul_place {
	uint32_t offset; /**< bytes */
	uint32_t bytes;	 /**< of the member; 0: flexible array */
	ul_type_id type;
	uint32_t bit_offset; /**< within the byte at `offset`, for a bit field */
	uint32_t bits;	     /**< of a bit field; 0: it is none */
};

struct ul_types;

void ul_types_destroy(struct ul_types *types);
UL_DEFINE_CLEANUP(ul_cleanup_types, struct ul_types, ul_types_destroy);
#define UL_CLEANUP_TYPES UL_CLEANUP(ul_cleanup_types)

/*
 * Building: what a source does, once. Names are offsets into one blob of NUL-terminated strings;
 * offset 0 is "". Types get the ids 1, 2, ... in the order they are added; ids of types that come
 * later may be used before. Members, parameters and enumerators belong to the type added last.
 */

/** What a source may add beside enum ul_type_kind. */
enum ul_type_entry_kind {
	UL_ENTRY_TYPEDEF = 64, /**< another name of `target` */
	UL_ENTRY_QUALIFIER,    /**< const, volatile, restrict, a tag: the same as `target` */
	UL_ENTRY_FUNCTION,     /**< a function called `name` with prototype `target` */
	UL_ENTRY_VARIABLE,     /**< a variable called `name` of type `target` */
	UL_ENTRY_NONE,	       /**< takes up an id, is nothing */
};

struct ul_type_entry {
	int kind; /**< enum ul_type_kind or enum ul_type_entry_kind */
	uint32_t name;
	uint64_t bytes;
	ul_type_id target;
	uint32_t count; /**< array: elements */
	uint32_t
		int_bits; /**< integer of fewer bits than its bytes have (old bit fields); else 0 */
	bool is_signed;
	bool is_char;
};

/** NULL when memory is out. Holds void (id 0) already. */
struct ul_types *ul_types_create(void);
/** Append strings; *@p ret_base is the offset of the first byte. Ends them with a NUL. */
UL_MUST_USE struct ul_error *ul_types_add_names(struct ul_types *types, const char *bytes,
						size_t len, uint32_t *ret_base);
/** Make room for that many more; growing bit by bit works, too, but takes longer. */
UL_MUST_USE struct ul_error *ul_types_reserve(struct ul_types *types, size_t more_types,
					      size_t more_members, size_t more_enumerators);
/** Types added from now on are of this module. */
UL_MUST_USE struct ul_error *ul_types_begin_module(struct ul_types *types, const char *module);
UL_MUST_USE struct ul_error *ul_types_add(struct ul_types *types,
					  const struct ul_type_entry *entry);
/** To the struct, union or prototype added last. */
UL_MUST_USE struct ul_error *ul_types_add_member(struct ul_types *types, uint32_t name,
						 ul_type_id type, uint32_t offset_bits,
						 uint8_t bits);
/** To the enum added last. */
UL_MUST_USE struct ul_error *ul_types_add_enumerator(struct ul_types *types, uint32_t name,
						     int64_t value);
/**
 * Let @p id, of which only the name is known (UL_TYPE_FORWARD, an enum without values) and which is
 * not finished yet, stand for @p target, which was met later.
 */
void ul_types_complete(struct ul_types *types, ul_type_id id, ul_type_id target);
/**
 * Resolve typedefs and qualifiers, index the names. Ids that point nowhere and rings of typedefs
 * become void. Needed before anything is looked up; types of modules may be added afterwards and
 * finished in their turn: what was finished stays as it is.
 */
UL_MUST_USE struct ul_error *ul_types_finish(struct ul_types *types);

/** How many types; ids are 0 .. len-1. Ids of typedefs and qualifiers stand for their target. */
size_t ul_types_len(const struct ul_types *types);
/** False when there is no such type. */
bool ul_types_get(const struct ul_types *types, ul_type_id id, struct ul_type *ret);
/** The id that @p id stands for: itself, or the target of a typedef or qualifier. */
ul_type_id ul_types_resolve(const struct ul_types *types, ul_type_id id);
/** The @p index-th member or parameter; false when there are fewer. */
bool ul_types_member_at(const struct ul_types *types, ul_type_id id, uint32_t index,
			struct ul_member *ret);
/**
 * The first type of that kind and name, by hash; 0 when there is none. UL_TYPE_FUNCTION: the
 * prototype of the function of that name. An anonymous struct, union or enum has the name of its
 * first typedef ("atomic_t").
 */
ul_type_id ul_types_find(const struct ul_types *types, enum ul_type_kind kind, const char *name);
/**
 * Where member @p path ("refcount", "slab_cache", "node[0]", "vmcs.list.next") of struct or union
 * @p name lies; looks into anonymous members. False when either does not exist: this is how
 * features are tested for.
 */
bool ul_types_place(const struct ul_types *types, const char *name, const char *path,
		    struct ul_place *ret);
/** A function that the types know by name. */
struct ul_type_function {
	const char *name;
	const char *module; /**< NULL: the kernel's */
	ul_type_id prototype;
};
/** Whether id @p id is that of a function (which otherwise answers as its prototype). */
bool ul_types_function_at(const struct ul_types *types, ul_type_id id,
			  struct ul_type_function *ret);
/** What typedef @p name stands for; 0 when there is none. */
ul_type_id ul_types_find_typedef(const struct ul_types *types, const char *name);
/** The type of variable @p name (BTF knows per-CPU ones); 0 when there is none. */
ul_type_id ul_types_find_variable(const struct ul_types *types, const char *name);
/** As ul_types_place(), of a struct or union whose id is known. */
bool ul_types_place_in(const struct ul_types *types, ul_type_id id, const char *path,
		       struct ul_place *ret);
/** Size of struct (or union) @p name; 0 when it is not known. */
uint32_t ul_types_sizeof(const struct ul_types *types, const char *name);
/** Value of an enumerator, of any enum; false when there is none of that name. */
bool ul_types_enumerator(const struct ul_types *types, const char *name, int64_t *ret);
/** "struct sk_buff", "char *", "int (*)(struct inode *, struct file *)"; cut to @p size. */
void ul_types_name(const struct ul_types *types, ul_type_id id, char *text, size_t size);

#endif
