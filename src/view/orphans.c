// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/orphans.h"

#include <inttypes.h>

#include "base/units.h"
#include "view/document.h"
#include "view/origin.h"
#include "view/site.h"

enum { GROUPS_SHOWN = 20, HANGS_SHOWN = 6, PATTERNS_SHOWN = 1 };

/* ---- JSON ---- */

static void put_weak(struct ul_json *json, const struct ul_orphans *orphans,
		     const struct ul_orphan_group *group)
{
	static const char *const names[] = {"misaligned", "past_end",  "physical", "pfn",
					    "percpu",	  "inherited", "behind"};
	uint64_t counts[UL_ARRAY_LEN(names)] = {0};
	ul_vec_foreach (member, &group->members)
		for (size_t i = 0; i < UL_ARRAY_LEN(names); i++)
			counts[i] += orphans->items.data[*member].weak >> i & 1;
	ul_json_object_begin(json, "weak_references");
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++)
		if (counts[i])
			ul_json_uint(json, names[i], counts[i]);
	ul_json_object_end(json);
}

static void put_group(struct ul_json *json, const struct ul_orphans *orphans,
		      const struct ul_orphan_group *group)
{
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "cache", group->cache);
	ul_json_uint(json, "object_size", group->object_bytes);
	ul_json_uint(json, "orphans", group->orphans);
	ul_json_uint(json, "allocated", group->allocated);
	ul_json_uint(json, "bytes", group->bytes);
	ul_json_uint(json, "retained_bytes", group->retained_bytes);
	ul_json_string(json, "grade", ul_orphan_grade_name(group->grade));
	ul_json_uint(json, "strong", group->strong);
	ul_json_string(json, "role", ul_orphan_role_name(group->role));
	ul_json_string(json, "type", group->type);
	ul_json_string(json, "type_evidence", group->type_evidence);
	ul_json_string(json, "caller", group->caller);
	ul_json_origins(json, &group->origins);
	ul_json_identity(json, group->identity, group->identity_objects, group->identity_looked_at);
	ul_json_refcount(json, "references", &group->refcount);
	ul_json_release(json, "release", &group->release);
	ul_json_string(json, "hint", group->hint);
	put_weak(json, orphans, group);
	ul_json_patterns(json, &group->patterns);
	ul_json_array_begin(json, "examples");
	ul_vec_foreach (kaddr, &group->examples)
		ul_json_address(json, NULL, *kaddr);
	ul_json_array_end(json);
	ul_json_array_begin(json, "hangs_from");
	ul_vec_foreach (from, &group->hangs_from)
		ul_json_uint(json, NULL, *from);
	ul_json_array_end(json);
	ul_json_array_begin(json, "members");
	ul_vec_foreach (member, &group->members)
		ul_json_address(json, NULL, orphans->items.data[*member].kaddr);
	ul_json_array_end(json);
	ul_json_array_begin(json, "weak_members");
	ul_vec_foreach (member, &group->members)
		if (orphans->items.data[*member].grade > UL_ORPHAN_STALE)
			ul_json_address(json, NULL, orphans->items.data[*member].kaddr);
	ul_json_array_end(json);
	ul_json_object_end(json);
}

static void put_suppressed(struct ul_json *json, const struct ul_orphans *orphans)
{
	ul_json_array_begin(json, "suppressed");
	ul_vec_foreach (item, &orphans->suppressed_by) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "rule", item->rule);
		ul_json_string(json, "why", item->why);
		ul_json_bool(json, "built_in", item->built_in);
		ul_json_uint(json, "orphans", item->orphans);
		ul_json_uint(json, "bytes", item->bytes);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

struct ul_error *ul_json_orphans(FILE *out, bool pretty, const struct ul_orphans_view *view)
{
	const struct ul_orphans *orphans = view->orphans;
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "orphans", &view->image->kernel);
	ul_json_object_begin(&json, "image");
	ul_json_string(&json, "kind", view->image->kind);
	ul_json_uint(&json, "bytes", view->image->bytes);
	ul_json_bool(&json, "live", view->image->live);
	ul_json_array_begin(&json, "trust");
	ul_vec_foreach (phrase, &view->image->trust)
		ul_json_string(&json, NULL, *phrase);
	ul_json_array_end(&json);
	ul_json_object_end(&json);
	ul_json_object_begin(&json, "objects");
	ul_json_uint(&json, "allocated", orphans->objects_allocated);
	ul_json_uint(&json, "reachable", orphans->objects_reachable);
	ul_json_uint(&json, "orphans", orphans->objects_orphans);
	ul_json_uint(&json, "unknown", orphans->objects_unknown);
	ul_json_uint(&json, "suppressed", orphans->suppressed);
	ul_json_object_end(&json);
	ul_json_object_begin(&json, "scan");
	ul_json_uint(&json, "bytes", orphans->scan_bytes);
	ul_json_double(&json, "seconds", orphans->scan_seconds);
	ul_json_uint(&json, "threads", orphans->threads);
	ul_json_uint(&json, "looks", view->looks);
	ul_json_uint(&json, "searches", view->searches);
	ul_json_object_end(&json);
	ul_json_array_begin(&json, "groups");
	ul_vec_foreach (group, &orphans->groups)
		put_group(&json, orphans, group);
	ul_json_array_end(&json);
	put_suppressed(&json, orphans);
	return ul_json_document_end(&json, view->losses);
}

