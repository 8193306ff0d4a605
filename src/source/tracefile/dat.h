/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.dat through libtracecmd: dat_cmd.c, or dat_none.c in a build without it. */
#ifndef UL_SOURCE_TRACEFILE_DAT_H
#define UL_SOURCE_TRACEFILE_DAT_H

#include "source/tracefile/tracefile.h"

/** What a trace.dat is read into; all borrowed. */
struct ul_trace_dat {
	const char *name;
	struct ul_dictionary *dictionary;
	struct ul_tracefile_info *info;
	struct ul_losses *losses;
	ul_event_fn *take;
	void *context;
};

/** Read all of @p fd, which stays open. UL_ERR_UNSUPPORTED without the library, UL_ERR_BAD_DATA. */
UL_MUST_USE struct ul_error *ul_trace_dat_read(const struct ul_trace_dat *dat, int fd);
const char *ul_trace_dat_library(void);

#endif
