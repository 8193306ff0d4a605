/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen of `ullage top`, without a terminal: state, keys, rows, drawing. Input are facts of
 * the model and keys, output is a canvas; so every screen can be tested, and printed by --batch.
 *
 *	ul_top_rows()  which rows there are now, in which order   (top_rows.c)
 *	ul_top_key()   what a key changes                          (top_keys.c)
 *	ul_top_draw()  the screen                                  (top_draw.c, top_page.c)
 *
 * Time: a position in the history. Live it is the newest point; in a recording, or when paused, it
 * stays where it is and can be moved.
 */
#ifndef UL_VIEW_TUI_TOP_H
#define UL_VIEW_TUI_TOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/history.h"
#include "model/kernel.h"
#include "model/ledger.h"
#include "model/mapping.h"
#include "model/site.h"
#include "view/tui/canvas.h"

/** Keys beside the characters from ' ' to '~', which stand for themselves. */
enum ul_top_keys {
	UL_KEY_NONE = 0,
	UL_KEY_TAB = 9,
	UL_KEY_ENTER = 10,
	UL_KEY_ESCAPE = 27,
	UL_KEY_BACKSPACE = 127,
	UL_KEY_UP = 256,
	UL_KEY_DOWN,
	UL_KEY_LEFT,
	UL_KEY_RIGHT,
	UL_KEY_HOME,
	UL_KEY_END,
	UL_KEY_PAGE_UP,
	UL_KEY_PAGE_DOWN,
	UL_KEY_BACK_TAB,
	UL_KEY_F1,
	UL_KEY_F3 = UL_KEY_F1 + 2,
	UL_KEY_F4,
	UL_KEY_F5,
	UL_KEY_F6,
	UL_KEY_F10 = UL_KEY_F1 + 9,
};

enum ul_top_tab {
	UL_TAB_OVERVIEW,
	UL_TAB_SLAB,
	UL_TAB_VMALLOC,
	UL_TAB_PROCESSES,
	UL_TAB_EVENTS,
	UL_TAB_COUNT,
};

/** What rows can be ordered by. */
enum ul_top_sort {
	UL_SORT_SUSPICION,
	UL_SORT_BYTES,
	UL_SORT_CHANGE,
	UL_SORT_RATE,
	UL_SORT_NAME,
	UL_SORT_KIND,
	UL_SORT_OBJECTS,
	UL_SORT_ACTIVE,
	UL_SORT_OBJECT_SIZE,
	UL_SORT_SLABS,
	UL_SORT_PER_SLAB,
	UL_SORT_PAGES_PER_SLAB,
	UL_SORT_USE,
	UL_SORT_PID,
	UL_SORT_PSS,
	UL_SORT_SWAP,
	UL_SORT_COUNT,
};

/** Something that happened while the view ran. */
struct ul_top_event {
	int64_t time_ns; /**< CLOCK_BOOTTIME */
	char text[160];
};

/** The facts to show; all borrowed. */
struct ul_top_input {
	const struct ul_kernel *kernel;
	const struct ul_history *accounts;  /**< accounts, unaccounted, notes; has a point */
	const struct ul_history *processes; /**< on an axis of their own; may have no point */
	const struct ul_ledger *ledger;	    /**< newest sample: caches, bounds, PSS; NULL: none */
	const struct ul_trace *trace;	    /**< call sites, from a recording; NULL: none */
	const struct ul_losses *losses;
	struct ul_outlook outlook;
	const struct ul_mappings *mappings; /**< of the process mappings_pid */
	pid_t mappings_pid;
	const struct ul_top_event *events; /**< oldest first */
	size_t events_len;
	const char *file;	 /**< the recording; NULL: live */
	int64_t clock_offset_ns; /**< CLOCK_REALTIME minus CLOCK_BOOTTIME */
	int64_t every_ns;
	int64_t processes_every_ns; /**< processes are looked at this often */
};

