// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * file:line and inlined functions from DWARF, with libdw.
 *
 * The kernel's debug file is looked for where Debian, Fedora and kernel builders leave it, and must
 * carry the build id of the running kernel (/sys/kernel/notes): a file of another build names wrong
 * lines with great confidence. A file the user names is believed, and the status says when its
 * build id differs. Debug files of modules are found by name below the debug directories and
 * checked in the same way.
 *
 * Nothing is ever downloaded: libdwfl asks debuginfod only from its standard callbacks, and the
 * callbacks given to it here know no file but the one reported.
 *
 * The kernel runs elsewhere than it was linked (KASLR), by the difference of `_stext` in kallsyms
 * and in the file. A module's sections are each relocated on their own, so there an address is
 * translated through its symbol: offset within the one function of that name. Static functions that
 * share a name within one module are left without a line.
 *
 * Addresses are what is asked for: a caller with a return address asks for the byte before it.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "source/symbols/symbols_internal.h"

enum {
	NOTES_BYTES_MAX = 64 << 10,
	MODULE_FILES_MAX = 32768, /**< debug files of modules listed */
	MODULE_NAME_BYTES = 128,
	UNITS_MAX = 1 << 17, /**< compilation units searched; a kernel has 3,000 to 20,000 */
};

/** A debug file that is open. */
struct debug_file {
	char *module; /**< NULL: the kernel */
	Dwfl *dwfl;   /**< NULL: there is none, do not look again */
	Dwfl_Module *dwfl_module;
	bool shift_known;
	uint64_t shift; /**< of the kernel: address in the file minus address in memory */
};

struct module_file {
	char *name; /**< with underscores, as the kernel writes it */
	char *path;
};

struct ul_lines {
	char *status;
	char release[sizeof(((struct utsname *)0)->release)];
	struct debug_file kernel;
	UL_VEC(struct debug_file) modules;
	UL_VEC(struct module_file) module_files;
	bool module_files_listed;
};

static int no_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
		  char **file_name, Elf **elf)
{
	return -1;
}

static int no_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
			const char *file_name, const char *link, GElf_Word crc, char **ret_name)
{
	return -1;
}

