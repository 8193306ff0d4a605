// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leaks in the style of real ones, of objects this file makes: each is allocated in one function,
 * handed on, and lost in another that is not on the allocation's stack. `lost NAME COUNT` loses,
 * `fine NAME COUNT` goes the same way and loses nothing. The file LEAKS says which function is to
 * blame.
 *
 * In each group the first function allocates, the last one is guilty. Real counterparts: a request
 * whose error path frees the request and forgets its payload; a work item that returns early when
 * cancelled; a session found in a tree, its reference not put; a device name left behind by a
 * failed registration.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "leakstat.h"

/* --- request: the payload of a request that fails ------------------------------------------- */

struct leakstat_request {
	void *payload;
	size_t size;
	int status;
};

static leaky struct leakstat_request *leakstat_request_queue(size_t size)
{
	struct leakstat_request *request = kzalloc(sizeof(*request), GFP_KERNEL);

	if (!request)
		return NULL;
	request->size = size;
	request->payload = kzalloc(size, GFP_KERNEL);
	if (!request->payload) {
		kfree(request);
		return NULL;
	}
	leakstat_fill(request->payload, size, COUNT_LOST_REQUEST);
	return request;
}

static leaky void leakstat_request_run(struct leakstat_request *request, int status)
{
	request->status = status;
}

static leaky void leakstat_request_complete(struct leakstat_request *request)
{
	if (request->status) {
		/* The bug: kfree(request->payload) is missing. */
		leakstat_account(COUNT_LOST_REQUEST, request->payload, request->size);
		kfree(request);
		return;
	}
	kfree(request->payload);
	kfree(request);
}

static int leakstat_turn_request(bool lose, const char *word)
{
	struct leakstat_request *request = leakstat_request_queue(440);

	if (!request)
		return -ENOMEM;
	leakstat_request_run(request, lose ? -EIO : 0);
	leakstat_request_complete(request);
	return 0;
}

/* --- job: a work item that has been cancelled ----------------------------------------------- */

struct leakstat_lost_job {
	struct work_struct work;
	bool cancelled;
	char text[247];
};

static struct workqueue_struct *leakstat_queue;

static leaky void leakstat_job_run(struct work_struct *work)
{
	struct leakstat_lost_job *job = container_of(work, struct leakstat_lost_job, work);

	if (job->cancelled) {
		/* The bug: who leaves early must free the job, too. */
		leakstat_account(COUNT_LOST_JOB, job, sizeof(*job));
		return;
	}
	kfree(job);
}

static leaky struct leakstat_lost_job *leakstat_job_submit(void)
{
	struct leakstat_lost_job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return NULL;
	INIT_WORK(&job->work, leakstat_job_run);
	leakstat_fill(job->text, sizeof(job->text), COUNT_LOST_JOB);
	return job;
}

static leaky void leakstat_job_cancel(struct leakstat_lost_job *job)
{
	job->cancelled = true;
}

static int leakstat_turn_job(bool lose, const char *word)
{
	struct leakstat_lost_job *job = leakstat_job_submit();

	if (!job)
		return -ENOMEM;
	if (lose)
		leakstat_job_cancel(job);
	queue_work(leakstat_queue, &job->work);
	flush_workqueue(leakstat_queue);
	return 0;
}

/* --- session: stays in its tree, because a reference is never put (reachable) ---------------- */

struct leakstat_session {
	struct rb_node node;
	struct kref references;
	unsigned long id;
	char *key;
	char *peer;
	char text[296];
};

static struct rb_root leakstat_sessions = RB_ROOT;
static unsigned long leakstat_last_session;
/* Guards both. */
static DEFINE_MUTEX(leakstat_session_lock);

static void leakstat_session_free(struct kref *references)
{
	struct leakstat_session *session =
		container_of(references, struct leakstat_session, references);

	rb_erase(&session->node, &leakstat_sessions);
	kfree(session->key);
	kfree(session->peer);
	kfree(session);
}

static void leakstat_session_insert(struct leakstat_session *session)
{
	struct rb_node **link = &leakstat_sessions.rb_node, *parent = NULL;

	session->id = ++leakstat_last_session;
	while (*link) {
		parent = *link;
		link = &parent->rb_right;
	}
	rb_link_node(&session->node, parent, link);
	rb_insert_color(&session->node, &leakstat_sessions);
}

