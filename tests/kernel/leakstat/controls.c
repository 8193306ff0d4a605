// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What looks lost in a memory image and is not: objects to which exactly one sort of reference
 * leads. `hold KIND COUNT` makes COUNT more; unloading frees them.
 *
 * Most are chains: a head in static memory holds the reference to the first object, each object the
 * one to the next, all in the encoding of the kind. controls_async.c has what waits for something.
 */
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "leakstat.h"

/* The maple tree is there since 6.1: commit 54a611b60590 ("Maple Tree: add new data structure"). */
#if defined(__has_include)
#if __has_include(<linux/maple_tree.h>)
#include <linux/maple_tree.h>
#define LEAKSTAT_MAPLE 1
#endif
#endif

/* --- chains --------------------------------------------------------------------------------- */

#define LEAKSTAT_LINK_BYTES 16

struct leakstat_chain {
	int kind;
	size_t size;
	/* Where the link stands in an object and at the head. */
	size_t at;
	unsigned long (*encode)(unsigned long address, size_t size);
	unsigned long (*decode)(unsigned long word, size_t size);
	/* LEAKSTAT_LINK_BYTES of them, aligned. */
	unsigned char *head;
};

static unsigned long leakstat_get_link(const struct leakstat_chain *chain,
				       const unsigned char *from)
{
	unsigned long word;

	memcpy(&word, from + chain->at, sizeof(word));
	return word;
}

static void leakstat_set_link(const struct leakstat_chain *chain, unsigned char *at,
			      unsigned long word)
{
	memcpy(at + chain->at, &word, sizeof(word));
}