static const Dwfl_Callbacks offline_callbacks = {
	.find_elf = no_elf,
	.find_debuginfo = no_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static void file_deinit(struct debug_file *file)
{
	free(file->module);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	*file = (struct debug_file){0};
}

void ul_lines_destroy(struct ul_lines *lines)
{
	if (!lines)
		return;
	file_deinit(&lines->kernel);
	ul_vec_foreach (file, &lines->modules)
		file_deinit(file);
	ul_vec_deinit(&lines->modules);
	ul_vec_foreach (entry, &lines->module_files) {
		free(entry->name);
		free(entry->path);
	}
	ul_vec_deinit(&lines->module_files);
	free(lines->status);
	free(lines);
}

const char *ul_lines_status(const struct ul_lines *lines)
{
	return lines->status;
}

/* Open @p path; false when it is no ELF file or has no DWARF. */
static bool file_open(const char *path, struct debug_file *ret)
{
	struct debug_file file = {.dwfl = dwfl_begin(&offline_callbacks)};
	Dwarf_Addr bias;
	if (!file.dwfl)
		return false;
	file.dwfl_module = dwfl_report_offline(file.dwfl, "", path, -1);
	if (!file.dwfl_module || dwfl_report_end(file.dwfl, NULL, NULL) ||
	    !dwfl_module_getdwarf(file.dwfl_module, &bias)) {
		file_deinit(&file);
		return false;
	}
	*ret = file;
	return true;
}

struct build_id {
	uint8_t bytes[UL_BUILD_ID_BYTES];
	size_t len; /**< 0: not known */
};

static struct build_id build_id_of_notes(const char *path)
{
	struct build_id id = {0};
	UL_CLEANUP_BUF struct ul_buf text = {0};
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_file_read(AT_FDCWD, path, NOTES_BYTES_MAX, &text);
	if (!error &&
	    !ul_notes_build_id((struct ul_span){ul_buf_str(&text), text.len}, id.bytes, &id.len))
		id.len = 0;
	return id;
}

/* Has @p file the build id @p id? Unknown counts as no: a wrong line is worse than none. */
static bool same_build(const struct debug_file *file, const struct build_id *id)
{
	const unsigned char *bits = NULL;
	GElf_Addr at;
	const int len = dwfl_module_build_id(file->dwfl_module, &bits, &at);
	return len > 0 && (size_t)len == id->len && !memcmp(bits, id->bytes, id->len);
}

static UL_PRINTF(2, 3) struct ul_error *set_status(struct ul_lines *lines, const char *format, ...)
{
	va_list arguments;
	char *status = NULL;
	va_start(arguments, format);
	const int printed = vasprintf(&status, format, arguments);
	va_end(arguments);
	if (printed < 0)
		return &ul_enomem;
	free(lines->status);
	lines->status = status;
	return NULL;
}

/* Debian, Fedora and self-built kernels; then by build id, as every distribution links it. */
static bool usual_place(size_t which, const char *release, const struct build_id *id, char **ret)
{
	static const char *const places[][2] = {
		{"/usr/lib/debug/boot/vmlinux-", ""},
		{"/usr/lib/debug/lib/modules/", "/vmlinux"},
		{"/usr/lib/debug/usr/lib/modules/", "/vmlinux"},
		{"/lib/modules/", "/build/vmlinux"},
		{"/boot/vmlinux-", ""},
	};
	*ret = NULL;
	if (which < UL_ARRAY_LEN(places)) {
		if (asprintf(ret, "%s%s%s", places[which][0], release, places[which][1]) < 0)
			*ret = NULL;
		return true;
	}
	if (which > UL_ARRAY_LEN(places) || id->len < 2)
		return false;
	struct ul_buf path = {0};
	ul_buf_printf(&path, "/usr/lib/debug/.build-id/%02x/", id->bytes[0]);
	for (size_t i = 1; i < id->len; i++)
		ul_buf_printf(&path, "%02x", id->bytes[i]);
	ul_buf_puts(&path, ".debug");
	*ret = path.data;
	return true;
}

static struct ul_error *find_kernel(struct ul_lines *lines)
{
	const struct build_id running = build_id_of_notes("/sys/kernel/notes");
	UL_CLEANUP_FREE char *other = NULL;
	for (size_t i = 0;; i++) {
		UL_CLEANUP_FREE char *path = NULL;
		if (!usual_place(i, lines->release, &running, &path))
			break;
		if (!path)
			return &ul_enomem;
		if (access(path, R_OK) || !file_open(path, &lines->kernel))
			continue;
		if (same_build(&lines->kernel, &running))
			return set_status(lines, "vmlinux with DWARF at %s", path);
		file_deinit(&lines->kernel);
		free(other);
		other = UL_TAKE(path);
	}
	if (other)
		return set_status(lines, "%s has another build id than the running kernel", other);
	return set_status(lines, "no debug files for %s", lines->release);
}

static struct ul_error *open_named(struct ul_lines *lines, const char *vmlinux)
{
	if (access(vmlinux, R_OK))
		return ul_error_os(errno, "opening %s", vmlinux);
	if (!file_open(vmlinux, &lines->kernel))
		return ul_error_hint(
			ul_error_new(UL_ERR_BAD_DATA, "%s: no ELF file with DWARF", vmlinux),
			"a vmlinux built with CONFIG_DEBUG_INFO, not the packed "
			"vmlinuz, is needed");
	const struct build_id running = build_id_of_notes("/sys/kernel/notes");
	const bool same = same_build(&lines->kernel, &running);
	return set_status(lines, "vmlinux with DWARF at %s%s", vmlinux,
			  same ? "" : " (its build id is not the running kernel's)");
}

struct ul_error *ul_lines_create(const char *vmlinux, struct ul_lines **ret)
{
	UL_CLEANUP_LINES struct ul_lines *lines = calloc(1, sizeof(*lines));
	struct utsname names;
	if (!lines)
		return &ul_enomem;
	if (!uname(&names))
		ul_text_copy(lines->release, sizeof(lines->release), names.release);
	UL_TRY(vmlinux ? open_named(lines, vmlinux) : find_kernel(lines));
	*ret = UL_TAKE(lines);
	return NULL;
}

/* "snd-hda-intel.ko.debug" -> "snd_hda_intel"; false for other files. */
static bool module_name(const char *file, char name[static MODULE_NAME_BYTES])
{
	const char *end = strstr(file, ".ko");
	if (!end || end == file || end - file >= MODULE_NAME_BYTES ||
	    (end[3] && strcmp(end + 3, ".debug")))
		return false;
	const size_t len = (size_t)(end - file);
	for (size_t i = 0; i < len; i++)
		name[i] = file[i] == '-' ? '_' : file[i];
	name[len] = '\0';
	return true;
}

static void cleanup_fts(FTS **tree)
{
	if (*tree)
		fts_close(*tree);
}

/* Add the modules' files below @p directory, which need not be there. */
static struct ul_error *list_below(struct ul_lines *lines, char *directory)
{
	char *const roots[] = {directory, NULL};
	UL_CLEANUP(cleanup_fts) FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	for (FTSENT *entry; tree && (entry = fts_read(tree));) {
		char name[MODULE_NAME_BYTES];
		if (entry->fts_info != FTS_F || !module_name(entry->fts_name, name))
			continue;
		if (lines->module_files.len >= MODULE_FILES_MAX)
			break;
		struct module_file *file = ul_vec_add(&lines->module_files);
		if (!file || !ul_text_set(&file->name, name) ||
		    !ul_text_set(&file->path, entry->fts_path))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *list_module_files(struct ul_lines *lines)
{
	static const char *const places[] = {"/usr/lib/debug/lib/modules/",
					     "/usr/lib/debug/usr/lib/modules/", "/lib/modules/"};
	lines->module_files_listed = true;
	for (size_t i = 0; i < UL_ARRAY_LEN(places); i++) {
		UL_CLEANUP_FREE char *directory = NULL;
		if (asprintf(&directory, "%s%s", places[i], lines->release) < 0) {
			directory = NULL;
			return &ul_enomem;
		}
		UL_TRY(list_below(lines, directory));
	}
	return NULL;
}

static struct ul_error *open_module(struct ul_lines *lines, struct debug_file *file)
{
	UL_CLEANUP_FREE char *notes = NULL;
	if (asprintf(&notes, "/sys/module/%s/notes/.note.gnu.build-id", file->module) < 0) {
		notes = NULL;
		return &ul_enomem;
	}
	const struct build_id running = build_id_of_notes(notes);
	ul_vec_foreach (entry, &lines->module_files) {
		struct debug_file found;
		if (!running.len || strcmp(entry->name, file->module) ||
		    !file_open(entry->path, &found))
			continue;
		if (same_build(&found, &running)) {
			file->dwfl = found.dwfl;
			file->dwfl_module = found.dwfl_module;
			return NULL;
		}
		file_deinit(&found);
	}
	return NULL;
}

/* The debug file for @p module (NULL: the kernel); its dwfl is NULL where there is none. */
static struct ul_error *file_of(struct ul_lines *lines, const char *module, struct debug_file **ret)
{
	if (!module) {
		*ret = &lines->kernel;
		return NULL;
	}
	ul_vec_foreach (file, &lines->modules)
		if (!strcmp(file->module, module)) {
			*ret = file;
			return NULL;
		}
	if (!lines->module_files_listed)
		UL_TRY(list_module_files(lines));
	UL_CLEANUP_FREE char *name = strdup(module);
	struct debug_file *file = name ? ul_vec_add(&lines->modules) : NULL;
	if (!file)
		return &ul_enomem;
	file->module = UL_TAKE(name);
	UL_TRY(open_module(lines, file));
	*ret = file;
	return NULL;
}

/* Address in the file of the symbol called @p name; false when there is none, or more than one. */
static bool symbol_in_file(const struct debug_file *file, const char *name, bool unique,
			   uint64_t *ret)
{
	const int count = dwfl_module_getsymtab(file->dwfl_module);
	size_t found = 0;
	for (int i = 1; i < count; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		const char *label = dwfl_module_getsym_info(file->dwfl_module, i, &symbol, &address,
							    NULL, NULL, NULL);
		if (!label || symbol.st_shndx == SHN_UNDEF || strcmp(label, name))
			continue;
		*ret = address;
		if (!unique)
			return true;
		found++;
	}
	return found == 1;
}

/*
 * How far the kernel runs from where it was linked. Searched once: symbols of a file have no index.
 */
static bool find_shift(struct debug_file *file, const struct ul_symtab *symtab)
{
	static const char *const starts[] = {"_stext", "_text"};
	uint64_t here;
	uint64_t there;
	for (size_t i = 0; i < UL_ARRAY_LEN(starts) && !file->shift_known; i++)
		if (ul_symtab_address(symtab, starts[i], &here) &&
		    symbol_in_file(file, starts[i], false, &there)) {
			file->shift = there - here;
			file->shift_known = true;
		}
	return file->shift_known;
}

/* Where @p kaddr of the running kernel lies in the file. */
static bool translate(struct debug_file *file, const struct ul_symtab *symtab,
		      const struct ul_symbol *symbol, uint64_t kaddr, uint64_t *ret)
{
	uint64_t there;
	if (!file->module) {
		const bool known = file->shift_known || find_shift(file, symtab);
		*ret = kaddr + file->shift;
		return known;
	}
	if (!symbol_in_file(file, symbol->name, true, &there))
		return false;
	*ret = there + symbol->offset;
	return true;
}

/*
 * The compilation unit that holds @p address. .debug_aranges answers at once; clang does not write
 * it, then the units are asked one by one.
 */
static Dwarf_Die *unit_of(const struct debug_file *file, uint64_t address, Dwarf_Addr *ret_bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(file->dwfl_module, address, ret_bias);
	if (unit)
		return unit;
	for (size_t i = 0; i < UNITS_MAX; i++) {
		unit = dwfl_module_nextcu(file->dwfl_module, unit, ret_bias);
		if (!unit || dwarf_haspc(unit, address - *ret_bias) > 0)
			break;
	}
	return unit;
}

/* Without the directory it was built in, and without "./". */
static const char *short_path(Dwarf_Die *unit, const char *path)
{
	Dwarf_Attribute attribute;
	const char *directory =
		path ? dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute)) : NULL;
	if (!path)
		return NULL;
	const size_t len = directory ? strlen(directory) : 0;
	if (len && !strncmp(path, directory, len) && path[len] == '/')
		path += len + 1;
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	return path;
}

static struct ul_error *add_line(struct ul_line_chain *chain, Dwarf_Die *unit, const char *function,
				 const char *path, uint32_t number)
{
	struct ul_line *line = ul_vec_add(&chain->items);
	if (!line || !ul_text_set(&line->function, function) ||
	    !ul_text_set(&line->file, short_path(unit, path)))
		return &ul_enomem;
	line->line = number;
	return NULL;
}

static uint32_t attribute_number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value = 0;
	if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value))
		return 0;
	return value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* Where the inlined function @p die was called from. */
