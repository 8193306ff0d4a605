// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/reach_fixture.h"

#include "analysis/orphan_groups.h"
#include "analysis/reach.h"

#define SMALL(n)  (fixture_page(16) + (uint64_t)(n)*64)
#define BUFFER(n) (fixture_page(32) + (uint64_t)(n)*4096)
#define OPS	  (FIXTURE_IMAGE + 0x2000)
#define OTHER_OPS (FIXTURE_IMAGE + 0x2100)
#define CALLER	  (FIXTURE_IMAGE + 0x1100)

/* 20 structures of 64 bytes, each with a buffer; 7 with other operations; 3 areas of vmalloc. */
static struct fixture *make(struct ul_orphans *orphans)
{
	struct fixture *fixture = fixture_create(true);
	fixture_block(fixture, SMALL(0), 4096, 64, 0, UL_BLOCK_SLAB, 0);
	for (int i = 0; i < 20; i++)
		fixture_block(fixture, BUFFER(i), 4096, 0, UINT32_MAX, UL_BLOCK_KMALLOC_LARGE, 0);
	for (uint64_t i = 0; i < 3; i++) {
		const struct ul_heap_area area = {.caller = CALLER + (i == 2 ? 0x100 : i)};
		assert_true(ul_vec_push(&fixture->heap.areas, area));
		fixture_block(fixture, FIXTURE_VMALLOC + i * 8192, 4096, 0, (uint32_t)i,
			      UL_BLOCK_VMALLOC, 0);
	}
	fixture->heap.caches.data[0].allocated = 64;
	assert_null(ul_heap_finish(&fixture->heap));
	fixture->image.symtab = ul_symtab_create();
	assert_null(ul_symtab_add(fixture->image.symtab, FIXTURE_IMAGE, 'T', "_text", NULL));
	assert_null(ul_symtab_add(fixture->image.symtab, CALLER, 'T', "area_open", NULL));
	assert_null(ul_symtab_add(fixture->image.symtab, CALLER + 0x80, 'T', "area_more", NULL));
	assert_null(ul_symtab_add(fixture->image.symtab, OPS, 'D', "seq_ops", NULL));
	assert_null(ul_symtab_add(fixture->image.symtab, OTHER_OPS, 'D', "other_ops", NULL));
	assert_null(ul_symtab_add(fixture->image.symtab, OTHER_OPS + 256, 'D', "init_task", NULL));
	ul_symtab_finish(fixture->image.symtab);
	for (int i = 0; i < 27; i++) {
		fixture_allocate(fixture, SMALL(i));
		fixture_put(fixture, SMALL(i) + 16, i < 20 ? OPS : OTHER_OPS);
		fixture_put(fixture, SMALL(i) + 24, (uint64_t)i * 1000);
	}
	for (int i = 0; i < 20; i++) {
		const struct fixture_segment *memory = &fixture->memory.segments[0];
		fixture_allocate(fixture, BUFFER(i));
		fixture_put(fixture, SMALL(i), BUFFER(i));
		sprintf((char *)memory->data + (BUFFER(i) - memory->kaddr),
			"version 15\ntimestamp %d\n", 4000 + 17 * i);
	}
	for (uint64_t i = 0; i < 3; i++)
		fixture_allocate(fixture, FIXTURE_VMALLOC + i * 8192);
	const struct ul_reach_options options = {.threads = 2};
	assert_null(ul_reach(&fixture->image, &fixture->heap, &options, orphans));
	assert_int_equal(orphans->items.len, 50);
	return fixture;
}

static void unmake(struct fixture *fixture)
{
	ul_symtab_destroy(fixture->image.symtab);
	fixture_free(fixture);
}

