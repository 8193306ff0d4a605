// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of series, found by kind and name.
 *
 * A machine has some 300 accounts and may have 100,000 processes, each looked up once a sample, so
 * the set keeps an open-addressing table of indices into the list of series. Series themselves are
 * allocated one by one: callers hold pointers to them while the set grows.
 *
 * The identity of a process is "PID:START", because pids are used again; its comm is only a label
 * and follows exec(). Kernel threads own no memory and get no series.
 *
 * The hash has no secret: a recording made to collide is slow to load, not wrong, and the number of
 * series is limited.
 */
#include "model/series.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

enum {
	SERIES_MAX = 1 << 22,  /**< series in one set */
	SAMPLES_MAX = 1 << 24, /**< samples in one series: half a year at 1 Hz */
	TABLE_MIN = 256,       /**< slots; a power of two */
	EXPECTED_MAX = 256,    /**< samples reserved in advance */
};

struct slot {
	uint32_t hash;
	uint32_t number; /**< index + 1; 0: empty */
};

struct ul_series_set {
	UL_VEC(struct ul_series *) all;
	struct slot *table;
	size_t slots; /**< a power of two, or 0 before the first series */
	size_t expected;
};

struct ul_series_set *ul_series_set_create(void)
{
	return calloc(1, sizeof(struct ul_series_set));
}

void ul_series_set_expect(struct ul_series_set *set, size_t samples)
{
	set->expected = samples < EXPECTED_MAX ? samples : EXPECTED_MAX;
}

static void series_destroy(struct ul_series *series)
{
	if (!series)
		return;
	free(series->name);
	free(series->label);
	ul_vec_deinit(&series->samples);
	free(series);
}

UL_DEFINE_CLEANUP(cleanup_series, struct ul_series, series_destroy);

void ul_series_set_destroy(struct ul_series_set *set)
{
	if (!set)
		return;
	ul_vec_foreach (series, &set->all)
		series_destroy(*series);
	ul_vec_deinit(&set->all);
	free(set->table);
	free(set);
}

/** FNV-1a over kind and name, folded to 32 bits. */
static uint32_t hash_of(enum ul_kind kind, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ULL ^ (uint64_t)kind;
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3ULL;
	return (uint32_t)(hash ^ hash >> 32);
}

/** The slot that holds (kind, name), or the empty slot where it belongs. Never full. */
static struct slot *probe(const struct ul_series_set *set, uint32_t hash, enum ul_kind kind,
			  const char *name)
{
	const size_t mask = set->slots - 1;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct slot *slot = &set->table[i];
		if (!slot->number)
			return slot;
		const struct ul_series *series = set->all.data[slot->number - 1];
		if (slot->hash == hash && series->kind == kind && !strcmp(series->name, name))
			return slot;
	}
}

/** Keep the table at most half full; false when memory is out (unchanged then). */
static bool make_room(struct ul_series_set *set)
{
	if (set->all.len * 2 < set->slots)
		return true;
	const size_t slots = set->slots ? set->slots * 2 : TABLE_MIN;
	struct slot *table = calloc(slots, sizeof(*table));
	if (!table)
		return false;
	for (size_t i = 0; i < set->slots; i++) {
		if (!set->table[i].number)
			continue;
		size_t to = set->table[i].hash & (slots - 1);
		while (table[to].number)
			to = (to + 1) & (slots - 1);
		table[to] = set->table[i];
	}
	free(set->table);
	set->table = table;
	set->slots = slots;
	return true;
}

struct ul_series *ul_series_set_find(const struct ul_series_set *set, enum ul_kind kind,
				     const char *name)
{
	if (!set->slots)
		return NULL;
	const struct slot *slot = probe(set, hash_of(kind, name), kind, name);
	return slot->number ? set->all.data[slot->number - 1] : NULL;
}

/** The series (kind, name), made if new; NULL when memory is out or there are SERIES_MAX. */
static struct ul_series *obtain(struct ul_series_set *set, enum ul_kind kind, const char *name)
{
	if (!make_room(set))
		return NULL;
	const uint32_t hash = hash_of(kind, name);
	struct slot *slot = probe(set, hash, kind, name);
	if (slot->number)
		return set->all.data[slot->number - 1];
	UL_CLEANUP(cleanup_series) struct ul_series *series = calloc(1, sizeof(*series));
	if (!series || set->all.len >= SERIES_MAX)
		return NULL;
	if (!ul_text_set(&series->name, name) || !ul_text_set(&series->label, name))
		return NULL;
	series->kind = kind;
	if (!ul_vec_reserve(&series->samples, set->expected))
		return NULL;
	if (set->expected)
		memset(series->samples.data, 0, set->expected * sizeof(*series->samples.data));
	if (!ul_vec_push(&set->all, series))
		return NULL;
	*slot = (struct slot){.hash = hash, .number = (uint32_t)set->all.len};
	return UL_TAKE(series);
}

/** Why obtain() gave nothing. */
static struct ul_error *refusal(const struct ul_series_set *set, enum ul_kind kind,
				const char *name)
{
	if (set->all.len < SERIES_MAX)
		return &ul_enomem;
	return ul_error_new(UL_ERR_LIMIT, "series %s '%s': more than %d series", ul_kind_name(kind),
			    name, SERIES_MAX);
}

