// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The reader. A round:
 *
 *	now -> every ring is read until it is empty, or what it has is newer -> runs are merged ->
 *	what happened before now (less a margin) is given, in order; the rest waits for the next
 *
 * Whatever was written before `now` is in what has been read by the end of the round, so nothing
 * older can come later: no window has to be guessed. The margin is for an event that had its time
 * and was not yet complete.
 *
 * A stack is a record of its own behind that of its event, and an interrupt may put both of its own
 * between: the last few events of a ring wait for theirs, the newest first.
 *
 * What it cannot see: what the rings lost (counted, by the kernel itself), and what its own reading
 * allocates (left out, like all of this process). Allocations and frees lie in rings of their own,
 * so each can lose without the other: a lost free looks like a leak.
 */
#include "source/ftrace/ftrace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "source/ftrace/queue.h"
#include "source/ftrace/rings.h"
#include "source/ftrace/tasks.h"

static const int64_t margin_ns = 10 * 1000 * 1000;

struct ul_ftrace {
	struct ul_ftrace_options options;
	struct ul_ftrace_rings rings;
	struct ul_ftrace_decoder decoder;
	struct ul_ftrace_queue queue;
	struct ul_ftrace_tasks tasks;
	ul_event_fn *take;
	void *context;
	uint8_t *page;
	pthread_t thread;
	bool running;
	atomic_bool stopping;
	atomic_llong drain_ns; /**< INT64_MAX: not yet */
	struct ul_ftrace_times times;
	int64_t given_ns;	/**< time of the last event that was given */
	uint64_t late;		/**< came after a later one was given */
	uint64_t strange_pages; /**< that no page can be */
	uint64_t unbound;	/**< stacks without an event */
	struct ul_error *error;
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * UL_NS_PER_S + now.tv_nsec;
}

/** Move the oldest of what waits for a stack into the queue. */
static struct ul_error *release_oldest(struct ul_ftrace *ftrace, struct ul_ftrace_ring *ring)
{
	if (!ul_ftrace_queue_push(&ftrace->queue, &ring->pending[0]))
		return &ul_enomem;
	ring->pending_len--;
	memmove(ring->pending, ring->pending + 1, ring->pending_len * sizeof(*ring->pending));
	return NULL;
}

static struct ul_error *take_event(struct ul_ftrace *ftrace, struct ul_ftrace_ring *ring,
				   const struct ul_ftrace_entry *entry)
{
	if (ring->role != UL_FTRACE_ALLOCS || !ftrace->rings.stacks)
		return ul_ftrace_queue_push(&ftrace->queue, entry) ? NULL : &ul_enomem;
	if (ring->pending_len == UL_FTRACE_PENDING)
		UL_TRY(release_oldest(ftrace, ring));
	ring->pending[ring->pending_len++] = *entry;
	return NULL;
}

static struct ul_error *take_stack(struct ul_ftrace *ftrace, struct ul_ftrace_ring *ring,
				   const struct ul_ftrace_entry *entry)
{
	if (!ring->pending_len || ring->pending[ring->pending_len - 1].tid != entry->tid) {
		ftrace->unbound++;
		return NULL;
	}
	struct ul_ftrace_entry *owner = &ring->pending[--ring->pending_len];
	if (entry->event.stack)
		owner->event.stack = entry->event.stack;
	return ul_ftrace_queue_push(&ftrace->queue, owner) ? NULL : &ul_enomem;
}

/** Records were lost in front of this page: what waits gets no stack any more. */
static struct ul_error *take_gap(struct ul_ftrace *ftrace, struct ul_ftrace_ring *ring,
				 const struct ul_ftrace_page *page)
{
	while (ring->pending_len)
		UL_TRY(release_oldest(ftrace, ring));
	if (page->missed < 0)
		ring->unknown++;
	else
		ring->missed += (uint64_t)page->missed;
	if (ring->role != UL_FTRACE_FREES || page->missed < 0)
		return NULL; // how many will be known at the end
	const struct ul_ftrace_entry entry = {
		.sort = UL_FTRACE_EVENT,
		.event = {.kind = UL_EVENT_LOST,
			  .bytes = (uint64_t)page->missed,
			  .time_ns = (int64_t)(page->time_ns & INT64_MAX)},
	};
	return ul_ftrace_queue_push(&ftrace->queue, &entry) ? NULL : &ul_enomem;
}

