// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An allocation storm: what tracing costs is measured on it. One turn opens, reads and closes a
 * file in /proc, and makes and closes a pipe and a pair of sockets: some 20 us and 60 events.
 *
 *	storm serve            for each number read from stdin: that many turns, then a line
 *	                       "CPU_NS WALL_NS" (user and system time of this process)
 *	storm turns N          one such measurement
 *	storm hold N           make N eventfds (each some four live objects), say "ready", hold them
 *	                       until stdin ends
 *
 * What the kernel does for the storm on other threads (RCU callbacks, work queues) is not in its
 * time; what it does in interrupts on top of it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static bool turn(void)
{
	char buffer[4096];
	int pair[2];
	const int fd = open("/proc/self/stat", O_RDONLY);
	if (fd < 0 || read(fd, buffer, sizeof(buffer)) <= 0)
		return false;
	close(fd);
	if (pipe(pair))
		return false;
	close(pair[0]);
	close(pair[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return false;
	close(pair[0]);
	close(pair[1]);
	return true;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool measure(long turns)
{
	const int64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	const int64_t wall_ns = clock_ns(CLOCK_MONOTONIC);
	for (long i = 0; i < turns; i++)
		if (!turn())
			return false;
	printf("%" PRId64 " %" PRId64 "\n", clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns,
	       clock_ns(CLOCK_MONOTONIC) - wall_ns);
	return fflush(stdout) == 0;
}

static bool serve(void)
{
	char line[64];
	while (fgets(line, sizeof(line), stdin))
		if (!measure(strtol(line, NULL, 10)))
			return false;
	return true;
}

/** Until the parent has gone: its end of @p alive is the only one that could be written to. */
static bool hold_some(long count, const int alive[2], int ready)
{
	char byte = 'r';
	close(alive[1]);
	bool made = true;
	for (long i = 0; i < count && made; i++)
		made = eventfd(0, 0) >= 0;
	if (!made || write(ready, &byte, 1) != 1)
		return false;
	return read(alive[0], &byte, 1) == 0;
}

/** The limit of open files may not be raised everywhere: as many processes as it takes. */
static bool hold(long count)
{
	struct rlimit limit;
	int alive[2];
	int ready[2];
	char byte;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur <= 64 || pipe(alive) || pipe(ready))
		return false;
	const long each = (long)limit.rlim_cur - 64;
	long processes = 0;
	for (long left = count; left > 0; left -= each, processes++) {
		const pid_t pid = fork();
		if (!pid)
			_exit(!hold_some(left < each ? left : each, alive, ready[1]));
		if (pid < 0)
			return false;
	}
	close(ready[1]);
	for (long i = 0; i < processes; i++)
		if (read(ready[0], &byte, 1) != 1)
			return false;
	puts("ready");
	fflush(stdout);
	return read(STDIN_FILENO, &byte, 1) == 0;
}

int main(int argc, char **argv)
{
	bool done;
	if (argc == 2 && !strcmp(argv[1], "serve")) {
		done = serve();
	} else if (argc == 3 && !strcmp(argv[1], "turns")) {
		done = measure(strtol(argv[2], NULL, 10));
	} else if (argc == 3 && !strcmp(argv[1], "hold")) {
		done = hold(strtol(argv[2], NULL, 10));
	} else {
		fprintf(stderr, "usage: storm serve | turns N | hold N\n");
		return 2;
	}
	if (!done)
		fprintf(stderr, "storm: %s\n", strerror(errno));
	return !done;
}
