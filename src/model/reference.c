// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table holds functions that are calls in kernels as they are built (the symbols of Debian's
 * 5.10, 6.1 and 6.12 and of 7.2 and 7.3 were asked), and that themselves count up or down, whoever
 * has the last reference. Left out are:
 *
 *  - what headers inline: get_file(), get_pid(), dget(), dst_hold(), skb_get(), mmget(), key_get(),
 *    all of struct cred but get_task_cred(), all of task_struct but its look-ups;
 *  - what is called for the last reference only (__put_cred, __put_task_struct, __mmdrop, sk_free):
 *    of a lost object it is missing always, so that says nothing;
 *  - what calls another of the table for the same reference (get_task_exe_file: get_file_rcu);
 *  - types that lie somewhere within what was allocated (inode, vfsmount, kobject): their address
 *    is not the allocation's.
 *
 * So references may be taken unseen, and a count cannot be had from this, only a comparison.
 */
#include "model/reference.h"

#include <stdlib.h>
#include <string.h>

static const struct ul_reference_type types[] = {
	/* Linux fs/file_table.c, fs/file.c. Files are closed by fput(), in newer kernels by
	 * __fput_sync(), then by fput_close() and fput_close_sync(). fdget() takes a reference
	 * only where descriptors are shared, and returns flags in the lowest bits. */
	{"struct file",
	 {"alloc_empty_file", "__alloc_file", "alloc_empty_file_noaccount",
	  "alloc_empty_backing_file"},
	 {{"fget", false},
	  {"fget_raw", false},
	  {"fget_task", false},
	  {"fget_task_next", false},
	  {"fput", true},
	  {"__fput_sync", true},
	  {"fput_close", true},
	  {"fput_close_sync", true}}},
	/* Linux kernel/pid.c */
	{"struct pid",
	 {"alloc_pid"},
	 {{"find_get_pid", false},
	  {"get_task_pid", false},
	  {"pidfd_get_pid", false},
	  {"put_pid", true}}},
	/* Linux fs/dcache.c */
	{"struct dentry",
	 {"__d_alloc"},
	 {{"dget_parent", false}, {"d_find_alias", false}, {"dput", true}}},
	/* Linux net/core/dst.c: the first member of every route */
	{"struct dst_entry",
	 {"dst_alloc"},
	 {{"dst_release", true}, {"dst_release_immediate", true}}},
	/* Linux net/core/skbuff.c: each kernel has one of the first three */
	{"struct sk_buff",
	 {"__alloc_skb", "__build_skb", "slab_build_skb", "skb_clone"},
	 {{"kfree_skb", true},
	  {"kfree_skb_reason", true},
	  {"sk_skb_reason_drop", true},
	  {"consume_skb", true}}},
	/* Linux kernel/fork.c: users of it, not of the structure (mmgrab);
	 * that of a fork is allocated where other things are, too, and is left out */
	{"struct mm_struct",
	 {"mm_alloc"},
	 {{"get_task_mm", false}, {"mmput", true}, {"mmput_async", true}}},
	/* Linux security/keys/key.c */
	{"struct key", {"key_alloc"}, {{"key_lookup", false}, {"key_put", true}}},
};

const struct ul_reference_type *ul_reference_types(size_t *ret_len)
{
	*ret_len = UL_ARRAY_LEN(types);
	return types;
}

/** "copy_process.isra.0" is copy_process. */
static bool is_named(const char *function, const char *name)
{
	const size_t len = strlen(name);
	return !strncmp(function, name, len) && (!function[len] || function[len] == '.');
}

const struct ul_reference_type *ul_reference_type_of(const char *function)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(types); i++)
		for (size_t n = 0; n < UL_REFERENCE_ALLOCATORS && types[i].allocators[n]; n++)
			if (is_named(function, types[i].allocators[n]))
				return &types[i];
	return NULL;
}

void ul_reference_calls_deinit(struct ul_reference_calls *references)
{
	ul_vec_foreach (caller, &references->callers) {
		free(caller->name);
		free(caller->module);
	}
	ul_vec_deinit(&references->callers);
	ul_vec_deinit(&references->items);
	ul_vec_deinit(&references->runs);
}
