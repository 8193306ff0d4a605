// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /proc/kallsyms and /proc/modules.
 *
 * A line of kallsyms is "ADDRESS TYPE NAME" and, for what does not belong to the kernel's image, a
 * tab and "[MODULE]" (Linux kernel/kallsyms.c s_show()); BPF programs and trampolines have module
 * names of their own ("bpf", "__builtin__ftrace"). The order is not sorted by address and one
 * address may have many names. Readers without CAP_SYSLOG get zeros for addresses
 * (kallsyms_show_value()): names without addresses are of no use here, so that is an error with a
 * remedy, not an empty table.
 *
 * A line of modules is "NAME SIZE REFERENCES USERS STATE ADDRESS" (Linux kernel/module/procfs.c
 * m_show()). It bounds a module's last symbol; a kernel without modules has no such file.
 *
 * What it cannot see: since the text is made while it is read, a module loaded in between may have
 * symbols without a range or the reverse. Both err to a symbol that reaches too far.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "source/symbols/symbols_internal.h"

enum {
	KALLSYMS_BYTES_MAX = 256 << 20, /**< 40 times a distribution kernel with its modules */
	MODULES_BYTES_MAX = 16 << 20,
	NAME_MAX_BYTES = 1024, /**< Linux include/linux/kallsyms.h KSYM_NAME_LEN is 512 */
	MODULE_NAME_BYTES = 128,
};

/* "NAME\t[MODULE]" or "NAME", as C strings; false when they are not that. */
static bool parse_names(struct ul_span rest, char name[static NAME_MAX_BYTES],
			char module[static MODULE_NAME_BYTES])
{
	struct ul_span word;
	module[0] = '\0';
	if (!ul_span_word(&rest, &word) || word.len >= NAME_MAX_BYTES ||
	    memchr(word.data, '\0', word.len))
		return false;
	ul_span_copy(word, name, NAME_MAX_BYTES);
	if (!ul_span_word(&rest, &word))
		return true;
	if (word.len < 3 || word.len - 2 >= MODULE_NAME_BYTES || word.data[0] != '[' ||
	    word.data[word.len - 1] != ']' || memchr(word.data, '\0', word.len))
		return false;
	ul_span_copy((struct ul_span){word.data + 1, word.len - 2}, module, MODULE_NAME_BYTES);
	return true;
}

struct ul_error *ul_kallsyms_parse(struct ul_span text, struct ul_symtab *symtab,
				   struct ul_kallsyms_count *ret)
{
	struct ul_kallsyms_count count = {0};
	char name[NAME_MAX_BYTES];
	char module[MODULE_NAME_BYTES];
	ul_span_foreach_line (line, text) {
		struct ul_span address;
		struct ul_span type;
		uint64_t kaddr;
		if (!ul_span_cut(&line, ' ', &address) || !ul_span_hex(address, &kaddr) ||
		    !ul_span_cut(&line, ' ', &type) || type.len != 1 ||
		    !parse_names(line, name, module)) {
			count.malformed++;
			continue;
		}
		UL_TRY(ul_symtab_add(symtab, kaddr, type.data[0], name, module[0] ? module : NULL));
		count.symbols++;
		count.addresses += kaddr != 0;
	}
	*ret = count;
	return NULL;
}

struct ul_error *ul_modules_parse(struct ul_span text, struct ul_symtab *symtab,
				  uint64_t *ret_malformed)
{
	uint64_t malformed = 0;
	ul_span_foreach_line (line, text) {
		char name[MODULE_NAME_BYTES];
		struct ul_span words[6];
		size_t got = 0;
		uint64_t size = 0;
		uint64_t base = 0;
		while (got < UL_ARRAY_LEN(words) && ul_span_word(&line, &words[got]))
			got++;
		if (got < UL_ARRAY_LEN(words) || words[0].len >= sizeof(name) ||
		    memchr(words[0].data, '\0', words[0].len) || !ul_span_u64(words[1], &size) ||
		    !ul_span_hex(words[5], &base)) {
			malformed++;
			continue;
		}
		ul_span_copy(words[0], name, sizeof(name));
		UL_TRY(ul_symtab_add_module(symtab, name, base, size));
	}
	*ret_malformed = malformed;
	return NULL;
}

static struct ul_error *read_below(const char *root, const char *file, size_t limit,
				   struct ul_buf *text)
{
	UL_CLEANUP_FREE char *path = NULL;
	if (asprintf(&path, "%s/%s", root, file) < 0) {
		path = NULL;
		return &ul_enomem;
	}
	return ul_file_read(AT_FDCWD, path, limit, text);
}

static struct ul_error *load_symbols(const char *root, struct ul_losses *losses,
				     struct ul_symtab *symtab)
{
	UL_CLEANUP_BUF struct ul_buf text = {0};
	struct ul_kallsyms_count count = {0};
	struct ul_error *error = read_below(root, "kallsyms", KALLSYMS_BYTES_MAX, &text);
	if (error && error->errno_value == ENOENT)
		return ul_error_hint(error, "needs a kernel with CONFIG_KALLSYMS");
	UL_TRY(error);
	UL_TRY(ul_kallsyms_parse((struct ul_span){ul_buf_str(&text), text.len}, symtab, &count));
	if (count.malformed)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNKNOWN, count.malformed,
				     "lines of kallsyms not understood"));
	if (!count.symbols)
		return ul_error_new(UL_ERR_BAD_DATA, "%s/kallsyms: no symbol in it", root);
	if (!count.addresses)
		return ul_error_hint(ul_error_new(UL_ERR_PERMISSION,
						  "%s/kallsyms: the kernel hides all addresses",
						  root),
				     "run as root (CAP_SYSLOG); where kernel.kptr_restrict is 2, "
				     "set it to 1");
	return NULL;
}

static struct ul_error *load_modules(const char *root, struct ul_losses *losses,
				     struct ul_symtab *symtab)
{
	UL_CLEANUP_BUF struct ul_buf text = {0};
	UL_CLEANUP_ERROR struct ul_error *error =
		read_below(root, "modules", MODULES_BYTES_MAX, &text);
	// A kernel built without modules has no such file, and no such symbols.
	if (error && error->errno_value == ENOENT)
		return NULL;
	if (error)
		return ul_losses_add(losses, UL_BIAS_UNKNOWN, 0,
				     "where modules end: a module's last symbol may reach too far "
				     "(%s)",
				     error->message);
	uint64_t malformed = 0;
	UL_TRY(ul_modules_parse((struct ul_span){ul_buf_str(&text), text.len}, symtab, &malformed));
	if (malformed)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNKNOWN, malformed,
				     "lines of modules not understood"));
	return NULL;
}

struct ul_error *ul_kallsyms_load(const char *proc_root, struct ul_losses *losses,
				  struct ul_symtab **ret)
{
	const char *root = proc_root ? proc_root : "/proc";
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	if (!symtab)
		return &ul_enomem;
	struct ul_error *error = load_symbols(root, losses, symtab);
	if (!error)
		error = load_modules(root, losses, symtab);
	if (error)
		return ul_error_prepend(error, "reading the kernel's symbols");
	ul_symtab_finish(symtab);
	*ret = UL_TAKE(symtab);
	return NULL;
}
