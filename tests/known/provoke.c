// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes what data/knowledge.txt has entries for, and holds it: one situation each, COUNT times,
 * then waits to be killed. Usage: provoke COUNT [SITUATION]... (default: all). Prints a line for
 * each that this kernel lets it make. For tests/kernel/test_known.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/** Events that nobody reads: each of another file, or they would be merged. */
static int queue_events(int count)
{
	char path[64];
	const int inotify = inotify_init1(0);
	(void)mkdir("/tmp/watched", 0755);
	if (inotify < 0 || inotify_add_watch(inotify, "/tmp/watched", IN_CREATE) < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "/tmp/watched/%d", i);
		const int file = open(path, O_CREAT | O_WRONLY, 0644);
		if (file < 0 || close(file))
			return -1;
	}
	return 0;
}

/** Descriptors on their way that nobody receives. */
static int send_descriptors(int count)
{
	int pair[2];
	char byte = 0;
	for (int i = 0; i < count; i++) {
		char control[CMSG_SPACE(sizeof(int))] = {0};
		struct iovec part = {.iov_base = &byte, .iov_len = 1};
		struct msghdr message = {.msg_iov = &part,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control)};
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		const int file = open("/etc/passwd", O_RDONLY);
		// A new pair now and then: what one may have in flight is limited.
		if (i % 16 == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
			return -1;
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &file, sizeof(file));
		if (file < 0 || sendmsg(pair[0], &message, MSG_DONTWAIT) < 0 || close(file))
			return -1;
	}
	return 0;
}

static int add_to_epoll(int count)
{
	const int set = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	for (int i = 0; i < count; i++)
		if (epoll_ctl(set, EPOLL_CTL_ADD, eventfd(0, 0), &event))
			return -1;
	return 0;
}

static int fill_pipes(int count)
{
	static const char page[4096];
	int ends[2];
	for (int i = 0; i < count; i++)
		if (pipe(ends) || write(ends[1], page, sizeof(page)) < 0)
			return -1;
	return 0;
}

static int make_maps(int count)
{
	const union bpf_attr attributes = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 64, .max_entries = 64};
	for (int i = 0; i < count; i++)
		if (syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)) < 0)
			return -1;
	return 0;
}

static int map_perf_rings(int count)
{
	struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
					     .size = sizeof(attributes),
					     .config = PERF_COUNT_SW_DUMMY};
	for (int i = 0; i < count; i++) {
		const int event = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
		if (event < 0 || mmap(NULL, 9 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, event,
				      0) == MAP_FAILED)
			return -1;
	}
	return 0;
}

static int set_up_rings(int count)
{
	for (int i = 0; i < count; i++) {
		struct io_uring_params parameters = {0};
		if (syscall(SYS_io_uring_setup, 8, &parameters) < 0)
			return -1;
	}
	return 0;
}

/** Addresses of neighbours on the loopback device, set by hand. */
static int add_neighbours(int count)
{
	struct {
		struct nlmsghdr header;
		struct ndmsg message;
		struct rtattr address;
		uint8_t ip[16];
		struct rtattr link;
		uint8_t mac[8];
	} request = {
		.header = {.nlmsg_len = sizeof(request) - 2,
			   .nlmsg_type = RTM_NEWNEIGH,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE},
		.message = {.ndm_family = AF_INET6,
			    .ndm_ifindex = (int)if_nametoindex("lo"),
			    .ndm_state = NUD_PERMANENT},
		.address = {.rta_len = RTA_LENGTH(16), .rta_type = NDA_DST},
		.ip = {0xfd},
		.link = {.rta_len = RTA_LENGTH(6), .rta_type = NDA_LLADDR},
	};
	const int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	for (int i = 0; i < count; i++) {
		request.ip[14] = (uint8_t)(i >> 8);
		request.ip[15] = (uint8_t)i;
		if (send(netlink, &request, sizeof(request) - 2, 0) < 0)
			return -1;
	}
	return 0;
}

/** This process into the group at @p path. */
static int move_to(const char *path)
{
	char name[160];
	(void)snprintf(name, sizeof(name), "%s/cgroup.procs", path);
	const int file = open(name, O_WRONLY);
	return file < 0 || write(file, "0", 1) != 1 ? -1 : close(file);
}

/** A page of a tmpfs: it stays charged to the group this process is in. */
static int charge(int number)
{
	char name[64];
	(void)snprintf(name, sizeof(name), "/tmp/charged%d", number);
	const int file = open(name, O_CREAT | O_WRONLY, 0644);
	return file < 0 || write(file, name, sizeof(name)) < 0 ? -1 : close(file);
}

/** Groups with memory charged to them, removed. */
static int remove_groups(int count)
{
	char path[128];
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/gone%d", i);
		if (mkdir(path, 0755) || move_to(path) || charge(i) || move_to("/sys/fs/cgroup") ||
		    rmdir(path))
			return -1;
	}
	return 0;
}

/** Larger buffers of the function tracer. */
static int enlarge_trace(int count)
{
	char text[32];
	const int file = open("/sys/kernel/tracing/buffer_size_kb", O_WRONLY);
	const int len = snprintf(text, sizeof(text), "%d", count * 4 + 64);
	return file < 0 || write(file, text, (size_t)len) != len ? -1 : close(file);
}

/** More than all names that are: a program that runs from an initramfs has 13,000 of them. */
static int look_for_nothing(int count)
{
	char path[64];
	struct stat status;
	for (int i = 0; i < count * 128; i++) {
		(void)snprintf(path, sizeof(path), "/tmp/leakfs/nothing%d", i);
		if (!stat(path, &status))
			return -1;
	}
	return 0;
}

static int open_files(int count)
{
	for (int i = 0; i < count; i++)
		if (open("/etc/passwd", O_RDONLY) < 0)
			return -1;
	return 0;
}

static int share_memory(int count)
{
	for (int i = 0; i < count; i++) {
		void *area = shmat(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), NULL, 0);
		if (area == (void *)-1)
			return -1;
		*(char *)area = 1;
	}
	return 0;
}

static const struct {
	const char *name;
	int (*make)(int count);
} situations[] = {
	{"fsnotify-queue", queue_events},
	{"unix-in-flight", send_descriptors},
	{"epoll", add_to_epoll},
	{"pipes", fill_pipes},
	{"bpf-maps", make_maps},
	{"perf-buffers", map_perf_rings},
	{"io-uring", set_up_rings},
	{"neighbours", add_neighbours},
	{"dying-cgroups", remove_groups},
	{"negative-dentries", look_for_nothing},
	{"filp", open_files},
	{"sysv-shm", share_memory},
	{"printk-and-trace-buffers", enlarge_trace},
};

static int is_wanted(const char *name, char **names, int len)
{
	for (int i = 0; i < len; i++)
		if (!strcmp(names[i], name))
			return 1;
	return !len;
}

int main(int argc, char **argv)
{
	const struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};
	const int count = argc > 1 ? atoi(argv[1]) : 0;
	if (count <= 0) {
		fprintf(stderr, "usage: provoke COUNT [SITUATION]...\n");
		return 2;
	}
	(void)setrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < sizeof(situations) / sizeof(situations[0]); i++) {
		if (!is_wanted(situations[i].name, argv + 2, argc - 2))
			continue;
		if (situations[i].make(count))
			printf("not made: %s: %s\n", situations[i].name, strerror(errno));
		else
			printf("made: %s\n", situations[i].name);
		(void)fflush(stdout);
	}
	for (;;)
		(void)pause();
}
