// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pairing, one event at a time. A table of live allocations for each key space: slab objects (those
 * of kmalloc and of named caches together, since kfree() frees both), pages, percpu areas.
 *
 * Slab and percpu. An allocation is entered under its address and removed by the free. An address
 * that is handed out again while it is live proves a free that left no event (kfree_rcu, bulk
 * frees, a lost record): the old entry is closed as `missed`. A free of what is not live was
 * allocated before the trace began, or was filtered out when recorded: counted, nothing more.
 *
 * Pages. A block of 2^order frames is one entry under its first frame. The kernel may free a block
 * in parts (split_page(), alloc_pages_exact()), so a free of a smaller block inside of a live one
 * halves that until a piece fits:
 *
 *	order 2 live at 8      [8 9 10 11]          one object, one piece
 *	frame 9 is freed       [8] x [10 11]        one object, two pieces, in one group
 *	10 and 11 are freed    [8] x  x  x          ... until the last piece is gone: freed
 *
 * A block contains frame f only if it begins at f rounded down to its own order: one look-up for
 * each order of which something is live. A free that is larger than what is live there closes all
 * inside.
 *
 * The cache. kmem_cache_alloc() did not name it on kernels on which kmem_cache_free() did: a site
 * without a name gets that of its freed objects.
 *
 * Which way it errs: a free that was lost looks like a leak until the address is used again; hashed
 * addresses have 32 bits, so two live objects may share one (n^2 / 2^33 of n), and then the older
 * is closed as missed.
 */
#include "analysis/pairing_internal.h"

#include "base/hash.h"

enum {
	LIVE_MAX = 8 << 20,
	SITES_MAX = 1 << 20,
	EXAMPLES_MAX = 64,
	FIRST_SITE_SLOTS = 256,
};

struct ul_error *ul_pairing_create(const struct ul_pairing_options *options,
				   struct ul_pairing **ret)
{
	struct ul_pairing *pairing = calloc(1, sizeof(*pairing));
	if (!pairing)
		return &ul_enomem;
	pairing->options = *options;
	if (!pairing->options.max_live)
		pairing->options.max_live = LIVE_MAX;
	if (!pairing->options.max_sites)
		pairing->options.max_sites = SITES_MAX;
	if (!pairing->options.max_examples)
		pairing->options.max_examples = EXAMPLES_MAX;
	*ret = pairing;
	return NULL;
}

void ul_pairing_destroy(struct ul_pairing *pairing)
{
	if (!pairing)
		return;
	for (size_t i = 0; i < ALLOCATORS; i++)
		ul_pairing_table_deinit(&pairing->live[i]);
	ul_vec_deinit(&pairing->sites);
	ul_vec_deinit(&pairing->groups);
	free(pairing->site_table);
	free(pairing);
}

static uint64_t hash_site(const struct pairing_site *site)
{
	uint64_t hash = ul_hash_u64((uint64_t)site->allocator << 16 | site->order, site->bytes);
	return ul_hash_u64(hash, (uint64_t)site->cache << 32 | site->stack);
}

static bool same_site(const struct pairing_site *a, const struct pairing_site *b)
{
	return a->allocator == b->allocator && a->order == b->order && a->bytes == b->bytes &&
	       a->cache == b->cache && a->stack == b->stack;
}

static bool grow_site_table(struct ul_pairing *pairing)
{
	if (pairing->site_slots && (pairing->sites.len + 1) * 4 <= pairing->site_slots * 3)
		return true;
	const size_t slots = pairing->site_slots ? pairing->site_slots * 2 : FIRST_SITE_SLOTS;
	uint32_t *table = calloc(slots, sizeof(*table));
	if (!table)
		return false;
	for (size_t i = 0; i < pairing->sites.len; i++) {
		size_t at = hash_site(&pairing->sites.data[i]) & (slots - 1);
		while (table[at])
			at = (at + 1) & (slots - 1);
		table[at] = (uint32_t)i + 1;
	}
	free(pairing->site_table);
	pairing->site_table = table;
	pairing->site_slots = slots;
	return true;
}

