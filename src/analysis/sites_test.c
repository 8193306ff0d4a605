// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above first. */
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "analysis/sites.h"
#include "analysis/verdict_held.h"
#include "base/text.h"

/** A site with a stack of the given functions, innermost first, NULL at the end. */
static struct ul_site *add_site(struct ul_trace *trace, enum ul_allocator allocator,
				const char *cache, const char *const *functions)
{
	struct ul_site *site = ul_vec_add(&trace->sites);
	assert_non_null(site);
	site->allocator = allocator;
	site->object_bytes = 4096;
	site->age_p50_s = NAN;
	site->trust = 1;
	assert_true(ul_text_set(&site->cache, cache));
	for (size_t i = 0; functions[i]; i++) {
		struct ul_frame *frame = ul_vec_add(&site->stack.frames);
		assert_non_null(frame);
		frame->kaddr = 0xffffffff81000000 + i;
		assert_true(ul_text_set(&frame->function, functions[i]));
	}
	return site;
}

static void books(struct ul_site *site, uint64_t allocated, uint64_t freed, uint64_t missed)
{
	site->allocated = allocated;
	site->freed = freed;
	site->missed = missed;
	site->live = site->survivors = allocated - freed - missed;
	site->survivor_bytes = site->live_bytes = site->live * site->object_bytes;
	const struct ul_site_process process = {.pid = 7, .comm = "cat", .objects = site->live};
	assert_true(ul_vec_push(&site->processes, process));
}

static void the_function_named_is_the_first_that_is_no_allocator(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const stack[] = {"bpf_prog_d3d5_ul_kmalloc",
				     "bpf_trace_run6",
				     "__traceiter_kmalloc",
				     "__kmalloc_node",
				     "kvmalloc_node",
				     "seq_read_iter",
				     "seq_read",
				     "vfs_read",
				     NULL};
	add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-cg-4k", stack);
	assert_null(ul_sites_digest(&trace, NULL));
	assert_int_equal(trace.sites.len, 1);
	const struct ul_site *site = &trace.sites.data[0];
	assert_string_equal(site->function, "seq_read_iter");
	assert_string_equal(site->account, "kmalloc-cg-4k");
	// The tracer's three frames are gone, the allocator's are kept.
	assert_int_equal(site->stack.frames.len, 5);
	assert_string_equal(site->stack.frames.data[0].function, "__kmalloc_node");
}

static void trampolines_of_watched_functions_are_no_callers(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const stack[] = {"kmalloc_node_trace",  "__get_vm_area_node",
				     "bpf_trampoline_6442", "__vmalloc_node_range",
				     "leak_vmalloc",	    NULL};
	add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-64", stack);
	assert_null(ul_sites_digest(&trace, NULL));
	assert_string_equal(trace.sites.data[0].function, "leak_vmalloc");
	assert_int_equal(trace.sites.data[0].stack.frames.len, 4);
}

static void vmalloc_areas_are_booked_under_the_caller_that_vmallocinfo_names(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const stack[] = {"__vmalloc_node_range", "vmalloc", "leak_vmalloc",
				     "ksys_write", NULL};
	const char *const fork[] = {"__vmalloc_node_range", "copy_process", "kernel_clone", NULL};
	struct ul_site *site = add_site(&trace, UL_ALLOCATOR_VMALLOC, NULL, stack);
	site->call_site = site->stack.frames.data[2].kaddr;
	assert_true(ul_text_set(&site->stack.frames.data[2].module, "leakstat"));
	site = add_site(&trace, UL_ALLOCATOR_VMALLOC, NULL, fork);
	site->call_site = site->stack.frames.data[2].kaddr;
	assert_null(ul_sites_digest(&trace, NULL));
	size_t named = 0;
	ul_vec_foreach (digested, &trace.sites) {
		if (digested->nested)
			assert_string_equal(digested->account, "kernel stacks");
		else
			named += ul_sites_in_account(digested, NULL, UL_KIND_VMALLOC,
						     "leak_vmalloc [leakstat]");
	}
	assert_int_equal(trace.sites.len, 2);
	assert_int_equal(named, 1);
}

static void a_bpf_program_that_allocates_stays_on_the_stack(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const stack[] = {"bpf_prog_d3d5_ul_kmalloc",
				     "bpf_trace_run6",
				     "__traceiter_kmalloc",
				     "__kmalloc_node_noprof",
				     "bpf_map_kmalloc_node",
				     "alloc_htab_elem",
				     "htab_map_update_elem",
				     "bpf_prog_77aa_count_switches",
				     "bpf_trace_run4",
				     "__schedule",
				     NULL};
	add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-64", stack);
	assert_null(ul_sites_digest(&trace, NULL));
	const struct ul_site *site = &trace.sites.data[0];
	assert_string_equal(site->function, "bpf_map_kmalloc_node");
	assert_int_equal(site->stack.frames.len, 7);
}

