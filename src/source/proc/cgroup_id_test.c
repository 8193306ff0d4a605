// SPDX-License-Identifier: GPL-2.0-or-later
/* Cgroups by their paths, on whatever this machine has. */
#include "source/proc/cgroup_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the three above first. */
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>

static void expect_refused(const char *path, const char *why)
{
	struct ul_cgroup_id id = {.inode = 7};
	UL_CLEANUP_ERROR struct ul_error *error = ul_cgroup_id(NULL, path, &id);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_USAGE);
	assert_non_null(strstr(error->message, why));
	assert_int_equal(id.inode, 7);
}

static void what_is_no_cgroup_is_refused(void **state)
{
	(void)state;
	expect_refused("/no/such/cgroup", "there is no cgroup /no/such/cgroup");
	expect_refused("/dev", "/dev is no cgroup");
	expect_refused("/proc/self/stat", "there is no cgroup");
}

static void a_hierarchy_has_its_number_by_either_path(void **state)
{
	(void)state;
	static const char *const roots[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified",
					    "/sys/fs/cgroup"};
	size_t found = 0;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		struct ul_cgroup_id id;
		struct stat status;
		struct ul_error *error = ul_cgroup_id(NULL, roots[i], &id);
		if (!error && !stat(roots[i], &status)) {
			assert_int_equal(id.inode, status.st_ino);
			found++;
		}
		ul_error_destroy(error);
	}
	if (!found)
		skip(); // no cgroups here
	struct ul_cgroup_id id;
	assert_null(ul_cgroup_id(NULL, "/", &id));
	assert_true(id.inode > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_cgroup_is_refused),
		cmocka_unit_test(a_hierarchy_has_its_number_by_either_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
