// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/document.h"
#include "view/fixes.h"

static void put_version(struct ul_json *json, const char *key, struct ul_version version)
{
	char text[UL_VERSION_TEXT];
	ul_json_string(json, key, version.major ? ul_version_format(text, version) : NULL);
}

static void put_match(struct ul_json *json, const struct ul_fix_match *match)
{
	const struct ul_fix *fix = match->fix;
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "commit", fix->commit);
	ul_json_string(json, "title", fix->title);
	ul_json_string(json, "cve", fix->cve);
	ul_json_double(json, "score", match->score);
	ul_json_string(json, "in_this_kernel", ul_in_kernel_name(match->in_kernel));
	ul_json_string(json, "in_this_kernel_why", match->in_kernel_why);
	put_version(json, "fixed_in", match->fixed_in_series);
	put_version(json, "introduced_in", fix->introduced);
	put_version(json, "mainline", fix->mainline);
	ul_json_array_begin(json, "releases");
	for (uint32_t i = 0; i < fix->fixed_len; i++)
		put_version(json, NULL, fix->fixed[i]);
	ul_json_array_end(json);
	ul_json_array_begin(json, "files");
	for (uint32_t i = 0; i < fix->files_len; i++)
		ul_json_string(json, NULL, fix->files[i]);
	ul_json_array_end(json);
	ul_json_string(json, "why", match->why);
	ul_json_object_end(json);
}

void ul_json_fix_matches(struct ul_json *json, const char *key,
			 const struct ul_fix_matches *matches)
{
	ul_json_array_begin(json, key);
	ul_vec_foreach (match, &matches->items)
		put_match(json, match);
	ul_json_array_end(json);
}

struct ul_error *ul_json_fixes(FILE *out, bool pretty, const struct ul_kernel *kernel,
			       const struct ul_kernel_version *version,
			       const struct ul_fixes *fixes, const struct ul_fix_matches *matches)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "fixes", kernel);
	put_version(&json, "upstream", version->version);
	ul_json_string(&json, "package", version->package[0] ? version->package : NULL);
	ul_json_object_begin(&json, "index");
	ul_json_uint(&json, "fixes", matches->searched);
	ul_json_string(&json, "date", fixes->date);
	ul_json_object_end(&json);
	ul_json_fix_matches(&json, "fixes", matches);
	return ul_json_document_end(&json, &fixes->losses);
}

struct ul_error *ul_json_fixes_update(FILE *out, bool pretty, const struct ul_kernel *kernel,
				      const struct ul_fixes *fixes,
				      const struct ul_fixes_updated *updated)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "fixes", kernel);
	ul_json_object_begin(&json, "update");
	ul_json_uint(&json, "titles", updated->titles);
	ul_json_uint(&json, "leaks", updated->leaks);
	ul_json_uint(&json, "known_before", updated->before);
	ul_json_uint(&json, "known", fixes->items.len);
	ul_json_string(&json, "date", fixes->date);
	ul_json_string(&json, "index", updated->path);
	ul_json_object_end(&json);
	return ul_json_document_end(&json, &fixes->losses);
}
