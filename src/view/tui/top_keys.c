// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each key does. The letters are slabtop's where they order rows, the rest is htop's; `b` and
 * `p`, which slabtop orders by as well, are baseline and pause here, and B and P order.
 *
 * Escape goes back one thing at a time: message, help, prompt, page, class, filter.
 */
#include <string.h>

#include "base/text.h"
#include "view/tui/top_internal.h"

enum { STEP = 1, LEAP = 30 /* points of time that { and } go */ };

static const struct {
	char key;
	enum ul_top_sort sort;
} letters[] = {
	{'a', UL_SORT_ACTIVE},	       {'B', UL_SORT_PER_SLAB},	   {'c', UL_SORT_BYTES},
	{'d', UL_SORT_CHANGE},	       {'r', UL_SORT_RATE},	   {'k', UL_SORT_KIND},
	{'l', UL_SORT_SLABS},	       {'n', UL_SORT_NAME},	   {'o', UL_SORT_OBJECTS},
	{'P', UL_SORT_PAGES_PER_SLAB}, {'s', UL_SORT_OBJECT_SIZE}, {'u', UL_SORT_USE},
	{'v', UL_SORT_SUSPICION},
};

static void say(struct ul_top *top, const char *text)
{
	ul_text_copy(top->message, sizeof(top->message), text);
}

static void sort_by(struct ul_top *top, enum ul_top_sort sort)
{
	if (!ul_top_sort_fits(top->tab, sort)) {
		snprintf(top->message, sizeof(top->message), "this tab has no column for: %s",
			 ul_top_sort_name(sort));
		return;
	}
	// The same key again turns the order round, as people try on any table.
	top->reverse[top->tab] = top->sort[top->tab] == sort && !top->reverse[top->tab];
	top->sort[top->tab] = sort;
	top->selected = (struct ul_top_id){0};
	top->offset = 0;
}

/** The next (step 1) or previous (step -1) order that fits the tab. */
static enum ul_top_sort neighbour(const struct ul_top *top, enum ul_top_sort sort, int step)
{
	int at = (int)sort;
	for (int tries = 0; tries < UL_SORT_COUNT; tries++) {
		at = (at + step + UL_SORT_COUNT) % UL_SORT_COUNT;
		if (ul_top_sort_fits(top->tab, (enum ul_top_sort)at))
			break;
	}
	return (enum ul_top_sort)at;
}

static void select_row(struct ul_top *top, size_t at)
{
	if (!top->rows.len)
		return;
	top->at = at < top->rows.len ? at : top->rows.len - 1;
	top->selected = ul_top_id_of(&top->rows.data[top->at]);
}

static void move(struct ul_top *top, long by)
{
	const long at = (long)top->at + by;
	if (top->tab == UL_TAB_EVENTS || top->detail) { // pages scroll
		const long offset = (long)top->offset + by;
		top->offset = offset < 0 ? 0 : (size_t)offset;
		return;
	}
	select_row(top, at < 0 ? 0 : (size_t)at);
}

static void open_tab(struct ul_top *top, enum ul_top_tab tab)
{
	top->tab = tab;
	top->within = 0;
	top->detail = false;
	top->selected = (struct ul_top_id){0};
	top->at = top->offset = 0;
}

static bool go_back(struct ul_top *top)
{
	if (top->help) {
		top->help = false;
	} else if (top->detail) {
		top->detail = false;
		top->offset = 0;
	} else if (top->within) {
		const struct ul_top_id group = {.kind = top->within};
		top->within = 0;
		top->selected = group;
		top->offset = 0;
	} else if (*top->filter) {
		*top->filter = '\0';
	} else {
		return false;
	}
	return true;
}

/** Into what the selected row consists of: a class into accounts, an account into its page. */
static void drill(struct ul_top *top)
{
	if (top->detail) { // from the page of memory that processes hold to the processes
		if (top->shown.kind == UL_KIND_ANON || top->shown.kind == UL_KIND_SHMEM ||
		    top->shown.kind == UL_KIND_FILE)
			open_tab(top, UL_TAB_PROCESSES);
		return;
	}
	if (top->tab == UL_TAB_EVENTS || top->at >= top->rows.len)
		return;
	const struct ul_top_row *row = &top->rows.data[top->at];
	if (!row->track) {
		top->within = row->kind;
		top->selected = (struct ul_top_id){0};
		top->at = top->offset = 0;
		*top->filter = '\0';
		return;
	}
	top->shown = ul_top_id_of(row);
	top->detail = true;
	top->offset = 0;
}

