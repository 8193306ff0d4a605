// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which function each program of hidden.bpf.h goes to. Functions come and go and change their names
 * (`_noprof` since v6.10, allocation profiling) and arguments; BTF says which there are and what
 * they take. Whether one can be watched is not to be looked up: a trampoline needs the function
 * tracer, an architecture that has trampolines, and no more arguments than it passes on. So it is
 * tried, trampoline first, then kprobe; what cannot be watched stays hidden and becomes a loss.
 *
 * A free is hidden unless every way to it is watched, so a blind spot is closed only when all its
 * functions that exist have their probe.
 */
#include "source/trace/hidden.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <unistd.h>

#include "source/trace/trace_skeleton.h"

enum { MAX_NAMES = 4, WATCHED = 9, MAX_LINKS = 2 };

/** A function to watch, with the programs for it. */
struct watched {
	const char *names[MAX_NAMES];	 /**< the first that exists */
	unsigned int allocators;	 /**< enum ul_trace_allocators: of any of these */
	enum ul_hidden closes;		 /**< the blind spot */
	bool optional;			 /**< not every kernel has it, and then nothing is hidden */
	struct bpf_program *trampoline;	 /**< fentry or fexit */
	struct bpf_program *begin, *end; /**< kprobe; kretprobe or NULL */
};

/** The links of what is attached. */
struct ul_hidden_links {
	struct bpf_link *links[WATCHED * MAX_LINKS];
	size_t len;
};

#ifdef __x86_64__
#define KPROBES(begin_name, end_name) .begin = (begin_name), .end = (end_name)
#elif defined(__aarch64__)
#define KPROBES(begin_name, end_name) .begin = (begin_name), .end = (end_name)
#else
#define KPROBES(begin_name, end_name) .begin = NULL
#endif

/** The one table of them. Kernel places: mm/slub.c, mm/slab_common.c, mm/page_alloc.c, ... */
static void list_watched(const struct trace_bpf *skeleton, struct watched ret[static WATCHED])
{
	const struct watched all[] = {
		// kernel/rcu/tree.c, mm/slab_common.c since v6.14
		{{"kvfree_call_rcu"},
		 UL_TRACE_SLAB | UL_TRACE_VMALLOC,
		 UL_HIDDEN_FREE_RCU,
		 .trampoline = skeleton->progs.ul_free_rcu,
		 KPROBES(skeleton->progs.ulk_free_rcu, NULL)},
		{{"kmem_cache_free_bulk"},
		 UL_TRACE_SLAB,
		 UL_HIDDEN_FREE_BULK,
		 .trampoline = skeleton->progs.ul_free_bulk,
		 KPROBES(skeleton->progs.ulk_free_bulk, NULL)},
		{{"kmem_cache_alloc_bulk_noprof", "kmem_cache_alloc_bulk"},
		 UL_TRACE_SLAB,
		 UL_HIDDEN_ALLOC_BULK,
		 .trampoline = skeleton->progs.ul_alloc_bulk,
		 KPROBES(skeleton->progs.ulk_alloc_bulk, skeleton->progs.ulk_alloc_bulk_end)},
		// since v5.13 (387ba26fb1cb)
		{{"alloc_pages_bulk_noprof", "__alloc_pages_bulk"},
		 UL_TRACE_PAGES,
		 UL_HIDDEN_PAGES_BULK,
		 .optional = true,
		 .trampoline = skeleton->progs.ul_pages_bulk,
		 KPROBES(skeleton->progs.ulk_pages_bulk, skeleton->progs.ulk_pages_bulk_end)},
		{{"mempool_free"},
		 UL_TRACE_SLAB | UL_TRACE_PAGES,
		 UL_HIDDEN_MEMPOOL,
		 .trampoline = skeleton->progs.ul_free_mempool,
		 KPROBES(skeleton->progs.ulk_free_mempool, NULL)},
		{{"vfree"},
		 UL_TRACE_VMALLOC,
		 UL_HIDDEN_VFREE,
		 .trampoline = skeleton->progs.ul_vfree,
		 KPROBES(skeleton->progs.ulk_vfree, NULL)},
		{{"vfree_atomic"},
		 UL_TRACE_VMALLOC,
		 UL_HIDDEN_VFREE,
		 .trampoline = skeleton->progs.ul_vfree_atomic,
		 KPROBES(skeleton->progs.ulk_vfree_atomic, NULL)},
		{{"remove_vm_area"},
		 UL_TRACE_VMALLOC,
		 UL_HIDDEN_VFREE,
		 .trampoline = skeleton->progs.ul_free_area,
		 KPROBES(skeleton->progs.ulk_free_area, NULL)},
		// last: without its frees it is not watched
		{{"__get_vm_area_node"},
		 UL_TRACE_VMALLOC,
		 UL_HIDDEN_VMALLOC,
		 .trampoline = skeleton->progs.ul_vm_area,
		 KPROBES(skeleton->progs.ulk_vm_area, skeleton->progs.ulk_vm_area_end)},
	};
	_Static_assert(sizeof(all) == WATCHED * sizeof(all[0]), "WATCHED counts the table");
	memcpy(ret, all, sizeof(all));
}

