/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel allocates and frees without an event, seen by probes on its functions: kfree_rcu,
 * bulk allocations and frees, page blocks taken in bulk, elements given back to a mempool, vmalloc.
 * Included once, by trace.bpf.c. hidden.c says which function each program goes to.
 *
 * Every function has two ways to be watched: through a BPF trampoline (fentry, fexit), and through
 * a kprobe where the kernel has no trampolines or the function more arguments than they can pass on
 * (six before Linux v6.6, 473e3150e30a). Both end in the same on_...() function. Arguments are read
 * from the context as plain numbers: the verifier gives those of a trampoline types, and refuses
 * pointers to pointers altogether.
 *
 * A function that gives its result back needs both ends. A trampoline has arguments and result
 * together. With kprobes the begin is kept in `calls` by thread until the end comes; an interrupt
 * that calls the same function in between takes the place, and the outer call is counted as lost.
 */
#ifndef UL_SOURCE_TRACE_HIDDEN_BPF_H
#define UL_SOURCE_TRACE_HIDDEN_BPF_H

#include "freed.bpf.h"
#include "registers.bpf.h"

/* Second argument of kvfree_call_rcu() is the offset of the rcu_head, before v6.3 (04a522b7da3d) */
const volatile bool rcu_by_offset = false;
const volatile __u64 bulk_result_mask = 0xffffffff; /* int, or bool since v6.18 */
const volatile __u32 bulk_pages_arguments = 6;	    /* the array is the last */
const volatile __u32 vm_area_arguments = 9;	    /* of __get_vm_area_node() */
const volatile bool with_slab = true;
const volatile bool with_pages = true;
const volatile bool with_vmalloc = true;

/* --- what each function means --- */

/*
 * The verifier follows every turn of a loop, both ways of every branch in it, and all of it again
 * for every state in which it is entered. So both what is done with one of many objects and the
 * loop are global functions, which are verified once, and the loop is two: 32 and 32 turns to
 * follow, not 1,024. @name(objects, count, index) does @call for each, @where its pointer lies.
 */
enum { BULK_PART = 32 };
#define DEFINE_FOR_EACH(name, where, index, call)                                                  \
	__noinline int name##_part(__u64 objects, __u32 count_of, __u32 index)                     \
	{                                                                                          \
		/* Used even where it is not: the verifier wants every argument to be set. */      \
		asm volatile("" : : "r"(index));                                                   \
		for (__u32 i = 0; i < BULK_PART; i++) {                                            \
			const __u64 where = objects + 8 * i;                                       \
			if (i >= count_of)                                                         \
				break;                                                             \
			call;                                                                      \
		}                                                                                  \
		return 0;                                                                          \
	}                                                                                          \
	__noinline int name(__u64 objects, __u32 count_of, __u32 index)                            \
	{                                                                                          \
		for (__u32 i = 0; i < ULT_BULK_MAX; i += BULK_PART) {                              \
			if (i >= count_of)                                                         \
				break;                                                             \
			name##_part(objects + 8 * i, count_of - i, index);                         \
		}                                                                                  \
		if (count_of > ULT_BULK_MAX)                                                       \
			count(ULT_BULK_LONG);                                                      \
		return 0;                                                                          \
	}

static __always_inline __u64 pointer_at(__u64 where)
{
	__u64 pointer = 0;
	bpf_probe_read_kernel(&pointer, sizeof(pointer), (void *)where);
	return pointer > 16 ? pointer : 0;
}

