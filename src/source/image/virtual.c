// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory of a dump by kernel virtual address, over its physical memory.
 *
 * Two stretches hold nearly everything and are linear: the direct map and the kernel image. Once
 * their place is known and checked against the page tables, an address in them costs a subtraction.
 * All else (vmalloc, modules, vmemmap, per-CPU areas in vmalloc) goes through the page tables, with
 * a cache of the last translations that threads share without locks: an entry is two words, the
 * value and the key xor the value, so that an entry torn between two writers is no hit.
 * Translations that fail are not kept, they are rare.
 *
 * A live kernel is read by kernel address, whatever it is mapped by; its tables then only tell the
 * physical address.
 *
 * An address that is mapped to memory the dump left out (filtered pages, devices) reads as a hole.
 */
#include <string.h>

#include "source/image/image_internal.h"

enum { CACHE_SLOTS = 1 << 14 }; /**< 256 KiB: with 4 KiB pages it reaches over 64 MiB */

struct slot {
	uint64_t key_xor_value;
	uint64_t value; /**< physical address of the page; bit 0: filled */
};

struct linear {
	uint64_t kaddr;
	uint64_t bytes;
	uint64_t phys;
};

struct virtual
{
	struct ul_memory memory;
	struct ul_memory *physical; /**< borrowed */
	struct ul_memory *reader;   /**< by kernel address, of a live kernel; borrowed; or NULL */
	struct ul_page_tables tables;
	struct linear direct;
	struct linear image;
	struct slot cache[CACHE_SLOTS];
};

static bool cached(struct virtual *virtual, uint64_t page, uint64_t *ret)
{
	const struct slot *slot = &virtual->cache[page % CACHE_SLOTS];
	const uint64_t value = __atomic_load_n(&slot->value, __ATOMIC_RELAXED);
	if ((__atomic_load_n(&slot->key_xor_value, __ATOMIC_RELAXED) ^ value) != page || !value)
		return false;
	*ret = value & ~1ULL;
	return true;
}

static void keep(struct virtual *virtual, uint64_t page, uint64_t phys)
{
	struct slot *slot = &virtual->cache[page % CACHE_SLOTS];
	const uint64_t value = phys | 1;
	__atomic_store_n(&slot->value, value, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->key_xor_value, page ^ value, __ATOMIC_RELAXED);
}

/* Where @p kaddr is, and how far it goes on like that; false when it is not mapped. */
static bool translate(struct virtual *virtual, uint64_t kaddr, uint64_t *ret_phys,
		      uint64_t *ret_bytes)
{
	const struct linear *const linears[] = {&virtual->direct, &virtual->image};
	for (size_t i = 0; i < UL_ARRAY_LEN(linears); i++) {
		const uint64_t into = kaddr - linears[i]->kaddr;
		if (into < linears[i]->bytes) {
			*ret_phys = linears[i]->phys + into;
			*ret_bytes = linears[i]->bytes - into;
			return true;
		}
	}
	const uint64_t page_bytes = 1ULL << virtual->tables.page_shift;
	const uint64_t into = kaddr & (page_bytes - 1);
	const uint64_t page = kaddr >> virtual->tables.page_shift;
	uint64_t phys;
	struct ul_mapping_run run;
	// A live kernel maps anew what it has unmapped.
	if (!virtual->reader && cached(virtual, page, &phys)) {
		*ret_phys = phys + into;
		*ret_bytes = page_bytes - into;
		return true;
	}
	if (!ul_page_tables_walk(&virtual->tables, virtual->physical, kaddr, &run) || !run.mapped)
		return false;
	// Of large pages the run is long: whoever reads on needs no cache.
	if (run.page_bytes == page_bytes)
		keep(virtual, page, run.phys - into);
	*ret_phys = run.phys;
	*ret_bytes = run.bytes;
	return true;
}

