// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holds a tracer to its budget of CPU time and to the room in its tables, by the share of addresses
 * that is recorded: 2^-level of them.
 *
 * Two hands are on the level. The programs themselves raise it when one CPU makes more records in a
 * window than the budget allows all of them (keep_pace() in tables.bpf.h): within milliseconds, and
 * also while this process is stopped. This thread looks twenty times a second. It raises the level
 * when all CPUs together are over the budget or a table is nearly full, lowers it when there is
 * room for twice as many records, and says to the programs how many that is.
 *
 * What tracing costs is measured in two parts. A record: the programs take the time of one in 64.
 * What every event costs, recorded or not: the kernel's own run_time_ns of the programs
 * (BPF_ENABLE_STATS), switched on for a short look at times, less what the records in it cost; the
 * clock is not left on, since reading it twice an event would cost as much as the event. The
 * kernel's dispatch to the programs is in neither (some 15 ns an event).
 *
 * What errs: after a look, the cost of unrecorded events is taken for constant until the next one.
 */
#include "source/trace/control.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "source/trace/tracer.h"
#include "source/trace/trace_skeleton.h"

enum {
	TURN_MS = 50,
	LOOK_MS = 40,
	FIRST_PATIENCE = 20,  /**< turns below half the budget before the level falls */
	MOST_PATIENCE = 1200, /**< it doubles each time that proves too early */
	LAST_EPOCH = 200,     /**< the level only rises beyond: rising needs the rest */
	PROBED_BUCKETS = 256,
	CHUNK = 2048, /**< buckets purged at once */
};

static const double first_cost_ns = 1500; /**< of a record, until it has been measured */
static const double most_filled = 0.8;
static const double look_every_s = 5;

struct ul_control {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /**< under the lock */
	struct ul_tracer *tracer;
	int cpus;		/**< possible: so many values a per-CPU array has */
	struct ult_pace *paces; /**< of each CPU, read anew in each turn */
	uint64_t (*chunk)[ULT_BUCKET_SLOTS];
	uint64_t records, full;	  /**< as of the last turn */
	int64_t turn_ns, look_ns; /**< when the last turn, the last look was */
	double base;		  /**< CPUs that events take which are not recorded */
	double cost_sum_s, wall_sum_s;
	unsigned int calm, patience, since_fall;
	unsigned int purged_level;
};

/** Records of all CPUs so far; their mean cost in @p ret_cost_ns. */
static uint64_t count_records(struct ul_control *control, double *ret_cost_ns)
{
	const __u32 zero = 0;
	uint64_t total = 0;
	uint64_t timed = 0;
	uint64_t timed_ns = 0;
	*ret_cost_ns = first_cost_ns;
	if (bpf_map_lookup_elem(bpf_map__fd(control->tracer->skeleton->maps.paces), &zero,
				control->paces))
		return control->records;
	for (int cpu = 0; cpu < control->cpus; cpu++) {
		total += control->paces[cpu].total;
		timed += control->paces[cpu].timed;
		timed_ns += control->paces[cpu].timed_ns;
	}
	if (timed >= 16)
		*ret_cost_ns = (double)timed_ns / (double)timed;
	return total;
}

/** Nanoseconds all programs have run, as the kernel counts them while BPF statistics are on. */
static uint64_t run_time_ns(const struct ul_tracer *tracer)
{
	struct bpf_program *program = NULL;
	uint64_t sum = 0;
	while ((program = bpf_object__next_program(tracer->skeleton->obj, program))) {
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);
		const int fd = bpf_program__fd(program);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			sum += info.run_time_ns;
	}
	return sum;
}

static bool stopping(struct ul_control *control)
{
	pthread_mutex_lock(&control->lock);
	const bool stop = control->stop;
	pthread_mutex_unlock(&control->lock);
	return stop;
}

/** Wait for some time; true: to stop. */
static bool pause_for(struct ul_control *control, unsigned int ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&control->lock);
	while (!control->stop && !pthread_cond_timedwait(&control->wake, &control->lock, &until))
		;
	const bool stop = control->stop;
	pthread_mutex_unlock(&control->lock);
	return stop;
}

/**
 * What events cost that are not recorded. Where the kernel does not say: nothing, as far as known.
 */
static void look(struct ul_control *control)
{
	const int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0)
		return;
	double cost_ns;
	const uint64_t records = count_records(control, &cost_ns);
	const uint64_t run_ns = run_time_ns(control->tracer);
	const int64_t start_ns = ul_tracer_now_ns(CLOCK_MONOTONIC);
	pause_for(control, LOOK_MS);
	const double wall_ns = (double)(ul_tracer_now_ns(CLOCK_MONOTONIC) - start_ns);
	const double all_ns = (double)(run_time_ns(control->tracer) - run_ns);
	const double recording_ns = (double)(count_records(control, &cost_ns) - records) * cost_ns;
	close(stats);
	control->base = all_ns > recording_ns ? (all_ns - recording_ns) / wall_ns : 0;
}

