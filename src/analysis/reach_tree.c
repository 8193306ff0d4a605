// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How orphans hang together: what was lost, and what was lost with it.
 *
 * References among orphans make a graph. Orphans that point at each other in a ring are one piece
 * (a strongly connected component, found by Tarjan's algorithm, without recursion: lists are long).
 * Pieces in their order form a graph without rings. A piece that no other points to was lost
 * itself: "direct" when it is one object, "cycle" when it is a ring. All others hang from those:
 * "indirect".
 *
 * What a lost piece retains is what only it keeps: the pieces it dominates. In a graph without
 * rings dominators are found in one pass in topological order: the dominator of a piece is the
 * nearest common ancestor, in the tree so far, of all that point to it. What hangs from two lost
 * pieces is retained by neither, but counted in its own group. The bytes of a ring and of what it
 * retains stand with its first object, so that sums of retained bytes never count a byte twice.
 *
 * What only weak orphans point to is weak, too. Last, what is reached from page blocks nobody
 * points to gets a grade of its own: such a block may be memory that a driver knows by other means
 * than pointers, and then all it holds is alive.
 *
 * Errs: a stale pointer in an orphan makes a direct one indirect.
 */
#include <stdlib.h>

#include "analysis/reach_internal.h"

enum { ANCESTOR_STEPS_MAX = 200000000 }; /**< then the rest is held to be retained by none */

/* ---- references among orphans ---- */

struct edges_search {
	const struct ul_reach_scan *scan;
	const struct ul_orphans *orphans;
	struct ul_orphan_edges *edges;
	uint32_t from;
};

/** Index of the orphan with that object number; UINT32_MAX: it is none. */
static uint32_t find_orphan(const struct ul_orphans *orphans, uint64_t object)
{
	size_t low = 0;
	size_t high = orphans->items.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (orphans->items.data[middle].object < object)
			low = middle + 1;
		else
			high = middle;
	}
	return low < orphans->items.len && orphans->items.data[low].object == object ? (uint32_t)low
										     : UINT32_MAX;
}

static struct ul_error *edge_words(void *context, uint64_t kaddr, const uint8_t *bytes,
				   uint64_t len)
{
	struct edges_search *search = context;
	(void)kaddr;
	for (uint64_t at = 0; at < len; at += 8) {
		const uint64_t word = ul_reach_load(bytes + at);
		struct ul_reach_hit hit;
		if (!word || !ul_reach_resolve(search->scan, word, &hit))
			continue;
		const uint32_t to = find_orphan(search->orphans, hit.object);
		if (to == UINT32_MAX || to == search->from)
			continue;
		if (!ul_vec_push(&search->edges->to, to))
			return &ul_enomem;
	}
	return NULL;
}

