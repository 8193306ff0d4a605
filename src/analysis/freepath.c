// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The function that lost an object is often on no stack: it is the one that did not free it. What
 * is known instead is how others of the same sort come to their end, so two things are said:
 *
 *   usual     the function that frees them: the commonest first frame of the frees that is no
 *             allocator. One sort is: the same function allocates from the same cache. Where
 *             nothing of that was freed, all of a named cache count; kmalloc caches hold too much.
 *   missing   what the lost ones have in common and the freed ones have not, most telling first:
 *               symbol   they point to a table of operations or a callback: that code owns them
 *               caller   they were allocated through this function
 *               process  ... by this program
 *               text     they hold this text
 *             Companions are looked at, too: a lost buffer has nothing but text, the seq_file that
 *             is lost with it points to its owner.
 *
 * "In common" is 80 % of the lost, "have not" is 10 % of the freed: an object that is merely still
 * in use is counted among the lost. With fewer than MIN_FREED freed ones looked at, nothing is said
 * to be missing. A coincidence (the only program that happens to run) is a difference like any
 * other; that is why those that name code come first.
 *
 * Where the release of a /proc file is known that forgets them (analysis/identify_seq), it is
 * named; else the reader is told where to look for it.
 *
 * Errs: the share of freed objects with a symbol comes from a sample of at most some tens a site;
 * none of 32 means fewer than 9 % with 95 % confidence, and so says the sentence: of how many.
 */
#include "analysis/freepath.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "analysis/sites.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/units.h"

enum { MIN_FREED = 4, MIN_LOST = 4, MAX_DIFFERENCES = 6, TEXT_COMPARED = 24 };

static const double in_common = 0.8;
static const double have_not = 0.1;

/* Functions that hand memory back; their caller frees. */
static const char *const free_frames[] = {
	"kfree",
	"kfree.*",
	"__kfree*",
	"kfree_sensitive*",
	"kzfree*",
	"kfree_const*",
	"kvfree*",
	"kmem_cache_free*",
	"__kmem_cache_free*",
	"___cache_free*",
	"slab_free*",
	"__slab_free*",
	"kfree_bulk*",
	"kfree_call_rcu*",
	"vfree*",
	"__vfree*",
	"__vunmap*",
	"remove_vm_area*",
	"vm_remove_mappings*",
	"free_pages*",
	"__free_pages*",
	"free_unref_page*",
	"free_pcp*",
	"__free_one_page*",
	"free_pages_prepare*",
	"__put_page*",
	"__folio_put*",
	"free_frozen_pages*",
	"__free_frozen_pages*",
	"free_percpu*",
	"mempool_free*",
	"mempool_kfree*",
	"devm_kfree*",
	"free_large_kmalloc*",
	"delayed_vfree_work*",
	"free_work",
	"free_to_pcs*",
	"__pcs_replace_full_main*",
	"__kfree_rcu_sheaf*",
	"rcu_free_sheaf*",
	"sheaf_flush*",
	"kmem_cache_return_sheaf*",
	"kvfree_rcu_list*",
	"kvfree_rcu_bulk*",
};

bool ul_freepath_is_free(const char *function)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(free_frames); i++)
		if (!fnmatch(free_frames[i], function, 0))
			return true;
	return false;
}

static void choose_function(struct ul_free_path *path)
{
	path->function = path->module = NULL;
	ul_vec_foreach (frame, &path->stack.frames) {
		if (!frame->function)
			continue;
		path->function = frame->function;
		path->module = frame->module;
		if (!ul_freepath_is_free(frame->function))
			return;
	}
}

static bool same_frames(const struct ul_stack *a, const struct ul_stack *b)
{
	if (a->frames.len != b->frames.len)
		return false;
	for (size_t i = 0; i < a->frames.len; i++) {
		const struct ul_frame *fa = &a->frames.data[i];
		const struct ul_frame *fb = &b->frames.data[i];
		if (!ul_text_equal(fa->function, fb->function) ||
		    !ul_text_equal(fa->module, fb->module) ||
		    (!fa->function && fa->kaddr != fb->kaddr))
			return false;
	}
	return true;
}

