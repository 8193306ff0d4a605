// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "source/image/array_memory_fixture.h"
#include "source/image/image_internal.h"
#include "source/image/kallsyms_image.h"

#define STEXT 0xffffffff9a200000ULL

enum way { ABSOLUTE, BASE_RELATIVE, ABSOLUTE_PERCPU, PLACE_RELATIVE };

enum {
	SYMBOLS = 1000,
	TEXT_BYTES = 70000, /**< before the tables */
	LONG_NAME = 700,    /**< number of the one with more than 127 tokens, where there is one */
	PERCPU = 0,	    /**< number of a per-CPU one: a small address */
};

/* An image with the tables as the linker lays them out, all of them in one array. */
struct fake {
	struct ul_buf bytes;
	struct ul_image image;
	struct array_memory memory;
	size_t names, number, base, table, index, offsets;
	bool told; /* VMCOREINFO tells where the tables are, as since v6.0 */
};

static void fake_deinit(struct fake *fake)
{
	fake->image.memory = NULL;
	ul_image_deinit(&fake->image);
	ul_buf_deinit(&fake->bytes);
}
#define CLEANUP_FAKE UL_CLEANUP(fake_deinit)

static void align(struct fake *fake)
{
	while (fake->bytes.len % 8)
		ul_buf_putc(&fake->bytes, '\0');
}

static uint64_t address_of(enum way way, size_t i)
{
	// The first is per-CPU, the second is _stext; then every 24 bytes.
	if (i == PERCPU)
		return way == BASE_RELATIVE || way == PLACE_RELATIVE ? STEXT : 0x1c0;
	return STEXT + (i - 1) * 24;
}

static void name_of(size_t i, bool with_long, char name[600])
{
	if (i == 1)
		(void)snprintf(name, 600, "T_stext");
	else if (i == LONG_NAME && with_long)
		(void)snprintf(name, 600, "t%0300d_end", 7);
	else
		(void)snprintf(name, 600, "%csymbol_%zu", i % 2 ? 't' : 'D', i);
}

/* Token 200 is "symbol_"; every printable character stands for itself; the rest is empty. */
static void put_tokens(struct fake *fake)
{
	uint16_t index[256];
	fake->table = fake->bytes.len;
	for (size_t i = 0; i < 256; i++) {
		const char text[2] = {(char)(i >= '!' && i <= '~' ? i : 0), 0};
		index[i] = (uint16_t)(fake->bytes.len - fake->table);
		const char *token = i == 200 ? "symbol_" : text;
		ul_buf_add(&fake->bytes, token, strlen(token) + 1);
	}
	align(fake);
	fake->index = fake->bytes.len;
	ul_buf_add(&fake->bytes, index, sizeof(index));
	align(fake);
}

static void put_compressed(struct fake *fake, const char *name)
{
	struct ul_buf codes UL_CLEANUP_BUF = {0};
	for (const char *c = name; *c; c++) {
		if (strncmp(c, "symbol_", 7) != 0) {
			ul_buf_putc(&codes, *c);
			continue;
		}
		ul_buf_putc(&codes, (char)200);
		c += 6;
	}
	if (codes.len > 127) {
		ul_buf_putc(&fake->bytes, (char)(codes.len & 0x7f) | (char)0x80);
		ul_buf_putc(&fake->bytes, (char)(codes.len >> 7));
	} else {
		ul_buf_putc(&fake->bytes, (char)codes.len);
	}
	ul_buf_add(&fake->bytes, codes.data, codes.len);
}

static void put_addresses(struct fake *fake, enum way way)
{
	const uint64_t base = STEXT - 0x100;
	fake->offsets = fake->bytes.len;
	for (size_t i = 0; i < SYMBOLS; i++) {
		const uint64_t kaddr = address_of(way, i);
		int32_t offset = 0;
		if (way == ABSOLUTE) {
			ul_buf_add(&fake->bytes, &kaddr, sizeof(kaddr));
			continue;
		}
		if (way == BASE_RELATIVE)
			offset = (int32_t)(uint32_t)(kaddr - base);
		else if (way == PLACE_RELATIVE)
			offset = (int32_t)(uint32_t)(kaddr - (STEXT + fake->bytes.len));
		else
			offset = kaddr < STEXT ? (int32_t)kaddr : (int32_t)(base - 1 - kaddr);
		ul_buf_add(&fake->bytes, &offset, sizeof(offset));
	}
	align(fake);
	fake->base = fake->bytes.len;
	if (way != ABSOLUTE)
		ul_buf_add(&fake->bytes, &base, sizeof(base));
}

