// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two counts of what is live, less each other, are what was allocated in between and is still
 * there: survivors without a blind spot, because the kernel counted each allocation and each free
 * itself. What a difference cannot see: which objects they are. A site that allocates 100 and frees
 * 100 older ones has a difference of nothing, and that is right: it did not grow.
 *
 * Sites of two counts are the same when allocator, cache, size and the frames agree, offsets aside
 * (as in analysis/sites: a site is its functions) and lines of code included, where they are known.
 *
 * A count is used in one of two ways. One with the cache and the whole stack (slub_debug,
 * page_owner) replaces the traced sites. One that knows only a function (allocinfo, which counts
 * slab, pages and percpu alike) says how far the traced survivors of that function can be believed:
 * BYTES COUNTED / BYTES TRACED, over all traced sites that run through it, because it cannot tell
 * them apart. Errs to more trust when a function allocates both what leaks and what is freed
 * unseen.
 */
#include "analysis/difference.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_frames(const struct ul_frame *a, const struct ul_frame *b)
{
	int order = compare_text(a->function, b->function);
	if (!order)
		order = compare_text(a->module, b->module);
	if (!order)
		order = compare_text(a->file, b->file);
	if (!order && a->line != b->line)
		order = a->line < b->line ? -1 : 1;
	if (!order && !a->function && a->kaddr != b->kaddr)
		order = a->kaddr < b->kaddr ? -1 : 1;
	return order;
}

static int compare_sites(const struct ul_site *a, const struct ul_site *b)
{
	if (a->allocator != b->allocator)
		return a->allocator < b->allocator ? -1 : 1;
	if (a->object_bytes != b->object_bytes)
		return a->object_bytes < b->object_bytes ? -1 : 1;
	int order = compare_text(a->cache, b->cache);
	for (size_t i = 0; !order; i++) {
		if (i == a->stack.frames.len || i == b->stack.frames.len)
			return (int)(a->stack.frames.len > i) - (int)(b->stack.frames.len > i);
		order = compare_frames(&a->stack.frames.data[i], &b->stack.frames.data[i]);
	}
	return order;
}

static int compare_pointers(const void *left, const void *right)
{
	return compare_sites(*(const struct ul_site *const *)left,
			     *(const struct ul_site *const *)right);
}

static int most_survivor_bytes(const void *left, const void *right)
{
	const struct ul_site *a = left;
	const struct ul_site *b = right;
	if (a->survivor_bytes != b->survivor_bytes)
		return a->survivor_bytes < b->survivor_bytes ? 1 : -1;
	return compare_sites(a, b);
}

static void sort_sites(struct ul_trace *trace)
{
	if (trace->sites.len)
		qsort(trace->sites.data, trace->sites.len, sizeof(*trace->sites.data),
		      most_survivor_bytes);
}

/** Size of one object where all have the same. */
static void settle_size(struct ul_site *site)
{
	if (!site->object_bytes && site->live && site->live_bytes % site->live == 0)
		site->object_bytes = site->live_bytes / site->live;
}

void ul_difference_name_lines(struct ul_trace *trace)
{
	ul_vec_foreach (site, &trace->sites) {
		const struct ul_frame *frame =
			site->stack.frames.len ? site->stack.frames.data : NULL;
		site->function = frame ? frame->function : NULL;
		site->module = frame ? frame->module : NULL;
		// Pages that slab takes are counted once as pages and once as the objects on them.
		site->nested = frame && ul_text_equal(frame->file, "mm/slub.c");
		settle_size(site);
	}
	sort_sites(trace);
}

static int find_site(const void *key, const void *element)
{
	return compare_sites(key, *(const struct ul_site *const *)element);
}

static void subtract_processes(struct ul_site *site, const struct ul_site *earlier)
{
	size_t kept = 0;
	for (size_t i = 0; i < site->processes.len; i++) {
		struct ul_site_process process = site->processes.data[i];
		ul_vec_foreach (before, &earlier->processes) {
			if (memcmp(before->comm, process.comm, sizeof(process.comm)) != 0 ||
			    (!process.comm[0] && before->pid != process.pid))
				continue;
			process.objects -= before->objects < process.objects ? before->objects
									     : process.objects;
		}
		if (process.objects)
			site->processes.data[kept++] = process;
	}
	site->processes.len = kept;
}

static void subtract(struct ul_site *site, const struct ul_site *earlier)
{
	if (!earlier)
		return;
	const bool grew = site->live > earlier->live;
	site->live = grew ? site->live - earlier->live : 0;
	site->live_bytes = grew && site->live_bytes > earlier->live_bytes
				   ? site->live_bytes - earlier->live_bytes
				   : 0;
	site->allocated = site->survivors = site->live;
	site->allocated_bytes = site->survivor_bytes = site->live_bytes;
	subtract_processes(site, earlier);
}

