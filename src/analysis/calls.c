// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls are told from the code alone: on x86-64 a direct call or jump to another function is the
 * byte e8 or e9, or 0f 80 to 0f 8f for a jump on a condition (into a part that is "cold"), and a
 * distance of 32 bits. Instructions are not decoded: every such byte counts
 * whose distance leads to exactly the first byte of a function, which chance does not do (a random
 * distance hits one of 100,000 functions in 4 GiB once in 40,000 bytes of code, and then a certain
 * one hardly ever). What is called is followed, a few steps: a release function often calls one of
 * its own that calls the common one.
 *
 * A call through a pointer leads nobody knows where: a function with one of its own is "unknown",
 * not "no" (with retpolines it is a call of __x86_indirect_thunk_*, else ff /2). In what it calls
 * they do not count: there every lock and every trace point has one.
 *
 * Code on that way that cannot be read, or is too long, may call it: "unknown" as well.
 *
 * Errs: to "no" when the common function was inlined, or is called more than MAX_DEPTH steps away;
 * other architectures are "unknown".
 */
#include "analysis/calls.h"

#include <string.h>

#include "base/span.h"

enum {
	CODE_BYTES = 8192, /**< of a function; longer ones are not understood */
	MAX_FUNCTIONS = 256,
	MAX_DEPTH = 2,
	CALL = 0xe8,
	JUMP = 0xe9,
	TWO_BYTES = 0x0f, /**< before JUMP_IF in bits 4-7: a jump on a condition */
	JUMP_IF = 8,
	INDIRECT = 0xff, /**< with 2 (call) or 4 (jump) in bits 3-5 of the next byte */
};

struct search {
	const struct ul_image *image;
	const char *const *names;
	uint64_t functions[MAX_FUNCTIONS]; /**< seen, in the order they are followed */
	unsigned int depths[MAX_FUNCTIONS];
	size_t len;
	bool indirect; /**< the first one calls through a pointer */
	bool found;
};

static bool begins_with_one(const char *function, const char *const *names)
{
	for (; *names; names++)
		if (!strncmp(function, *names, strlen(*names)))
			return true;
	return false;
}

static bool starts_function(const struct search *search, uint64_t kaddr, struct ul_symbol *ret)
{
	return ul_symtab_lookup(search->image->symtab, kaddr, ret) && ret->code && !ret->offset;
}

static void add(struct search *search, uint64_t function, unsigned int depth)
{
	for (size_t i = 0; i < search->len; i++)
		if (search->functions[i] == function)
			return;
	if (search->len == MAX_FUNCTIONS)
		return;
	search->functions[search->len] = function;
	search->depths[search->len++] = depth;
}

/** Bytes of the function that were read; 0: it is not readable, or too long. */
static size_t read_code(const struct search *search, uint64_t function, uint8_t *code)
{
	size_t got = 0;
	struct ul_symbol here;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(search->image->memory, function, code, CODE_BYTES, &got);
	if (error || !got)
		return 0;
	if (ul_symtab_lookup(search->image->symtab, function + got, &here) &&
	    here.start == function)
		return got == CODE_BYTES ? 0 : got;
	size_t low = 0;
	size_t high = got;
	// The first byte that is another symbol's.
	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;
		if (ul_symtab_lookup(search->image->symtab, function + middle, &here) &&
		    here.start == function)
			low = middle;
		else
			high = middle;
	}
	return high;
}

static void see_call(struct search *search, uint64_t target, unsigned int depth)
{
	struct ul_symbol symbol;
	if (!starts_function(search, target, &symbol))
		return;
	if (begins_with_one(symbol.name, search->names))
		search->found = true;
	else if (!strncmp(symbol.name, "__x86_indirect_", strlen("__x86_indirect_")))
		search->indirect |= !depth;
	else if (depth < MAX_DEPTH)
		add(search, symbol.start, depth + 1);
}

static bool follow(struct search *search, size_t index)
{
	uint8_t code[CODE_BYTES];
	const uint64_t function = search->functions[index];
	const unsigned int depth = search->depths[index];
	const size_t len = read_code(search, function, code);
	for (size_t at = 0; at + 1 < len && !search->found; at++) {
		int32_t distance;
		const unsigned int extension = code[at + 1] >> 3 & 7;
		if (code[at] == INDIRECT && (extension == 2 || extension == 4))
			search->indirect |= !depth;
		const bool conditional =
			at && code[at - 1] == TWO_BYTES && code[at] >> 4 == JUMP_IF;
		if ((code[at] != CALL && code[at] != JUMP && !conditional) ||
		    at + 1 + sizeof(distance) > len)
			continue;
		memcpy(&distance, code + at + 1, sizeof(distance));
		see_call(search, function + at + 1 + sizeof(distance) + (uint64_t)(int64_t)distance,
			 depth);
	}
	return len;
}

enum ul_calls_answer ul_calls_any(const struct ul_image *image, uint64_t function,
				  const char *const *names)
{
	struct search search = {.image = image, .names = names};
	struct ul_symbol symbol;
	if (!image->symtab || strcmp(image->kernel.arch, "x86_64") != 0 ||
	    !starts_function(&search, function, &symbol))
		return UL_CALLS_UNKNOWN;
	if (begins_with_one(symbol.name, names))
		return UL_CALLS_YES;
	add(&search, function, 0);
	bool unread = false;
	for (size_t i = 0; i < search.len && !search.found; i++)
		unread |= !follow(&search, i);
	if (search.found)
		return UL_CALLS_YES;
	return unread || search.indirect || search.len == MAX_FUNCTIONS ? UL_CALLS_UNKNOWN
									: UL_CALLS_NO;
}
