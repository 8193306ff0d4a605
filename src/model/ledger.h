/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger: where all memory was at one instant.
 *
 * Invariants (ul_ledger_close() establishes them, ul_ledger_balanced() checks them):
 *  - accounts are exclusive: no byte is in two of them;
 *  - the accounts' bytes plus unaccounted.bytes equal mem_total, to the byte;
 *  - unaccounted.low <= unaccounted.bytes <= unaccounted.high.
 * Numbers that overlap with accounts (socket memory, page cache of a file) are notes, not accounts.
 */
#ifndef UL_MODEL_LEDGER_H
#define UL_MODEL_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/loss.h"

/** Class of an account. Persisted in recordings: explicit, append-only; see ul_kind_name(). */
enum ul_kind {
	UL_KIND_FREE = 1,
	UL_KIND_ANON = 2,  /**< anonymous memory of processes */
	UL_KIND_FILE = 3,  /**< page cache, buffers, swap cache */
	UL_KIND_SHMEM = 4, /**< tmpfs, shared memory */
	UL_KIND_SLAB = 5,  /**< one slab cache, or large kmalloc */
	UL_KIND_KERNEL_STACK = 6,
	UL_KIND_PAGE_TABLES = 7, /**< also SecPageTables */
	UL_KIND_PERCPU = 8,
	UL_KIND_VMALLOC = 9, /**< one vmalloc caller, or the rest of them */
	UL_KIND_HUGETLB = 10,
	UL_KIND_KERNEL_OTHER = 11,   /**< counted kernel memory of no other kind */
	UL_KIND_UNACCOUNTED = 12,    /**< MemTotal minus everything: driver pages and error */
	UL_KIND_PROCESS = 13,	     /**< series only: one process (overlaps the accounts) */
	UL_KIND_NOTE = 14,	     /**< series only: a number that overlaps the accounts */
	UL_KIND_COMPRESSED = 15,     /**< zswap, zsmalloc */
	UL_KIND_CGROUP = 16,	     /**< series only: what a memory cgroup holds unreclaimably */
	UL_KIND_PROCESS_FDS = 17,    /**< series only: open files of one process, bytes estimated */
	UL_KIND_PROCESS_TABLES = 18, /**< series only: page tables of one process */
	UL_KIND_PROCESS_FILES = 19,  /**< series only: memory of files one process keeps alive */
};

struct ul_account {
	char *name; /**< unique within its kind; owned */
	enum ul_kind kind;
	int64_t bytes;	  /**< >= 0 */
	int64_t objects;  /**< live objects or areas; -1 where the kind has none */
	bool reclaimable; /**< the kernel can take it back under pressure */
};

/** One slab cache as /proc/slabinfo shows it; aliases are the names merged into it. */
struct ul_cache {
	char *name;
	UL_VEC(char *) aliases; /**< other names, without `name` itself; may be empty */
	uint64_t bytes;		/**< pages of its slabs */
	uint64_t objects;	/**< active objects (SLUB: upper bound, per-CPU slabs count full) */
	uint64_t objects_total; /**< slots in its slabs */
	uint32_t object_size;	/**< slabinfo <objsize>: bytes one slot takes */
	uint32_t objects_per_slab;
	uint32_t pages_per_slab;
	bool reclaimable; /**< SLAB_RECLAIM_ACCOUNT */
};

struct ul_process {
	pid_t pid; /**< thread group */
	char comm[64];
	uint64_t start_ticks; /**< /proc/PID/stat field 22; with pid the identity of a process */
	uint64_t rss_bytes;
	uint64_t pss_bytes; /**< valid if has_pss */
	uint64_t swap_bytes;
	uint64_t fds;	      /**< open files; valid if has_fds */
	uint64_t table_bytes; /**< page tables (VmPTE); valid if has_tables */
	uint64_t held_bytes;  /**< memfd and deleted tmpfs files it has open; valid if has_held */
	bool has_pss;
	bool kernel_thread;
	bool has_fds;
	bool has_tables;
	bool has_held;
};

