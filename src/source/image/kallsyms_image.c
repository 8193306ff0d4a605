// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's symbols out of its own memory: what /proc/kallsyms shows, for a dump.
 *
 * Names are compressed (Linux scripts/kallsyms.c): each is a length, then that many tokens, and a
 * token stands for a piece of text; the first character is the type letter. VMCOREINFO tells where
 * the tables lie since v6.0 (commit f09bddbd8661 "vmcoreinfo: add kallsyms_num_syms symbol"); for
 * older kernels they are searched for (kallsyms_scan.c).
 *
 * Addresses are kept in one of four ways, and nothing says in which:
 *
 *   absolute          an unsigned long each
 *   base-relative     base + unsigned offset
 *   absolute-percpu   an offset >= 0 is the address (of a per-CPU variable), else base - 1 - offset
 *   place-relative    the address of the offset itself + signed offset (v7.0 and later)
 *
 * So all are tried, and the one is believed that puts _stext where VMCOREINFO says it lies. The
 * same check tells damaged tables from good ones: without it no symbol is used.
 */
#include "source/image/kallsyms_image.h"

#include <string.h>

#include "source/image/image_internal.h"

enum {
	NAME_BYTES_MAX = 1024, /**< Linux include/linux/kallsyms.h KSYM_NAME_LEN is 512 */
	NAMES_STEP = 4 << 20,  /**< compressed names are read in pieces of this */
	NAMES_MAX = 256 << 20,
};

/* A token's text. */
struct token {
	uint16_t at;
	uint16_t len;
};

struct tokens {
	struct token items[UL_KALLSYMS_TOKENS];
	char text[UL_KALLSYMS_TOKEN_BYTES_MAX];
};

enum encoding {
	ENCODING_NONE,
	ENCODING_ABSOLUTE,
	ENCODING_BASE_RELATIVE,
	ENCODING_ABSOLUTE_PERCPU,
	ENCODING_PLACE_RELATIVE,
};

static const char *const encoding_names[] = {
	[ENCODING_NONE] = "none",
	[ENCODING_ABSOLUTE] = "absolute",
	[ENCODING_BASE_RELATIVE] = "base-relative",
	[ENCODING_ABSOLUTE_PERCPU] = "absolute-percpu",
	[ENCODING_PLACE_RELATIVE] = "place-relative",
};

/* Everything one reading works with. */
struct reader {
	struct ul_memory *memory;
	struct ul_kallsyms_tables tables;
	struct tokens tokens;
	uint8_t *names; /* compressed */
	size_t names_len;
	int32_t *offsets; /* NULL: addresses */
	uint64_t *addresses;
	enum encoding encoding;
};

static void reader_destroy(struct reader *reader)
{
	if (!reader)
		return;
	free(reader->names);
	free(reader->offsets);
	free(reader->addresses);
	free(reader);
}
UL_DEFINE_CLEANUP(cleanup_reader, struct reader, reader_destroy);

size_t ul_image_read(struct ul_memory *memory, uint64_t kaddr, void *buffer, size_t len)
{
	size_t total = 0;
	while (total < len) {
		size_t got = 0;
		UL_CLEANUP_ERROR struct ul_error *error = ul_memory_read(
			memory, kaddr + total, (uint8_t *)buffer + total, len - total, &got);
		if (error || !got)
			break;
		total += got;
	}
	return total;
}

static bool symbol_line(const struct ul_image *image, const char *name, uint64_t *ret)
{
	char key[64];
	int64_t value;
	(void)snprintf(key, sizeof(key), "SYMBOL(%s)", name);
	if (!ul_image_vmcoreinfo(image, key, &value) || !value)
		return false;
	*ret = (uint64_t)value;
	return true;
}

/* The tables as VMCOREINFO tells them. */
static bool tables_of_vmcoreinfo(const struct ul_image *image, struct ul_kallsyms_tables *ret)
{
	struct ul_kallsyms_tables tables = {0};
	uint64_t kaddr;
	if (!symbol_line(image, "kallsyms_names", &tables.names) ||
	    !symbol_line(image, "kallsyms_token_table", &tables.token_table) ||
	    !symbol_line(image, "kallsyms_token_index", &tables.token_index) ||
	    !symbol_line(image, "kallsyms_num_syms", &kaddr) ||
	    ul_image_read(image->memory, kaddr, &tables.symbols, sizeof(tables.symbols)) !=
		    sizeof(tables.symbols))
		return false;
	if (symbol_line(image, "kallsyms_relative_base", &kaddr) &&
	    !ul_memory_u64(image->memory, kaddr, &tables.relative_base))
		return false;
	const bool relative = symbol_line(image, "kallsyms_offsets", &tables.offsets);
	const bool absolute = symbol_line(image, "kallsyms_addresses", &tables.addresses);
	*ret = tables;
	return relative || absolute;
}

