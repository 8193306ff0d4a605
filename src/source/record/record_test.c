// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/record_fixture.h"

#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "source/record/schema.h"

static struct ul_record *create(const char *path, bool append)
{
	struct ul_record *record = NULL;
	OK(ul_record_create(path, &fixture_kernel, append, &record));
	return record;
}

static struct ul_record *open_record(const char *path)
{
	struct ul_record *record = NULL;
	OK(ul_record_open(path, &record));
	return record;
}

static void write_samples(const char *path, int first, int count)
{
	UL_CLEANUP_RECORD struct ul_record *record = create(path, true);
	fixture_write(record, first, count);
}

static struct ul_series_set *read_set(struct ul_record *record)
{
	struct ul_series_set *set = ul_series_set_create();
	assert_non_null(set);
	OK(ul_record_read_series(record, set));
	return set;
}

static void check_losses(const struct ul_losses *got, const struct ul_losses *want)
{
	assert_int_equal(got->items.len, want->items.len);
	for (size_t i = 0; i < want->items.len; i++) {
		assert_string_equal(got->items.data[i].what, want->items.data[i].what);
		assert_true(got->items.data[i].count == want->items.data[i].count);
		assert_int_equal(got->items.data[i].bias, want->items.data[i].bias);
	}
}

/* Ledgers. */

static void add_cache(struct ul_ledger *ledger, const struct ul_cache *like, const char *name,
		      const char *alias)
{
	struct ul_cache *cache = ul_vec_add(&ledger->caches);
	assert_non_null(cache);
	*cache = *like;
	cache->name = strdup(name);
	assert_non_null(cache->name);
	assert_true(!alias || ul_cache_add_alias(cache, alias));
	assert_true(!alias || ul_cache_add_alias(cache, "second-alias"));
}

static void add_process(struct ul_ledger *ledger, const struct ul_process *like)
{
	assert_true(ul_vec_push(&ledger->processes, *like));
}

/** A ledger with something in every field. */
static void rich_ledger(int number, struct ul_ledger *ledger)
{
	fixture_ledger(number, ledger);
	const int64_t bytes = fixture_bytes(number);
	// As its account; slots as the geometry gives them.
	add_cache(ledger,
		  &(struct ul_cache){.bytes = (uint64_t)bytes,
				     .objects = (uint64_t)bytes / 64,
				     .objects_total = (uint64_t)bytes / 4096 * 64,
				     .object_size = 64,
				     .objects_per_slab = 64,
				     .pages_per_slab = 1},
		  "cache-0", "skbuff_head");
	// Unlike its account in each figure, and one that has no account; a name twice.
	add_cache(ledger,
		  &(struct ul_cache){
			  .bytes = 7, .objects = 9, .objects_total = 1, .reclaimable = true},
		  "cache-1", NULL);
	const struct ul_cache alone = {.bytes = 40960,
				       .objects = 3,
				       .objects_total = UINT32_MAX,
				       .object_size = UINT32_MAX,
				       .objects_per_slab = 1,
				       .pages_per_slab = UINT32_MAX};
	add_cache(ledger, &alone, "twice", "a");
	add_cache(ledger, &alone, "twice", "b");
	add_process(ledger,
		    &(struct ul_process){.pid = 321,
					 .comm = "postgres: writer",
					 .start_ticks = 99,
					 .rss_bytes = 9000000 + 4096ULL * (unsigned int)number,
					 .pss_bytes = 8000001,
					 .swap_bytes = 4096,
					 .has_pss = true});
	add_process(ledger,
		    &(struct ul_process){
			    .pid = 320, .comm = "cat", .start_ticks = 98, .rss_bytes = 1000000});
	add_process(ledger,
		    &(struct ul_process){
			    .pid = 2, .comm = "kthreadd", .start_ticks = 1, .kernel_thread = true});
	OK(ul_ledger_note(ledger, "Mapped", 123456789));
	OK(ul_ledger_note(ledger, "KReclaimable", 0));
	OK(ul_losses_add(&ledger->losses, UL_BIAS_OVER, (uint64_t)number, "processes that exited"));
	OK(ul_losses_add(&ledger->losses, UL_BIAS_UNDER, UINT64_MAX, "slabinfo may not be read"));
}