static void groups_are_by_cache_and_contents_and_say_what_hangs_from_whom(void **state)
{
	(void)state;
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = {0};
	struct fixture *fixture = make(&orphans);
	assert_null(ul_orphan_groups(&fixture->image, &fixture->heap, &orphans));
	assert_null(ul_orphan_groups_finish(&fixture->image, &fixture->heap, NULL, &orphans));
	assert_int_equal(orphans.groups.len, 5);
	const struct ul_orphan_group *group = &orphans.groups.data[0];
	assert_string_equal(group->cache, "small");
	assert_int_equal(group->orphans, 20);
	assert_int_equal(group->allocated, 64);
	assert_int_equal(group->bytes, 20 * 64);
	assert_int_equal(group->retained_bytes, 20 * (64 + 4096));
	assert_int_equal(group->role, UL_ORPHAN_DIRECT);
	assert_int_equal(group->grade, UL_ORPHAN_STRONG);
	assert_int_equal(group->strong, 20);
	assert_int_equal(group->hangs_from.len, 0);
	assert_string_equal(group->hint, "+0x10 -> seq_ops");
	assert_int_equal(group->examples.len, 5);
	assert_int_equal(group->examples.data[0], SMALL(0));
	const struct ul_pattern_word *word = &group->patterns.items.data[0].words.data[0];
	assert_int_equal(word->kind, UL_WORD_PAGE);
	assert_string_equal(word->target, "kmalloc-large");
	// Two areas of one caller, then one of another, then the 7 structures, then the buffers.
	group = &orphans.groups.data[1];
	assert_string_equal(group->cache, "vmalloc");
	assert_string_equal(group->caller, "area_open");
	assert_int_equal(group->orphans, 2);
	assert_int_equal(group->allocated, 3);
	assert_string_equal(orphans.groups.data[2].caller, "area_more");
	assert_int_equal(orphans.groups.data[3].orphans, 7);
	group = &orphans.groups.data[4];
	assert_string_equal(group->cache, "kmalloc-large");
	assert_int_equal(group->orphans, 20);
	assert_int_equal(group->role, UL_ORPHAN_INDIRECT);
	assert_int_equal(group->retained_bytes, 0);
	assert_int_equal(group->hangs_from.len, 1);
	assert_int_equal(group->hangs_from.data[0], 0);
	assert_non_null(strstr(group->hint, "version 15\\ntimestamp 4"));
	uint64_t members = 0;
	uint64_t retained = 0;
	uint64_t bytes = 0;
	ul_vec_foreach (any, &orphans.groups) {
		members += any->members.len;
		retained += any->retained_bytes;
		bytes += any->bytes;
	}
	assert_int_equal(members, orphans.items.len);
	assert_int_equal(retained, bytes);
	unmake(fixture);
}

static void groups_of_one_type_are_joined(void **state)
{
	(void)state;
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = {0};
	struct fixture *fixture = make(&orphans);
	assert_null(ul_orphan_groups(&fixture->image, &fixture->heap, &orphans));
	ul_vec_foreach (group, &orphans.groups)
		if (!strcmp(group->cache, "small"))
			group->type = strdup("struct seq_file");
	assert_null(ul_orphan_groups_finish(&fixture->image, &fixture->heap, NULL, &orphans));
	assert_int_equal(orphans.groups.len, 4);
	const struct ul_orphan_group *group = &orphans.groups.data[0];
	assert_int_equal(group->orphans, 27);
	assert_int_equal(group->patterns.items.len, 2);
	assert_true(group->patterns.items.data[0].share == 20.0 / 27);
	unmake(fixture);
}

static void what_a_rule_names_is_counted_and_not_in_a_group(void **state)
{
	(void)state;
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = {0};
	UL_CLEANUP_SUPPRESSIONS struct ul_suppressions rules = {0};
	struct fixture *fixture = make(&orphans);
	assert_null(ul_suppressions_parse(
		&rules, "test",
		ul_span_of("symbol=other_ops # known\ncaller=area_*\ncache=nobody\n")));
	assert_null(ul_orphan_groups(&fixture->image, &fixture->heap, &orphans));
	assert_null(ul_orphan_groups_finish(&fixture->image, &fixture->heap, &rules, &orphans));
	assert_int_equal(orphans.groups.len, 2);
	assert_int_equal(orphans.suppressed, 10);
	assert_int_equal(orphans.suppressed_by.len, 2);
	uint64_t sum = 0;
	ul_vec_foreach (suppressed, &orphans.suppressed_by)
		sum += suppressed->orphans;
	assert_int_equal(sum, 10);
	assert_int_equal(orphans.items.len, 50);
	unmake(fixture);
}

static void groups_are_by_who_asked_where_the_kernel_keeps_that(void **state)
{
	(void)state;
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = {0};
	struct fixture *fixture = make(&orphans);
	uint64_t more = 0;
	uint64_t open = 0;
	uint64_t nobody = 0;
	fixture->heap.caches.data[0].object_bytes = 48;
	fixture->heap.caches.data[0].track = 56;
	for (int i = 0; i < 20; i++)
		fixture_put(fixture, SMALL(i) + 56,
			    i < 5    ? CALLER + 4
			    : i < 19 ? CALLER + 0x84
				     : OTHER_OPS); // no code: not believed
	assert_null(ul_orphan_groups(&fixture->image, &fixture->heap, &orphans));
	assert_null(ul_orphan_groups_finish(&fixture->image, &fixture->heap, NULL, &orphans));
	ul_vec_foreach (group, &orphans.groups) {
		if (strcmp(group->cache, "small") != 0)
			continue;
		if (!group->caller)
			nobody += group->orphans;
		else if (!strcmp(group->caller, "area_open"))
			open += group->orphans;
		else if (!strcmp(group->caller, "area_more"))
			more += group->orphans;
	}
	assert_int_equal(open, 5);
	assert_int_equal(more, 14);
	assert_int_equal(nobody, 1 + 7);
	unmake(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_by_cache_and_contents_and_say_what_hangs_from_whom),
		cmocka_unit_test(groups_of_one_type_are_joined),
		cmocka_unit_test(what_a_rule_names_is_counted_and_not_in_a_group),
		cmocka_unit_test(groups_are_by_who_asked_where_the_kernel_keeps_that),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
