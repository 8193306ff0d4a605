// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"
#include "view/fixes.h"

enum { RELEASES_SHOWN = 12 };

static enum ul_style style_of(enum ul_in_kernel in_kernel)
{
	switch (in_kernel) {
	case UL_IN_KERNEL_NO:
		return UL_STYLE_BAD;
	case UL_IN_KERNEL_YES:
	case UL_IN_KERNEL_NOT_AFFECTED:
		return UL_STYLE_GOOD;
	case UL_IN_KERNEL_UNKNOWN:
		break;
	}
	return UL_STYLE_WARN;
}

static const char *words_of(enum ul_in_kernel in_kernel)
{
	switch (in_kernel) {
	case UL_IN_KERNEL_NO:
		return "this kernel lacks it";
	case UL_IN_KERNEL_YES:
		return "this kernel has it";
	case UL_IN_KERNEL_NOT_AFFECTED:
		return "this kernel is older than the bug";
	case UL_IN_KERNEL_UNKNOWN:
		break;
	}
	return "whether this kernel has it cannot be told";
}

/** "fixed in 5.10.206, 6.1.63 and mainline 6.7" */
static void add_releases(struct ul_buf *text, const struct ul_fix *fix)
{
	char number[UL_VERSION_TEXT];
	ul_buf_puts(text, "fixed in ");
	for (uint32_t i = 0; i < fix->fixed_len && i < RELEASES_SHOWN; i++)
		ul_buf_printf(text, "%s%s", i ? ", " : "",
			      ul_version_format(number, fix->fixed[i]));
	if (fix->fixed_len > RELEASES_SHOWN)
		ul_buf_puts(text, ", ...");
	if (fix->mainline.major)
		ul_buf_printf(text, "%smainline %s", fix->fixed_len ? "; " : "",
			      ul_version_format(number, fix->mainline));
	if (fix->introduced.major)
		ul_buf_printf(text, "; the bug came with %s",
			      ul_version_format(number, fix->introduced));
}

/** One line of a match, escaped and wrapped. */
static struct ul_error *put(const struct ul_term *term, enum ul_style style, unsigned int indent,
			    const char *text)
{
	struct ul_buf safe UL_CLEANUP_BUF = {0};
	ul_buf_printf(&safe, "%*s", (int)indent, "");
	ul_term_escape(&safe, text);
	if (safe.failed)
		return &ul_enomem;
	ul_term_wrap(term, style, indent, ul_buf_str(&safe));
	return NULL;
}

struct ul_error *ul_term_fix_match(const struct ul_term *term, unsigned int indent,
				   const struct ul_fix_match *match)
{
	const struct ul_fix *fix = match->fix;
	struct ul_buf text UL_CLEANUP_BUF = {0};
	ul_buf_printf(&text, "%s%s%s", fix->commit ? fix->commit : "", fix->commit ? " " : "",
		      fix->title);
	if (fix->cve)
		ul_buf_printf(&text, " (%s)", fix->cve);
	UL_TRY(put(term, UL_STYLE_STRONG, indent, ul_buf_str(&text)));
	ul_buf_clear(&text);
	ul_buf_printf(&text, "%s: %s", words_of(match->in_kernel), match->in_kernel_why);
	UL_TRY(put(term, style_of(match->in_kernel), indent, ul_buf_str(&text)));
	ul_buf_clear(&text);
	if (fix->fixed_len || fix->mainline.major) {
		add_releases(&text, fix);
		UL_TRY(put(term, UL_STYLE_PLAIN, indent, ul_buf_str(&text)));
		ul_buf_clear(&text);
	}
	ul_buf_printf(&text, "why: %s (score %.1f)", match->why ? match->why : "", match->score);
	return text.failed ? &ul_enomem : put(term, UL_STYLE_DIM, indent, ul_buf_str(&text));
}

struct ul_error *ul_term_fixes(const struct ul_term *term, const struct ul_kernel *kernel,
			       const struct ul_kernel_version *version,
			       const struct ul_fixes *fixes, const struct ul_fix_matches *matches)
{
	char number[UL_VERSION_TEXT];
	char count[UL_UNITS_TEXT];
	struct ul_buf line UL_CLEANUP_BUF = {0};
	unsigned int rank = 0;
	ul_buf_printf(&line, "Linux %s", kernel->release);
	if (version->version.major)
		ul_buf_printf(&line, ", made from %s%s%s",
			      ul_version_format(number, version->version),
			      version->package[0] ? ", package " : "", version->package);
	ul_buf_printf(&line, "; %s known fixes of leaks, the newest of %s",
		      ul_format_count(count, matches->searched), fixes->date);
	UL_TRY(put(term, UL_STYLE_DIM, 0, ul_buf_str(&line)));
	if (!matches->items.len)
		UL_TRY(put(term, UL_STYLE_STRONG, 0,
			   "No known fix. Either nobody has fixed it yet, or it is not these "
			   "functions that lose the memory."));
	ul_vec_foreach (match, &matches->items) {
		ul_term_heading(term, "%u.", ++rank);
		UL_TRY(ul_term_fix_match(term, 3, match));
	}
	ul_term_losses(term, &fixes->losses);
	return NULL;
}

void ul_term_fixes_update(const struct ul_term *term, const struct ul_fixes *fixes,
			  const struct ul_fixes_updated *updated)
{
	char titles[UL_UNITS_TEXT];
	char leaks[UL_UNITS_TEXT];
	char known[UL_UNITS_TEXT];
	char more[UL_UNITS_TEXT];
	ul_term_print(term, UL_STYLE_PLAIN,
		      "%s titles read, %s of them about leaks: %s fixes known, %s more than "
		      "before, the newest of %s.\nWritten to %s\n",
		      ul_format_count(titles, updated->titles),
		      ul_format_count(leaks, updated->leaks),
		      ul_format_count(known, fixes->items.len),
		      ul_format_count(more, fixes->items.len - updated->before), fixes->date,
		      updated->path);
	ul_term_losses(term, &fixes->losses);
}
