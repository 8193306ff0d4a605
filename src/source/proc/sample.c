// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One sample: read the files, hand them to ledger.c, then the processes.
 *
 * Order matters. The dividers (slabinfo, vmallocinfo) come first, as they are slow; then what
 * meminfo leaves out, and meminfo right after it, so that a page that leaves a per-CPU list in
 * between has little time to be counted twice. Processes come last: they overlap the accounts
 * anyway.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "base/units.h"
#include "source/proc/beside.h"
#include "source/proc/process.h"
#include "source/proc/smaps.h"
#include "source/proc/state.h"

enum {
	ALIASES_AGE_S = 60,
	SMAPS_BYTES = 256 * 1024 * 1024,
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * UL_NS_PER_S + now.tv_nsec;
}

/** A file that cannot be used is a loss with its reason; out of memory stays an error. */
static struct ul_error *to_loss(struct ul_ledger *ledger, enum ul_bias bias, const char *what,
				struct ul_error *error)
{
	UL_CLEANUP_ERROR struct ul_error *err = error;
	if (err->code == UL_ERR_NOMEM)
		return UL_TAKE(err);
	return ul_losses_add(&ledger->losses, bias, 0, "%s: %s", what, err->message);
}

static size_t unknown_names(const struct ul_proc *proc)
{
	size_t unknown = 0;
	ul_vec_foreach (cache, &proc->slabinfo.caches)
		unknown += !ul_slab_aliases_find(&proc->aliases, cache->name);
	return unknown;
}

/**
 * Names and flags hardly change and take hundreds of files, so they are read again only when
 * slabinfo shows a name that is new, and once a minute because merging may change behind old names.
 */
static struct ul_error *refresh_aliases(struct ul_proc *proc)
{
	const int64_t now_ns = clock_ns(CLOCK_BOOTTIME);
	const bool fresh = proc->aliases_ns &&
			   now_ns - proc->aliases_ns < ALIASES_AGE_S * UL_NS_PER_S &&
			   unknown_names(proc) <= proc->aliases_unknown;
	if (fresh || proc->sys_fd < 0)
		return NULL;
	struct ul_slab_aliases aliases = {0};
	UL_TRY(ul_slab_aliases_read(proc->sys_fd, &aliases));
	ul_slab_aliases_deinit(&proc->aliases);
	proc->aliases = aliases;
	proc->aliases_ns = now_ns;
	proc->aliases_unknown = unknown_names(proc);
	return NULL;
}

static struct ul_error *read_slabinfo(struct ul_proc *proc, struct ul_proc_facts *facts,
				      struct ul_ledger *ledger)
{
	struct ul_span text;
	struct ul_error *err = ul_proc_read(proc, UL_PROC_SLABINFO, &text);
	if (!err)
		err = ul_slabinfo_parse(text, &proc->slabinfo);
	if (err)
		return to_loss(ledger, UL_BIAS_UNDER, "slab caches are one account", err);
	facts->slabinfo = &proc->slabinfo;
	err = refresh_aliases(proc);
	if (err)
		return to_loss(ledger, UL_BIAS_OVER,
			       "slab cache aliases and reclaim flags not known", err);
	facts->aliases = &proc->aliases;
	return NULL;
}

static struct ul_error *read_vmallocinfo(struct ul_proc *proc, struct ul_proc_facts *facts,
					 struct ul_ledger *ledger)
{
	struct ul_span text;
	struct ul_error *err = ul_proc_read(proc, UL_PROC_VMALLOCINFO, &text);
	if (!err)
		err = ul_vmallocinfo_parse(text, &proc->vmallocinfo);
	if (err)
		return to_loss(ledger, UL_BIAS_UNDER, "vmalloc callers are one account", err);
	facts->vmallocinfo = &proc->vmallocinfo;
	return NULL;
}

/** What divides Shmem; only of this machine: a recorded tree has no mounts to ask. */
static struct ul_error *read_shmem(struct ul_proc *proc, struct ul_proc_facts *facts,
				   struct ul_ledger *ledger)
{
	struct ul_span text;
	struct ul_error *err = ul_proc_read(proc, UL_PROC_SYSVIPC, &text);
	// A kernel without System V IPC has no such file, and no segments.
	if (err && err->errno_value == ENOENT) {
		ul_error_destroy(err);
	} else {
		if (!err)
			err = ul_sysv_parse(text, &proc->sysv);
		if (err)
			UL_TRY(to_loss(ledger, UL_BIAS_UNKNOWN,
				       "System V shared memory is not told apart", err));
		else
			facts->sysv = &proc->sysv;
	}
	if (!proc->live)
		return NULL;
	err = ul_proc_read(proc, UL_PROC_MOUNTINFO, &text);
	if (!err)
		err = ul_tmpfs_parse(text, &proc->tmpfs);
	if (err)
		return to_loss(ledger, UL_BIAS_UNKNOWN, "tmpfs mounts are not told apart", err);
	ul_tmpfs_measure(&proc->tmpfs);
	facts->tmpfs = &proc->tmpfs;
	return NULL;
}

