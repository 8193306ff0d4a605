// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/tui/top.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000LL
#define MIB    (1024 * 1024LL)

/** A machine of 1 GiB, watched for a minute, and the screen of it. */
struct scene {
	struct ul_kernel kernel;
	struct ul_history accounts;
	struct ul_history processes;
	struct ul_losses losses;
	struct ul_top top;
	struct ul_top_input input;
	struct ul_canvas canvas;
	char *text;
};

static void ok(struct ul_error *error)
{
	if (error)
		fail_msg("%s", error->message);
}

static void add(struct ul_history *history, enum ul_kind kind, const char *name, pid_t pid,
		int64_t bytes)
{
	ok(ul_history_add(history, kind, name, pid ? "worker" : NULL, pid, false,
			  (struct ul_history_value){bytes, kind == UL_KIND_SLAB ? 7 : -1}));
}

static void set_verdict(struct scene *scene, const char *name, enum ul_growth_verdict verdict,
			double rate)
{
	struct ul_history_track *track = ul_history_find(&scene->accounts, UL_KIND_SLAB, name);
	assert_non_null(track);
	track->growth = (struct ul_growth){.verdict = verdict,
					   .bytes_per_s = rate,
					   .low = rate - 10,
					   .high = rate + 10,
					   .score = 0.5};
	track->growth_at_ns = 1;
}

static void add_second(struct scene *scene, int64_t t)
{
	struct ul_history *accounts = &scene->accounts;
	ok(ul_history_begin(accounts, t * SECOND));
	add(accounts, UL_KIND_SLAB, "kmalloc-4k", 0, 4096 * t);
	add(accounts, UL_KIND_SLAB, "dentry", 0, 20 * MIB);
	add(accounts, UL_KIND_SLAB, "filp", 0, MIB);
	add(accounts, UL_KIND_ANON, "anon", 0, 100 * MIB);
	add(accounts, UL_KIND_UNACCOUNTED, "unaccounted", 0, 3 * MIB);
	add(accounts, UL_KIND_NOTE, "sockets", 0, 12345);
	add(accounts, UL_KIND_FREE, "free", 0, (1024 - 124) * MIB - 4096 * t);
	ok(ul_history_begin(&scene->processes, t * SECOND));
	for (pid_t pid = 1; pid <= 40; pid++) {
		char name[32];
		snprintf(name, sizeof(name), "%d:1", (int)pid);
		add(&scene->processes, UL_KIND_PROCESS, name, pid, pid * 1000 + t);
	}
}

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	if (!scene)
		return -1;
	strcpy(scene->kernel.node, "host");
	strcpy(scene->kernel.release, "6.1.0");
	ul_history_init(&scene->accounts, true);
	ul_history_init(&scene->processes, true);
	ul_top_init(&scene->top);
	for (int64_t t = 1; t <= 60; t++)
		add_second(scene, t);
	scene->input = (struct ul_top_input){.kernel = &scene->kernel,
					     .accounts = &scene->accounts,
					     .processes = &scene->processes,
					     .losses = &scene->losses,
					     .outlook = {.seconds = INFINITY},
					     .every_ns = SECOND};
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	ul_history_deinit(&scene->accounts);
	ul_history_deinit(&scene->processes);
	ul_losses_deinit(&scene->losses);
	ul_top_deinit(&scene->top);
	ul_canvas_deinit(&scene->canvas);
	free(scene->text);
	free(scene);
	return 0;
}

/** The screen in that size, as text. */
static const char *draw(struct scene *scene, unsigned int columns, unsigned int rows)
{
	size_t len;
	free(scene->text);
	scene->text = NULL;
	assert_true(ul_canvas_resize(&scene->canvas, rows, columns));
	ok(ul_top_rows(&scene->top, &scene->input));
	ul_top_draw(&scene->top, &scene->input, &scene->canvas);
	FILE *file = open_memstream(&scene->text, &len);
	assert_non_null(file);
	assert_true(ul_canvas_write(&scene->canvas, file));
	fclose(file);
	return scene->text;
}

static void press(struct scene *scene, int key)
{
	ok(ul_top_rows(&scene->top, &scene->input));
	assert_true(ul_top_key(&scene->top, &scene->input, key));
	draw(scene, 100, 30);
}