static int most_freed(const void *left, const void *right)
{
	const struct ul_free_path *a = left;
	const struct ul_free_path *b = right;
	return a->objects < b->objects ? 1 : a->objects > b->objects ? -1 : 0;
}

static int most_objects(const void *left, const void *right)
{
	const struct ul_site_process *a = left;
	const struct ul_site_process *b = right;
	return a->objects < b->objects ? 1 : a->objects > b->objects ? -1 : 0;
}

struct ul_error *ul_freepath_digest(struct ul_site *site)
{
	struct ul_free_path *paths = site->free_paths.data;
	size_t kept = 0;
	for (size_t i = 0; i < site->free_paths.len; i++) {
		size_t same = 0;
		while (same < kept && !same_frames(&paths[same].stack, &paths[i].stack))
			same++;
		if (same < kept) {
			paths[same].objects += paths[i].objects;
			ul_stack_deinit(&paths[i].stack);
			paths[i] = (struct ul_free_path){0};
			continue;
		}
		if (kept != i) {
			paths[kept] = paths[i];
			paths[i] = (struct ul_free_path){0};
		}
		kept++;
	}
	site->free_paths.len = kept;
	if (kept)
		qsort(paths, kept, sizeof(*paths), most_freed);
	for (size_t i = 0; i < kept; i++)
		choose_function(&paths[i]);
	if (site->freed_processes.len)
		qsort(site->freed_processes.data, site->freed_processes.len,
		      sizeof(*site->freed_processes.data), most_objects);
	return NULL;
}

struct ul_error *ul_freepath_move(struct ul_site *into, struct ul_site *from)
{
	ul_vec_foreach (path, &from->free_paths) {
		if (!ul_vec_push(&into->free_paths, *path))
			return &ul_enomem;
		*path = (struct ul_free_path){0}; // its stack has moved
	}
	ul_vec_foreach (process, &from->freed_processes) {
		struct ul_site_process *same = NULL;
		ul_vec_foreach (known, &into->freed_processes)
			if (!memcmp(known->comm, process->comm, sizeof(known->comm)))
				same = known;
		if (same)
			same->objects += process->objects;
		else if (!ul_vec_push(&into->freed_processes, *process))
			return &ul_enomem;
	}
	ul_vec_foreach (object, &from->freed_objects)
		if (!ul_vec_push(&into->freed_objects, *object))
			return &ul_enomem;
	return NULL;
}

static bool same_cache(const struct ul_site *a, const struct ul_site *b)
{
	return a->allocator == b->allocator && ul_text_equal(a->cache, b->cache) &&
	       (a->cache || a->object_bytes == b->object_bytes);
}

bool ul_freepath_same_sort(const struct ul_site *a, const struct ul_site *b)
{
	return same_cache(a, b) && a->function && ul_text_equal(a->function, b->function) &&
	       ul_text_equal(a->module, b->module);
}

/** A cache that holds objects of one type; what kmalloc hands out can be anything. */
static bool is_named_cache(const struct ul_site *site)
{
	return site->allocator == UL_ALLOCATOR_SLAB && site->cache &&
	       strncmp(site->cache, "kmalloc-", strlen("kmalloc-")) != 0;
}

/** Sites whose frees are compared with what is lost at one of them. */
struct pool {
	const struct ul_trace *trace;
	const struct ul_site *site;
	bool whole_cache;
	uint64_t freed;
};

static bool in_pool(const struct pool *pool, const struct ul_site *site)
{
	return pool->whole_cache ? same_cache(pool->site, site)
				 : ul_freepath_same_sort(pool->site, site);
}

static uint64_t count_freed(const struct pool *pool)
{
	uint64_t freed = 0;
	ul_vec_foreach (site, &pool->trace->sites)
		if (in_pool(pool, site))
			freed += site->freed;
	return freed;
}

static struct pool make_pool(const struct ul_trace *trace, const struct ul_site *site)
{
	struct pool pool = {.trace = trace, .site = site};
	pool.freed = count_freed(&pool);
	if (!pool.freed && is_named_cache(site)) {
		pool.whole_cache = true;
		pool.freed = count_freed(&pool);
	}
	return pool;
}

