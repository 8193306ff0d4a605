// SPDX-License-Identifier: GPL-2.0-or-later
/* Without libtracecmd. */
#include "source/tracefile/dat.h"

struct ul_error *ul_trace_dat_read(const struct ul_trace_dat *dat, int fd)
{
	return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
					  "%s: this build reads no trace.dat (libtracecmd)",
					  dat->name),
			     "trace-cmd report %s >trace.txt makes text that it reads", dat->name);
}

const char *ul_trace_dat_library(void)
{
	return NULL;
}
