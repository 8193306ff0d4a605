// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "analysis/typeid.h"

/*
 * A made-up kernel with these types, functions and variables:
 *
 *	struct ops { int (*open)(struct file *); void (*stop)(u64); }		16
 *	struct inner { struct file *owner; u64 data[5]; }			48
 *	struct wide { struct inner inner; u64 more[6]; }			96
 *	struct file { struct ops *op; struct inner *in; struct list_head list;
 *		      u64 flags; u64 pad[3]; }					64
 *	struct named { struct named *next; struct file *file; u64 pad[4]; }	48
 *
 * Memory is one array of pages from BASE on: a slab of 64 bytes (kmalloc-64, of many types), one of
 * 48 bytes (cache "named", nobody else's), and behind them the kernel's data.
 */
#define BASE  0xffff888000000000ULL
#define IMAGE 0xffffffff81000000ULL
#define TEXT  (IMAGE + 0x1000)
#define OPEN  (TEXT + 0x10)
#define STOP  (TEXT + 0x20)
#define OTHER (TEXT + 0x30)
#define OPS   (IMAGE + 0x2000)
#define HALF  (IMAGE + 0x2100)

enum { BUCKET_SLOTS = 64, NAMED_SLOTS = 85, PAGE = 4096, IMAGE_BYTES = 3 * PAGE };

struct world {
	struct ul_memory memory;
	uint8_t heap_bytes[2 * PAGE];
	uint8_t image_bytes[IMAGE_BYTES];
	struct ul_image image;
	struct ul_heap heap;
	struct ul_typeid *typeid;
};

static struct ul_error *world_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				   size_t len, size_t *ret_read)
{
	const struct world *world = (const struct world *)memory;
	const uint8_t *bytes = world->heap_bytes;
	uint64_t into = kaddr - BASE;
	uint64_t size = sizeof(world->heap_bytes);
	if (into >= size) {
		bytes = world->image_bytes;
		into = kaddr - IMAGE;
		size = sizeof(world->image_bytes);
	}
	*ret_read = 0;
	if (into >= size)
		return NULL;
	*ret_read = len < size - into ? len : (size_t)(size - into);
	memcpy(buffer, bytes + into, *ret_read);
	return NULL;
}

static void world_destroy(struct ul_memory *memory)
{
}

static const struct ul_memory_ops world_ops = {.read = world_read, .destroy = world_destroy};

enum ids {
	ID_U64 = 1,
	ID_LIST,
	ID_LIST_POINTER,
	ID_FILE,
	ID_FILE_POINTER,
	ID_CONST_OPS, /**< stands before what it stands for, as since v7.0 */
	ID_OPS,
	ID_OPS_POINTER,
	ID_INNER,
	ID_INNER_POINTER,
	ID_OPEN,
	ID_OPEN_POINTER,
	ID_STOP,
	ID_STOP_POINTER,
	ID_NAMED,
	ID_NAMED_POINTER,
	ID_WIDE,
	ID_INT,
};

static uint32_t name(struct ul_types *types, const char *text)
{
	uint32_t offset = 0;
	if (*text)
		assert_null(ul_types_add_names(types, text, strlen(text), &offset));
	return offset;
}

static void add(struct ul_types *types, ul_type_id id, int kind, const char *text, uint64_t bytes,
		ul_type_id target)
{
	const struct ul_type_entry entry = {
		.kind = kind, .name = name(types, text), .bytes = bytes, .target = target};
	assert_int_equal(ul_types_len(types), id);
	assert_null(ul_types_add(types, &entry));
}

static void member(struct ul_types *types, const char *text, ul_type_id type, uint32_t offset)
{
	assert_null(ul_types_add_member(types, name(types, text), type, offset * 8, 0));
}

