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

static bool is_called_by(const struct ul_symtab *symtab, const struct ul_reference_record *record,
			 const char *name)
{
	struct ul_symbol symbol;
	for (size_t i = 0; i < UL_REFERENCE_FRAMES && record->frames[i]; i++)
		if (ul_symtab_lookup(symtab, record->frames[i] - 1, &symbol) &&
		    !strcmp(symbol.name, name))
			return true;
	return false;
}

/** waitpid() takes and gives back a reference: Linux kernel/exit.c kernel_wait4() */
static void check_records(const struct ul_symtab *symtab, bool no_trampolines,
			  const struct ul_reference_records *records)
{
	size_t counts[UL_REFERENCE_CALLED + 1] = {0};
	size_t gets = 0;
	size_t puts = 0;
	ul_vec_foreach (record, &records->items) {
		counts[record->what]++;
		if (record->what != UL_REFERENCE_CALLED)
			continue;
		const bool by_wait = is_called_by(symtab, record, "kernel_wait4");
		// Who calls is not on the stack of a kretprobe of 5.10.
		if (record->type->functions[record->function].puts)
			puts += by_wait;
		else
			gets += by_wait || no_trampolines;
	}
	assert_true(counts[UL_REFERENCE_ALLOCATED] >= CHILDREN);
	assert_true(counts[UL_REFERENCE_FREED] >= CHILDREN);
	assert_true(gets >= CHILDREN);
	assert_true(puts >= CHILDREN);
}

static void follow_children(bool no_trampolines)
{
	if (geteuid())
		skip();
	const struct ul_reference_type *type = ul_reference_type_of("alloc_pid");
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = read_symbols();
	UL_CLEANUP_REFERENCE_PROBE struct ul_reference_probe *probe = NULL;
	struct ul_error *error = ul_reference_probe_open(&type, 1, symtab, no_trampolines, &probe);
	if (error) {
		print_message("%s\n", error->message);
		// What is there and is refused is an error of ours.
		assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
		assert_non_null(strstr(error->message, "references"));
		assert_null(probe);
		ul_error_destroy(error);
		return;
	}
	struct ul_reference_records records = {0};
	struct ul_losses losses = {0};
	ul_reference_probe_record(probe, true);
	run_children();
	assert_null(ul_reference_probe_take(probe, &records));
	check_records(symtab, no_trampolines, &records);
	ul_vec_deinit(&records.items);
	assert_null(ul_reference_probe_losses(probe, &losses));
	ul_losses_deinit(&losses);
}

static void a_process_is_followed_from_fork_to_its_last_put_or_it_is_said_why_not(void **state)
{
	(void)state;
	follow_children(false);
}

static void by_kprobes_the_same_is_seen(void **state)
{
	(void)state;
	follow_children(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_process_is_followed_from_fork_to_its_last_put_or_it_is_said_why_not),
		cmocka_unit_test(by_kprobes_the_same_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
