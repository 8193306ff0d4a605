// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the pointers are called that the kernel keeps of objects.
 *
 * A struct obj_cgroup stands for the memory cgroup that is charged. When that one is removed, its
 * struct obj_cgroup is given to the parent and killed (Linux mm/memcontrol.c
 * memcg_reparent_objcgs(), v5.9): so one that is dead says that the cgroup it leads to inherited
 * the charge. One step is believed only when the next leads back: the directory of a cgroup
 * (kernfs_node.priv) names the cgroup that names it. No name rather than a wrong one: a name that
 * cannot be read whole gives none.
 *
 * Limits: 64 directories, names of 255 bytes; a path of more than 1 KiB loses its front.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/origin_internal.h"

enum {
	STEPS_MAX = 64,
	NAME_BYTES = 256, /* NAME_MAX and its end */
	PATH_BYTES = 1024,
	LINES_MAX = 1 << 20,
	REF_DEAD = 2,	/* include/linux/percpu-refcount.h __PERCPU_REF_DEAD */
	CSS_ONLINE = 2, /* include/linux/cgroup-defs.h */
};

static bool get(const struct ul_image *image, uint64_t kaddr, const char *type, const char *path,
		uint64_t *ret)
{
	struct ul_place place;
	uint64_t value = 0;
	size_t got = 0;
	if (!image->types || !ul_origin_is_pointer(kaddr) ||
	    !ul_types_place(image->types, type, path, &place) || !place.bytes ||
	    place.bytes > sizeof(value))
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, kaddr + place.offset, &value, place.bytes, &got);
	if (error || got != place.bytes)
		return false;
	*ret = value;
	return true;
}

/** All of a text, bytes that are not printable as '?'; false when its end is not found. */
static bool get_text(const struct ul_image *image, uint64_t kaddr, char text[static NAME_BYTES])
{
	size_t got = 0;
	if (!(kaddr >> 63))
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, kaddr, text, NAME_BYTES, &got);
	if (error || !got || !memchr(text, '\0', got))
		return false;
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return true;
}

/** Text of a name that code has: printable, no blanks. */
static bool get_code_name(const struct ul_image *image, uint64_t kaddr,
			  char text[static NAME_BYTES])
{
	return get_text(image, kaddr, text) && *text && !strpbrk(text, "? ");
}

static bool enumerator(const struct ul_image *image, const char *name, int64_t usual,
		       uint64_t value)
{
	int64_t bit = usual;
	(void)ul_types_enumerator(image->types, name, &bit);
	return value & (uint64_t)bit;
}

/* ---- cgroups ---- */

/** "/a/b" of a directory in kernfs: "/" of the root, "" when a name or a step makes no sense. */
static void put_path(const struct ul_image *image, uint64_t node, char path[static PATH_BYTES])
{
	char name[NAME_BYTES];
	size_t at = PATH_BYTES - 1;
	bool cut = false;
	path[at] = '\0';
	for (size_t step = 0; step < STEPS_MAX; step++) {
		uint64_t parent = 0;
		uint64_t text;
		// commit 633488947ef6 ("kernfs: Use RCU to access kernfs_node::parent.") (v6.15)
		if (!get(image, node, "kernfs_node", "parent", &parent) &&
		    !get(image, node, "kernfs_node", "__parent", &parent))
			break;
		if (!parent) {
			if (at == PATH_BYTES - 1)
				path[--at] = '/';
			memmove(path, path + at, PATH_BYTES - at);
			return;
		}
		if (!get(image, node, "kernfs_node", "name", &text) ||
		    !get_text(image, text, name) || !*name || strchr(name, '/'))
			break;
		const size_t len = strlen(name);
		if (!cut && len + 1 + strlen("...") > at) {
			at -= strlen("...");
			memcpy(path + at, "...", strlen("..."));
			cut = true;
		}
		if (!cut) {
			at -= len;
			memcpy(path + at, name, len);
			path[--at] = '/';
		}
		node = parent;
	}
	*path = '\0';
}

bool ul_origin_charge_of(const struct ul_image *image, const struct ul_origin_words *words,
			 struct ul_charge *ret)
{
	uint64_t memcg = words->memcg;
	uint64_t references = 0;
	uint64_t cgroup;
	uint64_t flags;
	uint64_t node;
	uint64_t back;
	char path[PATH_BYTES];
	*ret = (struct ul_charge){0};
	if (words->objcg &&
	    (!get(image, words->objcg, "obj_cgroup", "memcg", &memcg) ||
	     !get(image, words->objcg, "obj_cgroup", "refcnt.percpu_count_ptr", &references)))
		return false;
	if (!get(image, memcg, "mem_cgroup", "css.cgroup", &cgroup) ||
	    !get(image, memcg, "mem_cgroup", "css.flags", &flags) ||
	    !get(image, cgroup, "cgroup", "kn", &node) ||
	    !get(image, node, "kernfs_node", "priv", &back) || back != cgroup)
		return false;
	put_path(image, node, path);
	if (!*path)
		return false;
	ret->removed = !enumerator(image, "CSS_ONLINE", CSS_ONLINE, flags);
	ret->inherited = enumerator(image, "__PERCPU_REF_DEAD", REF_DEAD, references);
	ret->cgroup = strdup(path);
	return ret->cgroup;
}

/* ---- lines of code ---- */

bool ul_origin_tag_of(const struct ul_image *image, uint64_t tag, struct ul_code_tag *ret)
{
	uint64_t line;
	uint64_t file;
	uint64_t function;
	uint64_t module;
	char file_name[NAME_BYTES];
	char function_name[NAME_BYTES];
	char module_name[NAME_BYTES] = "";
	*ret = (struct ul_code_tag){0};
	if (!get(image, tag, "codetag", "lineno", &line) || !line || line > LINES_MAX ||
	    !get(image, tag, "codetag", "filename", &file) ||
	    !get_code_name(image, file, file_name) || !strchr(file_name, '.') ||
	    !get(image, tag, "codetag", "function", &function) ||
	    !get_code_name(image, function, function_name) ||
	    !get(image, tag, "codetag", "modname", &module) ||
	    (module && !get_code_name(image, module, module_name)))
		return false;
	ret->line = (uint32_t)line;
	ret->file = strdup(file_name);
	ret->function = strdup(function_name);
	ret->module = *module_name ? strdup(module_name) : NULL;
	if (ret->file && ret->function && (ret->module || !*module_name))
		return true;
	free(ret->file);
	free(ret->function);
	free(ret->module);
	*ret = (struct ul_code_tag){0};
	return false;
}
