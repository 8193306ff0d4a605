// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/reach_fixture.h"

#include "analysis/reach.h"

/* The slab of small objects is page 16, of large ones page 17; pages 32..35 are one page block. */
#define SMALL(n) (FIXTURE_DIRECT + 16 * 4096 + (uint64_t)(n)*64)
#define LARGE(n) (FIXTURE_DIRECT + 17 * 4096 + (uint64_t)(n)*1024)
#define BLOCK	 (FIXTURE_DIRECT + 32 * 4096)
#define PERCPU	 UINT64_C(0x1a040)

static struct fixture *make_unfinished(bool mapped)
{
	struct fixture *fixture = fixture_create(mapped);
	fixture_block(fixture, SMALL(0), 4096, 64, 0, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, LARGE(0), 4096, 1024, 1, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, BLOCK, 4 * 4096, 0, UINT32_MAX, UL_BLOCK_PAGES, 0);
	fixture_block(fixture, FIXTURE_VMALLOC, 8192, 0, UINT32_MAX, UL_BLOCK_VMALLOC, 0);
	fixture_block(fixture, PERCPU, 64, 0, UINT32_MAX, UL_BLOCK_PERCPU, 0);
	fixture_root(fixture, FIXTURE_IMAGE, 4096, UL_ROOT_IMAGE);
	fixture->heap.page_class[16] = fixture->heap.page_class[17] = UL_FRAME_SLAB;
	return fixture;
}

static struct fixture *make(bool mapped)
{
	struct fixture *fixture = make_unfinished(mapped);
	assert_null(ul_heap_finish(&fixture->heap));
	return fixture;
}

static struct ul_orphans reach(struct fixture *fixture, unsigned int threads)
{
	struct ul_orphans orphans;
	const struct ul_reach_options options = {.threads = threads};
	assert_null(ul_reach(&fixture->image, &fixture->heap, &options, &orphans));
	return orphans;
}

static const struct ul_orphan *orphan_at(const struct ul_orphans *orphans, uint64_t kaddr)
{
	ul_vec_foreach (orphan, &orphans->items)
		if (orphan->kaddr == kaddr)
			return orphan;
	return NULL;
}

static void what_no_chain_leads_to_is_an_orphan(void **state)
{
	(void)state;
	for (int mapped = 0; mapped < 2; mapped++) {
		struct fixture *fixture = make(mapped);
		for (int i = 0; i < 6; i++)
			fixture_allocate(fixture, SMALL(i));
		fixture_put(fixture, FIXTURE_IMAGE + 8, SMALL(0));
		fixture_put(fixture, SMALL(0) + 16, SMALL(1) + 40); // into it
		fixture_put(fixture, SMALL(1) + 56, SMALL(2) | 3);  // with a tag
		fixture_put(fixture, SMALL(3), SMALL(3));	    // only itself
		fixture_put(fixture, SMALL(4), SMALL(5));
		UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 1);
		assert_int_equal(orphans.objects_allocated, 6);
		assert_int_equal(orphans.objects_reachable, 3);
		assert_int_equal(orphans.items.len, 3);
		for (int i = 3; i < 6; i++) {
			const struct ul_orphan *orphan = orphan_at(&orphans, SMALL(i));
			assert_non_null(orphan);
			assert_int_equal(orphan->grade, UL_ORPHAN_STRONG);
			assert_int_equal(orphan->role,
					 i == 5 ? UL_ORPHAN_INDIRECT : UL_ORPHAN_DIRECT);
		}
		assert_int_equal(orphans.losses.items.len, 0);
		fixture_free(fixture);
	}
}

static void every_kind_of_block_is_reached_by_its_own_kind_of_pointer(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	fixture_allocate(fixture, BLOCK);
	fixture_allocate(fixture, FIXTURE_VMALLOC);
	fixture_allocate(fixture, PERCPU);
	fixture_allocate(fixture, SMALL(0));
	fixture_allocate(fixture, SMALL(1));
	fixture_put(fixture, FIXTURE_IMAGE, FIXTURE_VMALLOC + 8000);
	fixture_put(fixture, FIXTURE_VMALLOC + 8184, FIXTURE_VMEMMAP + 34 * 64); // a tail page
	fixture_put(fixture, FIXTURE_VMEMMAP + 33 * 64 + 40, PERCPU); // page->private of the block
	fixture_put(fixture, BLOCK + 4 * 4096 - 8, SMALL(0) + 63);
	fixture_put(fixture, FIXTURE_IMAGE + 16, FIXTURE_VMEMMAP + 16 * 64); // keeps no slab
	fixture_put(fixture, FIXTURE_IMAGE + 24, PERCPU + 8);
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 2);
	assert_int_equal(orphans.items.len, 1);
	assert_int_equal(orphans.items.data[0].kaddr, SMALL(1));
	fixture_free(fixture);
}

