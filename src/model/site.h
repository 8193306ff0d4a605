/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tracing saw, by site. The books of a site balance:
 * allocated = freed + live + missed (ul_site_balanced()).
 */
#ifndef UL_MODEL_SITE_H
#define UL_MODEL_SITE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/ages.h"
#include "model/loss.h"
#include "model/stack.h"

/** Which allocator; each has its own key space. Persisted: explicit, append-only. */
enum ul_allocator {
	UL_ALLOCATOR_SLAB = 1,	/**< key: kernel virtual address */
	UL_ALLOCATOR_PAGES = 2, /**< key: struct page address */
	UL_ALLOCATOR_PERCPU = 3,
	UL_ALLOCATOR_VMALLOC = 4, /**< key: kernel virtual address of the area */
};

/** Who allocated the objects of a site that are still live. */
struct ul_site_process {
	pid_t pid; /**< thread group; 0 when several pids of one comm are folded */
	char comm[16];
	uint64_t objects;
};

/** One live allocation, kept as an example to look into. */
struct ul_allocation {
	uint64_t key; /**< kernel virtual address, or struct page address */
	uint64_t bytes;
	int64_t time_ns; /**< CLOCK_MONOTONIC of the allocation */
	pid_t pid;
	char comm[16];
	bool survivor; /**< outlived the drain window */
};

/** A way by which objects of a site were freed. */
struct ul_free_path {
	struct ul_stack stack; /**< of the free; empty when it was lost */
	const char *function;  /**< first that is no allocator. Borrowed from stack */
	const char *module;
	uint64_t objects; /**< frees; an estimate where not every free was looked at */
};

enum { UL_FREED_OBJECT_BYTES = 256 };

/** The begin of an object as it was when it was freed. */
struct ul_freed_object {
	uint64_t kaddr;
	uint32_t len; /**< of `bytes` that belong to the object */
	uint8_t bytes[UL_FREED_OBJECT_BYTES];
};

struct ul_site {
	enum ul_allocator allocator;
	char *cache;	    /**< slab cache, NULL: not known or not slab */
	bool cache_guessed; /**< the kmalloc cache was derived from size and flags, not read */
	char *account;	    /**< account the bytes are booked under; NULL: not known */
	bool nested; /**< pages that slab, vmalloc, percpu ... took: booked there, not twice */
	bool exact;  /**< counted by the kernel itself (source/exact), not traced */
	uint64_t call_site;    /**< address the event itself reported */
	uint64_t object_bytes; /**< bytes one allocation takes; 0: several sizes */
	struct ul_stack stack; /**< may be empty (count mode, or a lost stack) */
	const char *
		function; /**< the frame to name: first that is no allocator. Borrowed from stack */
	const char *module;
	uint64_t allocated, freed, live,
		missed; /**< objects; missed: freed unseen, proven by reuse */
	uint64_t allocated_bytes, freed_bytes, live_bytes;
	uint64_t hole_bytes; /**< of live page blocks, freed already: not in live_bytes */
	uint64_t survivors, survivor_bytes; /**< live and older than the drain window */
	/**
	 * +- of `survivors`, `freed` and `allocated`, 95 %; 0: every allocation was seen. That of
	 * `freed` errs to small where few addresses are used again and again.
	 */
	double survivors_error, freed_error, allocated_error;
	double age_p50_s;			   /**< of live objects; NAN: none */
	struct ul_ages ages;			   /**< all zero: not known */
	UL_VEC(struct ul_survival_point) survival; /**< share alive against age; empty: not known */
	double lifetime_p50_s; /**< age that half of them reach; NAN: more do, or not known */
	/**
	 * Of those a quarter as old as the oldest, the share that gets as old; NAN: not known. 1
	 * is a leak's, or that of a cache which frees later than was watched.
	 */
	double late_survival;
	enum ul_survival_shape survival_shape;
	double bytes_per_s; /**< of survivors, over the time allocations were recorded; 0: none */
	double trust;	    /**< 0..1: how far a survivor of this site can be believed to be live */
	UL_VEC(struct ul_site_process) processes; /**< most objects first */
	UL_VEC(struct ul_allocation) examples;	  /**< some survivors, oldest first */
	/**
	 * Of what was freed: who freed it, who had allocated it, and what it held. Empty where
	 * free paths were not recorded. Most objects first.
	 */
	UL_VEC(struct ul_free_path) free_paths;
	UL_VEC(struct ul_site_process) freed_processes; /**< pid 0 */
	UL_VEC(struct ul_freed_object) freed_objects;
};

struct ul_trace {
	const char *engine; /**< "bpf"; static */
	double window_s;    /**< time allocations were recorded */
	double drain_s;	    /**< time only frees were recorded */
	int64_t begin_ns;   /**< CLOCK_BOOTTIME when recording allocations began and ended: the */
	int64_t end_ns;	    /**< clock of the series, so that growth in the same time is known */
	uint64_t events;
	uint64_t memory_bytes; /**< that the kernel's tables took, locked; 0: not known */
	double cost;  /**< CPU time that tracing took, of all CPUs, 0..1; 0: not measured */
	double share; /**< of allocations that were recorded; counts are scaled up. 1: all; 0 = 1 */
	UL_VEC(struct ul_site) sites; /**< most survivor bytes first */
	struct ul_losses losses;
};

void ul_site_deinit(struct ul_site *site);
void ul_trace_deinit(struct ul_trace *trace);
#define UL_CLEANUP_TRACE UL_CLEANUP(ul_trace_deinit)
bool ul_site_balanced(const struct ul_site *site);
/**
 * Whether people are shown it: something survived there that is not another site's, too. Its number
 * is its place among these.
 */
bool ul_site_is_listed(const struct ul_site *site);

#endif