const struct btf_type *ul_hidden_prototype_of(const struct btf *btf, const char *name)
{
	const __s32 id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	const struct btf_type *function = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	const struct btf_type *type = function ? btf__type_by_id(btf, function->type) : NULL;
	return type && btf_is_func_proto(type) ? type : NULL;
}

static const char *existing_name(const struct btf *btf, const struct watched *watched)
{
	for (size_t i = 0; i < MAX_NAMES && watched->names[i]; i++)
		if (ul_hidden_prototype_of(btf, watched->names[i]))
			return watched->names[i];
	return NULL;
}

/** True when parameter @p at of @p prototype is a pointer to void, whatever its qualifiers. */
static bool takes_void_pointer(const struct btf *btf, const struct btf_type *prototype, int at)
{
	if (btf_vlen(prototype) <= at)
		return false;
	const __s32 id = btf__resolve_type(btf, btf_params(prototype)[at].type);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	return type && btf_is_ptr(type) && !type->type;
}

static void configure_arguments(struct trace_bpf *skeleton, const struct btf *btf)
{
	const struct btf_type *free_rcu = ul_hidden_prototype_of(btf, "kvfree_call_rcu");
	skeleton->rodata->rcu_by_offset = free_rcu && !takes_void_pointer(btf, free_rcu, 1);
	const struct btf_type *alloc_bulk =
		ul_hidden_prototype_of(btf, "kmem_cache_alloc_bulk_noprof");
	const __s64 result_bytes = alloc_bulk ? btf__resolve_size(btf, alloc_bulk->type) : 0;
	if (result_bytes == 1) // bool: the rest of the register is anything
		skeleton->rodata->bulk_result_mask = 0xff;
	const struct btf_type *vm_area = ul_hidden_prototype_of(btf, "__get_vm_area_node");
	if (vm_area)
		skeleton->rodata->vm_area_arguments = btf_vlen(vm_area);
	// The list of pages went in v6.14: the array is the last argument all the same.
	const struct btf_type *pages = ul_hidden_prototype_of(btf, "alloc_pages_bulk_noprof");
	if (pages && btf_vlen(pages) == 5)
		skeleton->rodata->bulk_pages_arguments = 5;
}

bool ul_hidden_has_trampoline(const struct btf *btf, const char *name)
{
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	const __s32 id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_id = id > 0 ? (__u32)id : 0);
	const int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "ul_probe", "GPL", nothing,
				     UL_ARRAY_LEN(nothing), &options);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/** Arguments beyond those in registers: trampolines pass them on since v6.6 (473e3150e30a). */
static bool has_many_arguments(const struct btf *btf, const char *name)
{
	enum { IN_REGISTERS = 6 };
	const struct btf_type *prototype = ul_hidden_prototype_of(btf, name);
	return prototype && btf_vlen(prototype) > IN_REGISTERS;
}

bool ul_hidden_has_kprobes(void)
{
	static const char *const signs[] = {"/sys/bus/event_source/devices/kprobe",
					    "/sys/kernel/tracing/kprobe_events",
					    "/sys/kernel/debug/tracing/kprobe_events"};
	for (size_t i = 0; i < UL_ARRAY_LEN(signs); i++)
		if (!access(signs[i], F_OK))
			return true;
	return access("/sys/bus/event_source/devices", F_OK) != 0; // no sysfs: not known
}

static void set_loaded(struct bpf_program *program, bool wanted)
{
	if (!program)
		return;
	bpf_program__set_autoload(program, wanted);
	bpf_program__set_autoattach(program, false);
}

