// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/origin.h"

#include "analysis/reach_fixture.h"

/*
 * Memory as kernels of several times have it; which, say their types: "struct:bytes member:kind:at
 * ...", kinds q (8 bytes), w (4 bytes), r (union codetag_ref), s (struct cgroup_subsys_state), p
 * (struct percpu_ref), b (a bit: byte and bit as "44.1").
 *
 * A slab of four "small" objects at page 8, its vector at page 16, cgroups and names from page 32
 * on: "/", "/test.slice", "/test.slice/job-17", each with its struct obj_cgroup.
 */
enum {
	SLAB = 8,
	VECTOR = 16,
	GROUPS = 32,
	AREA_PAGES = 40,
	TAGS = 48,
	PLAIN = 56,
	PADDED = 60, /* its slab begins a page before its first object */
	/* within the page of a cgroup */
	OBJCG = 0,
	MEMCG = 0x100,
	CGROUP = 0x200,
	NODE = 0x300,
	NAME = 0x400,
	GROUP_STEP = 0x1000,
};

static const char common[] = "obj_cgroup:32 refcnt:p:0 memcg:q:16\n"
			     "mem_cgroup:32 css:s:0\n"
			     "cgroup:32 kn:q:8\n"
			     "vm_struct:64 pages:q:32\n"
			     "codetag:32 lineno:w:4 modname:q:8 function:q:16 filename:q:24\n";
static const char node_before[] = "kernfs_node:64 parent:q:8 name:q:16 priv:q:32\n";
static const char node_now[] = "kernfs_node:64 __parent:q:8 name:q:16 priv:q:32\n";
static const char v5_10[] = "page:64 slab_cache:q:24 mem_cgroup:q:56 obj_cgroups:q:56\n";
static const char v6_1[] = "page:64 memcg_data:q:56\nslab:64 slab_cache:q:24 memcg_data:q:56\n";
static const char v6_12[] = "page:64 memcg_data:q:56\nslab:64 slab_cache:q:8 obj_exts:q:56\n"
			    "slabobj_ext:8 objcg:q:0\n";
static const char profiled[] = "page:64 memcg_data:q:56\nslab:64 slab_cache:q:8 obj_exts:q:56\n"
			       "slabobj_ext:16 objcg:q:0 ref:r:8\n";
static const char v7_2[] = "page:64 memcg_data:q:56\n"
			   "slab:64 slab_cache:q:8 stride:w:44 obj_exts:q:56\n"
			   "slabobj_ext:8 objcg:q:0\n";
#define SLAB_7_3                                                                                   \
	"page:64 memcg_data:q:56\n"                                                                \
	"slab:64 slab_cache:q:8 obj_exts_in_object:b:44.0 obj_exts_needs_objcg:b:44.1 "            \
	"obj_exts:q:56\n"
static const char v7_3[] = SLAB_7_3 "slabobj_ext:8 _objcg:q:0\n";
static const char v7_3_profiled[] = SLAB_7_3 "slabobj_ext:8 _objcg:q:0 _ctref:r:0\n";

struct world {
	struct fixture *fixture;
	struct ul_origin_reader *reader;
	struct ul_origins origins;
};

/* ---- types ---- */

static uint32_t name(struct ul_types *types, const char *text)
{
	uint32_t offset = 0;
	assert_null(ul_types_add_names(types, text, strlen(text), &offset));
	return offset;
}

static ul_type_id add(struct ul_types *types, int kind, uint32_t bytes, const char *text)
{
	const struct ul_type_entry entry = {
		.kind = kind, .bytes = bytes, .name = *text ? name(types, text) : 0};
	assert_null(ul_types_add(types, &entry));
	return (ul_type_id)ul_types_len(types) - 1;
}

