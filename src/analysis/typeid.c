// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What type is this object? On a stock kernel nothing says: no table of allocations, no debug
 * information of variables. Four kinds of evidence do, each weaker and wider than the one before:
 *
 *   cache      a cache that is nobody else's, named like a struct and with objects of its size
 *   content    the object points to operations tables and functions: only one struct of this size
 *              has just those, at just these places (typeid_facts.c, typeid_variables.c)
 *   pointer    an object whose type is known has a typed pointer to its very beginning
 *   sibling    a link of a list or tree leads from a known object to the same place in another
 *              object of the same cache
 *
 * Whatever is found by pointers is followed in its turn, round by round, until nothing new comes.
 * A cache with a single user whose objects' votes agree gives its type to all of them.
 *
 * No name rather than a wrong one:
 *   - the struct must fit the object: exactly where the cache has one user; in a kmalloc cache it
 *     must be too large for the next smaller one. A pointer to struct sock may lead to any struct
 *     that begins with one: only when a single one of them fits is it taken.
 *   - the object must be able to be it: where the struct has pointers there are pointers (or NULL),
 *     and those to typed objects lead to objects of that type.
 *   - two answers are none: an object in conflict stays without a type.
 *
 * Errs: stale pointers to memory given to somebody else propagate a wrong type when it fits by
 * chance; structs without any pointer are only found by pointers to them. How often names are wrong
 * is measured by hiding the names of caches; see docs/method/images.md.
 */
#include "analysis/typeid.h"

#include <stdio.h>
#include <string.h>

#include "analysis/typeid_internal.h"

enum {
	ROUNDS_MAX = 12,
	CACHE_AGREE_PERCENT = 95, /**< of the votes in a cache, for one type */
	GROUP_AGREE_PERCENT = 90, /**< of the typed objects of a group */
	GROUP_TYPED_PERCENT = 10, /**< of a group must have a type at all */
	OBJECTS_MAX = 1 << 28,
};

const char *ul_typed_by_name(enum ul_typed_by by)
{
	static const char *const names[] = {
		[UL_TYPED_NOT] = "none",	[UL_TYPED_CACHE] = "cache",
		[UL_TYPED_CONTENT] = "content", [UL_TYPED_POINTER] = "pointer",
		[UL_TYPED_SIBLING] = "sibling", [UL_TYPED_MOST] = "most",
	};
	return names[by];
}

void ul_typeid_destroy(struct ul_typeid *typeid)
{
	if (!typeid)
		return;
	for (size_t i = 0; i < typeid->caches_len; i++)
		ul_vec_deinit(&typeid->caches[i].votes);
	free(typeid->caches);
	free(typeid->objects);
	free(typeid->window.data);
	ul_vec_deinit(&typeid->frontier);
	ul_vec_deinit(&typeid->next);
	ul_facts_deinit(&typeid->facts);
	free(typeid);
}

/* Give all allocated objects of a cache its type, and follow them next. */
static struct ul_error *type_cache(struct ul_typeid *typeid, size_t number, ul_struct_no type,
				   enum ul_typed_by by)
{
	const struct ul_heap *heap = typeid->heap;
	ul_vec_foreach (block, &heap->blocks) {
		if (block->kind != UL_BLOCK_SLAB || block->cache != number ||
		    block->flags & UL_BLOCK_UNKNOWN)
			continue;
		for (uint32_t slot = 0; slot < block->slots; slot++) {
			const uint64_t object = block->first + (uint64_t)slot;
			if (!ul_heap_is_allocated(heap, object))
				continue;
			typeid->objects[object] = (struct ul_object_type){
				.type = type, .by = (uint8_t)by, .state = UL_STATE_DONE};
			if (!ul_vec_push(&typeid->next, (uint32_t)object))
				return &ul_enomem;
		}
	}
	return NULL;
}

/* What the votes of a cache's objects come to; NULL when they disagree or are none. */
static const struct ul_object_type *count_votes(const struct ul_cache_type *cache)
{
	const struct ul_object_type *best = NULL;
	uint64_t most = 0;
	uint64_t all = 0;
	ul_vec_foreach (vote, &cache->votes) {
		all += vote->objects;
		if (vote->objects <= most)
			continue;
		most = vote->objects;
		best = &vote->first;
	}
	return best && most * 100 >= all * CACHE_AGREE_PERCENT ? best : NULL;
}

