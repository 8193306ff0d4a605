// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "analysis/describe.h"

/*
 * Memory is one array from BASE on. Types are made from a text, "name:size member:type:offset ...";
 * of the types of members 'p' is void *, 'P' char *, 'f' a struct file *, 'i' int, 'q' u64, 'h'
 * u16, 'w' u32, 'c' char[16], 'l' list_head, 'n' struct qstr, 'a' struct path, 'm' struct vfsmount,
 * 's' struct sock_common, 'k' struct sock, 'I' struct inode, 't' bit field of 3 bits.
 */
#define BASE 0xffff888000000000ULL

struct world {
	struct ul_memory memory;
	uint8_t bytes[8192];
	struct ul_image image;
};

static struct ul_error *world_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				   size_t len, size_t *ret_read)
{
	const struct world *world = (const struct world *)memory;
	const uint64_t into = kaddr - BASE;
	*ret_read = 0;
	if (into >= sizeof(world->bytes))
		return NULL;
	*ret_read = len < sizeof(world->bytes) - into ? len : sizeof(world->bytes) - (size_t)into;
	memcpy(buffer, world->bytes + into, *ret_read);
	return NULL;
}

static void world_destroy(struct ul_memory *memory)
{
}

static const struct ul_memory_ops world_ops = {.read = world_read, .destroy = world_destroy};

static uint32_t name(struct ul_types *types, const char *text)
{
	uint32_t offset = 0;
	if (*text)
		assert_null(ul_types_add_names(types, text, strlen(text), &offset));
	return offset;
}

static ul_type_id add(struct ul_types *types, struct ul_type_entry entry, const char *text)
{
	entry.name = name(types, text);
	assert_null(ul_types_add(types, &entry));
	return (ul_type_id)ul_types_len(types) - 1;
}

/* Ids of the letters. */
static ul_type_id letters[128];

static void add_struct(struct ul_types *types, const char *text)
{
	char copy[512];
	char *state = NULL;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	char *head = strtok_r(copy, " ", &state);
	char *colon = strchr(head, ':');
	*colon = '\0';
	(void)add(types,
		  (struct ul_type_entry){.kind = UL_TYPE_STRUCT,
					 .bytes = strtoull(colon + 1, NULL, 10)},
		  head);
	for (char *one = strtok_r(NULL, " ", &state); one; one = strtok_r(NULL, " ", &state)) {
		char *letter = strchr(one, ':');
		char *offset = strchr(letter + 1, ':');
		*letter = '\0';
		const uint32_t bits = (uint32_t)strtoul(offset + 1, NULL, 10) * 8;
		const bool field = letter[1] == 't';
		assert_null(ul_types_add_member(types, name(types, one), letters[(int)letter[1]],
						field ? bits + 1 : bits, field ? 3 : 0));
	}
}