/** Take the level for us: the programs change it, too. */
static bool hold_level(struct ul_tracer *tracer)
{
	volatile __u64 *changing = &tracer->skeleton->bss->changing;
	if (__atomic_add_fetch(changing, 1, __ATOMIC_SEQ_CST) == 1)
		return true;
	__atomic_sub_fetch(changing, 1, __ATOMIC_SEQ_CST);
	return false;
}

/**
 * Begin an epoch with another level. The orders are those that drop records rather than weigh them
 * wrongly: see struct ult_live.
 */
static void set_level(struct ul_tracer *tracer, unsigned int level)
{
	struct trace_bpf__bss *bss = tracer->skeleton->bss;
	volatile __u8 *since = bss->level_since;
	if (level > ULT_MAX_LEVEL || !hold_level(tracer))
		return;
	const unsigned int old = bss->level;
	const unsigned int next = bss->epoch + 1 < ULT_EPOCHS ? bss->epoch + 1 : bss->epoch;
	for (unsigned int i = level > old ? 0 : next; i < ULT_EPOCHS; i++)
		if (level < old || since[i] < level)
			since[i] = (__u8)level;
	bss->level = level;
	__atomic_store_n(&bss->sample_below, UINT64_C(1) << (32 - level), __ATOMIC_SEQ_CST);
	__atomic_store_n(&bss->epoch, next, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&bss->changing, 1, __ATOMIC_SEQ_CST);
}

/**
 * Drop what is outside of its share out of some buckets. A key is seen twice, with time in between,
 * before it goes: it may be a sum that two CPUs have made in the same instant (tables.bpf.h,
 * claim()), and those are gone in nanoseconds.
 */
