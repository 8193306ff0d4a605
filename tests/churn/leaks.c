// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs that leak, each one sort of memory and only that, at a steady pace until killed; and
 * some that look like it and do not. Usage: leaks WHAT PERIOD_MS [PATH], see the table below.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PIECE = 32 * PAGE };

static char piece[PIECE];
static const char *path;

static int heap_turn(long turn)
{
	// Volatile: a compiler may leave out the filling of memory that nobody reads.
	static char *volatile last;
	last = malloc(PIECE);
	if (!last)
		return -1;
	memset(last, (int)turn | 1, PIECE);
	return 0;
}

/** One memfd that is written to: no RSS shows it. */
static int memfd_turn(long turn)
{
	static int fd = -1;
	if (fd < 0)
		fd = memfd_create("grows", 0);
	return write(fd, piece, PIECE) == PIECE ? 0 : -1;
}

/** Segments that are attached, filled and forgotten. */
static int sysv_turn(long turn)
{
	const int id = shmget(IPC_PRIVATE, PIECE, IPC_CREAT | 0600);
	void *at = id < 0 ? NULL : shmat(id, NULL, 0);
	if (!at || at == (void *)-1)
		return -1;
	memset(at, 1, PIECE);
	return shmdt(at);
}

/** Shared anonymous memory that stays mapped. */
static int shared_turn(long turn)
{
	char *lost = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lost == MAP_FAILED)
		return -1;
	memset(lost, 1, PIECE);
	return 0;
}

static int fds_turn(long turn)
{
	for (int i = 0; i < 4; i++)
		if (open("/dev/null", O_RDONLY) < 0)
			return -1;
	return 0;
}

/** Reads a page of each 2 MiB: the zero page, behind a page table of its own. */
static int tables_turn(long turn)
{
	const size_t stride = 2UL << 20;
	const size_t count = 8;
	volatile char *sparse = mmap(NULL, count * stride, PROT_READ,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sparse == MAP_FAILED)
		return -1;
	madvise((void *)(size_t)sparse, count * stride, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < count; i++)
		(void)sparse[i * stride];
	return 0;
}

static int append(const char *name)
{
	const int fd = open(name, O_WRONLY | O_APPEND | O_CREAT, 0600);
	const int failed = fd < 0 || write(fd, piece, PIECE) != PIECE;
	if (fd >= 0)
		close(fd);
	return failed ? -1 : 0;
}

/** A file that nobody rotates. */
static int file_turn(long turn)
{
	return append(path);
}

/** A process more, of some 200 KiB, that sits and waits. */
static int processes_turn(long turn)
{
	const pid_t pid = fork();
	if (pid)
		return pid < 0 ? -1 : 0;
	prctl(PR_SET_PDEATHSIG, 9);
	char *kept = malloc(200000);
	if (kept)
		memset(kept, 1, 200000);
	for (;;)
		pause();
}

/**
 * A cgroup more, removed while a page of a file it made is still in the tmpfs PATH: it cannot be
 * freed.
 */
static int cgroup_turn(long turn)
{
	char name[256];
	char file[512];
	int status;
	snprintf(name, sizeof(name), "/sys/fs/cgroup/gone%ld", turn);
	if (mkdir(name, 0755))
		return -1;
	const pid_t pid = fork();
	if (!pid) {
		snprintf(file, sizeof(file), "%s/cgroup.procs", name);
		const int fd = open(file, O_WRONLY);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(1);
		snprintf(file, sizeof(file), "%s/page%ld", path, turn);
		const int page = open(file, O_WRONLY | O_CREAT, 0600);
		_exit(page < 0 || write(page, "x", 1) != 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -1;
	return rmdir(name);
}

/* No leaks. */

/** A cache that warms up: fast at first, then slower, full after 200 turns. */
static int warm_turn(long turn)
{
	enum { FULL = 200 };
	if (turn >= FULL || (turn > FULL / 2 && turn % 4))
		return 0;
	return heap_turn(turn);
}

/** A log that is rotated after each 48 pieces. */
static int rotate_turn(long turn)
{
	char old[512];
	if (turn % 48 == 47) {
		snprintf(old, sizeof(old), "%s.1", path);
		if (rename(path, old))
			return -1;
	}
	return append(path);
}

/** What a compiler does: comes, takes some memory, writes a file, goes. */
static int build_turn(long turn)
{
	char name[512];
	const pid_t pid = fork();
	if (!pid) {
		snprintf(name, sizeof(name), "%s.%ld", path, turn % 8);
		for (int i = 0; i < 20; i++)
			if (heap_turn(turn))
				_exit(1);
		unlink(name);
		_exit(append(name) != 0);
	}
	return pid < 0 || waitpid(pid, NULL, 0) != pid;
}

static const struct {
	const char *name;
	int (*turn)(long turn);
} sorts[] = {
	{"heap", heap_turn},	 {"memfd", memfd_turn},
	{"sysv", sysv_turn},	 {"shared", shared_turn},
	{"fds", fds_turn},	 {"tables", tables_turn},
	{"file", file_turn},	 {"processes", processes_turn},
	{"cgroup", cgroup_turn}, {"warm", warm_turn},
	{"rotate", rotate_turn}, {"build", build_turn},
};

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: leaks WHAT PERIOD_MS [PATH]\n");
		return 2;
	}
	const long period_ms = strtol(argv[2], NULL, 10);
	const struct timespec nap = {period_ms / 1000, period_ms % 1000 * 1000000};
	path = argc > 3 ? argv[3] : "/tmp/leaks";
	memset(piece, 'x', sizeof(piece));
	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (strcmp(sorts[i].name, argv[1]) != 0)
			continue;
		for (long turn = 0;; turn++) {
			if (sorts[i].turn(turn)) {
				fprintf(stderr, "leaks %s: turn %ld: %s\n", argv[1], turn,
					strerror(errno));
				return 1;
			}
			nanosleep(&nap, NULL);
		}
	}
	fprintf(stderr, "leaks: no sort called '%s'\n", argv[1]);
	return 2;
}
