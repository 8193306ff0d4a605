// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process waits on a socket for a command and answers with its status. It has a process
 * group of its own: Ctrl-C is ours to handle. When we are killed it ends, too (PR_SET_PDEATHSIG;
 * the socket ends), takes a command that runs with it, and removes what we have in tracefs: an
 * instance lives until somebody does.
 */
#include "cmd/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/ftrace/tracefs.h"

enum { COMMAND_BYTES = 64 << 10, NAP_MS = 100 };

struct ul_runner {
	pid_t pid;
	int fd;
	char *message; /**< one byte how, then the command */
};

/** In the command's process: never returns. */
static void become(const char *command, bool aloud, const sigset_t *signals)
{
	char *const arguments[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
				   (char *)(uintptr_t)command, NULL};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);		  // so that it can be killed with all that it has started
	signal(SIGPIPE, SIG_DFL); // ullage ignores it, and exec would hand that on
	sigprocmask(SIG_SETMASK, signals, NULL);
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(aloud ? STDERR_FILENO : null, STDOUT_FILENO);
		if (!aloud)
			dup2(null, STDERR_FILENO);
	}
	execv("/bin/sh", arguments);
	_exit(127);
}

/** Ullage has ended: nothing of it is to stay. Never returns. */
static void clean_up(pid_t ullage)
{
	enum { TRIES = 50, NAP_US = 100 * 1000 };
	int tracefs;
	struct ul_error *error = ul_tracefs_open(NULL, &tracefs);
	size_t left = 1;
	for (int i = 0; !error && left && i < TRIES; i++) {
		ul_tracefs_forget(tracefs, ullage, &left);
		if (left)
			usleep(NAP_US);
	}
	_exit(0);
}

/** Wait for the command, kill it when told to; false when ullage has ended meanwhile. */
static bool wait_for(pid_t pid, pid_t ullage, const sigset_t *wanted, int *ret_status)
{
	for (;;) {
		if (waitpid(pid, ret_status, WNOHANG) == pid)
			return true;
		if (sigwaitinfo(wanted, NULL) == SIGTERM) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL); // where it has no group yet
			if (getppid() != ullage)
				return false;
		}
	}
}

/** In the runner's process: never returns. */
static void serve(int fd, char *message, pid_t ullage)
{
	sigset_t wanted;
	sigset_t before;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGTERM);
	sigprocmask(SIG_BLOCK, &wanted, &before);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, "ullage-runner");
	setpgid(0, 0);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL); // ignored, children would be reaped unseen
	for (;;) {
		int status = 0;
		const ssize_t got = recv(fd, message, COMMAND_BYTES - 1, 0);
		if (got < 2)
			clean_up(ullage);
		message[got] = 0;
		const pid_t pid = fork();
		if (!pid)
			become(message + 1, message[0] == 'a', &before);
		if (pid < 0)
			status = 127 << 8;
		else if (!wait_for(pid, ullage, &wanted, &status))
			clean_up(ullage);
		if (send(fd, &status, sizeof(status), MSG_NOSIGNAL) != sizeof(status))
			clean_up(ullage);
	}
}

struct ul_error *ul_runner_start(struct ul_runner **ret)
{
	int ends[2];
	UL_CLEANUP_RUNNER struct ul_runner *runner = calloc(1, sizeof(*runner));
	if (!runner)
		return &ul_enomem;
	runner->fd = -1;
	runner->message = malloc(COMMAND_BYTES);
	if (!runner->message)
		return &ul_enomem;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return ul_error_os(errno, "starting a process that runs the command");
	runner->fd = ends[0];
	runner->pid = fork();
	if (runner->pid < 0) {
		close(ends[1]);
		return ul_error_os(errno, "starting a process that runs the command");
	}
	if (!runner->pid) {
		close(ends[0]);
		serve(ends[1], runner->message, getppid());
	}
	close(ends[1]);
	*ret = UL_TAKE(runner);
	return NULL;
}

void ul_runner_destroy(struct ul_runner *runner)
{
	if (!runner)
		return;
	if (runner->fd >= 0)
		close(runner->fd);
	if (runner->pid > 0) {
		kill(runner->pid, SIGTERM); // a command that still runs is killed
		waitpid(runner->pid, NULL, 0);
	}
	free(runner->message);
	free(runner);
}

pid_t ul_runner_pid(const struct ul_runner *runner)
{
	return runner->pid;
}

struct ul_error *ul_runner_run(struct ul_runner *runner, const struct ul_cmd_context *context,
			       const char *command, bool aloud, int *ret_status, bool *ret_stopped)
{
	const size_t len = strlen(command);
	*ret_stopped = ul_cmd_stopped(context);
	if (*ret_stopped)
		return NULL;
	if (len + 1 >= COMMAND_BYTES)
		return ul_error_new(UL_ERR_LIMIT, "the command has %zu bytes: at most %d", len,
				    COMMAND_BYTES - 2);
	runner->message[0] = aloud ? 'a' : 'q';
	memcpy(runner->message + 1, command, len);
	if (send(runner->fd, runner->message, len + 1, MSG_NOSIGNAL) != (ssize_t)len + 1)
		return ul_error_os(errno, "running the command");
	for (;;) {
		struct pollfd ready = {.fd = runner->fd, .events = POLLIN};
		const int count = poll(&ready, 1, NAP_MS);
		if (count < 0 && errno != EINTR)
			return ul_error_os(errno, "waiting for the command");
		if (ul_cmd_stopped(context)) {
			kill(runner->pid, SIGTERM); // ends the command
			*ret_stopped = true;
			return NULL;
		}
		if (count <= 0)
			continue;
		const ssize_t got = recv(runner->fd, ret_status, sizeof(*ret_status), 0);
		if (got == sizeof(*ret_status))
			return NULL;
		return ul_error_new(UL_ERR_OS, "running the command: the process that runs it has "
					       "ended");
	}
}
