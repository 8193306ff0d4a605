/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reference counts of objects say. Read by analysis/refcount. */
#ifndef UL_MODEL_REFCOUNT_H
#define UL_MODEL_REFCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UL_REFCOUNT_BYTES = 64 };

/** The count that most of some objects have. Owns nothing. */
struct ul_refcount {
	char member[UL_REFCOUNT_BYTES]; /**< "struct cred usage"; "" none is known */
	int64_t left;			/**< references; 0: all were given back */
	bool saturated;	  /**< stuck after an overflow or a put too many; `left` is 0 */
	size_t objects;	  /**< that have just this count ... */
	size_t looked_at; /**< ... of these */
};

#endif
