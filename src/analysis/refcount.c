// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How many references are left? An object that nothing points to and that still counts one is a
 * reference that somebody took and never gave back: look for the get without its put. One that
 * counts none was let go of, and what should free it then has not: look at the release.
 *
 * Which member counts, by type; members are tested for, never versions. Some counters are stored
 * less one (the last put takes them below zero).
 *
 * A counter that overflowed, or was put once too often, is set to a value far below zero and stays
 * about there: saturated. The kernel never frees such an object.
 *
 * Errs: a count may hold references of several sorts (struct task_struct keeps one for itself until
 * it is dead); a count that is right says nothing of who.
 */
#include "analysis/refcount.h"

#include <stdio.h>
#include <string.h>

enum { PREFIX_STEPS_MAX = 8, DIFFERENT_MAX = 16 };

static const struct {
	const char *type;
	const char *member;
	int bias; /**< references = stored + bias */
} counted[] = {
	{"file", "f_count", 0},		     /* include/linux/fs.h get_file() */
	{"file", "f_ref.refcnt", 1},	     /* include/linux/file_ref.h FILE_REF_ONEREF */
	{"cred", "usage", 0},		     /* include/linux/cred.h get_cred() */
	{"pid", "count", 0},		     /* include/linux/pid.h get_pid() */
	{"task_struct", "usage", 0},	     /* include/linux/sched/task.h get_task_struct() */
	{"dentry", "d_lockref.count", 0},    /* include/linux/dcache.h dget() */
	{"inode", "i_count", 0},	     /* fs/inode.c ihold() */
	{"sock_common", "skc_refcnt", 0},    /* include/net/sock.h sock_hold() */
	{"sk_buff", "users", 0},	     /* include/linux/skbuff.h skb_get() */
	{"dst_entry", "__rcuref.refcnt", 1}, /* include/net/dst.h dst_hold(); lib/rcuref.c */
	{"dst_entry", "__refcnt", 0},
	{"files_struct", "count", 0},	 /* fs/file.c put_files_struct() */
	{"mm_struct", "mm_count", 0},	 /* include/linux/sched/mm.h mmgrab() */
	{"nsproxy", "count", 0},	 /* include/linux/nsproxy.h get_nsproxy() */
	{"user_struct", "__count", 0},	 /* include/linux/sched/user.h get_uid() */
	{"super_block", "s_active", 0},	 /* fs/super.c deactivate_super() */
	{"kernfs_node", "count", 0},	 /* fs/kernfs/dir.c kernfs_get() */
	{"proc_dir_entry", "refcnt", 0}, /* fs/proc/internal.h pde_get() */
	{"kobject", "kref", 0},		 /* lib/kobject.c kobject_get() */
	{"kref", "refcount", 0},	 /* include/linux/kref.h kref_get() */
	{"key", "usage", 0},		 /* include/linux/key.h key_get() */
	{"bio", "__bi_cnt", 0},		 /* include/linux/bio.h bio_get() */
};

/** Where a type's count is. */
struct place {
	struct ul_place at;
	int bias;
	char name[UL_REFCOUNT_BYTES];
};

static bool place_of(const struct ul_types *types, const char *type, struct place *ret)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(counted); i++) {
		if (strcmp(counted[i].type, type) != 0 ||
		    !ul_types_place(types, type, counted[i].member, &ret->at) ||
		    (ret->at.bytes != sizeof(int32_t) && ret->at.bytes != sizeof(int64_t)))
			continue;
		ret->bias = counted[i].bias;
		(void)snprintf(ret->name, sizeof(ret->name), "struct %s %s", type,
			       counted[i].member);
		return true;
	}
	return false;
}

/** The count of @p type, or of what it begins with: struct tcp_sock with struct sock_common. */
static bool find_place(const struct ul_types *types, ul_type_id type, struct place *ret)
{
	for (size_t step = 0; step < PREFIX_STEPS_MAX; step++) {
		struct ul_type one;
		struct ul_member first;
		if (!ul_types_get(types, type, &one) || one.kind != UL_TYPE_STRUCT)
			return false;
		if (place_of(types, one.name, ret))
			return true;
		if (!ul_types_member_at(types, type, 0, &first) || first.offset_bits)
			return false;
		type = first.type;
	}
	return false;
}

/**
 * Linux include/linux/refcount.h REFCOUNT_SATURATED: INT_MIN / 2, and what is taken and put
 * afterwards moves it, by less than as much again. Those stored less one: include/linux/rcuref.h
 * RCUREF_SATURATED (0xa0000000), file_ref.h FILE_REF_SATURATED, below ..._RELEASED (0xc0000000),
 * the first that is free. A long stored as it is (f_count) is a plain atomic_long_t, which wraps.
 */
static bool is_saturated(const struct place *place, int64_t stored)
{
	const bool half = place->at.bytes == sizeof(int32_t);
	if (place->bias)
		return stored < (half ? INT32_MIN / 2 : INT64_MIN / 2);
	return half && stored <= INT32_MIN / 4;
}

static bool read_count(const struct ul_image *image, const struct place *place, uint64_t kaddr,
		       int64_t *ret, bool *ret_saturated)
{
	int32_t half = 0;
	int64_t whole = 0;
	size_t got = 0;
	void *buffer = place->at.bytes == sizeof(half) ? (void *)&half : (void *)&whole;
	UL_CLEANUP_ERROR struct ul_error *error = ul_memory_read(
		image->memory, kaddr + place->at.offset, buffer, place->at.bytes, &got);
	if (error || got != place->at.bytes)
		return false;
	if (place->at.bytes == sizeof(half))
		whole = half;
	*ret_saturated = is_saturated(place, whole);
	if (*ret_saturated)
		*ret = 0;
	else if (__builtin_add_overflow(whole, place->bias, ret))
		*ret = whole; // as many as can be counted
	else if (place->bias && *ret < 0)
		*ret = 0; // marked dead, which is a number of its own
	return true;
}

bool ul_refcount_most(const struct ul_image *image, ul_type_id type, const uint64_t *kaddrs,
		      size_t len, struct ul_refcount *ret)
{
	struct {
		int64_t left;
		bool saturated;
		size_t objects;
	} seen[DIFFERENT_MAX] = {{0}};
	struct place place;
	size_t seen_len = 0;
	*ret = (struct ul_refcount){.member = ""};
	if (!image->types || !type || !find_place(image->types, type, &place))
		return false;
	for (size_t i = 0; i < len; i++) {
		int64_t left;
		bool saturated;
		size_t at = 0;
		if (!read_count(image, &place, kaddrs[i], &left, &saturated))
			continue;
		ret->looked_at++;
		while (at < seen_len && (seen[at].left != left || seen[at].saturated != saturated))
			at++;
		if (at == DIFFERENT_MAX)
			continue;
		seen_len += at == seen_len;
		seen[at].left = left;
		seen[at].saturated = saturated;
		if (++seen[at].objects > ret->objects) {
			ret->objects = seen[at].objects;
			ret->left = left;
			ret->saturated = saturated;
		}
	}
	if (ret->looked_at)
		memcpy(ret->member, place.name, sizeof(ret->member));
	return ret->looked_at;
}