static struct ul_types *make_types(void)
{
	struct ul_types *types = ul_types_create();
	assert_non_null(types);
	add(types, ID_U64, UL_TYPE_INT, "u64", 8, 0);
	add(types, ID_LIST, UL_TYPE_STRUCT, "list_head", 16, 0);
	member(types, "next", ID_LIST_POINTER, 0);
	member(types, "prev", ID_LIST_POINTER, 8);
	add(types, ID_LIST_POINTER, UL_TYPE_POINTER, "", 8, ID_LIST);
	add(types, ID_FILE, UL_TYPE_STRUCT, "file", 64, 0);
	member(types, "op", ID_OPS_POINTER, 0);
	member(types, "in", ID_INNER_POINTER, 8);
	member(types, "list", ID_LIST, 16);
	member(types, "flags", ID_U64, 32);
	add(types, ID_FILE_POINTER, UL_TYPE_POINTER, "", 8, ID_FILE);
	add(types, ID_CONST_OPS, UL_ENTRY_QUALIFIER, "", 0, ID_OPS);
	add(types, ID_OPS, UL_TYPE_STRUCT, "ops", 16, 0);
	member(types, "open", ID_OPEN_POINTER, 0);
	member(types, "stop", ID_STOP_POINTER, 8);
	add(types, ID_OPS_POINTER, UL_TYPE_POINTER, "", 8, ID_OPS);
	add(types, ID_INNER, UL_TYPE_STRUCT, "inner", 48, 0);
	member(types, "owner", ID_FILE_POINTER, 0);
	add(types, ID_INNER_POINTER, UL_TYPE_POINTER, "", 8, ID_INNER);
	add(types, ID_OPEN, UL_TYPE_FUNCTION, "", 0, ID_INT);
	member(types, "file", ID_FILE_POINTER, 0);
	add(types, ID_OPEN_POINTER, UL_TYPE_POINTER, "", 8, ID_OPEN);
	add(types, ID_STOP, UL_TYPE_FUNCTION, "", 0, 0);
	member(types, "when", ID_U64, 0);
	add(types, ID_STOP_POINTER, UL_TYPE_POINTER, "", 8, ID_STOP);
	add(types, ID_NAMED, UL_TYPE_STRUCT, "named", 48, 0);
	member(types, "next", ID_NAMED_POINTER, 0);
	member(types, "file", ID_FILE_POINTER, 8);
	add(types, ID_NAMED_POINTER, UL_TYPE_POINTER, "", 8, ID_NAMED);
	add(types, ID_WIDE, UL_TYPE_STRUCT, "wide", 96, 0);
	member(types, "inner", ID_INNER, 0);
	add(types, ID_INT, UL_TYPE_INT, "int", 4, 0);
	// Functions: the same prototypes with parameters of other names.
	add(types, ID_INT + 1, UL_TYPE_FUNCTION, "", 0, ID_INT);
	member(types, "f", ID_FILE_POINTER, 0);
	add(types, ID_INT + 2, UL_ENTRY_FUNCTION, "my_open", 0, ID_INT + 1);
	add(types, ID_INT + 3, UL_ENTRY_FUNCTION, "my_stop", 0, ID_STOP);
	add(types, ID_INT + 4, UL_TYPE_FUNCTION, "", 0, ID_INT);
	member(types, "f", ID_U64, 0);
	add(types, ID_INT + 5, UL_ENTRY_FUNCTION, "my_other", 0, ID_INT + 4);
	assert_null(ul_types_finish(types));
	return types;
}

static void poke(struct world *world, uint64_t kaddr, uint64_t value)
{
	uint8_t *at = kaddr - BASE < sizeof(world->heap_bytes)
			      ? world->heap_bytes + (kaddr - BASE)
			      : world->image_bytes + (kaddr - IMAGE);
	memcpy(at, &value, sizeof(value));
}

static void add_cache(struct world *world, const char *text, uint32_t bytes)
{
	struct ul_heap_cache *cache = ul_vec_add(&world->heap.caches);
	assert_non_null(cache);
	cache->name = strdup(text);
	cache->object_bytes = cache->slot_bytes = bytes;
}

static struct ul_symtab *make_symtab(void)
{
	static const struct {
		const char *name;
		uint64_t kaddr;
		char type;
	} symbols[] = {{"_stext", TEXT, 'T'},	 {"my_open", OPEN, 't'},
		       {"my_stop", STOP, 't'},	 {"my_other", OTHER, 't'},
		       {"_etext", OPS, 'T'},	 {"my_ops", OPS, 'd'},
		       {"pad", OPS + 16, 'd'},	 {"half_ops", HALF, 'd'},
		       {"pad2", HALF + 16, 'd'}, {"_end", IMAGE + IMAGE_BYTES, 'B'}};
	struct ul_symtab *symtab = ul_symtab_create();
	for (size_t i = 0; i < UL_ARRAY_LEN(symbols); i++)
		assert_null(ul_symtab_add(symtab, symbols[i].kaddr, symbols[i].type,
					  symbols[i].name, NULL));
	ul_symtab_finish(symtab);
	return symtab;
}

