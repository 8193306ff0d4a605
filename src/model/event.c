// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/event.h"

#include <string.h>

#include "base/hash.h"

enum { FIRST_SLOTS = 256 };

static uint64_t hash_name(struct ul_span name)
{
	return ul_hash_bytes(1, name.data, name.len);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return text ? ul_hash_bytes(hash, text, strlen(text)) : ul_hash_u64(hash, 1);
}

static uint64_t hash_stack(const struct ul_stack *stack)
{
	uint64_t hash = 2;
	ul_vec_foreach (frame, &stack->frames) {
		if (frame->function)
			hash = hash_text(hash, frame->function);
		else
			hash = ul_hash_u64(hash, frame->kaddr);
		hash = hash_text(hash, frame->module);
	}
	return hash;
}

static bool equal_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool equal_stacks(const struct ul_stack *a, const struct ul_stack *b)
{
	if (a->frames.len != b->frames.len)
		return false;
	for (size_t i = 0; i < a->frames.len; i++) {
		const struct ul_frame *fa = &a->frames.data[i];
		const struct ul_frame *fb = &b->frames.data[i];
		if (!equal_text(fa->function, fb->function) ||
		    !equal_text(fa->module, fb->module) ||
		    (!fa->function && fa->kaddr != fb->kaddr))
			return false;
	}
	return true;
}

/**
 * Double a table that is three quarters full; @p hash_of gives the hash of the entry with an id.
 */
static bool make_room(const struct ul_dictionary *dictionary, uint32_t **table, size_t *slots,
		      size_t len, uint64_t (*hash_of)(const struct ul_dictionary *, uint32_t))
{
	if (*slots && (len + 1) * 4 <= *slots * 3)
		return true;
	const size_t larger = *slots ? *slots * 2 : FIRST_SLOTS;
	uint32_t *fresh = calloc(larger, sizeof(*fresh));
	if (!fresh)
		return false;
	for (uint32_t id = 1; id <= len; id++) {
		size_t at = hash_of(dictionary, id) & (larger - 1);
		while (fresh[at])
			at = (at + 1) & (larger - 1);
		fresh[at] = id;
	}
	free(*table);
	*table = fresh;
	*slots = larger;
	return true;
}

static uint64_t hash_of_name(const struct ul_dictionary *dictionary, uint32_t id)
{
	return hash_name(ul_span_of(dictionary->names.data[id - 1]));
}

static uint64_t hash_of_stack(const struct ul_dictionary *dictionary, uint32_t id)
{
	return hash_stack(&dictionary->stacks.data[id - 1]);
}

struct ul_error *ul_dictionary_name(struct ul_dictionary *dictionary, struct ul_span name,
				    uint32_t *ret)
{
	// A NUL byte inside would end the stored name early, and then it never equals itself.
	const char *nul = name.len ? memchr(name.data, '\0', name.len) : NULL;
	if (nul)
		name.len = (size_t)(nul - name.data);
	*ret = 0;
	if (!name.len)
		return NULL;
	if (!make_room(dictionary, &dictionary->name_table, &dictionary->name_slots,
		       dictionary->names.len, hash_of_name))
		return &ul_enomem;
	const size_t mask = dictionary->name_slots - 1;
	size_t at = hash_name(name) & mask;
	for (; dictionary->name_table[at]; at = (at + 1) & mask) {
		const uint32_t id = dictionary->name_table[at];
		if (ul_span_equal(name, dictionary->names.data[id - 1])) {
			*ret = id;
			return NULL;
		}
	}
	if (dictionary->names.len >= UL_DICTIONARY_NAMES_MAX) {
		dictionary->refused++;
		return NULL;
	}
	const char *copy = ul_arena_strdup(&dictionary->arena, name);
	if (!copy || !ul_vec_push(&dictionary->names, copy))
		return &ul_enomem;
	*ret = dictionary->name_table[at] = (uint32_t)dictionary->names.len;
	return NULL;
}

static struct ul_error *add_stack(struct ul_dictionary *dictionary, struct ul_stack *stack,
				  uint32_t *ret)
{
	if (!make_room(dictionary, &dictionary->stack_table, &dictionary->stack_slots,
		       dictionary->stacks.len, hash_of_stack))
		return &ul_enomem;
	const size_t mask = dictionary->stack_slots - 1;
	size_t at = hash_stack(stack) & mask;
	for (; dictionary->stack_table[at]; at = (at + 1) & mask) {
		const uint32_t id = dictionary->stack_table[at];
		if (equal_stacks(stack, &dictionary->stacks.data[id - 1])) {
			*ret = id;
			return NULL;
		}
	}
	if (dictionary->stacks.len >= UL_DICTIONARY_STACKS_MAX) {
		dictionary->refused++;
		return NULL;
	}
	if (!ul_vec_push(&dictionary->stacks, *stack))
		return &ul_enomem;
	*stack = (struct ul_stack){0};
	*ret = dictionary->stack_table[at] = (uint32_t)dictionary->stacks.len;
	return NULL;
}

struct ul_error *ul_dictionary_stack(struct ul_dictionary *dictionary, struct ul_stack *stack,
				     uint32_t *ret)
{
	*ret = 0;
	struct ul_error *err = stack->frames.len ? add_stack(dictionary, stack, ret) : NULL;
	ul_stack_deinit(stack);
	*stack = (struct ul_stack){0};
	return err;
}

const char *ul_dictionary_name_of(const struct ul_dictionary *dictionary, uint32_t id)
{
	return id && id <= dictionary->names.len ? dictionary->names.data[id - 1] : NULL;
}

const struct ul_stack *ul_dictionary_stack_of(const struct ul_dictionary *dictionary, uint32_t id)
{
	return id && id <= dictionary->stacks.len ? &dictionary->stacks.data[id - 1] : NULL;
}

void ul_dictionary_deinit(struct ul_dictionary *dictionary)
{
	ul_vec_foreach (stack, &dictionary->stacks)
		ul_stack_deinit(stack);
	ul_vec_deinit(&dictionary->stacks);
	ul_vec_deinit(&dictionary->names);
	free(dictionary->name_table);
	free(dictionary->stack_table);
	ul_arena_deinit(&dictionary->arena);
	*dictionary = (struct ul_dictionary){0};
}
