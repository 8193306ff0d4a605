// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What divides Shmem of meminfo. All of it is tmpfs inside, but there is more than one tmpfs:
 *
 *  /proc/sysvipc/shm   Linux ipc/shm.c sysvipc_shm_proc_show(): one line a segment, the columns rss
 *                      and swap in bytes (since v2.6.36). Segments of huge pages show them in rss,
 *                      and huge pages are not in Shmem: the ledger never takes more than there is.
 *  tmpfs mounts        statfs() gives blocks used, Linux mm/shmem.c shmem_statfs(): pages that were
 *                      given to files, swapped-out ones included. A mount without a limit (size=0)
 *                      counts nothing, and then its part cannot be told.
 *
 * The rest are memfds, shared anonymous memory, buffers of GPU drivers (all on the kernel's own
 * mount), and tmpfs of other mount and IPC namespaces.
 *
 * A file system is known by its device number: bind mounts show one tmpfs many times, and of two
 * mounted on one path only the upper one can be reached. Paths are opened with O_PATH, which asks
 * nothing of a device; still, a tmpfs mounted below a network file system that hangs makes us wait.
 */
#include "source/proc/shmem.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "source/proc/limits.h"

/** Number of the column called @p name in the heading; false when there is none. */
static bool column_of(struct ul_span heading, const char *name, size_t *ret)
{
	struct ul_span word;
	for (size_t i = 0; ul_span_word(&heading, &word); i++) {
		if (ul_span_equal(word, name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/** Where the columns are that are used. */
struct columns {
	size_t id, size, creator, attached, rss, swap;
	bool has_resident;
};

static bool parse_segment(struct ul_span line, const struct columns *columns,
			  struct ul_sysv_segment *ret)
{
	struct ul_sysv_segment segment = {0};
	struct ul_span word;
	uint64_t creator = 0;
	uint64_t id = 0;
	for (size_t i = 0; ul_span_word(&line, &word); i++) {
		uint64_t *to = i == columns->id		? &id
			       : i == columns->size	? &segment.size_bytes
			       : i == columns->creator	? &creator
			       : i == columns->attached ? &segment.attached
							: NULL;
		if (columns->has_resident && i == columns->rss)
			to = &segment.rss_bytes;
		if (columns->has_resident && i == columns->swap)
			to = &segment.swap_bytes;
		if (to && !ul_span_u64(word, to))
			return false;
	}
	if (creator > INT32_MAX || id > INT32_MAX || segment.rss_bytes > UL_PROC_LIMIT_BYTES ||
	    segment.swap_bytes > UL_PROC_LIMIT_BYTES)
		return false;
	segment.creator = (pid_t)creator;
	segment.id = (int64_t)id;
	*ret = segment;
	return true;
}

struct ul_error *ul_sysv_parse(struct ul_span text, struct ul_sysv *ret)
{
	struct columns columns = {0};
	struct ul_span heading = {0};
	ret->segments.len = 0;
	ret->rss_bytes = ret->bad_lines = 0;
	ret->has_rss = false;
	if (!ul_span_line(&text, &heading))
		return NULL;
	if (!column_of(heading, "shmid", &columns.id) ||
	    !column_of(heading, "size", &columns.size) ||
	    !column_of(heading, "cpid", &columns.creator) ||
	    !column_of(heading, "nattch", &columns.attached)) {
		ret->bad_lines = 1;
		return NULL;
	}
	columns.has_resident = column_of(heading, "rss", &columns.rss) &&
			       column_of(heading, "swap", &columns.swap);
	ret->has_rss = columns.has_resident;
	ul_span_foreach_line (line, text) {
		struct ul_sysv_segment segment;
		if (!parse_segment(line, &columns, &segment)) {
			ret->bad_lines++;
			continue;
		}
		if (ret->segments.len >= UL_PROC_LIMIT_SEGMENTS)
			return ul_error_new(UL_ERR_LIMIT, "sysvipc/shm: more than %d segments",
					    UL_PROC_LIMIT_SEGMENTS);
		if (!ul_vec_push(&ret->segments, segment))
			return &ul_enomem;
		ret->rss_bytes += segment.rss_bytes;
	}
	return NULL;
}

void ul_sysv_deinit(struct ul_sysv *sysv)
{
	ul_vec_deinit(&sysv->segments);
}

/** Undo \040 and the like, Linux fs/seq_file.c mangle_path(); false when it does not fit. */
static bool unescape(struct ul_span span, char *buffer, size_t size)
{
	size_t len = 0;
	for (size_t i = 0; i < span.len; i++) {
		char c = span.data[i];
		if (c == '\\' && span.len - i >= 4) {
			unsigned int value = 0;
			for (size_t k = 1; k <= 3; k++)
				value = value * 8 + (unsigned int)((span.data[i + k] - '0') & 7);
			c = (char)value;
			i += 3;
		}
		if (!c || len + 1 >= size)
			return false;
		buffer[len++] = c;
	}
	buffer[len] = '\0';
	return len > 0;
}

static bool parse_device(struct ul_span word, uint64_t *ret)
{
	struct ul_span major;
	uint64_t high;
	uint64_t low;
	if (!ul_span_cut(&word, ':', &major) || !ul_span_u64(major, &high) ||
	    !ul_span_u64(word, &low) || high > UINT32_MAX || low > UINT32_MAX)
		return false;
	*ret = makedev((unsigned int)high, (unsigned int)low);
	return true;
}

/** "36 35 0:24 /root /mount/point options tags... - type source options"; false: none of ours. */
static bool parse_mount(struct ul_span line, struct ul_tmpfs *ret)
{
	static const char *const types[] = {"tmpfs", "devtmpfs", "rootfs"};
	enum { DEVICE = 2, PATH = 4 };
	struct ul_tmpfs mount = {0};
	struct ul_span rest = line;
	struct ul_span word;
	size_t at;
	if (!ul_span_find(line, " - ", &at))
		return false;
	struct ul_span type = {line.data + at + 3, line.len - at - 3};
	if (!ul_span_word(&type, &word))
		return false;
	for (size_t i = 0; i < UL_ARRAY_LEN(types); i++)
		if (ul_span_equal(word, types[i]))
			ul_span_copy(word, mount.type, sizeof(mount.type));
	if (!mount.type[0])
		return false;
	for (size_t i = 0; i <= PATH; i++) {
		if (!ul_span_word(&rest, &word))
			return false;
		if (i == DEVICE && !parse_device(word, &mount.device))
			return false;
	}
	if (!unescape(word, mount.path, sizeof(mount.path)))
		return false;
	*ret = mount;
	return true;
}

static int by_device(const void *left, const void *right)
{
	const struct ul_tmpfs *a = left;
	const struct ul_tmpfs *b = right;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return 0;
}

struct ul_error *ul_tmpfs_parse(struct ul_span text, struct ul_tmpfs_list *ret)
{
	ret->mounts.len = 0;
	ret->unknown = 0;
	ul_span_foreach_line (line, text) {
		struct ul_tmpfs mount;
		if (!parse_mount(line, &mount))
			continue;
		if (ret->mounts.len >= UL_PROC_LIMIT_MOUNTS)
			return ul_error_new(UL_ERR_LIMIT, "mountinfo: more than %d tmpfs mounts",
					    UL_PROC_LIMIT_MOUNTS);
		if (!ul_vec_push(&ret->mounts, mount))
			return &ul_enomem;
	}
	return NULL;
}

static void measure(struct ul_tmpfs *mount)
{
	struct stat status;
	struct statfs fs;
	UL_CLEANUP_CLOSE const int fd = open(mount->path, O_PATH | O_CLOEXEC | O_DIRECTORY);
	if (fd < 0 || fstat(fd, &status) || status.st_dev != mount->device || fstatfs(fd, &fs) ||
	    fs.f_type != TMPFS_MAGIC || !fs.f_blocks || fs.f_bfree > fs.f_blocks)
		return;
	mount->known = !__builtin_mul_overflow((uint64_t)(fs.f_blocks - fs.f_bfree),
					       (uint64_t)fs.f_bsize, &mount->bytes) &&
		       mount->bytes <= UL_PROC_LIMIT_BYTES;
}

void ul_tmpfs_measure(struct ul_tmpfs_list *list)
{
	ul_vec_foreach (mount, &list->mounts)
		measure(mount);
	if (list->mounts.len)
		qsort(list->mounts.data, list->mounts.len, sizeof(*list->mounts.data), by_device);
	// Of several mounts of one file system the first that answered stands for all.
	size_t kept = 0;
	for (size_t i = 0; i < list->mounts.len;) {
		const uint64_t device = list->mounts.data[i].device;
		struct ul_tmpfs chosen = list->mounts.data[i];
		for (; i < list->mounts.len && list->mounts.data[i].device == device; i++)
			if (list->mounts.data[i].known &&
			    (!chosen.known ||
			     strlen(list->mounts.data[i].path) < strlen(chosen.path)))
				chosen = list->mounts.data[i];
		// A root that is a ramfs is no tmpfs at all.
		if (!chosen.known && strcmp(chosen.type, "tmpfs") != 0)
			continue;
		list->unknown += !chosen.known;
		list->mounts.data[kept++] = chosen;
	}
	list->mounts.len = kept;
}

void ul_tmpfs_deinit(struct ul_tmpfs_list *list)
{
	ul_vec_deinit(&list->mounts);
}
