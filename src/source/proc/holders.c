// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who holds memory, from sides that the ledger's accounts do not have. Passes:
 *
 *   1 cgroups: the whole tree with every figure (cgroup.c)
 *   2 System V segments, as the ledger's sample read them
 *   3 socket tables of this network namespace (sockets.c); the largest queues are kept
 *   4 open files of every process (fds.c): a row for each file that holds memory, a count of all
 *   5 a file that several have open becomes one row, sockets of pass 3 get their owners
 *   6 PSS and USS of the largest processes
 *
 * Everything here overlaps the accounts, and parts overlap each other: a memfd is in Shmem, in the
 * figures of a cgroup and in the RSS of who mapped it. That is what "who holds it" means.
 *
 * Cannot see: files of processes in other pid namespaces and of those we may not look into
 * (counted); files that only a mapping or a message in flight keeps alive.
 */
#include "source/proc/holders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "source/proc/limits.h"
#include "source/proc/process.h"
#include "source/proc/smaps.h"
#include "source/proc/sockets.h"
#include "source/proc/state.h"

enum {
	TABLE_BYTES = 256 * 1024 * 1024, /**< a socket table: a million lines */
	STATUS_BYTES = 64 * 1024,
	SMAPS_BYTES = 256 * 1024 * 1024,
	QUEUES_MIN = 64, /**< queues whose owner is looked for, at the least */
};

static const struct {
	const char *path;
	const char *protocol;
	enum ul_socket_format format;
} tables[] = {
	{"net/tcp", "tcp", UL_SOCKET_TCP},	    {"net/tcp6", "tcp6", UL_SOCKET_TCP},
	{"net/udp", "udp", UL_SOCKET_INET},	    {"net/udp6", "udp6", UL_SOCKET_INET},
	{"net/raw", "raw", UL_SOCKET_INET},	    {"net/raw6", "raw6", UL_SOCKET_INET},
	{"net/unix", "unix", UL_SOCKET_UNIX},	    {"net/netlink", "netlink", UL_SOCKET_NETLINK},
	{"net/packet", "packet", UL_SOCKET_PACKET},
};

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * UL_NS_PER_S + now.tv_nsec;
}

static uint64_t queued(const struct ul_socket_queue *queue)
{
	return queue->receive_bytes + queue->send_bytes;
}

static int larger_queue_first(const void *left, const void *right)
{
	const uint64_t a = queued(left);
	const uint64_t b = queued(right);
	return (a < b) - (a > b);
}

static struct ul_error *read_sockets(struct ul_proc *proc, size_t top, struct ul_holders *holders)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(tables); i++) {
		ul_buf_clear(&proc->scratch);
		struct ul_error *err =
			ul_file_read(proc->proc_fd, tables[i].path, TABLE_BYTES, &proc->scratch);
		const struct ul_span text = {proc->scratch.data, proc->scratch.len};
		// A kernel without that protocol has no such file.
		const bool absent = err && err->errno_value == ENOENT;
		if (!err)
			err = ul_sockets_parse(text, tables[i].protocol, tables[i].format, holders);
		if (err && err->code == UL_ERR_NOMEM)
			return err;
		UL_CLEANUP_ERROR struct ul_error *reason = err;
		if (reason && !absent)
			UL_TRY(ul_losses_add(&holders->losses, UL_BIAS_UNDER, 0,
					     "sockets of a protocol: %s", reason->message));
	}
	const size_t keep = top > QUEUES_MIN ? top : QUEUES_MIN;
	if (holders->queues.len)
		qsort(holders->queues.data, holders->queues.len, sizeof(*holders->queues.data),
		      larger_queue_first);
	if (holders->queues.len > keep)
		holders->queues.len = keep;
	return NULL;
}

static const struct ul_process *process_of(const struct ul_ledger *ledger, pid_t pid)
{
	ul_vec_foreach (process, &ledger->processes)
		if (process->pid == pid)
			return process;
	return NULL;
}

static int larger_segment_first(const void *left, const void *right)
{
	const struct ul_segment_holder *a = left;
	const struct ul_segment_holder *b = right;
	return (a->rss_bytes < b->rss_bytes) - (a->rss_bytes > b->rss_bytes);
}