static void add_member(struct ul_types *types, char *text, const ul_type_id *letters)
{
	char *kind = strchr(text, ':');
	*kind++ = '\0';
	char *bit = NULL;
	const unsigned long at = strtoul(kind + 2, &bit, 10);
	const bool field = *kind == 'b';
	const unsigned long bits = at * 8 + (field ? strtoul(bit + 1, NULL, 10) : 0);
	assert_null(ul_types_add_member(types, name(types, text), letters[field ? 'w' : (int)*kind],
					(uint32_t)bits, field));
}

static void add_structs(struct ul_types *types, const char *texts, const ul_type_id *letters)
{
	char *copy = strdup(texts);
	char *line_state = NULL;
	assert_non_null(copy);
	for (char *line = strtok_r(copy, "\n", &line_state); line;
	     line = strtok_r(NULL, "\n", &line_state)) {
		char *state = NULL;
		char *head = strtok_r(line, " ", &state);
		char *bytes = strchr(head, ':');
		*bytes++ = '\0';
		(void)add(types, UL_TYPE_STRUCT, (uint32_t)strtoul(bytes, NULL, 10), head);
		for (char *one = strtok_r(NULL, " ", &state); one;
		     one = strtok_r(NULL, " ", &state))
			add_member(types, one, letters);
	}
	free(copy);
}

static struct ul_types *make_types(const char *era)
{
	struct ul_types *types = ul_types_create();
	ul_type_id letters[128] = {0};
	assert_non_null(types);
	letters['q'] = add(types, UL_TYPE_INT, 8, "unsigned long");
	letters['w'] = add(types, UL_TYPE_INT, 4, "unsigned int");
	letters['r'] = add(types, UL_TYPE_UNION, 8, "codetag_ref");
	assert_null(ul_types_add_member(types, name(types, "ct"), letters['q'], 0, 0));
	letters['s'] = add(types, UL_TYPE_STRUCT, 16, "cgroup_subsys_state");
	assert_null(ul_types_add_member(types, name(types, "cgroup"), letters['q'], 0, 0));
	assert_null(ul_types_add_member(types, name(types, "flags"), letters['w'], 64, 0));
	letters['p'] = add(types, UL_TYPE_STRUCT, 16, "percpu_ref");
	assert_null(
		ul_types_add_member(types, name(types, "percpu_count_ptr"), letters['q'], 0, 0));
	add_structs(types, common, letters);
	add_structs(types, era == v5_10 || era == v6_1 ? node_before : node_now, letters);
	add_structs(types, era, letters);
	assert_null(ul_types_finish(types));
	return types;
}

/* ---- memory ---- */

static uint64_t group_at(int group, uint64_t part)
{
	return fixture_page(GROUPS) + (uint64_t)group * GROUP_STEP + part;
}

static void put_text(struct world *world, uint64_t kaddr, const char *text)
{
	for (size_t i = 0; i <= strlen(text); i += 8) {
		uint64_t word = 0;
		const size_t len = strlen(text + i);
		memcpy(&word, text + i, len < 8 ? len : 8);
		fixture_put(world->fixture, kaddr + i, word);
	}
}

/** Group number @p group, in @p parent (-1: it is the root). */
static void put_group(struct world *world, int group, int parent, const char *text)
{
	struct fixture *fixture = world->fixture;
	fixture_put(fixture, group_at(group, OBJCG), 0xffffc90000000100);
	fixture_put(fixture, group_at(group, OBJCG) + 16, group_at(group, MEMCG));
	fixture_put(fixture, group_at(group, MEMCG), group_at(group, CGROUP));
	fixture_put(fixture, group_at(group, MEMCG) + 8, 2 | 8); // CSS_ONLINE, CSS_VISIBLE
	fixture_put(fixture, group_at(group, CGROUP) + 8, group_at(group, NODE));
	fixture_put(fixture, group_at(group, NODE) + 8, parent < 0 ? 0 : group_at(parent, NODE));
	fixture_put(fixture, group_at(group, NODE) + 16, group_at(group, NAME));
	fixture_put(fixture, group_at(group, NODE) + 32, group_at(group, CGROUP));
	put_text(world, group_at(group, NAME), text);
}

