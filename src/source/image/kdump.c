// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kdump-compressed dumps, as makedumpfile and QEMU write them (makedumpfile IMPLEMENTATION,
 * diskdump_mod.h; crash diskdump.h). In blocks of one page:
 *
 *   0                 struct disk_dump_header: "KDUMP   ", utsname, block size, sizes below
 *   1 ..              struct kdump_sub_header: VMCOREINFO, notes, dump level, split or not
 *   + sub_hdr_size    two bitmaps, a bit a page frame: memory that exists, pages that are here
 *   + bitmap_blocks   a descriptor {offset, size, flags, page flags} for every page that is here
 *   behind            the pages
 *
 * The descriptor of a page frame is found by counting the bits before its own: ranks are kept for
 * every 512 page frames. Pages are decompressed when they are asked for (page_store.c).
 *
 * Of a dump in several files (makedumpfile --split) each has the whole bitmap and the descriptors
 * of its own range of page frames.
 *
 * A page that is not here was left out on purpose (zero pages share one descriptor instead; user
 * pages, page cache and free pages are what dump levels leave out): it reads as a hole.
 */
#include <elf.h>
#include <string.h>

#include "source/image/image_internal.h"
#include "source/image/page_store.h"

/** Linux arch/x86/include/asm/page_64_types.h __START_KERNEL_map */
#define START_KERNEL_MAP 0xffffffff80000000ULL

enum {
	SIGNATURE_BYTES = 8,
	RANK_PFNS = 512,	/**< page frames that share an entry of the rank table */
	PAGE_LIMIT = 65536,	/**< block size at most */
	RANGES_LIMIT = 1 << 20, /**< of memory; a machine has dozens */
	ZERO_SUSPECT = 64,	/**< a page of fewer bytes than this is probably all zero */
	MAX_SUB_HEADER_BLOCKS = 1 << 10,
};

/** status of the header, flags of a descriptor. */
enum { INCOMPLETE = 0x8, COMPRESSIONS = 0x27 };

/** struct disk_dump_header of a 64-bit machine. */
struct header {
	char signature[SIGNATURE_BYTES];
	int32_t header_version;
	char utsname[6][65];
	uint8_t padding[6];
	uint64_t timestamp[2];
	uint32_t status;
	int32_t block_size;
	int32_t sub_hdr_size;
	uint32_t bitmap_blocks;
	uint32_t max_mapnr;
	uint32_t total_ram_blocks;
	uint32_t device_blocks;
	uint32_t written_blocks;
	uint32_t current_cpu;
	int32_t nr_cpus;
};
_Static_assert(sizeof(struct header) == 464, "disk_dump_header of a 64-bit machine");
_Static_assert(__builtin_offsetof(struct header, status) == 424, "disk_dump_header");

/** struct kdump_sub_header of a 64-bit machine; members came with the versions named. */
struct sub_header {
	uint64_t phys_base;
	int32_t dump_level;
	int32_t split;	    /**< 1 */
	uint64_t start_pfn; /**< 2 */
	uint64_t end_pfn;
	uint64_t offset_vmcoreinfo; /**< 3 */
	uint64_t size_vmcoreinfo;
	uint64_t offset_note; /**< 4 */
	uint64_t size_note;
	uint64_t offset_eraseinfo; /**< 5 */
	uint64_t size_eraseinfo;
	uint64_t start_pfn_64; /**< 6 */
	uint64_t end_pfn_64;
	uint64_t max_mapnr_64;
};
_Static_assert(sizeof(struct sub_header) == 104, "kdump_sub_header of a 64-bit machine");

struct descriptor {
	uint64_t offset;
	uint32_t size;
	uint32_t flags;
	uint64_t page_flags;
};
_Static_assert(sizeof(struct descriptor) == 24, "page_desc");

/** One file of the dump. */
struct part {
	struct ul_image_file file;
	uint64_t start_pfn; /**< whose descriptors it has */
	uint64_t end_pfn;
	uint64_t descriptors; /**< offset */
	uint64_t rank;	      /**< of start_pfn: number of its first descriptor */
	uint64_t zero_offset; /**< of a page of zeroes that many descriptors share; 0: none seen */
};

struct kdump {
	UL_VEC(struct part) parts;
	uint64_t page_bytes;
	uint64_t pfns;
	uint8_t *bitmap; /**< of pages that are here; whole 64-bit words, owned */
	uint64_t *ranks; /**< pages here before RANK_PFNS * i; one more entry at the end */
};

