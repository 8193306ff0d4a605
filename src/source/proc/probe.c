// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One check for each source of facts: is it there, may we read it, and if not, what exactly would
 * change that. Most are a row of a table (a path, what it is for, what to do where it is absent);
 * the few whose contents matter have a function.
 *
 * A file counts as usable when it can be opened and its first byte read: some (/proc/kcore under
 * lockdown, /proc/slabinfo in a container) refuse only then. What this cannot see: a file that
 * reads well and is empty of facts, such as kmemleak when it was switched off at boot.
 */
#include "source/proc/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/span.h"

enum { FILE_LIMIT = 64 * 1024 };

/** The two roots, as prefixes of paths. */
struct roots {
	const char *proc;
	const char *sys;
};

static const char root_remedy[] = "run as root: sudo ullage ...";
static const char tracefs_remedy[] = "mount -t tracefs nodev /sys/kernel/tracing";

struct file_check {
	const char *path; /**< begins with /proc or /sys */
	const char *serves;
	const char *absent; /**< why it may not be there */
	const char *remedy; /**< what to do when it is not there; NULL: nothing */
};

/* Linux fs/proc/, mm/slab_common.c slabinfo_op, mm/vmalloc.c, mm/page_owner.c, mm/kmemleak.c. */
static const struct file_check file_checks[] = {
	{"/proc/meminfo", "the totals every account is taken from", "no procfs is mounted there",
	 "mount -t proc proc /proc"},
	{"/proc/vmstat", "page counters that meminfo leaves out", "no procfs is mounted there",
	 NULL},
	{"/proc/zoneinfo", "per-CPU page lists: how exact the free memory is",
	 "no procfs is mounted there", NULL},
	{"/proc/buddyinfo", "free blocks by size", "no procfs is mounted there", NULL},
	{"/proc/slabinfo", "bytes and objects of each slab cache",
	 "the kernel is built without CONFIG_SLUB_DEBUG, or it is hidden here", NULL},
	{"/sys/kernel/slab", "which slab caches are merged under one name",
	 "the kernel is built without CONFIG_SYSFS or CONFIG_SLUB_DEBUG", NULL},
	{"/proc/vmallocinfo", "vmalloc memory by caller", "the kernel is built without CONFIG_MMU",
	 NULL},
	{"/proc/kpageflags", "what each page is used for",
	 "the kernel is built without CONFIG_PROC_PAGE_MONITOR", NULL},
	{"/proc/kpagecount", "how often each page is mapped",
	 "the kernel is built without CONFIG_PROC_PAGE_MONITOR", NULL},
	{"/proc/kcore", "kernel memory, the second way (BPF is the first)",
	 "the kernel is built without CONFIG_PROC_KCORE", NULL},
	{"/sys/kernel/btf/vmlinux", "the kernel's types, for tracing with BPF",
	 "the kernel is built without CONFIG_DEBUG_INFO_BTF", NULL},
	{"/sys/kernel/debug/page_owner", "who allocated each page (not needed)",
	 "the kernel is not built or not booted for it",
	 "boot with page_owner=on (needs CONFIG_PAGE_OWNER)"},
	{"/sys/kernel/debug/kmemleak", "the kernel's own detector (not needed)",
	 "the kernel is not built for it", "build with CONFIG_DEBUG_KMEMLEAK"},
};

static void path_of(const struct roots *roots, const char *path, char *buffer, size_t size)
{
	if (!strncmp(path, "/proc", 5))
		snprintf(buffer, size, "%s%s", roots->proc, path + 5);
	else
		snprintf(buffer, size, "%s%s", roots->sys, path + 4);
}

/** Try to open @p path and to read a little of it (a directory: to open it). @return errno or 0. */
static int try_read(const struct roots *roots, const char *path)
{
	char name[512];
	uint64_t word; // kpageflags and kpagecount read whole words only
	struct stat status;
	path_of(roots, path, name, sizeof(name));
	UL_CLEANUP_CLOSE const int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno;
	if (fstat(fd, &status) != 0)
		return errno;
	if (S_ISDIR(status.st_mode))
		return 0;
	return read(fd, &word, sizeof(word)) < 0 ? errno : 0;
}