static uint64_t head(uint64_t pfn)
{
	return FIXTURE_VMEMMAP + pfn * 64;
}

static void world_init(struct world *world, const char *era)
{
	*world = (struct world){.fixture = fixture_create(true)};
	struct fixture *fixture = world->fixture;
	const struct ul_heap_area area = {.vm_struct = fixture_page(AREA_PAGES)};
	fixture->image.types = make_types(era);
	fixture->image.symtab = ul_symtab_create();
	fixture->heap.caches.data[0].kaddr = fixture_page(4);
	fixture_block(fixture, fixture_page(SLAB), 4 * 64, 64, 0, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, fixture_page(PLAIN), 4096, 0, UINT32_MAX, UL_BLOCK_PAGES, 0);
	fixture->heap.caches.data[1].kaddr = fixture_page(5);
	fixture_block(fixture, fixture_page(PADDED), 16384, 8192, 1, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, FIXTURE_VMALLOC, 8192, 0, 0, UL_BLOCK_VMALLOC, 0);
	assert_true(ul_vec_push(&fixture->heap.areas, area));
	assert_null(ul_heap_finish(&fixture->heap));
	for (int i = 0; i < 4; i++)
		fixture_allocate(fixture, fixture_page(SLAB) + (uint64_t)i * 64);
	fixture_allocate(fixture, fixture_page(PLAIN));
	fixture_allocate(fixture, fixture_page(PADDED) + 8192);
	fixture_allocate(fixture, FIXTURE_VMALLOC);
	fixture_put(fixture, head(SLAB) + (era == v5_10 || era == v6_1 ? 24 : 8), fixture_page(4));
	fixture_put(fixture, head(SLAB) + 56, fixture_page(VECTOR) | 1);
	put_group(world, 0, -1, "");
	put_group(world, 1, 0, "test.slice");
	put_group(world, 2, 1, "job-17");
}

static void world_deinit(struct world *world)
{
	ul_origins_deinit(&world->origins);
	ul_origin_reader_destroy(world->reader);
	ul_types_destroy(world->fixture->image.types);
	ul_symtab_destroy(world->fixture->image.symtab);
	fixture_free(world->fixture);
}
#define CLEANUP_WORLD UL_CLEANUP(world_deinit)

/** A word of the vector. */
static void entry(struct world *world, size_t index, uint64_t value)
{
	fixture_put(world->fixture, fixture_page(VECTOR) + index * 8, value);
}

/** What is said of the four objects of the slab. */
static const struct ul_origins *ask(struct world *world)
{
	struct ul_heap_hit hit;
	uint64_t objects[4];
	assert_true(ul_heap_find(&world->fixture->heap, fixture_page(SLAB), &hit));
	for (size_t i = 0; i < 4; i++)
		objects[i] = hit.object + i;
	ul_origins_deinit(&world->origins);
	ul_origin_reader_destroy(world->reader);
	world->reader = ul_origin_reader_create(&world->fixture->image, &world->fixture->heap);
	assert_non_null(world->reader);
	assert_null(ul_origins_of(world->reader, objects, 4, &world->origins));
	assert_int_equal(world->origins.objects, 4);
	return &world->origins;
}

static const struct ul_origins *ask_one(struct world *world, uint64_t kaddr)
{
	struct ul_heap_hit hit;
	assert_true(ul_heap_find(&world->fixture->heap, kaddr, &hit));
	ul_origins_deinit(&world->origins);
	ul_origin_reader_destroy(world->reader);
	world->reader = ul_origin_reader_create(&world->fixture->image, &world->fixture->heap);
	assert_non_null(world->reader);
	assert_null(ul_origins_of(world->reader, &hit.object, 1, &world->origins));
	return &world->origins;
}