static void the_struct_page_of_a_page_in_use_is_a_root_but_not_of_a_page_block(void **state)
{
	(void)state;
	struct fixture *fixture = make_unfinished(true);
	fixture_root(fixture, FIXTURE_VMEMMAP, FIXTURE_PAGES * 64, UL_ROOT_PAGE);
	fixture->heap.page_class[5] = UL_FRAME_FILE;
	fixture->heap.page_class[6] = UL_FRAME_FREE;
	assert_null(ul_heap_finish(&fixture->heap));
	for (int i = 0; i < 4; i++)
		fixture_allocate(fixture, SMALL(i));
	fixture_allocate(fixture, BLOCK);
	fixture_put(fixture, FIXTURE_VMEMMAP + 5 * 64 + 40, SMALL(0)); // page->private
	fixture_put(fixture, FIXTURE_VMEMMAP + 6 * 64 + 40, SMALL(1)); // of a free page
	fixture_put(fixture, FIXTURE_VMEMMAP + 32 * 64 + 8, SMALL(2)); // of the lost block
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 2);
	assert_int_equal(orphans.items.len, 4);
	assert_null(orphan_at(&orphans, SMALL(0)));
	assert_int_equal(orphan_at(&orphans, SMALL(2))->grade, UL_ORPHAN_UNREACHED_PAGE);
	assert_int_equal(orphan_at(&orphans, SMALL(2))->role, UL_ORPHAN_INDIRECT);
	assert_int_equal(orphan_at(&orphans, BLOCK)->grade, UL_ORPHAN_STRONG);
	fixture_free(fixture);
}

static void what_is_not_to_be_trusted_is_not_read(void **state)
{
	(void)state;
	struct fixture *fixture = make_unfinished(true);
	fixture_block(fixture, fixture_page(40), 4096, 64, 0, UL_BLOCK_SLAB, UL_BLOCK_NO_SCAN);
	fixture_block(fixture, fixture_page(41), 4096, 64, 0, UL_BLOCK_SLAB, UL_BLOCK_UNKNOWN);
	fixture_block(fixture, fixture_page(42), 4096, 64, 0, UL_BLOCK_SLAB, UL_BLOCK_NOT_LEAK);
	const struct ul_range hidden = {FIXTURE_IMAGE + 64, FIXTURE_IMAGE + 72};
	const struct ul_range hidden_in_object = {LARGE(0) + 8, LARGE(0) + 16};
	assert_true(ul_vec_push(&fixture->heap.hidden, hidden));
	assert_true(ul_vec_push(&fixture->heap.hidden, hidden_in_object));
	fixture->heap.page_class[50] = UL_FRAME_FREE;
	fixture->heap.caches.data[1].object_bytes = 1000;
	assert_null(ul_heap_finish(&fixture->heap));
	for (int i = 0; i < 9; i++)
		fixture_allocate(fixture, SMALL(i));
	fixture_allocate(fixture, LARGE(0));
	fixture_allocate(fixture, fixture_page(40));
	fixture_allocate(fixture, fixture_page(42));
	fixture_put(fixture, FIXTURE_IMAGE + 64, SMALL(0)); // hidden
	fixture_put(fixture, FIXTURE_IMAGE + 72, LARGE(0));
	fixture_put(fixture, LARGE(0) + 8, SMALL(1));	 // hidden
	fixture_put(fixture, LARGE(0) + 1000, SMALL(2)); // padding
	fixture_put(fixture, LARGE(1), SMALL(3));	 // free object
	fixture_put(fixture, FIXTURE_IMAGE + 80, fixture_page(40));
	fixture_put(fixture, fixture_page(40), SMALL(4));     // not scanned
	fixture_put(fixture, fixture_page(41), SMALL(5));     // state unknown: reaches
	fixture_put(fixture, fixture_page(42), SMALL(6));     // known to be kept: reaches
	fixture_put(fixture, fixture_page(50), SMALL(7) + 8); // free page
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 2);
	assert_int_equal(orphans.objects_unknown, 64);
	assert_int_equal(orphans.items.len, 7);
	assert_int_equal(orphan_at(&orphans, SMALL(0))->grade, UL_ORPHAN_STRONG);
	assert_int_equal(orphan_at(&orphans, SMALL(1))->grade, UL_ORPHAN_STRONG);
	assert_int_equal(orphan_at(&orphans, SMALL(2))->grade, UL_ORPHAN_STRONG);
	assert_int_equal(orphan_at(&orphans, SMALL(3))->grade, UL_ORPHAN_STALE);
	assert_int_equal(orphan_at(&orphans, SMALL(3))->stale_kaddr, LARGE(1));
	assert_int_equal(orphan_at(&orphans, SMALL(4))->grade, UL_ORPHAN_STALE);
	assert_int_equal(orphan_at(&orphans, SMALL(7))->stale_kaddr, fixture_page(50));
	assert_int_equal(orphan_at(&orphans, SMALL(8))->grade, UL_ORPHAN_STRONG);
	assert_null(orphan_at(&orphans, SMALL(5)));
	assert_null(orphan_at(&orphans, SMALL(6)));
	fixture_free(fixture);
}

