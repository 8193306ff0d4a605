// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A count takes up to seconds, and memory moves meanwhile: a ledger is taken on both sides of it,
 * and the counters' mean is what the count is compared with.
 *
 * In a search two counts read the same pages, so what is compared is a difference: pages that were
 * a driver's both times drop out with their sampling error. From the difference the growth of those
 * accounts is taken that look like driver pages (vmalloc, stacks, per-CPU lists, ...).
 *
 * The tracer's tables are vmalloc, tens of megabytes, and given back by a worker of the kernel that
 * frees the pages first and corrects the counter later (Linux mm/vmalloc.c). In between, pages are
 * free by their flags and vmalloc by the counter: so the first count comes before the tracer, the
 * second waits for the counters, and what they still move by widens the margin.
 */
#include "cmd/pages.h"

#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/units.h"
#include "cmd/measure.h"
#include "source/image/image.h"
#include "source/kwalk/kwalk.h"
#include "source/proc/page_flags.h"

/** The same in every run: two runs of a machine at rest draw the same pages. */
static const uint64_t draw_seed = 20211;
static const int64_t settle_first_ns = UL_NS_PER_S / 2;
static const int64_t settle_every_ns = UL_NS_PER_S / 5;
static const int64_t settle_max_ns = 3 * UL_NS_PER_S;

void ul_cmd_pages_deinit(struct ul_cmd_pages *pages)
{
	ul_page_count_deinit(&pages->count);
	ul_ledger_deinit(&pages->before);
	ul_ledger_deinit(&pages->after);
}

struct bar {
	const struct ul_cmd_context *context;
	struct ul_progress progress;
	int64_t start_ns;
};

static bool draw(void *argument, double part)
{
	struct bar *bar = argument;
	const int64_t now_ns = ul_cmd_now_ns();
	const double spent_s = (double)(now_ns - bar->start_ns) / UL_NS_PER_S;
	ul_progress_update(&bar->progress, now_ns, part,
			   part > 0 ? spent_s * (1 - part) / part : NAN, "reading page flags");
	return !ul_cmd_stopped(bar->context);
}

static struct ul_error *count(const struct ul_cmd_context *context, struct ul_proc *proc,
			      struct ul_page_count_options *options, struct ul_cmd_pages *pages)
{
	struct bar bar = {.context = context, .start_ns = ul_cmd_now_ns()};
	options->seed = draw_seed;
	options->progress = draw;
	options->argument = &bar;
	if (!options->classes)
		UL_TRY(ul_proc_ledger(proc, NULL, &pages->before));
	ul_cmd_progress(context, &bar.progress);
	struct ul_error *error = ul_proc_page_count(proc, options, &pages->count);
	ul_progress_end(&bar.progress);
	if (error)
		return error;
	UL_TRY(ul_proc_ledger(proc, NULL, &pages->after));
	pages->counted = true;
	return NULL;
}

struct ul_error *ul_cmd_count_pages(const struct ul_cmd_context *context, struct ul_proc *proc,
				    int64_t limit_ns, uint64_t whole_pages,
				    const struct ul_cmd_pages *like, struct ul_losses *losses,
				    struct ul_cmd_pages *ret)
{
	struct ul_page_count_options options = {
		.limit_ns = limit_ns,
		.whole_pages = whole_pages,
		.like = like ? &like->count : NULL,
	};
	ul_ledger_init(&ret->before);
	ul_ledger_init(&ret->after);
	struct ul_error *error = count(context, proc, &options, ret);
	if (!error)
		return ul_losses_merge(losses, &ret->count.losses);
	return ul_losses_add_error(losses, UL_BIAS_NONE, error,
				   "pages are not counted by their flags");
}

/* ---- by the page array ---- */

