// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What makes stacks hard to read, and what is done about it, in this order:
 *
 *  1. The innermost frames are the tracer's own (bpf_prog_..., __traceiter_kmalloc): dropped.
 *  2. An interrupt in the middle of anything allocates on top of a stack it has nothing to do with:
 *     the stack is cut where the interrupt came in. Softirqs are cut where they begin to run, since
 *     the same work is done after an interrupt, in ksoftirqd, or when somebody enables them again:
 *     three stacks of one site.
 *  3. The next frames are the allocator's (kmem_cache_alloc, kvmalloc_node, kmemdup): kept in the
 *     stack, but the function to name is the first that is none of them.
 *  4. Pages that slab, vmalloc, percpu, page tables and kernel stacks took are booked in those
 *     accounts: such a site is marked nested, so that no byte is counted twice.
 *  5. Stacks that differ only in offsets within the same functions are one site; foo.cold and
 *     foo.isra.0 are parts of foo.
 *  6. Names of Rust functions are made readable (base/rust_name), first of all.
 *
 * Tables of names are matched by prefix: compilers append .isra.0, .constprop.0, .part.0 and the
 * kernel appends _noprof (v6.10, allocation profiling) to many. A name missing here costs
 * readability, never correctness: the allocator's function would be named instead of its caller.
 */
#include "analysis/sites.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "analysis/freepath.h"
#include "analysis/survival.h"
#include "base/rust_name.h"
#include "base/text.h"

static bool matches_any(const char *function, const char *const *globs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!fnmatch(globs[i], function, 0))
			return true;
	return false;
}

/* Frames between the event and the program that looks at it. */
static const char *const tracing_frames[] = {
	"bpf_prog_*",	      "bpf_trace_run*",		 "__bpf_trace_*",
	"__traceiter_*",      "bpf_get_stackid*",	 "__bpf_get_stack*",
	"perf_trace_*",	      "trace_event_raw_event_*", "___bpf_prog_run",
	"__bpf_prog_run*",    "bpf_trampoline_*",	 "__bpf_prog_enter*",
	"get_perf_callchain", "perf_callchain_kernel",	 "trace_call_bpf",
};

/* Where an interrupt or exception came in; what lies outside has nothing to do with it. */
static const char *const interrupt_frames[] = {
	// Softirqs, whoever runs them: Linux kernel/softirq.c (handle_softirqs since v6.10)
	"handle_softirqs*",
	"__do_softirq*",
	"irq_exit",
	"irq_exit_rcu",
	"__irq_exit_rcu",
	// x86
	"asm_sysvec_*",
	"sysvec_*",
	"asm_common_interrupt",
	"common_interrupt",
	"asm_exc_nmi*",
	"exc_nmi",
	"asm_nmi",
	"xen_evtchn_do_upcall",
	// x86 before v5.8
	"do_IRQ",
	"smp_*_interrupt",
	"apic_timer_interrupt",
	"reschedule_interrupt",
	"ret_from_intr",
	"call_softirq",
	// arm64, riscv, s390, powerpc
	"el1_interrupt",
	"el1_irq",
	"el1h_64_irq*",
	"el0_interrupt",
	"el0t_64_irq*",
	"call_on_irq_stack",
	"do_interrupt_handler",
	"handle_riscv_irq",
	"do_irq",
	"do_io_irq",
	"do_ext_irq",
	"hardware_interrupt_common*",
};

