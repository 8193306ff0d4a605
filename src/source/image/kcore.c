// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel memory through /proc/kcore: an ELF core file of the running kernel, made on the fly (Linux
 * fs/proc/kcore.c). Its program headers say which stretches of kernel addresses exist; a read in
 * one of them is a read of memory. Memory added later (hotplug, ballooning) is not in the table
 * read at the start: it is a hole here. Many kernels fill pages that they cannot read with zeros
 * instead of saying so; through this reader a hole may therefore look like an empty page.
 *
 * The two parsers take bytes and believe nothing: counts have limits, sums are checked, and what a
 * segment says of its length is only ever used to bound a pread().
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "source/image/live_internal.h"

enum {
	SEGMENTS_LIMIT = 65534, /**< more need ELF's extended numbering; kcore has dozens */
};
_Static_assert(sizeof(Elf64_Ehdr) == UL_CORE_HEADER_BYTES, "ELF64 header");

struct kcore {
	struct ul_memory memory;
	int fd;
	struct ul_core_segments segments;
};

struct ul_error *ul_core_parse_header(struct ul_span header, uint64_t *ret_offset,
				      size_t *ret_bytes)
{
	Elf64_Ehdr elf;
	if (header.len < sizeof(elf))
		return ul_error_new(UL_ERR_BAD_DATA, "ELF header: %zu bytes of %zu", header.len,
				    sizeof(elf));
	memcpy(&elf, header.data, sizeof(elf));
	const unsigned char order =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	if (memcmp(elf.e_ident, ELFMAG, SELFMAG) || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_ident[EI_DATA] != order || elf.e_type != ET_CORE)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "ELF header: no 64-bit core file of this byte order");
	if (elf.e_phentsize != sizeof(Elf64_Phdr))
		return ul_error_new(UL_ERR_BAD_DATA, "ELF header: program headers of %u bytes",
				    elf.e_phentsize);
	if (!elf.e_phnum || elf.e_phnum > SEGMENTS_LIMIT)
		return ul_error_new(UL_ERR_LIMIT, "ELF header: %u program headers, at most %d",
				    elf.e_phnum, SEGMENTS_LIMIT);
	*ret_offset = elf.e_phoff;
	*ret_bytes = elf.e_phnum * sizeof(Elf64_Phdr);
	return NULL;
}

static int compare_kaddr(const void *a, const void *b)
{
	const struct ul_core_segment *left = a;
	const struct ul_core_segment *right = b;
	return (left->kaddr > right->kaddr) - (left->kaddr < right->kaddr);
}

struct ul_error *ul_core_parse_segments(struct ul_span table, struct ul_core_segments *ret)
{
	struct ul_core_segments segments = {0};
	for (size_t at = 0; table.len - at >= sizeof(Elf64_Phdr); at += sizeof(Elf64_Phdr)) {
		Elf64_Phdr header;
		uint64_t end;
		memcpy(&header, table.data + at, sizeof(header));
		if (header.p_type != PT_LOAD || !header.p_filesz)
			continue;
		// The last byte may be the last of the address space.
		if (__builtin_add_overflow(header.p_vaddr, header.p_filesz - 1, &end) ||
		    __builtin_add_overflow(header.p_offset, header.p_filesz, &end) ||
		    end > INT64_MAX) {
			ul_vec_deinit(&segments.items);
			return ul_error_new(
				UL_ERR_BAD_DATA,
				"program header %zu: %#llx bytes at %#llx, offset %#llx",
				at / sizeof(header), (unsigned long long)header.p_filesz,
				(unsigned long long)header.p_vaddr,
				(unsigned long long)header.p_offset);
		}
		const struct ul_core_segment segment = {header.p_vaddr, header.p_filesz,
							header.p_offset};
		if (!ul_vec_push(&segments.items, segment)) {
			ul_vec_deinit(&segments.items);
			return &ul_enomem;
		}
	}
	if (segments.items.len)
		qsort(segments.items.data, segments.items.len, sizeof(*segments.items.data),
		      compare_kaddr);
	*ret = segments;
	return NULL;
}

