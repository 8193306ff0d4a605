// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/growth.h"

const char *ul_growth_verdict_name(enum ul_growth_verdict verdict)
{
	switch (verdict) {
	case UL_GROWTH_TOO_SHORT:
		return "too-short";
	case UL_GROWTH_FLAT:
		return "flat";
	case UL_GROWTH_STEP:
		return "step";
	case UL_GROWTH_FILLING:
		return "filling";
	case UL_GROWTH_LEAK_LIKE:
		break;
	}
	return "leak-like";
}
