// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Types of the kernel in an image: its BTF lies in read-only data, between __start_BTF and
 * __stop_BTF (Linux include/asm-generic/vmlinux.lds.h BTF), so that it is in every dump, filtered
 * ones included. A kernel without CONFIG_KALLSYMS_ALL has no names for the two: then the header is
 * searched for from the end of the code on, and the largest thing that holds together is taken.
 * Where there is none, a file the user names may have it, or DWARF. The BTF of modules says what it
 * says by the ids of the kernel's: with DWARF there are no types of modules.
 */
#include <string.h>

#include "source/image/image_internal.h"
#include "source/image/kallsyms_image.h"

enum {
	BTF_BYTES_MAX = 128 << 20,
	BTF_BYTES_MIN = 256 << 10, /**< of a kernel; anything smaller found by chance is none */
	HEADER_BYTES = 32,
	WINDOW_BYTES = 1 << 20,
	SCAN_BYTES_MAX = 256 << 20,
};

/* Bytes of BTF, owned. */
struct bytes {
	char *data;
	size_t len;
};

static void bytes_deinit(struct bytes *bytes)
{
	free(bytes->data);
}

static struct ul_error *read_bytes(struct ul_memory *memory, uint64_t kaddr, size_t len,
				   struct bytes *ret)
{
	char *data = malloc(len);
	if (!data)
		return &ul_enomem;
	*ret = (struct bytes){data, ul_image_read(memory, kaddr, data, len)};
	return NULL;
}

/* Where the symbols say; *@p ret_bytes 0 when they do not. */
static void find_by_symbols(const struct ul_image *image, uint64_t *ret_kaddr, uint64_t *ret_bytes)
{
	uint64_t start;
	uint64_t stop;
	*ret_bytes = 0;
	if (!ul_symtab_address(image->symtab, "__start_BTF", &start) ||
	    !ul_symtab_address(image->symtab, "__stop_BTF", &stop) || stop <= start)
		return;
	*ret_kaddr = start;
	*ret_bytes = stop - start;
}

/* The largest thing with a header that makes sense in @p window, if it is larger than before. */
static void scan_window(const char *window, size_t len, uint64_t kaddr, uint64_t *ret_kaddr,
			uint64_t *ret_bytes)
{
	static const char magic[4] = {(char)0x9f, (char)0xeb, 1, 0};
	for (size_t at = 0; at + HEADER_BYTES <= len; at += sizeof(magic)) {
		if (memcmp(window + at, magic, sizeof(magic)) != 0)
			continue;
		const uint64_t bytes = ul_btf_bytes((struct ul_span){window + at, len - at});
		if (bytes < BTF_BYTES_MIN || bytes > BTF_BYTES_MAX || bytes <= *ret_bytes)
			continue;
		*ret_kaddr = kaddr + at;
		*ret_bytes = bytes;
	}
}

static struct ul_error *find_by_scan(const struct ul_image *image, uint64_t *ret_kaddr,
				     uint64_t *ret_bytes)
{
	uint64_t at = image->space.image.start;
	(void)ul_symtab_address(image->symtab, "_etext", &at);
	const uint64_t end =
		image->space.image.end > at ? image->space.image.end : at + SCAN_BYTES_MAX;
	UL_CLEANUP_FREE char *window = malloc(WINDOW_BYTES);
	if (!window)
		return &ul_enomem;
	for (uint64_t scanned = 0; at < end && scanned < SCAN_BYTES_MAX;) {
		const size_t got = ul_image_read(image->memory, at, window, WINDOW_BYTES);
		scan_window(window, got, at, ret_kaddr, ret_bytes);
		// A header may lie across the edge; a hole ends at the next page.
		uint64_t step = got == WINDOW_BYTES ? WINDOW_BYTES - HEADER_BYTES : got;
		if (got < WINDOW_BYTES)
			step += image->space.page_bytes - (at + got) % image->space.page_bytes;
		at += step;
		scanned += step;
	}
	return NULL;
}

/* Takes *@p types, of which nobody knows yet whether they are those of a kernel. */
static struct ul_error *keep_types(struct ul_image *image, struct ul_types **types)
{
	UL_TRY(ul_types_finish(*types));
	if (!ul_types_sizeof(*types, "task_struct"))
		return ul_error_new(UL_ERR_BAD_DATA, "%zu types, task_struct is none of them",
				    ul_types_len(*types));
	ul_types_destroy(image->types);
	image->types = UL_TAKE(*types);
	return NULL;
}

static struct ul_error *load_bytes(struct ul_image *image, struct ul_span bytes,
				   struct ul_btf_base *ret_base)
{
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	if (!types)
		return &ul_enomem;
	UL_TRY(ul_btf_load(types, bytes, ret_base));
	struct ul_error *error = keep_types(image, &types);
	return error ? ul_error_prepend(error, "BTF") : NULL;
}

static struct ul_error *load_btf(struct ul_image *image, uint64_t kaddr, uint64_t len,
				 struct ul_btf_base *ret_base)
{
	struct bytes bytes UL_CLEANUP(bytes_deinit) = {0};
	if (len > BTF_BYTES_MAX)
		return ul_error_new(UL_ERR_LIMIT, "BTF of %llu bytes, at most %d",
				    (unsigned long long)len, BTF_BYTES_MAX);
	UL_TRY(read_bytes(image->memory, kaddr, (size_t)len, &bytes));
	return load_bytes(image, (struct ul_span){bytes.data, bytes.len}, ret_base);
}

/* From the file the user names: what is wrong with that is an error, not a loss. */
static struct ul_error *load_file(struct ul_image *image, const char *path,
				  struct ul_btf_base *ret_base)
{
	struct ul_buf btf UL_CLEANUP_BUF = {0};
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	if (!types)
		return &ul_enomem;
	UL_TRY(ul_vmlinux_read(path, image->vmcoreinfo, types, &image->losses, &btf));
	struct ul_error *error =
		btf.len ? load_bytes(image, (struct ul_span){ul_buf_str(&btf), btf.len}, ret_base)
			: keep_types(image, &types);
	if (error)
		return ul_error_prepend(error, "%s", path);
	return ul_image_trust(image, "%zu types (%s of %s)", ul_types_len(image->types),
			      btf.len ? "BTF" : "DWARF", path);
}

struct ul_error *ul_image_load_types(struct ul_image *image, const char *vmlinux,
				     struct ul_btf_base *ret_base)
{
	uint64_t kaddr = 0;
	uint64_t bytes = 0;
	*ret_base = (struct ul_btf_base){0};
	find_by_symbols(image, &kaddr, &bytes);
	if (!bytes)
		UL_TRY(find_by_scan(image, &kaddr, &bytes));
	if (!bytes && vmlinux)
		return load_file(image, vmlinux, ret_base);
	if (!bytes)
		return ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 0,
				     "types of the kernel: no BTF in the image");
	struct ul_error *error = load_btf(image, kaddr, bytes, ret_base);
	if (error && vmlinux && error != &ul_enomem) {
		ul_error_destroy(error);
		return load_file(image, vmlinux, ret_base);
	}
	if (error)
		return ul_losses_add_error(&image->losses, UL_BIAS_UNKNOWN, error,
					   "types of the kernel");
	return ul_image_trust(image, "%zu types (BTF)", ul_types_len(image->types));
}
