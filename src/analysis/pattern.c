// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What do these objects hold, and how many of them agree?
 *
 * Leaked objects come in thousands from one place, so their contents agree, though not in bytes:
 * addresses, counters and digits differ from one to the next. So every word is first decoded to a
 * kind (pattern_words.c), objects are clustered by kinds (pattern_cluster.c), and each cluster is
 * told by its telling words: symbols (operations tables and callbacks name the code that made the
 * object), text, pointers into itself. Every word says what share of the cluster agrees in it, so
 * that a cluster that was drawn too wide shows.
 *
 * Texts of one cluster need only agree in shape; the text shown is the example's. Within structures
 * a text is shown as far as all objects agree in its bytes.
 *
 * Pointers into the heap are all alike when objects are compared. Where a pattern is described and
 * a resolver is given, its objects are asked once more what each such word leads to, and the answer
 * of most is told: "+0x10: pointer into dentry +0x58, 97 %".
 *
 * Errs: two types with the same kinds at the same places and no symbol in either are taken for one;
 * one type whose texts begin differently (path names) falls into several patterns.
 */
#include "analysis/pattern.h"

#include <string.h>

#include "analysis/pattern_internal.h"
#include "base/buf.h"

enum {
	EXAMPLE_BYTES = 256, /**< for the hexdump */
	WORDS_SHOWN = 64,    /**< telling words of a pattern */
	POINTERS_SHOWN = 8,  /**< pointers without a symbol tell little */
	COMMON_TEXT_MIN = 4, /**< bytes; less is chance */
};

/* Everything one analysis works with. */
struct work {
	const struct ul_object_bytes *objects;
	size_t count;
	const struct ul_pattern_resolver *resolver; /**< may be NULL */
	struct ul_pattern_symbols symbols;
	struct ul_pattern_object object; /**< the one being decoded */
	struct ul_clusters clusters;
	uint32_t *cluster_of; /**< by object: index + 1; 0: unreadable */
};

static void work_destroy(struct work *work)
{
	if (!work)
		return;
	ul_pattern_symbols_deinit(&work->symbols);
	ul_clusters_deinit(&work->clusters);
	free(work->cluster_of);
	free(work);
}
UL_DEFINE_CLEANUP(cleanup_work, struct work, work_destroy);

static struct ul_error *work_create(const struct ul_object_bytes *objects, size_t count,
				    const struct ul_symtab *symtab, struct work **ret)
{
	UL_CLEANUP(cleanup_work) struct work *work = calloc(1, sizeof(*work));
	if (!work)
		return &ul_enomem;
	work->objects = objects;
	work->count = count;
	work->cluster_of = calloc(count ? count : 1, sizeof(*work->cluster_of));
	if (!work->cluster_of)
		return &ul_enomem;
	UL_TRY(ul_pattern_symbols_init(&work->symbols, symtab));
	*ret = UL_TAKE(work);
	return NULL;
}

static struct ul_error *cluster_all(struct work *work, struct ul_patterns *patterns)
{
	for (size_t i = 0; i < work->count; i++) {
		const struct ul_object_bytes *bytes = &work->objects[i];
		size_t at;
		if (bytes->len < 8) {
			patterns->objects_unreadable++;
			continue;
		}
		if (!ul_pattern_decode(bytes, &work->symbols, &work->object))
			return &ul_enomem;
		UL_TRY(ul_clusters_add(&work->clusters, &work->object, i, &at));
		work->cluster_of[i] = (uint32_t)at + 1;
		patterns->objects_read++;
		if (bytes->len > patterns->object_bytes)
			patterns->object_bytes =
				bytes->len < UINT32_MAX ? (uint32_t)bytes->len : UINT32_MAX;
	}
	return NULL;
}

/* Objects of the cluster that are long enough to have this word. */
static uint32_t tally_objects(const struct ul_word_tally *word)
{
	uint32_t sum = 0;
	for (size_t kind = 0; kind < UL_PATTERN_KINDS; kind++)
		sum += word->kinds[kind];
	return sum;
}

static enum ul_word_kind most_of(const struct ul_word_tally *word)
{
	size_t best = 0;
	for (size_t kind = 1; kind < UL_PATTERN_KINDS; kind++)
		if (word->kinds[kind] > word->kinds[best])
			best = kind;
	return (enum ul_word_kind)best;
}

