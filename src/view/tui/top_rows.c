// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which rows the screen has: the tracks that exist at the point that is looked at, chosen by tab,
 * class and filter, or their classes with what their members add up to.
 *
 * The rate of a class is the sum of its members' rates; the half interval is the root of the sum of
 * squares, which takes the members' errors for independent. Its verdict is the worst of them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "view/tui/top_internal.h"

enum {
	PROCESSES_WITH_PSS = 64, /**< only the largest have it, and they come first */
	KINDS = 32,
};

void ul_top_init(struct ul_top *top)
{
	*top = (struct ul_top){.stale = true};
}

void ul_top_deinit(struct ul_top *top)
{
	ul_vec_deinit(&top->tags);
	ul_vec_deinit(&top->rows);
}

const struct ul_history *ul_top_history(const struct ul_top *top, const struct ul_top_input *input)
{
	const bool process =
		top->detail ? top->shown.kind == UL_KIND_PROCESS : top->tab == UL_TAB_PROCESSES;
	return process ? input->processes : input->accounts;
}

size_t ul_top_point(const struct ul_top *top, const struct ul_history *history)
{
	return top->paused ? ul_history_at(history, top->position_ns) : history->points.len - 1;
}

int64_t ul_top_window_from(const struct ul_top *top, const struct ul_history *history, size_t at)
{
	const int64_t oldest_ns = history->points.data[0].time_ns;
	const int64_t now_ns = history->points.data[at].time_ns;
	// Before the baseline there is nothing to measure from it: then all there is.
	const bool based = top->baseline_ns > oldest_ns && top->baseline_ns < now_ns;
	if (!top->window_ns)
		return based ? top->baseline_ns : oldest_ns;
	return now_ns - oldest_ns > top->window_ns ? now_ns - top->window_ns : oldest_ns;
}

bool ul_top_contains(const char *text, const char *needle)
{
	return !*needle || strcasestr(text, needle);
}

struct ul_top_id ul_top_id_of(const struct ul_top_row *row)
{
	struct ul_top_id id = {.kind = row->kind};
	ul_text_copy(id.name, sizeof(id.name), row->track ? row->track->name : "");
	return id;
}

bool ul_top_same(const struct ul_top_id *a, const struct ul_top_id *b)
{
	return a->kind == b->kind && !strcmp(a->name, b->name);
}

static const char *group_name(enum ul_kind kind)
{
	static const char *const names[] = {
		[UL_KIND_FREE] = "free",
		[UL_KIND_ANON] = "anonymous",
		[UL_KIND_FILE] = "page cache",
		[UL_KIND_SHMEM] = "shared, tmpfs",
		[UL_KIND_SLAB] = "slab caches",
		[UL_KIND_KERNEL_STACK] = "kernel stacks",
		[UL_KIND_PAGE_TABLES] = "page tables",
		[UL_KIND_PERCPU] = "per-CPU",
		[UL_KIND_VMALLOC] = "vmalloc callers",
		[UL_KIND_HUGETLB] = "huge pages",
		[UL_KIND_KERNEL_OTHER] = "kernel, other",
		[UL_KIND_COMPRESSED] = "compressed",
	};
	const size_t index = (size_t)kind;
	return index < UL_ARRAY_LEN(names) && names[index] ? names[index] : ul_kind_name(kind);
}

const char *ul_top_row_name(const struct ul_top_row *row)
{
	return row->track ? row->track->label : group_name(row->kind);
}

static bool on_tab(const struct ul_top *top, enum ul_kind kind)
{
	switch (top->tab) {
	case UL_TAB_OVERVIEW:
		return ul_history_is_account(kind) && (!top->within || top->within == kind);
	case UL_TAB_SLAB:
		return kind == UL_KIND_SLAB;
	case UL_TAB_VMALLOC:
		return kind == UL_KIND_VMALLOC || kind == UL_KIND_PERCPU ||
		       kind == UL_KIND_KERNEL_STACK;
	case UL_TAB_PROCESSES:
		return kind == UL_KIND_PROCESS;
	case UL_TAB_EVENTS:
		return kind == UL_KIND_NOTE;
	case UL_TAB_COUNT:
		break;
	}
	return false;
}

static bool is_grouped(const struct ul_top *top)
{
	return top->tab == UL_TAB_OVERVIEW && !top->flat && !top->within;
}

