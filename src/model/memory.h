/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel memory as an interface: "read N bytes at this kernel virtual address". A live kernel read
 * through BPF or /proc/kcore, a dump, and an array in a test look alike to whoever reads.
 */
#ifndef UL_MODEL_MEMORY_H
#define UL_MODEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ul_memory;

struct ul_memory_ops {
	/**
	 * Read @p len bytes at @p kaddr. *@p ret_read is how many of them, counted from the start,
	 * are valid: a hole ends the read early and is not an error. Errors are for a source that
	 * has failed as a whole.
	 */
	struct ul_error *(*read)(struct ul_memory *memory, uint64_t kaddr, void *buffer, size_t len,
				 size_t *ret_read);
	void (*destroy)(struct ul_memory *memory);
	/**
	 * Optional (NULL: none). The bytes at @p kaddr without a copy, good as long as the memory
	 * lives; *@p ret_len says how many follow in a row. NULL where they must be read().
	 */
	const void *(*map)(struct ul_memory *memory, uint64_t kaddr, size_t *ret_len);
	/**
	 * Optional (NULL: not known). The physical address behind @p kaddr, and for how many bytes
	 * it goes on in a row; false where nothing is mapped.
	 */
	bool (*phys)(struct ul_memory *memory, uint64_t kaddr, uint64_t *ret_phys,
		     uint64_t *ret_len);
	/**
	 * Optional (NULL: nothing to give back). What map() gave of these @p len bytes is not
	 * needed soon: it stays good, but need not stay resident. From any thread, at any time.
	 */
	void (*forget)(struct ul_memory *memory, uint64_t kaddr, uint64_t len);
};

/** First member of every implementation. */
struct ul_memory {
	const struct ul_memory_ops *ops;
	const char *engine; /**< "bpf", "kcore", "elf", "test"; static */
	/** read() and map() may be called from several threads at once. */
	bool concurrent;
	/**
	 * Of a copy that is not whole: what map() does not have at or above this address may have
	 * been left out; 0: all that was to be copied is in it.
	 */
	uint64_t left_out_from;
	uint64_t bytes_read; /**< for the report of work done; counted atomically */
	uint64_t bytes_unreadable;
};

/** Read as much as there is; see ul_memory_ops.read. Keeps the counters. */
UL_MUST_USE struct ul_error *ul_memory_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
					    size_t len, size_t *ret_read);
/** See ul_memory_ops.map; NULL also where the source cannot map. Counts nothing. */
const void *ul_memory_map(struct ul_memory *memory, uint64_t kaddr, size_t *ret_len);
/** See ul_memory_ops.phys; false also where the source does not know. */
bool ul_memory_phys(struct ul_memory *memory, uint64_t kaddr, uint64_t *ret_phys,
		    uint64_t *ret_len);
/** See ul_memory_ops.forget. */
void ul_memory_forget(struct ul_memory *memory, uint64_t kaddr, uint64_t len);
/** Read one aligned 64-bit word (host byte order); false where it cannot be read. */
bool ul_memory_u64(struct ul_memory *memory, uint64_t kaddr, uint64_t *ret);
void ul_memory_destroy(struct ul_memory *memory);
UL_DEFINE_CLEANUP(ul_cleanup_memory, struct ul_memory, ul_memory_destroy);
#define UL_CLEANUP_MEMORY UL_CLEANUP(ul_cleanup_memory)

#endif