/* What most of the words are that are not zero; texts are weighed by bytes. */
static enum ul_word_kind kind_of(const struct ul_cluster *cluster)
{
	uint64_t sums[UL_PATTERN_KINDS] = {0};
	uint64_t all = 0;
	size_t best = UL_WORD_MIXED;
	if (cluster->by_text ||
	    (cluster->text_bytes && cluster->text_bytes > cluster->nonzero_bytes / 2))
		return UL_WORD_TEXT;
	if (!cluster->nonzero_bytes)
		return UL_WORD_ZERO;
	ul_vec_foreach (word, &cluster->tallies)
		for (size_t kind = 0; kind < UL_PATTERN_KINDS; kind++)
			if (kind != UL_WORD_ZERO) {
				sums[kind] += word->kinds[kind];
				all += word->kinds[kind];
			}
	for (size_t kind = 0; kind < UL_PATTERN_KINDS; kind++)
		if (sums[kind] > all / 2)
			best = kind;
	return (enum ul_word_kind)best;
}

static char *symbol_text(const struct ul_symbol *symbol)
{
	char *text = NULL;
	if (!symbol->module)
		return strdup(symbol->name);
	return asprintf(&text, "%s [%s]", symbol->name, symbol->module) < 0 ? NULL : text;
}

/* Does a word of this kind tell what the object is? */
static bool is_telling(enum ul_word_kind kind, enum ul_word_kind before, size_t *pointers)
{
	switch (kind) {
	case UL_WORD_SYMBOL:
	case UL_WORD_SELF:
		return true;
	case UL_WORD_TEXT:
		return before != UL_WORD_TEXT;
	case UL_WORD_KERNEL:
		return (*pointers)++ < POINTERS_SHOWN;
	case UL_WORD_ZERO:
	case UL_WORD_SMALL:
	case UL_WORD_OTHER:
	case UL_WORD_MIXED:
	case UL_WORD_CACHE:
	case UL_WORD_PAGE:
	case UL_WORD_VMALLOC:
		break;
	}
	return false;
}

/* What the word at @p offset of object @p index leads to, if it is told. */
static bool resolve(const struct work *work, size_t index, size_t offset,
		    struct ul_pattern_target *ret)
{
	const struct ul_object_bytes *object = &work->objects[index];
	uint64_t value;
	if (offset + sizeof(value) > object->len)
		return false;
	memcpy(&value, object->bytes + offset, sizeof(value));
	return value && value - object->kaddr >= object->len &&
	       work->resolver->resolve(work->resolver->context, value, ret);
}

static bool same_target(const struct ul_pattern_target *a, const struct ul_pattern_target *b)
{
	return a->kind == b->kind && a->offset == b->offset && !strcmp(a->name, b->name);
}

/*
 * What most objects of cluster @p number point to at @p offset: the candidate of a majority vote,
 * then counted. Returns how many do; 0: no majority.
 */
static uint32_t most_pointed(const struct work *work, size_t number, size_t offset,
			     struct ul_pattern_target *ret)
{
	struct ul_pattern_target target;
	uint32_t votes = 0;
	uint32_t count = 0;
	for (size_t i = 0; i < work->count; i++) {
		if (work->cluster_of[i] != number + 1 || !resolve(work, i, offset, &target))
			continue;
		if (!votes)
			*ret = target;
		votes += same_target(&target, ret) ? 1 : -1U;
	}
	for (size_t i = 0; votes && i < work->count; i++)
		count += work->cluster_of[i] == number + 1 && resolve(work, i, offset, &target) &&
			 same_target(&target, ret);
	return count;
}

/* Say what the word leads to where most objects agree in that. */
static struct ul_error *name_target(const struct work *work, size_t number, uint32_t objects,
				    struct ul_pattern_word *word)
{
	struct ul_pattern_target target = {.kind = UL_WORD_KERNEL};
	if (!work->resolver)
		return NULL;
	const uint32_t agree = most_pointed(work, number, word->offset, &target);
	if (!agree || agree * 2ULL < objects)
		return NULL;
	word->target = strdup(target.name);
	if (!word->target)
		return &ul_enomem;
	word->kind = target.kind;
	word->target_offset = target.offset;
	word->share = (double)agree / (double)objects;
	return NULL;
}

