/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process's memory consists of, by sort of mapping. */
#ifndef UL_MODEL_MAPPING_H
#define UL_MODEL_MAPPING_H

#include <stdint.h>

enum ul_mapping_kind {
	UL_MAPPING_HEAP,  /**< [heap] */
	UL_MAPPING_STACK, /**< [stack] */
	UL_MAPPING_ANON,  /**< anonymous: malloc arenas, mmap(MAP_ANONYMOUS|MAP_PRIVATE) */
	UL_MAPPING_FILE,  /**< private or shared file mappings */
	UL_MAPPING_SHMEM, /**< /dev/zero, /dev/shm, memfd, SysV, shared anonymous */
	UL_MAPPING_KINDS,
};

struct ul_mapping_class {
	uint64_t rss_bytes;
	uint64_t pss_bytes;
	uint64_t swap_bytes;
	uint64_t largest_bytes; /**< RSS of the largest single mapping of the class */
	char largest_name[128]; /**< its path or [name]; "" when it has none */
};

/** Totals of /proc/PID/smaps. */
struct ul_mappings {
	struct ul_mapping_class classes[UL_MAPPING_KINDS];
};

/** "heap", "stack", "anonymous", "file", "shared memory". */
const char *ul_mapping_kind_name(enum ul_mapping_kind kind);

#endif