/** The whole of a small file; false when it cannot be read. */
static bool read_text(const struct roots *roots, const char *path, struct ul_buf *text)
{
	char name[512];
	path_of(roots, path, name, sizeof(name));
	struct ul_error *error = ul_file_read(AT_FDCWD, name, FILE_LIMIT, text);
	const bool read = !error;
	ul_error_destroy(error);
	return read;
}

static struct ul_error *probe_file(const struct roots *roots, const struct file_check *file,
				   struct ul_checks *checks)
{
	const int failed = try_read(roots, file->path);
	if (!failed)
		return ul_checks_add(checks, file->path, file->serves, UL_CHECK_OK, NULL, "%s", "");
	if (failed == ENOENT || failed == ENOTDIR)
		return ul_checks_add(checks, file->path, file->serves, UL_CHECK_MISSING,
				     file->remedy, "not there: %s", file->absent);
	const bool refused = failed == EACCES || failed == EPERM;
	return ul_checks_add(
		checks, file->path, file->serves, UL_CHECK_MISSING,
		refused && geteuid() != 0 ? root_remedy : NULL, "%s%s", strerror(failed),
		refused && geteuid() == 0 ? ": lockdown, or a container's limits" : "");
}

/** Effective capabilities of this process; 0 when they cannot be read. */
static uint64_t capabilities(void)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	const struct roots live = {.proc = "/proc", .sys = "/sys"}; // ours, whatever --proc says
	if (!read_text(&live, "/proc/self/status", &text))
		return 0;
	struct ul_span rest = {text.data, text.len};
	ul_span_foreach_line (line, rest) {
		struct ul_span name;
		uint64_t bits;
		if (ul_span_cut(&line, ':', &name) && ul_span_equal(name, "CapEff") &&
		    ul_span_hex(ul_span_trim(line), &bits))
			return bits;
	}
	return 0;
}

static struct ul_error *probe_privileges(struct ul_checks *checks)
{
	// Linux include/uapi/linux/capability.h
	static const struct {
		unsigned int bit;
		const char *name;
	} needed[] = {{2, "CAP_DAC_READ_SEARCH"},
		      {34, "CAP_SYSLOG"},
		      {38, "CAP_PERFMON"},
		      {39, "CAP_BPF"}};
	static const char serves[] = "reading root's files, tracing, symbol addresses";
	const uint64_t have = capabilities();
	const bool admin = have >> 21 & 1; // CAP_SYS_ADMIN stands in for PERFMON and BPF
	struct ul_buf missing UL_CLEANUP_BUF = {0};
	for (size_t i = 0; i < UL_ARRAY_LEN(needed); i++)
		if (!(have >> needed[i].bit & 1) && !(admin && needed[i].bit >= 38))
			ul_buf_printf(&missing, "%s%s", missing.len ? ", " : "", needed[i].name);
	if (missing.failed)
		return &ul_enomem;
	if (!missing.len)
		return ul_checks_add(checks, "privileges", serves, UL_CHECK_OK, NULL, "%s", "");
	return ul_checks_add(checks, "privileges", serves, UL_CHECK_LIMITED, root_remedy,
			     "uid %u lacks %s", (unsigned int)geteuid(), ul_buf_str(&missing));
}

/** Linux security/lockdown/lockdown.c: "none [integrity] confidentiality". */
static struct ul_error *probe_lockdown(const struct roots *roots, struct ul_checks *checks)
{
	static const char serves[] = "reading kernel memory at all";
	struct ul_buf text UL_CLEANUP_BUF = {0};
	if (!read_text(roots, "/sys/kernel/security/lockdown", &text))
		return ul_checks_add(checks, "lockdown", serves, UL_CHECK_OK, NULL,
				     "no lockdown file: not built in, or securityfs not mounted");
	const struct ul_span all = {text.data, text.len};
	if (ul_span_find(all, "[confidentiality]", NULL))
		return ul_checks_add(
			checks, "lockdown", serves, UL_CHECK_MISSING,
			"boot without lockdown=confidentiality (on some systems: "
			"Secure Boot off)",
			"confidentiality: no BPF reads, no kprobes, no tracefs, no kcore");
	if (ul_span_find(all, "[integrity]", NULL))
		return ul_checks_add(checks, "lockdown", serves, UL_CHECK_LIMITED, NULL,
				     "integrity: most debugfs files are closed (page_owner, "
				     "kmemleak); tracing and reading memory work");
	return ul_checks_add(checks, "lockdown", serves, UL_CHECK_OK, NULL, "none");
}

