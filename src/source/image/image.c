// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a file to an image that is understood, step by step; see image_internal.h for the steps.
 * Each step checks itself. A dump without VMCOREINFO in its notes is searched for it; of several
 * texts found (an earlier boot leaves its own behind) the first whose page tables close is
 * believed.
 */
#include <stdarg.h>
#include <string.h>

#include "source/image/image.h"
#include "source/image/image_internal.h"

struct ul_error *ul_image_trust(struct ul_image *image, const char *format, ...)
{
	char *phrase = NULL;
	va_list arguments;
	va_start(arguments, format);
	const int printed = vasprintf(&phrase, format, arguments);
	va_end(arguments);
	if (printed < 0)
		return &ul_enomem;
	if (ul_vec_push(&image->trust, phrase))
		return NULL;
	free(phrase);
	return &ul_enomem;
}

/** A format: how it is known, how it is opened (which takes the files when it succeeds). */
struct format {
	bool (*is)(struct ul_span start);
	struct ul_error *(*open)(struct ul_image_file *files, size_t len, struct ul_image *image,
				 struct ul_dump *ret);
};

static const struct format formats[] = {
	{ul_elf_is, ul_elf_open},
	{ul_kdump_is, ul_kdump_open},
};

enum {
	START_BYTES = 4096, /**< of a file, to tell its format by */
	FILES_LIMIT = 1024, /**< of one dump */
};

static struct ul_error *unknown_format(void)
{
	return ul_error_hint(
		ul_error_new(UL_ERR_UNSUPPORTED, "not a memory image of a format known here"),
		"ELF cores, kdump-compressed dumps and raw memory are read%s",
		ul_kdumpfile_built_in() ? ", and what libkdumpfile knows"
					: "; other formats need a build with libkdumpfile");
}

static struct ul_error *open_format(struct ul_image_file *files, size_t len, struct ul_image *image,
				    struct ul_dump *dump)
{
	uint8_t scratch[START_BYTES];
	const size_t bytes = files->bytes < START_BYTES ? files->bytes : START_BYTES;
	const uint8_t *start = ul_image_file_bytes(files, 0, bytes, scratch);
	for (size_t i = 0; start && i < UL_ARRAY_LEN(formats); i++)
		if (formats[i].is((struct ul_span){(const char *)start, bytes}))
			return formats[i].open(files, len, image, dump);
	struct ul_error *error = ul_kdumpfile_open(files, len, image, dump);
	if (!error)
		return NULL;
	ul_error_destroy(error);
	*dump = (struct ul_dump){0};
	if (len == 1 && ul_raw_is(files))
		return ul_raw_open(files, image);
	return unknown_format();
}

/** The files of one dump while it is opened. */
struct files {
	struct ul_image_file *items;
	size_t len;
};

static void close_files(struct files *files)
{
	for (size_t i = 0; i < files->len; i++)
		ul_image_file_close(&files->items[i]);
	free(files->items);
}

static struct ul_error *open_files(const struct ul_image_options *options, struct ul_image *image,
				   struct ul_dump *dump)
{
	struct files files UL_CLEANUP(close_files) = {0};
	if (options->paths_len > FILES_LIMIT)
		return ul_error_new(UL_ERR_LIMIT, "a dump in more than %d files", FILES_LIMIT);
	files.items = calloc(options->paths_len, sizeof(*files.items));
	if (!files.items)
		return &ul_enomem;
	for (size_t i = 0; i < options->paths_len; i++) {
		struct ul_error *error =
			ul_image_file_open(options->paths[i], &files.items[files.len]);
		if (error)
			return i ? ul_error_prepend(error, "%s", options->paths[i]) : error;
		files.len++;
	}
	return open_format(files.items, files.len, image, dump);
}

/* What a failed attempt left: the physical side stays. */
static void forget_bootstrap(struct ul_image *image)
{
	ul_memory_destroy(image->memory);
	image->memory = NULL;
	image->space = (struct ul_address_space){0};
	image->kernel = (struct ul_kernel){0};
	ul_vec_foreach (phrase, &image->trust)
		free(*phrase);
	ul_vec_deinit(&image->trust);
}

/* Try every VMCOREINFO found in memory; the error of the last that failed. */
static struct ul_error *bootstrap_by_scan(struct ul_image *image, const struct ul_dump *dump)
{
	struct ul_vmcoreinfo_texts texts UL_CLEANUP(ul_vmcoreinfo_texts_deinit) = {0};
	uint64_t phys = 0;
	struct ul_error *error = ul_error_hint(
		ul_error_new(UL_ERR_BAD_DATA, "no VMCOREINFO, neither as a note nor in memory"),
		"is this the memory of a Linux kernel, all of it?");
	for (size_t tried = 0; tried < UL_VMCOREINFO_TEXTS; tried++) {
		struct ul_error *failed = ul_vmcoreinfo_scan(image, &phys, &texts);
		if (failed) {
			ul_error_destroy(error);
			return failed;
		}
		if (texts.items.len == tried)
			break;
		ul_error_destroy(error);
		forget_bootstrap(image);
		free(image->vmcoreinfo);
		image->vmcoreinfo = strdup(texts.items.data[tried]);
		if (!image->vmcoreinfo)
			return &ul_enomem;
		error = ul_image_bootstrap(image, dump);
		if (!error)
			return ul_image_trust(image, "VMCOREINFO found in memory");
	}
	return error;
}

static struct ul_error *bootstrap(struct ul_image *image, const struct ul_dump *dump)
{
	if (!image->vmcoreinfo)
		return bootstrap_by_scan(image, dump);
	return ul_image_bootstrap(image, dump);
}

struct ul_error *ul_image_open_memory(const struct ul_image_options *options,
				      struct ul_image *image)
{
	struct ul_dump dump = {0};
	if (!options->paths_len)
		return ul_live_image_open(false, image);
	if (options->paths_len == 1 && !strcmp(options->paths[0], "/proc/kcore"))
		return ul_live_image_open(true, image);
	UL_TRY(open_files(options, image, &dump));
	return bootstrap(image, &dump);
}

static struct ul_error *open_image(const struct ul_image_options *options, struct ul_image *image)
{
	struct ul_btf_base base;
	UL_TRY(ul_image_open_memory(options, image));
	UL_TRY(ul_image_load_symbols(image));
	UL_TRY(ul_image_refine(image));
	UL_TRY(ul_image_load_types(image, options->vmlinux, &base));
	UL_TRY(ul_image_name_unnamed(image));
	return ul_image_load_modules(image, &base);
}

/* What is known to be missing from the dump is likely why it is not understood. Takes @p error. */
static struct ul_error *hint_loss(struct ul_error *error, const struct ul_image *image)
{
	if (error->hint || !image->losses.items.len)
		return error;
	const struct ul_loss *loss = &image->losses.items.data[0];
	return ul_error_hint(error, "%s (%llu)", loss->what, (unsigned long long)loss->count);
}

struct ul_error *ul_image_open(const struct ul_image_options *options, struct ul_image *ret)
{
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	*ret = (struct ul_image){0};
	struct ul_error *error = open_image(options, &image);
	if (error)
		return ul_error_prepend(hint_loss(error, &image), "%s",
					options->paths_len ? options->paths[0] : "live memory");
	*ret = image;
	image = (struct ul_image){0};
	return NULL;
}