/** Number of the event's site (index + 1), made if new; 0 beyond the limit. */
static struct ul_error *get_site(struct ul_pairing *pairing, const struct ul_event *event,
				 uint32_t *ret)
{
	const struct pairing_site wanted = {
		.allocator = event->allocator,
		.cache = event->cache,
		.stack = event->stack,
		.cache_guessed = event->cache_guessed,
		.order = event->order,
		.bytes = event->bytes,
	};
	if (!grow_site_table(pairing))
		return &ul_enomem;
	const size_t mask = pairing->site_slots - 1;
	size_t at = hash_site(&wanted) & mask;
	for (; pairing->site_table[at]; at = (at + 1) & mask) {
		*ret = pairing->site_table[at];
		if (same_site(&wanted, &pairing->sites.data[*ret - 1]))
			return NULL;
	}
	*ret = 0;
	if (pairing->sites.len >= pairing->options.max_sites)
		return NULL;
	if (!ul_vec_push(&pairing->sites, wanted))
		return &ul_enomem;
	*ret = pairing->site_table[at] = (uint32_t)pairing->sites.len;
	return NULL;
}

/** One more piece of an object is gone; with the last one, the object. */
static void close_piece(struct ul_pairing *pairing, const struct pairing_live *piece, bool missed)
{
	struct pairing_site *site = &pairing->sites.data[piece->site - 1];
	const uint64_t bytes = site->bytes >> (site->order - piece->order);
	*(missed ? &site->missed_bytes : &site->freed_bytes) += bytes;
	if (piece->group) {
		struct pairing_group *group = &pairing->groups.data[piece->group - 1];
		group->missed |= missed;
		if (--group->pieces)
			return;
		missed = group->missed;
		group->next = pairing->free_group;
		pairing->free_group = piece->group;
	}
	*(missed ? &site->missed : &site->freed) += 1;
	site->ages[ul_age_class(pairing->last_ns - piece->time_ns)]++;
}

static void close_entry(struct ul_pairing *pairing, enum ul_allocator allocator,
			struct pairing_live *entry, bool missed)
{
	close_piece(pairing, entry, missed);
	if (allocator == UL_ALLOCATOR_PAGES)
		pairing->live_of_order[entry->order]--;
	ul_pairing_table_remove(&pairing->live[allocator], entry);
}

static uint64_t first_frame(uint64_t frame, unsigned int order)
{
	return frame & ~((UINT64_C(1) << order) - 1);
}

/** The live block of more than 2^@p order frames that @p frame lies in, or NULL. */
static struct pairing_live *containing_block(struct ul_pairing *pairing, uint64_t frame,
					     unsigned int order)
{
	for (unsigned int larger = order + 1; larger < ORDERS; larger++) {
		if (!pairing->live_of_order[larger])
			continue;
		struct pairing_live *entry = ul_pairing_table_find(
			&pairing->live[UL_ALLOCATOR_PAGES], first_frame(frame, larger));
		if (entry && entry->order == larger)
			return entry;
	}
	return NULL;
}

/**
 * The same as close_inside(), of a block of more frames than the table has slots: a text may say
 * that blocks of a gigabyte are freed all the time. What fills the slot of one that is closed comes
 * from behind it, and is looked at next.
 */
static size_t close_inside_by_slots(struct ul_pairing *pairing, uint64_t frame, unsigned int order,
				    bool missed)
{
	const struct pairing_table *table = &pairing->live[UL_ALLOCATOR_PAGES];
	size_t closed = 0;
	for (size_t i = 0; table->len && i <= table->mask; i++) {
		struct pairing_live *entry = &table->slots[i];
		while (entry->site && entry->key - frame < UINT64_C(1) << order &&
		       entry->order <= order) {
			close_entry(pairing, UL_ALLOCATOR_PAGES, entry, missed);
			closed++;
		}
	}
	return closed;
}

