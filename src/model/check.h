/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine lets us measure: one check for each source of facts. Shown by `doctor`. */
#ifndef UL_MODEL_CHECK_H
#define UL_MODEL_CHECK_H

#include <stddef.h>

#include "base/error.h"
#include "base/vec.h"

enum ul_check_state {
	UL_CHECK_OK,
	UL_CHECK_LIMITED, /**< usable, with less to see */
	UL_CHECK_MISSING, /**< not usable */
};

struct ul_check {
	char *name;   /**< "/proc/slabinfo", "BTF"; owned, as are the others */
	char *serves; /**< what it is for: "bytes of each slab cache" */
	enum ul_check_state state;
	char *why; /**< what was seen: "mode 0400, we are uid 1000"; "" when there is no more to say
		    */
	char *remedy; /**< exact command, boot option or kernel option; NULL: none, or none needed
		       */
};

struct ul_checks {
	UL_VEC(struct ul_check) items;
};

/** Add a check; copies the strings. @p remedy may be NULL. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_checks_add(struct ul_checks *checks, const char *name,
					   const char *serves, enum ul_check_state state,
					   const char *remedy, const char *why_format, ...)
	UL_PRINTF(6, 7);
/** The check called @p name, or NULL. */
const struct ul_check *ul_checks_find(const struct ul_checks *checks, const char *name);
/** How many have this state. */
size_t ul_checks_count(const struct ul_checks *checks, enum ul_check_state state);
void ul_checks_deinit(struct ul_checks *checks);
#define UL_CLEANUP_CHECKS UL_CLEANUP(ul_checks_deinit)
/** "ok", "limited", "missing". */
const char *ul_check_state_name(enum ul_check_state state);

#endif
