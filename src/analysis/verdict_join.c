// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One leak is one finding. Where memory can be read, survivors of one site that hold the addresses
 * of another's (analysis/links) tell what is lost together: a socket its packets, a seq_file its
 * buffer. Numbers and programs may differ then, and what stands for all is the one that nothing
 * else of the group points to, not the one that grows most: whoever loses it loses them all. With
 * "points to" closed over steps (A to B to C), the root of a site is one that leads to it and that
 * nothing leads to which it does not lead to itself; of a ring the one that grows most.
 *
 * A site points to another when at least half of what can be expected of two samples agrees:
 *
 *	pointed >= half of min(n, m x M / N)
 *
 * where of the one pointed to n objects were looked at, of the other m, and each of the other
 * should point to M / N: their survivors (where only a share of addresses was traced, that share of
 * it). So one shared object that all point to joins nothing.
 * Only what is a leak by its own witnesses brings a group about. What is or may be held for a
 * reason (verdict_held.c) loses nothing by pointing to it: such pointers do not count, so it stands
 * for no group. What the kernel keeps by design is no part of one either; what running processes
 * may hold is, where something lost points to it.
 *
 * Errs: a pointer that was left behind in a freed and reused place may join two leaks, if most of
 * their objects do so. Where memory cannot be read, numbers alone decide (verdict_together.c).
 */
#include "analysis/verdict_join.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/sites.h"
#include "analysis/verdict_held.h"
#include "analysis/verdict_internal.h"
#include "base/text.h"

enum { MIN_POINTED = 4 };

struct join {
	const struct ul_evidence *evidence;
	const struct ul_links *links;
	struct ul_findings *findings;
	size_t len;	 /**< sites */
	bool *held;	 /**< of each site: is, or may be, held for a reason */
	bool *leads;	 /**< [from * len + to], closed over steps */
	size_t *root_of; /**< of each site: its own number where nothing leads to it */
};