static void charge_is(const struct ul_origins *origins, size_t index, const char *cgroup,
		      uint64_t objects)
{
	assert_true(index < origins->charges.len);
	assert_string_equal(origins->charges.data[index].cgroup, cgroup);
	assert_int_equal(origins->charges.data[index].objects, objects);
}

/* ---- layouts ---- */

static void a_vector_of_pointers_names_the_cgroup_of_each_object(void **state)
{
	static const char *const eras[] = {v5_10, v6_1, v6_12};
	for (size_t i = 0; i < UL_ARRAY_LEN(eras); i++) {
		struct world world CLEANUP_WORLD;
		world_init(&world, eras[i]);
		entry(&world, 0, group_at(2, OBJCG));
		entry(&world, 1, group_at(1, OBJCG));
		entry(&world, 3, group_at(2, OBJCG));
		const struct ul_origins *origins = ask(&world);
		assert_int_equal(origins->charges.len, 2);
		charge_is(origins, 0, "/test.slice/job-17", 2);
		charge_is(origins, 1, "/test.slice", 1);
		assert_false(origins->charges.data[0].removed);
		assert_false(origins->charges.data[0].inherited);
		assert_null(ul_origins_charge(origins)); // half is not most
		entry(&world, 2, group_at(2, OBJCG));
		assert_string_equal(ul_origins_charge(ask(&world))->cgroup, "/test.slice/job-17");
	}
}

static void without_its_mark_a_word_is_no_vector(void **state)
{
	static const char *const eras[] = {v5_10, v6_1};
	for (size_t i = 0; i < UL_ARRAY_LEN(eras); i++) {
		struct world world CLEANUP_WORLD;
		world_init(&world, eras[i]);
		entry(&world, 0, group_at(2, OBJCG));
		fixture_put(world.fixture, head(SLAB) + 56, fixture_page(VECTOR));
		assert_int_equal(ask(&world)->charges.len, 0);
	}
}

static void the_slab_of_another_cache_says_nothing(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, v6_12);
	entry(&world, 0, group_at(2, OBJCG));
	fixture_put(world.fixture, head(SLAB) + 8, fixture_page(5));
	assert_int_equal(ask(&world)->charges.len, 0);
}

static void the_first_object_may_lie_behind_the_head_page(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, v6_12);
	entry(&world, 1, group_at(2, OBJCG));
	fixture_put(world.fixture, head(PADDED - 1) + 8, fixture_page(5));
	fixture_put(world.fixture, head(PADDED - 1) + 56, fixture_page(VECTOR) | 1);
	charge_is(ask_one(&world, fixture_page(PADDED) + 8192), 0, "/test.slice/job-17", 1);
	fixture_put(world.fixture, head(PADDED - 1) + 8, 0);
	fixture_put(world.fixture, head(PADDED - 3) + 8, fixture_page(5)); // too far
	assert_int_equal(ask_one(&world, fixture_page(PADDED) + 8192)->charges.len, 0);
}

static void entries_may_lie_in_the_objects(void **state)
{
	struct world world CLEANUP_WORLD;
	const uint64_t first = fixture_page(SLAB) + 48;
	world_init(&world, v7_2);
	fixture_put(world.fixture, head(SLAB) + 56, first | 1);
	fixture_put(world.fixture, first + 64, group_at(1, OBJCG));
	fixture_put(world.fixture, head(SLAB) + 40, UINT64_C(64) << 32);
	charge_is(ask(&world), 0, "/test.slice", 1);
	// A stride that is neither: not understood, so nothing is said.
	fixture_put(world.fixture, head(SLAB) + 40, UINT64_C(16) << 32);
	assert_int_equal(ask(&world)->charges.len, 0);
	fixture_put(world.fixture, head(SLAB) + 40, UINT64_C(8) << 32);
	fixture_put(world.fixture, first + 8, group_at(2, OBJCG));
	charge_is(ask(&world), 0, "/test.slice/job-17", 1);
}