struct ul_error *ul_series_set_get(struct ul_series_set *set, enum ul_kind kind, const char *name,
				   struct ul_series **ret)
{
	struct ul_series *series = obtain(set, kind, name);
	if (!series)
		return refusal(set, kind, name);
	*ret = series;
	return NULL;
}

size_t ul_series_set_len(const struct ul_series_set *set)
{
	return set->all.len;
}

struct ul_series *ul_series_set_at(const struct ul_series_set *set, size_t index)
{
	return set->all.data[index];
}

struct ul_error *ul_series_add(struct ul_series *series, int64_t time_ns, int64_t bytes,
			       int64_t objects)
{
	const size_t len = series->samples.len;
	if (len && time_ns <= series->samples.data[len - 1].time_ns)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "series %s '%s': sample at %" PRId64
				    " ns is not after the one before, at %" PRId64 " ns",
				    ul_kind_name(series->kind), series->name, time_ns,
				    series->samples.data[len - 1].time_ns);
	if (len >= SAMPLES_MAX)
		return ul_error_new(UL_ERR_LIMIT, "series %s '%s': more than %d samples",
				    ul_kind_name(series->kind), series->name, SAMPLES_MAX);
	const struct ul_sample sample = {.time_ns = time_ns, .bytes = bytes, .objects = objects};
	return ul_vec_push(&series->samples, sample) ? NULL : &ul_enomem;
}

static int64_t clamp_bytes(uint64_t bytes)
{
	return bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
}

static struct ul_error *add_account(struct ul_series_set *set, int64_t time_ns,
				    const struct ul_account *account)
{
	struct ul_series *series = obtain(set, account->kind, account->name);
	if (!series)
		return refusal(set, account->kind, account->name);
	series->reclaimable = account->reclaimable;
	return ul_series_add(series, time_ns, account->bytes, account->objects);
}

static struct ul_error *add_process_figure(struct ul_series_set *set, int64_t time_ns,
					   const struct ul_process *process, enum ul_kind kind,
					   uint64_t bytes, int64_t objects)
{
	char name[64];
	snprintf(name, sizeof(name), "%d:%" PRIu64, (int)process->pid, process->start_ticks);
	struct ul_series *series = obtain(set, kind, name);
	if (!series)
		return refusal(set, kind, name);
	if (strcmp(series->label, process->comm) != 0 && process->comm[0] &&
	    !ul_text_set(&series->label, process->comm))
		return &ul_enomem;
	series->pid = process->pid;
	return ul_series_add(series, time_ns, clamp_bytes(bytes), objects);
}

/** RSS, and of what it holds beside, only what is worth a series. */
static struct ul_error *add_process(struct ul_series_set *set, int64_t time_ns,
				    const struct ul_process *process)
{
	const uint64_t fds = ul_process_fds_bytes(process);
	const uint64_t tables = ul_process_tables_bytes(process);
	UL_TRY(add_process_figure(set, time_ns, process, UL_KIND_PROCESS, process->rss_bytes, -1));
	if (fds)
		UL_TRY(add_process_figure(set, time_ns, process, UL_KIND_PROCESS_FDS, fds,
					  (int64_t)process->fds));
	if (tables)
		UL_TRY(add_process_figure(set, time_ns, process, UL_KIND_PROCESS_TABLES, tables,
					  -1));
	if (process->has_held && process->held_bytes)
		UL_TRY(add_process_figure(set, time_ns, process, UL_KIND_PROCESS_FILES,
					  process->held_bytes, -1));
	return NULL;
}

static struct ul_error *add_cgroup(struct ul_series_set *set, int64_t time_ns,
				   const struct ul_cgroup *cgroup)
{
	struct ul_series *series = obtain(set, UL_KIND_CGROUP, cgroup->path);
	if (!series)
		return refusal(set, UL_KIND_CGROUP, cgroup->path);
	return ul_series_add(series, time_ns, clamp_bytes(cgroup->held_bytes), cgroup->objects);
}

static struct ul_error *add_note(struct ul_series_set *set, int64_t time_ns,
				 const struct ul_note *note)
{
	struct ul_series *series = obtain(set, UL_KIND_NOTE, note->name);
	if (!series)
		return refusal(set, UL_KIND_NOTE, note->name);
	return ul_series_add(series, time_ns, clamp_bytes(note->bytes), -1);
}

struct ul_error *ul_series_set_add_ledger(struct ul_series_set *set, const struct ul_ledger *ledger)
{
	const int64_t time_ns = ledger->monotonic_ns;
	ul_vec_foreach (account, &ledger->accounts)
		UL_TRY(add_account(set, time_ns, account));
	// Without MemTotal (a log of slab caches) what is left of it says nothing.
	struct ul_series *rest =
		ledger->mem_total ? obtain(set, UL_KIND_UNACCOUNTED, "unaccounted") : NULL;
	if (ledger->mem_total && !rest)
		return refusal(set, UL_KIND_UNACCOUNTED, "unaccounted");
	if (rest)
		UL_TRY(ul_series_add(rest, time_ns, ledger->unaccounted.bytes, -1));
	ul_vec_foreach (process, &ledger->processes)
		if (!process->kernel_thread)
			UL_TRY(add_process(set, time_ns, process));
	ul_vec_foreach (cgroup, &ledger->cgroups)
		UL_TRY(add_cgroup(set, time_ns, cgroup));
	ul_vec_foreach (note, &ledger->notes)
		UL_TRY(add_note(set, time_ns, note));
	return NULL;
}
