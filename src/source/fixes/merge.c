// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Facts from several sources become one fix: found again by commit, else by title. A title without
 * a commit joins the record that has one; two commits of one title (a fix that was reverted and
 * came again) stay two.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "source/fixes/fixes_internal.h"

enum { SLOTS_MIN = 1024 };

/** Open addressing: hash of a key -> index of its fix, plus one; 0 is empty. */
struct table {
	uint32_t *slots;
	size_t mask;
	size_t used;
};

struct ul_fix_merger {
	struct ul_fixes *fixes;
	struct table commits;
	struct table titles;
};

static const char *key_of(const struct ul_fix *fix, bool commits)
{
	return commits ? fix->commit : fix->title;
}

static size_t first_slot(const struct table *table, struct ul_span key)
{
	return ul_hash_bytes(1, key.data, key.len) & table->mask;
}

/** Slot of @p key, or the empty one where it belongs. */
static size_t find_slot(const struct ul_fix_merger *merger, const struct table *table,
			struct ul_span key)
{
	const bool commits = table == &merger->commits;
	size_t at = first_slot(table, key);
	while (table->slots[at] &&
	       !ul_span_equal(key,
			      key_of(&merger->fixes->items.data[table->slots[at] - 1], commits)))
		at = (at + 1) & table->mask;
	return at;
}

static bool grow(struct ul_fix_merger *merger, struct table *table)
{
	const size_t slots = table->slots ? (table->mask + 1) * 2 : SLOTS_MIN;
	struct table larger = {.slots = calloc(slots, sizeof(*larger.slots)), .mask = slots - 1};
	if (!larger.slots)
		return false;
	const bool commits = table == &merger->commits;
	for (size_t i = 0; table->slots && i <= table->mask; i++) {
		if (!table->slots[i])
			continue;
		const struct ul_fix *fix = &merger->fixes->items.data[table->slots[i] - 1];
		size_t at = first_slot(&larger, ul_span_of(key_of(fix, commits)));
		while (larger.slots[at])
			at = (at + 1) & larger.mask;
		larger.slots[at] = table->slots[i];
		larger.used++;
	}
	free(table->slots);
	*table = larger;
	return true;
}

static struct ul_error *enter(struct ul_fix_merger *merger, struct table *table, size_t index)
{
	const bool commits = table == &merger->commits;
	const char *key = key_of(&merger->fixes->items.data[index], commits);
	if (!key)
		return NULL;
	if (table->used * 2 >= table->mask && !grow(merger, table))
		return &ul_enomem;
	const size_t at = find_slot(merger, table, ul_span_of(key));
	if (!table->slots[at]) {
		table->slots[at] = (uint32_t)index + 1;
		table->used++;
	}
	return NULL;
}

struct ul_error *ul_fix_merger_create(struct ul_fixes *fixes, struct ul_fix_merger **ret)
{
	struct ul_fix_merger *merger UL_CLEANUP_FIX_MERGER = calloc(1, sizeof(*merger));
	if (!merger)
		return &ul_enomem;
	merger->fixes = fixes;
	if (!grow(merger, &merger->commits) || !grow(merger, &merger->titles))
		return &ul_enomem;
	for (size_t i = 0; i < fixes->items.len; i++) {
		UL_TRY(enter(merger, &merger->commits, i));
		UL_TRY(enter(merger, &merger->titles, i));
	}
	*ret = UL_TAKE(merger);
	return NULL;
}

void ul_fix_merger_destroy(struct ul_fix_merger *merger)
{
	if (!merger)
		return;
	free(merger->commits.slots);
	free(merger->titles.slots);
	free(merger);
}

void ul_fix_merger_dated(struct ul_fix_merger *merger, const char *date)
{
	if (strcmp(date, merger->fixes->date) > 0)
		ul_text_copy(merger->fixes->date, sizeof(merger->fixes->date), date);
}

/** The fix these facts are about, or NULL. */
static struct ul_fix *find(const struct ul_fix_merger *merger, const struct ul_fix_facts *facts)
{
	struct ul_fix *items = merger->fixes->items.data;
	uint32_t found = 0;
	if (facts->commit.len)
		found = merger->commits.slots[find_slot(merger, &merger->commits, facts->commit)];
	if (found)
		return &items[found - 1];
	found = merger->titles.slots[find_slot(merger, &merger->titles, facts->title)];
	if (!found || (facts->commit.len && items[found - 1].commit))
		return NULL;
	return &items[found - 1];
}

