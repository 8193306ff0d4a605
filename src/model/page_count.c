// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sums over pages, estimates from samples of them, and the comparison with a ledger.
 *
 * Estimates. Pages of one kind lie together (the buddy allocator sorts them by mobility, a driver
 * takes them in blocks), so the variance between places is large and the variance between
 * neighbours is small. A zone is therefore cut into strata of neighbouring units, and two units are
 * drawn from each: the least that gives an unbiased variance. The sum of those variances has few
 * degrees of freedom when a few strata hold everything, so the interval takes Student's t with
 * Satterthwaite's approximation of them. What lies in fewer places than are sampled one in so many
 * (a single block of some driver) can be missed altogether, and no interval shows it.
 *
 * Comparison. Pages of vmalloc, of kernel stacks, of per-CPU areas, of zsmalloc, those on per-CPU
 * free lists and some others carry no flag that says so: they look like driver pages. The ledger
 * knows their number, so what is comparable with `unaccounted` is driver pages less those accounts.
 * Large kmalloc is counted as slab; whether its pages are marked so depends on the kernel (Linux
 * mm/slub.c ___kmalloc_large_node(): compound pages without PG_slab; PGTY_large_kmalloc later), and
 * is told from which of the two is nearer to what was counted.
 *
 * Errs: Percpu includes the first chunk, which memblock gave and which is marked reserved; it makes
 * unowned too small by some hundred KiB per CPU.
 */
#include "model/page_count.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

void ul_page_count_deinit(struct ul_page_count *count)
{
	ul_vec_deinit(&count->zones);
	ul_vec_deinit(&count->strata);
	ul_vec_deinit(&count->drivers);
	ul_losses_deinit(&count->losses);
}

const char *ul_page_class_name(enum ul_page_class class)
{
	static const char *const names[UL_PAGE_CLASSES] = {
		[UL_PAGE_FREE] = "free",
		[UL_PAGE_SLAB] = "slab",
		[UL_PAGE_TABLES] = "page_tables",
		[UL_PAGE_ANON] = "anon",
		[UL_PAGE_SHMEM] = "shmem",
		[UL_PAGE_FILE] = "file",
		[UL_PAGE_HUGETLB] = "hugetlb",
		[UL_PAGE_RESERVED] = "reserved",
		[UL_PAGE_OFFLINE] = "offline",
		[UL_PAGE_ZERO] = "zero_page",
		[UL_PAGE_POISONED] = "hardware_corrupted",
		[UL_PAGE_DRIVER] = "driver",
		[UL_PAGE_UNKNOWN] = "unknown",
		[UL_PAGE_UNTOUCHED] = "not_prepared",
		[UL_PAGE_HOLE] = "hole",
	};
	return names[class];
}

void ul_page_figure_add(struct ul_page_figure *figure, double value)
{
	figure->value += value;
}

void ul_page_figure_merge(struct ul_page_figure *figure, const struct ul_page_figure *other)
{
	figure->value += other->value;
	figure->variance += other->variance;
	figure->variance2 += other->variance2;
}

void ul_page_figure_add_stratum(struct ul_page_figure *figure,
				const struct ul_page_stratum *stratum, double sum, double sum2)
{
	const double n = stratum->drawn;
	const double units = stratum->units;
	if (!stratum->drawn)
		return;
	figure->value += units / n * sum;
	if (stratum->drawn < 2 || stratum->drawn >= stratum->units)
		return;
	const double spread = (sum2 - sum * sum / n) / (n - 1);
	const double variance = units * units * (1 - n / units) / n * (spread > 0 ? spread : 0);
	figure->variance += variance;
	figure->variance2 += variance * variance / (n - 1);
}

double ul_page_figure_error(const struct ul_page_figure *figure)
{
	return sqrt(figure->variance);
}

