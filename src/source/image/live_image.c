// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The running kernel as an image. It is read by kernel address, through BPF or /proc/kcore. From
 * there the way is that of a dump: its physical memory is what the direct map shows, VMCOREINFO
 * lies where /sys/kernel/vmcoreinfo says (kcore has it as a note), and from VMCOREINFO follow page
 * tables, page array and all else, with the same checks.
 *
 *   BPF     where the direct map begins is found by layout.c; memory is "System RAM" of /proc/iomem
 *   kcore   both are in its program headers: one segment for each stretch of memory, with both
 *           addresses (Linux 464920104bf7 "/proc/kcore: update physical address for kcore ram and
 *           text", v4.11)
 *
 * A kernel without VMCOREINFO (CONFIG_CRASH_DUMP off) is read all the same, without page tables:
 * then nobody can say which page frames back vmalloc areas.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/span.h"
#include "base/text.h"
#include "source/image/image_internal.h"
#include "source/image/live_internal.h"

/** Linux arch/x86/include/asm/page_64_types.h __START_KERNEL_map */
#define START_KERNEL_MAP 0xffffffff80000000ULL

enum {
	IOMEM_LIMIT = 4 << 20,	     /**< bytes of /proc/iomem */
	RANGES_LIMIT = 1 << 16,	     /**< of memory */
	KCORE_TABLE_LIMIT = 4 << 20, /**< bytes of program headers */
};

/* ---- physical memory as the direct map shows it ---- */

struct shown {
	struct ul_memory memory;
	struct ul_memory *reader; /**< owned */
	uint64_t page_offset;
};

static struct ul_error *shown_read(struct ul_memory *memory, uint64_t phys, void *buffer,
				   size_t len, size_t *ret_read)
{
	const struct shown *shown = (const struct shown *)memory;
	uint64_t kaddr;
	if (__builtin_add_overflow(shown->page_offset, phys, &kaddr)) {
		*ret_read = 0;
		return NULL;
	}
	return shown->reader->ops->read(shown->reader, kaddr, buffer, len, ret_read);
}

static void shown_destroy(struct ul_memory *memory)
{
	struct shown *shown = (struct shown *)memory;
	ul_memory_destroy(shown->reader);
	free(shown);
}

static const struct ul_memory_ops shown_ops = {.read = shown_read, .destroy = shown_destroy};

/* Takes @p reader when it succeeds. */
static struct ul_error *show(struct ul_memory *reader, uint64_t page_offset, struct ul_image *image)
{
	struct shown *shown = calloc(1, sizeof(*shown));
	if (!shown)
		return &ul_enomem;
	shown->memory = (struct ul_memory){
		.ops = &shown_ops, .engine = reader->engine, .concurrent = reader->concurrent};
	shown->reader = reader;
	shown->page_offset = page_offset;
	image->physical = &shown->memory;
	return NULL;
}

/* ---- by BPF ---- */

struct ul_error *ul_image_iomem_parse(struct ul_span text, struct ul_image *image)
{
	ul_span_foreach_line (line, text) {
		struct ul_span start;
		struct ul_span end;
		struct ul_range range;
		// Lines that are indented are parts of the one before.
		if (!ul_span_cut(&line, '-', &start) || !ul_span_cut(&line, ' ', &end) ||
		    !ul_span_equal(ul_span_trim(line), ": System RAM") ||
		    !ul_span_hex(start, &range.start) || !ul_span_hex(end, &range.end) ||
		    range.end <= range.start || range.end == UINT64_MAX)
			continue;
		range.end++;
		const struct ul_range *last =
			image->ram.len ? &image->ram.data[image->ram.len - 1] : NULL;
		if (image->ram.len >= RANGES_LIMIT || (last && range.start < last->end))
			continue;
		if (!ul_vec_push(&image->ram, range))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *read_iomem(struct ul_image *image)
{
	UL_CLEANUP_BUF struct ul_buf text = {0};
	UL_TRY(ul_file_read(AT_FDCWD, "/proc/iomem", IOMEM_LIMIT, &text));
	return ul_image_iomem_parse((struct ul_span){ul_buf_str(&text), text.len}, image);
}

/* The note that /sys/kernel/vmcoreinfo ("address bytes", hexadecimal) leads to. */
static struct ul_error *read_vmcoreinfo(struct ul_image *image, struct ul_dump *dump)
{
	UL_CLEANUP_BUF struct ul_buf text = {0};
	struct ul_span word;
	uint64_t phys;
	uint64_t bytes;
	size_t got = 0;
	struct ul_error *error = ul_file_read(AT_FDCWD, "/sys/kernel/vmcoreinfo", 4096, &text);
	ul_error_destroy(error);
	struct ul_span rest = {ul_buf_str(&text), error ? 0 : text.len};
	if (!ul_span_word(&rest, &word) || !ul_span_hex(word, &phys) ||
	    !ul_span_word(&rest, &word) || !ul_span_hex(word, &bytes) ||
	    bytes > UL_VMCOREINFO_LIMIT)
		return NULL;
	UL_CLEANUP_FREE char *note = malloc(bytes + 1);
	if (!note)
		return &ul_enomem;
	UL_TRY(ul_memory_read(image->physical, phys, note, bytes, &got));
	return ul_notes_parse((struct ul_span){note, got}, dump->machine, image, dump);
}

/* Copies of memory in which everything would refer to everything. */
static struct ul_error *remember_windows(struct ul_memory *reader, struct ul_image *image)
{
	struct ul_anchors anchors;
	if (!ul_live_bpf_anchors(reader, &anchors) || !anchors.windows.end)
		return ul_losses_add(&image->losses, UL_BIAS_UNDER, 0,
				     "where the reader's own buffers lie is not known: they hold "
				     "copies of references");
	return ul_vec_push(&image->own, anchors.windows) ? NULL : &ul_enomem;
}

static struct ul_error *open_bpf(struct ul_image *image, struct ul_dump *dump)
{
	UL_CLEANUP_MEMORY struct ul_memory *reader = NULL;
	UL_CLEANUP_LAYOUT struct ul_layout layout = {0};
	UL_TRY(ul_live_bpf_open(&reader));
	UL_TRY(ul_layout_find(reader, NULL, &layout));
	UL_TRY(read_iomem(image));
	UL_TRY(remember_windows(reader, image));
	UL_TRY(show(reader, layout.page_offset, image));
	image->kind = UL_TAKE(reader)->engine;
	image->space = (struct ul_address_space){.page_bytes = layout.page_bytes,
						 .struct_page_bytes = layout.struct_page_bytes,
						 .page_offset = layout.page_offset,
						 .vmemmap = layout.vmemmap};
	return read_vmcoreinfo(image, dump);
}

/* ---- by /proc/kcore ---- */

static struct ul_error *read_all(int fd, uint64_t offset, void *buffer, size_t len)
{
	size_t total = 0;
	while (total < len) {
		const ssize_t got =
			pread(fd, (uint8_t *)buffer + total, len - total, (off_t)(offset + total));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ul_error_os(got ? errno : EIO, "reading /proc/kcore");
		total += (size_t)got;
	}
	return NULL;
}

static struct ul_error *kcore_notes(int fd, const Elf64_Phdr *header, struct ul_image *image,
				    struct ul_dump *dump)
{
	if (header->p_filesz > UL_NOTES_LIMIT || header->p_offset > INT64_MAX)
		return NULL;
	UL_CLEANUP_FREE char *notes = malloc(header->p_filesz + 1);
	if (!notes)
		return &ul_enomem;
	UL_TRY(read_all(fd, header->p_offset, notes, header->p_filesz));
	UL_TRY(ul_notes_parse((struct ul_span){notes, header->p_filesz}, dump->machine, image,
			      dump));
	// Registers in it are of the process that reads, not of processors.
	ul_vec_deinit(&image->cpus);
	return NULL;
}

/* Segments of memory: all at one distance from their physical addresses. */
static struct ul_error *kcore_memory(const Elf64_Phdr *header, struct ul_image *image,
				     uint64_t *page_offset)
{
	const uint64_t distance = header->p_vaddr - header->p_paddr;
	if (header->p_paddr == UINT64_MAX || header->p_vaddr >= START_KERNEL_MAP ||
	    !(header->p_vaddr >> 63) || !header->p_filesz ||
	    header->p_filesz > UINT64_MAX - header->p_paddr ||
	    (*page_offset && *page_offset != distance) || image->ram.len >= RANGES_LIMIT)
		return NULL;
	*page_offset = distance;
	const struct ul_range range = {header->p_paddr, header->p_paddr + header->p_filesz};
	return ul_vec_push(&image->ram, range) ? NULL : &ul_enomem;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct ul_range *left = a;
	const struct ul_range *right = b;
	return (left->start > right->start) - (left->start < right->start);
}

static struct ul_error *kcore_headers(struct ul_image *image, struct ul_dump *dump,
				      uint64_t *ret_page_offset)
{
	char start[UL_CORE_HEADER_BYTES];
	uint64_t offset = 0;
	size_t bytes = 0;
	UL_CLEANUP_CLOSE const int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ul_error_os(errno, "opening /proc/kcore");
	UL_TRY(read_all(fd, 0, start, sizeof(start)));
	UL_TRY(ul_core_parse_header((struct ul_span){start, sizeof(start)}, &offset, &bytes));
	if (bytes > KCORE_TABLE_LIMIT)
		return ul_error_new(UL_ERR_LIMIT, "/proc/kcore: %zu bytes of program headers",
				    bytes);
	UL_CLEANUP_FREE char *table = malloc(bytes);
	if (!table)
		return &ul_enomem;
	UL_TRY(read_all(fd, offset, table, bytes));
	for (size_t at = 0; at + sizeof(Elf64_Phdr) <= bytes; at += sizeof(Elf64_Phdr)) {
		Elf64_Phdr header;
		memcpy(&header, table + at, sizeof(header));
		if (header.p_type == PT_NOTE)
			UL_TRY(kcore_notes(fd, &header, image, dump));
		if (header.p_type == PT_LOAD)
			UL_TRY(kcore_memory(&header, image, ret_page_offset));
	}
	if (!image->ram.len)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "/proc/kcore: no segment says its physical address");
	qsort(image->ram.data, image->ram.len, sizeof(*image->ram.data), compare_ranges);
	return NULL;
}

static struct ul_error *open_kcore(struct ul_image *image, struct ul_dump *dump)
{
	UL_CLEANUP_MEMORY struct ul_memory *reader = NULL;
	uint64_t page_offset = 0;
	UL_TRY(ul_live_kcore_open("/proc/kcore", &reader));
	UL_TRY(kcore_headers(image, dump, &page_offset));
	UL_TRY(show(reader, page_offset, image));
	image->kind = UL_TAKE(reader)->engine;
	image->space.page_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
	image->space.page_offset = page_offset;
	return NULL;
}

/* ---- together ---- */

/* None is no loss: what it is compared with then says that it cannot be told. */
static void this_boot(struct ul_kernel *kernel)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 4096, &text);
	if (!error)
		ul_span_copy(ul_span_trim((struct ul_span){ul_buf_str(&text), text.len}),
			     kernel->boot_id, sizeof(kernel->boot_id));
}

