// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/per_run.h"

const char *ul_per_run_shape_name(enum ul_per_run_shape shape)
{
	switch (shape) {
	case UL_PER_RUN_NONE:
		break;
	case UL_PER_RUN_STEADY:
		return "steady";
	case UL_PER_RUN_STOPPED:
		return "stopped";
	case UL_PER_RUN_FALLING:
		return "falling";
	case UL_PER_RUN_RECENT:
		return "recent";
	case UL_PER_RUN_UNEVEN:
		return "uneven";
	}
	return "none";
}