/** Frees of the pool by @p function, or all that have one for NULL. */
static uint64_t freed_by(const struct pool *pool, const char *function, const char *module)
{
	uint64_t objects = 0;
	ul_vec_foreach (site, &pool->trace->sites) {
		if (!in_pool(pool, site))
			continue;
		ul_vec_foreach (path, &site->free_paths)
			if (path->function && (!function || (!strcmp(path->function, function) &&
							     ul_text_equal(path->module, module))))
				objects += path->objects;
	}
	return objects;
}

static struct ul_error *find_usual(const struct pool *pool, struct ul_finding_free_path *ret)
{
	const struct ul_free_path *usual = NULL;
	uint64_t most = 0;
	ul_vec_foreach (site, &pool->trace->sites) {
		if (!in_pool(pool, site))
			continue;
		ul_vec_foreach (path, &site->free_paths) {
			if (!path->function)
				continue;
			const uint64_t objects = freed_by(pool, path->function, path->module);
			const bool larger = ret->path && path->objects > ret->path->objects;
			if (objects > most || (objects == most && larger)) {
				most = objects;
				usual = ret->path = path;
			}
		}
	}
	ret->freed = pool->freed;
	if (!usual)
		return NULL;
	ret->usual_share = (double)most / (double)freed_by(pool, NULL, NULL);
	return ul_text_set(&ret->usual, usual->function) &&
			       ul_text_set(&ret->usual_module, usual->module)
		       ? NULL
		       : &ul_enomem;
}

static struct ul_error *add_difference(struct ul_finding_free_path *path,
				       const struct ul_difference *difference, const char *what,
				       const char *module, const char *account)
{
	if (path->differences.len == MAX_DIFFERENCES)
		return NULL;
	struct ul_difference *added = ul_vec_add(&path->differences);
	if (!added)
		return &ul_enomem;
	*added = *difference;
	added->what = added->module = added->account = NULL;
	return ul_text_set(&added->what, what) && ul_text_set(&added->module, module) &&
			       ul_text_set(&added->account, account)
		       ? NULL
		       : &ul_enomem;
}

/** Share of the pool's frees whose allocation went through @p frame's function. */
static double freed_through(const struct pool *pool, const struct ul_frame *frame)
{
	uint64_t freed = 0;
	ul_vec_foreach (site, &pool->trace->sites) {
		if (!in_pool(pool, site))
			continue;
		bool through = false;
		ul_vec_foreach (other, &site->stack.frames)
			through = through || (ul_text_equal(other->function, frame->function) &&
					      ul_text_equal(other->module, frame->module));
		freed += through ? site->freed : 0;
	}
	return (double)freed / (double)pool->freed;
}

/** The innermost caller that the freed ones have not in common; those outside follow from it. */
static struct ul_error *compare_callers(const struct pool *pool, struct ul_finding_free_path *path)
{
	bool above = false;
	if (pool->freed < MIN_FREED)
		return NULL;
	ul_vec_foreach (frame, &pool->site->stack.frames) {
		above = above || (frame->function == pool->site->function);
		if (!above || !frame->function)
			continue;
		const struct ul_difference difference = {
			.kind = UL_DIFFERENCE_CALLER,
			.lost = 1,
			.freed = freed_through(pool, frame),
			.sampled = pool->freed,
		};
		if (difference.freed <= have_not)
			return add_difference(path, &difference, frame->function, frame->module,
					      NULL);
	}
	return NULL;
}

static struct ul_error *compare_processes(const struct pool *pool,
					  struct ul_finding_free_path *path)
{
	const struct ul_site *site = pool->site;
	if (!site->processes.len || !site->live || site->live < MIN_LOST)
		return NULL;
	const struct ul_site_process *first = &site->processes.data[0];
	uint64_t freed = 0;
	uint64_t same = 0;
	ul_vec_foreach (other, &pool->trace->sites) {
		if (!in_pool(pool, other))
			continue;
		ul_vec_foreach (process, &other->freed_processes) {
			freed += process->objects;
			if (!strncmp(process->comm, first->comm, sizeof(first->comm)))
				same += process->objects;
		}
	}
	const struct ul_difference difference = {
		.kind = UL_DIFFERENCE_PROCESS,
		.lost = (double)first->objects / (double)site->live,
		.freed = freed ? (double)same / (double)freed : 0,
		.sampled = freed,
	};
	char comm[sizeof(first->comm) + 1] = {0};
	memcpy(comm, first->comm, sizeof(first->comm));
	if (freed < MIN_FREED || difference.lost < in_common || difference.freed > have_not)
		return NULL;
	return add_difference(path, &difference, comm, NULL, NULL);
}

