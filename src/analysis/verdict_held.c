// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Three sorts of survivors that both witnesses of verdict.c accuse and that are no leak.
 *
 * By design: the kernel keeps them until something happens that the window did not see. They are
 * known by a function on their stack; a row of the table needs a reason that the reader can check,
 * and the place in the kernel where it is written.
 *
 * Held by processes that run: of tens of thousands of struct file all but some hundred are closed
 * again, and those are open in whatever was started meanwhile; while more starts than ends, their
 * cache grows by as many. What tells them from a leak is who took them. A program that leaks, or
 * that makes the kernel leak, is most of the survivors by itself; what a kernel path loses for
 * everybody is also lost by programs that have ended. So all of these make the accusation fall:
 *
 *   - nine of ten allocations of the site were freed;
 *   - no one program (by name: workers of a server are one) has more than 60 % of the survivors;
 *   - half of the survivors or more were taken by processes that still run.
 *
 * Taken by processes that start: a machine that starts ten thousand has ten thousand more
 * task_struct, and areas, anon_vma and mm_struct with them, by one program. What fork takes is
 * booked on the parent, what exec and the program take on the process itself. The processes are
 * there to be counted: those that started since recording began and still run. What fork took, one
 * for each, is held; up to 64 for each, taken by fork or for one half by those processes, may be. A
 * leak of fork or exec is one for each process that has ended; a new program that leaks is one
 * process with many.
 *
 * Errs: to the side of inconclusive. A path that loses one object in ten or fewer, taken only by
 * several long-running programs, is not called a leak in one window; those that end convict it. Nor
 * is what many processes lose at their start, while they run.
 */
#include "analysis/verdict_held.h"

#include <fnmatch.h>

#include "analysis/sites.h"
#include "base/text.h"

/* Of the survivors, when what they are is judged by who still runs. */
static const double still_runs_share = 0.5;

static const struct ul_by_design by_design[] = {
	// Linux mm/vmalloc.c free_vmap_area_noflush(), lazy_max_pages()
	{"alloc_vmap_area", false, UL_FINDING_FILLING,
	 "freed vmap areas wait until 32 MiB for each doubling of CPUs are gathered; a vmalloc "
	 "leak would show in the vmalloc accounts"},
	// Linux include/net/tcp.h TCP_TIMEWAIT_LEN, net/ipv4/inet_timewait_sock.c inet_twsk_alloc()
	{"inet_twsk_alloc*", true, UL_FINDING_INCONCLUSIVE,
	 "a closed TCP connection is remembered for 60 s (TIME_WAIT): only growth over several "
	 "minutes would be more than that"},
	// Linux net/ipv4/inet_hashtables.c __inet_hash_connect(), inet_bind_bucket_create(); freed
	// by net/ipv4/inet_timewait_sock.c inet_twsk_bind_unhash()
	{"__inet_hash_connect*", true, UL_FINDING_INCONCLUSIVE,
	 "the local port of a TCP connection stays taken for 60 s after it was closed (TIME_WAIT): "
	 "only growth over several minutes would be more than that"},
	// Linux mm/slub.c alloc_slab_obj_exts() (v6.10), mm/memcontrol.c before
	{"alloc_slab_obj_exts*", true, UL_FINDING_HELD,
	 "bookkeeping of the slab allocator, one vector for each slab of whatever cache grows: a "
	 "leak would show there"},
	{"memcg_alloc_slab_cgroups*", true, UL_FINDING_HELD,
	 "bookkeeping of the slab allocator, one vector for each slab of whatever cache grows: a "
	 "leak would show there"},
	{"memcg_alloc_page_obj_cgroups*", true, UL_FINDING_HELD,
	 "bookkeeping of the slab allocator, one vector for each slab of whatever cache grows: a "
	 "leak would show there"},
	// Linux fs/inode.c inode_init_always(): security blobs and the like live as long as the
	// inode
	{"inode_init_always*", true, UL_FINDING_FILLING,
	 "part of an inode: freed with it when the inode cache is reclaimed"},
	// Linux mm/shmem.c shmem_mknod(), fs/ramfs/inode.c ramfs_mknod(): dget() pins what has a
	// name
	{"shmem_mknod*", true, UL_FINDING_HELD,
	 "files and directories of a tmpfs: there until they are deleted"},
	{"ramfs_mknod*", true, UL_FINDING_HELD,
	 "files and directories of a ramfs: there until they are deleted"},
};

