// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs are opened and not loaded: what the tables would take is known then, on machines of
 * any size, and nothing is needed for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/libbpf.h>

#include "base/span.h"
#include "source/trace/freed.h"
#include "source/trace/tables.h"
#include "source/trace/trace_skeleton.h"

enum { MIB = 1 << 20, RECORD_BYTES = 24, BUCKET_BYTES = 192 };

static const unsigned int everything =
	UL_TRACE_SLAB | UL_TRACE_PAGES | UL_TRACE_PERCPU | UL_TRACE_VMALLOC;

UL_DEFINE_CLEANUP(cleanup_skeleton, struct trace_bpf, trace_bpf__destroy);

static struct trace_bpf *configure(const struct ul_tracer_options *options, unsigned int cpus)
{
	struct trace_bpf *skeleton = trace_bpf__open();
	assert_non_null(skeleton);
	ul_freed_configure(skeleton, options);
	bpf_map__set_max_entries(skeleton->maps.calls, ULT_CALLS);
	assert_null(ul_tables_configure(skeleton, options, cpus));
	return skeleton;
}

static void the_budget_is_kept_and_used_with_any_number_of_cpus(void **state)
{
	(void)state;
	static const unsigned int cpus[] = {1, 2, 256};
	static const unsigned int allocators[] = {everything, UL_TRACE_SLAB, UL_TRACE_PAGES,
						  UL_TRACE_SLAB | UL_TRACE_PAGES | UL_TRACE_PERCPU};
	for (size_t i = 0; i < UL_ARRAY_LEN(cpus); i++) {
		for (size_t k = 0; k < UL_ARRAY_LEN(allocators) * 2; k++) {
			const struct ul_tracer_options options = {
				.allocators = allocators[k / 2],
				.memory_bytes = 32 * MIB,
				.free_paths = k % 2,
				.freed_contents = k % 2,
			};
			UL_CLEANUP(cleanup_skeleton)
			struct trace_bpf *skeleton = configure(&options, cpus[i]);
			const uint64_t bytes = ul_tables_bytes(skeleton->obj, cpus[i]);
			assert_true(bytes <= options.memory_bytes);
			// What is left is less than what the smallest share is counted in.
			assert_true(bytes + 8 * BUCKET_BYTES > options.memory_bytes);
		}
	}
}

/** A table that is added with a copy for each CPU is to be added here. */
static void per_cpu_tables_are_there_once_for_each_cpu(void **state)
{
	(void)state;
	const struct ul_tracer_options options = {.allocators = everything, .max_live = 65536};
	UL_CLEANUP(cleanup_skeleton) struct trace_bpf *skeleton = configure(&options, 1);
	const uint64_t scratches = 9 * (64 * 8 + 24 + 2048);
	const uint64_t small = 32 /* pace */ + 12 * 8 /* counters */ + 8 /* comm */ + 8 /* bulk */;
	const uint64_t freed = 16 + 256;
	const uint64_t one = ul_tables_bytes(skeleton->obj, 1);
	assert_int_equal(ul_tables_bytes(skeleton->obj, 2) - one, scratches + small + freed);
	assert_int_equal(ul_tables_bytes(skeleton->obj, 256) - one,
			 255 * (scratches + small + freed));
}

static void live_tables_of_what_is_traced_share_the_room(void **state)
{
	(void)state;
	struct ul_tracer_options options = {.allocators = everything, .max_live = 64000};
	struct trace_bpf *skeleton = configure(&options, 1);
	assert_int_equal(skeleton->rodata->slab_buckets, 64000 / 8);
	assert_int_equal(skeleton->rodata->page_buckets, 8000 / 8);
	assert_int_equal(skeleton->rodata->percpu_buckets, 1000 / 8);
	assert_int_equal(skeleton->rodata->vmalloc_buckets, 1000 / 8);
	assert_int_equal(bpf_map__max_entries(skeleton->maps.page_live), 8000 / 8);
	const uint64_t all = ul_tables_bytes(skeleton->obj, 1);
	trace_bpf__destroy(skeleton);
	options.allocators = UL_TRACE_SLAB;
	skeleton = configure(&options, 1);
	assert_int_equal(skeleton->rodata->slab_buckets, 64000 / 8);
	assert_int_equal(skeleton->rodata->page_buckets, 1);
	assert_int_equal(all - ul_tables_bytes(skeleton->obj, 1),
			 10000 * RECORD_BYTES - 3 * BUCKET_BYTES);
	trace_bpf__destroy(skeleton);
}

static void a_budget_too_small_still_has_room_for_some(void **state)
{
	(void)state;
	const struct ul_tracer_options options = {.allocators = everything, .memory_bytes = MIB};
	UL_CLEANUP(cleanup_skeleton) struct trace_bpf *skeleton = configure(&options, 256);
	assert_int_equal(skeleton->rodata->slab_buckets, 4096 / 8);
	assert_int_equal(skeleton->rodata->percpu_buckets, 4096 / 64 / 8);
}

static void more_room_than_can_be_is_refused(void **state)
{
	(void)state;
	struct trace_bpf *skeleton = trace_bpf__open();
	assert_non_null(skeleton);
	UL_CLEANUP_ERROR struct ul_error *error = ul_tables_configure(
		skeleton,
		&(struct ul_tracer_options){.allocators = everything, .max_live = 1U << 30}, 1);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_LIMIT);
	trace_bpf__destroy(skeleton);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_budget_is_kept_and_used_with_any_number_of_cpus),
		cmocka_unit_test(per_cpu_tables_are_there_once_for_each_cpu),
		cmocka_unit_test(live_tables_of_what_is_traced_share_the_room),
		cmocka_unit_test(a_budget_too_small_still_has_room_for_some),
		cmocka_unit_test(more_room_than_can_be_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