/** What the headers of one file say. */
struct headers {
	struct header main;
	struct sub_header sub;
	uint64_t page_bytes;
	uint64_t pfns;
	uint64_t bitmaps;      /**< offset */
	uint64_t bitmap_bytes; /**< of one */
	bool split;
	uint64_t start_pfn;
	uint64_t end_pfn;
};

bool ul_kdump_is(struct ul_span start)
{
	return start.len >= SIGNATURE_BYTES && !memcmp(start.data, "KDUMP   ", SIGNATURE_BYTES);
}

static void kdump_destroy(void *source)
{
	struct kdump *kdump = source;
	ul_vec_foreach (part, &kdump->parts)
		ul_image_file_close(&part->file);
	ul_vec_deinit(&kdump->parts);
	free(kdump->bitmap);
	free(kdump->ranks);
	free(kdump);
}

static void cleanup_kdump(struct kdump **kdump)
{
	if (*kdump)
		kdump_destroy(*kdump);
}

/* ---- pages ---- */

static bool bit_of(const uint8_t *bitmap, uint64_t pfn)
{
	return bitmap[pfn / 8] >> pfn % 8 & 1;
}

/* How many pages are here in [from, to), both within one rank entry. */
static uint64_t count_bits(const uint8_t *bitmap, uint64_t from, uint64_t to)
{
	uint64_t count = 0;
	for (; from < to; from += 64) {
		uint64_t word;
		memcpy(&word, bitmap + from / 8, sizeof(word));
		if (to - from < 64)
			word &= (1ULL << (to - from)) - 1;
		count += (uint64_t)__builtin_popcountll(word);
	}
	return count;
}

static uint64_t rank_of(const struct kdump *kdump, uint64_t pfn)
{
	const uint64_t from = pfn / RANK_PFNS * RANK_PFNS;
	return kdump->ranks[pfn / RANK_PFNS] + count_bits(kdump->bitmap, from, pfn);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

static bool fill_from(const struct kdump *kdump, struct part *part, uint64_t pfn,
		      struct ul_decompressor *decompressor, uint8_t *to, bool fresh)
{
	struct descriptor descriptor;
	uint8_t scratch[2 * PAGE_LIMIT];
	const uint64_t index = rank_of(kdump, pfn) - part->rank;
	if (!ul_image_file_read(&part->file, part->descriptors + index * sizeof(descriptor),
				&descriptor, sizeof(descriptor)) ||
	    !descriptor.size || descriptor.size > PAGE_LIMIT)
		return false;
	const uint8_t *from = ul_image_file_bytes(&part->file, descriptor.offset, descriptor.size,
						  scratch + PAGE_LIMIT);
	if (!from)
		return false;
	// makedumpfile compresses the page of zeroes, QEMU stores it.
	const bool small =
		fresh && (descriptor.size < ZERO_SUSPECT || !(descriptor.flags & COMPRESSIONS));
	if (small && descriptor.offset &&
	    descriptor.offset == __atomic_load_n(&part->zero_offset, __ATOMIC_RELAXED))
		return true;
	uint8_t *into = small ? scratch : to;
	if (!ul_decompress(decompressor, descriptor.flags & COMPRESSIONS, from, descriptor.size,
			   into, kdump->page_bytes))
		return false;
	if (!small)
		return true;
	if (is_zero(scratch, kdump->page_bytes))
		__atomic_store_n(&part->zero_offset, descriptor.offset, __ATOMIC_RELAXED);
	else
		memcpy(to, scratch, kdump->page_bytes);
	return true;
}

static bool kdump_fill(void *source, struct ul_decompressor *decompressor, uint64_t pfn,
		       uint8_t *to, bool fresh)
{
	const struct kdump *kdump = source;
	if (pfn >= kdump->pfns || !bit_of(kdump->bitmap, pfn))
		return false;
	ul_vec_foreach (part, &kdump->parts)
		if (pfn >= part->start_pfn && pfn < part->end_pfn)
			return fill_from(kdump, part, pfn, decompressor, to, fresh);
	return false;
}

static const struct ul_page_source_ops kdump_ops = {.fill = kdump_fill, .destroy = kdump_destroy};

/* ---- headers ---- */

static struct ul_error *check_main(const struct ul_image_file *file, const struct header *main)
{
	const int32_t page_bytes = main->block_size;
	const char *missing = ul_compression_missing(main->status & COMPRESSIONS);
	if (page_bytes < 4096 || page_bytes > PAGE_LIMIT || (page_bytes & (page_bytes - 1)))
		return ul_error_new(UL_ERR_BAD_DATA, "kdump header: block_size %d", page_bytes);
	if (main->sub_hdr_size < 1 || main->sub_hdr_size > MAX_SUB_HEADER_BLOCKS)
		return ul_error_new(UL_ERR_BAD_DATA, "kdump header: sub_hdr_size %d",
				    main->sub_hdr_size);
	if ((uint64_t)main->bitmap_blocks * (uint64_t)page_bytes > file->bytes)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "kdump header: bitmaps of %u blocks in a file of %llu bytes",
				    main->bitmap_blocks, (unsigned long long)file->bytes);
	if (missing)
		return ul_error_hint(
			ul_error_new(UL_ERR_UNSUPPORTED, "pages compressed by %s", missing),
			"this ullage was built without %s", missing);
	return NULL;
}

