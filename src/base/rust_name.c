// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The grammar of Rust RFC 2603 (symbol name mangling v0):
 *
 *	symbol	_R [version] path [path of the crate that made it] [. suffix]
 *	path	C ident | M impl type | X impl type path | Y type path | N namespace path ident
 *		| I path {arg} E | B back
 *	impl	[s number] path				where the impl stands: not shown
 *	ident	[s number] [u] length [_] bytes
 *	arg	L number | K const | type
 *	type	a..z (a basic one) | path | A type const | S type | T {type} E | R [L number] type
 *		| Q [L number] type | P type | O type | F signature | D bounds L number | B back
 *	sign.	[G number] [U] [K abi] {type} E type
 *	bounds	[G number] {path {p ident type}} E
 *	const	type [n] {hex digit} _ | p | B back
 *	number	_ is 0, else digits of base 62 and _: their value and 1
 *
 * B goes back to an earlier place of the name and reads there once more, so a short name can stand
 * for a very long one. Names come from outside (traces, dumps, modules): no recursion, but a stack
 * of things to do, which has a limit, as have the steps and the length of the result.
 *
 * Constants that are neither numbers, bool nor char are refused: such names stay mangled.
 */
#include "base/rust_name.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TODO_MAX = 256, STEPS_MAX = 4096, LIFETIMES_MAX = 64 };

enum doing {
	DO_TEXT, /**< print `text` */
	DO_PATH, /**< `flag`: of a value, where arguments are written ::<> */
	DO_TYPE,
	DO_CONST,
	DO_ARGS,     /**< to E; `flag`: one was printed */
	DO_TUPLE,    /**< to E; `number`: types printed */
	DO_IDENT,    /**< `number`: its namespace */
	DO_FN_TYPES, /**< to E, then what is returned; `flag`: one was printed */
	DO_BOUNDS,   /**< to E; `flag`: one was printed */
	DO_BINDINGS, /**< of the trait just printed; `flag`: arguments are open */
	DO_LIFETIME, /**< of a trait object */
	DO_UNBIND,   /**< `number` lifetimes end */
	DO_SEEK,     /**< go on at `number` */
	DO_MUTE,     /**< print nothing until DO_UNMUTE */
	DO_UNMUTE,
};

struct todo {
	enum doing doing;
	bool flag;
	size_t number;
	const char *text;
};

struct reader {
	struct ul_span name; /**< behind _R */
	size_t at;
	char *out;
	size_t size, len;
	unsigned int muted;
	uint64_t lifetimes; /**< bound here */
	struct todo todo[TODO_MAX];
	size_t todo_len;
	bool failed;
};

static void fail(struct reader *reader)
{
	reader->failed = true;
}

static void print(struct reader *reader, const char *text, size_t len)
{
	if (reader->muted || !len)
		return;
	if (len >= reader->size - reader->len) {
		fail(reader);
		return;
	}
	memcpy(reader->out + reader->len, text, len);
	reader->len += len;
}

static void puts_to(struct reader *reader, const char *text)
{
	print(reader, text, strlen(text));
}

static void print_number(struct reader *reader, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, number);
	puts_to(reader, text);
}

/** What is pushed last is done first. */
static void push(struct reader *reader, struct todo todo)
{
	if (reader->todo_len == TODO_MAX)
		fail(reader);
	else
		reader->todo[reader->todo_len++] = todo;
}

static void push_doing(struct reader *reader, enum doing doing)
{
	push(reader, (struct todo){.doing = doing});
}

static void push_text(struct reader *reader, const char *text)
{
	push(reader, (struct todo){.doing = DO_TEXT, .text = text});
}

static char peek(const struct reader *reader)
{
	return reader->at < reader->name.len ? reader->name.data[reader->at] : '\0';
}

static char next(struct reader *reader)
{
	const char c = peek(reader);
	if (c)
		reader->at++;
	else
		fail(reader);
	return c;
}