/** Close what is live within the block; returns how many pieces that was. */
static size_t close_inside(struct ul_pairing *pairing, uint64_t frame, unsigned int order,
			   bool missed)
{
	struct pairing_table *table = &pairing->live[UL_ALLOCATOR_PAGES];
	size_t smaller = 0;
	for (unsigned int i = 0; i <= order; i++)
		smaller += pairing->live_of_order[i];
	if (smaller && table->mask < UINT64_C(1) << order)
		return close_inside_by_slots(pairing, frame, order, missed);
	size_t closed = 0;
	for (uint64_t at = 0; at < UINT64_C(1) << order && closed < smaller; at++) {
		struct pairing_live *entry = ul_pairing_table_find(table, frame + at);
		if (!entry || entry->order > order)
			continue;
		close_entry(pairing, UL_ALLOCATOR_PAGES, entry, missed);
		closed++;
	}
	return closed;
}

/** A group for a block that is about to be split; 0 when there is no room. */
static struct ul_error *new_group(struct ul_pairing *pairing, uint32_t *ret)
{
	const struct pairing_group fresh = {.pieces = 1};
	*ret = pairing->free_group;
	if (*ret) {
		pairing->free_group = pairing->groups.data[*ret - 1].next;
		pairing->groups.data[*ret - 1] = fresh;
		return NULL;
	}
	if (pairing->groups.len >= GROUPS_MAX)
		return NULL;
	if (!ul_vec_push(&pairing->groups, fresh))
		return &ul_enomem;
	*ret = (uint32_t)pairing->groups.len;
	return NULL;
}

static struct ul_error *add_piece(struct ul_pairing *pairing, struct pairing_live piece,
				  uint64_t frame)
{
	struct pairing_live *entry =
		ul_pairing_table_insert(&pairing->live[UL_ALLOCATOR_PAGES], frame);
	if (!entry)
		return &ul_enomem;
	piece.key = frame;
	*entry = piece;
	pairing->live_of_order[piece.order]++;
	pairing->groups.data[piece.group - 1].pieces++;
	return NULL;
}

/** Free 2^@p order frames at @p frame out of @p entry, which is larger: halve it until they fit. */
static struct ul_error *punch_hole(struct ul_pairing *pairing, struct pairing_live *entry,
				   uint64_t frame, unsigned int order)
{
	struct pairing_live piece = *entry;
	uint32_t group = piece.group;
	if (!group && ul_pairing_live(pairing) < pairing->options.max_live)
		UL_TRY(new_group(pairing, &group));
	if (!group) {
		pairing->unsplit++;
		close_entry(pairing, UL_ALLOCATOR_PAGES, entry, false);
		return NULL;
	}
	pairing->live_of_order[piece.order]--;
	ul_pairing_table_remove(&pairing->live[UL_ALLOCATOR_PAGES], entry);
	piece.group = group & GROUPS_MAX;
	while (piece.order > order) {
		piece.order = (piece.order - 1u) & 31u;
		const uint64_t half = UINT64_C(1) << piece.order;
		const bool upper = frame >= piece.key + half;
		UL_TRY(add_piece(pairing, piece, upper ? piece.key : piece.key + half));
		if (upper)
			piece.key += half;
	}
	close_piece(pairing, &piece, false);
	return NULL;
}

static struct ul_error *free_pages(struct ul_pairing *pairing, const struct ul_event *event,
				   bool *ret_matched)
{
	struct pairing_live *entry =
		ul_pairing_table_find(&pairing->live[UL_ALLOCATOR_PAGES], event->key);
	*ret_matched = true;
	if (entry && entry->order == event->order) {
		close_entry(pairing, UL_ALLOCATOR_PAGES, entry, false);
		return NULL;
	}
	if (!entry || entry->order < event->order)
		entry = containing_block(pairing, event->key, event->order);
	if (entry)
		return punch_hole(pairing, entry, event->key, event->order);
	*ret_matched = event->order && close_inside(pairing, event->key, event->order, false);
	return NULL;
}

