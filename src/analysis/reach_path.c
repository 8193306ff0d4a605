// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who keeps it alive? A breadth-first search from the roots: the first way to an object is a
 * shortest one. Of an object only the one that led to it is kept (4 bytes), where in it the pointer
 * stands is looked up again for the few on the way.
 *
 * Roots with names come first (variables of the kernel and of modules, per-CPU ones), then stacks,
 * then the rest: of two ways of the same length the one that says more is told. One thread, so that
 * the answer is always the same.
 */
#include "analysis/reach_internal.h"

enum { STOP_EVERY = 1024, STEPS_MAX = 1 << 20 };

/*
 * Who led to an object: 0 nobody yet, then 1 + number of the object; behind those the roots, behind
 * those the processors (registers), last "known to be kept".
 */
struct search {
	const struct ul_reach_scan *scan;
	const struct ul_reach_paths_options *options;
	uint32_t *parent;
	UL_VEC(uint64_t) queue; /**< block << 32 | slot, as they were met */
	size_t head;
	uint64_t *wanted; /**< bit an object: a target that is not found yet */
	size_t missing;
	uint32_t from; /**< parent of what is being scanned */
	struct ul_reach_window window;
	bool stopped;
};

static uint32_t root_parent(const struct search *search, size_t root)
{
	return (uint32_t)(search->scan->heap->objects + 1 + root);
}

static uint32_t cpu_parent(const struct search *search, size_t cpu)
{
	return root_parent(search, search->scan->heap->roots.len + cpu);
}

static uint32_t kept_parent(const struct search *search)
{
	return cpu_parent(search, search->scan->image->cpus.len);
}

static struct ul_error *meet(struct search *search, const struct ul_reach_hit *hit)
{
	if (search->parent[hit->object] || !ul_heap_is_allocated(search->scan->heap, hit->object))
		return NULL;
	search->parent[hit->object] = search->from;
	if (ul_reach_bit(search->wanted, hit->object))
		search->missing--;
	return ul_vec_push(&search->queue, (uint64_t)hit->block << 32 | hit->slot) ? NULL
										   : &ul_enomem;
}

static struct ul_error *scan_words(void *context, uint64_t kaddr, const uint8_t *bytes,
				   uint64_t len)
{
	struct search *search = context;
	struct ul_reach_hit hit;
	(void)kaddr;
	for (uint64_t at = 0; at < len; at += 8) {
		const uint64_t word = ul_reach_load(bytes + at);
		if (word && ul_reach_resolve(search->scan, word, &hit))
			UL_TRY(meet(search, &hit));
	}
	return NULL;
}

/** Calls @p fn for the words of an object: its struct pages, if they are its own, and its payload.
 */
static struct ul_error *scan_object(const struct ul_reach_scan *scan,
				    struct ul_reach_window *window, uint32_t number, uint32_t slot,
				    ul_reach_words_fn fn, void *context)
{
	const struct ul_block *block = &scan->heap->blocks.data[number];
	if (!ul_reach_is_scanned(block))
		return NULL;
	if (ul_reach_owns_pages(block)) {
		const struct ul_range pages = ul_reach_struct_pages(scan, block);
		UL_TRY(ul_reach_scan_range(scan, window, pages.start, pages.end - pages.start, fn,
					   context));
	}
	return ul_reach_scan_range(scan, window, block->kaddr + (uint64_t)slot * block->slot_bytes,
				   ul_heap_block_payload(scan->heap, block), fn, context);
}

/* ---- where to begin ---- */

static unsigned int rank(enum ul_root_kind kind)
{
	switch (kind) {
	case UL_ROOT_IMAGE:
	case UL_ROOT_MODULE:
	case UL_ROOT_CODE:
		return 0;
	case UL_ROOT_PERCPU:
		return 1;
	case UL_ROOT_STACK:
	case UL_ROOT_REGISTERS:
		return 2;
	case UL_ROOT_RESERVED:
	case UL_ROOT_PAGE:
		break;
	}
	return 3;
}

static struct ul_error *begin_roots(struct search *search, const struct ul_reach_roots *roots,
				    unsigned int wanted)
{
	const struct ul_heap *heap = search->scan->heap;
	ul_vec_foreach (stretch, &roots->items) {
		if (rank(heap->roots.data[stretch->root].kind) != wanted)
			continue;
		search->from = root_parent(search, stretch->root);
		UL_TRY(ul_reach_scan_range(search->scan, &search->window, stretch->kaddr,
					   stretch->bytes, scan_words, search));
	}
	return NULL;
}

static struct ul_error *begin_code(struct search *search)
{
	const __auto_type roots = &search->scan->heap->roots;
	struct ul_reach_hit hit;
	for (size_t i = 0; i < roots->len; i++) {
		search->from = root_parent(search, i);
		if (roots->data[i].kind == UL_ROOT_CODE &&
		    ul_reach_resolve(search->scan, roots->data[i].owner, &hit))
			UL_TRY(meet(search, &hit));
	}
	return NULL;
}