static bool passes(const struct ul_top *top, const struct ul_history_track *track)
{
	char pid[16];
	if (ul_top_contains(track->label, top->filter))
		return true;
	snprintf(pid, sizeof(pid), "%d", (int)track->pid);
	return track->pid && ul_top_contains(pid, top->filter);
}

static const struct ul_process *process_of(const struct ul_top_input *input, pid_t pid)
{
	if (!input->ledger)
		return NULL;
	const size_t len = input->ledger->processes.len;
	for (size_t i = 0; i < len && i < PROCESSES_WITH_PSS; i++)
		if (input->ledger->processes.data[i].pid == pid)
			return &input->ledger->processes.data[i];
	return NULL;
}

static bool is_tagged(const struct ul_top *top, const struct ul_top_row *row)
{
	if (!top->tags.len)
		return false;
	const struct ul_top_id id = ul_top_id_of(row);
	ul_vec_foreach (tag, &top->tags)
		if (ul_top_same(tag, &id))
			return true;
	return false;
}

/** What a track shows at point @p at, @p base being the point of the baseline. */
static struct ul_top_row row_of(const struct ul_top *top, const struct ul_top_input *input,
				struct ul_history_track *track, size_t at, size_t base)
{
	const struct ul_history_value now = ul_history_value(track, at);
	const struct ul_history_value then = ul_history_value(track, base);
	struct ul_top_row row = {
		.track = track,
		.kind = track->kind,
		.bytes = now.bytes,
		.change = UL_HISTORY_NONE,
		.objects = now.objects,
		.verdict = UL_GROWTH_TOO_SHORT,
	};
	// What came up after the baseline was nothing then; unless its past was not kept.
	if (then.bytes != UL_HISTORY_NONE)
		row.change = now.bytes - then.bytes;
	else if (track->first > base && track->end - track->first > 1)
		row.change = now.bytes;
	if (track->growth_at_ns) {
		row.judged = true;
		row.rate = track->growth.bytes_per_s;
		row.half = (track->growth.high - track->growth.low) / 2;
		row.verdict = track->growth.verdict;
		row.score = track->growth.score;
	}
	if (track->kind == UL_KIND_SLAB && input->ledger)
		row.cache = ul_ledger_cache(input->ledger, track->name);
	if (track->kind == UL_KIND_PROCESS)
		row.process = process_of(input, track->pid);
	row.tagged = is_tagged(top, &row);
	return row;
}

/** Worse is larger. */
static int severity(const struct ul_top_row *row)
{
	switch (row->verdict) {
	case UL_GROWTH_LEAK_LIKE:
		return 4;
	case UL_GROWTH_FILLING:
		return 3;
	case UL_GROWTH_STEP:
		return 2;
	case UL_GROWTH_FLAT:
		return 1;
	case UL_GROWTH_TOO_SHORT:
		break;
	}
	return 0;
}

static void merge(struct ul_top_row *group, const struct ul_top_row *member)
{
	group->members++;
	// A class of one is shown as its one member.
	group->track = group->members == 1 ? member->track : NULL;
	group->bytes += member->bytes;
	if (member->change != UL_HISTORY_NONE)
		group->change += member->change;
	if (member->objects >= 0)
		group->objects = member->objects + (group->objects < 0 ? 0 : group->objects);
	if (!member->judged)
		return;
	group->rate += member->rate;
	group->half = hypot(group->half, member->half);
	if (!group->judged || severity(member) > severity(group))
		group->verdict = member->verdict;
	group->score = fmax(group->score, member->score);
	group->judged = true;
}