static bool skip(struct reader *reader, char c)
{
	if (!c || peek(reader) != c)
		return false;
	reader->at++;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint64_t base62(struct reader *reader)
{
	uint64_t value = 0;
	if (skip(reader, '_'))
		return 0;
	while (!reader->failed && !skip(reader, '_')) {
		const char c = next(reader);
		unsigned int digit;
		if (is_digit(c))
			digit = (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'z')
			digit = (unsigned int)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'Z')
			digit = (unsigned int)(c - 'A') + 36;
		else
			digit = UINT32_MAX;
		if (digit > 61 || __builtin_mul_overflow(value, 62, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			fail(reader);
	}
	if (value == UINT64_MAX)
		fail(reader);
	return value + 1;
}

/** "s number", or 0 when there is none: the first of its name. */
static uint64_t disambiguator(struct reader *reader)
{
	return skip(reader, 's') ? base62(reader) + 1 : 0;
}

struct ident {
	struct ul_span bytes;
	bool punycode;
};

/** Without its disambiguator. */
static struct ident identifier(struct reader *reader)
{
	struct ident ident = {.punycode = skip(reader, 'u')};
	size_t len = 0;
	if (!is_digit(peek(reader)))
		fail(reader);
	if (!skip(reader, '0')) // the only number with a leading zero
		while (is_digit(peek(reader)) && len < reader->name.len)
			len = len * 10 + (size_t)(next(reader) - '0');
	skip(reader, '_');
	if (reader->failed || len > reader->name.len - reader->at) {
		fail(reader);
		return (struct ident){0};
	}
	ident.bytes = (struct ul_span){reader->name.data + reader->at, len};
	reader->at += len;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)ident.bytes.data[i] <= ' ')
			fail(reader); // no identifier, whatever its length says
	return ident;
}

static void print_ident(struct reader *reader, struct ident ident)
{
	if (ident.punycode)
		puts_to(reader, "punycode{");
	print(reader, ident.bytes.data, ident.bytes.len);
	if (ident.punycode)
		puts_to(reader, "}");
}

/** Read on at an earlier place, and then come back. */
static void go_back(struct reader *reader, struct todo what)
{
	const size_t from = reader->at - 1; // of the B
	const uint64_t to = base62(reader);
	if (reader->failed || to >= from) {
		fail(reader);
		return;
	}
	if (reader->muted)
		return; // nothing there is to be seen
	push(reader, (struct todo){.doing = DO_SEEK, .number = reader->at});
	push(reader, what);
	reader->at = (size_t)to;
}

static void do_path(struct reader *reader, bool value)
{
	const char kind = next(reader);
	switch (kind) {
	case 'C':
		disambiguator(reader);
		print_ident(reader, identifier(reader));
		break;
	case 'M':
	case 'X':
		disambiguator(reader);
		push_text(reader, ">");
		if (kind == 'X') {
			push_doing(reader, DO_PATH);
			push_text(reader, " as ");
		}
		push_doing(reader, DO_TYPE);
		push_text(reader, "<");
		push_doing(reader, DO_UNMUTE);
		push_doing(reader, DO_PATH);
		push_doing(reader, DO_MUTE);
		break;
	case 'Y':
		push_text(reader, ">");
		push_doing(reader, DO_PATH);
		push_text(reader, " as ");
		push_doing(reader, DO_TYPE);
		push_text(reader, "<");
		break;
	case 'N': {
		const char space = next(reader);
		if (!((space >= 'a' && space <= 'z') || (space >= 'A' && space <= 'Z')))
			fail(reader);
		push(reader, (struct todo){.doing = DO_IDENT, .number = (size_t)space});
		push(reader, (struct todo){.doing = DO_PATH, .flag = value});
		break;
	}
	case 'I':
		push_text(reader, ">");
		push_doing(reader, DO_ARGS);
		push_text(reader, value ? "::<" : "<");
		push(reader, (struct todo){.doing = DO_PATH, .flag = value});
		break;
	case 'B':
		go_back(reader, (struct todo){.doing = DO_PATH, .flag = value});
		break;
	default:
		fail(reader);
	}
}

