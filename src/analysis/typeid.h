/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names for objects, without debug information of variables: what type is this? By evidence, and no
 * name rather than a wrong one. Pure over an image and its heap. See typeid.c for how.
 */
#ifndef UL_ANALYSIS_TYPEID_H
#define UL_ANALYSIS_TYPEID_H

#include "base/error.h"
#include "model/heap.h"
#include "model/image.h"
#include "model/type_census.h"

/** Why an object has its type. */
enum ul_typed_by {
	UL_TYPED_NOT,
	UL_TYPED_CACHE,	  /**< the name and the object size of its cache */
	UL_TYPED_CONTENT, /**< operations tables and functions it points to */
	UL_TYPED_POINTER, /**< a typed pointer to it */
	UL_TYPED_SIBLING, /**< a list or tree of the same cache */
	UL_TYPED_MOST,	  /**< (of a cache, of a group) what is known of its other objects */
};
const char *ul_typed_by_name(enum ul_typed_by by);

struct ul_typeid_options {
	/** For the check of precision: this cache (index + 1) has no name; 0: all have theirs. */
	size_t hide_cache;
	/** For the check: the hidden cache is taken for one that many types share. */
	bool hide_as_shared;
};

/** What an object, or most of a group, is. */
struct ul_typed {
	ul_type_id type; /**< of image->types; 0: not known */
	enum ul_typed_by by;
	char name[96];	    /**< "struct seq_file" */
	char evidence[192]; /**< "private_data of struct file" */
	uint64_t typed;	    /**< group: objects with this type ... */
	uint64_t others;    /**< ... with another ... */
	uint64_t objects;   /**< ... of these */
};

struct ul_typeid;

/** Infer. Borrows both, which must live longer. Without image->types nothing has a type. */
UL_MUST_USE struct ul_error *ul_typeid_create(struct ul_image *image, const struct ul_heap *heap,
					      const struct ul_typeid_options *options,
					      struct ul_typeid **ret);
void ul_typeid_destroy(struct ul_typeid *typeid);
UL_DEFINE_CLEANUP(ul_cleanup_typeid, struct ul_typeid, ul_typeid_destroy);
#define UL_CLEANUP_TYPEID UL_CLEANUP(ul_cleanup_typeid)

/* @p typeid NULL in these four: nothing has a type. */

/** Type of object number @p object; false when it is not known. */
bool ul_typeid_object(const struct ul_typeid *typeid, uint64_t object, struct ul_typed *ret);
/** Only the type, 0 when it is not known: cheap. */
ul_type_id ul_typeid_of(const struct ul_typeid *typeid, uint64_t object);
/** The one type of a group of objects that look alike (by number); false when they have none. */
bool ul_typeid_group(const struct ul_typeid *typeid, const uint64_t *objects, size_t len,
		     struct ul_typed *ret);
/**
 * Type of the variable at exactly @p kaddr ("file_operations" of ext4_file_operations); 0: none.
 */
ul_type_id ul_typeid_variable(const struct ul_typeid *typeid, uint64_t kaddr);
/** Type by name and size of cache @p cache, however it is hidden: the truth of the check. */
ul_type_id ul_typeid_cache_truth(const struct ul_typeid *typeid, size_t cache);

/** How many objects of each slab cache are of each type. @p ret: caller deinits. */
UL_MUST_USE struct ul_error *ul_typeid_census(const struct ul_typeid *typeid,
					      struct ul_type_census *ret);

/**
 * The struct that the kernel keeps in cache @p cache though it is called otherwise ("filp":
 * "file"); NULL: none is known. Where the cache is merged with others it says nothing.
 */
const char *ul_typeid_cache_habit(const char *cache);

/** What went into it. */
struct ul_typeid_work {
	uint64_t structs, functions, variables; /**< known; variables: whose type was inferred */
	uint64_t objects[UL_TYPED_MOST + 1];	/**< by why they have a type; NOT: have none */
	uint64_t conflicts;			/**< objects whose evidence disagreed: no type */
};
void ul_typeid_work(const struct ul_typeid *typeid, struct ul_typeid_work *ret);

#endif
