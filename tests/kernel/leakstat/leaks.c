// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The plain leaks: one object of each kind the kernel hands out. Each has one function of its own,
 * leakstat_leak_KIND(), never inlined, cloned or left by a tail call (it counts after it has
 * allocated), so that a stack names it.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "leakstat.h"

#define LEAKSTAT_MAX_ORDER 10

struct leakstat_obj_ops {
	void (*touch)(void *obj);
};

static void leakstat_obj_touch(void *obj)
{
}

static const struct leakstat_obj_ops leakstat_obj_ops = {
	.touch = leakstat_obj_touch,
};

struct leakstat_obj {
	const struct leakstat_obj_ops *ops;
	unsigned long serial;
	char text[312];
};

struct leakstat_merged {
	char text[192];
};

static struct kmem_cache *leakstat_obj_cache;
static struct kmem_cache *leakstat_merged_cache;

/* A cache with a constructor is never merged with another. */
static void leakstat_ctor(void *obj)
{
}

static leaky int leakstat_leak_kmalloc(unsigned long size)
{
	void *p = kmalloc(size, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	leakstat_fill(p, size, COUNT_KMALLOC);
	leakstat_account(COUNT_KMALLOC, p, size);
	return 0;
}

static leaky int leakstat_leak_cache(unsigned long unused)
{
	struct leakstat_obj *p = kmem_cache_alloc(leakstat_obj_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p->ops = &leakstat_obj_ops;
	p->serial = leakstat_objects(COUNT_CACHE);
	leakstat_fill(p->text, sizeof(p->text), COUNT_CACHE);
	leakstat_account(COUNT_CACHE, p, sizeof(*p));
	return 0;
}

static leaky int leakstat_leak_cache_merged(unsigned long unused)
{
	struct leakstat_merged *p = kmem_cache_alloc(leakstat_merged_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	leakstat_fill(p->text, sizeof(p->text), COUNT_CACHE_MERGED);
	leakstat_account(COUNT_CACHE_MERGED, p, sizeof(*p));
	return 0;
}

static leaky int leakstat_leak_pages(unsigned long order)
{
	struct page *page = alloc_pages(GFP_KERNEL, order);

	if (!page)
		return -ENOMEM;
	leakstat_fill(page_address(page), PAGE_SIZE << order, COUNT_PAGES);
	leakstat_account(COUNT_PAGES, page_address(page), PAGE_SIZE << order);
	return 0;
}

static leaky int leakstat_leak_vmalloc(unsigned long size)
{
	void *p = vmalloc(size);

	if (!p)
		return -ENOMEM;
	leakstat_fill(p, size, COUNT_VMALLOC);
	leakstat_account(COUNT_VMALLOC, p, PAGE_ALIGN(size));
	return 0;
}

static leaky int leakstat_leak_percpu(unsigned long size)
{
	void __percpu *p = __alloc_percpu(size, sizeof(long));
	int cpu;

	if (!p)
		return -ENOMEM;
	for_each_possible_cpu(cpu) leakstat_fill(per_cpu_ptr(p, cpu), size, COUNT_PERCPU);
	leakstat_account(COUNT_PERCPU, per_cpu_ptr(p, 0), size * num_possible_cpus());
	return 0;
}

/* A block taken whole and given back in part: every second page of it is lost. */
static leaky int leakstat_leak_split(unsigned long order)
{
	struct page *page = alloc_pages(GFP_KERNEL, order);
	unsigned long i;

	if (!page)
		return -ENOMEM;
	leakstat_fill(page_address(page), PAGE_SIZE << order, COUNT_SPLIT);
	split_page(page, order);
	for (i = 1; i < 1UL << order; i += 2)
		__free_page(page + i);
	leakstat_account(COUNT_SPLIT, page_address(page), PAGE_SIZE << (order - 1));
	return 0;
}

/* What `rate` can repeat, too. */
static const struct leakstat_leak leakstat_leaks[] = {
	{"kmalloc", leakstat_leak_kmalloc, 1, KMALLOC_MAX_SIZE},
	{"cache", leakstat_leak_cache, 0, 0},
	{"cache_merged", leakstat_leak_cache_merged, 0, 0},
	{"pages", leakstat_leak_pages, 0, LEAKSTAT_MAX_ORDER},
	{"vmalloc", leakstat_leak_vmalloc, 1, 1UL << 30},
	{"percpu", leakstat_leak_percpu, 1, 32768},
	{"split", leakstat_leak_split, 1, LEAKSTAT_MAX_ORDER},
	/* shapes.c */
	{"orphan_list", leakstat_leak_orphan_list, 1, 10000},
	{"pairs", leakstat_leak_pairs, 0, 0},
	{"cycles", leakstat_leak_cycles, 1, 100},
	{"parents", leakstat_leak_parents, 1, 7},
	{"skbs", leakstat_leak_skbs, 1, 60000},
};

const struct leakstat_leak *leakstat_find_leak(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(leakstat_leaks); i++)
		if (!strcmp(leakstat_leaks[i].name, name))
			return &leakstat_leaks[i];
	return NULL;
}

int leakstat_check_arg(const struct leakstat_leak *leak, unsigned long arg)
{
	return arg < leak->min || arg > leak->max ? -ERANGE : 0;
}

/* "kmalloc SIZE COUNT" and the like: now, in the process that asks. */
noinline int leakstat_leak_now(const struct leakstat_leak *leak, const unsigned long *v, int n)
{
	int needs = leak->max ? 2 : 1;
	unsigned long arg, count, i;
	int err;

	if (n != needs)
		return -EINVAL;
	arg = needs == 2 ? v[0] : 0;
	count = v[needs - 1];
	err = leakstat_check_arg(leak, arg);
	if (err)
		return err;
	if (count > LEAKSTAT_MAX_COUNT)
		return -ERANGE;
	for (i = 0; i < count; i++) {
		err = leak->leak(arg);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

int leakstat_create_leak_caches(void)
{
	BUILD_BUG_ON(sizeof(struct leakstat_obj) != 328);
	leakstat_obj_cache =
		kmem_cache_create("leakstat_obj", sizeof(struct leakstat_obj), 0, 0, leakstat_ctor);
	leakstat_merged_cache =
		kmem_cache_create("leakstat_merged", sizeof(struct leakstat_merged), 0, 0, NULL);
	if (leakstat_obj_cache && leakstat_merged_cache)
		return 0;
	leakstat_destroy_leak_caches();
	return -ENOMEM;
}

/*
 * A cache that still has leaked objects is left behind: destroying it would be a kernel warning.
 * The module cannot be loaded a second time then (the cache's name is taken).
 */
void leakstat_destroy_leak_caches(void)
{
	if (!leakstat_leaked(COUNT_CACHE))
		kmem_cache_destroy(leakstat_obj_cache);
	if (!leakstat_leaked(COUNT_CACHE_MERGED))
		kmem_cache_destroy(leakstat_merged_cache);
}
