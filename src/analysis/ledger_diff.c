// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Both sides are turned into rows, sorted by what identifies them, and rows that meet become one.
 * Accounts are identified by kind and name, caches by name, processes by pid and start time; where
 * the machine was started anew in between, or the two are of different machines, pid and start time
 * mean nothing and processes are summed up by name instead.
 *
 * Whether it was started anew: wall clock less time since boot is when it was started, and does not
 * change by more than the wall clock is set by.
 *
 * Errs: a cache that was merged into another, or got another first name, ends on one side and
 * begins on the other. A recording leaves out small processes, so one that seems new may only have
 * grown.
 */
#include "analysis/ledger_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"

enum { CLOCK_SET_S = 120 };

/** One side's row, or both when they have met. */
struct entry {
	struct ul_diff_row row;
	uint64_t start;
};

struct entries {
	UL_VEC(struct entry) items;
};

static void entries_deinit(struct entries *entries)
{
	ul_vec_deinit(&entries->items);
}

static int order_of(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_identity(const void *left, const void *right)
{
	const struct entry *a = left;
	const struct entry *b = right;
	if (a->row.kind != b->row.kind)
		return order_of(a->row.kind, b->row.kind);
	if (a->row.pid != b->row.pid)
		return order_of(a->row.pid, b->row.pid);
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->row.cache && b->row.cache && strcmp(a->row.cache, b->row.cache) != 0)
		return strcmp(a->row.cache, b->row.cache);
	// A process may call itself something else meanwhile.
	if (!a->row.pid && strcmp(a->row.name, b->row.name) != 0)
		return strcmp(a->row.name, b->row.name);
	return order_of(b->row.was, a->row.was);
}

static bool same(const struct entry *a, const struct entry *b)
{
	return a->row.kind == b->row.kind && a->row.pid == b->row.pid && a->start == b->start &&
	       (a->row.pid || !strcmp(a->row.name, b->row.name)) &&
	       (!a->row.cache || !strcmp(a->row.cache, b->row.cache));
}

static int larger_change_first(const void *left, const void *right)
{
	const struct ul_diff_row *a = left;
	const struct ul_diff_row *b = right;
	const uint64_t x = a->change < 0 ? -(uint64_t)a->change : (uint64_t)a->change;
	const uint64_t y = b->change < 0 ? -(uint64_t)b->change : (uint64_t)b->change;
	if (x != y)
		return x < y ? 1 : -1;
	const int order = strcmp(a->name, b->name);
	return order ? order : order_of(a->pid, b->pid);
}

/** -1 is "none": it must not count as an object. */
static int64_t add_objects(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : a + b;
}

static void fold(struct ul_diff_row *into, const struct ul_diff_row *row)
{
	into->before += row->before;
	into->after += row->after;
	into->objects_before = add_objects(into->objects_before, row->objects_before);
	into->objects_after = add_objects(into->objects_after, row->objects_after);
	into->was |= row->was;
	into->is |= row->is;
	if (row->is) {
		into->name = row->name;
		into->cache = row->cache;
		into->reclaimable = row->reclaimable;
	}
}

/** Sort, let rows that are the same thing meet, and put the largest change first. */
static struct ul_error *settle(struct entries *entries, struct ul_diff_rows *ret)
{
	const struct entry *last = NULL;
	if (entries->items.len)
		qsort(entries->items.data, entries->items.len, sizeof(*entries->items.data),
		      by_identity);
	ul_vec_foreach (entry, &entries->items) {
		if (last && same(last, entry))
			fold(&ret->rows.data[ret->rows.len - 1], &entry->row);
		else if (!ul_vec_push(&ret->rows, entry->row))
			return &ul_enomem;
		last = entry;
	}
	ul_vec_foreach (row, &ret->rows)
		row->change = row->after - row->before;
	if (ret->rows.len)
		qsort(ret->rows.data, ret->rows.len, sizeof(*ret->rows.data), larger_change_first);
	return NULL;
}

static struct ul_error *add(struct entries *entries, bool after, const struct ul_diff_row *thing,
			    int64_t bytes, int64_t objects, uint64_t start)
{
	struct entry *entry = ul_vec_add(&entries->items);
	if (!entry)
		return &ul_enomem;
	entry->row = *thing;
	entry->start = start;
	entry->row.was = !after;
	entry->row.is = after;
	entry->row.before = after ? 0 : bytes;
	entry->row.after = after ? bytes : 0;
	entry->row.objects_before = after ? -1 : objects;
	entry->row.objects_after = after ? objects : -1;
	return NULL;
}

static int64_t to_signed(uint64_t value)
{
	return value > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)value;
}

