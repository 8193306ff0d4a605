// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * leakstat: loses kernel memory on purpose and says exactly how much.
 *
 * A leak finder can be judged only where the truth is known. This module leaks an exact number of
 * objects of every kind the kernel hands out, and beside them does what looks like a leak and is
 * none. Never load it on a machine that matters: what it leaks comes back with a reboot only.
 *
 * /proc/leakstat	The case the project grew from. Looks like /proc/schedstat; its release
 *			callback forgets seq_release(), so each open() loses a seq_file and, once
 *			it has been read, its 4096-byte buffer. As in the real case the compiler may
 *			make seq_open() a tail call: the guilty functions need not be on a stack.
 * /proc/leakstat_ok	The same, released properly.
 * /proc/leakctl	Reading: "NAME objects=N bytes=N" for all that is leaked or held, exact.
 *			Bytes are those asked for; slab rounding comes on top. pages and vmalloc
 *			count whole pages, percpu counts every possible CPU.
 *			Writing: one command for each write(), see leakstat_command().
 * leakfs		A file system whose lookups leave negative dentries: grows, and reclaim
 *			takes it back.
 *
 * Each kind of leak has one function of its own, leakstat_leak_KIND(), never inlined, cloned or
 *left by a tail call (it counts after it has allocated), so that a stack names it.
 *
 * Unloading stops the threads and frees what the controls hold. Leaks stay leaked: a cache that
 *still has leaked objects is left behind, because destroying it would be a kernel warning, and the
 *module cannot be loaded a second time then (the cache's name is taken).
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

/* noinline alone still lets gcc clone a function and rename it to NAME.constprop.0 or NAME.isra.0.
 */
#if defined(__has_attribute)
#if __has_attribute(__noipa__)
#define leaky noinline __attribute__((__noipa__))
#endif
#endif
#ifndef leaky
#define leaky noinline
#endif

#define LEAKFS_MAGIC	   0x6c65616b
#define LEAKSTAT_MAX_ORDER 10
#define LEAKSTAT_MAX_COUNT 10000000UL
#define LEAKSTAT_MAX_BATCH 4096UL
#define LEAKSTAT_MAX_ARGS  8

/* --- the truth ------------------------------------------------------------------------------ */

struct leakstat_count {
	const char *name;
	atomic_long_t objects;
	atomic_long_t bytes;
};

enum {
	COUNT_SEQ_FILE,
	COUNT_SEQ_BUFFER,
	COUNT_KMALLOC,
	COUNT_CACHE,
	COUNT_CACHE_MERGED,
	COUNT_PAGES,
	COUNT_VMALLOC,
	COUNT_PERCPU,
	COUNT_BOUNDED,
	COUNT_LIST,
	COUNT_KINDS
};

static struct leakstat_count leakstat_counts[COUNT_KINDS] = {
	[COUNT_SEQ_FILE] = {.name = "seq_file"},
	[COUNT_SEQ_BUFFER] = {.name = "seq_buffer"},
	[COUNT_KMALLOC] = {.name = "kmalloc"},
	[COUNT_CACHE] = {.name = "cache"},
	[COUNT_CACHE_MERGED] = {.name = "cache_merged"},
	[COUNT_PAGES] = {.name = "pages"},
	[COUNT_VMALLOC] = {.name = "vmalloc"},
	[COUNT_PERCPU] = {.name = "percpu"},
	[COUNT_BOUNDED] = {.name = "bounded"},
	[COUNT_LIST] = {.name = "list"},
};

static void leakstat_account(int kind, size_t bytes)
{
	atomic_long_inc(&leakstat_counts[kind].objects);
	atomic_long_add(bytes, &leakstat_counts[kind].bytes);
}

static bool leakstat_leaked(int kind)
{
	return atomic_long_read(&leakstat_counts[kind].objects) != 0;
}

/* Fills with text that whoever reads the memory will recognise, numbered by object. */
static void leakstat_fill(void *where, size_t size, int kind)
{
	char text[64];
	size_t length, at;

	length = scnprintf(text, sizeof(text), "leakstat %s %ld lost ", leakstat_counts[kind].name,
			   atomic_long_read(&leakstat_counts[kind].objects));
	for (at = 0; at < size; at += length)
		memcpy((char *)where + at, text, min(length, size - at));
}

/* --- /proc/leakstat ------------------------------------------------------------------------- */

static void *leakstat_seq_start(struct seq_file *m, loff_t *pos)
{
	/* 0 is the header, 1 .. n the processors: never NULL, which would be the end. */
	return *pos <= num_online_cpus() ? (void *)(unsigned long)(*pos + 1) : NULL;
}

static void *leakstat_seq_next(struct seq_file *m, void *v, loff_t *pos)
{
	(*pos)++;
	return leakstat_seq_start(m, pos);
}

static void leakstat_seq_stop(struct seq_file *m, void *v)
{
}

static int leakstat_seq_show(struct seq_file *m, void *v)
{
	unsigned long line = (unsigned long)v;
	int i;

	if (line == 1) {
		seq_puts(m, "version 15\n");
		seq_printf(m, "timestamp %lu\n", jiffies);
		return 0;
	}
	seq_printf(m, "cpu%lu 0 0 0 0 0 0 %lu %lu %lu\n", line - 2, jiffies * 1000, jiffies * 10,
		   jiffies);
	seq_puts(m, "domain0 00000003");
	for (i = 0; i < 36; i++)
		seq_printf(m, " %lu", jiffies >> (i % 16));
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations leakstat_seq_ops = {
	.start = leakstat_seq_start,
	.next = leakstat_seq_next,
	.stop = leakstat_seq_stop,
	.show = leakstat_seq_show,
};

static noinline int leakstat_open(struct inode *inode, struct file *file)
{
	return seq_open(file, &leakstat_seq_ops);
}

/* The bug: seq_release(inode, file) is missing, so the seq_file and its buffer are lost. */
static noinline int leakstat_release(struct inode *inode, struct file *file)
{
	const struct seq_file *m = file->private_data;

	leakstat_account(COUNT_SEQ_FILE, sizeof(*m));
	if (m->buf)
		leakstat_account(COUNT_SEQ_BUFFER, m->size);
	return 0;
}

static const struct proc_ops leakstat_proc_ops = {
	.proc_open = leakstat_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = leakstat_release,
};

static int leakstat_ok_open(struct inode *inode, struct file *file)
{
	return seq_open(file, &leakstat_seq_ops);
}

static const struct proc_ops leakstat_ok_proc_ops = {
	.proc_open = leakstat_ok_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = seq_release,
};

/* --- the leaks ------------------------------------------------------------------------------ */

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
	leakstat_account(COUNT_KMALLOC, size);
	return 0;
}

static leaky int leakstat_leak_cache(unsigned long unused)
{
	struct leakstat_obj *p = kmem_cache_alloc(leakstat_obj_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p->ops = &leakstat_obj_ops;
	p->serial = atomic_long_read(&leakstat_counts[COUNT_CACHE].objects);
	leakstat_fill(p->text, sizeof(p->text), COUNT_CACHE);
	leakstat_account(COUNT_CACHE, sizeof(*p));
	return 0;
}

static leaky int leakstat_leak_cache_merged(unsigned long unused)
{
	struct leakstat_merged *p = kmem_cache_alloc(leakstat_merged_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	leakstat_fill(p->text, sizeof(p->text), COUNT_CACHE_MERGED);
	leakstat_account(COUNT_CACHE_MERGED, sizeof(*p));
	return 0;
}

static leaky int leakstat_leak_pages(unsigned long order)
{
	struct page *page = alloc_pages(GFP_KERNEL, order);

	if (!page)
		return -ENOMEM;
	leakstat_fill(page_address(page), PAGE_SIZE << order, COUNT_PAGES);
	leakstat_account(COUNT_PAGES, PAGE_SIZE << order);
	return 0;
}

static leaky int leakstat_leak_vmalloc(unsigned long size)
{
	void *p = vmalloc(size);

	if (!p)
		return -ENOMEM;
	leakstat_fill(p, size, COUNT_VMALLOC);
	leakstat_account(COUNT_VMALLOC, PAGE_ALIGN(size));
	return 0;
}

static leaky int leakstat_leak_percpu(unsigned long size)
{
	void __percpu *p = __alloc_percpu(size, sizeof(long));
	int cpu;

	if (!p)
		return -ENOMEM;
	for_each_possible_cpu(cpu) leakstat_fill(per_cpu_ptr(p, cpu), size, COUNT_PERCPU);
	leakstat_account(COUNT_PERCPU, size * num_possible_cpus());
	return 0;
}

struct leakstat_leak {
	const char *name;
	int (*leak)(unsigned long arg);
	/* Its argument, 0 and 0 if it has none. */
	unsigned long min;
	unsigned long max;
};

/* What `rate` can repeat, too. */
static const struct leakstat_leak leakstat_leaks[] = {
	{"kmalloc", leakstat_leak_kmalloc, 1, KMALLOC_MAX_SIZE},
	{"cache", leakstat_leak_cache, 0, 0},
	{"cache_merged", leakstat_leak_cache_merged, 0, 0},
	{"pages", leakstat_leak_pages, 0, LEAKSTAT_MAX_ORDER},
	{"vmalloc", leakstat_leak_vmalloc, 1, 1UL << 30},
	{"percpu", leakstat_leak_percpu, 1, 32768},
};

/* --- what holds memory and is no leak ------------------------------------------------------- */

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

static noinline int leakstat_hold_bounded(void)
{
	struct leakstat_held *p = kmem_cache_alloc(leakstat_bounded_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p->serial = atomic_long_read(&leakstat_counts[COUNT_BOUNDED].objects);
	leakstat_fill(p->text, sizeof(p->text), COUNT_BOUNDED);
	mutex_lock(&leakstat_held_lock);
	list_add_tail(&p->node, &leakstat_bounded_list);
	mutex_unlock(&leakstat_held_lock);
	leakstat_account(COUNT_BOUNDED, sizeof(*p));
	return 0;
}

static noinline int leakstat_hold_list(void)
{
	struct leakstat_held *p = kmalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p->serial = atomic_long_read(&leakstat_counts[COUNT_LIST].objects);
	leakstat_fill(p->text, sizeof(p->text), COUNT_LIST);
	mutex_lock(&leakstat_held_lock);
	list_add_tail(&p->node, &leakstat_long_list);
	mutex_unlock(&leakstat_held_lock);
	leakstat_account(COUNT_LIST, sizeof(*p));
	return 0;
}

static void leakstat_release_held(void)
{
	struct leakstat_held *p, *next;

	list_for_each_entry_safe(p, next, &leakstat_bounded_list, node)
		kmem_cache_free(leakstat_bounded_cache, p);
	list_for_each_entry_safe(p, next, &leakstat_long_list, node) kfree(p);
}

/* --- threads -------------------------------------------------------------------------------- */

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

/* Guarded by leakstat_command_lock. */
static LIST_HEAD(leakstat_jobs);
static DEFINE_MUTEX(leakstat_command_lock);

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

static void leakstat_stop_all(void)
{
	struct leakstat_job *job, *next;

	list_for_each_entry_safe(job, next, &leakstat_jobs, node)
	{
		kthread_stop(job->task);
		list_del(&job->node);
		leakstat_free_job(job);
	}
}

/* --- /proc/leakctl -------------------------------------------------------------------------- */

static const struct leakstat_leak *leakstat_find_leak(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(leakstat_leaks); i++)
		if (!strcmp(leakstat_leaks[i].name, name))
			return &leakstat_leaks[i];
	return NULL;
}

static int leakstat_check_arg(const struct leakstat_leak *leak, unsigned long arg)
{
	return arg < leak->min || arg > leak->max ? -ERANGE : 0;
}

/* "kmalloc SIZE COUNT" and the like: now, in the process that asks. */
static noinline int leakstat_leak_now(const struct leakstat_leak *leak, const unsigned long *v,
				      int n)
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

/* "rate PERIOD_MS BATCH TOTAL LEAK [ARG]" */
static int leakstat_rate(char **words, int n)
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

/* "NAME PERIOD_MS BATCH" */
static int leakstat_storm(int (*step)(struct leakstat_job *job), const char *name,
			  const unsigned long *v, int n)
{
	struct leakstat_job job = {.step = step};

	if (n != 2)
		return -EINVAL;
	job.period_ms = v[0];
	job.batch = v[1];
	return leakstat_start(&job, true, name);
}

/* "bounded TOTAL PERIOD_MS BATCH" */
static int leakstat_bounded(const unsigned long *v, int n)
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
static int leakstat_list(const unsigned long *v, int n)
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

/*
 * The commands:
 *   kmalloc SIZE COUNT, cache COUNT, cache_merged COUNT, pages ORDER COUNT,
 *   vmalloc SIZE COUNT, percpu SIZE COUNT			leak now, in the writing process
 *   rate PERIOD_MS BATCH TOTAL LEAK [ARG]			leak BATCH each PERIOD_MS until
 *TOTAL (0: until stop), LEAK and ARG as above
 *   stop							ends every thread
 *   bounded TOTAL PERIOD_MS BATCH				grows at a rate, then stops for good
 *   list COUNT							a long list, kept on purpose
 *   rcu_storm, bulk_storm, kmalloc_pairs PERIOD_MS BATCH	allocate and free all the time
 */
static int leakstat_command(char **words, int n)
{
	unsigned long v[LEAKSTAT_MAX_ARGS];
	const struct leakstat_leak *leak;
	int i, err;

	if (n < 1 || n > LEAKSTAT_MAX_ARGS)
		return -EINVAL;
	if (!strcmp(words[0], "rate"))
		return leakstat_rate(words, n);
	for (i = 1; i < n; i++) {
		err = kstrtoul(words[i], 0, &v[i - 1]);
		if (err)
			return err;
	}
	n--;
	leak = leakstat_find_leak(words[0]);
	if (leak)
		return leakstat_leak_now(leak, v, n);
	if (!strcmp(words[0], "stop") && n == 0) {
		leakstat_stop_all();
		return 0;
	}
	if (!strcmp(words[0], "bounded"))
		return leakstat_bounded(v, n);
	if (!strcmp(words[0], "list"))
		return leakstat_list(v, n);
	if (!strcmp(words[0], "rcu_storm"))
		return leakstat_storm(leakstat_step_rcu, "leakstat_rcu", v, n);
	if (!strcmp(words[0], "bulk_storm"))
		return leakstat_storm(leakstat_step_bulk, "leakstat_bulk", v, n);
	if (!strcmp(words[0], "kmalloc_pairs"))
		return leakstat_storm(leakstat_step_pairs, "leakstat_pairs", v, n);
	return -EINVAL;
}

static ssize_t leakctl_write(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	char text[128];
	char **words;
	int n, err;

	if (size >= sizeof(text))
		return -E2BIG;
	if (copy_from_user(text, buf, size))
		return -EFAULT;
	text[size] = '\0';
	words = argv_split(GFP_KERNEL, text, &n);
	if (!words)
		return -ENOMEM;
	mutex_lock(&leakstat_command_lock);
	err = leakstat_command(words, n);
	mutex_unlock(&leakstat_command_lock);
	argv_free(words);
	if (err) {
		pr_err("leakstat: command '%s' failed: %d\n", strim(text), err);
		return err;
	}
	return size;
}

static int leakctl_show(struct seq_file *m, void *v)
{
	int i;

	for (i = 0; i < COUNT_KINDS; i++)
		seq_printf(m, "%s objects=%ld bytes=%ld\n", leakstat_counts[i].name,
			   atomic_long_read(&leakstat_counts[i].objects),
			   atomic_long_read(&leakstat_counts[i].bytes));
	return 0;
}

static int leakctl_open(struct inode *inode, struct file *file)
{
	return single_open(file, leakctl_show, NULL);
}

static const struct proc_ops leakctl_proc_ops = {
	.proc_open = leakctl_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_write = leakctl_write,
	.proc_release = single_release,
};

/* --- leakfs --------------------------------------------------------------------------------- */

/* Nothing exists here; the negative dentry stays until reclaim wants it. */
static struct dentry *leakfs_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	if (dentry->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	d_add(dentry, NULL);
	return NULL;
}

static const struct inode_operations leakfs_dir_inode_ops = {
	.lookup = leakfs_lookup,
};

static const struct super_operations leakfs_super_ops = {
	.statfs = simple_statfs,
};

static int leakfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct inode *root;

	sb->s_magic = LEAKFS_MAGIC;
	sb->s_op = &leakfs_super_ops;
	root = new_inode(sb);
	if (!root)
		return -ENOMEM;
	root->i_ino = 1;
	root->i_mode = S_IFDIR | 0755;
	root->i_op = &leakfs_dir_inode_ops;
	root->i_fop = &simple_dir_operations;
	set_nlink(root, 2);
	/* Takes the inode, also when it fails. */
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int leakfs_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, leakfs_fill_super);
}

static const struct fs_context_operations leakfs_context_ops = {
	.get_tree = leakfs_get_tree,
};

static int leakfs_init_fs_context(struct fs_context *fc)
{
	fc->ops = &leakfs_context_ops;
	return 0;
}

static struct file_system_type leakfs_type = {
	.owner = THIS_MODULE,
	.name = "leakfs",
	.init_fs_context = leakfs_init_fs_context,
	.kill_sb = kill_anon_super,
};

/* --- coming and going ----------------------------------------------------------------------- */

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

static void leakstat_destroy_caches(void)
{
	if (!leakstat_leaked(COUNT_CACHE))
		kmem_cache_destroy(leakstat_obj_cache);
	if (!leakstat_leaked(COUNT_CACHE_MERGED))
		kmem_cache_destroy(leakstat_merged_cache);
	kmem_cache_destroy(leakstat_bounded_cache);
	kmem_cache_destroy(leakstat_bulk_cache);
	leakstat_destroy_when_empty(leakstat_rcu_cache, "leakstat_rcu");
}

static int leakstat_create_caches(void)
{
	BUILD_BUG_ON(sizeof(struct leakstat_obj) != 328);
	BUILD_BUG_ON(sizeof(struct leakstat_held) != 192);
	leakstat_obj_cache =
		kmem_cache_create("leakstat_obj", sizeof(struct leakstat_obj), 0, 0, leakstat_ctor);
	leakstat_merged_cache =
		kmem_cache_create("leakstat_merged", sizeof(struct leakstat_merged), 0, 0, NULL);
	leakstat_bounded_cache = kmem_cache_create("leakstat_bounded", sizeof(struct leakstat_held),
						   0, 0, leakstat_ctor);
	leakstat_rcu_cache =
		kmem_cache_create("leakstat_rcu", sizeof(struct leakstat_rcu), 0, 0, leakstat_ctor);
	leakstat_bulk_cache = kmem_cache_create("leakstat_bulk", 256, 0, 0, leakstat_ctor);
	if (leakstat_obj_cache && leakstat_merged_cache && leakstat_bounded_cache &&
	    leakstat_rcu_cache && leakstat_bulk_cache)
		return 0;
	leakstat_destroy_caches();
	return -ENOMEM;
}

static int __init leakstat_init(void)
{
	int err = leakstat_create_caches();

	if (err)
		return err;
	err = register_filesystem(&leakfs_type);
	if (err)
		goto out_caches;
	err = -ENOMEM;
	if (!proc_create("leakstat", 0444, NULL, &leakstat_proc_ops))
		goto out_filesystem;
	if (!proc_create("leakstat_ok", 0444, NULL, &leakstat_ok_proc_ops))
		goto out_leakstat;
	if (!proc_create("leakctl", 0600, NULL, &leakctl_proc_ops))
		goto out_leakstat_ok;
	return 0;

out_leakstat_ok:
	remove_proc_entry("leakstat_ok", NULL);
out_leakstat:
	remove_proc_entry("leakstat", NULL);
out_filesystem:
	unregister_filesystem(&leakfs_type);
out_caches:
	leakstat_destroy_caches();
	return err;
}

static void __exit leakstat_exit(void)
{
	/* First the ways in: each waits for those who are inside. */
	remove_proc_entry("leakctl", NULL);
	remove_proc_entry("leakstat_ok", NULL);
	remove_proc_entry("leakstat", NULL);
	unregister_filesystem(&leakfs_type);
	leakstat_stop_all();
	leakstat_release_held();
	leakstat_destroy_caches();
}

module_init(leakstat_init);
module_exit(leakstat_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Leaks kernel memory on purpose, for testing leak finders");
