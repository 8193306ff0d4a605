/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows objects of some types from allocation to free, and who takes and gives back references to
 * them meanwhile (references.bpf.c).
 */
#ifndef UL_SOURCE_TRACE_REFERENCES_H
#define UL_SOURCE_TRACE_REFERENCES_H

#include "base/error.h"
#include "base/vec.h"
#include "model/loss.h"
#include "model/reference.h"
#include "model/symtab.h"

enum { UL_REFERENCE_FRAMES = 10 };

/** As struct ul_reference_event, with addresses in the place of names. */
struct ul_reference_record {
	int64_t time_ns; /**< CLOCK_MONOTONIC */
	uint64_t object;
	const struct ul_reference_type *type;
	enum ul_reference_what what;
	uint32_t function;		      /**< index in type->functions */
	uint64_t frames[UL_REFERENCE_FRAMES]; /**< of a call; 0 behind the last */
};

struct ul_reference_records {
	UL_VEC(struct ul_reference_record) items; /**< in order of time */
};

struct ul_reference_probe;

/**
 * Load and attach, for @p types alone, which must live as long. @p no_trampolines: by kprobes.
 * UL_ERR_UNSUPPORTED: this kernel cannot watch any of their functions; UL_ERR_PERMISSION.
 */
UL_MUST_USE struct ul_error *ul_reference_probe_open(const struct ul_reference_type *const *types,
						     size_t types_len,
						     const struct ul_symtab *symtab,
						     bool no_trampolines,
						     struct ul_reference_probe **ret);
void ul_reference_probe_destroy(struct ul_reference_probe *probe);
UL_DEFINE_CLEANUP(ul_cleanup_reference_probe, struct ul_reference_probe,
		  ul_reference_probe_destroy);
#define UL_CLEANUP_REFERENCE_PROBE UL_CLEANUP(ul_cleanup_reference_probe)

/** Follow objects that are allocated from now on; false: only those known already. */
void ul_reference_probe_record(struct ul_reference_probe *probe, bool on);
/** Append what was seen since the last time. */
UL_MUST_USE struct ul_error *ul_reference_probe_take(struct ul_reference_probe *probe,
						     struct ul_reference_records *records);
/** What was not seen. */
UL_MUST_USE struct ul_error *ul_reference_probe_losses(const struct ul_reference_probe *probe,
						       struct ul_losses *losses);

#endif