static noinline int leakstat_hold_link(const struct leakstat_chain *chain)
{
	unsigned char *p = kzalloc(chain->size, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	leakstat_fill(p + LEAKSTAT_LINK_BYTES, chain->size - LEAKSTAT_LINK_BYTES, chain->kind);
	leakstat_set_link(chain, p, leakstat_get_link(chain, chain->head));
	leakstat_set_link(chain, chain->head, chain->encode((unsigned long)p, chain->size));
	leakstat_account(chain->kind, p, chain->size);
	return 0;
}

static int leakstat_hold_chain(const struct leakstat_chain *chain, unsigned long count)
{
	int err = 0;

	while (count-- && !err)
		err = leakstat_hold_link(chain);
	return err;
}

static void leakstat_release_chain(const struct leakstat_chain *chain)
{
	unsigned long word = leakstat_get_link(chain, chain->head);

	while (word) {
		unsigned char *p = (unsigned char *)chain->decode(word, chain->size);

		word = leakstat_get_link(chain, p);
		kfree(p);
	}
	leakstat_set_link(chain, chain->head, 0);
}

static unsigned long leakstat_plain(unsigned long word, size_t size)
{
	return word;
}

static unsigned long leakstat_tag(unsigned long word, size_t size)
{
	return word ^ 3;
}

static unsigned long leakstat_to_middle(unsigned long word, size_t size)
{
	return word + size / 2 / 8 * 8;
}

static unsigned long leakstat_from_middle(unsigned long word, size_t size)
{
	return word - size / 2 / 8 * 8;
}

static unsigned long leakstat_to_end(unsigned long word, size_t size)
{
	return word + size;
}

static unsigned long leakstat_from_end(unsigned long word, size_t size)
{
	return word - size;
}

static unsigned long leakstat_to_physical(unsigned long word, size_t size)
{
	return virt_to_phys((void *)word);
}

static unsigned long leakstat_from_physical(unsigned long word, size_t size)
{
	return (unsigned long)phys_to_virt(word);
}

#define LEAKSTAT_CHAIN(name, count, bytes, offset, to, from)                                       \
	static unsigned char leakstat_head_##name[LEAKSTAT_LINK_BYTES] __aligned(8);               \
	static const struct leakstat_chain leakstat_chain_##name = {                               \
		COUNT_##count, bytes, offset, to, from, leakstat_head_##name,                      \
	};                                                                                         \
	static int leakstat_hold_##name(unsigned long objects)                                     \
	{                                                                                          \
		return leakstat_hold_chain(&leakstat_chain_##name, objects);                       \
	}                                                                                          \
	static void leakstat_release_##name(void)                                                  \
	{                                                                                          \
		leakstat_release_chain(&leakstat_chain_##name);                                    \
	}

LEAKSTAT_CHAIN(tagged, TAGGED, 208, 0, leakstat_tag, leakstat_tag)
LEAKSTAT_CHAIN(interior, INTERIOR, 216, 0, leakstat_to_middle, leakstat_from_middle)
/* 272 of 512: the end is still inside the slot. 256 of 256: it is the next object's start. */
LEAKSTAT_CHAIN(past_end, PAST_END, 272, 0, leakstat_to_end, leakstat_from_end)
LEAKSTAT_CHAIN(tight_past_end, TIGHT_PAST_END, 256, 0, leakstat_to_end, leakstat_from_end)
LEAKSTAT_CHAIN(physical, PHYSICAL, 224, 0, leakstat_to_physical, leakstat_from_physical)
LEAKSTAT_CHAIN(misaligned, MISALIGNED, 232, 3, leakstat_plain, leakstat_plain)

/* Each processor's own list, in a percpu variable and in a percpu object. */
struct leakstat_percpu_head {
	unsigned char head[LEAKSTAT_LINK_BYTES];
} __aligned(8);

static DEFINE_PER_CPU(struct leakstat_percpu_head, leakstat_percpu_heads);
static struct leakstat_percpu_head __percpu *leakstat_percpu_area;

static int leakstat_hold_percpu(struct leakstat_percpu_head __percpu *heads, int kind,
				unsigned long count)
{
	struct leakstat_chain chain = {kind, 184, 0, leakstat_plain, leakstat_plain, NULL};
	unsigned int cpu = 0;
	int err = 0;

	while (count-- && !err) {
		chain.head = per_cpu_ptr(heads, cpu)->head;
		err = leakstat_hold_link(&chain);
		cpu = cpumask_next(cpu, cpu_possible_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_possible_mask);
	}
	return err;
}

static void leakstat_release_percpu(struct leakstat_percpu_head __percpu *heads)
{
	struct leakstat_chain chain = {0, 184, 0, leakstat_plain, leakstat_plain, NULL};
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		chain.head = per_cpu_ptr(heads, cpu)->head;
		leakstat_release_chain(&chain);
	}
}

static int leakstat_hold_percpu_var(unsigned long count)
{
	return leakstat_hold_percpu(&leakstat_percpu_heads, COUNT_PERCPU_VAR, count);
}

static void leakstat_release_percpu_var(void)
{
	leakstat_release_percpu(&leakstat_percpu_heads);
}

static int leakstat_hold_percpu_dyn(unsigned long count)
{
	if (!leakstat_percpu_area)
		leakstat_percpu_area = alloc_percpu(struct leakstat_percpu_head);
	if (!leakstat_percpu_area)
		return -ENOMEM;
	return leakstat_hold_percpu(leakstat_percpu_area, COUNT_PERCPU_DYN, count);
}

static void leakstat_release_percpu_dyn(void)
{
	if (!leakstat_percpu_area)
		return;
	leakstat_release_percpu(leakstat_percpu_area);
	free_percpu(leakstat_percpu_area);
}

/* --- the kernel's own containers ------------------------------------------------------------ */

struct leakstat_item {
	struct rhash_head hash;
	u32 key;
	char text[148];
};

static struct leakstat_item *leakstat_new_item(int kind)
{
	struct leakstat_item *item = kzalloc(sizeof(*item), GFP_KERNEL);

	if (!item)
		return NULL;
	item->key = leakstat_objects(kind);
	leakstat_fill(item->text, sizeof(item->text), kind);
	leakstat_account(kind, item, sizeof(*item));
	return item;
}

static DEFINE_XARRAY(leakstat_xarray);

static int leakstat_hold_xarray(unsigned long count)
{
	int err = 0;

	while (count-- && !err) {
		struct leakstat_item *item = leakstat_new_item(COUNT_XARRAY);

		if (!item)
			return -ENOMEM;
		err = xa_err(xa_store(&leakstat_xarray, item->key * 3UL, item, GFP_KERNEL));
	}
	return err;
}

static void leakstat_release_xarray(void)
{
	struct leakstat_item *item;
	unsigned long index;

	xa_for_each(&leakstat_xarray, index, item) kfree(item);
	xa_destroy(&leakstat_xarray);
}

static DEFINE_IDR(leakstat_idr);

static int leakstat_hold_idr(unsigned long count)
{
	while (count--) {
		struct leakstat_item *item = leakstat_new_item(COUNT_IDR);
		int id;

		if (!item)
			return -ENOMEM;
		id = idr_alloc(&leakstat_idr, item, 0, 0, GFP_KERNEL);
		if (id < 0)
			return id;
	}
	return 0;
}

static void leakstat_release_idr(void)
{
	struct leakstat_item *item;
	int id;

	idr_for_each_entry(&leakstat_idr, item, id) kfree(item);
	idr_destroy(&leakstat_idr);
}

static const struct rhashtable_params leakstat_hash_params = {
	.key_len = sizeof(u32),
	.key_offset = offsetof(struct leakstat_item, key),
	.head_offset = offsetof(struct leakstat_item, hash),
	.automatic_shrinking = true,
};
static struct rhashtable leakstat_hash;
static bool leakstat_hash_ready;

static int leakstat_hold_rhashtable(unsigned long count)
{
	int err = 0;

	if (!leakstat_hash_ready)
		err = rhashtable_init(&leakstat_hash, &leakstat_hash_params);
	leakstat_hash_ready = leakstat_hash_ready || !err;
	while (count-- && !err) {
		struct leakstat_item *item = leakstat_new_item(COUNT_RHASHTABLE);

		if (!item)
			return -ENOMEM;
		err = rhashtable_insert_fast(&leakstat_hash, &item->hash, leakstat_hash_params);
	}
	return err;
}

static void leakstat_free_item(void *item, void *unused)
{
	kfree(item);
}

static void leakstat_release_rhashtable(void)
{
	if (leakstat_hash_ready)
		rhashtable_free_and_destroy(&leakstat_hash, leakstat_free_item, NULL);
}

#ifdef LEAKSTAT_MAPLE
static DEFINE_MTREE(leakstat_maple);

static int leakstat_hold_maple(unsigned long count)
{
	int err = 0;

	while (count-- && !err) {
		struct leakstat_item *item = leakstat_new_item(COUNT_MAPLE);

		if (!item)
			return -ENOMEM;
		err = mtree_store(&leakstat_maple, item->key * 3UL, item, GFP_KERNEL);
	}
	return err;
}

static void leakstat_release_maple(void)
{
	struct leakstat_item *item;
	unsigned long index = 0;

	mt_for_each(&leakstat_maple, item, index, ULONG_MAX) kfree(item);
	mtree_destroy(&leakstat_maple);
}
#else
static int leakstat_hold_maple(unsigned long count)
{
	return 0;
}

static void leakstat_release_maple(void)
{
}
#endif

/* --- arrays elsewhere ----------------------------------------------------------------------- */

/* So many that the arrays are full. */
#define LEAKSTAT_ARRAY_MAX (PAGE_SIZE / sizeof(void *))

static void **leakstat_vmalloc_array;
static struct page *leakstat_array_page;

static int leakstat_hold_array(void **array, int kind, unsigned long count)
{
	while (count--) {
		unsigned long at = leakstat_objects(kind);

		if (at >= LEAKSTAT_ARRAY_MAX)
			return -ENOSPC;
		array[at] = leakstat_new_item(kind);
		if (!array[at])
			return -ENOMEM;
	}
	return 0;
}

static void leakstat_release_array(void **array, int kind)
{
	long i;

	for (i = 0; i < leakstat_objects(kind); i++)
		kfree(array[i]);
}

static int leakstat_hold_vmalloc_array(unsigned long count)
{
	if (!leakstat_vmalloc_array)
		leakstat_vmalloc_array = vzalloc(PAGE_SIZE);
	if (!leakstat_vmalloc_array)
		return -ENOMEM;
	return leakstat_hold_array(leakstat_vmalloc_array, COUNT_VMALLOC_ARRAY, count);
}

static void leakstat_release_vmalloc_array(void)
{
	if (!leakstat_vmalloc_array)
		return;
	leakstat_release_array(leakstat_vmalloc_array, COUNT_VMALLOC_ARRAY);
	vfree(leakstat_vmalloc_array);
}

static int leakstat_hold_page_array(unsigned long count)
{
	if (!leakstat_array_page)
		leakstat_array_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!leakstat_array_page)
		return -ENOMEM;
	return leakstat_hold_array(page_address(leakstat_array_page), COUNT_PAGE_ARRAY, count);
}

