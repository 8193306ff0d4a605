// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/term.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "view/progress.h"
#include "view/site.h"

struct screen {
	char *text;
	size_t len;
	struct ul_term term;
};

static void screen_open(struct screen *screen, unsigned int width, bool color)
{
	*screen = (struct screen){0};
	FILE *file = open_memstream(&screen->text, &screen->len);
	assert_non_null(file);
	screen->term = (struct ul_term){.out = file, .width = width, .color = color};
}

static void screen_expect(struct screen *screen, const char *expected)
{
	fclose(screen->term.out);
	assert_string_equal(screen->text, expected);
	free(screen->text);
}

static const struct ul_table_column columns[] = {{.title = "NAME", .shrinks = true, .min = 4},
						 {.title = "BYTES", .right = true},
						 {.title = "NOTE"}};

static void fill(struct ul_table *table)
{
	ul_table_init(table, columns, UL_ARRAY_LEN(columns));
	ul_table_cell(table, UL_STYLE_PLAIN, "%s", "short");
	ul_table_cell(table, UL_STYLE_PLAIN, "%d", 1);
	ul_table_cell(table, UL_STYLE_PLAIN, "%s", "");
	ul_table_cell(table, UL_STYLE_PLAIN, "%s", "a-very-long-name");
	ul_table_cell(table, UL_STYLE_PLAIN, "%d", 123456);
	ul_table_cell(table, UL_STYLE_PLAIN, "%s", "x");
}

static void a_table_is_as_wide_as_its_contents(void **state)
{
	struct screen screen;
	struct ul_table table UL_CLEANUP_TABLE;
	screen_open(&screen, 80, false);
	fill(&table);
	assert_null(ul_table_print(&screen.term, &table));
	screen_expect(&screen, "  NAME               BYTES  NOTE\n"
			       "  short                  1\n"
			       "  a-very-long-name  123456  x\n");
}

static void a_narrow_table_cuts_names_and_never_numbers(void **state)
{
	struct screen screen;
	struct ul_table table UL_CLEANUP_TABLE;
	screen_open(&screen, 26, false); // 2 + 8 + 2 + 6 + 2 + 4 = 24: the name keeps 10
	fill(&table);
	assert_null(ul_table_print(&screen.term, &table));
	screen_expect(&screen, "  NAME         BYTES  NOTE\n"
			       "  short            1\n"
			       "  a-very-lo~  123456  x\n");
}

static void names_cannot_steer_the_terminal(void **state)
{
	struct ul_buf buf UL_CLEANUP_BUF = {0};
	ul_term_escape(&buf, "a\033[2J\n\xff\xc2\x9b"
			     "b\xe2\x80\xae"
			     "c\xc3\xbc");
	assert_string_equal(ul_buf_str(&buf),
			    "a\\x1b[2J\\n\\xff\\xc2\\x9bb\\xe2\\x80\\xaec\xc3\xbc");
}

static void colour_is_off_unless_asked_for(void **state)
{
	struct screen screen;
	screen_open(&screen, 80, false);
	ul_term_print(&screen.term, UL_STYLE_BAD, "leak");
	screen_expect(&screen, "leak");
	screen_open(&screen, 80, true);
	ul_term_print(&screen.term, UL_STYLE_BAD, "leak");
	screen_expect(&screen, "\033[31mleak\033[0m");
}

static void paragraphs_break_at_blanks_and_keep_their_indent(void **state)
{
	struct screen screen;
	screen_open(&screen, 10, false);
	ul_term_wrap(&screen.term, UL_STYLE_PLAIN, 4, "  one two three fourteenletters x");
	screen_expect(&screen, "  one two\n    three\n    fourteenletters\n    x\n");
}

static void losses_name_the_side_they_err_to(void **state)
{
	struct screen screen;
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	screen_open(&screen, 80, false);
	ul_term_losses(&screen.term, &losses);
	assert_null(ul_losses_add(&losses, UL_BIAS_UNDER, 12345, "events missed"));
	ul_term_losses(&screen.term, &losses);
	screen_expect(&screen,
		      "\nNot seen\n  12,345 events missed (the true figures are larger)\n");
}

static void progress_waits_a_second_and_erases_itself(void **state)
{
	struct screen screen;
	struct ul_progress progress;
	screen_open(&screen, 80, false);
	ul_progress_init(&progress, screen.term.out, 60, 5);
	ul_progress_update(&progress, 5 + UL_NS_PER_S / 2, 0.25, 2, "sampling");
	ul_progress_update(&progress, 5 + UL_NS_PER_S, 0.5, 2, "sampling");
	ul_progress_update(&progress, 6 + UL_NS_PER_S, 0.5, 2, "sampling"); // too soon to redraw
	ul_progress_end(&progress);
	ul_progress_end(&progress);
	// 22 of bar, 7 of percent, 20 of words, 10 of "  Ctrl-C: ": 59 of 60 columns.
	screen_expect(&screen, "\r[##########..........]  50 % sampling, 2.0 s left  Ctrl-C: "
			       "\033[K\r\033[K");
}

static void progress_without_a_terminal_says_nothing(void **state)
{
	struct ul_progress progress;
	ul_progress_init(&progress, NULL, 80, 0);
	ul_progress_update(&progress, 10 * UL_NS_PER_S, (double)NAN, (double)NAN, "x");
	ul_progress_end(&progress);
}

static void most_is_said_of_more_than_half_only(void **state)
{
	(void)state;
	struct ul_buf text UL_CLEANUP_BUF = {0};
	ul_term_identity(&text, "/tmp/a", 9, 16);
	assert_string_equal(ul_buf_str(&text), "most of them (9 of the 16 looked at): /tmp/a");
	ul_buf_clear(&text);
	ul_term_identity(&text, "/tmp/a", 8, 16);
	assert_string_equal(ul_buf_str(&text), "8 of the 16 looked at: /tmp/a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_is_said_of_more_than_half_only),
		cmocka_unit_test(a_table_is_as_wide_as_its_contents),
		cmocka_unit_test(a_narrow_table_cuts_names_and_never_numbers),
		cmocka_unit_test(names_cannot_steer_the_terminal),
		cmocka_unit_test(colour_is_off_unless_asked_for),
		cmocka_unit_test(paragraphs_break_at_blanks_and_keep_their_indent),
		cmocka_unit_test(losses_name_the_side_they_err_to),
		cmocka_unit_test(progress_waits_a_second_and_erases_itself),
		cmocka_unit_test(progress_without_a_terminal_says_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