static void check_accounts(const struct ul_ledger *got, const struct ul_ledger *want)
{
	assert_int_equal(got->accounts.len, want->accounts.len);
	for (size_t i = 0; i < want->accounts.len; i++) {
		const struct ul_account *a = &got->accounts.data[i];
		const struct ul_account *b = &want->accounts.data[i];
		assert_string_equal(a->name, b->name);
		assert_int_equal(a->kind, b->kind);
		assert_int_equal(a->bytes, b->bytes);
		assert_int_equal(a->objects, b->objects);
		assert_int_equal(a->reclaimable, b->reclaimable);
	}
	assert_int_equal(got->unaccounted.bytes, want->unaccounted.bytes);
	assert_int_equal(got->unaccounted.low, want->unaccounted.low);
	assert_int_equal(got->unaccounted.high, want->unaccounted.high);
	assert_int_equal(got->notes.len, want->notes.len);
	for (size_t i = 0; i < want->notes.len; i++) {
		assert_string_equal(got->notes.data[i].name, want->notes.data[i].name);
		assert_int_equal(got->notes.data[i].bytes, want->notes.data[i].bytes);
	}
}

static void check_cache(const struct ul_cache *got, const struct ul_cache *want)
{
	assert_string_equal(got->name, want->name);
	assert_int_equal(got->aliases.len, want->aliases.len);
	for (size_t i = 0; i < want->aliases.len; i++)
		assert_string_equal(got->aliases.data[i], want->aliases.data[i]);
	assert_int_equal(got->bytes, want->bytes);
	assert_int_equal(got->objects, want->objects);
	assert_int_equal(got->objects_total, want->objects_total);
	assert_int_equal(got->object_size, want->object_size);
	assert_int_equal(got->objects_per_slab, want->objects_per_slab);
	assert_int_equal(got->pages_per_slab, want->pages_per_slab);
	assert_int_equal(got->reclaimable, want->reclaimable);
}

static void check_process(const struct ul_process *got, const struct ul_process *want)
{
	assert_int_equal(got->pid, want->pid);
	assert_string_equal(got->comm, want->comm);
	assert_int_equal(got->start_ticks, want->start_ticks);
	assert_int_equal(got->rss_bytes, want->rss_bytes);
	assert_int_equal(got->pss_bytes, want->pss_bytes);
	assert_int_equal(got->swap_bytes, want->swap_bytes);
	assert_int_equal(got->has_pss, want->has_pss);
	assert_int_equal(got->kernel_thread, want->kernel_thread);
}

static void check_ledger(const struct ul_ledger *got, const struct ul_ledger *want)
{
	assert_true(ul_ledger_balanced(got));
	assert_int_equal(got->time_ns, want->time_ns);
	assert_int_equal(got->monotonic_ns, want->monotonic_ns);
	assert_int_equal(got->mem_total, want->mem_total);
	check_accounts(got, want);
	assert_int_equal(got->caches.len, want->caches.len);
	for (size_t i = 0; i < want->caches.len; i++)
		check_cache(&got->caches.data[i], &want->caches.data[i]);
	assert_int_equal(got->processes.len, want->processes.len);
	for (size_t i = 0; i < want->processes.len; i++)
		check_process(&got->processes.data[i], &want->processes.data[i]);
	check_losses(&got->losses, &want->losses);
}

static void the_newest_ledger_comes_back_in_every_field(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_RECORD struct ul_record *writer = create(path, false);
	for (int i = 0; i < 5; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger want;
		UL_CLEANUP_LEDGER struct ul_ledger got;
		rich_ledger(i, &want);
		OK(ul_record_write_ledger(writer, &want));
		ul_ledger_init(&got);
		UL_CLEANUP_RECORD struct ul_record *reader = open_record(path);
		OK(ul_record_read_ledger(reader, &got));
		check_ledger(&got, &want);
	}
}

