// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an address is. All answers that hold are given: an address in the direct map may be an
 * object and a page, one in vmalloc an area and the stack of a task.
 *
 * Names of tasks and modules are read through types (Linux include/linux/sched.h struct
 * task_struct, comm and pid; include/linux/module.h struct module, name); without types they stay
 * addresses.
 */
#include "analysis/whatis.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "analysis/alloc_site.h"
#include "base/buf.h"
#include "base/text.h"

enum { MEMBER_DEPTH = 8 };

/** A text member of a structure in memory; control bytes as '?'. "" when it cannot be read. */
static void read_text(struct ul_image *image, const char *type, const char *member, uint64_t kaddr,
		      char *text, size_t size)
{
	struct ul_place place;
	size_t got = 0;
	memset(text, 0, size);
	if (!image->types || !ul_types_place(image->types, type, member, &place))
		return;
	const size_t len = place.bytes < size - 1 ? place.bytes : size - 1;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, kaddr + place.offset, text, len, &got);
	text[error ? 0 : got] = '\0';
	for (char *c = text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
}

static bool read_u32(struct ul_image *image, const char *type, const char *member, uint64_t kaddr,
		     uint32_t *ret)
{
	struct ul_place place;
	size_t got = 0;
	if (!image->types || !ul_types_place(image->types, type, member, &place))
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, kaddr + place.offset, ret, sizeof(*ret), &got);
	return !error && got == sizeof(*ret);
}

static void name_owner(struct ul_image *image, struct ul_whatis *whatis)
{
	char name[32];
	uint32_t pid;
	if (!whatis->owner)
		return;
	if (whatis->root == UL_ROOT_MODULE) {
		read_text(image, "module", "name", whatis->owner, whatis->owner_name,
			  sizeof(whatis->owner_name));
	} else if (whatis->root == UL_ROOT_STACK) {
		read_text(image, "task_struct", "comm", whatis->owner, name, sizeof(name));
		if (*name && read_u32(image, "task_struct", "pid", whatis->owner, &pid))
			snprintf(whatis->owner_name, sizeof(whatis->owner_name), "%s[%u]", name,
				 pid);
	}
}

/** The root that holds the address; else the one that is in the same vmalloc area: its dead part.
 */
static void find_root(struct ul_image *image, const struct ul_heap *heap,
		      const struct ul_block *block, struct ul_whatis *whatis)
{
	ul_vec_foreach (root, &heap->roots) {
		const bool inside = root->kind == UL_ROOT_CODE
					    ? whatis->kaddr == root->kaddr
					    : whatis->kaddr - root->kaddr < root->bytes;
		const bool beside = block && block->kind == UL_BLOCK_VMALLOC &&
				    root->kind == UL_ROOT_STACK &&
				    root->kaddr - block->kaddr < block->bytes;
		if (root->kind == UL_ROOT_PAGE || (!inside && (!beside || whatis->has_root)))
			continue;
		whatis->has_root = true;
		whatis->dead = !inside;
		whatis->root = root->kind;
		whatis->owner = root->kind == UL_ROOT_CODE ? 0 : root->owner;
		if (inside)
			break;
	}
	if (whatis->has_root)
		name_owner(image, whatis);
}

static struct ul_error *name_caller(const struct ul_image *image, const struct ul_heap *heap,
				    const struct ul_heap_hit *hit, struct ul_whatis *whatis)
{
	struct ul_symbol symbol;
	const uint64_t site = hit->allocated || hit->block->kind != UL_BLOCK_SLAB
				      ? ul_alloc_site(image, heap, hit)
				      : 0;
	if (!site || !image->symtab || !ul_symtab_lookup(image->symtab, site, &symbol))
		return NULL;
	if (asprintf(&whatis->caller, "%s+0x%llx%s%s%s", symbol.name,
		     (unsigned long long)symbol.offset, symbol.module ? " [" : "",
		     symbol.module ? symbol.module : "", symbol.module ? "]" : "") >= 0)
		return NULL;
	whatis->caller = NULL;
	return &ul_enomem;
}

static struct ul_error *set_object(const struct ul_image *image, const struct ul_heap *heap,
				   const struct ul_heap_hit *hit, struct ul_whatis *whatis)
{
	whatis->state = hit->block->flags & UL_BLOCK_UNKNOWN ? UL_OBJECT_UNKNOWN
			: hit->allocated		     ? UL_OBJECT_ALLOCATED
							     : UL_OBJECT_FREE;
	whatis->cache = ul_heap_block_name(heap, hit->block);
	whatis->object = hit->kaddr;
	whatis->offset = hit->offset;
	whatis->bytes = hit->bytes;
	return name_caller(image, heap, hit, whatis);
}

struct ul_error *ul_whatis(struct ul_image *image, const struct ul_heap *heap, uint64_t kaddr,
			   struct ul_whatis *ret)
{
	struct ul_heap_hit hit = {0};
	*ret = (struct ul_whatis){.kaddr = kaddr};
	if (image->symtab)
		ul_symtab_lookup(image->symtab, kaddr, &ret->symbol);
	if (ul_space_direct_pfn(&heap->space, kaddr, &ret->pfn)) {
		ret->has_frame = true;
	} else if (ul_space_page_pfn(&heap->space, kaddr, &ret->pfn)) {
		ret->has_frame = ret->is_struct_page = true;
	}
	if (ret->has_frame)
		ret->frame = (enum ul_frame_class)heap->page_class[ret->pfn];
	struct ul_error *error = NULL;
	if (ul_heap_find(heap, kaddr, &hit)) {
		error = set_object(image, heap, &hit, ret);
	} else if (ret->is_struct_page && ul_heap_find_page(heap, kaddr, &hit) &&
		   hit.block->kind != UL_BLOCK_SLAB) {
		error = set_object(image, heap, &hit, ret);
	}
	if (error) {
		ul_whatis_deinit(ret);
		return error;
	}
	find_root(image, heap, hit.block, ret);
	return NULL;
}

