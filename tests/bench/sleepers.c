// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many processes that do nothing. Usage: sleepers COUNT. Says "ready" when all are there; when its
 * stdin ends, they end. A child shares most memory with its parent and maps no library of its own:
 * tools that read smaps find less in it than in a real process.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OWN_BYTES = 32 * 1024 };

static void sleep_for_good(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0); // it died before we asked
	char *own = malloc(OWN_BYTES);
	if (own)
		memset(own, 'x', OWN_BYTES);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	if (count <= 0) {
		fprintf(stderr, "usage: sleepers COUNT\n");
		return 2;
	}
	const pid_t self = getpid();
	signal(SIGTERM, SIG_IGN); // to the group, at the end
	setpgid(0, 0);
	for (long i = 0; i < count; i++) {
		const pid_t pid = fork();
		if (!pid) {
			signal(SIGTERM, SIG_DFL);
			sleep_for_good(self);
		}
		if (pid < 0) {
			fprintf(stderr, "sleepers: process %ld: %s\n", i, strerror(errno));
			kill(0, SIGTERM);
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	char byte;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}
