// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Orphans that look alike, as one finding.
 *
 * A stock kernel keeps no stack of an allocation, so what stacks do elsewhere contents must do
 * here: objects of one cache whose words agree in kind (analysis/pattern) come from one place.
 * Areas of vmalloc do have a caller, page blocks and large kmalloc only a size.
 *
 * The group that matters is the one the others hang from, so groups are ordered by what they
 * retain, and each says from which groups its members hang.
 *
 * Errs as patterns do: two types alike in every kind of word fall together, one type with texts
 * that begin differently falls apart (until a type is known that joins them).
 */
#include "analysis/alloc_site.h"
#include "analysis/orphan_groups.h"

#include <string.h>

#include "analysis/pattern.h"
#include "analysis/pattern_heap.h"
#include "analysis/reach_internal.h"
#include "base/buf.h"
#include "base/text.h"

enum {
	READ_BYTES = 4096,	      /**< of one object, at most */
	READ_BYTES_MIN = 256,	      /**< of one object, when there are many */
	READ_BUDGET_BYTES = 64 << 20, /**< of all objects of one cache */
	EXAMPLES = 5,
	HANGS_FROM_MAX = 64,
	HINT_TEXT = 60,
	HINT_SYMBOLS = 2,
};

/** Orphans with one key are compared by contents. */
struct key {
	uint64_t kind;	 /**< enum ul_block_kind */
	uint64_t detail; /**< slab: cache; vmalloc: start of the caller; else bytes */
	uint64_t site;	 /**< slab: start of the function that asked, where that is kept; else 0 */
	uint32_t orphan; /**< index of the item */
};

struct grouping {
	struct ul_image *image;
	const struct ul_heap *heap;
	struct ul_orphans *orphans;
	struct key *keys;
	uint64_t allocated[UL_BLOCK_PERCPU + 1]; /**< by kind, of kinds that have no caches */
	/* the run at work */
	uint8_t *bytes;
	struct ul_object_bytes *objects;
	uint32_t *pattern_of;
};

static void grouping_deinit(struct grouping *grouping)
{
	free(grouping->keys);
	free(grouping->bytes);
	free(grouping->objects);
	free(grouping->pattern_of);
}

/* ---- keys ---- */

static void set_key(const struct grouping *grouping, const struct ul_heap_hit *hit, struct key *key)
{
	struct ul_symbol symbol;
	uint64_t site = ul_alloc_site(grouping->image, grouping->heap, hit);
	if (grouping->image->symtab && ul_symtab_lookup(grouping->image->symtab, site, &symbol))
		site = symbol.start;
	key->kind = hit->block->kind;
	key->detail = hit->block->bytes;
	if (hit->block->kind == UL_BLOCK_VMALLOC)
		key->detail = site;
	if (hit->block->kind != UL_BLOCK_SLAB)
		return;
	key->detail = hit->block->cache;
	key->site = site;
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *left = a;
	const struct key *right = b;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->detail != right->detail)
		return left->detail < right->detail ? -1 : 1;
	if (left->site != right->site)
		return left->site < right->site ? -1 : 1;
	return (left->orphan > right->orphan) - (left->orphan < right->orphan);
}

static struct ul_error *make_keys(struct grouping *grouping)
{
	const __auto_type items = &grouping->orphans->items;
	grouping->keys = calloc(items->len + 1, sizeof(*grouping->keys));
	if (!grouping->keys)
		return &ul_enomem;
	for (size_t i = 0; i < items->len; i++) {
		struct ul_heap_hit hit;
		struct key *key = &grouping->keys[i];
		key->orphan = (uint32_t)i;
		if (!ul_heap_object(grouping->heap, items->data[i].object, &hit))
			continue;
		set_key(grouping, &hit, key);
	}
	qsort(grouping->keys, items->len, sizeof(*grouping->keys), compare_keys);
	ul_vec_foreach (block, &grouping->heap->blocks)
		if (block->kind != UL_BLOCK_SLAB)
			grouping->allocated[block->kind] +=
				ul_heap_is_allocated(grouping->heap, block->first);
	return NULL;
}

/* ---- one group ---- */