/** "::name"; in an upper-case namespace "::{closure#1}", "::{shim:name#0}". */
static void do_ident(struct reader *reader, char space)
{
	const uint64_t number = disambiguator(reader);
	const struct ident ident = identifier(reader);
	const bool special = space >= 'A' && space <= 'Z';
	if (!special) {
		if (ident.bytes.len)
			puts_to(reader, "::");
		print_ident(reader, ident);
		return;
	}
	puts_to(reader, "::{");
	if (space == 'C')
		puts_to(reader, "closure");
	else if (space == 'S')
		puts_to(reader, "shim");
	else
		print(reader, &space, 1);
	if (ident.bytes.len) {
		puts_to(reader, ":");
		print_ident(reader, ident);
	}
	puts_to(reader, "#");
	print_number(reader, number);
	puts_to(reader, "}");
}

static const char *basic_type(char c)
{
	static const char *const names[26] = {
		['a' - 'a'] = "i8",   ['b' - 'a'] = "bool",  ['c' - 'a'] = "char",
		['d' - 'a'] = "f64",  ['e' - 'a'] = "str",   ['f' - 'a'] = "f32",
		['h' - 'a'] = "u8",   ['i' - 'a'] = "isize", ['j' - 'a'] = "usize",
		['l' - 'a'] = "i32",  ['m' - 'a'] = "u32",   ['n' - 'a'] = "i128",
		['o' - 'a'] = "u128", ['p' - 'a'] = "_",     ['s' - 'a'] = "i16",
		['t' - 'a'] = "u16",  ['u' - 'a'] = "()",    ['v' - 'a'] = "...",
		['x' - 'a'] = "i64",  ['y' - 'a'] = "u64",   ['z' - 'a'] = "!",
	};
	return c >= 'a' && c <= 'z' ? names[c - 'a'] : NULL;
}

/** Of those bound where we are, the outermost is 'a; 0 is one that is not named. */
static void print_lifetime(struct reader *reader, uint64_t index)
{
	if (!index) {
		puts_to(reader, "'_");
		return;
	}
	if (reader->muted)
		return;
	if (index > reader->lifetimes) {
		fail(reader);
		return;
	}
	const uint64_t depth = reader->lifetimes - index;
	const char letter = (char)('a' + depth % 26);
	puts_to(reader, "'");
	print(reader, &letter, 1);
	if (depth >= 26)
		print_number(reader, depth / 26);
}

/** "for<'a, 'b> ", until DO_UNBIND. */
static void binder(struct reader *reader)
{
	if (!skip(reader, 'G'))
		return;
	const uint64_t count = base62(reader) + 1;
	if (reader->failed || count > LIFETIMES_MAX || reader->lifetimes > LIFETIMES_MAX) {
		fail(reader);
		return;
	}
	puts_to(reader, "for<");
	for (uint64_t i = 0; i < count; i++) {
		reader->lifetimes++;
		if (i)
			puts_to(reader, ", ");
		print_lifetime(reader, 1);
	}
	puts_to(reader, "> ");
}

static void do_signature(struct reader *reader)
{
	const uint64_t before = reader->lifetimes;
	binder(reader);
	push(reader, (struct todo){.doing = DO_UNBIND, .number = (size_t)before});
	if (skip(reader, 'U'))
		puts_to(reader, "unsafe ");
	if (skip(reader, 'K')) {
		puts_to(reader, "extern \"");
		if (skip(reader, 'C'))
			puts_to(reader, "C");
		else
			print_ident(reader, identifier(reader));
		puts_to(reader, "\" ");
	}
	puts_to(reader, "fn(");
	push_doing(reader, DO_FN_TYPES);
}

static void do_reference(struct reader *reader, bool mutable)
{
	puts_to(reader, "&");
	if (skip(reader, 'L')) {
		const uint64_t index = base62(reader);
		if (index) {
			print_lifetime(reader, index);
			puts_to(reader, " ");
		}
	}
	if (mutable)
		puts_to(reader, "mut ");
	push_doing(reader, DO_TYPE);
}

