// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/tui/canvas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "view/tui/spark.h"

static void expect(const struct ul_canvas *canvas, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	assert_non_null(file);
	assert_true(ul_canvas_write(canvas, file));
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
}

static void text_is_cut_at_its_width_and_at_the_edge(void **state)
{
	struct ul_canvas canvas UL_CLEANUP_CANVAS = {.utf8 = true};
	assert_true(ul_canvas_resize(&canvas, 2, 10));
	assert_int_equal(ul_canvas_put(&canvas, 0, 0, 4, UL_INK_PLAIN, "abcdef"), 4);
	assert_int_equal(ul_canvas_put(&canvas, 1, 7, 10, UL_INK_PLAIN, "xyz"), 3);
	assert_int_equal(ul_canvas_put(&canvas, 2, 0, 4, UL_INK_PLAIN, "below"), 0);
	assert_int_equal(ul_canvas_put(&canvas, 0, 10, 4, UL_INK_PLAIN, "beside"), 0);
	expect(&canvas, "abc~\n       xyz\n");
}

static void numbers_end_at_the_right(void **state)
{
	struct ul_canvas canvas UL_CLEANUP_CANVAS = {.utf8 = true};
	assert_true(ul_canvas_resize(&canvas, 1, 10));
	ul_canvas_put_right(&canvas, 0, 2, 6, UL_INK_PLAIN, "±12");
	expect(&canvas, "     ±12\n");
}

static void names_from_outside_cannot_move_the_cursor_or_the_columns(void **state)
{
	struct ul_canvas canvas UL_CLEANUP_CANVAS = {.utf8 = true};
	assert_true(ul_canvas_resize(&canvas, 1, 20));
	// Escape, a wide character, a combining one, a lone continuation byte, a soft hyphen.
	ul_canvas_put(&canvas, 0, 0, 20, UL_INK_PLAIN,
		      "a\033[2J\xe6\xbc\xa2\xcc\x81\x80\xc2\xad"
		      "z\xc3\xa9");
	expect(&canvas, "a?[2J????zé\n");
}

static void without_utf8_everything_is_ascii(void **state)
{
	struct ul_canvas canvas UL_CLEANUP_CANVAS = {.utf8 = false};
	const double values[] = {0, 1, 2, 3, NAN, 4};
	assert_true(ul_canvas_resize(&canvas, 1, 12));
	ul_canvas_put(&canvas, 0, 0, 4, UL_INK_PLAIN, "é█");
	ul_spark(&canvas, 0, 4, 1, UL_INK_PLAIN, values, 6);
	for (unsigned int i = 0; i < 12; i++)
		assert_true(canvas.cells[i].text[0] >= ' ' && canvas.cells[i].text[0] <= '~');
	assert_memory_equal(canvas.cells[0].text, "?", 2);
	assert_memory_equal(canvas.cells[8].text, " ", 2); // nothing was there
	assert_memory_equal(canvas.cells[9].text, "#", 2);
}

static void a_curve_rises_from_its_least_to_its_largest_value(void **state)
{
	struct ul_canvas canvas UL_CLEANUP_CANVAS = {.utf8 = true};
	const double rising[] = {10, 11, 12, 13, 14, 15, 16, 17};
	const double flat[] = {5, 5, 5};
	assert_true(ul_canvas_resize(&canvas, 4, 10));
	ul_spark(&canvas, 0, 0, 1, UL_INK_PLAIN, rising, 8);
	ul_spark(&canvas, 1, 0, 1, UL_INK_PLAIN, flat, 3);
	ul_spark(&canvas, 2, 0, 2, UL_INK_PLAIN, (const double[]){0, 15}, 2);
	expect(&canvas, "▁▂▃▄▅▆▇█\n▁▁▁\n █\n▁█\n");
}

static void resizing_blanks(void **state)
{
	struct ul_canvas canvas UL_CLEANUP_CANVAS = {0};
	assert_true(ul_canvas_resize(&canvas, 2, 3));
	ul_canvas_put(&canvas, 0, 0, 3, UL_INK_PLAIN, "abc");
	assert_true(ul_canvas_resize(&canvas, 1, 5));
	expect(&canvas, "\n");
	assert_true(ul_canvas_resize(&canvas, 100000, 100000));
	assert_int_equal(canvas.rows, UL_CANVAS_ROWS_MAX);
	assert_int_equal(canvas.columns, UL_CANVAS_COLUMNS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut_at_its_width_and_at_the_edge),
		cmocka_unit_test(numbers_end_at_the_right),
		cmocka_unit_test(names_from_outside_cannot_move_the_cursor_or_the_columns),
		cmocka_unit_test(without_utf8_everything_is_ascii),
		cmocka_unit_test(a_curve_rises_from_its_least_to_its_largest_value),
		cmocka_unit_test(resizing_blanks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