static struct ul_error *add_groups(struct ul_top *top, const struct ul_top_row *groups)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		struct ul_top_row row = groups[kind];
		if (!row.members || !ul_top_contains(ul_top_row_name(&row), top->filter))
			continue;
		row.tagged = is_tagged(top, &row);
		if (!ul_vec_push(&top->rows, row))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *collect(struct ul_top *top, const struct ul_top_input *input)
{
	const struct ul_history *history = ul_top_history(top, input);
	struct ul_top_row groups[KINDS] = {0};
	top->rows.len = 0;
	if (!history->points.len)
		return NULL;
	const size_t at = ul_top_point(top, history);
	const size_t base = top->baseline_ns ? ul_history_at(history, top->baseline_ns) : 0;
	ul_vec_foreach (place, &history->tracks) {
		struct ul_history_track *track = *place;
		if (!on_tab(top, track->kind) ||
		    ul_history_value(track, at).bytes == UL_HISTORY_NONE)
			continue;
		if (!is_grouped(top) && !passes(top, track))
			continue;
		const struct ul_top_row row = row_of(top, input, track, at, base);
		if (!is_grouped(top)) {
			if (!ul_vec_push(&top->rows, row))
				return &ul_enomem;
			continue;
		}
		struct ul_top_row *group = &groups[(unsigned)track->kind % KINDS];
		if (!group->members)
			*group = (struct ul_top_row){
				.kind = track->kind, .objects = -1, .verdict = UL_GROWTH_TOO_SHORT};
		merge(group, &row);
	}
	return is_grouped(top) ? add_groups(top, groups) : NULL;
}

/** Numbers that rows are ordered by, the largest first. */
static double key_of(const struct ul_top_row *row, enum ul_top_sort sort)
{
	const struct ul_cache *cache = row->cache;
	const double total = cache ? (double)cache->objects_total : 0;
	switch (sort) {
	case UL_SORT_SUSPICION:
		return severity(row) >= 2 ? severity(row) + row->score / 2 : 0;
	case UL_SORT_CHANGE:
		return row->change == UL_HISTORY_NONE ? 0 : (double)row->change;
	case UL_SORT_RATE:
		return row->rate;
	case UL_SORT_KIND:
		return -(double)row->kind;
	case UL_SORT_ACTIVE:
		return (double)row->objects;
	case UL_SORT_OBJECTS:
		return cache ? total : (double)row->objects;
	case UL_SORT_OBJECT_SIZE:
		return cache ? cache->object_size : 0;
	case UL_SORT_SLABS:
		return cache && cache->objects_per_slab ? total / cache->objects_per_slab : 0;
	case UL_SORT_PER_SLAB:
		return cache ? cache->objects_per_slab : 0;
	case UL_SORT_PAGES_PER_SLAB:
		return cache ? cache->pages_per_slab : 0;
	case UL_SORT_USE:
		return total > 0 ? (double)cache->objects / total : 0;
	case UL_SORT_PID:
		return row->track ? -(double)row->track->pid : 0;
	case UL_SORT_PSS:
		return row->process && row->process->has_pss ? (double)row->process->pss_bytes : 0;
	case UL_SORT_SWAP:
		return row->process ? (double)row->process->swap_bytes : 0;
	case UL_SORT_BYTES:
	case UL_SORT_NAME:
	case UL_SORT_COUNT:
		break;
	}
	return (double)row->bytes;
}

struct order {
	enum ul_top_sort sort;
	bool reverse;
};

static int compare(const void *left, const void *right, void *data)
{
	const struct ul_top_row *a = left;
	const struct ul_top_row *b = right;
	const struct order *order = data;
	const double key_a = key_of(a, order->sort);
	const double key_b = key_of(b, order->sort);
	int result = 0;
	if (a->tagged != b->tagged) // tagged rows stay on top, whatever the order
		return a->tagged ? -1 : 1;
	if (order->sort == UL_SORT_NAME)
		result = strcasecmp(ul_top_row_name(a), ul_top_row_name(b));
	else if (key_a < key_b || key_a > key_b)
		result = key_a < key_b ? 1 : -1;
	if (result)
		return order->reverse ? -result : result;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->track && b->track ? strcmp(a->track->name, b->track->name) : 0;
}

/** Find the selected row again; where it is gone, stay at the same line. */
static void follow_selection(struct ul_top *top)
{
	for (size_t i = 0; i < top->rows.len; i++) {
		const struct ul_top_id id = ul_top_id_of(&top->rows.data[i]);
		if (!ul_top_same(&id, &top->selected))
			continue;
		top->at = i;
		return;
	}
	if (top->at >= top->rows.len)
		top->at = top->rows.len ? top->rows.len - 1 : 0;
}

struct ul_error *ul_top_rows(struct ul_top *top, const struct ul_top_input *input)
{
	struct order order = {top->sort[top->tab], top->reverse[top->tab]};
	const bool detail = top->detail;
	top->detail = false; // the rows are those of the list below the page
	struct ul_error *error = collect(top, input);
	top->detail = detail;
	if (error)
		return error;
	top->stale = false;
	if (top->rows.len)
		qsort_r(top->rows.data, top->rows.len, sizeof(*top->rows.data), compare, &order);
	if (top->selected.kind)
		follow_selection(top);
	else
		top->at = 0;
	return NULL;
}