static void an_interrupted_function_is_not_part_of_the_stack(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const stack[] = {"kmem_cache_alloc", "napi_build_skb",
				     "net_rx_action",	 "__do_softirq",
				     "irq_exit_rcu",	 "sysvec_apic_timer_interrupt",
				     "ext4_writepages",	 NULL};
	add_site(&trace, UL_ALLOCATOR_SLAB, "skbuff_head_cache", stack);
	assert_null(ul_sites_digest(&trace, NULL));
	const struct ul_stack *cut = &trace.sites.data[0].stack;
	assert_string_equal(cut->frames.data[cut->frames.len - 1].function, "__do_softirq");
	assert_string_equal(trace.sites.data[0].function, "napi_build_skb");
}

static void pages_of_other_allocators_are_booked_there_and_not_twice(void **state)
{
	(void)state;
	static const struct {
		const char *stack[6];
		const char *account;
		bool nested;
	} cases[] = {
		{{"__alloc_pages", "allocate_slab", "___slab_alloc", "sock_alloc_inode"},
		 "slab",
		 true},
		{{"__alloc_pages", "__kmalloc_large_node", "kvmalloc_node", "x"},
		 "kmalloc-large",
		 true},
		{{"__alloc_pages", "__vmalloc_node_range", "vmalloc", "leak"}, "vmalloc", true},
		{{"__alloc_pages", "pcpu_populate_chunk.isra.0", "pcpu_alloc"}, "percpu", true},
		{{"__alloc_pages", "pte_alloc_one", "__pte_alloc", "handle_mm_fault"},
		 "page tables",
		 true},
		{{"__alloc_pages", "alloc_pages", "leakstat_leak_pages", "vfs_write"},
		 "unaccounted",
		 false},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(cases); i++) {
		struct ul_trace trace UL_CLEANUP_TRACE = {0};
		add_site(&trace, UL_ALLOCATOR_PAGES, NULL, cases[i].stack);
		assert_null(ul_sites_digest(&trace, NULL));
		assert_string_equal(trace.sites.data[0].account, cases[i].account);
		assert_int_equal(trace.sites.data[0].nested, cases[i].nested);
	}
}

static void stacks_that_differ_only_in_offsets_become_one_site(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const stack[] = {"kmem_cache_alloc", "seq_open", "proc_reg_open", NULL};
	const char *const other[] = {"kmem_cache_alloc", "seq_open", "do_dentry_open", NULL};
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "seq_file", stack), 100, 40, 10);
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "seq_file", other), 5, 5, 0);
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "seq_file", stack), 30, 0, 0);
	trace.sites.data[2].stack.frames.data[1].offset = 0x77;
	trace.sites.data[2].processes.data[0].pid = 8;
	assert_null(ul_sites_digest(&trace, NULL));
	assert_int_equal(trace.sites.len, 2);
	const struct ul_site *merged = &trace.sites.data[0]; // most survivors first
	assert_int_equal(merged->allocated, 130);
	assert_int_equal(merged->freed, 40);
	assert_int_equal(merged->missed, 10);
	assert_int_equal(merged->live, 80);
	assert_true(ul_site_balanced(merged));
	assert_float_equal(merged->trust, 0.8, 1e-9); // 40 of 50 ends were seen
	assert_int_equal(merged->processes.len, 1);
	assert_int_equal(merged->processes.data[0].objects, 80);
	assert_int_equal(merged->processes.data[0].pid, 0); // several of that name
	assert_string_equal(merged->function, "seq_open");
}

static void
a_guessed_accounted_cache_is_plain_kmalloc_where_the_kernel_has_no_such_family(void **state)
{
	(void)state;
	struct ul_ledger ledger UL_CLEANUP_LEDGER;
	ul_ledger_init(&ledger);
	struct ul_cache *cache = ul_vec_add(&ledger.caches);
	assert_non_null(cache);
	assert_true(ul_text_set(&cache->name, "kmalloc-4k"));
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const stack[] = {"__kmalloc", "alloc_fdtable", NULL};
	add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-cg-4k", stack)->cache_guessed = true;
	assert_null(ul_sites_digest(&trace, &ledger));
	assert_string_equal(trace.sites.data[0].cache, "kmalloc-4k");
	assert_true(ul_sites_in_account(&trace.sites.data[0], &ledger, UL_KIND_SLAB, "kmalloc-4k"));
	assert_false(
		ul_sites_in_account(&trace.sites.data[0], &ledger, UL_KIND_SLAB, "kmalloc-2k"));
}