static void metadata_that_changes_is_as_of_the_newest_sample(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_RECORD struct ul_record *record = create(path, false);
	for (int i = 0; i < 3; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger want;
		UL_CLEANUP_LEDGER struct ul_ledger got;
		rich_ledger(i, &want);
		if (i > 0) {
			assert_true(ul_cache_add_alias(&want.caches.data[0], "merged-later"));
			want.caches.data[2].object_size = 128;
			ul_text_copy(want.processes.data[1].comm, 64, "after-exec");
			want.accounts.data[1].reclaimable = true;
		}
		if (i > 1)
			want.processes.data[0].has_pss = want.processes.data[0].pss_bytes = 0;
		OK(ul_record_write_ledger(record, &want));
		ul_ledger_init(&got);
		OK(ul_record_read_ledger(record, &got));
		check_ledger(&got, &want);
	}
}

static void check_series(const struct ul_series *got, const struct ul_series *want)
{
	assert_non_null(got);
	assert_string_equal(got->label, want->label);
	assert_int_equal(got->pid, want->pid);
	assert_int_equal(got->reclaimable, want->reclaimable);
	assert_int_equal(got->samples.len, want->samples.len);
	for (size_t i = 0; i < want->samples.len; i++) {
		assert_int_equal(got->samples.data[i].time_ns, want->samples.data[i].time_ns);
		assert_int_equal(got->samples.data[i].bytes, want->samples.data[i].bytes);
		assert_int_equal(got->samples.data[i].objects, want->samples.data[i].objects);
	}
}

static void series_are_what_the_ledgers_themselves_give(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record = create(fixture_path(state, "a.ullage"), false);
	UL_CLEANUP_SERIES_SET struct ul_series_set *want = ul_series_set_create();
	assert_non_null(want);
	// Beyond a full sample, with things that come and go.
	for (int i = 0; i < UL_RECORD_FULL_EVERY + 50; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		rich_ledger(i, &ledger);
		if (i % 20 >= 13)
			ledger.processes.len = 2;
		if (i % 9 == 4) {
			OK(ul_ledger_add(&ledger, UL_KIND_VMALLOC, "bpf_prog_alloc", 4096 * i, i,
					 false));
			ul_ledger_close(&ledger, 0, 0);
		}
		OK(ul_record_write_ledger(record, &ledger));
		OK(ul_series_set_add_ledger(want, &ledger));
	}
	UL_CLEANUP_SERIES_SET struct ul_series_set *got = read_set(record);
	assert_int_equal(ul_series_set_len(got), ul_series_set_len(want));
	for (size_t i = 0; i < ul_series_set_len(want); i++) {
		const struct ul_series *series = ul_series_set_at(want, i);
		check_series(ul_series_set_find(got, series->kind, series->name), series);
	}
}

static void an_account_that_vanished_is_not_carried_on(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record = create(fixture_path(state, "a.ullage"), false);
	for (int i = 0; i < 6; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		fixture_ledger(i, &ledger);
		if (i < 2 || i == 4)
			OK(ul_ledger_add(&ledger, UL_KIND_SLAB, "gone", 4096, 1, false));
		ul_ledger_close(&ledger, 0, 0);
		OK(ul_record_write_ledger(record, &ledger));
	}
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = read_set(record);
	const struct ul_series *gone = ul_series_set_find(set, UL_KIND_SLAB, "gone");
	assert_non_null(gone);
	assert_int_equal(gone->samples.len, 3);
	assert_int_equal(gone->samples.data[1].time_ns, 5001 * UL_NS_PER_S);
	assert_int_equal(gone->samples.data[2].time_ns, 5004 * UL_NS_PER_S);
}

/* Processes. */

/** 60 processes: pid 100 + i with (1000 - i) MiB, so that pids 150 ... 159 are below the top. */
static void crowd(int number, struct ul_ledger *ledger)
{
	fixture_ledger(number, ledger);
	for (int i = 0; i < 60; i++) {
		struct ul_process process = {
			.pid = 100 + i, .start_ticks = 5, .rss_bytes = (uint64_t)(1000 - i) << 20};
		snprintf(process.comm, sizeof(process.comm), "p%d", i);
		add_process(ledger, &process);
	}
}