static struct ul_error *load_tokens(struct reader *reader)
{
	uint16_t index[UL_KALLSYMS_TOKENS];
	struct tokens *tokens = &reader->tokens;
	const struct ul_kallsyms_tables *tables = &reader->tables;
	if (ul_image_read(reader->memory, tables->token_index, index, sizeof(index)) !=
	    sizeof(index))
		return ul_error_new(UL_ERR_BAD_DATA, "kallsyms: token index at %#llx unreadable",
				    (unsigned long long)tables->token_index);
	// The last token ends somewhere behind; what lies behind the table is of no matter.
	const size_t got = ul_image_read(reader->memory, tables->token_table, tokens->text,
					 sizeof(tokens->text));
	for (size_t i = 0; i < UL_KALLSYMS_TOKENS; i++) {
		if (index[i] >= got)
			return ul_error_new(UL_ERR_BAD_DATA,
					    "kallsyms: token %zu at %u, beyond %zu bytes", i,
					    index[i], got);
		const size_t len = strnlen(tokens->text + index[i], got - index[i]);
		tokens->items[i] = (struct token){index[i], (uint16_t)len};
	}
	return NULL;
}

static struct ul_error *load_addresses(struct reader *reader)
{
	const struct ul_kallsyms_tables *tables = &reader->tables;
	const size_t each = tables->offsets ? sizeof(int32_t) : sizeof(uint64_t);
	const size_t bytes = tables->symbols * each;
	const uint64_t kaddr = tables->offsets ? tables->offsets : tables->addresses;
	UL_CLEANUP_FREE void *table = malloc(bytes);
	if (!table)
		return &ul_enomem;
	if (ul_image_read(reader->memory, kaddr, table, bytes) != bytes)
		return ul_error_new(UL_ERR_BAD_DATA, "kallsyms: %u addresses at %#llx unreadable",
				    tables->symbols, (unsigned long long)kaddr);
	if (tables->offsets)
		reader->offsets = UL_TAKE(table);
	else
		reader->addresses = UL_TAKE(table);
	return NULL;
}

/* Cut the next name off the compressed ones: its tokens. False where they end. */
static bool next_tokens(const uint8_t *names, size_t len, size_t *at, const uint8_t **ret,
			size_t *ret_tokens)
{
	size_t pos = *at;
	if (pos >= len)
		return false;
	size_t tokens = names[pos++];
	// Commit 73bbb94466fd ("kallsyms: support "big" kernel symbols") (v6.1): ULEB128 in two
	// bytes. Older kernels have no name of 128 tokens.
	if (tokens & 0x80) {
		if (pos >= len)
			return false;
		tokens = (tokens & 0x7f) | (size_t)names[pos++] << 7;
	}
	if (tokens > len - pos)
		return false;
	*ret = names + pos;
	*ret_tokens = tokens;
	*at = pos + tokens;
	return true;
}

/* Do the names read so far hold all symbols? */
static bool names_suffice(const struct reader *reader)
{
	size_t at = 0;
	const uint8_t *tokens;
	size_t count;
	for (size_t i = 0; i < reader->tables.symbols; i++)
		if (!next_tokens(reader->names, reader->names_len, &at, &tokens, &count))
			return false;
	return true;
}

/* Nothing tells how long the compressed names are: read on until all are there. */
static struct ul_error *load_names(struct reader *reader)
{
	size_t want = NAMES_STEP;
	for (; want <= NAMES_MAX; want *= 2) {
		uint8_t *grown = realloc(reader->names, want);
		if (!grown)
			return &ul_enomem;
		reader->names = grown;
		const size_t got =
			ul_image_read(reader->memory, reader->tables.names + reader->names_len,
				      grown + reader->names_len, want - reader->names_len);
		reader->names_len += got;
		if (names_suffice(reader))
			return NULL;
		if (reader->names_len < want)
			break;
	}
	return ul_error_new(UL_ERR_BAD_DATA, "kallsyms: %zu bytes of names at %#llx hold no %u",
			    reader->names_len, (unsigned long long)reader->tables.names,
			    reader->tables.symbols);
}

/* Write the name out; false when it is too long or empty: the tables are damaged. */
static inline bool expand(const struct tokens *tokens, const uint8_t *codes, size_t count,
			  char name[NAME_BYTES_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++) {
		const struct token *token = &tokens->items[codes[i]];
		const char *text = tokens->text + token->at;
		if (token->len >= NAME_BYTES_MAX - len)
			return false;
		// Most are two or three characters: cheaper than a call of memcpy().
		for (size_t k = 0; k < token->len; k++)
			name[len + k] = text[k];
		len += token->len;
	}
	name[len] = '\0';
	return len > 1;
}

static uint64_t address_by(const struct reader *reader, enum encoding encoding, size_t index)
{
	const uint64_t base = reader->tables.relative_base;
	switch (encoding) {
	case ENCODING_ABSOLUTE:
		return reader->addresses[index];
	case ENCODING_BASE_RELATIVE:
		return base + (uint32_t)reader->offsets[index];
	case ENCODING_ABSOLUTE_PERCPU:
		if (reader->offsets[index] >= 0)
			return (uint64_t)reader->offsets[index];
		return base - 1 - (uint64_t)(int64_t)reader->offsets[index];
	case ENCODING_PLACE_RELATIVE:
		return reader->tables.offsets + index * sizeof(int32_t) +
		       (uint64_t)(int64_t)reader->offsets[index];
	case ENCODING_NONE:
		break;
	}
	return 0;
}

