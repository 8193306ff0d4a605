// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What leakstat lost and holds: counts that are always kept, and, once asked for, addresses.
 *
 * /proc/leakaddr prints "KIND ADDRESS BYTES" for each object since the command `record`. The
 * addresses are kept inverted: a table of plain pointers would make everything in it reachable. For
 * the same reason they are printed in halves, so that no stack keeps one. The table is made in
 * advance: keeping the truth must not grow while somebody measures what grows.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "leakstat.h"

struct leakstat_count {
	const char *name;
	const char *address_name;
	atomic_long_t objects;
	atomic_long_t bytes;
};

static struct leakstat_count leakstat_counts[COUNT_KINDS] = {
#define X(kind, text, address_text)                                                                \
	[COUNT_##kind] = {.name = (text), .address_name = (address_text)},
	LEAKSTAT_KINDS(X)
#undef X
};

struct leakstat_record {
	unsigned int inverted_low;
	unsigned int inverted_high;
	unsigned int bytes;
	unsigned int kind;
};

static struct leakstat_record *leakstat_records;
static unsigned long leakstat_records_used;
static unsigned long leakstat_records_size;
static unsigned long leakstat_records_missed;
/* Guards the four above; a packet filter records, too. */
static DEFINE_SPINLOCK(leakstat_record_lock);

static notrace void leakstat_record(int kind, unsigned long address, size_t bytes)
{
	struct leakstat_record *record;
	unsigned long flags;

	if (!READ_ONCE(leakstat_records))
		return;
	spin_lock_irqsave(&leakstat_record_lock, flags);
	if (leakstat_records_used < leakstat_records_size) {
		record = &leakstat_records[leakstat_records_used++];
		record->inverted_low = ~lower_32_bits(address);
		record->inverted_high = ~upper_32_bits(address);
		record->bytes = bytes;
		record->kind = kind;
	} else {
		leakstat_records_missed++;
	}
	spin_unlock_irqrestore(&leakstat_record_lock, flags);
}

/*
 * What the module keeps books with is hidden from the function tracer, here and in lost_refs.c: a
 * real leak calls nothing of the kind where it loses an object, and a search must not find it by
 * that.
 */
notrace void leakstat_account(int kind, const void *address, size_t bytes)
{
	atomic_long_inc(&leakstat_counts[kind].objects);
	atomic_long_add(bytes, &leakstat_counts[kind].bytes);
	leakstat_record(kind, (unsigned long)address, bytes);
}

/* Only for what is held and given back while the module runs; its address stays on record. */
void leakstat_unaccount(int kind, size_t bytes)
{
	atomic_long_dec(&leakstat_counts[kind].objects);
	atomic_long_sub(bytes, &leakstat_counts[kind].bytes);
}

bool leakstat_leaked(int kind)
{
	return leakstat_objects(kind) != 0;
}

notrace long leakstat_objects(int kind)
{
	return atomic_long_read(&leakstat_counts[kind].objects);
}

/* Fills with text that whoever reads the memory will recognise, numbered by object. */
notrace void leakstat_fill(void *where, size_t size, int kind)
{
	char text[64];
	size_t length, at;

	length = scnprintf(text, sizeof(text), "leakstat %s %ld lost ", leakstat_counts[kind].name,
			   leakstat_objects(kind));
	for (at = 0; at < size; at += length)
		memcpy((char *)where + at, text, min(length, size - at));
}

/* From now on; once only, so that no reader needs a lock. */
int leakstat_record_addresses(unsigned long count)
{
	struct leakstat_record *records;

	if (!count || count > LEAKSTAT_MAX_COUNT)
		return -ERANGE;
	if (leakstat_records)
		return -EBUSY;
	records = vzalloc(array_size(count, sizeof(*records)));
	if (!records)
		return -ENOMEM;
	leakstat_records_size = count;
	smp_store_release(&leakstat_records, records);
	return 0;
}

void leakstat_show_counts(struct seq_file *m)
{
	int i;

	for (i = 0; i < COUNT_KINDS; i++)
		seq_printf(m, "%s objects=%ld bytes=%ld\n", leakstat_counts[i].name,
			   atomic_long_read(&leakstat_counts[i].objects),
			   atomic_long_read(&leakstat_counts[i].bytes));
}

static void *leakaddr_start(struct seq_file *m, loff_t *pos)
{
	/* Positions, not pointers: one more than the record. */
	return *pos < READ_ONCE(leakstat_records_used) ? (void *)(unsigned long)(*pos + 1) : NULL;
}

static void *leakaddr_next(struct seq_file *m, void *v, loff_t *pos)
{
	(*pos)++;
	return leakaddr_start(m, pos);
}

static void leakaddr_stop(struct seq_file *m, void *v)
{
}

static int leakaddr_show(struct seq_file *m, void *v)
{
	const struct leakstat_record *record = &leakstat_records[(unsigned long)v - 1];

	seq_printf(m, "%s %08x%08x %u\n", leakstat_counts[record->kind].address_name,
		   ~record->inverted_high, ~record->inverted_low, record->bytes);
	if ((unsigned long)v == leakstat_records_size && leakstat_records_missed)
		seq_printf(m, "# %lu more had no room\n", leakstat_records_missed);
	return 0;
}

static const struct seq_operations leakaddr_seq_ops = {
	.start = leakaddr_start,
	.next = leakaddr_next,
	.stop = leakaddr_stop,
	.show = leakaddr_show,
};

static int leakaddr_open(struct inode *inode, struct file *file)
{
	return seq_open(file, &leakaddr_seq_ops);
}

static const struct proc_ops leakaddr_proc_ops = {
	.proc_open = leakaddr_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = seq_release,
};

int leakstat_create_truth(void)
{
	return proc_create("leakaddr", 0400, NULL, &leakaddr_proc_ops) ? 0 : -ENOMEM;
}

void leakstat_remove_truth(void)
{
	remove_proc_entry("leakaddr", NULL);
	vfree(leakstat_records);
}
