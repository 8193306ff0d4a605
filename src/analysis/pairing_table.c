// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of live allocations. See pairing_internal.h. */
#include "analysis/pairing_internal.h"

#include <string.h>

enum { FIRST_SLOTS = 1024 };

/** Fibonacci hashing spreads addresses, whose low bits are all alike. */
static size_t home_of(uint64_t key, size_t mask)
{
	const uint64_t spread = key * 0x9e3779b97f4a7c15ULL;
	return (size_t)(spread >> 20 ^ spread >> 44) & mask;
}

struct pairing_live *ul_pairing_table_find(const struct pairing_table *table, uint64_t key)
{
	if (!table->len)
		return NULL;
	for (size_t at = home_of(key, table->mask); table->slots[at].site;
	     at = (at + 1) & table->mask)
		if (table->slots[at].key == key)
			return &table->slots[at];
	return NULL;
}

static struct pairing_live *free_slot(struct pairing_live *slots, size_t mask, uint64_t key)
{
	size_t at = home_of(key, mask);
	while (slots[at].site)
		at = (at + 1) & mask;
	return &slots[at];
}

static bool grow(struct pairing_table *table)
{
	const size_t old = table->slots ? table->mask + 1 : 0;
	const size_t slots = old ? old * 2 : FIRST_SLOTS;
	struct pairing_live *larger = calloc(slots, sizeof(*larger));
	if (!larger)
		return false;
	for (size_t i = 0; i < old; i++)
		if (table->slots[i].site)
			*free_slot(larger, slots - 1, table->slots[i].key) = table->slots[i];
	free(table->slots);
	table->slots = larger;
	table->mask = slots - 1;
	return true;
}

struct pairing_live *ul_pairing_table_insert(struct pairing_table *table, uint64_t key)
{
	if ((!table->slots || (table->len + 1) * 10 > (table->mask + 1) * 7) && !grow(table))
		return NULL;
	struct pairing_live *entry = free_slot(table->slots, table->mask, key);
	*entry = (struct pairing_live){.key = key};
	table->len++;
	return entry;
}

void ul_pairing_table_remove(struct pairing_table *table, struct pairing_live *entry)
{
	size_t hole = (size_t)(entry - table->slots);
	size_t at = hole;
	for (;;) {
		at = (at + 1) & table->mask;
		if (!table->slots[at].site)
			break;
		// It may fill the hole if its home is not cyclically within (hole, at].
		const size_t home = home_of(table->slots[at].key, table->mask);
		if (((at - home) & table->mask) < ((at - hole) & table->mask))
			continue;
		table->slots[hole] = table->slots[at];
		hole = at;
	}
	table->slots[hole] = (struct pairing_live){0};
	table->len--;
}

void ul_pairing_table_clear(struct pairing_table *table)
{
	if (table->slots)
		memset(table->slots, 0, (table->mask + 1) * sizeof(*table->slots));
	table->len = 0;
}

void ul_pairing_table_compact(struct pairing_table *table)
{
	size_t kept = 0;
	for (size_t i = 0; table->slots && i <= table->mask; i++)
		if (table->slots[i].site)
			table->slots[kept++] = table->slots[i];
}

void ul_pairing_table_deinit(struct pairing_table *table)
{
	free(table->slots);
	*table = (struct pairing_table){0};
}
