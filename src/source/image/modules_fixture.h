/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types that the walk of modules goes by, small and made up, for its test and its fuzz target:
 *
 *	struct module { int state; struct list_head list @8; char name[24] @24;
 *			struct mod_kallsyms *kallsyms @48; struct module_memory mem[2] @56; } 104
 *	struct module_memory { void *base; unsigned size @8; } 16 ... here 24 apart
 *	struct mod_kallsyms { void *symtab; unsigned num_symtab @8; char *strtab @16;
 *			      char *typetab @24; }
 *	struct btf_module { struct list_head list; struct module *module @16;
 *			    struct btf *btf @24; }
 *	struct btf { void *data; unsigned data_size @8; }
 */
#ifndef UL_SOURCE_IMAGE_MODULES_FIXTURE_H
#define UL_SOURCE_IMAGE_MODULES_FIXTURE_H

#include <string.h>

#include "model/type.h"

enum {
	FIXTURE_INT = 1,
	FIXTURE_POINTER,
	FIXTURE_CHAR,
	FIXTURE_NAME,
	FIXTURE_PART,
	FIXTURE_PARTS,
	FIXTURE_LIST,
};

struct fixture_member {
	const char *name;
	ul_type_id type;
	uint32_t offset;
};

static inline void fixture_fail(struct ul_error *error)
{
	if (!error)
		return;
	ul_error_destroy(error);
	abort();
}

static inline uint32_t fixture_name(struct ul_types *types, const char *name)
{
	uint32_t offset = 0;
	if (*name)
		fixture_fail(ul_types_add_names(types, name, strlen(name), &offset));
	return offset;
}

static inline void fixture_add(struct ul_types *types, struct ul_type_entry entry, const char *name)
{
	entry.name = fixture_name(types, name);
	fixture_fail(ul_types_add(types, &entry));
}

static inline void fixture_struct(struct ul_types *types, const char *name, uint64_t bytes,
				  const struct fixture_member *members, size_t count)
{
	fixture_add(types, (struct ul_type_entry){.kind = UL_TYPE_STRUCT, .bytes = bytes}, name);
	for (size_t i = 0; i < count; i++)
		fixture_fail(ul_types_add_member(types, fixture_name(types, members[i].name),
						 members[i].type, members[i].offset * 8, 0));
}
#define FIXTURE_STRUCT(types, name, bytes, ...)                                                    \
	do {                                                                                       \
		const struct fixture_member members_[] = {__VA_ARGS__};                            \
		fixture_struct(types, name, bytes, members_, UL_ARRAY_LEN(members_));              \
	} while (0)

static inline void fixture_array(struct ul_types *types, ul_type_id of, uint32_t count)
{
	fixture_add(types,
		    (struct ul_type_entry){.kind = UL_TYPE_ARRAY, .target = of, .count = count},
		    "");
}

static inline struct ul_types *fixture_types(void)
{
	struct ul_types *types = ul_types_create();
	if (!types)
		abort();
	fixture_add(types, (struct ul_type_entry){.kind = UL_TYPE_INT, .bytes = 4}, "int");
	fixture_add(types, (struct ul_type_entry){.kind = UL_TYPE_POINTER, .bytes = 8}, "");
	fixture_add(types, (struct ul_type_entry){.kind = UL_TYPE_INT, .bytes = 1}, "char");
	fixture_array(types, FIXTURE_CHAR, 24);
	FIXTURE_STRUCT(types, "module_memory", 24, {"base", FIXTURE_POINTER, 0},
		       {"size", FIXTURE_INT, 8});
	fixture_array(types, FIXTURE_PART, 2);
	FIXTURE_STRUCT(types, "list_head", 16, {"next", FIXTURE_POINTER, 0},
		       {"prev", FIXTURE_POINTER, 8});
	FIXTURE_STRUCT(types, "module", 104, {"state", FIXTURE_INT, 0}, {"list", FIXTURE_LIST, 8},
		       {"name", FIXTURE_NAME, 24}, {"kallsyms", FIXTURE_POINTER, 48},
		       {"mem", FIXTURE_PARTS, 56});
	FIXTURE_STRUCT(types, "mod_kallsyms", 32, {"symtab", FIXTURE_POINTER, 0},
		       {"num_symtab", FIXTURE_INT, 8}, {"strtab", FIXTURE_POINTER, 16},
		       {"typetab", FIXTURE_POINTER, 24});
	FIXTURE_STRUCT(types, "btf_module", 32, {"list", FIXTURE_LIST, 0},
		       {"module", FIXTURE_POINTER, 16}, {"btf", FIXTURE_POINTER, 24});
	FIXTURE_STRUCT(types, "btf", 16, {"data", FIXTURE_POINTER, 0},
		       {"data_size", FIXTURE_INT, 8});
	fixture_fail(ul_types_finish(types));
	return types;
}

#endif