static void this_machine(struct ul_image *image, struct ul_dump *dump)
{
	struct utsname names;
	const long processors = sysconf(_SC_NPROCESSORS_CONF);
	if (!uname(&names)) {
		ul_text_copy(image->kernel.release, sizeof(image->kernel.release), names.release);
		ul_text_copy(image->kernel.version, sizeof(image->kernel.version), names.version);
		ul_text_copy(image->kernel.arch, sizeof(image->kernel.arch), names.machine);
		ul_text_copy(image->kernel.node, sizeof(image->kernel.node), names.nodename);
		dump->machine = !strcmp(names.machine, "x86_64")    ? EM_X86_64
				: !strcmp(names.machine, "aarch64") ? EM_AARCH64
								    : EM_NONE;
	}
	this_boot(&image->kernel);
	image->kernel.page_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
	image->kernel.cpus = processors > 0 ? (uint32_t)processors : 0;
}

/* What is left when there is no VMCOREINFO: memory by kernel address, and the layout found. */
static struct ul_error *without_vmcoreinfo(struct ul_image *image)
{
	const struct ul_page_tables none = {.page_shift = 12};
	struct ul_address_space *space = &image->space;
	const uint64_t end = image->ram.len ? image->ram.data[image->ram.len - 1].end : 0;
	UL_TRY(ul_virtual_create(image->physical, &none, &image->memory));
	space->max_pfn = end / space->page_bytes;
	space->vmalloc = (struct ul_range){
		space->page_offset + end,
		space->vmemmap > space->page_offset + end ? space->vmemmap : START_KERNEL_MAP};
	return ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 0,
			     "kernel without VMCOREINFO: its page tables are not followed");
}

struct ul_error *ul_live_image_open(bool kcore, struct ul_image *image)
{
	struct ul_dump dump = {0};
	image->live = true;
	this_machine(image, &dump);
	struct ul_error *error = kcore ? open_kcore(image, &dump) : open_bpf(image, &dump);
	if (!kcore && error && error->code != UL_ERR_NOMEM) {
		ul_vec_deinit(&image->ram);
		struct ul_error *by_kcore = open_kcore(image, &dump);
		if (by_kcore)
			error = ul_error_prepend(error, "%s", by_kcore->message);
		else
			error = (ul_error_destroy(error), NULL);
		ul_error_destroy(by_kcore);
	}
	UL_TRY(error);
	ul_vec_foreach (range, &image->ram)
		image->bytes += range->end - range->start;
	UL_TRY(image->vmcoreinfo ? ul_image_bootstrap(image, &dump) : without_vmcoreinfo(image));
	ul_virtual_set_reader(image->memory, ((struct shown *)image->physical)->reader);
	return NULL;
}
