/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tracer, as the files of source/trace share it. Private to them. */
#ifndef UL_SOURCE_TRACE_TRACER_H
#define UL_SOURCE_TRACE_TRACER_H

#include <time.h>

#include "source/trace/trace.h"
#include "source/trace/trace_shared.h"

struct trace_bpf;

/** An array of the BPF object, mapped. */
struct ul_mapped {
	void *data;
	size_t bytes;
	size_t count; /**< elements */
};

struct ul_tracer {
	struct trace_bpf *skeleton;
	struct ul_mapped sites;		       /**< struct ult_site */
	struct ul_mapped parts;		       /**< struct ult_part */
	struct ul_mapped ages;		       /**< struct ult_ages, by site */
	struct ul_mapped live[ULT_ALLOCATORS]; /**< struct ult_bucket, by enum ult_allocator */
	uint64_t *dropped;	    /**< by site: records that fell out of the share of addresses */
	struct ul_control *control; /**< the thread; NULL: not recording */
	double cpu_budget;
	unsigned int level_least, level_most; /**< while recording */
	bool tightened_for_room;	      /**< the level rose because a table was filling */
	double cost;			      /**< measured, of all CPUs; 0: not */
	unsigned int allocators;
	bool unpreempted;    /**< the programs keep from being preempted */
	unsigned int hidden; /**< enum ul_hidden bits: what is probed, since it has no event */
	struct ul_hidden_links *hidden_links;
	size_t max_examples;
	int64_t record_ns; /**< CLOCK_MONOTONIC when each phase began; 0: not yet */
	int64_t drain_ns;
	int64_t begin_boottime_ns; /**< the same on CLOCK_BOOTTIME */
	int64_t end_boottime_ns;
};

/** Now on @p clock (CLOCK_MONOTONIC: what BPF stamps with; CLOCK_BOOTTIME: the series'). */
int64_t ul_tracer_now_ns(clockid_t clock);
/** Of addresses recorded now. */
double ul_tracer_share(const struct ul_tracer *tracer);
/** Records nothing from now on. */
void ul_tracer_off(struct ul_tracer *tracer);
/** Sum of one per-CPU counter; 0 when it cannot be read. */
uint64_t ul_tracer_counter(const struct ul_tracer *tracer, enum ult_counter counter);

#endif