/* ---- text ---- */

static void print_head(const struct ul_term *term, const struct ul_orphans_view *view)
{
	const struct ul_orphans *orphans = view->orphans;
	char bytes[UL_UNITS_TEXT];
	char allocated[UL_UNITS_TEXT];
	char orphaned[UL_UNITS_TEXT];
	char scanned[UL_UNITS_TEXT];
	char seconds[UL_UNITS_TEXT];
	struct ul_buf trust UL_CLEANUP_BUF = {0};
	struct ul_buf release UL_CLEANUP_BUF = {0};
	ul_term_escape(&release, view->image->kernel.release);
	ul_term_print(term, UL_STYLE_PLAIN, "%s of %s, %s\n", view->image->live ? "memory" : "dump",
		      ul_buf_str(&release), ul_format_bytes(bytes, (double)view->image->bytes));
	ul_vec_foreach (phrase, &view->image->trust) {
		ul_buf_puts(&trust, trust.len ? "; " : "checked: ");
		ul_term_escape(&trust, *phrase);
	}
	if (trust.len)
		ul_term_wrap(term, UL_STYLE_DIM, 9, ul_buf_str(&trust));
	ul_term_print(term, UL_STYLE_STRONG, "%s of %s allocated objects are orphans",
		      ul_format_count(orphaned, orphans->objects_orphans),
		      ul_format_count(allocated, orphans->objects_allocated));
	ul_term_print(term, UL_STYLE_PLAIN, "; %s scanned in %s by %u thread%s\n",
		      ul_format_bytes(scanned, (double)orphans->scan_bytes),
		      ul_format_duration(seconds, orphans->scan_seconds), orphans->threads,
		      orphans->threads == 1 ? "" : "s");
	if (view->looks > 1)
		ul_term_print(term, UL_STYLE_DIM,
			      "the same in %u looks, %s apart, and in %u search%s after them; what "
			      "changed is not told\n",
			      view->looks, ul_format_duration(seconds, view->wait_seconds),
			      view->searches, view->searches == 1 ? "" : "es");
}

static void print_suppressed(const struct ul_term *term, const struct ul_orphans *orphans)
{
	ul_vec_foreach (item, &orphans->suppressed_by) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_printf(&line, "%" PRIu64 " left out by %s\"", item->orphans,
			      item->built_in ? "built-in " : "");
		ul_term_escape(&line, item->rule);
		ul_buf_puts(&line, "\"");
		if (item->why) {
			ul_buf_puts(&line, ": ");
			ul_term_escape(&line, item->why);
		}
		ul_term_wrap(term, UL_STYLE_DIM, 2, ul_buf_str(&line));
	}
}

/** "53 objects of seq_file (struct seq_file), 44 % of 120: 6.2 KiB, 221 KiB with what hangs". */
static void print_title(const struct ul_term *term, size_t number,
			const struct ul_orphan_group *group)
{
	struct ul_buf line UL_CLEANUP_BUF = {0};
	char count[UL_UNITS_TEXT];
	char bytes[UL_UNITS_TEXT];
	char retained[UL_UNITS_TEXT];
	ul_buf_printf(&line, "%3zu  %s of ", number, ul_format_count(count, group->orphans));
	ul_term_escape(&line, group->cache);
	if (group->type) {
		ul_buf_puts(&line, ", ");
		ul_term_escape(&line, group->type);
	}
	ul_buf_printf(&line, ": %s", ul_format_bytes(bytes, (double)group->bytes));
	if (group->retained_bytes > group->bytes)
		ul_buf_printf(&line, ", %s with what hangs from them",
			      ul_format_bytes(retained, (double)group->retained_bytes));
	if (group->allocated)
		ul_buf_printf(&line, "; %.0f %% of the %s allocated",
			      100 * (double)group->orphans / (double)group->allocated,
			      ul_format_count(count, group->allocated));
	ul_term_wrap(term, group->grade <= UL_ORPHAN_STALE ? UL_STYLE_BAD : UL_STYLE_WARN, 5,
		     ul_buf_str(&line));
}