static struct ul_error *decide_caches(struct ul_typeid *typeid)
{
	for (size_t i = 0; i < typeid->caches_len; i++) {
		struct ul_cache_type *cache = &typeid->caches[i];
		const struct ul_object_type *vote =
			cache->type || cache->shared ? NULL : count_votes(cache);
		if (!vote)
			continue;
		cache->type = vote->type;
		UL_TRY(type_cache(typeid, i, vote->type, UL_TYPED_MOST));
	}
	return NULL;
}

/* What was proposed in this round is what the next one follows, unless it met with a conflict. */
static void next_round(struct ul_typeid *typeid)
{
	__typeof__(typeid->frontier) done = typeid->frontier;
	size_t kept = 0;
	ul_vec_foreach (object, &typeid->next) {
		struct ul_object_type *type = &typeid->objects[*object];
		if (!type->type)
			continue;
		type->state |= UL_STATE_DONE;
		typeid->next.data[kept++] = *object;
	}
	typeid->next.len = kept;
	memcpy(&typeid->frontier, &typeid->next, sizeof(done));
	memcpy(&typeid->next, &done, sizeof(done));
	typeid->next.len = 0;
}

static struct ul_error *infer(struct ul_typeid *typeid)
{
	for (size_t i = 0; i < typeid->caches_len; i++)
		if (typeid->caches[i].type)
			UL_TRY(type_cache(typeid, i, typeid->caches[i].type, UL_TYPED_CACHE));
	UL_TRY(ul_typeid_contents(typeid));
	UL_TRY(decide_caches(typeid));
	for (size_t round = 0; round < ROUNDS_MAX; round++) {
		next_round(typeid);
		if (!typeid->frontier.len)
			break;
		UL_TRY(ul_typeid_spread(typeid));
		UL_TRY(decide_caches(typeid));
	}
	return NULL;
}

struct ul_error *ul_typeid_create(struct ul_image *image, const struct ul_heap *heap,
				  const struct ul_typeid_options *options, struct ul_typeid **ret)
{
	static const struct ul_typeid_options plain = {0};
	UL_CLEANUP_TYPEID struct ul_typeid *typeid = calloc(1, sizeof(*typeid));
	if (!typeid)
		return &ul_enomem;
	typeid->image = image;
	typeid->heap = heap;
	if (image->types && image->symtab) {
		if (heap->objects > OBJECTS_MAX)
			return ul_error_new(UL_ERR_LIMIT, "types of %llu objects, at most %d",
					    (unsigned long long)heap->objects, OBJECTS_MAX);
		typeid->objects = calloc(heap->objects + 1, sizeof(*typeid->objects));
		if (!typeid->objects)
			return &ul_enomem;
		UL_TRY(ul_facts_init(image, &typeid->facts));
		UL_TRY(ul_facts_variables(image, &typeid->facts));
		UL_TRY(ul_typeid_name_caches(typeid, options ? options : &plain));
		UL_TRY(infer(typeid));
	}
	*ret = UL_TAKE(typeid);
	return NULL;
}

static const char *struct_name(const struct ul_typeid *typeid, ul_struct_no no,
			       char text[static 96])
{
	ul_types_name(typeid->facts.types, typeid->facts.structs.data[no].type, text, 96);
	return text;
}

/* Name of the member at @p offset of a struct, as far as its own members go. */
static void member_name(const struct ul_typeid *typeid, ul_struct_no no, uint32_t offset,
			char *text, size_t size)
{
	struct ul_member member;
	const ul_type_id id = typeid->facts.structs.data[no].type;
	(void)snprintf(text, size, "+0x%x", offset);
	for (uint32_t i = 0; ul_types_member_at(typeid->facts.types, id, i, &member); i++)
		if (member.offset_bits == offset * 8ULL && *member.name)
			(void)snprintf(text, size, "%s", member.name);
}