/* Allocators and their small helpers, whose caller is the one who wants the memory. */
static const char *const allocator_frames[] = {
	"__kmalloc*",
	"kmalloc_*",
	"__do_kmalloc*",
	"kmem_cache_alloc*",
	"__kmem_cache_alloc*",
	"slab_alloc*",
	"__slab_alloc*",
	"___slab_alloc*",
	"slab_post_alloc_hook*",
	"new_slab*",
	"allocate_slab*",
	"alloc_slab_page*",
	"kvmalloc*",
	"__kvmalloc*",
	"kcalloc*",
	"kzalloc*",
	"krealloc*",
	"__krealloc*",
	"__do_krealloc*",
	"kvrealloc*",
	"kmemdup*",
	"kvmemdup*",
	"kstrdup*",
	"kstrndup*",
	"kasprintf*",
	"kvasprintf*",
	"memdup_user*",
	"vmemdup_user*",
	"memdup_array_user*",
	"strndup_user*",
	"devm_kmalloc*",
	"devm_kmemdup*",
	"devm_kstrdup*",
	"devm_krealloc*",
	"mempool_alloc*",
	"mempool_kmalloc*",
	"__alloc_pages*",
	"alloc_pages*",
	"alloc_page*",
	"__get_free_pages*",
	"get_free_pages*",
	"get_zeroed_page*",
	"__folio_alloc*",
	"folio_alloc*",
	"__alloc_frozen_pages*",
	"alloc_frozen_pages*",
	"__alloc_contig*",
	"get_page_from_freelist*",
	"prep_new_page*",
	"__rmqueue*",
	"rmqueue*",
	"post_alloc_hook*",
	"make_alloc_exact*",
	"split_page",
	"__page_frag_alloc*",
	"page_frag_alloc*",
	"__page_frag_cache*",
	"pcpu_alloc*",
	"__alloc_percpu*",
	"alloc_percpu*",
	"vmalloc*",
	"__vmalloc*",
	"vzalloc*",
	"__get_vm_area_node*",
	"__vmalloc_node*",
	"alloc_loc*",
	"kmem_cache_prefill_sheaf*",
	"kmem_cache_refill_sheaf*",
	"get_partial*",
	"get_from_partial*",
	"alloc_from_new_slab*",
	"alloc_single_from_*",
	"rust_helper_*alloc*",
	"<kernel::alloc::*",
	"kernel::alloc::*",
	"__rust_alloc*",
	"__rust_realloc*",
};

/*
 * Sheaves, Linux mm/slub.c since v6.18 (2d517aa09bbc "slab: add opt-in caching layer of percpu
 * sheaves"). Pages they take are for whoever called; a slab object allocated below one of these is
 * a sheaf or a vector of slabobj_ext, for the events come from outside of them: the allocator's
 * own.
 */
static const char *const sheaf_frames[] = {
	"refill_sheaf*",
	"refill_objects*",
	"__refill_objects*",
	"alloc_from_pcs*",
	"__pcs_*",
	"pcs_*",
	"barn_*",
	"alloc_full_sheaf*",
	"alloc_empty_sheaf*",
	"__alloc_empty_sheaf*",
	"__prefill_sheaf*",
	"__kfree_rcu_sheaf*",
};

/* Frames that say under which account a page is booked. */
static const struct {
	const char *glob;
	const char *account;
} nested_frames[] = {
	{"allocate_slab*", "slab"},
	{"alloc_slab_page*", "slab"},
	{"new_slab*", "slab"},
	{"___slab_alloc*", "slab"},
	{"kmalloc_large*", "kmalloc-large"},
	{"__kmalloc_large*", "kmalloc-large"},
	{"___kmalloc_large*", "kmalloc-large"},
	{"kmalloc_order*", "kmalloc-large"},
	{"alloc_thread_stack_node*", "kernel stacks"},
	{"dup_task_struct*", "kernel stacks"},
	{"pcpu_populate_chunk*", "percpu"},
	{"pcpu_alloc_pages*", "percpu"},
	{"pcpu_create_chunk*", "percpu"},
	{"pcpu_balance_*", "percpu"},
	{"pcpu_alloc*", "percpu"},
	{"__vmalloc_node_range*", "vmalloc"},
	{"__vmalloc_area_node*", "vmalloc"},
	{"vm_area_alloc_pages*", "vmalloc"},
	{"__vmalloc_node*", "vmalloc"},
	{"__pte_alloc*", "page tables"},
	{"pte_alloc_one*", "page tables"},
	{"__pmd_alloc*", "page tables"},
	{"__pud_alloc*", "page tables"},
	{"__p4d_alloc*", "page tables"},
	{"pgd_alloc*", "page tables"},
	{"__get_locked_pte*", "page tables"},
	{"do_huge_pmd_anonymous_page*", "page tables"},
	{"__filemap_get_folio*", "page cache"},
	{"page_cache_ra_*", "page cache"},
	{"filemap_alloc_folio*", "page cache"},
	{"shmem_alloc_*", "shmem"},
	{"vma_alloc_folio*", "anon"},
	{"alloc_pages_vma*", "anon"},
	{"wp_page_copy*", "anon"},
	{"do_anonymous_page*", "anon"},
	{"alloc_anon_folio*", "anon"},
};

bool ul_sites_is_allocator(const char *function)
{
	return matches_any(function, allocator_frames, UL_ARRAY_LEN(allocator_frames)) ||
	       ul_sites_is_sheaf(function);
}

