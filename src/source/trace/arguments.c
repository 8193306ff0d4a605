// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The arguments of the allocation events have moved, come and gone: kmem_cache_alloc() lost its
 * sizes and got the cache (Linux 2c1d697fb8ba, v6.1), kmem_cache_free() got a name and then the
 * cache, percpu_alloc_percpu() got a call site (f67bed134a05, v5.19). BTF has the prototype of
 * every tracepoint as the typedef btf_trace_NAME; parameters have types there, no names, so each is
 * known by its type: struct kmem_cache *, gfp_t, the last size_t (bytes_alloc), the first data
 * pointer.
 */
#include "source/trace/arguments.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <string.h>

/** Strip const, volatile and restrict, not typedefs. */
static const struct btf_type *skip_qualifiers(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	while (type && (btf_is_const(type) || btf_is_volatile(type) || btf_is_restrict(type) ||
			btf_is_type_tag(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

static bool is_typedef(const struct btf *btf, __u32 id, const char *name)
{
	const struct btf_type *type = skip_qualifiers(btf, id);
	return type && btf_is_typedef(type) &&
	       !strcmp(btf__name_by_offset(btf, type->name_off), name);
}

static bool is_pointer(const struct btf *btf, __u32 id, const char *struct_name)
{
	const struct btf_type *type = skip_qualifiers(btf, id);
	if (!type || !btf_is_ptr(type))
		return false;
	if (!struct_name)
		return true;
	type = skip_qualifiers(btf, type->type);
	return type && btf_is_composite(type) &&
	       !strcmp(btf__name_by_offset(btf, type->name_off), struct_name);
}

static bool is_unsigned_long(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = skip_qualifiers(btf, id);
	return type && btf_is_int(type) && type->size == sizeof(unsigned long) &&
	       !(btf_int_encoding(type) & BTF_INT_SIGNED);
}

/** The FUNC_PROTO behind `typedef void (*btf_trace_NAME)(void *__data, ...)`, or NULL. */
static const struct btf_type *find_prototype(const struct btf *btf, const char *name)
{
	char typedef_name[128];
	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	const __s32 id = btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	type = type ? skip_qualifiers(btf, type->type) : NULL;
	if (!type || !btf_is_ptr(type))
		return NULL;
	type = skip_qualifiers(btf, type->type);
	return type && btf_is_func_proto(type) ? type : NULL;
}

struct ul_event_prototype ul_event_prototype(const struct btf *btf, const char *name)
{
	struct ul_event_prototype result = {
		.arguments = {ULT_ARG_NONE, ULT_ARG_NONE, ULT_ARG_NONE, ULT_ARG_NONE},
	};
	const struct btf_type *prototype = find_prototype(btf, name);
	if (!prototype)
		return result;
	result.exists = true;
	const struct btf_param *parameters = btf_params(prototype);
	const int count = btf_vlen(prototype) < 12 ? btf_vlen(prototype) : 12;
	result.has_call_site = count > 1 && is_unsigned_long(btf, parameters[1].type);
	__s8 first_bytes = ULT_ARG_NONE;
	for (__s8 i = 1; i < count; i++) {
		const __u32 type = parameters[i].type;
		if (is_pointer(btf, type, "kmem_cache"))
			result.arguments.cache = i;
		else if (is_pointer(btf, type, NULL))
			// percpu_alloc_percpu(): base_addr comes before ptr, so the last one
			// counts.
			result.arguments.pointer = i;
		else if (is_typedef(btf, type, "size_t")) {
			result.arguments.bytes = i;
			if (first_bytes == ULT_ARG_NONE)
				first_bytes = i;
		} else if (is_typedef(btf, type, "gfp_t"))
			result.arguments.gfp = i;
	}
	// percpu_alloc_percpu() before f67bed134a05 (v5.19): size, align and no bytes_alloc. It is
	// the one event without gfp flags then.
	if (result.arguments.gfp == ULT_ARG_NONE)
		result.arguments.bytes = first_bytes;
	return result;
}

/**
 * Value of an enumerator that gives the number of a bit, as a mask; @p otherwise: there is none.
 */
static uint64_t bit_of(const struct btf *btf, const struct btf_type *type, const char *name,
		       uint64_t otherwise)
{
	const struct btf_enum *values = btf_enum(type);
	for (int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, values[i].name_off), name))
			return 1ULL << values[i].val;
	return otherwise;
}

void ul_gfp_bits(const struct btf *btf, uint64_t *ret_account, uint64_t *ret_comp)
{
	const __u32 types = btf__type_cnt(btf);
	*ret_account = 0x400000; /* ___GFP_ACCOUNT, v4.14 to v6.9 */
	*ret_comp = 0x40000;	 /* ___GFP_COMP, v4.14 to v6.9 */
	for (__u32 id = 1; id < types; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		if (!btf_is_enum(type) || !bit_of(btf, type, "___GFP_ACCOUNT_BIT", 0))
			continue;
		*ret_account = bit_of(btf, type, "___GFP_ACCOUNT_BIT", *ret_account);
		*ret_comp = bit_of(btf, type, "___GFP_COMP_BIT", *ret_comp);
	}
}
