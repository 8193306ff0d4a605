// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "source/proc/proc.h"

enum { KIB = 1024 };

static struct ul_proc *open_golden(const char *name, bool with_sys)
{
	char proc_root[512];
	char sys_root[512];
	snprintf(proc_root, sizeof(proc_root), "%s/proc/%s/proc", UL_GOLDEN, name);
	snprintf(sys_root, sizeof(sys_root), "%s/proc/%s/sys", UL_GOLDEN, name);
	const struct ul_proc_options options = {proc_root, with_sys ? sys_root : NULL};
	struct ul_proc *proc;
	assert_null(ul_proc_open(&options, &proc));
	return proc;
}

static int64_t account_kib(const struct ul_ledger *ledger, enum ul_kind kind, const char *name)
{
	const struct ul_account *found = ul_ledger_find(ledger, kind, name);
	return found ? found->bytes / KIB : -1;
}

/** Figures of the tree added up by awk over the files, in KiB. */
static void a_recorded_machine_balances_with_the_numbers_of_its_files(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_golden("recorded", true);
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	assert_null(ul_proc_ledger(proc, NULL, &ledger));
	assert_true(ul_ledger_balanced(&ledger));
	assert_int_equal(ledger.mem_total / KIB, 24684092);
	assert_int_equal(ledger.unaccounted.bytes / KIB, 15256);
	assert_int_equal(account_kib(&ledger, UL_KIND_FREE, "free (per-CPU lists)"), 32848);
	assert_int_equal(account_kib(&ledger, UL_KIND_FILE, "page cache"), 680656 - 8856);
	assert_int_equal(account_kib(&ledger, UL_KIND_SLAB, "kmalloc-large"), 416736 - 410160);
	assert_int_equal(account_kib(&ledger, UL_KIND_SLAB, "dentry"), 11557 * 4);
	assert_int_equal(account_kib(&ledger, UL_KIND_VMALLOC, "htab_map_alloc"), 8092);
	assert_int_equal(account_kib(&ledger, UL_KIND_VMALLOC, "vmalloc (other)"), 60);
	assert_int_equal(ul_ledger_kind_bytes(&ledger, UL_KIND_VMALLOC) / KIB, 14300 - 1492);
	assert_int_equal(ledger.caches.len, 235);
	assert_int_equal(ledger.losses.items.len, 0);
	assert_string_equal(ledger.notes.data[0].name, "tcp memory");
	assert_int_equal(ledger.notes.data[0].bytes, 241 * 4096);
}

static void a_recorded_cache_is_found_by_a_merged_name(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_golden("recorded", true);
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	assert_null(ul_proc_ledger(proc, NULL, &ledger));
	const struct ul_cache *cache = ul_ledger_cache(&ledger, "audit_buffer");
	assert_non_null(cache);
	assert_string_equal(cache->name, "vmap_area");
	assert_int_equal(cache->aliases.len, 6);
	assert_int_equal(cache->bytes, 132 * 4096);
	assert_false(cache->reclaimable);
	assert_true(ul_ledger_cache(&ledger, "buffer_head")->reclaimable);
}

static void recorded_processes_come_largest_first(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_golden("recorded", true);
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	const struct ul_proc_want want = {.processes = true, .pss_of_top = 1};
	assert_null(ul_proc_ledger(proc, &want, &ledger));
	assert_int_equal(ledger.processes.len, 3);
	const struct ul_process *first = ledger.processes.data;
	assert_int_equal(first->pid, 777);
	assert_string_equal(first->comm, "sleep");
	assert_int_equal(first->start_ticks, 229763);
	assert_int_equal(first->rss_bytes, 455 * 4096);
	assert_true(first->has_pss);
	assert_int_equal(first->pss_bytes, 360 * KIB);
	assert_true(ledger.processes.data[1].kernel_thread);
	assert_false(ledger.processes.data[1].has_pss);
}

static void recorded_mappings_are_summed_by_class(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_golden("recorded", true);
	struct ul_mappings mappings;
	assert_null(ul_proc_mappings(proc, 777, &mappings));
	assert_int_equal(mappings.classes[UL_MAPPING_FILE].rss_bytes, 1756 * KIB);
	assert_int_equal(mappings.classes[UL_MAPPING_FILE].pss_bytes, 288 * KIB);
	assert_int_equal(mappings.classes[UL_MAPPING_ANON].rss_bytes, 32 * KIB);
	assert_int_equal(mappings.classes[UL_MAPPING_HEAP].rss_bytes, 16 * KIB);
	assert_int_equal(mappings.classes[UL_MAPPING_STACK].rss_bytes, 16 * KIB);
	UL_CLEANUP_ERROR struct ul_error *err = ul_proc_mappings(proc, 4242, &mappings);
	assert_non_null(err);
	assert_int_equal(err->errno_value, ENOENT);
}

