// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which /proc file made this struct seq_file, when the file that it points to is closed and its
 * memory given away? A leaked seq_file is just that: nobody released it, but the file is gone. Its
 * operations table is not: the function that opens the /proc file hands it to seq_open(), so its
 * address stands in that function's code (x86_64: as an immediate or relative to the instruction),
 * or in the /proc entry itself (proc_create_seq()). With single_open() the table is made for each
 * open file, and the show function in it takes its part.
 *
 * And who forgot it? Only seq_release() frees a struct seq_file (its cache is private to
 * fs/seq_file.c; seq_release_private() and single_release() call it). A /proc file whose release
 * calls none of them (analysis/calls) leaves one behind each time it is closed. So of several files
 * that share a table those are told, if there are any; and with them their release.
 *
 * Errs: of several such files nobody knows which it was: all are told. Functions longer than what
 * is searched, or that call a helper which has the address, are missed.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/calls.h"
#include "analysis/describe.h"
#include "base/text.h"

enum {
	CODE_BYTES = 512, /**< of an open function */
	ENTRIES_MAX = 1 << 16,
	PATHS_BYTES = 240, /**< of the /proc files that share a table */
	WORD = 8,
};

static bool get(const struct ul_image *image, uint64_t kaddr, const char *type, const char *path,
		uint64_t *ret)
{
	struct ul_place place;
	return kaddr && ul_types_place(image->types, type, path, &place) && place.bytes == WORD &&
	       ul_memory_u64(image->memory, kaddr + place.offset, ret);
}

/* Is @p address mentioned in the code at @p function? */
static bool code_mentions(struct ul_image *image, uint64_t function, uint64_t address)
{
	uint8_t code[CODE_BYTES];
	size_t got = 0;
	struct ul_symbol symbol;
	if (!ul_symtab_lookup(image->symtab, function, &symbol) || symbol.offset || !symbol.code)
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, function, code, sizeof(code), &got);
	for (size_t at = 0; !error && at + sizeof(int32_t) <= got; at++) {
		int32_t value;
		struct ul_symbol here;
		memcpy(&value, code + at, sizeof(value));
		const uint64_t absolute = (uint64_t)(int64_t)value;
		if (absolute != address && function + at + sizeof(value) + absolute != address)
			continue;
		// Not beyond the function's end.
		return ul_symtab_lookup(image->symtab, function + at, &here) &&
		       here.start == function;
	}
	return false;
}

static bool entry_uses(struct ul_image *image, uint64_t entry, uint64_t address)
{
	uint64_t table;
	uint64_t open;
	if (get(image, entry, "proc_dir_entry", "seq_ops", &table) && table == address)
		return true;
	// Linux include/linux/proc_fs.h struct proc_ops, commit d56c0d45f0e2 (v5.6);
	// file_operations before.
	if (get(image, entry, "proc_dir_entry", "proc_ops", &table))
		return get(image, table, "proc_ops", "proc_open", &open) &&
		       code_mentions(image, open, address);
	return get(image, entry, "proc_dir_entry", "proc_fops", &table) &&
	       get(image, table, "file_operations", "open", &open) &&
	       code_mentions(image, open, address);
}

static bool is_of(const struct ul_heap *heap, const struct ul_block *block, const char *cache)
{
	return block->kind == UL_BLOCK_SLAB && !(block->flags & UL_BLOCK_UNKNOWN) &&
	       !strcmp(ul_heap_block_name(heap, block), cache);
}

/* The /proc files found so far, and what their releases do. */
struct owners {
	char paths[UL_IDENTITY_BYTES];	   /* all that use the operations */
	char forgetful[UL_IDENTITY_BYTES]; /* those of them that never free a seq_file */
	struct ul_release release;	   /* of the first of these */
};

/* Add @p path to @p paths, unless it is there already. */
static bool add_path(char paths[static UL_IDENTITY_BYTES], const char *path)
{
	const size_t len = strlen(paths);
	if (len + strlen(path) > PATHS_BYTES)
		return false;
	// Every network namespace has its own entries of the same names.
	const char *known = strstr(paths, path);
	const char after = known ? known[strlen(path)] : '\0';
	if (known && (!after || after == ' '))
		return false;
	(void)snprintf(paths + len, UL_IDENTITY_BYTES - len, "%s%s", len ? " or " : "", path);
	return true;
}

/* The release of a /proc file; 0: it has none. False: not known. */
static bool release_of(struct ul_image *image, uint64_t entry, uint64_t *ret)
{
	uint64_t table;
	if (get(image, entry, "proc_dir_entry", "proc_ops", &table))
		return get(image, table, "proc_ops", "proc_release", ret);
	return get(image, entry, "proc_dir_entry", "proc_fops", &table) &&
	       get(image, table, "file_operations", "release", ret);
}