static void other_forms_of_a_reference_make_an_orphan_weak(void **state)
{
	(void)state;
	struct fixture *fixture = make_unfinished(true);
	fixture_block(fixture, fixture_page(300), 4096, 0, UINT32_MAX, UL_BLOCK_PAGES, 0);
	fixture_block(fixture, fixture_page(301), 4096, 0, UINT32_MAX, UL_BLOCK_PAGES, 0);
	fixture->heap.page_class[60] = UL_FRAME_TABLE;
	assert_null(ul_heap_finish(&fixture->heap));
	for (int i = 0; i < 20; i += 2)
		fixture_allocate(fixture, SMALL(i)); // each second is free
	fixture_allocate(fixture, SMALL(15));
	fixture_allocate(fixture, LARGE(3));
	fixture_allocate(fixture, fixture_page(300));
	fixture_allocate(fixture, fixture_page(301));
	fixture_put(fixture, FIXTURE_IMAGE + 8 + 4, SMALL(0));	 // packed structure
	fixture_put(fixture, FIXTURE_IMAGE + 32, SMALL(2) + 64); // one past the end: free there
	fixture_put(fixture, FIXTURE_IMAGE + 40, SMALL(4) - 16); // before it: free there
	fixture_put(fixture, FIXTURE_IMAGE + 48, 16 * 4096 + 6 * 64);	  // physical: SMALL(6)
	fixture_put(fixture, FIXTURE_IMAGE + 56, 16 * 4096 + 8 * 64 + 8); // in it: says nothing
	fixture_put(fixture, FIXTURE_IMAGE + 64, 300);			  // frame number
	fixture_put(fixture, fixture_page(60) + 8, 301 * 4096 | 0x8000000000000063ULL); // a PTE
	fixture_put(fixture, FIXTURE_IMAGE + 72,
		    SMALL(15)); // behind 14, and an object: 15 is meant
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 2);
	const struct {
		uint64_t kaddr;
		unsigned int weak;
	} wanted[] = {{SMALL(0), UL_WEAK_MISALIGNED},
		      {SMALL(2), UL_WEAK_PAST_END},
		      {SMALL(4), UL_WEAK_PAST_END},
		      {SMALL(6), UL_WEAK_PHYSICAL},
		      {SMALL(8), 0},
		      {SMALL(14), 0},
		      {LARGE(3), 0},
		      {fixture_page(300), UL_WEAK_PFN},
		      {fixture_page(301), UL_WEAK_PHYSICAL}};
	for (size_t i = 0; i < UL_ARRAY_LEN(wanted); i++) {
		const struct ul_orphan *orphan = orphan_at(&orphans, wanted[i].kaddr);
		assert_non_null(orphan);
		assert_int_equal(orphan->weak, wanted[i].weak);
		assert_int_equal(orphan->grade, wanted[i].weak ? UL_ORPHAN_WEAK : UL_ORPHAN_STRONG);
	}
	assert_null(orphan_at(&orphans, SMALL(15)));
	fixture_free(fixture);
}

static void roles_and_retained_bytes_follow_who_keeps_whom(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	for (int i = 0; i < 12; i++)
		fixture_allocate(fixture, SMALL(i));
	fixture_allocate(fixture, LARGE(0));
	fixture_put(fixture, SMALL(0), SMALL(1)); // 0 -> 1 -> 2, 0 -> 2
	fixture_put(fixture, SMALL(1), SMALL(2));
	fixture_put(fixture, SMALL(0) + 8, SMALL(2));
	fixture_put(fixture, SMALL(3), SMALL(4)); // ring 3 <-> 4 -> large
	fixture_put(fixture, SMALL(4), SMALL(3));
	fixture_put(fixture, SMALL(4) + 8, LARGE(0));
	fixture_put(fixture, SMALL(5), SMALL(7)); // 5 and 6 share 7
	fixture_put(fixture, SMALL(6), SMALL(7));
	fixture_put(fixture, SMALL(8), SMALL(9)); // 8 -> ring 9 <-> 10
	fixture_put(fixture, SMALL(9), SMALL(10));
	fixture_put(fixture, SMALL(10), SMALL(9));
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 1);
	const struct {
		uint64_t kaddr;
		enum ul_orphan_role role;
		uint64_t retained;
	} wanted[] = {{SMALL(0), UL_ORPHAN_DIRECT, 192},  {SMALL(1), UL_ORPHAN_INDIRECT, 0},
		      {SMALL(2), UL_ORPHAN_INDIRECT, 0},  {SMALL(3), UL_ORPHAN_CYCLE, 1152},
		      {SMALL(4), UL_ORPHAN_CYCLE, 0},	  {LARGE(0), UL_ORPHAN_INDIRECT, 0},
		      {SMALL(5), UL_ORPHAN_DIRECT, 64},	  {SMALL(6), UL_ORPHAN_DIRECT, 64},
		      {SMALL(7), UL_ORPHAN_INDIRECT, 64}, {SMALL(8), UL_ORPHAN_DIRECT, 192},
		      {SMALL(9), UL_ORPHAN_INDIRECT, 0},  {SMALL(10), UL_ORPHAN_INDIRECT, 0},
		      {SMALL(11), UL_ORPHAN_DIRECT, 64}};
	assert_int_equal(orphans.items.len, UL_ARRAY_LEN(wanted));
	for (size_t i = 0; i < UL_ARRAY_LEN(wanted); i++) {
		const struct ul_orphan *orphan = orphan_at(&orphans, wanted[i].kaddr);
		assert_non_null(orphan);
		assert_int_equal(orphan->role, wanted[i].role);
		assert_int_equal(orphan->retained_bytes, wanted[i].retained);
	}
	fixture_free(fixture);
}