/** tracefs has two homes: Linux kernel/trace/trace.c tracing_init_dentry(). */
static const char *tracefs_of(const struct roots *roots)
{
	if (!try_read(roots, "/sys/kernel/tracing/available_events"))
		return "/sys/kernel/tracing";
	if (!try_read(roots, "/sys/kernel/debug/tracing/available_events"))
		return "/sys/kernel/debug/tracing";
	return NULL;
}

static struct ul_error *probe_tracefs(const struct roots *roots, struct ul_checks *checks)
{
	static const char serves[] = "formats of the kernel's events";
	static const char *const events[] = {"kmem/kmalloc",
					     "kmem/kfree",
					     "kmem/kmem_cache_alloc",
					     "kmem/kmem_cache_free",
					     "kmem/mm_page_alloc",
					     "kmem/mm_page_free",
					     "percpu/percpu_alloc_percpu"};
	const char *tracefs = tracefs_of(roots);
	struct ul_buf absent UL_CLEANUP_BUF = {0};
	if (!tracefs) {
		const int failed = try_read(roots, "/sys/kernel/tracing/available_events");
		const bool refused = failed == EACCES || failed == EPERM;
		return ul_checks_add(checks, "tracefs", serves, UL_CHECK_MISSING,
				     refused ? root_remedy : tracefs_remedy, "%s",
				     refused ? "only root may look" : "not mounted");
	}
	for (size_t i = 0; i < UL_ARRAY_LEN(events); i++) {
		char path[256];
		snprintf(path, sizeof(path), "%s/events/%s/format", tracefs, events[i]);
		if (try_read(roots, path))
			ul_buf_printf(&absent, " %s", events[i]);
	}
	if (absent.failed)
		return &ul_enomem;
	if (absent.len)
		return ul_checks_add(checks, "tracefs", serves, UL_CHECK_LIMITED, NULL,
				     "%s lacks the events%s", tracefs, ul_buf_str(&absent));
	return ul_checks_add(checks, "tracefs", serves, UL_CHECK_OK, NULL, "%s", tracefs);
}

static struct ul_error *probe_dynamic_probes(const struct roots *roots, struct ul_checks *checks)
{
	static const char kprobe_serves[] = "following one kernel function (optional)";
	static const char fentry_serves[] = "following one kernel function, cheaply (optional)";
	const char *tracefs = tracefs_of(roots);
	char path[256];
	if (try_read(roots, "/sys/bus/event_source/devices/kprobe/type"))
		UL_TRY(ul_checks_add(checks, "kprobes", kprobe_serves, UL_CHECK_MISSING, NULL,
				     "no kprobe PMU: the kernel is built without "
				     "CONFIG_KPROBE_EVENTS"));
	else
		UL_TRY(ul_checks_add(checks, "kprobes", kprobe_serves, UL_CHECK_OK, NULL, "%s",
				     ""));
	snprintf(path, sizeof(path), "%s/available_filter_functions",
		 tracefs ? tracefs : "/sys/kernel/tracing");
	const int failed = try_read(roots, path);
	if (!failed)
		return ul_checks_add(checks, "fentry", fentry_serves, UL_CHECK_OK, NULL, "%s", "");
	return ul_checks_add(checks, "fentry", fentry_serves, UL_CHECK_MISSING,
			     failed == EACCES ? root_remedy : NULL,
			     "available_filter_functions: %s%s", strerror(failed),
			     failed == ENOENT && tracefs ? " (built without CONFIG_DYNAMIC_FTRACE)"
							 : "");
}

/** Linux lib/alloc_tag.c: /proc/allocinfo and vm.mem_profiling. */
static struct ul_error *probe_allocinfo(const struct roots *roots, struct ul_checks *checks)
{
	static const char serves[] = "live bytes of each allocating line (optional)";
	static const char name[] = "/proc/allocinfo";
	struct ul_buf text UL_CLEANUP_BUF = {0};
	const int failed = try_read(roots, name);
	if (failed == EACCES || failed == EPERM)
		return ul_checks_add(checks, name, serves, UL_CHECK_MISSING, root_remedy, "%s",
				     strerror(failed));
	if (failed)
		return ul_checks_add(checks, name, serves, UL_CHECK_MISSING,
				     "a kernel with CONFIG_MEM_ALLOC_PROFILING, booted with "
				     "sysctl.vm.mem_profiling=1",
				     "not there: not built in, or switched off at boot");
	if (!read_text(roots, "/proc/sys/vm/mem_profiling", &text) || ul_buf_str(&text)[0] == '1')
		return ul_checks_add(checks, name, serves, UL_CHECK_OK, NULL, "%s", "");
	return ul_checks_add(checks, name, serves, UL_CHECK_LIMITED, "sysctl vm.mem_profiling=1",
			     "profiling is off now: the figures stand still");
}

