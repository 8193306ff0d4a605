// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "analysis/pattern.h"

#define HEAP	  0xffff888100000000ULL
#define SEQ_OPEN  0xffffffff81000100ULL
#define LEAK_READ 0xffffffffc0400080ULL

/* Objects of one size, filled by hand. */
struct set {
	struct ul_object_bytes *objects;
	uint8_t *bytes;
	size_t count;
	size_t size;
};

static struct set make_set(size_t count, size_t size)
{
	struct set set = {.count = count, .size = size};
	set.objects = calloc(count, sizeof(*set.objects));
	set.bytes = calloc(count, size);
	assert_non_null(set.objects);
	assert_non_null(set.bytes);
	for (size_t i = 0; i < count; i++)
		set.objects[i] = (struct ul_object_bytes){
			.kaddr = HEAP + i * size, .bytes = set.bytes + i * size, .len = size};
	return set;
}

static void set_deinit(struct set *set)
{
	free(set->objects);
	free(set->bytes);
}

static void put(struct set *set, size_t object, size_t offset, uint64_t value)
{
	memcpy(set->bytes + object * set->size + offset, &value, sizeof(value));
}

static void put_text(struct set *set, size_t object, size_t offset, const char *text)
{
	memcpy(set->bytes + object * set->size + offset, text, strlen(text));
}

static uint64_t noise(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state ^ *state >> 29;
}

static struct ul_symtab *make_symtab(void)
{
	struct ul_symtab *symtab = ul_symtab_create();
	assert_non_null(symtab);
	assert_null(ul_symtab_add(symtab, 0xffffffff81000000, 'T', "_text", NULL));
	assert_null(ul_symtab_add(symtab, SEQ_OPEN, 't', "seq_open", NULL));
	assert_null(ul_symtab_add(symtab, SEQ_OPEN + 0x100, 't', "seq_read", NULL));
	assert_null(ul_symtab_add(symtab, LEAK_READ, 't', "leak_read", "leakstat"));
	assert_null(ul_symtab_add(symtab, 0xffffffff83000000, 'B', "_end", NULL));
	ul_symtab_finish(symtab);
	return symtab;
}

static const struct ul_pattern_word *word_at(const struct ul_pattern *pattern, uint32_t offset)
{
	static const struct ul_pattern_word none = {.offset = UINT32_MAX, .kind = UL_WORD_MIXED};
	ul_vec_foreach (word, &pattern->words)
		if (word->offset == offset)
			return word;
	return &none;
}

/* What /proc/schedstat leaves in a buffer: digits and lengths differ, the rest is old garbage. */
static void put_schedstat(struct set *set, size_t object, uint64_t *state)
{
	char text[600];
	int len = snprintf(text, sizeof(text), "version 15\ntimestamp %llu\n",
			   4294900000ULL + noise(state) % 1000000);
	const int cpus = 2 + (int)(noise(state) % 5);
	for (int cpu = 0; cpu < cpus; cpu++)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
				"cpu%d 0 0 %llu %llu 0 0 %llu\n", cpu,
				(unsigned long long)(noise(state) % 100000),
				(unsigned long long)(noise(state) % 1000),
				(unsigned long long)noise(state));
	for (size_t at = 0; at < set->size; at += 8)
		put(set, object, at, object % 3 ? noise(state) : 0);
	put_text(set, object, 0, text);
	set->bytes[object * set->size + (size_t)len] = 0;
}

static void buffers_of_one_text_fall_together_whatever_their_digits(void **state)
{
	uint64_t seed = 1;
	struct set set = make_set(103, 4096);
	for (size_t i = 0; i < set.count; i++)
		put_schedstat(&set, i, &seed);
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	assert_null(ul_pattern_analyse(set.objects, set.count, NULL, &patterns));
	assert_int_equal(patterns.items.len, 1);
	const struct ul_pattern *pattern = &patterns.items.data[0];
	assert_int_equal(pattern->objects, 103);
	assert_true(pattern->share == 1.0);
	assert_int_equal(pattern->kind, UL_WORD_TEXT);
	assert_non_null(strstr(pattern->text, "version 15\\ntimestamp 429"));
	assert_non_null(strstr(pattern->text, "\\ncpu0 0 0 "));
	assert_non_null(strstr(pattern->text, "\\ncpu5 0 0 "));
	const struct ul_pattern_word *word = word_at(pattern, 0);
	assert_int_equal(word->kind, UL_WORD_TEXT);
	assert_true(word->share == 1.0);
	assert_int_equal(patterns.object_bytes, 4096);
	assert_int_equal(pattern->bytes.len, 256);
	set_deinit(&set);
}