/* ---- a random heap, compared with a search that is too simple to be wrong ---- */

enum { RANDOM_SLABS = 1024, RANDOM_OBJECTS = RANDOM_SLABS * 64 };

static uint64_t noise(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

static uint64_t random_object(uint64_t *seed)
{
	return fixture_page(1024) + noise(seed) % RANDOM_OBJECTS * 64;
}

static struct fixture *make_random(bool mapped, uint64_t seed)
{
	struct fixture *fixture = fixture_create(mapped);
	for (uint64_t i = 0; i < RANDOM_SLABS; i++)
		fixture_block(fixture, fixture_page(1024 + i), 4096, 64, 0, UL_BLOCK_SLAB, 0);
	fixture_root(fixture, FIXTURE_IMAGE, 4096, UL_ROOT_IMAGE);
	assert_null(ul_heap_finish(&fixture->heap));
	for (int i = 0; i < RANDOM_OBJECTS; i++) {
		const uint64_t kaddr = fixture_page(1024) + (uint64_t)i * 64;
		if (noise(&seed) % 4)
			fixture_allocate(fixture, kaddr);
		for (uint64_t word = 0; word < 8; word++)
			if (noise(&seed) % 5 == 0)
				fixture_put(fixture, kaddr + word * 8,
					    random_object(&seed) + noise(&seed) % 64);
			else if (noise(&seed) % 2)
				fixture_put(fixture, kaddr + word * 8, noise(&seed) << 20);
	}
	for (uint64_t i = 0; i < 20; i++)
		fixture_put(fixture, FIXTURE_IMAGE + i * 200, random_object(&seed));
	return fixture;
}

static void simple_visit(struct fixture *fixture, uint64_t value, bool *seen, uint32_t *stack,
			 size_t *len)
{
	const uint64_t index = (value - fixture_page(1024)) / 64;
	if (value < fixture_page(1024) || index >= RANDOM_OBJECTS || seen[index] ||
	    !ul_heap_is_allocated(&fixture->heap, index))
		return;
	seen[index] = true;
	stack[(*len)++] = (uint32_t)index;
}

static uint64_t word_at(const struct fixture *fixture, uint64_t kaddr)
{
	const struct fixture_segment *segment = fixture_segment(&fixture->memory, kaddr);
	uint64_t word;
	memcpy(&word, segment->data + (kaddr - segment->kaddr), sizeof(word));
	return word;
}

static void simple_search(struct fixture *fixture, bool *seen)
{
	uint32_t *stack = calloc(RANDOM_OBJECTS, sizeof(*stack));
	size_t len = 0;
	assert_non_null(stack);
	for (uint64_t at = 0; at < 4096; at += 8)
		simple_visit(fixture, word_at(fixture, FIXTURE_IMAGE + at), seen, stack, &len);
	while (len) {
		const uint64_t kaddr = fixture_page(1024) + (uint64_t)stack[--len] * 64;
		for (uint64_t at = 0; at < 64; at += 8)
			simple_visit(fixture, word_at(fixture, kaddr + at), seen, stack, &len);
	}
	free(stack);
}

static void any_number_of_threads_finds_what_a_simple_search_finds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct fixture *fixture = make_random(seed % 2, seed);
		bool *seen = calloc(RANDOM_OBJECTS, sizeof(*seen));
		assert_non_null(seen);
		simple_search(fixture, seen);
		uint64_t reachable = 0;
		for (int i = 0; i < RANDOM_OBJECTS; i++)
			reachable += seen[i];
		assert_true(reachable > 1000 && reachable < RANDOM_OBJECTS);
		UL_CLEANUP_ORPHANS struct ul_orphans first = reach(fixture, 1);
		assert_int_equal(first.objects_reachable, reachable);
		ul_vec_foreach (orphan, &first.items)
			assert_false(seen[orphan->object]);
		for (unsigned int threads = 2; threads <= 8; threads *= 2) {
			UL_CLEANUP_ORPHANS struct ul_orphans again = reach(fixture, threads);
			assert_int_equal(again.items.len, first.items.len);
			assert_memory_equal(again.items.data, first.items.data,
					    first.items.len * sizeof(*first.items.data));
			assert_int_equal(again.scan_bytes, first.scan_bytes);
		}
		free(seen);
		fixture_free(fixture);
	}
}

