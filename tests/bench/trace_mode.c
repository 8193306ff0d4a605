// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One tracer in a mode that no command offers alone, for tests/bench/trace_cost.py.
 *
 *	trace_mode count            slab, call sites without stacks: the first step of `find`
 *	trace_mode count CACHE      ... of one cache
 *	trace_mode focus CACHE      ... of one cache, with stacks
 *	trace_mode sample N         all allocators, with stacks, one of N addresses
 *	trace_mode budget PERCENT   ... as many as that costs
 *	trace_mode stacks MAX_LIVE  slab with stacks and a table of that size
 *	trace_mode misses 0|1       slab with stacks, whose programs may be preempted (1) or not
 *
 * Says "ready" when it records, drains when its stdin ends, and then prints one line:
 * "EVENTS LIVE MAP_BYTES COLLECT_MS REPORT_MS": allocations and frees handled, live allocations at
 * the end, memory of its BPF maps (memlock in fdinfo), CPU time to read the tables, and to name
 * and digest the sites on top of it. Behind them the losses, one a line: "COUNT WHAT".
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis/sites.h"
#include "cmd/machine.h"

/** Bytes the maps behind our file descriptors have taken: Linux kernel/bpf/syscall.c. */
static uint64_t map_bytes(void)
{
	uint64_t sum = 0;
	DIR *fds = opendir("/proc/self/fdinfo");
	for (struct dirent *entry; fds && (entry = readdir(fds));) {
		char path[300];
		char line[256];
		uint64_t bytes = 0;
		bool is_map = false;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", entry->d_name);
		FILE *info = fopen(path, "re");
		while (info && fgets(line, sizeof(line), info)) {
			sscanf(line, "memlock: %" SCNu64, &bytes);
			is_map |= !strncmp(line, "map_type:", strlen("map_type:"));
		}
		if (info)
			fclose(info);
		sum += is_map ? bytes : 0;
	}
	if (fds)
		closedir(fds);
	return sum;
}

/** CPU time: there is one thread and it never waits, so on an idle machine this is the time. */
static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void wait_for_end_of_input(void)
{
	char byte;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static struct ul_error *report(struct ul_machine *machine, struct ul_tracer *tracer)
{
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const double begin_ms = now_ms();
	UL_TRY(ul_tracer_collect(tracer, &trace));
	const double collected_ms = now_ms();
	UL_TRY(ul_machine_name_stacks(machine, &trace));
	UL_TRY(ul_sites_digest(&trace, NULL));
	const double end_ms = now_ms();
	uint64_t live = 0;
	ul_vec_foreach (site, &trace.sites)
		live += site->live;
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %.1f %.1f\n", trace.events, live, map_bytes(),
	       collected_ms - begin_ms, end_ms - collected_ms);
	ul_vec_foreach (loss, &trace.losses.items)
		printf("%" PRIu64 " %s\n", loss->count, loss->what);
	return NULL;
}

static struct ul_error *run(struct ul_tracer_options *options)
{
	const struct ul_cmd_context context = {0};
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	struct ul_machine machine UL_CLEANUP_MACHINE = {0};
	struct ul_tracer *tracer UL_CLEANUP_TRACER = NULL;
	UL_TRY(ul_machine_open(&context, &losses, &machine));
	ul_machine_tracer_options(&machine, options);
	UL_TRY(ul_tracer_open(options, &tracer));
	UL_TRY(ul_tracer_record(tracer));
	puts("ready");
	fflush(stdout);
	wait_for_end_of_input();
	ul_tracer_drain(tracer);
	return report(&machine, tracer);
}

int main(int argc, char **argv)
{
	struct ul_tracer_options options = {.allocators = UL_TRACE_SLAB};
	const char *cache = argc == 3 ? argv[2] : NULL;
	if (argc >= 2 && argc <= 3 && !strcmp(argv[1], "count")) {
		options.caches = &cache;
		options.caches_len = cache ? 1 : 0;
	} else if (argc == 3 && !strcmp(argv[1], "focus")) {
		options.stacks = true;
		options.caches = &cache;
		options.caches_len = 1;
	} else if (argc == 3 && !strcmp(argv[1], "sample")) {
		options.stacks = true;
		options.allocators |= UL_TRACE_PAGES | UL_TRACE_PERCPU;
		options.share = 1 / strtod(argv[2], NULL);
	} else if (argc == 3 && !strcmp(argv[1], "budget")) {
		options.stacks = true;
		options.allocators |= UL_TRACE_PAGES | UL_TRACE_PERCPU;
		options.cpu_budget = strtod(argv[2], NULL) / 100;
	} else if (argc == 3 && !strcmp(argv[1], "stacks")) {
		options.stacks = true;
		options.max_live = strtoul(argv[2], NULL, 10);
	} else if (argc == 3 && !strcmp(argv[1], "misses")) {
		options.stacks = true;
		options.preemption = argv[2][0] == '1' ? UL_TRACE_PREEMPTED : UL_TRACE_UNPREEMPTED;
	} else {
		fprintf(stderr, "usage: trace_mode count [CACHE] | focus CACHE | sample N | "
				"budget PERCENT | stacks MAX_LIVE | misses 0|1\n");
		return 2;
	}
	struct ul_error *error = run(&options);
	if (error)
		fprintf(stderr, "trace_mode: %s\n", error->message);
	ul_error_destroy(error);
	return error != NULL;
}
