// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Survivors of what may be one leak are read for the addresses of each other: what points to what
 * (analysis/links) says which are lost together, and under which of them.
 *
 * A few survivors of each leak are looked for in a mark of all memory: what a root leads to is
 * held, what nothing leads to is lost. A held one need not be innocent: a reference count that
 * never drops keeps what it counts in reach. So this says which of both it is and leaves the
 * verdict alone.
 *
 * To which memory cgroup survivors are charged costs a few reads of what the walk has found
 * already: it is asked of all that were kept of a finding's site.
 */
#include "cmd/find_memory.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/describe.h"
#include "analysis/links.h"
#include "analysis/origin.h"
#include "analysis/reach.h"
#include "analysis/refcount.h"
#include "analysis/typeid.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/units.h"
#include "cmd/heap.h"

enum {
	FINDINGS = 6,	 /**< looked at */
	EXAMPLES = 16,	 /**< survivors of each */
	CHAIN_STEPS = 6, /**< shown */
	SECONDS_MOST = 30,
	LINKED_SITES = 32,    /**< whose survivors are read */
	LINKED_EACH = 256,    /**< survivors of each */
	LINKED_SURVIVORS = 8, /**< of a site that is no finding; a few are nobody's leak */
};

struct ul_cmd_memory {
	const struct ul_cmd_context *context;
	struct ul_image image;
	struct ul_heap heap;
	struct ul_losses losses;
	uint64_t targets[FINDINGS * EXAMPLES];
	size_t targets_len;
	int64_t deadline_ns;
};

static bool time_is_up(void *data)
{
	const struct ul_cmd_memory *memory = data;
	return ul_cmd_now_ns() > memory->deadline_ns;
}

/** Kernel address of a live allocation; 0 when its key is none. */
static uint64_t address_of(const struct ul_cmd_memory *memory, const struct ul_site *site,
			   const struct ul_allocation *allocation)
{
	uint64_t pfn;
	if (site->allocator != UL_ALLOCATOR_PAGES)
		return allocation->key;
	if (!ul_space_page_pfn(&memory->image.space, allocation->key, &pfn))
		return 0;
	return ul_space_pfn_kaddr(&memory->image.space, pfn);
}

static bool has_examples(const struct ul_finding *finding)
{
	return finding->site && finding->site->examples.len > 0;
}

static bool is_searched_for(const struct ul_finding *finding)
{
	return finding->verdict == UL_FINDING_LEAK && has_examples(finding);
}

/** What it is, and who pays for it, is also told of what a program holds. */
static bool is_asked_for(const struct ul_finding *finding)
{
	return is_searched_for(finding) || (finding->holder && has_examples(finding));
}

/** Type of an object that is alone in its cache, by the cache's name and size; 0: not told. */
static ul_type_id type_of(const struct ul_cmd_memory *memory, const struct ul_heap_hit *hit)
{
	if (hit->block->kind != UL_BLOCK_SLAB || !memory->image.types)
		return 0;
	const struct ul_heap_cache *cache = &memory->heap.caches.data[hit->block->cache];
	struct ul_type type;
	const char *habit = ul_typeid_cache_habit(cache->name);
	const ul_type_id id =
		ul_types_find(memory->image.types, UL_TYPE_STRUCT, habit ? habit : cache->name);
	if (cache->merged || !id || !ul_types_get(memory->image.types, id, &type) ||
	    type.bytes > cache->object_bytes)
		return 0;
	return id;
}

/**
 * What more of the site's survivors stand for than for anything else, and how many references are
 * left of them.
 */
static void identify_site(struct ul_cmd_memory *memory, const struct ul_site *site,
			  struct ul_identified *ret, struct ul_refcount *ret_refcount)
{
	uint64_t kaddrs[EXAMPLES];
	size_t len = 0;
	ul_type_id type = 0;
	ul_vec_foreach (example, &site->examples) {
		struct ul_heap_hit hit;
		if (len == EXAMPLES ||
		    !ul_heap_find(&memory->heap, address_of(memory, site, example), &hit) ||
		    !hit.allocated)
			continue;
		type = type_of(memory, &hit); // of one cache, so of one type
		kaddrs[len++] = hit.kaddr;
	}
	(void)ul_identify_most(&memory->image, &memory->heap, type, kaddrs, len, ret);
	(void)ul_refcount_most(&memory->image, type, kaddrs, len, ret_refcount);
}