static void a_list_of_a_million_steps_needs_no_deep_stack(void **state)
{
	(void)state;
	struct fixture *fixture = make_random(true, 7);
	// One list through all objects, which nobody holds.
	for (uint64_t i = 0; i < RANDOM_OBJECTS; i++) {
		fixture_allocate(fixture, fixture_page(1024) + i * 64);
		for (uint64_t at = 0; at < 64; at += 8)
			fixture_put(fixture, fixture_page(1024) + i * 64 + at, 0);
		if (i + 1 < RANDOM_OBJECTS)
			fixture_put(fixture, fixture_page(1024) + i * 64,
				    fixture_page(1024) + (i + 1) * 64);
	}
	memset(fixture->memory.segments[3].data, 0, 4096);
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 2);
	assert_int_equal(orphans.items.len, RANDOM_OBJECTS);
	assert_int_equal(orphans.items.data[0].role, UL_ORPHAN_DIRECT);
	assert_int_equal(orphans.items.data[0].retained_bytes, RANDOM_OBJECTS * 64);
	for (size_t i = 1; i < orphans.items.len; i++)
		assert_int_equal(orphans.items.data[i].role, UL_ORPHAN_INDIRECT);
	fixture_free(fixture);
}

static void what_cannot_be_read_is_a_loss(void **state)
{
	(void)state;
	struct fixture *fixture = make_unfinished(false);
	fixture_root(fixture, fixture_page(100), 3 * 4096, UL_ROOT_RESERVED);
	assert_null(ul_heap_finish(&fixture->heap));
	fixture->memory.hole = fixture_page(101);
	fixture_allocate(fixture, SMALL(0));
	fixture_allocate(fixture, SMALL(1));
	fixture_put(fixture, fixture_page(101), SMALL(0));
	fixture_put(fixture, fixture_page(102) + 4088, SMALL(1));
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 2);
	assert_int_equal(orphans.items.len, 1);
	assert_int_equal(orphans.items.data[0].kaddr, SMALL(0));
	assert_int_equal(orphans.losses.items.len, 1);
	assert_int_equal(orphans.losses.items.data[0].count, 4096);
	assert_int_equal(orphans.losses.items.data[0].bias, UL_BIAS_OVER);
	fixture_free(fixture);
}

/** Something that is no memory points into SMALL(0), and that to SMALL(1): the path to the latter.
 */
static void check_held_by_a_value(struct fixture *fixture, struct ul_path *ret)
{
	fixture_allocate(fixture, SMALL(0));
	fixture_allocate(fixture, SMALL(1));
	fixture_put(fixture, SMALL(0), SMALL(1));
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 1);
	assert_int_equal(orphans.items.len, 0);
	assert_null(ul_reach_path(&fixture->image, &fixture->heap, SMALL(1), 1, ret));
	assert_int_equal(ret->steps.len, 3);
}

static void registers_hold_what_they_point_to(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	struct ul_cpu_state cpu = {.registers = {7, SMALL(0) + 8}, .registers_len = 2};
	struct ul_path path;
	assert_true(ul_vec_push(&fixture->image.cpus, cpu));
	check_held_by_a_value(fixture, &path);
	assert_int_equal(path.steps.data[0].root_kind, UL_ROOT_REGISTERS);
	ul_path_deinit(&path);
	fixture_free(fixture);
}

/** Since v6.11 a pointer may be in the kernel's text and nowhere else. */
static void constants_of_instructions_hold_what_they_point_to(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	const uint64_t code = 0xffffffff81001003;
	const struct ul_root root = {.kaddr = code, .kind = UL_ROOT_CODE, .owner = SMALL(0) + 8};
	struct ul_path path;
	assert_true(ul_vec_push(&fixture->heap.roots, root));
	check_held_by_a_value(fixture, &path);
	assert_int_equal(path.steps.data[0].root_kind, UL_ROOT_CODE);
	assert_int_equal(path.steps.data[0].kaddr, code);
	assert_int_equal(path.steps.data[0].owner, 0);
	ul_path_deinit(&path);
	fixture_free(fixture);
}

/* ---- references and paths ---- */

