// SPDX-License-Identifier: GPL-2.0-or-later
/* How fast a recorded trace is read and paired: trace_import FILE. Used by import_speed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "analysis/pairing.h"
#include "analysis/sites.h"
#include "source/tracefile/tracefile.h"

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct ul_error *run(int fd, const char *path)
{
	UL_CLEANUP_TRACEFILE struct ul_tracefile *file = NULL;
	UL_CLEANUP_PAIRING struct ul_pairing *pairing = NULL;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const double began = now_s();
	UL_TRY(ul_tracefile_open(fd, path, &file));
	UL_TRY(ul_pairing_create(&(struct ul_pairing_options){.drain_ns = -1}, &pairing));
	UL_TRY(ul_tracefile_read(file, ul_pairing_take, pairing));
	const size_t live = ul_pairing_live(pairing);
	const double read = now_s() - began;
	UL_TRY(ul_pairing_finish(pairing, ul_tracefile_dictionary(file), &trace));
	UL_TRY(ul_sites_digest(&trace, NULL));
	const double all = now_s() - began;
	const struct ul_tracefile_info *info = ul_tracefile_info(file);
	printf("%s: %" PRIu64 " lines, %" PRIu64 " events, %" PRIu64 " others, %" PRIu64
	       " stacks in %.2f s (read %.2f): %.0f lines/s, %.0f events/s; %zu live, %zu sites\n",
	       ul_tracefile_format_name(info->format), info->lines, info->events, info->others,
	       info->stacks, all, read, (double)info->lines / all, (double)info->events / all, live,
	       trace.sites.len);
	for (size_t i = 0; i < trace.sites.len && i < 8; i++) {
		const struct ul_site *site = &trace.sites.data[i];
		printf("  %-24s %-36s %" PRIu64 " allocated, %" PRIu64 " freed, %" PRIu64
		       " missed, %" PRIu64 " live, %" PRIu64 " survivors, trust %.2f\n",
		       site->cache ? site->cache : "-", site->function ? site->function : "-",
		       site->allocated, site->freed, site->missed, site->live, site->survivors,
		       site->trust);
	}
	const struct ul_losses *const losses[] = {&trace.losses, ul_tracefile_losses(file)};
	for (size_t i = 0; i < UL_ARRAY_LEN(losses); i++)
		ul_vec_foreach (loss, &losses[i]->items)
			printf("  loss (%s): %" PRIu64 " %s\n", ul_bias_name(loss->bias),
			       loss->count, loss->what);
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: trace_import FILE\n");
		return 2;
	}
	const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	UL_CLEANUP_ERROR struct ul_error *err =
		fd < 0 ? ul_error_os(errno, "%s", argv[1]) : run(fd, argv[1]);
	if (err)
		fprintf(stderr, "%s\n", err->message);
	if (fd >= 0)
		close(fd);
	return err != NULL;
}
