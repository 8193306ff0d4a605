// SPDX-License-Identifier: GPL-2.0-or-later
/* The passes in their order; see kwalk_internal.h. */
#include "source/kwalk/kwalk.h"

#include <stdlib.h>
#include <unistd.h>

#include "source/kwalk/kwalk_internal.h"

static void walk_deinit(struct ul_kwalk *walk)
{
	ul_vec_deinit(&walk->slabs);
	ul_vec_deinit(&walk->caches);
	free(walk->cache_slots);
	ul_vec_deinit(&walk->waiting);
	ul_vec_deinit(&walk->stacks);
	ul_vec_deinit(&walk->not_root);
}

static unsigned int threads_for(const struct ul_image *image, unsigned int wanted)
{
	if (!image->memory->concurrent)
		return 1;
	if (wanted)
		return wanted;
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	return cpus > 0 ? (unsigned int)cpus : 1;
}

static struct ul_error *check(const struct ul_image *image)
{
	const struct ul_address_space *space = &image->space;
	if (!space->vmemmap || !space->page_offset || !space->max_pfn)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "walking kernel memory: where the direct map and the page "
				    "array lie is not known");
	return NULL;
}

/** Who owns pages beside what the pages say themselves. */
static struct ul_error *find_owners(struct ul_kwalk *walk)
{
	UL_TRY(ul_kwalk_cpus(walk));
	UL_TRY(ul_kwalk_idle_pages(walk));
	UL_TRY(ul_kwalk_caches(walk));
	UL_TRY(ul_kwalk_tasks(walk));
	UL_TRY(ul_kwalk_tables(walk));
	UL_TRY(ul_kwalk_percpu_chunks(walk));
	return ul_kwalk_vmalloc(walk);
}

static struct ul_error *find_objects(struct ul_kwalk *walk)
{
	UL_TRY(ul_kwalk_aliases(walk));
	UL_TRY(ul_kwalk_modules(walk));
	UL_TRY(ul_kwalk_sheaves(walk));
	UL_TRY(ul_kwalk_kfence(walk));
	UL_TRY(ul_kwalk_blocks(walk));
	UL_TRY(ul_kwalk_roots(walk));
	UL_TRY(ul_kwalk_hide_kept(walk));
	UL_TRY(ul_heap_finish(walk->heap));
	UL_TRY(ul_kwalk_freelists(walk));
	return ul_kwalk_free_kept(walk);
}

struct ul_error *ul_kwalk_heap(struct ul_image *image, const struct ul_kwalk_options *options,
			       struct ul_heap *ret)
{
	UL_CLEANUP_HEAP struct ul_heap heap = {0};
	UL_CLEANUP(walk_deinit)
	struct ul_kwalk walk = {.image = image,
				.memory = image->memory,
				.heap = &heap,
				.code = options->code,
				.threads = threads_for(image, options->threads)};
	*ret = (struct ul_heap){0};
	UL_TRY(check(image));
	UL_TRY(ul_kwalk_layout_load(image, &walk.layout, &walk.marks));
	struct ul_address_space space = image->space;
	space.struct_page_bytes = walk.layout.page_bytes;
	UL_TRY(ul_heap_init(&heap, &space));
	walk.claims_left = UL_KWALK_CLAIMS + 4 * space.max_pfn;
	UL_TRY(ul_kwalk_pages(&walk));
	UL_TRY(ul_kwalk_page_array(&walk));
	if (options->pages_only) {
		UL_TRY(find_owners(&walk));
		UL_TRY(ul_kwalk_blocks(&walk));
	} else {
		UL_TRY(find_owners(&walk));
		UL_TRY(find_objects(&walk));
	}
	if (!walk.claims_left)
		UL_TRY(ul_kwalk_loss(&walk, UL_BIAS_UNKNOWN, 0,
				     "owners of pages: areas claim more than there can be"));
	*ret = heap;
	heap = (struct ul_heap){0};
	return NULL;
}
