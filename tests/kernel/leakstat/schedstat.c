// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /proc/leakstat	The case the project grew from. Looks like /proc/schedstat; its release
 *			callback forgets seq_release(), so each open() loses a seq_file and, once
 *			it has been read, its 4096-byte buffer. As in the real case the compiler may
 *			make seq_open() a tail call: the guilty functions need not be on a stack.
 * /proc/leakstat_ok	The same, released properly.
 */
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "leakstat.h"

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

	leakstat_account(COUNT_SEQ_FILE, m, sizeof(*m));
	if (m->buf)
		leakstat_account(COUNT_SEQ_BUFFER, m->buf, m->size);
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

int leakstat_create_schedstat(void)
{
	if (!proc_create("leakstat", 0444, NULL, &leakstat_proc_ops))
		return -ENOMEM;
	if (proc_create("leakstat_ok", 0444, NULL, &leakstat_ok_proc_ops))
		return 0;
	remove_proc_entry("leakstat", NULL);
	return -ENOMEM;
}

void leakstat_remove_schedstat(void)
{
	remove_proc_entry("leakstat_ok", NULL);
	remove_proc_entry("leakstat", NULL);
}
