/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Known fixes, for people and for programs. */
#ifndef UL_VIEW_FIXES_H
#define UL_VIEW_FIXES_H

#include "model/fix.h"
#include "model/kernel.h"
#include "view/json_writer.h"
#include "view/term.h"

/** Document `fixes`. */
UL_MUST_USE struct ul_error *ul_json_fixes(FILE *out, bool pretty, const struct ul_kernel *kernel,
					   const struct ul_kernel_version *version,
					   const struct ul_fixes *fixes,
					   const struct ul_fix_matches *matches);
/** Member @p key: the matches as an array, for `find` too. */
void ul_json_fix_matches(struct ul_json *json, const char *key,
			 const struct ul_fix_matches *matches);
UL_MUST_USE struct ul_error *ul_term_fixes(const struct ul_term *term,
					   const struct ul_kernel *kernel,
					   const struct ul_kernel_version *version,
					   const struct ul_fixes *fixes,
					   const struct ul_fix_matches *matches);
/** One match, indented by @p indent blanks. */
UL_MUST_USE struct ul_error *ul_term_fix_match(const struct ul_term *term, unsigned int indent,
					       const struct ul_fix_match *match);

/** What --update did: titles looked at, fixes of leaks among them, fixes known before. */
struct ul_fixes_updated {
	uint64_t titles;
	uint64_t leaks;
	size_t before;
	const char *path; /**< of the index written */
};
UL_MUST_USE struct ul_error *ul_json_fixes_update(FILE *out, bool pretty,
						  const struct ul_kernel *kernel,
						  const struct ul_fixes *fixes,
						  const struct ul_fixes_updated *updated);
void ul_term_fixes_update(const struct ul_term *term, const struct ul_fixes *fixes,
			  const struct ul_fixes_updated *updated);

#endif
