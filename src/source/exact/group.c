// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records into sites, while they are read: a page_owner file has one block for each page and is
 * read once, front to back; what is kept is one site for each distinct stack.
 *
 * Records are one site when their keys are equal byte for byte. A hash finds the candidates and the
 * stored key decides, so no two stacks can collide. Frames are parsed once for each site, not for
 * each record. Beyond the limits (exact.h) new stacks are not kept, their objects are counted as
 * lost; sites known by then go on counting exactly. So the totals err to less, and say by how much.
 */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "source/exact/exact_internal.h"

enum { FIRST_SLOTS = 1024 };

static uint64_t hash_of(struct ul_span key)
{
	uint64_t hash = 0xcbf29ce484222325ULL; // FNV-1a
	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (uint8_t)key.data[i]) * 0x100000001b3ULL;
	return hash;
}

/** The slot that holds @p key, or the free one where it belongs. */
static uint32_t *slot_of(const struct ul_exact_groups *groups, uint64_t hash, struct ul_span key)
{
	for (size_t at = hash & (groups->slots_len - 1);; at = (at + 1) & (groups->slots_len - 1)) {
		uint32_t *slot = &groups->slots[at];
		if (!*slot)
			return slot;
		const struct ul_exact_entry *entry = &groups->entries.data[*slot - 1];
		if (entry->hash == hash && entry->key.len == key.len &&
		    !memcmp(entry->key.data, key.data, key.len))
			return slot;
	}
}

/** Keep at least half of the slots free. */
static bool grow_slots(struct ul_exact_groups *groups)
{
	if (groups->entries.len * 2 < groups->slots_len)
		return true;
	const size_t len = groups->slots_len ? 2 * groups->slots_len : FIRST_SLOTS;
	uint32_t *slots = calloc(len, sizeof(*slots));
	if (!slots)
		return false;
	free(groups->slots);
	groups->slots = slots;
	groups->slots_len = len;
	for (size_t i = 0; i < groups->entries.len; i++) {
		const struct ul_exact_entry *entry = &groups->entries.data[i];
		*slot_of(groups, entry->hash, entry->key) = (uint32_t)i + 1;
	}
	return true;
}

static struct ul_error *parse_stack(struct ul_span text, struct ul_stack *stack)
{
	ul_span_foreach_line (line, text) {
		bool enomem = false;
		if (stack->frames.len == UL_STACK_MAX_FRAMES)
			break;
		(void)ul_exact_frame(line, stack, &enomem);
		if (enomem)
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *fill_site(struct ul_site *site, const char *cache,
				  const struct ul_exact_record *record)
{
	const struct ul_span stack = {record->key.data + record->stack_at,
				      record->key.len - record->stack_at};
	site->allocator = record->allocator;
	site->object_bytes = record->object_bytes;
	site->age_p50_s = NAN;
	site->trust = 1;
	site->exact = true;
	if (!ul_text_set(&site->cache, cache))
		return &ul_enomem;
	return parse_stack(stack, &site->stack);
}

static struct ul_error *new_site(struct ul_exact_groups *groups, const char *cache, uint64_t hash,
				 const struct ul_exact_record *record)
{
	const struct ul_span key = {record->key.data, record->key.len};
	const char *copy = ul_arena_strdup(&groups->keys, key);
	struct ul_site *site = copy ? ul_vec_add(&groups->sites) : NULL;
	if (!site)
		return &ul_enomem;
	struct ul_exact_entry *entry = ul_vec_add(&groups->entries);
	if (!entry) {
		groups->sites.len--;
		return &ul_enomem;
	}
	*entry = (struct ul_exact_entry){.hash = hash, .key = {copy, key.len}};
	groups->key_bytes += key.len;
	return fill_site(site, cache, record);
}

static struct ul_error *add_process(struct ul_site *site, const struct ul_exact_record *record)
{
	if (!record->has_process)
		return NULL;
	ul_vec_foreach (process, &site->processes) {
		if (memcmp(process->comm, record->comm, sizeof(process->comm)) != 0 ||
		    (!record->comm[0] && process->pid != record->pid))
			continue;
		process->objects += record->objects;
		if (process->pid != record->pid)
			process->pid = 0;
		return NULL;
	}
	if (site->processes.len == UL_EXACT_MAX_PROCESSES)
		return NULL;
	struct ul_site_process *process = ul_vec_add(&site->processes);
	if (!process)
		return &ul_enomem;
	process->pid = record->pid;
	process->objects = record->objects;
	memcpy(process->comm, record->comm, sizeof(process->comm));
	return NULL;
}

/** Keep the newest: they are what a difference to an earlier moment is about. */
static struct ul_error *add_example(struct ul_site *site, const struct ul_allocation *example)
{
	if (site->examples.len < UL_EXACT_MAX_EXAMPLES)
		return ul_vec_push(&site->examples, *example) ? NULL : &ul_enomem;
	size_t oldest = 0;
	for (size_t i = 1; i < site->examples.len; i++)
		if (site->examples.data[i].time_ns < site->examples.data[oldest].time_ns)
			oldest = i;
	if (site->examples.data && site->examples.data[oldest].time_ns < example->time_ns)
		site->examples.data[oldest] = *example;
	return NULL;
}

static struct ul_error *count(struct ul_exact_groups *groups, size_t index,
			      const struct ul_exact_record *record)
{
	struct ul_site *site = &groups->sites.data[index];
	struct ul_exact_entry *entry = &groups->entries.data[index];
	uint64_t objects;
	uint64_t bytes;
	if (__builtin_add_overflow(site->live, record->objects, &objects) ||
	    __builtin_add_overflow(site->live_bytes, record->bytes, &bytes)) {
		groups->lost_objects += record->objects; // no memory is that large: a made-up file
		return NULL;
	}
	site->live = site->allocated = site->survivors = objects;
	site->live_bytes = site->allocated_bytes = site->survivor_bytes = bytes;
	if (site->object_bytes != record->object_bytes)
		site->object_bytes = 0;
	if (!isnan(record->age_s)) {
		entry->age_sum_s += record->age_s * (double)record->objects;
		entry->aged += record->objects;
		// The mean stands for the median: exact ages of all objects are not kept.
		site->age_p50_s = entry->age_sum_s / (double)entry->aged;
	}
	UL_TRY(add_process(site, record));
	return record->has_example ? add_example(site, &record->example) : NULL;
}

struct ul_error *ul_exact_groups_add(struct ul_exact_groups *groups, const char *cache,
				     const struct ul_exact_record *record)
{
	if (record->key.failed || !grow_slots(groups))
		return &ul_enomem;
	if (!record->objects)
		return NULL;
	const struct ul_span key = {record->key.data ? record->key.data : "", record->key.len};
	const uint64_t hash = hash_of(key);
	uint32_t *slot = slot_of(groups, hash, key);
	if (*slot)
		return count(groups, *slot - 1, record);
	if (groups->entries.len == UL_EXACT_MAX_SITES ||
	    groups->key_bytes + key.len > UL_EXACT_MAX_KEY_BYTES) {
		groups->lost_objects += record->objects;
		groups->lost_bytes += record->bytes;
		return NULL;
	}
	UL_TRY(new_site(groups, cache, hash, record));
	*slot = (uint32_t)groups->entries.len;
	return count(groups, groups->entries.len - 1, record);
}

void ul_exact_groups_deinit(struct ul_exact_groups *groups)
{
	ul_vec_foreach (site, &groups->sites)
		ul_site_deinit(site);
	ul_vec_deinit(&groups->sites);
	ul_vec_deinit(&groups->entries);
	free(groups->slots);
	ul_arena_deinit(&groups->keys);
}