static leaky unsigned long leakstat_session_login(void)
{
	struct leakstat_session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return 0;
	kref_init(&session->references);
	session->key = kasprintf(GFP_KERNEL, "leakstat session key %040d", 7);
	session->peer = kasprintf(GFP_KERNEL, "leakstat session peer %080d", 7);
	leakstat_fill(session->text, sizeof(session->text), COUNT_LOST_SESSION);
	leakstat_session_insert(session);
	return session->id;
}

static leaky struct leakstat_session *leakstat_session_find(unsigned long id)
{
	struct rb_node *at = leakstat_sessions.rb_node;

	while (at) {
		struct leakstat_session *session = rb_entry(at, struct leakstat_session, node);

		if (session->id == id) {
			kref_get(&session->references);
			return session;
		}
		at = id < session->id ? at->rb_left : at->rb_right;
	}
	return NULL;
}

static leaky int leakstat_session_logoff(unsigned long id, bool expired)
{
	struct leakstat_session *session = leakstat_session_find(id);

	if (!session)
		return -ENOENT;
	if (expired) {
		/* The bug: neither this look-up's reference nor the tree's is put. */
		leakstat_account(COUNT_LOST_SESSION, session, sizeof(*session));
		return 0;
	}
	kref_put(&session->references, leakstat_session_free);
	kref_put(&session->references, leakstat_session_free);
	return 0;
}

static int leakstat_turn_session(bool lose, const char *word)
{
	unsigned long id;
	int err;

	mutex_lock(&leakstat_session_lock);
	id = leakstat_session_login();
	err = id ? leakstat_session_logoff(id, lose) : -ENOMEM;
	mutex_unlock(&leakstat_session_lock);
	return err;
}

static void leakstat_free_sessions(void)
{
	struct rb_node *at;

	while ((at = rb_first(&leakstat_sessions))) {
		struct leakstat_session *session = rb_entry(at, struct leakstat_session, node);

		leakstat_session_free(&session->references);
	}
}

/* --- name: of a device whose registration failed -------------------------------------------- */

struct leakstat_device {
	struct kobject object;
	int id;
};

static leaky int leakstat_device_name(struct leakstat_device *device)
{
	/* Allocates in kvasprintf(). */
	return kobject_set_name(&device->object, "leakstat-device-with-a-long-name-%08d",
				device->id);
}

static leaky int leakstat_device_add(struct leakstat_device *device, bool fail)
{
	return fail ? -ENODEV : 0;
}

static leaky void leakstat_device_unwind(struct leakstat_device *device)
{
	/* The bug: kobject_put() would free the name; kfree() of the device does not. */
	leakstat_account(COUNT_LOST_NAME, device->object.name, strlen(device->object.name) + 1);
	kfree(device);
}

static int leakstat_turn_name(bool lose, const char *word)
{
	struct leakstat_device *device = kzalloc(sizeof(*device), GFP_KERNEL);
	int err;

	if (!device)
		return -ENOMEM;
	device->id = leakstat_objects(COUNT_LOST_NAME);
	err = leakstat_device_name(device);
	if (err) {
		kfree(device);
		return err;
	}
	if (leakstat_device_add(device, lose)) {
		leakstat_device_unwind(device);
		return 0;
	}
	kfree_const(device->object.name);
	kfree(device);
	return 0;
}

/* --- fragment: of a page, for a packet that is malformed ------------------------------------ */

struct leakstat_fragment {
	void *data;
	unsigned int size;
	unsigned int sum;
};

static leaky int leakstat_frag_receive(struct leakstat_fragment *fragment)
{
	fragment->size = 2048;
	fragment->data = netdev_alloc_frag(fragment->size);
	if (!fragment->data)
		return -ENOMEM;
	leakstat_fill(fragment->data, fragment->size, COUNT_LOST_FRAGMENT);
	return 0;
}

static leaky bool leakstat_frag_verify(struct leakstat_fragment *fragment, unsigned int sum)
{
	if (fragment->sum != sum) {
		/*
		 * The bug: skb_free_frag(fragment->data) is missing; its page can never be freed.
		 */
		leakstat_account(COUNT_LOST_FRAGMENT, fragment->data, fragment->size);
		return false;
	}
	return true;
}

static int leakstat_turn_fragment(bool lose, const char *word)
{
	struct leakstat_fragment fragment = {};
	int err = leakstat_frag_receive(&fragment);

	if (err)
		return err;
	if (leakstat_frag_verify(&fragment, lose))
		skb_free_frag(fragment.data);
	return 0;
}

/* --- quota: a leak that is bounded: after 17 the charge fails -------------------------------- */

#define LEAKSTAT_QUOTA 17

