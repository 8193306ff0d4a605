// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>

enum { FIRST_READ = 64 * 1024 };

struct ul_error *ul_file_read(int dirfd, const char *path, size_t limit, struct ul_buf *buf)
{
	UL_CLEANUP_CLOSE const int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ul_error_os(errno, "opening %s", path);
	const size_t start = buf->len;
	for (;;) {
		if (buf->cap - buf->len < FIRST_READ &&
		    !ul_buf_reserve(buf, buf->len < FIRST_READ ? FIRST_READ : buf->len))
			return &ul_enomem;
		const ssize_t got = read(fd, buf->data + buf->len, buf->cap - buf->len - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ul_error_os(errno, "reading %s", path);
		if (got == 0)
			break;
		buf->len += (size_t)got;
		if (buf->len - start > limit)
			return ul_error_new(UL_ERR_LIMIT, "reading %s: longer than %zu bytes", path,
					    limit);
	}
	buf->data[buf->len] = '\0';
	return NULL;
}
