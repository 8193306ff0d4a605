// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `inspect` of an image: addresses, all objects of a cache, survivors of a recording, orphans. Free
 * objects never vote; what is unreadable is counted. Patterns are drawn over all objects chosen, up
 * to a limit of bytes that is said when it is met.
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "analysis/alloc_site.h"
#include "analysis/describe.h"
#include "analysis/origin.h"
#include "analysis/pattern.h"
#include "analysis/pattern_heap.h"
#include "analysis/reach.h"
#include "analysis/revisit.h"
#include "analysis/typeid.h"
#include "cmd/heap.h"
#include "cmd/image.h"
#include "cmd/inspect.h"

enum {
	OBJECT_BYTES_MAX = 65536,
	READ_BYTES_MAX = 512 << 20, /**< of objects that cannot be had without a copy */
	OBJECTS_MAX = 4 << 20,
	EXAMPLES = 3,
	DESCRIBED_MAX = 64, /**< addresses whose members are shown */
	TYPES_SHOWN = 12,
	HEX_BYTES_MAX = 4096,
	IDENTIFIED_MAX = 20000, /**< objects that are looked up */
	IDENTITIES_SHOWN = 8,
};

/* Everything one inspection works with. */
struct work {
	struct ul_cmd_context *context;
	struct ul_image image;
	struct ul_heap heap;
	struct ul_inspect_recording recording; /* path NULL: none */
	struct ul_typeid *typeid;	       /* NULL: too many objects */
	UL_VEC(uint64_t) objects;	       /* by number */
	struct ul_object_bytes *bytes;
	UL_VEC(void *) copies;
	uint64_t copied;
	struct ul_seq_owner owner; /* of the last struct seq_file */
	struct ul_origin_reader *origins;
	struct ul_inspection *inspection;
};

static void work_deinit(struct work *work)
{
	ul_vec_foreach (copy, &work->copies)
		free(*copy);
	ul_vec_deinit(&work->copies);
	free(work->bytes);
	ul_vec_deinit(&work->objects);
	ul_typeid_destroy(work->typeid);
	ul_origin_reader_destroy(work->origins);
	ul_inspect_recording_deinit(&work->recording);
	ul_heap_deinit(&work->heap);
	ul_image_deinit(&work->image);
}

static struct ul_error *open_image(struct work *work)
{
	struct ul_losses *losses = &work->inspection->losses;
	UL_TRY(ul_cmd_open_image(work->context, &work->image));
	if (work->recording.path)
		UL_TRY(ul_inspect_recording_fits(&work->recording, &work->image, losses));
	UL_TRY(ul_cmd_walk_heap(&work->image, &work->heap, losses));
	work->origins = ul_origin_reader_create(&work->image, &work->heap);
	if (!work->origins)
		return &ul_enomem;
	return ul_cmd_typeid(&work->image, &work->heap, NULL, losses, &work->typeid);
}

/* ---- what was asked for ---- */

static bool cache_chosen(const struct ul_options *options, const char *name)
{
	ul_vec_foreach (pattern, &options->caches)
		if (!fnmatch(*pattern, name, 0))
			return true;
	return !options->caches.len;
}

static struct ul_error *choose(struct work *work, uint64_t object)
{
	if (work->objects.len >= OBJECTS_MAX)
		return ul_losses_add(&work->inspection->losses, UL_BIAS_UNKNOWN, 1,
				     "objects beyond the %d that are looked at", OBJECTS_MAX);
	return ul_vec_push(&work->objects, object) ? NULL : &ul_enomem;
}

static struct ul_error *choose_cache(struct work *work)
{
	const struct ul_options *options = &work->context->options;
	ul_vec_foreach (block, &work->heap.blocks) {
		if (block->flags & UL_BLOCK_UNKNOWN ||
		    !cache_chosen(options, ul_heap_block_name(&work->heap, block)))
			continue;
		for (uint32_t slot = 0; slot < block->slots; slot++) {
			const uint64_t object = block->first + (uint64_t)slot;
			if (ul_heap_is_allocated(&work->heap, object))
				UL_TRY(choose(work, object));
		}
	}
	return NULL;
}

