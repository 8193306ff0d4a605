// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Work that frees without an event (kfree_rcu, bulk, RCU callbacks) or much later (work queues) and
 * leaks nothing: what a naive pairing calls a leak. Usage: churn WHAT COUNT [MODULE], see the table
 * below; it says at the end how many turns it did. MODULE is the file of a kernel module that the
 * turns of `module` load and unload.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
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
	for (int i = 0; i < 4 && !failed; i++)
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
	// Freed by a work queue: Linux io_uring/io_uring.c io_ring_exit_work().
	struct io_uring_params params = {0};
	const int fd = (int)syscall(SYS_io_uring_setup, 8, &params);
	return fd < 0 ? -1 : close(fd);
}

/** What is mapped of one ring. */
struct ring {
	int fd;
	int event_fd;
	unsigned *sq_tail;
	const unsigned *sq_mask;
	unsigned *sq_array;
	struct io_uring_sqe *entries;
	unsigned *cq_head;
	const unsigned *cq_tail;
};

static int ring_open(struct ring *ring)
{
	struct io_uring_params params = {0};
	ring->event_fd = eventfd(0, EFD_NONBLOCK);
	ring->fd = (int)syscall(SYS_io_uring_setup, 8, &params);
	if (ring->fd < 0 || ring->event_fd < 0)
		return -1;
	const int prot = PROT_READ | PROT_WRITE;
	char *sq = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(unsigned), prot,
			MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
			prot, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_CQ_RING);
	ring->entries = mmap(NULL, params.sq_entries * sizeof(struct io_uring_sqe), prot,
			     MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)ring->entries == MAP_FAILED)
		return -1;
	ring->sq_tail = (unsigned *)(void *)(sq + params.sq_off.tail);
	ring->sq_mask = (unsigned *)(void *)(sq + params.sq_off.ring_mask);
	ring->sq_array = (unsigned *)(void *)(sq + params.sq_off.array);
	ring->cq_head = (unsigned *)(void *)(cq + params.cq_off.head);
	ring->cq_tail = (unsigned *)(void *)(cq + params.cq_off.tail);
	return 0;
}