static void leakstat_release_page_array(void)
{
	if (!leakstat_array_page)
		return;
	leakstat_release_array(page_address(leakstat_array_page), COUNT_PAGE_ARRAY);
	__free_page(leakstat_array_page);
}

/* Pages in a chain by their struct page; each one's private word leads to an object. */
static struct page *leakstat_private_pages;

static int leakstat_hold_page_private(unsigned long count)
{
	while (count--) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
		struct leakstat_item *item = page ? leakstat_new_item(COUNT_PAGE_PRIVATE) : NULL;

		if (!item) {
			if (page)
				__free_page(page);
			return -ENOMEM;
		}
		set_page_private(page, (unsigned long)item);
		*(struct page **)page_address(page) = leakstat_private_pages;
		leakstat_private_pages = page;
	}
	return 0;
}

static void leakstat_release_page_private(void)
{
	struct page *page = leakstat_private_pages;

	while (page) {
		struct page *next = *(struct page **)page_address(page);

		kfree((void *)page_private(page));
		set_page_private(page, 0);
		__free_page(page);
		page = next;
	}
}

/* --- the command ---------------------------------------------------------------------------- */

static const struct leakstat_control leakstat_controls[] = {
	{"tagged", leakstat_hold_tagged, leakstat_release_tagged, LEAKSTAT_MAX_COUNT},
	{"interior", leakstat_hold_interior, leakstat_release_interior, LEAKSTAT_MAX_COUNT},
	{"past_end", leakstat_hold_past_end, leakstat_release_past_end, LEAKSTAT_MAX_COUNT},
	{"tight_past_end", leakstat_hold_tight_past_end, leakstat_release_tight_past_end,
	 LEAKSTAT_MAX_COUNT},
	{"physical", leakstat_hold_physical, leakstat_release_physical, LEAKSTAT_MAX_COUNT},
	{"misaligned", leakstat_hold_misaligned, leakstat_release_misaligned, LEAKSTAT_MAX_COUNT},
	{"percpu_var", leakstat_hold_percpu_var, leakstat_release_percpu_var, LEAKSTAT_MAX_COUNT},
	{"percpu_dyn", leakstat_hold_percpu_dyn, leakstat_release_percpu_dyn, LEAKSTAT_MAX_COUNT},
	{"xarray", leakstat_hold_xarray, leakstat_release_xarray, LEAKSTAT_MAX_COUNT},
	{"idr", leakstat_hold_idr, leakstat_release_idr, LEAKSTAT_MAX_COUNT},
	{"rhashtable", leakstat_hold_rhashtable, leakstat_release_rhashtable, LEAKSTAT_MAX_COUNT},
	{"maple", leakstat_hold_maple, leakstat_release_maple, LEAKSTAT_MAX_COUNT},
	{"vmalloc_array", leakstat_hold_vmalloc_array, leakstat_release_vmalloc_array,
	 LEAKSTAT_ARRAY_MAX},
	{"page_array", leakstat_hold_page_array, leakstat_release_page_array, LEAKSTAT_ARRAY_MAX},
	{"page_private", leakstat_hold_page_private, leakstat_release_page_private,
	 LEAKSTAT_MAX_COUNT},
	{NULL},
};

static const struct leakstat_control *const leakstat_control_tables[] = {
	leakstat_controls,
	leakstat_controls_async,
};

/* "hold KIND COUNT"; of `all` each kind makes as many as it can, COUNT at the most. */
int leakstat_hold(char **words, int n)
{
	const struct leakstat_control *control;
	unsigned long count;
	bool found = false;
	size_t table;
	int err;

	if (n != 3)
		return -EINVAL;
	err = kstrtoul(words[2], 0, &count);
	if (err)
		return err;
	for (table = 0; table < ARRAY_SIZE(leakstat_control_tables); table++) {
		for (control = leakstat_control_tables[table]; control->name; control++) {
			bool all = !strcmp(words[1], "all");

			if (!all && strcmp(words[1], control->name))
				continue;
			if (!all && count > control->max)
				return -ERANGE;
			err = control->hold(min(count, control->max));
			if (err)
				return err;
			found = true;
			cond_resched();
		}
	}
	return found ? 0 : -EINVAL;
}

void leakstat_release_controls(void)
{
	const struct leakstat_control *control;
	size_t table;

	for (table = 0; table < ARRAY_SIZE(leakstat_control_tables); table++)
		for (control = leakstat_control_tables[table]; control->name; control++)
			control->release();
}
