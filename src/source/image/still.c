// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A still picture of a live kernel's objects.
 *
 * Marking follows pointers from object to object in no order that memory knows. Read live, each
 * object is a system call of its own: hundreds of nanoseconds for a few hundred bytes. And the look
 * lasts for seconds, in which what is read last is not what was read first. So all slabs and page
 * blocks are copied at first, in order of their addresses and 256 KiB at a time, by all processors:
 * at the speed of copying, and within a tenth of a second on a machine with a gigabyte of them.
 * From then on that memory can be mapped, as that of a dump.
 *
 * Pages stand behind one another in the copy, in their order; a table says for each page frame
 * which it is. So what is contiguous in memory is contiguous here. Four bytes a page frame, a
 * thousandth of memory, beside the copy.
 *
 * It is no snapshot of one instant: pages differ by the time it took to copy them. Whoever draws
 * conclusions from what is absent has to look twice all the same.
 */
#include "source/image/still.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/span.h"
#include "base/vec.h"

enum {
	RUN_BYTES = 256 << 10, /**< what the live reader copies at once */
	MAP_PAGES = 16,	       /**< that one answer reaches over at most: each is looked up */
	MEMINFO_LIMIT = 65536,
};

/** Pages that are read at once. */
struct run {
	uint64_t pfn;
	uint32_t pages;
	uint32_t slot; /**< of the first in the copy */
};

struct still {
	struct ul_memory memory;
	struct ul_memory *live; /**< owned; NULL: it was taken away */
	struct ul_address_space space;
	UL_VEC(struct run) runs; /**< until it is taken */
	size_t next_run;
	uint32_t *slots; /**< by page frame: place in the copy + 1; 0: not there */
	uint8_t *copy;
	uint64_t copy_bytes;
	uint64_t pages;
};

static void release(struct still *still)
{
	if (still->copy)
		munmap(still->copy, still->copy_bytes);
	free(still->slots);
	ul_vec_deinit(&still->runs);
	free(still);
}

static void still_destroy(struct ul_memory *memory)
{
	struct still *still = (struct still *)memory;
	ul_memory_destroy(still->live);
	release(still);
}

static const void *still_map(struct ul_memory *memory, uint64_t kaddr, size_t *ret_len)
{
	const struct still *still = (const struct still *)memory;
	const uint64_t page_bytes = still->space.page_bytes;
	uint64_t pfn;
	if (!ul_space_direct_pfn(&still->space, kaddr, &pfn) || !still->slots[pfn])
		return NULL;
	const uint32_t slot = still->slots[pfn] - 1;
	const uint64_t into = kaddr & (page_bytes - 1);
	uint64_t pages = 1;
	while (pages < MAP_PAGES && pfn + pages < still->space.max_pfn &&
	       still->slots[pfn + pages] == slot + 1 + pages)
		pages++;
	*ret_len = (size_t)(pages * page_bytes - into);
	return still->copy + (uint64_t)slot * page_bytes + into;
}

static struct ul_error *still_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				   size_t len, size_t *ret_read)
{
	struct still *still = (struct still *)memory;
	size_t run = 0;
	const void *bytes = still_map(memory, kaddr, &run);
	if ((!bytes || run < len) && still->live)
		return still->live->ops->read(still->live, kaddr, buffer, len, ret_read);
	*ret_read = run < len ? run : len;
	if (bytes)
		memcpy(buffer, bytes, *ret_read);
	return NULL;
}

static bool still_phys(struct ul_memory *memory, uint64_t kaddr, uint64_t *ret_phys,
		       uint64_t *ret_len)
{
	struct still *still = (struct still *)memory;
	return still->live && ul_memory_phys(still->live, kaddr, ret_phys, ret_len);
}

static const struct ul_memory_ops still_ops = {
	.read = still_read, .destroy = still_destroy, .map = still_map, .phys = still_phys};

uint64_t ul_still_budget(void)
{
	UL_CLEANUP_BUF struct ul_buf text = {0};
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_file_read(AT_FDCWD, "/proc/meminfo", MEMINFO_LIMIT, &text);
	struct ul_span all = {ul_buf_str(&text), error ? 0 : text.len};
	ul_span_foreach_line (line, all) {
		struct ul_span word;
		uint64_t kilobytes;
		if (ul_span_word(&line, &word) && ul_span_equal(word, "MemAvailable:") &&
		    ul_span_word(&line, &word) && ul_span_u64(word, &kilobytes))
			return kilobytes / 4 * 1024;
	}
	return 0;
}

/* ---- what to copy ---- */

static struct ul_error *add_run(struct still *still, uint64_t pfn, uint64_t pages)
{
	const struct run run = {pfn, (uint32_t)pages, (uint32_t)still->pages};
	still->pages += pages;
	return ul_vec_push(&still->runs, run) ? NULL : &ul_enomem;
}

