// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading /proc/kpageflags, eight bytes a page, whole or in units drawn at random.
 *
 *   rate   time a few units at random places; above the limit, draw instead of reading all
 *   count  unit by unit: flags, and for units with driver pages also kpagecount and kpagecgroup
 *
 * Rate first, because it differs by a factor of ten between machines, and because a read that is
 * broken off has seen the low addresses only: no sample of the rest.
 *
 * kpagecount is the number of mappings, not of references: it says which driver pages a process has
 * mapped. kpagecgroup says which are charged to a cgroup: those belong to somebody's work (a pipe,
 * a BPF map) and not to a device.
 *
 * Cannot see: a page that changes hands between two reads; pages beyond what zones span.
 */
#include "source/proc/page_flags_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/units.h"

enum {
	WINDOW = 32768,	 /**< pages read at once when all are read: 256 KiB */
	RATE_UNITS = 64, /**< timed to learn the rate */
	LEAST_UNITS = 64,
	PROGRESS_UNITS = 256,
	MAX_ORDER = 18, /**< of a compound page: 1 GiB of 4 KiB pages */
};

static void reader_deinit(struct ul_page_reader *reader)
{
	if (reader->flags_fd >= 0)
		close(reader->flags_fd);
	if (reader->mapped_fd >= 0)
		close(reader->mapped_fd);
	if (reader->charged_fd >= 0)
		close(reader->charged_fd);
	ul_vec_deinit(&reader->zones.items);
	ul_vec_deinit(&reader->pieces.items);
	free(reader->window);
}

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * UL_NS_PER_S + now.tv_nsec;
}

struct ul_error *ul_page_read_words(int fd, const char *name, uint64_t pfn, size_t len,
				    uint64_t *words, size_t *ret_len)
{
	size_t got = 0;
	while (got < len * sizeof(*words)) {
		// A whole number of words, whatever came before: the kernel refuses others.
		const size_t from = got - got % sizeof(*words);
		const ssize_t n = pread(fd, (char *)words + from, len * sizeof(*words) - from,
					(off_t)(pfn * sizeof(*words) + from));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ul_error_os(errno, "reading %s of page frame 0x%llx", name,
					   (unsigned long long)pfn);
		if (from + (size_t)n <= got)
			break; // nothing more, or less than a word
		got = from + (size_t)n;
	}
	*ret_len = got / sizeof(*words);
	return NULL;
}

/* --- count ---------------------------------------------------------------------------------- */

static uint64_t units_of(const struct ul_page_range *piece)
{
	return (piece->end - 1) / UL_PAGE_UNIT - piece->first / UL_PAGE_UNIT + 1;
}

/** Where in the units of a zone we are; they are asked for in ascending order. */
struct cursor {
	size_t zone;
	size_t piece;
	uint64_t before; /**< units of the zone in the pieces passed */
};

/** Pages of the unit @p index of the cursor's zone. */
static struct ul_page_range unit_at(const struct ul_page_reader *reader, struct cursor *cursor,
				    uint64_t index)
{
	for (;; cursor->piece++) {
		const struct ul_page_range *piece = &reader->pieces.items.data[cursor->piece];
		if (piece->zone != cursor->zone)
			continue;
		if (index - cursor->before >= units_of(piece)) {
			cursor->before += units_of(piece);
			continue;
		}
		const uint64_t block = piece->first / UL_PAGE_UNIT + index - cursor->before;
		struct ul_page_range unit = {block * UL_PAGE_UNIT, (block + 1) * UL_PAGE_UNIT,
					     cursor->zone};
		if (unit.first < piece->first)
			unit.first = piece->first;
		if (unit.end > piece->end)
			unit.end = piece->end;
		return unit;
	}
}

static uint64_t zone_units(const struct ul_page_reader *reader, size_t zone)
{
	uint64_t units = 0;
	ul_vec_foreach (piece, &reader->pieces.items)
		if (piece->zone == zone)
			units += units_of(piece);
	return units;
}

/** Flags of one unit; with everything to be read, out of a window that is read ahead. */
static struct ul_error *unit_flags(struct ul_page_reader *reader, const struct ul_page_range *unit,
				   const uint64_t **ret, size_t *ret_len)
{
	const size_t len = unit->end - unit->first;
	const bool inside = unit->first >= reader->window_first &&
			    unit->end <= reader->window_first + reader->window_len;
	if (!inside) {
		reader->window_first = unit->first;
		UL_TRY(ul_page_read_words(reader->flags_fd, "kpageflags", unit->first,
					  reader->count->sampled ? len : WINDOW, reader->window,
					  &reader->window_len));
	}
	const size_t offset = unit->first - reader->window_first;
	const size_t there = reader->window_len > offset ? reader->window_len - offset : 0;
	*ret = reader->window + offset;
	*ret_len = there < len ? there : len;
	return NULL;
}