static void do_type(struct reader *reader)
{
	const char kind = next(reader);
	const char *basic = basic_type(kind);
	if (basic) {
		puts_to(reader, basic);
		return;
	}
	switch (kind) {
	case 'A':
		push_text(reader, "]");
		push_doing(reader, DO_CONST);
		push_text(reader, "; ");
		push_doing(reader, DO_TYPE);
		puts_to(reader, "[");
		break;
	case 'S':
		push_text(reader, "]");
		push_doing(reader, DO_TYPE);
		puts_to(reader, "[");
		break;
	case 'T':
		puts_to(reader, "(");
		push_doing(reader, DO_TUPLE);
		break;
	case 'R':
	case 'Q':
		do_reference(reader, kind == 'Q');
		break;
	case 'P':
	case 'O':
		puts_to(reader, kind == 'P' ? "*const " : "*mut ");
		push_doing(reader, DO_TYPE);
		break;
	case 'F':
		do_signature(reader);
		break;
	case 'D': {
		const uint64_t before = reader->lifetimes;
		puts_to(reader, "dyn ");
		push_doing(reader, DO_LIFETIME);
		push(reader, (struct todo){.doing = DO_UNBIND, .number = (size_t)before});
		binder(reader);
		push_doing(reader, DO_BOUNDS);
		break;
	}
	case 'B':
		go_back(reader, (struct todo){.doing = DO_TYPE});
		break;
	default:
		if (kind)
			reader->at--;
		do_path(reader, false);
	}
}

static void print_char(struct reader *reader, uint64_t code)
{
	char text[16];
	if (code >= 0x20 && code < 0x7f && code != '\'' && code != '\\')
		snprintf(text, sizeof(text), "'%c'", (int)code);
	else if (code <= 0x10ffff)
		snprintf(text, sizeof(text), "'\\u{%" PRIx64 "}'", code);
	else
		return fail(reader);
	puts_to(reader, text);
}

