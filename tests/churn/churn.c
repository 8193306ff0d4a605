// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Work that frees without an event (kfree_rcu, bulk, RCU callbacks) or much later (work queues) and
 * leaks nothing: what a naive pairing calls a leak. Usage: churn WHAT COUNT, see the table below.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** One turn of each sort; false stops with errno. */
static int epoll_turn(void)
{
	static int epoll_fd = -1;
	static int event_fd = -1;
	if (epoll_fd < 0) {
		epoll_fd = epoll_create1(0);
		event_fd = eventfd(0, 0);
	}
	struct epoll_event event = {.events = EPOLLIN};
	// eventpoll_epi is freed by kfree_rcu (Linux fs/eventpoll.c ep_remove).
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event) ||
	       epoll_ctl(epoll_fd, EPOLL_CTL_DEL, event_fd, &event);
}

static int mmap_turn(void)
{
	// vm_area_struct and maple_node: freed after a grace period, in bulk.
	char *area =
		mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return -1;
	for (int i = 1; i < 16; i += 2)
		if (mprotect(area + i * 4096, 4096, PROT_READ))
			return -1;
	area[0] = 1;
	return munmap(area, 16 * 4096);
}

static int socket_turn(void)
{
	// skb heads: kmem_cache_alloc_bulk and bulk frees.
	int pair[2];
	char byte = 'x';
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -1;
	const int failed = write(pair[0], &byte, 1) != 1 || read(pair[1], &byte, 1) != 1;
	close(pair[0]);
	close(pair[1]);
	return failed;
}

static int fork_turn(void)
{
	const pid_t pid = fork();
	if (!pid)
		_exit(0);
	return pid < 0 || waitpid(pid, NULL, 0) != pid;
}

static int file_turn(void)
{
	char name[] = "/tmp/ullage-churn-XXXXXX";
	const int fd = mkstemp(name);
	if (fd < 0)
		return -1;
	close(fd);
	return unlink(name);
}

static int tmpfs_turn(void)
{
	static const char block[64 * 1024];
	char name[] = "/dev/shm/ullage-churn-XXXXXX";
	const int fd = mkstemp(name);
	if (fd < 0)
		return -1;
	int failed = 0;
	for (int i = 0; i < 64 && !failed; i++)
		failed = write(fd, block, sizeof(block)) != (ssize_t)sizeof(block);
	close(fd);
	return unlink(name) || failed;
}

static int netns_turn(void)
{
	// Torn down by a work queue some time after the last process has left: Linux
	// net/core/net_namespace.c cleanup_net().
	const pid_t pid = fork();
	if (!pid)
		_exit(unshare(CLONE_NEWNET) != 0);
	int status;
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

/** A directory in which groups can be made: version 2, or the memory controller of version 1. */
static const char *cgroup_root(void)
{
	static const char *const roots[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified",
					    "/sys/fs/cgroup"};
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/cgroup.procs", roots[i]);
		if (!access(path, W_OK))
			return roots[i];
	}
	return NULL;
}

static int cgroup_turn(void)
{
	// Its structures and percpu areas wait for RCU and work queues: Linux
	// kernel/cgroup/cgroup.c css_free_rwork_fn().
	char path[128];
	const char *root = cgroup_root();
	if (!root) {
		errno = ENOENT;
		return -1;
	}
	snprintf(path, sizeof(path), "%s/ullage-churn-%d", root, (int)getpid());
	return mkdir(path, 0700) || rmdir(path);
}

static int uring_turn(void)
{
	// Freed by a work queue, nodes of requests in bulk: Linux io_uring/io_uring.c
	// io_ring_exit_work().
	struct io_uring_params params = {0};
	const int fd = (int)syscall(SYS_io_uring_setup, 8, &params);
	return fd < 0 ? -1 : close(fd);
}

static const struct {
	const char *name;
	int (*turn)(void);
} sorts[] = {
	{"epoll", epoll_turn}, {"mmap", mmap_turn},	{"socket", socket_turn},
	{"fork", fork_turn},   {"file", file_turn},	{"tmpfs", tmpfs_turn},
	{"netns", netns_turn}, {"cgroup", cgroup_turn}, {"uring", uring_turn},
};

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: churn epoll|mmap|socket|fork|file|tmpfs|netns|cgroup|uring "
				"COUNT\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (strcmp(sorts[i].name, argv[1]) != 0)
			continue;
		const long count = strtol(argv[2], NULL, 10);
		for (long turn = 0; turn < count; turn++) {
			if (sorts[i].turn()) {
				fprintf(stderr, "churn %s: turn %ld: %s\n", argv[1], turn,
					strerror(errno));
				return 1;
			}
		}
		return 0;
	}
	fprintf(stderr, "churn: no sort called '%s'\n", argv[1]);
	return 2;
}