static struct ul_error *read_headers(const struct ul_image_file *file, struct headers *ret)
{
	struct headers headers = {0};
	struct header *main = &headers.main;
	struct sub_header *sub = &headers.sub;
	if (!ul_image_file_read(file, 0, main, sizeof(*main)))
		return ul_error_new(UL_ERR_BAD_DATA, "kdump header: cut off");
	UL_TRY(check_main(file, main));
	headers.page_bytes = (uint64_t)main->block_size;
	if (!ul_image_file_read(file, headers.page_bytes, sub, sizeof(*sub)))
		return ul_error_new(UL_ERR_BAD_DATA, "kdump sub header: cut off");
	const bool wide = main->header_version >= 6;
	headers.pfns = wide ? sub->max_mapnr_64 : main->max_mapnr;
	headers.bitmaps = (1 + (uint64_t)main->sub_hdr_size) * headers.page_bytes;
	headers.bitmap_bytes = (uint64_t)main->bitmap_blocks / 2 * headers.page_bytes;
	// Of a flattened file the holes are no bytes that anybody wrote.
	if (!headers.pfns || headers.pfns / 8 > headers.bitmap_bytes ||
	    headers.pfns / 8 > file->mapped_bytes)
		return ul_error_new(
			UL_ERR_BAD_DATA, "kdump header: bitmaps of %llu bytes for %llu page frames",
			(unsigned long long)headers.bitmap_bytes, (unsigned long long)headers.pfns);
	if (headers.pfns > headers.bitmap_bytes * 8)
		headers.pfns = headers.bitmap_bytes * 8;
	headers.split = main->header_version >= 1 && sub->split;
	headers.end_pfn = headers.pfns;
	if (headers.split) {
		headers.start_pfn = wide ? sub->start_pfn_64 : sub->start_pfn;
		headers.end_pfn = wide ? sub->end_pfn_64 : sub->end_pfn;
	}
	if (headers.start_pfn > headers.end_pfn || headers.end_pfn > headers.pfns)
		return ul_error_new(
			UL_ERR_BAD_DATA, "kdump sub header: page frames %llu to %llu of %llu",
			(unsigned long long)headers.start_pfn, (unsigned long long)headers.end_pfn,
			(unsigned long long)headers.pfns);
	*ret = headers;
	return NULL;
}

static struct ul_error *read_notes(const struct ul_image_file *file, const struct headers *headers,
				   struct ul_image *image, struct ul_dump *dump)
{
	const struct sub_header *sub = &headers->sub;
	const int32_t version = headers->main.header_version;
	if (version >= 4 && sub->size_note)
		UL_TRY(ul_notes_load(file, sub->offset_note, sub->size_note, dump->machine, image,
				     dump));
	if (version < 3 || image->vmcoreinfo || !sub->size_vmcoreinfo ||
	    sub->size_vmcoreinfo > UL_VMCOREINFO_LIMIT)
		return NULL;
	UL_CLEANUP_FREE char *text = calloc(1, sub->size_vmcoreinfo + 1);
	if (!text)
		return &ul_enomem;
	if (ul_image_file_read(file, sub->offset_vmcoreinfo, text, sub->size_vmcoreinfo) &&
	    ul_vmcoreinfo_is((struct ul_span){text, sub->size_vmcoreinfo}))
		image->vmcoreinfo = UL_TAKE(text);
	return NULL;
}

