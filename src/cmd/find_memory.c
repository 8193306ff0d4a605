// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A few survivors of each leak are looked for in a mark of all memory: what a root leads to is
 * held, what nothing leads to is lost. A held one need not be innocent: a reference count that
 * never drops keeps what it counts in reach. So this says which of both it is and leaves the
 * verdict alone.
 */
#include "cmd/find_memory.h"

#include <string.h>
#include <time.h>

#include "analysis/describe.h"
#include "analysis/reach.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/units.h"
#include "cmd/heap.h"

enum {
	FINDINGS = 6,	 /**< looked at */
	EXAMPLES = 16,	 /**< survivors of each */
	CHAIN_STEPS = 6, /**< shown */
	SECONDS_MOST = 30,
};

struct look {
	const struct ul_cmd_context *context;
	struct ul_image image;
	struct ul_heap heap;
	struct ul_losses losses;
	uint64_t targets[FINDINGS * EXAMPLES];
	size_t targets_len;
	int64_t deadline_ns;
};

static void look_deinit(struct look *look)
{
	ul_heap_deinit(&look->heap);
	ul_image_deinit(&look->image);
	ul_losses_deinit(&look->losses);
}

static bool time_is_up(void *data)
{
	const struct look *look = data;
	return ul_cmd_now_ns() > look->deadline_ns;
}

/** Kernel address of a live allocation; 0 when its key is none. */
static uint64_t address_of(const struct look *look, const struct ul_site *site,
			   const struct ul_allocation *allocation)
{
	uint64_t pfn;
	if (site->allocator != UL_ALLOCATOR_PAGES)
		return allocation->key;
	if (!ul_space_page_pfn(&look->image.space, allocation->key, &pfn))
		return 0;
	return ul_space_pfn_kaddr(&look->image.space, pfn);
}

static bool is_asked_for(const struct ul_finding *finding)
{
	return finding->verdict == UL_FINDING_LEAK && finding->site &&
	       finding->site->examples.len > 0;
}

/** Type of an object that is alone in its cache, by the cache's name and size; 0: not told. */
static ul_type_id type_of(const struct look *look, const struct ul_heap_hit *hit)
{
	if (hit->block->kind != UL_BLOCK_SLAB || !look->image.types)
		return 0;
	const struct ul_heap_cache *cache = &look->heap.caches.data[hit->block->cache];
	struct ul_type type;
	const ul_type_id id = ul_types_find(look->image.types, UL_TYPE_STRUCT, cache->name);
	if (cache->merged || !id || !ul_types_get(look->image.types, id, &type) ||
	    type.bytes > cache->object_bytes)
		return 0;
	return id;
}

/** The identity that most of the site's survivors have; "" when they have none. */
static size_t identify_most(struct look *look, const struct ul_site *site,
			    char most[static UL_IDENTITY_BYTES])
{
	char texts[EXAMPLES][UL_IDENTITY_BYTES];
	size_t len = 0;
	size_t best = 0;
	most[0] = 0;
	ul_vec_foreach (example, &site->examples) {
		struct ul_heap_hit hit;
		if (len == EXAMPLES ||
		    !ul_heap_find(&look->heap, address_of(look, site, example), &hit) ||
		    !hit.allocated)
			continue;
		const ul_type_id type = type_of(look, &hit);
		if (!type)
			continue;
		// The path of a seq_file's file is gone with the file: its operations tell it, too.
		if (ul_identify(&look->image, type, hit.kaddr, texts[len]) ||
		    (site->cache && !strcmp(site->cache, "seq_file") &&
		     ul_identify_seq(&look->image, &look->heap, hit.kaddr, texts[len])))
			len++;
	}
	for (size_t i = 0; i < len; i++) {
		size_t same = 0;
		for (size_t k = 0; k < len; k++)
			same += !strcmp(texts[i], texts[k]);
		if (same > best) {
			best = same;
			ul_text_copy(most, UL_IDENTITY_BYTES, texts[i]);
		}
	}
	return best;
}

static struct ul_error *identify(struct look *look, struct ul_finding *finding)
{
	char text[UL_IDENTITY_BYTES];
	if (identify_most(look, finding->site, text) && !ul_text_set(&finding->identity, text))
		return &ul_enomem;
	ul_vec_foreach (companion, &finding->companions)
		if (companion->site && identify_most(look, companion->site, text) &&
		    !ul_text_set(&companion->identity, text))
			return &ul_enomem;
	return NULL;
}