static void join_deinit(struct join *join)
{
	free(join->held);
	free(join->leads);
	free(join->root_of);
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

/** Enough of the one point to enough of the other. */
static bool is_strong(const struct join *join, const struct ul_link *link)
{
	const struct ul_links *links = join->links;
	const double share = join->evidence->trace->share;
	const struct ul_linked *from = &links->sites.data[link->from];
	const struct ul_linked *to = &links->sites.data[link->to];
	const double each = from->site->survivors
				    ? (double)to->site->survivors / (double)from->site->survivors
				    : 0;
	const double both = smaller((double)to->objects.len, (double)from->objects.len * each);
	const double expected = share > 0 ? both * share : both;
	return link->pointed >= MIN_POINTED && (double)link->pointed >= expected / 2 &&
	       !join->held[link->from] && !ul_verdict_by_design(to->site);
}

/** Nothing leads to it that it does not lead to itself. */
static bool is_root(const struct join *join, size_t site)
{
	for (size_t other = 0; other < join->len; other++)
		if (join->leads[other * join->len + site] && !join->leads[site * join->len + other])
			return false;
	return true;
}

static struct ul_finding *finding_of(const struct ul_findings *findings, const struct ul_site *site)
{
	ul_vec_foreach (finding, &findings->items)
		if (finding->site == site)
			return finding;
	return NULL;
}

static bool is_held(const struct join *join, const struct ul_site *site)
{
	const struct ul_finding *finding = finding_of(join->findings, site);
	return (finding && finding->verdict == UL_FINDING_HELD) ||
	       ul_verdict_may_be_held(site, join->evidence->ledger,
				      join->evidence->trace->begin_ns);
}

static struct ul_error *find_held(struct join *join)
{
	join->held = calloc(join->len + 1, sizeof(*join->held));
	if (!join->held)
		return &ul_enomem;
	for (size_t i = 0; i < join->len; i++)
		join->held[i] = is_held(join, join->links->sites.data[i].site);
	return NULL;
}

static struct ul_error *find_roots(struct join *join)
{
	const size_t len = join->len;
	join->leads = calloc(len * len + 1, sizeof(*join->leads));
	join->root_of = calloc(len + 1, sizeof(*join->root_of));
	if (!join->leads || !join->root_of)
		return &ul_enomem;
	ul_vec_foreach (link, &join->links->items)
		if (is_strong(join, link))
			join->leads[link->from * len + link->to] = true;
	for (size_t by = 0; by < len; by++)
		for (size_t from = 0; from < len; from++)
			for (size_t to = 0; to < len && join->leads[from * len + by]; to++)
				join->leads[from * len + to] |= join->leads[by * len + to];
	for (size_t site = 0; site < len; site++) {
		size_t root = 0;
		while (root < len &&
		       !((root == site || join->leads[root * len + site]) && is_root(join, root)))
			root++;
		join->root_of[site] = root < len ? root : site;
	}
	return NULL;
}

static size_t number_of(const struct join *join, const struct ul_site *site)
{
	for (size_t i = 0; site && i < join->len; i++)
		if (join->links->sites.data[i].site == site)
			return i;
	return SIZE_MAX;
}

/** The site that @p site hangs from at the end; NULL: none, or it is not among those looked at. */
static const struct ul_site *root_of(const struct join *join, const struct ul_site *site)
{
	const size_t number = number_of(join, site);
	return number == SIZE_MAX || join->root_of[number] == number
		       ? NULL
		       : join->links->sites.data[join->root_of[number]].site;
}

/** The series that @p site is booked under; NULL: none is sampled. */
static const struct ul_growth_row *row_of(const struct join *join, const struct ul_site *site)
{
	ul_vec_foreach (row, &join->evidence->growth->rows)
		if (ul_sites_in_account(site, join->evidence->ledger, row->series->kind,
					row->series->name))
			return row;
	return NULL;
}

/** Kept by nobody's design, and its account has grown with it. */
static bool may_be_lost(const struct join *join, const struct ul_site *site)
{
	return site->survivors >= UL_VERDICT_SMALL && !ul_verdict_by_design(site) &&
	       ul_verdict_account_agrees(join->evidence, site);
}

static void drop_companion(struct ul_finding *finding, const struct ul_site *site)
{
	size_t kept = 0;
	for (size_t i = 0; i < finding->companions.len; i++) {
		struct ul_companion *companion = &finding->companions.data[i];
		if (companion->site == site)
			ul_companion_deinit(companion);
		else
			finding->companions.data[kept++] = *companion;
	}
	finding->companions.len = kept;
}

/** What was said so far was said of @p account. */
static struct ul_error *say_whose(struct ul_finding *finding, const char *account)
{
	ul_vec_foreach (why, &finding->why) {
		char *text;
		if (!strncmp(*why, account, strlen(account)))
			continue;
		if (asprintf(&text, "%s: %s", account, *why) < 0)
			return &ul_enomem;
		free(*why);
		*why = text;
	}
	return NULL;
}

/** What was to be typed next was so of the old account. */
static struct ul_error *say_next(struct ul_finding *finding)
{
	ul_vec_foreach (next, &finding->next)
		free(*next);
	finding->next.len = 0;
	return ul_verdict_add_next(finding);
}

/** @p site takes the place of the finding's own, which becomes a companion. */
static struct ul_error *promote(struct join *join, struct ul_finding *finding,
				const struct ul_site *site)
{
	const struct ul_growth_row *row = row_of(join, site);
	UL_CLEANUP_FREE char *account = strdup(finding->account);
	if (!account)
		return &ul_enomem;
	if (!row)
		return NULL; // its account is not known: then it cannot be named
	UL_TRY(say_whose(finding, account));
	UL_TRY(ul_verdict_add_companion(finding, finding));
	drop_companion(finding, site);
	UL_TRY(ul_verdict_fill_account(join->evidence, row->series, finding));
	finding->growth = row->growth;
	finding->site = site;
	finding->survivors = site->survivors;
	finding->survivor_bytes = ul_verdict_bytes_in_account(join->evidence, site);
	if (!ul_text_set(&finding->function, site->function) ||
	    !ul_text_set(&finding->module, site->module))
		return &ul_enomem;
	UL_TRY(say_next(finding));
	return ul_finding_why(finding,
			      "%" PRIu64 " of %" PRIu64 " allocations of %s by %s were not freed, "
			      "either; nothing else that is lost with them points to them",
			      site->survivors, site->allocated, finding->account,
			      site->function ? site->function : "an unknown function");
}

/** Leaks whose root has no finding: it takes over theirs. */
static struct ul_error *promote_roots(struct join *join)
{
	ul_vec_foreach (finding, &join->findings->items) {
		const struct ul_site *root = root_of(join, finding->site);
		bool own = false;
		if (finding->verdict != UL_FINDING_LEAK || !root ||
		    finding_of(join->findings, root))
			continue;
		ul_vec_foreach (companion, &finding->companions)
			own |= companion->site == root;
		if (own || (!ul_verdict_is_shown(join->findings, root) && may_be_lost(join, root)))
			UL_TRY(promote(join, finding, root));
	}
	return NULL;
}

static struct ul_error *move_companions(struct ul_finding *to, struct ul_finding *from)
{
	ul_vec_foreach (companion, &from->companions) {
		if (!ul_vec_push(&to->companions, *companion))
			return &ul_enomem;
		*companion = (struct ul_companion){0};
	}
	from->companions.len = 0;
	return NULL;
}

/** @p from becomes a part of @p into, which is a leak if one of them is. */
static struct ul_error *merge(struct ul_finding *into, struct ul_finding *from)
{
	UL_TRY(ul_verdict_add_companion(into, from));
	UL_TRY(move_companions(into, from));
	if (into->verdict == UL_FINDING_LEAK)
		return NULL;
	into->verdict = UL_FINDING_LEAK;
	into->confidence = from->confidence;
	return ul_finding_why(into,
			      "%s, whose objects these point to, is a leak by both its witnesses",
			      from->account);
}

/** The finding that @p finding is a part of; NULL: none. */
static struct ul_finding *whole_of(const struct join *join, const struct ul_finding *finding)
{
	const struct ul_site *root = root_of(join, finding->site);
	struct ul_finding *whole = root ? finding_of(join->findings, root) : NULL;
	const bool leak = finding->verdict == UL_FINDING_LEAK;
	if (!whole || (!leak && finding->verdict != UL_FINDING_INCONCLUSIVE))
		return NULL;
	if (whole->verdict == UL_FINDING_LEAK ||
	    (leak && whole->verdict == UL_FINDING_INCONCLUSIVE))
		return whole;
	return NULL;
}

static struct ul_error *merge_parts(struct join *join)
{
	__auto_type items = &join->findings->items;
	// First all that move, then the gaps: finding_of() must see them in their places.
	ul_vec_foreach (finding, items) {
		struct ul_finding *whole = whole_of(join, finding);
		if (!whole)
			continue;
		UL_TRY(merge(whole, finding));
		finding->site = NULL;
		finding->rank = 0;
	}
	size_t kept = 0;
	for (size_t i = 0; i < items->len; i++) {
		if (items->data[i].rank)
			items->data[kept++] = items->data[i];
		else
			ul_finding_deinit(&items->data[i]);
	}
	items->len = kept;
	return NULL;
}

/** What hangs from a leak and has no place yet. */
static struct ul_error *add_hanging(struct join *join, struct ul_finding *finding)
{
	for (size_t i = 0; i < join->len; i++) {
		const struct ul_site *site = join->links->sites.data[i].site;
		if (finding->companions.len >= UL_VERDICT_MAX_COMPANIONS)
			return NULL;
		if (root_of(join, site) != finding->site ||
		    ul_verdict_is_shown(join->findings, site) || !may_be_lost(join, site))
			continue;
		UL_TRY(ul_verdict_add_site(finding, site));
	}
	return NULL;
}

static const char *account_of(const struct ul_finding *finding, const struct ul_site *site)
{
	if (finding->site == site)
		return finding->account;
	ul_vec_foreach (companion, &finding->companions)
		if (companion->site == site)
			return companion->account;
	return NULL;
}

/** Who of the same finding points to @p companion most. */
static struct ul_error *say_who_points(const struct join *join, const struct ul_finding *finding,
				       struct ul_companion *companion)
{
	const size_t number = number_of(join, companion->site);
	const char *from = NULL;
	ul_vec_foreach (link, &join->links->items) {
		const char *account = account_of(finding, join->links->sites.data[link->from].site);
		if (link->to != number || !account || !is_strong(join, link) ||
		    link->pointed <= companion->pointed)
			continue;
		from = account;
		companion->pointed = link->pointed;
		companion->looked_at = join->links->sites.data[number].objects.len;
	}
	return ul_text_set(&companion->pointed_by, from) ? NULL : &ul_enomem;
}

static struct ul_error *join_linked(struct join *join)
{
	UL_TRY(find_held(join));
	UL_TRY(find_roots(join));
	UL_TRY(promote_roots(join));
	UL_TRY(merge_parts(join));
	ul_vec_foreach (finding, &join->findings->items) {
		if (finding->verdict != UL_FINDING_LEAK || !finding->site)
			continue;
		UL_TRY(add_hanging(join, finding));
		ul_vec_foreach (companion, &finding->companions)
			UL_TRY(say_who_points(join, finding, companion));
	}
	ul_verdict_rank(join->findings);
	return NULL;
}

struct ul_error *ul_verdict_join_linked(const struct ul_evidence *evidence,
					const struct ul_links *links, struct ul_findings *findings)
{
	UL_CLEANUP(join_deinit)
	struct join join = {.evidence = evidence,
			    .links = links,
			    .findings = findings,
			    .len = links->sites.len};
	return join.len ? join_linked(&join) : NULL;
}
