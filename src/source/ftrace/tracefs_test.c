// SPDX-License-Identifier: GPL-2.0-or-later
/* Files as tracefs has them, in a directory of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/ftrace/page.h"
#include "source/ftrace/tracefs.h"

struct tree {
	char path[64];
	int fd;
};

static int set_up(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	assert_non_null(tree);
	strcpy(tree->path, "/tmp/ullage-tracefs-XXXXXX");
	assert_non_null(mkdtemp(tree->path));
	tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(tree->fd >= 0);
	*state = tree;
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct tree *tree = *state;
	close(tree->fd);
	assert_int_equal(nftw(tree->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(tree);
	return 0;
}

static void make_file(const struct tree *tree, const char *name, const char *text)
{
	const int fd = openat(tree->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void make_ring(const struct tree *tree, const char *cpu, const char *text)
{
	char name[64];
	snprintf(name, sizeof(name), "per_cpu/%s", cpu);
	assert_int_equal(mkdirat(tree->fd, name, 0700), 0);
	snprintf(name, sizeof(name), "per_cpu/%s/trace_pipe_raw", cpu);
	make_file(tree, name, text);
}

static void rings_behind_a_gap_in_the_numbers_are_opened(void **state)
{
	const struct tree *tree = *state;
	const struct ul_instance instance = {.tracefs = tree->fd, .fd = tree->fd};
	static const uint32_t numbers[] = {0, 2, 11};
	static const char *const texts[] = {"a", "b", "c"};
	struct ul_tracefs_cpus cpus;
	assert_int_equal(mkdirat(tree->fd, "per_cpu", 0700), 0);
	make_ring(tree, "cpu11", "c");
	make_ring(tree, "cpu0", "a");
	make_ring(tree, "cpu2", "b");
	make_ring(tree, "cpus", "none");
	assert_null(ul_tracefs_cpus(tree->fd, &cpus));
	assert_int_equal(cpus.numbers.len, 3);
	for (size_t i = 0; i < cpus.numbers.len; i++) {
		char read_back[4] = "";
		int fd;
		assert_int_equal(cpus.numbers.data[i], numbers[i]);
		assert_null(ul_instance_open_ring(&instance, cpus.numbers.data[i], &fd));
		assert_int_equal(read(fd, read_back, sizeof(read_back)), 1);
		assert_string_equal(read_back, texts[i]);
		close(fd);
	}
	ul_vec_deinit(&cpus.numbers);
}

static void without_rings_there_are_no_processors(void **state)
{
	const struct tree *tree = *state;
	const struct ul_instance instance = {.tracefs = tree->fd, .fd = tree->fd};
	struct ul_tracefs_cpus cpus;
	int fd;
	assert_null(ul_tracefs_cpus(tree->fd, &cpus));
	assert_int_equal(cpus.numbers.len, 0);
	UL_CLEANUP_ERROR struct ul_error *error = ul_instance_open_ring(&instance, 1, &fd);
	assert_non_null(error);
}

static void the_form_of_pages_is_read_in_header_page(void **state)
{
	const struct tree *tree = *state;
	struct ul_ftrace_page_form form = {0};
	assert_int_equal(mkdirat(tree->fd, "events", 0700), 0);
	make_file(tree, "events/header_page",
		  "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
		  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		  "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n");
	assert_null(ul_ftrace_page_learn(tree->fd, &form));
	assert_int_equal(form.commit_bytes, 8);
	assert_int_equal(form.data_offset, 16);
}

static void pages_of_another_form_are_refused(void **state)
{
	const struct tree *tree = *state;
	struct ul_ftrace_page_form form = {0};
	assert_int_equal(mkdirat(tree->fd, "events", 0700), 0);
	make_file(tree, "events/header_page",
		  "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n");
	UL_CLEANUP_ERROR struct ul_error *error = ul_ftrace_page_learn(tree->fd, &form);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
}

static void a_file_too_long_is_an_error(void **state)
{
	const struct tree *tree = *state;
	struct ul_buf text UL_CLEANUP_BUF = {0};
	make_file(tree, "long", "x");
	const int fd = openat(tree->fd, "long", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, UL_TRACEFS_FILE_MAX + 1), 0);
	close(fd);
	UL_CLEANUP_ERROR struct ul_error *error = ul_tracefs_read(tree->fd, "long", &text);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rings_behind_a_gap_in_the_numbers_are_opened,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_rings_there_are_no_processors, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_form_of_pages_is_read_in_header_page, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(pages_of_another_form_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_file_too_long_is_an_error, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