static void ring_add(struct ring *ring, const struct io_uring_sqe *entry)
{
	const unsigned tail = *ring->sq_tail;
	const unsigned at = tail & *ring->sq_mask;
	ring->entries[at] = *entry;
	ring->sq_array[at] = at;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static int uring_io_turn(void)
{
	// Requests come from a cache in bulk and go back to a list: Linux io_uring/io_uring.c
	// __io_alloc_req_refill(). A poll that waits for the write behind it has a node of its own.
	static struct ring ring = {.fd = -1};
	if (ring.fd < 0 && ring_open(&ring))
		return -1;
	static const uint64_t one = 1;
	static uint64_t sum;
	ring_add(&ring, &(struct io_uring_sqe){.opcode = IORING_OP_NOP, .fd = -1});
	ring_add(&ring, &(struct io_uring_sqe){.opcode = IORING_OP_POLL_ADD,
					       .fd = ring.event_fd,
					       .poll_events = POLLIN});
	if (syscall(SYS_io_uring_enter, ring.fd, 2, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 2 ||
	    write(ring.event_fd, &one, sizeof(one)) != sizeof(one) ||
	    syscall(SYS_io_uring_enter, ring.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	__atomic_store_n(ring.cq_head, __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
	return read(ring.event_fd, &sum, sizeof(sum)) != sizeof(sum);
}

/** A bound socket of @p type on the loopback interface; its address goes to @p at. */
static int loopback_socket(int type, struct sockaddr_in *at)
{
	socklen_t length = sizeof(*at);
	const int fd = socket(AF_INET, type, 0);
	*at = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) ||
	    getsockname(fd, (struct sockaddr *)at, &length))
		return -1;
	return fd;
}

static int udp_turn(void)
{
	// Packets are freed by whoever receives, their heads by page fragments or caches.
	static int from = -1;
	static int to = -1;
	static struct sockaddr_in at;
	static char data[1200];
	if (from < 0) {
		to = loopback_socket(SOCK_DGRAM, &at);
		from = socket(AF_INET, SOCK_DGRAM, 0);
	}
	return sendto(from, data, sizeof(data), 0, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	       recv(to, data, sizeof(data), 0) != (ssize_t)sizeof(data);
}

static int tcp_turn(void)
{
	// A new connection every 64 turns: request, socket, time-wait socket.
	static int listener = -1;
	static int ends[2];
	static struct sockaddr_in at;
	static char data[1200];
	static long turn;
	if (listener < 0) {
		listener = loopback_socket(SOCK_STREAM, &at);
		if (listener < 0 || listen(listener, 8))
			return -1;
	}
	if (turn++ % 64 == 0) {
		if (turn > 1 && (close(ends[0]) || close(ends[1])))
			return -1;
		ends[0] = socket(AF_INET, SOCK_STREAM, 0);
		if (ends[0] < 0 || connect(ends[0], (struct sockaddr *)&at, sizeof(at)))
			return -1;
		ends[1] = accept(listener, NULL, NULL);
		if (ends[1] < 0)
			return -1;
	}
	if (send(ends[0], data, sizeof(data), 0) != (ssize_t)sizeof(data))
		return -1;
	return recv(ends[1], data, sizeof(data), MSG_WAITALL) != (ssize_t)sizeof(data);
}

static int exec_turn(void)
{
	// This program again, which then ends at once.
	const pid_t pid = vfork();
	if (!pid) {
		execl("/proc/self/exe", "churn", (char *)NULL);
		_exit(127);
	}
	int status;
	return pid < 0 || waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 2;
}

static const char *module_file;

/**
 * A module without its signature, which takes an emulated processor some 300 ms to verify (ECDSA,
 * series 7): that would be most of a turn. Linux include/linux/module_signature.h; -1 with errno.
 */
static ssize_t read_unsigned(const char *path, char *image, size_t room)
{
	static const char mark[] = "~Module signature appended~\n";
	const size_t mark_len = sizeof(mark) - 1;
	// Its last four bytes before the mark are the signature's length, big-endian.
	const size_t trailer_len = 12 + mark_len;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t len = 0;
	ssize_t got;
	while (len < room && (got = read(fd, image + len, room - len)) > 0)
		len += (size_t)got;
	close(fd);
	if (len == room) {
		errno = EFBIG;
		return -1;
	}
	if (len < trailer_len || memcmp(image + len - mark_len, mark, mark_len) != 0)
		return (ssize_t)len;
	const unsigned char *end = (const unsigned char *)image + len - mark_len;
	const size_t signature = (size_t)end[-4] << 24 | end[-3] << 16 | end[-2] << 8 | end[-1];
	return signature + trailer_len < len ? (ssize_t)(len - trailer_len - signature)
					     : (ssize_t)len;
}

static int module_turn(void)
{
	// Text, data and symbols are vmalloc areas that a work queue frees after a grace period.
	static char image[1 << 20];
	static ssize_t image_len = -1;
	if (!module_file) {
		errno = EINVAL;
		return -1;
	}
	if (image_len < 0)
		image_len = read_unsigned(module_file, image, sizeof(image));
	if (image_len < 0)
		return -1;
	char name[64];
	const char *base = strrchr(module_file, '/');
	snprintf(name, sizeof(name), "%s", base ? base + 1 : module_file);
	name[strcspn(name, ".")] = '\0';
	return syscall(SYS_init_module, image, image_len, "") != 0 ||
	       syscall(SYS_delete_module, name, O_NONBLOCK) != 0;
}

static const struct {
	const char *name;
	int (*turn)(void);
} sorts[] = {
	{"epoll", epoll_turn},	     {"mmap", mmap_turn},     {"socket", socket_turn},
	{"udp", udp_turn},	     {"tcp", tcp_turn},	      {"fork", fork_turn},
	{"exec", exec_turn},	     {"file", file_turn},     {"tmpfs", tmpfs_turn},
	{"netns", netns_turn},	     {"cgroup", cgroup_turn}, {"uring", uring_turn},
	{"uring_io", uring_io_turn}, {"module", module_turn},
};

static int usage(void)
{
	fprintf(stderr, "usage: churn WHAT COUNT [MODULE]; WHAT is one of");
	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++)
		fprintf(stderr, " %s", sorts[i].name);
	fputc('\n', stderr);
	return 2;
}

int main(int argc, char **argv)
{
	// Turns of `exec` come here: no word, and not for what it costs to say so.
	if (argc == 1)
		return 2;
	if (argc != 3 && argc != 4)
		return usage();
	module_file = argc > 3 ? argv[3] : NULL;
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
		printf("%s %ld\n", argv[1], count);
		return 0;
	}
	return usage();
}
