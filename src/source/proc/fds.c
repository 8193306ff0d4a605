// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Open files that hold memory nobody finds by name: memfds, deleted files, dma-bufs, GPU clients.
 *
 * The text of the link /proc/PID/fd/N says what it is (Linux fs/d_path.c):
 *
 *  /memfd:NAME (deleted)   mm/memfd.c; blocks taken are memory (and swap)
 *  PATH (deleted)          an unlinked file; on a tmpfs its blocks are memory, on a disk they are
 *                          the most its page cache can be. A file really called "x (deleted)" is
 *                          told by its link count
 *  /dmabuf:NAME            drivers/dma-buf/dma-buf.c dmabuffs_dname(); size of the buffer
 *  /dev/dri/...            a GPU client: drm-total-REGION in fdinfo (Documentation/gpu/
 *                          drm-usage-stats.rst), once for each drm-client-id
 *  socket:[INODE]          for owners of socket queues
 *
 * A readlink() costs about 1 us and makes an inode in procfs for each descriptor, so the walk over
 * all processes is not for every sample. In a measurement it is done only while shared memory
 * grows (what it finds, who holds that memory, is of no use otherwise), and at most COST_SHARE of
 * the time goes into it. Between two walks over all, those who held something are looked at, which
 * is as cheap as they are few.
 *
 * Cannot see: memory that is mapped and whose file is closed (it is in the RSS of those who touched
 * it), files in flight in unix sockets, processes whose files we may not list.
 */
#include "source/proc/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/units.h"
#include "source/proc/limits.h"

enum {
	PATH_BYTES = 64,
	FDINFO_BYTES = 8192,
	GROWN_BYTES = 256 * 1024, /**< growth of shared memory that is worth a look */
	GROWN_AGE_S = 60,	  /**< how long after it to go on */
	COST_SHARE = 200,	  /**< 1 / 200 of the time, for all and for the known each */
	KNOWN_MAX = 64,		  /**< holders looked at in between */
};

/** Cut @p suffix off; false when it is not there. */
static bool cut_suffix(struct ul_span *span, const char *suffix)
{
	const size_t len = strlen(suffix);
	if (span->len < len || memcmp(span->data + span->len - len, suffix, len) != 0)
		return false;
	span->len -= len;
	return true;
}

void ul_fd_parse_link(struct ul_span link, struct ul_fd_link *ret)
{
	static const char socket[] = "socket:[";
	static const char memfd[] = "/memfd:";
	static const char dmabuf[] = "/dmabuf:";
	*ret = (struct ul_fd_link){.sort = UL_FD_OTHER, .name = link};
	if (ul_span_starts(link, socket)) {
		struct ul_span inode = {link.data + sizeof(socket) - 1,
					link.len - (sizeof(socket) - 1)};
		if (cut_suffix(&inode, "]") && ul_span_u64(inode, &ret->inode))
			ret->sort = UL_FD_SOCKET;
	} else if (ul_span_starts(link, dmabuf)) {
		ret->sort = UL_FD_DMABUF;
		ret->name = (struct ul_span){link.data + sizeof(dmabuf) - 1,
					     link.len - (sizeof(dmabuf) - 1)};
	} else if (ul_span_starts(link, "/dev/dri/")) {
		ret->sort = UL_FD_DRM;
	} else if (link.len && link.data[0] == '/' && cut_suffix(&ret->name, " (deleted)")) {
		ret->sort = UL_FD_DELETED;
		if (ul_span_starts(link, memfd)) {
			ret->sort = UL_FD_MEMFD;
			ret->name.data += sizeof(memfd) - 1;
			ret->name.len -= sizeof(memfd) - 1;
		}
	}
}

/** "123 KiB" or plain bytes; false for anything else. */
static bool drm_bytes(struct ul_span rest, uint64_t *ret)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} units[] = {{"KiB", 1024}, {"MiB", 1024 * 1024}};
	struct ul_span unit;
	uint64_t factor = 1;
	if (!ul_span_word_u64(&rest, ret))
		return false;
	if (ul_span_word(&rest, &unit)) {
		factor = 0;
		for (size_t i = 0; i < UL_ARRAY_LEN(units); i++)
			if (ul_span_equal(unit, units[i].name))
				factor = units[i].factor;
	}
	return factor && !__builtin_mul_overflow(*ret, factor, ret) && *ret <= UL_PROC_LIMIT_BYTES;
}

