// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/knowledge.h"

#include <fnmatch.h>
#include <string.h>

void ul_knowledge_deinit(struct ul_knowledge *knowledge)
{
	ul_vec_foreach (entry, &knowledge->entries) {
		ul_vec_deinit(&entry->accounts.items);
		ul_vec_deinit(&entry->functions.items);
		ul_vec_deinit(&entry->symbols.items);
		ul_vec_deinit(&entry->texts.items);
		ul_vec_deinit(&entry->settings);
	}
	ul_vec_deinit(&knowledge->entries);
	ul_arena_deinit(&knowledge->arena);
	ul_losses_deinit(&knowledge->losses);
	memset(knowledge, 0, sizeof(*knowledge));
}

const char *ul_known_as_name(enum ul_known_as as)
{
	static const char *const names[] = {
		[UL_KNOWN_LEAK] = "leak",
		[UL_KNOWN_HELD] = "held",
		[UL_KNOWN_FILLING] = "filling",
		[UL_KNOWN_LIMIT] = "limit",
	};
	return names[as];
}

bool ul_globs_match(const struct ul_globs *globs, const char *name)
{
	ul_vec_foreach (glob, &globs->items)
		if (!fnmatch(*glob, name, 0))
			return true;
	return false;
}