void ul_hidden_configure(struct trace_bpf *skeleton, const struct ul_tracer *tracer,
			 const struct btf *btf, enum ul_hidden_how how)
{
	struct watched watched[WATCHED];
	const bool kprobes = ul_hidden_has_kprobes();
	list_watched(skeleton, watched);
	configure_arguments(skeleton, btf);
	skeleton->rodata->with_slab = tracer->allocators & UL_TRACE_SLAB;
	skeleton->rodata->with_pages = tracer->allocators & UL_TRACE_PAGES;
	skeleton->rodata->with_vmalloc = tracer->allocators & UL_TRACE_VMALLOC;
	for (size_t i = 0; i < WATCHED; i++) {
		const char *name = existing_name(btf, &watched[i]);
		const bool wanted = name && how != UL_HIDDEN_NOT &&
				    (watched[i].allocators & tracer->allocators);
		const bool trampoline =
			wanted && how == UL_HIDDEN_AUTO && ul_hidden_has_trampoline(btf, name) &&
			!bpf_program__set_attach_target(watched[i].trampoline, 0, name);
		// With many arguments it may load and not attach: then the kprobe is needed.
		const bool kprobe =
			wanted && kprobes && (!trampoline || has_many_arguments(btf, name));
		set_loaded(watched[i].trampoline, trampoline);
		set_loaded(watched[i].begin, kprobe);
		set_loaded(watched[i].end, kprobe);
	}
	bpf_map__set_max_entries(skeleton->maps.calls, how == UL_HIDDEN_NOT ? 1 : ULT_CALLS);
}

/** Keep @p link, if it is one; false: nothing was attached. */
static bool keep(struct ul_hidden_links *links, struct bpf_link *link)
{
	if (!link || libbpf_get_error(link))
		return false;
	links->links[links->len++] = link;
	return true;
}

static bool attach_one(struct ul_hidden_links *links, const struct watched *watched,
		       const char *name)
{
	if (bpf_program__autoload(watched->trampoline) &&
	    keep(links, bpf_program__attach_trace(watched->trampoline)))
		return true;
	if (!watched->begin || !bpf_program__autoload(watched->begin))
		return false;
	if (watched->end && !keep(links, bpf_program__attach_kprobe(watched->end, true, name)))
		return false;
	return keep(links, bpf_program__attach_kprobe(watched->begin, false, name));
}

struct ul_error *ul_hidden_attach(struct ul_tracer *tracer)
{
	struct watched watched[WATCHED];
	unsigned int missing = 0;
	list_watched(tracer->skeleton, watched);
	struct btf *btf = btf__load_vmlinux_btf();
	tracer->hidden_links = calloc(1, sizeof(*tracer->hidden_links));
	if (!btf || !tracer->hidden_links) {
		btf__free(btf);
		return &ul_enomem;
	}
	for (size_t i = 0; i < WATCHED; i++) {
		const char *name = existing_name(btf, &watched[i]);
		if (!(watched[i].allocators & tracer->allocators))
			continue;
		if (watched[i].closes == UL_HIDDEN_VMALLOC && (missing & UL_HIDDEN_VFREE))
			continue;
		if (name ? attach_one(tracer->hidden_links, &watched[i], name)
			 : watched[i].optional)
			tracer->hidden |= watched[i].closes;
		else
			missing |= watched[i].closes;
	}
	btf__free(btf);
	tracer->hidden &= ~missing;
	return NULL;
}

void ul_hidden_detach(struct ul_hidden_links *links)
{
	for (size_t i = 0; links && i < links->len; i++)
		bpf_link__destroy(links->links[i]);
	free(links);
}

struct ul_error *ul_hidden_losses(const struct ul_tracer *tracer, struct ul_losses *losses)
{
	static const struct {
		unsigned int allocators;
		enum ul_hidden hidden;
		enum ul_bias bias;
		const char *what;
	} table[] = {
		{UL_TRACE_SLAB, UL_HIDDEN_FREE_RCU, UL_BIAS_OVER,
		 "frees by kfree_rcu(): no event, and no probe can be set here"},
		{UL_TRACE_SLAB, UL_HIDDEN_FREE_BULK, UL_BIAS_OVER,
		 "frees in bulk (kfree_bulk, kmem_cache_free_bulk): no event, and no probe can be "
		 "set here"},
		{UL_TRACE_SLAB, UL_HIDDEN_ALLOC_BULK, UL_BIAS_UNDER,
		 "objects allocated in bulk (kmem_cache_alloc_bulk): no event, and no probe can be "
		 "set here"},
		{UL_TRACE_PAGES, UL_HIDDEN_PAGES_BULK, UL_BIAS_UNDER,
		 "pages allocated in bulk (alloc_pages_bulk): no event, and no probe can be set "
		 "here"},
		{UL_TRACE_SLAB | UL_TRACE_PAGES, UL_HIDDEN_MEMPOOL, UL_BIAS_OVER,
		 "elements given back to the reserve of a mempool: no event, and no probe can be "
		 "set here"},
		{UL_TRACE_VMALLOC, UL_HIDDEN_VMALLOC, UL_BIAS_UNDER,
		 "vmalloc areas: no event, and no probe can be set here; /proc/vmallocinfo has "
		 "their callers"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++)
		if ((table[i].allocators & tracer->allocators) &&
		    !(table[i].hidden & tracer->hidden))
			UL_TRY(ul_losses_add(losses, table[i].bias, 0, "%s", table[i].what));
	return NULL;
}
