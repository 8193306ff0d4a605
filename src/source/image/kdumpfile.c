// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Dumps of formats that are not read here (LKCD, SADUMP, s390, Xen ...), by libkdumpfile. It has
 * one context and its own cache, so that pages are made one at a time under a lock; page_store.c
 * keeps them.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libkdumpfile/kdumpfile.h>
#include <pthread.h>
#include <string.h>

#include "source/image/image_internal.h"
#include "source/image/page_store.h"

enum {
	RANGES_LIMIT = 1 << 20,
	FILES_LIMIT = 1024,
	PFN_BITS = 40, /**< 52 bits of physical address */
};

struct dump_file {
	kdump_ctx_t *context;
	pthread_mutex_t mutex;
	uint64_t page_bytes;
	int fds[FILES_LIMIT];
	size_t fds_len;
};

static void dump_file_destroy(void *source)
{
	struct dump_file *dump = source;
	kdump_free(dump->context);
	for (size_t i = 0; i < dump->fds_len; i++)
		close(dump->fds[i]);
	pthread_mutex_destroy(&dump->mutex);
	free(dump);
}

static void cleanup_dump_file(struct dump_file **dump)
{
	if (*dump)
		dump_file_destroy(*dump);
}

static bool dump_file_fill(void *source, struct ul_decompressor *decompressor, uint64_t pfn,
			   uint8_t *to, bool fresh)
{
	struct dump_file *dump = source;
	size_t len = dump->page_bytes;
	pthread_mutex_lock(&dump->mutex);
	const kdump_status status =
		kdump_read(dump->context, KDUMP_MACHPHYSADDR, pfn * dump->page_bytes, to, &len);
	pthread_mutex_unlock(&dump->mutex);
	return status == KDUMP_OK && len == dump->page_bytes;
}

static const struct ul_page_source_ops dump_file_ops = {.fill = dump_file_fill,
							.destroy = dump_file_destroy};

static struct ul_error *failed(struct dump_file *dump, const char *what)
{
	return ul_error_new(UL_ERR_UNSUPPORTED, "libkdumpfile: %s: %s", what,
			    kdump_get_err(dump->context));
}

static struct ul_error *open_files(struct dump_file *dump, const struct ul_image_file *files,
				   size_t len)
{
	for (size_t i = 0; i < len && i < FILES_LIMIT; i++) {
		const int fd = open(files[i].path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return ul_error_os(errno, "opening %s", files[i].path);
		dump->fds[dump->fds_len++] = fd;
	}
	return kdump_open_fdset(dump->context, (unsigned int)dump->fds_len, dump->fds) == KDUMP_OK
		       ? NULL
		       : failed(dump, "format");
}

/* What the library knows to be in the file; without that map: everything up to @p pfns. */
static struct ul_error *read_ram(struct dump_file *dump, uint64_t pfns, struct ul_image *image)
{
	kdump_attr_t map = {.type = KDUMP_BITMAP};
	if (kdump_get_typed_attr(dump->context, KDUMP_ATTR_FILE_PAGEMAP, &map) != KDUMP_OK)
		return ul_vec_push(&image->ram, ((struct ul_range){0, pfns * dump->page_bytes}))
			       ? NULL
			       : &ul_enomem;
	kdump_addr_t start = 0;
	while (start < pfns && kdump_bmp_find_set(map.val.bitmap, &start) == KDUMP_OK &&
	       start < pfns) {
		kdump_addr_t end = start;
		if (kdump_bmp_find_clear(map.val.bitmap, &end) != KDUMP_OK || end > pfns)
			end = pfns;
		if (image->ram.len >= RANGES_LIMIT || end <= start)
			break;
		if (!ul_vec_push(&image->ram, ((struct ul_range){start * dump->page_bytes,
								 end * dump->page_bytes})))
			return &ul_enomem;
		image->bytes += (end - start) * dump->page_bytes;
		start = end;
	}
	return NULL;
}

/* kdump_vmcoreinfo_raw() finds nothing before an OS is chosen; the attribute is there at once. */
static struct ul_error *read_vmcoreinfo(struct dump_file *dump, struct ul_image *image)
{
	kdump_attr_t raw = {.type = KDUMP_BLOB};
	if (kdump_get_typed_attr(dump->context, "linux.vmcoreinfo.raw", &raw) != KDUMP_OK)
		return NULL;
	const struct ul_span text = {kdump_blob_pin(raw.val.blob), kdump_blob_size(raw.val.blob)};
	const bool good = text.data && ul_vmcoreinfo_is(text);
	if (good)
		image->vmcoreinfo = ul_span_dup(text);
	kdump_blob_unpin(raw.val.blob);
	return good && !image->vmcoreinfo ? &ul_enomem : NULL;
}

static struct ul_error *describe(struct dump_file *dump, struct ul_image *image,
				 struct ul_dump *ret, uint64_t *ret_pfns)
{
	kdump_num_t pfns = 0;
	kdump_num_t page_bytes = 0;
	const char *machine = NULL;
	if (kdump_get_number_attr(dump->context, "max_pfn", &pfns) != KDUMP_OK || !pfns ||
	    pfns >> PFN_BITS)
		return failed(dump, "max_pfn");
	if (kdump_get_number_attr(dump->context, KDUMP_ATTR_PAGE_SIZE, &page_bytes) != KDUMP_OK ||
	    page_bytes < 4096 || page_bytes > 65536)
		return failed(dump, "page size");
	dump->page_bytes = page_bytes;
	if (kdump_get_string_attr(dump->context, KDUMP_ATTR_ARCH_NAME, &machine) == KDUMP_OK) {
		if (!strcmp(machine, "x86_64"))
			ret->machine = EM_X86_64;
		else if (!strcmp(machine, "aarch64"))
			ret->machine = EM_AARCH64;
		else
			return ul_error_new(UL_ERR_UNSUPPORTED,
					    "machine %.32s: only x86_64 and aarch64 are understood",
					    machine);
	}
	*ret_pfns = pfns;
	UL_TRY(read_vmcoreinfo(dump, image));
	return read_ram(dump, pfns, image);
}

struct ul_error *ul_kdumpfile_open(struct ul_image_file *files, size_t len, struct ul_image *image,
				   struct ul_dump *ret)
{
	UL_CLEANUP(cleanup_dump_file) struct dump_file *dump = calloc(1, sizeof(*dump));
	uint64_t pfns = 0;
	if (!dump)
		return &ul_enomem;
	pthread_mutex_init(&dump->mutex, NULL);
	dump->context = kdump_new();
	if (!dump->context)
		return &ul_enomem;
	UL_TRY(open_files(dump, files, len));
	UL_TRY(describe(dump, image, ret, &pfns));
	image->kind = "kdumpfile";
	const struct ul_page_source source = {.ops = &dump_file_ops,
					      .engine = image->kind,
					      .page_bytes = dump->page_bytes,
					      .pages = pfns,
					      .source = dump};
	dump = NULL; // the store's from here on
	return ul_page_store_create(&source, ul_page_store_budget(source.page_bytes),
				    &image->physical);
}

bool ul_kdumpfile_built_in(void)
{
	return true;
}