/** The member of @p id that holds byte *@p offset, which becomes the offset within it. */
static bool member_within(const struct ul_types *types, const struct ul_type *outer, ul_type_id id,
			  uint64_t *offset, struct ul_member *ret)
{
	for (uint32_t i = 0; i < outer->count; i++) {
		struct ul_member member;
		struct ul_type type;
		if (!ul_types_member_at(types, id, i, &member) || member.bits ||
		    !ul_types_get(types, ul_types_resolve(types, member.type), &type))
			continue;
		const uint64_t start = member.offset_bits / 8;
		if (*offset < start || *offset - start >= type.bytes)
			continue;
		*offset -= start;
		*ret = member;
		return true;
	}
	return false;
}

/** "se.cfs_rq", "slots[3]": as far as structs and arrays go; nothing within unions. */
static void put_member(const struct ul_types *types, ul_type_id id, uint64_t offset,
		       struct ul_buf *path)
{
	for (int depth = 0; depth < MEMBER_DEPTH; depth++) {
		struct ul_type type;
		struct ul_member member;
		id = ul_types_resolve(types, id);
		if (!ul_types_get(types, id, &type))
			return;
		if (type.kind == UL_TYPE_ARRAY) {
			struct ul_type element;
			const ul_type_id target = ul_types_resolve(types, type.target);
			if (!ul_types_get(types, target, &element) || !element.bytes)
				return;
			ul_buf_printf(path, "[%llu]", (unsigned long long)(offset / element.bytes));
			offset %= element.bytes;
			id = target;
			continue;
		}
		if (type.kind != UL_TYPE_STRUCT ||
		    !member_within(types, &type, id, &offset, &member))
			return;
		if (*member.name)
			ul_buf_printf(path, "%s%s", path->len ? "." : "", member.name);
		id = member.type;
	}
}

struct ul_error *ul_whatis_type(const struct ul_image *image, const struct ul_heap *heap,
				const struct ul_typeid *typeid, struct ul_whatis *whatis)
{
	struct ul_heap_hit hit;
	struct ul_typed typed;
	UL_CLEANUP_BUF struct ul_buf path = {0};
	if (!typeid || whatis->state != UL_OBJECT_ALLOCATED ||
	    !ul_heap_find(heap, whatis->object, &hit) ||
	    !ul_typeid_object(typeid, hit.object, &typed))
		return NULL;
	if (!ul_text_set(&whatis->type, typed.name) ||
	    !ul_text_set(&whatis->type_evidence, typed.evidence))
		return &ul_enomem;
	put_member(image->types, typed.type, whatis->offset, &path);
	if (path.failed || (path.len && !ul_text_set(&whatis->member, ul_buf_str(&path))))
		return &ul_enomem;
	return NULL;
}

struct ul_error *ul_whatis_types(const struct ul_image *image, const struct ul_heap *heap,
				 const struct ul_typeid *typeid, struct ul_referred *referred)
{
	UL_TRY(ul_whatis_type(image, heap, typeid, &referred->target));
	ul_vec_foreach (referrer, &referred->referrers)
		UL_TRY(ul_whatis_type(image, heap, typeid, &referrer->from));
	ul_vec_foreach (step, &referred->path)
		UL_TRY(ul_whatis_type(image, heap, typeid, &step->from));
	return NULL;
}

struct ul_error *ul_whatis_referrers(struct ul_image *image, const struct ul_heap *heap,
				     const struct ul_references *references,
				     struct ul_referred *referred)
{
	ul_vec_foreach (reference, &references->items) {
		if (reference->target != referred->target.kaddr)
			continue;
		struct ul_referrer *referrer = ul_vec_add(&referred->referrers);
		if (!referrer)
			return &ul_enomem;
		referrer->value = reference->value;
		referrer->stale = reference->where == UL_FROM_FREE;
		referrer->is_register = reference->where == UL_FROM_REGISTER;
		if (referrer->is_register)
			referrer->cpu = (uint32_t)reference->from;
		else
			UL_TRY(ul_whatis(image, heap, reference->from, &referrer->from));
	}
	return NULL;
}

struct ul_error *ul_whatis_path(struct ul_image *image, const struct ul_heap *heap,
				const struct ul_path *path, struct ul_referred *referred)
{
	ul_vec_foreach (step, &path->steps) {
		struct ul_referrer *referrer = ul_vec_add(&referred->path);
		if (!referrer)
			return &ul_enomem;
		if (step->root && step->root_kind == UL_ROOT_REGISTERS) {
			referrer->is_register = true;
			referrer->cpu = (uint32_t)step->owner;
			continue;
		}
		UL_TRY(ul_whatis(image, heap, step->kaddr + step->offset, &referrer->from));
		// The root as the search took it: it may lie in an object as well.
		if (!step->root)
			continue;
		referrer->from.has_root = true;
		referrer->from.dead = false;
		referrer->from.root = step->root_kind;
		referrer->from.owner = step->owner;
		name_owner(image, &referrer->from);
	}
	return NULL;
}
