/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel itself keeps about live allocations, where it was built or booted to: allocation
 * profiling, page_owner, SLUB's allocation traces, kmemleak's report. All are counts of what is
 * live at one instant, by call site; nothing is missed in between, as it may be when tracing.
 *
 * Sites come with their frames named. Books: allocated = live (what was freed is not known), and
 * everything live counts as survivor; analysis/difference makes "since then" out of two of them.
 */
#ifndef UL_SOURCE_EXACT_EXACT_H
#define UL_SOURCE_EXACT_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "model/site.h"

/* Limits on what input can make us keep; beyond them objects are counted as lost. */
enum {
	UL_EXACT_MAX_SITES = 65536,
	UL_EXACT_MAX_KEY_BYTES = 64 << 20, /**< text of all stacks together */
	UL_EXACT_MAX_LINE = 4096,
	UL_EXACT_MAX_STACK_BYTES = 16384, /**< text of one stack */
	UL_EXACT_MAX_EXAMPLES = 32,	  /**< allocations kept by address for each site */
	UL_EXACT_MAX_PROCESSES = 16,	  /**< for each site */
	UL_EXACT_MAX_CACHES = 4096,
};

enum ul_exact_source {
	UL_EXACT_ALLOCINFO = 1 << 0,  /**< /proc/allocinfo: by line of code */
	UL_EXACT_PAGE_OWNER = 1 << 1, /**< debugfs page_owner: pages by stack */
	UL_EXACT_SLUB = 1 << 2,	      /**< debugfs slab/CACHE/alloc_traces: objects by stack */
	UL_EXACT_KMEMLEAK = 1 << 3,   /**< debugfs kmemleak: what its last scan did not reach */
	UL_EXACT_PAGE_STACKS =
		1 << 4, /**< page_owner_stacks/show_stacks: pages by stack, summed up */
};

/** The kernel's tick, to turn its ages into seconds. Zero: not known, ages stay unknown. */
struct ul_exact_clock {
	double jiffies_per_s;
	uint64_t jiffies;     /**< its value at monotonic_ns */
	int64_t monotonic_ns; /**< CLOCK_MONOTONIC; 0: not known */
};

/** What a parser must be told beside the text. */
struct ul_exact_context {
	enum ul_exact_source source;
	const char *cache;     /**< slab: whose traces these are; copied */
	uint64_t object_bytes; /**< slab: bytes one object takes; 0: not known */
	uint32_t page_bytes;   /**< 0: 4096 */
	struct ul_exact_clock clock;
};

/** Takes text in pieces of any size: page_owner's may be gigabytes. */
struct ul_exact_parser;

/** NULL when memory is out. */
struct ul_exact_parser *ul_exact_parser_create(const struct ul_exact_context *context);
void ul_exact_parser_destroy(struct ul_exact_parser *parser);
UL_DEFINE_CLEANUP(ul_cleanup_exact_parser, struct ul_exact_parser, ul_exact_parser_destroy);
#define UL_CLEANUP_EXACT_PARSER UL_CLEANUP(ul_cleanup_exact_parser)
/** Text that is not understood is skipped and counted; &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_exact_parser_feed(struct ul_exact_parser *parser, const char *data,
						  size_t len);
/** No more text: append the sites and losses to @p trace. Frames are named, sites not digested. */
UL_MUST_USE struct ul_error *ul_exact_parser_finish(struct ul_exact_parser *parser,
						    struct ul_trace *trace);

/** Where to read; and for SLUB which caches. */
struct ul_exact_options {
	const char *proc_root; /**< NULL: "/proc" */
	const char *sys_root;  /**< NULL: "/sys" */
	uint32_t page_bytes;
	/** Caches whose traces to read, and bytes of their objects; len 0: all that keep traces. */
	const char *const *caches;
	const uint64_t *object_bytes; /**< as many as caches; NULL: not known */
	size_t caches_len;
	int64_t budget_ns; /**< give up (UL_ERR_LIMIT) when reading takes longer; 0: never */
};

/**
 * Which sources can be read here and now: bits of enum ul_exact_source. allocinfo counts only while
 * profiling is on (sysctl vm.mem_profiling).
 */
unsigned int ul_exact_usable(const struct ul_exact_options *options);
/** True when SLUB keeps traces of @p cache (slab_debug=U). */
bool ul_exact_slub_usable(const struct ul_exact_options *options, const char *cache);
/** "allocinfo", "page_owner", "slub_debug", "kmemleak". */
const char *ul_exact_name(enum ul_exact_source source);
/** The tick from <proc_root>/timer_list; zeros when it cannot be told. */
void ul_exact_read_clock(const char *proc_root, struct ul_exact_clock *ret);
/**
 * Everything @p source tells now, appended to @p trace (engine and times are the caller's).
 *
 * @return UL_ERR_UNSUPPORTED with a hint when the kernel has no such source, UL_ERR_PERMISSION,
 *         UL_ERR_OS, UL_ERR_LIMIT (budget), &ul_enomem.
 */
UL_MUST_USE struct ul_error *ul_exact_read(const struct ul_exact_options *options,
					   enum ul_exact_source source, struct ul_trace *trace);

#endif
