// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel memory through a BPF program (live.bpf.c), for any number of threads.
 *
 * Distributions leave out /proc/kcore or lock it; a program of type `syscall` works wherever BPF
 * does. A request copies up to a window into an array that is mapped here, and this side copies it
 * on: the window stays in the cache, so that the second copy is nearly free, and no buffer of the
 * caller has to be shared with the kernel. There are as many windows as processors, up to
 * UL_LIVE_WINDOWS; a thread takes a free one for the time of a request.
 *
 * A request fails as a whole when one of its pages is not mapped; the readable part before the hole
 * is then found by halving, page by page at the end, so that a hole costs a few requests and loses
 * only its own page.
 *
 * What it cannot see: pages the kernel has unmapped from its direct map (secretmem, some firmware),
 * and everything when the kernel is locked down for confidentiality.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/file.h"
#include "base/span.h"
#include "source/image/live_internal.h"
#include "source/image/live_shared.h"
// Generated code, not held to our warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include "live.skel.h"
#pragma GCC diagnostic pop

struct live {
	struct ul_memory memory;
	struct live_bpf *object;
	const uint8_t *windows; /**< behind one another */
	uint32_t windows_len;
	bool busy[UL_LIVE_WINDOWS];
	uint64_t page_bytes;
	int read_fd;
	int anchors_fd;
};

static void live_destroy(struct ul_memory *memory)
{
	struct live *live = (struct live *)memory;
	if (live->windows)
		munmap((void *)(uintptr_t)live->windows,
		       (size_t)live->windows_len * UL_LIVE_WINDOW_BYTES);
	live_bpf__destroy(live->object);
	free(live);
}

static void cleanup_live(struct live **live)
{
	if (*live)
		live_destroy(&(*live)->memory);
}

/* A window nobody else uses, until it is given back. */
static uint32_t take_window(struct live *live)
{
	for (uint32_t i = 0;; i = (i + 1) % live->windows_len) {
		if (!__atomic_load_n(&live->busy[i], __ATOMIC_RELAXED) &&
		    !__atomic_exchange_n(&live->busy[i], true, __ATOMIC_ACQUIRE))
			return i;
		if (i + 1 == live->windows_len)
			sched_yield();
	}
}

static void give_window(struct live *live, uint32_t window)
{
	__atomic_store_n(&live->busy[window], false, __ATOMIC_RELEASE);
}

/* All of [kaddr, kaddr + len) to buffer, or *ret_done false. */
static struct ul_error *copy_window(struct live *live, uint64_t kaddr, uint8_t *buffer, size_t len,
				    bool *ret_done)
{
	const uint32_t window = take_window(live);
	struct ul_live_request request = {.kaddr = kaddr, .len = (__u32)len, .window = window};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &request, .ctx_size_in = sizeof(request));
	const int status = bpf_prog_test_run_opts(live->read_fd, &options);
	if (!status && request.done)
		memcpy(buffer, live->windows + (size_t)window * UL_LIVE_WINDOW_BYTES, len);
	give_window(live, window);
	if (status)
		return ul_error_os(-status, "reading %zu bytes of kernel memory at %#llx by BPF",
				   len, (unsigned long long)kaddr);
	*ret_done = request.done;
	return NULL;
}

/*
 * What can be read from the start of [kaddr, kaddr + len), which cannot be read whole.
 * [0, good) is copied; a request that ends at bad has failed.
 */
static struct ul_error *copy_prefix(struct live *live, uint64_t kaddr, uint8_t *buffer, size_t len,
				    size_t *ret_good)
{
	size_t good = 0;
	size_t bad = len;
	for (;;) {
		const uint64_t middle = kaddr + good + (bad - good) / 2;
		uint64_t end = middle - middle % live->page_bytes;
		if (end <= kaddr + good)
			end += live->page_bytes;
		if (end - kaddr >= bad)
			break;
		bool done = false;
		UL_TRY(copy_window(live, kaddr + good, buffer + good, end - kaddr - good, &done));
		if (done)
			good = end - kaddr;
		else
			bad = end - kaddr;
	}
	*ret_good = good;
	return NULL;
}

