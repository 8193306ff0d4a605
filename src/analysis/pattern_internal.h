/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of analysis/pattern only: decoded objects, and clusters of them. */
#ifndef UL_ANALYSIS_PATTERN_INTERNAL_H
#define UL_ANALYSIS_PATTERN_INTERNAL_H

#include "analysis/pattern.h"
#include "base/vec.h"

enum {
	UL_PATTERN_WORDS_MAX = 8192,  /**< 64 KiB of an object are looked at */
	UL_PATTERN_CLUSTERS_MAX = 64, /**< led by structure, and as many led by text */
	UL_PATTERN_HEAD_BYTES = 48,   /**< of a text's shape */
	UL_PATTERN_TEXT_BYTES = 512,  /**< of a text shown */
	UL_PATTERN_RUN_MIN = 8,	      /**< printable bytes in a row that count as text */
	UL_PATTERN_MEMO_SLOTS = 8192, /**< pointers whose symbol is remembered; power of two */
	UL_PATTERN_KINDS = UL_WORD_MIXED,
};

/** A word by kind: the kind in the low byte, for symbols their number above it. */
typedef uint32_t ul_word_code;

static inline enum ul_word_kind ul_code_kind(ul_word_code code)
{
	return (enum ul_word_kind)(code & 0xff);
}

/** Numbers symbols, so that equal symbols compare as equal numbers. */
struct ul_pattern_symbols {
	const struct ul_symtab *symtab; /**< NULL: no pointer has a symbol */
	bool data;			/**< the table has the kernel's variables */
	UL_VEC(struct ul_symbol) seen;	/**< by number - 1 */
	struct {
		uint64_t value;
		uint32_t number;
	} memo[UL_PATTERN_MEMO_SLOTS];
	uint32_t *slots; /**< hash of start addresses -> number */
	size_t slots_len;
};

/** One object, decoded. */
struct ul_pattern_object {
	uint32_t words;
	uint32_t nonzero_words;
	uint32_t nonzero_bytes;
	uint32_t text_bytes; /**< in printable runs */
	uint32_t lead_bytes; /**< printable bytes the object begins with */
	bool by_text;	     /**< the leading text says what it is, not the structure */
	uint32_t head_len;
	char head[UL_PATTERN_HEAD_BYTES]; /**< shape of the leading text: numbers as '#' */
	ul_word_code codes[UL_PATTERN_WORDS_MAX];
	uint8_t covered[UL_PATTERN_WORDS_MAX]; /**< bytes of each word in printable runs */
};

UL_MUST_USE struct ul_error *ul_pattern_symbols_init(struct ul_pattern_symbols *symbols,
						     const struct ul_symtab *symtab);
void ul_pattern_symbols_deinit(struct ul_pattern_symbols *symbols);

/** Decode @p bytes; false: out of memory for a new symbol. Needs at least 8 bytes. */
UL_MUST_USE bool ul_pattern_decode(const struct ul_object_bytes *bytes,
				   struct ul_pattern_symbols *symbols,
				   struct ul_pattern_object *ret);
/** True for a byte of a text: printable ASCII, newline, tab. */
bool ul_pattern_is_text(uint8_t byte);
/** Bytes of text at the start of @p bytes. */
size_t ul_pattern_lead(const uint8_t *bytes, size_t len);

/** How often one word of a cluster was what. */
struct ul_word_tally {
	uint32_t kinds[UL_PATTERN_KINDS];
	uint32_t symbol;	 /**< number of the symbol first seen here; 0: none */
	uint32_t symbol_objects; /**< that had this one */
};

struct ul_cluster {
	bool by_text;
	uint64_t objects;
	size_t example; /**< index of the object shown */
	uint32_t example_lead;
	uint32_t words; /**< of the leader */
	uint32_t nonzero_words;
	uint32_t head_len;
	char head[UL_PATTERN_HEAD_BYTES];
	ul_word_code *codes; /**< of the leader; NULL: `various` */
	UL_VEC(struct ul_word_tally) tallies;
	uint64_t nonzero_bytes;
	uint64_t text_bytes;
};

/** Clusters led by structure, then by text; the last of each sort takes what fits nowhere. */
struct ul_clusters {
	UL_VEC(struct ul_cluster) items;
	size_t by_text, by_structure; /**< clusters of each sort */
	size_t various[2];	      /**< index + 1 of the catch-all, by by_text; 0: none */
};

/** Put @p object (number @p index) into the cluster it fits; *@p ret is that cluster's index. */
UL_MUST_USE struct ul_error *ul_clusters_add(struct ul_clusters *clusters,
					     const struct ul_pattern_object *object, size_t index,
					     size_t *ret);
void ul_clusters_deinit(struct ul_clusters *clusters);

#endif