static struct ul_error *add_words(const struct work *work, size_t number,
				  struct ul_pattern *pattern)
{
	const struct ul_cluster *cluster = &work->clusters.items.data[number];
	enum ul_word_kind before = UL_WORD_ZERO;
	size_t pointers = 0;
	for (size_t i = 0; i < cluster->tallies.len && pattern->words.len < WORDS_SHOWN; i++) {
		const struct ul_word_tally *tally = &cluster->tallies.data[i];
		const enum ul_word_kind kind = most_of(tally);
		const uint32_t objects = tally_objects(tally);
		uint32_t agree = tally->kinds[kind];
		const bool telling = is_telling(kind, before, &pointers);
		before = kind;
		if (!telling || agree * 2ULL < objects)
			continue;
		struct ul_pattern_word *word = ul_vec_add(&pattern->words);
		if (!word)
			return &ul_enomem;
		word->offset = (uint32_t)i * 8;
		word->kind = kind;
		// One name stands for the word only if (nearly) all who have a symbol have this
		// one.
		if (kind == UL_WORD_SYMBOL && tally->symbol_objects == agree) {
			word->symbol = symbol_text(&work->symbols.seen.data[tally->symbol - 1]);
			if (!word->symbol)
				return &ul_enomem;
		}
		word->share = (double)agree / (double)objects;
		if (kind == UL_WORD_KERNEL)
			UL_TRY(name_target(work, number, objects, word));
	}
	return NULL;
}

static char *escape(const uint8_t *bytes, size_t len)
{
	struct ul_buf text = {0};
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n')
			ul_buf_puts(&text, "\\n");
		else if (bytes[i] == '\t')
			ul_buf_puts(&text, "\\t");
		else if (bytes[i] >= ' ' && bytes[i] <= '~')
			ul_buf_putc(&text, (char)bytes[i]);
		else
			ul_buf_printf(&text, "\\x%02x", bytes[i]);
	}
	if (text.failed)
		ul_buf_deinit(&text);
	return text.data;
}

/* The longest stretch of words that are text in most objects: its first word, and how many. */
static void longest_text(const struct ul_cluster *cluster, size_t *ret_first, size_t *ret_len)
{
	size_t run = 0;
	*ret_first = *ret_len = 0;
	for (size_t i = 0; i < cluster->tallies.len; i++) {
		run = most_of(&cluster->tallies.data[i]) == UL_WORD_TEXT ? run + 1 : 0;
		if (run > *ret_len) {
			*ret_len = run;
			*ret_first = i + 1 - run;
		}
	}
}

/* How many bytes from @p at all objects of cluster @p number have in common with its example. */
static size_t common_text(const struct work *work, size_t number, size_t at)
{
	const struct ul_object_bytes *example =
		&work->objects[work->clusters.items.data[number].example];
	if (at >= example->len)
		return 0;
	size_t common = ul_pattern_lead(example->bytes + at, example->len - at);
	if (common > UL_PATTERN_TEXT_BYTES)
		common = UL_PATTERN_TEXT_BYTES;
	for (size_t i = 0; i < work->count && common; i++) {
		const struct ul_object_bytes *object = &work->objects[i];
		if (work->cluster_of[i] != number + 1)
			continue;
		size_t same = 0;
		while (same < common && at + same < object->len &&
		       object->bytes[at + same] == example->bytes[at + same])
			same++;
		common = same;
	}
	return common;
}

static struct ul_error *add_text(const struct work *work, size_t number, struct ul_pattern *pattern)
{
	const struct ul_cluster *cluster = &work->clusters.items.data[number];
	const struct ul_object_bytes *example = &work->objects[cluster->example];
	size_t first;
	size_t words;
	size_t len = 0;
	longest_text(cluster, &first, &words);
	if (cluster->by_text && cluster->codes) {
		first = 0;
		len = ul_pattern_lead(example->bytes, example->len);
		if (len > UL_PATTERN_TEXT_BYTES)
			len = UL_PATTERN_TEXT_BYTES;
	} else if (words) {
		len = common_text(work, number, first * 8);
	}
	if (len < COMMON_TEXT_MIN)
		return NULL;
	pattern->text = escape(example->bytes + first * 8, len);
	return pattern->text ? NULL : &ul_enomem;
}