static struct ul_error *read_machine(const struct headers *headers, struct ul_dump *dump)
{
	char machine[65];
	memcpy(machine, headers->main.utsname[4], sizeof(machine));
	machine[sizeof(machine) - 1] = '\0';
	// makedumpfile leaves it empty when it cannot find the utsname.
	if (!machine[0])
		return NULL;
	if (!strcmp(machine, "x86_64"))
		dump->machine = EM_X86_64;
	else if (!strcmp(machine, "aarch64"))
		dump->machine = EM_AARCH64;
	else
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "machine %.16s: only x86_64 and aarch64 are understood",
				    machine);
	if (dump->machine == EM_X86_64 && headers->sub.phys_base) {
		dump->text_kaddr = START_KERNEL_MAP;
		dump->text_phys = headers->sub.phys_base;
	}
	return NULL;
}

/* ---- bitmaps ---- */

static struct ul_error *read_bitmap(const struct ul_image_file *file, uint64_t offset,
				    uint64_t pfns, uint8_t **ret)
{
	const uint64_t bytes = (pfns + 7) / 8;
	UL_CLEANUP_FREE uint8_t *bitmap = calloc(bytes / 8 + 1, 8);
	if (!bitmap)
		return &ul_enomem;
	if (!ul_image_file_read(file, offset, bitmap, bytes))
		return ul_error_new(UL_ERR_BAD_DATA, "kdump bitmap at %#llx: cut off",
				    (unsigned long long)offset);
	*ret = UL_TAKE(bitmap);
	return NULL;
}

/* The first page frame from @p pfn on whose bit is @p value; @p pfns when there is none. */
static uint64_t next_bit(const uint8_t *bitmap, uint64_t pfn, uint64_t pfns, bool value)
{
	const uint64_t none = value ? 0 : UINT64_MAX;
	while (pfn < pfns) {
		uint64_t word;
		memcpy(&word, bitmap + pfn / 64 * 8, sizeof(word));
		word = (word ^ none) >> pfn % 64;
		if (word) {
			pfn += (uint64_t)__builtin_ctzll(word);
			return pfn < pfns ? pfn : pfns;
		}
		pfn = (pfn / 64 + 1) * 64;
	}
	return pfns;
}

static struct ul_error *read_ram(const struct ul_image_file *file, const struct headers *headers,
				 struct ul_image *image)
{
	const uint64_t page_bytes = headers->page_bytes;
	UL_CLEANUP_FREE uint8_t *bitmap = NULL;
	UL_TRY(read_bitmap(file, headers->bitmaps, headers->pfns, &bitmap));
	for (uint64_t pfn = next_bit(bitmap, 0, headers->pfns, true); pfn < headers->pfns;) {
		const uint64_t end = next_bit(bitmap, pfn, headers->pfns, false);
		if (image->ram.len >= RANGES_LIMIT)
			return ul_error_new(UL_ERR_LIMIT, "kdump bitmap: more than %d ranges",
					    RANGES_LIMIT);
		if (!ul_vec_push(&image->ram,
				 ((struct ul_range){pfn * page_bytes, end * page_bytes})))
			return &ul_enomem;
		pfn = next_bit(bitmap, end, headers->pfns, true);
	}
	return NULL;
}

static struct ul_error *make_ranks(struct kdump *kdump)
{
	const uint64_t entries = kdump->pfns / RANK_PFNS + 1;
	kdump->ranks = calloc(entries + 1, sizeof(*kdump->ranks));
	if (!kdump->ranks)
		return &ul_enomem;
	for (uint64_t i = 0; i < entries; i++) {
		const uint64_t from = i * RANK_PFNS;
		const uint64_t to = from + RANK_PFNS < kdump->pfns ? from + RANK_PFNS : kdump->pfns;
		kdump->ranks[i + 1] = kdump->ranks[i] + count_bits(kdump->bitmap, from, to);
	}
	return NULL;
}

/* ---- all files together ---- */

/* What descriptors and pages the file should have and does not is a loss; the rest is used. */
static struct ul_error *check_end(const struct kdump *kdump, const struct part *part,
				  struct ul_image *image)
{
	struct descriptor last;
	const uint64_t pages = rank_of(kdump, part->end_pfn) - part->rank;
	image->bytes += pages * kdump->page_bytes;
	if (!pages ||
	    (ul_image_file_read(&part->file, part->descriptors + (pages - 1) * sizeof(last), &last,
				sizeof(last)) &&
	     last.size <= part->file.bytes && last.offset <= part->file.bytes - last.size))
		return NULL;
	return ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 1,
			     "file of the dump cut off: pages at its end are missing");
}

