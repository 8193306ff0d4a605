// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ranking known fixes by what is under suspicion.
 *
 * A fix is described by the functions and files it touches and by its title; a suspect by its name,
 * its file and how near to the loss it is. What both have in common counts by its rarity among the
 * fixes, log(N / df): kfree is in hundreds and says nothing, qxl_release is in two.
 *
 *   whole function names     counted fully, twice where the title names the function; of a record
 *                            with many functions (a stack in its text) each counts less
 *   source file, module      + 3, the directory + 0.8
 *   words                    parts of names (vc_allocate -> vc, allocate) that stand in the title:
 *                            less, for half of the records have nothing but a title
 *
 * Suspects that name nothing of a fix do not speak against it. Errs: common words of one subsystem
 * give its fixes a low score each; the threshold keeps these out.
 */
#include "analysis/fixes.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/entry_frames.h"
#include "analysis/sites.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/span.h"

enum {
	MOST_DEFAULT = 5,
	TERMS_MAX = 2048, /**< of one query: beyond, suspects are left out */
	TERM_SLOTS = 8192,
	WORD_MIN = 2,
	WITNESSES_MAX = 64,
	FUNCTIONS_FULL = 4, /**< functions a record may have before each counts less */
};

static const double title_factor = 2.0;
static const double word_factor = 0.7;
static const double prefix_factor = 1.0; /**< words before the title's last colon: the subsystem */
static const double function_decay = 0.7;
static const double word_decay = 0.7;
static const double file_bonus = 3.0;
static const double directory_bonus = 0.8;
static const double series_factor = 1.25;

/** Something a fix may have in common with the query. */
struct term {
	struct ul_span text;
	bool function;	  /**< a whole name, else a word of one */
	double weight;	  /**< the largest of the suspects it is from */
	uint32_t fixes;	  /**< that have it */
	uint32_t seen_in; /**< last fix counted, plus one */
};

struct terms {
	struct term items[TERMS_MAX];
	size_t len;
	uint16_t slots[TERM_SLOTS]; /**< index plus one; 0: empty */
};

static struct term *look_up(struct terms *terms, struct ul_span text, bool function, bool add)
{
	size_t at = ul_hash_bytes(function, text.data, text.len) % TERM_SLOTS;
	for (; terms->slots[at]; at = (at + 1) % TERM_SLOTS) {
		struct term *term = &terms->items[terms->slots[at] - 1];
		if (term->function == function && term->text.len == text.len &&
		    !memcmp(term->text.data, text.data, text.len))
			return term;
	}
	if (!add || terms->len == TERMS_MAX)
		return NULL;
	terms->items[terms->len] = (struct term){.text = text, .function = function};
	terms->slots[at] = (uint16_t)++terms->len;
	return &terms->items[terms->len - 1];
}

/**
 * Next word of a name or a title: letters and digits, lower case only in what is compared, so
 * titles are compared in a lower-case copy.
 */
static bool next_word(struct ul_span *rest, struct ul_span *ret)
{
	while (rest->len && !isalnum((unsigned char)*rest->data)) {
		rest->data++;
		rest->len--;
	}
	*ret = (struct ul_span){.data = rest->data};
	while (rest->len && isalnum((unsigned char)*rest->data)) {
		rest->data++;
		rest->len--;
		ret->len++;
	}
	return ret->len > 0;
}

static void add_words(struct terms *terms, const char *name, double weight)
{
	struct ul_span rest = ul_span_of(name);
	struct ul_span word;
	while (next_word(&rest, &word)) {
		struct term *term = word.len < WORD_MIN ? NULL : look_up(terms, word, false, true);
		if (term && term->weight < weight)
			term->weight = weight;
	}
}

/** On stacks of all sorts: says how the kernel was entered, or that memory was asked for. */
static bool is_everywhere(const char *function)
{
	return ul_entry_frame(function) || ul_sites_is_allocator(function);
}

static void add_suspects(struct terms *terms, const struct ul_fix_query *query)
{
	for (size_t i = 0; i < query->suspects_len; i++) {
		const struct ul_fix_suspect *suspect = &query->suspects[i];
		if (query->suspects_len > 1 && is_everywhere(suspect->function))
			continue;
		struct term *term = look_up(terms, ul_span_of(suspect->function), true, true);
		if (term && term->weight < suspect->weight)
			term->weight = suspect->weight;
		add_words(terms, suspect->function, suspect->weight);
		if (suspect->module)
			add_words(terms, suspect->module, suspect->weight);
	}
}