static struct ul_error *describe(const struct work *work, size_t number, struct ul_patterns *ret)
{
	const struct ul_cluster *cluster = &work->clusters.items.data[number];
	const struct ul_object_bytes *example = &work->objects[cluster->example];
	const size_t shown = example->len < EXAMPLE_BYTES ? example->len : EXAMPLE_BYTES;
	struct ul_pattern *pattern = ul_vec_add(&ret->items);
	if (!pattern)
		return &ul_enomem;
	pattern->objects = cluster->objects;
	pattern->share = (double)cluster->objects / (double)ret->objects_read;
	pattern->kind = kind_of(cluster);
	pattern->example = example->kaddr;
	if (!ul_vec_reserve(&pattern->bytes, shown))
		return &ul_enomem;
	memcpy(pattern->bytes.data, example->bytes, shown);
	pattern->bytes.len = shown;
	UL_TRY(add_words(work, number, pattern));
	return add_text(work, number, pattern);
}

static int compare_patterns(const void *a, const void *b)
{
	const struct ul_pattern *left = a;
	const struct ul_pattern *right = b;
	if (left->objects != right->objects)
		return left->objects < right->objects ? 1 : -1;
	return (left->example > right->example) - (left->example < right->example);
}

struct ul_error *ul_pattern_analyse(const struct ul_object_bytes *objects, size_t count,
				    const struct ul_symtab *symtab, struct ul_patterns *ret)
{
	return ul_pattern_analyse_resolved(objects, count, symtab, NULL, ret);
}

struct ul_error *ul_pattern_analyse_resolved(const struct ul_object_bytes *objects, size_t count,
					     const struct ul_symtab *symtab,
					     const struct ul_pattern_resolver *resolver,
					     struct ul_patterns *ret)
{
	return ul_pattern_sort_out(objects, count, symtab, resolver, NULL, ret);
}

/* Patterns were sorted: which one is each cluster? An example is in one cluster only. */
static void tell_patterns(const struct work *work, const struct ul_patterns *patterns,
			  uint32_t *ret)
{
	uint32_t pattern_of[2 * UL_PATTERN_CLUSTERS_MAX + 2] = {0};
	for (size_t i = 0; i < work->clusters.items.len; i++) {
		const size_t example = work->clusters.items.data[i].example;
		for (size_t k = 0; k < patterns->items.len; k++)
			if (patterns->items.data[k].example == work->objects[example].kaddr &&
			    patterns->items.data[k].objects == work->clusters.items.data[i].objects)
				pattern_of[i] = (uint32_t)k;
	}
	for (size_t i = 0; i < work->count; i++)
		ret[i] = work->cluster_of[i] ? pattern_of[work->cluster_of[i] - 1] : UINT32_MAX;
}

struct ul_error *ul_pattern_sort_out(const struct ul_object_bytes *objects, size_t count,
				     const struct ul_symtab *symtab,
				     const struct ul_pattern_resolver *resolver,
				     uint32_t *ret_pattern_of, struct ul_patterns *ret)
{
	UL_CLEANUP(cleanup_work) struct work *work = NULL;
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	*ret = patterns;
	if (count >= UINT32_MAX)
		return ul_error_new(UL_ERR_LIMIT, "contents of %zu objects, at most %u", count,
				    UINT32_MAX - 1);
	UL_TRY(work_create(objects, count, symtab, &work));
	work->resolver = resolver;
	UL_TRY(cluster_all(work, &patterns));
	for (size_t i = 0; i < work->clusters.items.len; i++)
		UL_TRY(describe(work, i, &patterns));
	if (patterns.items.len)
		qsort(patterns.items.data, patterns.items.len, sizeof(*patterns.items.data),
		      compare_patterns);
	if (ret_pattern_of)
		tell_patterns(work, &patterns, ret_pattern_of);
	*ret = patterns;
	patterns = (struct ul_patterns){0};
	return NULL;
}
