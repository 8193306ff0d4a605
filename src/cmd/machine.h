/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is needed to look into the running kernel, beside /proc: names for addresses, its memory,
 * and where its parts lie. Each may be missing on a machine; that is a loss, not a failure.
 */
#ifndef UL_CMD_MACHINE_H
#define UL_CMD_MACHINE_H

#include "cmd/cmd.h"
#include "model/ledger.h"
#include "model/loss.h"
#include "model/memory.h"
#include "model/pattern.h"
#include "model/site.h"
#include "model/symtab.h"
#include "source/image/live.h"
#include "source/symbols/symbols.h"
#include "source/trace/trace.h"

struct ul_machine {
	struct ul_symtab *symtab; /**< NULL: kallsyms not readable */
	struct ul_lines *lines;
	struct ul_memory *memory; /**< NULL: kernel memory not readable */
	struct ul_layout layout;
	bool has_layout;
};

/** Open what there is; what is missing goes to @p losses, with the reason. */
UL_MUST_USE struct ul_error *ul_machine_open(const struct ul_cmd_context *context,
					     struct ul_losses *losses, struct ul_machine *ret);
void ul_machine_deinit(struct ul_machine *machine);
#define UL_CLEANUP_MACHINE UL_CLEANUP(ul_machine_deinit)

/** Tell the tracer where pages and slabs lie. */
void ul_machine_tracer_options(const struct ul_machine *machine, struct ul_tracer_options *options);
/** Name every frame of every site (one address can become several frames where code is inlined). */
UL_MUST_USE struct ul_error *ul_machine_name_stacks(const struct ul_machine *machine,
						    struct ul_trace *trace);
/** What @p tracer has recorded, with frames named and sites folded. @p ret empty before. */
UL_MUST_USE struct ul_error *ul_machine_take_trace(const struct ul_cmd_context *context,
						   struct ul_machine *machine,
						   struct ul_tracer *tracer,
						   const struct ul_ledger *ledger,
						   struct ul_trace *ret);
/** Read survivors of @p site and say what they hold. @p ret is initialised in every case. */
UL_MUST_USE struct ul_error *ul_machine_contents(const struct ul_machine *machine,
						 const struct ul_site *site,
						 struct ul_patterns *ret);
/**
 * What objects of the sort of @p site (analysis/freepath) held when they were freed. @p ret is
 * initialised in every case.
 */
UL_MUST_USE struct ul_error *ul_machine_freed_contents(const struct ul_machine *machine,
						       const struct ul_trace *trace,
						       const struct ul_site *site,
						       struct ul_patterns *ret);
/** Read @p len bytes at each of @p addresses and group them by contents. */
UL_MUST_USE struct ul_error *ul_machine_read_objects(const struct ul_machine *machine,
						     const uint64_t *addresses, size_t count,
						     size_t len, struct ul_patterns *ret);

#endif
