/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Per-CPU variables of the running kernel, by its BTF: the only variables BTF knows. */
#ifndef UL_SOURCE_IMAGE_PERCPU_BTF_H
#define UL_SOURCE_IMAGE_PERCPU_BTF_H

#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

struct ul_percpu_variable {
	char *name;
	uint32_t offset; /**< from __per_cpu_start */
};

struct ul_percpu_btf {
	uint32_t bytes; /**< of the section */
	UL_VEC(struct ul_percpu_variable) variables;
};

/** From /sys/kernel/btf/vmlinux; *@p ret stays NULL when it has no such section. */
UL_MUST_USE struct ul_error *ul_percpu_btf_load(struct ul_percpu_btf **ret);
void ul_percpu_btf_destroy(struct ul_percpu_btf *btf);
UL_DEFINE_CLEANUP(ul_cleanup_percpu_btf, struct ul_percpu_btf, ul_percpu_btf_destroy);
#define UL_CLEANUP_PERCPU_BTF UL_CLEANUP(ul_cleanup_percpu_btf)
/** NULL when there is none of that name. */
const struct ul_percpu_variable *ul_percpu_btf_find(const struct ul_percpu_btf *btf,
						    const char *name);

#endif