static struct ul_error *take_page(struct ul_ftrace *ftrace, struct ul_ftrace_ring *ring, size_t len)
{
	struct ul_ftrace_page page;
	struct ul_ftrace_record record;
	if (!ul_ftrace_page_open(&page, ftrace->page, len, &ftrace->rings.page)) {
		ftrace->strange_pages++;
		return NULL;
	}
	if (page.missed)
		UL_TRY(take_gap(ftrace, ring, &page));
	while (ul_ftrace_page_next(&page, &record)) {
		struct ul_ftrace_entry entry;
		UL_TRY(ul_ftrace_decode(&ftrace->decoder, &record, ring->cpu, &entry));
		if (entry.sort == UL_FTRACE_STACK)
			UL_TRY(take_stack(ftrace, ring, &entry));
		else if (entry.sort != UL_FTRACE_NOTHING)
			UL_TRY(take_event(ftrace, ring, &entry));
	}
	return NULL;
}

/** Read @p ring until it is empty, or what comes is newer than @p until_ns. Returns bytes. */
static struct ul_error *read_ring(struct ul_ftrace *ftrace, struct ul_ftrace_ring *ring,
				  int64_t until_ns, uint64_t *bytes)
{
	if (!ul_ftrace_queue_begin_run(&ftrace->queue))
		return &ul_enomem;
	for (;;) {
		uint64_t begin;
		const ssize_t got = read(ring->fd, ftrace->page, ftrace->rings.page_bytes);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno != EAGAIN)
			return ul_error_os(errno, "ftrace: reading the ring of CPU %u",
					   (unsigned int)ring->cpu);
		if (got < (ssize_t)sizeof(begin))
			return NULL;
		*bytes += (uint64_t)got;
		UL_TRY(take_page(ftrace, ring, (size_t)got));
		memcpy(&begin, ftrace->page, sizeof(begin));
		if ((int64_t)begin > until_ns)
			return NULL;
	}
}

static struct ul_error *take_task(struct ul_ftrace *ftrace, const struct ul_ftrace_entry *entry)
{
	struct ul_ftrace_task task;
	pid_t tgid = 0;
	if (entry->sort == UL_FTRACE_NEW_TASK) {
		UL_TRY(ul_ftrace_tasks_get(&ftrace->tasks, &ftrace->decoder.dictionary, entry->tid,
					   &task));
		tgid = entry->thread ? task.tgid : entry->task;
	} else {
		UL_TRY(ul_ftrace_tasks_get(&ftrace->tasks, &ftrace->decoder.dictionary, entry->task,
					   &task));
		tgid = task.tgid;
	}
	return ul_ftrace_tasks_set(&ftrace->tasks, entry->task, tgid, entry->event.comm);
}

/** True when the options want allocations of this process. */
static bool wanted(const struct ul_ftrace *ftrace, const struct ul_event *event)
{
	const struct ul_ftrace_options *options = &ftrace->options;
	if (event->pid == getpid() || (options->pid && event->pid != options->pid))
		return false;
	if (!options->comm)
		return true;
	const char *comm = ul_dictionary_name_of(&ftrace->decoder.dictionary, event->comm);
	return comm && !strcmp(comm, options->comm);
}

static struct ul_error *give(struct ul_ftrace *ftrace, struct ul_ftrace_entry *entry)
{
	struct ul_event *event = &entry->event;
	if (entry->sort != UL_FTRACE_EVENT)
		return take_task(ftrace, entry);
	ftrace->late += event->time_ns < ftrace->given_ns;
	ftrace->given_ns = event->time_ns > ftrace->given_ns ? event->time_ns : ftrace->given_ns;
	if (event->kind == UL_EVENT_ALLOC) {
		struct ul_ftrace_task task;
		UL_TRY(ul_ftrace_tasks_get(&ftrace->tasks, &ftrace->decoder.dictionary, entry->tid,
					   &task));
		event->pid = task.tgid;
		event->comm = task.comm;
		// What is not followed still proves that what was there is free.
		if (event->time_ns >= atomic_load(&ftrace->drain_ns) || !wanted(ftrace, event))
			event->kind = UL_EVENT_REUSE;
	}
	return ftrace->take(ftrace->context, event);
}

/** Give everything from before @p until_ns. */
static struct ul_error *give_until(struct ul_ftrace *ftrace, int64_t until_ns)
{
	size_t count = 0;
	if (!ul_ftrace_queue_merge(&ftrace->queue))
		return &ul_enomem;
	struct ul_error *error = NULL;
	ul_vec_foreach (entry, &ftrace->queue.entries) {
		if (error || entry->event.time_ns >= until_ns)
			break;
		error = give(ftrace, entry);
		count++;
	}
	ul_ftrace_queue_drop(&ftrace->queue, count);
	return error;
}

/**
 * What waits for a stack holds back what is newer: a virtual CPU may have stopped between both. Its
 * stack may also have been lost, so nothing waits for long.
 */
