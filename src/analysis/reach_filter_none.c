// SPDX-License-Identifier: GPL-2.0-or-later
/* Where there is no faster filter than the plain one. */
#include "analysis/reach_filter.h"

ul_reach_filter_fn ul_reach_filter_best(void)
{
	return ul_reach_filter_plain;
}
