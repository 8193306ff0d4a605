// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of terminal_ncurses.c where ncurses is not to be had. */
#include "view/tui/terminal.h"

struct ul_error *ul_terminal_open(bool color, struct ul_terminal **ret)
{
	return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED, "built without ncurses: no screen"),
			     "as text: ullage top --batch 1");
}

void ul_terminal_close(struct ul_terminal *terminal)
{
}

void ul_terminal_size(const struct ul_terminal *terminal, unsigned int *ret_rows,
		      unsigned int *ret_columns)
{
	*ret_rows = *ret_columns = 0;
}

int ul_terminal_key(struct ul_terminal *terminal)
{
	return 0;
}

void ul_terminal_show(struct ul_terminal *terminal, const struct ul_canvas *canvas, bool whole)
{
}
