/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of analysis/typeid only. */
#ifndef UL_ANALYSIS_TYPEID_INTERNAL_H
#define UL_ANALYSIS_TYPEID_INTERNAL_H

#include "analysis/typeid.h"
#include "base/map.h"
#include "base/vec.h"

/** May it be a pointer into kernel memory? Wide enough for 57-bit addresses. */
static inline bool ul_is_kernel_word(uint64_t value)
{
	return value >= 0xff00000000000000ULL;
}

/** Number of a struct: index in facts.structs; 0 is none. Two of one name and size are one. */
typedef uint32_t ul_struct_no;

enum ul_field_kind {
	UL_FIELD_FUNCTION = 1, /**< key: prototype, as a hash without parameter names */
	UL_FIELD_POINTER,      /**< to a struct; key: its number */
	UL_FIELD_LIST,	       /**< a word of a list_head, hlist_node or rb_node */
};

/** A word of a struct that says something. Not those within unions: they may be something else. */
struct ul_field {
	uint32_t offset;
	uint32_t key;
	uint8_t kind;
};

struct ul_struct {
	ul_type_id type;
	uint32_t bytes;
	uint32_t first, fields; /**< in facts.fields, by offset */
	ul_struct_no prefix;	/**< the struct that it begins with; 0: none */
	bool flexible;		/**< ends in a flexible array */
};

/** "A struct that has `key` at `offset`". */
struct ul_posting {
	uint64_t hash; /**< of kind, offset, key */
	ul_struct_no owner;
};

/** What types and symbols alone tell: nothing of the heap. */
struct ul_facts {
	const struct ul_types *types;
	UL_VEC(struct ul_struct) structs; /**< [0] is none */
	UL_VEC(struct ul_field) fields;
	UL_VEC(struct ul_posting) postings; /**< by hash */
	uint32_t *struct_of;		    /**< by type id; 0: no struct that counts */
	uint32_t *prototype_of;		    /**< by type id of a prototype; 0: not computed yet */
	struct ul_map functions;	    /**< address -> key of its prototype */
	struct ul_map variables;	    /**< address -> ul_struct_no */
	uint64_t text_start, text_end;	    /**< of the kernel; 0: not known */
};

enum ul_posting_kind { UL_POSTING_PREFIX = 16 }; /**< beside enum ul_field_kind */

UL_MUST_USE struct ul_error *ul_facts_init(const struct ul_image *image, struct ul_facts *facts);
void ul_facts_deinit(struct ul_facts *facts);
/** Variables whose contents say what they are: operations tables. */
UL_MUST_USE struct ul_error *ul_facts_variables(struct ul_image *image, struct ul_facts *facts);
/** Owners of (kind, offset, key): a run of postings. */
const struct ul_posting *ul_facts_owners(const struct ul_facts *facts, int kind, uint32_t offset,
					 uint32_t key, size_t *ret_len);
ul_struct_no ul_facts_find(const struct ul_facts *facts, const char *name);

/** One thing that a struct must have. */
struct ul_clue {
	uint32_t offset;
	uint32_t key;
	uint8_t kind;
};

enum { UL_CLUES_MAX = 24 };

/** What sizes an object's struct may have. */
struct ul_size_rule {
	uint32_t low, high; /**< low < size <= high */
	bool exact;	    /**< size == high */
	bool shared;	    /**< of several types: containers make it ambiguous */
};

bool ul_size_fits(const struct ul_struct *one, const struct ul_size_rule *rule);
/**
 * The one struct that has all clues and fits @p rule; 0: none or several. One clue alone must be
 * rare to count.
 */
ul_struct_no ul_facts_intersect(const struct ul_facts *facts, const struct ul_clue *clues,
				size_t len, const struct ul_size_rule *rule);
/** The one struct that is, or begins with, @p declared and fits; 0: none or several. */
ul_struct_no ul_facts_fit(const struct ul_facts *facts, ul_struct_no declared,
			  const struct ul_size_rule *rule);

/** What is kept of an object. */
struct ul_object_type {
	ul_struct_no type; /**< 0: none (yet) */
	uint32_t from;	   /**< POINTER: the struct that has the pointer */
	uint16_t offset;   /**< POINTER, SIBLING, CONTENT: of the word that says so */
	uint8_t by;	   /**< enum ul_typed_by */
	uint8_t state;	   /**< enum ul_object_state */
};

enum ul_object_state {
	UL_STATE_VOTED = 1 << 0,    /**< type is a proposal of this round */
	UL_STATE_CONFLICT = 1 << 1, /**< proposals disagreed: never typed again */
	UL_STATE_DONE = 1 << 2,
};

struct ul_cache_type {
	ul_struct_no by_name; /**< by name and size, hidden or not */
	ul_struct_no type;    /**< in force */
	bool shared;	      /**< kmalloc, merged: objects of many types */
	struct ul_size_rule rule;
	UL_VEC(struct ul_cache_vote {
		ul_struct_no type;
		uint64_t objects;
		struct ul_object_type first;
	})
	votes;
};

struct ul_typeid {
	struct ul_image *image;
	const struct ul_heap *heap;
	struct ul_facts facts;
	struct ul_object_type *objects; /**< by number; NULL: no types */
	struct ul_cache_type *caches;
	size_t caches_len;
	UL_VEC(uint32_t) frontier, next;
	struct {
		uint64_t kaddr;
		size_t bytes;
		uint8_t *data;
	} window; /**< what was read last, where memory cannot be mapped */
	uint64_t conflicts;
};

/** Bytes of an object, borrowed until the next call; NULL: unreadable. */
const uint8_t *ul_typeid_bytes(struct ul_typeid *typeid, uint64_t kaddr, size_t len);
/** What sizes the object's type may have. */
void ul_typeid_rule(const struct ul_typeid *typeid, const struct ul_heap_hit *hit,
		    struct ul_size_rule *ret);
/** Say that an object is of type @p proposal->type. */
UL_MUST_USE struct ul_error *ul_typeid_vote(struct ul_typeid *typeid, const struct ul_heap_hit *hit,
					    const struct ul_object_type *proposal);
/** Can bytes be of this struct, judged by its pointers? */
bool ul_typeid_could_be(struct ul_typeid *typeid, ul_struct_no type, const uint8_t *bytes,
			size_t len);
UL_MUST_USE struct ul_error *ul_typeid_name_caches(struct ul_typeid *typeid,
						   const struct ul_typeid_options *options);
/** Votes from what objects hold. */
UL_MUST_USE struct ul_error *ul_typeid_contents(struct ul_typeid *typeid);
/** Votes from what the objects of the frontier point to. */
UL_MUST_USE struct ul_error *ul_typeid_spread(struct ul_typeid *typeid);

#endif
