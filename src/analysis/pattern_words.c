// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each word of an object is.
 *
 * Text is found first, by bytes: a run of 8 printable ones or more, for by chance that is rare (a
 * pointer has at least two bytes that are not printable; 8 random bytes are all printable once in
 * 2,500). A word belongs to the text when the run covers half of it, or the rest of it is zero. A
 * run of one single byte is a fill pattern, not text (0x6b and 0x5a are the kernel's poison, Linux
 * include/linux/poison.h).
 *
 * Pointers are told by value: the kernel's half of the address space. Small negative numbers and
 * error pointers lie at its very end and are taken for numbers. A table without the kernel's
 * variables (no CONFIG_KALLSYMS_ALL) would give the last function's name to whatever data follows
 * it; there, and for variables in general, only what can be right is accepted.
 *
 * Errs: an 8-byte random number with high bits set is taken for a pointer (once in 65,536); a
 * pointer into a freed module's range is a pointer without a symbol.
 */
#include "analysis/pattern_internal.h"

#include <string.h>

enum {
	TEXT_LED_BYTES = 64,  /**< so much text at the start says what an object is */
	TEXT_LED_MIN = 16,    /**< less is enough when there is hardly anything else */
	SYMBOL_REACH = 65536, /**< a pointer further into a symbol is no pointer to it */
	SMALL_MAX = 65536,
	SYMBOLS_MAX = 1 << 20, /**< different symbols in one analysis */
};

struct ul_error *ul_pattern_symbols_init(struct ul_pattern_symbols *symbols,
					 const struct ul_symtab *symtab)
{
	uint64_t kaddr;
	*symbols = (struct ul_pattern_symbols){.symtab = symtab, .slots_len = 1024};
	symbols->slots = calloc(symbols->slots_len, sizeof(*symbols->slots));
	if (!symbols->slots)
		return &ul_enomem;
	// A variable every kernel has and no function table lists.
	symbols->data = symtab && ul_symtab_address(symtab, "init_task", &kaddr);
	return NULL;
}

void ul_pattern_symbols_deinit(struct ul_pattern_symbols *symbols)
{
	ul_vec_deinit(&symbols->seen);
	free(symbols->slots);
	symbols->slots = NULL;
}

static size_t hash_u64(uint64_t value)
{
	return (size_t)(value * 0x9e3779b97f4a7c15ULL >> 32);
}

static uint32_t *slot_of(struct ul_pattern_symbols *symbols, uint64_t start)
{
	size_t slot = hash_u64(start) & (symbols->slots_len - 1);
	while (symbols->slots[slot] && symbols->seen.data[symbols->slots[slot] - 1].start != start)
		slot = (slot + 1) & (symbols->slots_len - 1);
	return &symbols->slots[slot];
}

static bool grow_slots(struct ul_pattern_symbols *symbols)
{
	uint32_t *old = symbols->slots;
	uint32_t *grown = calloc(symbols->slots_len * 2, sizeof(*grown));
	if (!grown)
		return false;
	symbols->slots = grown;
	symbols->slots_len *= 2;
	for (size_t i = 0; i < symbols->seen.len; i++)
		*slot_of(symbols, symbols->seen.data[i].start) = (uint32_t)(i + 1);
	free(old);
	return true;
}

/* Number of @p symbol; 0 when there are too many. False: out of memory. */
static bool number_symbol(struct ul_pattern_symbols *symbols, const struct ul_symbol *symbol,
			  uint32_t *ret)
{
	*ret = 0;
	if (symbols->seen.len * 2 >= symbols->slots_len && !grow_slots(symbols))
		return false;
	uint32_t *slot = slot_of(symbols, symbol->start);
	if (!*slot) {
		if (symbols->seen.len >= SYMBOLS_MAX)
			return true;
		if (!ul_vec_push(&symbols->seen, *symbol))
			return false;
		*slot = (uint32_t)symbols->seen.len;
	}
	*ret = *slot;
	return true;
}

/* Number of the symbol @p value points to, 0 for none. False: out of memory. */
static bool find_symbol(struct ul_pattern_symbols *symbols, uint64_t value, uint32_t *ret)
{
	struct ul_symbol symbol;
	__auto_type memo = &symbols->memo[hash_u64(value) & (UL_PATTERN_MEMO_SLOTS - 1)];
	*ret = 0;
	if (!symbols->symtab)
		return true;
	if (memo->value != value) {
		uint32_t number = 0;
		const bool found = ul_symtab_lookup(symbols->symtab, value, &symbol) &&
				   (!symbol.offset || ((symbol.code || symbols->data) &&
						       symbol.offset < SYMBOL_REACH));
		if (found && !number_symbol(symbols, &symbol, &number))
			return false;
		memo->value = value;
		memo->number = number;
	}
	*ret = memo->number;
	return true;
}

bool ul_pattern_is_text(uint8_t byte)
{
	return (byte >= ' ' && byte <= '~') || byte == '\n' || byte == '\t';
}

size_t ul_pattern_lead(const uint8_t *bytes, size_t len)
{
	size_t end = 0;
	while (end < len && ul_pattern_is_text(bytes[end]))
		end++;
	return end;
}

static bool one_byte_only(const uint8_t *bytes, size_t len)
{
	return !memcmp(bytes, bytes + 1, len - 1);
}