static void put_evidence(const struct ul_typeid *typeid, const struct ul_object_type *object,
			 struct ul_typed *ret)
{
	char name[96];
	char member[64];
	switch ((enum ul_typed_by)object->by) {
	case UL_TYPED_CACHE:
		(void)snprintf(ret->evidence, sizeof(ret->evidence), "name and size of its cache");
		break;
	case UL_TYPED_CONTENT:
		if (object->from)
			(void)snprintf(ret->evidence, sizeof(ret->evidence),
				       "points to a %.80s at +0x%x",
				       struct_name(typeid, object->from, name), object->offset);
		else
			(void)snprintf(ret->evidence, sizeof(ret->evidence),
				       "the function it points to at +0x%x", object->offset);
		break;
	case UL_TYPED_POINTER:
		member_name(typeid, object->from, object->offset, member, sizeof(member));
		(void)snprintf(ret->evidence, sizeof(ret->evidence), "%s of %.80s points to it",
			       member, struct_name(typeid, object->from, name));
		break;
	case UL_TYPED_SIBLING:
		(void)snprintf(ret->evidence, sizeof(ret->evidence),
			       "in a list with others, linked at +0x%x", object->offset);
		break;
	case UL_TYPED_MOST:
		(void)snprintf(ret->evidence, sizeof(ret->evidence), "other objects of its cache");
		break;
	case UL_TYPED_NOT:
		break;
	}
}

static void fill(const struct ul_typeid *typeid, const struct ul_object_type *object,
		 struct ul_typed *ret)
{
	*ret = (struct ul_typed){.type = typeid->facts.structs.data[object->type].type,
				 .by = (enum ul_typed_by)object->by,
				 .typed = 1,
				 .objects = 1};
	(void)struct_name(typeid, object->type, ret->name);
	put_evidence(typeid, object, ret);
}

bool ul_typeid_object(const struct ul_typeid *typeid, uint64_t object, struct ul_typed *ret)
{
	if (!typeid || !typeid->objects || object >= typeid->heap->objects ||
	    !typeid->objects[object].type)
		return false;
	fill(typeid, &typeid->objects[object], ret);
	return true;
}

ul_type_id ul_typeid_of(const struct ul_typeid *typeid, uint64_t object)
{
	if (!typeid || !typeid->objects || object >= typeid->heap->objects)
		return 0;
	return typeid->facts.structs.data[typeid->objects[object].type].type;
}

ul_type_id ul_typeid_variable(const struct ul_typeid *typeid, uint64_t kaddr)
{
	if (!typeid || !typeid->objects)
		return 0;
	return typeid->facts.structs.data[ul_map_get(&typeid->facts.variables, kaddr)].type;
}

ul_type_id ul_typeid_cache_truth(const struct ul_typeid *typeid, size_t cache)
{
	if (cache >= typeid->caches_len)
		return 0;
	return typeid->facts.structs.data[typeid->caches[cache].by_name].type;
}

bool ul_typeid_group(const struct ul_typeid *typeid, const uint64_t *objects, size_t len,
		     struct ul_typed *ret)
{
	const struct ul_object_type *leader = NULL;
	uint64_t agree = 0;
	uint64_t typed = 0;
	if (!typeid || !typeid->objects)
		return false;
	// The majority, if there is one, survives the pairing off of different ones.
	size_t lead = 0;
	for (size_t i = 0; i < len; i++) {
		if (objects[i] >= typeid->heap->objects)
			continue;
		const struct ul_object_type *object = &typeid->objects[objects[i]];
		if (!object->type)
			continue;
		if (!lead)
			leader = object;
		lead = object->type == leader->type ? lead + 1 : lead - 1;
	}
	for (size_t i = 0; leader && i < len; i++) {
		if (objects[i] >= typeid->heap->objects)
			continue;
		const ul_struct_no type = typeid->objects[objects[i]].type;
		typed += type != 0;
		agree += type == leader->type;
	}
	if (!leader || agree * 100 < typed * GROUP_AGREE_PERCENT ||
	    typed * 100 < len * GROUP_TYPED_PERCENT)
		return false;
	fill(typeid, leader, ret);
	ret->typed = agree;
	ret->others = typed - agree;
	ret->objects = len;
	return true;
}

void ul_typeid_work(const struct ul_typeid *typeid, struct ul_typeid_work *ret)
{
	*ret = (struct ul_typeid_work){
		.structs = typeid->facts.structs.len ? typeid->facts.structs.len - 1 : 0,
		.functions = typeid->facts.functions.used,
		.variables = typeid->facts.variables.used,
		.conflicts = typeid->conflicts,
	};
	for (uint64_t i = 0; typeid->objects && i < typeid->heap->objects; i++)
		if (ul_heap_is_allocated(typeid->heap, i))
			ret->objects[typeid->objects[i].by]++;
}