static void type(struct scene *scene, const char *text)
{
	for (; *text; text++)
		press(scene, *text);
}

static const struct ul_top_row *row_at(const struct scene *scene, size_t at)
{
	assert_true(at < scene->top.rows.len);
	return &scene->top.rows.data[at];
}

static void assert_shows(const char *screen, const char *text)
{
	if (!screen || !strstr(screen, text))
		fail_msg("no '%s' in:\n%s", text, screen ? screen : "");
}

static void classes_add_up_their_members(void **state)
{
	struct scene *scene = *state;
	set_verdict(scene, "kmalloc-4k", UL_GROWTH_LEAK_LIKE, 4096);
	set_verdict(scene, "dentry", UL_GROWTH_FLAT, 0);
	draw(scene, 80, 24);
	// slab, anon, unaccounted, free: the note overlaps them and is none.
	assert_int_equal(scene->top.rows.len, 4);
	const struct ul_top_row *slab = row_at(scene, 0); // the leak comes first
	assert_int_equal(slab->kind, UL_KIND_SLAB);
	assert_null(slab->track);
	assert_int_equal(slab->members, 3);
	assert_int_equal(slab->bytes, 21 * MIB + 4096 * 60);
	assert_int_equal(slab->change, 4096 * 59);
	assert_int_equal(slab->objects, 21);
	assert_int_equal(slab->verdict, UL_GROWTH_LEAK_LIKE);
	assert_true(fabs(slab->half - hypot(10, 10)) < 1e-9);
}

static void every_size_down_to_the_least_shows_the_rows(void **state)
{
	static const unsigned int sizes[][2] = {{80, 24},    {60, 15}, {40, 10}, {200, 50},
						{1000, 500}, {41, 11}, {76, 20}};
	struct scene *scene = *state;
	for (int tab = 0; tab < UL_TAB_COUNT; tab++) {
		ul_top_key(&scene->top, &scene->input, '1' + tab);
		for (size_t i = 0; i < UL_ARRAY_LEN(sizes); i++) {
			const char *screen = draw(scene, sizes[i][0], sizes[i][1]);
			assert_shows(screen, "ullage");
			assert_shows(screen, "unaccounted");
			if (tab == UL_TAB_SLAB)
				assert_shows(screen, "dentry");
			if (tab == UL_TAB_PROCESSES)
				assert_shows(screen, "worker");
		}
	}
	assert_shows(draw(scene, 39, 24), "too small");
	assert_shows(draw(scene, 80, 9), "too small");
	draw(scene, 1, 1);
	draw(scene, 0, 0);
}

static void a_narrow_screen_keeps_name_bytes_growth_and_verdict(void **state)
{
	struct scene *scene = *state;
	set_verdict(scene, "kmalloc-4k", UL_GROWTH_LEAK_LIKE, 4096);
	type(scene, "2");
	const char *screen = draw(scene, 60, 15);
	assert_shows(screen, "kmalloc-4k");
	assert_shows(screen, "240 KiB");
	assert_shows(screen, "+4.0 KiB/s");
	assert_shows(screen, "leak-like");
}

static void enter_opens_class_cache_and_page_and_escape_goes_back(void **state)
{
	struct scene *scene = *state;
	set_verdict(scene, "kmalloc-4k", UL_GROWTH_LEAK_LIKE, 4096);
	press(scene, UL_KEY_ENTER);
	assert_int_equal(scene->top.within, UL_KIND_SLAB);
	assert_int_equal(scene->top.rows.len, 3);
	assert_string_equal(row_at(scene, 0)->track->name, "kmalloc-4k");
	press(scene, UL_KEY_ENTER);
	assert_true(scene->top.detail);
	assert_shows(scene->text, "sudo ullage trace --cache kmalloc-4k");
	assert_shows(scene->text, "cannot take it back");
	press(scene, UL_KEY_ESCAPE);
	assert_false(scene->top.detail);
	press(scene, UL_KEY_BACKSPACE);
	assert_int_equal(scene->top.within, 0);
	assert_int_equal(scene->top.rows.len, 4);
}