/** Share of the objects read that point to @p symbol at @p offset. */
static double share_of_symbol(const struct ul_patterns *patterns, uint32_t offset,
			      const char *symbol)
{
	double share = 0;
	ul_vec_foreach (pattern, &patterns->items)
		ul_vec_foreach (word, &pattern->words)
			if (word->offset == offset && ul_text_equal(word->symbol, symbol))
				share += pattern->share * word->share;
	return share;
}

/** What is lost and what was freed, as far as they were looked into. */
struct contents {
	const struct ul_patterns *lost;
	const struct ul_patterns *freed;
	const char *account; /**< NULL: the finding's own */
};

/** True when nothing can be said: too few were read on either side. */
static bool too_few(const struct contents *contents)
{
	return contents->lost->objects_read < MIN_LOST || contents->freed->objects_read < MIN_FREED;
}

/** "name [module]" -> module, or NULL. Caller frees. */
static char *module_of(const char *symbol)
{
	const char *open = strstr(symbol, " [");
	const size_t len = open ? strlen(open) : 0;
	return len > 3 ? strndup(open + 2, len - 3) : NULL;
}

static struct ul_error *compare_symbols(const struct contents *contents, bool modules,
					struct ul_finding_free_path *path)
{
	if (too_few(contents))
		return NULL;
	ul_vec_foreach (pattern, &contents->lost->items) {
		ul_vec_foreach (word, &pattern->words) {
			if (!word->symbol || word->kind != UL_WORD_SYMBOL)
				continue;
			UL_CLEANUP_FREE char *module = module_of(word->symbol);
			const struct ul_difference difference = {
				.kind = UL_DIFFERENCE_SYMBOL,
				.offset = word->offset,
				.lost = share_of_symbol(contents->lost, word->offset, word->symbol),
				.freed = share_of_symbol(contents->freed, word->offset,
							 word->symbol),
				.sampled = contents->freed->objects_read,
			};
			if ((module != NULL) == modules && difference.lost >= in_common &&
			    difference.freed <= have_not)
				UL_TRY(add_difference(path, &difference, word->symbol, module,
						      contents->account));
		}
	}
	return NULL;
}

static bool begins_alike(const char *a, const char *b)
{
	return a && b && !strncmp(a, b, TEXT_COMPARED);
}

static struct ul_error *compare_texts(const struct contents *contents,
				      struct ul_finding_free_path *path)
{
	if (too_few(contents) || !contents->lost->items.len)
		return NULL;
	const struct ul_pattern *first = &contents->lost->items.data[0];
	struct ul_difference difference = {
		.kind = UL_DIFFERENCE_TEXT,
		.lost = first->share,
		.sampled = contents->freed->objects_read,
	};
	ul_vec_foreach (pattern, &contents->freed->items)
		if (begins_alike(first->text, pattern->text))
			difference.freed += pattern->share;
	if (!first->text || difference.lost < in_common || difference.freed > have_not)
		return NULL;
	char text[TEXT_COMPARED + 1];
	ul_text_copy(text, sizeof(text), first->text);
	return add_difference(path, &difference, text, NULL, contents->account);
}

/** "none of 32", "2 % of 64" */
static void put_freed(struct ul_buf *text, const struct ul_difference *difference)
{
	char count[UL_UNITS_TEXT];
	ul_format_count(count, difference->sampled);
	if (difference->freed <= 0)
		ul_buf_printf(text, "none of the %s freed ones looked at", count);
	else
		ul_buf_printf(text, "%.0f %% of the %s freed ones looked at",
			      100 * difference->freed, count);
}

