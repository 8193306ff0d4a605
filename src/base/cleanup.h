/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scope-bound ownership: a local marked UL_CLEANUP(f) is released by f(&local) on every way out of
 * its scope; UL_TAKE() hands the value on and leaves nothing to release.
 */
#ifndef UL_BASE_CLEANUP_H
#define UL_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define UL_MUST_USE	      __attribute__((warn_unused_result))
#define UL_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define UL_CLEANUP(function)  __attribute__((cleanup(function)))
#define UL_ARRAY_LEN(array)   (sizeof(array) / sizeof((array)[0]))

/** Value of @p pointer, which becomes NULL: the caller of the macro owns the value now. */
#define UL_TAKE(pointer)                                                                           \
	({                                                                                         \
		__auto_type ul_taken_ = (pointer);                                                 \
		(pointer) = NULL;                                                                  \
		ul_taken_;                                                                         \
	})

static inline void ul_cleanup_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

static inline void ul_cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void ul_cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static inline void ul_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define UL_CLEANUP_FREE	    UL_CLEANUP(ul_cleanup_free)
#define UL_CLEANUP_FCLOSE   UL_CLEANUP(ul_cleanup_fclose)
#define UL_CLEANUP_CLOSEDIR UL_CLEANUP(ul_cleanup_closedir)
#define UL_CLEANUP_CLOSE    UL_CLEANUP(ul_cleanup_close)

/** Define static void NAME(T **), a cleanup function for pointers, from a destructor T -> void. */
#define UL_DEFINE_CLEANUP(name, type, destroy)                                                     \
	static inline void name(type **pointer)                                                    \
	{                                                                                          \
		destroy(*pointer);                                                                 \
	}                                                                                          \
	_Static_assert(1, "semicolon")

#endif
