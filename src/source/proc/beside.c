// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Small files with one figure each. None of these is an account:
 *
 *  zram       /sys/block/zramN/mm_stat, Linux drivers/block/zram/zram_drv.c mm_stat_show(): its
 *             pages are zsmalloc's, which is an account; the note says how much was stored in them
 *  ZFS ARC    /proc/spl/kstat/zfs/arcstats: buffers lie in slab caches of spl and in pages of no
 *             counter (abd), so part of it is in what is unaccounted. Reclaim takes it back
 *  dma-buf    debugfs dma_buf/bufinfo, Linux drivers/dma-buf/dma-buf.c dma_buf_debug_show(), or
 *             /sys/kernel/dmabuf/buffers of CONFIG_DMABUF_SYSFS_STATS: may be pages of a driver
 *             (unaccounted), Shmem, CMA, or memory of a device that is no RAM at all
 *  RAM        /proc/iomem "System RAM", kernel/resource.c: what the firmware gave. The kernel's
 *             image, its page array and what it reserved at boot are not in MemTotal
 *
 * An absent file is the usual case and no loss.
 */
#include "source/proc/beside.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "source/proc/limits.h"

enum { TEXT_BYTES = 4 * 1024 * 1024, PATH_BYTES = 320, DEVICES_MAX = 64, BUFFERS_MAX = 65536 };

bool ul_zram_parse(struct ul_span text, struct ul_zram *ret)
{
	struct ul_zram zram;
	uint64_t compressed;
	if (!ul_span_word_u64(&text, &zram.stored_bytes) || !ul_span_word_u64(&text, &compressed) ||
	    !ul_span_word_u64(&text, &zram.used_bytes) || zram.stored_bytes > UL_PROC_LIMIT_BYTES ||
	    zram.used_bytes > UL_PROC_LIMIT_BYTES)
		return false;
	*ret = zram;
	return true;
}

bool ul_arcstats_parse(struct ul_span text, uint64_t *ret_bytes)
{
	ul_span_foreach_line (line, text) {
		struct ul_span name;
		uint64_t type;
		uint64_t bytes;
		if (ul_span_word(&line, &name) && ul_span_equal(name, "size") &&
		    ul_span_word_u64(&line, &type) && ul_span_word_u64(&line, &bytes) &&
		    bytes <= UL_PROC_LIMIT_BYTES) {
			*ret_bytes = bytes;
			return true;
		}
	}
	return false;
}

bool ul_bufinfo_parse(struct ul_span text, uint64_t *ret_objects, uint64_t *ret_bytes)
{
	bool found = false;
	ul_span_foreach_line (line, text) {
		struct ul_span word;
		uint64_t objects;
		uint64_t bytes;
		if (ul_span_word(&line, &word) && ul_span_equal(word, "Total") &&
		    ul_span_word_u64(&line, &objects) && ul_span_word(&line, &word) &&
		    ul_span_starts(word, "objects") && ul_span_word_u64(&line, &bytes) &&
		    bytes <= UL_PROC_LIMIT_BYTES) {
			*ret_objects = objects;
			*ret_bytes = bytes;
			found = true; // a buffer's name may look like it: the last one counts
		}
	}
	return found;
}

bool ul_iomem_parse(struct ul_span text, uint64_t *ret_bytes)
{
	uint64_t sum = 0;
	ul_span_foreach_line (line, text) {
		struct ul_span rest = line;
		struct ul_span range;
		struct ul_span start;
		uint64_t first;
		uint64_t last;
		// Indented lines are parts of the one above.
		if (!line.len || line.data[0] == ' ' || !ul_span_cut(&rest, ':', &range) ||
		    !ul_span_equal(ul_span_trim(rest), "System RAM"))
			continue;
		range = ul_span_trim(range);
		if (!ul_span_cut(&range, '-', &start) || !ul_span_hex(start, &first) ||
		    !ul_span_hex(range, &last) || last <= first ||
		    last - first >= UL_PROC_LIMIT_BYTES - sum)
			continue;
		sum += last - first + 1;
	}
	*ret_bytes = sum;
	return sum > 0;
}