static void put_difference(struct ul_buf *text, const struct ul_difference *difference)
{
	char lost[64] = "";
	if (difference->lost < 0.995)
		snprintf(lost, sizeof(lost), "%.0f %% of ", 100 * difference->lost);
	switch (difference->kind) {
	case UL_DIFFERENCE_SYMBOL:
		if (difference->account)
			ul_buf_printf(text, "%sthe objects of %s lost with them point", lost,
				      difference->account);
		else
			ul_buf_printf(text, "%sthe lost ones point", lost);
		ul_buf_printf(text, " to %s (at +%" PRIu32 "), ", difference->what,
			      difference->offset);
		put_freed(text, difference);
		ul_buf_puts(text, difference->freed <= 0 ? " does" : " do");
		return;
	case UL_DIFFERENCE_CALLER:
		ul_buf_printf(text, "the lost ones were allocated through %s%s%s%s, ",
			      difference->what, difference->module ? " [" : "",
			      difference->module ? difference->module : "",
			      difference->module ? "]" : "");
		put_freed(text, difference);
		ul_buf_puts(text, difference->freed <= 0 ? " was" : " were");
		return;
	case UL_DIFFERENCE_PROCESS:
		ul_buf_printf(text, "%sthe lost ones were allocated by %s, ", lost,
			      difference->what);
		put_freed(text, difference);
		ul_buf_puts(text, difference->freed <= 0 ? " was" : " were");
		return;
	case UL_DIFFERENCE_TEXT:
		break;
	}
	ul_buf_printf(text, "%sthe lost ones begin with \"%s\", ", lost, difference->what);
	put_freed(text, difference);
	ul_buf_puts(text, difference->freed <= 0 ? " does" : " do");
}

/** "leakstat_release [leakstat], the release of /proc/leakstat, was not seen to call ..." */
static void put_release(struct ul_buf *text, const struct ul_release *release)
{
	ul_buf_printf(text, "%s%s%s%s%s, the release of %s, was not seen to call %s",
		      text->len ? ": " : "", release->function, release->module[0] ? " [" : "",
		      release->module, release->module[0] ? "]" : "", release->file,
		      release->never);
}

/** The most telling difference, what else is known, and who forgets them, or where to look. */
static struct ul_error *write_missing(const struct ul_release *release,
				      struct ul_finding_free_path *path)
{
	UL_CLEANUP_BUF struct ul_buf text = {0};
	const struct ul_difference *first =
		path->differences.len ? &path->differences.data[0] : NULL;
	if (first)
		put_difference(&text, first);
	if (release->function[0])
		put_release(&text, release);
	else if (first && path->usual && first->module)
		ul_buf_printf(&text, ": look for a way out of [%s] that does not call %s",
			      first->module, path->usual);
	else if (first && path->usual && first->kind == UL_DIFFERENCE_CALLER)
		ul_buf_printf(&text, ": look for a way out of it that does not call %s",
			      path->usual);
	if (text.failed || (text.len && !ul_text_set(&path->missing, ul_buf_str(&text))))
		return &ul_enomem;
	return NULL;
}

static struct ul_error *compare(const struct pool *pool, struct ul_finding *finding)
{
	struct ul_finding_free_path *path = &finding->free_path;
	const struct contents own = {&finding->patterns, &finding->freed_patterns, NULL};
	for (int modules = 1; modules >= 0; modules--) {
		UL_TRY(compare_symbols(&own, modules, path));
		ul_vec_foreach (companion, &finding->companions) {
			const struct contents theirs = {&companion->patterns,
							&companion->freed_patterns,
							companion->account};
			UL_TRY(compare_symbols(&theirs, modules, path));
		}
		if (modules)
			UL_TRY(compare_callers(pool, path));
	}
	UL_TRY(compare_processes(pool, path));
	return compare_texts(&own, path);
}

struct ul_error *ul_freepath_explain(const struct ul_trace *trace, struct ul_finding *finding)
{
	if (!finding->site)
		return NULL;
	const struct pool pool = make_pool(trace, finding->site);
	UL_TRY(find_usual(&pool, &finding->free_path));
	if (!pool.freed)
		return NULL;
	UL_TRY(compare(&pool, finding));
	return write_missing(&finding->release, &finding->free_path);
}