static int compare_u32(const void *a, const void *b)
{
	const uint32_t left = *(const uint32_t *)a;
	const uint32_t right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

/** Sorts what was added from @p first on and drops what is there twice. */
static void sort_edges(struct ul_orphan_edges *edges, size_t first)
{
	const size_t len = edges->to.len - first;
	size_t kept = 0;
	if (len < 2)
		return;
	uint32_t *to = edges->to.data + first;
	qsort(to, len, sizeof(*to), compare_u32);
	for (size_t i = 0; i < len; i++)
		if (!kept || to[i] != to[kept - 1])
			to[kept++] = to[i];
	edges->to.len = first + kept;
}

static struct ul_error *scan_orphan(struct edges_search *search, struct ul_reach_window *window,
				    const struct ul_heap_hit *hit)
{
	const struct ul_reach_scan *scan = search->scan;
	if (!ul_reach_is_scanned(hit->block))
		return NULL;
	if (ul_reach_owns_pages(hit->block)) {
		const struct ul_range pages = ul_reach_struct_pages(scan, hit->block);
		UL_TRY(ul_reach_scan_range(scan, window, pages.start, pages.end - pages.start,
					   edge_words, search));
	}
	return ul_reach_scan_range(scan, window, hit->kaddr,
				   ul_heap_block_payload(scan->heap, hit->block), edge_words,
				   search);
}

static struct ul_error *fill_edges(struct edges_search *search, struct ul_reach_window *window)
{
	struct ul_orphan_edges *edges = search->edges;
	const size_t count = search->orphans->items.len;
	for (size_t i = 0; i < count; i++) {
		struct ul_heap_hit hit;
		const size_t first = edges->to.len;
		edges->first[i] = (uint32_t)first;
		search->from = (uint32_t)i;
		if (ul_heap_object(search->scan->heap, search->orphans->items.data[i].object, &hit))
			UL_TRY(scan_orphan(search, window, &hit));
		sort_edges(edges, first);
		if (edges->to.len >= UINT32_MAX)
			return ul_error_new(UL_ERR_LIMIT, "more than %u references among orphans",
					    UINT32_MAX);
	}
	edges->first[count] = (uint32_t)edges->to.len;
	return NULL;
}

struct ul_error *ul_reach_edges(const struct ul_reach_scan *scan, const struct ul_orphans *orphans,
				struct ul_orphan_edges *ret)
{
	struct edges_search search = {.scan = scan, .orphans = orphans, .edges = ret};
	struct ul_reach_window window;
	*ret = (struct ul_orphan_edges){0};
	ret->first = calloc(orphans->items.len + 1, sizeof(*ret->first));
	if (!ret->first)
		return &ul_enomem;
	struct ul_error *error = ul_reach_window_init(&window, scan->image->memory);
	if (!error)
		error = fill_edges(&search, &window);
	ul_reach_window_deinit(&window);
	if (error)
		ul_orphan_edges_deinit(ret);
	return error;
}

struct ul_error *ul_orphan_edges_find(struct ul_image *image, const struct ul_heap *heap,
				      const struct ul_orphans *orphans, struct ul_orphan_edges *ret)
{
	struct ul_reach_scan scan;
	*ret = (struct ul_orphan_edges){0};
	struct ul_error *error = ul_reach_scan_init(&scan, image, heap, 1);
	if (!error)
		error = ul_reach_edges(&scan, orphans, ret);
	ul_reach_scan_deinit(&scan);
	return error;
}

struct ul_error *ul_orphan_edges_spread(const struct ul_orphan_edges *edges, size_t count,
					bool *marked)
{
	UL_VEC(uint32_t) open = {0};
	struct ul_error *error = NULL;
	for (size_t i = 0; i < count && !error; i++)
		if (marked[i] && !ul_vec_push(&open, (uint32_t)i))
			error = &ul_enomem;
	while (open.len && !error) {
		const uint32_t from = open.data[--open.len];
		for (uint32_t i = edges->first[from]; i < edges->first[from + 1] && !error; i++) {
			const uint32_t to = edges->to.data[i];
			if (marked[to])
				continue;
			marked[to] = true;
			if (!ul_vec_push(&open, to))
				error = &ul_enomem;
		}
	}
	ul_vec_deinit(&open);
	return error;
}

void ul_orphan_edges_deinit(struct ul_orphan_edges *edges)
{
	free(edges->first);
	edges->first = NULL;
	ul_vec_deinit(&edges->to);
}

/* ---- pieces ---- */

/** All arrays by orphan, or by piece, of which there are at most as many. */
struct tree {
	const struct ul_orphan_edges *edges;
	struct ul_orphans *orphans;
	const struct ul_heap *heap;
	uint32_t count;
	uint32_t *order; /**< Tarjan: when it was met, + 1; 0: not yet */
	uint32_t *low;
	uint32_t *next; /**< edge to follow next */
	uint32_t *path; /**< the way down */
	uint32_t *open; /**< met, not yet in a piece */
	uint32_t path_len, open_len, met;
	uint32_t *piece; /**< by orphan: number of its piece + 1; 0: none yet */
	uint32_t pieces; /**< numbered so that an edge leads to a lower number */
	/* by piece */
	uint32_t *size;
	uint32_t *first;     /**< lowest orphan in it */
	uint32_t *dominator; /**< piece; `pieces`: none */
	uint32_t *depth;
	uint64_t *bytes; /**< own, then retained */
	bool *pointed;	 /**< another piece points to it */
	bool *strong;	 /**< one that is not weak points to it */
};

static void tree_deinit(struct tree *tree)
{
	free(tree->order);
	free(tree->low);
	free(tree->next);
	free(tree->path);
	free(tree->open);
	free(tree->piece);
	free(tree->size);
	free(tree->first);
	free(tree->dominator);
	free(tree->depth);
	free(tree->bytes);
	free(tree->pointed);
	free(tree->strong);
}

static struct ul_error *tree_init(struct tree *tree)
{
	uint32_t **const arrays[] = {&tree->order,     &tree->low,   &tree->next, &tree->path,
				     &tree->open,      &tree->piece, &tree->size, &tree->first,
				     &tree->dominator, &tree->depth};
	for (size_t i = 0; i < UL_ARRAY_LEN(arrays); i++) {
		*arrays[i] = calloc(tree->count, sizeof(**arrays[i]));
		if (!*arrays[i])
			return &ul_enomem;
	}
	tree->bytes = calloc(tree->count, sizeof(*tree->bytes));
	tree->pointed = calloc(tree->count, sizeof(*tree->pointed));
	tree->strong = calloc(tree->count, sizeof(*tree->strong));
	return tree->bytes && tree->pointed && tree->strong ? NULL : &ul_enomem;
}

static void enter(struct tree *tree, uint32_t orphan)
{
	tree->order[orphan] = tree->low[orphan] = ++tree->met;
	tree->next[orphan] = tree->edges->first[orphan];
	tree->path[tree->path_len++] = orphan;
	tree->open[tree->open_len++] = orphan;
}

static void lower(uint32_t *low, uint32_t value)
{
	if (value < *low)
		*low = value;
}

/** The last on the path has no edges left: close its piece if it is the first of one. */
static void leave(struct tree *tree)
{
	const uint32_t orphan = tree->path[--tree->path_len];
	if (tree->path_len)
		lower(&tree->low[tree->path[tree->path_len - 1]], tree->low[orphan]);
	if (tree->low[orphan] != tree->order[orphan])
		return;
	const uint32_t number = tree->pieces++;
	uint32_t member;
	do {
		member = tree->open[--tree->open_len];
		tree->piece[member] = number + 1;
		if (!tree->size[number]++ || member < tree->first[number])
			tree->first[number] = member;
	} while (member != orphan);
}

static void find_pieces(struct tree *tree)
{
	for (uint32_t root = 0; root < tree->count; root++) {
		if (tree->order[root])
			continue;
		enter(tree, root);
		while (tree->path_len) {
			const uint32_t orphan = tree->path[tree->path_len - 1];
			if (tree->next[orphan] == tree->edges->first[orphan + 1]) {
				leave(tree);
				continue;
			}
			const uint32_t to = tree->edges->to.data[tree->next[orphan]++];
			if (!tree->order[to])
				enter(tree, to);
			else if (!tree->piece[to])
				lower(&tree->low[orphan], tree->order[to]);
		}
	}
}

/* ---- dominators ---- */

/** Nearest common ancestor of two pieces; `pieces`: none but the root of all. */
static uint32_t common_ancestor(const struct tree *tree, uint32_t a, uint32_t b, uint64_t *steps)
{
	while (a != b) {
		if (a == tree->pieces || b == tree->pieces || !*steps)
			return tree->pieces;
		if (tree->depth[a] >= tree->depth[b])
			a = tree->dominator[a];
		else
			b = tree->dominator[b];
		--*steps;
	}
	return a;
}

/** Members of pieces, by piece: where each piece's begin in @p members. */
static void list_members(const struct tree *tree, uint32_t *begin, uint32_t *members)
{
	uint32_t at = 0;
	for (uint32_t piece = 0; piece < tree->pieces; piece++) {
		begin[piece] = at;
		at += tree->size[piece];
	}
	for (uint32_t i = 0; i < tree->count; i++)
		members[begin[tree->piece[i] - 1]++] = i;
	for (uint32_t piece = 0; piece < tree->pieces; piece++)
		begin[piece] -= tree->size[piece];
}

static void point_from(struct tree *tree, uint32_t piece, uint32_t orphan, uint64_t *steps)
{
	for (uint32_t edge = tree->edges->first[orphan]; edge < tree->edges->first[orphan + 1];
	     edge++) {
		const uint32_t to = tree->piece[tree->edges->to.data[edge]] - 1;
		if (to == piece)
			continue;
		tree->dominator[to] =
			tree->pointed[to] ? common_ancestor(tree, tree->dominator[to], piece, steps)
					  : piece;
		tree->pointed[to] = true;
	}
}

/** Edges lead to lower numbers: from the highest down, all that point to a piece came before it. */
static void dominate(struct tree *tree, const uint32_t *begin, const uint32_t *members)
{
	uint64_t steps = ANCESTOR_STEPS_MAX;
	for (uint32_t piece = tree->pieces; piece-- > 0;) {
		if (!tree->pointed[piece])
			tree->dominator[piece] = tree->pieces;
		const uint32_t above = tree->dominator[piece];
		tree->depth[piece] = above == tree->pieces ? 1 : tree->depth[above] + 1;
		for (uint32_t i = 0; i < tree->size[piece]; i++)
			point_from(tree, piece, members[begin[piece] + i], &steps);
	}
}

static uint64_t orphan_bytes(const struct tree *tree, uint32_t orphan)
{
	struct ul_heap_hit hit;
	if (!ul_heap_object(tree->heap, tree->orphans->items.data[orphan].object, &hit))
		return 0;
	return hit.block->slots > 1 ? hit.block->slot_bytes : hit.block->bytes;
}

static void sum_bytes(struct tree *tree)
{
	for (uint32_t i = 0; i < tree->count; i++)
		tree->bytes[tree->piece[i] - 1] += orphan_bytes(tree, i);
	// From the lowest up: a piece is complete before it is added to its dominator.
	for (uint32_t piece = 0; piece < tree->pieces; piece++)
		if (tree->dominator[piece] != tree->pieces)
			tree->bytes[tree->dominator[piece]] += tree->bytes[piece];
}

/** What a piece that is not weak points to is not weak for what keeps it. */
static void pass_strength(struct tree *tree, const uint32_t *in_piece, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		for (uint32_t edge = tree->edges->first[in_piece[i]];
		     edge < tree->edges->first[in_piece[i] + 1]; edge++)
			tree->strong[tree->piece[tree->edges->to.data[edge]] - 1] = true;
}

/**
 * What only weak ones point to is as weak as they are. A ring is weak when most of it is: of many
 * objects one may be weak by chance.
 */
static void inherit_weakness(struct tree *tree, const uint32_t *begin, const uint32_t *members)
{
	for (uint32_t piece = tree->pieces; piece-- > 0;) {
		const uint32_t *in_piece = members + begin[piece];
		const uint32_t size = tree->size[piece];
		const bool lost = !tree->pointed[piece] || tree->strong[piece];
		uint32_t weak = 0;
		for (uint32_t i = 0; i < size; i++) {
			unsigned int *bits = &tree->orphans->items.data[in_piece[i]].weak;
			weak += *bits != 0;
			if (!lost)
				*bits |= UL_WEAK_INHERITED;
		}
		if (lost && weak * 2ULL < size)
			pass_strength(tree, in_piece, size);
	}
}

static void set_roles(struct tree *tree)
{
	for (uint32_t i = 0; i < tree->count; i++) {
		struct ul_orphan *orphan = &tree->orphans->items.data[i];
		const uint32_t piece = tree->piece[i] - 1;
		orphan->retained_bytes = 0;
		orphan->role = UL_ORPHAN_INDIRECT;
		if (!tree->pointed[piece])
			orphan->role = tree->size[piece] > 1 ? UL_ORPHAN_CYCLE : UL_ORPHAN_DIRECT;
		if (tree->first[piece] == i && tree->dominator[piece] == tree->pieces)
			orphan->retained_bytes = tree->bytes[piece];
	}
}

static struct ul_error *build(struct tree *tree)
{
	UL_TRY(tree_init(tree));
	ul_vec_foreach (orphan, &tree->orphans->items)
		orphan->weak &= ~(unsigned int)UL_WEAK_INHERITED; // of an earlier round
	find_pieces(tree);
	UL_CLEANUP_FREE uint32_t *begin = calloc(tree->pieces, sizeof(*begin));
	UL_CLEANUP_FREE uint32_t *members = calloc(tree->count, sizeof(*members));
	if (!begin || !members)
		return &ul_enomem;
	list_members(tree, begin, members);
	dominate(tree, begin, members);
	inherit_weakness(tree, begin, members);
	sum_bytes(tree);
	set_roles(tree);
	return NULL;
}

/* ---- pages ---- */

static bool is_page_block(const struct ul_heap *heap, const struct ul_orphan *orphan)
{
	struct ul_heap_hit hit;
	return ul_heap_object(heap, orphan->object, &hit) && hit.block->kind == UL_BLOCK_PAGES;
}

static void set_grades(struct ul_orphans *orphans)
{
	ul_vec_foreach (orphan, &orphans->items)
		orphan->grade = orphan->weak	      ? UL_ORPHAN_WEAK
				: orphan->stale_kaddr ? UL_ORPHAN_STALE
						      : UL_ORPHAN_STRONG;
}

/** Grades what is reached from unreached page blocks, but is none itself. */
static struct ul_error *grade_pages(const struct ul_heap *heap, const struct ul_orphan_edges *edges,
				    struct ul_orphans *orphans)
{
	const size_t count = orphans->items.len;
	UL_CLEANUP_FREE bool *reached = calloc(count, sizeof(*reached));
	if (!reached)
		return &ul_enomem;
	for (size_t i = 0; i < count; i++)
		reached[i] = is_page_block(heap, &orphans->items.data[i]);
	UL_TRY(ul_orphan_edges_spread(edges, count, reached));
	for (size_t i = 0; i < count; i++)
		if (reached[i] && !is_page_block(heap, &orphans->items.data[i]))
			orphans->items.data[i].grade = UL_ORPHAN_UNREACHED_PAGE;
	return NULL;
}

struct ul_error *ul_reach_structure(const struct ul_reach_scan *scan, struct ul_orphans *orphans)
{
	struct ul_orphan_edges edges;
	struct tree tree = {
		.edges = &edges,
		.orphans = orphans,
		.heap = scan->heap,
		.count = (uint32_t)orphans->items.len,
	};
	if (!orphans->items.len)
		return NULL;
	UL_TRY(ul_reach_edges(scan, orphans, &edges));
	struct ul_error *error = build(&tree);
	if (!error)
		set_grades(orphans);
	if (!error)
		error = grade_pages(scan->heap, &edges, orphans);
	tree_deinit(&tree);
	ul_orphan_edges_deinit(&edges);
	return error;
}
