// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One pass over the processes. Per process stat (name, start, flags) and, unless it is a kernel
 * thread, statm (RSS): stat has RSS as well, but since Linux commit 82241a83cd15 ("mm: fix the
 * inaccurate memory statistics issue for users") only statm adds up the per-CPU parts of the
 * counter. PSS walks page tables, milliseconds for a big process, so it is read for the largest and
 * the ones asked for only.
 *
 * Linux fs/proc/array.c do_task_stat(), proc_pid_statm(); the name is not escaped there and may
 * hold anything, newlines and parentheses included, so it ends at the last parenthesis.
 *
 * Cannot see: processes of other pid namespaces, and with hidepid those of other users. Processes
 * that come and go within the pass are missing or stale; RSS counts a shared page once per process.
 */
#include "source/proc/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "source/proc/limits.h"
#include "source/proc/smaps.h"

/** Linux include/linux/sched.h PF_KTHREAD, shown in field 9 of stat. */
#define PF_KTHREAD 0x00200000u

enum {
	PATH_BYTES = 64,
	COUNT_SLOTS = 256,	/**< processes with fewer slots for files are not counted */
	COUNT_MAX = 256 * 1024, /**< open files counted one by one */
	STAT_BYTES = 4096,	/**< 52 numbers and a name of at most 64 bytes */
	SMAPS_BYTES =
		256 * 1024 * 1024, /**< 65,530 mappings (sysctl_max_map_count) of 800 bytes, 5x */
};

/** Index of the last @p c in @p span, or false. */
static bool find_last(struct ul_span span, char c, size_t *ret)
{
	const char *at = span.len ? memrchr(span.data, c, span.len) : NULL;
	if (!at)
		return false;
	*ret = (size_t)(at - span.data);
	return true;
}

/** Skip @p count words. */
static bool skip_words(struct ul_span *rest, int count)
{
	struct ul_span word;
	for (int i = 0; i < count; i++)
		if (!ul_span_word(rest, &word))
			return false;
	return true;
}

bool ul_process_parse_stat(struct ul_span text, struct ul_process *ret)
{
	// pid (comm) state ppid pgrp session tty tpgid flags ...; start is field 22.
	enum { FLAGS = 9, START = 22, AFTER_COMM = 3 };
	struct ul_process process = {0};
	struct ul_span rest = text;
	struct ul_span before;
	uint64_t pid;
	uint64_t flags;
	size_t end;
	if (!ul_span_cut(&rest, '(', &before) || !ul_span_u64(ul_span_trim(before), &pid) ||
	    pid > INT32_MAX || !find_last(rest, ')', &end))
		return false;
	process.pid = (pid_t)pid;
	ul_span_copy((struct ul_span){rest.data, end}, process.comm, sizeof(process.comm));
	rest = (struct ul_span){rest.data + end + 1, rest.len - end - 1};
	if (!skip_words(&rest, FLAGS - AFTER_COMM) || !ul_span_word_u64(&rest, &flags) ||
	    !skip_words(&rest, START - FLAGS - 1) || !ul_span_word_u64(&rest, &process.start_ticks))
		return false;
	process.kernel_thread = flags & PF_KTHREAD;
	*ret = process;
	return true;
}

bool ul_process_parse_statm(struct ul_span text, uint64_t *ret_pages)
{
	uint64_t size;
	uint64_t resident;
	if (!ul_span_word_u64(&text, &size) || !ul_span_word_u64(&text, &resident) ||
	    resident > UL_PROC_LIMIT_PAGES)
		return false;
	*ret_pages = resident;
	return true;
}

static bool kib_line(struct ul_span rest, uint64_t *ret)
{
	uint64_t kib;
	if (!ul_span_word_u64(&rest, &kib) || kib > UL_PROC_LIMIT_BYTES / 1024)
		return false;
	*ret = kib * 1024;
	return true;
}

void ul_process_parse_status(struct ul_span text, struct ul_process_status *ret)
{
	struct ul_process_status status = {0};
	uint64_t pmd = 0;
	ul_span_foreach_line (line, text) {
		struct ul_span rest = line;
		struct ul_span name;
		// The name comes first and is escaped: it holds no newline.
		if (!ul_span_cut(&rest, ':', &name))
			continue;
		if (ul_span_equal(name, "VmPTE"))
			status.has_tables = kib_line(rest, &status.table_bytes);
		else if (ul_span_equal(name, "VmPMD"))
			(void)kib_line(rest, &pmd);
		else if (ul_span_equal(name, "VmSwap"))
			(void)kib_line(rest, &status.swap_bytes);
		else if (ul_span_equal(name, "FDSize"))
			status.has_fd_slots = ul_span_word_u64(&rest, &status.fd_slots);
	}
	status.table_bytes += pmd;
	*ret = status;
}

enum outcome { OUTCOME_OK, OUTCOME_GONE, OUTCOME_DENIED, OUTCOME_BAD };

/** Read a file that fits STAT_BYTES, with one read(). */
static enum outcome read_small(int proc_fd, const char *pid, const char *name,
			       char buffer[static STAT_BYTES], struct ul_span *ret)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%.16s/%s", pid, name);
	UL_CLEANUP_CLOSE const int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? OUTCOME_DENIED : OUTCOME_GONE;
	const ssize_t got = read(fd, buffer, STAT_BYTES);
	if (got < 0)
		return errno == EACCES || errno == EPERM ? OUTCOME_DENIED : OUTCOME_GONE;
	*ret = (struct ul_span){buffer, (size_t)got};
	return OUTCOME_OK;
}