static bool has_function(const struct ul_fix *fix, struct ul_span name)
{
	for (uint32_t i = 0; i < fix->functions_len; i++)
		if (ul_span_equal(name, fix->functions[i].name))
			return true;
	return false;
}

static bool in_title(const struct ul_span_list *titles, struct ul_span name)
{
	ul_vec_foreach (item, &titles->items)
		if (item->len == name.len && !memcmp(item->data, name.data, name.len))
			return true;
	return false;
}

static struct ul_error *add_functions(struct ul_fixes *fixes, struct ul_fix *fix,
				      const struct ul_span *names, size_t len,
				      const struct ul_span_list *titles)
{
	struct ul_fix_function *functions =
		ul_arena_alloc(&fixes->arena, (fix->functions_len + len + 1) * sizeof(*functions));
	if (!functions)
		return &ul_enomem;
	if (fix->functions_len)
		memcpy(functions, fix->functions, fix->functions_len * sizeof(*functions));
	fix->functions = functions;
	for (size_t i = 0; i < len; i++) {
		if (has_function(fix, names[i]))
			continue;
		char *name = ul_arena_strdup(&fixes->arena, names[i]);
		if (!name)
			return &ul_enomem;
		functions[fix->functions_len++] = (struct ul_fix_function){
			.name = name, .in_title = in_title(titles, names[i])};
	}
	return NULL;
}

static struct ul_error *add_files(struct ul_fixes *fixes, struct ul_fix *fix,
				  const struct ul_fix_facts *facts)
{
	const char **files = ul_arena_alloc(&fixes->arena, (fix->files_len + facts->files.len + 1) *
								   sizeof(*files));
	if (!files)
		return &ul_enomem;
	if (fix->files_len)
		memcpy(files, fix->files, fix->files_len * sizeof(*files));
	ul_vec_foreach (file, &facts->files) {
		bool known = false;
		for (uint32_t i = 0; i < fix->files_len && !known; i++)
			known = ul_span_equal(*file, files[i]);
		if (known)
			continue;
		files[fix->files_len] = ul_arena_strdup(&fixes->arena, *file);
		if (!files[fix->files_len++])
			return &ul_enomem;
	}
	fix->files = files;
	return NULL;
}

static int by_version(const void *a, const void *b)
{
	return ul_version_compare(*(const struct ul_version *)a, *(const struct ul_version *)b);
}

/** One version for each series: the earlier of two. */
static struct ul_error *unite_versions(struct ul_fixes *fixes, const struct ul_version **list,
				       uint32_t *len, const struct ul_version *more,
				       size_t more_len)
{
	struct ul_version *versions =
		ul_arena_alloc(&fixes->arena, (*len + more_len + 1) * sizeof(*versions));
	if (!versions)
		return &ul_enomem;
	uint32_t count = *len;
	if (count)
		memcpy(versions, *list, count * sizeof(*versions));
	for (size_t i = 0; i < more_len; i++) {
		uint32_t same = 0;
		while (same < count && !ul_version_same_series(versions[same], more[i]))
			same++;
		if (same == count)
			versions[count++] = more[i];
		else if (ul_version_compare(more[i], versions[same]) < 0)
			versions[same] = more[i];
	}
	qsort(versions, count, sizeof(*versions), by_version);
	*list = versions;
	*len = count;
	return NULL;
}

static struct ul_error *set_once(struct ul_fixes *fixes, const char **slot, struct ul_span text)
{
	if (*slot || !text.len)
		return NULL;
	*slot = ul_arena_strdup(&fixes->arena, text);
	return *slot ? NULL : &ul_enomem;
}

/** Tabs and line ends would break the file; titles have none, commas occur. */
static bool can_be_stored(const struct ul_fix_facts *facts)
{
	const struct ul_span title = facts->title;
	return title.len && !memchr(title.data, '\t', title.len) &&
	       !memchr(title.data, '\n', title.len);
}