static const char *call_file(Dwarf_Die *unit, Dwarf_Die *die)
{
	Dwarf_Files *files;
	size_t count;
	const uint32_t number = attribute_number(die, DW_AT_call_file);
	if (dwarf_getsrcfiles(unit, &files, &count) || number >= count)
		return NULL;
	return dwarf_filesrc(files, number, NULL, NULL);
}

/*
 * The scopes around the innermost one, by where code lies. dwarf_getscopes() continues from an
 * inlined function to where its source is, dwarf_getscopes_die() to where it was inlined.
 */
static int physical_scopes(Dwarf_Die *unit, Dwarf_Addr address, Dwarf_Die **ret)
{
	UL_CLEANUP_FREE Dwarf_Die *logical = NULL;
	if (dwarf_getscopes(unit, address, &logical) <= 0)
		return 0;
	return dwarf_getscopes_die(&logical[0], ret);
}

static struct ul_error *walk_scopes(Dwarf_Die *unit, Dwarf_Addr address,
				    struct ul_line_chain *chain)
{
	UL_CLEANUP_FREE Dwarf_Die *scopes = NULL;
	Dwarf_Line *source = dwarf_getsrc_die(unit, address);
	const char *path = source ? dwarf_linesrc(source, NULL, NULL) : NULL;
	int number = 0;
	if (!source || dwarf_lineno(source, &number))
		number = 0;
	uint32_t line = number > 0 ? (uint32_t)number : 0;
	const int count = physical_scopes(unit, address, &scopes);
	for (int i = 0; i < count && chain->items.len < UL_LINES_INLINE_MAX; i++) {
		const int tag = dwarf_tag(&scopes[i]);
		if (tag == DW_TAG_subprogram)
			return add_line(chain, unit, dwarf_diename(&scopes[i]), path, line);
		if (tag != DW_TAG_inlined_subroutine)
			continue;
		UL_TRY(add_line(chain, unit, dwarf_diename(&scopes[i]), path, line));
		path = call_file(unit, &scopes[i]);
		line = attribute_number(&scopes[i], DW_AT_call_line);
	}
	return path || line ? add_line(chain, unit, NULL, path, line) : NULL;
}

struct ul_error *ul_lines_find(struct ul_lines *lines, const struct ul_symtab *symtab,
			       const struct ul_symbol *symbol, uint64_t kaddr,
			       struct ul_line_chain *ret)
{
	struct debug_file *file = NULL;
	uint64_t address = 0;
	Dwarf_Addr bias = 0;
	struct ul_line_chain chain = {0};
	*ret = chain;
	UL_TRY(file_of(lines, symbol->module, &file));
	if (!file->dwfl || !translate(file, symtab, symbol, kaddr, &address))
		return NULL;
	Dwarf_Die *unit = unit_of(file, address, &bias);
	if (!unit)
		return NULL;
	struct ul_error *error = walk_scopes(unit, address - bias, &chain);
	if (error) {
		ul_line_chain_deinit(&chain);
		return error;
	}
	*ret = chain;
	return NULL;
}