static struct ul_error *identify(struct ul_cmd_memory *memory, struct ul_finding *finding)
{
	struct ul_identified most;
	identify_site(memory, finding->site, &most, &finding->refcount);
	finding->release = most.release;
	finding->identity_objects = most.objects;
	finding->identity_looked_at = most.looked_at;
	if (most.text[0] && !ul_text_set(&finding->identity, most.text))
		return &ul_enomem;
	ul_vec_foreach (companion, &finding->companions) {
		if (!companion->site)
			continue;
		identify_site(memory, companion->site, &most, &companion->refcount);
		if (!finding->release.file[0])
			finding->release = most.release;
		companion->identity_objects = most.objects;
		companion->identity_looked_at = most.looked_at;
		if (most.text[0] && !ul_text_set(&companion->identity, most.text))
			return &ul_enomem;
	}
	return NULL;
}

/** Memory cgroup and line of code, of the survivors of the finding's own site. */
static struct ul_error *add_origins(struct ul_cmd_memory *memory, struct ul_origin_reader *reader,
				    struct ul_finding *finding)
{
	const struct ul_site *site = finding->site;
	uint64_t *objects UL_CLEANUP_FREE = calloc(site->examples.len, sizeof(*objects));
	size_t len = 0;
	if (!objects)
		return &ul_enomem;
	ul_vec_foreach (example, &site->examples) {
		struct ul_heap_hit hit;
		if (ul_heap_find(&memory->heap, address_of(memory, site, example), &hit) &&
		    hit.allocated)
			objects[len++] = hit.object;
	}
	return ul_origins_of(reader, objects, len, &finding->origins);
}

/** "leakstat_list [leakstat] -> kmalloc-192 -> kmalloc-64" */
static struct ul_error *say_chain(const struct ul_cmd_memory *memory, const struct ul_path *path,
				  char **ret)
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
		if (step->root && memory->image.symtab &&
		    ul_symtab_lookup(memory->image.symtab, step->kaddr, &symbol) && symbol.name)
			ul_buf_printf(&text, "%s%s%s%s", symbol.name, symbol.module ? " [" : "",
				      symbol.module ? symbol.module : "", symbol.module ? "]" : "");
		else if (step->root)
			ul_buf_printf(&text, "%s", ul_root_kind_name(step->root_kind));
		else if (ul_heap_find(&memory->heap, step->kaddr, &hit))
			ul_buf_puts(&text, ul_heap_block_name(&memory->heap, hit.block));
	}
	if (text.failed)
		return &ul_enomem;
	free(*ret);
	*ret = UL_TAKE(text.data);
	return NULL;
}

/** Lost or held, for the targets of one finding. */
static struct ul_error *count_reached(struct ul_cmd_memory *memory, struct ul_finding *finding,
				      const struct ul_path *paths, size_t len)
{
	struct ul_finding_reach *reach = &finding->reach;
	for (size_t i = 0; i < len; i++) {
		reach->looked_at++;
		reach->held += paths[i].steps.len > 0;
		if (paths[i].steps.len && !reach->chain)
			UL_TRY(say_chain(memory, &paths[i], &reach->chain));
	}
	return NULL;
}

/** Targets that are still allocated: what was freed meanwhile is neither lost nor held. */
static size_t add_targets(struct ul_cmd_memory *memory, const struct ul_finding *finding)
{
	size_t added = 0;
	ul_vec_foreach (example, &finding->site->examples) {
		struct ul_heap_hit hit;
		const uint64_t kaddr = address_of(memory, finding->site, example);
		if (added == EXAMPLES || !kaddr || !ul_heap_find(&memory->heap, kaddr, &hit) ||
		    !hit.allocated || hit.block->flags & UL_BLOCK_UNKNOWN)
			continue;
		memory->targets[memory->targets_len++] = kaddr;
		added++;
	}
	return added;
}

static struct ul_error *find_paths(struct ul_cmd_memory *memory, struct ul_findings *findings)
{
	size_t counts[FINDINGS] = {0};
	size_t asked = 0;
	bool complete = false;
	ul_vec_foreach (finding, &findings->items)
		if (is_searched_for(finding) && asked < FINDINGS)
			counts[asked++] = add_targets(memory, finding);
	if (!memory->targets_len)
		return NULL;
	struct ul_path *paths UL_CLEANUP_FREE = calloc(memory->targets_len, sizeof(*paths));
	if (!paths)
		return &ul_enomem;
	const struct ul_reach_paths_options options = {.stop = time_is_up, .context = memory};
	struct ul_error *error = ul_reach_paths(&memory->image, &memory->heap, memory->targets,
						memory->targets_len, &options, paths, &complete);
	size_t at = 0;
	asked = 0;
	ul_vec_foreach (finding, &findings->items) {
		if (error || !is_searched_for(finding) || asked == FINDINGS)
			continue;
		const size_t len = counts[asked++];
		error = count_reached(memory, finding, paths + at, len);
		finding->reach.complete = complete;
		at += len;
	}
	for (size_t i = 0; i < memory->targets_len; i++)
		ul_path_deinit(&paths[i]);
	return error;
}