static char *symbol_name(const struct ul_image *image, uint64_t kaddr)
{
	struct ul_symbol symbol;
	char *name = NULL;
	if (!kaddr || !image->symtab || !ul_symtab_lookup(image->symtab, kaddr, &symbol))
		return NULL;
	if (!symbol.module)
		return strdup(symbol.name);
	return asprintf(&name, "%s [%s]", symbol.name, symbol.module) < 0 ? NULL : name;
}

/** A first idea who these belong to: caller, symbols, text. */
static struct ul_error *set_hint(struct ul_orphan_group *group)
{
	struct ul_buf hint UL_CLEANUP_BUF = {0};
	size_t symbols = 0;
	if (group->caller)
		ul_buf_printf(&hint, "allocated by %s", group->caller);
	ul_vec_foreach (pattern, &group->patterns.items) {
		ul_vec_foreach (word, &pattern->words)
			if (word->symbol && symbols++ < HINT_SYMBOLS)
				ul_buf_printf(&hint, "%s+0x%x -> %s", hint.len ? ", " : "",
					      word->offset, word->symbol);
		if (pattern->text && *pattern->text)
			ul_buf_printf(&hint, "%s\"%.*s\"", hint.len ? ", " : "", HINT_TEXT,
				      pattern->text);
		break; // the commonest
	}
	if (hint.failed)
		return &ul_enomem;
	if (hint.len && !ul_text_set(&group->hint, ul_buf_str(&hint)))
		return &ul_enomem;
	return NULL;
}

static uint64_t slot_bytes(const struct ul_block *block)
{
	return block->slots > 1 ? block->slot_bytes : block->bytes;
}

/** The examples to show: those that were lost themselves, and surely, first. */
static struct ul_error *set_examples(const struct ul_orphans *orphans,
				     struct ul_orphan_group *group)
{
	for (int choice = 0; choice < 2; choice++)
		ul_vec_foreach (member, &group->members) {
			const struct ul_orphan *orphan = &orphans->items.data[*member];
			const bool first = orphan->role != UL_ORPHAN_INDIRECT &&
					   orphan->grade <= UL_ORPHAN_STALE;
			if (group->examples.len == EXAMPLES)
				return NULL;
			if (first == !choice && !ul_vec_push(&group->examples, orphan->kaddr))
				return &ul_enomem;
		}
	return NULL;
}

/** Everything of a group that follows from its members. */
static struct ul_error *sum_up(const struct ul_heap *heap, const struct ul_orphans *orphans,
			       struct ul_orphan_group *group)
{
	uint64_t roles[UL_ORPHAN_CYCLE + 1] = {0};
	group->orphans = group->members.len;
	group->grade = UL_ORPHAN_UNREACHED_PAGE;
	group->bytes = group->retained_bytes = group->strong = 0;
	group->examples.len = 0;
	ul_vec_foreach (member, &group->members) {
		const struct ul_orphan *orphan = &orphans->items.data[*member];
		struct ul_heap_hit hit;
		if (ul_heap_object(heap, orphan->object, &hit))
			group->bytes += slot_bytes(hit.block);
		group->retained_bytes += orphan->retained_bytes;
		group->grade = orphan->grade < group->grade ? orphan->grade : group->grade;
		group->strong += orphan->grade <= UL_ORPHAN_STALE;
		roles[orphan->role]++;
	}
	group->role = UL_ORPHAN_DIRECT;
	for (int role = UL_ORPHAN_INDIRECT; role <= UL_ORPHAN_CYCLE; role++)
		if (roles[role] > roles[group->role])
			group->role = (enum ul_orphan_role)role;
	return set_examples(orphans, group);
}

/** A group for objects like that of @p key, still without members. */
static struct ul_error *new_group(struct grouping *grouping, const struct key *key,
				  struct ul_orphan_group **ret)
{
	const struct ul_heap *heap = grouping->heap;
	struct ul_heap_hit hit;
	struct ul_orphan_group *group = ul_vec_add(&grouping->orphans->groups);
	if (!group)
		return &ul_enomem;
	*ret = group;
	if (!ul_heap_object(heap, grouping->orphans->items.data[key->orphan].object, &hit))
		return NULL;
	group->cache = ul_heap_block_name(heap, hit.block);
	group->object_bytes = hit.bytes;
	group->caller = symbol_name(grouping->image, ul_alloc_site(grouping->image, heap, &hit));
	group->allocated = hit.block->kind == UL_BLOCK_SLAB && hit.block->cache < heap->caches.len
				   ? heap->caches.data[hit.block->cache].allocated
				   : grouping->allocated[hit.block->kind];
	return NULL;
}

