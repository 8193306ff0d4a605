// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/proc/fds.h"

static struct ul_fd_link parse(const char *text)
{
	struct ul_fd_link link;
	ul_fd_parse_link(ul_span_of(text), &link);
	return link;
}

static void links_say_what_a_file_is(void **state)
{
	(void)state;
	assert_int_equal(parse("socket:[4711]").sort, UL_FD_SOCKET);
	assert_int_equal(parse("socket:[4711]").inode, 4711);
	assert_int_equal(parse("socket:[x]").sort, UL_FD_OTHER);
	assert_int_equal(parse("/memfd:name (deleted)").sort, UL_FD_MEMFD);
	assert_int_equal(parse("/memfd:name (deleted)").name.len, strlen("name"));
	assert_int_equal(parse("/tmp/x (deleted)").sort, UL_FD_DELETED);
	assert_int_equal(parse("/tmp/x").sort, UL_FD_OTHER);
	assert_int_equal(parse("/dmabuf:").sort, UL_FD_DMABUF);
	assert_int_equal(parse("/dev/dri/renderD128").sort, UL_FD_DRM);
	assert_int_equal(parse("pipe:[1]").sort, UL_FD_OTHER);
	assert_int_equal(parse("").sort, UL_FD_OTHER);
}

static void totals_of_a_gpu_client_go_before_its_older_figures(void **state)
{
	(void)state;
	struct ul_fd_drm drm;
	ul_fd_parse_drm(ul_span_of("drm-driver:\tx\ndrm-client-id:\t9\ndrm-memory-vram:\t7 KiB\n"
				   "drm-total-vram:\t2 MiB\ndrm-total-gtt:\t4096\n"
				   "drm-total-odd:\t4 parsec\n"),
			&drm);
	assert_true(drm.has_client);
	assert_int_equal(drm.client, 9);
	assert_int_equal(drm.bytes, 2 * 1024 * 1024 + 4096);
	ul_fd_parse_drm(ul_span_of("drm-memory-vram: 7 KiB\n"), &drm);
	assert_int_equal(drm.bytes, 7 * 1024);
}

static void our_own_memfd_is_found_with_its_size(void **state)
{
	(void)state;
	const int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY);
	const int memfd = memfd_create("found by a test", 0);
	UL_CLEANUP_FDS struct ul_fds fds;
	struct ul_fd fd;
	bool found = false;
	assert_true(proc_fd >= 0 && memfd >= 0);
	assert_int_equal(ftruncate(memfd, 1 << 20), 0);
	assert_int_equal(write(memfd, "12345678", 8), 8); // one page of the MiB
	assert_true(ul_fds_begin(&fds, proc_fd, getpid(), NULL, false));
	while (ul_fds_next(&fds, &fd)) {
		if (strcmp(fd.name, "found by a test") != 0)
			continue;
		found = true;
		assert_int_equal(fd.kind, UL_FILE_MEMFD);
		assert_int_equal(fd.bytes, sysconf(_SC_PAGESIZE));
	}
	assert_true(found);
	assert_true(fds.seen >= 5); // three standard ones, /proc, the memfd
	close(memfd);
	close(proc_fd);
}

static void holders_are_looked_for_only_while_shared_memory_grows(void **state)
{
	(void)state;
	struct ul_held_state held = {.shmem_bytes = -1};
	const int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY);
	const int memfd = memfd_create("grows", 0);
	assert_int_equal(write(memfd, "x", 1), 1);
	for (int64_t i = 0; i < 3; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		ul_ledger_init(&ledger);
		ledger.monotonic_ns = (i + 1) * 1000000000;
		const struct ul_process self = {.pid = getpid()};
		assert_true(ul_vec_push(&ledger.processes, self));
		// 0, the same again, then 1 MiB more.
		assert_null(ul_ledger_add(&ledger, UL_KIND_SHMEM, "shmem", i == 2 ? 1 << 20 : 0, -1,
					  false));
		assert_null(ul_held_sample(&held, proc_fd, NULL, &ledger));
		assert_int_equal(ledger.processes.data[0].has_held, i == 2);
		if (i == 2)
			assert_true(ledger.processes.data[0].held_bytes >= 4096);
	}
	// Not time for all again, but we are known to hold something.
	UL_CLEANUP_LEDGER struct ul_ledger later;
	ul_ledger_init(&later);
	later.monotonic_ns = 5000000000;
	const struct ul_process others[] = {{.pid = getpid()}, {.pid = getppid()}};
	assert_true(ul_vec_push(&later.processes, others[0]));
	assert_true(ul_vec_push(&later.processes, others[1]));
	assert_null(ul_ledger_add(&later, UL_KIND_SHMEM, "shmem", 1 << 20, -1, false));
	held.next_all_ns = INT64_MAX;
	assert_null(ul_held_sample(&held, proc_fd, NULL, &later));
	assert_true(later.processes.data[0].has_held);
	assert_false(later.processes.data[1].has_held);
	ul_held_deinit(&held);
	close(memfd);
	close(proc_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_say_what_a_file_is),
		cmocka_unit_test(totals_of_a_gpu_client_go_before_its_older_figures),
		cmocka_unit_test(our_own_memfd_is_found_with_its_size),
		cmocka_unit_test(holders_are_looked_for_only_while_shared_memory_grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