/* Of the bulk free that runs on this CPU: comm << 32 | site + 1 of an object to be remembered. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bulk_remembered SEC(".maps");

static __always_inline __u64 swap_remembered(__u64 next)
{
	const __u32 zero = 0;
	__u64 *remembered = bpf_map_lookup_elem(&bulk_remembered, &zero);
	if (!remembered)
		return 0;
	const __u64 last = *remembered;
	*remembered = next;
	return last;
}

__noinline int free_one(__u64 where)
{
	struct freed freed;
	const __u64 pointer = pointer_at(where);
	if (!pointer || !may_have_record(ULT_SLAB, pointer) ||
	    !take_record(ULT_SLAB, pointer, &freed))
		return 0;
	if (!free_paths || !freed_weight(freed.number))
		return 0;
	keep_contents(pointer, freed.site, freed.number, freed.bytes);
	swap_remembered((__u64)freed.comm << 32 | (freed.site + 1));
	return 0;
}

DEFINE_FOR_EACH(free_objects, where, unused, free_one(where))

static __always_inline void on_free(void *ctx, __u64 pointer)
{
	if (pointer <= 16)
		return;
	if (with_slab && erase(ctx, ULT_SLAB, pointer))
		return;
	if (with_vmalloc)
		erase(ctx, ULT_VMALLOC, pointer);
}

/* kmem_cache_free_bulk(cache, count, objects), kfree_bulk(count, objects) through it */
static __noinline int on_free_bulk(void *ctx, __u64 objects, __u64 count_of)
{
	if (mode == ULT_MODE_OFF)
		return 0;
	begin_unpreempted();
	free_objects(objects, count_of, 0);
	// All of them by one stack: one walk, for the last that is to be remembered.
	const __u64 remembered = free_paths ? swap_remembered(0) : 0;
	if (remembered)
		count_path((__u32)remembered - 1, free_stack(ctx), remembered >> 32, 1);
	end_unpreempted();
	return 0;
}

/* An object or page of a bulk allocation; @index: its site. */
static __always_inline void record_at(enum ult_allocator allocator, __u64 pointer, __u32 index)
{
	const __u32 pid = bpf_get_current_pid_tgid() >> 32;
	if (!pointer || is_outside(pointer))
		return;
	if (mode != ULT_MODE_RECORD || !process_wanted(pid)) {
		close_reused(allocator, pointer);
		return;
	}
	struct ult_site *site = index ? site_at(index) : 0;
	if (site)
		record(allocator, ult_hash(pointer), pointer, site, index, pid);
}

__noinline int record_one(__u64 where, __u32 index)
{
	record_at(ULT_SLAB, pointer_at(where), index);
	return 0;
}

DEFINE_FOR_EACH(record_objects, where, index, record_one(where, index))

/* Whom the function returns to, behind @own frames of ours: for sites without stacks. */
static __always_inline __u64 caller_of(void *ctx, __u32 own)
{
	__u64 frames[3] = {};
	if ((int)bpf_get_stack(ctx, frames, sizeof(frames), 0) < (int)sizeof(frames))
		return 0;
	return own ? frames[2] : frames[0];
}

/* Index of the site with the stack of here; 0: none, or nobody wants it. */
static __always_inline __u32 site_of_call(void *ctx, enum ult_walker walker, __u64 pointer,
					  struct ult_site_key *key)
{
	__u32 index = 0;
	struct ult_scratch *scratch = walk_stack(ctx, walker, key->call_site, &key->stack);
	struct ult_site *site = enter_site(key, pointer, scratch, &index);
	end_walk(scratch);
	return site && site->wanted ? index : 0;
}

/* The same for a slab object, which may be counted without a stack. */
static __always_inline __u32 object_site(void *ctx, __u64 pointer, struct ult_site_key *key)
{
	__u32 index = 0;
	key->allocator = ULT_SLAB;
	key->stack = ULT_STACK_NONE;
	if (!with_stacks || wanted_caches || bytes_filtered) {
		struct ult_site *site = enter_site(key, pointer, 0, &index);
		if (!site || !site->wanted)
			return 0;
	}
	return with_stacks ? site_of_call(ctx, ULT_WALKER_ALLOC_BULK, pointer, key) : index;
}

/* kmem_cache_alloc_bulk(cache, flags, count, objects): all or nothing */
static __noinline int on_alloc_bulk(void *ctx, __u64 cache, __u64 count_of, __u64 objects,
				    __u32 own_frames)
{
	const __u64 pointer = pointer_at(objects);
	if (mode == ULT_MODE_OFF || !pointer)
		return 0;
	begin_unpreempted();
	struct ult_site_key key = {.call_site = caller_of(ctx, own_frames), .cache = cache};
	const __u32 index = mode == ULT_MODE_RECORD ? object_site(ctx, pointer, &key) : 0;
	record_objects(objects, count_of, index);
	end_unpreempted();
	return 0;
}

/*
 * A page of a bulk allocation. One that is recorded already came in the array, or through the
 * allocator's other door, which has an event.
 */