/* ---- a run of one key ---- */

static struct ul_error *read_objects(struct grouping *grouping, const struct key *keys,
				     size_t count, size_t each)
{
	for (size_t i = 0; i < count; i++) {
		struct ul_heap_hit hit;
		struct ul_object_bytes *object = &grouping->objects[i];
		const struct ul_orphan *orphan = &grouping->orphans->items.data[keys[i].orphan];
		uint8_t *bytes = grouping->bytes + i * each;
		size_t got = 0;
		*object = (struct ul_object_bytes){.kaddr = orphan->kaddr, .bytes = bytes};
		if (!ul_heap_object(grouping->heap, orphan->object, &hit))
			continue;
		const size_t len = hit.bytes < each ? hit.bytes : each;
		UL_TRY(ul_memory_read(grouping->image->memory,
				      ul_heap_contents(grouping->heap, &hit), bytes, len, &got));
		object->len = got;
	}
	return NULL;
}

static struct ul_error *make_room(struct grouping *grouping, size_t count, size_t each)
{
	free(grouping->bytes);
	free(grouping->objects);
	free(grouping->pattern_of);
	grouping->bytes = malloc(count * each);
	grouping->objects = calloc(count, sizeof(*grouping->objects));
	grouping->pattern_of = calloc(count, sizeof(*grouping->pattern_of));
	return grouping->bytes && grouping->objects && grouping->pattern_of ? NULL : &ul_enomem;
}

/** Groups number @p first on, one for each pattern; takes what the patterns own. */
static struct ul_error *add_patterns(struct grouping *grouping, const struct key *key,
				     struct ul_patterns *patterns)
{
	ul_vec_foreach (pattern, &patterns->items) {
		struct ul_orphan_group *group;
		UL_TRY(new_group(grouping, key, &group));
		if (!ul_vec_push(&group->patterns.items, *pattern))
			return &ul_enomem;
		*pattern = (struct ul_pattern){0};
		group->patterns.items.data[0].share = 1;
		group->patterns.objects_read = group->patterns.items.data[0].objects;
		group->patterns.object_bytes = patterns->object_bytes;
		UL_TRY(set_hint(group));
	}
	return NULL;
}