static struct ul_error *probe_slub_debug(const struct roots *roots, struct ul_checks *checks)
{
	static const char serves[] = "stacks kept by SLUB (not needed)";
	struct ul_buf text UL_CLEANUP_BUF = {0};
	if (!read_text(roots, "/sys/kernel/slab/kmalloc-64/store_user", &text))
		return ul_checks_add(checks, "slab_debug=U", serves, UL_CHECK_MISSING, NULL,
				     "/sys/kernel/slab/kmalloc-64/store_user cannot be read");
	if (ul_buf_str(&text)[0] == '1')
		return ul_checks_add(checks, "slab_debug=U", serves, UL_CHECK_OK, NULL, "%s", "");
	return ul_checks_add(checks, "slab_debug=U", serves, UL_CHECK_MISSING,
			     "boot with slab_debug=U (older kernels: slub_debug=U); costs memory "
			     "and speed",
			     "off for kmalloc-64");
}

/** Linux kernel/sysctl.c kptr_restrict; lib/vsprintf.c restricted_pointer(). */
static struct ul_error *probe_kptr_restrict(const struct roots *roots, struct ul_checks *checks)
{
	static const char serves[] = "seeing the addresses of symbols";
	struct ul_buf text UL_CLEANUP_BUF = {0};
	if (!read_text(roots, "/proc/sys/kernel/kptr_restrict", &text))
		return NULL;
	if (ul_buf_str(&text)[0] == '2')
		return ul_checks_add(checks, "kptr_restrict", serves, UL_CHECK_LIMITED,
				     "sysctl kernel.kptr_restrict=1",
				     "2: addresses are hidden from root, too");
	return ul_checks_add(checks, "kptr_restrict", serves, UL_CHECK_OK, NULL, "%c",
			     text.len ? text.data[0] : '?');
}

static struct ul_error *probe_memcg(const struct roots *roots, struct ul_checks *checks)
{
	static const char serves[] = "memory by control group";
	struct ul_buf text UL_CLEANUP_BUF = {0};
	if (read_text(roots, "/sys/fs/cgroup/cgroup.controllers", &text)) {
		const bool memory =
			ul_span_find((struct ul_span){text.data, text.len}, "memory", NULL);
		return ul_checks_add(checks, "memory cgroups", serves,
				     memory ? UL_CHECK_OK : UL_CHECK_LIMITED, NULL, "version 2%s",
				     memory ? "" : ", without the memory controller");
	}
	if (!try_read(roots, "/sys/fs/cgroup/memory/memory.usage_in_bytes"))
		return ul_checks_add(checks, "memory cgroups", serves, UL_CHECK_OK, NULL,
				     "version 1");
	return ul_checks_add(checks, "memory cgroups", serves, UL_CHECK_MISSING, NULL,
			     "no memory controller is mounted");
}

struct ul_error *ul_proc_probe(const struct ul_proc_options *options, struct ul_checks *checks)
{
	const struct roots roots = {
		.proc = options->proc_root ? options->proc_root : "/proc",
		.sys = options->sys_root ? options->sys_root : "/sys",
	};
	UL_TRY(probe_privileges(checks));
	UL_TRY(probe_lockdown(&roots, checks));
	for (size_t i = 0; i < UL_ARRAY_LEN(file_checks); i++)
		UL_TRY(probe_file(&roots, &file_checks[i], checks));
	UL_TRY(probe_allocinfo(&roots, checks));
	UL_TRY(probe_slub_debug(&roots, checks));
	UL_TRY(probe_tracefs(&roots, checks));
	UL_TRY(probe_dynamic_probes(&roots, checks));
	UL_TRY(probe_kptr_restrict(&roots, checks));
	return probe_memcg(&roots, checks);
}