static struct ul_error *live_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				  size_t len, size_t *ret_read)
{
	struct live *live = (struct live *)memory;
	uint8_t *bytes = buffer;
	size_t total = 0;
	// Nothing lies beyond the last address; the sum below must not wrap.
	if (len && kaddr + (len - 1) < kaddr)
		len = (size_t)(0 - kaddr);
	while (total < len) {
		const size_t piece =
			len - total < UL_LIVE_WINDOW_BYTES ? len - total : UL_LIVE_WINDOW_BYTES;
		bool done = false;
		UL_TRY(copy_window(live, kaddr + total, bytes + total, piece, &done));
		if (!done) {
			size_t good = 0;
			UL_TRY(copy_prefix(live, kaddr + total, bytes + total, piece, &good));
			total += good;
			break;
		}
		total += piece;
	}
	*ret_read = total;
	return NULL;
}

static const struct ul_memory_ops live_ops = {.read = live_read, .destroy = live_destroy};

bool ul_live_bpf_anchors(struct ul_memory *memory, struct ul_anchors *ret)
{
	if (memory->ops != &live_ops)
		return false;
	const struct live *live = (const struct live *)memory;
	struct ul_live_anchors anchors = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &anchors, .ctx_size_in = sizeof(anchors));
	if (bpf_prog_test_run_opts(live->anchors_fd, &options) || !anchors.task)
		return false;
	*ret = (struct ul_anchors){.task = anchors.task, .stack_page = anchors.stack_page};
	if (anchors.windows)
		ret->windows = (struct ul_range){anchors.windows,
						 anchors.windows + (uint64_t)live->windows_len *
									   UL_LIVE_WINDOW_BYTES};
	return true;
}

static bool locked_down(void)
{
	UL_CLEANUP_BUF struct ul_buf text = {0};
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_file_read(AT_FDCWD, "/sys/kernel/security/lockdown", 4096, &text);
	return !error &&
	       ul_span_find((struct ul_span){text.data, text.len}, "[confidentiality]", NULL);
}

/* Why the kernel did not take the object, as far as that can be told from outside. */
static struct ul_error *explain_load(int errno_value)
{
	if (locked_down())
		return ul_error_hint(ul_error_new(UL_ERR_PERMISSION,
						  "loading the BPF memory reader: this "
						  "kernel is locked down for confidentiality"),
				     "no tool can read kernel memory here; boot without "
				     "lockdown=confidentiality");
	if (errno_value == EPERM || errno_value == EACCES)
		return ul_error_hint(ul_error_os(errno_value, "loading the BPF memory reader"),
				     "run as root, or with CAP_BPF and CAP_PERFMON");
	return ul_error_hint(
		ul_error_new(UL_ERR_UNSUPPORTED,
			     "loading the BPF memory reader: the kernel refuses it (%s)",
			     strerror(errno_value)),
		"needs BPF programs of type syscall (Linux v5.14) and BTF "
		"(CONFIG_DEBUG_INFO_BTF)");
}

/* libbpf tells a failed load to stderr; a library must not, and the errno says enough. */
static int load_quietly(struct live *live)
{
	const libbpf_print_fn_t before = libbpf_set_print(NULL);
	live->object = live_bpf__open();
	int status = -errno;
	if (live->object) {
		status = bpf_map__set_max_entries(live->object->maps.window, live->windows_len);
		if (!status)
			status = live_bpf__load(live->object);
	}
	libbpf_set_print(before);
	return status;
}

struct ul_error *ul_live_bpf_open(struct ul_memory **ret)
{
	UL_CLEANUP(cleanup_live) struct live *live = calloc(1, sizeof(*live));
	if (!live)
		return &ul_enomem;
	live->memory = (struct ul_memory){.ops = &live_ops, .engine = "bpf", .concurrent = true};
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	live->windows_len = processors < 1		   ? 1
			    : processors < UL_LIVE_WINDOWS ? (uint32_t)processors
							   : UL_LIVE_WINDOWS;
	live->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	const int status = load_quietly(live);
	if (status)
		return explain_load(-status);
	live->read_fd = bpf_program__fd(live->object->progs.read_memory);
	live->anchors_fd = bpf_program__fd(live->object->progs.find_anchors);
	void *windows = mmap(NULL, (size_t)live->windows_len * UL_LIVE_WINDOW_BYTES, PROT_READ,
			     MAP_SHARED, bpf_map__fd(live->object->maps.window), 0);
	if (windows == MAP_FAILED)
		return ul_error_os(errno, "mapping the window of the BPF memory reader");
	live->windows = windows;
	*ret = &UL_TAKE(live)->memory;
	return NULL;
}
