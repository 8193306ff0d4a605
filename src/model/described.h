/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An object of known type, told member by member. Filled by analysis/describe. */
#ifndef UL_MODEL_DESCRIBED_H
#define UL_MODEL_DESCRIBED_H

#include <stdint.h>

#include "base/vec.h"

struct ul_described_member {
	char *name;	 /**< "op", "f_path.dentry" */
	uint32_t offset; /**< bytes from the start of the object */
	char *type;	 /**< "struct seq_operations *" */
	char *value;	 /**< "leakstat_ops [leakstat]", "3", "\"text\"" */
};

struct ul_described {
	uint64_t kaddr;
	char *type;	/**< "struct seq_file"; NULL: not known */
	char *evidence; /**< why; NULL with type NULL */
	char *identity; /**< what it stands for: path, addresses, name; NULL: not known */
	UL_VEC(struct ul_described_member) members; /**< those that are not zero, in order */
	uint32_t zero_members;
	uint32_t left_out; /**< beyond the limit */
};

void ul_described_deinit(struct ul_described *described);
#define UL_CLEANUP_DESCRIBED UL_CLEANUP(ul_described_deinit)

#endif