static struct ul_error *choose_orphans(struct work *work)
{
	const struct ul_reach_options reach = {0};
	struct ul_orphans orphans UL_CLEANUP_ORPHANS = {0};
	struct ul_heap_hit hit;
	UL_TRY(ul_reach(&work->image, &work->heap, &reach, &orphans));
	ul_vec_foreach (orphan, &orphans.items)
		if (ul_heap_object(&work->heap, orphan->object, &hit) &&
		    cache_chosen(&work->context->options,
				 ul_heap_block_name(&work->heap, hit.block)))
			UL_TRY(choose(work, orphan->object));
	if (work->image.live)
		UL_TRY(ul_losses_add(
			&work->inspection->losses, UL_BIAS_OVER, 0,
			"orphans of one look at a machine that runs: not checked again, as "
			"ullage orphans does, so what moved meanwhile is among them"));
	return ul_losses_merge(&work->inspection->losses, &orphans.losses);
}

static struct ul_error *choose_survivors(struct work *work)
{
	struct ul_revisit *revisit = &work->inspection->revisit;
	for (size_t i = 0; i < work->recording.sites_len; i++) {
		const struct ul_site *site = work->recording.sites[i];
		revisit->sites++;
		revisit->survivors += site->survivors;
		ul_vec_foreach (survivor, &site->examples) {
			uint64_t object;
			const enum ul_revisited now =
				ul_revisit(&work->heap, site, survivor, &object);
			revisit->kept++;
			revisit->now[now]++;
			if (now == UL_REVISITED_THERE)
				UL_TRY(choose(work, object));
		}
	}
	return ul_inspect_recording_losses(revisit, &work->inspection->losses);
}

static struct ul_error *say_what(struct work *work)
{
	const struct ul_options *options = &work->context->options;
	struct ul_buf what UL_CLEANUP_BUF = {0};
	if (options->recording) {
		work->inspection->what = ul_inspect_recording_what(&work->recording, options->site);
		return work->inspection->what ? NULL : &ul_enomem;
	}
	ul_buf_puts(&what, options->orphans ? "orphans" : "objects");
	ul_vec_foreach (cache, &options->caches)
		ul_buf_printf(&what, "%s %s", cache == options->caches.data ? " of" : ",", *cache);
	if (what.failed)
		return &ul_enomem;
	work->inspection->what = UL_TAKE(what.data);
	return NULL;
}

/* ---- one address ---- */

static struct ul_error *describe_object(struct work *work, uint64_t object, uint64_t kaddr,
					struct ul_described *ret)
{
	struct ul_typed typed;
	if (!ul_typeid_object(work->typeid, object, &typed))
		return NULL;
	UL_TRY(ul_describe(&work->image, &work->heap, work->typeid, typed.type, kaddr, ret));
	ret->evidence = strdup(typed.evidence);
	return ret->evidence ? NULL : &ul_enomem;
}

static struct ul_error *add_hex(struct work *work, uint64_t kaddr, size_t len,
				struct ul_inspected *ret)
{
	size_t got = 0;
	if (!ul_vec_reserve(&ret->bytes, len))
		return &ul_enomem;
	UL_TRY(ul_memory_read(work->image.memory, kaddr, ret->bytes.data, len, &got));
	ret->bytes.len = got;
	return NULL;
}

static struct ul_error *look_at(struct work *work, uint64_t kaddr)
{
	struct ul_heap_hit hit;
	struct ul_inspected *one = ul_vec_add(&work->inspection->objects);
	if (!one)
		return &ul_enomem;
	one->kaddr = kaddr;
	one->has_symbol = ul_symtab_lookup(work->image.symtab, kaddr, &one->symbol);
	if (!ul_heap_find(&work->heap, kaddr, &hit))
		return work->context->options.hex ? add_hex(work, kaddr, 256, one) : NULL;
	one->has_object = one->has_cache = true;
	one->object = hit.kaddr;
	one->offset = hit.offset;
	one->object_bytes = hit.bytes;
	one->allocated = hit.allocated;
	if (hit.allocated &&
	    !ul_symtab_lookup(work->image.symtab, ul_alloc_site(&work->image, &work->heap, &hit),
			      &one->site))
		one->site = (struct ul_symbol){0};
	(void)snprintf(one->cache, sizeof(one->cache), "%s",
		       ul_heap_block_name(&work->heap, hit.block));
	if (work->context->options.hex)
		UL_TRY(add_hex(work, ul_heap_contents(&work->heap, &hit),
			       hit.bytes < HEX_BYTES_MAX ? hit.bytes : HEX_BYTES_MAX, one));
	if (!hit.allocated)
		return NULL;
	UL_TRY(ul_origins_of(work->origins, &hit.object, 1, &one->origins));
	if (work->inspection->objects.len <= DESCRIBED_MAX)
		UL_TRY(describe_object(work, hit.object, hit.kaddr, &one->described));
	return choose(work, hit.object);
}