static enum outcome read_process(int proc_fd, const char *pid, uint32_t page_bytes,
				 struct ul_process *ret)
{
	char buffer[STAT_BYTES];
	struct ul_span text;
	uint64_t pages = 0;
	enum outcome outcome = read_small(proc_fd, pid, "stat", buffer, &text);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (!text.len)
		return OUTCOME_GONE;
	if (!ul_process_parse_stat(text, ret))
		return OUTCOME_BAD;
	if (ret->kernel_thread)
		return OUTCOME_OK;
	outcome = read_small(proc_fd, pid, "statm", buffer, &text);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (!ul_process_parse_statm(text, &pages))
		return OUTCOME_BAD;
	ret->rss_bytes = pages * page_bytes;
	return OUTCOME_OK;
}

/** Entries of the directory, at most COUNT_MAX. */
static uint64_t count_entries(int fd)
{
	uint64_t count = 0;
	UL_CLEANUP_CLOSEDIR DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return 0;
	}
	for (const struct dirent *entry; count < COUNT_MAX && (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	return count;
}

/**
 * Number of open files. Since Linux commit f1f1f2569901 ("proc: report open files as size in
 * stat() for /proc/pid/fd") (v6.2) the directory's size says it; before, counting makes an inode
 * for each, and is done only for a process with more than the first COUNT_SLOTS slots.
 */
static void read_fds(int proc_fd, const char *pid, uint64_t slots, struct ul_process *process)
{
	char path[PATH_BYTES];
	struct stat status;
	snprintf(path, sizeof(path), "%.16s/fd", pid);
	if (!fstatat(proc_fd, path, &status, 0) && status.st_size > 0) {
		process->fds = (uint64_t)status.st_size;
		process->has_fds = true;
		return;
	}
	if (slots <= COUNT_SLOTS)
		return;
	const int fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	process->fds = count_entries(fd);
	process->has_fds = true;
}

static void read_held(int proc_fd, const char *pid, struct ul_process *process)
{
	char buffer[STAT_BYTES];
	struct ul_span text;
	struct ul_process_status status;
	if (process->kernel_thread ||
	    read_small(proc_fd, pid, "status", buffer, &text) != OUTCOME_OK)
		return;
	ul_process_parse_status(text, &status);
	process->table_bytes = status.table_bytes;
	process->has_tables = status.has_tables;
	process->swap_bytes = status.swap_bytes;
	read_fds(proc_fd, pid, status.has_fd_slots ? status.fd_slots : 0, process);
}

static enum outcome outcome_of(struct ul_error *error)
{
	const enum outcome outcome =
		error->code == UL_ERR_PERMISSION ? OUTCOME_DENIED : OUTCOME_GONE;
	ul_error_destroy(error);
	return outcome;
}

/** smaps_rollup where the kernel has it (CONFIG_PROC_PAGE_MONITOR, v4.14), else smaps. */
static enum outcome read_pss(int proc_fd, struct ul_process *process, struct ul_buf *scratch)
{
	static const char *const names[] = {"smaps_rollup", "smaps"};
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++) {
		char path[PATH_BYTES];
		struct ul_smaps_total total;
		snprintf(path, sizeof(path), "%d/%s", (int)process->pid, names[i]);
		ul_buf_clear(scratch);
		struct ul_error *err = ul_file_read(proc_fd, path, SMAPS_BYTES, scratch);
		const bool absent = err && err->errno_value == ENOENT;
		if (absent) {
			ul_error_destroy(err);
			continue;
		}
		if (err)
			return outcome_of(err);
		if (!ul_smaps_total((struct ul_span){scratch->data, scratch->len}, &total))
			return OUTCOME_GONE;
		process->pss_bytes = total.pss_bytes;
		process->swap_bytes = total.swap_bytes;
		process->has_pss = true;
		return OUTCOME_OK;
	}
	return OUTCOME_GONE;
}