static void make_world(struct world *world)
{
	*world = (struct world){.memory = {.ops = &world_ops, .engine = "test"}};
	world->image.memory = &world->memory;
	world->image.types = make_types();
	world->image.symtab = make_symtab();
	const struct ul_address_space space = {
		.page_bytes = PAGE, .struct_page_bytes = 64, .page_offset = BASE, .max_pfn = 2};
	world->image.space = space;
	assert_null(ul_heap_init(&world->heap, &space));
	add_cache(world, "kmalloc-64", 64);
	add_cache(world, "named", 48);
	const struct ul_block blocks[] = {
		{.kaddr = BASE,
		 .bytes = PAGE,
		 .slot_bytes = 64,
		 .slots = BUCKET_SLOTS,
		 .cache = 0,
		 .kind = UL_BLOCK_SLAB},
		{.kaddr = BASE + PAGE,
		 .bytes = NAMED_SLOTS * 48,
		 .slot_bytes = 48,
		 .slots = NAMED_SLOTS,
		 .cache = 1,
		 .kind = UL_BLOCK_SLAB},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(blocks); i++)
		assert_null(ul_heap_add_block(&world->heap, &blocks[i]));
	assert_null(ul_heap_finish(&world->heap));
	poke(world, OPS, OPEN);
	poke(world, OPS + 8, STOP);
	// open has the prototype of nothing that any struct has.
	poke(world, HALF, OTHER);
	poke(world, HALF + 8, STOP);
}

static void world_deinit(struct world *world)
{
	ul_typeid_destroy(world->typeid);
	ul_heap_deinit(&world->heap);
	world->image.memory = NULL;
	ul_image_deinit(&world->image);
}
#define CLEANUP_WORLD UL_CLEANUP(world_deinit)

static uint64_t bucket(size_t slot)
{
	return BASE + slot * 64;
}

static uint64_t named(size_t slot)
{
	return BASE + PAGE + slot * 48;
}

static uint64_t number(const struct world *world, uint64_t kaddr)
{
	struct ul_heap_hit hit;
	assert_true(ul_heap_find(&world->heap, kaddr, &hit));
	return hit.object;
}

static void allocate(struct world *world, uint64_t kaddr)
{
	ul_heap_set_allocated(&world->heap, number(world, kaddr), true);
}

/* A struct file in a slot of the bucket: its operations, an empty list. */
static void put_file(struct world *world, size_t slot)
{
	allocate(world, bucket(slot));
	poke(world, bucket(slot), OPS);
	poke(world, bucket(slot) + 16, bucket(slot) + 16);
	poke(world, bucket(slot) + 24, bucket(slot) + 16);
}

static void infer(struct world *world, struct ul_typeid_options options)
{
	assert_null(ul_typeid_create(&world->image, &world->heap, &options, &world->typeid));
}

static void type_is(const struct world *world, uint64_t kaddr, const char *expected,
		    enum ul_typed_by by, const char *evidence)
{
	struct ul_typed typed;
	const bool found = ul_typeid_object(world->typeid, number(world, kaddr), &typed);
	assert_int_equal(found, expected != NULL);
	if (!expected)
		return;
	assert_string_equal(typed.name, expected);
	assert_int_equal(typed.by, by);
	assert_string_equal(typed.evidence, evidence);
}

static void variables_are_told_by_the_prototypes_of_their_functions(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	infer(&world, (struct ul_typeid_options){0});
	assert_int_equal(ul_typeid_variable(world.typeid, OPS), ID_OPS);
	assert_int_equal(ul_typeid_variable(world.typeid, HALF), 0);
	assert_int_equal(ul_typeid_variable(world.typeid, OPS + 8), 0);
}