/** What is live where something was allocated just now has been freed unseen. */
static void reuse(struct ul_pairing *pairing, const struct ul_event *event)
{
	struct pairing_live *entry =
		ul_pairing_table_find(&pairing->live[event->allocator], event->key);
	if (entry)
		close_entry(pairing, event->allocator, entry, true);
	if (event->allocator != UL_ALLOCATOR_PAGES)
		return;
	entry = containing_block(pairing, event->key, event->order);
	if (entry)
		close_entry(pairing, UL_ALLOCATOR_PAGES, entry, true);
	if (event->order)
		close_inside(pairing, event->key, event->order, true);
}

static struct ul_error *allocate(struct ul_pairing *pairing, const struct ul_event *event)
{
	reuse(pairing, event);
	if (ul_pairing_live(pairing) >= pairing->options.max_live) {
		pairing->refused_live++;
		return NULL;
	}
	uint32_t site;
	UL_TRY(get_site(pairing, event, &site));
	if (!site) {
		pairing->refused_sites++;
		return NULL;
	}
	struct pairing_live *entry =
		ul_pairing_table_insert(&pairing->live[event->allocator], event->key);
	if (!entry)
		return &ul_enomem;
	*entry = (struct pairing_live){
		.key = event->key,
		.time_ns = event->time_ns,
		.site = site,
		.comm = event->comm,
		.pid = event->pid,
		.order = event->order & 31u,
		.hashed = event->hashed,
	};
	pairing->sites.data[site - 1].allocated++;
	pairing->any_hashed |= event->hashed;
	if (event->allocator == UL_ALLOCATOR_PAGES)
		pairing->live_of_order[event->order]++;
	return NULL;
}

static struct ul_error *release(struct ul_pairing *pairing, const struct ul_event *event)
{
	bool matched = false;
	if (event->allocator == UL_ALLOCATOR_PAGES) {
		UL_TRY(free_pages(pairing, event, &matched));
	} else {
		struct pairing_live *entry =
			ul_pairing_table_find(&pairing->live[event->allocator], event->key);
		matched = entry != NULL;
		if (entry && event->cache)
			pairing->sites.data[entry->site - 1].freed_cache = event->cache;
		if (entry)
			close_entry(pairing, event->allocator, entry, false);
	}
	pairing->frees[event->allocator]++;
	// mm_page_free_batched comes beside mm_page_free, before it (v3.3) or after it (v4.15).
	uint64_t *repeated = &pairing->last_repeated[event->cpu % CPUS];
	if (!matched && !event->repeats && *repeated != event->key + 1)
		pairing->unmatched[event->allocator]++;
	*repeated = event->repeats ? event->key + 1 : 0;
	return NULL;
}

struct ul_error *ul_pairing_add(struct ul_pairing *pairing, const struct ul_event *event)
{
	if (event->kind == UL_EVENT_LOST) {
		pairing->lost += event->bytes;
		pairing->lost_unknown += !event->bytes;
		return NULL;
	}
	if (event->kind == UL_EVENT_CPU_BEGINS) {
		pairing->any_begins = pairing->any_time;
		pairing->begins_ns = event->time_ns;
		return NULL;
	}
	if (!pairing->any_time || event->time_ns < pairing->first_ns)
		pairing->first_ns = event->time_ns;
	if (!pairing->any_time || event->time_ns > pairing->last_ns)
		pairing->last_ns = event->time_ns;
	pairing->any_time = true;
	pairing->events++;
	if (event->order > UL_PAGE_ORDER_MAX)
		return NULL;
	if (event->kind == UL_EVENT_ALLOC)
		return allocate(pairing, event);
	if (event->kind == UL_EVENT_FREE)
		return release(pairing, event);
	reuse(pairing, event);
	return NULL;
}

struct ul_error *ul_pairing_take(void *pairing, const struct ul_event *event)
{
	return ul_pairing_add(pairing, event);
}

void ul_pairing_until(struct ul_pairing *pairing, int64_t time_ns)
{
	if (pairing->any_time && time_ns > pairing->last_ns)
		pairing->last_ns = time_ns;
}

size_t ul_pairing_live(const struct ul_pairing *pairing)
{
	size_t live = 0;
	for (size_t i = 0; i < ALLOCATORS; i++)
		live += pairing->live[i].len;
	return live;
}
