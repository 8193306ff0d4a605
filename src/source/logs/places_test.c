// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/logs/logs_fixture.h"

#include <ftw.h>
#include <sys/stat.h>
#include <sys/time.h>

static void make(const char *root, const char *path, int64_t written_s)
{
	char full[512];
	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		(void)mkdir(full, 0700);
		*at = '/';
	}
	FILE *file = fopen(full, "w");
	assert_non_null(file);
	fclose(file);
	const struct timeval times[] = {{.tv_sec = written_s}, {.tv_sec = written_s}};
	assert_int_equal(utimes(full, times), 0);
}

static int setup(void **state)
{
	char *root = strdup("/tmp/ullage-places-XXXXXX");
	*state = root && mkdtemp(root) ? root : NULL;
	return *state ? 0 : -1;
}

static int drop(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	return remove(path);
}

static int teardown(void **state)
{
	const int result = nftw(*state, drop, 8, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return result;
}

static void a_tree_is_one_place(void **state)
{
	UL_CLEANUP_LOG_PLACES struct ul_log_places places = {0};
	make(*state, "proc/meminfo", 1700000000);
	make(*state, "proc/slabinfo", 1700000000);
	OK(ul_log_places_find(*state, &places));
	assert_int_equal(places.items.len, 1);
	assert_non_null(strstr(places.items.data[0].proc, "/proc"));
	assert_int_equal(places.items.data[0].time_ns, 1700000000 * UL_NS_PER_S);
	assert_true(places.items.data[0].zoned);
}

static void directories_are_placed_by_the_times_in_their_names(void **state)
{
	UL_CLEANUP_LOG_PLACES struct ul_log_places places = {0};
	make(*state, "host-20231012-101113/meminfo", 5);
	make(*state, "host-20231012-101112/proc/meminfo", 9);
	make(*state, "notes/readme", 1);
	OK(ul_log_places_find(*state, &places));
	assert_int_equal(places.items.len, 2);
	assert_true(places.items.data[0].has_time);
	assert_false(places.items.data[0].zoned);
	assert_int_equal(places.items.data[0].time_ns, 1697105472 * UL_NS_PER_S);
	assert_int_equal(places.items.data[1].time_ns, 1697105473 * UL_NS_PER_S);
}

static void files_of_one_moment_belong_together(void **state)
{
	UL_CLEANUP_LOG_PLACES struct ul_log_places places = {0};
	make(*state, "meminfo.2", 1700000020);
	make(*state, "slabinfo.1", 1700000010);
	make(*state, "slabinfo.2", 1700000021);
	make(*state, "meminfo.1", 1700000011);
	make(*state, "dmesg.txt", 1);
	OK(ul_log_places_find(*state, &places));
	assert_int_equal(places.items.len, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(places.items.data[i].files.len, 2);
		assert_null(places.items.data[i].proc);
	}
	assert_int_equal(places.items.data[0].time_ns, 1700000011 * UL_NS_PER_S);
	assert_int_equal(places.items.data[1].time_ns, 1700000021 * UL_NS_PER_S);
}

static void a_directory_of_other_things_is_refused(void **state)
{
	UL_CLEANUP_LOG_PLACES struct ul_log_places places = {0};
	make(*state, "readme", 1);
	FAILS(UL_ERR_BAD_DATA, "nothing captured", ul_log_places_find(*state, &places));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tree_is_one_place, setup, teardown),
		cmocka_unit_test_setup_teardown(directories_are_placed_by_the_times_in_their_names,
						setup, teardown),
		cmocka_unit_test_setup_teardown(files_of_one_moment_belong_together, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_directory_of_other_things_is_refused, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