/*
 * seq_file-like: list head to itself or to a neighbour, a callback, a counter, a pointer or NULL.
 */
static void put_file(struct set *set, size_t object, uint64_t callback, uint64_t *state)
{
	const uint64_t self = HEAP + object * set->size;
	const bool linked = noise(state) % 2;
	put(set, object, 0, linked ? HEAP + noise(state) % 4096 * 8 : self);
	put(set, object, 8, linked ? HEAP + noise(state) % 4096 * 8 : self);
	put(set, object, 16, callback);
	put(set, object, 24, noise(state) % 3);
	put(set, object, 32, noise(state) % 4 ? HEAP + 0x10000000 + noise(state) % 999 * 8 : 0);
	put(set, object, 40, HEAP + 0x20000000 + object * 64);
	put(set, object, 48, 0x0000000100000003ULL);
}

static void mixed_objects_are_told_apart_and_counted(void **state)
{
	uint64_t seed = 7;
	struct set set = make_set(1000, 128);
	// 600 of one type, 250 that differ in the callback, 100 empty, 50 with text.
	for (size_t i = 0; i < 1000; i++) {
		const size_t which = i * 7 % 1000; // every number once: 7 and 1000 share no factor
		if (which < 600)
			put_file(&set, i, SEQ_OPEN, &seed);
		else if (which < 850)
			put_file(&set, i, LEAK_READ, &seed);
		else if (which >= 950)
			put_text(&set, i, 0,
				 which % 2 ? "NAME=eth0 SPEED=1000" : "NAME=eth1 SPEED=10");
	}
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = make_symtab();
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	assert_null(ul_pattern_analyse(set.objects, set.count, symtab, &patterns));
	assert_int_equal(patterns.items.len, 4);
	const struct ul_pattern *items = patterns.items.data;
	assert_int_equal(items[0].objects, 600);
	assert_int_equal(items[1].objects, 250);
	assert_int_equal(items[2].objects, 100);
	assert_int_equal(items[3].objects, 50);
	assert_true(items[0].share == 0.6);
	assert_string_equal(word_at(&items[0], 16)->symbol, "seq_open");
	assert_true(word_at(&items[0], 16)->share == 1.0);
	assert_string_equal(word_at(&items[1], 16)->symbol, "leak_read [leakstat]");
	assert_int_equal(word_at(&items[0], 40)->kind, UL_WORD_KERNEL);
	assert_null(items[0].text);
	assert_int_equal(items[2].kind, UL_WORD_ZERO);
	assert_int_equal(items[2].words.len, 0);
	assert_int_equal(items[3].kind, UL_WORD_TEXT);
	assert_non_null(strstr(items[3].text, "NAME=eth"));
	set_deinit(&set);
}

static void a_name_within_a_structure_is_shown_as_far_as_all_agree(void **state)
{
	struct set set = make_set(10, 128);
	for (size_t i = 0; i < set.count; i++) {
		char name[32];
		snprintf(name, sizeof(name), "kworker/%zu:%zu", i, i * 3);
		put(&set, i, 0, LEAK_READ);
		for (size_t offset = 8; offset < 64; offset += 8)
			put(&set, i, offset, HEAP + 0x1000000 + i * 4096 + offset);
		put_text(&set, i, 64, name);
	}
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	assert_null(ul_pattern_analyse(set.objects, set.count, NULL, &patterns));
	assert_int_equal(patterns.items.len, 1);
	assert_string_equal(patterns.items.data[0].text, "kworker/");
	assert_int_equal(patterns.items.data[0].kind, UL_WORD_KERNEL);
	assert_int_equal(word_at(&patterns.items.data[0], 64)->kind, UL_WORD_TEXT);
	set_deinit(&set);
}