static void what_was_proven_of_a_call_site_before_is_believed_now(void **state)
{
	(void)state;
	struct ul_trace counted UL_CLEANUP_TRACE = {0};
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const caller[] = {"ep_insert", NULL};
	const char *const stack[] = {"kmem_cache_alloc", "ep_insert", "do_epoll_ctl", NULL};
	const char *const other[] = {"kmem_cache_alloc", "elsewhere", "do_epoll_ctl", NULL};
	struct ul_site *before = add_site(&counted, UL_ALLOCATOR_SLAB, "eventpoll_epi", caller);
	books(before, 1000, 100, 800);
	before->trust = 100.0 / 900.0;
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "eventpoll_epi", stack), 50, 0, 0);
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "eventpoll_epi", other), 50, 0, 0);
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-128", stack), 50, 0, 0);
	ul_sites_lower_trust(&trace, &counted);
	assert_float_equal(trace.sites.data[0].trust, 1.0 / 9.0, 1e-9);
	assert_float_equal(trace.sites.data[1].trust, 1, 1e-9); // another function
	assert_float_equal(trace.sites.data[2].trust, 1, 1e-9); // another cache
}

static bool has_loss(const struct ul_trace *trace, const char *what, uint64_t count)
{
	ul_vec_foreach (loss, &trace->losses.items)
		if (strstr(loss->what, what) && loss->count == count)
			return true;
	return false;
}

/** A page_pool keeps 1,152 pages, a mempool 64 elements: so many of the survivors prove nothing. */
static void what_a_pool_may_keep_in_reserve_is_not_believed(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	static const char *const ring[] = {"alloc_pages_bulk_noprof",
					   "__page_pool_alloc_netmems_slow", "page_pool_alloc_frag",
					   "virtnet_poll", NULL};
	static const char *const bio[] = {"mempool_alloc_noprof", "bio_alloc_bioset",
					  "submit_bh_wbc", NULL};
	static const char *const other[] = {"kmem_cache_alloc_noprof", "seq_open", NULL};
	books(add_site(&trace, UL_ALLOCATOR_PAGES, NULL, ring), 5000, 2696, 0);
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "bio-200", bio), 50, 0, 0);
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "seq_file", other), 50, 0, 0);
	assert_null(ul_sites_digest(&trace, NULL));
	ul_vec_foreach (site, &trace.sites) {
		// Of 2,304 pages 1,152 may be idle; of 50 elements all.
		const double trust = site->allocator == UL_ALLOCATOR_PAGES ? 0.5
				     : !strcmp(site->cache, "bio-200")	   ? 0
									   : 1;
		assert_float_equal(site->trust, trust, 1e-9);
	}
	assert_true(has_loss(&trace, "reserve of a pool", 1152 + 50));
}

/** Sheaves, Linux v6.18: pages that refilling them takes are for whoever asked. */
static void pages_of_a_sheaf_that_is_refilled_are_the_callers(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	static const char *const stack[] = {"new_slab",
					    "refill_objects",
					    "__pcs_replace_empty_main",
					    "__kmalloc_cache_noprof",
					    "seq_open",
					    "vfs_open",
					    NULL};
	books(add_site(&trace, UL_ALLOCATOR_PAGES, "seq_file", stack), 50, 0, 0);
	assert_null(ul_sites_digest(&trace, NULL));
	assert_string_equal(trace.sites.data[0].function, "seq_open");
	assert_true(trace.sites.data[0].nested);
}

/** As traced on 7.3, where alloc_empty_sheaf() is inlined: nobody but the allocator has it. */
static void a_sheaf_itself_is_nobodys_allocation(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	static const char *const stack[] = {"__kmalloc_flags_noprof",
					    "__pcs_replace_empty_main",
					    "kmem_cache_alloc_noprof",
					    "leakstat_leak_cache",
					    "vfs_write",
					    NULL};
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-256", stack), 1, 0, 0);
	assert_null(ul_sites_digest(&trace, NULL));
	assert_string_equal(trace.sites.data[0].function, "__pcs_replace_empty_main");
	assert_non_null(ul_verdict_by_design(&trace.sites.data[0]));
	assert_int_equal(ul_verdict_by_design(&trace.sites.data[0])->verdict, UL_FINDING_HELD);
}

static void a_site_without_names_and_an_empty_trace_are_fine(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	assert_null(ul_sites_digest(&trace, NULL));
	const char *const none[] = {NULL};
	struct ul_site *site = add_site(&trace, UL_ALLOCATOR_SLAB, NULL, none);
	struct ul_frame *frame = ul_vec_add(&site->stack.frames);
	assert_non_null(frame);
	frame->kaddr = 0x1234;
	assert_null(ul_sites_digest(&trace, NULL));
	assert_null(trace.sites.data[0].function);
	assert_null(trace.sites.data[0].account);
}