static struct ul_error *hold_back(struct ul_ftrace *ftrace, int64_t now, int64_t *until_ns)
{
	static const int64_t patience_ns = UL_NS_PER_S;
	ul_vec_foreach (ring, &ftrace->rings.rings) {
		while (ring->pending_len && ring->pending[0].event.time_ns < now - patience_ns) {
			if (!ul_ftrace_queue_begin_run(&ftrace->queue))
				return &ul_enomem;
			UL_TRY(release_oldest(ftrace, ring));
		}
		if (ring->pending_len && ring->pending[0].event.time_ns < *until_ns)
			*until_ns = ring->pending[0].event.time_ns;
	}
	return NULL;
}

static struct ul_error *read_round(struct ul_ftrace *ftrace, int64_t until_ns, uint64_t *ret_bytes)
{
	*ret_bytes = 0;
	ul_vec_foreach (ring, &ftrace->rings.rings) {
		uint64_t bytes = 0;
		UL_TRY(read_ring(ftrace, ring, until_ns, &bytes));
		*ret_bytes = bytes > *ret_bytes ? bytes : *ret_bytes;
	}
	if (until_ns == INT64_MAX)
		return give_until(ftrace, until_ns);
	int64_t limit_ns = until_ns - margin_ns;
	UL_TRY(hold_back(ftrace, until_ns, &limit_ns));
	return give_until(ftrace, limit_ns);
}

/** Nothing is written any more: whatever waits for a stack goes without. */
static struct ul_error *read_rest(struct ul_ftrace *ftrace)
{
	uint64_t bytes;
	UL_TRY(read_round(ftrace, now_ns(CLOCK_MONOTONIC), &bytes));
	ul_vec_foreach (ring, &ftrace->rings.rings) {
		if (!ul_ftrace_queue_begin_run(&ftrace->queue))
			return &ul_enomem;
		while (ring->pending_len)
			UL_TRY(release_oldest(ftrace, ring));
	}
	return read_round(ftrace, INT64_MAX, &bytes);
}

static void *run(void *context)
{
	enum { SHORT_US = 2000, LONG_US = 20000, FULL_SHARE = 16 };
	struct ul_ftrace *ftrace = context;
	while (!ftrace->error && !atomic_load(&ftrace->stopping)) {
		uint64_t bytes;
		ftrace->error = read_round(ftrace, now_ns(CLOCK_MONOTONIC), &bytes);
		const bool busy = bytes > ftrace->rings.ring_bytes / FULL_SHARE;
		usleep(busy ? SHORT_US : LONG_US);
	}
	return NULL;
}

struct ul_error *ul_ftrace_open(const struct ul_ftrace_options *options, ul_event_fn *take,
				void *context, struct ul_ftrace **ret)
{
	UL_CLEANUP_FTRACE struct ul_ftrace *ftrace = calloc(1, sizeof(*ftrace));
	if (!ftrace)
		return &ul_enomem;
	ftrace->rings.tracefs = -1;
	ftrace->options = *options;
	ftrace->take = take;
	ftrace->context = context;
	atomic_init(&ftrace->drain_ns, INT64_MAX);
	UL_TRY(ul_ftrace_decoder_init(&ftrace->decoder, (uint32_t)sysconf(_SC_PAGESIZE)));
	UL_TRY(ul_ftrace_rings_open(options, &ftrace->decoder, &ftrace->rings));
	ftrace->page = malloc(ftrace->rings.page_bytes);
	if (!ftrace->page)
		return &ul_enomem;
	*ret = UL_TAKE(ftrace);
	return NULL;
}

static void join(struct ul_ftrace *ftrace)
{
	if (!ftrace->running)
		return;
	atomic_store(&ftrace->stopping, true);
	pthread_join(ftrace->thread, NULL);
	ftrace->running = false;
}

void ul_ftrace_destroy(struct ul_ftrace *ftrace)
{
	if (!ftrace)
		return;
	join(ftrace);
	ul_ftrace_rings_close(&ftrace->rings);
	ul_ftrace_decoder_deinit(&ftrace->decoder);
	ul_ftrace_queue_deinit(&ftrace->queue);
	ul_ftrace_tasks_deinit(&ftrace->tasks);
	ul_error_destroy(ftrace->error);
	free(ftrace->page);
	free(ftrace);
}

struct ul_error *ul_ftrace_record(struct ul_ftrace *ftrace)
{
	// Frees first: an allocation that was seen must not be freed unseen.
	UL_TRY(ul_ftrace_rings_switch(&ftrace->rings, UL_FTRACE_FREES, true));
	ftrace->times.record_ns = now_ns(CLOCK_MONOTONIC);
	ftrace->times.begin_boottime_ns = now_ns(CLOCK_BOOTTIME);
	UL_TRY(ul_ftrace_rings_switch(&ftrace->rings, UL_FTRACE_ALLOCS, true));
	const int failed = pthread_create(&ftrace->thread, NULL, run, ftrace);
	if (failed)
		return ul_error_os(failed, "ftrace: starting the thread that reads");
	ftrace->running = true;
	return NULL;
}