bool ul_sites_is_sheaf(const char *function)
{
	return matches_any(function, sheaf_frames, UL_ARRAY_LEN(sheaf_frames));
}

static void free_frames(struct ul_frame *frames, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(frames[i].function);
		free(frames[i].module);
		free(frames[i].file);
	}
}

/**
 * Drop the tracer's own frames: everything up to the last of them before the allocator's first.
 * Beyond that one, the same names are somebody else's: a BPF program that allocates.
 */
static void drop_tracing_frames(struct ul_stack *stack)
{
	enum { LOOK_AT = 12 };
	size_t drop = 0;
	for (size_t i = 0; i < stack->frames.len && i < LOOK_AT; i++) {
		const char *function = stack->frames.data[i].function;
		if (function && (ul_sites_is_allocator(function) || ul_freepath_is_free(function)))
			break;
		if (function && matches_any(function, tracing_frames, UL_ARRAY_LEN(tracing_frames)))
			drop = i + 1;
	}
	if (!drop || drop >= stack->frames.len)
		return;
	free_frames(stack->frames.data, drop);
	stack->frames.len -= drop;
	memmove(stack->frames.data, stack->frames.data + drop,
		stack->frames.len * sizeof(*stack->frames.data));
}

/** Cut off what was interrupted; the frame at which the interrupt came in stays, to show it. */
static void cut_at_interrupt(struct ul_stack *stack)
{
	for (size_t i = 0; i + 1 < stack->frames.len; i++) {
		const char *function = stack->frames.data[i].function;
		if (!function ||
		    !matches_any(function, interrupt_frames, UL_ARRAY_LEN(interrupt_frames)))
			continue;
		free_frames(stack->frames.data + i + 1, stack->frames.len - i - 1);
		stack->frames.len = i + 1;
		return;
	}
}

static struct ul_error *read_rust_names(struct ul_stack *stack)
{
	char name[UL_RUST_NAME_MAX];
	ul_vec_foreach (frame, &stack->frames)
		if (frame->function &&
		    ul_rust_name(ul_span_of(frame->function), name, sizeof(name)) &&
		    !ul_text_set(&frame->function, name))
			return &ul_enomem;
	return NULL;
}

/** A function that is watched through a trampoline calls out of it: the tracer's own frame. */
static void drop_trampolines(struct ul_stack *stack)
{
	size_t kept = 0;
	for (size_t i = 0; i < stack->frames.len; i++) {
		struct ul_frame *frame = &stack->frames.data[i];
		if (frame->function && !fnmatch("bpf_trampoline_*", frame->function, 0)) {
			free_frames(frame, 1);
			continue;
		}
		stack->frames.data[kept++] = *frame;
	}
	stack->frames.len = kept;
}

struct ul_error *ul_sites_trim(struct ul_stack *stack)
{
	UL_TRY(read_rust_names(stack));
	drop_tracing_frames(stack);
	cut_at_interrupt(stack);
	drop_trampolines(stack);
	return NULL;
}

static void choose_function(struct ul_site *site)
{
	site->function = site->module = NULL;
	ul_vec_foreach (frame, &site->stack.frames) {
		if (!frame->function)
			continue;
		site->function = frame->function;
		site->module = frame->module;
		if (!ul_sites_is_allocator(frame->function) ||
		    (site->allocator == UL_ALLOCATOR_SLAB && ul_sites_is_sheaf(frame->function)))
			return;
	}
}

static struct ul_error *set_account(struct ul_site *site, const char *account, bool nested)
{
	site->nested = nested;
	return ul_text_set(&site->account, account) ? NULL : &ul_enomem;
}

/** Pages: booked under the innermost allocator on the stack that has an account of its own. */
static struct ul_error *book_pages(struct ul_site *site)
{
	ul_vec_foreach (frame, &site->stack.frames)
		for (size_t i = 0; frame->function && i < UL_ARRAY_LEN(nested_frames); i++)
			if (!fnmatch(nested_frames[i].glob, frame->function, 0))
				return set_account(site, nested_frames[i].account, true);
	return set_account(site, "unaccounted", false);
}

