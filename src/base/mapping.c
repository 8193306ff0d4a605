// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole rest of a mapping is filled at once: of a dump of many gigabytes each page would else
 * be a mapping of its own, and there may be 65,530 of those.
 */
#include "base/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { READ_BYTES = 1024 };

/** Where in a line of /proc/self/maps (Linux fs/proc/task_mmu.c show_map_vma()) the reader is. */
struct maps_line {
	uintptr_t start, end;
	unsigned int fields; /**< blanks before the path: that many fields are over */
	bool blank;	     /**< the last byte was one */
	bool second;	     /**< behind the dash */
	size_t path_len;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Take one byte of a line, the path into @p path. */
static void take_byte(struct maps_line *line, char c, char *path, size_t path_size)
{
	enum { PATH_FIELD = 5 };
	const bool blank = c == ' ' && line->fields < PATH_FIELD;
	const int digit = hex_digit(c);
	line->fields += blank && !line->blank;
	if (line->fields == 0 && c == '-')
		line->second = true;
	else if (line->fields == 0 && digit >= 0 && line->second)
		line->end = line->end << 4 | (uintptr_t)digit;
	else if (line->fields == 0 && digit >= 0)
		line->start = line->start << 4 | (uintptr_t)digit;
	else if (line->fields == PATH_FIELD && !blank && (line->path_len || c != ' ') &&
		 line->path_len + 1 < path_size)
		path[line->path_len++] = c;
	line->blank = blank;
}

bool ul_mapping_find(uintptr_t address, struct ul_mapping *ret)
{
	UL_CLEANUP_CLOSE const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct maps_line line = {0};
	char bytes[READ_BYTES];
	for (;;) {
		const ssize_t got = read(fd, bytes, sizeof(bytes));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		for (ssize_t i = 0; i < got; i++) {
			if (bytes[i] != '\n') {
				take_byte(&line, bytes[i], ret->path, sizeof(ret->path));
				continue;
			}
			ret->path[line.path_len] = '\0';
			ret->start = line.start;
			ret->end = line.end;
			if (address >= line.start && address < line.end)
				return true;
			line = (struct maps_line){0};
		}
	}
}

bool ul_mapping_fill(const struct ul_mapping *mapping, uintptr_t address)
{
	const uintptr_t page = address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
	// Writable, since some that are (a database's index) are written to before anyone looks.
	return mmap((void *)page, mapping->end - page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}