static void bits_of_the_slab_say_where_entries_lie(void **state)
{
	struct world world CLEANUP_WORLD;
	const uint64_t first = fixture_page(SLAB) + 48;
	world_init(&world, v7_3);
	fixture_put(world.fixture, head(SLAB) + 56, first | 1);
	fixture_put(world.fixture, first + 64, group_at(1, OBJCG));
	fixture_put(world.fixture, first + 8, group_at(2, OBJCG));
	fixture_put(world.fixture, head(SLAB) + 40, UINT64_C(3) << 32);
	charge_is(ask(&world), 0, "/test.slice", 1);
	fixture_put(world.fixture, head(SLAB) + 40, UINT64_C(2) << 32);
	charge_is(ask(&world), 0, "/test.slice/job-17", 1);
	fixture_put(world.fixture, head(SLAB) + 40, 0); // nothing is charged in this slab
	assert_int_equal(ask(&world)->charges.len, 0);
}

/* ---- lines of code ---- */

static void put_tag(struct world *world, int tag, uint64_t line, const char *module)
{
	const uint64_t at = fixture_page(TAGS) + (uint64_t)tag * 256;
	fixture_put(world->fixture, at, line << 32);
	fixture_put(world->fixture, at + 8, module ? at + 64 : 0);
	fixture_put(world->fixture, at + 16, at + 96);
	fixture_put(world->fixture, at + 24, at + 128);
	put_text(world, at + 64, module ? module : "");
	put_text(world, at + 96, "seq_open");
	put_text(world, at + 128, "fs/seq_file.c");
}

static uint64_t tag_at(int tag)
{
	return fixture_page(TAGS) + (uint64_t)tag * 256;
}

static void code_tags_name_file_line_and_function(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, profiled);
	put_tag(&world, 0, 572, NULL);
	put_tag(&world, 1, 38, "leakstat");
	entry(&world, 0, group_at(2, OBJCG));
	entry(&world, 1, tag_at(0));
	entry(&world, 3, tag_at(0));
	entry(&world, 5, tag_at(0));
	entry(&world, 7, tag_at(1));
	const struct ul_origins *origins = ask(&world);
	charge_is(origins, 0, "/test.slice/job-17", 1);
	assert_int_equal(origins->tags.len, 2);
	const struct ul_code_tag *tag = ul_origins_tag(origins);
	assert_string_equal(tag->file, "fs/seq_file.c");
	assert_string_equal(tag->function, "seq_open");
	assert_int_equal(tag->line, 572);
	assert_int_equal(tag->objects, 3);
	assert_null(tag->module);
	assert_string_equal(origins->tags.data[1].module, "leakstat");
}

static void what_is_no_code_tag_names_nothing(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, profiled);
	put_tag(&world, 0, 0, NULL);	      // no line
	put_tag(&world, 1, 10, "bad module"); // no name
	put_tag(&world, 2, 10, NULL);
	fixture_put(world.fixture, tag_at(2) + 24, 0x1234); // no text
	entry(&world, 1, tag_at(0));
	entry(&world, 3, tag_at(1));
	entry(&world, 5, tag_at(2));
	entry(&world, 7, 1); // Linux include/linux/codetag.h CODETAG_EMPTY
	assert_int_equal(ask(&world)->tags.len, 0);
}

