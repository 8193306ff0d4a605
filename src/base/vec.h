/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growable arrays with their element type in the open: UL_VEC(struct foo) foos; zero is empty.
 */
#ifndef UL_BASE_VEC_H
#define UL_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

#define UL_VEC(type)                                                                               \
	struct {                                                                                   \
		type *data;                                                                        \
		size_t len;                                                                        \
		size_t cap;                                                                        \
	}

/** Make room for @p wanted elements of @p size bytes; false when memory is out (unchanged then). */
UL_MUST_USE bool ul_vec_grow(void **data, size_t *cap, size_t wanted, size_t size);

/** Reserve room for @p n elements in all. bool. */
#define ul_vec_reserve(vec, n)                                                                     \
	((n) <= (vec)->cap ||                                                                      \
	 ul_vec_grow((void **)&(vec)->data, &(vec)->cap, (n), sizeof(__typeof__(*(vec)->data))))

/** Pointer to a new zeroed last element, or NULL when memory is out. */
#define ul_vec_add(vec)                                                                            \
	(ul_vec_reserve((vec), (vec)->len + 1)                                                     \
		 ? (__typeof__((vec)->data))__builtin_memset(&(vec)->data[(vec)->len++], 0,        \
							     sizeof(*(vec)->data))                 \
		 : NULL)

/** Append a copy of @p value; false when memory is out. */
#define ul_vec_push(vec, value)                                                                    \
	(ul_vec_reserve((vec), (vec)->len + 1) ? ((vec)->data[(vec)->len++] = (value), true)       \
					       : false)

#define ul_vec_foreach(item, vec)                                                                  \
	for (__typeof__(*(vec)->data) *item = (vec)->data;                                         \
	     (vec)->data && item < (vec)->data + (vec)->len; item++)

/** Release the array (not what its elements own) and make it empty. */
#define ul_vec_deinit(vec)                                                                         \
	do {                                                                                       \
		free((vec)->data);                                                                 \
		(vec)->data = NULL;                                                                \
		(vec)->len = (vec)->cap = 0;                                                       \
	} while (0)

#endif
