// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which pages there are to read: zones that are memory, without blocks that are switched off and
 * without memory that was never prepared (both show no flags and would pass for a driver's).
 *
 * Never prepared: with deferred struct page setup (Linux mm/mm_init.c deferred_init_memmap()) pages
 * wait behind the last section that was set up, without flags; kernels that set them up on demand
 * count them as free. They are looked for when MemTotal is more than what the zones manage, which a
 * kernel that has finished its boot does not show; then a section that has no flag anywhere is
 * taken as waiting. What is found beyond the difference was reserved at boot (the page array
 * lies there). A driver that holds a whole section would be taken along: errs to too few driver
 * pages.
 */
#include "source/proc/page_flags_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

enum {
	SECTION = 32768, /**< pages prepared together: 128 MiB on x86 (SECTION_SIZE_BITS) */
	PROBES = 64,	 /**< of a section, to see that it has no flags */
	IOMEM_BYTES = 4 * 1024 * 1024,
	LEAST_GAP = 1024, /**< pages that MemTotal and the zones may differ by */
	SYS_BLOCK_LIMIT = 1 << 20,
};

static struct ul_error *add_loss(struct ul_page_reader *reader, enum ul_bias bias, const char *what,
				 struct ul_error *error)
{
	UL_CLEANUP_ERROR struct ul_error *err = error;
	if (err->code == UL_ERR_NOMEM)
		return UL_TAKE(err);
	return ul_losses_add(&reader->count->losses, bias, 0, "%s: %s", what, err->message);
}

static struct ul_error *read_ram(struct ul_page_reader *reader, struct ul_page_ranges *ret)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	UL_TRY(ul_file_read(reader->proc->proc_fd, "iomem", IOMEM_BYTES, &text));
	return ul_page_ram_parse((struct ul_span){text.data, text.len}, reader->proc->page_bytes,
				 ret);
}

static uint64_t ranges_pages(const struct ul_page_ranges *ranges)
{
	uint64_t pages = 0;
	ul_vec_foreach (range, &ranges->items)
		pages += range->end - range->first;
	return pages;
}

/** True when the block of memory @p name ("memory12") is switched off. */
static bool block_is_offline(int dir_fd, const char *name, uint64_t *ret_block)
{
	char path[64];
	struct ul_buf text UL_CLEANUP_BUF = {0};
	struct ul_span number = ul_span_of(name);
	if (!ul_span_starts(number, "memory"))
		return false;
	number.data += strlen("memory");
	number.len -= strlen("memory");
	if (!ul_span_u64(number, ret_block) || *ret_block > SYS_BLOCK_LIMIT)
		return false;
	snprintf(path, sizeof(path), "memory%llu/state", (unsigned long long)*ret_block);
	UL_CLEANUP_ERROR struct ul_error *err = ul_file_read(dir_fd, path, 4096, &text);
	return !err && ul_span_starts((struct ul_span){text.data, text.len}, "offline");
}

static struct ul_error *cut_offline_blocks(struct ul_page_reader *reader, int dir_fd,
					   uint64_t block_pages)
{
	const int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	UL_CLEANUP_CLOSEDIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	for (const struct dirent *entry; (entry = readdir(dir));) {
		uint64_t block;
		if (block_is_offline(dir_fd, entry->d_name, &block))
			UL_TRY(ul_page_ranges_cut(&reader->pieces, block * block_pages,
						  (block + 1) * block_pages));
	}
	return NULL;
}

/** Blocks that are switched off are RAM all the same; asked for only where there must be some. */
static struct ul_error *leave_out_offline(struct ul_page_reader *reader)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	uint64_t present = 0;
	uint64_t block_bytes = 0;
	ul_vec_foreach (zone, &reader->zones.items)
		present += zone->present;
	if (ranges_pages(&reader->pieces) <= present + LEAST_GAP || reader->proc->sys_fd < 0)
		return NULL;
	UL_CLEANUP_CLOSE const int dir_fd = openat(reader->proc->sys_fd, "devices/system/memory",
						   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return NULL; // no hot plug on this machine
	UL_CLEANUP_ERROR struct ul_error *err =
		ul_file_read(dir_fd, "block_size_bytes", 4096, &text);
	if (err ||
	    !ul_span_hex(ul_span_trim((struct ul_span){text.data, text.len}), &block_bytes) ||
	    block_bytes < reader->proc->page_bytes || block_bytes > UINT64_C(1) << 44)
		return NULL;
	return cut_offline_blocks(reader, dir_fd, block_bytes / reader->proc->page_bytes);
}

