// SPDX-License-Identifier: GPL-2.0-or-later
/* What `find` answers, most of it where a command was run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above first. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "view/find.h"

struct fixture {
	struct ul_kernel kernel;
	struct ul_ledger ledger;
	struct ul_growth_report growth;
	struct ul_findings findings;
	struct ul_find_result result;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	ul_ledger_init(&f->ledger);
	f->result = (struct ul_find_result){.kernel = &f->kernel,
					    .ledger = &f->ledger,
					    .growth = &f->growth,
					    .findings = &f->findings,
					    .trigger = "true",
					    .runs = 300,
					    .warm_up_runs = 30};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	ul_findings_deinit(&f->findings);
	ul_ledger_deinit(&f->ledger);
	free(f);
	return 0;
}

static void add(struct fixture *f, enum ul_finding_verdict verdict)
{
	struct ul_finding *finding = ul_vec_add(&f->findings.items);
	assert_non_null(finding);
	finding->kind = UL_KIND_SLAB;
	finding->account = strdup("kmalloc-64");
	finding->verdict = verdict;
	finding->trigger.runs = f->result.trigger ? 300 : 0;
}

/** What is shown, for people or for programs. */
static char *show(const struct fixture *f, bool json)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	const struct ul_term term = {.out = out, .width = 100};
	assert_null(json ? ul_json_find(out, false, &f->result)
			 : ul_term_find(&term, &f->result, false));
	fclose(out);
	return text;
}

static void expect(const struct fixture *f, bool json, const char *part, bool there)
{
	char *text = show(f, json);
	if (!strstr(text, part) == there)
		fail_msg("%s '%s' in:\n%s", there ? "no" : "there is", part, text);
	free(text);
}

static void runs_that_all_failed_prove_nothing(void **state)
{
	struct fixture *f = *state;
	f->result.failed_runs = 299;
	expect(f, false, "No leak found.\n", true);
	f->result.failed_runs = 300; // 30 of these may have been to warm up
	expect(f, false, "No leak found, but 300 runs failed.\n", true);
	f->result.failed_runs = 330;
	expect(f, false, "No leak found, but every run failed.\n", true);
	f->result.control = "false";
	f->result.control_runs = 100; // or half of them were of the control
	expect(f, false, "No leak found, but 330 runs failed.\n", true);
}

static void what_runs_leave_behind_is_no_account_that_grows(void **state)
{
	struct fixture *f = *state;
	add(f, UL_FINDING_INCONCLUSIVE);
	expect(f, false, "1 left something behind: inconclusive, see why.\n", true);
	add(f, UL_FINDING_LEAK);
	expect(f, false, "1 leak found.\n1 more left something behind: inconclusive", true);
	expect(f, false, "second witness", false);
	f->result.trigger = NULL;
	expect(f, false, "1 account grows without a second witness: inconclusive.\n", true);
}

static void no_interval_is_told_of_growth_that_was_not_sampled(void **state)
{
	struct fixture *f = *state;
	add(f, UL_FINDING_LEAK);
	expect(f, true, "\"growth\":null", true);
	f->result.trigger = NULL;
	f->findings.items.data[0].trigger.runs = 0;
	expect(f, true, "\"growth\":{\"verdict\":", true);
}

static void what_a_program_holds_is_its_own(void **state)
{
	struct fixture *f = *state;
	f->result.trigger = NULL;
	add(f, UL_FINDING_HELD);
	struct ul_finding *finding = &f->findings.items.data[0];
	finding->holder = strdup("tail[7] by 700 file descriptors more than before");
	assert_non_null(finding->holder);
	expect(f, false, "\n1 growing account is held open by programs: the leak is theirs.\n",
	       true);
	expect(f, false, "   held by tail[7] by 700 file descriptors more than before\n", true);
	expect(f, true, "\"holders\":[\"tail[7] by 700 file descriptors more than before\"]", true);
}

static void who_pays_for_what_is_lost_is_told(void **state)
{
	struct fixture *f = *state;
	add(f, UL_FINDING_LEAK);
	expect(f, false, "charged to", false);
	expect(f, true, "\"charged_to\":null", true);
	struct ul_finding *finding = &f->findings.items.data[0];
	struct ul_charge *charge = ul_vec_add(&finding->origins.charges);
	assert_non_null(charge);
	*charge = (struct ul_charge){.cgroup = strdup("/a/b"), .objects = 3};
	assert_non_null(charge->cgroup);
	finding->origins.objects = 4;
	expect(f, false, "   75 % charged to /a/b\n", true);
	expect(f, true, "\"charged_to\":{\"cgroup\":\"/a/b\",\"share\":0.75,\"objects\":3,", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(runs_that_all_failed_prove_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_runs_leave_behind_is_no_account_that_grows,
						setup, teardown),
		cmocka_unit_test_setup_teardown(no_interval_is_told_of_growth_that_was_not_sampled,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_program_holds_is_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(who_pays_for_what_is_lost_is_told, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