void ul_fd_parse_drm(struct ul_span text, struct ul_fd_drm *ret)
{
	uint64_t total = 0;
	uint64_t memory = 0;
	bool has_total = false;
	*ret = (struct ul_fd_drm){0};
	ul_span_foreach_line (line, text) {
		struct ul_span name;
		struct ul_span rest = line;
		uint64_t bytes;
		if (!ul_span_cut(&rest, ':', &name))
			continue;
		if (ul_span_equal(name, "drm-client-id")) {
			ret->has_client = ul_span_word_u64(&rest, &ret->client);
		} else if (ul_span_starts(name, "drm-total-") && drm_bytes(rest, &bytes)) {
			total = total + bytes < UL_PROC_LIMIT_BYTES ? total + bytes : total;
			has_total = true;
		} else if (ul_span_starts(name, "drm-memory-") && drm_bytes(rest, &bytes)) {
			memory = memory + bytes < UL_PROC_LIMIT_BYTES ? memory + bytes : memory;
		}
	}
	ret->bytes = has_total ? total : memory;
}

bool ul_fds_begin(struct ul_fds *fds, int proc_fd, pid_t pid, const struct ul_tmpfs_list *tmpfs,
		  bool sockets)
{
	char path[PATH_BYTES];
	*fds = (struct ul_fds){.fdinfo_base = proc_fd, .tmpfs = tmpfs, .sockets = sockets};
	snprintf(fds->pid, sizeof(fds->pid), "%d", (int)pid);
	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	const int fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	fds->dir = fdopendir(fd);
	if (!fds->dir)
		close(fd);
	return fds->dir != NULL;
}

void ul_fds_end(struct ul_fds *fds)
{
	if (fds->dir)
		closedir(fds->dir);
	fds->dir = NULL;
}

static bool on_tmpfs(const struct ul_tmpfs_list *tmpfs, uint64_t device)
{
	if (tmpfs)
		ul_vec_foreach (mount, &tmpfs->mounts)
			if (mount->device == device)
				return true;
	return false;
}

/** Ask the GPU driver; false when it does not tell. */
static bool read_drm(const struct ul_fds *fds, const char *number, struct ul_fd *ret)
{
	char path[PATH_BYTES];
	char buffer[FDINFO_BYTES];
	struct ul_fd_drm drm;
	snprintf(path, sizeof(path), "%s/fdinfo/%.16s", fds->pid, number);
	UL_CLEANUP_CLOSE const int fd = openat(fds->fdinfo_base, path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));
	if (got <= 0)
		return false;
	ul_fd_parse_drm((struct ul_span){buffer, (size_t)got}, &drm);
	ret->kind = UL_FILE_DRM;
	ret->bytes = drm.bytes;
	// Descriptors that were passed on or duplicated are one client.
	if (drm.has_client)
		ret->inode = drm.client;
	return drm.bytes > 0;
}

static bool read_file(const struct ul_fds *fds, const char *number, struct ul_fd *ret)
{
	struct stat status;
	if (fstatat(dirfd(fds->dir), number, &status, 0))
		return false;
	ret->device = status.st_dev;
	ret->inode = status.st_ino;
	ret->bytes = status.st_blocks > 0 ? (uint64_t)status.st_blocks * 512 : 0;
	switch (ret->sort) {
	case UL_FD_MEMFD:
		ret->kind = UL_FILE_MEMFD;
		return true;
	case UL_FD_DELETED:
		ret->kind = on_tmpfs(fds->tmpfs, status.st_dev) ? UL_FILE_DELETED_TMPFS
								: UL_FILE_DELETED;
		return status.st_nlink == 0 && S_ISREG(status.st_mode);
	case UL_FD_DMABUF:
		ret->kind = UL_FILE_DMABUF;
		ret->bytes = status.st_size > 0 ? (uint64_t)status.st_size : 0;
		return true;
	case UL_FD_DRM:
		return read_drm(fds, number, ret);
	case UL_FD_SOCKET:
	case UL_FD_OTHER:
		break;
	}
	return false;
}

static bool look_at(struct ul_fds *fds, const char *number, struct ul_fd *ret)
{
	struct ul_fd_link link;
	const ssize_t len = readlinkat(dirfd(fds->dir), number, fds->link, sizeof(fds->link));
	if (len < 0)
		return false;
	ul_fd_parse_link((struct ul_span){fds->link, (size_t)len}, &link);
	*ret = (struct ul_fd){.sort = link.sort, .inode = link.inode};
	if (link.sort == UL_FD_OTHER)
		return false;
	if (link.sort == UL_FD_SOCKET)
		return fds->sockets;
	ul_span_copy(link.name, ret->name, sizeof(ret->name));
	return read_file(fds, number, ret);
}

bool ul_fds_next(struct ul_fds *fds, struct ul_fd *ret)
{
	if (!fds->dir)
		return false;
	for (const struct dirent *entry; (entry = readdir(fds->dir));) {
		if (entry->d_name[0] == '.')
			continue;
		fds->seen++;
		if (look_at(fds, entry->d_name, ret))
			return true;
	}
	return false;
}