/**
 * The scan begins in the middle of a compound page: what is its head? Heads lie at multiples of
 * the page's size, so a few looks find it.
 */
static struct ul_error *find_head(struct ul_page_reader *reader, uint64_t pfn)
{
	for (unsigned int order = 1; order <= MAX_ORDER; order++) {
		const uint64_t at = pfn & ~((UINT64_C(1) << order) - 1);
		uint64_t word;
		size_t got;
		if (at == pfn)
			continue;
		UL_TRY(ul_page_read_words(reader->flags_fd, "kpageflags", at, 1, &word, &got));
		if (!got || word & UL_KPF(COMPOUND_TAIL))
			continue;
		reader->scan.has_head = word & UL_KPF(COMPOUND_HEAD);
		reader->scan.head = ul_page_classify(word);
		break;
	}
	return NULL;
}

/** How many of the driver pages have a word that is not zero in the file @p fd. */
static struct ul_error *count_words(int fd, const char *name, uint64_t pfn, const uint8_t *classes,
				    size_t len, uint64_t *count)
{
	uint64_t words[UL_PAGE_UNIT];
	size_t first = 0;
	size_t got;
	while (first < len && classes[first] != UL_PAGE_DRIVER)
		first++;
	while (len > first && classes[len - 1] != UL_PAGE_DRIVER)
		len--;
	if (fd < 0 || first == len)
		return NULL;
	UL_TRY(ul_page_read_words(fd, name, pfn + first, len - first, words, &got));
	for (size_t i = 0; i < got; i++)
		*count += classes[first + i] == UL_PAGE_DRIVER && words[i];
	return NULL;
}

/** The classes of one unit by kpageflags; *@p ret_len is how many pages the file has of it. */
static struct ul_error *classes_by_flags(struct ul_page_reader *reader,
					 const struct ul_page_range *unit, uint8_t *classes,
					 size_t *ret_len, struct ul_page_tally *tally)
{
	const uint64_t *flags;
	size_t len;
	UL_TRY(unit_flags(reader, unit, &flags, &len));
	if (unit->first != reader->scan_end) {
		reader->scan.has_head = false;
		if (len && flags[0] & UL_KPF(COMPOUND_TAIL))
			UL_TRY(find_head(reader, unit->first));
	}
	ul_page_scan(&reader->scan, flags, len, classes, tally);
	*ret_len = len;
	return NULL;
}

/** The same by what the page array said. */
static void known_classes(struct ul_page_reader *reader, const struct ul_page_range *unit,
			  uint8_t *classes, size_t *ret_len, struct ul_page_tally *tally)
{
	const struct ul_page_count_options *options = reader->options;
	const uint64_t end = unit->end < options->classes_len ? unit->end : options->classes_len;
	const size_t len = end > unit->first ? end - unit->first : 0;
	memcpy(classes, options->classes + unit->first, len);
	ul_page_scan_known(&reader->scan, classes, len, tally);
	*ret_len = len;
}

static struct ul_error *count_unit(struct ul_page_reader *reader, const struct ul_page_range *unit,
				   struct ul_page_tally *tally)
{
	uint8_t classes[UL_PAGE_UNIT];
	size_t len;
	if (reader->options->classes)
		known_classes(reader, unit, classes, &len, tally);
	else
		UL_TRY(classes_by_flags(reader, unit, classes, &len, tally));
	if (len < unit->end - unit->first) {
		tally->values[UL_PAGE_HOLE] += unit->end - unit->first - len;
		reader->beyond += unit->end - unit->first - len;
	}
	reader->scan_end = unit->end;
	reader->count->read += len;
	UL_TRY(count_words(reader->mapped_fd, "kpagecount", unit->first, classes, len,
			   &tally->values[UL_PAGE_MAPPED]));
	return count_words(reader->charged_fd, "kpagecgroup", unit->first, classes, len,
			   &tally->values[UL_PAGE_CHARGED]);
}

/** Sums of one stratum. */
struct sums {
	double sum[UL_PAGE_MEASURES];
	double sum2[UL_PAGE_MEASURES];
};

static void add_tally(struct sums *sums, const struct ul_page_tally *tally)
{
	for (size_t m = 0; m < UL_PAGE_MEASURES; m++) {
		const double value = (double)tally->values[m];
		sums->sum[m] += value;
		sums->sum2[m] += value * value;
	}
}