/** A guessed kmalloc-cg-N or -rcl-N is kmalloc-N on kernels that have no such family. */
static struct ul_error *settle_guess(struct ul_site *site, const struct ul_ledger *ledger)
{
	static const char *const families[] = {"kmalloc-cg-", "kmalloc-rcl-", "kmalloc-dma-"};
	if (!ledger || !site->cache || !site->cache_guessed || ul_ledger_cache(ledger, site->cache))
		return NULL;
	for (size_t i = 0; i < UL_ARRAY_LEN(families); i++) {
		const size_t len = strlen(families[i]);
		if (strncmp(site->cache, families[i], len) != 0)
			continue;
		char plain[128];
		snprintf(plain, sizeof(plain), "kmalloc-%s", site->cache + len);
		if (ul_ledger_cache(ledger, plain))
			return ul_text_set(&site->cache, plain) ? NULL : &ul_enomem;
	}
	return NULL;
}

/**
 * vmalloc areas: under the caller that /proc/vmallocinfo names, which is the frame the event
 * reported; kernel stacks have an account of their own.
 */
static struct ul_error *book_vmalloc(struct ul_site *site)
{
	// Linux kernel/fork.c: who asks for the stack of a new thread, as compilers inline it.
	static const char *const stack_callers[] = {
		"alloc_thread_stack_node*",
		"dup_task_struct*",
		"copy_process*",
		"kernel_clone*",
		"_do_fork*",
		"fork_idle*",
		"create_io_thread*",
		"kernel_thread*",
		"user_mode_thread*",
	};
	const struct ul_frame *caller = NULL;
	ul_vec_foreach (frame, &site->stack.frames)
		// An inlined function has no address: the one it was inlined into has.
		if (site->call_site && frame->kaddr == site->call_site)
			caller = frame;
	if (!caller || !caller->function)
		return set_account(site, "vmalloc", false);
	if (matches_any(caller->function, stack_callers, UL_ARRAY_LEN(stack_callers)))
		return set_account(site, "kernel stacks", true);
	char name[256];
	snprintf(name, sizeof(name), "%s%s%s%s", caller->function, caller->module ? " [" : "",
		 caller->module ? caller->module : "", caller->module ? "]" : "");
	return set_account(site, name, false);
}

