/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a parser: lines in (parser.c), a format that makes records of them (one file for
 * each source), sites out (group.c). A record is one line or block of the text; records with one
 * key are one site.
 */
#ifndef UL_SOURCE_EXACT_EXACT_INTERNAL_H
#define UL_SOURCE_EXACT_EXACT_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "source/exact/exact.h"

/** What one line or block of the text says. */
struct ul_exact_record {
	bool open;
	enum ul_allocator allocator;
	uint64_t objects;
	uint64_t bytes;	       /**< of all objects */
	uint64_t object_bytes; /**< of one; 0: several sizes */
	double age_s;	       /**< mean of the objects; NAN: not known */
	bool has_process;
	pid_t pid;
	char comm[16];
	bool has_example;
	struct ul_allocation example;
	/** What makes it one site with others: a line of its own kind, then one line a frame. */
	struct ul_buf key;
	size_t stack_at; /**< where in key the frames begin */
};

struct ul_exact_entry {
	uint64_t hash;
	struct ul_span key; /**< lives in the arena */
	double age_sum_s;
	uint64_t aged; /**< objects in age_sum_s */
};

struct ul_exact_groups {
	UL_VEC(struct ul_site) sites;
	UL_VEC(struct ul_exact_entry) entries; /**< entries.data[i] is about sites.data[i] */
	uint32_t *slots;		       /**< index + 1; 0: free */
	size_t slots_len;		       /**< power of two */
	size_t key_bytes;
	struct ul_arena keys;
	uint64_t lost_objects, lost_bytes; /**< beyond the limits */
};

/** Add the record to its site, making it if new. Records beyond the limits are counted as lost. */
UL_MUST_USE struct ul_error *ul_exact_groups_add(struct ul_exact_groups *groups, const char *cache,
						 const struct ul_exact_record *record);
void ul_exact_groups_deinit(struct ul_exact_groups *groups);

/**
 * One frame as %pS prints it, Linux lib/vsprintf.c symbol_string(): "func+0x1c/0x50 [module]", with
 * what kmemleak puts before it ("[<address>]") and decode_stacktrace.sh behind ("file.c:12").
 */
bool ul_exact_frame(struct ul_span line, struct ul_stack *stack, bool *ret_enomem);
/** Without "[<...>]" in front, which differs where the frame is the same. */
struct ul_span ul_exact_without_address(struct ul_span line);
/** True when the line looks like a frame: a symbol with offset, or an address. */
bool ul_exact_is_frame(struct ul_span line);

struct ul_exact_parser {
	struct ul_exact_context context;
	const struct ul_exact_format *format;
	char *cache;
	struct ul_buf line; /**< a line that came in pieces */
	bool overlong;	    /**< the rest of this line is dropped */
	struct ul_exact_record record;
	struct ul_exact_groups groups;
	uint64_t bad_lines;
	uint64_t cut_lines;
	uint64_t no_stack; /**< objects of records without a stack */
	uint64_t left_out; /**< records that are no leak by their kind */
	uint64_t marked;   /**< records the kernel itself marks as inexact, or cut */
	uint64_t text_bytes;
};

struct ul_exact_format {
	/** One line, without its newline. */
	struct ul_error *(*line)(struct ul_exact_parser *parser, struct ul_span line);
	/** The record that is open is complete. */
	struct ul_error *(*end)(struct ul_exact_parser *parser);
	/** What this text in particular does not tell; may be NULL. */
	struct ul_error *(*losses)(const struct ul_exact_parser *parser, struct ul_losses *losses);
};

extern const struct ul_exact_format ul_exact_allocinfo;
extern const struct ul_exact_format ul_exact_page_owner;
extern const struct ul_exact_format ul_exact_page_stacks;
extern const struct ul_exact_format ul_exact_slub;
extern const struct ul_exact_format ul_exact_kmemleak;

/** Close the record that is open, if one is, and begin another. */
UL_MUST_USE struct ul_error *ul_exact_begin(struct ul_exact_parser *parser);
/** Close the record that is open. */
UL_MUST_USE struct ul_error *ul_exact_end(struct ul_exact_parser *parser);
/** Add a line to the stack of the open record. */
void ul_exact_add_frame(struct ul_exact_parser *parser, struct ul_span line);
/** Give the open record to the groups: what the `end` of most formats does. */
UL_MUST_USE struct ul_error *ul_exact_group_record(struct ul_exact_parser *parser);
/** Seconds since @p jiffies (an unsigned long of the kernel); NAN when the clock is not known. */
double ul_exact_jiffies_age(const struct ul_exact_clock *clock, uint64_t jiffies);
/** "12.345" as a number; false when it is none. */
bool ul_exact_decimal(struct ul_span text, double *ret);
/** The number after @p name in @p text, up to a blank or one of ",)(": "pid " in "pid 12, tgid". */
bool ul_exact_number_after(struct ul_span text, const char *name, uint64_t *ret);

#endif
