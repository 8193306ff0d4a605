// SPDX-License-Identifier: GPL-2.0-or-later
/* Counts over trees of files that the tests write, whose truth is therefore known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "source/proc/page_flags.h"

enum {
	PAGES = 262144, /**< 1 GiB */
	UNITS = PAGES / UL_PAGE_UNIT,
};

/** A machine of PAGES pages in two zones; flags are the test's to fill. */
struct machine {
	char root[64];
	uint64_t flags[PAGES];
	uint64_t mapped[PAGES];
	struct ul_proc *proc;
};

static void write_file(const struct machine *machine, const char *name, const void *bytes,
		       size_t len)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", machine->root, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void write_text(const struct machine *machine, const char *name, const char *text)
{
	write_file(machine, name, text, strlen(text));
}

static struct machine *make_machine(unsigned long total_pages)
{
	char text[512];
	struct machine *machine = calloc(1, sizeof(*machine));
	assert_non_null(machine);
	snprintf(machine->root, sizeof(machine->root), "/tmp/ullage-pages-XXXXXX");
	assert_non_null(mkdtemp(machine->root));
	snprintf(text, sizeof(text), "MemTotal: %lu kB\nMemFree: 1 kB\n", total_pages * 4);
	write_text(machine, "meminfo", text);
	snprintf(text, sizeof(text),
		 "Node 0, zone DMA32\n spanned 65536\n present 65536\n managed 65536\n"
		 " start_pfn: 0\nNode 0, zone Normal\n spanned %d\n present %d\n managed %lu\n"
		 " start_pfn: 65536\n",
		 PAGES - 65536, PAGES - 65536, (total_pages < PAGES ? total_pages : PAGES) - 65536);
	write_text(machine, "zoneinfo", text);
	snprintf(text, sizeof(text), "00000000-%08lx : System RAM\n", PAGES * 4096UL - 1);
	write_text(machine, "iomem", text);
	for (size_t i = 0; i < PAGES; i++)
		machine->flags[i] = UL_KPF(BUDDY);
	return machine;
}

static void open_machine(struct machine *machine)
{
	const struct ul_proc_options options = {.proc_root = machine->root};
	write_file(machine, "kpageflags", machine->flags, sizeof(machine->flags));
	write_file(machine, "kpagecount", machine->mapped, sizeof(machine->mapped));
	assert_null(ul_proc_open(&options, &machine->proc));
}

static void remove_file(const struct machine *machine, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", machine->root, name);
	(void)remove(path);
}

static void drop_machine(struct machine *machine)
{
	static const char *const names[] = {"meminfo",	  "zoneinfo",	"iomem",
					    "kpageflags", "kpagecount", "kpagecgroup"};
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++)
		remove_file(machine, names[i]);
	assert_int_equal(remove(machine->root), 0);
	ul_proc_destroy(machine->proc);
	free(machine);
}

static double pages(const struct ul_page_count *count, enum ul_page_class class)
{
	return count->figures[class].value;
}

static double all_classes(const struct ul_page_count *count)
{
	double sum = 0;
	for (size_t class = 0; class < UL_PAGE_CLASSES; class ++)
		sum += count->figures[class].value;
	return sum;
}

static struct ul_page_count count_all(struct machine *machine)
{
	struct ul_page_count count;
	assert_null(ul_proc_page_count(machine->proc, &(struct ul_page_count_options){0}, &count));
	return count;
}

static void a_full_count_is_exact(void **state)
{
	(void)state;
	struct machine *machine = make_machine(PAGES);
	for (size_t i = 0; i < 1000; i++)
		machine->flags[5000 + i] = UL_KPF(SLAB);
	for (size_t i = 0; i < 777; i++) // over the border of a unit and of the window
		machine->flags[32768 - 100 + i] = 0;
	for (size_t i = 0; i < 50; i++)
		machine->mapped[32768 + i] = 1;
	for (size_t i = 0; i < 3; i++)
		machine->flags[100000 + 2 * i] = 0;
	machine->mapped[5000] = 7; // slab: no business of ours
	open_machine(machine);
	struct ul_page_count count UL_CLEANUP_PAGE_COUNT = count_all(machine);
	assert_false(count.sampled);
	assert_int_equal(count.counted, PAGES);
	assert_int_equal(count.read, PAGES);
	assert_true(all_classes(&count) == PAGES);
	assert_true(pages(&count, UL_PAGE_SLAB) == 1000);
	assert_true(pages(&count, UL_PAGE_DRIVER) == 780);
	assert_true(count.figures[UL_PAGE_MAPPED].value == 50);
	assert_true(count.figures[UL_PAGE_RUN_COUNT + 9].value == 1); // one run of 777
	assert_true(count.figures[UL_PAGE_RUN_PAGES + 9].value == 777);
	assert_true(count.figures[UL_PAGE_RUN_COUNT].value == 3);
	assert_true(ul_page_figure_margin(&count.figures[UL_PAGE_DRIVER]) == 0);
	assert_int_equal(count.zones.len, 2);
	assert_true(count.zones.data[0].figures[UL_PAGE_DRIVER].value == 777);
	assert_true(count.zones.data[1].figures[UL_PAGE_DRIVER].value == 3);
	assert_int_equal(count.losses.items.len, 0);
	drop_machine(machine);
}