/** A fix in the form in which terms are looked up. */
struct view {
	const struct ul_fix *fix;
	uint32_t number; /**< from 1 */
	char title[512]; /**< lower case */
};

static void see(struct view *view, const struct ul_fix *fix, size_t index)
{
	size_t i = 0;
	view->fix = fix;
	view->number = (uint32_t)index + 1;
	for (; fix->title[i] && i + 1 < sizeof(view->title); i++)
		view->title[i] = (char)tolower((unsigned char)fix->title[i]);
	view->title[i] = 0;
}

/** Count the fix for every term it has, once. */
static void count_terms(struct terms *terms, const struct view *view)
{
	struct ul_span rest = ul_span_of(view->title);
	struct ul_span word;
	for (uint32_t i = 0; i < view->fix->functions_len; i++) {
		struct term *term =
			look_up(terms, ul_span_of(view->fix->functions[i].name), true, false);
		if (term && term->seen_in != view->number) {
			term->seen_in = view->number;
			term->fixes++;
		}
	}
	while (next_word(&rest, &word)) {
		struct term *term = look_up(terms, word, false, false);
		if (term && term->seen_in != view->number) {
			term->seen_in = view->number;
			term->fixes++;
		}
	}
}

static double rarity(const struct term *term, size_t fixes)
{
	return log((double)(fixes + 1) / (double)(term->fixes ? term->fixes : 1));
}

static void say(struct ul_buf *why, const char *what, struct ul_span name)
{
	ul_buf_printf(why, "%s%s%.*s", why->len ? ", " : "", what, UL_SPAN_ARG(name));
}

/**
 * What several witnesses of one sort say together: they are not independent (frames of one stack,
 * words of one subsystem), so each adds less than the one before it, the strongest counting fully.
 */
struct witnesses {
	double values[WITNESSES_MAX];
	size_t len;
};

static void add_witness(struct witnesses *witnesses, double value)
{
	size_t at = witnesses->len;
	if (at == WITNESSES_MAX)
		return;
	for (; at && witnesses->values[at - 1] < value; at--)
		witnesses->values[at] = witnesses->values[at - 1];
	witnesses->values[at] = value;
	witnesses->len++;
}

static double sum_of(const struct witnesses *witnesses, double decay)
{
	double sum = 0;
	double factor = 1;
	for (size_t i = 0; i < witnesses->len; i++, factor *= decay)
		sum += factor * witnesses->values[i];
	return sum;
}

static double score_functions(struct terms *terms, const struct view *view, size_t fixes,
			      struct ul_buf *why)
{
	const struct ul_fix *fix = view->fix;
	struct witnesses named = {.len = 0};
	struct witnesses touched = {.len = 0};
	const double share = fix->functions_len > FUNCTIONS_FULL
				     ? sqrt((double)FUNCTIONS_FULL / fix->functions_len)
				     : 1;
	for (uint32_t i = 0; i < fix->functions_len; i++) {
		const struct ul_span name = ul_span_of(fix->functions[i].name);
		const struct term *term = look_up(terms, name, true, false);
		if (!term || term->weight <= 0)
			continue;
		const double value = term->weight * rarity(term, fixes);
		if (fix->functions[i].in_title)
			add_witness(&named, value * title_factor);
		else
			add_witness(&touched, value * share);
		say(why, fix->functions[i].in_title ? "its title names " : "it touches ", name);
	}
	return sum_of(&named, function_decay) + sum_of(&touched, function_decay);
}

static double score_words(struct terms *terms, const struct view *view, size_t fixes,
			  struct ul_buf *why)
{
	struct witnesses witnesses = {.len = 0};
	struct ul_span rest = ul_span_of(view->title);
	struct ul_span word;
	struct ul_buf words UL_CLEANUP_BUF = {0};
	const uint32_t mark = view->number | 1U << 31; // not to be taken for the count's own
	size_t prefix_end = 0;
	for (size_t at = 0; view->title[at]; at++)
		if (view->title[at] == ':')
			prefix_end = at;
	while (next_word(&rest, &word)) {
		struct term *term = look_up(terms, word, false, false);
		if (!term || term->seen_in == mark || term->weight <= 0)
			continue;
		term->seen_in = mark;
		const bool prefix = (size_t)(word.data - view->title) < prefix_end;
		add_witness(&witnesses, (prefix ? prefix_factor : word_factor) * term->weight *
						rarity(term, fixes));
		ul_buf_printf(&words, "%s%.*s", words.len ? " " : "", UL_SPAN_ARG(word));
	}
	if (words.len)
		say(why, "words of its title: ", (struct ul_span){words.data, words.len});
	return sum_of(&witnesses, word_decay);
}