struct ul_history_track *ul_top_shown(const struct ul_top *top, const struct ul_top_input *input)
{
	if (!top->detail || !*top->shown.name)
		return NULL;
	return ul_history_find(ul_top_history(top, input), top->shown.kind, top->shown.name);
}

pid_t ul_top_wants_mappings(const struct ul_top *top, const struct ul_top_input *input)
{
	const struct ul_history_track *track = ul_top_shown(top, input);
	return track && track->kind == UL_KIND_PROCESS && !input->file ? track->pid : 0;
}

static double value_of_row(const struct ul_history *history, const struct ul_top_row *row,
			   size_t at)
{
	double sum = 0;
	bool any = false;
	if (row->track) {
		const struct ul_history_value value = ul_history_value(row->track, at);
		return value.bytes == UL_HISTORY_NONE ? NAN : (double)value.bytes;
	}
	ul_vec_foreach (place, &history->tracks) {
		if ((*place)->kind != row->kind)
			continue;
		const struct ul_history_value value = ul_history_value(*place, at);
		if (value.bytes == UL_HISTORY_NONE)
			continue;
		sum += (double)value.bytes;
		any = true;
	}
	return any ? sum : NAN;
}

void ul_top_curve(const struct ul_top *top, const struct ul_history *history,
		  const struct ul_top_row *row, double *values, size_t len)
{
	for (size_t i = 0; i < len; i++)
		values[i] = NAN;
	if (!history->points.len || !len)
		return;
	const size_t at = ul_top_point(top, history);
	const struct ul_history_point *points = history->points.data;
	const int64_t now_ns = points[at].time_ns;
	const int64_t from_ns = ul_top_window_from(top, history, at);
	// A window that has just begun is not stretched over all columns: one for each sample.
	const int64_t step_ns = at ? (now_ns - points[0].time_ns) / (int64_t)at : UL_NS_PER_S;
	const int64_t least_ns = (int64_t)len * (step_ns < UL_NS_PER_S ? step_ns : UL_NS_PER_S);
	const double span_ns = (double)(now_ns - from_ns > least_ns ? now_ns - from_ns : least_ns);
	for (size_t i = 0; i < len; i++) {
		const double back = span_ns * (double)(len - 1 - i) / (double)len;
		const int64_t time_ns = now_ns - (int64_t)back;
		if (time_ns >= points[0].time_ns)
			values[i] = value_of_row(history, row, ul_history_at(history, time_ns));
	}
}

const char *ul_top_sort_name(enum ul_top_sort sort)
{
	static const char *const names[] = {
		[UL_SORT_SUSPICION] = "suspicion",
		[UL_SORT_BYTES] = "bytes",
		[UL_SORT_CHANGE] = "change",
		[UL_SORT_RATE] = "growth",
		[UL_SORT_NAME] = "name",
		[UL_SORT_KIND] = "class",
		[UL_SORT_OBJECTS] = "objects",
		[UL_SORT_ACTIVE] = "active objects",
		[UL_SORT_OBJECT_SIZE] = "object size",
		[UL_SORT_SLABS] = "slabs",
		[UL_SORT_PER_SLAB] = "objects per slab",
		[UL_SORT_PAGES_PER_SLAB] = "pages per slab",
		[UL_SORT_USE] = "use",
		[UL_SORT_PID] = "pid",
		[UL_SORT_PSS] = "PSS",
		[UL_SORT_SWAP] = "swap",
	};
	return sort < UL_SORT_COUNT ? names[sort] : "?";
}

bool ul_top_sort_fits(enum ul_top_tab tab, enum ul_top_sort sort)
{
	if (tab == UL_TAB_EVENTS)
		return false;
	if (sort <= UL_SORT_NAME)
		return true;
	if (sort == UL_SORT_KIND)
		return tab == UL_TAB_OVERVIEW || tab == UL_TAB_VMALLOC;
	if (sort == UL_SORT_ACTIVE || sort == UL_SORT_OBJECTS)
		return tab != UL_TAB_PROCESSES;
	if (sort <= UL_SORT_USE)
		return tab == UL_TAB_SLAB;
	return tab == UL_TAB_PROCESSES;
}