static const struct ul_process *find_process(const struct ul_ledger *ledger, pid_t pid)
{
	ul_vec_foreach (process, &ledger->processes)
		if (process->pid == pid)
			return process;
	return NULL;
}

static void small_processes_are_recorded_once_they_change(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record = create(fixture_path(state, "a.ullage"), false);
	for (int i = 0; i < 4; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		crowd(i, &ledger);
		if (i == 1) // not notable: 1 MiB to the byte
			ledger.processes.data[55].rss_bytes += 1 << 20;
		if (i >= 2) // notable; then held, though it moves a little
			ledger.processes.data[55].rss_bytes += (3 << 20) + (i == 3 ? 4096 : 0);
		OK(ul_record_write_ledger(record, &ledger));
	}
	UL_CLEANUP_LEDGER struct ul_ledger got;
	ul_ledger_init(&got);
	OK(ul_record_read_ledger(record, &got));
	assert_int_equal(got.processes.len, 51);
	assert_non_null(find_process(&got, 149));
	assert_null(find_process(&got, 150));
	assert_non_null(find_process(&got, 155));
	assert_int_equal(find_process(&got, 155)->rss_bytes, (1000ULL - 55 + 3) << 20);
	assert_int_equal(got.losses.items.len, 1);
	assert_int_equal(got.losses.items.data[0].count, 9);
	assert_int_equal(got.losses.items.data[0].bias, UL_BIAS_UNDER);
	struct ul_losses losses = {0};
	OK(ul_record_read_losses(record, &losses));
	assert_int_equal(losses.items.len, 1);
	assert_int_equal(losses.items.data[0].count, 10);
	ul_losses_deinit(&losses);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = read_set(record);
	assert_int_equal(ul_series_set_find(set, UL_KIND_PROCESS, "155:5")->samples.len, 2);
	assert_null(ul_series_set_find(set, UL_KIND_PROCESS, "156:5"));
}

static void samples_that_did_not_look_at_processes_leave_a_gap(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record = create(fixture_path(state, "a.ullage"), false);
	for (int i = 0; i < 5; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		rich_ledger(i, &ledger);
		if (i == 1 || i == 2)
			ledger.processes.len = 0;
		OK(ul_record_write_ledger(record, &ledger));
	}
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = read_set(record);
	const struct ul_series *series = ul_series_set_find(set, UL_KIND_PROCESS, "320:98");
	assert_non_null(series);
	assert_int_equal(series->samples.len, 3);
	assert_int_equal(series->samples.data[1].time_ns, 5003 * UL_NS_PER_S);
}

/* Traces, losses, documents. */

static void add_frame(struct ul_stack *stack, uint64_t kaddr, const char *function,
		      const char *module, const char *file)
{
	struct ul_frame *frame = ul_vec_add(&stack->frames);
	assert_non_null(frame);
	frame->kaddr = kaddr;
	frame->offset = kaddr & 0xff;
	frame->line = file ? 77 : 0;
	frame->inlined = !kaddr;
	assert_true(ul_text_set(&frame->function, function));
	assert_true(ul_text_set(&frame->module, module));
	assert_true(ul_text_set(&frame->file, file));
}