static struct ul_error *read_cgroups(struct ul_proc *proc, struct ul_ledger *ledger)
{
	struct ul_span controllers = {0};
	UL_CLEANUP_ERROR struct ul_error *err = ul_proc_read(proc, UL_PROC_CGROUPS, &controllers);
	if (err) // then the removed ones are not counted
		controllers = (struct ul_span){0};
	return ul_cgroups_sample(&proc->cgroups, controllers, ledger->monotonic_ns, ledger);
}

struct counters {
	struct ul_meminfo meminfo;
	struct ul_zoneinfo zoneinfo;
	struct ul_vmstat vmstat;
	struct ul_sockstat sockstat;
};

static void read_sockstat(struct ul_proc *proc, struct counters *counters,
			  struct ul_proc_facts *facts)
{
	static const enum ul_proc_file files[] = {UL_PROC_SOCKSTAT, UL_PROC_SOCKSTAT6};
	for (size_t i = 0; i < UL_ARRAY_LEN(files); i++) {
		struct ul_span text;
		// Notes only, and a kernel without network has none: not worth a loss.
		UL_CLEANUP_ERROR struct ul_error *err = ul_proc_read(proc, files[i], &text);
		if (err)
			continue;
		ul_sockstat_parse(text, &counters->sockstat);
		facts->sockstat = &counters->sockstat;
	}
}

static struct ul_error *read_vmstat(struct ul_proc *proc, struct counters *counters,
				    struct ul_proc_facts *facts, struct ul_ledger *ledger)
{
	struct ul_span text;
	struct ul_error *err = ul_proc_read(proc, UL_PROC_VMSTAT, &text);
	if (!err)
		err = ul_vmstat_parse(text, &counters->vmstat);
	if (err)
		return to_loss(ledger, UL_BIAS_OVER, "zsmalloc and page metadata not counted", err);
	facts->vmstat = &counters->vmstat;
	return NULL;
}

/** zoneinfo, and meminfo right after it. */
static struct ul_error *read_frame(struct ul_proc *proc, struct counters *counters,
				   struct ul_proc_facts *facts, struct ul_ledger *ledger)
{
	struct ul_span zones;
	struct ul_span text;
	struct ul_error *zone_error = ul_proc_read(proc, UL_PROC_ZONEINFO, &zones);
	struct ul_error *err = ul_proc_read(proc, UL_PROC_MEMINFO, &text);
	ledger->time_ns = clock_ns(CLOCK_REALTIME);
	ledger->monotonic_ns = clock_ns(CLOCK_BOOTTIME);
	if (!zone_error)
		zone_error = ul_zoneinfo_parse(zones, &counters->zoneinfo);
	if (!err)
		err = ul_meminfo_parse(text, &counters->meminfo);
	if (err) {
		ul_error_destroy(zone_error);
		return err;
	}
	if (zone_error)
		return to_loss(ledger, UL_BIAS_OVER, "per-CPU free lists not counted", zone_error);
	facts->zoneinfo = &counters->zoneinfo;
	return NULL;
}

static struct ul_error *sample(struct ul_proc *proc, const struct ul_proc_want *want,
			       struct ul_ledger *ledger)
{
	struct counters counters = {0};
	struct ul_proc_facts facts = {
		.meminfo = &counters.meminfo,
		.page_bytes = proc->page_bytes,
		.cpus = proc->cpus,
		.zswap_apart = proc->zswap_apart,
	};
	UL_TRY(read_slabinfo(proc, &facts, ledger));
	UL_TRY(read_vmallocinfo(proc, &facts, ledger));
	UL_TRY(read_shmem(proc, &facts, ledger));
	UL_TRY(read_vmstat(proc, &counters, &facts, ledger));
	UL_TRY(read_frame(proc, &counters, &facts, ledger));
	read_sockstat(proc, &counters, &facts);
	UL_TRY(ul_proc_build(&facts, &proc->seen, ledger));
	UL_TRY(ul_beside_read(proc->proc_fd, proc->sys_fd, want && want->outside, &proc->scratch,
			      ledger));
	if (want && want->cgroups)
		UL_TRY(read_cgroups(proc, ledger));
	if (!want || !want->processes)
		return NULL;
	UL_TRY(ul_processes_read(proc->proc_fd, proc->pids, proc->page_bytes, want, &proc->scratch,
				 ledger));
	if (!want->held || !proc->live)
		return NULL;
	return ul_held_sample(&proc->held, proc->proc_fd, &proc->tmpfs, ledger);
}

struct ul_error *ul_proc_ledger(struct ul_proc *proc, const struct ul_proc_want *want,
				struct ul_ledger *ret)
{
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	struct ul_error *err = sample(proc, want, &ledger);
	ul_ledger_init(ret);
	if (err)
		return ul_error_prepend(err, "reading where memory is");
	*ret = ledger;
	ul_ledger_init(&ledger);
	return NULL;
}

struct ul_error *ul_proc_mappings(struct ul_proc *proc, pid_t pid, struct ul_mappings *ret)
{
	char path[64];
	snprintf(path, sizeof(path), "%d/smaps", (int)pid);
	ul_buf_clear(&proc->scratch);
	UL_TRY(ul_file_read(proc->proc_fd, path, SMAPS_BYTES, &proc->scratch));
	ul_smaps_parse((struct ul_span){proc->scratch.data, proc->scratch.len}, ret);
	return NULL;
}