static void drop_older(struct ul_site *site, int64_t since_ns)
{
	size_t kept = 0;
	for (size_t i = 0; i < site->examples.len; i++)
		if (site->examples.data[i].time_ns >= since_ns)
			site->examples.data[kept++] = site->examples.data[i];
	site->examples.len = kept;
}

struct ul_error *ul_difference_since(struct ul_trace *end, const struct ul_trace *begin,
				     int64_t since_ns)
{
	const struct ul_site **before UL_CLEANUP_FREE =
		calloc(begin->sites.len + 1, sizeof(*before));
	if (!before)
		return &ul_enomem;
	for (size_t i = 0; i < begin->sites.len; i++)
		before[i] = &begin->sites.data[i];
	qsort(before, begin->sites.len, sizeof(*before), compare_pointers);
	end->events = 0;
	ul_vec_foreach (site, &end->sites) {
		const struct ul_site *const *earlier =
			bsearch(site, before, begin->sites.len, sizeof(*before), find_site);
		subtract(site, earlier ? *earlier : NULL);
		if (since_ns)
			drop_older(site, since_ns);
		site->age_p50_s = NAN;
		end->events += site->live;
	}
	sort_sites(end);
	return NULL;
}

void ul_difference_prune(struct ul_trace *trace)
{
	size_t kept = 0;
	for (size_t i = 0; i < trace->sites.len; i++) {
		struct ul_site *site = &trace->sites.data[i];
		if (!site->live) {
			ul_site_deinit(site);
			continue;
		}
		settle_size(site);
		if (kept != i)
			trace->sites.data[kept] = *site;
		kept++;
	}
	trace->sites.len = kept;
}

static bool covers(const struct ul_difference_cover *cover, const struct ul_site *site)
{
	if (site->allocator == UL_ALLOCATOR_PAGES)
		return cover->pages;
	for (size_t i = 0; site->allocator == UL_ALLOCATOR_SLAB && i < cover->caches_len; i++)
		if (ul_text_equal(cover->caches[i], site->cache))
			return true;
	return false;
}

static bool same_function(const struct ul_site *a, const struct ul_site *b)
{
	return a->function && ul_text_equal(a->function, b->function) &&
	       ul_text_equal(a->module, b->module);
}

/** How many frames agree from the function named outwards: the stack that is most alike. */
static size_t alike(const struct ul_site *a, const struct ul_site *b)
{
	size_t i = 0;
	size_t j = 0;
	size_t same = 0;
	while (i < a->stack.frames.len && a->stack.frames.data[i].function != a->function)
		i++;
	while (j < b->stack.frames.len && b->stack.frames.data[j].function != b->function)
		j++;
	for (; i < a->stack.frames.len && j < b->stack.frames.len; i++, j++, same++)
		if (!ul_text_equal(a->stack.frames.data[i].function,
				   b->stack.frames.data[j].function))
			break;
	return same;
}

static struct ul_site *find_traced(const struct ul_trace *trace, const struct ul_site *exact)
{
	struct ul_site *best = NULL;
	ul_vec_foreach (site, &trace->sites) {
		if (site->exact || site->allocator != exact->allocator ||
		    !ul_text_equal(site->cache, exact->cache) || !same_function(site, exact))
			continue;
		if (!best || alike(site, exact) > alike(best, exact))
			best = site;
	}
	return best;
}

/** What the traced site knows beside; each of its lists goes to one exact site only. */
static void inherit(struct ul_site *exact, struct ul_site *traced)
{
	if (traced->allocated > exact->live) {
		exact->allocated = traced->allocated;
		exact->freed = exact->allocated - exact->live;
		if (traced->allocated_bytes > exact->live_bytes)
			exact->allocated_bytes = traced->allocated_bytes;
		exact->freed_bytes = exact->allocated_bytes - exact->live_bytes;
	}
	if (!exact->examples.len) {
		exact->examples.data = UL_TAKE(traced->examples.data);
		exact->examples.len = traced->examples.len;
		exact->examples.cap = traced->examples.cap;
		traced->examples.len = traced->examples.cap = 0;
	}
	if (traced->processes.len) {
		ul_vec_deinit(&exact->processes);
		exact->processes.data = UL_TAKE(traced->processes.data);
		exact->processes.len = traced->processes.len;
		exact->processes.cap = traced->processes.cap;
		traced->processes.len = traced->processes.cap = 0;
	}
	if (isnan(exact->age_p50_s))
		exact->age_p50_s = traced->age_p50_s;
	if (!exact->object_bytes)
		exact->object_bytes = traced->object_bytes;
	exact->call_site = traced->call_site;
}

static void drop_covered(struct ul_trace *trace, const struct ul_difference_cover *cover)
{
	size_t kept = 0;
	for (size_t i = 0; i < trace->sites.len; i++) {
		struct ul_site *site = &trace->sites.data[i];
		if (!site->exact && covers(cover, site)) {
			ul_site_deinit(site);
			continue;
		}
		if (kept != i)
			trace->sites.data[kept] = *site;
		kept++;
	}
	trace->sites.len = kept;
}