static void do_const(struct reader *reader)
{
	enum { DIGITS = 16 };
	if (skip(reader, 'p')) {
		puts_to(reader, "_");
		return;
	}
	if (skip(reader, 'B')) {
		go_back(reader, (struct todo){.doing = DO_CONST});
		return;
	}
	const char type = next(reader);
	const bool is_signed = strchr("ailnsx", type);
	if (!type || !(is_signed || strchr("bchjmoty", type))) {
		fail(reader);
		return;
	}
	const bool negative = is_signed && skip(reader, 'n');
	const size_t begin = reader->at;
	uint64_t value = 0;
	while (!reader->failed && !skip(reader, '_')) {
		const char c = next(reader);
		if (!is_digit(c) && !(c >= 'a' && c <= 'f'))
			fail(reader);
		value = value << 4 | (uint64_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	const size_t digits = reader->failed ? 0 : reader->at - 1 - begin;
	if (!digits)
		return fail(reader);
	if (negative)
		puts_to(reader, "-");
	if (digits > DIGITS) { // of 128 bits: as it stands
		puts_to(reader, "0x");
		print(reader, reader->name.data + begin, digits);
	} else if (type == 'b') {
		puts_to(reader, value ? "true" : "false");
	} else if (type == 'c') {
		print_char(reader, value);
	} else {
		print_number(reader, value);
	}
}

static void do_args(struct reader *reader, struct todo todo)
{
	if (skip(reader, 'E'))
		return;
	if (todo.flag)
		puts_to(reader, ", ");
	push(reader, (struct todo){.doing = DO_ARGS, .flag = true});
	if (skip(reader, 'L'))
		print_lifetime(reader, base62(reader));
	else
		push_doing(reader, skip(reader, 'K') ? DO_CONST : DO_TYPE);
}

static void do_tuple(struct reader *reader, struct todo todo)
{
	if (skip(reader, 'E')) {
		puts_to(reader, todo.number == 1 ? ",)" : ")");
		return;
	}
	if (todo.number)
		puts_to(reader, ", ");
	push(reader, (struct todo){.doing = DO_TUPLE, .number = todo.number + 1});
	push_doing(reader, DO_TYPE);
}

static void do_fn_types(struct reader *reader, struct todo todo)
{
	if (skip(reader, 'E')) {
		puts_to(reader, ")");
		if (skip(reader, 'u')) // nothing is returned
			return;
		puts_to(reader, " -> ");
		push_doing(reader, DO_TYPE);
		return;
	}
	if (todo.flag)
		puts_to(reader, ", ");
	push(reader, (struct todo){.doing = DO_FN_TYPES, .flag = true});
	push_doing(reader, DO_TYPE);
}

static void do_bounds(struct reader *reader, struct todo todo)
{
	if (skip(reader, 'E'))
		return;
	if (todo.flag)
		puts_to(reader, " + ");
	push(reader, (struct todo){.doing = DO_BOUNDS, .flag = true});
	push_doing(reader, DO_BINDINGS);
	push_doing(reader, DO_PATH);
}

/** "p Item type": among the arguments of the trait, which may have been closed already. */
static void do_bindings(struct reader *reader, struct todo todo)
{
	if (!skip(reader, 'p')) {
		if (todo.flag)
			puts_to(reader, ">");
		return;
	}
	if (todo.flag) {
		puts_to(reader, ", ");
	} else if (!reader->muted && reader->len && reader->out[reader->len - 1] == '>') {
		reader->len--;
		puts_to(reader, ", ");
	} else {
		puts_to(reader, "<");
	}
	print_ident(reader, identifier(reader));
	puts_to(reader, " = ");
	push(reader, (struct todo){.doing = DO_BINDINGS, .flag = true});
	push_doing(reader, DO_TYPE);
}

static void do_object_lifetime(struct reader *reader)
{
	if (!skip(reader, 'L')) {
		fail(reader);
		return;
	}
	const uint64_t index = base62(reader);
	if (!index)
		return;
	puts_to(reader, " + ");
	print_lifetime(reader, index);
}

static void step(struct reader *reader, struct todo todo)
{
	switch (todo.doing) {
	case DO_TEXT:
		return puts_to(reader, todo.text);
	case DO_PATH:
		return do_path(reader, todo.flag);
	case DO_TYPE:
		return do_type(reader);
	case DO_CONST:
		return do_const(reader);
	case DO_ARGS:
		return do_args(reader, todo);
	case DO_TUPLE:
		return do_tuple(reader, todo);
	case DO_IDENT:
		return do_ident(reader, (char)todo.number);
	case DO_FN_TYPES:
		return do_fn_types(reader, todo);
	case DO_BOUNDS:
		return do_bounds(reader, todo);
	case DO_BINDINGS:
		return do_bindings(reader, todo);
	case DO_LIFETIME:
		return do_object_lifetime(reader);
	case DO_UNBIND:
		reader->lifetimes = todo.number;
		return;
	case DO_SEEK:
		reader->at = todo.number;
		return;
	case DO_MUTE:
		reader->muted++;
		return;
	case DO_UNMUTE:
		reader->muted--;
		return;
	}
}

static void run(struct reader *reader)
{
	for (size_t steps = 0; reader->todo_len && !reader->failed; steps++) {
		if (steps == STEPS_MAX)
			fail(reader);
		else
			step(reader, reader->todo[--reader->todo_len]);
	}
}

bool ul_rust_name(struct ul_span mangled, char *buffer, size_t size)
{
	char text[UL_RUST_NAME_MAX];
	static const char prefix[] = "_R";
	if (!ul_span_starts(mangled, prefix) || mangled.len < 3 || mangled.data[2] < 'A' ||
	    mangled.data[2] > 'Z') // a number here is a later version of the scheme
		return false;
	struct reader reader = {
		.name = {mangled.data + 2, mangled.len - 2},
		.out = text,
		.size = sizeof(text),
	};
	// What the compiler has put behind it: ".llvm.1234", ".cold".
	const char *dot = memchr(reader.name.data, '.', reader.name.len);
	if (dot)
		reader.name.len = (size_t)(dot - reader.name.data);
	push(&reader, (struct todo){.doing = DO_PATH, .flag = true});
	run(&reader);
	if (!reader.failed && peek(&reader)) { // the crate in which it was instantiated
		reader.muted++;
		push_doing(&reader, DO_PATH);
		run(&reader);
	}
	if (reader.failed || reader.at != reader.name.len || !reader.len || reader.len >= size)
		return false;
	memcpy(buffer, text, reader.len);
	buffer[reader.len] = '\0';
	return true;
}