static void a_symbol_only_some_have_is_not_named_for_all(void **state)
{
	struct set set = make_set(10, 64);
	for (size_t i = 0; i < set.count; i++) {
		for (size_t offset = 0; offset < 64; offset += 8)
			put(&set, i, offset, HEAP + 0x1000000 + i * 4096 + offset);
		put(&set, i, 8, i < 8 ? SEQ_OPEN : 0);
	}
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = make_symtab();
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	assert_null(ul_pattern_analyse(set.objects, set.count, symtab, &patterns));
	assert_int_equal(patterns.items.len, 1);
	assert_true(word_at(&patterns.items.data[0], 8)->share == 0.8);
	set_deinit(&set);
}

static void poison_is_no_text_and_numbers_are_no_pointers(void **state)
{
	struct set set = make_set(6, 64);
	for (size_t offset = 0; offset < 64; offset += 8) {
		put(&set, 0, offset, 0x6b6b6b6b6b6b6b6bULL);
		put(&set, 1, offset, (uint64_t)-5);
		put(&set, 2, offset, offset + 1);
		put(&set, 3, offset, HEAP + set.size * 3 + offset);
		put(&set, 4, offset, 0xffffea0000000000ULL + offset * 8);
	}
	static const enum ul_word_kind kinds[] = {UL_WORD_OTHER, UL_WORD_SMALL,	 UL_WORD_SMALL,
						  UL_WORD_SELF,	 UL_WORD_KERNEL, UL_WORD_ZERO};
	for (size_t i = 0; i < set.count; i++) {
		UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
		assert_null(ul_pattern_analyse(&set.objects[i], 1, NULL, &patterns));
		assert_int_equal(patterns.items.len, 1);
		assert_int_equal(patterns.items.data[0].kind, kinds[i]);
		assert_int_equal(patterns.items.data[0].example, HEAP + i * 64);
	}
	set_deinit(&set);
}

static void what_was_not_read_is_counted_and_short_reads_are_used(void **state)
{
	struct set set = make_set(4, 64);
	for (size_t i = 0; i < set.count; i++)
		for (size_t offset = 0; offset < 64; offset += 8)
			put(&set, i, offset, HEAP + 0x1000000 + i * 4096);
	set.objects[0].len = 0;
	set.objects[1].len = 7;
	set.objects[2].len = 24;
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	assert_null(ul_pattern_analyse(set.objects, set.count, NULL, &patterns));
	assert_int_equal(patterns.objects_read, 2);
	assert_int_equal(patterns.objects_unreadable, 2);
	assert_int_equal(patterns.items.len, 1);
	assert_int_equal(patterns.items.data[0].objects, 2);
	UL_CLEANUP_PATTERNS struct ul_patterns none = {0};
	assert_null(ul_pattern_analyse(NULL, 0, NULL, &none));
	assert_int_equal(none.items.len, 0);
	set_deinit(&set);
}

/*
 * Every object once, whatever they hold: the books balance, and the number of patterns is bounded.
 */
static void random_objects_are_all_in_some_pattern(void **state)
{
	uint64_t seed = 99;
	struct set set = make_set(2000, 256);
	for (size_t i = 0; i < set.count; i++)
		for (size_t offset = 0; offset < 256; offset += 8) {
			static const uint64_t masks[] = {0, 0xff, 0x7f7f7f7f7f7f7f7fULL, UINT64_MAX,
							 0x00000000ffffffffULL};
			const uint64_t value = noise(&seed) & masks[noise(&seed) % 5];
			put(&set, i, offset,
			    noise(&seed) % 4 ? value : HEAP + (value & 0xfffffff8));
		}
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	assert_null(ul_pattern_analyse(set.objects, set.count, NULL, &patterns));
	uint64_t sum = 0;
	double shares = 0;
	ul_vec_foreach (pattern, &patterns.items) {
		sum += pattern->objects;
		shares += pattern->share;
	}
	assert_int_equal(sum, 2000);
	assert_true(shares > 0.999 && shares < 1.001);
	assert_true(patterns.items.len <= 130);
	set_deinit(&set);
}