static void add_site(struct ul_trace *trace, uint64_t salt, const char *cache)
{
	struct ul_site *site = ul_vec_add(&trace->sites);
	assert_non_null(site);
	*site = (struct ul_site){.allocator = salt % 3 + 1,
				 .nested = salt & 1,
				 .call_site = 0xffffffff81000000 + salt,
				 .object_bytes = 4096,
				 .allocated = 100 + salt,
				 .freed = 60,
				 .live = 30 + salt,
				 .missed = 10,
				 .allocated_bytes = UINT64_MAX,
				 .freed_bytes = 2,
				 .live_bytes = 3,
				 .survivors = 7,
				 .survivor_bytes = 28672,
				 .age_p50_s = salt ? 1.5 : NAN,
				 .trust = 0.75};
	assert_true(ul_text_set(&site->cache, cache));
	assert_true(ul_text_set(&site->account, cache ? "slab" : NULL));
	if (!salt)
		return; // an empty stack
	add_frame(&site->stack, 0xffffffff81234567, "kmalloc_trace", NULL, NULL);
	add_frame(&site->stack, 0, "inlined_one", NULL, "fs/seq_file.c");
	add_frame(&site->stack, 0xffffffffc0000010 + salt, "show_schedstat", "leak", "leak.c");
	add_frame(&site->stack, 0xffffffffc0000020, NULL, NULL, NULL);
	site->function = site->stack.frames.data[2].function;
	site->module = site->stack.frames.data[2].module;
	const struct ul_site_process process = {.pid = 4, .comm = "cat", .objects = 7};
	const struct ul_site_process folded = {.comm = "fifteen-letters", .objects = 2};
	assert_true(ul_vec_push(&site->processes, process));
	assert_true(ul_vec_push(&site->processes, folded));
	const struct ul_allocation example = {.key = 0xffff888012345000,
					      .bytes = 4096,
					      .time_ns = -5,
					      .pid = 4,
					      .comm = "cat",
					      .survivor = true};
	assert_true(ul_vec_push(&site->examples, example));
}

static void check_stack(const struct ul_stack *got, const struct ul_stack *want)
{
	assert_int_equal(got->frames.len, want->frames.len);
	for (size_t i = 0; i < want->frames.len; i++) {
		const struct ul_frame *a = &got->frames.data[i];
		const struct ul_frame *b = &want->frames.data[i];
		assert_true(a->kaddr == b->kaddr);
		assert_true(ul_text_equal(a->function, b->function));
		assert_true(a->offset == b->offset);
		assert_true(ul_text_equal(a->module, b->module));
		assert_true(ul_text_equal(a->file, b->file));
		assert_int_equal(a->line, b->line);
		assert_int_equal(a->inlined, b->inlined);
	}
}

static void check_parts(const struct ul_site *got, const struct ul_site *want)
{
	assert_int_equal(got->processes.len, want->processes.len);
	for (size_t i = 0; i < want->processes.len; i++) {
		assert_int_equal(got->processes.data[i].pid, want->processes.data[i].pid);
		assert_string_equal(got->processes.data[i].comm, want->processes.data[i].comm);
		assert_int_equal(got->processes.data[i].objects, want->processes.data[i].objects);
	}
	assert_int_equal(got->examples.len, want->examples.len);
	for (size_t i = 0; i < want->examples.len; i++) {
		const struct ul_allocation *a = &got->examples.data[i];
		const struct ul_allocation *b = &want->examples.data[i];
		assert_true(a->key == b->key && a->bytes == b->bytes && a->time_ns == b->time_ns);
		assert_int_equal(a->pid, b->pid);
		assert_string_equal(a->comm, b->comm);
		assert_int_equal(a->survivor, b->survivor);
	}
}

static void check_site(const struct ul_site *got, const struct ul_site *want)
{
	assert_int_equal(got->allocator, want->allocator);
	assert_true(ul_text_equal(got->cache, want->cache));
	assert_true(ul_text_equal(got->account, want->account));
	assert_int_equal(got->nested, want->nested);
	assert_true(got->call_site == want->call_site);
	assert_int_equal(got->object_bytes, want->object_bytes);
	check_stack(&got->stack, &want->stack);
	assert_true(ul_text_equal(got->function, want->function));
	assert_true(ul_text_equal(got->module, want->module));
	assert_int_equal(got->allocated, want->allocated);
	assert_int_equal(got->freed, want->freed);
	assert_int_equal(got->live, want->live);
	assert_int_equal(got->missed, want->missed);
	assert_true(got->allocated_bytes == want->allocated_bytes);
	assert_int_equal(got->freed_bytes, want->freed_bytes);
	assert_int_equal(got->live_bytes, want->live_bytes);
	assert_int_equal(got->survivors, want->survivors);
	assert_int_equal(got->survivor_bytes, want->survivor_bytes);
	assert_true(isnan(want->age_p50_s) ? isnan(got->age_p50_s)
					   : got->age_p50_s == want->age_p50_s);
	assert_true(got->trust == want->trust);
	check_parts(got, want);
}