static void tag(struct ul_top *top)
{
	if (top->at >= top->rows.len || top->detail)
		return;
	const struct ul_top_id id = ul_top_id_of(&top->rows.data[top->at]);
	for (size_t i = 0; i < top->tags.len; i++) {
		if (!ul_top_same(&top->tags.data[i], &id))
			continue;
		top->tags.data[i] = top->tags.data[--top->tags.len];
		return;
	}
	if (top->tags.len >= UL_TOP_TAGS_MAX || !ul_vec_push(&top->tags, id))
		say(top, "too many tags");
	else
		select_row(top, top->at + 1);
}

static void step_time(struct ul_top *top, const struct ul_top_input *input, long by)
{
	const struct ul_history *history = ul_top_history(top, input);
	if (!history->points.len)
		return;
	const long last = (long)history->points.len - 1;
	long at = (long)ul_top_point(top, history) + by;
	at = at < 0 ? 0 : at > last ? last : at;
	top->paused = true;
	top->position_ns = history->points.data[at].time_ns;
	if (at == last && by > 0 && !input->file)
		say(top, "newest sample; p goes on");
}

static void pause_or_go_on(struct ul_top *top, const struct ul_top_input *input)
{
	if (input->file) {
		say(top, "a recording stands still: [ ] { } move through it");
		return;
	}
	const struct ul_history *accounts = input->accounts;
	top->paused = !top->paused;
	top->position_ns = accounts->points.data[accounts->points.len - 1].time_ns;
}

static void set_baseline(struct ul_top *top, const struct ul_top_input *input)
{
	const struct ul_history *accounts = input->accounts;
	top->baseline_ns = accounts->points.data[ul_top_point(top, accounts)].time_ns;
	say(top, "baseline set: changes count from here");
}

static void next_window(struct ul_top *top)
{
	static const int64_t minutes[] = {0, 1, 5, 30, 240};
	size_t at = 0;
	while (at < UL_ARRAY_LEN(minutes) && minutes[at] * 60 * UL_NS_PER_S != top->window_ns)
		at++;
	at = (at + 1) % UL_ARRAY_LEN(minutes);
	top->window_ns = minutes[at] * 60 * UL_NS_PER_S;
	if (minutes[at])
		snprintf(top->message, sizeof(top->message), "growth over the last %d min",
			 (int)minutes[at]);
	else
		say(top, "growth since the baseline");
}

/** Select the first row from @p from on, round the end, that the search matches. */
static void search_from(struct ul_top *top, size_t from)
{
	for (size_t i = 0; i < top->rows.len; i++) {
		const size_t at = (from + i) % top->rows.len;
		if (!ul_top_contains(ul_top_row_name(&top->rows.data[at]), top->search))
			continue;
		select_row(top, at);
		return;
	}
	say(top, "not found");
}

static void edit(char text[static UL_TOP_TEXT], int key)
{
	const size_t len = strlen(text);
	if (key == UL_KEY_BACKSPACE && len)
		text[len - 1] = '\0';
	else if (key >= ' ' && key <= '~' && len + 1 < UL_TOP_TEXT) {
		text[len] = (char)key;
		text[len + 1] = '\0';
	}
}

static void key_in_menu(struct ul_top *top, int key)
{
	const enum ul_top_sort sort = (enum ul_top_sort)top->menu;
	if (key == UL_KEY_UP)
		top->menu = neighbour(top, sort, -1);
	else if (key == UL_KEY_DOWN)
		top->menu = neighbour(top, sort, 1);
	else if (key == UL_KEY_ENTER)
		sort_by(top, sort);
	if (key == UL_KEY_ENTER || key == UL_KEY_ESCAPE || key == UL_KEY_F6 || key == 'q')
		top->prompt = UL_PROMPT_NONE;
}

/** True when the prompt has taken the key. */
static bool key_in_prompt(struct ul_top *top, int key)
{
	if (top->prompt == UL_PROMPT_SORT) {
		key_in_menu(top, key);
		return true;
	}
	const bool searching = top->prompt == UL_PROMPT_SEARCH;
	char *text = searching ? top->search : top->filter;
	if (key == UL_KEY_ESCAPE) {
		*text = '\0';
		top->prompt = UL_PROMPT_NONE;
	} else if (key == UL_KEY_ENTER) {
		top->prompt = UL_PROMPT_NONE;
	} else if (searching && (key == UL_KEY_F3 || key == UL_KEY_DOWN)) {
		search_from(top, top->at + 1);
	} else if (key == UL_KEY_BACKSPACE || (key >= ' ' && key <= '~')) {
		edit(text, key);
		if (searching)
			search_from(top, top->at);
		else
			top->at = top->offset = 0;
	} else {
		top->prompt = UL_PROMPT_NONE;
		return false;
	}
	return true;
}