static void a_hole_that_shows_no_flags_is_no_driver(void **state)
{
	(void)state;
	struct machine *machine = make_machine(PAGES);
	for (size_t i = 10000; i < 20000; i++)
		machine->flags[i] = 0;
	open_machine(machine);
	// Pages 10000 to 19999 are not RAM.
	write_text(machine, "iomem",
		   "00000000-0270ffff : System RAM\n02710000-04e1ffff : Reserved\n"
		   "04e20000-3fffffff : System RAM\n");
	struct ul_page_count count UL_CLEANUP_PAGE_COUNT = count_all(machine);
	assert_true(pages(&count, UL_PAGE_DRIVER) == 0);
	assert_true(pages(&count, UL_PAGE_HOLE) == 10000);
	assert_true(all_classes(&count) == PAGES);
	remove_file(machine, "iomem");
	struct ul_page_count blind UL_CLEANUP_PAGE_COUNT = count_all(machine);
	assert_true(pages(&blind, UL_PAGE_DRIVER) == 10000);
	assert_int_equal(blind.losses.items.len, 1);
	assert_int_equal(blind.losses.items.data[0].bias, UL_BIAS_OVER);
	drop_machine(machine);
}

static void memory_never_prepared_is_told_from_drivers(void **state)
{
	(void)state;
	struct machine *machine = make_machine(PAGES);
	// MemTotal is PAGES; the zones manage two sections less; of the last three sections one in
	// the front is in use, and 100 pages of the waiting ones were reserved at boot.
	for (size_t i = PAGES - 65536; i < PAGES; i++)
		machine->flags[i] = 0;
	char text[256];
	snprintf(text, sizeof(text),
		 "Node 0, zone Normal\n spanned %d\n present %d\n managed %d\n start_pfn: 0\n",
		 PAGES, PAGES, PAGES - 65536 + 100);
	write_text(machine, "zoneinfo", text);
	for (size_t i = 0; i < 40; i++)
		machine->flags[1000 + i] = 0;
	open_machine(machine);
	struct ul_page_count count UL_CLEANUP_PAGE_COUNT = count_all(machine);
	assert_true(pages(&count, UL_PAGE_DRIVER) == 40);
	assert_true(pages(&count, UL_PAGE_UNTOUCHED) == 65536 - 100);
	assert_true(pages(&count, UL_PAGE_RESERVED) == 100);
	assert_true(all_classes(&count) == PAGES);
	drop_machine(machine);
}

static void a_file_that_ends_early_is_counted_to_its_end(void **state)
{
	(void)state;
	struct machine *machine = make_machine(PAGES);
	open_machine(machine);
	// Half of it, and five bytes of the next word.
	write_file(machine, "kpageflags", machine->flags, sizeof(machine->flags) / 2 + 5);
	struct ul_page_count count UL_CLEANUP_PAGE_COUNT = count_all(machine);
	assert_true(pages(&count, UL_PAGE_FREE) == PAGES / 2);
	assert_true(pages(&count, UL_PAGE_HOLE) == PAGES / 2);
	assert_int_equal(count.losses.items.len, 1);
	assert_int_equal(count.losses.items.data[0].count, PAGES / 2);
	write_file(machine, "kpageflags", "", 0);
	struct ul_page_count empty UL_CLEANUP_PAGE_COUNT = count_all(machine);
	assert_int_equal(empty.read, 0);
	drop_machine(machine);
}

static void without_the_file_there_is_a_reason(void **state)
{
	(void)state;
	struct machine *machine = make_machine(PAGES);
	struct ul_page_count count;
	open_machine(machine);
	remove_file(machine, "kpageflags");
	UL_CLEANUP_ERROR struct ul_error *err =
		ul_proc_page_count(machine->proc, &(struct ul_page_count_options){0}, &count);
	assert_non_null(err);
	assert_non_null(strstr(err->message, "kpageflags"));
	drop_machine(machine);
}