/** The 0.975 quantile of Student's t: exact for few degrees, Cornish-Fisher beyond. */
static double student(double freedom)
{
	static const double few[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447};
	static const double z = 1.959964;
	if (freedom < 1)
		return few[0];
	if (freedom < (double)UL_ARRAY_LEN(few)) {
		const size_t below = (size_t)freedom - 1;
		return few[below] + (few[below + 1] - few[below]) * (freedom - floor(freedom));
	}
	return z + (pow(z, 3) + z) / (4 * freedom) +
	       (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * freedom * freedom);
}

double ul_page_figure_margin(const struct ul_page_figure *figure)
{
	if (figure->variance <= 0)
		return 0;
	const double freedom = figure->variance2 > 0
				       ? figure->variance * figure->variance / figure->variance2
				       : INFINITY;
	return student(freedom) * sqrt(figure->variance);
}

static bool same_units(const struct ul_page_count *a, const struct ul_page_count *b)
{
	if (a->seed != b->seed || a->strata.len != b->strata.len ||
	    a->drivers.len != b->drivers.len || a->page_bytes != b->page_bytes)
		return false;
	for (size_t i = 0; i < a->strata.len; i++)
		if (a->strata.data[i].units != b->strata.data[i].units ||
		    a->strata.data[i].drawn != b->strata.data[i].drawn)
			return false;
	return true;
}

bool ul_page_count_grown(const struct ul_page_count *before, const struct ul_page_count *after,
			 struct ul_page_figure *ret)
{
	size_t at = 0;
	if (!same_units(before, after))
		return false;
	*ret = (struct ul_page_figure){0};
	for (size_t i = 0; i < after->strata.len; i++) {
		const struct ul_page_stratum *stratum = &after->strata.data[i];
		double sum = 0;
		double sum2 = 0;
		for (uint32_t k = 0; k < stratum->drawn && at < after->drivers.len; k++, at++) {
			const double grown =
				(double)after->drivers.data[at] - before->drivers.data[at];
			sum += grown;
			sum2 += grown * grown;
		}
		ul_page_figure_add_stratum(ret, stratum, sum, sum2);
	}
	return true;
}

/** True for an account whose pages the flags cannot tell from driver pages. */
static bool looks_like_driver(const struct ul_account *account, bool large_kmalloc_is_slab,
			      bool walked)
{
	static const enum ul_kind whole[] = {UL_KIND_VMALLOC, UL_KIND_PERCPU, UL_KIND_KERNEL_STACK,
					     UL_KIND_COMPRESSED};
	/** Of other kinds: all but the account that the flags do know. */
	static const struct {
		enum ul_kind kind;
		const char *but;
	} parts[] = {
		{UL_KIND_FREE, "free"}, // the rest are on per-CPU lists: no buddy pages
		{UL_KIND_PAGE_TABLES, "page tables"}, // those of KVM and IOMMUs are not marked
		{UL_KIND_KERNEL_OTHER, "hardware corrupted"},
	};
	if (walked && account->kind == UL_KIND_FREE)
		return false;
	for (size_t i = 0; i < UL_ARRAY_LEN(whole); i++)
		if (account->kind == whole[i])
			return true;
	for (size_t i = 0; i < UL_ARRAY_LEN(parts); i++)
		if (account->kind == parts[i].kind)
			return strcmp(account->name, parts[i].but) != 0;
	return account->kind == UL_KIND_SLAB && !large_kmalloc_is_slab &&
	       !strcmp(account->name, "kmalloc-large");
}

static int64_t explained_bytes(const struct ul_ledger *ledger, bool large_kmalloc_is_slab,
			       bool walked)
{
	int64_t bytes = 0;
	ul_vec_foreach (account, &ledger->accounts)
		if (looks_like_driver(account, large_kmalloc_is_slab, walked))
			bytes += account->bytes;
	return bytes;
}

int64_t ul_page_explained_bytes(const struct ul_ledger *ledger, bool large_kmalloc_is_slab)
{
	return explained_bytes(ledger, large_kmalloc_is_slab, false);
}

