// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/symbols/symbols_internal.h"

static const char kallsyms_text[] = "ffffffff81000000 T _stext\n"
				    "ffffffff81000000 T _text\n"
				    "ffffffff81000040 t seq_open.isra.0\n"
				    "ffffffff81000100 T seq_read\n"
				    "ffffffff82000000 D schedstat_ops\n"
				    "ffffffff83000000 B _end\n"
				    "ffffffffc0400000 t leak_open\t[leakstat]\n"
				    "ffffffffc0400080 T leak_read\t[leakstat]\n"
				    "ffffffffc0201000 t bpf_prog_6deef7357e7b4530\t[bpf]\n";
static const char modules_text[] = "leakstat 16384 0 - Live 0xffffffffc0400000 (OE)\n"
				   "snd_hda 20480 2 snd_pcm,snd_timer, Live 0xffffffffc0500000\n";

/* A directory that looks like /proc; NULL leaves a file out. */
struct tree {
	char path[64];
};

static void put_file(const struct tree *tree, const char *name, const char *text)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/%s", tree->path, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct tree make_tree(const char *kallsyms, const char *modules)
{
	struct tree tree = {.path = "/tmp/ullage-symbols-XXXXXX"};
	assert_non_null(mkdtemp(tree.path));
	if (kallsyms)
		put_file(&tree, "kallsyms", kallsyms);
	if (modules)
		put_file(&tree, "modules", modules);
	return tree;
}

static void remove_tree(const struct tree *tree)
{
	static const char *const names[] = {"kallsyms", "modules"};
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++) {
		char path[96];
		snprintf(path, sizeof(path), "%s/%s", tree->path, names[i]);
		unlink(path);
	}
	rmdir(tree->path);
}

static struct ul_error *load(const char *kallsyms, const char *modules, struct ul_losses *losses,
			     struct ul_symtab **ret)
{
	const struct tree tree = make_tree(kallsyms, modules);
	struct ul_error *error = ul_kallsyms_load(tree.path, losses, ret);
	remove_tree(&tree);
	return error;
}

static void symbols_of_kernel_and_modules_are_found(void **state)
{
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = NULL;
	struct ul_losses losses = {0};
	assert_null(load(kallsyms_text, modules_text, &losses, &symtab));
	assert_int_equal(losses.items.len, 0);
	assert_int_equal(ul_symtab_len(symtab), 9);
	struct ul_symbol symbol;
	assert_true(ul_symtab_lookup(symtab, 0xffffffff81000047, &symbol));
	assert_string_equal(symbol.name, "seq_open.isra.0");
	assert_null(symbol.module);
	assert_int_equal(symbol.offset, 7);
	assert_true(ul_symtab_lookup(symtab, 0xffffffffc0400090, &symbol));
	assert_string_equal(symbol.name, "leak_read");
	assert_string_equal(symbol.module, "leakstat");
	// Its last byte is 0xffffffffc0403fff: 16384 bytes.
	assert_true(ul_symtab_lookup(symtab, 0xffffffffc0403fff, &symbol));
	assert_false(ul_symtab_lookup(symtab, 0xffffffffc0404000, &symbol));
	assert_true(ul_symtab_lookup(symtab, 0xffffffffc0201000, &symbol));
	assert_string_equal(symbol.module, "bpf");
	assert_false(ul_symtab_has_data(symtab)); // no init_task among them
}

static void a_kernel_without_modules_is_no_loss(void **state)
{
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = NULL;
	struct ul_losses losses = {0};
	assert_null(load("ffffffff81000000 T _stext\n", NULL, &losses, &symtab));
	assert_int_equal(losses.items.len, 0);
}

static void hidden_addresses_are_a_question_of_permission(void **state)
{
	struct ul_symtab *symtab = NULL;
	struct ul_losses losses = {0};
	struct ul_error *error = load("0000000000000000 T _stext\n0000000000000000 T seq_read\n",
				      NULL, &losses, &symtab);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_PERMISSION);
	assert_non_null(strstr(error->hint, "CAP_SYSLOG"));
	assert_null(symtab);
	ul_error_destroy(error);
}

static void a_kernel_without_kallsyms_says_which_option(void **state)
{
	struct ul_symtab *symtab = NULL;
	struct ul_losses losses = {0};
	struct ul_error *error = load(NULL, NULL, &losses, &symtab);
	assert_non_null(error);
	assert_non_null(strstr(error->hint, "CONFIG_KALLSYMS"));
	ul_error_destroy(error);
	error = load("", NULL, &losses, &symtab);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_BAD_DATA);
	ul_error_destroy(error);
}

static void damaged_lines_are_counted_and_left_out(void **state)
{
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = NULL;
	struct ul_losses losses = {0};
	assert_null(load("ffffffff81000000 T good\n"
			 "\n"
			 "ffffffff8100000g T bad_address\n"
			 "ffffffff81000000ff T too_long\n"
			 "ffffffff81000000 TT bad_type\n"
			 "ffffffff81000000 T\n"
			 "ffffffff81000000 T \n"
			 "ffffffff81000000 t name\tmodule]\n"
			 "ffffffff81000000 t name\t[]\n"
			 "ffffffff81000008 T last_without_newline",
			 "short line\nx 12 0 - Live 0xnothex\n", &losses, &symtab));
	assert_int_equal(ul_symtab_len(symtab), 2);
	assert_int_equal(losses.items.len, 2);
	assert_int_equal(losses.items.data[0].count, 8);
	assert_int_equal(losses.items.data[1].count, 2);
	ul_losses_deinit(&losses);
}

static void names_beyond_the_limit_are_left_out_not_cut(void **state)
{
	char line[1200];
	const int head = snprintf(line, sizeof(line), "ffffffff81000000 T ");
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	struct ul_kallsyms_count count = {0};
	memset(line + head, 'n', 1100);
	assert_null(ul_kallsyms_parse((struct ul_span){line, (size_t)head + 1023}, symtab, &count));
	assert_int_equal(count.symbols, 1);
	assert_null(ul_kallsyms_parse((struct ul_span){line, (size_t)head + 1024}, symtab, &count));
	assert_int_equal(count.symbols, 0);
	assert_int_equal(count.malformed, 1);
}

static void the_running_kernel_is_read(void **state)
{
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = NULL;
	struct ul_losses losses = {0};
	struct ul_error *error = ul_kallsyms_load(NULL, &losses, &symtab);
	if (error) {
		ul_error_destroy(error);
		skip();
	}
	uint64_t kaddr = 0;
	struct ul_symbol symbol;
	assert_true(ul_symtab_address(symtab, "__kmalloc_noprof", &kaddr) ||
		    ul_symtab_address(symtab, "__kmalloc", &kaddr));
	assert_true(ul_symtab_lookup(symtab, kaddr + 1, &symbol));
	assert_true(symbol.code);
	assert_int_equal(symbol.offset, 1);
	ul_losses_deinit(&losses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_of_kernel_and_modules_are_found),
		cmocka_unit_test(a_kernel_without_modules_is_no_loss),
		cmocka_unit_test(hidden_addresses_are_a_question_of_permission),
		cmocka_unit_test(a_kernel_without_kallsyms_says_which_option),
		cmocka_unit_test(damaged_lines_are_counted_and_left_out),
		cmocka_unit_test(names_beyond_the_limit_are_left_out_not_cut),
		cmocka_unit_test(the_running_kernel_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