/** One side's accounts, caches and processes. */
static struct ul_error *add_side(const struct ul_ledger *ledger, bool after, bool by_name,
				 struct entries *accounts, struct entries *caches,
				 struct entries *processes)
{
	ul_vec_foreach (account, &ledger->accounts) {
		const struct ul_diff_row row = {.name = account->name,
						.kind = account->kind,
						.reclaimable = account->reclaimable};
		UL_TRY(add(accounts, after, &row, account->bytes, account->objects, 0));
	}
	ul_vec_foreach (cache, &ledger->caches) {
		const struct ul_diff_row row = {.name = cache->name,
						.kind = UL_KIND_SLAB,
						.reclaimable = cache->reclaimable};
		UL_TRY(add(caches, after, &row, to_signed(cache->bytes), to_signed(cache->objects),
			   0));
	}
	ul_vec_foreach (process, &ledger->processes) {
		const struct ul_diff_row row = {.name = process->comm,
						.kind = UL_KIND_PROCESS,
						.pid = by_name ? 0 : process->pid};
		if (!process->kernel_thread)
			UL_TRY(add(processes, after, &row, to_signed(process->rss_bytes),
				   by_name ? 1 : -1, by_name ? 0 : process->start_ticks));
	}
	return NULL;
}

static bool other_boot(const struct ul_ledger *before, const struct ul_ledger *after)
{
	const int64_t apart =
		(after->time_ns - after->monotonic_ns) - (before->time_ns - before->monotonic_ns);
	return apart > CLOCK_SET_S * UL_NS_PER_S || apart < -CLOCK_SET_S * UL_NS_PER_S ||
	       after->monotonic_ns < before->monotonic_ns;
}

static struct ul_error *compare(const struct ul_ledger *before, const struct ul_ledger *after,
				struct ul_ledger_diff *diff)
{
	UL_CLEANUP(entries_deinit) struct entries accounts = {0};
	UL_CLEANUP(entries_deinit) struct entries caches = {0};
	UL_CLEANUP(entries_deinit) struct entries processes = {0};
	diff->from_ns = before->time_ns;
	diff->to_ns = after->time_ns;
	diff->seconds = (double)(after->time_ns - before->time_ns) / UL_NS_PER_S;
	diff->other_boot = other_boot(before, after);
	diff->mem_total_before = before->mem_total;
	diff->mem_total_after = after->mem_total;
	diff->unaccounted = (struct ul_diff_row){
		.name = "unaccounted",
		.kind = UL_KIND_UNACCOUNTED,
		.was = true,
		.is = true,
		.before = before->unaccounted.bytes,
		.after = after->unaccounted.bytes,
		.change = after->unaccounted.bytes - before->unaccounted.bytes,
		.objects_before = -1,
		.objects_after = -1,
	};
	UL_TRY(add_side(before, false, diff->other_boot, &accounts, &caches, &processes));
	UL_TRY(add_side(after, true, diff->other_boot, &accounts, &caches, &processes));
	UL_TRY(settle(&accounts, &diff->accounts));
	UL_TRY(settle(&caches, &diff->caches));
	UL_TRY(settle(&processes, &diff->processes));
	UL_TRY(ul_losses_merge(&diff->losses, &before->losses));
	return ul_losses_merge(&diff->losses, &after->losses);
}

struct ul_error *ul_ledger_diff(const struct ul_ledger *before, const struct ul_ledger *after,
				struct ul_ledger_diff *ret)
{
	UL_CLEANUP_LEDGER_DIFF struct ul_ledger_diff diff = {0};
	UL_TRY(compare(before, after, &diff));
	*ret = diff;
	diff = (struct ul_ledger_diff){0};
	return NULL;
}

static struct ul_error *add_types(const struct ul_type_census *census, bool after,
				  struct entries *types)
{
	ul_vec_foreach (count, &census->items) {
		const struct ul_diff_row row = {.name = count->type ? count->type : "",
						.cache = count->cache,
						.kind = UL_KIND_SLAB,
						.reclaimable = count->reclaimable};
		UL_TRY(add(types, after, &row, to_signed(count->bytes), to_signed(count->objects),
			   0));
	}
	return NULL;
}

struct ul_error *ul_ledger_diff_types(const struct ul_type_census *before,
				      const struct ul_type_census *after,
				      struct ul_ledger_diff *diff)
{
	UL_CLEANUP(entries_deinit) struct entries types = {0};
	UL_TRY(add_types(before, false, &types));
	UL_TRY(add_types(after, true, &types));
	return settle(&types, &diff->types);
}

void ul_ledger_diff_deinit(struct ul_ledger_diff *diff)
{
	ul_vec_deinit(&diff->accounts.rows);
	ul_vec_deinit(&diff->caches.rows);
	ul_vec_deinit(&diff->processes.rows);
	ul_vec_deinit(&diff->types.rows);
	ul_losses_deinit(&diff->losses);
}
