// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/doctor.h"

#include "view/document.h"

struct ul_error *ul_json_doctor(FILE *out, bool pretty, const struct ul_kernel *kernel,
				const struct ul_checks *checks)
{
	const struct ul_losses none = {0};
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "doctor", kernel);
	ul_json_array_begin(&json, "checks");
	ul_vec_foreach (check, &checks->items) {
		ul_json_object_begin(&json, NULL);
		ul_json_string(&json, "name", check->name);
		ul_json_string(&json, "serves", check->serves);
		ul_json_string(&json, "state", ul_check_state_name(check->state));
		ul_json_string(&json, "why", check->why);
		ul_json_string(&json, "remedy", check->remedy);
		ul_json_object_end(&json);
	}
	ul_json_array_end(&json);
	return ul_json_document_end(&json, &none);
}

static enum ul_style state_style(enum ul_check_state state)
{
	switch (state) {
	case UL_CHECK_OK:
		return UL_STYLE_GOOD;
	case UL_CHECK_LIMITED:
		return UL_STYLE_WARN;
	case UL_CHECK_MISSING:
		break;
	}
	return UL_STYLE_BAD;
}

static void print_check(const struct ul_term *term, const struct ul_check *check)
{
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_term_print(term, state_style(check->state), "  %-8s", ul_check_state_name(check->state));
	ul_term_print(term, UL_STYLE_STRONG, "%s", check->name);
	ul_term_print(term, UL_STYLE_DIM, ": %s\n", check->serves);
	if (*check->why) {
		ul_buf_puts(&line, "          ");
		ul_term_escape(&line, check->why);
		ul_term_wrap(term, UL_STYLE_PLAIN, 10, ul_buf_str(&line));
	}
	if (!check->remedy)
		return;
	ul_buf_clear(&line);
	ul_buf_puts(&line, "          -> ");
	ul_term_escape(&line, check->remedy);
	ul_term_wrap(term, UL_STYLE_PLAIN, 13, ul_buf_str(&line));
}

struct ul_error *ul_term_doctor(const struct ul_term *term, const struct ul_kernel *kernel,
				const struct ul_checks *checks)
{
	ul_term_print(term, UL_STYLE_STRONG, "Linux %s %s: what ullage can see here\n",
		      kernel->release, kernel->arch);
	ul_vec_foreach (check, &checks->items)
		print_check(term, check);
	ul_term_print(term, UL_STYLE_STRONG, "\n%zu usable, %zu limited, %zu missing\n",
		      ul_checks_count(checks, UL_CHECK_OK),
		      ul_checks_count(checks, UL_CHECK_LIMITED),
		      ul_checks_count(checks, UL_CHECK_MISSING));
	return NULL;
}
