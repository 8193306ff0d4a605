// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

struct ul_error *ul_checks_add(struct ul_checks *checks, const char *name, const char *serves,
			       enum ul_check_state state, const char *remedy,
			       const char *why_format, ...)
{
	struct ul_buf why UL_CLEANUP_BUF = {0};
	va_list arguments;
	va_start(arguments, why_format);
	ul_buf_vprintf(&why, why_format, arguments);
	va_end(arguments);
	struct ul_check *check = ul_vec_add(&checks->items);
	if (!check)
		return &ul_enomem;
	check->state = state;
	if (why.failed || !ul_text_set(&check->name, name) ||
	    !ul_text_set(&check->serves, serves) || !ul_text_set(&check->why, ul_buf_str(&why)) ||
	    !ul_text_set(&check->remedy, remedy))
		return &ul_enomem; // the half-filled check is released with the rest
	return NULL;
}

const struct ul_check *ul_checks_find(const struct ul_checks *checks, const char *name)
{
	ul_vec_foreach (check, &checks->items)
		if (ul_text_equal(check->name, name))
			return check;
	return NULL;
}

size_t ul_checks_count(const struct ul_checks *checks, enum ul_check_state state)
{
	size_t count = 0;
	ul_vec_foreach (check, &checks->items)
		count += check->state == state;
	return count;
}

void ul_checks_deinit(struct ul_checks *checks)
{
	ul_vec_foreach (check, &checks->items) {
		free(check->name);
		free(check->serves);
		free(check->why);
		free(check->remedy);
	}
	ul_vec_deinit(&checks->items);
}

const char *ul_check_state_name(enum ul_check_state state)
{
	switch (state) {
	case UL_CHECK_OK:
		return "ok";
	case UL_CHECK_LIMITED:
		return "limited";
	case UL_CHECK_MISSING:
		break;
	}
	return "missing";
}