/** "kernel/sched/stats.c" is the end of "/build/linux/kernel/sched/stats.c". */
static bool ends_with(const char *path, const char *end)
{
	const size_t path_len = strlen(path);
	const size_t end_len = strlen(end);
	return path_len >= end_len && !strcmp(path + path_len - end_len, end) &&
	       (path_len == end_len || path[path_len - end_len - 1] == '/');
}

static bool same_directory(const char *path, const char *file)
{
	const char *end = strrchr(file, '/');
	char directory[256];
	if (!end || (size_t)(end - file) + 2 > sizeof(directory))
		return false;
	ul_span_copy((struct ul_span){.data = file, .len = (size_t)(end - file)}, directory,
		     sizeof(directory));
	const char *last = strrchr(path, '/');
	char of_path[512];
	if (!last || (size_t)(last - path) + 2 > sizeof(of_path))
		return false;
	ul_span_copy((struct ul_span){.data = path, .len = (size_t)(last - path)}, of_path,
		     sizeof(of_path));
	return ends_with(of_path, directory);
}

/** Module qxl and drivers/gpu/drm/qxl/qxl_display.c: a file or a directory has its name. */
static bool is_of_module(const char *file, const char *module)
{
	struct ul_span rest = ul_span_of(file);
	struct ul_span part;
	while (rest.len) {
		if (!ul_span_cut(&rest, '/', &part)) {
			part = rest;
			rest.len = 0;
			if (part.len > 2)
				part.len -= 2; // .c
		}
		size_t i = 0;
		while (i < part.len && module[i] &&
		       (part.data[i] == module[i] || (part.data[i] == '-' && module[i] == '_')))
			i++;
		if (i == part.len && !module[i])
			return true;
	}
	return false;
}

static double score_files(const struct ul_fix_query *query, const struct ul_fix *fix,
			  struct ul_buf *why)
{
	double best = 0;
	const char *best_file = NULL;
	for (uint32_t f = 0; f < fix->files_len; f++) {
		for (size_t i = 0; i < query->suspects_len; i++) {
			const struct ul_fix_suspect *suspect = &query->suspects[i];
			double score = 0;
			if ((suspect->file && ends_with(suspect->file, fix->files[f])) ||
			    (suspect->module && is_of_module(fix->files[f], suspect->module)))
				score = file_bonus;
			else if (suspect->file && same_directory(suspect->file, fix->files[f]))
				score = directory_bonus;
			if (score * suspect->weight > best) {
				best = score * suspect->weight;
				best_file = fix->files[f];
			}
		}
	}
	if (best_file)
		say(why, "near ", ul_span_of(best_file));
	return best;
}

static const struct ul_version *fixed_in_series(const struct ul_fix *fix, struct ul_version version)
{
	for (uint32_t i = 0; i < fix->fixed_len; i++)
		if (ul_version_same_series(fix->fixed[i], version))
			return &fix->fixed[i];
	return NULL;
}

static bool has_no_fix_in_series(const struct ul_fix *fix, struct ul_version version)
{
	for (uint32_t i = 0; i < fix->not_fixed_len; i++)
		if (ul_version_same_series(fix->not_fixed[i], version))
			return true;
	return false;
}

/** Every later series has what mainline had when it began. */
static bool series_has_mainline(struct ul_version version, struct ul_version mainline)
{
	const struct ul_version release = {.major = version.major,
					   .minor = version.minor,
					   .patch = version.major > 2 ? 0 : version.patch,
					   .rc = version.rc};
	return ul_version_compare(release, mainline) >= 0;
}

static void answer(struct ul_fix_match *match, enum ul_in_kernel in_kernel, const char *format,
		   struct ul_version version)
{
	char text[UL_VERSION_TEXT];
	match->in_kernel = in_kernel;
	ul_version_format(text, version);
	snprintf(match->in_kernel_why, sizeof(match->in_kernel_why), "%s%s", format,
		 version.major ? text : "");
}

