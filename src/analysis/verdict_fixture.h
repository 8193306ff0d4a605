/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Half a minute of `find` made by hand, for the tests of the verdict. */
#ifndef UL_ANALYSIS_VERDICT_FIXTURE_H
#define UL_ANALYSIS_VERDICT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above first. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "analysis/growth.h"
#include "analysis/sites.h"
#include "analysis/verdict.h"
#include "base/text.h"
#include "base/units.h"
#include "model/link.h"

enum { FIXTURE_SAMPLES = 120, FIXTURE_SITES = 8 };
static const int64_t fixture_every_ns = UL_NS_PER_S / 4; /* 30 s in all */

struct fixture {
	struct ul_series_set *series;
	struct ul_growth_report growth;
	struct ul_ledger ledger;
	struct ul_trace trace;
	struct ul_findings findings;
	struct ul_links links;
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->series = ul_series_set_create();
	assert_non_null(f->series);
	// Recorded from second 10 to second 24, as `find --for 30s` does.
	f->trace = (struct ul_trace){.engine = "test",
				     .window_s = 14,
				     .drain_s = 6,
				     .begin_ns = 10 * UL_NS_PER_S,
				     .end_ns = 24 * UL_NS_PER_S};
	assert_true(ul_vec_reserve(&f->trace.sites, FIXTURE_SITES)); // links point into it
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	ul_links_deinit(&f->links);
	ul_findings_deinit(&f->findings);
	ul_growth_report_deinit(&f->growth);
	ul_trace_deinit(&f->trace);
	ul_ledger_deinit(&f->ledger);
	ul_series_set_destroy(f->series);
	free(f);
	return 0;
}

/** An account that grows by @p per_s objects of @p object_bytes, starting from 1,000. */
static inline void fixture_grow(struct fixture *f, enum ul_kind kind, const char *name,
				double per_s, int64_t object_bytes, bool has_objects)
{
	struct ul_series *series = NULL;
	assert_null(ul_series_set_get(f->series, kind, name, &series));
	for (int i = 0; i < FIXTURE_SAMPLES; i++) {
		const int64_t objects = 1000 + (int64_t)(per_s * i / 4.0);
		assert_null(ul_series_add(series, 1 + i * fixture_every_ns, objects * object_bytes,
					  has_objects ? objects : -1));
	}
}

/** A site of @p comm that has allocated @p survivors and freed none. @p cache NULL: of pages. */
static inline struct ul_site *fixture_site(struct fixture *f, const char *cache,
					   const char *function, const char *comm,
					   uint64_t object_bytes, uint64_t survivors)
{
	struct ul_site *site = ul_vec_add(&f->trace.sites);
	struct ul_site_process process = {.objects = survivors};
	assert_non_null(site);
	site->allocator = cache ? UL_ALLOCATOR_SLAB : UL_ALLOCATOR_PAGES;
	site->object_bytes = object_bytes;
	site->allocated = site->live = site->survivors = survivors;
	site->survivor_bytes = site->live_bytes = survivors * object_bytes;
	site->trust = 1;
	struct ul_frame *frame = ul_vec_add(&site->stack.frames);
	assert_non_null(frame);
	assert_true(ul_text_set(&site->cache, cache) && ul_text_set(&frame->function, function));
	ul_text_copy(process.comm, sizeof(process.comm), comm);
	assert_true(ul_vec_push(&site->processes, process));
	return site;
}

/** What was measured. */
static inline struct ul_evidence fixture_evidence(struct fixture *f)
{
	return (struct ul_evidence){.series = f->series,
				    .growth = &f->growth,
				    .ledger = &f->ledger,
				    .trace = &f->trace,
				    .own_pid = 99,
				    .cpus = 2};
}

/** Digest the sites and judge the growth: before the evidence is used, once. */
static inline void fixture_finish(struct fixture *f)
{
	assert_null(ul_sites_digest(&f->trace, &f->ledger));
	assert_null(ul_growth_report(f->series, &f->growth));
}

#endif
