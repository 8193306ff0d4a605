// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ncurses, and nothing of it outside this file. The screen is written whole each time; ncurses
 * sends the terminal what has changed.
 *
 * Signals: ncurses takes SIGTSTP (suspend and come back) and SIGWINCH (a key of its own, which ends
 * a wait); the others are the caller's, who closes the terminal on its way out.
 */
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "view/tui/terminal.h"
#include "view/tui/top.h"

struct ul_terminal {
	SCREEN *screen;
	attr_t inks[UL_INK_COUNT];
};

enum { ESCAPE_DELAY_MS = 25 };

static void set_inks(struct ul_terminal *terminal, bool color)
{
	static const struct {
		attr_t attributes;
		short foreground;
		bool reverse; /**< letters of the bar, on their colour */
	} looks[UL_INK_COUNT] = {
		[UL_INK_PLAIN] = {A_NORMAL, -1, false},
		[UL_INK_STRONG] = {A_BOLD, -1, false},
		[UL_INK_DIM] = {A_NORMAL, -1, false},
		[UL_INK_BAD] = {A_BOLD, COLOR_RED, false},
		[UL_INK_WARN] = {A_NORMAL, COLOR_YELLOW, false},
		[UL_INK_GOOD] = {A_NORMAL, COLOR_GREEN, false},
		[UL_INK_HEAD] = {A_REVERSE, -1, false},
		[UL_INK_SELECTED] = {A_REVERSE | A_BOLD, -1, false},
		[UL_INK_FREE] = {A_NORMAL, -1, false},
		[UL_INK_ANON] = {A_NORMAL, COLOR_GREEN, true},
		[UL_INK_FILE] = {A_NORMAL, COLOR_YELLOW, true},
		[UL_INK_SHMEM] = {A_NORMAL, COLOR_CYAN, true},
		[UL_INK_SLAB] = {A_NORMAL, COLOR_BLUE, true},
		[UL_INK_KERNEL] = {A_NORMAL, COLOR_MAGENTA, true},
		[UL_INK_UNACCOUNTED] = {A_BOLD, COLOR_RED, true},
	};
	const bool use = color && has_colors() && start_color() == OK && use_default_colors() == OK;
	for (int i = 0; i < UL_INK_COUNT; i++) {
		terminal->inks[i] = looks[i].attributes;
		if (!use || looks[i].foreground < 0)
			continue;
		init_pair((short)(i + 1), looks[i].foreground, -1);
		terminal->inks[i] |= (attr_t)COLOR_PAIR(i + 1) | (looks[i].reverse ? A_REVERSE : 0);
	}
}

struct ul_error *ul_terminal_open(bool color, struct ul_terminal **ret)
{
	struct ul_terminal *terminal UL_CLEANUP_TERMINAL = calloc(1, sizeof(*terminal));
	if (!terminal)
		return &ul_enomem;
	const char *type = getenv("TERM");
	// newterm(), as initscr() prints and exits where the terminal is not known.
	terminal->screen = newterm(NULL, stdout, stdin);
	if (!terminal->screen)
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "the terminal type '%s' is not known here",
						  type ? type : ""),
				     "try TERM=xterm or TERM=vt100; as text: ullage top --batch 1");
	if (!tigetstr("cup") || tigetstr("cup") == (char *)-1)
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "the terminal '%s' cannot place the cursor",
						  type ? type : ""),
				     "as text: ullage top --batch 1");
	set_escdelay(ESCAPE_DELAY_MS);
	cbreak();
	noecho();
	nonl();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	set_inks(terminal, color);
	*ret = UL_TAKE(terminal);
	return NULL;
}

void ul_terminal_close(struct ul_terminal *terminal)
{
	if (!terminal)
		return;
	if (terminal->screen) {
		curs_set(1);
		endwin();
		delscreen(terminal->screen);
	}
	free(terminal);
}

void ul_terminal_size(const struct ul_terminal *terminal, unsigned int *ret_rows,
		      unsigned int *ret_columns)
{
	*ret_rows = LINES > 0 ? (unsigned int)LINES : 0;
	*ret_columns = COLS > 0 ? (unsigned int)COLS : 0;
}

static int translate(int key)
{
	static const struct {
		int curses;
		int key;
	} keys[] = {
		{KEY_UP, UL_KEY_UP},	     {KEY_DOWN, UL_KEY_DOWN},
		{KEY_LEFT, UL_KEY_LEFT},     {KEY_RIGHT, UL_KEY_RIGHT},
		{KEY_HOME, UL_KEY_HOME},     {KEY_END, UL_KEY_END},
		{KEY_FIND, UL_KEY_HOME},     {KEY_SELECT, UL_KEY_END},
		{KEY_PPAGE, UL_KEY_PAGE_UP}, {KEY_NPAGE, UL_KEY_PAGE_DOWN},
		{KEY_BTAB, UL_KEY_BACK_TAB}, {KEY_ENTER, UL_KEY_ENTER},
		{'\r', UL_KEY_ENTER},	     {KEY_BACKSPACE, UL_KEY_BACKSPACE},
		{KEY_DC, UL_KEY_BACKSPACE},  {'\b', UL_KEY_BACKSPACE},
		{KEY_F(1), UL_KEY_F1},	     {KEY_F(3), UL_KEY_F3},
		{KEY_F(4), UL_KEY_F4},	     {KEY_F(5), UL_KEY_F5},
		{KEY_F(6), UL_KEY_F6},	     {KEY_F(10), UL_KEY_F10},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(keys); i++)
		if (keys[i].curses == key)
			return keys[i].key;
	return key < KEY_MIN ? key : UL_KEY_NONE;
}

int ul_terminal_key(struct ul_terminal *terminal)
{
	for (;;) {
		const int key = getch();
		if (key == ERR)
			return UL_KEY_NONE;
		const int translated = translate(key);
		// The size is asked for at each drawing; other keys are not ours.
		if (translated != UL_KEY_NONE)
			return translated;
	}
}

void ul_terminal_show(struct ul_terminal *terminal, const struct ul_canvas *canvas, bool whole)
{
	if (whole)
		clearok(stdscr, TRUE);
	erase();
	for (unsigned int row = 0; row < canvas->rows; row++) {
		const struct ul_canvas_cell *cells = &canvas->cells[(size_t)row * canvas->columns];
		for (unsigned int i = 0; i < canvas->columns; i++) {
			if (cells[i].ink == UL_INK_PLAIN && cells[i].text[0] == ' ')
				continue;
			attrset((int)terminal->inks[cells[i].ink]);
			mvaddstr((int)row, (int)i, cells[i].text);
		}
	}
	attrset(A_NORMAL);
	refresh();
}
