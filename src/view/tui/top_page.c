// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages: one account or process with all that is known of it, the events and losses, the help.
 * A page is longer than a screen may be: it is written line by line into a window of it.
 */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "view/tui/spark.h"
#include "view/tui/top_internal.h"

enum { CHART_ROWS = 8, CHART_MAX = 400, SITES_MAX = 20, INDENT = 2 };

/** The part of a page that is on the screen. */
struct page {
	struct ul_canvas *canvas;
	long line; /**< where the next line goes; above first or from end on: not shown */
	long first;
	long end;
};

static bool is_visible(const struct page *page)
{
	return page->line >= page->first && page->line < page->end;
}

static void put_line(struct page *page, enum ul_ink ink, const char *format, ...) UL_PRINTF(3, 4);

static void put_line(struct page *page, enum ul_ink ink, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	// Broken at blanks to the width; what follows is indented.
	const size_t room = page->canvas->columns - INDENT;
	const char *rest = text;
	unsigned int indent = 0;
	do {
		size_t len = strlen(rest);
		if (len > room - indent) {
			len = room - indent;
			while (len > room / 2 && rest[len] != ' ')
				len--;
		}
		char part[512];
		snprintf(part, sizeof(part), "%.*s", (int)len, rest);
		if (is_visible(page))
			ul_canvas_put(page->canvas, (unsigned int)page->line, 1 + indent,
				      page->canvas->columns, ink, part);
		page->line++;
		rest += len;
		rest += strspn(rest, " ");
		indent = INDENT;
	} while (*rest);
}

static void put_heading(struct page *page, const char *text)
{
	page->line++;
	put_line(page, UL_INK_STRONG, "%s", text);
}

static const char *verdict_words(enum ul_growth_verdict verdict)
{
	switch (verdict) {
	case UL_GROWTH_LEAK_LIKE:
		return "grows steadily to the end of the window, and the kernel cannot take it "
		       "back";
	case UL_GROWTH_FILLING:
		return "grows, and the kernel can take it back";
	case UL_GROWTH_STEP:
		return "rose, and has stopped";
	case UL_GROWTH_FLAT:
		return "no growth that can be told from noise";
	case UL_GROWTH_TOO_SHORT:
		break;
	}
	return "not watched for long enough to say";
}

static void put_growth(struct page *page, const struct ul_history_track *track)
{
	char rate[UL_TOP_RATE_TEXT];
	char recent[UL_TOP_RATE_TEXT];
	char window[UL_UNITS_TEXT];
	const struct ul_growth *growth = &track->growth;
	if (!track->growth_at_ns || growth->verdict == UL_GROWTH_TOO_SHORT) {
		put_line(page, UL_INK_DIM, "Growth: %s", verdict_words(UL_GROWTH_TOO_SHORT));
		return;
	}
	ul_top_format_rate(rate, page->canvas, growth->bytes_per_s,
			   (growth->high - growth->low) / 2);
	ul_top_format_rate(recent, page->canvas, growth->recent_bytes_per_s, NAN);
	put_line(page, ul_top_verdict_ink(growth->verdict), "Growth %s (%s): %s", rate,
		 ul_growth_verdict_name(growth->verdict), verdict_words(growth->verdict));
	put_line(page, UL_INK_DIM, "judged by %zu samples in %s; the last third of them %s",
		 growth->samples, ul_format_duration(window, growth->window_s), recent);
}