static struct ul_error *read_segments(const struct ul_proc *proc, const struct ul_ledger *ledger,
				      struct ul_holders *holders)
{
	ul_vec_foreach (segment, &proc->sysv.segments) {
		struct ul_segment_holder *holder = ul_vec_add(&holders->segments);
		if (!holder)
			return &ul_enomem;
		*holder = (struct ul_segment_holder){
			.id = segment->id,
			.rss_bytes = segment->rss_bytes,
			.swap_bytes = segment->swap_bytes,
			.size_bytes = segment->size_bytes,
			.attached = segment->attached,
			.creator = segment->creator,
		};
	}
	if (holders->segments.len)
		qsort(holders->segments.data, holders->segments.len,
		      sizeof(*holders->segments.data), larger_segment_first);
	// Names for as many as anybody reads: the look-up is a walk over the processes.
	for (size_t i = 0; i < holders->segments.len && i < QUEUES_MIN; i++) {
		struct ul_segment_holder *segment = &holders->segments.data[i];
		const struct ul_process *process = process_of(ledger, segment->creator);
		if (process)
			ul_text_copy(segment->comm, sizeof(segment->comm), process->comm);
	}
	return NULL;
}

/* Open files. */

static int by_file(const void *left, const void *right)
{
	const struct ul_file_holder *a = left;
	const struct ul_file_holder *b = right;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

static bool same_file(const struct ul_file_holder *a, const struct ul_file_holder *b)
{
	return a->kind == b->kind && a->device == b->device && a->inode == b->inode;
}

static int larger_file_first(const void *left, const void *right)
{
	const struct ul_file_holder *a = left;
	const struct ul_file_holder *b = right;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return by_file(left, right);
}

/** Rows of one file become one, from @p start on; *@p bytes gets the sums by kind. */
static void merge_files(struct ul_holders *holders, size_t start, uint64_t bytes[UL_FILE_KINDS])
{
	struct ul_file_holder *files = holders->files.data;
	size_t kept = start;
	if (holders->files.len == start)
		return;
	qsort(files + start, holders->files.len - start, sizeof(*files), by_file);
	for (size_t i = start; i < holders->files.len; i++) {
		if (kept > start && same_file(&files[kept - 1], &files[i])) {
			files[kept - 1].opened += files[i].opened;
			continue;
		}
		if (bytes)
			bytes[files[i].kind] += files[i].bytes;
		files[kept++] = files[i];
	}
	holders->files.len = kept;
}

static void own_queue(struct ul_holders *holders, uint64_t inode, const struct ul_process *process)
{
	ul_vec_foreach (queue, &holders->queues) {
		if (queue->inode != inode || queue->pid)
			continue;
		queue->pid = process->pid;
		ul_text_copy(queue->comm, sizeof(queue->comm), process->comm);
	}
}

static struct ul_error *add_file(struct ul_holders *holders, const struct ul_process *process,
				 const struct ul_fd *fd)
{
	if (holders->files.len >= UL_PROC_LIMIT_HELD)
		return ul_losses_add(&holders->losses, UL_BIAS_UNDER, 1,
				     "open files beyond the first %d that hold memory",
				     UL_PROC_LIMIT_HELD);
	struct ul_file_holder *file = ul_vec_add(&holders->files);
	if (!file)
		return &ul_enomem;
	file->kind = fd->kind;
	file->device = fd->device;
	file->inode = fd->inode;
	file->bytes = fd->bytes;
	file->opened = 1;
	file->pid = process->pid;
	memcpy(file->name, fd->name, sizeof(file->name));
	ul_text_copy(file->comm, sizeof(file->comm), process->comm);
	return NULL;
}

static struct ul_error *read_files(struct ul_proc *proc, const struct ul_process *process,
				   struct ul_holders *holders, uint64_t *unseen)
{
	UL_CLEANUP_FDS struct ul_fds fds;
	struct ul_fd fd;
	const size_t start = holders->files.len;
	const bool sockets = holders->queues.len > 0;
	struct ul_process_holder *holder = ul_vec_add(&holders->processes);
	if (!holder)
		return &ul_enomem;
	holder->pid = process->pid;
	holder->rss_bytes = process->rss_bytes;
	ul_text_copy(holder->comm, sizeof(holder->comm), process->comm);
	if (!ul_fds_begin(&fds, proc->proc_fd, process->pid, &proc->tmpfs, sockets)) {
		++*unseen;
		return NULL;
	}
	while (ul_fds_next(&fds, &fd)) {
		if (fd.sort == UL_FD_SOCKET)
			own_queue(holders, fd.inode, process);
		else
			UL_TRY(add_file(holders, process, &fd));
	}
	holder->fds = fds.seen;
	holders->fds_looked_at += fds.seen;
	merge_files(holders, start, holder->bytes);
	return NULL;
}

static bool read_text(struct ul_proc *proc, pid_t pid, const char *name, size_t limit,
		      struct ul_span *ret)
{
	char path[64];
	snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	ul_buf_clear(&proc->scratch);
	UL_CLEANUP_ERROR struct ul_error *err =
		ul_file_read(proc->proc_fd, path, limit, &proc->scratch);
	if (err)
		return false;
	*ret = (struct ul_span){proc->scratch.data, proc->scratch.len};
	return true;
}

static void read_sizes(struct ul_proc *proc, struct ul_process_holder *holder, bool pss)
{
	struct ul_span text;
	struct ul_process_status status;
	struct ul_smaps_total total;
	if (read_text(proc, holder->pid, "status", STATUS_BYTES, &text)) {
		ul_process_parse_status(text, &status);
		holder->table_bytes = status.table_bytes;
		holder->has_tables = status.has_tables;
		holder->swap_bytes = status.swap_bytes;
	}
	if (!pss ||
	    (!read_text(proc, holder->pid, "smaps_rollup", SMAPS_BYTES, &text) &&
	     !read_text(proc, holder->pid, "smaps", SMAPS_BYTES, &text)) ||
	    !ul_smaps_total(text, &total))
		return;
	holder->pss_bytes = total.pss_bytes;
	holder->uss_bytes = total.uss_bytes;
	holder->swap_bytes = total.swap_bytes;
	holder->has_pss = true;
}

static struct ul_error *read_processes(struct ul_proc *proc, const struct ul_ledger *ledger,
				       size_t top, struct ul_holders *holders)
{
	uint64_t unseen = 0;
	ul_vec_foreach (process, &ledger->processes) {
		if (process->kernel_thread)
			continue;
		UL_TRY(read_files(proc, process, holders, &unseen));
		read_sizes(proc, &holders->processes.data[holders->processes.len - 1],
			   holders->processes.len <= top);
	}
	merge_files(holders, 0, NULL);
	if (holders->files.len)
		qsort(holders->files.data, holders->files.len, sizeof(*holders->files.data),
		      larger_file_first);
	if (!unseen)
		return NULL;
	return ul_losses_add(&holders->losses, UL_BIAS_UNDER, unseen,
			     "processes whose open files may not be listed, or that ended");
}

static int larger_cgroup_first(const void *left, const void *right)
{
	const struct ul_cgroup_holder *a = left;
	const struct ul_cgroup_holder *b = right;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return strcmp(a->path, b->path);
}

static struct ul_error *read_cgroups(struct ul_proc *proc, struct ul_holders *holders)
{
	struct ul_span controllers = {0};
	UL_CLEANUP_ERROR struct ul_error *err = ul_proc_read(proc, UL_PROC_CGROUPS, &controllers);
	if (err) // then the removed ones are not counted
		controllers = (struct ul_span){0};
	UL_TRY(ul_cgroups_read(&proc->cgroups, controllers, holders));
	if (holders->cgroups.len)
		qsort(holders->cgroups.data, holders->cgroups.len, sizeof(*holders->cgroups.data),
		      larger_cgroup_first);
	if (!holders->has_cgroups)
		return ul_losses_add(&holders->losses, UL_BIAS_NONE, 0,
				     "no memory cgroups below /sys/fs/cgroup");
	return NULL;
}

static struct ul_error *read_all(struct ul_proc *proc, const struct ul_ledger *ledger, size_t top,
				 struct ul_holders *holders)
{
	const int64_t start_ns = now_ns();
	UL_TRY(read_cgroups(proc, holders));
	UL_TRY(read_segments(proc, ledger, holders));
	UL_TRY(read_sockets(proc, top, holders));
	UL_TRY(read_processes(proc, ledger, top, holders));
	holders->seconds = (double)(now_ns() - start_ns) / UL_NS_PER_S;
	return NULL;
}

struct ul_error *ul_proc_holders(struct ul_proc *proc, const struct ul_ledger *ledger, size_t top,
				 struct ul_holders *ret)
{
	UL_CLEANUP_HOLDERS struct ul_holders holders = {0};
	struct ul_error *err = read_all(proc, ledger, top, &holders);
	*ret = (struct ul_holders){0};
	if (err)
		return ul_error_prepend(err, "reading who holds memory");
	*ret = holders;
	holders = (struct ul_holders){0};
	return NULL;
}