const struct ul_core_segment *ul_core_find(const struct ul_core_segments *segments, uint64_t kaddr)
{
	size_t low = 0;
	size_t high = segments->items.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (segments->items.data[middle].kaddr <= kaddr)
			low = middle + 1;
		else
			high = middle;
	}
	// A segment may lie within an earlier, longer one; few do, so walk back a little.
	for (size_t tried = 0; low-- > 0 && tried < 8; tried++) {
		const struct ul_core_segment *segment = &segments->items.data[low];
		if (kaddr - segment->kaddr < segment->bytes)
			return segment;
	}
	return NULL;
}

static struct ul_error *kcore_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				   size_t len, size_t *ret_read)
{
	const struct kcore *kcore = (const struct kcore *)memory;
	size_t total = 0;
	while (total < len) {
		const struct ul_core_segment *segment =
			ul_core_find(&kcore->segments, kaddr + total);
		if (!segment || kaddr + total < kaddr)
			break;
		const uint64_t into = kaddr + total - segment->kaddr;
		const uint64_t left = segment->bytes - into;
		const size_t piece = left < len - total ? (size_t)left : len - total;
		const ssize_t got = pread(kcore->fd, (uint8_t *)buffer + total, piece,
					  (off_t)(segment->offset + into));
		if (got < 0 && errno == EINTR)
			continue;
		// EFAULT, ENXIO, EIO: that page is not there.
		if (got <= 0)
			break;
		total += (size_t)got;
	}
	*ret_read = total;
	return NULL;
}

static void kcore_destroy(struct ul_memory *memory)
{
	struct kcore *kcore = (struct kcore *)memory;
	if (kcore->fd >= 0)
		close(kcore->fd);
	ul_vec_deinit(&kcore->segments.items);
	free(kcore);
}

static void cleanup_kcore(struct kcore **kcore)
{
	if (*kcore)
		kcore_destroy(&(*kcore)->memory);
}

static const struct ul_memory_ops kcore_ops = {.read = kcore_read, .destroy = kcore_destroy};

/* @p len bytes at @p offset, all of them. */
static struct ul_error *read_at(int fd, uint64_t offset, void *buffer, size_t len)
{
	size_t total = 0;
	if (offset > INT64_MAX - len)
		return ul_error_new(UL_ERR_BAD_DATA, "offset %#llx is no file offset",
				    (unsigned long long)offset);
	while (total < len) {
		const ssize_t got =
			pread(fd, (uint8_t *)buffer + total, len - total, (off_t)(offset + total));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ul_error_os(errno, "reading %zu bytes at %#llx", len,
					   (unsigned long long)offset);
		if (!got)
			return ul_error_new(UL_ERR_BAD_DATA, "ends within the table at %#llx",
					    (unsigned long long)offset);
		total += (size_t)got;
	}
	return NULL;
}

static struct ul_error *load_segments(struct kcore *kcore)
{
	char header[UL_CORE_HEADER_BYTES];
	uint64_t offset = 0;
	size_t bytes = 0;
	UL_TRY(read_at(kcore->fd, 0, header, sizeof(header)));
	UL_TRY(ul_core_parse_header((struct ul_span){header, sizeof(header)}, &offset, &bytes));
	UL_CLEANUP_FREE char *table = malloc(bytes);
	if (!table)
		return &ul_enomem;
	UL_TRY(read_at(kcore->fd, offset, table, bytes));
	UL_TRY(ul_core_parse_segments((struct ul_span){table, bytes}, &kcore->segments));
	if (!kcore->segments.items.len)
		return ul_error_new(UL_ERR_BAD_DATA, "no memory in it");
	return NULL;
}

struct ul_error *ul_live_kcore_open(const char *path, struct ul_memory **ret)
{
	UL_CLEANUP(cleanup_kcore) struct kcore *kcore = calloc(1, sizeof(*kcore));
	if (!kcore)
		return &ul_enomem;
	kcore->memory = (struct ul_memory){.ops = &kcore_ops, .engine = "kcore"};
	kcore->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (kcore->fd < 0 && errno == ENOENT)
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED, "%s: not there", path),
				     "needs a kernel with CONFIG_PROC_KCORE");
	if (kcore->fd < 0)
		return ul_error_hint(ul_error_os(errno, "opening %s", path),
				     "run as root; a locked-down kernel refuses it altogether");
	struct ul_error *error = load_segments(kcore);
	if (error)
		return ul_error_prepend(error, "%s", path);
	*ret = &UL_TAKE(kcore)->memory;
	return NULL;
}
