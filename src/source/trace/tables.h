/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How large the tables of trace.bpf.c are, and what they take. Private to source/trace. */
#ifndef UL_SOURCE_TRACE_TABLES_H
#define UL_SOURCE_TRACE_TABLES_H

#include "source/trace/tracer.h"

struct bpf_object;

/**
 * Size the tables, before load and after all else that sizes one (hidden.c, freed.c): those of live
 * allocations get what the others leave of options->memory_bytes.
 *
 * @param cpus  that are possible: so often a per-CPU table is there.
 * @return UL_ERR_LIMIT only.
 */
UL_MUST_USE struct ul_error *ul_tables_configure(struct trace_bpf *skeleton,
						 const struct ul_tracer_options *options,
						 unsigned int cpus);
/** Memory of all tables of @p object. */
uint64_t ul_tables_bytes(const struct bpf_object *object, unsigned int cpus);
/** CPUs that are possible; 1 when that is not known. */
unsigned int ul_tables_cpus(void);

#endif