/** Everyone into the group of its pattern; the unread, and those beyond @p looked_at, into one. */
static struct ul_error *add_members(struct grouping *grouping, const struct key *keys, size_t count,
				    size_t looked_at, size_t first)
{
	const __auto_type groups = &grouping->orphans->groups;
	size_t unread = SIZE_MAX;
	for (size_t i = 0; i < count; i++) {
		const bool known = i < looked_at && grouping->pattern_of[i] != UINT32_MAX;
		struct ul_orphan_group *group;
		if (!known && unread == SIZE_MAX) {
			UL_TRY(new_group(grouping, &keys[i], &group));
			unread = groups->len - 1;
			UL_TRY(set_hint(group));
		}
		group = &groups->data[known ? first + grouping->pattern_of[i] : unread];
		if (!ul_vec_push(&group->members, keys[i].orphan))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *group_run(struct grouping *grouping, const struct key *keys, size_t count)
{
	const struct ul_pattern_resolver resolver = ul_pattern_heap_resolver(grouping->heap);
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	const size_t first = grouping->orphans->groups.len;
	size_t each = READ_BYTES;
	while (each > READ_BYTES_MIN && count * each > READ_BUDGET_BYTES)
		each /= 2;
	const size_t most = READ_BUDGET_BYTES / each;
	const size_t looked_at = count < most ? count : most;
	UL_TRY(make_room(grouping, looked_at, each));
	UL_TRY(read_objects(grouping, keys, looked_at, each));
	UL_TRY(ul_pattern_sort_out(grouping->objects, looked_at, grouping->image->symtab, &resolver,
				   grouping->pattern_of, &patterns));
	UL_TRY(add_patterns(grouping, keys, &patterns));
	return add_members(grouping, keys, count, looked_at, first);
}

static struct ul_error *group_all(struct grouping *grouping)
{
	const size_t count = grouping->orphans->items.len;
	size_t end;
	UL_TRY(make_keys(grouping));
	for (size_t first = 0; first < count; first = end) {
		const struct key *key = &grouping->keys[first];
		for (end = first + 1; end < count; end++)
			if (grouping->keys[end].kind != key->kind ||
			    grouping->keys[end].detail != key->detail ||
			    grouping->keys[end].site != key->site)
				break;
		UL_TRY(group_run(grouping, key, end - first));
	}
	ul_vec_foreach (group, &grouping->orphans->groups)
		UL_TRY(sum_up(grouping->heap, grouping->orphans, group));
	return NULL;
}

struct ul_error *ul_orphan_groups(struct ul_image *image, const struct ul_heap *heap,
				  struct ul_orphans *orphans)
{
	struct grouping grouping = {.image = image, .heap = heap, .orphans = orphans};
	struct ul_error *error = group_all(&grouping);
	grouping_deinit(&grouping);
	return error;
}

/* ---- finish: join, suppress, sort, link ---- */

static bool same_finding(const struct ul_orphan_group *a, const struct ul_orphan_group *b)
{
	return a->type && b->type && !strcmp(a->type, b->type) && !strcmp(a->cache, b->cache) &&
	       a->object_bytes == b->object_bytes && ul_text_equal(a->caller, b->caller);
}

/** Puts what @p from has into @p into; @p from is empty then. */
static struct ul_error *join(struct ul_orphan_group *into, struct ul_orphan_group *from)
{
	ul_vec_foreach (member, &from->members)
		if (!ul_vec_push(&into->members, *member))
			return &ul_enomem;
	ul_vec_foreach (pattern, &from->patterns.items) {
		if (!ul_vec_push(&into->patterns.items, *pattern))
			return &ul_enomem;
		*pattern = (struct ul_pattern){0};
	}
	into->patterns.objects_read += from->patterns.objects_read;
	into->patterns.objects_unreadable += from->patterns.objects_unreadable;
	from->members.len = 0;
	return NULL;
}

static int compare_u32(const void *a, const void *b)
{
	const uint32_t left = *(const uint32_t *)a;
	const uint32_t right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

static int compare_patterns(const void *a, const void *b)
{
	const struct ul_pattern *left = a;
	const struct ul_pattern *right = b;
	if (left->objects != right->objects)
		return left->objects < right->objects ? 1 : -1;
	return (left->example > right->example) - (left->example < right->example);
}

static void drop_empty(struct ul_orphans *orphans)
{
	size_t kept = 0;
	for (size_t i = 0; i < orphans->groups.len; i++) {
		struct ul_orphan_group *group = &orphans->groups.data[i];
		if (group->members.len)
			orphans->groups.data[kept++] = *group;
		else
			ul_orphan_group_deinit(group);
	}
	orphans->groups.len = kept;
}

static struct ul_error *join_all(const struct ul_heap *heap, struct ul_orphans *orphans)
{
	const __auto_type groups = &orphans->groups;
	for (size_t i = 0; i < groups->len; i++) {
		struct ul_orphan_group *group = &groups->data[i];
		const size_t before = group->members.len;
		for (size_t k = i + 1; k < groups->len; k++)
			if (groups->data[k].members.len && same_finding(group, &groups->data[k]))
				UL_TRY(join(group, &groups->data[k]));
		if (group->members.len == before)
			continue;
		qsort(group->members.data, group->members.len, sizeof(*group->members.data),
		      compare_u32);
		qsort(group->patterns.items.data, group->patterns.items.len,
		      sizeof(*group->patterns.items.data), compare_patterns);
		ul_vec_foreach (pattern, &group->patterns.items)
			pattern->share =
				(double)pattern->objects / (double)group->patterns.objects_read;
		UL_TRY(sum_up(heap, orphans, group));
	}
	drop_empty(orphans);
	return NULL;
}

static struct ul_error *count_suppressed(struct ul_orphans *orphans,
					 const struct ul_suppression *rule,
					 const struct ul_orphan_group *group)
{
	struct ul_suppressed *suppressed = NULL;
	ul_vec_foreach (item, &orphans->suppressed_by)
		if (!strcmp(item->rule, rule->text) && item->built_in == rule->built_in)
			suppressed = item;
	if (!suppressed) {
		suppressed = ul_vec_add(&orphans->suppressed_by);
		if (!suppressed || !ul_text_set(&suppressed->rule, rule->text) ||
		    !ul_text_set(&suppressed->why, rule->why))
			return &ul_enomem;
		suppressed->built_in = rule->built_in;
	}
	suppressed->orphans += group->orphans;
	suppressed->bytes += group->bytes;
	orphans->suppressed += group->orphans;
	return NULL;
}

static struct ul_error *suppress(const struct ul_suppressions *suppressions,
				 struct ul_orphans *orphans)
{
	ul_vec_foreach (group, &orphans->groups) {
		const struct ul_suppression *rule = ul_suppressions_find(suppressions, group);
		if (!rule)
			continue;
		UL_TRY(count_suppressed(orphans, rule, group));
		group->members.len = 0;
	}
	drop_empty(orphans);
	return NULL;
}

/** Sure ones first, then by what they retain. */
static int compare_groups(const void *a, const void *b)
{
	const struct ul_orphan_group *left = a;
	const struct ul_orphan_group *right = b;
	const bool left_sure = left->grade <= UL_ORPHAN_STALE;
	const bool right_sure = right->grade <= UL_ORPHAN_STALE;
	if (left_sure != right_sure)
		return left_sure ? -1 : 1;
	if (left->retained_bytes != right->retained_bytes)
		return left->retained_bytes < right->retained_bytes ? 1 : -1;
	if (left->bytes != right->bytes)
		return left->bytes < right->bytes ? 1 : -1;
	return (left->members.data[0] > right->members.data[0]) -
	       (left->members.data[0] < right->members.data[0]);
}

static struct ul_error *add_link(struct ul_orphan_group *group, uint32_t from)
{
	ul_vec_foreach (known, &group->hangs_from)
		if (*known == from)
			return NULL;
	if (group->hangs_from.len >= HANGS_FROM_MAX)
		return NULL;
	return ul_vec_push(&group->hangs_from, from) ? NULL : &ul_enomem;
}

static struct ul_error *link_groups(const struct ul_orphan_edges *edges, struct ul_orphans *orphans)
{
	UL_CLEANUP_FREE uint32_t *group_of = calloc(orphans->items.len + 1, sizeof(*group_of));
	if (!group_of)
		return &ul_enomem;
	for (size_t i = 0; i < orphans->groups.len; i++)
		ul_vec_foreach (member, &orphans->groups.data[i].members)
			group_of[*member] = (uint32_t)i + 1;
	for (size_t from = 0; from < orphans->items.len; from++)
		for (uint32_t edge = edges->first[from]; edge < edges->first[from + 1]; edge++) {
			const uint32_t to = group_of[edges->to.data[edge]];
			if (to && group_of[from] && to != group_of[from])
				UL_TRY(add_link(&orphans->groups.data[to - 1], group_of[from] - 1));
		}
	ul_vec_foreach (group, &orphans->groups)
		if (group->hangs_from.len)
			qsort(group->hangs_from.data, group->hangs_from.len,
			      sizeof(*group->hangs_from.data), compare_u32);
	return NULL;
}

static struct ul_error *link_all(struct ul_image *image, const struct ul_heap *heap,
				 struct ul_orphans *orphans)
{
	struct ul_orphan_edges edges;
	struct ul_error *error = ul_orphan_edges_find(image, heap, orphans, &edges);
	if (!error)
		error = link_groups(&edges, orphans);
	ul_orphan_edges_deinit(&edges);
	return error;
}

struct ul_error *ul_orphan_groups_finish(struct ul_image *image, const struct ul_heap *heap,
					 const struct ul_suppressions *suppressions,
					 struct ul_orphans *orphans)
{
	UL_TRY(join_all(heap, orphans));
	if (suppressions)
		UL_TRY(suppress(suppressions, orphans));
	if (!orphans->groups.len)
		return NULL;
	qsort(orphans->groups.data, orphans->groups.len, sizeof(*orphans->groups.data),
	      compare_groups);
	return link_all(image, heap, orphans);
}
