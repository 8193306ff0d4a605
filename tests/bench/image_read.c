// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast memory is read: image_read [DUMP]... Of each dump every page is asked for once, by one
 * thread and by as many as there are processors; of a kdump-compressed one libkdumpfile does the
 * same, in turn with it, and the two are compared by CPU time too. Without a dump: live memory, by
 * requests of 1 MiB.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libkdumpfile/kdumpfile.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "source/image/image.h"
#include "source/image/image_internal.h"

enum { ROUNDS = 3, THREADS_LIMIT = 64, REQUEST = 1 << 20 };

#define LIVE_BYTES (2ULL << 30)

static double seconds_of(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double now_s(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

/* Of this process: what one thread needs, whoever else wants the processors. */
static double cpu_s(void)
{
	return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

struct work {
	struct ul_image *image;
	unsigned int thread;
	unsigned int threads;
	bool live;
	uint64_t bytes;
	uint64_t sum;
};

/* Touch every cache line: what is mapped must really come. */
static uint64_t touch(const uint8_t *bytes, size_t len)
{
	uint64_t sum = 0;
	for (size_t i = 0; i + 8 <= len; i += 8) {
		uint64_t word;
		memcpy(&word, bytes + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static void map_range(struct work *work, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end;) {
		size_t run = 0;
		const uint8_t *bytes = ul_memory_map(work->image->physical, at, &run);
		if (!bytes) {
			at += 4096;
			continue;
		}
		if (run > end - at)
			run = end - at;
		work->sum += touch(bytes, run);
		work->bytes += run;
		at += run;
	}
}

static void read_range(struct work *work, uint64_t start, uint64_t end, uint8_t *buffer)
{
	size_t got = 0;
	ul_error_destroy(ul_memory_read(work->image->memory, work->image->space.page_offset + start,
					buffer, end - start, &got));
	work->bytes += got;
}

static void *run(void *argument)
{
	struct work *work = argument;
	UL_CLEANUP_FREE uint8_t *buffer = malloc(REQUEST);
	uint64_t number = 0;
	ul_vec_foreach (range, &work->image->ram)
		for (uint64_t at = range->start; at < range->end; at += REQUEST) {
			const uint64_t end = range->end - at < REQUEST ? range->end : at + REQUEST;
			if (number++ % work->threads != work->thread)
				continue;
			if (!work->live)
				map_range(work, at, end);
			else if (buffer && work->bytes < LIVE_BYTES / work->threads)
				read_range(work, at, end, buffer);
		}
	return NULL;
}

/* Bytes per second of all threads together. */
static double rate(struct ul_image *image, unsigned int threads)
{
	pthread_t ids[THREADS_LIMIT];
	struct work works[THREADS_LIMIT];
	uint64_t bytes = 0;
	const double began = now_s();
	for (unsigned int i = 0; i < threads; i++) {
		works[i] = (struct work){
			.image = image, .thread = i, .threads = threads, .live = image->live};
		pthread_create(&ids[i], NULL, run, &works[i]);
	}
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		bytes += works[i].bytes;
	}
	return (double)bytes / (now_s() - began);
}

static struct ul_error *open_memory(const char *path, struct ul_image *ret)
{
	const struct ul_image_options options = {.paths = &path, .paths_len = path ? 1 : 0};
	return ul_image_open_memory(&options, ret);
}

/* A fresh image each time: pages already made would be free. */
static struct ul_error *own_rate(const char *path, unsigned int threads, double *ret,
				 double *ret_cpu_s)
{
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	UL_TRY(open_memory(path, &image));
	const double began = cpu_s();
	*ret = rate(&image, threads);
	*ret_cpu_s = cpu_s() - began;
	return NULL;
}

/* The older libkdumpfile reads no flattened files: put it back in order. */
static int in_order(const char *path)
{
	struct ul_image_file file UL_CLEANUP_IMAGE_FILE = {0};
	char name[] = "/tmp/ullage-bench-XXXXXX";
	const int fd = mkstemp(name);
	unlink(name);
	ul_error_destroy(ul_image_file_open(path, &file));
	for (uint64_t at = 0; fd >= 0 && at < file.bytes; at += 4096) {
		uint8_t page[4096] = {0};
		const size_t len = file.bytes - at < 4096 ? (size_t)(file.bytes - at) : 4096;
		if (!ul_image_file_read(&file, at, page, len) ||
		    write(fd, page, len) != (ssize_t)len)
			break;
	}
	return fd;
}

static double kdumpfile_rate(int fd, const char *path, double *ret_cpu_s)
{
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	uint8_t page[4096];
	uint64_t bytes = 0;
	uint64_t sum = 0;
	kdump_ctx_t *context = kdump_new();
	ul_error_destroy(open_memory(path, &image));
	if (kdump_open_fd(context, fd) != KDUMP_OK) {
		printf("libkdumpfile: %s\n", kdump_get_err(context));
		kdump_free(context);
		return 0;
	}
	const double began = now_s();
	const double began_cpu = cpu_s();
	ul_vec_foreach (range, &image.ram)
		for (uint64_t at = range->start; at < range->end; at += sizeof(page)) {
			size_t len = sizeof(page);
			if (kdump_read(context, KDUMP_MACHPHYSADDR, at, page, &len) != KDUMP_OK)
				continue;
			bytes += len;
			sum += touch(page, len);
		}
	const double seconds = now_s() - began;
	*ret_cpu_s = cpu_s() - began_cpu;
	kdump_free(context);
	return sum ? (double)bytes / seconds : 0;
}

static struct ul_error *dump(const char *path, unsigned int processors)
{
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	UL_TRY(open_memory(path, &image));
	const bool compressed = !strcmp(image.kind, "kdump");
	UL_CLEANUP_CLOSE const int fd = compressed ? in_order(path) : -1;
	for (int i = 0; i < ROUNDS; i++) {
		double one = 0;
		double all = 0;
		double cpu = 0;
		double cpu_all = 0;
		double their_cpu = 0;
		UL_TRY(own_rate(path, 1, &one, &cpu));
		UL_TRY(own_rate(path, processors, &all, &cpu_all));
		printf("%s: 1 thread %.2f GB/s (%.0f pages/s), %u threads %.2f GB/s", image.kind,
		       one / 1e9, one / 4096, processors, all / 1e9);
		if (compressed) {
			const double theirs = kdumpfile_rate(fd, path, &their_cpu);
			printf("; libkdumpfile %.2f GB/s: %.1f and %.1f times, by CPU time %.1f "
			       "(bound 2)",
			       theirs / 1e9, one / theirs, all / theirs, their_cpu / cpu);
		}
		printf("\n");
	}
	return NULL;
}

static struct ul_error *live(unsigned int processors)
{
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	UL_TRY(open_memory(NULL, &image));
	for (int i = 0; i < ROUNDS; i++)
		printf("%s: 1 thread %.2f GB/s, %u threads %.2f GB/s (bound 5)\n", image.kind,
		       rate(&image, 1) / 1e9, processors, rate(&image, processors) / 1e9);
	return NULL;
}

int main(int argc, char **argv)
{
	const long online = sysconf(_SC_NPROCESSORS_ONLN);
	const unsigned int processors =
		online > THREADS_LIMIT ? THREADS_LIMIT : (unsigned int)online;
	UL_CLEANUP_ERROR struct ul_error *error = argc < 2 ? live(processors) : NULL;
	for (int i = 1; !error && i < argc; i++)
		error = dump(argv[i], processors);
	if (error)
		fprintf(stderr, "image_read: %s\n", error->message);
	return error ? 1 : 0;
}
