// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/image/percpu_btf.h"

#include <string.h>

#include <bpf/btf.h>

static void cleanup_btf(struct btf **btf)
{
	btf__free(*btf);
}

void ul_percpu_btf_destroy(struct ul_percpu_btf *btf)
{
	if (!btf)
		return;
	ul_vec_foreach (variable, &btf->variables)
		free(variable->name);
	ul_vec_deinit(&btf->variables);
	free(btf);
}

struct ul_error *ul_percpu_btf_load(struct ul_percpu_btf **ret)
{
	UL_CLEANUP(cleanup_btf) struct btf *btf = btf__load_vmlinux_btf();
	const __s32 id = btf ? btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC) : -1;
	if (id < 0)
		return NULL;
	UL_CLEANUP_PERCPU_BTF struct ul_percpu_btf *section = calloc(1, sizeof(*section));
	if (!section)
		return &ul_enomem;
	const struct btf_type *type = btf__type_by_id(btf, (__u32)id);
	const struct btf_var_secinfo *info = btf_var_secinfos(type);
	section->bytes = type->size;
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *variable = btf__type_by_id(btf, info[i].type);
		const char *name = variable ? btf__name_by_offset(btf, variable->name_off) : NULL;
		if (!name || !*name || info[i].offset >= type->size)
			continue;
		const struct ul_percpu_variable entry = {strdup(name), info[i].offset};
		if (!entry.name || !ul_vec_push(&section->variables, entry)) {
			free(entry.name);
			return &ul_enomem;
		}
	}
	*ret = UL_TAKE(section);
	return NULL;
}

const struct ul_percpu_variable *ul_percpu_btf_find(const struct ul_percpu_btf *btf,
						    const char *name)
{
	ul_vec_foreach (variable, &btf->variables)
		if (!strcmp(variable->name, name))
			return variable;
	return NULL;
}