static void references_of_many_targets_come_from_one_pass(void **state)
{
	(void)state;
	for (unsigned int threads = 1; threads <= 4; threads++) {
		struct fixture *fixture = make(threads % 2);
		for (int i = 0; i < 4; i++)
			fixture_allocate(fixture, SMALL(i));
		fixture_put(fixture, FIXTURE_IMAGE + 8, SMALL(0));
		fixture_put(fixture, SMALL(1), SMALL(0) + 8);
		fixture_put(fixture, SMALL(0) + 16, SMALL(0)); // its own: none
		fixture_put(fixture, SMALL(9), SMALL(0));      // free
		fixture_put(fixture, SMALL(2), FIXTURE_IMAGE + 256);
		fixture_put(fixture, SMALL(3), FIXTURE_VMEMMAP + 33 * 64);
		fixture_allocate(fixture, BLOCK);
		const uint64_t targets[] = {SMALL(0) + 32, FIXTURE_IMAGE + 256, BLOCK, SMALL(5)};
		struct ul_references references;
		assert_null(ul_reach_references(&fixture->image, &fixture->heap, targets, 4, 100,
						threads, &references));
		const struct ul_reference wanted[] = {
			{BLOCK, SMALL(3), FIXTURE_VMEMMAP + 33 * 64, UL_FROM_OBJECT},
			{SMALL(0) + 32, SMALL(1), SMALL(0) + 8, UL_FROM_OBJECT},
			{SMALL(0) + 32, FIXTURE_IMAGE + 8, SMALL(0), UL_FROM_ROOT},
			{SMALL(0) + 32, SMALL(9), SMALL(0), UL_FROM_FREE},
			{FIXTURE_IMAGE + 256, SMALL(2), FIXTURE_IMAGE + 256, UL_FROM_OBJECT},
		};
		assert_int_equal(references.items.len, UL_ARRAY_LEN(wanted));
		for (size_t found = 0; found < references.items.len; found++) {
			bool known = false;
			for (size_t i = 0; i < UL_ARRAY_LEN(wanted); i++) {
				const struct ul_reference *item = &references.items.data[found];
				known |= item->target == wanted[i].target &&
					 item->from == wanted[i].from &&
					 item->value == wanted[i].value &&
					 item->where == wanted[i].where;
			}
			assert_true(known);
		}
		ul_references_deinit(&references);
		assert_null(ul_reach_references(&fixture->image, &fixture->heap, targets, 1, 1,
						threads, &references));
		assert_int_equal(references.items.len, 2); // one live, one stale
		assert_int_equal(references.items.data[0].from, SMALL(1));
		assert_int_equal(references.left_out, 1);
		assert_int_equal(references.losses.items.len, 0);
		ul_references_deinit(&references);
		fixture->image.live = true; // free pages are not searched, and that is told
		assert_null(ul_reach_references(&fixture->image, &fixture->heap, targets, 1, 1,
						threads, &references));
		assert_int_equal(references.losses.items.len, 1);
		ul_references_deinit(&references);
		fixture_free(fixture);
	}
}

static bool stop_at_once(void *context)
{
	++*(int *)context;
	return true;
}

static void a_path_is_a_shortest_one_from_a_root(void **state)
{
	(void)state;
	struct fixture *fixture = make_unfinished(true);
	fixture_root(fixture, fixture_page(100), 4096, UL_ROOT_RESERVED);
	assert_null(ul_heap_finish(&fixture->heap));
	for (int i = 0; i < 10; i++)
		fixture_allocate(fixture, SMALL(i));
	fixture_allocate(fixture, BLOCK);
	fixture_put(fixture, fixture_page(100) + 8, SMALL(3)); // as short, but says less
	fixture_put(fixture, FIXTURE_IMAGE + 80, SMALL(0));
	fixture_put(fixture, FIXTURE_IMAGE + 88, SMALL(3));
	fixture_put(fixture, SMALL(0) + 24, SMALL(1));
	fixture_put(fixture, SMALL(1) + 32, SMALL(2)); // the long way: 0 1 2
	fixture_put(fixture, SMALL(3) + 40, BLOCK + 100);
	fixture_put(fixture, BLOCK + 4096, SMALL(2) + 8); // the short one: 3 block 2
	fixture_put(fixture, SMALL(2), SMALL(4));
	struct ul_path path;
	assert_null(ul_reach_path(&fixture->image, &fixture->heap, SMALL(4) + 7, 1, &path));
	assert_int_equal(path.steps.len, 5);
	assert_true(path.steps.data[0].root);
	assert_int_equal(path.steps.data[0].root_kind, UL_ROOT_IMAGE);
	const uint64_t first = path.steps.data[0].kaddr;
	assert_true(first == FIXTURE_IMAGE + 80 || first == FIXTURE_IMAGE + 88);
	assert_int_equal(path.steps.data[3].kaddr, SMALL(2));
	assert_int_equal(path.steps.data[3].offset, 0);
	assert_int_equal(path.steps.data[4].kaddr, SMALL(4));
	ul_path_deinit(&path);
	assert_null(ul_reach_path(&fixture->image, &fixture->heap, BLOCK, 1, &path));
	assert_int_equal(path.steps.len, 3);
	assert_int_equal(path.steps.data[0].kaddr, FIXTURE_IMAGE + 88);
	assert_int_equal(path.steps.data[1].offset, 40);
	ul_path_deinit(&path);
	assert_null(ul_reach_path(&fixture->image, &fixture->heap, SMALL(9), 1, &path));
	assert_int_equal(path.steps.len, 0); // lost
	ul_path_deinit(&path);
	fixture_free(fixture);
}