static const void *virtual_map(struct ul_memory *memory, uint64_t kaddr, size_t *ret_len)
{
	struct virtual *virtual = (struct virtual *)memory;
	uint64_t phys;
	uint64_t bytes;
	size_t run = 0;
	// Of a live kernel there is nothing to point to: do not walk its tables for that.
	if (!virtual->physical->ops->map || !translate(virtual, kaddr, &phys, &bytes))
		return NULL;
	const void *data = ul_memory_map(virtual->physical, phys, &run);
	if (data)
		*ret_len = run < bytes ? run : bytes;
	return data;
}

static struct ul_error *virtual_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				     size_t len, size_t *ret_read)
{
	struct virtual *virtual = (struct virtual *)memory;
	size_t total = 0;
	if (virtual->reader)
		return virtual->reader->ops->read(virtual->reader, kaddr, buffer, len, ret_read);
	while (total < len && kaddr + total >= kaddr) {
		uint64_t phys;
		uint64_t bytes;
		size_t got = 0;
		if (!translate(virtual, kaddr + total, &phys, &bytes))
			break;
		const size_t piece = bytes < len - total ? (size_t)bytes : len - total;
		UL_TRY(virtual->physical->ops->read(virtual->physical, phys,
						    (uint8_t *)buffer + total, piece, &got));
		total += got;
		if (got < piece)
			break;
	}
	*ret_read = total;
	return NULL;
}

static bool virtual_phys(struct ul_memory *memory, uint64_t kaddr, uint64_t *ret_phys,
			 uint64_t *ret_len)
{
	return translate((struct virtual *)memory, kaddr, ret_phys, ret_len);
}

static void virtual_forget(struct ul_memory *memory, uint64_t kaddr, uint64_t len)
{
	struct virtual *virtual = (struct virtual *)memory;
	uint64_t phys;
	uint64_t bytes;
	for (uint64_t done = 0; virtual->physical->ops->forget && done < len; done += bytes) {
		if (!translate(virtual, kaddr + done, &phys, &bytes))
			return;
		ul_memory_forget(virtual->physical, phys, bytes < len - done ? bytes : len - done);
	}
}

static void virtual_destroy(struct ul_memory *memory)
{
	free(memory);
}

static const struct ul_memory_ops virtual_ops = {.read = virtual_read,
						 .destroy = virtual_destroy,
						 .map = virtual_map,
						 .phys = virtual_phys,
						 .forget = virtual_forget};

struct ul_error *ul_virtual_create(struct ul_memory *physical, const struct ul_page_tables *tables,
				   struct ul_memory **ret)
{
	struct virtual *virtual = calloc(1, sizeof(*virtual));
	if (!virtual)
		return &ul_enomem;
	virtual->memory = (struct ul_memory){.ops = &virtual_ops,
					     .engine = physical->engine,
					     .concurrent = physical->concurrent};
	virtual->physical = physical;
	virtual->tables = *tables;
	*ret = &virtual->memory;
	return NULL;
}

static struct virtual *virtual_of(struct ul_memory *memory)
{
	return memory && memory->ops == &virtual_ops ? (struct virtual *)memory : NULL;
}

void ul_virtual_set_direct(struct ul_memory *memory, uint64_t kaddr, uint64_t phys, uint64_t bytes)
{
	struct virtual *virtual = virtual_of(memory);
	if (virtual)
		virtual->direct = (struct linear){kaddr, bytes, phys};
}

void ul_virtual_set_image(struct ul_memory *memory, uint64_t kaddr, uint64_t phys, uint64_t bytes)
{
	struct virtual *virtual = virtual_of(memory);
	if (virtual)
		virtual->image = (struct linear){kaddr, bytes, phys};
}

void ul_virtual_set_reader(struct ul_memory *memory, struct ul_memory *reader)
{
	struct virtual *virtual = virtual_of(memory);
	if (virtual)
		virtual->reader = reader;
}

const struct ul_page_tables *ul_virtual_tables(const struct ul_memory *memory)
{
	return memory && memory->ops == &virtual_ops ? &((const struct virtual *)memory)->tables
						     : NULL;
}