/* ---- all that were chosen ---- */

static int compare_types(const void *left, const void *right)
{
	const struct ul_inspected_type *a = left;
	const struct ul_inspected_type *b = right;
	if (a->objects != b->objects)
		return a->objects < b->objects ? 1 : -1;
	return strcmp(a->name, b->name);
}

static struct ul_error *count_types(struct work *work)
{
	__auto_type types = &work->inspection->types;
	UL_VEC(ul_type_id) ids = {0};
	struct ul_error *error = NULL;
	for (size_t i = 0; i < work->objects.len && !error; i++) {
		const ul_type_id id = ul_typeid_of(work->typeid, work->objects.data[i]);
		struct ul_inspected_type one = {.objects = 1};
		struct ul_typed typed;
		size_t at = 0;
		if (!id)
			continue;
		while (at < ids.len && ids.data[at] != id)
			at++;
		if (at < ids.len) {
			types->data[at].objects++;
			continue;
		}
		if (!ul_typeid_object(work->typeid, work->objects.data[i], &typed))
			continue;
		memcpy(one.name, typed.name, sizeof(one.name));
		memcpy(one.evidence, typed.evidence, sizeof(one.evidence));
		if (!ul_vec_push(&ids, id) || !ul_vec_push(types, one))
			error = &ul_enomem;
	}
	ul_vec_deinit(&ids);
	if (types->len)
		qsort(types->data, types->len, sizeof(*types->data), compare_types);
	if (types->len > TYPES_SHOWN)
		types->len = TYPES_SHOWN;
	return error;
}

static int compare_identities(const void *left, const void *right)
{
	const struct ul_inspected_identity *a = left;
	const struct ul_inspected_identity *b = right;
	if (a->objects != b->objects)
		return a->objects < b->objects ? 1 : -1;
	return strcmp(a->text, b->text);
}

static int compare_texts(const void *left, const void *right)
{
	const struct ul_inspected_identity *a = left;
	const struct ul_inspected_identity *b = right;
	return strcmp(a->text, b->text);
}

/* Equal ones, which lie together, become one; the most frequent few stay. */
static void fold_identities(struct ul_inspection *inspection)
{
	__auto_type all = &inspection->identities;
	size_t kept = 0;
	if (!all->len)
		return;
	qsort(all->data, all->len, sizeof(*all->data), compare_texts);
	for (size_t i = 1; i < all->len; i++) {
		if (!strcmp(all->data[kept].text, all->data[i].text)) {
			all->data[kept].objects++;
			free(all->data[i].text);
		} else {
			all->data[++kept] = all->data[i];
		}
	}
	all->len = kept + 1;
	qsort(all->data, all->len, sizeof(*all->data), compare_identities);
	while (all->len > IDENTITIES_SHOWN)
		free(all->data[--all->len].text);
}

static struct ul_error *add_identity(struct work *work, const struct ul_identified *one)
{
	struct ul_inspected_identity *identity = ul_vec_add(&work->inspection->identities);
	if (!identity)
		return &ul_enomem;
	identity->objects = 1;
	identity->release = one->release;
	identity->text = strdup(one->text);
	return identity->text ? NULL : &ul_enomem;
}

static struct ul_error *count_identities(struct work *work)
{
	struct ul_inspection *inspection = work->inspection;
	const size_t len = work->objects.len < IDENTIFIED_MAX ? work->objects.len : IDENTIFIED_MAX;
	for (size_t i = 0; inspection->what && i < len; i++) {
		const ul_type_id type = ul_typeid_of(work->typeid, work->objects.data[i]);
		struct ul_identified one;
		struct ul_heap_hit hit;
		if (!type || !ul_heap_object(&work->heap, work->objects.data[i], &hit) ||
		    !ul_identify_one(&work->image, &work->heap, type, hit.kaddr, &work->owner,
				     &one))
			continue;
		inspection->identified++;
		UL_TRY(add_identity(work, &one));
	}
	fold_identities(inspection);
	return NULL;
}