static void a_search_for_paths_can_be_stopped(void **state)
{
	(void)state;
	struct fixture *fixture = make_random(true, 3);
	// A list through all of them, the last is wanted.
	fixture_put(fixture, FIXTURE_IMAGE, fixture_page(1024));
	for (uint64_t i = 0; i < RANDOM_OBJECTS; i++) {
		fixture_allocate(fixture, fixture_page(1024) + i * 64);
		for (uint64_t at = 0; at < 64; at += 8)
			fixture_put(fixture, fixture_page(1024) + i * 64 + at, 0);
		if (i + 1 < RANDOM_OBJECTS)
			fixture_put(fixture, fixture_page(1024) + i * 64,
				    fixture_page(1024) + (i + 1) * 64);
	}
	memset(fixture->memory.segments[3].data, 0, 4096);
	fixture_put(fixture, FIXTURE_IMAGE, fixture_page(1024));
	const uint64_t targets[] = {fixture_page(1024) + (RANDOM_OBJECTS - 1) * 64, 12345};
	int asked = 0;
	const struct ul_reach_paths_options options = {.stop = stop_at_once, .context = &asked};
	struct ul_path paths[2];
	bool complete = true;
	assert_null(ul_reach_paths(&fixture->image, &fixture->heap, targets, 2, &options, paths,
				   &complete));
	assert_false(complete);
	assert_int_equal(asked, 1);
	assert_int_equal(paths[0].steps.len, 0);
	const struct ul_reach_paths_options patient = {0};
	assert_null(ul_reach_paths(&fixture->image, &fixture->heap, targets, 2, &patient, paths,
				   &complete));
	assert_true(complete);
	assert_int_equal(paths[0].steps.len, RANDOM_OBJECTS + 1);
	assert_int_equal(paths[1].steps.len, 0);
	ul_path_deinit(&paths[0]);
	ul_path_deinit(&paths[1]);
	fixture_free(fixture);
}

static void what_was_not_found_is_named_before_anything_is_called_lost(void **state)
{
	(void)state;
	static const enum ul_root_kind kinds[] = {UL_ROOT_IMAGE, UL_ROOT_PERCPU, UL_ROOT_STACK};
	static const char *const names[] = {"variables of the kernel", "per-CPU variables",
					    "stacks of tasks", "vmalloc areas"};
	for (size_t missing = 0; missing <= 4; missing++) {
		struct fixture *fixture = fixture_create(true);
		for (size_t i = 0; i < 3; i++)
			if (i != missing)
				fixture_root(fixture, FIXTURE_IMAGE, 8, kinds[i]);
		if (missing != 3)
			fixture_block(fixture, FIXTURE_VMALLOC, 4096, 0, UINT32_MAX,
				      UL_BLOCK_VMALLOC, 0);
		assert_null(ul_heap_finish(&fixture->heap));
		struct ul_error *error UL_CLEANUP_ERROR = ul_reach_check(&fixture->heap);
		if (missing == 4) {
			assert_null(error);
		} else {
			assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
			assert_non_null(strstr(error->message, names[missing]));
		}
		fixture_free(fixture);
	}
}

