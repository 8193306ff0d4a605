// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Evidence out of the heap: what objects hold, and what typed objects point to. All of it comes
 * down to votes: "this object is of that struct, because". A vote counts only if the struct fits
 * the object's size and the object's words can be of it; two votes that disagree make a conflict,
 * and an object in conflict has no type. In a cache that is nobody else's all objects are of one
 * type, so there the votes of all its objects decide.
 */
#include <string.h>

#include "analysis/typeid_internal.h"

enum {
	WORD = 8,
	CONTENT_BYTES_MAX = 16384, /**< of an object are looked at for clues */
	LOOK_BYTES_MAX = 65536,
	BAD_SHARE = 16, /**< one word in so many may be something else (not initialised) */
	WINDOW_BYTES = 65536,
	POISON_SHIFT = 48, /**< Linux include/linux/poison.h POISON_POINTER_DELTA */
};

const uint8_t *ul_typeid_bytes(struct ul_typeid *typeid, uint64_t kaddr, size_t len)
{
	struct ul_memory *memory = typeid->image->memory;
	size_t mapped = 0;
	const uint8_t *bytes = ul_memory_map(memory, kaddr, &mapped);
	if (bytes && mapped >= len)
		return bytes;
	if (len > WINDOW_BYTES)
		return NULL;
	if (!typeid->window.data)
		typeid->window.data = malloc(WINDOW_BYTES);
	if (!typeid->window.data)
		return NULL;
	// Objects are asked for in the order of their addresses: read as much as fits.
	if (kaddr < typeid->window.kaddr ||
	    kaddr - typeid->window.kaddr + len > typeid->window.bytes) {
		size_t got = 0;
		UL_CLEANUP_ERROR struct ul_error *error =
			ul_memory_read(memory, kaddr, typeid->window.data, WINDOW_BYTES, &got);
		typeid->window.kaddr = kaddr;
		typeid->window.bytes = error ? 0 : got;
		if (typeid->window.bytes < len)
			return NULL;
	}
	return typeid->window.data + (kaddr - typeid->window.kaddr);
}

void ul_typeid_rule(const struct ul_typeid *typeid, const struct ul_heap_hit *hit,
		    struct ul_size_rule *ret)
{
	const struct ul_block *block = hit->block;
	if (block->kind == UL_BLOCK_SLAB && block->cache < typeid->caches_len) {
		*ret = typeid->caches[block->cache].rule;
		return;
	}
	// Pages and areas are rounded up to pages or more: anything above half of it.
	*ret = (struct ul_size_rule){.low = hit->bytes / 2, .high = hit->bytes, .shared = true};
}

