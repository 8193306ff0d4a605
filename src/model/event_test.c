// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void names_are_kept_once_and_zero_is_none(void **state)
{
	struct ul_dictionary dictionary UL_CLEANUP_DICTIONARY = {0};
	uint32_t first;
	uint32_t other;
	uint32_t again;
	uint32_t empty;
	assert_null(ul_dictionary_name(&dictionary, ul_span_of("filp"), &first));
	assert_null(ul_dictionary_name(&dictionary, ul_span_of("dentry"), &other));
	assert_null(ul_dictionary_name(&dictionary, ul_span_of("filp"), &again));
	assert_null(ul_dictionary_name(&dictionary, ul_span_of(""), &empty));
	assert_int_equal(first, again);
	assert_int_not_equal(first, other);
	assert_int_equal(empty, 0);
	assert_string_equal(ul_dictionary_name_of(&dictionary, other), "dentry");
	assert_null(ul_dictionary_name_of(&dictionary, 0));
	assert_null(ul_dictionary_name_of(&dictionary, 3));
}

static void a_name_with_a_nul_byte_is_found_again(void **state)
{
	struct ul_dictionary dictionary UL_CLEANUP_DICTIONARY = {0};
	uint32_t first;
	uint32_t again;
	assert_null(ul_dictionary_name(&dictionary, (struct ul_span){"ab\0cd", 5}, &first));
	assert_null(ul_dictionary_name(&dictionary, (struct ul_span){"ab\0cd", 5}, &again));
	assert_int_equal(first, again);
}

static void many_names_survive_the_growth_of_the_table(void **state)
{
	enum { MANY = 10000 };
	struct ul_dictionary dictionary UL_CLEANUP_DICTIONARY = {0};
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			char name[32];
			uint32_t id;
			snprintf(name, sizeof(name), "cache-%u", i);
			assert_null(ul_dictionary_name(&dictionary, ul_span_of(name), &id));
			assert_int_equal(id, i + 1);
		}
	}
	assert_string_equal(ul_dictionary_name_of(&dictionary, 7778), "cache-7777");
}

static void add_frame(struct ul_stack *stack, const char *function, uint64_t kaddr)
{
	struct ul_frame *frame = ul_vec_add(&stack->frames);
	assert_non_null(frame);
	frame->function = function ? strdup(function) : NULL;
	frame->kaddr = kaddr;
	frame->offset = kaddr & 0xff;
}

static uint32_t stack_of(struct ul_dictionary *dictionary, const char *inner, const char *outer,
			 uint64_t kaddr)
{
	struct ul_stack stack = {0};
	uint32_t id;
	add_frame(&stack, inner, kaddr);
	add_frame(&stack, outer, kaddr);
	assert_null(ul_dictionary_stack(dictionary, &stack, &id));
	assert_int_equal(stack.frames.len, 0);
	return id;
}

static void stacks_of_the_same_functions_are_one(void **state)
{
	struct ul_dictionary dictionary UL_CLEANUP_DICTIONARY = {0};
	const uint32_t first = stack_of(&dictionary, "kmalloc", "seq_read", 0x11);
	assert_int_equal(stack_of(&dictionary, "kmalloc", "seq_read", 0x22), first);
	assert_int_not_equal(stack_of(&dictionary, "kmalloc", "seq_open", 0x11), first);
	// Without names the addresses are all there is.
	const uint32_t bare = stack_of(&dictionary, NULL, "seq_read", 0x11);
	assert_int_not_equal(stack_of(&dictionary, NULL, "seq_read", 0x22), bare);
	assert_int_equal(ul_dictionary_stack_of(&dictionary, first)->frames.data[0].kaddr, 0x11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_kept_once_and_zero_is_none),
		cmocka_unit_test(a_name_with_a_nul_byte_is_found_again),
		cmocka_unit_test(many_names_survive_the_growth_of_the_table),
		cmocka_unit_test(stacks_of_the_same_functions_are_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
