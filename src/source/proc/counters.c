// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Small parsers for counters beside meminfo.
 *
 * zoneinfo, Linux mm/vmstat.c zoneinfo_show_print(): pages on the per-CPU free lists ("count:")
 * have left NR_FREE_PAGES and are in no other counter; without them tens of megabytes per CPU come
 * and go in what is unaccounted. "vm stats threshold:" is how far one CPU's share of a counter may
 * be from the total that everybody reads.
 *
 * vmstat, Linux mm/vmstat.c vmstat_text[]: nr_zspages (zram and zswap are in no field of meminfo
 * but Zswap), nr_memmap_pages (memory hot-plugged later has its struct pages in MemTotal, and so
 * has page_ext; what came from memblock is nr_memmap_boot_pages and not in MemTotal).
 *
 * sockstat, Linux net/ipv4/proc.c sockstat_seq_show(): "mem" of TCP and UDP in pages, "memory" of
 * FRAG in bytes. The pages behind them are slab and page fragments, counted there or unaccounted.
 */
#include "source/proc/counters.h"

#include "source/proc/limits.h"

static struct ul_error *bad_number(const char *file, struct ul_span line)
{
	return ul_error_new(UL_ERR_BAD_DATA, "%s: no usable number in \"%.*s\"", file,
			    UL_SPAN_ARG(ul_span_trim(line)));
}

static struct ul_error *zoneinfo_line(struct ul_span line, struct ul_zoneinfo *zoneinfo)
{
	struct ul_span rest = line;
	struct ul_span word;
	uint64_t value;
	if (!ul_span_word(&rest, &word))
		return NULL;
	if (ul_span_equal(word, "count:")) {
		if (!ul_span_word_u64(&rest, &value) || value > UL_PROC_LIMIT_PAGES)
			return bad_number("zoneinfo", line);
		zoneinfo->listed_pages += value;
		zoneinfo->lists++;
		if (zoneinfo->listed_pages > UL_PROC_LIMIT_PAGES)
			return bad_number("zoneinfo", line);
	} else if (ul_span_equal(word, "vm") && ul_span_starts(ul_span_trim(rest), "stats thr")) {
		ul_span_word(&rest, &word);
		ul_span_word(&rest, &word);
		// The kernel keeps it in an s8: Linux include/linux/mmzone.h per_cpu_zonestat.
		if (!ul_span_word_u64(&rest, &value) || value > INT8_MAX)
			return bad_number("zoneinfo", line);
		if (value > zoneinfo->threshold)
			zoneinfo->threshold = (uint32_t)value;
	}
	return NULL;
}

struct ul_error *ul_zoneinfo_parse(struct ul_span text, struct ul_zoneinfo *ret)
{
	struct ul_zoneinfo zoneinfo = {0};
	ul_span_foreach_line (line, text)
		UL_TRY(zoneinfo_line(line, &zoneinfo));
	*ret = zoneinfo;
	return NULL;
}

static struct ul_error *vmstat_line(struct ul_span line, struct ul_vmstat *vmstat)
{
	struct ul_span rest = line;
	struct ul_span name;
	uint64_t *to = NULL;
	if (!ul_span_cut(&rest, ' ', &name) || !ul_span_starts(name, "nr_"))
		return NULL;
	if (ul_span_equal(name, "nr_zspages")) {
		to = &vmstat->zspages;
		vmstat->has_zspages = true;
	} else if (ul_span_equal(name, "nr_memmap_pages")) {
		to = &vmstat->memmap_pages;
		vmstat->has_memmap = true;
	} else if (ul_span_equal(name, "nr_page_table_pages")) {
		to = &vmstat->page_table_pages;
	} else {
		return NULL;
	}
	if (!ul_span_word_u64(&rest, to) || *to > UL_PROC_LIMIT_PAGES)
		return bad_number("vmstat", line);
	return NULL;
}

struct ul_error *ul_vmstat_parse(struct ul_span text, struct ul_vmstat *ret)
{
	struct ul_vmstat vmstat = {0};
	ul_span_foreach_line (line, text)
		UL_TRY(vmstat_line(line, &vmstat));
	*ret = vmstat;
	return NULL;
}

/** The number that follows the word @p key in @p words. */
static bool number_after(struct ul_span words, const char *key, uint64_t *ret)
{
	struct ul_span word;
	while (ul_span_word(&words, &word))
		if (ul_span_equal(word, key))
			return ul_span_word_u64(&words, ret);
	return false;
}

void ul_sockstat_parse(struct ul_span text, struct ul_sockstat *sockstat)
{
	ul_span_foreach_line (line, text) {
		struct ul_span rest = line;
		struct ul_span name;
		uint64_t value;
		if (!ul_span_cut(&rest, ':', &name))
			continue;
		if (ul_span_equal(name, "TCP") && number_after(rest, "mem", &value) &&
		    value <= UL_PROC_LIMIT_PAGES)
			sockstat->tcp_pages = value;
		else if (ul_span_equal(name, "UDP") && number_after(rest, "mem", &value) &&
			 value <= UL_PROC_LIMIT_PAGES)
			sockstat->udp_pages = value;
		else if (ul_span_starts(name, "FRAG") && number_after(rest, "memory", &value) &&
			 value <= UL_PROC_LIMIT_BYTES &&
			 sockstat->fragment_bytes <= UL_PROC_LIMIT_BYTES)
			sockstat->fragment_bytes += value;
	}
}

static bool cpu_range(struct ul_span range, uint64_t *ret_count)
{
	uint64_t first;
	uint64_t last;
	struct ul_span low;
	if (!ul_span_cut(&range, '-', &low)) {
		*ret_count = 1;
		return ul_span_u64(range, &first);
	}
	if (!ul_span_u64(low, &first) || !ul_span_u64(range, &last) || last < first ||
	    last >= UL_PROC_LIMIT_CPUS)
		return false;
	*ret_count = last - first + 1;
	return true;
}

bool ul_cpu_list_count(struct ul_span text, uint32_t *ret)
{
	struct ul_span rest = ul_span_trim(text);
	uint64_t total = 0;
	for (bool more = true; more;) {
		struct ul_span range;
		uint64_t count;
		more = ul_span_cut(&rest, ',', &range);
		if (!cpu_range(more ? range : rest, &count))
			return false;
		total += count;
		if (total > UL_PROC_LIMIT_CPUS)
			return false;
	}
	*ret = (uint32_t)total;
	return true;
}