__noinline int record_page(__u64 where, __u32 index)
{
	const __u64 page = pointer_at(where);
	const __u64 hash = ult_hash(page);
	if (page && sampled(hash) && !find_live(ULT_PAGES, hash, page))
		record_at(ULT_PAGES, page, index);
	return 0;
}

DEFINE_FOR_EACH(record_pages, where, index, record_page(where, index))

/* alloc_pages_bulk(gfp, node, nodemask, count, ..., pages): result is how many the array has */
static __noinline int on_pages_bulk(void *ctx, __u64 gfp, __u64 pages, __u64 count_of)
{
	// Movable and reclaimable pages: as in ul_mm_page_alloc.
	if (mode != ULT_MODE_RECORD || !pages || !count_of || gfp & 0x18)
		return 0;
	struct ult_site_key key = {
		.allocator = ULT_PAGES,
		.bytes = page_bytes,
		.gfp_class = gfp_class(gfp),
	};
	begin_unpreempted();
	const __u32 index = site_of_call(ctx, ULT_WALKER_PAGES_BULK, 0, &key);
	record_pages(pages, count_of, index);
	end_unpreempted();
	return 0;
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct vm_struct { /* Linux include/linux/vmalloc.h */
	void *addr;
	unsigned long size;
	unsigned long flags;
	const void *caller;
};
#pragma clang attribute pop

enum { VM_ALLOC = 0x02, VM_NO_GUARD = 0x40 }; /* Linux include/linux/vmalloc.h */

/*
 * __get_vm_area_node() has made @area, on the way of every vmalloc (__vmalloc_node_range() itself
 * is inlined into its callers by some compilers). Its pages come next; without them the area goes
 * again, by vfree(). ioremap() and vmap() have no pages of their own: false.
 */
static __always_inline bool read_area(__u64 area, __u64 *address, struct ult_site_key *key)
{
	struct vm_struct *vm = (void *)area;
	__u64 bytes = 0;
	__u64 flags = 0;
	if (!area)
		return false;
	bpf_core_read(address, sizeof(*address), &vm->addr);
	bpf_core_read(&bytes, sizeof(bytes), &vm->size);
	bpf_core_read(&flags, sizeof(flags), &vm->flags);
	bpf_core_read(&key->call_site, sizeof(key->call_site), &vm->caller);
	if (!(flags & VM_NO_GUARD) && bytes > page_bytes)
		bytes -= page_bytes;
	key->bytes = bytes > 0xffffffff ? 0xffffffff : bytes;
	return (flags & VM_ALLOC) && *address;
}

/* mempool_free(element, pool): given up by its owner, though it may go to the reserve, unseen */
static __always_inline void on_mempool_free(void *ctx, __u64 element)
{
	if (with_slab && erase(ctx, ULT_SLAB, element))
		return;
	if (with_pages)
		erase(ctx, ULT_PAGES, element);
}

static __always_inline __u64 rcu_object(__u64 head, __u64 object)
{
	// Without a head the second argument is the object, before and after.
	return rcu_by_offset && head ? head - object : object;
}

/* --- trampolines --- */

/* Arguments, and the result behind them: words from the context on. */
#define READ_WORDS(words, ctx) bpf_probe_read_kernel(words, sizeof(words), ctx)

SEC("?fentry/kvfree_call_rcu")
int ul_free_rcu(void *ctx)
{
	__u64 words[2] = {};
	READ_WORDS(words, ctx);
	on_free(ctx, rcu_object(words[0], words[1]));
	return 0;
}

SEC("?fentry/kmem_cache_free_bulk")
int ul_free_bulk(void *ctx)
{
	__u64 words[3] = {};
	READ_WORDS(words, ctx);
	return on_free_bulk(ctx, words[2], (__u32)words[1]);
}

SEC("?fexit/kmem_cache_alloc_bulk")
int ul_alloc_bulk(void *ctx)
{
	__u64 words[5] = {};
	READ_WORDS(words, ctx);
	return words[4] & bulk_result_mask
		       ? on_alloc_bulk(ctx, words[0], (__u32)words[2], words[3], 2)
		       : 0;
}

SEC("?fexit/alloc_pages_bulk_noprof")
int ul_pages_bulk(void *ctx)
{
	__u64 words[7] = {};
	READ_WORDS(words, ctx);
	if (bulk_pages_arguments == 5)
		return on_pages_bulk(ctx, words[0], words[4], words[5]);
	return on_pages_bulk(ctx, words[0], words[5], words[6]);
}

SEC("?fentry/mempool_free")
int ul_free_mempool(void *ctx)
{
	__u64 words[1] = {};
	READ_WORDS(words, ctx);
	on_mempool_free(ctx, words[0]);
	return 0;
}

SEC("?fexit/__get_vm_area_node")
int ul_vm_area(void *ctx)
{
	__u64 words[10] = {};
	__u64 address = 0;
	struct ult_site_key key = {};
	if (mode == ULT_MODE_OFF)
		return 0;
	READ_WORDS(words, ctx);
	if (read_area(vm_area_arguments == 9 ? words[9] : words[8], &address, &key))
		record_area(ctx, ULT_WALKER_VM_AREA, ULT_VMALLOC, address, &key);
	return 0;
}

SEC("?fentry/vfree")
int ul_vfree(void *ctx)
{
	__u64 words[1] = {};
	READ_WORDS(words, ctx);
	erase(ctx, ULT_VMALLOC, words[0]);
	return 0;
}

SEC("?fentry/vfree_atomic")
int ul_vfree_atomic(void *ctx)
{
	__u64 words[1] = {};
	READ_WORDS(words, ctx);
	erase(ctx, ULT_VMALLOC, words[0]);
	return 0;
}

SEC("?fentry/remove_vm_area")
int ul_free_area(void *ctx)
{
	__u64 words[1] = {};
	READ_WORDS(words, ctx);
	erase(ctx, ULT_VMALLOC, words[0]);
	return 0;
}

/* --- kprobes --- */

#if defined(FIRST)

enum call { CALL_ALLOC_BULK, CALL_PAGES_BULK, CALL_VM_AREA };

struct call_key {
	__u64 thread;
	__u64 call; /* enum call */
};

/* A call that has begun. */
struct call_begun {
	__u64 words[3];
	__u64 frames_len;
	__u64 frames[ULT_CALL_FRAMES]; /* where the stack must be walked then */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set before load: ULT_CALLS, where kprobes are used */
	__type(key, struct call_key);
	__type(value, struct call_begun);
} calls SEC(".maps");

static __always_inline void begin_call(enum call call, const struct call_begun *begun)
{
	const struct call_key key = {bpf_get_current_pid_tgid(), call};
	if ((int)bpf_map_update_elem(&calls, &key, begun, BPF_NOEXIST)) {
		count(ULT_CALL_LOST);
		bpf_map_update_elem(&calls, &key, begun, BPF_EXIST);
	}
}

/* The begin of the call that ends now; 0: it was not seen. It stays until forget_call(). */
static __always_inline struct call_begun *find_call(enum call call)
{
	const struct call_key key = {bpf_get_current_pid_tgid(), call};
	return bpf_map_lookup_elem(&calls, &key);
}

static __always_inline void forget_call(enum call call)
{
	const struct call_key key = {bpf_get_current_pid_tgid(), call};
	bpf_map_delete_elem(&calls, &key);
}

/* Its words alone: all of it would fill the stack of the programs. */
struct call_words {
	__u64 words[3];
};

static __always_inline bool end_call(enum call call, struct call_words *ret)
{
	const struct call_begun *begun = find_call(call);
	if (!begun)
		return false;
	__builtin_memcpy(ret->words, begun->words, sizeof(ret->words));
	forget_call(call);
	return true;
}

SEC("?kprobe")
int ulk_free_rcu(struct pt_regs *ctx)
{
	on_free(ctx, rcu_object(FIRST(ctx), SECOND(ctx)));
	return 0;
}

SEC("?kprobe")
int ulk_free_bulk(struct pt_regs *ctx)
{
	return on_free_bulk(ctx, THIRD(ctx), (__u32)SECOND(ctx));
}

SEC("?kprobe")
int ulk_alloc_bulk(struct pt_regs *ctx)
{
	const struct call_begun begun = {
		.words = {FIRST(ctx), (__u32)THIRD(ctx), FOURTH(ctx)},
	};
	if (mode != ULT_MODE_OFF)
		begin_call(CALL_ALLOC_BULK, &begun);
	return 0;
}

SEC("?kretprobe")
int ulk_alloc_bulk_end(struct pt_regs *ctx)
{
	struct call_words begun;
	if (!end_call(CALL_ALLOC_BULK, &begun) || !(RESULT(ctx) & bulk_result_mask))
		return 0;
	return on_alloc_bulk(ctx, begun.words[0], begun.words[1], begun.words[2], 0);
}

SEC("?kprobe")
int ulk_pages_bulk(struct pt_regs *ctx)
{
	const struct call_begun begun = {
		.words = {FIRST(ctx), FIFTH(ctx), SIXTH(ctx)},
	};
	if (mode != ULT_MODE_OFF)
		begin_call(CALL_PAGES_BULK, &begun);
	return 0;
}

SEC("?kretprobe")
int ulk_pages_bulk_end(struct pt_regs *ctx)
{
	struct call_words begun;
	if (!end_call(CALL_PAGES_BULK, &begun))
		return 0;
	return on_pages_bulk(ctx, begun.words[0], begun.words[bulk_pages_arguments == 5 ? 1 : 2],
			     RESULT(ctx));
}

SEC("?kprobe")
int ulk_free_mempool(struct pt_regs *ctx)
{
	on_mempool_free(ctx, FIRST(ctx));
	return 0;
}

SEC("?kprobe")
int ulk_vm_area(struct pt_regs *ctx)
{
	if (mode == ULT_MODE_OFF)
		return 0;
	// The stack now: behind a return probe older kernels cannot walk it.
	struct call_begun begun = {};
	const int bytes = (int)bpf_get_stack(ctx, begun.frames, sizeof(begun.frames), 0);
	begun.frames_len = bytes > 0 ? (__u32)bytes / sizeof(__u64) : 0;
	begin_call(CALL_VM_AREA, &begun);
	return 0;
}

/* The stack of the begin, as if it had been walked now; 0: it was lost. */
static __always_inline struct ult_scratch *walk_begun(const struct call_begun *begun, __u64 *hash)
{
	const __u32 walker = ULT_WALKER_VM_AREA;
	struct ult_scratch *scratch = bpf_map_lookup_elem(&scratches, &walker);
	*hash = ULT_STACK_LOST;
	if (!scratch || scratch->busy || !begun->frames_len) {
		count(ULT_STACK_FAILED);
		return 0;
	}
	scratch->busy = 1;
	__u64 sum = STACK_HASH_SEED;
#pragma unroll
	for (__u32 i = 0; i < ULT_CALL_FRAMES; i++) {
		scratch->frames[i] = begun->frames[i]; // zeroes behind the last
		sum = mix(sum, begun->frames[i]);
	}
	scratch->frames[ULT_CALL_FRAMES] = 0;
	scratch->frames_len = begun->frames_len;
	*hash = stack_hash(sum);
	return scratch;
}

SEC("?kretprobe")
int ulk_vm_area_end(struct pt_regs *ctx)
{
	__u32 index = 0;
	__u64 address = 0;
	struct ult_site_key key = {.allocator = ULT_VMALLOC};
	const struct call_begun *begun = find_call(CALL_VM_AREA);
	if (!begun)
		return 0;
	if (read_area(RESULT(ctx), &address, &key) && !is_outside(address)) {
		struct ult_scratch *scratch = walk_begun(begun, &key.stack);
		enter_site(&key, address, scratch, &index);
		end_walk(scratch);
		record_at(ULT_VMALLOC, address, index);
	}
	forget_call(CALL_VM_AREA);
	return 0;
}

SEC("?kprobe")
int ulk_vfree(struct pt_regs *ctx)
{
	erase(ctx, ULT_VMALLOC, FIRST(ctx));
	return 0;
}

SEC("?kprobe")
int ulk_vfree_atomic(struct pt_regs *ctx)
{
	erase(ctx, ULT_VMALLOC, FIRST(ctx));
	return 0;
}

SEC("?kprobe")
int ulk_free_area(struct pt_regs *ctx)
{
	erase(ctx, ULT_VMALLOC, FIRST(ctx));
	return 0;
}

#endif
#endif