static uint64_t word_at(const uint8_t *bytes, size_t offset)
{
	uint64_t word;
	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

static bool is_error_pointer(uint64_t value)
{
	return value >= (uint64_t)-4095;
}

/* Does the cache of the object at @p value have another type than @p declared by its name? */
static bool leads_elsewhere(const struct ul_typeid *typeid, uint64_t value, ul_struct_no declared)
{
	struct ul_heap_hit hit;
	if (!ul_heap_find(typeid->heap, value, &hit) || hit.offset ||
	    hit.block->kind != UL_BLOCK_SLAB || hit.block->cache >= typeid->caches_len)
		return false;
	const struct ul_cache_type *cache = &typeid->caches[hit.block->cache];
	if (!cache->type || cache->shared)
		return false;
	ul_struct_no at = cache->type;
	for (size_t step = 0; at && step < 16; step++) {
		if (at == declared)
			return false;
		at = typeid->facts.structs.data[at].prefix;
	}
	return true;
}

static bool could_hold(const struct ul_typeid *typeid, const struct ul_field *field, uint64_t value)
{
	const struct ul_facts *facts = &typeid->facts;
	struct ul_symbol symbol;
	if (!value || is_error_pointer(value))
		return true;
	if (field->kind == UL_FIELD_LIST && value >> POISON_SHIFT == 0xdead)
		return true;
	if (!ul_is_kernel_word(value))
		return false;
	if (field->kind == UL_FIELD_POINTER)
		return !leads_elsewhere(typeid, value, field->key);
	if (field->kind == UL_FIELD_LIST)
		return true;
	const uint32_t key = ul_map_get(&facts->functions, value);
	if (key)
		return key == field->key;
	return ul_symtab_lookup(typeid->image->symtab, value, &symbol) && symbol.code;
}

bool ul_typeid_could_be(struct ul_typeid *typeid, ul_struct_no type, const uint8_t *bytes,
			size_t len)
{
	const struct ul_struct *one = &typeid->facts.structs.data[type];
	uint32_t bad = 0;
	uint32_t seen = 0;
	for (uint32_t i = 0; i < one->fields; i++) {
		const struct ul_field *field = &typeid->facts.fields.data[one->first + i];
		if (field->offset + WORD > len)
			break;
		seen++;
		bad += !could_hold(typeid, field, word_at(bytes, field->offset));
	}
	return bad <= seen / BAD_SHARE;
}

/* Add an object's vote to those of its cache, which is of one type. */
static struct ul_error *vote_in_cache(struct ul_cache_type *cache,
				      const struct ul_object_type *proposal)
{
	ul_vec_foreach (vote, &cache->votes) {
		if (vote->type != proposal->type)
			continue;
		vote->objects++;
		return NULL;
	}
	const __typeof__(*cache->votes.data) vote = {proposal->type, 1, *proposal};
	return ul_vec_push(&cache->votes, vote) ? NULL : &ul_enomem;
}

struct ul_error *ul_typeid_vote(struct ul_typeid *typeid, const struct ul_heap_hit *hit,
				const struct ul_object_type *proposal)
{
	struct ul_object_type *object = &typeid->objects[hit->object];
	struct ul_cache_type *cache =
		hit->block->kind == UL_BLOCK_SLAB && hit->block->cache < typeid->caches_len
			? &typeid->caches[hit->block->cache]
			: NULL;
	if ((cache && cache->type) || object->state & UL_STATE_CONFLICT)
		return NULL;
	if (object->type == proposal->type)
		return NULL;
	if (object->type) {
		// The first said one thing, this another: nobody knows.
		object->state |= UL_STATE_CONFLICT;
		object->type = 0;
		object->by = UL_TYPED_NOT;
		typeid->conflicts++;
		return NULL;
	}
	const size_t len = hit->bytes < LOOK_BYTES_MAX ? hit->bytes : LOOK_BYTES_MAX;
	const uint8_t *bytes = ul_typeid_bytes(typeid, hit->kaddr, len);
	if (!bytes || !ul_typeid_could_be(typeid, proposal->type, bytes, len))
		return NULL;
	*object = *proposal;
	object->state = UL_STATE_VOTED;
	if (cache && !cache->shared)
		return vote_in_cache(cache, proposal);
	return ul_vec_push(&typeid->next, (uint32_t)hit->object) ? NULL : &ul_enomem;
}

/* ---- contents ---- */

static bool wants_type(const struct ul_typeid *typeid, const struct ul_block *block)
{
	if (block->flags & (UL_BLOCK_UNKNOWN | UL_BLOCK_NO_SCAN) ||
	    block->kind == UL_BLOCK_PERCPU || block->kind == UL_BLOCK_PAGES)
		return false;
	return block->kind != UL_BLOCK_SLAB || block->cache >= typeid->caches_len ||
	       !typeid->caches[block->cache].type;
}

static size_t find_clues(const struct ul_typeid *typeid, const uint8_t *bytes, size_t len,
			 struct ul_clue clues[UL_CLUES_MAX])
{
	const struct ul_facts *facts = &typeid->facts;
	size_t found = 0;
	for (size_t at = 0; at + WORD <= len && found < UL_CLUES_MAX; at += WORD) {
		const uint64_t value = word_at(bytes, at);
		// Functions and variables with a type lie in the image or in modules.
		if (value < 0xffffffff80000000ULL && facts->text_start >= 0xffffffff80000000ULL)
			continue;
		if (!ul_is_kernel_word(value))
			continue;
		uint32_t key = ul_map_get(&facts->functions, value);
		if (key) {
			clues[found++] = (struct ul_clue){(uint32_t)at, key, UL_FIELD_FUNCTION};
			continue;
		}
		key = ul_map_get(&facts->variables, value);
		if (key)
			clues[found++] = (struct ul_clue){(uint32_t)at, key, UL_FIELD_POINTER};
	}
	return found;
}

static struct ul_error *look_at(struct ul_typeid *typeid, const struct ul_heap_hit *hit,
				const struct ul_size_rule *rule)
{
	struct ul_clue clues[UL_CLUES_MAX];
	const size_t len = hit->bytes < CONTENT_BYTES_MAX ? hit->bytes : CONTENT_BYTES_MAX;
	const uint8_t *bytes = ul_typeid_bytes(typeid, hit->kaddr, len);
	const size_t found = bytes ? find_clues(typeid, bytes, len, clues) : 0;
	if (!found)
		return NULL;
	const ul_struct_no type = ul_facts_intersect(&typeid->facts, clues, found, rule);
	if (!type)
		return NULL;
	const struct ul_object_type proposal = {
		.type = type,
		.by = UL_TYPED_CONTENT,
		.from = clues[0].kind == UL_FIELD_POINTER ? clues[0].key : 0,
		.offset = (uint16_t)clues[0].offset,
	};
	return ul_typeid_vote(typeid, hit, &proposal);
}

struct ul_error *ul_typeid_contents(struct ul_typeid *typeid)
{
	const struct ul_heap *heap = typeid->heap;
	ul_vec_foreach (block, &heap->blocks) {
		struct ul_heap_hit hit;
		struct ul_size_rule rule;
		if (!wants_type(typeid, block))
			continue;
		for (uint32_t slot = 0; slot < block->slots; slot++) {
			const uint64_t object = block->first + (uint64_t)slot;
			if (!ul_heap_is_allocated(heap, object) ||
			    !ul_heap_object(heap, object, &hit))
				continue;
			ul_typeid_rule(typeid, &hit, &rule);
			UL_TRY(look_at(typeid, &hit, &rule));
		}
	}
	return NULL;
}

/* ---- typed pointers ---- */

static struct ul_error *follow(struct ul_typeid *typeid, const struct ul_heap_hit *from,
			       ul_struct_no type, const struct ul_field *field, uint64_t value)
{
	struct ul_heap_hit hit;
	struct ul_size_rule rule;
	struct ul_object_type proposal = {.from = type, .offset = (uint16_t)field->offset};
	if (!ul_is_kernel_word(value) || !ul_heap_find(typeid->heap, value, &hit) ||
	    !hit.allocated || hit.object == from->object)
		return NULL;
	if (field->kind == UL_FIELD_POINTER) {
		if (hit.offset)
			return NULL;
		ul_typeid_rule(typeid, &hit, &rule);
		proposal.type = ul_facts_fit(&typeid->facts, field->key, &rule);
		proposal.by = UL_TYPED_POINTER;
	} else {
		// A link to the same place of an object of the same cache: another of its kind. A
		// list's head lies elsewhere, or in an object of another kind.
		if (hit.offset != field->offset || hit.block->kind != UL_BLOCK_SLAB ||
		    from->block->kind != UL_BLOCK_SLAB || hit.block->cache != from->block->cache)
			return NULL;
		proposal.type = type;
		proposal.by = UL_TYPED_SIBLING;
	}
	return proposal.type ? ul_typeid_vote(typeid, &hit, &proposal) : NULL;
}

static struct ul_error *spread_one(struct ul_typeid *typeid, uint64_t object)
{
	const ul_struct_no type = typeid->objects[object].type;
	struct ul_heap_hit hit;
	uint64_t words[512];
	if (!type || !ul_heap_object(typeid->heap, object, &hit))
		return NULL;
	const struct ul_struct *one = &typeid->facts.structs.data[type];
	if (!one->fields)
		return NULL;
	size_t len = one->bytes < hit.bytes ? one->bytes : hit.bytes;
	if (len > sizeof(words))
		len = sizeof(words);
	const uint8_t *bytes = ul_typeid_bytes(typeid, hit.kaddr, len);
	if (!bytes)
		return NULL;
	// A copy: following one word may move the window.
	memcpy(words, bytes, len);
	for (uint32_t i = 0; i < one->fields; i++) {
		const struct ul_field *field = &typeid->facts.fields.data[one->first + i];
		if (field->offset + WORD > len)
			break;
		if (field->kind != UL_FIELD_FUNCTION)
			UL_TRY(follow(typeid, &hit, type, field, words[field->offset / WORD]));
	}
	return NULL;
}

struct ul_error *ul_typeid_spread(struct ul_typeid *typeid)
{
	ul_vec_foreach (object, &typeid->frontier)
		UL_TRY(spread_one(typeid, *object));
	return NULL;
}
