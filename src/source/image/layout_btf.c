// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the members that lead from an address to its slab cache lie, by the running kernel's BTF.
 *
 * The marks of a slab page have moved over the years; each form is known by what BTF declares,
 * never by a version:
 *   - enum pagetype has PGTY_slab: the top byte of page_type (4ffca5a96678 "mm: support only one
 *     page_type per page", v6.12);
 *   - enum pagetype has PG_slab: a cleared bit of page_type (46df8e73a4a3 "mm: free up PG_slab");
 *   - enum pageflags has PG_slab: a bit of the page flags;
 *   - none of these: no test here, and layout.c trusts only its check of the cache itself.
 * The cache is a member of struct slab since d122019bf061 ("mm: Split slab into its own type",
 * v5.17), of struct page before. Both overlay the same bytes. All in Linux
 * include/linux/mm_types.h, include/linux/page-flags.h, mm/slab.h.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "base/text.h"
#include "source/image/live_internal.h"

enum {
	NESTED_LIMIT = 64, /**< anonymous structs and unions of one type still to look into */
};

static void cleanup_btf(struct btf **btf)
{
	btf__free(*btf);
}

struct place {
	const struct btf_type *type;
	uint32_t offset;
};

/* Strip typedefs and qualifiers; NULL for what is neither struct nor union. */
static const struct btf_type *composite(const struct btf *btf, __s32 id)
{
	const __s32 resolved = btf__resolve_type(btf, (__u32)id);
	const struct btf_type *type = resolved < 0 ? NULL : btf__type_by_id(btf, (__u32)resolved);
	return type && btf_is_composite(type) ? type : NULL;
}

/* Byte offset of @p member in struct @p name, looking into unnamed structs and unions. */
static bool member_offset(const struct btf *btf, const char *name, const char *member,
			  uint32_t *ret)
{
	struct place todo[NESTED_LIMIT];
	size_t waiting = 0;
	const __s32 id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	if (id < 0)
		return false;
	todo[waiting++] = (struct place){.type = btf__type_by_id(btf, (__u32)id)};
	while (waiting) {
		const struct place at = todo[--waiting];
		const struct btf_member *members = btf_members(at.type);
		for (uint32_t i = 0; i < btf_vlen(at.type); i++) {
			const char *label = btf__name_by_offset(btf, members[i].name_off);
			const uint32_t offset = at.offset + btf_member_bit_offset(at.type, i) / 8;
			if (label && label[0]) {
				if (strcmp(label, member))
					continue;
				*ret = offset;
				return true;
			}
			const struct btf_type *inner = composite(btf, (__s32)members[i].type);
			if (inner && waiting < NESTED_LIMIT)
				todo[waiting++] = (struct place){inner, offset};
		}
	}
	return false;
}

static bool enum_value(const struct btf *btf, const char *name, const char *label, uint32_t *ret)
{
	const __s32 id = btf__find_by_name_kind(btf, name, BTF_KIND_ENUM);
	if (id < 0)
		return false;
	const struct btf_type *type = btf__type_by_id(btf, (__u32)id);
	const struct btf_enum *values = btf_enum(type);
	for (uint32_t i = 0; i < btf_vlen(type); i++)
		if (ul_text_equal(btf__name_by_offset(btf, values[i].name_off), label)) {
			*ret = (uint32_t)values[i].val;
			return true;
		}
	return false;
}

static void slab_mark(const struct btf *btf, struct ul_slab_types *types)
{
	uint32_t value = 0;
	uint32_t base = 0;
	uint32_t flags = 0;
	if (member_offset(btf, "page", "page_type", &types->slab_type)) {
		if (enum_value(btf, "pagetype", "PGTY_slab", &value)) {
			types->slab_type_mask = 0xff000000U;
			types->slab_type_value = value << 24;
			return;
		}
		if (enum_value(btf, "pagetype", "PG_slab", &value) &&
		    enum_value(btf, "pagetype", "PAGE_TYPE_BASE", &base)) {
			types->slab_type_mask = base | value;
			types->slab_type_value = base;
			return;
		}
	}
	if (!enum_value(btf, "pageflags", "PG_slab", &value) || value > 31 ||
	    !member_offset(btf, "page", "flags", &flags))
		return;
	const bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	types->slab_type = flags + (big_endian ? 4 : 0);
	types->slab_type_mask = types->slab_type_value = 1U << value;
}

struct ul_error *ul_slab_types_load(struct ul_slab_types *ret)
{
	UL_CLEANUP(cleanup_btf) struct btf *btf = btf__load_vmlinux_btf();
	if (!btf)
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "reading the kernel's BTF: %s", strerror(errno)),
				     "needs a kernel with CONFIG_DEBUG_INFO_BTF");
	struct ul_slab_types types = {.page_bytes = (uint32_t)sysconf(_SC_PAGESIZE)};
	const __s32 page = btf__find_by_name_kind(btf, "page", BTF_KIND_STRUCT);
	if (page > 0)
		types.struct_page_bytes = btf__type_by_id(btf, (__u32)page)->size;
	const bool head = member_offset(btf, "page", "compound_head", &types.page_compound_head) ||
			  member_offset(btf, "page", "compound_info", &types.page_compound_head);
	const bool cache = member_offset(btf, "slab", "slab_cache", &types.slab_slab_cache) ||
			   member_offset(btf, "page", "slab_cache", &types.slab_slab_cache);
	const bool name = member_offset(btf, "kmem_cache", "name", &types.kmem_cache_name);
	if (!types.struct_page_bytes || !head || !cache || !name)
		return ul_error_new(UL_ERR_UNSUPPORTED, "kernel's BTF: %s not found",
				    !types.struct_page_bytes ? "struct page"
				    : !head		     ? "page.compound_head"
				    : !cache		     ? "slab.slab_cache"
							     : "kmem_cache.name");
	slab_mark(btf, &types);
	*ret = types;
	return NULL;
}