/* In a measurement. */

struct held_file {
	uint64_t device, inode, bytes;
};

struct held_files {
	UL_VEC(struct held_file) files;
};

static void held_deinit(struct held_files *held)
{
	ul_vec_deinit(&held->files);
}

static int by_inode(const void *left, const void *right)
{
	const struct held_file *a = left;
	const struct held_file *b = right;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

/** Sum of the files, each once. */
static uint64_t sum_of(struct held_files *held)
{
	uint64_t sum = 0;
	const struct held_file *files = held->files.data;
	if (held->files.len)
		qsort(held->files.data, held->files.len, sizeof(*held->files.data), by_inode);
	for (size_t i = 0; i < held->files.len; i++)
		if ((!i || by_inode(&files[i - 1], &files[i])) &&
		    sum + files[i].bytes <= UL_PROC_LIMIT_BYTES)
			sum += files[i].bytes;
	return sum;
}

static struct ul_error *read_held(int proc_fd, const struct ul_tmpfs_list *tmpfs,
				  struct ul_process *process, struct held_files *held)
{
	UL_CLEANUP_FDS struct ul_fds fds;
	struct ul_fd file;
	held->files.len = 0;
	if (!ul_fds_begin(&fds, proc_fd, process->pid, tmpfs, false))
		return NULL;
	while (ul_fds_next(&fds, &file)) {
		const struct held_file one = {file.device, file.inode, file.bytes};
		if (file.kind != UL_FILE_MEMFD && file.kind != UL_FILE_DELETED_TMPFS)
			continue;
		if (!ul_vec_push(&held->files, one))
			return &ul_enomem;
	}
	process->held_bytes = sum_of(held);
	process->has_held = true;
	return NULL;
}

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * UL_NS_PER_S + now.tv_nsec;
}

/** True while shared memory has grown not long ago. */
static bool has_grown(struct ul_held_state *state, const struct ul_ledger *ledger)
{
	const int64_t bytes = ul_ledger_kind_bytes(ledger, UL_KIND_SHMEM);
	if (state->shmem_bytes < 0 || bytes < state->shmem_bytes) {
		state->shmem_bytes = bytes;
	} else if (bytes - state->shmem_bytes >= GROWN_BYTES) {
		state->shmem_bytes = bytes;
		state->grown_ns = ledger->monotonic_ns;
	}
	return state->grown_ns &&
	       ledger->monotonic_ns - state->grown_ns < GROWN_AGE_S * UL_NS_PER_S;
}

static bool is_known(const struct ul_held_state *state, const struct ul_process *process)
{
	ul_vec_foreach (known, &state->known)
		if (known->pid == process->pid && known->start_ticks == process->start_ticks)
			return true;
	return false;
}

static struct ul_error *remember(struct ul_held_state *state, const struct ul_process *process)
{
	const struct ul_held_by holder = {process->pid, process->start_ticks};
	if (!process->held_bytes || state->known.len >= KNOWN_MAX)
		return NULL;
	return ul_vec_push(&state->known, holder) ? NULL : &ul_enomem;
}

static struct ul_error *look(struct ul_held_state *state, int proc_fd,
			     const struct ul_tmpfs_list *tmpfs, bool all, struct ul_ledger *ledger)
{
	UL_CLEANUP(held_deinit) struct held_files held = {0};
	if (all)
		state->known.len = 0;
	ul_vec_foreach (process, &ledger->processes) {
		if (process->kernel_thread || (!all && !is_known(state, process)))
			continue;
		UL_TRY(read_held(proc_fd, tmpfs, process, &held));
		if (all)
			UL_TRY(remember(state, process));
	}
	return NULL;
}

void ul_held_deinit(struct ul_held_state *state)
{
	ul_vec_deinit(&state->known);
}

struct ul_error *ul_held_sample(struct ul_held_state *state, int proc_fd,
				const struct ul_tmpfs_list *tmpfs, struct ul_ledger *ledger)
{
	const int64_t now = ledger->monotonic_ns;
	if (!has_grown(state, ledger))
		return NULL;
	const bool all = now >= state->next_all_ns;
	if (!all && (!state->known.len || now < state->next_known_ns))
		return NULL;
	const int64_t start_ns = now_ns();
	UL_TRY(look(state, proc_fd, tmpfs, all, ledger));
	const int64_t next_ns = now + COST_SHARE * (now_ns() - start_ns);
	if (all)
		state->next_all_ns = next_ns;
	else
		state->next_known_ns = next_ns;
	return NULL;
}