/* Bytes of an object: where they lie, or a copy. */
static struct ul_error *read_object(struct work *work, const struct ul_heap_hit *hit, size_t len,
				    struct ul_object_bytes *ret)
{
	size_t mapped = 0;
	size_t got = 0;
	const uint64_t kaddr = ul_heap_contents(&work->heap, hit);
	*ret = (struct ul_object_bytes){.kaddr = kaddr};
	const uint8_t *bytes = ul_memory_map(work->image.memory, kaddr, &mapped);
	if (bytes && mapped >= len) {
		ret->bytes = bytes;
		ret->len = len;
		return NULL;
	}
	if (work->copied + len > READ_BYTES_MAX)
		return ul_losses_add(&work->inspection->losses, UL_BIAS_UNKNOWN, 1,
				     "objects whose contents were not read, for they are too many");
	void *copy = malloc(len ? len : 1);
	if (!copy || !ul_vec_push(&work->copies, copy)) {
		free(copy);
		return &ul_enomem;
	}
	work->copied += len;
	UL_TRY(ul_memory_read(work->image.memory, kaddr, copy, len, &got));
	ret->bytes = copy;
	ret->len = got;
	return NULL;
}

static struct ul_error *find_patterns(struct work *work, size_t len)
{
	const struct ul_pattern_resolver resolver = ul_pattern_heap_resolver(&work->heap);
	work->bytes = calloc(work->objects.len + 1, sizeof(*work->bytes));
	if (!work->bytes)
		return &ul_enomem;
	for (size_t i = 0; i < work->objects.len; i++) {
		struct ul_heap_hit hit;
		if (!ul_heap_object(&work->heap, work->objects.data[i], &hit))
			continue;
		size_t most = len ? len : OBJECT_BYTES_MAX;
		most = hit.bytes < most ? hit.bytes : most;
		UL_TRY(read_object(work, &hit, most, &work->bytes[i]));
	}
	return ul_pattern_analyse_resolved(work->bytes, work->objects.len, work->image.symtab,
					   &resolver, &work->inspection->patterns);
}

/* Types of patterns by their examples; the first of them member by member. */
static struct ul_error *type_patterns(struct work *work)
{
	ul_vec_foreach (pattern, &work->inspection->patterns.items) {
		struct ul_heap_hit hit;
		struct ul_typed typed;
		if (!ul_heap_find(&work->heap, pattern->example, &hit) ||
		    !ul_typeid_object(work->typeid, hit.object, &typed))
			continue;
		free(pattern->type);
		pattern->type = strdup(typed.name);
		if (!pattern->type)
			return &ul_enomem;
		if (!work->inspection->what || work->inspection->examples.len >= EXAMPLES)
			continue;
		struct ul_described *example = ul_vec_add(&work->inspection->examples);
		if (!example)
			return &ul_enomem;
		UL_TRY(describe_object(work, hit.object, hit.kaddr, example));
	}
	return NULL;
}

static void drop_bytes(struct ul_patterns *patterns)
{
	ul_vec_foreach (pattern, &patterns->items)
		ul_vec_deinit(&pattern->bytes);
}

struct ul_error *ul_inspect_image(struct ul_cmd_context *context, const uint64_t *addresses,
				  size_t len, struct ul_inspection *inspection)
{
	struct work work UL_CLEANUP(work_deinit) = {.context = context, .inspection = inspection};
	const struct ul_options *options = &context->options;
	if (options->recording)
		UL_TRY(ul_inspect_recording_open(options, &work.recording));
	UL_TRY(open_image(&work));
	for (size_t i = 0; i < context->positionals_len; i++)
		UL_TRY(look_at(&work, addresses[i]));
	if (options->recording)
		UL_TRY(choose_survivors(&work));
	else if (options->orphans)
		UL_TRY(choose_orphans(&work));
	else if (options->caches.len)
		UL_TRY(choose_cache(&work));
	if (options->recording || options->orphans || options->caches.len)
		UL_TRY(say_what(&work));
	inspection->chosen = work.objects.len;
	UL_TRY(count_types(&work));
	UL_TRY(count_identities(&work));
	UL_TRY(ul_origins_of(work.origins, work.objects.data, work.objects.len,
			     &inspection->origins));
	UL_TRY(find_patterns(&work, len));
	UL_TRY(type_patterns(&work));
	if (!options->json && !options->hex)
		drop_bytes(&inspection->patterns);
	return ul_inspect_show(context, &work.image.kernel, inspection);
}
