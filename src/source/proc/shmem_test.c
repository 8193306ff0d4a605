// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "source/proc/shmem.h"

static const char heading[] =
	"       key      shmid perms                  size  cpid  lpid nattch   "
	"uid   gid  cuid  cgid      atime      dtime      ctime        rss  "
	"                swap\n";

static void segments_are_read_by_the_names_of_the_columns(void **state)
{
	(void)state;
	char text[1024];
	UL_CLEANUP_SYSV struct ul_sysv sysv = {0};
	snprintf(
		text, sizeof(text),
		"%s         0          5   644   1000000  1234     0      2     0     0     0     "
		"0          0          0 1700000000    65536         4096\nnonsense\n"
		"        1          6   600       100   99     0      0     0     0     0     0    "
		"      0          0 1700000000    8192            0\n",
		heading);
	assert_null(ul_sysv_parse(ul_span_of(text), &sysv));
	assert_int_equal(sysv.segments.len, 3);
	assert_true(sysv.has_rss);
	assert_int_equal(sysv.rss_bytes, 65536 + 8192);
	assert_int_equal(sysv.segments.data[0].id, 5);
	assert_int_equal(sysv.segments.data[0].creator, 1234);
	assert_int_equal(sysv.segments.data[0].attached, 2);
	assert_int_equal(sysv.segments.data[0].swap_bytes, 4096);
}

static void an_old_kernel_does_not_say_what_is_resident(void **state)
{
	(void)state;
	UL_CLEANUP_SYSV struct ul_sysv sysv = {0};
	assert_null(ul_sysv_parse(ul_span_of("key shmid perms size cpid lpid nattch uid\n"
					     "0 1 600 4096 7 0 1 0\n"),
				  &sysv));
	assert_false(sysv.has_rss);
	assert_int_equal(sysv.segments.data[0].size_bytes, 4096);
}

static void only_tmpfs_mounts_are_taken_and_their_paths_unescaped(void **state)
{
	(void)state;
	UL_CLEANUP_TMPFS struct ul_tmpfs_list list = {0};
	assert_null(ul_tmpfs_parse(
		ul_span_of("36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw\n"
			   "37 35 0:24 / /run/my\\040dir rw - tmpfs tmpfs rw,size=1k\n"
			   "38 35 0:25 / /dev rw shared:2 - devtmpfs devtmpfs rw\n"
			   "39 35 x:25 / /bad rw - tmpfs t rw\n"
			   "40 35 0:26 /\n"),
		&list));
	assert_int_equal(list.mounts.len, 2);
	assert_string_equal(list.mounts.data[0].path, "/run/my dir");
	assert_int_equal(list.mounts.data[0].device, makedev(0, 24));
	assert_string_equal(list.mounts.data[1].type, "devtmpfs");
}

static void a_mount_that_is_another_device_is_not_known(void **state)
{
	(void)state;
	UL_CLEANUP_TMPFS struct ul_tmpfs_list list = {0};
	// /proc is there, and is no tmpfs of that number.
	assert_null(ul_tmpfs_parse(ul_span_of("1 1 4095:1 / /proc rw - tmpfs t rw\n"), &list));
	ul_tmpfs_measure(&list);
	assert_int_equal(list.unknown, 1);
	assert_false(list.mounts.data[0].known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_read_by_the_names_of_the_columns),
		cmocka_unit_test(an_old_kernel_does_not_say_what_is_resident),
		cmocka_unit_test(only_tmpfs_mounts_are_taken_and_their_paths_unescaped),
		cmocka_unit_test(a_mount_that_is_another_device_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