static struct ul_error *one_unit(struct ul_page_reader *reader, struct cursor *cursor,
				 uint64_t index, struct sums *sums)
{
	struct ul_page_tally tally = {0};
	const struct ul_page_range unit = unit_at(reader, cursor, index);
	// A run goes on over the border of a unit only if the next unit is read, too.
	if (unit.first != reader->scan_end || reader->count->sampled)
		ul_page_scan_end_run(&reader->scan, &tally);
	UL_TRY(count_unit(reader, &unit, &tally));
	if (reader->count->sampled)
		ul_page_scan_end_run(&reader->scan, &tally);
	add_tally(sums, &tally);
	if (!ul_vec_push(&reader->count->drivers, (uint16_t)tally.values[UL_PAGE_DRIVER]))
		return &ul_enomem;
	const struct ul_page_count_options *options = reader->options;
	if (++reader->done % PROGRESS_UNITS == 0 && options->progress &&
	    !options->progress(options->argument,
			       reader->units ? (double)reader->done / (double)reader->units : 0))
		return ul_error_new(UL_ERR_INTERRUPTED, "counting pages was stopped");
	return NULL;
}

static struct ul_error *count_stratum(struct ul_page_reader *reader, struct cursor *cursor,
				      uint64_t first, const struct ul_page_stratum *stratum,
				      uint64_t *random)
{
	struct sums sums = {0};
	struct ul_page_zone *zone = &reader->zones.items.data[cursor->zone];
	if (stratum->drawn < stratum->units) {
		uint32_t drawn[2];
		ul_page_draw_two(random, stratum->units, drawn);
		UL_TRY(one_unit(reader, cursor, first + drawn[0], &sums));
		UL_TRY(one_unit(reader, cursor, first + drawn[1], &sums));
	} else {
		for (uint32_t i = 0; i < stratum->units; i++)
			UL_TRY(one_unit(reader, cursor, first + i, &sums));
	}
	struct ul_page_tally last = {0};
	ul_page_scan_end_run(&reader->scan, &last);
	add_tally(&sums, &last);
	for (size_t m = 0; m < UL_PAGE_MEASURES; m++)
		ul_page_figure_add_stratum(&zone->figures[m], stratum, sums.sum[m], sums.sum2[m]);
	return NULL;
}

static struct ul_error *count_zone(struct ul_page_reader *reader, size_t index, uint64_t wanted,
				   uint64_t *random)
{
	struct cursor cursor = {.zone = index};
	struct ul_page_zone *zone = &reader->zones.items.data[index];
	const size_t strata = reader->count->strata.len;
	uint64_t first = 0;
	UL_TRY(ul_page_strata(zone_units(reader, index), wanted, reader->count));
	for (size_t i = strata; i < reader->count->strata.len; i++) {
		const struct ul_page_stratum stratum = reader->count->strata.data[i];
		UL_TRY(count_stratum(reader, &cursor, first, &stratum, random));
		first += stratum.units;
	}
	ul_vec_foreach (piece, &reader->pieces.items)
		if (piece->zone == index)
			zone->counted += piece->end - piece->first;
	if (zone->spanned > zone->counted)
		ul_page_figure_add(&zone->figures[UL_PAGE_HOLE],
				   (double)(zone->spanned - zone->counted));
	return NULL;
}

/* --- rate ----------------------------------------------------------------------------------- */

/** Seconds that a unit takes, from units all over memory. */
static struct ul_error *measure_rate(struct ul_page_reader *reader, double *ret_s)
{
	uint64_t random = reader->options->seed;
	struct ul_page_count *count = reader->count;
	const int64_t start_ns = now_ns();
	count->sampled = true; // no reading ahead
	for (unsigned int i = 0; i < RATE_UNITS; i++) {
		const struct ul_page_range *piece =
			&reader->pieces.items
				 .data[ul_page_random(&random) % reader->pieces.items.len];
		struct cursor cursor = {.zone = piece->zone};
		struct ul_page_tally tally = {0};
		const struct ul_page_range unit = unit_at(
			reader, &cursor, ul_page_random(&random) % zone_units(reader, piece->zone));
		UL_TRY(count_unit(reader, &unit, &tally));
		ul_page_scan_end_run(&reader->scan, &tally);
	}
	*ret_s = (double)(now_ns() - start_ns) / UL_NS_PER_S / RATE_UNITS;
	count->sampled = false;
	count->read = reader->beyond = 0;
	reader->scan = (struct ul_page_scan){0};
	reader->scan_end = UINT64_MAX;
	reader->window_len = 0;
	return NULL;
}