// Linux mm/slub.c alloc_empty_sheaf(), which may be inlined, 2d517aa09bbc ("slab: add opt-in
// caching layer of percpu sheaves") (v6.18); MAX_EMPTY_SHEAVES, MAX_FULL_SHEAVES for each cache and
// node
static const struct ul_by_design sheaf = {
	"", true, UL_FINDING_HELD,
	"per-CPU stock of the slab allocator, which it keeps for whatever cache is busy"};

static bool is_sheaf(const struct ul_site *site)
{
	if (site->allocator != UL_ALLOCATOR_SLAB)
		return false;
	ul_vec_foreach (frame, &site->stack.frames)
		if (frame->function && ul_sites_is_sheaf(frame->function))
			return true;
	return false;
}

const struct ul_by_design *ul_verdict_by_design(const struct ul_site *site)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(by_design); i++) {
		if (site->function && !fnmatch(by_design[i].function, site->function, 0))
			return &by_design[i];
		if (by_design[i].anywhere && ul_stack_has(&site->stack, by_design[i].function))
			return &by_design[i];
	}
	return is_sheaf(site) ? &sheaf : NULL;
}

static bool runs(const struct ul_ledger *ledger, pid_t pid, uint64_t begin_ticks)
{
	ul_vec_foreach (process, &ledger->processes)
		if (process->pid == pid)
			return process->start_ticks >= begin_ticks;
	return false;
}

/**
 * Share of the survivors kept as examples whose process is in the ledger, started then or later.
 */
static double share_of_running(const struct ul_site *site, const struct ul_ledger *ledger,
			       uint64_t begin_ticks)
{
	size_t survivors = 0;
	size_t running = 0;
	ul_vec_foreach (example, &site->examples) {
		if (!example->survivor)
			continue;
		survivors++;
		running += runs(ledger, example->pid, begin_ticks);
	}
	return survivors ? (double)running / (double)survivors : 0;
}

enum ul_started ul_verdict_started(const struct ul_site *site, const struct ul_ledger *ledger,
				   int64_t begin_ns, uint64_t *ret_processes)
{
	// Linux include/asm-generic/param.h USER_HZ, the unit of field 22 of /proc/PID/stat.
	static const int64_t ns_per_tick = 10 * 1000 * 1000;
	static const double one_each =
		1.25; // some have threads, which are no processes of their own
	static const double many_each = 64;
	static const uint64_t few = 8;
	const uint64_t begin_ticks = begin_ns > 0 ? (uint64_t)(begin_ns / ns_per_tick) : 0;
	uint64_t started = 0;
	*ret_processes = 0;
	if (!ledger)
		return UL_STARTED_NOT;
	ul_vec_foreach (process, &ledger->processes)
		started += process->start_ticks >= begin_ticks;
	*ret_processes = started;
	if (started < few || (double)site->survivors > many_each * (double)started)
		return UL_STARTED_NOT;
	if (!ul_stack_has(&site->stack, "copy_process*"))
		return share_of_running(site, ledger, begin_ticks) >= still_runs_share
			       ? UL_STARTED_PERHAPS
			       : UL_STARTED_NOT;
	return (double)site->survivors <= one_each * (double)started ? UL_STARTED_ONE_EACH
								     : UL_STARTED_PERHAPS;
}

bool ul_verdict_held_by_running(const struct ul_site *site, const struct ul_ledger *ledger)
{
	static const double one_program_share = 0.6;
	if (!ledger || !site->live || !site->processes.len || site->freed < 9 * site->live)
		return false;
	uint64_t most = 0;
	ul_vec_foreach (process, &site->processes)
		if (process->objects > most)
			most = process->objects;
	return (double)most <= one_program_share * (double)site->live &&
	       share_of_running(site, ledger, 0) >= still_runs_share;
}

bool ul_verdict_may_be_held(const struct ul_site *site, const struct ul_ledger *ledger,
			    int64_t begin_ns)
{
	uint64_t processes;
	return ul_verdict_by_design(site) ||
	       ul_verdict_started(site, ledger, begin_ns, &processes) != UL_STARTED_NOT ||
	       ul_verdict_held_by_running(site, ledger);
}
