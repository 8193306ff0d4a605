// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/orphan.h"

#include <stdlib.h>

void ul_orphan_group_deinit(struct ul_orphan_group *group)
{
	free(group->type);
	free(group->type_evidence);
	free(group->caller);
	ul_origins_deinit(&group->origins);
	free(group->identity);
	free(group->hint);
	ul_patterns_deinit(&group->patterns);
	ul_vec_deinit(&group->examples);
	ul_vec_deinit(&group->members);
	ul_vec_deinit(&group->hangs_from);
}

void ul_orphans_deinit(struct ul_orphans *orphans)
{
	ul_vec_foreach (group, &orphans->groups)
		ul_orphan_group_deinit(group);
	ul_vec_deinit(&orphans->groups);
	ul_vec_foreach (suppressed, &orphans->suppressed_by) {
		free(suppressed->rule);
		free(suppressed->why);
	}
	ul_vec_deinit(&orphans->suppressed_by);
	ul_vec_deinit(&orphans->items);
	ul_losses_deinit(&orphans->losses);
	*orphans = (struct ul_orphans){0};
}

const char *ul_orphan_grade_name(enum ul_orphan_grade grade)
{
	static const char *const names[] = {
		[UL_ORPHAN_STRONG] = "strong",
		[UL_ORPHAN_STALE] = "stale",
		[UL_ORPHAN_WEAK] = "weak",
		[UL_ORPHAN_UNREACHED_PAGE] = "unreached-page",
	};
	return (size_t)grade < UL_ARRAY_LEN(names) ? names[grade] : "weak";
}

const char *ul_orphan_role_name(enum ul_orphan_role role)
{
	static const char *const names[] = {
		[UL_ORPHAN_DIRECT] = "direct",
		[UL_ORPHAN_INDIRECT] = "indirect",
		[UL_ORPHAN_CYCLE] = "cycle",
	};
	return (size_t)role < UL_ARRAY_LEN(names) ? names[role] : "indirect";
}
