/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of leakstat share. Every kind of object the module loses or holds is one row of
 * LEAKSTAT_KINDS; every command is a function here, called by main.c.
 */
#ifndef LEAKSTAT_H
#define LEAKSTAT_H

#include <linux/types.h>

struct kmem_cache;
struct list_head;

/* Only noinline, and gcc may still clone a function: NAME.constprop.0, NAME.isra.0. */
#if defined(__has_attribute)
#if __has_attribute(__noipa__)
#define leaky noinline __attribute__((__noipa__))
#endif
#endif
#ifndef leaky
#define leaky noinline
#endif

#define LEAKSTAT_MAX_COUNT 10000000UL

/*
 * X(KIND, name in /proc/leakctl, name in /proc/leakaddr). The second name says what an image must
 * show:
 *   held_*  reachable on purpose; no orphan
 *   weak_*  reachable by what cannot be told from a number: an orphan of weak evidence
 *   kept_*  lost for good, but something still points to it: a leak, no orphan
 *   others  lost: an orphan
 */
#define LEAKSTAT_KINDS(X)                                                                          \
	X(SEQ_FILE, "seq_file", "seq_file")                                                        \
	X(SEQ_BUFFER, "seq_buffer", "seq_buffer")                                                  \
	X(KMALLOC, "kmalloc", "kmalloc")                                                           \
	X(CACHE, "cache", "cache")                                                                 \
	X(CACHE_MERGED, "cache_merged", "cache_merged")                                            \
	X(PAGES, "pages", "pages")                                                                 \
	X(VMALLOC, "vmalloc", "vmalloc")                                                           \
	X(PERCPU, "percpu", "percpu")                                                              \
	X(SPLIT, "split", "split")                                                                 \
	X(ORPHAN_LIST, "orphan_list", "orphan_list")                                               \
	X(PAIRS, "pairs", "pairs")                                                                 \
	X(CYCLES, "cycles", "cycles")                                                              \
	X(PARENTS, "parents", "parents")                                                           \
	X(CHILDREN, "children", "children")                                                        \
	X(SKBS, "skbs", "skbs")                                                                    \
	X(SKB_HEADS, "skb_heads", "skb_heads")                                                     \
	X(BOUNDED, "bounded", "held_bounded")                                                      \
	X(LIST, "list", "held_list")                                                               \
	X(TAGGED, "held_tagged", "held_tagged")                                                    \
	X(INTERIOR, "held_interior", "held_interior")                                              \
	X(PAST_END, "held_past_end", "held_past_end")                                              \
	X(PERCPU_VAR, "held_percpu_var", "held_percpu_var")                                        \
	X(PERCPU_DYN, "held_percpu_dyn", "held_percpu_dyn")                                        \
	X(XARRAY, "held_xarray", "held_xarray")                                                    \
	X(IDR, "held_idr", "held_idr")                                                             \
	X(RHASHTABLE, "held_rhashtable", "held_rhashtable")                                        \
	X(MAPLE, "held_maple", "held_maple")                                                       \
	X(TIMER, "held_timer", "held_timer")                                                       \
	X(DELAYED_WORK, "held_delayed_work", "held_delayed_work")                                  \
	X(VMALLOC_ARRAY, "held_vmalloc_array", "held_vmalloc_array")                               \
	X(PAGE_ARRAY, "held_page_array", "held_page_array")                                        \
	X(PAGE_PRIVATE, "held_page_private", "held_page_private")                                  \
	X(STACK, "held_stack", "held_stack")                                                       \
	X(TIGHT_PAST_END, "weak_past_end", "weak_past_end")                                        \
	X(PHYSICAL, "weak_physical", "weak_physical")                                              \
	X(MISALIGNED, "weak_misaligned", "weak_misaligned")                                        \
	X(LOST_ROUTE, "lost_route", "kept_route")                                                  \
	X(LOST_CRED, "lost_cred", "lost_cred")                                                     \
	X(LOST_FILE, "lost_file", "lost_file")                                                     \
	X(LOST_PID, "lost_pid", "lost_pid")                                                        \
	X(LOST_VISITOR, "lost_visitor", "lost_visitor")                                            \
	X(LOST_TASK, "lost_task", "lost_task")                                                     \
	X(LOST_DENTRY, "lost_dentry", "kept_dentry")                                               \
	X(LOST_SOCKET, "lost_socket", "lost_socket")                                               \
	X(LOST_SKB, "lost_skb", "lost_skb")                                                        \
	X(LOST_SESSION, "lost_session", "kept_session")                                            \
	X(LOST_JOB, "lost_job", "lost_job")                                                        \
	X(LOST_REQUEST, "lost_request", "lost_request")                                            \
	X(LOST_NAME, "lost_name", "lost_name")                                                     \
	X(LOST_FRAGMENT, "lost_fragment", "lost_fragment")                                         \
	X(LOST_QUOTA, "lost_quota", "lost_quota")                                                  \
	X(WARM, "warm", "held_warm")                                                               \
	X(RING, "ring", "held_ring")