static void the_newest_trace_comes_back_in_every_field(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_TRACE struct ul_trace want = {
		.engine = "bpf", .window_s = 60.5, .drain_s = 10, .events = UINT64_MAX - 1};
	add_site(&want, 1, "kmalloc-4k");
	add_site(&want, 0, NULL);
	add_site(&want, 2, "kmalloc-4k");
	OK(ul_losses_add(&want.losses, UL_BIAS_OVER, 12, "frees missed"));
	{
		UL_CLEANUP_RECORD struct ul_record *writer = create(path, false);
		bool found = true;
		UL_CLEANUP_TRACE struct ul_trace none = {0};
		OK(ul_record_read_trace(writer, &found, &none));
		assert_false(found);
		UL_CLEANUP_TRACE struct ul_trace older = {.engine = "ftrace"};
		OK(ul_record_write_trace(writer, &older));
		OK(ul_record_write_trace(writer, &want));
	}
	UL_CLEANUP_RECORD struct ul_record *reader = open_record(path);
	UL_CLEANUP_TRACE struct ul_trace got = {0};
	bool found = false;
	OK(ul_record_read_trace(reader, &found, &got));
	assert_true(found);
	assert_string_equal(got.engine, "bpf");
	assert_true(got.window_s == 60.5 && got.drain_s == 10);
	assert_true(got.events == want.events);
	check_losses(&got.losses, &want.losses);
	assert_int_equal(got.sites.len, 3);
	for (size_t i = 0; i < 3; i++)
		check_site(&got.sites.data[i], &want.sites.data[i]);
}

static void losses_of_the_measurement_add_up_over_sessions(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	for (uint64_t i = 1; i <= 2; i++) {
		UL_CLEANUP_RECORD struct ul_record *record = create(path, true);
		struct ul_losses losses = {0};
		OK(ul_losses_add(&losses, UL_BIAS_UNKNOWN, 0, "unknown number"));
		OK(ul_record_write_losses(record, &losses));
		// Running totals: the last word of a session counts.
		OK(ul_losses_add(&losses, UL_BIAS_UNDER, 10 * i, "events"));
		OK(ul_record_write_losses(record, &losses));
		ul_losses_deinit(&losses);
	}
	UL_CLEANUP_RECORD struct ul_record *record = open_record(path);
	struct ul_losses got = {0};
	OK(ul_record_read_losses(record, &got));
	assert_int_equal(got.items.len, 2);
	assert_string_equal(got.items.data[1].what, "events");
	assert_int_equal(got.items.data[1].count, 30);
	ul_losses_deinit(&got);
}

static void the_newest_document_of_a_command_is_kept(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_RECORD struct ul_record *record = create(path, false);
	OK(ul_record_write_document(record, "find", "{\"a\":1}"));
	OK(ul_record_write_document(record, "grow", "{}"));
	OK(ul_record_write_document(record, "find", "{\"a\":\"\xc3\xa4\"}"));
	UL_CLEANUP_FREE char *find = NULL;
	UL_CLEANUP_FREE char *none = (char *)strdup("x");
	OK(ul_record_read_document(record, "find", &find));
	assert_string_equal(find, "{\"a\":\"\xc3\xa4\"}");
	free(none);
	OK(ul_record_read_document(record, "trace", &none));
	assert_null(none);
}

