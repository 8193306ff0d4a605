// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which objects belong together.
 *
 * Objects that begin with text are compared by the shape of that text alone ("version #\n
 * timestamp #\ncpu# # #"): a buffer was rarely cleared before it was written, so what follows the
 * text is whatever lay there before, and lengths differ with the digits.
 *
 * Others are compared word by word, by kind. Two kinds at one place cost as much as it is unlikely
 * that one field holds both: nothing for a list head that is empty in one and linked in the other,
 * little for a number that is zero, much for text where the other has a function pointer. Two
 * different symbols at one place forbid it: that is another operations table, so another type of
 * object. A text that goes on in one object where it has ended in the other costs nothing. The sum
 * may be a quarter of the words that are not zero.
 *
 * Each object is compared with the leaders of the clusters only, at most 64 of each sort, so the
 * work is linear in the objects. What fits no leader when there are 64 goes into a catch-all, which
 * says so by its poor agreement. Order matters a little: a leader is the first of its kind.
 */
#include "analysis/pattern_internal.h"

#include <string.h>

enum {
	FORBIDDEN = 255,
	PREFIX_MIN = 8,	    /**< a whole shape this short may still begin a longer one */
	PREFIX_ENOUGH = 24, /**< shapes that share so much are the same text */
};

/* Half points, for kinds in the order of enum ul_word_kind; symmetric. */
static const uint8_t costs[UL_PATTERN_KINDS][UL_PATTERN_KINDS] = {
	[UL_WORD_ZERO] = {0, 2, 4, 2, 2, 1, 2},	  [UL_WORD_TEXT] = {2, 0, 6, 4, 6, 2, 2},
	[UL_WORD_SYMBOL] = {4, 6, 0, 4, 4, 6, 6}, [UL_WORD_KERNEL] = {2, 4, 4, 0, 0, 4, 4},
	[UL_WORD_SELF] = {2, 6, 4, 0, 0, 6, 6},	  [UL_WORD_SMALL] = {1, 2, 6, 4, 6, 0, 1},
	[UL_WORD_OTHER] = {2, 2, 6, 4, 6, 1, 0},
};

static uint32_t cost_of(ul_word_code a, ul_word_code b)
{
	if (ul_code_kind(a) == UL_WORD_SYMBOL && ul_code_kind(b) == UL_WORD_SYMBOL)
		return FORBIDDEN;
	return costs[ul_code_kind(a)][ul_code_kind(b)];
}

/* Half points between leader and object; UINT32_MAX when they do not belong together. */
static uint32_t distance(const struct ul_cluster *cluster, const struct ul_pattern_object *object)
{
	const uint32_t words = cluster->words < object->words ? cluster->words : object->words;
	// A sum beyond what even disjoint words allow cannot come back.
	const uint32_t give_up = (cluster->nonzero_words + object->nonzero_words) / 2;
	uint32_t sum = 0;
	uint32_t occupied = 0;
	bool in_text = false;
	for (uint32_t i = 0; i < words; i++) {
		const ul_word_code a = cluster->codes[i];
		const ul_word_code b = object->codes[i];
		occupied += (a | b) != UL_WORD_ZERO;
		if (a == b) {
			in_text = a == UL_WORD_TEXT;
			continue;
		}
		if (in_text && (a == UL_WORD_TEXT || b == UL_WORD_TEXT))
			continue;
		in_text = false;
		const uint32_t cost = cost_of(a, b);
		sum += cost;
		if (cost == FORBIDDEN || sum > give_up)
			return UINT32_MAX;
	}
	return sum <= occupied / 2 ? sum : UINT32_MAX;
}

static bool same_shape(const struct ul_cluster *cluster, const struct ul_pattern_object *object)
{
	const uint32_t shorter =
		cluster->head_len < object->head_len ? cluster->head_len : object->head_len;
	uint32_t common = 0;
	while (common < shorter && cluster->head[common] == object->head[common])
		common++;
	return common >= PREFIX_ENOUGH || (common == shorter && common >= PREFIX_MIN);
}

/* Index + 1 of the nearest cluster that @p object belongs to; 0: none. */
static size_t nearest(const struct ul_clusters *clusters, const struct ul_pattern_object *object)
{
	size_t best = 0;
	uint32_t best_distance = UINT32_MAX;
	for (size_t i = 0; i < clusters->items.len; i++) {
		const struct ul_cluster *cluster = &clusters->items.data[i];
		if (!cluster->codes || cluster->by_text != object->by_text)
			continue;
		if (object->by_text) {
			if (same_shape(cluster, object))
				return i + 1;
			continue;
		}
		const uint32_t here = distance(cluster, object);
		if (here < best_distance) {
			best = i + 1;
			best_distance = here;
		}
	}
	return best;
}

/* A new cluster: led by @p object, or a catch-all of its sort. */
static struct ul_error *new_cluster(struct ul_clusters *clusters,
				    const struct ul_pattern_object *object, bool various,
				    size_t index, size_t *ret)
{
	UL_CLEANUP_FREE ul_word_code *codes = NULL;
	if (!various) {
		codes = malloc(sizeof(*codes) * object->words);
		if (!codes)
			return &ul_enomem;
		memcpy(codes, object->codes, sizeof(*codes) * object->words);
	}
	struct ul_cluster *cluster = ul_vec_add(&clusters->items);
	if (!cluster)
		return &ul_enomem;
	cluster->by_text = object->by_text;
	cluster->example = index;
	cluster->example_lead = object->lead_bytes;
	cluster->words = object->words;
	cluster->nonzero_words = object->nonzero_words;
	cluster->head_len = object->head_len;
	memcpy(cluster->head, object->head, sizeof(cluster->head));
	cluster->codes = UL_TAKE(codes);
	*ret = clusters->items.len - 1;
	return NULL;
}

static struct ul_error *choose(struct ul_clusters *clusters, const struct ul_pattern_object *object,
			       size_t index, size_t *ret)
{
	const size_t found = nearest(clusters, object);
	if (found) {
		*ret = found - 1;
		return NULL;
	}
	size_t *of_sort = object->by_text ? &clusters->by_text : &clusters->by_structure;
	size_t *various = &clusters->various[object->by_text];
	if (*of_sort < UL_PATTERN_CLUSTERS_MAX) {
		UL_TRY(new_cluster(clusters, object, false, index, ret));
		++*of_sort;
		return NULL;
	}
	if (!*various) {
		UL_TRY(new_cluster(clusters, object, true, index, ret));
		*various = *ret + 1;
	}
	*ret = *various - 1;
	return NULL;
}

static bool tally(struct ul_cluster *cluster, const struct ul_pattern_object *object)
{
	while (cluster->tallies.len < object->words)
		if (!ul_vec_add(&cluster->tallies))
			return false;
	for (uint32_t i = 0; i < object->words; i++) {
		struct ul_word_tally *word = &cluster->tallies.data[i];
		const uint32_t symbol = object->codes[i] >> 8;
		word->kinds[ul_code_kind(object->codes[i])]++;
		if (symbol && !word->symbol)
			word->symbol = symbol;
		word->symbol_objects += symbol && symbol == word->symbol;
	}
	return true;
}

struct ul_error *ul_clusters_add(struct ul_clusters *clusters,
				 const struct ul_pattern_object *object, size_t index, size_t *ret)
{
	size_t at;
	UL_TRY(choose(clusters, object, index, &at));
	struct ul_cluster *cluster = &clusters->items.data[at];
	if (!tally(cluster, object))
		return &ul_enomem;
	cluster->objects++;
	cluster->nonzero_bytes += object->nonzero_bytes;
	cluster->text_bytes += object->text_bytes;
	// Of texts show a long one: the words at its end are missing in shorter ones.
	if (cluster->by_text && cluster->example_lead < UL_PATTERN_TEXT_BYTES &&
	    object->lead_bytes > cluster->example_lead) {
		cluster->example = index;
		cluster->example_lead = object->lead_bytes;
	}
	*ret = at;
	return NULL;
}

void ul_clusters_deinit(struct ul_clusters *clusters)
{
	ul_vec_foreach (cluster, &clusters->items) {
		free(cluster->codes);
		ul_vec_deinit(&cluster->tallies);
	}
	ul_vec_deinit(&clusters->items);
}
