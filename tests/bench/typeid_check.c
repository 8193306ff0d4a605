// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How often are names of types wrong? For every cache of a dump whose name tells its type, the name
 * is hidden, types are inferred from all the rest, and what comes out is compared with the name:
 *
 *	typeid_check DUMP...
 *
 * Twice: as the cache of one user that it is, and (much harder) as if its objects lay among those
 * of many in a kmalloc() cache. Exit status 1 when fewer than 99 of 100 named objects are right.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/typeid.h"
#include "source/image/image.h"
#include "source/kwalk/kwalk.h"

struct tally {
	uint64_t caches, caches_right, caches_wrong;
	uint64_t objects, right, wrong;
};

static void count_cache(const struct ul_heap *heap, const struct ul_typeid *typeid, size_t cache,
			struct tally *tally)
{
	const ul_type_id truth = ul_typeid_cache_truth(typeid, cache);
	uint64_t right = 0;
	uint64_t wrong = 0;
	struct ul_typed example = {0};
	ul_vec_foreach (block, &heap->blocks) {
		if (block->kind != UL_BLOCK_SLAB || block->cache != cache)
			continue;
		for (uint32_t slot = 0; slot < block->slots; slot++) {
			const uint64_t object = block->first + (uint64_t)slot;
			if (!ul_heap_is_allocated(heap, object))
				continue;
			const ul_type_id type = ul_typeid_of(typeid, object);
			tally->objects++;
			right += type && type == truth;
			if (type && type != truth && !wrong++)
				(void)ul_typeid_object(typeid, object, &example);
		}
	}
	tally->caches++;
	tally->caches_right += right && !wrong;
	tally->caches_wrong += wrong != 0;
	tally->right += right;
	tally->wrong += wrong;
	if (wrong)
		printf("  %s: %llu right, %llu wrong: %s (%s)\n", heap->caches.data[cache].name,
		       (unsigned long long)right, (unsigned long long)wrong, example.name,
		       example.evidence);
}

static struct ul_error *check(struct ul_image *image, const struct ul_heap *heap, bool as_shared,
			      struct tally *tally)
{
	UL_CLEANUP_TYPEID struct ul_typeid *all = NULL;
	UL_TRY(ul_typeid_create(image, heap, NULL, &all));
	for (size_t i = 0; i < heap->caches.len; i++) {
		const struct ul_typeid_options options = {.hide_cache = i + 1,
							  .hide_as_shared = as_shared};
		UL_CLEANUP_TYPEID struct ul_typeid *typeid = NULL;
		if (!ul_typeid_cache_truth(all, i) || !heap->caches.data[i].allocated)
			continue;
		UL_TRY(ul_typeid_create(image, heap, &options, &typeid));
		count_cache(heap, typeid, i, tally);
	}
	return NULL;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static struct ul_error *check_dump(const char *path, bool *ret_good)
{
	const struct ul_image_options options = {.paths = &path, .paths_len = 1};
	const struct ul_kwalk_options walk = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	UL_TRY(ul_image_open(&options, &image));
	UL_TRY(ul_kwalk_heap(&image, &walk, &heap));
	printf("%s\n", image.kernel.release);
	for (int shared = 0; shared < 2; shared++) {
		struct tally tally = {0};
		UL_TRY(check(&image, &heap, shared, &tally));
		const uint64_t named = tally.right + tally.wrong;
		printf("  %-10s %3llu caches: %llu right, %llu wrong; %llu objects: %.1f %% named, "
		       "%.2f %% of these rightly\n",
		       shared ? "as kmalloc" : "own cache", (unsigned long long)tally.caches,
		       (unsigned long long)tally.caches_right,
		       (unsigned long long)tally.caches_wrong, (unsigned long long)tally.objects,
		       percent(named, tally.objects), percent(tally.right, named));
		*ret_good &= tally.right * 100 >= named * 99;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	bool good = true;
	for (int i = 1; i < argc; i++) {
		struct ul_error *error = check_dump(argv[i], &good);
		if (error) {
			fprintf(stderr, "%s: %s\n", argv[i], error->message);
			ul_error_destroy(error);
			return 2;
		}
	}
	return good ? 0 : 1;
}