struct ul_error *ul_difference_replace(struct ul_trace *trace, struct ul_trace *exact,
				       const struct ul_difference_cover *cover)
{
	ul_vec_foreach (site, &exact->sites) {
		struct ul_site *traced = covers(cover, site) ? find_traced(trace, site) : NULL;
		if (traced)
			inherit(site, traced);
	}
	drop_covered(trace, cover);
	ul_vec_foreach (site, &exact->sites) {
		if (!site->live || !covers(cover, site))
			continue;
		if (!ul_vec_push(&trace->sites, *site))
			return &ul_enomem;
		*site = (struct ul_site){0};
	}
	sort_sites(trace);
	return ul_losses_merge(&trace->losses, &exact->losses);
}

/** A frame of the site's stack is the function that the count names. */
static bool runs_through(const struct ul_site *site, const struct ul_site *counted)
{
	if (!counted->function || counted->nested)
		return false;
	ul_vec_foreach (frame, &site->stack.frames) {
		if (ul_text_equal(frame->function, counted->function) &&
		    ul_text_equal(frame->module, counted->module))
			return true;
		// Beyond the function named it is whom the caller serves, who allocates for itself,
		// too.
		if (site->function && frame->function == site->function)
			break;
	}
	return false;
}

/** What the count says of the functions on the site's stack; false: nothing. */
static bool count_of(const struct ul_trace *counted, const struct ul_site *site,
		     uint64_t *ret_objects, uint64_t *ret_bytes, const struct ul_site **ret_first)
{
	bool known = false;
	*ret_objects = *ret_bytes = 0;
	ul_vec_foreach (line, &counted->sites) {
		if (!runs_through(site, line))
			continue;
		if (!known || line->live_bytes > (*ret_first)->live_bytes)
			*ret_first = line;
		known = true;
		*ret_objects += line->live;
		*ret_bytes += line->live_bytes;
	}
	return known;
}

/** Survivor bytes of all traced sites that run through @p counted. */
static uint64_t traced_bytes(const struct ul_trace *trace, const struct ul_site *counted)
{
	uint64_t bytes = 0;
	ul_vec_foreach (site, &trace->sites)
		if (!site->nested && runs_through(site, counted))
			bytes += site->survivor_bytes;
	return bytes;
}

void ul_difference_confirm(struct ul_trace *trace, const struct ul_trace *counted)
{
	ul_vec_foreach (site, &trace->sites) {
		uint64_t objects;
		uint64_t bytes;
		const struct ul_site *line = NULL;
		if (site->exact || site->nested || !site->survivors ||
		    !count_of(counted, site, &objects, &bytes, &line))
			continue;
		const uint64_t survived = traced_bytes(trace, line);
		site->trust = bytes < survived && survived ? (double)bytes / (double)survived : 1.0;
	}
}

static struct ul_error *explain_count(struct ul_finding *finding, const struct ul_trace *counted)
{
	char text[UL_UNITS_TEXT];
	uint64_t objects;
	uint64_t bytes;
	const struct ul_site *line = NULL;
	if (finding->site->exact || !count_of(counted, finding->site, &objects, &bytes, &line))
		return NULL;
	const struct ul_frame *frame = line->stack.frames.len ? line->stack.frames.data : NULL;
	return ul_finding_why(
		finding, "%s, which misses nothing, counts %" PRIu64 " more live (%s) by %s%s%s",
		counted->engine, objects, ul_format_bytes(text, (double)bytes), line->function,
		frame && frame->file ? ", " : "", frame && frame->file ? frame->file : "");
}

static struct ul_error *explain_orphans(struct ul_finding *finding, const struct ul_trace *orphans)
{
	uint64_t objects = 0;
	ul_vec_foreach (site, &orphans->sites)
		if (same_function(site, finding->site))
			objects += site->live;
	if (!objects)
		return NULL;
	return ul_finding_why(finding,
			      "kmemleak reports %" PRIu64
			      " orphans of the same site: nothing it scanned points to them",
			      objects);
}

struct ul_error *ul_difference_explain(struct ul_findings *findings, const struct ul_trace *counted,
				       const struct ul_trace *orphans)
{
	ul_vec_foreach (finding, &findings->items) {
		if (!finding->site)
			continue;
		if (finding->site->exact)
			UL_TRY(ul_finding_why(finding,
					      "the survivors are the kernel's own count (%s): "
					      "nothing was missed",
					      finding->site->allocator == UL_ALLOCATOR_SLAB
						      ? "slub_debug"
						      : "page_owner"));
		if (counted)
			UL_TRY(explain_count(finding, counted));
		if (orphans)
			UL_TRY(explain_orphans(finding, orphans));
	}
	return NULL;
}