/** One line: a group of accounts, or one account or process. */
struct ul_top_row {
	struct ul_history_track *track; /**< NULL: a group */
	enum ul_kind kind;
	size_t members; /**< of a group */
	int64_t bytes;
	int64_t change;	 /**< since the baseline; UL_HISTORY_NONE: not known */
	int64_t objects; /**< -1: none */
	double rate;
	double half; /**< half of the 95 % interval */
	enum ul_growth_verdict verdict;
	bool judged; /**< rate and verdict are there */
	double score;
	const struct ul_cache *cache;	  /**< or NULL */
	const struct ul_process *process; /**< or NULL */
	bool tagged;
};

/** Which account or process: survives that its track is forgotten. */
struct ul_top_id {
	enum ul_kind kind;
	char name[96]; /**< "": the group of that kind */
};

enum ul_top_prompt { UL_PROMPT_NONE, UL_PROMPT_SEARCH, UL_PROMPT_FILTER, UL_PROMPT_SORT };

enum { UL_TOP_TAGS_MAX = 256, UL_TOP_TEXT = 64 };

struct ul_top {
	enum ul_top_tab tab;
	enum ul_top_sort sort[UL_TAB_COUNT];
	bool reverse[UL_TAB_COUNT];
	bool flat;	     /**< overview: every account a row, not grouped by class */
	enum ul_kind within; /**< overview: only this class; 0: all */
	bool paused;	     /**< position_ns counts, not the newest point */
	bool help;
	bool quit;
	bool stale;  /**< a key has changed which rows there are, or their order */
	bool detail; /**< the page of `shown` is open */
	struct ul_top_id shown;
	int64_t position_ns;
	int64_t baseline_ns; /**< 0: the oldest point */
	int64_t window_ns;   /**< growth and curves look back this far; 0: to the baseline */
	enum ul_top_prompt prompt;
	char filter[UL_TOP_TEXT];
	char search[UL_TOP_TEXT];
	size_t menu; /**< line of the sort menu */
	struct ul_top_id selected;
	size_t at;     /**< row of `selected` */
	size_t offset; /**< first row on the screen */
	size_t page;   /**< rows that fit, as last drawn */
	UL_VEC(struct ul_top_id) tags;
	UL_VEC(struct ul_top_row) rows;
	char message[128]; /**< shown until the next key */
};

void ul_top_init(struct ul_top *top);
void ul_top_deinit(struct ul_top *top);
#define UL_CLEANUP_TOP UL_CLEANUP(ul_top_deinit)

/** Rebuild the rows from @p input; the selection stays on what it was on. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_top_rows(struct ul_top *top, const struct ul_top_input *input);
/** Apply a key; where `stale` is set then, the rows must be rebuilt. @return false: no such key. */
bool ul_top_key(struct ul_top *top, const struct ul_top_input *input, int key);
/** Draw the whole screen; the canvas has its size. Remembers what fits. */
void ul_top_draw(struct ul_top *top, const struct ul_top_input *input, struct ul_canvas *canvas);

/** The history a tab shows. */
const struct ul_history *ul_top_history(const struct ul_top *top, const struct ul_top_input *input);
/** The point that is looked at, of @p history, which has one. */
size_t ul_top_point(const struct ul_top *top, const struct ul_history *history);
/** Where the window of growth begins, seen from point @p at. */
int64_t ul_top_window_from(const struct ul_top *top, const struct ul_history *history, size_t at);
/** The track of the open page, or NULL when none is open or it is a group, or gone. */
struct ul_history_track *ul_top_shown(const struct ul_top *top, const struct ul_top_input *input);
/** The process whose mappings the open page shows; 0: none. */
pid_t ul_top_wants_mappings(const struct ul_top *top, const struct ul_top_input *input);
/** "suspicion", "bytes", ...: for the menu and the line of tabs. */
const char *ul_top_sort_name(enum ul_top_sort sort);
/** True where tab @p tab can be ordered by @p sort. */
bool ul_top_sort_fits(enum ul_top_tab tab, enum ul_top_sort sort);

#endif
