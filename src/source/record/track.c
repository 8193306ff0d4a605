// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/track.h"

#include <string.h>

#include "base/text.h"
#include "model/ledger.h"
#include "source/record/schema.h"

enum { FIRST_SLOTS = 1024 };

bool ul_track_of_process(int kind)
{
	return kind == UL_KIND_PROCESS || kind == UL_RECORD_PROCESS_PSS ||
	       kind == UL_RECORD_PROCESS_SWAP || kind == UL_KIND_PROCESS_FDS ||
	       kind == UL_KIND_PROCESS_TABLES || kind == UL_KIND_PROCESS_FILES;
}

uint64_t ul_track_hash(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	return hash;
}

static uint64_t hash_of(int kind, const char *name, int64_t pid, uint64_t start)
{
	uint64_t hash = ul_track_hash(UL_TRACK_HASH, &kind, sizeof(kind));
	hash = ul_track_hash(hash, &pid, sizeof(pid));
	hash = ul_track_hash(hash, &start, sizeof(start));
	return name ? ul_track_hash(hash, name, strlen(name)) : hash;
}

/** Slot of the key, or the free one where it belongs. */
static uint32_t *find_slot(const struct ul_track_table *table, const struct ul_track_key *key)
{
	const size_t mask = table->slots_len - 1;
	size_t at = hash_of(key->kind, key->name, key->pid, key->start) & mask;
	for (;; at = (at + 1) & mask) {
		uint32_t *slot = &table->slots[at];
		if (!*slot)
			return slot;
		const struct ul_track *track = table->items.data[*slot - 1];
		if (track->kind == key->kind && track->pid == key->pid &&
		    track->start == key->start && ul_text_equal(track->name, key->name))
			return slot;
	}
}

/** Enter every item into the slots, which must be free. */
static void fill_slots(struct ul_track_table *table)
{
	for (size_t i = 0; i < table->items.len; i++) {
		const struct ul_track *track = table->items.data[i];
		const struct ul_track_key key = {track->kind, track->name, track->pid,
						 track->start};
		*find_slot(table, &key) = (uint32_t)i + 1;
	}
}

static struct ul_error *enlarge(struct ul_track_table *table)
{
	const size_t len = table->slots_len ? table->slots_len * 2 : FIRST_SLOTS;
	uint32_t *slots = calloc(len, sizeof(*slots));
	if (!slots)
		return &ul_enomem;
	free(table->slots);
	table->slots = slots;
	table->slots_len = len;
	fill_slots(table);
	return NULL;
}

static void track_destroy(struct ul_track *track)
{
	if (!track)
		return;
	free(track->name);
	free(track->label);
	free(track);
}

UL_DEFINE_CLEANUP(cleanup_track, struct ul_track, track_destroy);

static struct ul_error *add(struct ul_track_table *table, const struct ul_track_key *key,
			    uint32_t *slot, struct ul_track **ret)
{
	UL_CLEANUP(cleanup_track) struct ul_track *track = calloc(1, sizeof(*track));
	if (!track || !ul_text_set(&track->name, key->name))
		return &ul_enomem;
	track->kind = key->kind;
	track->pid = key->pid;
	track->start = key->start;
	track->last[1] = track->now[1] = -1;
	if (!ul_vec_push(&table->items, track))
		return &ul_enomem;
	*slot = (uint32_t)table->items.len;
	*ret = UL_TAKE(track);
	return NULL;
}

struct ul_error *ul_track_get(struct ul_track_table *table, const struct ul_track_key *key,
			      struct ul_track **ret)
{
	if (table->items.len * 2 >= table->slots_len)
		UL_TRY(enlarge(table));
	uint32_t *slot = find_slot(table, key);
	if (!*slot)
		return add(table, key, slot, ret);
	*ret = table->items.data[*slot - 1];
	return NULL;
}

void ul_track_sweep(struct ul_track_table *table, uint64_t since)
{
	size_t kept = 0;
	for (size_t i = 0; i < table->items.len; i++) {
		struct ul_track *track = table->items.data[i];
		if (ul_track_of_process(track->kind) && track->seen < since)
			track_destroy(track);
		else
			table->items.data[kept++] = track;
	}
	table->items.len = kept;
	if (table->slots)
		memset(table->slots, 0, table->slots_len * sizeof(*table->slots));
	fill_slots(table);
}

void ul_track_deinit(struct ul_track_table *table)
{
	ul_vec_foreach (track, &table->items)
		track_destroy(*track);
	ul_vec_deinit(&table->items);
	free(table->slots);
	*table = (struct ul_track_table){0};
}