enum leakstat_kind {
#define X(kind, name, address_name) COUNT_##kind,
	LEAKSTAT_KINDS(X)
#undef X
		COUNT_KINDS
};

/* The truth: truth.c. */
void leakstat_account(int kind, const void *address, size_t bytes);
void leakstat_unaccount(int kind, size_t bytes);
bool leakstat_leaked(int kind);
long leakstat_objects(int kind);
void leakstat_fill(void *where, size_t size, int kind);
int leakstat_record_addresses(unsigned long count);
int leakstat_create_truth(void);
void leakstat_remove_truth(void);
void leakstat_show_counts(struct seq_file *m);

/* /proc/leakstat and /proc/leakstat_ok: schedstat.c. */
int leakstat_create_schedstat(void);
void leakstat_remove_schedstat(void);

/* leakfs.c */
int leakstat_register_leakfs(void);
void leakstat_unregister_leakfs(void);

/* Something that can be lost again and again: leaks.c and shapes.c. */
struct leakstat_leak {
	const char *name;
	int (*leak)(unsigned long arg);
	/* Its argument, 0 and 0 if it has none. */
	unsigned long min;
	unsigned long max;
};

const struct leakstat_leak *leakstat_find_leak(const char *name);
int leakstat_check_arg(const struct leakstat_leak *leak, unsigned long arg);
int leakstat_leak_now(const struct leakstat_leak *leak, const unsigned long *v, int n);
int leakstat_create_leak_caches(void);
void leakstat_destroy_leak_caches(void);
int leakstat_leak_orphan_list(unsigned long length);
int leakstat_leak_pairs(unsigned long unused);
int leakstat_leak_cycles(unsigned long length);
int leakstat_leak_parents(unsigned long children);
int leakstat_leak_skbs(unsigned long size);

/* Threads that lose at a rate, storms, and what grows and stays: threads.c. */
int leakstat_rate(char **words, int n);
int leakstat_storm(const char *name, const unsigned long *v, int n);
int leakstat_bounded(const unsigned long *v, int n);
int leakstat_list(const unsigned long *v, int n);
void leakstat_stop_all(void);
int leakstat_create_thread_caches(void);
void leakstat_destroy_thread_caches(void);

/* Controls of the images: controls.c, and what sleeps or waits in controls_async.c. */
struct leakstat_control {
	const char *name;
	/* COUNT objects more. */
	int (*hold)(unsigned long count);
	void (*release)(void);
	unsigned long max;
};

extern const struct leakstat_control leakstat_controls_async[];
int leakstat_hold(char **words, int n);
void leakstat_release_controls(void);

/*
 * Leaks in the style of real ones: lost.c (objects of our own) and lost_refs.c (the kernel's).
 * @lose is false for `fine`, which goes the same way and gives everything back. @word may be NULL.
 */
struct leakstat_loss {
	const char *name;
	int (*turn)(bool lose, const char *word);
};

extern const struct leakstat_loss leakstat_losses_refs[];
int leakstat_lose(char **words, int n);
int leakstat_create_lost(void);
void leakstat_remove_lost(void);
int leakstat_create_filter(void);
void leakstat_remove_filter(void);

#endif