static bool stop_at_once(void *argument, double part)
{
	(*(int *)argument)++;
	return part < 0;
}

static void a_count_can_be_stopped(void **state)
{
	(void)state;
	struct machine *machine = make_machine(PAGES);
	int calls = 0;
	const struct ul_page_count_options options = {.progress = stop_at_once, .argument = &calls};
	struct ul_page_count count;
	open_machine(machine);
	UL_CLEANUP_ERROR struct ul_error *err = ul_proc_page_count(machine->proc, &options, &count);
	assert_int_equal(err->code, UL_ERR_INTERRUPTED);
	assert_int_equal(calls, 1);
	drop_machine(machine);
}

static struct ul_page_count count_some(struct machine *machine, uint64_t seed, uint64_t units)
{
	struct ul_page_count count;
	const struct ul_page_count plan = {.seed = seed, .units_wanted = units};
	const struct ul_page_count_options options = {.like = &plan};
	assert_null(ul_proc_page_count(machine->proc, &options, &count));
	assert_true(count.sampled);
	return count;
}

/**
 * Driver pages as machines have them: single pages all over, more in some regions, and blocks.
 * Returns how many.
 */
static uint64_t scatter_drivers(struct machine *machine)
{
	uint64_t random = 42;
	uint64_t drivers = 0;
	for (size_t unit = 0; unit < UNITS; unit++) {
		const uint64_t dense = unit / 64 % 3; // regions of 64 units: none, few, many
		uint64_t *flags = machine->flags + unit * UL_PAGE_UNIT;
		for (uint64_t i = 0; i < dense * 20; i++)
			flags[ul_page_random(&random) % UL_PAGE_UNIT] = 0;
		if (ul_page_random(&random) % 8 == 0) // a block of 64 somewhere
			memset(flags + ul_page_random(&random) % 448, 0, 64 * sizeof(*flags));
	}
	for (size_t i = 0; i < PAGES; i++)
		drivers += !machine->flags[i];
	return drivers;
}

static void the_interval_of_a_sample_holds_the_truth(void **state)
{
	(void)state;
	enum { SEEDS = 200 };
	struct machine *machine = make_machine(PAGES);
	const double truth = (double)scatter_drivers(machine);
	double sum = 0;
	double spread = 0;
	double claimed = 0;
	int inside = 0;
	open_machine(machine);
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct ul_page_count count UL_CLEANUP_PAGE_COUNT = count_some(machine, seed, 128);
		const struct ul_page_figure *figure = &count.figures[UL_PAGE_DRIVER];
		assert_true(fabs(all_classes(&count) - PAGES) < 1e-6);
		inside += fabs(figure->value - truth) <= ul_page_figure_margin(figure);
		sum += figure->value;
		spread += (figure->value - truth) * (figure->value - truth);
		claimed += figure->variance;
	}
	print_message("inside %d of %d, mean %.0f of %.0f, deviation %.0f, claimed %.0f\n", inside,
		      SEEDS, sum / SEEDS, truth, sqrt(spread / SEEDS), sqrt(claimed / SEEDS));
	// 95 % of 200, give or take three deviations of a binomial (3.1 each).
	assert_in_range(inside, 181, 199);
	// No bias: the mean of 200 is within three of its own deviations.
	assert_true(fabs(sum / SEEDS - truth) < 3 * sqrt(spread / SEEDS / SEEDS));
	// And the claimed error is the real one, within a fifth.
	assert_true(fabs(sqrt(claimed / spread) - 1) < 0.2);
	drop_machine(machine);
}

static void the_same_pages_twice_show_what_was_taken_between(void **state)
{
	(void)state;
	struct machine *machine = make_machine(PAGES);
	(void)scatter_drivers(machine);
	open_machine(machine);
	struct ul_page_count before UL_CLEANUP_PAGE_COUNT = count_some(machine, 7, 128);
	uint64_t taken = 0;
	for (size_t i = 0; i < PAGES; i += 37) { // evenly, as a leak over hours is
		taken += machine->flags[i] != 0;
		machine->flags[i] = 0;
	}
	write_file(machine, "kpageflags", machine->flags, sizeof(machine->flags));
	struct ul_page_count after UL_CLEANUP_PAGE_COUNT = count_some(machine, 7, 128);
	struct ul_page_figure grown;
	assert_true(ul_page_count_grown(&before, &after, &grown));
	const double margin = ul_page_figure_margin(&grown);
	assert_true(fabs(grown.value - (double)taken) <= margin);
	// The pages that were there before are not in the error.
	assert_true(margin < ul_page_figure_margin(&before.figures[UL_PAGE_DRIVER]) / 2);
	struct ul_page_count other UL_CLEANUP_PAGE_COUNT = count_some(machine, 8, 128);
	assert_false(ul_page_count_grown(&before, &other, &grown));
	drop_machine(machine);
}