/* Page 16's objects in three chains, each in one form only, and a ring of which one is weak. */
static void chains_in_one_form_are_weak_and_rings_with_one_weak_are_not(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	for (int i = 0; i < 30; i++)
		fixture_allocate(fixture, SMALL(2 * i));
	for (int i = 0; i < 5; i++) { // by physical address: 0, 2, 4, 6, 8
		const uint64_t from = i ? SMALL(2 * i - 2) + 8 : FIXTURE_IMAGE + 8;
		fixture_put(fixture, from, SMALL(2 * i) - FIXTURE_DIRECT);
	}
	for (int i = 5; i < 10; i++) { // at odd places: 10 .. 18
		const uint64_t from = i > 5 ? SMALL(2 * i - 2) + 3 : FIXTURE_IMAGE + 19;
		fixture_put(fixture, from, SMALL(2 * i));
	}
	for (int i = 10; i < 20; i++) // a ring: 20 .. 38, of which 24 is weak by chance
		fixture_put(fixture, SMALL(2 * i), SMALL(2 * (i == 19 ? 10 : i + 1)));
	fixture_put(fixture, FIXTURE_IMAGE + 40, SMALL(24) - FIXTURE_DIRECT);
	fixture_put(fixture, SMALL(30) + 8, SMALL(40)); // hangs from the ring
	fixture_put(fixture, SMALL(8) + 16, SMALL(42)); // hangs from the end of the first chain
	fixture_put(fixture, SMALL(42) + 16, SMALL(44));
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 2);
	assert_int_equal(orphans.items.len, 30);
	for (int i = 0; i < 30; i++) {
		const struct ul_orphan *orphan = orphan_at(&orphans, SMALL(2 * i));
		const unsigned int weak = i < 5		       ? UL_WEAK_PHYSICAL
					  : i < 10	       ? UL_WEAK_MISALIGNED
					  : i == 12	       ? UL_WEAK_PHYSICAL
					  : i == 21 || i == 22 ? UL_WEAK_INHERITED
							       : 0;
		assert_int_equal(orphan->weak, weak);
		assert_int_equal(orphan->grade, weak ? UL_ORPHAN_WEAK : UL_ORPHAN_STRONG);
	}
	fixture_free(fixture);
}

/* More places than there are ranges, far apart, and a slab that does not begin with its page. */
static void what_fits_no_table_is_found_by_its_own_pointer(void **state)
{
	enum { AREAS = 12, PADDED = FIXTURE_PAGES - 8 };
	const uint64_t padded = fixture_page(PADDED) + 8;
	(void)state;
	struct fixture *fixture = make_unfinished(true);
	for (uint64_t i = 0; i < AREAS; i++)
		fixture_block(fixture, PERCPU + (i + 1) * (UINT64_C(3) << 32) * (i + 1), 64, 0,
			      UINT32_MAX, UL_BLOCK_PERCPU, 0);
	fixture_block(fixture, padded, 4000, 80, 0, UL_BLOCK_SLAB, 0);
	assert_null(ul_heap_finish(&fixture->heap));
	for (uint64_t i = 0; i < AREAS; i++) {
		const uint64_t area = PERCPU + (i + 1) * (UINT64_C(3) << 32) * (i + 1);
		fixture_allocate(fixture, area);
		if (i != 5)
			fixture_put(fixture, FIXTURE_IMAGE + i * 8, area);
	}
	for (uint64_t i = 0; i < 50; i++) {
		fixture_allocate(fixture, padded + i * 80);
		if (i != 49)
			fixture_put(fixture, FIXTURE_IMAGE + 512 + i * 8, padded + i * 80 + 79);
	}
	for (unsigned int threads = 1; threads <= 2; threads++) {
		UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, threads);
		assert_int_equal(orphans.items.len, 2);
		assert_non_null(orphan_at(&orphans, padded + 49 * 80));
		assert_non_null(orphan_at(&orphans, PERCPU + 36 * (UINT64_C(3) << 32)));
	}
	fixture_free(fixture);
}

static void an_empty_heap_has_no_orphans(void **state)
{
	(void)state;
	struct fixture *fixture = fixture_create(true);
	assert_null(ul_heap_finish(&fixture->heap));
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = reach(fixture, 4);
	assert_int_equal(orphans.items.len, 0);
	assert_int_equal(orphans.objects_allocated, 0);
	fixture_free(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_chain_leads_to_is_an_orphan),
		cmocka_unit_test(every_kind_of_block_is_reached_by_its_own_kind_of_pointer),
		cmocka_unit_test(
			the_struct_page_of_a_page_in_use_is_a_root_but_not_of_a_page_block),
		cmocka_unit_test(what_is_not_to_be_trusted_is_not_read),
		cmocka_unit_test(other_forms_of_a_reference_make_an_orphan_weak),
		cmocka_unit_test(roles_and_retained_bytes_follow_who_keeps_whom),
		cmocka_unit_test(any_number_of_threads_finds_what_a_simple_search_finds),
		cmocka_unit_test(a_list_of_a_million_steps_needs_no_deep_stack),
		cmocka_unit_test(what_cannot_be_read_is_a_loss),
		cmocka_unit_test(registers_hold_what_they_point_to),
		cmocka_unit_test(constants_of_instructions_hold_what_they_point_to),
		cmocka_unit_test(references_of_many_targets_come_from_one_pass),
		cmocka_unit_test(a_path_is_a_shortest_one_from_a_root),
		cmocka_unit_test(a_search_for_paths_can_be_stopped),
		cmocka_unit_test(what_was_not_found_is_named_before_anything_is_called_lost),
		cmocka_unit_test(chains_in_one_form_are_weak_and_rings_with_one_weak_are_not),
		cmocka_unit_test(what_fits_no_table_is_found_by_its_own_pointer),
		cmocka_unit_test(an_empty_heap_has_no_orphans),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
