// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "analysis/growth_order.h"

/** Rows made by hand: only what the order looks at. */
struct fixture {
	struct ul_series_set *set;
	struct ul_growth_report report;
};

static void begin(struct fixture *fixture)
{
	*fixture = (struct fixture){.set = ul_series_set_create()};
	assert_non_null(fixture->set);
}

static void end(struct fixture *fixture)
{
	ul_vec_deinit(&fixture->report.rows);
	ul_series_set_destroy(fixture->set);
}

static void add(struct fixture *fixture, enum ul_kind kind, const char *name, double rate,
		double objects)
{
	struct ul_growth_row row = {0};
	struct ul_series *series;
	assert_null(ul_series_set_get(fixture->set, kind, name, &series));
	row.series = series;
	row.growth.verdict = UL_GROWTH_LEAK_LIKE;
	row.growth.bytes_per_s = rate;
	row.growth.objects_per_s = objects;
	assert_true(ul_vec_push(&fixture->report.rows, row));
}

/** The names in the order that comes out; those that are part of another in parentheses. */
static const char *order(struct fixture *fixture, char buffer[static 256])
{
	buffer[0] = '\0';
	assert_null(ul_growth_order(&fixture->report));
	ul_vec_foreach (row, &fixture->report.rows) {
		strcat(buffer, buffer[0] ? " " : "");
		strcat(buffer, row->part_of ? "(" : "");
		strcat(buffer, row->series->name);
		strcat(buffer, row->part_of ? ")" : "");
	}
	return buffer;
}

static void a_process_explains_anon_and_its_cgroups(void **state)
{
	(void)state;
	struct fixture fixture;
	char text[256];
	begin(&fixture);
	add(&fixture, UL_KIND_ANON, "anon", 1000, 0);
	add(&fixture, UL_KIND_CGROUP, "/a", 1020, 0);
	add(&fixture, UL_KIND_CGROUP, "/a/b", 1010, 0);
	add(&fixture, UL_KIND_VMALLOC, "other", 10, 0);
	add(&fixture, UL_KIND_PROCESS, "7:1", 990, 0);
	assert_string_equal(order(&fixture, text), "other 7:1 (anon) (/a) (/a/b)");
	end(&fixture);
}

static void a_cgroup_explains_anon_when_no_process_does(void **state)
{
	(void)state;
	struct fixture fixture;
	char text[256];
	begin(&fixture);
	add(&fixture, UL_KIND_ANON, "anon", 1000, 0);
	add(&fixture, UL_KIND_PROCESS, "7:1", 50, 0);
	add(&fixture, UL_KIND_CGROUP, "/a", 1020, 0);
	assert_string_equal(order(&fixture, text), "7:1 /a (anon)");
	end(&fixture);
}

static void several_processes_explain_a_sum_together(void **state)
{
	(void)state;
	struct fixture fixture;
	char text[256];
	begin(&fixture);
	add(&fixture, UL_KIND_ANON, "anon", 1000, 0);
	add(&fixture, UL_KIND_PROCESS, "7:1", 400, 0);
	add(&fixture, UL_KIND_PROCESS, "8:1", 500, 0);
	assert_string_equal(order(&fixture, text), "7:1 8:1 (anon)");
	end(&fixture);
}

static void descriptors_explain_caches_of_their_pace_and_no_others(void **state)
{
	(void)state;
	struct fixture fixture;
	char text[256];
	begin(&fixture);
	add(&fixture, UL_KIND_SLAB, "filp", 10000, 40);
	add(&fixture, UL_KIND_SLAB, "kmalloc-4k", 4096, 1);
	add(&fixture, UL_KIND_PROCESS_FDS, "7:1", 10240, 40);
	assert_string_equal(order(&fixture, text), "kmalloc-4k 7:1 (filp)");
	end(&fixture);
}

static void page_tables_go_before_the_pages_that_were_touched_for_them(void **state)
{
	(void)state;
	struct fixture fixture;
	char text[256];
	begin(&fixture);
	add(&fixture, UL_KIND_PROCESS, "7:1", 4096, 0);
	add(&fixture, UL_KIND_PAGE_TABLES, "page tables", 4100, 0);
	add(&fixture, UL_KIND_PROCESS_TABLES, "7:1", 4096, 0);
	assert_null(ul_growth_order(&fixture.report));
	assert_int_equal(fixture.report.rows.data[0].series->kind, UL_KIND_PROCESS_TABLES);
	assert_non_null(fixture.report.rows.data[1].part_of);
	assert_non_null(fixture.report.rows.data[2].part_of);
	end(&fixture);
	// The tables of a heap are a five-hundredth of it, and explain nothing.
	begin(&fixture);
	add(&fixture, UL_KIND_PROCESS, "7:1", 512000, 0);
	add(&fixture, UL_KIND_PROCESS_TABLES, "7:1", 1000, 0);
	assert_string_equal(order(&fixture, text), "7:1 7:1");
	end(&fixture);
}

static void a_tmpfs_nobody_maps_stands_alone_before_its_cgroup(void **state)
{
	(void)state;
	struct fixture fixture;
	char text[256];
	begin(&fixture);
	add(&fixture, UL_KIND_CGROUP, "/a", 1000, 0);
	add(&fixture, UL_KIND_SHMEM, "tmpfs /run", 1000, 0);
	assert_string_equal(order(&fixture, text), "tmpfs /run (/a)");
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_explains_anon_and_its_cgroups),
		cmocka_unit_test(a_cgroup_explains_anon_when_no_process_does),
		cmocka_unit_test(several_processes_explain_a_sum_together),
		cmocka_unit_test(descriptors_explain_caches_of_their_pace_and_no_others),
		cmocka_unit_test(page_tables_go_before_the_pages_that_were_touched_for_them),
		cmocka_unit_test(a_tmpfs_nobody_maps_stands_alone_before_its_cgroup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