static bool read_text(int fd, const char *path, struct ul_buf *scratch, struct ul_span *ret)
{
	ul_buf_clear(scratch);
	UL_CLEANUP_ERROR struct ul_error *err =
		fd < 0 ? NULL : ul_file_read(fd, path, TEXT_BYTES, scratch);
	if (fd < 0 || err)
		return false;
	*ret = (struct ul_span){scratch->data, scratch->len};
	return true;
}

static struct ul_error *read_zram(int sys_fd, struct ul_buf *scratch, struct ul_ledger *ledger)
{
	struct ul_zram sum = {0};
	struct ul_span text;
	struct ul_zram zram;
	for (int i = 0; i < DEVICES_MAX; i++) {
		char path[PATH_BYTES];
		snprintf(path, sizeof(path), "block/zram%d/mm_stat", i);
		// Devices are numbered from 0; one that was removed leaves a gap at most.
		if (!read_text(sys_fd, path, scratch, &text)) {
			if (i)
				break;
			continue;
		}
		if (ul_zram_parse(text, &zram)) {
			sum.stored_bytes += zram.stored_bytes;
			sum.used_bytes += zram.used_bytes;
		}
	}
	if (!sum.used_bytes && !sum.stored_bytes)
		return NULL;
	UL_TRY(ul_ledger_note(ledger, "stored in zram before compression", sum.stored_bytes));
	return ul_ledger_note(ledger, "zram pages", sum.used_bytes);
}

/** Sizes of the buffers below kernel/dmabuf/buffers. */
static bool sum_dmabuf(int sys_fd, struct ul_buf *scratch, uint64_t *ret_bytes)
{
	static const char path[] = "kernel/dmabuf/buffers";
	const int fd = sys_fd < 0 ? -1 : openat(sys_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	UL_CLEANUP_CLOSEDIR DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return false;
	}
	uint64_t sum = 0;
	size_t count = 0;
	for (const struct dirent *entry; count < BUFFERS_MAX && (entry = readdir(dir));) {
		char name[PATH_BYTES];
		struct ul_span text;
		uint64_t bytes;
		if (entry->d_name[0] == '.')
			continue;
		count++;
		snprintf(name, sizeof(name), "%s/size", entry->d_name);
		if (read_text(dirfd(dir), name, scratch, &text) &&
		    ul_span_u64(ul_span_trim(text), &bytes) && bytes <= UL_PROC_LIMIT_BYTES - sum)
			sum += bytes;
	}
	*ret_bytes = sum;
	return true;
}

static struct ul_error *read_dmabuf(int sys_fd, struct ul_buf *scratch, struct ul_ledger *ledger)
{
	struct ul_span text;
	uint64_t objects;
	uint64_t bytes = 0;
	if (!sum_dmabuf(sys_fd, scratch, &bytes) &&
	    (!read_text(sys_fd, "kernel/debug/dma_buf/bufinfo", scratch, &text) ||
	     !ul_bufinfo_parse(text, &objects, &bytes)))
		return NULL;
	return ul_ledger_note(ledger, "dma-buf", bytes);
}

struct ul_error *ul_beside_read(int proc_fd, int sys_fd, bool all, struct ul_buf *scratch,
				struct ul_ledger *ledger)
{
	struct ul_span text;
	uint64_t bytes;
	UL_TRY(read_zram(sys_fd, scratch, ledger));
	if (read_text(proc_fd, "spl/kstat/zfs/arcstats", scratch, &text) &&
	    ul_arcstats_parse(text, &bytes))
		UL_TRY(ul_ledger_note(ledger, "zfs arc", bytes));
	if (!all)
		return NULL;
	if (read_text(proc_fd, "iomem", scratch, &text) && ul_iomem_parse(text, &bytes))
		ledger->ram_bytes = bytes;
	return read_dmabuf(sys_fd, scratch, ledger);
}
