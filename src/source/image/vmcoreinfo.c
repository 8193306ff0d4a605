// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VMCOREINFO: the text in which a kernel describes itself to whoever reads its dump (Linux
 * kernel/crash_core.c, kernel/vmcore_info.c; Documentation/admin-guide/kdump/vmcoreinfo.rst). Where
 * no note of the dump holds it, memory does: the kernel keeps the finished ELF note in a page of
 * its own, and the scan looks for that note's header followed by the text's first line. Copies of
 * another boot may lie about; the caller tries them all and believes the one whose page tables
 * close.
 */
#include <string.h>

#include "source/image/image_internal.h"

enum {
	NOTE_HEADER_BYTES = 12, /**< Elf64_Nhdr */
	NOTE_NAME_BYTES = 12,	/**< "VMCOREINFO", padded */
	HOLES_LIMIT = 1 << 24,	/**< pages that are not there, before the scan gives up */
};

bool ul_vmcoreinfo_is(struct ul_span text)
{
	if (text.len > UL_VMCOREINFO_LIMIT || !text.len)
		return false;
	const char *end = memchr(text.data, '\0', text.len);
	if (end)
		text.len = (size_t)(end - text.data);
	for (size_t i = 0; i < text.len; i++)
		if ((text.data[i] < ' ' || text.data[i] > '~') && text.data[i] != '\n')
			return false;
	return ul_span_starts(text, "OSRELEASE=") || ul_span_find(text, "\nOSRELEASE=", NULL);
}

bool ul_vmcoreinfo_text(const char *vmcoreinfo, const char *key, struct ul_span *ret)
{
	struct ul_span rest = vmcoreinfo ? ul_span_of(vmcoreinfo) : (struct ul_span){0};
	const size_t len = strlen(key);
	ul_span_foreach_line (line, rest) {
		if (!ul_span_starts(line, key) || line.len == len || line.data[len] != '=')
			continue;
		*ret = (struct ul_span){line.data + len + 1, line.len - len - 1};
		return true;
	}
	return false;
}

/* The text of the note whose name lies at @p at of @p bytes; false when there is none. */
static bool note_at(struct ul_span bytes, size_t at, struct ul_span *ret)
{
	uint32_t header[3];
	if (at < NOTE_HEADER_BYTES || bytes.len - at < NOTE_NAME_BYTES)
		return false;
	memcpy(header, bytes.data + at - NOTE_HEADER_BYTES, sizeof(header));
	const struct ul_span text = {bytes.data + at + NOTE_NAME_BYTES, header[1]};
	if (header[0] != sizeof("VMCOREINFO") || header[2] ||
	    text.len > bytes.len - at - NOTE_NAME_BYTES || !ul_span_starts(text, "OSRELEASE=") ||
	    !ul_vmcoreinfo_is(text))
		return false;
	*ret = text;
	return true;
}

static struct ul_error *add_text(struct ul_vmcoreinfo_texts *texts, struct ul_span text)
{
	ul_vec_foreach (known, &texts->items)
		if (!strncmp(*known, text.data, text.len))
			return NULL;
	char *copy = ul_span_dup(text);
	if (copy && ul_vec_push(&texts->items, copy))
		return NULL;
	free(copy);
	return &ul_enomem;
}

/* Search @p bytes up to the first text not known yet; @p ret_used: how many are done with. */
static struct ul_error *scan_bytes(struct ul_span bytes, struct ul_vmcoreinfo_texts *texts,
				   size_t *ret_used)
{
	const size_t known = texts->items.len;
	size_t from = 0;
	while (from < bytes.len && texts->items.len == known) {
		const char *found = memmem(bytes.data + from, bytes.len - from, "VMCOREINFO",
					   sizeof("VMCOREINFO"));
		struct ul_span text;
		if (!found) {
			from = bytes.len;
			break;
		}
		const size_t at = (size_t)(found - bytes.data);
		from = at + sizeof("VMCOREINFO");
		if (note_at(bytes, at, &text))
			UL_TRY(add_text(texts, text));
	}
	*ret_used = from;
	return NULL;
}

/* One range, from *@p phys on, up to the first text not known yet. */
static struct ul_error *scan_range(struct ul_image *image, const struct ul_range *range,
				   uint64_t *phys, struct ul_vmcoreinfo_texts *texts)
{
	const size_t known = texts->items.len;
	uint64_t holes = 0;
	while (*phys < range->end && texts->items.len == known && holes < HOLES_LIMIT) {
		size_t run = 0;
		const void *bytes = ul_memory_map(image->physical, *phys, &run);
		if (!bytes) {
			// Try again where the next page begins.
			*phys += 4096 - *phys % 4096;
			holes++;
			continue;
		}
		if (run > range->end - *phys)
			run = range->end - *phys;
		UL_TRY(scan_bytes((struct ul_span){bytes, run}, texts, &run));
		*phys += run;
	}
	return NULL;
}

struct ul_error *ul_vmcoreinfo_scan(struct ul_image *image, uint64_t *phys,
				    struct ul_vmcoreinfo_texts *ret)
{
	const size_t known = ret->items.len;
	ul_vec_foreach (range, &image->ram) {
		if (range->end <= *phys)
			continue;
		if (*phys < range->start)
			*phys = range->start;
		UL_TRY(scan_range(image, range, phys, ret));
		if (ret->items.len > known)
			break;
	}
	return NULL;
}

void ul_vmcoreinfo_texts_deinit(struct ul_vmcoreinfo_texts *texts)
{
	ul_vec_foreach (text, &texts->items)
		free(*text);
	ul_vec_deinit(&texts->items);
}