static void put_chart(struct page *page, const struct ul_top *top, const struct ul_top_input *input,
		      const struct ul_top_row *row)
{
	double values[CHART_MAX];
	char most_text[UL_UNITS_TEXT];
	char least_text[UL_UNITS_TEXT];
	double least = INFINITY;
	double most = -INFINITY;
	const struct ul_history *history = ul_top_history(top, input);
	const unsigned int columns = page->canvas->columns;
	const size_t width = columns > CHART_MAX + 14 ? CHART_MAX : columns - 14;
	ul_top_curve(top, history, row, values, width);
	for (size_t i = 0; i < width; i++) {
		least = fmin(least, values[i]);
		most = fmax(most, values[i]);
	}
	page->line++;
	// Drawn whole or not at all: half a curve has another meaning.
	if (page->line >= page->first && page->line + CHART_ROWS <= page->end && most >= least) {
		const unsigned int line = (unsigned int)page->line;
		ul_format_bytes(most_text, most);
		ul_format_bytes(least_text, least);
		// Too near to each other to be told apart: how far below.
		if (most > least && !strcmp(most_text, least_text))
			ul_format_bytes(least_text, least - most);
		ul_canvas_put_right(page->canvas, line, 0, 11, UL_INK_DIM, most_text);
		ul_canvas_put_right(page->canvas, line + CHART_ROWS - 1, 0, 11, UL_INK_DIM,
				    least_text);
		ul_spark(page->canvas, line, 12, CHART_ROWS, UL_INK_PLAIN, values, width);
	}
	page->line += CHART_ROWS;
}

static void put_cache(struct page *page, const struct ul_cache *cache)
{
	char count[UL_UNITS_TEXT];
	put_heading(page, "Cache");
	put_line(page, UL_INK_PLAIN, "objects of %u bytes, %u to a slab of %u page%s",
		 cache->object_size, cache->objects_per_slab, cache->pages_per_slab,
		 cache->pages_per_slab == 1 ? "" : "s");
	put_line(page, UL_INK_PLAIN, "%s objects in use, %.0f %% of the slots",
		 ul_format_count(count, cache->objects),
		 cache->objects_total
			 ? 100.0 * (double)cache->objects / (double)cache->objects_total
			 : 0);
	if (!cache->aliases.len)
		return;
	char names[400] = "";
	size_t len = 0;
	ul_vec_foreach (alias, &cache->aliases) {
		const int more =
			snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", *alias);
		if (more < 0 || (len += (size_t)more) >= sizeof(names))
			break;
	}
	put_line(page, UL_INK_PLAIN, "merged into it: %s", names);
}

static void put_sites(struct page *page, const struct ul_trace *trace, const char *account)
{
	size_t shown = 0;
	if (!trace)
		return;
	ul_vec_foreach (site, &trace->sites) {
		char bytes[UL_UNITS_TEXT];
		char count[UL_UNITS_TEXT];
		const char *booked = site->account ? site->account : site->cache;
		if (!booked || strcmp(booked, account) != 0 || shown >= SITES_MAX)
			continue;
		if (!shown++)
			put_heading(page, "Callers (the trace in this recording)");
		put_line(page, UL_INK_PLAIN, "%-32s %10s survivors, %s",
			 site->function ? site->function : "?",
			 ul_format_count(count, site->survivors),
			 ul_format_bytes(bytes, (double)site->survivor_bytes));
		ul_vec_foreach (process, &site->processes) {
			put_line(page, UL_INK_DIM, "  by %s (pid %d): %s objects", process->comm,
				 (int)process->pid, ul_format_count(count, process->objects));
			if (process - site->processes.data >= 2)
				break;
		}
	}
}

static void put_mappings(struct page *page, const struct ul_mappings *mappings)
{
	put_heading(page, "Mappings");
	put_line(page, UL_INK_DIM, "%-14s %10s %10s %10s  largest", "", "RSS", "PSS", "swap");
	for (int i = 0; i < UL_MAPPING_KINDS; i++) {
		char rss[UL_UNITS_TEXT];
		char pss[UL_UNITS_TEXT];
		char swap[UL_UNITS_TEXT];
		const struct ul_mapping_class *class = &mappings->classes[i];
		put_line(page, UL_INK_PLAIN, "%-14s %10s %10s %10s  %s",
			 ul_mapping_kind_name((enum ul_mapping_kind)i),
			 ul_format_bytes(rss, (double)class->rss_bytes),
			 ul_format_bytes(pss, (double)class->pss_bytes),
			 ul_format_bytes(swap, (double)class->swap_bytes), class->largest_name);
	}
}