/*
 * Classes known beforehand count in place of the flags, which say "free" here; the limit of time is
 * about the flags.
 */
static void classes_that_are_known_are_taken_as_they_are(void **state)
{
	(void)state;
	static uint8_t classes[PAGES - 10];
	struct machine *machine = make_machine(PAGES);
	open_machine(machine);
	memset(classes, UL_PAGE_SLAB, sizeof(classes));
	memset(classes + 1000, UL_PAGE_DRIVER, 5);
	memset(classes + 70000, UL_PAGE_ANON, 300);
	const struct ul_page_count_options options = {
		.limit_ns = 1, .classes = classes, .classes_len = sizeof(classes)};
	UL_CLEANUP_PAGE_COUNT struct ul_page_count count = {0};
	assert_null(ul_proc_page_count(machine->proc, &options, &count));
	assert_true(count.walked);
	assert_false(count.sampled);
	assert_float_equal(pages(&count, UL_PAGE_SLAB), PAGES - 10 - 305, 0);
	assert_float_equal(pages(&count, UL_PAGE_DRIVER), 5, 0);
	assert_float_equal(pages(&count, UL_PAGE_ANON), 300, 0);
	assert_float_equal(pages(&count, UL_PAGE_HOLE), 10, 0);
	assert_float_equal(all_classes(&count), PAGES, 0);
	assert_float_equal(count.figures[UL_PAGE_RUN_COUNT + 2].value, 1, 0);
	assert_int_equal(count.losses.items.len, 1); // the ten pages
	drop_machine(machine);
}

static void a_sample_that_begins_in_a_huge_page_knows_what_it_is(void **state)
{
	(void)state;
	struct machine *machine = make_machine(PAGES);
	// All of memory in gigantic slabs of 2^17 pages whose tails say nothing.
	for (size_t i = 0; i < PAGES; i++)
		machine->flags[i] = UL_KPF(COMPOUND_TAIL);
	machine->flags[0] = machine->flags[PAGES / 2] = UL_KPF(COMPOUND_HEAD) | UL_KPF(SLAB);
	open_machine(machine);
	struct ul_page_count count UL_CLEANUP_PAGE_COUNT = count_some(machine, 1, 64);
	assert_true(fabs(pages(&count, UL_PAGE_SLAB) - PAGES) < 1e-6);
	drop_machine(machine);
}

static void what_fits_the_limit_is_read_whole(void **state)
{
	(void)state;
	struct machine *machine = make_machine(PAGES);
	struct ul_page_count hour UL_CLEANUP_PAGE_COUNT = {0};
	struct ul_page_count blink UL_CLEANUP_PAGE_COUNT = {0};
	open_machine(machine);
	const struct ul_page_count_options long_limit = {.limit_ns = 3600000000000};
	assert_null(ul_proc_page_count(machine->proc, &long_limit, &hour));
	assert_false(hour.sampled);
	assert_int_equal(hour.read, PAGES);
	const struct ul_page_count_options short_limit = {.limit_ns = 1};
	assert_null(ul_proc_page_count(machine->proc, &short_limit, &blink));
	assert_true(blink.sampled);
	assert_true(blink.read < PAGES / 2);
	struct ul_page_count small UL_CLEANUP_PAGE_COUNT = {0};
	const struct ul_page_count_options whole = {.limit_ns = 1, .whole_pages = PAGES};
	assert_null(ul_proc_page_count(machine->proc, &whole, &small));
	assert_false(small.sampled);
	drop_machine(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_count_is_exact),
		cmocka_unit_test(a_hole_that_shows_no_flags_is_no_driver),
		cmocka_unit_test(memory_never_prepared_is_told_from_drivers),
		cmocka_unit_test(a_file_that_ends_early_is_counted_to_its_end),
		cmocka_unit_test(without_the_file_there_is_a_reason),
		cmocka_unit_test(a_count_can_be_stopped),
		cmocka_unit_test(the_interval_of_a_sample_holds_the_truth),
		cmocka_unit_test(the_same_pages_twice_show_what_was_taken_between),
		cmocka_unit_test(a_sample_that_begins_in_a_huge_page_knows_what_it_is),
		cmocka_unit_test(classes_that_are_known_are_taken_as_they_are),
		cmocka_unit_test(what_fits_the_limit_is_read_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
