// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A directory that somebody captured by hand. Either it is a tree like /proc itself (or holds one
 * in proc/), or its directories are, one for each time; or it holds files such as meminfo.1,
 * slabinfo.1, meminfo.2 ..., which belong together when their names differ only in what they
 * captured.
 *
 * The time is taken out of the name (20231012-101112, 2023-10-12T10:11:12, 1697105472), else from
 * when the files were last written. Errs: a copy made without cp -p has the times of the copying.
 */
#include "source/logs/logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/units.h"
#include "source/logs/when.h"

static const char *const captured[] = {"slabinfo", "meminfo", "vmallocinfo", "zoneinfo",
				       "vmstat",   "slabtop", "sar"};
/** Parts of names that say nothing of the time. */
static const char *const noise[] = {"proc_", "proc-", "proc.", ".txt", ".log", ".out"};

static void place_deinit(struct ul_log_place *place)
{
	free(place->proc);
	free(place->sys);
	ul_vec_foreach (file, &place->files)
		free(*file);
	ul_vec_deinit(&place->files);
}

void ul_log_places_deinit(struct ul_log_places *places)
{
	ul_vec_foreach (place, &places->items)
		place_deinit(place);
	ul_vec_deinit(&places->items);
}

static bool is_file(const char *directory, const char *name, struct stat *ret)
{
	char path[PATH_MAX];
	const int len = snprintf(path, sizeof(path), "%s/%s", directory, name);
	return len > 0 && (size_t)len < sizeof(path) && !stat(path, ret) && S_ISREG(ret->st_mode);
}

static int64_t written_ns(const struct stat *status)
{
	return status->st_mtim.tv_sec * UL_NS_PER_S + status->st_mtim.tv_nsec;
}

/** "host-20231012-101112" has its time in its end; try to believe as much of it as possible. */
static bool time_in_name(const char *name, struct ul_log_place *place)
{
	for (const char *at = name; *at; at++) {
		struct ul_when when;
		const bool starts = at == name || strchr("-_. @", at[-1]);
		if (!starts || !ul_when_parse(ul_span_of(at), &when) || !when.has_date)
			continue;
		place->has_time = true;
		place->zoned = when.has_zone;
		place->time_ns = when.time_ns;
		return true;
	}
	return false;
}

static struct ul_error *add_tree(struct ul_log_places *places, const char *root, const char *name)
{
	static const char *const below[] = {"", "/proc"};
	struct stat status;
	char path[PATH_MAX];
	for (size_t i = 0; i < UL_ARRAY_LEN(below); i++) {
		const int len = snprintf(path, sizeof(path), "%s%s", root, below[i]);
		if (len < 0 || (size_t)len >= sizeof(path) || !is_file(path, "meminfo", &status))
			continue;
		struct ul_log_place *place = ul_vec_add(&places->items);
		if (!place)
			return &ul_enomem;
		place->proc = strdup(path);
		if (!place->proc)
			return &ul_enomem;
		// A tree without a sys of its own must not be read with this machine's.
		if (asprintf(&place->sys, "%s%s", root, *below[i] ? "/sys" : "/../sys") < 0) {
			place->sys = NULL;
			return &ul_enomem;
		}
		if (!time_in_name(name, place)) {
			place->time_ns = written_ns(&status);
			place->zoned = true;
		}
		return NULL;
	}
	return NULL;
}

/** The name without what was captured: equal for files of one moment. */
static bool key_of(const char *name, char *key, size_t size)
{
	bool known = false;
	snprintf(key, size, "%s", name);
	for (size_t i = 0; i < UL_ARRAY_LEN(captured) + UL_ARRAY_LEN(noise); i++) {
		const bool word = i < UL_ARRAY_LEN(captured);
		const char *cut = word ? captured[i] : noise[i - UL_ARRAY_LEN(captured)];
		char *at = strstr(key, cut);
		if (!at)
			continue;
		memmove(at, at + strlen(cut), strlen(at + strlen(cut)) + 1);
		known |= word;
	}
	return known;
}