static struct ul_error *unite(struct ul_fixes *fixes, struct ul_fix *fix,
			      const struct ul_fix_facts *facts)
{
	UL_CLEANUP(ul_fix_span_list_deinit) struct ul_span_list titles = {0};
	UL_TRY(ul_fix_title_functions(ul_span_of(fix->title), &titles));
	UL_TRY(set_once(fixes, &fix->commit, facts->commit));
	UL_TRY(set_once(fixes, &fix->cve, facts->cve));
	UL_TRY(add_functions(fixes, fix, titles.items.data, titles.items.len, &titles));
	UL_TRY(add_functions(fixes, fix, facts->functions.data, facts->functions.len, &titles));
	UL_TRY(add_files(fixes, fix, facts));
	UL_TRY(unite_versions(fixes, &fix->fixed, &fix->fixed_len, facts->fixed.data,
			      facts->fixed.len));
	UL_TRY(unite_versions(fixes, &fix->not_fixed, &fix->not_fixed_len, facts->not_fixed.data,
			      facts->not_fixed.len));
	if (facts->introduced.major)
		fix->introduced = facts->introduced;
	if (facts->mainline.major)
		fix->mainline = facts->mainline;
	fix->sources |= facts->sources;
	return NULL;
}

struct ul_error *ul_fix_merger_add(struct ul_fix_merger *merger, const struct ul_fix_facts *facts)
{
	struct ul_fixes *fixes = merger->fixes;
	if (!can_be_stored(facts))
		return ul_losses_add(&fixes->losses, UL_BIAS_UNDER, 1,
				     "titles with tabs or line ends left out");
	struct ul_fix *fix = find(merger, facts);
	if (fix) {
		UL_TRY(unite(fixes, fix, facts));
		return enter(merger, &merger->commits, (size_t)(fix - fixes->items.data));
	}
	fix = ul_vec_add(&fixes->items);
	if (!fix)
		return &ul_enomem;
	fix->title = ul_arena_strdup(&fixes->arena, facts->title);
	if (!fix->title) {
		fixes->items.len--;
		return &ul_enomem;
	}
	UL_TRY(unite(fixes, fix, facts));
	UL_TRY(enter(merger, &merger->commits, fixes->items.len - 1));
	return enter(merger, &merger->titles, fixes->items.len - 1);
}

/** The facts of a whole fix; the vectors are new, their spans borrowed from @p fix. */
static struct ul_error *facts_of(const struct ul_fix *fix, struct ul_fix_facts *ret)
{
	*ret = (struct ul_fix_facts){
		.title = ul_span_of(fix->title),
		.introduced = fix->introduced,
		.mainline = fix->mainline,
		.sources = fix->sources,
	};
	if (fix->commit)
		ret->commit = ul_span_of(fix->commit);
	if (fix->cve)
		ret->cve = ul_span_of(fix->cve);
	for (uint32_t i = 0; i < fix->functions_len; i++)
		if (!ul_vec_push(&ret->functions, ul_span_of(fix->functions[i].name)))
			return &ul_enomem;
	for (uint32_t i = 0; i < fix->files_len; i++)
		if (!ul_vec_push(&ret->files, ul_span_of(fix->files[i])))
			return &ul_enomem;
	for (uint32_t i = 0; i < fix->fixed_len; i++)
		if (!ul_vec_push(&ret->fixed, fix->fixed[i]))
			return &ul_enomem;
	for (uint32_t i = 0; i < fix->not_fixed_len; i++)
		if (!ul_vec_push(&ret->not_fixed, fix->not_fixed[i]))
			return &ul_enomem;
	return NULL;
}

static void facts_deinit(struct ul_fix_facts *facts)
{
	ul_vec_deinit(&facts->functions);
	ul_vec_deinit(&facts->files);
	ul_vec_deinit(&facts->fixed);
	ul_vec_deinit(&facts->not_fixed);
}

struct ul_error *ul_fixes_unite(struct ul_fixes *fixes, const struct ul_fixes *more)
{
	struct ul_fix_merger *merger UL_CLEANUP_FIX_MERGER = NULL;
	UL_TRY(ul_fix_merger_create(fixes, &merger));
	ul_vec_foreach (fix, &more->items) {
		UL_CLEANUP(facts_deinit) struct ul_fix_facts facts = {0};
		UL_TRY(facts_of(fix, &facts));
		UL_TRY(ul_fix_merger_add(merger, &facts));
	}
	ul_fix_merger_dated(merger, more->date);
	return ul_losses_merge(&fixes->losses, &more->losses);
}
