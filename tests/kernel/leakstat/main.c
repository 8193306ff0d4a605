// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * leakstat: loses kernel memory on purpose and says exactly how much.
 *
 * A leak finder can be judged only where the truth is known. This module leaks an exact number of
 * objects of every kind the kernel hands out, and beside them does what looks like a leak and is
 * none. Never load it on a machine that matters: what it leaks comes back with a reboot only.
 *
 * /proc/leakctl	Reading: "NAME objects=N bytes=N" for all that is leaked or held, exact.
 *			Bytes are those asked for; slab rounding comes on top. pages and vmalloc
 *			count whole pages, percpu counts every possible CPU.
 *			Writing: one command for each write(), see leakstat_command().
 * /proc/leakaddr	"KIND ADDRESS BYTES" of each object since `record`: truth.c.
 * /proc/leakstat	and leakstat_ok: schedstat.c. leakfs: leakfs.c.
 *
 * leaks.c           the plain ones, for tracing
 * shapes.c          lists, rings, packets, for images
 * threads.c         rates, storms, what stays
 * controls.c        what looks lost in an image and is not
 * controls_async.c  the same, where somebody waits
 * lost.c            leaks in the style of real ones, of own objects; the file LEAKS lists them
 * lost_refs.c       the same, of the kernel's objects
 *
 * Unloading stops the threads and frees what the controls hold. Leaks stay leaked.
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "leakstat.h"

#define LEAKSTAT_MAX_ARGS 8

static DEFINE_MUTEX(leakstat_command_lock);

/*
 * Commands of numbers:
 *   kmalloc SIZE COUNT, cache COUNT, cache_merged COUNT, pages ORDER COUNT,
 *   vmalloc SIZE COUNT, percpu SIZE COUNT, split ORDER COUNT,
 *   orphan_list LENGTH COUNT, pairs COUNT, cycles LENGTH COUNT,
 *   parents CHILDREN COUNT, skbs SIZE COUNT
 *                                    leak now, in the writing process
 *   stop                             ends every thread
 *   bounded TOTAL PERIOD_MS BATCH    grows at a rate, then stops for good
 *   list COUNT                       a long list, kept on purpose
 *   rcu_storm, bulk_storm, kmalloc_pairs PERIOD_MS BATCH
 *                                    allocate and free all the time
 *   record COUNT                     keep the addresses of the next COUNT objects
 */
static int leakstat_numbers(char **words, int n)
{
	unsigned long v[LEAKSTAT_MAX_ARGS];
	const struct leakstat_leak *leak;
	int i, err;

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
	if (!strcmp(words[0], "record") && n == 1)
		return leakstat_record_addresses(v[0]);
	return leakstat_storm(words[0], v, n);
}

/*
 * Commands of words:
 *   rate PERIOD_MS BATCH TOTAL LEAK [ARG]
 *                             leak BATCH each PERIOD_MS until TOTAL (0: until stop)
 *   hold KIND COUNT           controls; KIND `all` is each of them
 *   lost NAME COUNT [WORD]    a leak in the style of real ones
 *   fine NAME COUNT [WORD]    the same way gone, and nothing lost
 */
static int leakstat_command(char **words, int n)
{
	if (n < 1 || n > LEAKSTAT_MAX_ARGS)
		return -EINVAL;
	if (!strcmp(words[0], "rate"))
		return leakstat_rate(words, n);
	if (!strcmp(words[0], "hold"))
		return leakstat_hold(words, n);
	if (!strcmp(words[0], "lost") || !strcmp(words[0], "fine"))
		return leakstat_lose(words, n);
	return leakstat_numbers(words, n);
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
	leakstat_show_counts(m);
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

static int leakstat_create_leakctl(void)
{
	return proc_create("leakctl", 0600, NULL, &leakctl_proc_ops) ? 0 : -ENOMEM;
}

static void leakstat_remove_leakctl(void)
{
	remove_proc_entry("leakctl", NULL);
	leakstat_stop_all();
	leakstat_release_controls();
}

/* In this order; the other way round they go. */
static const struct {
	int (*create)(void);
	void (*remove)(void);
} leakstat_parts[] = {
	{leakstat_create_truth, leakstat_remove_truth},
	{leakstat_create_leak_caches, leakstat_destroy_leak_caches},
	{leakstat_create_thread_caches, leakstat_destroy_thread_caches},
	{leakstat_register_leakfs, leakstat_unregister_leakfs},
	{leakstat_create_lost, leakstat_remove_lost},
	{leakstat_create_filter, leakstat_remove_filter},
	{leakstat_create_schedstat, leakstat_remove_schedstat},
	{leakstat_create_leakctl, leakstat_remove_leakctl},
};

static void leakstat_remove_parts(size_t count)
{
	while (count--)
		leakstat_parts[count].remove();
}

static int __init leakstat_init(void)
{
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(leakstat_parts); i++) {
		err = leakstat_parts[i].create();
		if (err) {
			leakstat_remove_parts(i);
			return err;
		}
	}
	return 0;
}

static void __exit leakstat_exit(void)
{
	leakstat_remove_parts(ARRAY_SIZE(leakstat_parts));
}

module_init(leakstat_init);
module_exit(leakstat_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Leaks kernel memory on purpose, for testing leak finders");