/** What the flags would say; pages of vmalloc, stacks and per-CPU areas are nobody's for them. */
static enum ul_page_class class_of_frame(enum ul_frame_class class)
{
	static const uint8_t classes[UL_FRAME_CLASSES] = {
		[UL_FRAME_ABSENT] = UL_PAGE_HOLE,	[UL_FRAME_FREE] = UL_PAGE_FREE,
		[UL_FRAME_SLAB] = UL_PAGE_SLAB,		[UL_FRAME_KMALLOC_LARGE] = UL_PAGE_SLAB,
		[UL_FRAME_ANON] = UL_PAGE_ANON,		[UL_FRAME_FILE] = UL_PAGE_FILE,
		[UL_FRAME_SHMEM] = UL_PAGE_SHMEM,	[UL_FRAME_HUGETLB] = UL_PAGE_HUGETLB,
		[UL_FRAME_TABLE] = UL_PAGE_TABLES,	[UL_FRAME_IMAGE] = UL_PAGE_RESERVED,
		[UL_FRAME_RESERVED] = UL_PAGE_RESERVED, [UL_FRAME_VMEMMAP] = UL_PAGE_RESERVED,
		[UL_FRAME_VMALLOC] = UL_PAGE_DRIVER,	[UL_FRAME_STACK] = UL_PAGE_DRIVER,
		[UL_FRAME_PERCPU] = UL_PAGE_DRIVER,	[UL_FRAME_KERNEL] = UL_PAGE_DRIVER,
		[UL_FRAME_OFFLINE] = UL_PAGE_OFFLINE,	[UL_FRAME_UNKNOWN] = UL_PAGE_UNKNOWN,
	};
	return (size_t) class < UL_FRAME_CLASSES ? classes[class] : UL_PAGE_UNKNOWN;
}

static struct ul_error *walk(struct ul_proc *proc, struct ul_heap *heap, struct ul_cmd_pages *pages)
{
	const struct ul_image_options live = {0};
	const struct ul_kwalk_options options = {.pages_only = true};
	UL_CLEANUP_IMAGE struct ul_image image = {0};
	UL_TRY(ul_image_open(&live, &image));
	UL_TRY(ul_proc_ledger(proc, NULL, &pages->before));
	UL_TRY(ul_kwalk_heap(&image, &options, heap));
	for (uint64_t pfn = 0; pfn < heap->space.max_pfn; pfn++)
		heap->page_class[pfn] = (uint8_t)class_of_frame(heap->page_class[pfn]);
	return NULL;
}

static struct ul_error *walk_and_count(const struct ul_cmd_context *context, struct ul_proc *proc,
				       struct ul_losses *losses, struct ul_cmd_pages *pages)
{
	UL_CLEANUP_HEAP struct ul_heap heap = {0};
	const int64_t start_ns = ul_cmd_now_ns();
	UL_TRY(walk(proc, &heap, pages));
	struct ul_page_count_options options = {.classes = heap.page_class,
						.classes_len = heap.space.max_pfn};
	UL_TRY(count(context, proc, &options, pages));
	pages->count.seconds = (double)(ul_cmd_now_ns() - start_ns) / UL_NS_PER_S;
	UL_TRY(ul_losses_merge(losses, &heap.losses));
	return ul_losses_merge(losses, &pages->count.losses);
}

struct ul_error *ul_cmd_walk_pages(const struct ul_cmd_context *context, struct ul_proc *proc,
				   int64_t limit_ns, struct ul_losses *losses,
				   struct ul_cmd_pages *ret)
{
	ul_ledger_init(&ret->before);
	ul_ledger_init(&ret->after);
	struct ul_error *error = walk_and_count(context, proc, losses, ret);
	if (!error || error->code == UL_ERR_NOMEM || error->code == UL_ERR_INTERRUPTED)
		return error;
	if (context->options.verbose)
		fprintf(context->err, "ullage %s: the page array cannot be read: %s\n",
			context->cmd->name, error->message);
	ul_error_destroy(error);
	ul_cmd_pages_deinit(ret);
	*ret = (struct ul_cmd_pages){0};
	return ul_cmd_count_pages(context, proc, limit_ns, 0, NULL, losses, ret);
}

/* ---- growth of driver pages ---- */

/** Bytes of the accounts that look like driver pages. */
static struct ul_error *explained_now(struct ul_proc *proc, int64_t *ret)
{
	struct ul_ledger ledger UL_CLEANUP_LEDGER;
	ul_ledger_init(&ledger);
	UL_TRY(ul_proc_ledger(proc, NULL, &ledger));
	*ret = ul_page_explained_bytes(&ledger, false);
	return NULL;
}