/** Memory charged to one memory cgroup and those below it; overlaps the accounts. */
struct ul_cgroup {
	char *path;	     /**< from the root of the hierarchy, "/system.slice"; owned */
	uint64_t bytes;	     /**< all that is charged (memory.current) */
	uint64_t held_bytes; /**< without page cache and reclaimable slab */
	int64_t objects;     /**< -1; of UL_CGROUP_DYING how many there are */
};

/** In place of a path: cgroups that were removed and still hold memory. */
#define UL_CGROUP_DYING "(removed, not freed)"

/** A figure that is worth showing and overlaps the accounts. */
struct ul_note {
	char *name;
	uint64_t bytes;
};

struct ul_ledger {
	int64_t time_ns;      /**< CLOCK_REALTIME of the sample, ns */
	int64_t monotonic_ns; /**< CLOCK_BOOTTIME, ns: what slopes are computed from */
	uint64_t mem_total;
	UL_VEC(struct ul_account) accounts; /**< largest first once closed */
	struct {
		int64_t bytes; /**< signed: counters that overlap show as a negative rest */
		int64_t low;
		int64_t high;
	} unaccounted;
	UL_VEC(struct ul_cache) caches;
	UL_VEC(struct ul_process) processes; /**< largest first */
	UL_VEC(struct ul_cgroup) cgroups;    /**< largest first; empty: not looked at */
	uint64_t ram_bytes; /**< RAM the firmware gave the kernel, MemTotal in it; 0: not known */
	UL_VEC(struct ul_note) notes;
	struct ul_losses losses;
};

void ul_ledger_init(struct ul_ledger *ledger);
void ul_ledger_deinit(struct ul_ledger *ledger);
#define UL_CLEANUP_LEDGER UL_CLEANUP(ul_ledger_deinit)

/** Add @p bytes to the account (kind, name), making it if new. @p objects -1: has none. */
UL_MUST_USE struct ul_error *ul_ledger_add(struct ul_ledger *ledger, enum ul_kind kind,
					   const char *name, int64_t bytes, int64_t objects,
					   bool reclaimable);
UL_MUST_USE struct ul_error *ul_ledger_note(struct ul_ledger *ledger, const char *name,
					    uint64_t bytes);
/**
 * Close the books: sort the accounts and set unaccounted to what is missing from mem_total.
 *
 * @param over   Bytes the accounts together may be too large by (overlaps): raises `high`.
 * @param under  Bytes they may be too small by (counter drift, not read): lowers `low`.
 */
void ul_ledger_close(struct ul_ledger *ledger, uint64_t over, uint64_t under);
/** True when the invariants hold. */
bool ul_ledger_balanced(const struct ul_ledger *ledger);
/** Sum of the accounts of one kind. */
int64_t ul_ledger_kind_bytes(const struct ul_ledger *ledger, enum ul_kind kind);
/** The account, or NULL. Borrowed. */
const struct ul_account *ul_ledger_find(const struct ul_ledger *ledger, enum ul_kind kind,
					const char *name);
/** The cache called @p name, or with that alias, or NULL. Borrowed. */
const struct ul_cache *ul_ledger_cache(const struct ul_ledger *ledger, const char *name);
/** Append @p alias to the cache; false when memory is out. */
UL_MUST_USE bool ul_cache_add_alias(struct ul_cache *cache, const char *alias);

/** Add a cgroup; copies the path. @p objects -1: not counted. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_ledger_add_cgroup(struct ul_ledger *ledger, const char *path,
						  uint64_t bytes, uint64_t held_bytes,
						  int64_t objects);
/**
 * Bytes of the files @p process has open, a struct file each (Linux include/linux/fs.h: 184 to 256
 * bytes): what is lost at the least when it never closes them. 0: too few to be worth a series.
 */
uint64_t ul_process_fds_bytes(const struct ul_process *process);
/** Its page tables; 0: too few to be worth a series. */
uint64_t ul_process_tables_bytes(const struct ul_process *process);

/** "free", "anon", "file", "shmem", "slab", "kernel_stack", "page_tables", ... stable names. */
const char *ul_kind_name(enum ul_kind kind);
/** True for the kinds of which each series belongs to one process. */
bool ul_kind_of_process(enum ul_kind kind);
/** Reverse of ul_kind_name(); false for an unknown name. */
bool ul_kind_parse(const char *name, enum ul_kind *ret);

#endif
