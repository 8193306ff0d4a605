// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where objects are from, as the kernel itself keeps it: the memory cgroup they are charged to, the
 * line of code that asked for them (kernels with CONFIG_MEM_ALLOC_PROFILING).
 *
 * Thousands of objects share a few cgroups: each pointer is named once and counted from then on.
 *
 * Errs: a charge says who allocated, not who should free; what is not charged (tasks in the root
 * cgroup, caches without SLAB_ACCOUNT, allocations without __GFP_ACCOUNT) has none. More pointers
 * than 65,536 are not named: in a damaged image every object may have one of its own.
 */
#include "analysis/origin.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/origin_internal.h"
#include "base/map.h"
#include "base/text.h"

enum { ENTRIES_MAX = 65536 };

/** A pointer that was met, and what it is called. */
struct entry {
	bool is_tag;
	bool known;
	struct ul_charge charge;
	struct ul_code_tag tag;
	uint64_t objects; /**< of the question at hand */
};

struct ul_origin_reader {
	struct ul_image *image;
	const struct ul_heap *heap;
	struct ul_origin_layout layout;
	struct ul_origin_slab slab;
	UL_VEC(struct entry) entries;
	struct ul_map places; /**< of a pointer, +1 of a tag: index in entries */
};

struct ul_origin_reader *ul_origin_reader_create(struct ul_image *image, const struct ul_heap *heap)
{
	struct ul_origin_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return NULL;
	reader->image = image;
	reader->heap = heap;
	ul_origin_layout_load(image, &reader->layout);
	return reader;
}

static void free_charge(struct ul_charge *charge)
{
	free(charge->cgroup);
}

static void free_tag(struct ul_code_tag *tag)
{
	free(tag->file);
	free(tag->function);
	free(tag->module);
}

void ul_origin_reader_destroy(struct ul_origin_reader *reader)
{
	if (!reader)
		return;
	ul_vec_foreach (entry, &reader->entries) {
		free_charge(&entry->charge);
		free_tag(&entry->tag);
	}
	ul_vec_deinit(&reader->entries);
	ul_map_deinit(&reader->places);
	free(reader);
}

/* ---- pointers ---- */

static struct ul_error *add_entry(struct ul_origin_reader *reader, uint64_t kaddr,
				  const struct ul_origin_words *charge, uint64_t key)
{
	const uint32_t place = (uint32_t)reader->entries.len;
	struct entry *entry = ul_vec_add(&reader->entries);
	if (!entry || !ul_map_put(&reader->places, key, place))
		return &ul_enomem;
	entry->is_tag = !charge;
	entry->known = charge ? ul_origin_charge_of(reader->image, charge, &entry->charge)
			      : ul_origin_tag_of(reader->image, kaddr, &entry->tag);
	entry->objects = 1;
	return NULL;
}

/** One more object of the pointer @p kaddr. @p charge: what it is part of; NULL: it is a tag. */
static struct ul_error *count(struct ul_origin_reader *reader, uint64_t kaddr,
			      const struct ul_origin_words *charge)
{
	if (!ul_origin_is_pointer(kaddr))
		return NULL;
	const uint64_t key = kaddr + !charge; // pointers are multiples of 8
	const uint32_t *place = ul_map_find(&reader->places, key);
	if (place)
		reader->entries.data[*place].objects++;
	else if (reader->entries.len < ENTRIES_MAX)
		return add_entry(reader, kaddr, charge, key);
	return NULL;
}

static struct ul_error *count_object(struct ul_origin_reader *reader, uint64_t object)
{
	struct ul_origin_words words;
	struct ul_heap_hit hit;
	if (!ul_heap_object(reader->heap, object, &hit) || !hit.allocated)
		return NULL;
	ul_origin_words_of(reader->image, reader->heap, &reader->layout, &reader->slab, &hit,
			   &words);
	UL_TRY(count(reader, words.objcg ? words.objcg : words.memcg, &words));
	return count(reader, words.tag, NULL);
}