static const char *grade_words(enum ul_orphan_grade grade)
{
	switch (grade) {
	case UL_ORPHAN_STRONG:
		return "strong: nothing refers to them";
	case UL_ORPHAN_STALE:
		return "strong: only memory that is free refers to them";
	case UL_ORPHAN_WEAK:
		return "weak: something may refer to them in another form";
	case UL_ORPHAN_UNREACHED_PAGE:
		break;
	}
	return "weak: pages refer to them that nothing refers to";
}

static void print_relation(const struct ul_term *term, const struct ul_orphan_group *group)
{
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_buf_printf(&line, "     %s", grade_words(group->grade));
	if (group->strong && group->strong < group->orphans)
		ul_buf_printf(&line, " (%" PRIu64 " of them; the others are weak)", group->strong);
	if (group->role == UL_ORPHAN_CYCLE)
		ul_buf_puts(&line, "; they refer to each other in rings");
	for (size_t i = 0; i < group->hangs_from.len && i < HANGS_SHOWN; i++)
		ul_buf_printf(&line, "%s%" PRIu32, i ? ", " : "; hang from ",
			      group->hangs_from.data[i] + 1);
	ul_term_wrap(term, UL_STYLE_PLAIN, 5, ul_buf_str(&line));
}

static void print_example(const struct ul_term *term, const struct ul_orphans_view *view,
			  const struct ul_orphan_group *group)
{
	struct ul_buf core UL_CLEANUP_BUF = {0};
	if (!group->examples.len)
		return;
	if (view->core) {
		ul_buf_puts(&core, "--core ");
		ul_term_escape(&core, view->core);
		ul_buf_putc(&core, ' ');
	}
	ul_term_print(term, UL_STYLE_DIM, "     ullage inspect %s0x%016" PRIx64 "\n",
		      ul_buf_str(&core), group->examples.data[0]);
}

static void print_origins(const struct ul_term *term, const struct ul_origins *origins)
{
	struct ul_buf line UL_CLEANUP_BUF = {0};
	if (ul_term_origins(&line, "     ", origins))
		ul_term_wrap(term, UL_STYLE_PLAIN, 7, ul_buf_str(&line));
}

static void print_group(const struct ul_term *term, const struct ul_orphans_view *view,
			size_t number)
{
	const struct ul_orphan_group *group = &view->orphans->groups.data[number];
	print_title(term, number + 1, group);
	print_relation(term, group);
	if (group->caller) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_puts(&line, "     allocated by ");
		ul_term_escape(&line, group->caller);
		ul_term_print(term, UL_STYLE_PLAIN, "%s\n", ul_buf_str(&line));
	}
	print_origins(term, &group->origins);
	if (group->identity) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_puts(&line, "     ");
		ul_term_identity(&line, group->identity, group->identity_objects,
				 group->identity_looked_at);
		ul_term_wrap(term, UL_STYLE_STRONG, 7, ul_buf_str(&line));
	}
	if (group->refcount.member[0]) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_puts(&line, "     ");
		ul_term_refcount(&line, &group->refcount,
				 group->grade == UL_ORPHAN_STRONG ||
					 group->grade == UL_ORPHAN_STALE);
		ul_term_wrap(term, UL_STYLE_PLAIN, 7, ul_buf_str(&line));
	}
	if (group->type_evidence) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_puts(&line, "     type by ");
		ul_term_escape(&line, group->type_evidence);
		ul_term_wrap(term, UL_STYLE_DIM, 7, ul_buf_str(&line));
	}
	ul_term_patterns(term, 5, &group->patterns, PATTERNS_SHOWN);
	print_example(term, view, group);
}

void ul_term_orphans(const struct ul_term *term, const struct ul_orphans_view *view, size_t top)
{
	const __auto_type groups = &view->orphans->groups;
	const size_t shown = top && top < groups->len		  ? top
			     : !top && GROUPS_SHOWN < groups->len ? GROUPS_SHOWN
								  : groups->len;
	print_head(term, view);
	print_suppressed(term, view->orphans);
	for (size_t i = 0; i < shown; i++) {
		ul_term_print(term, UL_STYLE_PLAIN, "\n");
		print_group(term, view, i);
	}
	if (shown < groups->len)
		ul_term_print(term, UL_STYLE_DIM, "\n%zu more groups: -n %zu\n",
			      groups->len - shown, groups->len);
	if (!groups->len)
		ul_term_print(term, UL_STYLE_GOOD, "no orphans\n");
	ul_term_losses(term, view->losses);
}