/* Mark the words that printable runs cover. */
static void cover_text(const uint8_t *bytes, size_t len, struct ul_pattern_object *ret)
{
	memset(ret->covered, 0, ret->words);
	for (size_t at = 0; at < len;) {
		// No run of 8 passes the 8th byte unseen: skip to behind the last byte that is no
		// text.
		size_t last = at + UL_PATTERN_RUN_MIN;
		if (last > len)
			break;
		while (last > at && ul_pattern_is_text(bytes[last - 1]))
			last--;
		if (last > at) {
			at = last;
			continue;
		}
		const size_t run = ul_pattern_lead(bytes + at, len - at);
		if (!one_byte_only(bytes + at, run)) {
			for (size_t i = at; i < at + run; i++)
				ret->covered[i / 8]++;
			ret->text_bytes += (uint32_t)run;
			if (!at)
				ret->lead_bytes = (uint32_t)run;
		}
		at += run;
	}
}

static uint32_t nonzero_bytes(uint64_t word)
{
	// Fold each byte into its lowest bit, then count those.
	word |= word >> 4 & 0x0f0f0f0f0f0f0f0fULL;
	word |= word >> 2 & 0x3333333333333333ULL;
	word |= word >> 1 & 0x5555555555555555ULL;
	return (uint32_t)__builtin_popcountll(word & 0x0101010101010101ULL);
}

static bool is_small_half(uint32_t half)
{
	return half < SMALL_MAX || half >= -4096U;
}

/* Canonical upper half: 48-bit addresses, or 57-bit ones where aligned; not the last 16 MiB. */
static bool is_kernel_pointer(uint64_t value)
{
	if (value >= 0xffffffffff000000ULL)
		return false;
	return value >= 0xffff800000000000ULL || (value >= 0xff00000000000000ULL && !(value & 7));
}

static bool decode_word(uint64_t value, uint8_t covered, const struct ul_object_bytes *object,
			struct ul_pattern_symbols *symbols, ul_word_code *ret)
{
	uint32_t symbol = 0;
	if (!value) {
		*ret = UL_WORD_ZERO;
	} else if (covered >= 4 || (covered && covered == nonzero_bytes(value))) {
		*ret = UL_WORD_TEXT;
	} else if (value - object->kaddr < object->len) {
		*ret = UL_WORD_SELF;
	} else if (is_kernel_pointer(value)) {
		if (!find_symbol(symbols, value, &symbol))
			return false;
		*ret = symbol ? UL_WORD_SYMBOL | symbol << 8 : UL_WORD_KERNEL;
	} else if (is_small_half((uint32_t)value) && is_small_half((uint32_t)(value >> 32))) {
		*ret = UL_WORD_SMALL;
	} else {
		*ret = UL_WORD_OTHER;
	}
	return true;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void put_head(struct ul_pattern_object *object, char c)
{
	if (object->head_len < UL_PATTERN_HEAD_BYTES)
		object->head[object->head_len++] = c;
}

/* One run of letters and digits: '#' when it is a number, else with its digits as one '#'. */
static void put_token(struct ul_pattern_object *object, const uint8_t *token, size_t len)
{
	bool hex = true;
	bool digit = false;
	for (size_t i = 0; i < len; i++) {
		hex &= is_hex(token[i]);
		digit |= is_digit(token[i]);
	}
	if (hex && digit) {
		put_head(object, '#');
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(token[i]))
			put_head(object, (char)token[i]);
		else if (!i || !is_digit(token[i - 1]))
			put_head(object, '#');
	}
}

/* The shape of the leading text: what stays when numbers and the width of gaps change. */
static void shape_head(const uint8_t *bytes, struct ul_pattern_object *object)
{
	const size_t len = object->lead_bytes;
	object->head_len = 0;
	for (size_t at = 0; at < len && object->head_len < UL_PATTERN_HEAD_BYTES;) {
		size_t end = at + 1;
		if (is_alnum(bytes[at])) {
			while (end < len && is_alnum(bytes[end]))
				end++;
			put_token(object, bytes + at, end - at);
		} else {
			while (end < len && bytes[at] == ' ' && bytes[end] == ' ')
				end++;
			put_head(object, (char)bytes[at]);
		}
		at = end;
	}
}

bool ul_pattern_decode(const struct ul_object_bytes *bytes, struct ul_pattern_symbols *symbols,
		       struct ul_pattern_object *ret)
{
	const size_t words = bytes->len / 8;
	ret->words = words < UL_PATTERN_WORDS_MAX ? (uint32_t)words : UL_PATTERN_WORDS_MAX;
	ret->nonzero_words = ret->nonzero_bytes = ret->text_bytes = ret->lead_bytes = 0;
	cover_text(bytes->bytes, (size_t)ret->words * 8, ret);
	for (uint32_t i = 0; i < ret->words; i++) {
		uint64_t value;
		memcpy(&value, bytes->bytes + (size_t)i * 8, sizeof(value));
		if (!decode_word(value, ret->covered[i], bytes, symbols, &ret->codes[i]))
			return false;
		ret->nonzero_words += value != 0;
		ret->nonzero_bytes += nonzero_bytes(value);
	}
	const bool nothing_else = ret->text_bytes > ret->nonzero_bytes / 2;
	ret->by_text = ret->lead_bytes >= TEXT_LED_BYTES ||
		       (ret->lead_bytes >= TEXT_LED_MIN && nothing_else);
	shape_head(bytes->bytes, ret);
	return true;
}