void ul_ftrace_drain(struct ul_ftrace *ftrace)
{
	ftrace->times.drain_ns = now_ns(CLOCK_MONOTONIC);
	ftrace->times.end_boottime_ns = now_ns(CLOCK_BOOTTIME);
	atomic_store(&ftrace->drain_ns, ftrace->times.drain_ns);
}

/**
 * What the rings lost: of frees as an event, so that the pairing believes less; of the rest here.
 */
static struct ul_error *say_lost(struct ul_ftrace *ftrace, struct ul_losses *losses)
{
	uint64_t said[UL_FTRACE_ROLES] = {0};
	ul_vec_foreach (ring, &ftrace->rings.rings)
		said[ring->role] += ring->missed;
	uint64_t lost[UL_FTRACE_ROLES];
	for (size_t i = 0; i < UL_FTRACE_ROLES; i++) {
		lost[i] = ul_ftrace_rings_lost(&ftrace->rings, (enum ul_ftrace_role)i);
		lost[i] = lost[i] > said[i] ? lost[i] : said[i];
	}
	const struct ul_event more = {
		.kind = UL_EVENT_LOST,
		.bytes = lost[UL_FTRACE_FREES] - said[UL_FTRACE_FREES],
		.time_ns = ftrace->given_ns,
	};
	if (more.bytes)
		UL_TRY(ftrace->take(ftrace->context, &more));
	if (lost[UL_FTRACE_ALLOCS])
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNDER, lost[UL_FTRACE_ALLOCS],
				     "records of allocations and stacks lost: the rings were full; "
				     "larger ones: --budget mem=256M; fewer events: --cache, "
				     "--size"));
	return NULL;
}

static struct ul_error *say_losses(const struct ul_ftrace *ftrace, struct ul_losses *losses)
{
	const struct {
		uint64_t count;
		enum ul_bias bias;
		const char *what;
	} table[] = {
		{ftrace->strange_pages, UL_BIAS_UNKNOWN, "pages of a ring that are none"},
		{ftrace->late, UL_BIAS_UNKNOWN, "events that came out of order"},
		{ftrace->unbound, UL_BIAS_NONE, "stacks that belong to no event"},
		{ftrace->decoder.unreadable, UL_BIAS_UNKNOWN,
		 "allocations and frees without a readable address"},
		{ftrace->decoder.dictionary.refused, UL_BIAS_NONE,
		 "names and stacks beyond the limit: shown without"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++)
		if (table[i].count)
			UL_TRY(ul_losses_add(losses, table[i].bias, table[i].count, "%s",
					     table[i].what));
	if (!ftrace->rings.stacks)
		UL_TRY(ul_losses_add(losses, UL_BIAS_NONE, 0,
				     "stacks: this kernel was built without CONFIG_STACKTRACE; "
				     "sites are call sites"));
	return NULL;
}

struct ul_error *ul_ftrace_stop(struct ul_ftrace *ftrace, struct ul_losses *losses)
{
	UL_TRY(ul_ftrace_rings_switch(&ftrace->rings, UL_FTRACE_ALLOCS, false));
	UL_TRY(ul_ftrace_rings_switch(&ftrace->rings, UL_FTRACE_FREES, false));
	ftrace->times.stop_ns = now_ns(CLOCK_MONOTONIC);
	join(ftrace);
	if (ftrace->error)
		return UL_TAKE(ftrace->error);
	UL_TRY(read_rest(ftrace));
	UL_TRY(say_lost(ftrace, losses));
	return say_losses(ftrace, losses);
}

struct ul_ftrace_times ul_ftrace_times(const struct ul_ftrace *ftrace)
{
	return ftrace->times;
}

const struct ul_dictionary *ul_ftrace_dictionary(const struct ul_ftrace *ftrace)
{
	return &ftrace->decoder.dictionary;
}

struct ul_error *ul_ftrace_probe(const char *sys_root, size_t *ret_left)
{
	UL_CLEANUP_CLOSE int tracefs = -1;
	UL_TRY(ul_tracefs_open(sys_root, &tracefs));
	if (faccessat(tracefs, "instances", R_OK | W_OK, 0))
		return ul_error_new(errno == ENOENT ? UL_ERR_UNSUPPORTED : UL_ERR_PERMISSION,
				    "ftrace: no instances can be made: %s", strerror(errno));
	*ret_left = ul_tracefs_stale(tracefs, false);
	return NULL;
}
