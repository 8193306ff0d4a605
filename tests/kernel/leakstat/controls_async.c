// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Controls that something waiting refers to: a pending timer, delayed work, the stack of a thread
 * that sleeps. Nothing else points to their objects.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#include "leakstat.h"

#define LEAKSTAT_FAR_AWAY (24UL * 3600 * HZ)

/* del_timer_sync() was renamed in 6.2 (commit 9b13df3fb64e) and its old name removed in 6.15. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define timer_delete_sync del_timer_sync
#endif

/*
 * To free them they must be found, and a list would be a reference: the addresses are kept
 * inverted.
 */
struct leakstat_hidden {
	struct leakstat_hidden *next;
	unsigned long inverted;
};

static void leakstat_hide(struct leakstat_hidden **list, struct leakstat_hidden *hidden,
			  const void *object)
{
	hidden->inverted = ~(unsigned long)object;
	hidden->next = *list;
	*list = hidden;
}

/* NULL when there are no more. */
static void *leakstat_unhide(struct leakstat_hidden **list)
{
	struct leakstat_hidden *hidden = *list;
	void *object;

	if (!hidden)
		return NULL;
	object = (void *)~hidden->inverted;
	*list = hidden->next;
	kfree(hidden);
	return object;
}

/* --- timers --------------------------------------------------------------------------------- */

struct leakstat_timed {
	char text[168];
	struct timer_list timer;
};

static struct leakstat_hidden *leakstat_timers;

static void leakstat_timer_rings(struct timer_list *timer)
{
}

static int leakstat_hold_timer(unsigned long count)
{
	while (count--) {
		struct leakstat_hidden *hidden = kmalloc(sizeof(*hidden), GFP_KERNEL);
		struct leakstat_timed *p = hidden ? kzalloc(sizeof(*p), GFP_KERNEL) : NULL;

		if (!p) {
			kfree(hidden);
			return -ENOMEM;
		}
		leakstat_fill(p->text, sizeof(p->text), COUNT_TIMER);
		timer_setup(&p->timer, leakstat_timer_rings, 0);
		mod_timer(&p->timer, jiffies + LEAKSTAT_FAR_AWAY);
		leakstat_account(COUNT_TIMER, p, sizeof(*p));
		leakstat_hide(&leakstat_timers, hidden, p);
	}
	return 0;
}

static void leakstat_release_timer(void)
{
	struct leakstat_timed *p;

	while ((p = leakstat_unhide(&leakstat_timers))) {
		timer_delete_sync(&p->timer);
		kfree(p);
	}
}

/* --- delayed work --------------------------------------------------------------------------- */

struct leakstat_delayed {
	char text[136];
	struct delayed_work work;
};

static struct leakstat_hidden *leakstat_works;

static void leakstat_work_runs(struct work_struct *work)
{
}

static int leakstat_hold_delayed_work(unsigned long count)
{
	while (count--) {
		struct leakstat_hidden *hidden = kmalloc(sizeof(*hidden), GFP_KERNEL);
		struct leakstat_delayed *p = hidden ? kzalloc(sizeof(*p), GFP_KERNEL) : NULL;

		if (!p) {
			kfree(hidden);
			return -ENOMEM;
		}
		leakstat_fill(p->text, sizeof(p->text), COUNT_DELAYED_WORK);
		INIT_DELAYED_WORK(&p->work, leakstat_work_runs);
		schedule_delayed_work(&p->work, LEAKSTAT_FAR_AWAY);
		leakstat_account(COUNT_DELAYED_WORK, p, sizeof(*p));
		leakstat_hide(&leakstat_works, hidden, p);
	}
	return 0;
}

static void leakstat_release_delayed_work(void)
{
	struct leakstat_delayed *p;

	while ((p = leakstat_unhide(&leakstat_works))) {
		cancel_delayed_work_sync(&p->work);
		kfree(p);
	}
}

/* --- stacks --------------------------------------------------------------------------------- */

#define LEAKSTAT_STACK_MAX 61

static struct task_struct *leakstat_sleeper;

/* Its objects are in an array on its stack and nowhere else. @data: how many. */
static int leakstat_sleep(void *data)
{
	void *volatile objects[LEAKSTAT_STACK_MAX];
	unsigned long i, count = (unsigned long)data;

	for (i = 0; i < count; i++) {
		objects[i] = kmalloc(200, GFP_KERNEL);
		if (!objects[i])
			break;
		leakstat_fill(objects[i], 200, COUNT_STACK);
		leakstat_account(COUNT_STACK, objects[i], 200);
	}
	count = i;
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	for (i = 0; i < count; i++)
		kfree(objects[i]);
	return 0;
}

static int leakstat_hold_stack(unsigned long count)
{
	struct task_struct *task;

	if (leakstat_sleeper)
		return -EBUSY;
	task = kthread_run(leakstat_sleep, (void *)count, "leakstat_stack");
	if (IS_ERR(task))
		return PTR_ERR(task);
	leakstat_sleeper = task;
	return 0;
}

static void leakstat_release_stack(void)
{
	if (leakstat_sleeper)
		kthread_stop(leakstat_sleeper);
}

const struct leakstat_control leakstat_controls_async[] = {
	{"timer", leakstat_hold_timer, leakstat_release_timer, LEAKSTAT_MAX_COUNT},
	{"delayed_work", leakstat_hold_delayed_work, leakstat_release_delayed_work,
	 LEAKSTAT_MAX_COUNT},
	{"stack", leakstat_hold_stack, leakstat_release_stack, LEAKSTAT_STACK_MAX},
	{NULL},
};