static void info_says_what_the_recording_is(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct ul_record_info info;
	{
		UL_CLEANUP_RECORD struct ul_record *writer = create(path, false);
		OK(ul_record_info(writer, &info));
		assert_int_equal(info.samples, 0);
		assert_int_equal(info.first_time_ns, 0);
		fixture_write(writer, 3, 8);
		UL_CLEANUP_RECORD struct ul_record *reader = open_record(path);
		OK(ul_record_info(reader, &info));
		assert_false(info.clean);
	}
	UL_CLEANUP_RECORD struct ul_record *reader = open_record(path);
	OK(ul_record_info(reader, &info));
	assert_true(info.clean);
	assert_int_equal(info.samples, 8);
	assert_int_equal(info.schema_version, 1);
	assert_int_equal(info.first_time_ns, 1700000003LL * UL_NS_PER_S + 7);
	assert_int_equal(info.last_time_ns, 1700000010LL * UL_NS_PER_S + 7);
	assert_string_equal(info.kernel.release, fixture_kernel.release);
	assert_string_equal(info.kernel.version, fixture_kernel.version);
	assert_string_equal(info.kernel.arch, fixture_kernel.arch);
	assert_string_equal(info.kernel.node, fixture_kernel.node);
	assert_int_equal(info.kernel.page_bytes, 4096);
	assert_int_equal(info.kernel.cpus, 4);
}

/* Going on with a recording. */

