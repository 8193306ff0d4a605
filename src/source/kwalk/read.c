// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How the walkers read: every list and tree has a limit on its steps, every pointer is looked at
 * before it is followed, and what cannot be read is no error. An image may be damaged, or have
 * changed while it was copied.
 */
#include <string.h>

#include "source/kwalk/kwalk_internal.h"

bool ul_kwalk_read(const struct ul_kwalk *walk, uint64_t kaddr, void *buffer, size_t len)
{
	size_t run = 0;
	const void *data = ul_memory_map(walk->memory, kaddr, &run);
	if (data && run >= len) {
		memcpy(buffer, data, len);
		return true;
	}
	size_t got = 0;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(walk->memory, kaddr, buffer, len, &got);
	return !error && got == len;
}

bool ul_kwalk_word(const struct ul_kwalk *walk, uint64_t base, uint32_t offset, uint64_t *ret)
{
	return offset != UL_KWALK_NONE && ul_kwalk_read(walk, base + offset, ret, sizeof(*ret));
}

bool ul_kwalk_u32(const struct ul_kwalk *walk, uint64_t base, uint32_t offset, uint32_t *ret)
{
	return offset != UL_KWALK_NONE && ul_kwalk_read(walk, base + offset, ret, sizeof(*ret));
}

bool ul_kwalk_string(const struct ul_kwalk *walk, uint64_t kaddr, char *text, size_t size)
{
	size_t got = 0;
	size_t len = 0;
	if (!(kaddr >> 63))
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(walk->memory, kaddr, text, size - 1, &got);
	if (error)
		return false;
	for (; len < got && text[len]; len++)
		if (text[len] < ' ' || text[len] > '~')
			return false;
	if (len == got && got < size - 1)
		return false; // its end cannot be read
	text[len] = '\0';
	return len > 0;
}

bool ul_kwalk_is_pointer(uint64_t value)
{
	return value >> 63 && !(value & 7);
}

bool ul_kwalk_symbol(const struct ul_kwalk *walk, const char *name, uint64_t *ret)
{
	return walk->image->symtab && ul_symtab_address(walk->image->symtab, name, ret);
}

bool ul_kwalk_variable(const struct ul_kwalk *walk, const char *name, uint64_t *ret)
{
	uint64_t at;
	return ul_kwalk_symbol(walk, name, &at) && ul_kwalk_word(walk, at, 0, ret);
}

bool ul_kwalk_variable32(const struct ul_kwalk *walk, const char *name, uint32_t *ret)
{
	uint64_t at;
	return ul_kwalk_symbol(walk, name, &at) && ul_kwalk_u32(walk, at, 0, ret);
}

uint64_t ul_kwalk_percpu(const struct ul_kwalk *walk, uint64_t pointer, size_t cpu)
{
	return pointer + walk->heap->cpu_offsets.data[cpu];
}

struct ul_kwalk_list ul_kwalk_list_begin(const struct ul_kwalk *walk, uint64_t head, size_t limit)
{
	struct ul_kwalk_list list = {.walk = walk,
				     .head = head,
				     .at = head,
				     .left = limit,
				     .until_mark = 1,
				     .stride = 1};
	list.broken = !ul_kwalk_word(walk, head, 0, &list.next);
	return list;
}

/*
 * The node that the last one leads to is believed when it leads back: so a word that was changed
 * cannot send the walk along a list of something else. A live list is taken as it is.
 */
bool ul_kwalk_list_next(struct ul_kwalk_list *list, uint64_t *ret)
{
	uint64_t links[2]; // Linux include/linux/types.h struct list_head: next, prev
	const uint64_t next = list->next;
	if (list->broken)
		return false;
	if (!list->left || !ul_kwalk_is_pointer(next) || next == list->mark) {
		list->broken = true;
		return false;
	}
	if (next == list->head)
		return false;
	list->left--;
	if (!ul_kwalk_read(list->walk, next, links, sizeof(links)) ||
	    (links[1] != list->at && !list->walk->image->live)) {
		list->broken = true;
		return false;
	}
	if (!--list->until_mark) {
		list->mark = next;
		list->stride *= 2;
		list->until_mark = list->stride;
	}
	list->at = next;
	list->next = links[0];
	*ret = next;
	return true;
}

struct tree_step {
	uint64_t node, parent;
};

/** A node is where its parent says only if it says the same: so no node is met twice. */
static bool read_node(const struct ul_kwalk *walk, const struct tree_step *step,
		      uint64_t child[static 2])
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t parent;
	return ul_kwalk_is_pointer(step->node) &&
	       ul_kwalk_word(walk, step->node, layout->rb_parent, &parent) &&
	       (parent & ~UINT64_C(3)) == step->parent &&
	       ul_kwalk_word(walk, step->node, layout->rb_left, &child[0]) &&
	       ul_kwalk_word(walk, step->node, layout->rb_right, &child[1]) &&
	       (!child[0] || child[0] != child[1]);
}

