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
 * Taken by fork: a machine that starts ten thousand processes has ten thousand more task_struct,
 * and each is what a process is made of. They are booked on the parent, which may be one program,
 * so the rule above does not see it. But the processes are there to be counted: those that started
 * since recording began and still run. As many survivors are held; up to 64 for each (areas,
 * anon_vma, descriptor tables) may be. A leak of fork itself is one for each child that has ended.
 *
 * Errs: to the side of inconclusive. A path that loses one object in ten or fewer, taken only by
 * several long-running programs, is not called a leak in one window; those that end convict it.
 */
#include "analysis/verdict_held.h"

#include <fnmatch.h>

#include "base/text.h"

static const struct ul_by_design by_design[] = {
	// Linux mm/vmalloc.c free_vmap_area_noflush(), lazy_max_pages()
	{"alloc_vmap_area", false, UL_FINDING_FILLING,
	 "freed vmap areas wait until 32 MiB for each doubling of CPUs are gathered; a vmalloc "
	 "leak "
	 "would show in the vmalloc accounts"},
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

const struct ul_by_design *ul_verdict_by_design(const struct ul_site *site)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(by_design); i++) {
		if (site->function && !fnmatch(by_design[i].function, site->function, 0))
			return &by_design[i];
		if (!by_design[i].anywhere)
			continue;
		ul_vec_foreach (frame, &site->stack.frames)
			if (frame->function && !fnmatch(by_design[i].function, frame->function, 0))
				return &by_design[i];
	}
	return NULL;
}

static bool is_of_fork(const struct ul_site *site)
{
	ul_vec_foreach (frame, &site->stack.frames)
		if (frame->function && !fnmatch("copy_process*", frame->function, 0))
			return true;
	return false;
}

enum ul_forked ul_verdict_forked(const struct ul_site *site, const struct ul_ledger *ledger,
				 int64_t begin_ns, uint64_t *ret_processes)
{
	// Linux include/asm-generic/param.h USER_HZ, the unit of field 22 of /proc/PID/stat.
	static const int64_t ns_per_tick = 10 * 1000 * 1000;
	static const double one_each =
		1.25; // some have threads, which are no processes of their own
	static const double many_each = 64;
	const uint64_t begin_ticks = begin_ns > 0 ? (uint64_t)(begin_ns / ns_per_tick) : 0;
	uint64_t started = 0;
	*ret_processes = 0;
	if (!ledger || !is_of_fork(site))
		return UL_FORKED_NOT;
	ul_vec_foreach (process, &ledger->processes)
		started += process->start_ticks >= begin_ticks;
	*ret_processes = started;
	if ((double)site->survivors <= one_each * (double)started)
		return UL_FORKED_ONE_EACH;
	return (double)site->survivors <= many_each * (double)started ? UL_FORKED_PERHAPS
								      : UL_FORKED_NOT;
}

static bool runs(const struct ul_ledger *ledger, pid_t pid)
{
	ul_vec_foreach (process, &ledger->processes)
		if (process->pid == pid)
			return true;
	return false;
}

/** Share of the survivors kept as examples whose process still runs; 0 without examples. */
static double running_share(const struct ul_site *site, const struct ul_ledger *ledger)
{
	size_t survivors = 0;
	size_t running = 0;
	ul_vec_foreach (example, &site->examples) {
		if (!example->survivor)
			continue;
		survivors++;
		running += runs(ledger, example->pid);
	}
	return survivors ? (double)running / (double)survivors : 0;
}

bool ul_verdict_held_by_running(const struct ul_site *site, const struct ul_ledger *ledger)
{
	static const double one_program_share = 0.6;
	static const double still_runs_share = 0.5;
	if (!ledger || !site->live || !site->processes.len || site->freed < 9 * site->live)
		return false;
	uint64_t most = 0;
	ul_vec_foreach (process, &site->processes)
		if (process->objects > most)
			most = process->objects;
	return (double)most <= one_program_share * (double)site->live &&
	       running_share(site, ledger) >= still_runs_share;
}
