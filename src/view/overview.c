// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two samples a second apart are no growth, and nothing here is called suspicious because of them:
 * they only show where to look. The largest unreclaimable accounts of the kernel come first, then
 * what rose within that second.
 */
#include "view/overview.h"

#include "base/units.h"
#include "view/account.h"
#include "view/document.h"

enum { ROWS = 5 };

static int64_t change_of(const struct ul_ledger *before, const struct ul_account *account)
{
	const struct ul_account *old = ul_ledger_find(before, account->kind, account->name);
	return account->bytes - (old ? old->bytes : 0);
}

static bool held_by_kernel(const struct ul_account *account)
{
	return ul_kind_of_kernel(account->kind) && !account->reclaimable && account->bytes > 0;
}

struct ul_error *ul_json_overview(FILE *out, bool pretty, const struct ul_kernel *kernel,
				  const struct ul_ledger *before, const struct ul_ledger *now,
				  double seconds)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "overview", kernel);
	ul_json_accounts(&json, now);
	ul_json_double(&json, "window_s", seconds);
	ul_json_array_begin(&json, "changes");
	ul_vec_foreach (account, &now->accounts) {
		const int64_t change = change_of(before, account);
		if (!change)
			continue;
		ul_json_object_begin(&json, NULL);
		ul_json_string(&json, "name", account->name);
		ul_json_string(&json, "kind", ul_kind_name(account->kind));
		ul_json_int(&json, "bytes", change);
		ul_json_object_end(&json);
	}
	ul_json_array_end(&json);
	return ul_json_document_end(&json, &now->losses);
}

static void put_row(struct ul_table *table, const struct ul_account *account, int64_t change)
{
	char size[UL_UNITS_TEXT];
	char delta[UL_UNITS_TEXT] = "";
	if (change)
		ul_format_bytes(delta, (double)change);
	ul_table_cell(table, UL_STYLE_PLAIN, "%s", account->name);
	ul_table_cell(table, UL_STYLE_PLAIN, "%s", ul_kind_name(account->kind));
	ul_table_cell(table, UL_STYLE_STRONG, "%s", ul_format_bytes(size, (double)account->bytes));
	ul_table_cell(table, change > 0 ? UL_STYLE_WARN : UL_STYLE_DIM, "%s%s",
		      change > 0 ? "+" : "", delta);
}

/** The account that rose most and is not in the table yet: its change, or 0. */
static const struct ul_account *next_riser(const struct ul_ledger *before,
					   const struct ul_ledger *now, int64_t below)
{
	const struct ul_account *best = NULL;
	ul_vec_foreach (account, &now->accounts) {
		const int64_t change = change_of(before, account);
		if (change > 0 && change < below && held_by_kernel(account) &&
		    (!best || change > change_of(before, best)))
			best = account;
	}
	return best;
}

static struct ul_error *print_accounts(const struct ul_term *term, const struct ul_ledger *before,
				       const struct ul_ledger *now, double seconds)
{
	static const struct ul_table_column columns[] = {{.title = "ACCOUNT", .shrinks = true},
							 {.title = "KIND"},
							 {.title = "BYTES", .right = true},
							 {.title = "CHANGE", .right = true}};
	struct ul_table largest UL_CLEANUP_TABLE;
	struct ul_table risers UL_CLEANUP_TABLE;
	size_t left = ROWS;
	ul_table_init(&largest, columns, UL_ARRAY_LEN(columns));
	ul_table_init(&risers, columns, UL_ARRAY_LEN(columns));
	ul_vec_foreach (account, &now->accounts) {
		if (!left || !held_by_kernel(account))
			continue;
		put_row(&largest, account, change_of(before, account));
		left--;
	}
	ul_term_heading(term, "Held by the kernel, not reclaimable");
	UL_TRY(ul_table_print(term, &largest));
	int64_t below = INT64_MAX;
	for (size_t i = 0; i < ROWS; i++) {
		const struct ul_account *riser = next_riser(before, now, below);
		if (!riser)
			break;
		below = change_of(before, riser);
		put_row(&risers, riser, below);
	}
	if (!risers.cells.len)
		return NULL;
	ul_term_heading(term, "Rose within the last %.1f s (a hint, not a trend)", seconds);
	return ul_table_print(term, &risers);
}

struct ul_error *ul_term_overview(const struct ul_term *term, const struct ul_kernel *kernel,
				  const struct ul_ledger *before, const struct ul_ledger *now,
				  double seconds, bool root)
{
	const char *sudo = root ? "" : "sudo ";
	ul_term_machine(term, kernel, now);
	fputc('\n', term->out);
	UL_TRY(ul_term_kinds(term, now));
	UL_TRY(print_accounts(term, before, now, seconds));
	ul_term_losses(term, &now->losses);
	ul_term_heading(term, "Next");
	fprintf(term->out,
		"  %sullage find          find the leak and the code behind it\n"
		"  %sullage grow          what grows, over half a minute\n"
		"  %sullage account       every account, cache and process\n"
		"  %sullage doctor        what can be measured on this machine\n"
		"  ullage --help%s        all commands\n",
		sudo, sudo, sudo, sudo, root ? "  " : "       ");
	return NULL;
}
