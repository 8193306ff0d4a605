/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of model/type only: how the table is kept. */
#ifndef UL_MODEL_TYPE_INTERNAL_H
#define UL_MODEL_TYPE_INTERNAL_H

#include "base/vec.h"
#include "model/type.h"

enum ul_types_entry_flags {
	UL_ENTRY_SIGNED = 1 << 0,
	UL_ENTRY_CHAR = 1 << 1,
	UL_ENTRY_NAMED_BY_TYPEDEF = 1 << 2, /**< "atomic_t", not "struct atomic_t" */
};

struct ul_types_entry {
	uint32_t name; /**< offset in names */
	ul_type_id target;
	uint32_t count;
	uint32_t first; /**< index of the first of `count` members or enumerators */
	uint32_t bytes;
	uint8_t kind; /**< enum ul_type_kind or enum ul_type_entry_kind */
	uint8_t flags;
	uint8_t int_bits;
	uint8_t reserved;
	uint16_t module; /**< index + 1; 0: the kernel */
};
_Static_assert(sizeof(struct ul_types_entry) == 28, "an entry is compact");

struct ul_types_member {
	uint32_t name;
	ul_type_id type;
	uint32_t offset_bits;
	uint8_t bits;
};
_Static_assert(sizeof(struct ul_types_member) == 16, "a member is compact");

struct ul_types_enumerator {
	uint32_t name;
	int64_t value;
};

struct ul_types_slot {
	uint32_t hash; /**< 0: empty; the lowest bit is always set */
	uint32_t index;
};

/** Open addressing, at most half full. */
struct ul_types_names {
	struct ul_types_slot *slots;
	size_t mask;
	size_t used;
};

struct ul_types {
	UL_VEC(struct ul_types_entry) entries;
	UL_VEC(struct ul_types_member) members;
	UL_VEC(struct ul_types_enumerator) enumerators;
	UL_VEC(char) names;
	UL_VEC(char *) modules;
	struct ul_types_names by_name;
	struct ul_types_names by_enumerator;
	size_t finished_entries, finished_members, finished_enumerators; /**< by the last finish */
};

#endif