static void a_recorded_kernel_is_the_recorded_one(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_golden("recorded", true);
	struct ul_kernel kernel;
	assert_null(ul_proc_kernel(proc, &kernel));
	assert_string_equal(kernel.release, "6.18.44");
	assert_string_equal(kernel.arch, "x86_64");
	assert_string_equal(kernel.node, "golden");
	assert_string_equal(kernel.boot_id, "3f2b8c1e-0a77-4d15-9b6e-c0ffee123456");
	assert_int_equal(kernel.page_bytes, 4096);
	assert_int_equal(kernel.cpus, 2);
}

/**
 * Accounts by hand, in kB: free 200000, anon 150000, buffers 10000, page cache 300000 - 50000, swap
 * cache 5000, shmem 50000, slab 90000, stacks 4000, page tables 6000, FUSE 100, huge 10 * 2048:
 * 785580 in all. Drift of one CPU with nothing known: 3 * sqrt((10 * 125^2 + 63^2) / 3) = 693
 * pages.
 */
static void an_old_machine_with_little_to_read_balances_with_losses(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_golden("old", false);
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	assert_null(ul_proc_ledger(proc, NULL, &ledger));
	assert_true(ul_ledger_balanced(&ledger));
	assert_int_equal(ledger.unaccounted.bytes / KIB, 1000000 - 785580);
	assert_int_equal(ledger.unaccounted.low / KIB, 214420 - 693 * 4);
	assert_int_equal(ledger.unaccounted.high / KIB, 214420 + 693 * 4 + 5000);
	assert_int_equal(account_kib(&ledger, UL_KIND_SLAB, "size-4096"), 16000);
	assert_int_equal(account_kib(&ledger, UL_KIND_SLAB, "kmalloc-8192"), 25 * 8 * 4);
	assert_int_equal(account_kib(&ledger, UL_KIND_SLAB, "kmalloc-large"), 90000 - 56800);
	assert_int_equal(account_kib(&ledger, UL_KIND_HUGETLB, "hugetlb"), 20480);
	assert_true(ul_ledger_cache(&ledger, "dentry")->reclaimable);
	// vmallocinfo, vmstat, zoneinfo
	assert_int_equal(ledger.losses.items.len, 3);
}

static void make_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	UL_CLEANUP_FCLOSE FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void remove_file(const char *dir, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void damaged_dividers_are_losses_and_a_damaged_frame_is_an_error(void **state)
{
	(void)state;
	char dir[] = "/tmp/ullage-proc-XXXXXX";
	assert_non_null(mkdtemp(dir));
	const struct ul_proc_options options = {.proc_root = dir};
	make_file(dir, "meminfo", "MemTotal: 100 kB\nMemFree: 40 kB\nSlab: 20 kB\n");
	make_file(dir, "slabinfo", "what\n");
	make_file(dir, "zoneinfo", "count: x\n");
	UL_CLEANUP_PROC struct ul_proc *proc = NULL;
	assert_null(ul_proc_open(&options, &proc));
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	assert_null(ul_proc_ledger(proc, NULL, &ledger));
	assert_true(ul_ledger_balanced(&ledger));
	assert_int_equal(ledger.unaccounted.bytes, 40 * KIB);
	assert_int_equal(ledger.losses.items.len, 4);
	make_file(dir, "meminfo", "MemTotal: 100 kB\nMemFree: many kB\n");
	struct ul_ledger broken;
	UL_CLEANUP_ERROR struct ul_error *damaged = ul_proc_ledger(proc, NULL, &broken);
	assert_int_equal(damaged->code, UL_ERR_BAD_DATA);
	remove_file(dir, "meminfo");
	remove_file(dir, "slabinfo");
	remove_file(dir, "zoneinfo");
	UL_CLEANUP_PROC struct ul_proc *empty = NULL;
	assert_null(ul_proc_open(&options, &empty));
	UL_CLEANUP_ERROR struct ul_error *absent = ul_proc_ledger(empty, NULL, &broken);
	assert_int_equal(absent->errno_value, ENOENT);
	rmdir(dir);
}

static void a_root_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	const struct ul_proc_options options = {.proc_root = "/nonexistent/proc"};
	struct ul_proc *proc = NULL;
	UL_CLEANUP_ERROR struct ul_error *err = ul_proc_open(&options, &proc);
	assert_non_null(err);
	assert_null(proc);
}

