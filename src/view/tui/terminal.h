/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one real terminal: a canvas is shown on it, keys come from it. terminal_ncurses.c, or
 * terminal_none.c where ullage is built without ncurses.
 */
#ifndef UL_VIEW_TUI_TERMINAL_H
#define UL_VIEW_TUI_TERMINAL_H

#include "base/error.h"
#include "view/tui/canvas.h"

struct ul_terminal;

/** UL_ERR_UNSUPPORTED: built without it, or the terminal cannot place the cursor. */
UL_MUST_USE struct ul_error *ul_terminal_open(bool color, struct ul_terminal **ret);
/** Restore the terminal as it was. NULL is fine. */
void ul_terminal_close(struct ul_terminal *terminal);
UL_DEFINE_CLEANUP(ul_cleanup_terminal, struct ul_terminal, ul_terminal_close);
#define UL_CLEANUP_TERMINAL UL_CLEANUP(ul_cleanup_terminal)
/** Its size now. */
void ul_terminal_size(const struct ul_terminal *terminal, unsigned int *ret_rows,
		      unsigned int *ret_columns);
/** A key that waits (enum ul_top_keys), UL_KEY_NONE: none. Does not block. */
int ul_terminal_key(struct ul_terminal *terminal);
/** Show @p canvas; @p whole: draw everything anew, whatever the terminal shows. */
void ul_terminal_show(struct ul_terminal *terminal, const struct ul_canvas *canvas, bool whole);

#endif