static struct ul_error *begin_registers(struct search *search)
{
	const __auto_type cpus = &search->scan->image->cpus;
	struct ul_reach_hit hit;
	for (size_t i = 0; i < cpus->len; i++) {
		const struct ul_cpu_state *cpu = &cpus->data[i];
		search->from = cpu_parent(search, i);
		for (uint32_t r = 0; r < cpu->registers_len && r < UL_ARRAY_LEN(cpu->registers);
		     r++)
			if (ul_reach_resolve(search->scan, cpu->registers[r], &hit))
				UL_TRY(meet(search, &hit));
	}
	return NULL;
}

/** Objects whose state is not known, or that are known to be kept, reach what they point to. */
static struct ul_error *begin_kept(struct search *search)
{
	const struct ul_heap *heap = search->scan->heap;
	for (size_t i = 0; i < heap->blocks.len; i++) {
		const struct ul_block *block = &heap->blocks.data[i];
		search->from = kept_parent(search);
		for (uint32_t slot = 0;
		     block->flags & (UL_BLOCK_UNKNOWN | UL_BLOCK_NOT_LEAK) && slot < block->slots;
		     slot++) {
			const struct ul_reach_hit hit = {(uint32_t)i, slot, block->first + slot};
			UL_TRY(meet(search, &hit));
		}
	}
	return NULL;
}

static struct ul_error *begin(struct search *search)
{
	struct ul_reach_roots roots = {0};
	struct ul_error *error = ul_reach_roots(search->scan, &roots);
	for (unsigned int wanted = 0; !error && wanted <= 3; wanted++) {
		error = begin_roots(search, &roots, wanted);
		if (!error && wanted == 0)
			error = begin_code(search);
		if (!error && wanted == 2)
			error = begin_registers(search);
	}
	ul_vec_deinit(&roots.items);
	return error ? error : begin_kept(search);
}

static struct ul_error *spread(struct search *search)
{
	const struct ul_heap *heap = search->scan->heap;
	while (search->head < search->queue.len && search->missing) {
		const uint64_t item = search->queue.data[search->head++];
		const uint32_t number = (uint32_t)(item >> 32);
		const uint32_t slot = (uint32_t)item;
		if (search->head % STOP_EVERY == 0 && search->options->stop &&
		    search->options->stop(search->options->context)) {
			search->stopped = true;
			return NULL;
		}
		search->from = heap->blocks.data[number].first + slot + 1;
		UL_TRY(scan_object(search->scan, &search->window, number, slot, scan_words,
				   search));
	}
	return NULL;
}

/* ---- the way back ---- */

/** Looks for the first word that leads to an object. */
struct lookup {
	const struct ul_reach_scan *scan;
	uint32_t object;
	bool found;
	uint64_t kaddr; /**< of the word */
};

static struct ul_error *lookup_words(void *context, uint64_t kaddr, const uint8_t *bytes,
				     uint64_t len)
{
	struct lookup *lookup = context;
	struct ul_reach_hit hit;
	for (uint64_t at = 0; at < len && !lookup->found; at += 8) {
		const uint64_t word = ul_reach_load(bytes + at);
		if (!word || !ul_reach_resolve(lookup->scan, word, &hit) ||
		    hit.object != lookup->object)
			continue;
		lookup->found = true;
		lookup->kaddr = kaddr + at;
	}
	return NULL;
}

/** The step of object @p parent, which leads to @p child. */
static struct ul_error *object_step(struct search *search, uint32_t parent, uint32_t child,
				    struct ul_path_step *ret)
{
	struct lookup lookup = {.scan = search->scan, .object = child};
	const struct ul_heap *heap = search->scan->heap;
	struct ul_heap_hit hit;
	if (!ul_heap_object(heap, parent, &hit))
		return NULL;
	UL_TRY(scan_object(search->scan, &search->window, (uint32_t)(hit.block - heap->blocks.data),
			   hit.slot, lookup_words, &lookup));
	ret->kaddr = hit.kaddr;
	// A pointer in its struct page stands outside of the object.
	if (lookup.found && lookup.kaddr - hit.kaddr < hit.block->bytes)
		ret->offset = lookup.kaddr - hit.kaddr;
	return NULL;
}

static struct ul_error *root_step(struct search *search, uint32_t root, uint32_t child,
				  struct ul_path_step *ret)
{
	struct lookup lookup = {.scan = search->scan, .object = child};
	const struct ul_heap *heap = search->scan->heap;
	ret->root = true;
	if (root >= heap->roots.len) {
		ret->root_kind = UL_ROOT_REGISTERS;
		ret->owner = search->scan->image->cpus.data[root - heap->roots.len].cpu;
		return NULL;
	}
	const struct ul_root *from = &heap->roots.data[root];
	UL_TRY(ul_reach_scan_range(search->scan, &search->window, from->kaddr, from->bytes,
				   lookup_words, &lookup));
	ret->root_kind = from->kind;
	ret->owner = from->kind == UL_ROOT_CODE ? 0 : from->owner;
	ret->kaddr = lookup.found ? lookup.kaddr : from->kaddr;
	return NULL;
}