/** Pages of a range, each once: a page on which two ranges meet is the earlier one's. */
static struct ul_error *add_range(struct still *still, const struct ul_range *range,
				  uint64_t *next_pfn, uint64_t budget, struct ul_still_work *work)
{
	const uint64_t page_bytes = still->space.page_bytes;
	uint64_t pfn;
	uint64_t last;
	if (range->end <= range->start || !ul_space_direct_pfn(&still->space, range->start, &pfn) ||
	    !ul_space_direct_pfn(&still->space, range->end - 1, &last))
		return NULL;
	for (pfn = pfn < *next_pfn ? *next_pfn : pfn; pfn <= last;) {
		struct run *before =
			still->runs.len ? &still->runs.data[still->runs.len - 1] : NULL;
		const uint64_t most = RUN_BYTES / page_bytes;
		uint64_t pages = last - pfn + 1 < most ? last - pfn + 1 : most;
		if ((still->pages + pages) * page_bytes > budget ||
		    still->pages + pages >= UINT32_MAX) {
			work->left_out += (last - pfn + 1) * page_bytes;
			if (!still->memory.left_out_from)
				still->memory.left_out_from =
					ul_space_pfn_kaddr(&still->space, pfn);
			break;
		}
		if (before && before->pfn + before->pages == pfn && before->pages < most) {
			pages = pages < most - before->pages ? pages : most - before->pages;
			before->pages += (uint32_t)pages;
			still->pages += pages;
		} else {
			UL_TRY(add_run(still, pfn, pages));
		}
		pfn += pages;
	}
	*next_pfn = last + 1;
	return NULL;
}

/* ---- copying ---- */

static struct ul_error *copy_run(struct still *still, const struct run *run)
{
	const uint64_t page_bytes = still->space.page_bytes;
	for (uint32_t at = 0; at < run->pages;) {
		size_t got = 0;
		UL_TRY(ul_memory_read(still->live, ul_space_pfn_kaddr(&still->space, run->pfn + at),
				      still->copy + (uint64_t)(run->slot + at) * page_bytes,
				      (size_t)((run->pages - at) * page_bytes), &got));
		for (size_t done = got / page_bytes; done; done--, at++)
			still->slots[run->pfn + at] = run->slot + at + 1;
		if (at < run->pages)
			at++; // a page that cannot be read: what is behind it may be
	}
	return NULL;
}

static struct ul_error *copy_runs(void *context)
{
	struct still *still = context;
	struct ul_error *error = NULL;
	while (!error) {
		const size_t next = __atomic_fetch_add(&still->next_run, 1, __ATOMIC_RELAXED);
		if (next >= still->runs.len)
			return NULL;
		error = copy_run(still, &still->runs.data[next]);
	}
	return error;
}

static struct ul_error *copy_all(struct still *still)
{
	const long online = still->live->concurrent ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
	return ul_parallel(online > 0 ? (unsigned int)online : 1, copy_runs, still);
}

static struct ul_error *allocate(struct still *still)
{
	still->slots = calloc(still->space.max_pfn + 1, sizeof(*still->slots));
	if (!still->slots)
		return &ul_enomem;
	const uint64_t bytes = still->pages * still->space.page_bytes;
	if (!bytes)
		return NULL;
	void *copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return &ul_enomem;
	still->copy = copy;
	still->copy_bytes = bytes;
	// Faults of 4 KiB would cost as much as the copying; without huge pages they do.
	(void)madvise(copy, bytes, MADV_HUGEPAGE);
	return NULL;
}

struct ul_error *ul_image_still_take(struct ul_image *image, const struct ul_range *ranges,
				     size_t len, uint64_t budget, struct ul_still_work *ret)
{
	struct ul_still_work work = {0};
	uint64_t next_pfn = 0;
	*ret = work;
	if (!image->live || image->memory->ops->map == still_map)
		return NULL;
	struct still *still = calloc(1, sizeof(*still));
	if (!still)
		return &ul_enomem;
	still->memory = (struct ul_memory){.ops = &still_ops,
					   .engine = image->memory->engine,
					   .concurrent = image->memory->concurrent};
	still->live = image->memory;
	still->space = image->space;
	struct ul_error *error = NULL;
	for (size_t i = 0; i < len && !error; i++)
		error = add_range(still, &ranges[i], &next_pfn, budget, &work);
	if (!error)
		error = allocate(still);
	if (!error)
		error = copy_all(still);
	if (error) {
		release(still);
		return error;
	}
	ul_vec_deinit(&still->runs);
	work.bytes = still->pages * still->space.page_bytes;
	image->memory = &still->memory;
	*ret = work;
	return NULL;
}

void ul_image_still_part(struct ul_image *image, struct ul_memory **ret)
{
	*ret = NULL;
	if (!image->memory || image->memory->ops != &still_ops)
		return;
	struct still *still = (struct still *)image->memory;
	image->memory = still->live;
	still->live = NULL;
	*ret = &still->memory;
}

void ul_image_still_drop(struct ul_image *image)
{
	struct ul_memory *still;
	ul_image_still_part(image, &still);
	ul_memory_destroy(still);
}