static void ten_thousand_pages_are_compared_with_leaders_not_with_each_other(void **state)
{
	uint64_t seed = 5;
	struct set set = make_set(10000, 4096);
	for (size_t i = 0; i < set.count; i++)
		if (i % 2)
			put_schedstat(&set, i, &seed);
		else
			for (size_t offset = 0; offset < 4096; offset += 8)
				put(&set, i, offset,
				    noise(&seed) % 3 ? SEQ_OPEN + noise(&seed) % 64 : i);
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = make_symtab();
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	const clock_t start = clock();
	assert_null(ul_pattern_analyse(set.objects, set.count, symtab, &patterns));
	const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	print_message("10000 objects of 4 KiB: %.3f s of CPU, %zu patterns\n", seconds,
		      patterns.items.len);
	// Some 0.6 s where this was written; pairwise comparison would take minutes.
	assert_true(seconds < 10.0);
	set_deinit(&set);
}

/* A heap as far as a resolver needs it: even pages are dentries of 192 bytes, odd ones pages. */
static bool resolve_by_hand(const void *context, uint64_t value, struct ul_pattern_target *ret)
{
	const uint64_t base = *(const uint64_t *)context;
	if (value - base >= 0x100000)
		return false;
	const bool page = value >> 12 & 1;
	*ret = (struct ul_pattern_target){
		.kind = page ? UL_WORD_PAGE : UL_WORD_CACHE,
		.name = page ? "pages" : "dentry",
		.offset = (uint32_t)(page ? value & 0xfff : (value & 0xfff) % 192),
	};
	return true;
}

static void pointers_are_told_by_what_most_of_them_lead_to(void **state)
{
	const uint64_t base = HEAP + 0x40000000;
	const struct ul_pattern_resolver resolver = {resolve_by_hand, &base};
	struct set set = make_set(40, 64);
	for (size_t i = 0; i < set.count; i++) {
		put(&set, i, 0, base + 0x2000 * i + 192 * (i % 20) + 88); // dentry +0x58
		put(&set, i, 8, i % 4 ? base + 0x1000 + 0x2000 * i : base + 0x2000 * i);
		put(&set, i, 16, base + 0x1000 + 0x2000 * (i % 8) + 8 * i); // each elsewhere
		put(&set, i, 24, HEAP + 0x7000000);			    // nobody's
	}
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	assert_null(
		ul_pattern_analyse_resolved(set.objects, set.count, NULL, &resolver, &patterns));
	assert_int_equal(patterns.items.len, 1);
	const struct ul_pattern_word *word = word_at(&patterns.items.data[0], 0);
	assert_int_equal(word->kind, UL_WORD_CACHE);
	assert_string_equal(word->target, "dentry");
	assert_int_equal(word->target_offset, 88);
	assert_true(word->share == 1.0);
	word = word_at(&patterns.items.data[0], 8);
	assert_int_equal(word->kind, UL_WORD_PAGE);
	assert_string_equal(word->target, "pages");
	assert_true(word->share == 0.75);
	assert_int_equal(word_at(&patterns.items.data[0], 16)->kind, UL_WORD_KERNEL);
	assert_null(word_at(&patterns.items.data[0], 16)->target);
	assert_null(word_at(&patterns.items.data[0], 24)->target);
	set_deinit(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_of_one_text_fall_together_whatever_their_digits),
		cmocka_unit_test(mixed_objects_are_told_apart_and_counted),
		cmocka_unit_test(a_name_within_a_structure_is_shown_as_far_as_all_agree),
		cmocka_unit_test(a_symbol_only_some_have_is_not_named_for_all),
		cmocka_unit_test(poison_is_no_text_and_numbers_are_no_pointers),
		cmocka_unit_test(what_was_not_read_is_counted_and_short_reads_are_used),
		cmocka_unit_test(pointers_are_told_by_what_most_of_them_lead_to),
		cmocka_unit_test(random_objects_are_all_in_some_pattern),
		cmocka_unit_test(ten_thousand_pages_are_compared_with_leaders_not_with_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
