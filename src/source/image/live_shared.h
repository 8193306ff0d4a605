/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What live.bpf.c and live_bpf.c hand to each other. Both are built from this header in one build,
 * so the layout may change freely; it is never stored. Needs fixed-width types from the includer.
 */
#ifndef UL_SOURCE_IMAGE_LIVE_SHARED_H
#define UL_SOURCE_IMAGE_LIVE_SHARED_H

/**
 * Bytes one program run copies at most. Small enough to stay in the second-level cache between the
 * kernel's copy and ours, large enough that the system call is noise.
 */
#define UL_LIVE_WINDOW_BYTES (256 * 1024)
/** Threads that read at the same moment at most; each has a window of its own meanwhile. */
#define UL_LIVE_WINDOWS 16

/** Context of the program `read_memory`, in and out. */
struct ul_live_request {
	__u64 kaddr;  /**< in: first byte to copy */
	__u32 len;    /**< in: bytes, at most UL_LIVE_WINDOW_BYTES */
	__u32 done;   /**< out: 1 when all of them are in the window, else none is */
	__u32 window; /**< in: which */
	__u32 zero;
};
_Static_assert(sizeof(struct ul_live_request) == 24, "no padding");

/** Context of the program `find_anchors`, out only. Zero: not known on this kernel. */
struct ul_live_anchors {
	__u64 task;	  /**< struct task_struct * of the caller */
	__u64 stack_page; /**< struct page * of its kernel stack's first page (CONFIG_VMAP_STACK) */
	__u64 windows;	  /**< the array that is copied into */
};
_Static_assert(sizeof(struct ul_live_anchors) == 24, "no padding");

#endif