struct ul_error *ul_kwalk_tree(const struct ul_kwalk *walk, uint64_t root, size_t *left,
			       struct ul_error *(*visit)(void *argument, uint64_t node),
			       void *argument, bool *ret_whole)
{
	struct tree_step stack[UL_KWALK_TREE_DEPTH];
	size_t depth = 0;
	*ret_whole = true;
	if (root)
		stack[depth++] = (struct tree_step){.node = root};
	while (depth) {
		const struct tree_step step = stack[--depth];
		uint64_t child[2];
		if (!*left) {
			*ret_whole = false;
			return NULL;
		}
		--*left;
		if (!read_node(walk, &step, child)) {
			*ret_whole = false;
			continue;
		}
		UL_TRY(visit(argument, step.node));
		for (size_t i = 0; i < 2; i++) {
			if (child[i] && depth < UL_KWALK_TREE_DEPTH)
				stack[depth++] = (struct tree_step){child[i], step.node};
			else if (child[i])
				*ret_whole = false;
		}
	}
	return NULL;
}

struct ul_error *ul_kwalk_loss(struct ul_kwalk *walk, enum ul_bias bias, uint64_t count,
			       const char *what)
{
	return ul_losses_add(&walk->heap->losses, bias, count, "%s", what);
}

struct ul_error *ul_kwalk_hide(struct ul_kwalk *walk, uint64_t kaddr, uint64_t bytes)
{
	return ul_vec_push(&walk->heap->hidden, ((struct ul_range){kaddr, kaddr + bytes}))
		       ? NULL
		       : &ul_enomem;
}

struct ul_error *ul_kwalk_root(struct ul_kwalk *walk, enum ul_root_kind kind, uint64_t kaddr,
			       uint64_t bytes, uint64_t owner)
{
	const struct ul_root root = {.kaddr = kaddr, .bytes = bytes, .kind = kind, .owner = owner};
	return ul_vec_push(&walk->heap->roots, root) ? NULL : &ul_enomem;
}

struct ul_error *ul_kwalk_root_without(struct ul_kwalk *walk, enum ul_root_kind kind,
				       uint64_t kaddr, uint64_t bytes, uint64_t owner)
{
	const uint64_t end = kaddr + bytes;
	ul_vec_foreach (hole, &walk->not_root) {
		if (hole->end <= kaddr || hole->start >= end)
			continue;
		if (hole->start > kaddr)
			UL_TRY(ul_kwalk_root(walk, kind, kaddr, hole->start - kaddr, owner));
		kaddr = hole->end;
	}
	return kaddr < end ? ul_kwalk_root(walk, kind, kaddr, end - kaddr, owner) : NULL;
}

/** Frames whose own flags say whose they are do not change hands. */
static void claim_frame(struct ul_kwalk *walk, uint64_t pfn, uint8_t class, uint64_t *claimed)
{
	uint8_t *frame = &walk->heap->page_class[pfn];
	const uint8_t old = *frame & UL_FRAME_CLASS_MASK;
	if (old != UL_FRAME_KERNEL && old != UL_FRAME_IDLE && old != UL_FRAME_RESERVED &&
	    old != UL_FRAME_UNKNOWN && old != UL_FRAME_MAPPED)
		return;
	*frame = (uint8_t)(class | (*frame & UL_FRAME_TAIL));
	++*claimed;
}

uint64_t ul_kwalk_claim(struct ul_kwalk *walk, uint64_t kaddr, uint64_t bytes, uint8_t class)
{
	const struct ul_address_space *space = &walk->heap->space;
	uint64_t claimed = 0;
	uint64_t at = kaddr & ~(uint64_t)(space->page_bytes - 1);
	if (!bytes || kaddr + (bytes - 1) < kaddr)
		return 0;
	// Pages, not an end: the last page of all has none.
	uint64_t left = (kaddr + (bytes - 1) - at) / space->page_bytes + 1;
	while (left && walk->claims_left) {
		uint64_t pfn;
		uint64_t phys;
		uint64_t run = space->page_bytes;
		bool mapped = ul_space_direct_pfn(space, at, &pfn);
		if (!mapped && ul_memory_phys(walk->memory, at, &phys, &run)) {
			mapped = true;
			pfn = phys / space->page_bytes;
		}
		const uint64_t pages = run < space->page_bytes ? 1 : run / space->page_bytes;
		for (uint64_t i = 0; i < pages && left && walk->claims_left; i++) {
			if (mapped && pfn < space->max_pfn)
				claim_frame(walk, pfn++, class, &claimed);
			at += space->page_bytes;
			left--;
			walk->claims_left--;
		}
	}
	return claimed;
}