/* Does closing the file of @p entry leave its seq_file behind? Says by which function. */
static bool forgets(struct ul_image *image, uint64_t entry, const char *path,
		    struct ul_release *ret)
{
	/* Linux fs/seq_file.c: all that free a struct seq_file. */
	static const char *const freeing[] = {"seq_release", "single_release", NULL};
	struct ul_symbol symbol = {0};
	uint64_t release;
	if (!release_of(image, entry, &release) ||
	    (release && ul_calls_any(image, release, freeing) != UL_CALLS_NO))
		return false;
	if (release)
		(void)ul_symtab_lookup(image->symtab, release, &symbol);
	*ret = (struct ul_release){.never = "seq_release"};
	ul_text_copy(ret->file, sizeof(ret->file), path);
	ul_text_copy(ret->function, sizeof(ret->function), symbol.name ? symbol.name : "");
	ul_text_copy(ret->module, sizeof(ret->module), symbol.module ? symbol.module : "");
	return true;
}

static void add_owner(struct ul_image *image, uint64_t entry, struct owners *owners)
{
	const ul_type_id type = ul_types_find(image->types, UL_TYPE_STRUCT, "proc_dir_entry");
	struct ul_release release;
	char path[UL_IDENTITY_BYTES];
	if (!ul_identify(image, type, entry, path) || !add_path(owners->paths, path) ||
	    !forgets(image, entry, path, &release))
		return;
	if (!owners->forgetful[0])
		owners->release = release;
	(void)add_path(owners->forgetful, path);
}

/* The /proc entries that use @p address. */
static void find_owners(struct ul_image *image, const struct ul_heap *heap, uint64_t address,
			struct owners *ret)
{
	size_t seen = 0;
	*ret = (struct owners){.paths = ""};
	ul_vec_foreach (block, &heap->blocks) {
		struct ul_heap_hit hit;
		if (!is_of(heap, block, "proc_dir_entry"))
			continue;
		for (uint32_t slot = 0; slot < block->slots && seen < ENTRIES_MAX; slot++, seen++)
			if (ul_heap_object(heap, block->first + (uint64_t)slot, &hit) &&
			    hit.allocated && entry_uses(image, hit.kaddr, address))
				add_owner(image, hit.kaddr, ret);
	}
}

/*
 * "/proc/leakstat (by its operations; the file is closed)" and the release that forgets; of which
 * file, where there are several.
 */
static void say_owner(const struct owners *owners, char text[static UL_IDENTITY_BYTES])
{
	const struct ul_release *release = &owners->release;
	int len =
		snprintf(text, UL_IDENTITY_BYTES, "%.160s (by its operations; the file is closed)",
			 owners->forgetful[0] ? owners->forgetful : owners->paths);
	if (!owners->forgetful[0] || len <= 0 || len >= UL_IDENTITY_BYTES)
		return;
	const bool several = strcmp(owners->forgetful, release->file) != 0;
	if (!release->function[0])
		(void)snprintf(text + len, UL_IDENTITY_BYTES - (size_t)len,
			       "; %.60s has no release, so none calls %.40s",
			       several ? release->file : "it", release->never);
	else
		(void)snprintf(text + len, UL_IDENTITY_BYTES - (size_t)len,
			       "%s%.60s%s release %.60s%s%.30s%s was not seen to call %.40s",
			       several ? "; " : ", whose", several ? release->file : "",
			       several ? "'s" : "", release->function,
			       release->module[0] ? " [" : "", release->module,
			       release->module[0] ? "]" : "", release->never);
}

bool ul_identify_seq(struct ul_image *image, const struct ul_heap *heap, uint64_t kaddr,
		     struct ul_seq_owner *owner)
{
	uint64_t table;
	uint64_t show;
	struct owners owners;
	struct ul_symbol symbol;
	if (!image->types || !image->symtab || !get(image, kaddr, "seq_file", "op", &table) ||
	    !table)
		return false;
	if (!ul_symtab_lookup(image->symtab, table, &symbol) &&
	    get(image, table, "seq_operations", "show", &show))
		table = show;
	if (table == owner->operations)
		return owner->text[0];
	*owner = (struct ul_seq_owner){.operations = table};
	find_owners(image, heap, table, &owners);
	if (!owners.paths[0])
		return false;
	say_owner(&owners, owner->text);
	owner->release = owners.release;
	return true;
}