static struct ul_error *book(struct ul_site *site, const struct ul_ledger *ledger)
{
	switch (site->allocator) {
	case UL_ALLOCATOR_SLAB:
		UL_TRY(settle_guess(site, ledger));
		return set_account(site, site->cache, false);
	case UL_ALLOCATOR_PAGES:
		return book_pages(site);
	case UL_ALLOCATOR_VMALLOC:
		return book_vmalloc(site);
	case UL_ALLOCATOR_PERCPU:
		break;
	}
	return set_account(site, "percpu", false);
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/** Functions are compared without what compilers put behind them: .cold, .isra.0, .part.1. */
static int compare_functions(const char *a, const char *b)
{
	a = a ? a : "";
	b = b ? b : "";
	const size_t a_len = strcspn(a, ".");
	const size_t b_len = strcspn(b, ".");
	const int order = strncmp(a, b, a_len < b_len ? a_len : b_len);
	return order ? order : (int)(a_len > b_len) - (int)(a_len < b_len);
}

bool ul_sites_same_function(const char *a, const char *b)
{
	return !compare_functions(a, b);
}

/** Order in which equal sites are neighbours: allocator, cache, size, functions of the stack. */
static int same_site_order(const void *left, const void *right)
{
	const struct ul_site *a = left;
	const struct ul_site *b = right;
	if (a->allocator != b->allocator)
		return a->allocator < b->allocator ? -1 : 1;
	if (a->object_bytes != b->object_bytes)
		return a->object_bytes < b->object_bytes ? -1 : 1;
	int order = compare_text(a->cache, b->cache);
	for (size_t i = 0; !order; i++) {
		if (i == a->stack.frames.len || i == b->stack.frames.len)
			return (int)(a->stack.frames.len > i) - (int)(b->stack.frames.len > i);
		const struct ul_frame *fa = &a->stack.frames.data[i];
		const struct ul_frame *fb = &b->stack.frames.data[i];
		order = compare_functions(fa->function, fb->function);
		if (!order && !fa->function && fa->kaddr != fb->kaddr)
			order = fa->kaddr < fb->kaddr ? -1 : 1;
		if (!order)
			order = compare_text(fa->module, fb->module);
	}
	return order;
}

static struct ul_error *merge_processes(struct ul_site *into, const struct ul_site *from)
{
	ul_vec_foreach (process, &from->processes) {
		struct ul_site_process *same = NULL;
		ul_vec_foreach (known, &into->processes)
			if (!memcmp(known->comm, process->comm, sizeof(known->comm)))
				same = known;
		if (!same) {
			if (!ul_vec_push(&into->processes, *process))
				return &ul_enomem;
			continue;
		}
		same->objects += process->objects;
		if (same->pid != process->pid)
			same->pid = 0;
	}
	return NULL;
}

static int most_objects(const void *left, const void *right)
{
	const struct ul_site_process *a = left;
	const struct ul_site_process *b = right;
	return a->objects < b->objects ? 1 : a->objects > b->objects ? -1 : 0;
}

static int oldest(const void *left, const void *right)
{
	const struct ul_allocation *a = left;
	const struct ul_allocation *b = right;
	return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

static struct ul_error *merge_site(struct ul_site *into, struct ul_site *from)
{
	const bool both = into->live && from->live;
	for (size_t i = 0; i < UL_AGE_CLASSES; i++) {
		into->ages.freed[i] += from->ages.freed[i];
		into->ages.live[i] += from->ages.live[i];
	}
	// Exact ages are not kept: without classes the median of the larger part stands for both.
	const double together_s = ul_survival_live_p50_s(&into->ages);
	if (both && !isnan(together_s))
		into->age_p50_s = together_s;
	else if (isnan(into->age_p50_s) || from->live > into->live)
		into->age_p50_s = from->age_p50_s;
	into->allocated += from->allocated;
	into->freed += from->freed;
	into->live += from->live;
	into->missed += from->missed;
	into->allocated_bytes += from->allocated_bytes;
	into->freed_bytes += from->freed_bytes;
	into->live_bytes += from->live_bytes;
	into->survivors += from->survivors;
	into->survivor_bytes += from->survivor_bytes;
	const uint64_t ends = into->freed + into->missed;
	into->trust = ends ? (double)into->freed / (double)ends : 1;
	into->hole_bytes += from->hole_bytes;
	// Of different addresses, so independent.
	into->survivors_error = hypot(into->survivors_error, from->survivors_error);
	into->freed_error = hypot(into->freed_error, from->freed_error);
	into->allocated_error = hypot(into->allocated_error, from->allocated_error);
	UL_TRY(merge_processes(into, from));
	if (into->processes.len)
		qsort(into->processes.data, into->processes.len, sizeof(*into->processes.data),
		      most_objects);
	UL_TRY(ul_freepath_move(into, from));
	ul_vec_foreach (example, &from->examples)
		if (!ul_vec_push(&into->examples, *example))
			return &ul_enomem;
	if (into->examples.len)
		qsort(into->examples.data, into->examples.len, sizeof(*into->examples.data),
		      oldest);
	return NULL;
}

static struct ul_error *merge_equal_sites(struct ul_trace *trace)
{
	if (!trace->sites.len)
		return NULL;
	struct ul_site *sites = trace->sites.data;
	qsort(sites, trace->sites.len, sizeof(*sites), same_site_order);
	size_t kept = 0;
	for (size_t i = 1; i < trace->sites.len; i++) {
		if (same_site_order(&sites[kept], &sites[i]) != 0) {
			kept++;
			if (kept != i) {
				sites[kept] = sites[i];
				sites[i] = (struct ul_site){0};
			}
			continue;
		}
		UL_TRY(merge_site(&sites[kept], &sites[i]));
		ul_site_deinit(&sites[i]);
		sites[i] = (struct ul_site){0};
	}
	trace->sites.len = kept + 1;
	return NULL;
}

static int most_survivor_bytes(const void *left, const void *right)
{
	const struct ul_site *a = left;
	const struct ul_site *b = right;
	if (a->survivor_bytes != b->survivor_bytes)
		return a->survivor_bytes < b->survivor_bytes ? 1 : -1;
	return a->live_bytes < b->live_bytes ? 1 : a->live_bytes > b->live_bytes ? -1 : 0;
}

/*
 * Pools keep what is given back to them, and no event says whether a piece is idle or in use: so
 * many survivors may be the reserve of one pool.
 */
static const struct {
	const char *glob;
	unsigned int reserve;
} pools[] = {
	// Linux net/core/page_pool.c page_pool_init(): a ring of 1,024 unless the driver says
	// otherwise; include/net/page_pool/types.h PP_ALLOC_CACHE_SIZE: 128 beside it
	{"page_pool_alloc*", 1024 + 128},
	{"__page_pool_alloc*", 1024 + 128},
	// Linux mm/mempool.c: min_nr; of the pools in the kernel few have more (BIO_POOL_SIZE is 2)
	{"mempool_alloc*", 64},
};

static unsigned int reserve_of(const struct ul_site *site)
{
	ul_vec_foreach (frame, &site->stack.frames)
		for (size_t i = 0; frame->function && i < UL_ARRAY_LEN(pools); i++)
			if (!fnmatch(pools[i].glob, frame->function, 0))
				return pools[i].reserve;
	return 0;
}

/** Survivors that a pool may keep in reserve are not believed. */
static struct ul_error *admit_reserves(struct ul_trace *trace)
{
	uint64_t doubted = 0;
	ul_vec_foreach (site, &trace->sites) {
		const unsigned int reserve = site->survivors ? reserve_of(site) : 0;
		if (!reserve)
			continue;
		const double believed = site->survivors > reserve
						? 1 - (double)reserve / (double)site->survivors
						: 0;
		site->trust *= believed;
		doubted += site->survivors > reserve ? reserve : site->survivors;
	}
	if (!doubted)
		return NULL;
	return ul_losses_add(&trace->losses, UL_BIAS_OVER, doubted,
			     "allocations that may lie idle in the reserve of a pool (mempool, "
			     "page_pool): their sites are trusted less");
}

struct ul_error *ul_sites_digest(struct ul_trace *trace, const struct ul_ledger *ledger)
{
	ul_vec_foreach (site, &trace->sites) {
		UL_TRY(ul_sites_trim(&site->stack));
		UL_TRY(book(site, ledger));
		ul_vec_foreach (path, &site->free_paths)
			UL_TRY(ul_sites_trim(&path->stack));
	}
	UL_TRY(merge_equal_sites(trace));
	if (trace->sites.len)
		qsort(trace->sites.data, trace->sites.len, sizeof(*trace->sites.data),
		      most_survivor_bytes);
	ul_vec_foreach (site, &trace->sites) {
		choose_function(site);
		UL_TRY(ul_freepath_digest(site));
	}
	UL_TRY(admit_reserves(trace));
	return ul_survival_of_trace(trace);
}

/**
 * The same call: same cache, and the function that calls the allocator is among the innermost
 * frames. Not by address: a site can have been merged from several calls within one function.
 */
static bool same_call(const struct ul_site *site, const struct ul_site *counted)
{
	enum { INNERMOST = 4 };
	if (site->allocator != counted->allocator || !counted->stack.frames.len ||
	    !ul_text_equal(site->cache, counted->cache))
		return false;
	const char *caller = counted->stack.frames.data[0].function;
	if (!caller)
		return site->call_site == counted->call_site;
	for (size_t i = 0; i < site->stack.frames.len && i < INNERMOST; i++)
		if (ul_text_equal(site->stack.frames.data[i].function, caller))
			return true;
	return false;
}

void ul_sites_lower_trust(struct ul_trace *trace, const struct ul_trace *counted)
{
	// Fewer records than 16 prove little; each of a share of the addresses stands for many.
	const double min_ends = 16 / (counted->share > 0 ? counted->share : 1);
	ul_vec_foreach (site, &trace->sites) {
		ul_vec_foreach (other, &counted->sites) {
			if (same_call(site, other) &&
			    (double)(other->freed + other->missed) >= min_ends &&
			    other->trust < site->trust)
				site->trust = other->trust;
		}
	}
}

bool ul_sites_in_account(const struct ul_site *site, const struct ul_ledger *ledger,
			 enum ul_kind kind, const char *name)
{
	switch (site->allocator) {
	case UL_ALLOCATOR_SLAB:
		if (kind != UL_KIND_SLAB || !site->cache)
			return false;
		if (!strcmp(site->cache, name))
			return true;
		const struct ul_cache *cache = ledger ? ul_ledger_cache(ledger, site->cache) : NULL;
		return cache && !strcmp(cache->name, name);
	case UL_ALLOCATOR_PAGES:
		return kind == UL_KIND_UNACCOUNTED && !site->nested;
	case UL_ALLOCATOR_VMALLOC:
		return kind == UL_KIND_VMALLOC && ul_text_equal(site->account, name);
	case UL_ALLOCATOR_PERCPU:
		break;
	}
	return kind == UL_KIND_PERCPU;
}
