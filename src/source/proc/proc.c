// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening the roots, and reading files of them again and again.
 *
 * Files are opened once and read with pread() from 0: seq_file starts over there (Linux
 * fs/seq_file.c seq_read_iter()), which saves walking paths several times a second. A text is read
 * until a read returns nothing; meminfo fits the first read, which makes it one instant as far as
 * the kernel goes (meminfo_proc_show() reads its counters one after the other, within
 * microseconds). slabinfo and vmallocinfo come in pieces of a page, with their locks dropped in
 * between.
 *
 * A recorded tree of the same files works alike: it is told by its file system not being procfs.
 */
#include "source/proc/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "source/proc/limits.h"
#include "source/proc/state.h"

enum { SMALL_FILE = 64 * 1024, FIRST_READ = 16 * 1024 };

static const struct {
	const char *path;
	size_t limit;
} files[UL_PROC_FILES] = {
	[UL_PROC_MEMINFO] = {"meminfo", SMALL_FILE},
	[UL_PROC_SLABINFO] = {"slabinfo", 4 * 1024 * 1024},
	[UL_PROC_VMALLOCINFO] = {"vmallocinfo", 64 * 1024 * 1024}, // 400,000 areas
	[UL_PROC_ZONEINFO] = {"zoneinfo", 16 * 1024 * 1024},	   // zones times CPUs: 50,000 lists
	[UL_PROC_VMSTAT] = {"vmstat", SMALL_FILE},
	[UL_PROC_SOCKSTAT] = {"net/sockstat", SMALL_FILE},
	[UL_PROC_SOCKSTAT6] = {"net/sockstat6", SMALL_FILE},
	[UL_PROC_SYSVIPC] = {"sysvipc/shm", 16 * 1024 * 1024}, // 65,536 lines of 200 bytes
	[UL_PROC_MOUNTINFO] = {"self/mountinfo", 64 * 1024 * 1024},
	[UL_PROC_CGROUPS] = {"cgroups", SMALL_FILE},
};