/* ---- the answer ---- */

static int compare_charges(const void *left, const void *right)
{
	const struct ul_charge *a = left;
	const struct ul_charge *b = right;
	const int paths = strcmp(a->cgroup, b->cgroup);
	if (paths)
		return paths;
	if (a->removed != b->removed)
		return a->removed ? 1 : -1;
	return (a->inherited > b->inherited) - (a->inherited < b->inherited);
}

static int compare_charge_counts(const void *left, const void *right)
{
	const struct ul_charge *a = left;
	const struct ul_charge *b = right;
	if (a->objects != b->objects)
		return a->objects < b->objects ? 1 : -1;
	return compare_charges(left, right);
}

static int compare_tags(const void *left, const void *right)
{
	const struct ul_code_tag *a = left;
	const struct ul_code_tag *b = right;
	if (a->objects != b->objects)
		return a->objects < b->objects ? 1 : -1;
	const int files = strcmp(a->file, b->file);
	return files ? files : (a->line > b->line) - (a->line < b->line);
}

static struct ul_error *add_charge(const struct entry *entry, struct ul_origins *ret)
{
	struct ul_charge *charge = ul_vec_add(&ret->charges);
	if (!charge)
		return &ul_enomem;
	*charge = entry->charge;
	charge->objects = entry->objects;
	charge->cgroup = strdup(entry->charge.cgroup);
	if (charge->cgroup)
		return NULL;
	ret->charges.len--;
	return &ul_enomem;
}

static struct ul_error *add_tag(const struct entry *entry, struct ul_origins *ret)
{
	struct ul_code_tag *tag = ul_vec_add(&ret->tags);
	if (!tag)
		return &ul_enomem;
	*tag = (struct ul_code_tag){.line = entry->tag.line, .objects = entry->objects};
	return ul_text_set(&tag->file, entry->tag.file) &&
			       ul_text_set(&tag->function, entry->tag.function) &&
			       ul_text_set(&tag->module, entry->tag.module)
		       ? NULL
		       : &ul_enomem;
}

/** Several struct obj_cgroup may stand for one cgroup: that of each node, those it inherited. */
static void fold_charges(struct ul_origins *origins)
{
	__auto_type all = &origins->charges;
	size_t kept = 0;
	if (!all->len)
		return;
	qsort(all->data, all->len, sizeof(*all->data), compare_charges);
	for (size_t i = 1; i < all->len; i++) {
		if (!compare_charges(&all->data[kept], &all->data[i])) {
			all->data[kept].objects += all->data[i].objects;
			free_charge(&all->data[i]);
		} else {
			all->data[++kept] = all->data[i];
		}
	}
	all->len = kept + 1;
	qsort(all->data, all->len, sizeof(*all->data), compare_charge_counts);
}

static struct ul_error *answer(struct ul_origin_reader *reader, const uint64_t *objects, size_t len,
			       struct ul_origins *ret)
{
	ul_vec_foreach (entry, &reader->entries)
		entry->objects = 0;
	for (size_t i = 0; i < len; i++)
		UL_TRY(count_object(reader, objects[i]));
	ul_vec_foreach (entry, &reader->entries)
		if (entry->known && entry->objects)
			UL_TRY(entry->is_tag ? add_tag(entry, ret) : add_charge(entry, ret));
	fold_charges(ret);
	if (ret->tags.len)
		qsort(ret->tags.data, ret->tags.len, sizeof(*ret->tags.data), compare_tags);
	return NULL;
}

struct ul_error *ul_origins_of(struct ul_origin_reader *reader, const uint64_t *objects, size_t len,
			       struct ul_origins *ret)
{
	*ret = (struct ul_origins){.objects = len};
	struct ul_error *error = answer(reader, objects, len, ret);
	if (error)
		ul_origins_deinit(ret);
	return error;
}