/* Number of the symbol of that name (a function); the number of symbols when there is none. */
static size_t find_symbol(const struct reader *reader, const char *wanted)
{
	size_t at = 0;
	const uint8_t *codes;
	size_t count;
	char name[NAME_BYTES_MAX];
	size_t i = 0;
	while (i < reader->tables.symbols &&
	       next_tokens(reader->names, reader->names_len, &at, &codes, &count)) {
		if (expand(&reader->tokens, codes, count, name) && !strcmp(name + 1, wanted))
			break;
		i++;
	}
	return i;
}

/* The encoding that puts _stext where it is known to be. */
static struct ul_error *choose_encoding(struct reader *reader, const struct ul_image *image)
{
	uint64_t stext;
	if (!symbol_line(image, "_stext", &stext))
		return ul_error_new(UL_ERR_BAD_DATA, "VMCOREINFO does not tell where _stext is");
	const size_t index = find_symbol(reader, "_stext");
	if (index == reader->tables.symbols)
		return ul_error_new(UL_ERR_BAD_DATA, "kallsyms: no _stext among %u symbols",
				    reader->tables.symbols);
	for (int i = ENCODING_ABSOLUTE; i <= ENCODING_PLACE_RELATIVE; i++) {
		const enum encoding encoding = (enum encoding)i;
		if ((encoding == ENCODING_ABSOLUTE) == !reader->addresses)
			continue;
		if (address_by(reader, encoding, index) != stext)
			continue;
		reader->encoding = encoding;
		return NULL;
	}
	return ul_error_new(UL_ERR_BAD_DATA, "kallsyms: by no encoding does _stext lie at %#llx",
			    (unsigned long long)stext);
}

static struct ul_error *load_tables(struct reader *reader, const struct ul_image *image)
{
	const uint32_t symbols = reader->tables.symbols;
	if (!symbols || symbols > UL_KALLSYMS_SYMBOLS_MAX)
		return ul_error_new(UL_ERR_LIMIT, "kallsyms: %u symbols, at most %d", symbols,
				    UL_KALLSYMS_SYMBOLS_MAX);
	UL_TRY(load_tokens(reader));
	UL_TRY(load_names(reader));
	UL_TRY(load_addresses(reader));
	return choose_encoding(reader, image);
}

static struct ul_error *fill_symtab(const struct reader *reader, struct ul_symtab *symtab,
				    uint64_t *ret_bad)
{
	size_t at = 0;
	const uint8_t *codes;
	size_t count;
	char name[NAME_BYTES_MAX];
	*ret_bad = 0;
	for (size_t i = 0; i < reader->tables.symbols &&
			   next_tokens(reader->names, reader->names_len, &at, &codes, &count);
	     i++) {
		if (!expand(&reader->tokens, codes, count, name)) {
			++*ret_bad;
			continue;
		}
		UL_TRY(ul_symtab_add(symtab, address_by(reader, reader->encoding, i), name[0],
				     name + 1, NULL));
	}
	ul_symtab_finish(symtab);
	return NULL;
}

static struct ul_error *find_tables(const struct ul_image *image, struct reader *reader)
{
	uint64_t start = image->space.image.start;
	bool found = false;
	if (tables_of_vmcoreinfo(image, &reader->tables))
		return NULL;
	(void)symbol_line(image, "_stext", &start);
	UL_TRY(ul_kallsyms_scan(image->memory, start, &reader->tables, &found));
	if (found)
		return NULL;
	return ul_error_hint(ul_error_new(UL_ERR_BAD_DATA, "no kallsyms tables in the image"),
			     "the kernel needs CONFIG_KALLSYMS, the dump its kernel image");
}

struct ul_error *ul_image_load_symbols(struct ul_image *image)
{
	UL_CLEANUP(cleanup_reader) struct reader *reader = calloc(1, sizeof(*reader));
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	uint64_t bad;
	if (!reader || !symtab)
		return &ul_enomem;
	reader->memory = image->memory;
	UL_TRY(find_tables(image, reader));
	UL_TRY(load_tables(reader, image));
	UL_TRY(fill_symtab(reader, symtab, &bad));
	if (bad)
		UL_TRY(ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, bad,
				     "kernel symbols whose name is damaged"));
	if (!ul_symtab_has_data(symtab))
		UL_TRY(ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 0,
				     "kernel without CONFIG_KALLSYMS_ALL: its variables have no "
				     "names"));
	ul_symtab_destroy(image->symtab);
	image->symtab = UL_TAKE(symtab);
	return ul_image_trust(image, "%zu kernel symbols (%s), _stext agrees",
			      ul_symtab_len(image->symtab), encoding_names[reader->encoding]);
}
