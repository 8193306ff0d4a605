// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/calls.h"

void ul_calls_deinit(struct ul_calls *calls)
{
	ul_vec_foreach (function, &calls->functions) {
		free(function->name);
		free(function->module);
	}
	ul_vec_deinit(&calls->functions);
	ul_vec_deinit(&calls->items);
	ul_vec_deinit(&calls->runs);
}
