/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger, for people and for programs. */
#ifndef UL_VIEW_ACCOUNT_H
#define UL_VIEW_ACCOUNT_H

#include "model/kernel.h"
#include "model/ledger.h"
#include "view/holders.h"
#include "view/json_writer.h"
#include "view/pages.h"
#include "view/term.h"

/** Document `account`. @p pages, @p holders NULL: not counted. @p top 0: every row. */
UL_MUST_USE struct ul_error *ul_json_account(FILE *out, bool pretty, const struct ul_kernel *kernel,
					     const struct ul_ledger *ledger,
					     const struct ul_pages *pages,
					     const struct ul_holders *holders, size_t top);
/** Members `mem_total`, `accounts`, `unaccounted`, into an open object. */
void ul_json_accounts(struct ul_json *json, const struct ul_ledger *ledger);

/** @p pages, @p holders NULL: not counted. @p top: rows of each list. */
UL_MUST_USE struct ul_error *ul_term_account(const struct ul_term *term,
					     const struct ul_kernel *kernel,
					     const struct ul_ledger *ledger,
					     const struct ul_pages *pages,
					     const struct ul_holders *holders, size_t top);
/** One line for each kind of account, with its share of MemTotal as a bar. */
UL_MUST_USE struct ul_error *ul_term_kinds(const struct ul_term *term,
					   const struct ul_ledger *ledger);
/** "HOST, Linux 6.1.0-18 x86_64, 15.6 GiB of memory". */
void ul_term_machine(const struct ul_term *term, const struct ul_kernel *kernel,
		     const struct ul_ledger *ledger);
/** What people read for a kind: "page tables". */
const char *ul_term_kind(enum ul_kind kind);
/** True for memory that the kernel itself holds: where kernel leaks show. */
bool ul_kind_of_kernel(enum ul_kind kind);

#endif
