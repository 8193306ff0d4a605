/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs remember of frees: by whom, and what was freed. Private to source/trace. */
#ifndef UL_SOURCE_TRACE_FREED_H
#define UL_SOURCE_TRACE_FREED_H

#include "base/vec.h"
#include "source/trace/tracer.h"

/** One path by which objects of a site, allocated by one comm, were freed. */
struct ul_freed_path {
	struct ult_freed_key key;
	uint64_t objects;
};

struct ul_freed_example {
	uint32_t site;
	struct ult_freed_object object;
};

/** Everything the tables have, by site. Zero is empty. */
struct ul_freed {
	UL_VEC(struct ul_freed_path) paths;
	UL_VEC(struct ul_freed_example) examples;
};

/** Name of a process by the id the programs gave it; "?" when it found no room. */
typedef const char *ul_freed_comm_fn(const void *context, uint32_t comm_id);

/** Size the tables, before load: they are as good as absent without options->free_paths. */
void ul_freed_configure(struct trace_bpf *skeleton, const struct ul_tracer_options *options);
/** @param ret  Initialised here; caller deinitialises. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_freed_read(const struct ul_tracer *tracer, struct ul_freed *ret);
void ul_freed_deinit(struct ul_freed *freed);
/**
 * Give @p site, number @p index in `sites`, its free paths (addresses only), who had allocated what
 * was freed, and what that held. &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_freed_fill(const struct ul_tracer *tracer,
					   const struct ul_freed *freed, uint32_t index,
					   ul_freed_comm_fn *comm_of, const void *context,
					   struct ul_site *site);
/** Bytes of the page block at @p head that were freed already; 0: it is whole. */
uint64_t ul_freed_hole_bytes(const struct ul_tracer *tracer, uint64_t head);

#endif