static struct ul_types *make_types(void)
{
	struct ul_types *types = ul_types_create();
	const ul_type_id character =
		add(types, (struct ul_type_entry){.kind = UL_TYPE_INT, .bytes = 1, .is_char = true},
		    "char");
	static const struct {
		char letter;
		uint8_t bytes;
		const char *name;
	} integers[] = {{'i', 4, "int"}, {'q', 8, "u64"}, {'h', 2, "u16"}, {'w', 4, "u32"}};
	for (size_t i = 0; i < UL_ARRAY_LEN(integers); i++)
		letters[(int)integers[i].letter] =
			add(types,
			    (struct ul_type_entry){.kind = UL_TYPE_INT,
						   .bytes = integers[i].bytes,
						   .is_signed = integers[i].letter == 'i'},
			    integers[i].name);
	letters['t'] = letters['w'];
	letters['p'] = add(types, (struct ul_type_entry){.kind = UL_TYPE_POINTER, .bytes = 8}, "");
	letters['P'] = add(
		types,
		(struct ul_type_entry){.kind = UL_TYPE_POINTER, .bytes = 8, .target = character},
		"");
	letters['c'] =
		add(types,
		    (struct ul_type_entry){.kind = UL_TYPE_ARRAY, .target = character, .count = 16},
		    "");
	static const struct {
		char letter;
		const char *text;
	} structs[] = {
		{'l', "list_head:16 next:p:0 prev:p:8"},
		{'n', "qstr:16 len:w:4 name:P:8"},
		{'m', "vfsmount:16 mnt_root:p:0"},
		{'a', "path:16 mnt:p:0 dentry:p:8"},
		{'I', "inode:32 i_sb:p:0 i_ino:q:8"},
		{'s', "sock_common:64 skc_daddr:w:0 skc_rcv_saddr:w:4 skc_dport:h:8 skc_num:h:10 "
		      "skc_family:h:12 skc_prot:p:16 skc_v6_daddr:c:24 skc_v6_rcv_saddr:c:40"},
		{'F', "file:48 f_path:a:0 f_inode:p:16 private_data:p:24"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(structs); i++) {
		letters[(int)structs[i].letter] = (ul_type_id)ul_types_len(types);
		add_struct(types, structs[i].text);
	}
	letters['f'] = add(
		types,
		(struct ul_type_entry){.kind = UL_TYPE_POINTER, .bytes = 8, .target = letters['F']},
		"");
	add_struct(types, "dentry:64 d_parent:p:0 d_name:n:8 d_inode:p:24 d_sb:p:32");
	add_struct(types, "mount:48 mnt_parent:p:0 mnt_mountpoint:p:8 mnt:m:16");
	add_struct(types, "super_block:32 s_type:p:0 s_id:c:8");
	add_struct(types, "file_system_type:8 name:P:0");
	add_struct(types, "proto:16 name:c:0");
	letters['k'] = (ul_type_id)ul_types_len(types);
	add_struct(types, "sock:72 __sk_common:s:0 sk_socket:p:64");
	add_struct(types, "tcp_sock:80 inet:k:0 more:q:72");
	add_struct(types, "ext_inode:64 extra:q:0 vfs_inode:I:16");
	add_struct(types, "task_struct:32 comm:c:0 pid:i:16");
	add_struct(types, "seq_file:64 buf:P:0 size:q:8 file:f:16 list:l:24 flag:t:40 level:i:44 "
			  "op:p:48");
	assert_null(ul_types_finish(types));
	return types;
}

static void make_world(struct world *world)
{
	*world = (struct world){.memory = {.ops = &world_ops, .engine = "test"}};
	world->image.memory = &world->memory;
	world->image.types = make_types();
	world->image.symtab = ul_symtab_create();
	assert_null(ul_symtab_add(world->image.symtab, 0xffffffff81000000, 'D', "my_ops", "mod"));
	ul_symtab_finish(world->image.symtab);
}

static void world_deinit(struct world *world)
{
	world->image.memory = NULL;
	ul_image_deinit(&world->image);
}
#define CLEANUP_WORLD UL_CLEANUP(world_deinit)

static void poke(struct world *world, uint64_t at, uint64_t value)
{
	memcpy(world->bytes + at, &value, sizeof(value));
}

static void poke_text(struct world *world, uint64_t at, const char *text)
{
	memcpy(world->bytes + at, text, strlen(text) + 1);
}

/* A dentry at @p at called @p text (kept behind it), in @p parent. */
static void put_dentry(struct world *world, uint64_t at, const char *text, uint64_t parent)
{
	poke(world, at, BASE + parent);
	poke(world, at + 16, BASE + at + 48);
	poke(world, at + 32, BASE + 0x800);
	poke_text(world, at + 48, text);
}

/*
 * Two filesystems: the root one (dentries 0x100 "/", 0x140 "proc") and proc (0x180 "/", 0x1c0
 * "net", 0x200 "tcp"), mounted at "proc". Mounts: 0x300 the root's, 0x340 proc's. A file at 0x400.
 */
static void put_files(struct world *world)
{
	put_dentry(world, 0x100, "/", 0x100);
	put_dentry(world, 0x140, "proc", 0x100);
	put_dentry(world, 0x180, "/", 0x180);
	put_dentry(world, 0x1c0, "net", 0x180);
	put_dentry(world, 0x200, "tcp", 0x1c0);
	poke(world, 0x300, BASE + 0x300);
	poke(world, 0x310, BASE + 0x100);
	poke(world, 0x340, BASE + 0x300);
	poke(world, 0x348, BASE + 0x140);
	poke(world, 0x350, BASE + 0x180);
	poke(world, 0x400, BASE + 0x350); // &mount->mnt
	poke(world, 0x408, BASE + 0x200);
	poke(world, 0x800, BASE + 0x840); // super_block -> type -> name
	poke_text(world, 0x808, "proc0");
	poke(world, 0x840, BASE + 0x860);
	poke_text(world, 0x860, "proc");
}

static void identity_is(struct world *world, const char *type, uint64_t at, const char *expected)
{
	char text[UL_IDENTITY_BYTES];
	const ul_type_id id = ul_types_find(world->image.types, UL_TYPE_STRUCT, type);
	assert_int_not_equal(id, 0);
	assert_int_equal(ul_identify(&world->image, id, BASE + at, text), expected != NULL);
	assert_string_equal(text, expected ? expected : "");
}

static void files_have_paths_across_mounts(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	put_files(&world);
	identity_is(&world, "file", 0x400, "/proc/net/tcp");
	identity_is(&world, "dentry", 0x200, "/net/tcp (proc)");
	identity_is(&world, "mount", 0x340, "/proc");
	// No path: the number of its inode.
	poke(&world, 0x180 + 24, BASE + 0x900);
	poke(&world, 0x908, 77);
	identity_is(&world, "dentry", 0x180, "proc:/[77]");
}

static void rings_and_holes_end(void **state)
{
	struct world world CLEANUP_WORLD;
	char text[UL_IDENTITY_BYTES];
	make_world(&world);
	put_files(&world);
	poke(&world, 0x1c0, BASE + 0x200); // the directory is in its own file
	const ul_type_id id = ul_types_find(world.image.types, UL_TYPE_STRUCT, "file");
	assert_true(ul_identify(&world.image, id, BASE + 0x400, text));
	assert_true(strlen(text) < UL_IDENTITY_BYTES);
	poke(&world, 0x408, 0x10);
	identity_is(&world, "file", 0x400, NULL);
	identity_is(&world, "file", 1 << 20, NULL);
	identity_is(&world, "qstr", 0x400, NULL);
}

static void sockets_have_protocol_and_addresses(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	const uint8_t common[] = {192, 168, 0, 7, 10, 0, 0, 1, 0x1f, 0x90, 0x50, 0, 2, 0};
	memcpy(world.bytes + 0x500, common, sizeof(common));
	poke(&world, 0x510, BASE + 0x600);
	poke_text(&world, 0x600, "TCP");
	identity_is(&world, "sock", 0x500, "TCP 10.0.0.1:80 -> 192.168.0.7:8080");
	// By what it begins with.
	identity_is(&world, "tcp_sock", 0x500, "TCP 10.0.0.1:80 -> 192.168.0.7:8080");
	world.bytes[0x50c] = 1;
	identity_is(&world, "sock", 0x500, "TCP socket");
}

static void tasks_and_inodes_are_told(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	put_files(&world);
	poke_text(&world, 0x700, "bash");
	poke(&world, 0x710, 1234);
	identity_is(&world, "task_struct", 0x700, "bash[1234]");
	poke(&world, 0x750, BASE + 0x800); // vfs_inode within the filesystem's own
	poke(&world, 0x758, 42);
	identity_is(&world, "ext_inode", 0x740, "inode 42 of proc on proc0");
}

static const struct ul_described_member *find(const struct ul_described *described,
					      const char *wanted)
{
	ul_vec_foreach (member, &described->members)
		if (!strcmp(member->name, wanted))
			return member;
	return NULL;
}

static void value_is(const struct ul_described *described, const char *wanted, const char *expected)
{
	const struct ul_described_member *member = find(described, wanted);
	assert_int_equal(member != NULL, expected != NULL);
	if (member)
		assert_string_equal(member->value, expected);
}

static void members_are_told_as_people_read_them(void **state)
{
	struct world world CLEANUP_WORLD;
	struct ul_described described UL_CLEANUP_DESCRIBED = {0};
	make_world(&world);
	put_files(&world);
	poke(&world, 0x1000, BASE + 0x1100);
	poke_text(&world, 0x1100, "version 15\nx");
	poke(&world, 0x1010, BASE + 0x400);
	poke(&world, 0x418, BASE + 0x1000); // private_data: it is this one's
	poke(&world, 0x1018, BASE + 0x1018);
	poke(&world, 0x1020, BASE + 0x1018);
	poke(&world, 0x1028, 5 << 1 | (uint64_t)0xfffffffe << 32);
	poke(&world, 0x1030, 0xffffffff81000000);
	const ul_type_id id = ul_types_find(world.image.types, UL_TYPE_STRUCT, "seq_file");
	assert_null(ul_describe(&world.image, NULL, NULL, id, BASE + 0x1000, &described));
	assert_string_equal(described.type, "struct seq_file");
	assert_string_equal(described.identity, "/proc/net/tcp");
	value_is(&described, "buf", "0xffff888000001100 \"version 15\\nx\"");
	value_is(&described, "size", NULL);
	value_is(&described, "file", "0xffff888000000400 /proc/net/tcp");
	value_is(&described, "list", "empty");
	value_is(&described, "flag", "5");
	value_is(&described, "level", "-2");
	value_is(&described, "op", "my_ops [mod]");
	assert_int_equal(described.zero_members, 1);
}

static void a_file_given_to_somebody_else_is_said(void **state)
{
	struct world world CLEANUP_WORLD;
	struct ul_described described UL_CLEANUP_DESCRIBED = {0};
	make_world(&world);
	put_files(&world);
	poke(&world, 0x1010, BASE + 0x400);
	poke(&world, 0x418, BASE + 0x2000);
	const ul_type_id id = ul_types_find(world.image.types, UL_TYPE_STRUCT, "seq_file");
	assert_null(ul_describe(&world.image, NULL, NULL, id, BASE + 0x1000, &described));
	assert_null(described.identity);
	value_is(&described, "file", "0xffff888000000400 no longer its own");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_have_paths_across_mounts),
		cmocka_unit_test(rings_and_holes_end),
		cmocka_unit_test(sockets_have_protocol_and_addresses),
		cmocka_unit_test(tasks_and_inodes_are_told),
		cmocka_unit_test(members_are_told_as_people_read_them),
		cmocka_unit_test(a_file_given_to_somebody_else_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