/* Takes the file. */
static struct ul_error *add_part(struct kdump *kdump, struct ul_image_file *file,
				 const struct headers *headers)
{
	struct part *part = ul_vec_add(&kdump->parts);
	if (!part) {
		ul_image_file_close(file);
		return &ul_enomem;
	}
	part->file = *file;
	*file = (struct ul_image_file){0};
	part->start_pfn = headers->start_pfn;
	part->end_pfn = headers->end_pfn;
	part->descriptors =
		headers->bitmaps + (uint64_t)headers->main.bitmap_blocks * headers->page_bytes;
	return NULL;
}

/* The first file says what the machine is like; the others must say the same. */
static struct ul_error *begin(struct kdump *kdump, const struct ul_image_file *file,
			      const struct headers *headers, struct ul_image *image,
			      struct ul_dump *dump)
{
	kdump->page_bytes = headers->page_bytes;
	kdump->pfns = headers->pfns;
	if (headers->main.status & INCOMPLETE)
		UL_TRY(ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 1,
				     "the dump says of itself that it is incomplete"));
	UL_TRY(read_machine(headers, dump));
	UL_TRY(read_ram(file, headers, image));
	UL_TRY(read_bitmap(file, headers->bitmaps + headers->bitmap_bytes, headers->pfns,
			   &kdump->bitmap));
	return make_ranks(kdump);
}

static struct ul_error *add_file(struct kdump *kdump, struct ul_image_file *file,
				 struct ul_image *image, struct ul_dump *dump)
{
	struct headers headers = {0};
	UL_TRY(read_headers(file, &headers));
	if (!kdump->parts.len)
		UL_TRY(begin(kdump, file, &headers, image, dump));
	else if (!headers.split || headers.page_bytes != kdump->page_bytes ||
		 headers.pfns != kdump->pfns)
		return ul_error_new(UL_ERR_BAD_DATA, "%s: not of the same split dump", file->path);
	UL_TRY(read_notes(file, &headers, image, dump));
	UL_TRY(add_part(kdump, file, &headers));
	struct part *part = &kdump->parts.data[kdump->parts.len - 1];
	part->rank = rank_of(kdump, part->start_pfn);
	return check_end(kdump, part, image);
}

static int compare_start(const void *a, const void *b)
{
	const struct part *left = a;
	const struct part *right = b;
	return (left->start_pfn > right->start_pfn) - (left->start_pfn < right->start_pfn);
}

/* A split dump of which files are missing lacks their pages: a loss, and it says which. */
static struct ul_error *check_parts(struct kdump *kdump, struct ul_image *image)
{
	uint64_t end = 0;
	uint64_t missing = 0;
	if (kdump->parts.len)
		qsort(kdump->parts.data, kdump->parts.len, sizeof(*kdump->parts.data),
		      compare_start);
	ul_vec_foreach (part, &kdump->parts) {
		if (part->start_pfn > end)
			missing += rank_of(kdump, part->start_pfn) - rank_of(kdump, end);
		if (part->end_pfn > end)
			end = part->end_pfn;
	}
	missing += rank_of(kdump, kdump->pfns) - rank_of(kdump, end);
	if (!missing)
		return NULL;
	return ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, missing,
			     "pages in files of the split dump that were not given");
}

struct ul_error *ul_kdump_open(struct ul_image_file *files, size_t len, struct ul_image *image,
			       struct ul_dump *ret)
{
	UL_CLEANUP(cleanup_kdump) struct kdump *kdump = calloc(1, sizeof(*kdump));
	if (!kdump)
		return &ul_enomem;
	image->kind = "kdump";
	for (size_t i = 0; i < len; i++)
		UL_TRY(add_file(kdump, &files[i], image, ret));
	UL_TRY(check_parts(kdump, image));
	const struct ul_page_source source = {.ops = &kdump_ops,
					      .engine = image->kind,
					      .page_bytes = kdump->page_bytes,
					      .pages = kdump->pfns,
					      .source = kdump};
	kdump = NULL; // the store's from here on
	return ul_page_store_create(&source, ul_page_store_budget(source.page_bytes),
				    &image->physical);
}