static double account_bytes(const struct ul_ledger *ledger, enum ul_kind kind, const char *name)
{
	const struct ul_account *account = ul_ledger_find(ledger, kind, name);
	return account ? (double)account->bytes : 0;
}

/** The name under which an account is explained: vmalloc callers are many, and one here. */
static const char *explained_name(const struct ul_account *account)
{
	return account->kind == UL_KIND_VMALLOC ? "vmalloc" : account->name;
}

static struct ul_error *explain(const struct ul_ledger *ledger, bool walked,
				struct ul_page_compare *compare)
{
	ul_vec_foreach (account, &ledger->accounts) {
		struct ul_page_explained *entry = NULL;
		if (!account->bytes ||
		    !looks_like_driver(account, compare->large_kmalloc_is_slab, walked))
			continue;
		ul_vec_foreach (known, &compare->explained)
			if (!strcmp(known->name, explained_name(account)))
				entry = known;
		if (!entry) {
			entry = ul_vec_add(&compare->explained);
			if (!entry || !ul_text_set(&entry->name, explained_name(account)))
				return &ul_enomem;
		}
		entry->bytes += (double)account->bytes / 2; // of two ledgers
	}
	return NULL;
}

struct comparison {
	const struct ul_page_count *count;
	const struct ul_ledger *before, *after;
	struct ul_page_compare *compare;
};

/** A figure of the count in bytes, with its margin. */
static void take_figure(const struct comparison *c, enum ul_page_class class, double *bytes,
			double *margin)
{
	const struct ul_page_figure *figure = &c->count->figures[class];
	*bytes += figure->value * c->count->page_bytes;
	*margin = hypot(*margin, ul_page_figure_margin(figure) * c->count->page_bytes);
}

static void add_row(struct comparison *c, const char *what, double flags, double margin,
		    double before, double after, const char *why)
{
	struct ul_page_compared *row = &c->compare->rows[c->compare->rows_len];
	const double mean = (before + after) / 2;
	if (c->compare->rows_len == UL_PAGE_COMPARED_MAX || (flags <= 0 && mean <= 0))
		return;
	*row = (struct ul_page_compared){.what = what,
					 .flags_bytes = flags,
					 .margin_bytes = margin,
					 .counters_bytes = mean,
					 .moved_bytes = after - before};
	row->differs = fabs(flags - mean) > (double)c->after->mem_total / 100;
	if (row->differs)
		row->why = fabs(flags - mean) <= margin + fabs(after - before)
				   ? "no more than the error of sampling and what moved meanwhile"
				   : why;
	c->compare->rows_len++;
}

static void compare_class(struct comparison *c, const char *what, enum ul_page_class class,
			  enum ul_kind kind, const char *why)
{
	double flags = 0;
	double margin = 0;
	take_figure(c, class, &flags, &margin);
	add_row(c, what, flags, margin, (double)ul_ledger_kind_bytes(c->before, kind),
		(double)ul_ledger_kind_bytes(c->after, kind), why);
}

static void compare_free(struct comparison *c)
{
	double flags = 0;
	double margin = 0;
	take_figure(c, UL_PAGE_FREE, &flags, &margin);
	take_figure(c, UL_PAGE_UNTOUCHED, &flags, &margin);
	const bool walked = c->count->walked;
	add_row(c, "free", flags, margin,
		walked ? (double)ul_ledger_kind_bytes(c->before, UL_KIND_FREE)
		       : account_bytes(c->before, UL_KIND_FREE, "free"),
		walked ? (double)ul_ledger_kind_bytes(c->after, UL_KIND_FREE)
		       : account_bytes(c->after, UL_KIND_FREE, "free"),
		"memory that was not accepted from the hypervisor yet is counted as free");
}

