// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A dump file mapped into memory. Of one that shrinks while it is mapped the rest is read as zeros,
 * and main.c, which handles SIGBUS, refuses the result; a dump still being written is opened with
 * the size it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/image/image_internal.h"

enum { START_BYTES = 4096 };

static struct ul_error *map_file(const char *path, struct ul_image_file *file)
{
	struct stat status;
	UL_CLEANUP_CLOSE const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status))
		return ul_error_os(errno, "opening");
	if (!S_ISREG(status.st_mode))
		return ul_error_new(UL_ERR_BAD_DATA, "no regular file");
	if (!status.st_size)
		return ul_error_new(UL_ERR_BAD_DATA, "empty");
	void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return ul_error_os(errno, "mapping");
	file->data = data;
	file->mapped_bytes = file->bytes = (uint64_t)status.st_size;
	return NULL;
}

struct ul_error *ul_image_file_open(const char *path, struct ul_image_file *ret)
{
	struct ul_image_file file UL_CLEANUP_IMAGE_FILE = {0};
	file.path = strdup(path);
	if (!file.path)
		return &ul_enomem;
	UL_TRY(map_file(path, &file));
	const struct ul_span start = {(const char *)file.data,
				      file.bytes < START_BYTES ? file.bytes : START_BYTES};
	if (ul_flattened_is(start))
		UL_TRY(ul_flattened_index(&file));
	*ret = file;
	file = (struct ul_image_file){0};
	return NULL;
}

void ul_image_file_close(struct ul_image_file *file)
{
	if (file->data)
		munmap((void *)(uintptr_t)file->data, file->mapped_bytes);
	ul_vec_deinit(&file->chunks);
	free(file->path);
	*file = (struct ul_image_file){0};
}

/* The last chunk that begins at or before @p offset. */
static const struct ul_image_chunk *chunk_of(const struct ul_image_file *file, uint64_t offset)
{
	size_t low = 0;
	size_t high = file->chunks.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (file->chunks.data[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &file->chunks.data[low - 1] : NULL;
}

const uint8_t *ul_image_file_run(const struct ul_image_file *file, uint64_t offset,
				 uint64_t *ret_bytes)
{
	if (!file->chunks.len) {
		if (offset >= file->bytes)
			return NULL;
		*ret_bytes = file->bytes - offset;
		return file->data + offset;
	}
	const struct ul_image_chunk *chunk = chunk_of(file, offset);
	if (!chunk || offset - chunk->offset >= chunk->bytes)
		return NULL;
	*ret_bytes = chunk->bytes - (offset - chunk->offset);
	return chunk->data + (offset - chunk->offset);
}

/* How many bytes from @p offset on were never written: they are zero, as in a sparse file. */
static uint64_t hole_at(const struct ul_image_file *file, uint64_t offset)
{
	const struct ul_image_chunk *chunk = chunk_of(file, offset);
	const struct ul_image_chunk *next = chunk ? chunk + 1 : file->chunks.data;
	return next && next < file->chunks.data + file->chunks.len ? next->offset - offset : 0;
}

bool ul_image_file_read(const struct ul_image_file *file, uint64_t offset, void *buffer, size_t len)
{
	size_t total = 0;
	if (offset > file->bytes || file->bytes - offset < len)
		return false;
	while (total < len) {
		uint64_t run;
		uint8_t *to = (uint8_t *)buffer + total;
		const uint8_t *bytes = ul_image_file_run(file, offset + total, &run);
		if (!bytes)
			run = hole_at(file, offset + total);
		if (!run)
			return false;
		const size_t piece = run < len - total ? (size_t)run : len - total;
		if (bytes)
			memcpy(to, bytes, piece);
		else
			memset(to, 0, piece);
		total += piece;
	}
	return true;
}

const uint8_t *ul_image_file_bytes(const struct ul_image_file *file, uint64_t offset, size_t len,
				   void *scratch)
{
	uint64_t run;
	const uint8_t *bytes = ul_image_file_run(file, offset, &run);
	if (bytes && run >= len)
		return bytes;
	return ul_image_file_read(file, offset, scratch, len) ? scratch : NULL;
}