static leaky void *leakstat_quota_record(void)
{
	void *record = kzalloc(600, GFP_KERNEL);

	if (record)
		leakstat_fill(record, 600, COUNT_LOST_QUOTA);
	return record;
}

static leaky void leakstat_quota_charge(void *record, bool lose)
{
	if (lose && leakstat_objects(COUNT_LOST_QUOTA) < LEAKSTAT_QUOTA) {
		/* The bug: charged and forgotten. */
		leakstat_account(COUNT_LOST_QUOTA, record, 600);
		return;
	}
	kfree(record);
}

static int leakstat_turn_quota(bool lose, const char *word)
{
	void *record = leakstat_quota_record();

	if (!record)
		return -ENOMEM;
	leakstat_quota_charge(record, lose);
	return 0;
}

/* --- no leaks: a cache that warms up, a history that is trimmed ------------------------------ */

#define LEAKSTAT_WARM 101
#define LEAKSTAT_RING 67

static void *leakstat_warm_objects[LEAKSTAT_WARM];
static void *leakstat_ring_objects[LEAKSTAT_RING];
static unsigned long leakstat_warm_turns;
static unsigned long leakstat_ring_turns;

static noinline void *leakstat_warm_get(unsigned long key)
{
	void **slot = &leakstat_warm_objects[key % LEAKSTAT_WARM];

	if (!*slot) {
		*slot = kzalloc(700, GFP_KERNEL);
		if (*slot)
			leakstat_account(COUNT_WARM, *slot, 700);
	}
	return *slot;
}

static int leakstat_turn_warm(bool lose, const char *word)
{
	return leakstat_warm_get(leakstat_warm_turns++) ? 0 : -ENOMEM;
}

static noinline int leakstat_ring_add(unsigned long turn)
{
	void **slot = &leakstat_ring_objects[turn % LEAKSTAT_RING];
	void *entry = kzalloc(800, GFP_KERNEL);

	if (!entry)
		return -ENOMEM;
	if (*slot) {
		leakstat_unaccount(COUNT_RING, 800);
		kfree(*slot);
	}
	*slot = entry;
	leakstat_account(COUNT_RING, entry, 800);
	return 0;
}

static int leakstat_turn_ring(bool lose, const char *word)
{
	return leakstat_ring_add(leakstat_ring_turns++);
}

static void leakstat_free_slots(void **slots, size_t count)
{
	while (count--)
		kfree(slots[count]);
}

/* --- the command ---------------------------------------------------------------------------- */

static const struct leakstat_loss leakstat_losses[] = {
	{"request", leakstat_turn_request},
	{"job", leakstat_turn_job},
	{"session", leakstat_turn_session},
	{"name", leakstat_turn_name},
	{"fragment", leakstat_turn_fragment},
	{"quota", leakstat_turn_quota},
	{"warm", leakstat_turn_warm},
	{"ring", leakstat_turn_ring},
	{NULL},
};

static const struct leakstat_loss *leakstat_find_loss(const char *name)
{
	const struct leakstat_loss *loss;

	for (loss = leakstat_losses; loss->name; loss++)
		if (!strcmp(loss->name, name))
			return loss;
	for (loss = leakstat_losses_refs; loss->name; loss++)
		if (!strcmp(loss->name, name))
			return loss;
	return NULL;
}

/* "lost NAME COUNT [WORD]" and "fine NAME COUNT [WORD]" */
int leakstat_lose(char **words, int n)
{
	const struct leakstat_loss *loss;
	unsigned long count;
	int err;

	if (n != 3 && n != 4)
		return -EINVAL;
	loss = leakstat_find_loss(words[1]);
	if (!loss)
		return -EINVAL;
	err = kstrtoul(words[2], 0, &count);
	if (!err && count > LEAKSTAT_MAX_COUNT)
		err = -ERANGE;
	while (!err && count--) {
		err = loss->turn(words[0][0] == 'l', n == 4 ? words[3] : NULL);
		cond_resched();
	}
	return err;
}

int leakstat_create_lost(void)
{
	leakstat_queue = alloc_workqueue("leakstat", WQ_UNBOUND, 0);
	return leakstat_queue ? 0 : -ENOMEM;
}

void leakstat_remove_lost(void)
{
	destroy_workqueue(leakstat_queue);
	leakstat_free_sessions();
	leakstat_free_slots(leakstat_warm_objects, LEAKSTAT_WARM);
	leakstat_free_slots(leakstat_ring_objects, LEAKSTAT_RING);
}