static void from_anonymous_memory_enter_leads_to_the_processes(void **state)
{
	struct scene *scene = *state;
	type(scene, "c"); // by bytes: free, anon
	press(scene, UL_KEY_DOWN);
	press(scene, UL_KEY_ENTER);
	assert_shows(scene->text, "anon (anon)");
	press(scene, UL_KEY_ENTER);
	assert_int_equal(scene->top.tab, UL_TAB_PROCESSES);
	assert_int_equal(scene->top.rows.len, 40);
	press(scene, UL_KEY_ENTER);
	assert_int_equal(ul_top_wants_mappings(&scene->top, &scene->input), 40);
}

static void the_selection_stays_on_its_account_when_the_order_changes(void **state)
{
	struct scene *scene = *state;
	type(scene, "2c"); // dentry, filp, kmalloc-4k
	press(scene, UL_KEY_DOWN);
	assert_string_equal(row_at(scene, scene->top.at)->track->name, "filp");
	set_verdict(scene, "kmalloc-4k", UL_GROWTH_LEAK_LIKE, 4096);
	scene->top.sort[UL_TAB_SLAB] = UL_SORT_SUSPICION;
	draw(scene, 80, 24);
	assert_int_equal(scene->top.at, 2);
	assert_string_equal(row_at(scene, 2)->track->name, "filp");
}

static void sorting_follows_the_keys_and_turns_round(void **state)
{
	struct scene *scene = *state;
	type(scene, "2n");
	assert_string_equal(row_at(scene, 0)->track->name, "dentry");
	assert_string_equal(row_at(scene, 2)->track->name, "kmalloc-4k");
	type(scene, "n");
	assert_string_equal(row_at(scene, 0)->track->name, "kmalloc-4k");
	type(scene, "d");
	assert_string_equal(row_at(scene, 0)->track->name, "kmalloc-4k"); // the one that changed
	type(scene, "4s"); // processes have no object size
	assert_shows(scene->text, "no column for: object size");
	press(scene, UL_KEY_F6);
	assert_shows(scene->text, "> suspicion");
	press(scene, UL_KEY_DOWN);
	press(scene, UL_KEY_ENTER);
	assert_int_equal(scene->top.sort[UL_TAB_PROCESSES], UL_SORT_BYTES);
	assert_int_equal(row_at(scene, 0)->track->pid, 40);
}

static void filter_and_search_find_by_part_of_the_name(void **state)
{
	struct scene *scene = *state;
	type(scene, "2\\KMAL");
	assert_int_equal(scene->top.rows.len, 1);
	press(scene, UL_KEY_BACKSPACE);
	press(scene, UL_KEY_ENTER);
	assert_string_equal(scene->top.filter, "KMA");
	press(scene, UL_KEY_ESCAPE);
	assert_int_equal(scene->top.rows.len, 3);
	type(scene, "n/filp");
	assert_string_equal(row_at(scene, scene->top.at)->track->name, "filp");
	type(scene, "zz");
	assert_shows(scene->text, "Search: filpzz");
	press(scene, UL_KEY_ESCAPE);
	type(scene, "4\\17");
	assert_int_equal(scene->top.rows.len, 1); // by pid
}

static void changes_count_from_the_baseline(void **state)
{
	struct scene *scene = *state;
	type(scene, "2b");
	for (int64_t t = 61; t <= 70; t++)
		add_second(scene, t);
	type(scene, "d");
	assert_string_equal(row_at(scene, 0)->track->name, "kmalloc-4k");
	assert_int_equal(row_at(scene, 0)->change, 10 * 4096);
	ok(ul_history_begin(&scene->accounts, 71 * SECOND));
	add(&scene->accounts, UL_KIND_SLAB, "new", 0, 5000);
	ok(ul_history_begin(&scene->accounts, 72 * SECOND));
	add(&scene->accounts, UL_KIND_SLAB, "new", 0, 6000);
	draw(scene, 80, 24);
	assert_int_equal(scene->top.rows.len, 1); // the others were not in this sample
	assert_int_equal(row_at(scene, 0)->change, 6000);
}