static void types_spread_from_content_by_pointers_and_links(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	put_file(&world, 0);
	poke(&world, bucket(0) + 8, bucket(1)); // in
	allocate(&world, bucket(1));
	poke(&world, bucket(0) + 16, bucket(2) + 16); // list.next: no operations there
	allocate(&world, bucket(2));
	poke(&world, bucket(2) + 16, bucket(0) + 16);
	poke(&world, bucket(2) + 24, bucket(0) + 16);
	allocate(&world, bucket(3)); // nobody's
	infer(&world, (struct ul_typeid_options){0});
	type_is(&world, bucket(0), "struct file", UL_TYPED_CONTENT,
		"points to a struct ops at +0x0");
	// struct wide begins with a struct inner, but is too large for a slot of 64 bytes.
	type_is(&world, bucket(1), "struct inner", UL_TYPED_POINTER,
		"in of struct file points to it");
	type_is(&world, bucket(2), "struct file", UL_TYPED_SIBLING,
		"in a list with others, linked at +0x10");
	type_is(&world, bucket(3), NULL, UL_TYPED_NOT, "");
}

static void a_cache_of_one_user_is_told_by_its_name(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	allocate(&world, named(0));
	allocate(&world, named(5));
	poke(&world, named(5) + 8, bucket(4));
	allocate(&world, bucket(4));
	infer(&world, (struct ul_typeid_options){0});
	type_is(&world, named(0), "struct named", UL_TYPED_CACHE, "name and size of its cache");
	type_is(&world, bucket(4), "struct file", UL_TYPED_POINTER,
		"file of struct named points to it");
	assert_int_equal(ul_typeid_cache_truth(world.typeid, 1), ID_NAMED);
	assert_int_equal(ul_typeid_cache_truth(world.typeid, 0), 0);
	// Free objects have no type.
	type_is(&world, named(1), NULL, UL_TYPED_NOT, "");
}

static void a_name_that_several_share_says_nothing(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	world.heap.caches.data[1].merged = true;
	allocate(&world, named(0));
	infer(&world, (struct ul_typeid_options){0});
	type_is(&world, named(0), NULL, UL_TYPED_NOT, "");
}

static void a_name_with_another_size_says_nothing(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	world.heap.caches.data[1].object_bytes = 47;
	allocate(&world, named(0));
	infer(&world, (struct ul_typeid_options){0});
	type_is(&world, named(0), NULL, UL_TYPED_NOT, "");
}

static void a_hidden_name_is_found_by_what_points_there(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	// inner is as large as named: a pointer of a typed file makes the whole cache inner.
	put_file(&world, 0);
	poke(&world, bucket(0) + 8, named(3));
	allocate(&world, named(3));
	allocate(&world, named(4));
	infer(&world, (struct ul_typeid_options){.hide_cache = 2});
	type_is(&world, named(3), "struct inner", UL_TYPED_MOST, "other objects of its cache");
	type_is(&world, named(4), "struct inner", UL_TYPED_MOST, "other objects of its cache");
	assert_int_equal(ul_typeid_cache_truth(world.typeid, 1), ID_NAMED);
}

static void answers_that_disagree_are_none(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	put_file(&world, 0);
	poke(&world, bucket(0) + 8, bucket(1)); // an inner, says the file
	allocate(&world, named(0));
	poke(&world, named(0) + 8, bucket(1)); // a file, says the named
	allocate(&world, bucket(1));
	struct ul_typeid_work work;
	infer(&world, (struct ul_typeid_options){0});
	type_is(&world, bucket(1), NULL, UL_TYPED_NOT, "");
	ul_typeid_work(world.typeid, &work);
	assert_int_equal(work.conflicts, 1);
	assert_int_equal(work.variables, 1);
}

static void what_cannot_be_is_not(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	allocate(&world, named(0));
	allocate(&world, named(1));
	poke(&world, named(0) + 8, bucket(1));
	poke(&world, named(1) + 8, bucket(2));
	allocate(&world, bucket(1));
	allocate(&world, bucket(2));
	allocate(&world, bucket(3));
	poke(&world, bucket(1), 0x6f77206f6c6c6568); // text where a pointer must be
	poke(&world, bucket(2) + 8, named(0));	     // an inner that is a named
	infer(&world, (struct ul_typeid_options){0});
	type_is(&world, bucket(1), NULL, UL_TYPED_NOT, "");
	type_is(&world, bucket(2), NULL, UL_TYPED_NOT, "");
}