static struct ul_proc *open_live(void)
{
	struct ul_proc *proc = NULL;
	if (access("/proc/meminfo", R_OK))
		skip();
	assert_null(ul_proc_open(NULL, &proc));
	return proc;
}

/** Allocate and free in many accounts at once; leaves nothing behind. */
static void churn(void)
{
	int sockets[2];
	const pid_t child = fork();
	if (!child)
		_exit(0);
	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets)) {
		close(sockets[0]);
		close(sockets[1]);
	}
	char *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory != MAP_FAILED) {
		memset(memory, 1, 1 << 20);
		munmap(memory, 1 << 20);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void two_hundred_live_samples_under_churn_all_balance(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_live();
	const struct ul_proc_want want = {.processes = true};
	for (int i = 0; i < 200; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		const struct ul_proc_want *this = i % 10 ? NULL : &want;
		assert_null(ul_proc_ledger(proc, this, &ledger));
		assert_true(ul_ledger_balanced(&ledger));
		churn();
	}
}

static void a_live_sample_sees_this_process(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_live();
	const pid_t self = getpid();
	const struct ul_proc_want want = {.processes = true, .pss_pids = &self, .pss_pids_len = 1};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	assert_null(ul_proc_ledger(proc, &want, &ledger));
	struct ul_process found = {0};
	uint64_t last = UINT64_MAX;
	ul_vec_foreach (process, &ledger.processes) {
		assert_true(process->rss_bytes <= last);
		last = process->rss_bytes;
		if (process->pid == self)
			found = *process;
	}
	assert_int_equal(found.pid, self);
	assert_false(found.kernel_thread);
	assert_true(found.rss_bytes > 0);
	assert_true(found.has_pss);
	assert_true(found.pss_bytes > 0 && found.pss_bytes <= found.rss_bytes + (1 << 20));
	assert_true(ledger.monotonic_ns > 0 && ledger.time_ns > ledger.monotonic_ns);
}

static void the_live_kernel_names_itself(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_live();
	struct ul_kernel kernel;
	struct utsname name;
	assert_null(ul_proc_kernel(proc, &kernel));
	assert_int_equal(uname(&name), 0);
	assert_string_equal(kernel.release, name.release);
	assert_int_equal(kernel.page_bytes, sysconf(_SC_PAGESIZE));
	assert_true(kernel.cpus >= (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
}

static void shared_and_private_memory_of_this_process_are_told_apart(void **state)
{
	(void)state;
	enum { BYTES = 2 << 20 };
	UL_CLEANUP_PROC struct ul_proc *proc = open_live();
	struct ul_mappings before;
	struct ul_mappings after;
	assert_null(ul_proc_mappings(proc, getpid(), &before));
	char *shared = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	memset(shared, 1, BYTES);
	assert_null(ul_proc_mappings(proc, getpid(), &after));
	munmap(shared, BYTES);
	assert_int_equal(after.classes[UL_MAPPING_SHMEM].rss_bytes -
				 before.classes[UL_MAPPING_SHMEM].rss_bytes,
			 BYTES);
	assert_true(after.classes[UL_MAPPING_STACK].rss_bytes > 0);
}

static void a_process_that_has_exited_is_told_by_its_errno(void **state)
{
	(void)state;
	UL_CLEANUP_PROC struct ul_proc *proc = open_live();
	struct ul_mappings mappings;
	const pid_t child = fork();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	UL_CLEANUP_ERROR struct ul_error *err = ul_proc_mappings(proc, child, &mappings);
	assert_non_null(err);
	assert_int_equal(err->code, UL_ERR_OS);
	assert_true(err->errno_value == ENOENT || err->errno_value == ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recorded_machine_balances_with_the_numbers_of_its_files),
		cmocka_unit_test(a_recorded_cache_is_found_by_a_merged_name),
		cmocka_unit_test(recorded_processes_come_largest_first),
		cmocka_unit_test(recorded_mappings_are_summed_by_class),
		cmocka_unit_test(a_recorded_kernel_is_the_recorded_one),
		cmocka_unit_test(an_old_machine_with_little_to_read_balances_with_losses),
		cmocka_unit_test(damaged_dividers_are_losses_and_a_damaged_frame_is_an_error),
		cmocka_unit_test(a_root_that_is_not_there_is_an_error),
		cmocka_unit_test(two_hundred_live_samples_under_churn_all_balance),
		cmocka_unit_test(a_live_sample_sees_this_process),
		cmocka_unit_test(the_live_kernel_names_itself),
		cmocka_unit_test(shared_and_private_memory_of_this_process_are_told_apart),
		cmocka_unit_test(a_process_that_has_exited_is_told_by_its_errno),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
