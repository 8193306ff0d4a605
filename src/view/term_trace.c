// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>

#include "base/units.h"
#include "view/site.h"
#include "view/trace.h"

enum { STACK_FRAMES = 8, PROCESSES = 4, FREE_PATHS = 2, FREE_FRAMES = 4 };

/** Who frees what is freed of this site: the two commonest ways. */
static void print_free_paths(const struct ul_term *term, const struct ul_site *site)
{
	char count[UL_UNITS_TEXT];
	size_t shown = 0;
	ul_vec_foreach (path, &site->free_paths) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		if (!path->function || shown++ == FREE_PATHS)
			continue;
		ul_buf_printf(&line, "freed by ");
		ul_term_callers(&line, &path->stack, path->function, FREE_FRAMES);
		ul_buf_printf(&line, ": %s", ul_format_count(count, path->objects));
		ul_term_print(term, UL_STYLE_PLAIN, "  ");
		ul_term_wrap(term, UL_STYLE_DIM, 2, ul_buf_str(&line));
	}
}

/** "alive after 67 ms 71 %, 268 ms 62 %, 1.1 s 62 %, 4.3 s 62 %: flat"; nothing when none died. */
static void print_survival(const struct ul_term *term, const struct ul_site *site)
{
	enum { POINTS = 4, EVERY = 2 };
	char age[UL_UNITS_TEXT];
	const size_t len = site->survival.len;
	struct ul_buf line UL_CLEANUP_BUF = {0};
	if (!len || site->survival.data[len - 1].alive >= 1)
		return;
	const size_t span = (POINTS - 1) * EVERY;
	for (size_t i = len > span ? len - 1 - span : (len - 1) % EVERY; i < len; i += EVERY)
		ul_buf_printf(&line, "%s%s %.*f %%", line.len ? ", " : "alive after ",
			      ul_format_duration(age, site->survival.data[i].age_s),
			      site->survival.data[i].alive < 0.1 ? 1 : 0,
			      100 * site->survival.data[i].alive);
	const char *shape = ul_survival_shape_name(site->survival_shape);
	if (shape)
		ul_buf_printf(&line, ": %s", shape);
	ul_term_print(term, UL_STYLE_DIM, "  ");
	ul_term_wrap(term, UL_STYLE_DIM, 2, ul_buf_str(&line));
}

static void print_site(const struct ul_term *term, const struct ul_site *site, size_t number,
		       bool verbose)
{
	char bytes[UL_UNITS_TEXT];
	char survivors[UL_UNITS_TEXT];
	char allocated[UL_UNITS_TEXT];
	char age[UL_UNITS_TEXT];
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_term_escape(&line, site->function ? site->function : "unknown function");
	if (site->module)
		ul_buf_printf(&line, " [%s]", site->module);
	ul_term_print(term, UL_STYLE_PLAIN, "\n%zu. ", number);
	ul_term_print(term, UL_STYLE_STRONG, "%s", ul_buf_str(&line));
	ul_term_print(term, UL_STYLE_PLAIN, "  %s in %s of %s allocations",
		      ul_format_bytes(bytes, (double)site->survivor_bytes),
		      ul_format_count(survivors, site->survivors),
		      ul_format_count(allocated, site->allocated));
	ul_buf_clear(&line);
	ul_term_escape(&line, site->account ? site->account : "unknown cache");
	ul_term_print(term, UL_STYLE_PLAIN, ", %s%s\n", ul_buf_str(&line),
		      site->cache_guessed ? " (by size)" : "");
	ul_buf_clear(&line);
	if (site->survivors_error > 0)
		ul_buf_printf(&line, "estimated: +- %.0f, ", site->survivors_error);
	if (isnan(site->age_p50_s))
		ul_buf_puts(&line, "age unknown");
	else
		ul_buf_printf(&line, "median age %s", ul_format_duration(age, site->age_p50_s));
	if (site->trust < 1)
		ul_buf_printf(&line, ", frees partly unseen: trust %.0f %%", 100 * site->trust);
	if (site->processes.len) {
		ul_buf_puts(&line, ", by ");
		ul_term_processes(&line, site, PROCESSES);
	}
	ul_term_print(term, UL_STYLE_DIM, "  ");
	ul_term_wrap(term, UL_STYLE_DIM, 2, ul_buf_str(&line));
	print_survival(term, site);
	ul_term_stack(term, 4, &site->stack, verbose ? 0 : STACK_FRAMES);
	print_free_paths(term, site);
}

/** A count by the kernel itself (source/exact): of one moment, or what two of them differ by. */
static void print_count_head(const struct ul_term *term, const struct ul_trace *trace)
{
	char window[UL_UNITS_TEXT];
	char live[UL_UNITS_TEXT];
	ul_format_count(live, trace->events);
	if (trace->window_s > 0)
		ul_term_print(term, UL_STYLE_PLAIN,
			      "%s: %s allocations more live than %s before, by %zu sites\n",
			      trace->engine, live, ul_format_duration(window, trace->window_s),
			      trace->sites.len);
	else
		ul_term_print(term, UL_STYLE_PLAIN, "%s: %s allocations live now, by %zu sites\n",
			      trace->engine, live, trace->sites.len);
}

struct ul_error *ul_term_trace(const struct ul_term *term, const struct ul_trace *trace, size_t top,
			       bool verbose)
{
	char window[UL_UNITS_TEXT];
	char drain[UL_UNITS_TEXT];
	char events[UL_UNITS_TEXT];
	size_t with_survivors = 0;
	size_t shown = 0;
	ul_vec_foreach (site, &trace->sites)
		with_survivors += ul_site_is_listed(site);
	const bool counted = trace->sites.len && trace->sites.data[0].exact;
	if (counted)
		print_count_head(term, trace);
	else
		ul_term_print(term, UL_STYLE_PLAIN,
			      "%s of recording, %s of waiting for late frees: %s events; %zu of "
			      "%zu sites have allocations that were not freed\n",
			      ul_format_duration(window, trace->window_s),
			      ul_format_duration(drain, trace->drain_s),
			      ul_format_count(events, trace->events), with_survivors,
			      trace->sites.len);
	if (!counted && trace->share > 0 && trace->share < 1)
		ul_term_print(term, UL_STYLE_WARN,
			      "1 of %.0f addresses was recorded (--budget): counts are estimates\n",
			      1 / trace->share);
	if (!counted && trace->cost > 0)
		ul_term_print(term, UL_STYLE_PLAIN, "tracing took %.1f %% of the CPUs\n",
			      100 * trace->cost);
	ul_vec_foreach (site, &trace->sites) {
		if (!ul_site_is_listed(site))
			continue;
		if (shown++ == top)
			break;
		print_site(term, site, shown, verbose);
	}
	if (with_survivors > top)
		ul_term_print(term, UL_STYLE_DIM, "\n%zu more site%s: --top %zu shows all\n",
			      with_survivors - top, with_survivors - top > 1 ? "s" : "",
			      with_survivors);
	ul_term_wrap(
		term, UL_STYLE_DIM, 0,
		counted && !trace->window_s
			? "\nWhat is live need not be leaked: with --for, what came in that time "
			  "is shown. `ullage find` checks growth, too."
			: "\nWhat was not freed in this time need not be leaked: caches fill, "
			  "processes start. `ullage find` checks each against the growth of its "
			  "cache.");
	ul_term_losses(term, &trace->losses);
	return NULL;
}