static void groups_have_a_type_when_their_typed_members_agree(void **state)
{
	struct world world CLEANUP_WORLD;
	uint64_t objects[20];
	struct ul_typed typed;
	make_world(&world);
	for (size_t i = 0; i < UL_ARRAY_LEN(objects); i++) {
		if (i < 10)
			put_file(&world, i);
		else
			allocate(&world, bucket(i));
		objects[i] = number(&world, bucket(i));
	}
	infer(&world, (struct ul_typeid_options){0});
	assert_true(ul_typeid_group(world.typeid, objects, 20, &typed));
	assert_string_equal(typed.name, "struct file");
	assert_int_equal(typed.typed, 10);
	assert_int_equal(typed.others, 0);
	assert_int_equal(typed.objects, 20);
	assert_false(ul_typeid_group(world.typeid, objects + 10, 10, &typed));
	assert_false(ul_typeid_group(world.typeid, objects, 0, &typed));
}

static const struct ul_type_count *counted(const struct ul_type_census *census, const char *cache,
					   const char *type)
{
	ul_vec_foreach (count, &census->items)
		if (!strcmp(count->cache, cache) && !count->type == !type &&
		    (!type || !strcmp(count->type, type)))
			return count;
	return NULL;
}

static void objects_are_counted_by_cache_and_type(void **state)
{
	struct world world CLEANUP_WORLD;
	UL_CLEANUP_TYPE_CENSUS struct ul_type_census census = {0};
	make_world(&world);
	for (size_t i = 0; i < 7; i++)
		put_file(&world, i);
	for (size_t i = 7; i < 12; i++)
		allocate(&world, bucket(i));
	for (size_t i = 0; i < 3; i++)
		allocate(&world, named(i));
	infer(&world, (struct ul_typeid_options){0});
	assert_null(ul_typeid_census(world.typeid, &census));
	assert_int_equal(census.items.len, 3);
	assert_int_equal(counted(&census, "kmalloc-64", "struct file")->objects, 7);
	assert_int_equal(counted(&census, "kmalloc-64", "struct file")->bytes, 7 * 64);
	assert_int_equal(counted(&census, "kmalloc-64", NULL)->objects, 5);
	assert_int_equal(counted(&census, "named", "struct named")->objects, 3);
}

static void without_types_there_are_no_names(void **state)
{
	struct world world CLEANUP_WORLD;
	struct ul_typed typed;
	make_world(&world);
	put_file(&world, 0);
	ul_types_destroy(world.image.types);
	world.image.types = NULL;
	infer(&world, (struct ul_typeid_options){0});
	assert_false(ul_typeid_object(world.typeid, number(&world, bucket(0)), &typed));
	assert_int_equal(ul_typeid_variable(world.typeid, OPS), 0);
}

static void where_nothing_was_inferred_nothing_has_a_type(void **state)
{
	const uint64_t object = 0;
	struct ul_typed typed;
	(void)state;
	assert_false(ul_typeid_object(NULL, object, &typed));
	assert_false(ul_typeid_group(NULL, &object, 1, &typed));
	assert_int_equal(ul_typeid_of(NULL, object), 0);
	assert_int_equal(ul_typeid_variable(NULL, OPS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_told_by_the_prototypes_of_their_functions),
		cmocka_unit_test(types_spread_from_content_by_pointers_and_links),
		cmocka_unit_test(a_cache_of_one_user_is_told_by_its_name),
		cmocka_unit_test(a_name_that_several_share_says_nothing),
		cmocka_unit_test(a_name_with_another_size_says_nothing),
		cmocka_unit_test(a_hidden_name_is_found_by_what_points_there),
		cmocka_unit_test(answers_that_disagree_are_none),
		cmocka_unit_test(what_cannot_be_is_not),
		cmocka_unit_test(groups_have_a_type_when_their_typed_members_agree),
		cmocka_unit_test(objects_are_counted_by_cache_and_type),
		cmocka_unit_test(without_types_there_are_no_names),
		cmocka_unit_test(where_nothing_was_inferred_nothing_has_a_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