static void purge_chunk(struct ul_control *control, struct ult_bucket *buckets, size_t count)
{
	struct ul_tracer *tracer = control->tracer;
	const volatile __u8 *since = tracer->skeleton->bss->level_since;
	bool any = false;
	for (size_t at = 0; at < count; at++) {
		for (int i = 0; i < ULT_BUCKET_SLOTS; i++) {
			const __u64 key = __atomic_load_n(&buckets[at].keys[i], __ATOMIC_RELAXED);
			const bool drop = key && !ult_in_share(ult_hash(key),
							       since[buckets[at].live[i].epoch]);
			control->chunk[at][i] = drop ? key : 0;
			any = any || drop;
		}
	}
	if (!any)
		return;
	usleep(1000);
	for (size_t at = 0; at < count; at++) {
		for (int i = 0; i < ULT_BUCKET_SLOTS; i++) {
			__u64 key = control->chunk[at][i];
			const __u16 site = buckets[at].live[i].site;
			if (key && __atomic_compare_exchange_n(&buckets[at].keys[i], &key, 0, false,
							       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
				tracer->dropped[site]++;
		}
	}
}

/**
 * Give back the room of records that the new level has dropped. Who stops recording does not wait
 * for that: what is left outside of its share is dropped when live records are collected.
 */
static void purge(struct ul_control *control)
{
	usleep(1000); // programs that still test with the old share
	for (int table = ULT_SLAB; table < ULT_ALLOCATORS; table++) {
		const struct ul_mapped *mapped = &control->tracer->live[table];
		struct ult_bucket *buckets = mapped->data;
		for (size_t at = 0; at < mapped->count && !stopping(control); at += CHUNK) {
			const size_t left = mapped->count - at;
			purge_chunk(control, buckets + at, left < CHUNK ? left : CHUNK);
		}
	}
}

/** Share of slots taken in the fullest table, by a look at some of its buckets. */
static double filled(const struct ul_tracer *tracer)
{
	double fullest = 0;
	for (int table = ULT_SLAB; table < ULT_ALLOCATORS; table++) {
		const struct ul_mapped *mapped = &tracer->live[table];
		const struct ult_bucket *buckets = mapped->data;
		const size_t step = mapped->count / PROBED_BUCKETS + 1;
		size_t taken = 0;
		size_t seen = 0;
		for (size_t at = 0; at < mapped->count; at += step, seen += ULT_BUCKET_SLOTS)
			for (int i = 0; i < ULT_BUCKET_SLOTS; i++)
				taken += buckets[at].keys[i] != 0;
		// A table of one bucket is that of an allocator which is not traced.
		if (mapped->count > 1 && (double)taken / (double)seen > fullest)
			fullest = (double)taken / (double)seen;
	}
	return fullest;
}

/** Whether there is room; where not, the level rises first. */
static void keep_room(struct ul_control *control)
{
	struct ul_tracer *tracer = control->tracer;
	const uint64_t full = ul_tracer_counter(tracer, ULT_LIVE_FULL);
	if (full == control->full && filled(tracer) < most_filled)
		return;
	control->full = full;
	tracer->tightened_for_room = true;
	control->since_fall = 0;
	control->patience = MOST_PATIENCE; // it would only fill up again
	set_level(tracer, tracer->skeleton->bss->level + 1);
}

static double online_cpus(void)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	return cpus > 0 ? (double)cpus : 1;
}

/** Compare @p rate, records a second that cost @p cost_ns each, with what the budget leaves. */
static void keep_budget(struct ul_control *control, double rate, double cost_ns)
{
	struct ul_tracer *tracer = control->tracer;
	struct trace_bpf__bss *bss = tracer->skeleton->bss;
	// Events cost what they cost; a tenth of the budget stays for records even then.
	const double budget = tracer->cpu_budget * online_cpus();
	const double left =
		budget - control->base > budget / 10 ? budget - control->base : budget / 10;
	const double allowed = left / (cost_ns / 1e9);
	const double window = allowed * UL_CONTROL_WINDOW_MS / 1000;
	bss->window_limit = window < 16 ? 16 : window > 1e9 ? 1000000000 : (__u32)window;
	if (rate > allowed * 1.1) {
		set_level(tracer, bss->level + 1);
		return;
	}
	control->calm = rate * 2.2 < allowed ? control->calm + 1 : 0;
	if (!bss->level || bss->epoch >= LAST_EPOCH || control->calm < control->patience)
		return;
	set_level(tracer, bss->level - 1);
	control->since_fall = 1;
	control->calm = 0;
}

static void see_level(struct ul_tracer *tracer)
{
	const unsigned int level = tracer->skeleton->bss->level;
	if (level < tracer->level_least)
		tracer->level_least = level;
	if (level > tracer->level_most)
		tracer->level_most = level;
}

/** After the level has changed, by whomever. */
static void follow_level(struct ul_control *control)
{
	struct ul_tracer *tracer = control->tracer;
	const unsigned int level = tracer->skeleton->bss->level;
	see_level(tracer);
	if (level > control->purged_level) {
		// Fallen too early: wait longer before the next time.
		if (control->since_fall && control->since_fall < 2 * control->patience)
			control->patience = 2 * control->patience < MOST_PATIENCE
						    ? 2 * control->patience
						    : MOST_PATIENCE;
		control->since_fall = 0;
		control->calm = 0;
		purge(control);
	}
	control->purged_level = level;
	control->since_fall += control->since_fall > 0;
}

static void take_turn(struct ul_control *control)
{
	double cost_ns;
	const uint64_t records = count_records(control, &cost_ns);
	const int64_t now_ns = ul_tracer_now_ns(CLOCK_MONOTONIC);
	const double wall_s = (double)(now_ns - control->turn_ns) / 1e9;
	const double rate = (double)(records - control->records) / wall_s;
	control->records = records;
	control->turn_ns = now_ns;
	keep_room(control);
	if (control->tracer->cpu_budget > 0) {
		control->cost_sum_s += (rate * cost_ns / 1e9 + control->base) * wall_s;
		control->wall_sum_s += wall_s;
		keep_budget(control, rate, cost_ns);
	}
	follow_level(control);
}

static void *run(void *argument)
{
	struct ul_control *control = argument;
	double until_look_s = 0;
	while (!pause_for(control, TURN_MS)) {
		take_turn(control);
		until_look_s -= TURN_MS / 1e3;
		if (control->tracer->cpu_budget > 0 && until_look_s <= 0) {
			look(control);
			until_look_s = look_every_s;
		}
	}
	return NULL;
}

static void control_destroy(struct ul_control *control)
{
	pthread_cond_destroy(&control->wake);
	pthread_mutex_destroy(&control->lock);
	free(control->chunk);
	free(control->paces);
	free(control);
}

static struct ul_control *control_create(struct ul_tracer *tracer)
{
	struct ul_control *control = calloc(1, sizeof(*control));
	if (!control)
		return NULL;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&control->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&control->lock, NULL);
	control->tracer = tracer;
	control->cpus = libbpf_num_possible_cpus();
	control->patience = FIRST_PATIENCE;
	control->turn_ns = ul_tracer_now_ns(CLOCK_MONOTONIC);
	control->purged_level = tracer->skeleton->bss->level;
	if (control->cpus > 0)
		control->paces = calloc((size_t)control->cpus, sizeof(*control->paces));
	control->chunk = calloc(CHUNK, sizeof(*control->chunk));
	if (!control->paces || !control->chunk) {
		control_destroy(control);
		return NULL;
	}
	return control;
}

struct ul_error *ul_control_start(struct ul_tracer *tracer)
{
	struct ul_control *control = control_create(tracer);
	if (!control)
		return &ul_enomem;
	tracer->level_least = tracer->level_most = tracer->skeleton->bss->level;
	if (tracer->cpu_budget > 0)
		keep_budget(control, 0, first_cost_ns);
	// Signals are for the thread that waits for them.
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int failed = pthread_create(&control->thread, NULL, run, control);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		control_destroy(control);
		return ul_error_os(failed, "starting the thread that holds tracing to its budget");
	}
	tracer->control = control;
	return NULL;
}

void ul_control_stop(struct ul_tracer *tracer)
{
	struct ul_control *control = tracer->control;
	if (!control)
		return;
	pthread_mutex_lock(&control->lock);
	control->stop = true;
	pthread_cond_signal(&control->wake);
	pthread_mutex_unlock(&control->lock);
	pthread_join(control->thread, NULL);
	see_level(tracer);
	if (control->wall_sum_s > 0)
		tracer->cost = control->cost_sum_s / control->wall_sum_s / online_cpus();
	tracer->control = NULL;
	control_destroy(control);
}