static void put_names(struct fake *fake, bool wide_markers)
{
	uint64_t markers[SYMBOLS / 256 + 1];
	char name[600];
	const uint32_t number = SYMBOLS;
	fake->number = fake->bytes.len;
	ul_buf_add(&fake->bytes, &number, sizeof(number));
	align(fake);
	fake->names = fake->bytes.len;
	for (size_t i = 0; i < SYMBOLS; i++) {
		if (i % 256 == 0)
			markers[i / 256] = fake->bytes.len - fake->names;
		name_of(i, fake->told, name);
		put_compressed(fake, name);
	}
	align(fake);
	for (size_t i = 0; i < UL_ARRAY_LEN(markers); i++)
		ul_buf_add(&fake->bytes, &markers[i], wide_markers ? 8 : 4);
	align(fake);
}

static void make_fake(struct fake *fake, enum way way, bool told, bool wide_markers)
{
	char text[TEXT_BYTES];
	*fake = (struct fake){.memory = array_memory_make(), .told = told};
	memset(text, 0xcc, sizeof(text));
	ul_buf_add(&fake->bytes, text, sizeof(text));
	align(fake);
	put_addresses(fake, way);
	put_names(fake, wide_markers);
	put_tokens(fake);
	ul_buf_add(&fake->bytes, text, 4096);
	assert_false(fake->bytes.failed);
	array_memory_add(&fake->memory, STEXT, fake->bytes.data, fake->bytes.len);
	fake->image.memory = &fake->memory.memory;
	fake->image.space = (struct ul_address_space){.page_bytes = 4096, .image = {STEXT, 0}};
	struct ul_buf info = {0};
	ul_buf_printf(&info, "OSRELEASE=6.1\nSYMBOL(_stext)=%llx\n", STEXT);
	const struct {
		const char *name;
		size_t at;
	} lines[] = {{"names", fake->names},
		     {"num_syms", fake->number},
		     {"token_table", fake->table},
		     {"token_index", fake->index},
		     {way == ABSOLUTE ? "addresses" : "offsets", fake->offsets}};
	for (size_t i = 0; told && i < UL_ARRAY_LEN(lines); i++)
		ul_buf_printf(&info, "SYMBOL(kallsyms_%s)=%llx\n", lines[i].name,
			      STEXT + lines[i].at);
	if (told && way != ABSOLUTE && way != PLACE_RELATIVE)
		ul_buf_printf(&info, "SYMBOL(kallsyms_relative_base)=%llx\n", STEXT + fake->base);
	fake->image.vmcoreinfo = info.data;
}

static void all_symbols_are_there(const struct fake *fake, enum way way)
{
	const struct ul_symtab *symtab = fake->image.symtab;
	assert_int_equal(ul_symtab_len(symtab), SYMBOLS);
	for (size_t i = 0; i < SYMBOLS; i++) {
		char name[600];
		uint64_t kaddr = 0;
		name_of(i, fake->told, name);
		assert_true(ul_symtab_address(symtab, name + 1, &kaddr));
		assert_true(kaddr == address_of(way, i));
	}
}

static void every_encoding_is_told_by_where_stext_lies(void **state)
{
	for (enum way way = ABSOLUTE; way <= PLACE_RELATIVE; way++) {
		struct fake fake CLEANUP_FAKE;
		make_fake(&fake, way, true, false);
		assert_null(ul_image_load_symbols(&fake.image));
		all_symbols_are_there(&fake, way);
	}
}

/* Before v6.0: nothing but _stext is known; names of 128 tokens did not exist. */
static void tables_that_nobody_told_of_are_found(void **state)
{
	for (int wide = 0; wide < 2; wide++) {
		for (enum way way = ABSOLUTE; way <= ABSOLUTE_PERCPU; way++) {
			struct fake fake CLEANUP_FAKE;
			make_fake(&fake, way, false, wide);
			assert_null(ul_image_load_symbols(&fake.image));
			all_symbols_are_there(&fake, way);
		}
	}
}

static void a_wrong_stext_is_refused(void **state)
{
	struct fake fake CLEANUP_FAKE;
	make_fake(&fake, ABSOLUTE_PERCPU, true, false);
	char *line = strstr(fake.image.vmcoreinfo, "(_stext)=");
	assert_non_null(line);
	line[strlen("(_stext)=ffffffff9a2000")] = '1';
	UL_CLEANUP_ERROR struct ul_error *error = ul_image_load_symbols(&fake.image);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_BAD_DATA);
	assert_null(fake.image.symtab);
}

static void tables_cut_at_any_place_are_refused(void **state)
{
	for (size_t keep = TEXT_BYTES; keep < TEXT_BYTES + 25000; keep += 997) {
		struct fake fake CLEANUP_FAKE;
		make_fake(&fake, PLACE_RELATIVE, true, false);
		if (keep >= fake.table + 300)
			break;
		fake.memory.parts[0].len = keep;
		UL_CLEANUP_ERROR struct ul_error *error = ul_image_load_symbols(&fake.image);
		assert_non_null(error);
		assert_int_equal(error->code, UL_ERR_BAD_DATA);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_encoding_is_told_by_where_stext_lies),
		cmocka_unit_test(tables_that_nobody_told_of_are_found),
		cmocka_unit_test(a_wrong_stext_is_refused),
		cmocka_unit_test(tables_cut_at_any_place_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
