/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole small files, read through a directory so that a recorded tree works like a live one. */
#ifndef UL_BASE_FILE_H
#define UL_BASE_FILE_H

#include "base/buf.h"
#include "base/error.h"

/**
 * Append the contents of @p path under directory @p dirfd (or AT_FDCWD) to @p buf.
 *
 * Reads with as few, as large read() calls as it can: most /proc files are made anew at each open,
 * and one large read is the nearest thing to a snapshot.
 *
 * @param limit  Most bytes to accept; a longer file is UL_ERR_LIMIT.
 * @return UL_ERR_OS, UL_ERR_PERMISSION (errno_value set), UL_ERR_LIMIT or &ul_enomem.
 */
UL_MUST_USE struct ul_error *ul_file_read(int dirfd, const char *path, size_t limit,
					  struct ul_buf *buf);

#endif