/** Three ways to the same work; Linux 6.18. */
static void softirqs_are_one_site_whoever_runs_them(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	static const char *const ways[][8] = {
		{"kmem_cache_alloc_noprof", "build_skb", "net_rx_action", "handle_softirqs",
		 "__irq_exit_rcu", "common_interrupt", "do_sys_open", NULL},
		{"kmem_cache_alloc_noprof", "build_skb", "net_rx_action", "handle_softirqs",
		 "run_ksoftirqd", "smpboot_thread_fn", "kthread", NULL},
		{"kmem_cache_alloc_noprof", "build_skb", "net_rx_action", "handle_softirqs",
		 "do_softirq.part.0", "__local_bh_enable_ip", "tcp_sendmsg", NULL},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(ways); i++)
		books(add_site(&trace, UL_ALLOCATOR_SLAB, "skbuff_head_cache", ways[i]), 5, 2, 0);
	assert_null(ul_sites_digest(&trace, NULL));
	assert_int_equal(trace.sites.len, 1);
	assert_int_equal(trace.sites.data[0].live, 9);
	assert_string_equal(trace.sites.data[0].function, "build_skb");
	assert_int_equal(trace.sites.data[0].stack.frames.len, 4);
}

static void parts_of_a_function_are_that_function(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const hot[] = {"__kmalloc", "foo", "bar", NULL};
	const char *const cold[] = {"__kmalloc", "foo.cold", "bar.isra.0", NULL};
	const char *const other[] = {"__kmalloc", "foo2", "bar", NULL};
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-4k", hot), 5, 2, 0);
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-4k", cold), 3, 1, 0);
	books(add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-4k", other), 1, 0, 0);
	assert_null(ul_sites_digest(&trace, NULL));
	assert_int_equal(trace.sites.len, 2);
	assert_int_equal(trace.sites.data[0].live, 5);
}

static void rust_functions_have_readable_names(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const char *const stack[] = {
		"krealloc_node_align_noprof",
		"_RNvXNtNtC6kernel5alloc9allocatorNtB2_7KmallocNtB4_9Allocator7realloc",
		"_RNvMs_NtC11rust_binder7processNtB4_7Process5ioctl",
		"vfs_ioctl",
		NULL,
	};
	add_site(&trace, UL_ALLOCATOR_SLAB, "kmalloc-64", stack);
	assert_null(ul_sites_digest(&trace, NULL));
	const struct ul_site *site = &trace.sites.data[0];
	assert_string_equal(site->stack.frames.data[1].function,
			    "<kernel::alloc::allocator::Kmalloc as "
			    "kernel::alloc::Allocator>::realloc");
	assert_string_equal(site->function, "<rust_binder::process::Process>::ioctl");
}

static void clones_of_a_function_are_that_function(void **state)
{
	(void)state;
	assert_true(ul_sites_same_function("seq_open", "seq_open"));
	assert_true(ul_sites_same_function("seq_open.cold", "seq_open"));
	assert_true(ul_sites_same_function("seq_open.isra.0", "seq_open.part.1"));
	assert_false(ul_sites_same_function("seq_open", "seq_open_private"));
	assert_false(ul_sites_same_function("seq_open", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clones_of_a_function_are_that_function),
		cmocka_unit_test(the_function_named_is_the_first_that_is_no_allocator),
		cmocka_unit_test(trampolines_of_watched_functions_are_no_callers),
		cmocka_unit_test(vmalloc_areas_are_booked_under_the_caller_that_vmallocinfo_names),
		cmocka_unit_test(a_bpf_program_that_allocates_stays_on_the_stack),
		cmocka_unit_test(an_interrupted_function_is_not_part_of_the_stack),
		cmocka_unit_test(softirqs_are_one_site_whoever_runs_them),
		cmocka_unit_test(parts_of_a_function_are_that_function),
		cmocka_unit_test(rust_functions_have_readable_names),
		cmocka_unit_test(pages_of_other_allocators_are_booked_there_and_not_twice),
		cmocka_unit_test(stacks_that_differ_only_in_offsets_become_one_site),
		cmocka_unit_test(
			a_guessed_accounted_cache_is_plain_kmalloc_where_the_kernel_has_no_such_family),
		cmocka_unit_test(what_was_proven_of_a_call_site_before_is_believed_now),
		cmocka_unit_test(what_a_pool_may_keep_in_reserve_is_not_believed),
		cmocka_unit_test(pages_of_a_sheaf_that_is_refilled_are_the_callers),
		cmocka_unit_test(a_sheaf_itself_is_nobodys_allocation),
		cmocka_unit_test(a_site_without_names_and_an_empty_trace_are_fine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