struct ul_error *ul_cmd_pages_settle(const struct ul_cmd_context *context, struct ul_proc *proc)
{
	const int64_t start_ns = ul_cmd_now_ns();
	int64_t last;
	UL_TRY(explained_now(proc, &last));
	for (int64_t wait_ns = settle_first_ns; wait_ns < settle_max_ns;
	     wait_ns += settle_every_ns) {
		int64_t now;
		if (!ul_cmd_sleep_until(context, start_ns + wait_ns))
			return NULL;
		UL_TRY(explained_now(proc, &now));
		if (llabs(now - last) < UL_MIB)
			return NULL;
		last = now;
	}
	return NULL;
}

/** By how many pages the accounts moved while pages were counted: nobody knows when. */
static double moved_pages(const struct ul_cmd_pages *pages)
{
	const int64_t moved = ul_page_explained_bytes(&pages->after, false) -
			      ul_page_explained_bytes(&pages->before, false);
	return fabs((double)moved) / 2 / pages->count.page_bytes;
}

/** Pages more than before that no account explains. */
static bool unowned_growth(const struct ul_cmd_pages *before, const struct ul_cmd_pages *after,
			   struct ul_page_figure *ret)
{
	const double page_bytes = after->count.page_bytes;
	if (!before->counted || !after->counted ||
	    !ul_page_count_grown(&before->count, &after->count, ret))
		return false;
	// Large kmalloc is left in both: what grows there is a finding of its own.
	const int64_t explained = ul_page_explained_bytes(&after->after, false) +
				  ul_page_explained_bytes(&after->before, false) -
				  ul_page_explained_bytes(&before->after, false) -
				  ul_page_explained_bytes(&before->before, false);
	ret->value -= (double)explained / 2 / page_bytes;
	return true;
}

/** What the flags have to say, as a sentence. */
static void judge(const struct ul_cmd_pages *before, const struct ul_cmd_pages *after,
		  const struct ul_page_figure *grown, struct ul_buf *text)
{
	char pages[UL_UNITS_TEXT];
	char other[UL_UNITS_TEXT];
	const double margin =
		ul_page_figure_margin(grown) + moved_pages(before) + moved_pages(after);
	const double claimed =
		((double)after->before.unaccounted.bytes + (double)after->after.unaccounted.bytes -
		 (double)before->before.unaccounted.bytes -
		 (double)before->after.unaccounted.bytes) /
		2 / after->count.page_bytes;
	// Less than half of what the subtraction claims, at the very most, contradicts it.
	const bool denied = grown->value + margin < claimed / 2;
	const bool confirmed = !denied && grown->value > margin;
	ul_format_count(pages, (uint64_t)llround(fabs(grown->value)));
	ul_buf_printf(text, "the page flags %s: %s %s pages of no other owner",
		      confirmed ? "confirm it"
		      : denied	? "do not confirm it"
				: "cannot tell",
		      pages, grown->value < 0 ? "fewer" : "more");
	ul_buf_printf(text, ", give or take %s", ul_format_count(other, (uint64_t)llround(margin)));
	if (!after->count.sampled)
		return;
	ul_format_count(pages, after->count.read);
	ul_format_count(other, after->count.counted);
	ul_buf_printf(text, " (%s of %s pages drawn)", pages, other);
}

struct ul_error *ul_cmd_pages_confirm(const struct ul_cmd_pages *before,
				      const struct ul_cmd_pages *after,
				      struct ul_findings *findings)
{
	struct ul_page_figure grown;
	struct ul_buf text UL_CLEANUP_BUF = {0};
	if (!unowned_growth(before, after, &grown))
		return NULL;
	judge(before, after, &grown, &text);
	if (text.failed)
		return &ul_enomem;
	ul_vec_foreach (finding, &findings->items)
		if (finding->kind == UL_KIND_UNACCOUNTED)
			UL_TRY(ul_finding_why(finding, "%s", ul_buf_str(&text)));
	return NULL;
}