static int larger_first(const void *left, const void *right)
{
	const struct ul_process *a = left;
	const struct ul_process *b = right;
	if (a->rss_bytes != b->rss_bytes)
		return a->rss_bytes < b->rss_bytes ? 1 : -1;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

static bool is_listed(const struct ul_proc_want *want, pid_t pid)
{
	for (size_t i = 0; i < want->pss_pids_len; i++)
		if (want->pss_pids[i] == pid)
			return true;
	return false;
}

static struct ul_error *read_all_pss(int proc_fd, const struct ul_proc_want *want,
				     struct ul_buf *scratch, struct ul_ledger *ledger)
{
	uint64_t denied = 0;
	for (size_t i = 0; i < ledger->processes.len; i++) {
		struct ul_process *process = &ledger->processes.data[i];
		if (process->kernel_thread ||
		    (i >= want->pss_of_top && !is_listed(want, process->pid)))
			continue;
		if (read_pss(proc_fd, process, scratch) == OUTCOME_DENIED)
			denied++;
	}
	if (!denied)
		return NULL;
	return ul_losses_add(&ledger->losses, UL_BIAS_UNKNOWN, denied,
			     "processes whose PSS may not be read");
}

static struct ul_error *add_process(int proc_fd, const char *pid, uint32_t page_bytes, bool held,
				    struct ul_ledger *ledger, uint64_t *bad)
{
	struct ul_process process;
	const enum outcome outcome = read_process(proc_fd, pid, page_bytes, &process);
	if (outcome == OUTCOME_BAD || outcome == OUTCOME_DENIED)
		++*bad;
	if (outcome != OUTCOME_OK)
		return NULL;
	if (held)
		read_held(proc_fd, pid, &process);
	if (ledger->processes.len >= UL_PROC_LIMIT_PROCESSES)
		return ul_error_new(UL_ERR_LIMIT, "more than %d processes",
				    UL_PROC_LIMIT_PROCESSES);
	return ul_vec_push(&ledger->processes, process) ? NULL : &ul_enomem;
}

struct ul_error *ul_processes_read(int proc_fd, DIR *pids, uint32_t page_bytes,
				   const struct ul_proc_want *want, struct ul_buf *scratch,
				   struct ul_ledger *ledger)
{
	uint64_t bad = 0;
	rewinddir(pids);
	for (const struct dirent *entry; (entry = readdir(pids));)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			UL_TRY(add_process(proc_fd, entry->d_name, page_bytes, want->held, ledger,
					   &bad));
	if (ledger->processes.len)
		qsort(ledger->processes.data, ledger->processes.len,
		      sizeof(*ledger->processes.data), larger_first);
	if (bad)
		UL_TRY(ul_losses_add(&ledger->losses, UL_BIAS_UNKNOWN, bad,
				     "processes whose stat or statm cannot be read"));
	return read_all_pss(proc_fd, want, scratch, ledger);
}
