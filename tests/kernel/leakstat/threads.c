// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads: leaks at a steady rate, storms that allocate and free all the time by ways that are hard
 * to follow, and what grows and stays (bounded, list), which is no leak.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "leakstat.h"

#define LEAKSTAT_MAX_BATCH 4096UL

struct leakstat_held {
	struct list_head node;
	unsigned long serial;
	char text[168];
};

static LIST_HEAD(leakstat_bounded_list);
static LIST_HEAD(leakstat_long_list);
/* Guards both lists. */
static DEFINE_MUTEX(leakstat_held_lock);
static struct kmem_cache *leakstat_bounded_cache;
static struct kmem_cache *leakstat_rcu_cache;
static struct kmem_cache *leakstat_bulk_cache;

/* A cache with a constructor is never merged with another. */
static void leakstat_ctor(void *obj)
{
}

static noinline int leakstat_hold_bounded(void)
{
	struct leakstat_held *p = kmem_cache_alloc(leakstat_bounded_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p->serial = leakstat_objects(COUNT_BOUNDED);
	leakstat_fill(p->text, sizeof(p->text), COUNT_BOUNDED);
	mutex_lock(&leakstat_held_lock);
	list_add_tail(&p->node, &leakstat_bounded_list);
	mutex_unlock(&leakstat_held_lock);
	leakstat_account(COUNT_BOUNDED, p, sizeof(*p));
	return 0;
}

static noinline int leakstat_hold_list(void)
{
	struct leakstat_held *p = kmalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p->serial = leakstat_objects(COUNT_LIST);
	leakstat_fill(p->text, sizeof(p->text), COUNT_LIST);
	mutex_lock(&leakstat_held_lock);
	list_add_tail(&p->node, &leakstat_long_list);
	mutex_unlock(&leakstat_held_lock);
	leakstat_account(COUNT_LIST, p, sizeof(*p));
	return 0;
}

static void leakstat_release_held(void)
{
	struct leakstat_held *p, *next;

	list_for_each_entry_safe(p, next, &leakstat_bounded_list, node)
		kmem_cache_free(leakstat_bounded_cache, p);
	list_for_each_entry_safe(p, next, &leakstat_long_list, node) kfree(p);
}

struct leakstat_job {
	struct list_head node;
	struct task_struct *task;
	/* One object or one round; 0 or an error that ends the job. */
	int (*step)(struct leakstat_job *job);
	const struct leakstat_leak *leak;
	unsigned long arg;
	unsigned long period_ms;
	unsigned long batch;
	/* 0: until stopped. */
	unsigned long total;
	/* For the storms, which take the whole batch in one step. */
	void **objects;
};

/* Guarded by the lock of the commands: main.c. */
static LIST_HEAD(leakstat_jobs);

static int leakstat_step_rate(struct leakstat_job *job)
{
	return job->leak->leak(job->arg);
}

static int leakstat_step_bounded(struct leakstat_job *job)
{
	return leakstat_hold_bounded();
}

struct leakstat_rcu {
	struct rcu_head rcu;
	char text[176];
};

/* Freed objects of kfree_rcu() go back in bulk, through no tracepoint on many kernels. */
static noinline int leakstat_step_rcu(struct leakstat_job *job)
{
	struct leakstat_rcu *p;
	unsigned long i;

	for (i = 0; i < job->batch; i++) {
		p = kmalloc(sizeof(*p), GFP_KERNEL);
		if (p)
			kfree_rcu(p, rcu);
		p = kmem_cache_alloc(leakstat_rcu_cache, GFP_KERNEL);
		if (p)
			kfree_rcu(p, rcu);
	}
	return 0;
}

static noinline int leakstat_step_bulk(struct leakstat_job *job)
{
	unsigned long i, n;

	/* Allocated and freed in bulk. */
	if (kmem_cache_alloc_bulk(leakstat_bulk_cache, GFP_KERNEL, job->batch, job->objects))
		kmem_cache_free_bulk(leakstat_bulk_cache, job->batch, job->objects);

	/* Allocated one by one, freed in bulk: kmalloc. */
	for (i = 0, n = 0; i < job->batch; i++) {
		job->objects[n] = kmalloc(176, GFP_KERNEL);
		if (job->objects[n])
			n++;
	}
	if (n)
		kfree_bulk(n, job->objects);

	/* The same with a cache. */
	for (i = 0, n = 0; i < job->batch; i++) {
		job->objects[n] = kmem_cache_alloc(leakstat_bulk_cache, GFP_KERNEL);
		if (job->objects[n])
			n++;
	}
	if (n)
		kmem_cache_free_bulk(leakstat_bulk_cache, n, job->objects);
	return 0;
}

static noinline int leakstat_step_pairs(struct leakstat_job *job)
{
	unsigned long i;

	for (i = 0; i < job->batch; i++)
		job->objects[i] = kmalloc(176, GFP_KERNEL);
	for (i = 0; i < job->batch; i++)
		kfree(job->objects[i]);
	return 0;
}

/* One period's worth: a batch of steps, or one step of a storm. False when the job has ended. */
static bool leakstat_run_batch(struct leakstat_job *job, unsigned long *done)
{
	unsigned long i;

	if (job->objects)
		return job->step(job) == 0;
	for (i = 0; i < job->batch; i++) {
		if (job->total && *done >= job->total)
			return false;
		if (kthread_should_stop() || job->step(job) != 0)
			return false;
		(*done)++;
	}
	return !job->total || *done < job->total;
}

static int leakstat_thread(void *data)
{
	struct leakstat_job *job = data;
	unsigned long done = 0;
	ktime_t next = ktime_get();

	while (!kthread_should_stop() && leakstat_run_batch(job, &done)) {
		cond_resched();
		if (!job->period_ms)
			continue;
		/* Absolute times keep the rate steady whatever the batch took. */
		next = ktime_add_ms(next, job->period_ms);
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule_hrtimeout(&next, HRTIMER_MODE_ABS);
		__set_current_state(TASK_RUNNING);
	}
	/* kthread_stop() needs a thread that is still there. */
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void leakstat_free_job(struct leakstat_job *job)
{
	kfree(job->objects);
	kfree(job);
}

/* Takes @template's values; @storm gives the job room for a batch of pointers. */
static int leakstat_start(const struct leakstat_job *template, bool storm, const char *name)
{
	struct leakstat_job *job;

	if (template->batch < 1 || template->batch > LEAKSTAT_MAX_BATCH ||
	    template->period_ms > 3600000)
		return -ERANGE;
	job = kmemdup(template, sizeof(*job), GFP_KERNEL);
	if (!job)
		return -ENOMEM;
	if (storm) {
		job->objects = kcalloc(job->batch, sizeof(*job->objects), GFP_KERNEL);
		if (!job->objects) {
			kfree(job);
			return -ENOMEM;
		}
	}
	job->task = kthread_run(leakstat_thread, job, "%s", name);
	if (IS_ERR(job->task)) {
		int err = PTR_ERR(job->task);

		leakstat_free_job(job);
		return err;
	}
	list_add_tail(&job->node, &leakstat_jobs);
	return 0;
}

void leakstat_stop_all(void)
{
	struct leakstat_job *job, *next;

	list_for_each_entry_safe(job, next, &leakstat_jobs, node)
	{
		kthread_stop(job->task);
		list_del(&job->node);
		leakstat_free_job(job);
	}
}

/* "rate PERIOD_MS BATCH TOTAL LEAK [ARG]" */
int leakstat_rate(char **words, int n)
{
	struct leakstat_job job = {.step = leakstat_step_rate};
	int err;

	if (n < 5)
		return -EINVAL;
	job.leak = leakstat_find_leak(words[4]);
	if (!job.leak || n != (job.leak->max ? 6 : 5))
		return -EINVAL;
	err = kstrtoul(words[1], 0, &job.period_ms);
	if (!err)
		err = kstrtoul(words[2], 0, &job.batch);
	if (!err)
		err = kstrtoul(words[3], 0, &job.total);
	if (!err && n == 6)
		err = kstrtoul(words[5], 0, &job.arg);
	if (!err)
		err = leakstat_check_arg(job.leak, job.arg);
	if (err)
		return err;
	return leakstat_start(&job, false, "leakstat_rate");
}

static const struct {
	const char *name;
	int (*step)(struct leakstat_job *job);
	const char *thread;
} leakstat_storms[] = {
	{"rcu_storm", leakstat_step_rcu, "leakstat_rcu"},
	{"bulk_storm", leakstat_step_bulk, "leakstat_bulk"},
	{"kmalloc_pairs", leakstat_step_pairs, "leakstat_pairs"},
};

/* "NAME PERIOD_MS BATCH" */
int leakstat_storm(const char *name, const unsigned long *v, int n)
{
	struct leakstat_job job = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(leakstat_storms); i++) {
		if (strcmp(leakstat_storms[i].name, name))
			continue;
		if (n != 2)
			return -EINVAL;
		job.step = leakstat_storms[i].step;
		job.period_ms = v[0];
		job.batch = v[1];
		return leakstat_start(&job, true, leakstat_storms[i].thread);
	}
	return -EINVAL;
}

/* "bounded TOTAL PERIOD_MS BATCH" */
int leakstat_bounded(const unsigned long *v, int n)
{
	struct leakstat_job job = {.step = leakstat_step_bounded};

	/* A total of 0 would never stop, and then it were no bound. */
	if (n != 3 || !v[0])
		return -EINVAL;
	job.total = v[0];
	job.period_ms = v[1];
	job.batch = v[2];
	return leakstat_start(&job, false, "leakstat_bound");
}

/* "list COUNT" */
int leakstat_list(const unsigned long *v, int n)
{
	unsigned long i;
	int err;

	if (n != 1)
		return -EINVAL;
	if (v[0] > LEAKSTAT_MAX_COUNT)
		return -ERANGE;
	for (i = 0; i < v[0]; i++) {
		err = leakstat_hold_list();
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/* kfree_rcu() frees some seconds later, and nothing can be waited for on older kernels. */
static void leakstat_destroy_when_empty(struct kmem_cache *cache, const char *name)
{
	int tries;

	for (tries = 0; cache && tries < 150; tries++) {
		if (!kmem_cache_shrink(cache)) {
			kmem_cache_destroy(cache);
			return;
		}
		msleep(100);
	}
	if (cache)
		pr_warn("leakstat: cache %s still has objects and is left behind\n", name);
}

int leakstat_create_thread_caches(void)
{
	BUILD_BUG_ON(sizeof(struct leakstat_held) != 192);
	leakstat_bounded_cache = kmem_cache_create("leakstat_bounded", sizeof(struct leakstat_held),
						   0, 0, leakstat_ctor);
	leakstat_rcu_cache =
		kmem_cache_create("leakstat_rcu", sizeof(struct leakstat_rcu), 0, 0, leakstat_ctor);
	leakstat_bulk_cache = kmem_cache_create("leakstat_bulk", 256, 0, 0, leakstat_ctor);
	if (leakstat_bounded_cache && leakstat_rcu_cache && leakstat_bulk_cache)
		return 0;
	leakstat_destroy_thread_caches();
	return -ENOMEM;
}

/* And what the controls here hold: after the threads have stopped. */
void leakstat_destroy_thread_caches(void)
{
	leakstat_release_held();
	kmem_cache_destroy(leakstat_bounded_cache);
	kmem_cache_destroy(leakstat_bulk_cache);
	leakstat_destroy_when_empty(leakstat_rcu_cache, "leakstat_rcu");
}