static void the_past_can_be_looked_at(void **state)
{
	struct scene *scene = *state;
	type(scene, "2d");
	type(scene, "[[");
	assert_shows(scene->text, "PAUSED 2.0 s ago");
	assert_int_equal(row_at(scene, 0)->bytes, 58 * 4096);
	type(scene, "{");
	assert_int_equal(row_at(scene, 0)->bytes, 28 * 4096);
	add_second(scene, 61);
	draw(scene, 80, 24);
	assert_int_equal(row_at(scene, 0)->bytes, 28 * 4096); // time goes on, the screen does not
	type(scene, "{]");
	assert_int_equal(row_at(scene, 0)->bytes, 2 * 4096);
	type(scene, "p");
	assert_int_equal(row_at(scene, 0)->bytes, 61 * 4096);
}

static void home_and_end_are_those_of_a_recording(void **state)
{
	struct scene *scene = *state;
	scene->input.file = "/var/log/night.ullage";
	scene->top.paused = true;
	scene->top.position_ns = 60 * SECOND;
	assert_shows(draw(scene, 100, 24), "night.ullage, sample 60 of 60");
	press(scene, UL_KEY_HOME);
	assert_shows(scene->text, "sample 1 of 60");
	press(scene, UL_KEY_RIGHT);
	assert_shows(scene->text, "sample 2 of 60");
	press(scene, UL_KEY_END);
	assert_shows(scene->text, "sample 60 of 60");
	press(scene, 'p');
	assert_true(scene->top.paused);
}

static void tagged_rows_stay_on_top_and_are_added_up(void **state)
{
	struct scene *scene = *state;
	type(scene, "2n");
	press(scene, UL_KEY_DOWN);
	type(scene, "  ");				 // filp, then kmalloc-4k
	assert_shows(scene->text, "2 tagged: 1.23 MiB"); // 1 MiB + 240 KiB
	type(scene, "c");
	assert_string_equal(row_at(scene, 0)->track->name, "filp");
	assert_string_equal(row_at(scene, 2)->track->name, "dentry");
	type(scene, "U");
	assert_string_equal(row_at(scene, 0)->track->name, "dentry");
}

static void the_header_says_when_memory_will_be_gone(void **state)
{
	struct scene *scene = *state;
	scene->input.outlook = (struct ul_outlook){.leaks = 2,
						   .bytes_per_s = 2048,
						   .low = 1024,
						   .high = 3072,
						   .seconds = 7200,
						   .seconds_low = 3600,
						   .seconds_high = INFINITY,
						   .used_per_s = 1024,
						   .used_low = 512,
						   .used_high = 2048};
	const char *screen = draw(scene, 80, 24);
	assert_shows(screen, "2 leak-like +2.0 +-1.0 KiB/s; full in 2 h (1 h to never)");
	assert_shows(screen, "in use +3.52 MiB/h");
}

static void any_sequence_of_keys_leaves_a_drawable_screen(void **state)
{
	struct scene *scene = *state;
	uint32_t seed = 12345;
	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		const int key = (int)(seed >> 16) % (UL_KEY_F10 + 10);
		ok(ul_top_rows(&scene->top, &scene->input));
		ul_top_key(&scene->top, &scene->input, key);
		if (i % 5 == 0)
			draw(scene, 30 + (seed >> 8) % 120, 8 + (seed >> 20) % 50);
		if (i % 1000 == 0)
			add_second(scene, 100 + i);
	}
	assert_true(scene->top.quit); // q was among them
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(classes_add_up_their_members, setup, teardown),
		cmocka_unit_test_setup_teardown(every_size_down_to_the_least_shows_the_rows, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_narrow_screen_keeps_name_bytes_growth_and_verdict,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			enter_opens_class_cache_and_page_and_escape_goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(from_anonymous_memory_enter_leads_to_the_processes,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_selection_stays_on_its_account_when_the_order_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(sorting_follows_the_keys_and_turns_round, setup,
						teardown),
		cmocka_unit_test_setup_teardown(filter_and_search_find_by_part_of_the_name, setup,
						teardown),
		cmocka_unit_test_setup_teardown(changes_count_from_the_baseline, setup, teardown),
		cmocka_unit_test_setup_teardown(the_past_can_be_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(home_and_end_are_those_of_a_recording, setup,
						teardown),
		cmocka_unit_test_setup_teardown(tagged_rows_stay_on_top_and_are_added_up, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_header_says_when_memory_will_be_gone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(any_sequence_of_keys_leaves_a_drawable_screen,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