static void compare_slab(struct comparison *c)
{
	double flags = 0;
	double margin = 0;
	double slab[2] = {(double)ul_ledger_kind_bytes(c->before, UL_KIND_SLAB),
			  (double)ul_ledger_kind_bytes(c->after, UL_KIND_SLAB)};
	const double large = account_bytes(c->after, UL_KIND_SLAB, "kmalloc-large");
	take_figure(c, UL_PAGE_SLAB, &flags, &margin);
	c->compare->large_kmalloc_is_slab = fabs(slab[1] - flags) <= fabs(slab[1] - large - flags);
	if (!c->compare->large_kmalloc_is_slab) {
		slab[0] -= account_bytes(c->before, UL_KIND_SLAB, "kmalloc-large");
		slab[1] -= large;
	}
	add_row(c, c->compare->large_kmalloc_is_slab ? "slab" : "slab of caches", flags, margin,
		slab[0], slab[1], "slabs that were taken or given back while the flags were read");
}

static void compare_page_tables(struct comparison *c)
{
	double flags = 0;
	double margin = 0;
	take_figure(c, UL_PAGE_TABLES, &flags, &margin);
	add_row(c, "page tables", flags, margin,
		account_bytes(c->before, UL_KIND_PAGE_TABLES, "page tables"),
		account_bytes(c->after, UL_KIND_PAGE_TABLES, "page tables"),
		"kernels before v4.18 do not mark page tables: they look like driver pages");
}

static void compare_drivers(struct comparison *c)
{
	struct ul_page_compare *compare = c->compare;
	const bool large = compare->large_kmalloc_is_slab;
	const double before = (double)c->before->unaccounted.bytes;
	const double after = (double)c->after->unaccounted.bytes;
	take_figure(c, UL_PAGE_DRIVER, &compare->driver_bytes, &compare->unowned_margin_bytes);
	const bool walked = c->count->walked;
	compare->explained_bytes = ((double)explained_bytes(c->before, large, walked) +
				    (double)explained_bytes(c->after, large, walked)) /
				   2;
	compare->unowned_bytes = compare->driver_bytes - compare->explained_bytes;
	compare->unaccounted_bytes = (before + after) / 2;
	add_row(c, "unaccounted", compare->unowned_bytes, compare->unowned_margin_bytes, before,
		after,
		"a ballooned page leaves MemTotal on some machines and not on others; memory moves "
		"between the two reads; a counter is wrong");
}

struct ul_error *ul_page_compare(const struct ul_page_count *count, const struct ul_ledger *before,
				 const struct ul_ledger *after, struct ul_page_compare *ret)
{
	struct ul_page_compare compare UL_CLEANUP_PAGE_COMPARE = {0};
	struct comparison c = {count, before, after, &compare};
	compare_free(&c);
	compare_slab(&c);
	compare_page_tables(&c);
	compare_class(&c, "anon", UL_PAGE_ANON, UL_KIND_ANON,
		      "anonymous pages in the swap cache that nobody maps are in SwapCached");
	compare_class(&c, "shmem", UL_PAGE_SHMEM, UL_KIND_SHMEM,
		      "swapped shared memory is in the swap cache while it is read");
	compare_class(&c, "page cache", UL_PAGE_FILE, UL_KIND_FILE,
		      "pages of the swap cache are anonymous by their flags");
	compare_class(&c, "huge pages", UL_PAGE_HUGETLB, UL_KIND_HUGETLB,
		      "the pool of huge pages was resized meanwhile");
	compare_drivers(&c);
	UL_TRY(explain(before, count->walked, &compare));
	UL_TRY(explain(after, count->walked, &compare));
	*ret = compare;
	compare = (struct ul_page_compare){0};
	return NULL;
}

void ul_page_compare_deinit(struct ul_page_compare *compare)
{
	ul_vec_foreach (entry, &compare->explained)
		free(entry->name);
	ul_vec_deinit(&compare->explained);
}
