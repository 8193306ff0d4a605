// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast does marking go on dumps of real kernels?
 *
 *	mark_rate DUMP...
 *
 * Bytes scanned for each second of CPU time of all threads, with one and with two of them: the
 * first run, in which the file's pages are mapped one by one, and the best of RUNS more. The number
 * of orphans and of bytes must be the same in all of them, or the exit status is 1.
 */
#include <stdio.h>
#include <time.h>

#include "analysis/reach.h"
#include "source/image/image.h"
#include "source/kwalk/kwalk.h"

enum { RUNS = 9 };

/** Of all threads: what other programs do meanwhile does not count. */
static double cpu_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct result {
	uint64_t bytes, orphans;
	double first_s, best_s;
};

static struct ul_error *mark(struct ul_image *image, const struct ul_heap *heap,
			     unsigned int threads, struct result *ret, bool *ret_same)
{
	const struct ul_reach_options options = {
		.threads = threads, .no_second_pass = true, .clock = cpu_now};
	for (int run = 0; run <= RUNS; run++) {
		UL_CLEANUP_ORPHANS struct ul_orphans orphans = {0};
		UL_TRY(ul_reach(image, heap, &options, &orphans));
		if (!ret->bytes)
			*ret = (struct result){orphans.scan_bytes, orphans.objects_orphans,
					       orphans.scan_seconds, orphans.scan_seconds};
		*ret_same &=
			ret->bytes == orphans.scan_bytes && ret->orphans == orphans.objects_orphans;
		if (orphans.scan_seconds < ret->best_s)
			ret->best_s = orphans.scan_seconds;
	}
	return NULL;
}

static struct ul_error *measure(const char *path, bool *ret_same)
{
	const struct ul_image_options open = {.paths = &path, .paths_len = 1};
	const struct ul_kwalk_options walk = {0};
	UL_CLEANUP_IMAGE struct ul_image image = {0};
	UL_CLEANUP_HEAP struct ul_heap heap = {0};
	struct result result = {0};
	UL_TRY(ul_image_open(&open, &image));
	UL_TRY(ul_kwalk_heap(&image, &walk, &heap));
	for (unsigned int threads = 1; threads <= 2; threads++) {
		result.first_s = result.best_s = 1e9;
		UL_TRY(mark(&image, &heap, threads, &result, ret_same));
		printf("%s  %u thread%s  %.1f MB, %llu orphans: %.2f GB/s of CPU time", path,
		       threads, threads == 1 ? " " : "s", (double)result.bytes / 1e6,
		       (unsigned long long)result.orphans,
		       (double)result.bytes / result.best_s / 1e9);
		if (threads == 1)
			printf(" (%.2f in the first run)",
			       (double)result.bytes / result.first_s / 1e9);
		printf("\n");
	}
	return NULL;
}

int main(int argc, char **argv)
{
	bool same = true;
	for (int i = 1; i < argc; i++) {
		struct ul_error *error = measure(argv[i], &same);
		if (error) {
			fprintf(stderr, "%s: %s\n", argv[i], error->message);
			return 1;
		}
	}
	return !same;
}