static bool key_of_sort(struct ul_top *top, int key)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(letters); i++) {
		if (letters[i].key != key)
			continue;
		sort_by(top, letters[i].sort);
		return true;
	}
	switch (key) {
	case '<':
	case '>':
		sort_by(top, neighbour(top, top->sort[top->tab], key == '<' ? -1 : 1));
		top->reverse[top->tab] = false;
		return true;
	case 'I':
		top->reverse[top->tab] = !top->reverse[top->tab];
		return true;
	case UL_KEY_F6:
		if (top->tab != UL_TAB_EVENTS) {
			top->prompt = UL_PROMPT_SORT;
			top->menu = top->sort[top->tab];
		}
		return true;
	default:
		return false;
	}
}

static bool key_of_place(struct ul_top *top, const struct ul_top_input *input, int key)
{
	const long page = top->page ? (long)top->page : 1;
	switch (key) {
	case UL_KEY_UP:
		move(top, -1);
		return true;
	case UL_KEY_DOWN:
		move(top, 1);
		return true;
	case UL_KEY_PAGE_UP:
		move(top, -page);
		return true;
	case UL_KEY_PAGE_DOWN:
		move(top, page);
		return true;
	case UL_KEY_HOME:
	case UL_KEY_END:
		if (input->file) {
			step_time(top, input, key == UL_KEY_HOME ? -(1L << 30) : 1L << 30);
			return true;
		}
		move(top, key == UL_KEY_HOME ? -(1L << 30) : 1L << 30);
		return true;
	case 'g':
	case 'G':
		move(top, key == 'g' ? -(1L << 30) : 1L << 30);
		return true;
	default:
		return false;
	}
}

static bool key_of_time(struct ul_top *top, const struct ul_top_input *input, int key)
{
	switch (key) {
	case '[':
	case UL_KEY_LEFT:
		step_time(top, input, -STEP);
		return true;
	case ']':
	case UL_KEY_RIGHT:
		step_time(top, input, STEP);
		return true;
	case '{':
		step_time(top, input, -LEAP);
		return true;
	case '}':
		step_time(top, input, LEAP);
		return true;
	case 'p':
		pause_or_go_on(top, input);
		return true;
	case 'b':
		set_baseline(top, input);
		return true;
	case 'w':
		next_window(top);
		return true;
	default:
		return false;
	}
}

static bool key_of_view(struct ul_top *top, int key)
{
	switch (key) {
	case '?':
	case 'h':
	case UL_KEY_F1:
		top->help = !top->help;
		return true;
	case '/':
	case UL_KEY_F3:
		top->prompt = UL_PROMPT_SEARCH;
		return true;
	case '\\':
	case 'f':
	case UL_KEY_F4:
		top->prompt = UL_PROMPT_FILTER;
		return true;
	case 't':
	case UL_KEY_F5:
		top->flat = !top->flat;
		top->within = 0;
		top->at = top->offset = 0;
		top->selected = (struct ul_top_id){0};
		return true;
	case ' ':
		tag(top);
		return true;
	case 'U':
		top->tags.len = 0;
		return true;
	case UL_KEY_TAB:
	case UL_KEY_BACK_TAB:
		open_tab(top, (enum ul_top_tab)(((int)top->tab + (key == UL_KEY_TAB ? 1 : 4)) %
						UL_TAB_COUNT));
		return true;
	case UL_KEY_ENTER:
		drill(top);
		return true;
	case UL_KEY_ESCAPE:
	case UL_KEY_BACKSPACE:
		return go_back(top);
	default:
		return false;
	}
}

static bool key_of_move(int key)
{
	return key == UL_KEY_UP || key == UL_KEY_DOWN || key == UL_KEY_PAGE_UP ||
	       key == UL_KEY_PAGE_DOWN || key == UL_KEY_HOME || key == UL_KEY_END || key == 'g' ||
	       key == 'G';
}

bool ul_top_key(struct ul_top *top, const struct ul_top_input *input, int key)
{
	*top->message = '\0';
	// Moving about a list of a hundred thousand is not worth ordering it anew.
	top->stale |= !(key_of_move(key) && !top->prompt && !input->file);
	if (top->prompt && key_in_prompt(top, key))
		return true;
	if (key == 'q' || key == 'Q' || key == UL_KEY_F10) {
		top->quit = true;
		return true;
	}
	if (top->help) {
		top->help = false; // any key closes it
		return true;
	}
	if (key >= '1' && key < '1' + UL_TAB_COUNT) {
		open_tab(top, (enum ul_top_tab)(key - '1'));
		return true;
	}
	return key_of_place(top, input, key) || key_of_time(top, input, key) ||
	       key_of_view(top, key) || key_of_sort(top, key);
}