/** The command that goes deeper. */
static void put_next(struct page *page, const struct ul_top_input *input,
		     const struct ul_history_track *track)
{
	if (track->kind == UL_KIND_ANON || track->kind == UL_KIND_FILE ||
	    track->kind == UL_KIND_SHMEM)
		put_line(page, UL_INK_PLAIN, "Next: Enter, the processes");
	else if (input->file)
		put_line(page, UL_INK_PLAIN, "Next: sudo ullage find, on the machine itself");
	else if (track->kind == UL_KIND_SLAB)
		put_line(page, UL_INK_PLAIN, "Next: sudo ullage trace --cache %s", track->name);
	else if (track->kind == UL_KIND_UNACCOUNTED)
		put_line(page, UL_INK_PLAIN, "Next: sudo ullage trace --pages");
	else if (track->kind == UL_KIND_PROCESS)
		put_line(page, UL_INK_PLAIN, "Next: sudo ullage account, for PSS of all");
	else
		put_line(page, UL_INK_PLAIN, "Next: sudo ullage find");
}

static void put_now(struct page *page, const struct ul_top *top, const struct ul_top_input *input,
		    const struct ul_top_row *row)
{
	char bytes[UL_UNITS_TEXT];
	char then_text[UL_UNITS_TEXT];
	char change[UL_UNITS_TEXT];
	char clock[UL_UNITS_TEXT];
	const struct ul_history_track *track = row->track;
	const struct ul_history *history = ul_top_history(top, input);
	const size_t base = top->baseline_ns ? ul_history_at(history, top->baseline_ns) : 0;
	const struct ul_history_value then = ul_history_value(track, base);
	if (row->bytes == UL_HISTORY_NONE) {
		put_line(page, UL_INK_WARN, "not there at this time");
		return;
	}
	ul_format_bytes(bytes, (double)row->bytes);
	ul_top_format_clock(clock, input, history->points.data[base].time_ns);
	if (then.bytes == UL_HISTORY_NONE) {
		put_line(page, UL_INK_PLAIN, "%s; not there at %s", bytes, clock);
		return;
	}
	const double delta = (double)row->bytes - (double)then.bytes;
	put_line(page, UL_INK_PLAIN, "%s; %s at %s: %s%s", bytes,
		 ul_format_bytes(then_text, (double)then.bytes), clock, delta > 0 ? "+" : "",
		 ul_format_bytes(change, delta));
}

static void put_track(struct page *page, const struct ul_top *top, const struct ul_top_input *input,
		      struct ul_history_track *track)
{
	const struct ul_history *history = ul_top_history(top, input);
	const struct ul_history_value now = ul_history_value(track, ul_top_point(top, history));
	const struct ul_top_row row = {.track = track, .kind = track->kind, .bytes = now.bytes};
	if (track->pid)
		put_line(page, UL_INK_STRONG, "%s, process %d", track->label, (int)track->pid);
	else
		put_line(page, UL_INK_STRONG, "%s (%s%s)", track->label, ul_kind_name(track->kind),
			 track->reclaimable ? ", reclaimable" : "");
	put_now(page, top, input, &row);
	put_growth(page, track);
	put_next(page, input, track);
	put_chart(page, top, input, &row);
	const struct ul_cache *cache = track->kind == UL_KIND_SLAB && input->ledger
					       ? ul_ledger_cache(input->ledger, track->name)
					       : NULL;
	if (cache)
		put_cache(page, cache);
	put_sites(page, input->trace, track->name);
	if (track->pid && input->mappings && input->mappings_pid == track->pid)
		put_mappings(page, input->mappings);
}

void ul_top_draw_detail(const struct ul_top *top, const struct ul_top_input *input,
			struct ul_canvas *canvas, unsigned int row, unsigned int end)
{
	struct page page = {canvas, (long)row - (long)top->offset, row, end};
	struct ul_history_track *track = ul_top_shown(top, input);
	if (track)
		put_track(&page, top, input, track);
	else
		put_line(&page, UL_INK_WARN, "%s is gone (Esc: back)", top->shown.name);
}