static void two_entries_an_object_are_there_when_the_kernel_says_so(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, v7_3_profiled);
	put_tag(&world, 0, 572, NULL);
	fixture_put(world.fixture, head(SLAB) + 40, UINT64_C(2) << 32);
	entry(&world, 2, group_at(2, OBJCG));
	entry(&world, 3, tag_at(0));
	// It does not say: nothing is told.
	assert_int_equal(ask(&world)->charges.len, 0);
	assert_null(ul_symtab_add(world.fixture->image.symtab, FIXTURE_IMAGE + 64, 'D',
				  "slab_obj_ext_has_codetag_key", NULL));
	ul_symtab_finish(world.fixture->image.symtab);
	fixture_put(world.fixture, FIXTURE_IMAGE + 64, 1);
	const struct ul_origins *origins = ask(&world);
	charge_is(origins, 0, "/test.slice/job-17", 1);
	assert_int_equal(origins->tags.len, 1);
	// Without tags an object has one.
	fixture_put(world.fixture, FIXTURE_IMAGE + 64, 0);
	entry(&world, 3, 0);
	origins = ask(&world);
	charge_is(origins, 0, "/test.slice/job-17", 1);
	assert_int_equal(origins->tags.len, 0);
	// Nor any charge: one, of tags.
	fixture_put(world.fixture, FIXTURE_IMAGE + 64, 1);
	fixture_put(world.fixture, head(SLAB) + 40, 0);
	entry(&world, 3, tag_at(0));
	origins = ask(&world);
	assert_int_equal(origins->charges.len, 0);
	assert_int_equal(origins->tags.len, 1);
}

/* ---- pages ---- */

static void pages_have_a_charge_of_their_own(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, v6_1);
	fixture_put(world.fixture, head(PLAIN) + 56, group_at(2, OBJCG) | 2);
	charge_is(ask_one(&world, fixture_page(PLAIN)), 0, "/test.slice/job-17", 1);
	// A page of a process: its word leads to something else.
	fixture_put(world.fixture, head(PLAIN) + 56, group_at(2, OBJCG));
	assert_int_equal(ask_one(&world, fixture_page(PLAIN))->charges.len, 0);
}

static void pages_before_led_to_the_cgroup_itself(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, v5_10);
	fixture_put(world.fixture, head(PLAIN) + 56, group_at(1, MEMCG));
	charge_is(ask_one(&world, fixture_page(PLAIN)), 0, "/test.slice", 1);
}

static void the_first_page_speaks_for_an_area(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, v6_12);
	fixture_put(world.fixture, fixture_page(AREA_PAGES) + 32, fixture_page(AREA_PAGES) + 128);
	fixture_put(world.fixture, fixture_page(AREA_PAGES) + 128, head(PLAIN));
	fixture_put(world.fixture, head(PLAIN) + 56, group_at(2, OBJCG) | 2);
	charge_is(ask_one(&world, FIXTURE_VMALLOC), 0, "/test.slice/job-17", 1);
	fixture_put(world.fixture, fixture_page(AREA_PAGES) + 128, 0x4000);
	assert_int_equal(ask_one(&world, FIXTURE_VMALLOC)->charges.len, 0);
}

/* ---- cgroups ---- */

static const struct ul_origins *ask_after(struct world *world)
{
	entry(world, 0, group_at(2, OBJCG));
	return ask(world);
}

static void removed_cgroups_are_said(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, v6_12);
	fixture_put(world.fixture, group_at(2, MEMCG) + 8, 8);
	assert_true(ask_after(&world)->charges.data[0].removed);
	// Its struct obj_cgroup was given to the parent and killed.
	fixture_put(world.fixture, group_at(2, OBJCG), 0xffffc90000000102);
	fixture_put(world.fixture, group_at(2, OBJCG) + 16, group_at(1, MEMCG));
	charge_is(ask_after(&world), 0, "/test.slice", 1);
	assert_true(world.origins.charges.data[0].inherited);
	assert_false(world.origins.charges.data[0].removed);
	// What it was charged with itself is told apart.
	entry(&world, 1, group_at(1, OBJCG));
	assert_int_equal(ask(&world)->charges.len, 2);
}

static void the_root_is_a_slash(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, v6_12);
	entry(&world, 0, group_at(0, OBJCG));
	charge_is(ask(&world), 0, "/", 1);
}

