// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/described.h"

#include <string.h>

void ul_described_deinit(struct ul_described *described)
{
	ul_vec_foreach (member, &described->members) {
		free(member->name);
		free(member->type);
		free(member->value);
	}
	ul_vec_deinit(&described->members);
	free(described->type);
	free(described->evidence);
	free(described->identity);
	memset(described, 0, sizeof(*described));
}