static struct ul_path_step *add_step(struct ul_path *path)
{
	return path->steps.len < STEPS_MAX ? ul_vec_add(&path->steps) : NULL;
}

/** Steps from the target back to the root, then turned round. */
static struct ul_error *trace_back(struct search *search, const struct ul_heap_hit *target,
				   struct ul_path *path)
{
	const struct ul_heap *heap = search->scan->heap;
	uint32_t child = (uint32_t)target->object;
	struct ul_path_step *step = add_step(path);
	if (!step)
		return &ul_enomem;
	step->kaddr = target->kaddr;
	while (search->parent[child] != kept_parent(search)) {
		const uint32_t parent = search->parent[child];
		step = add_step(path);
		if (!step)
			return &ul_enomem;
		if (parent > heap->objects) {
			UL_TRY(root_step(search, parent - (uint32_t)heap->objects - 1, child,
					 step));
			break;
		}
		UL_TRY(object_step(search, parent - 1, child, step));
		child = parent - 1;
	}
	for (size_t i = 0; i < path->steps.len / 2; i++) {
		const struct ul_path_step swapped = path->steps.data[i];
		path->steps.data[i] = path->steps.data[path->steps.len - 1 - i];
		path->steps.data[path->steps.len - 1 - i] = swapped;
	}
	return NULL;
}

void ul_path_deinit(struct ul_path *path)
{
	ul_vec_deinit(&path->steps);
}

static struct ul_error *want(struct search *search, const uint64_t *targets, size_t len)
{
	const struct ul_heap *heap = search->scan->heap;
	search->parent = calloc(heap->objects + 1, sizeof(*search->parent));
	search->wanted = calloc(heap->objects / 64 + 1, sizeof(*search->wanted));
	if (!search->parent || !search->wanted)
		return &ul_enomem;
	for (size_t i = 0; i < len; i++) {
		struct ul_heap_hit hit;
		if (!ul_heap_find(heap, targets[i], &hit) || !hit.allocated ||
		    ul_reach_bit(search->wanted, hit.object))
			continue;
		search->wanted[hit.object / 64] |= UINT64_C(1) << hit.object % 64;
		search->missing++;
	}
	return NULL;
}

static struct ul_error *run(struct search *search, const uint64_t *targets, size_t len,
			    struct ul_path *ret)
{
	const struct ul_heap *heap = search->scan->heap;
	if (heap->objects + heap->roots.len + search->scan->image->cpus.len + 2 > UINT32_MAX)
		return ul_error_new(UL_ERR_LIMIT, "a chain among more than %u objects", UINT32_MAX);
	UL_TRY(want(search, targets, len));
	if (!search->missing)
		return NULL;
	UL_TRY(begin(search));
	UL_TRY(spread(search));
	for (size_t i = 0; i < len; i++) {
		struct ul_heap_hit hit;
		if (ul_heap_find(heap, targets[i], &hit) && search->parent[hit.object])
			UL_TRY(trace_back(search, &hit, &ret[i]));
	}
	return NULL;
}

struct ul_error *ul_reach_paths(struct ul_image *image, const struct ul_heap *heap,
				const uint64_t *targets, size_t targets_len,
				const struct ul_reach_paths_options *options, struct ul_path *ret,
				bool *ret_complete)
{
	struct ul_reach_scan scan;
	struct search search = {.scan = &scan, .options = options};
	for (size_t i = 0; i < targets_len; i++)
		ret[i] = (struct ul_path){0};
	struct ul_error *error = ul_reach_scan_init(&scan, image, heap, 1);
	if (!error)
		error = ul_reach_window_init(&search.window, image->memory);
	if (!error)
		error = run(&search, targets, targets_len, ret);
	free(search.parent);
	free(search.wanted);
	ul_vec_deinit(&search.queue);
	ul_reach_window_deinit(&search.window);
	ul_reach_scan_deinit(&scan);
	*ret_complete = !search.stopped;
	for (size_t i = 0; error && i < targets_len; i++)
		ul_path_deinit(&ret[i]);
	return error;
}

struct ul_error *ul_reach_path(struct ul_image *image, const struct ul_heap *heap, uint64_t target,
			       unsigned int threads, struct ul_path *ret)
{
	const struct ul_reach_paths_options options = {0};
	bool complete;
	(void)threads;
	return ul_reach_paths(image, heap, &target, 1, &options, ret, &complete);
}