/** "leakstat_list [leakstat] -> kmalloc-192 -> kmalloc-64" */
static struct ul_error *say_chain(const struct look *look, const struct ul_path *path, char **ret)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	size_t shown = 0;
	ul_vec_foreach (step, &path->steps) {
		struct ul_symbol symbol = {0};
		struct ul_heap_hit hit;
		if (shown++ == CHAIN_STEPS) {
			ul_buf_puts(&text, " -> ...");
			break;
		}
		ul_buf_puts(&text, text.len ? " -> " : "");
		if (step->root && look->image.symtab &&
		    ul_symtab_lookup(look->image.symtab, step->kaddr, &symbol) && symbol.name)
			ul_buf_printf(&text, "%s%s%s%s", symbol.name, symbol.module ? " [" : "",
				      symbol.module ? symbol.module : "", symbol.module ? "]" : "");
		else if (step->root)
			ul_buf_printf(&text, "%s", ul_root_kind_name(step->root_kind));
		else if (ul_heap_find(&look->heap, step->kaddr, &hit))
			ul_buf_puts(&text, ul_heap_block_name(&look->heap, hit.block));
	}
	if (text.failed)
		return &ul_enomem;
	free(*ret);
	*ret = UL_TAKE(text.data);
	return NULL;
}

/** Lost or held, for the targets of one finding. */
static struct ul_error *count_reached(struct look *look, struct ul_finding *finding,
				      const struct ul_path *paths, size_t len)
{
	struct ul_finding_reach *reach = &finding->reach;
	for (size_t i = 0; i < len; i++) {
		reach->looked_at++;
		reach->held += paths[i].steps.len > 0;
		if (paths[i].steps.len && !reach->chain)
			UL_TRY(say_chain(look, &paths[i], &reach->chain));
	}
	return NULL;
}

/** Targets that are still allocated: what was freed meanwhile is neither lost nor held. */
static size_t add_targets(struct look *look, const struct ul_finding *finding)
{
	size_t added = 0;
	ul_vec_foreach (example, &finding->site->examples) {
		struct ul_heap_hit hit;
		const uint64_t kaddr = address_of(look, finding->site, example);
		if (added == EXAMPLES || !kaddr || !ul_heap_find(&look->heap, kaddr, &hit) ||
		    !hit.allocated || hit.block->flags & UL_BLOCK_UNKNOWN)
			continue;
		look->targets[look->targets_len++] = kaddr;
		added++;
	}
	return added;
}

static struct ul_error *find_paths(struct look *look, struct ul_findings *findings)
{
	size_t counts[FINDINGS] = {0};
	size_t asked = 0;
	bool complete = false;
	ul_vec_foreach (finding, &findings->items)
		if (is_asked_for(finding) && asked < FINDINGS)
			counts[asked++] = add_targets(look, finding);
	if (!look->targets_len)
		return NULL;
	struct ul_path *paths UL_CLEANUP_FREE = calloc(look->targets_len, sizeof(*paths));
	if (!paths)
		return &ul_enomem;
	const struct ul_reach_paths_options options = {.stop = time_is_up, .context = look};
	struct ul_error *error = ul_reach_paths(&look->image, &look->heap, look->targets,
						look->targets_len, &options, paths, &complete);
	size_t at = 0;
	asked = 0;
	ul_vec_foreach (finding, &findings->items) {
		if (error || !is_asked_for(finding) || asked == FINDINGS)
			continue;
		const size_t len = counts[asked++];
		error = count_reached(look, finding, paths + at, len);
		finding->reach.complete = complete;
		at += len;
	}
	for (size_t i = 0; i < look->targets_len; i++)
		ul_path_deinit(&paths[i]);
	return error;
}

static struct ul_error *look_into(struct look *look, struct ul_findings *findings)
{
	UL_TRY(ul_cmd_open_heap(look->context, &look->image, &look->heap, &look->losses));
	ul_vec_foreach (finding, &findings->items)
		if (is_asked_for(finding))
			UL_TRY(identify(look, finding));
	return find_paths(look, findings);
}

struct ul_error *ul_cmd_find_memory(const struct ul_cmd_context *context,
				    struct ul_findings *findings)
{
	UL_CLEANUP(look_deinit)
	struct look look = {
		.context = context,
		.deadline_ns = ul_cmd_now_ns() + SECONDS_MOST * UL_NS_PER_S,
	};
	bool wanted = false;
	ul_vec_foreach (finding, &findings->items)
		wanted |= is_asked_for(finding);
	if (!wanted)
		return NULL;
	struct ul_error *error = look_into(&look, findings);
	if (!error || error->code == UL_ERR_NOMEM)
		return error;
	struct ul_error *failed =
		ul_losses_add(&findings->losses, UL_BIAS_NONE, 0,
			      "whether anything points to what was not freed: %s", error->message);
	ul_error_destroy(error);
	return failed;
}
