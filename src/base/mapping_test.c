// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mapping.h"
#include "base/parallel.h"

enum { PAGES = 4096 };

static struct ul_mapping hit;
static volatile sig_atomic_t faults;

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	const uintptr_t address = (uintptr_t)info->si_addr;
	struct ul_mapping mapping;
	(void)number;
	(void)context;
	faults = faults + 1;
	if (!ul_mapping_find(address, &mapping) || !ul_mapping_fill(&mapping, address))
		_exit(99);
	hit = mapping;
}

struct cut {
	char path[64];
	int fd;
	size_t page, bytes;
	char *map;
	unsigned int next;
	uint64_t sum;
};

static void cut_init(struct cut *cut)
{
	const struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
	assert_int_equal(sigaction(SIGBUS, &action, NULL), 0);
	*cut = (struct cut){.path = "/tmp/mapping test XXXXXX",
			    .page = (size_t)sysconf(_SC_PAGESIZE)};
	cut->bytes = PAGES * cut->page;
	cut->fd = mkstemp(cut->path);
	assert_true(cut->fd >= 0);
	assert_int_equal(ftruncate(cut->fd, (off_t)cut->bytes), 0);
	assert_int_equal(pwrite(cut->fd, "a", 1, 0), 1);
	assert_int_equal(pwrite(cut->fd, "b", 1, (off_t)(3 * cut->page)), 1);
	cut->map = mmap(NULL, cut->bytes, PROT_READ, MAP_SHARED, cut->fd, 0);
	assert_ptr_not_equal(cut->map, MAP_FAILED);
	faults = 0;
}

static void cut_deinit(struct cut *cut)
{
	munmap(cut->map, cut->bytes);
	close(cut->fd);
	unlink(cut->path);
}

static void a_mapping_is_found_with_its_file(void **state)
{
	(void)state;
	struct cut cut;
	struct ul_mapping mapping;
	cut_init(&cut);
	assert_true(ul_mapping_find((uintptr_t)cut.map + cut.bytes - 1, &mapping));
	assert_int_equal(mapping.start, (uintptr_t)cut.map);
	assert_int_equal(mapping.end, (uintptr_t)cut.map + cut.bytes);
	assert_string_equal(mapping.path, cut.path);
	cut_deinit(&cut);
	assert_false(ul_mapping_find(1, &mapping));
}

static void what_a_file_lost_is_read_as_zeros(void **state)
{
	(void)state;
	struct cut cut;
	cut_init(&cut);
	assert_int_equal(cut.map[3 * cut.page], 'b');
	assert_int_equal(ftruncate(cut.fd, (off_t)cut.page), 0);
	assert_int_equal(cut.map[3 * cut.page], 0);
	assert_int_equal(faults, 1);
	assert_string_equal(hit.path, cut.path);
	// All behind it came with it; what lies before faults on its own, and the rest stays.
	assert_int_equal(cut.map[cut.bytes - 1], 0);
	assert_int_equal(faults, 1);
	assert_int_equal(cut.map[2 * cut.page], 0);
	assert_int_equal(faults, 2);
	assert_int_equal(cut.map[0], 'a');
	cut_deinit(&cut);
}

/** From the end, so that nearly every page faults. */
static struct ul_error *read_backwards(void *context)
{
	struct cut *cut = context;
	for (;;) {
		const unsigned int i = __atomic_fetch_add(&cut->next, 1, __ATOMIC_RELAXED);
		if (i >= PAGES)
			return NULL;
		__atomic_fetch_add(&cut->sum, (uint64_t)cut->map[(PAGES - 1 - i) * cut->page],
				   __ATOMIC_RELAXED);
	}
}

static void threads_may_all_fault_at_once(void **state)
{
	(void)state;
	struct cut cut;
	cut_init(&cut);
	assert_int_equal(ftruncate(cut.fd, (off_t)cut.page), 0);
	assert_null(ul_parallel(4, read_backwards, &cut));
	assert_int_equal(cut.sum, 'a');
	assert_true(faults >= 1);
	cut_deinit(&cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_is_found_with_its_file),
		cmocka_unit_test(what_a_file_lost_is_read_as_zeros),
		cmocka_unit_test(threads_may_all_fault_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