static const char *bias_words(enum ul_bias bias)
{
	switch (bias) {
	case UL_BIAS_NONE:
		return "does not move the result";
	case UL_BIAS_UNDER:
		return "the true figures are larger";
	case UL_BIAS_OVER:
		return "the true figures are smaller";
	case UL_BIAS_UNKNOWN:
		break;
	}
	return "may err to either side";
}

static void put_losses(struct page *page, const struct ul_losses *losses)
{
	put_line(page, UL_INK_STRONG, "Not seen");
	ul_vec_foreach (loss, &losses->items) {
		char count[UL_UNITS_TEXT] = "";
		if (loss->count)
			ul_format_count(count, loss->count);
		put_line(page, UL_INK_WARN, "%s%s%s (%s)", count, loss->count ? " " : "",
			 loss->what, bias_words(loss->bias));
	}
	if (!losses->items.len)
		put_line(page, UL_INK_DIM, "nothing that is known of");
}

static void put_notes(struct page *page, const struct ul_top *top)
{
	put_heading(page, "Counted in the accounts already, seen from another side");
	ul_vec_foreach (row, &top->rows) {
		char bytes[UL_UNITS_TEXT];
		if (row->bytes)
			put_line(page, UL_INK_PLAIN, "%-40s %10s", ul_top_row_name(row),
				 ul_format_bytes(bytes, (double)row->bytes));
	}
}

void ul_top_draw_events(struct ul_top *top, const struct ul_top_input *input,
			struct ul_canvas *canvas, unsigned int row, unsigned int end)
{
	struct page page = {canvas, (long)row - (long)top->offset, row, end};
	put_line(&page, UL_INK_STRONG, "Events, newest first");
	for (size_t i = input->events_len; i-- > 0;) {
		char clock[UL_UNITS_TEXT];
		ul_top_format_clock(clock, input, input->events[i].time_ns);
		put_line(&page, UL_INK_PLAIN, "%s  %s", clock, input->events[i].text);
	}
	if (!input->events_len)
		put_line(&page, UL_INK_DIM, "none: no account has begun to grow");
	page.line++;
	put_losses(&page, input->losses);
	put_notes(&page, top);
	top->page = end - row;
	const long beyond = page.line - (long)end;
	// Scrolled past the end: come back next time.
	if (beyond < 0 && top->offset)
		top->offset = (long)top->offset + beyond > 0 ? top->offset + (size_t)beyond : 0;
}

void ul_top_draw_help(const struct ul_top *top, struct ul_canvas *canvas)
{
	static const char *const lines[] = {
		"1-5 Tab        overview, slab, vmalloc/percpu, processes, events and losses",
		"Enter          open: class, account, processes     Esc Backspace  back",
		"Up Down PgUp PgDn g G Home End  move               Space U  tag, untag all",
		"F3 /           search                              F4 \\ f  filter",
		"F5 t           overview by class, or flat          F6 < > I  sort, reverse",
		"p              pause, go on                        b  baseline: changes from now",
		"[ ] Left Right back and forth in time              { }  in larger steps",
		"Home End       of a recording: its begin and end   w  window of growth",
		"F10 q          quit",
		"",
		"Sort: c bytes, d change, r growth, v suspicion, n name, k class, a active",
		"objects, o objects, s object size, l slabs, B per slab, P pages per slab, u use",
		"",
		"GROWTH is the slope and half of its 95 % interval. VERDICT: leak-like grows",
		"steadily and cannot be reclaimed; filling grows and can be; step rose and has",
		"stopped; flat is noise. =N after a cache: N caches are merged into it.",
	};
	ul_canvas_put(canvas, 0, 0, canvas->columns, UL_INK_HEAD,
		      "ullage top: keys (any key closes this)");
	ul_canvas_tint(canvas, 0, 0, canvas->columns, UL_INK_HEAD);
	struct page page = {canvas, canvas->rows > UL_ARRAY_LEN(lines) + 2 ? 2 : 1, 1,
			    canvas->rows};
	for (size_t i = 0; i < UL_ARRAY_LEN(lines); i++)
		put_line(&page, UL_INK_PLAIN, "%s", lines[i]);
}