static struct ul_error *read_all(int fd, const char *path, size_t limit, struct ul_buf *buf)
{
	for (;;) {
		if (buf->cap - buf->len < FIRST_READ / 2 &&
		    !ul_buf_reserve(buf, buf->len < FIRST_READ ? FIRST_READ : buf->len))
			return &ul_enomem;
		const ssize_t got =
			pread(fd, buf->data + buf->len, buf->cap - buf->len - 1, (off_t)buf->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ul_error_os(errno, "reading %s", path);
		if (!got)
			break;
		buf->len += (size_t)got;
		if (buf->len > limit)
			return ul_error_new(UL_ERR_LIMIT, "reading %s: longer than %zu bytes", path,
					    limit);
	}
	buf->data[buf->len] = '\0';
	return NULL;
}

struct ul_error *ul_proc_read(struct ul_proc *proc, enum ul_proc_file file, struct ul_span *ret)
{
	const char *path = files[file].path;
	struct ul_buf *buf = &proc->texts[file];
	if (proc->fds[file] < 0)
		proc->fds[file] = openat(proc->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (proc->fds[file] < 0)
		return ul_error_os(errno, "opening %s", path);
	ul_buf_clear(buf);
	UL_TRY(read_all(proc->fds[file], path, files[file].limit, buf));
	*ret = (struct ul_span){buf->data, buf->len};
	return NULL;
}

/** A small file below @p fd, trimmed; false when it cannot be read. */
static bool read_word(struct ul_proc *proc, int fd, const char *path, struct ul_span *ret)
{
	ul_buf_clear(&proc->scratch);
	UL_CLEANUP_ERROR struct ul_error *err = ul_file_read(fd, path, SMALL_FILE, &proc->scratch);
	if (err)
		return false;
	*ret = ul_span_trim((struct ul_span){proc->scratch.data, proc->scratch.len});
	return true;
}

static struct ul_error *open_roots(const struct ul_proc_options *options, struct ul_proc *proc)
{
	const char *proc_root = options && options->proc_root ? options->proc_root : "/proc";
	const char *sys_root = options && options->sys_root ? options->sys_root : "/sys";
	struct statfs fs;
	proc->proc_fd = open(proc_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc->proc_fd < 0)
		return ul_error_os(errno, "opening %s", proc_root);
	proc->live = !fstatfs(proc->proc_fd, &fs) && fs.f_type == PROC_SUPER_MAGIC;
	// A recording without /sys must not be completed from this machine's.
	if (proc->live || (options && options->sys_root))
		proc->sys_fd = open(sys_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int fd = openat(proc->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ul_error_os(errno, "opening %s", proc_root);
	proc->pids = fdopendir(fd);
	if (!proc->pids) {
		close(fd);
		return &ul_enomem;
	}
	return NULL;
}

static uint32_t count_cpus(struct ul_proc *proc)
{
	struct ul_span text;
	uint32_t cpus;
	if (proc->sys_fd >= 0 &&
	    read_word(proc, proc->sys_fd, "devices/system/cpu/possible", &text) &&
	    ul_cpu_list_count(text, &cpus))
		return cpus;
	const long configured = proc->live ? sysconf(_SC_NPROCESSORS_CONF) : 1;
	return configured > 0 && configured <= UL_PROC_LIMIT_CPUS ? (uint32_t)configured : 1;
}

/**
 * Page size of a recorded tree: PageTables is shown in kB by meminfo and in pages by vmstat. The
 * two were read at different times, so the quotient is rounded to the nearest power of two.
 */
static uint32_t recorded_page_bytes(struct ul_proc *proc)
{
	struct ul_span text;
	struct ul_meminfo meminfo;
	struct ul_vmstat vmstat;
	UL_CLEANUP_ERROR struct ul_error *read = ul_proc_read(proc, UL_PROC_MEMINFO, &text);
	UL_CLEANUP_ERROR struct ul_error *parsed = read ? NULL : ul_meminfo_parse(text, &meminfo);
	if (read || parsed)
		return 4096;
	UL_CLEANUP_ERROR struct ul_error *read_vm = ul_proc_read(proc, UL_PROC_VMSTAT, &text);
	UL_CLEANUP_ERROR struct ul_error *parsed_vm =
		read_vm ? NULL : ul_vmstat_parse(text, &vmstat);
	if (read_vm || parsed_vm || !vmstat.page_table_pages)
		return 4096;
	const uint64_t quotient = meminfo.value[UL_MEMINFO_PAGE_TABLES] / vmstat.page_table_pages;
	uint32_t page_bytes = 4096;
	while (page_bytes < UL_PROC_LIMIT_PAGE_BYTES && quotient > page_bytes + page_bytes / 2)
		page_bytes *= 2;
	return page_bytes;
}

/** zswap before v6.18 could use zbud or z3fold; the parameter is gone with them. */
static bool zswap_is_apart(struct ul_proc *proc)
{
	struct ul_span pool;
	return proc->sys_fd >= 0 &&
	       read_word(proc, proc->sys_fd, "module/zswap/parameters/zpool", &pool) &&
	       !ul_span_equal(pool, "zsmalloc");
}

struct ul_error *ul_proc_open(const struct ul_proc_options *options, struct ul_proc **ret)
{
	UL_CLEANUP_PROC struct ul_proc *proc = calloc(1, sizeof(*proc));
	if (!proc)
		return &ul_enomem;
	proc->proc_fd = proc->sys_fd = -1;
	ul_cgroups_init(&proc->cgroups);
	proc->held.shmem_bytes = -1;
	for (size_t i = 0; i < UL_PROC_FILES; i++)
		proc->fds[i] = -1;
	UL_TRY(open_roots(options, proc));
	ul_cgroups_open(&proc->cgroups, proc->sys_fd);
	proc->cpus = count_cpus(proc);
	proc->page_bytes = proc->live ? (uint32_t)sysconf(_SC_PAGESIZE) : recorded_page_bytes(proc);
	proc->zswap_apart = zswap_is_apart(proc);
	*ret = UL_TAKE(proc);
	return NULL;
}

void ul_proc_destroy(struct ul_proc *proc)
{
	if (!proc)
		return;
	for (size_t i = 0; i < UL_PROC_FILES; i++) {
		if (proc->fds[i] >= 0)
			close(proc->fds[i]);
		ul_buf_deinit(&proc->texts[i]);
	}
	ul_buf_deinit(&proc->scratch);
	ul_slabinfo_deinit(&proc->slabinfo);
	ul_vmallocinfo_deinit(&proc->vmallocinfo);
	ul_slab_aliases_deinit(&proc->aliases);
	ul_sysv_deinit(&proc->sysv);
	ul_tmpfs_deinit(&proc->tmpfs);
	ul_cgroups_deinit(&proc->cgroups);
	ul_held_deinit(&proc->held);
	if (proc->pids)
		closedir(proc->pids);
	if (proc->sys_fd >= 0)
		close(proc->sys_fd);
	if (proc->proc_fd >= 0)
		close(proc->proc_fd);
	free(proc);
}

static bool copy_file(struct ul_proc *proc, const char *path, char *buffer, size_t size)
{
	struct ul_span text;
	if (!read_word(proc, proc->proc_fd, path, &text) || !text.len)
		return false;
	ul_span_copy(text, buffer, size);
	return true;
}

struct ul_error *ul_proc_kernel(struct ul_proc *proc, struct ul_kernel *ret)
{
	struct ul_kernel kernel = {.page_bytes = proc->page_bytes, .cpus = proc->cpus};
	struct utsname name;
	(void)copy_file(proc, "sys/kernel/random/boot_id", kernel.boot_id, sizeof(kernel.boot_id));
	if (proc->live) {
		if (uname(&name))
			return ul_error_os(errno, "asking for the kernel's name");
		ul_text_copy(kernel.release, sizeof(kernel.release), name.release);
		ul_text_copy(kernel.version, sizeof(kernel.version), name.version);
		ul_text_copy(kernel.arch, sizeof(kernel.arch), name.machine);
		ul_text_copy(kernel.node, sizeof(kernel.node), name.nodename);
		*ret = kernel;
		return NULL;
	}
	if (!copy_file(proc, "sys/kernel/osrelease", kernel.release, sizeof(kernel.release)))
		ul_text_copy(kernel.release, sizeof(kernel.release), "unknown");
	if (!copy_file(proc, "sys/kernel/arch", kernel.arch, sizeof(kernel.arch)))
		ul_text_copy(kernel.arch, sizeof(kernel.arch), "unknown");
	(void)copy_file(proc, "sys/kernel/version", kernel.version, sizeof(kernel.version));
	(void)copy_file(proc, "sys/kernel/hostname", kernel.node, sizeof(kernel.node));
	*ret = kernel;
	return NULL;
}