static struct ul_error *find_zones(struct ul_page_reader *reader)
{
	struct ul_page_ranges ram = {0};
	struct ul_span text;
	uint64_t overlap = 0;
	UL_TRY(ul_proc_read(reader->proc, UL_PROC_ZONEINFO, &text));
	UL_TRY(ul_page_zones_parse(text, &reader->zones));
	if (!reader->zones.items.len)
		return ul_error_new(UL_ERR_BAD_DATA, "zoneinfo names no zone that spans memory");
	struct ul_error *err = read_ram(reader, &ram);
	if (err)
		UL_TRY(add_loss(reader, UL_BIAS_OVER,
				"holes in zones may count as driver pages: no iomem", err));
	else if (!ram.items.len)
		UL_TRY(ul_losses_add(&reader->count->losses, UL_BIAS_OVER, 0,
				     "holes in zones may count as driver pages: iomem hides its "
				     "addresses"));
	err = ul_page_pieces(&reader->zones, ram.items.len ? &ram : NULL, &reader->pieces,
			     &overlap);
	ul_vec_deinit(&ram.items);
	if (err)
		return err;
	if (overlap)
		UL_TRY(ul_losses_add(&reader->count->losses, UL_BIAS_UNKNOWN, overlap,
				     "pages in zones that overlap: sums by zone are mixed"));
	return leave_out_offline(reader);
}

/* --- aside ---------------------------------------------------------------------------------- */

/** True when no page of [first, end) that is looked at has a flag. */
static struct ul_error *is_blank(struct ul_page_reader *reader, uint64_t first, uint64_t end,
				 bool *ret)
{
	*ret = false;
	if (reader->flags_fd < 0)
		return NULL;
	for (unsigned int i = 0; i < PROBES; i++) {
		uint64_t word = 0;
		size_t got;
		UL_TRY(ul_page_read_words(reader->flags_fd, "kpageflags",
					  first + (end - 1 - first) * i / (PROBES - 1), 1, &word,
					  &got));
		if (word || !got)
			return NULL;
	}
	*ret = true;
	return NULL;
}

/** Ranges of whole sections in the pieces that have no flags. */
static struct ul_error *find_blank(struct ul_page_reader *reader, struct ul_page_ranges *blank)
{
	ul_vec_foreach (piece, &reader->pieces.items) {
		for (uint64_t at = piece->first; at < piece->end;) {
			const uint64_t border = (at / SECTION + 1) * SECTION;
			const uint64_t end = border < piece->end ? border : piece->end;
			bool is;
			UL_TRY(is_blank(reader, at, end, &is));
			struct ul_page_range *last =
				blank->items.len ? &blank->items.data[blank->items.len - 1] : NULL;
			if (is && last && last->end == at && last->zone == piece->zone)
				last->end = end;
			else if (is && !ul_vec_push(&blank->items,
						    ((struct ul_page_range){at, end, piece->zone})))
				return &ul_enomem;
			at = end;
		}
	}
	return NULL;
}

/** @p gap: pages that MemTotal has and no zone manages; what is blank beyond them was reserved. */
static struct ul_error *set_aside_blank(struct ul_page_reader *reader, uint64_t gap)
{
	struct ul_page_ranges blank = {0};
	struct ul_error *err = find_blank(reader, &blank);
	ul_vec_foreach (range, &blank.items) {
		const uint64_t pages = range->end - range->first;
		// A hole that iomem did not name, or a driver's gigabyte, is not told from these.
		if (err || pages < SECTION)
			continue;
		struct ul_page_zone *zone = &reader->zones.items.data[range->zone];
		const uint64_t untouched = pages < gap ? pages : gap;
		gap -= untouched;
		ul_page_figure_add(&zone->figures[UL_PAGE_UNTOUCHED], (double)untouched);
		ul_page_figure_add(&zone->figures[UL_PAGE_RESERVED], (double)(pages - untouched));
		zone->counted += pages;
		err = ul_page_ranges_cut(&reader->pieces, range->first, range->end);
	}
	ul_vec_deinit(&blank.items);
	return err;
}

/** Pages that MemTotal has and the zones do not manage yet. */
static struct ul_error *set_aside_untouched(struct ul_page_reader *reader)
{
	struct ul_span text;
	struct ul_meminfo meminfo;
	uint64_t managed = 0;
	UL_TRY(ul_proc_read(reader->proc, UL_PROC_MEMINFO, &text));
	UL_TRY(ul_meminfo_parse(text, &meminfo));
	ul_vec_foreach (zone, &reader->zones.items)
		managed += zone->managed;
	const uint64_t total = meminfo.value[UL_MEMINFO_MEM_TOTAL] / reader->proc->page_bytes;
	return total > managed + LEAST_GAP ? set_aside_blank(reader, total - managed) : NULL;
}

struct ul_error *ul_page_find_pieces(struct ul_page_reader *reader)
{
	UL_TRY(find_zones(reader));
	return set_aside_untouched(reader);
}