static void appending_goes_on_in_the_same_series(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	write_samples(path, 0, 4);
	write_samples(path, 10, 4);
	UL_CLEANUP_RECORD struct ul_record *record = open_record(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = read_set(record);
	assert_int_equal(fixture_check(set), 8);
	assert_int_equal(ul_series_set_len(set), 2 + FIXTURE_CACHES + 1);
}

static void after_a_restart_of_the_machine_the_wall_clock_gives_the_gap(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	write_samples(path, 0, 2);
	{
		UL_CLEANUP_RECORD struct ul_record *record = create(path, true);
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		fixture_ledger(101, &ledger);
		ledger.monotonic_ns = 20 * UL_NS_PER_S;
		OK(ul_record_write_ledger(record, &ledger));
		ledger.monotonic_ns++;
		OK(ul_record_write_ledger(record, &ledger));
	}
	UL_CLEANUP_RECORD struct ul_record *record = open_record(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = read_set(record);
	const struct ul_series *series = ul_series_set_find(set, UL_KIND_FREE, "free");
	assert_int_equal(series->samples.len, 4);
	assert_int_equal(series->samples.data[2].time_ns, 5101 * UL_NS_PER_S);
	assert_int_equal(series->samples.data[3].time_ns, 5101 * UL_NS_PER_S + 1);
}

static void a_sample_that_is_not_later_or_not_balanced_is_refused(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record = create(fixture_path(state, "a.ullage"), false);
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	fixture_ledger(1, &ledger);
	OK(ul_record_write_ledger(record, &ledger));
	FAILS(UL_ERR_BAD_DATA, "not later", ul_record_write_ledger(record, &ledger));
	ledger.monotonic_ns++;
	ledger.unaccounted.bytes++;
	FAILS(UL_ERR_BAD_DATA, "not balanced", ul_record_write_ledger(record, &ledger));
	ul_ledger_close(&ledger, 0, 0);
	OK(ul_record_write_ledger(record, &ledger));
}

/* Files that are not what they should be, and who may open what. */

static void spoil(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void write_text(const char *path, const char *text)
{
	UL_CLEANUP_FCLOSE FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void foreign_files_are_refused_and_left_alone(void **state)
{
	struct ul_record *record = NULL;
	const char *text = fixture_path(state, "text");
	const char *other = fixture_path(state, "other.db");
	write_text(text, "slabinfo - version: 2.1, which is longer than the sixteen bytes of a "
			 "header and is not one\n");
	spoil(other, "CREATE TABLE t(a); PRAGMA application_id = 17");
	FAILS(UL_ERR_BAD_DATA, "not an ullage recording", ul_record_open(text, &record));
	FAILS(UL_ERR_BAD_DATA, "not an ullage recording", ul_record_open(other, &record));
	FAILS(UL_ERR_OS, "missing", ul_record_open(fixture_path(state, "missing"), &record));
	FAILS(UL_ERR_BAD_DATA, "regular", ul_record_open(*state, &record));
	for (int append = 0; append < 2; append++) {
		FAILS(UL_ERR_USAGE, "not an ullage recording",
		      ul_record_create(text, &fixture_kernel, append, &record));
		FAILS(UL_ERR_USAGE, "not an ullage recording",
		      ul_record_create(other, &fixture_kernel, append, &record));
	}
	struct stat status;
	assert_int_equal(stat(text, &status), 0);
	assert_int_equal(status.st_size, 91);
	assert_null(record);
}

static void a_newer_schema_is_refused_in_words(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct ul_record *record = NULL;
	write_samples(path, 0, 2);
	spoil(path, "PRAGMA user_version = 2");
	FAILS(UL_ERR_UNSUPPORTED, "newer ullage", ul_record_open(path, &record));
	FAILS(UL_ERR_UNSUPPORTED, "newer ullage",
	      ul_record_create(path, &fixture_kernel, true, &record));
}

static void an_existing_recording_is_not_overwritten(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct ul_record *record = NULL;
	write_samples(path, 0, 2);
	FAILS(UL_ERR_USAGE, "exists already",
	      ul_record_create(path, &fixture_kernel, false, &record));
	UL_CLEANUP_RECORD struct ul_record *reader = open_record(path);
	FAILS(UL_ERR_USAGE, "reading only", ul_record_write_document(reader, "find", "{}"));
}

static void a_second_writer_is_kept_out(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct ul_record *second = NULL;
	{
		UL_CLEANUP_RECORD struct ul_record *first = create(path, false);
		fixture_write(first, 0, 2);
		FAILS(UL_ERR_USAGE, "another ullage is writing it",
		      ul_record_create(path, &fixture_kernel, true, &second));
		fixture_write(first, 2, 2);
	}
	write_samples(path, 4, 2);
	UL_CLEANUP_RECORD struct ul_record *reader = open_record(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = read_set(reader);
	assert_int_equal(fixture_check(set), 6);
	assert_int_equal(access(fixture_path(state, "a.ullage-lock"), F_OK), -1);
	assert_int_equal(access(fixture_path(state, "a.ullage-wal"), F_OK), -1);
}

static void a_reader_sees_each_sample_as_it_is_written(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_RECORD struct ul_record *writer = create(path, false);
	fixture_write(writer, 0, 1);
	UL_CLEANUP_RECORD struct ul_record *reader = open_record(path);
	for (int i = 1; i < 10; i++) {
		fixture_write(writer, i, 1);
		UL_CLEANUP_SERIES_SET struct ul_series_set *set = read_set(reader);
		assert_int_equal(fixture_check(set), i + 1);
	}
}

static void odd_file_names_are_only_names(void **state)
{
	static const char *const names[] = {":memory:", "file:x?mode=memory", "100%25.ullage"};
	char before[PATH_MAX];
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(*state), 0);
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++) {
		write_samples(names[i], 0, 1);
		assert_int_equal(access(fixture_path(state, names[i]), F_OK), 0);
		UL_CLEANUP_RECORD struct ul_record *reader = open_record(names[i]);
	}
	assert_int_equal(chdir(before), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_ledger_comes_back_in_every_field),
		TEST(metadata_that_changes_is_as_of_the_newest_sample),
		TEST(series_are_what_the_ledgers_themselves_give),
		TEST(an_account_that_vanished_is_not_carried_on),
		TEST(small_processes_are_recorded_once_they_change),
		TEST(samples_that_did_not_look_at_processes_leave_a_gap),
		TEST(the_newest_trace_comes_back_in_every_field),
		TEST(losses_of_the_measurement_add_up_over_sessions),
		TEST(the_newest_document_of_a_command_is_kept),
		TEST(info_says_what_the_recording_is),
		TEST(appending_goes_on_in_the_same_series),
		TEST(after_a_restart_of_the_machine_the_wall_clock_gives_the_gap),
		TEST(a_sample_that_is_not_later_or_not_balanced_is_refused),
		TEST(foreign_files_are_refused_and_left_alone),
		TEST(a_newer_schema_is_refused_in_words),
		TEST(an_existing_recording_is_not_overwritten),
		TEST(a_second_writer_is_kept_out),
		TEST(a_reader_sees_each_sample_as_it_is_written),
		TEST(odd_file_names_are_only_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
