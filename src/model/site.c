// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/site.h"

void ul_site_deinit(struct ul_site *site)
{
	free(site->cache);
	free(site->account);
	ul_stack_deinit(&site->stack);
	ul_vec_deinit(&site->processes);
	ul_vec_deinit(&site->examples);
	ul_vec_deinit(&site->survival);
	ul_vec_foreach (path, &site->free_paths)
		ul_stack_deinit(&path->stack);
	ul_vec_deinit(&site->free_paths);
	ul_vec_deinit(&site->freed_processes);
	ul_vec_deinit(&site->freed_objects);
}

void ul_trace_deinit(struct ul_trace *trace)
{
	ul_vec_foreach (site, &trace->sites)
		ul_site_deinit(site);
	ul_vec_deinit(&trace->sites);
	ul_losses_deinit(&trace->losses);
}

bool ul_site_balanced(const struct ul_site *site)
{
	return site->allocated == site->freed + site->live + site->missed &&
	       site->survivors <= site->live;
}

bool ul_site_is_listed(const struct ul_site *site)
{
	return site->survivors && !site->nested;
}