struct file {
	char *path;
	char key[NAME_MAX + 1];
	int64_t written_ns;
};
struct files {
	UL_VEC(struct file) items;
};

static void files_deinit(struct files *files)
{
	ul_vec_foreach (file, &files->items)
		free(file->path);
	ul_vec_deinit(&files->items);
}

static int by_key(const void *left, const void *right)
{
	const struct file *a = left;
	const struct file *b = right;
	const int order = strcmp(a->key, b->key);
	return order ? order : strcmp(a->path, b->path);
}

static struct ul_error *add_files(struct ul_log_places *places, struct files *files)
{
	const char *last = NULL;
	if (files->items.len)
		qsort(files->items.data, files->items.len, sizeof(*files->items.data), by_key);
	ul_vec_foreach (file, &files->items) {
		struct ul_log_place *place = NULL;
		if (last && !strcmp(last, file->key))
			place = &places->items.data[places->items.len - 1];
		else
			place = ul_vec_add(&places->items);
		if (!place || !ul_vec_push(&place->files, file->path))
			return &ul_enomem;
		file->path = NULL;
		last = file->key;
		const char *key = file->key + strspn(file->key, "-_. ");
		if (!place->has_time && !time_in_name(key, place) &&
		    file->written_ns > place->time_ns) {
			place->time_ns = file->written_ns;
			place->zoned = true;
		}
	}
	return NULL;
}

static struct ul_error *look_at(struct ul_log_places *places, struct files *files,
				const char *directory, const char *name)
{
	UL_CLEANUP_FREE char *path = NULL;
	struct stat status;
	char key[NAME_MAX + 1];
	if (places->items.len + files->items.len >= UL_LOG_MAX_PLACES)
		return ul_error_new(UL_ERR_LIMIT, "%s: more than %d entries", directory,
				    UL_LOG_MAX_PLACES);
	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return &ul_enomem;
	}
	if (stat(path, &status))
		return NULL;
	if (S_ISDIR(status.st_mode))
		return add_tree(places, path, name);
	if (!S_ISREG(status.st_mode) || !key_of(name, key, sizeof(key)))
		return NULL;
	struct file *file = ul_vec_add(&files->items);
	if (!file)
		return &ul_enomem;
	memcpy(file->key, key, sizeof(key));
	file->written_ns = written_ns(&status);
	file->path = UL_TAKE(path);
	return NULL;
}

static int earlier_first(const void *left, const void *right)
{
	const struct ul_log_place *a = left;
	const struct ul_log_place *b = right;
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	const char *x = a->proc ? a->proc : a->files.data[0];
	const char *y = b->proc ? b->proc : b->files.data[0];
	return strcmp(x, y);
}

static struct ul_error *find(const char *path, struct ul_log_places *places)
{
	UL_CLEANUP(files_deinit) struct files files = {0};
	UL_TRY(add_tree(places, path, strrchr(path, '/') ? strrchr(path, '/') + 1 : path));
	if (places->items.len)
		return NULL;
	UL_CLEANUP_CLOSEDIR DIR *directory = opendir(path);
	if (!directory)
		return ul_error_os(errno, "opening %s", path);
	for (const struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			UL_TRY(look_at(places, &files, path, entry->d_name));
	UL_TRY(add_files(places, &files));
	if (!places->items.len)
		return ul_error_hint(ul_error_new(UL_ERR_BAD_DATA,
						  "%s: nothing captured in it that ullage knows",
						  path),
				     "known: meminfo, slabinfo, vmallocinfo, zoneinfo, vmstat; in "
				     "files, or in a "
				     "directory for each time");
	qsort(places->items.data, places->items.len, sizeof(*places->items.data), earlier_first);
	return NULL;
}

struct ul_error *ul_log_places_find(const char *path, struct ul_log_places *ret)
{
	UL_CLEANUP_LOG_PLACES struct ul_log_places places = {0};
	UL_TRY(find(path, &places));
	*ret = places;
	places = (struct ul_log_places){0};
	return NULL;
}