void ul_fix_in_kernel(const struct ul_fix *fix, const struct ul_kernel_version *kernel,
		      struct ul_fix_match *match)
{
	static const struct ul_version none = {0};
	const struct ul_version version = kernel->version;
	const struct ul_version *fixed = version.major ? fixed_in_series(fix, version) : NULL;
	// No: only of who carries no patches but those its number tells, or whose changelog is
	// read.
	const bool patches_known = kernel->vendor != UL_VENDOR_UNKNOWN && !version.rc;
	match->fixed_in_series = fixed ? *fixed : none;
	if (!version.major)
		answer(match, UL_IN_KERNEL_UNKNOWN, "the kernel's version is not known", none);
	else if (fixed && ul_version_compare(version, *fixed) >= 0)
		answer(match, UL_IN_KERNEL_YES, "in its series since ", *fixed);
	else if (fix->mainline.major && series_has_mainline(version, fix->mainline))
		answer(match, UL_IN_KERNEL_YES, "in mainline since ", fix->mainline);
	else if (fix->introduced.major && !version.rc &&
		 ul_version_compare(version, fix->introduced) < 0)
		answer(match, UL_IN_KERNEL_NOT_AFFECTED, "the bug came with ", fix->introduced);
	else if (fixed && patches_known)
		answer(match, UL_IN_KERNEL_NO, "in its series only since ", *fixed);
	else if (has_no_fix_in_series(fix, version) && patches_known)
		answer(match, UL_IN_KERNEL_NO, "no release of its series is known to have it",
		       none);
	else if (fixed)
		answer(match, UL_IN_KERNEL_UNKNOWN,
		       "its vendor's own patches are not known; upstream has it since ", *fixed);
	else
		answer(match, UL_IN_KERNEL_UNKNOWN, "no release of its series is known to have it",
		       none);
}

/** A fix that this kernel has, or never needed, is not what it lacks now. */
static double order_of(const struct ul_fix_match *match)
{
	switch (match->in_kernel) {
	case UL_IN_KERNEL_NO:
		return match->score * series_factor;
	case UL_IN_KERNEL_YES:
	case UL_IN_KERNEL_NOT_AFFECTED:
		return match->score / series_factor / series_factor;
	case UL_IN_KERNEL_UNKNOWN:
		break;
	}
	return match->fixed_in_series.major ? match->score * series_factor : match->score;
}

static int by_score(const void *a, const void *b)
{
	const struct ul_fix_match *left = a;
	const struct ul_fix_match *right = b;
	const double left_order = order_of(left);
	const double right_order = order_of(right);
	if (left_order != right_order)
		return left_order < right_order ? 1 : -1;
	return strcmp(left->fix->title, right->fix->title);
}

/** Score of one fix; @p why says what it is made of. */
static double score(struct terms *terms, const struct ul_fix_query *query, const struct view *view,
		    size_t fixes, struct ul_buf *why)
{
	double sum = score_functions(terms, view, fixes, why);
	sum += score_words(terms, view, fixes, why);
	if (sum > 0)
		sum += score_files(query, view->fix, why);
	return sum;
}

/** Keep the best `most`; the worst of them goes when a better one comes. */
static struct ul_error *keep(struct ul_fix_matches *matches, size_t most,
			     const struct ul_kernel_version *kernel, const struct ul_fix *fix,
			     double points, struct ul_buf *why)
{
	struct ul_fix_match match = {.fix = fix, .score = points};
	ul_fix_in_kernel(fix, kernel, &match);
	if (why->failed)
		return &ul_enomem;
	match.why = UL_TAKE(why->data);
	*why = (struct ul_buf){0};
	if (!ul_vec_push(&matches->items, match)) {
		free(match.why);
		return &ul_enomem;
	}
	qsort(matches->items.data, matches->items.len, sizeof(match), by_score);
	if (matches->items.len > most)
		free(matches->items.data[--matches->items.len].why);
	return NULL;
}

struct ul_error *ul_fixes_rank(const struct ul_fixes *fixes, const struct ul_fix_query *query,
			       struct ul_fix_matches *ret)
{
	memset(ret, 0, sizeof(*ret));
	struct terms *terms UL_CLEANUP_FREE = calloc(1, sizeof(*terms));
	struct ul_buf why UL_CLEANUP_BUF = {0};
	const size_t most = query->most ? query->most : MOST_DEFAULT;
	const double threshold = query->threshold > 0 ? query->threshold : UL_FIX_THRESHOLD;
	struct view view;
	if (!terms)
		return &ul_enomem;
	add_suspects(terms, query);
	for (size_t i = 0; i < fixes->items.len; i++) {
		see(&view, &fixes->items.data[i], i);
		count_terms(terms, &view);
	}
	for (size_t i = 0; i < fixes->items.len; i++) {
		see(&view, &fixes->items.data[i], i);
		ul_buf_clear(&why);
		const double points = score(terms, query, &view, fixes->items.len, &why);
		if (points < threshold) {
			ret->best_below = fmax(ret->best_below, points);
			continue;
		}
		UL_TRY(keep(ret, most, &query->kernel, view.fix, points, &why));
	}
	ret->searched = fixes->items.len;
	return NULL;
}
