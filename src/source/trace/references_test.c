// SPDX-License-Identifier: GPL-2.0-or-later
/* On the running kernel: with probes it must see a process come and go, without it must say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/trace/references.h"

enum { CHILDREN = 20 };

/** Kernel symbols, as far as the test needs them: code of the kernel image. */
static struct ul_symtab *read_symbols(void)
{
	struct ul_symtab *symtab = ul_symtab_create();
	char line[512];
	assert_non_null(symtab);
	FILE *file UL_CLEANUP_FCLOSE = fopen("/proc/kallsyms", "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *end;
		char name[256] = "";
		const uint64_t kaddr = strtoull(line, &end, 16);
		if (end[0] == ' ' && sscanf(end + 2, " %255s", name) == 1 && !strchr(end, '['))
			assert_null(ul_symtab_add(symtab, kaddr, end[1], name, NULL));
	}
	ul_symtab_finish(symtab);
	return symtab;
}

static void run_children(void)
{
	for (int i = 0; i < CHILDREN; i++) {
		const pid_t pid = fork();
		if (!pid)
			_exit(0);
		assert_true(pid > 0);
		waitpid(pid, NULL, 0);
	}
	usleep(300 * 1000); // the grace period after which the pid is put
}

static void a_process_is_followed_from_fork_to_its_last_put_or_it_is_said_why_not(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	const struct ul_reference_type *type = ul_reference_type_of("alloc_pid");
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = read_symbols();
	UL_CLEANUP_REFERENCE_PROBE struct ul_reference_probe *probe = NULL;
	struct ul_error *error = ul_reference_probe_open(&type, 1, symtab, &probe);
	if (error) {
		assert_true(error->code == UL_ERR_UNSUPPORTED || error->code == UL_ERR_PERMISSION);
		assert_non_null(strstr(error->message, "references"));
		assert_null(probe);
		ul_error_destroy(error);
		return;
	}
	struct ul_reference_records records = {0};
	ul_reference_probe_record(probe, true);
	run_children();
	assert_null(ul_reference_probe_take(probe, &records));
	size_t allocated = 0;
	size_t freed = 0;
	size_t puts = 0;
	ul_vec_foreach (record, &records.items) {
		allocated += record->what == UL_REFERENCE_ALLOCATED;
		freed += record->what == UL_REFERENCE_FREED;
		puts += record->what == UL_REFERENCE_CALLED && record->frames[0] &&
			record->type->functions[record->function].puts;
	}
	ul_vec_deinit(&records.items);
	assert_true(allocated >= CHILDREN);
	assert_true(freed >= CHILDREN);
	assert_true(puts >= CHILDREN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_process_is_followed_from_fork_to_its_last_put_or_it_is_said_why_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