/** Decide how many units are to be drawn. 0: all. */
static struct ul_error *plan(struct ul_page_reader *reader, uint64_t all, uint64_t *ret_wanted)
{
	const struct ul_page_count_options *options = reader->options;
	double unit_s;
	*ret_wanted = 0;
	if (options->like) {
		*ret_wanted = options->like->units_wanted;
		return NULL;
	}
	if (!options->limit_ns || options->classes || all <= options->whole_pages / UL_PAGE_UNIT)
		return NULL;
	UL_TRY(measure_rate(reader, &unit_s));
	const double limit_s = (double)options->limit_ns / UL_NS_PER_S;
	if ((double)all * unit_s <= limit_s)
		return NULL;
	const double wanted = limit_s / unit_s;
	*ret_wanted = wanted < LEAST_UNITS ? LEAST_UNITS : (uint64_t)wanted;
	return NULL;
}

static struct ul_error *count_zones(struct ul_page_reader *reader)
{
	struct ul_page_count *count = reader->count;
	uint64_t all = 0;
	ul_vec_foreach (piece, &reader->pieces.items)
		all += units_of(piece);
	UL_TRY(plan(reader, all, &count->units_wanted));
	count->sampled = count->units_wanted && count->units_wanted < all;
	reader->units = count->sampled ? count->units_wanted : all;
	uint64_t random = count->seed;
	for (size_t i = 0; i < reader->zones.items.len; i++) {
		const uint64_t units = zone_units(reader, i);
		uint64_t wanted = 0;
		if (count->sampled) {
			wanted = (uint64_t)((double)count->units_wanted * (double)units /
					    (double)all);
			wanted = wanted ? wanted : 1;
		}
		UL_TRY(count_zone(reader, i, wanted, &random));
	}
	if (reader->beyond)
		UL_TRY(ul_losses_add(&count->losses, UL_BIAS_UNDER, reader->beyond,
				     "pages beyond the end of %s",
				     count->walked ? "the page array" : "kpageflags"));
	return NULL;
}

/* --- all together --------------------------------------------------------------------------- */

static struct ul_error *open_files(struct ul_page_reader *reader)
{
	const int proc_fd = reader->proc->proc_fd;
	reader->flags_fd = openat(proc_fd, "kpageflags", O_RDONLY | O_CLOEXEC);
	if (reader->flags_fd < 0 && !reader->options->classes)
		return ul_error_os(errno, "opening kpageflags");
	reader->mapped_fd = openat(proc_fd, "kpagecount", O_RDONLY | O_CLOEXEC);
	reader->charged_fd = openat(proc_fd, "kpagecgroup", O_RDONLY | O_CLOEXEC);
	reader->count->has_mapped = reader->mapped_fd >= 0;
	reader->count->has_charged = reader->charged_fd >= 0; // without it: no memory cgroups
	reader->window = malloc(WINDOW * sizeof(*reader->window));
	if (!reader->window)
		return &ul_enomem;
	if (reader->count->has_mapped)
		return NULL;
	return ul_losses_add(&reader->count->losses, UL_BIAS_NONE, 0,
			     "which driver pages are mapped is not known: no kpagecount");
}

static void take_sums(struct ul_page_reader *reader)
{
	struct ul_page_count *count = reader->count;
	ul_vec_foreach (zone, &reader->zones.items) {
		count->counted += zone->counted;
		for (size_t m = 0; m < UL_PAGE_MEASURES; m++)
			ul_page_figure_merge(&count->figures[m], &zone->figures[m]);
	}
	count->zones.data = reader->zones.items.data;
	count->zones.len = reader->zones.items.len;
	count->zones.cap = reader->zones.items.cap;
	reader->zones = (struct ul_page_zones){0};
}

struct ul_error *ul_proc_page_count(struct ul_proc *proc,
				    const struct ul_page_count_options *options,
				    struct ul_page_count *ret)
{
	struct ul_page_count count UL_CLEANUP_PAGE_COUNT = {
		.page_bytes = proc->page_bytes,
		.walked = options->classes,
		.seed = options->like ? options->like->seed : options->seed,
	};
	struct ul_page_reader reader UL_CLEANUP(reader_deinit) = {
		.proc = proc,
		.options = options,
		.count = &count,
		.flags_fd = -1,
		.mapped_fd = -1,
		.charged_fd = -1,
		.scan_end = UINT64_MAX,
	};
	const int64_t start_ns = now_ns();
	UL_TRY(open_files(&reader));
	UL_TRY(ul_page_find_pieces(&reader));
	UL_TRY(count_zones(&reader));
	take_sums(&reader);
	count.seconds = (double)(now_ns() - start_ns) / UL_NS_PER_S;
	*ret = count;
	count = (struct ul_page_count){0};
	return NULL;
}