static void steps_that_do_not_lead_back_end_it(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, v6_12);
	fixture_put(world.fixture, group_at(2, NODE) + 32, group_at(1, CGROUP));
	assert_int_equal(ask_after(&world)->charges.len, 0);
	put_group(&world, 2, 1, "job-17");
	fixture_put(world.fixture, group_at(1, NODE) + 8, group_at(2, NODE)); // a ring
	assert_int_equal(ask_after(&world)->charges.len, 0);
	fixture_put(world.fixture, group_at(1, NODE) + 8, 0x10);
	assert_int_equal(ask_after(&world)->charges.len, 0);
	put_group(&world, 1, 0, "test.slice");
	fixture_put(world.fixture, group_at(2, OBJCG) + 16, UINT64_C(0xffffffffffffff00));
	assert_int_equal(ask_after(&world)->charges.len, 0);
	entry(&world, 0, 3);
	assert_int_equal(ask(&world)->charges.len, 0);
}

static void names_are_made_harmless_or_not_told(void **state)
{
	struct world world CLEANUP_WORLD;
	char longest[260];
	world_init(&world, v6_12);
	put_text(&world, group_at(2, NAME), "a\033[31mb");
	charge_is(ask_after(&world), 0, "/test.slice/a?[31mb", 1);
	put_text(&world, group_at(2, NAME), "../x");
	assert_int_equal(ask_after(&world)->charges.len, 0);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[259] = '\0';
	put_text(&world, group_at(2, NAME), longest);
	assert_int_equal(ask_after(&world)->charges.len, 0);
	longest[255] = '\0';
	put_text(&world, group_at(2, NAME), longest);
	assert_int_equal(strlen(ask_after(&world)->charges.data[0].cgroup),
			 255 + strlen("/test.slice/"));
}

static void a_path_too_long_loses_its_front(void **state)
{
	struct world world CLEANUP_WORLD;
	char text[256];
	world_init(&world, v6_12);
	memset(text, 'x', 200);
	text[200] = '\0';
	for (int i = 3; i < 8; i++)
		put_group(&world, i, i - 1, text);
	entry(&world, 0, group_at(7, OBJCG));
	const struct ul_origins *origins = ask(&world);
	assert_int_equal(origins->charges.len, 1);
	assert_memory_equal(origins->charges.data[0].cgroup, ".../job-17/xxx", 14);
}

static void types_without_any_of_it_are_no_error(void **state)
{
	struct world world CLEANUP_WORLD;
	world_init(&world, "nothing:8 here:q:0\n");
	entry(&world, 0, group_at(2, OBJCG));
	assert_int_equal(ask(&world)->charges.len, 0);
	assert_int_equal(ask_one(&world, fixture_page(PLAIN))->charges.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vector_of_pointers_names_the_cgroup_of_each_object),
		cmocka_unit_test(without_its_mark_a_word_is_no_vector),
		cmocka_unit_test(the_slab_of_another_cache_says_nothing),
		cmocka_unit_test(the_first_object_may_lie_behind_the_head_page),
		cmocka_unit_test(entries_may_lie_in_the_objects),
		cmocka_unit_test(bits_of_the_slab_say_where_entries_lie),
		cmocka_unit_test(code_tags_name_file_line_and_function),
		cmocka_unit_test(what_is_no_code_tag_names_nothing),
		cmocka_unit_test(two_entries_an_object_are_there_when_the_kernel_says_so),
		cmocka_unit_test(pages_have_a_charge_of_their_own),
		cmocka_unit_test(pages_before_led_to_the_cgroup_itself),
		cmocka_unit_test(the_first_page_speaks_for_an_area),
		cmocka_unit_test(removed_cgroups_are_said),
		cmocka_unit_test(the_root_is_a_slash),
		cmocka_unit_test(steps_that_do_not_lead_back_end_it),
		cmocka_unit_test(names_are_made_harmless_or_not_told),
		cmocka_unit_test(a_path_too_long_loses_its_front),
		cmocka_unit_test(types_without_any_of_it_are_no_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
