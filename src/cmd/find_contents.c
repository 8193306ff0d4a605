// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/find_contents.h"

enum { CONTENTS_OF_TOP = 6 /**< findings whose objects are read */ };

/** What is lost by @p site, and what it and others of its sort freed. */
static struct ul_error *read_contents(const struct ul_machine *machine,
				      const struct ul_trace *trace, const struct ul_site *site,
				      struct ul_patterns *ret_lost, struct ul_patterns *ret_freed)
{
	UL_TRY(ul_machine_contents(machine, site, ret_lost));
	return ul_machine_freed_contents(machine, trace, site, ret_freed);
}

struct ul_error *ul_cmd_find_contents(const struct ul_machine *machine,
				      const struct ul_trace *trace, struct ul_findings *findings)
{
	size_t done = 0;
	ul_vec_foreach (finding, &findings->items) {
		if (!finding->site || done == CONTENTS_OF_TOP)
			continue;
		UL_TRY(read_contents(machine, trace, finding->site, &finding->patterns,
				     &finding->freed_patterns));
		ul_vec_foreach (companion, &finding->companions)
			if (companion->site)
				UL_TRY(read_contents(machine, trace, companion->site,
						     &companion->patterns,
						     &companion->freed_patterns));
		done++;
	}
	return NULL;
}