/* ---- who points to whom ---- */

static struct ul_error *add_linked(struct ul_cmd_memory *memory, const struct ul_site *site,
				   struct ul_links *links)
{
	if (!site || links->sites.len == LINKED_SITES)
		return NULL;
	ul_vec_foreach (known, &links->sites)
		if (known->site == site)
			return NULL;
	struct ul_linked *linked = ul_vec_add(&links->sites);
	if (!linked)
		return &ul_enomem;
	linked->site = site;
	ul_vec_foreach (example, &site->examples) {
		struct ul_heap_hit hit;
		const uint64_t kaddr = address_of(memory, site, example);
		if (kaddr && linked->objects.len < LINKED_EACH &&
		    ul_heap_find(&memory->heap, kaddr, &hit) && hit.allocated &&
		    !ul_vec_push(&linked->objects, kaddr))
			return &ul_enomem;
	}
	return NULL;
}

struct ul_error *ul_cmd_memory_links(struct ul_cmd_memory *memory, const struct ul_trace *trace,
				     const struct ul_findings *findings, struct ul_links *ret)
{
	UL_CLEANUP_LINKS struct ul_links links = {0};
	ul_vec_foreach (finding, &findings->items)
		UL_TRY(add_linked(memory, finding->site, &links));
	ul_vec_foreach (finding, &findings->items)
		ul_vec_foreach (companion, &finding->companions)
			UL_TRY(add_linked(memory, companion->site, &links));
	// Others may be what these hang from, or hang from these.
	ul_vec_foreach (site, &trace->sites)
		if (site->survivors >= LINKED_SURVIVORS)
			UL_TRY(add_linked(memory, site, &links));
	UL_TRY(ul_links_find(&memory->image, &memory->heap, &links));
	*ret = links;
	links = (struct ul_links){0};
	return NULL;
}

/* ---- lost or held ---- */

struct ul_error *ul_cmd_memory_look(struct ul_cmd_memory *memory, struct ul_findings *findings)
{
	UL_CLEANUP_ORIGIN_READER struct ul_origin_reader *reader =
		ul_origin_reader_create(&memory->image, &memory->heap);
	if (!reader)
		return &ul_enomem;
	ul_vec_foreach (finding, &findings->items) {
		if (!is_asked_for(finding))
			continue;
		UL_TRY(identify(memory, finding));
		UL_TRY(add_origins(memory, reader, finding));
	}
	memory->deadline_ns = ul_cmd_now_ns() + SECONDS_MOST * UL_NS_PER_S;
	return find_paths(memory, findings);
}

/* ---- open ---- */

struct ul_error *ul_cmd_memory_open(const struct ul_cmd_context *context,
				    struct ul_findings *findings, struct ul_cmd_memory **ret)
{
	bool wanted = false;
	UL_CLEANUP_CMD_MEMORY struct ul_cmd_memory *memory = NULL;
	*ret = NULL;
	ul_vec_foreach (finding, &findings->items)
		wanted |= is_searched_for(finding);
	if (!wanted)
		return NULL;
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return &ul_enomem;
	memory->context = context;
	struct ul_error *error =
		ul_cmd_open_heap(context, &memory->image, &memory->heap, &memory->losses);
	if (!error) {
		UL_TRY(ul_losses_merge(&findings->losses, &memory->losses));
		*ret = UL_TAKE(memory);
		return NULL;
	}
	return ul_losses_add_error(&findings->losses, UL_BIAS_NONE, error,
				   "whether anything points to what was not freed");
}

void ul_cmd_memory_destroy(struct ul_cmd_memory *memory)
{
	if (!memory)
		return;
	ul_heap_deinit(&memory->heap);
	ul_image_deinit(&memory->image);
	ul_losses_deinit(&memory->losses);
	free(memory);
}

struct ul_error *ul_cmd_find_memory(const struct ul_cmd_context *context,
				    struct ul_findings *findings)
{
	UL_CLEANUP_CMD_MEMORY struct ul_cmd_memory *memory = NULL;
	UL_TRY(ul_cmd_memory_open(context, findings, &memory));
	return memory ? ul_cmd_memory_look(memory, findings) : NULL;
}
