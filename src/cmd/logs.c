// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a log does not say is not made up.
 *
 * MemTotal: a slabinfo or slabtop log has none. Its ledgers say 0 (not known), nothing is derived
 * from it, and the series of what is unaccounted does not exist.
 *
 * Times: snapshots without one are --every apart, or a second and then said as a loss; a slope is
 * only as right as that. A snapshot that is not later than the one before is left out.
 *
 * The size of a page: slabinfo counts pages. A slab holds its objects, so objects that do not fit
 * pages of 4 KiB prove a larger page (16 KiB, 64 KiB). Every kernel has a cache that proves it: one
 * of small objects, whose slabs are full of them.
 */
#include "cmd/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "cmd/moment.h"
#include "source/proc/counters.h"
#include "source/proc/ledger.h"
#include "source/proc/proc.h"

enum { MAX_CAPTURED = 256 << 20, PAGE_MIN = 4096, PAGE_MAX = 65536 };

struct importer {
	const struct ul_import *import;
	struct ul_import_result *result;
	struct ul_record *record;
	struct ul_slabinfo slabinfo;
	struct ul_vmallocinfo vmallocinfo;
	uint64_t seen;
	uint64_t assumed;   /**< snapshots whose time was not said */
	uint64_t not_later; /**< left out */
	uint64_t bad;	    /**< snapshots that could not be parsed */
	struct ul_error *first_bad;
	bool timed; /**< a snapshot had a time */
};

static void importer_deinit(struct importer *importer)
{
	ul_record_destroy(importer->record);
	ul_slabinfo_deinit(&importer->slabinfo);
	ul_vmallocinfo_deinit(&importer->vmallocinfo);
	ul_error_destroy(importer->first_bad);
}

void ul_import_result_deinit(struct ul_import_result *result)
{
	ul_losses_deinit(&result->losses);
}

/* One snapshot. */

/** A snapshot that cannot be used is counted; running out of memory is not its fault. */
static struct ul_error *count_bad(struct importer *importer, struct ul_error *err)
{
	if (err->code == UL_ERR_NOMEM)
		return err;
	importer->bad++;
	if (importer->first_bad)
		ul_error_destroy(err);
	else
		importer->first_bad = err;
	return NULL;
}

/** The smallest size of a page that the objects fit. */
static uint32_t page_size(const struct ul_slabinfo *slabinfo)
{
	uint64_t page_bytes = PAGE_MIN;
	ul_vec_foreach (cache, &slabinfo->caches) {
		const double bytes = (double)cache->objects * cache->object_size;
		while (cache->pages && page_bytes < PAGE_MAX &&
		       bytes > (double)cache->pages * (double)page_bytes)
			page_bytes *= 4;
	}
	return (uint32_t)page_bytes;
}

static struct ul_error *add_cache(struct ul_ledger *ledger, const struct ul_slabinfo_cache *line,
				  uint32_t page_bytes)
{
	struct ul_cache *cache = ul_vec_add(&ledger->caches);
	if (!cache)
		return &ul_enomem;
	cache->name = ul_span_dup(line->name);
	if (!cache->name)
		return &ul_enomem;
	cache->bytes = line->pages * page_bytes;
	cache->objects = line->active_objects;
	cache->objects_total = line->objects;
	cache->object_size = line->object_size;
	cache->objects_per_slab = line->objects_per_slab;
	cache->pages_per_slab = line->pages_per_slab;
	return ul_ledger_add(ledger, UL_KIND_SLAB, cache->name, (int64_t)cache->bytes,
			     (int64_t)cache->objects, false);
}

/** A ledger of slab caches alone: reclaimable by name, MemTotal not known. */
static struct ul_error *finish_caches(struct ul_ledger *ledger)
{
	ul_vec_foreach (cache, &ledger->caches)
		cache->reclaimable = ul_slab_name_reclaimable(ul_span_of(cache->name));
	ul_vec_foreach (account, &ledger->accounts)
		account->reclaimable = ul_slab_name_reclaimable(ul_span_of(account->name));
	return ul_losses_add(&ledger->losses, UL_BIAS_UNDER, 0,
			     "all but slab caches: MemTotal and the other accounts are not in the "
			     "log");
}

static struct ul_error *caches_ledger(struct importer *importer, struct ul_ledger *ledger)
{
	const struct ul_slabinfo *slabinfo = &importer->slabinfo;
	ul_vec_foreach (line, &slabinfo->caches)
		UL_TRY(add_cache(ledger, line, importer->result->kernel.page_bytes));
	if (slabinfo->bad_lines)
		UL_TRY(ul_losses_add(&ledger->losses, UL_BIAS_UNDER, slabinfo->bad_lines,
				     "lines of slabinfo not understood"));
	return finish_caches(ledger);
}

/** Parse what divides the totals of meminfo; what is damaged is as if it were not there. */
static struct ul_error *read_dividers(struct importer *importer, const struct ul_span *parts,
				      struct ul_proc_facts *facts, struct ul_zoneinfo *zoneinfo,
				      struct ul_vmstat *vmstat)
{
	const struct {
		enum ul_log_part part;
		struct ul_error *err;
	} tried[] = {
		{UL_LOG_PART_VMALLOCINFO,
		 parts[UL_LOG_PART_VMALLOCINFO].len
			 ? ul_vmallocinfo_parse(parts[UL_LOG_PART_VMALLOCINFO],
						&importer->vmallocinfo)
			 : NULL},
		{UL_LOG_PART_ZONEINFO,
		 parts[UL_LOG_PART_ZONEINFO].len
			 ? ul_zoneinfo_parse(parts[UL_LOG_PART_ZONEINFO], zoneinfo)
			 : NULL},
		{UL_LOG_PART_VMSTAT, parts[UL_LOG_PART_VMSTAT].len
					     ? ul_vmstat_parse(parts[UL_LOG_PART_VMSTAT], vmstat)
					     : NULL},
	};
	struct ul_error *fatal = NULL;
	for (size_t i = 0; i < UL_ARRAY_LEN(tried); i++) {
		const bool good = parts[tried[i].part].len && !tried[i].err;
		if (good && tried[i].part == UL_LOG_PART_VMALLOCINFO)
			facts->vmallocinfo = &importer->vmallocinfo;
		if (good && tried[i].part == UL_LOG_PART_ZONEINFO)
			facts->zoneinfo = zoneinfo;
		if (good && tried[i].part == UL_LOG_PART_VMSTAT)
			facts->vmstat = vmstat;
		if (tried[i].err && tried[i].err->code == UL_ERR_NOMEM)
			fatal = tried[i].err;
		else
			ul_error_destroy(tried[i].err);
	}
	return fatal;
}

static struct ul_error *whole_ledger(struct importer *importer, const struct ul_span *parts,
				     struct ul_ledger *ledger)
{
	const struct ul_kernel *kernel = &importer->result->kernel;
	struct ul_meminfo meminfo;
	struct ul_zoneinfo zoneinfo = {0};
	struct ul_vmstat vmstat = {0};
	struct ul_proc_facts facts = {
		.meminfo = &meminfo,
		.slabinfo = parts[UL_LOG_PART_SLABINFO].len ? &importer->slabinfo : NULL,
		.page_bytes = kernel->page_bytes,
		.cpus = kernel->cpus ? kernel->cpus : 1,
	};
	UL_TRY(ul_meminfo_parse(parts[UL_LOG_PART_MEMINFO], &meminfo));
	UL_TRY(read_dividers(importer, parts, &facts, &zoneinfo, &vmstat));
	UL_TRY(ul_proc_build(&facts, &importer->seen, ledger));
	if (!facts.slabinfo)
		UL_TRY(ul_losses_add(&ledger->losses, UL_BIAS_UNDER, 0,
				     "slab caches are one account: slabinfo is not in the log"));
	if (!facts.vmallocinfo)
		UL_TRY(ul_losses_add(
			&ledger->losses, UL_BIAS_UNDER, 0,
			"vmalloc callers are one account: vmallocinfo is not in the log"));
	if (!facts.zoneinfo)
		UL_TRY(ul_losses_add(&ledger->losses, UL_BIAS_OVER, 0,
				     "per-CPU free lists not counted: zoneinfo is not in the log"));
	return NULL;
}

static struct ul_error *text_ledger(struct importer *importer, const struct ul_span *parts,
				    struct ul_ledger *ledger)
{
	struct ul_kernel *kernel = &importer->result->kernel;
	if (parts[UL_LOG_PART_SLABINFO].len)
		UL_TRY(ul_slabinfo_parse(parts[UL_LOG_PART_SLABINFO], &importer->slabinfo));
	if (!kernel->page_bytes)
		kernel->page_bytes =
			parts[UL_LOG_PART_SLABINFO].len ? page_size(&importer->slabinfo) : PAGE_MIN;
	if (parts[UL_LOG_PART_MEMINFO].len)
		return whole_ledger(importer, parts, ledger);
	if (parts[UL_LOG_PART_SLABINFO].len && importer->slabinfo.caches.len)
		return caches_ledger(importer, ledger);
	return ul_error_new(UL_ERR_BAD_DATA, "a snapshot without meminfo and slabinfo");
}

/* Into the recording. */

/** The same loss in every sample is one loss. */
static struct ul_error *note_losses(struct ul_losses *losses, const struct ul_losses *sample)
{
	ul_vec_foreach (loss, &sample->items) {
		struct ul_loss *known = NULL;
		ul_vec_foreach (other, &losses->items)
			if (other->bias == loss->bias && !strcmp(other->what, loss->what))
				known = other;
		if (!known)
			UL_TRY(ul_losses_add(losses, loss->bias, loss->count, "%s", loss->what));
		else if (loss->count > known->count)
			known->count = loss->count;
	}
	return NULL;
}

static struct ul_error *create_record(struct importer *importer)
{
	const struct ul_import *import = importer->import;
	struct ul_kernel *kernel = &importer->result->kernel;
	if (!kernel->page_bytes)
		kernel->page_bytes = PAGE_MIN;
	if (!*kernel->release)
		ul_text_copy(kernel->release, sizeof(kernel->release), "unknown");
	if (!*kernel->arch)
		ul_text_copy(kernel->arch, sizeof(kernel->arch), "unknown");
	return import->output
		       ? ul_record_create(import->output, kernel, false, &importer->record)
		       : ul_record_create_in_memory(import->files[0], kernel, &importer->record);
}

/** Its place in time; *@p ret_fits false: not later than the one before. */
static void place(struct importer *importer, bool has_time, int64_t *time_ns, bool *ret_fits)
{
	const struct ul_import *import = importer->import;
	const struct ul_import_result *result = importer->result;
	const int64_t every_ns = import->every_ns ? import->every_ns : UL_NS_PER_S;
	if (!has_time) {
		*time_ns = result->samples ? result->last_ns + every_ns : every_ns;
		importer->assumed += result->samples > 0 || !import->every_ns;
	}
	importer->timed |= has_time;
	*ret_fits = *time_ns > 0 && (!result->samples || *time_ns > result->last_ns);
}

/** @p ledger is balanced. */
static struct ul_error *write_ledger(struct importer *importer, struct ul_ledger *ledger,
				     bool has_time, int64_t time_ns)
{
	struct ul_import_result *result = importer->result;
	bool fits;
	place(importer, has_time, &time_ns, &fits);
	if (!fits) {
		importer->not_later++;
		return NULL;
	}
	if (!importer->record)
		UL_TRY(create_record(importer));
	ledger->time_ns = ledger->monotonic_ns = time_ns;
	UL_TRY(ul_record_write_ledger(importer->record, ledger));
	if (!result->samples)
		result->first_ns = time_ns;
	result->last_ns = time_ns;
	result->samples++;
	return note_losses(&result->losses, &ledger->losses);
}

static struct ul_error *take_snapshot(struct importer *importer, struct ul_log_snapshot *snapshot)
{
	UL_CLEANUP_LEDGER struct ul_ledger own;
	struct ul_ledger *ledger = &own;
	struct ul_error *err = NULL;
	ul_ledger_init(&own);
	if (snapshot->has_ledger) {
		ledger = &snapshot->ledger;
		if (ledger->caches.len)
			err = finish_caches(ledger);
		ul_ledger_close(ledger, snapshot->over, snapshot->under);
	} else {
		err = text_ledger(importer, snapshot->parts, ledger);
		if (!err && !snapshot->parts[UL_LOG_PART_MEMINFO].len)
			ul_ledger_close(ledger, 0, 0);
	}
	if (err)
		return count_bad(importer, err);
	return write_ledger(importer, ledger, snapshot->has_time,
			    snapshot->zoned ? snapshot->time_ns
					    : ul_moment_as_local(snapshot->time_ns));
}

/* One log. */

/** @p place: where the first snapshot has its time from if it says none; may be NULL. */
static struct ul_error *take_log(struct importer *importer, FILE *file, const char *name,
				 const struct ul_log_place *place, size_t *ret_snapshots)
{
	UL_CLEANUP_LOGS struct ul_logs *logs = NULL;
	UL_CLEANUP_LOG_SNAPSHOT struct ul_log_snapshot snapshot;
	struct ul_import_result *result = importer->result;
	size_t snapshots = 0;
	ul_log_snapshot_init(&snapshot);
	UL_TRY(ul_logs_open(file, name, importer->import->format, &logs));
	if (!importer->record && ul_logs_format(logs) == UL_LOG_SAR)
		result->kernel = *ul_logs_kernel(logs);
	for (;;) {
		bool more = false;
		UL_TRY(ul_logs_next(logs, &snapshot, &more));
		if (!more)
			break;
		if (!snapshots++ && !snapshot.has_time && place) {
			snapshot.has_time = true;
			snapshot.zoned = place->zoned;
			snapshot.time_ns = place->time_ns;
		}
		UL_TRY(take_snapshot(importer, &snapshot));
	}
	if (result->format == UL_LOG_AUTO)
		result->format = ul_logs_format(logs);
	*ret_snapshots = snapshots;
	return ul_losses_merge(&result->losses, ul_logs_losses(logs));
}

/** Files that were captured together: one text after the other. */
static struct ul_error *take_files(struct importer *importer, const struct ul_log_place *place)
{
	UL_CLEANUP_BUF struct ul_buf text = {0};
	size_t snapshots = 0;
	ul_vec_foreach (path, &place->files) {
		UL_TRY(ul_file_read(AT_FDCWD, *path, MAX_CAPTURED, &text));
		ul_buf_putc(&text, '\n');
	}
	if (text.failed)
		return &ul_enomem;
	UL_CLEANUP_FCLOSE FILE *file = fmemopen(text.data, text.len, "r");
	if (!file)
		return ul_error_os(errno, "opening %s", place->files.data[0]);
	UL_TRY(take_log(importer, file, place->files.data[0], place, &snapshots));
	if (snapshots > 1 && place->files.len > 1)
		return ul_error_hint(ul_error_new(UL_ERR_BAD_DATA,
						  "%s and %s: logs of many snapshots beside each "
						  "other",
						  place->files.data[0], place->files.data[1]),
				     "import each on its own: ullage import %s -o FILE.ullage",
				     place->files.data[0]);
	return NULL;
}

static struct ul_error *take_tree(struct importer *importer, const struct ul_log_place *place)
{
	UL_CLEANUP_PROC struct ul_proc *proc = NULL;
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	const struct ul_proc_options options = {.proc_root = place->proc, .sys_root = place->sys};
	const struct ul_proc_want want = {.processes = true};
	ul_ledger_init(&ledger);
	UL_TRY(ul_proc_open(&options, &proc));
	if (!importer->record)
		UL_TRY(ul_proc_kernel(proc, &importer->result->kernel));
	struct ul_error *err = ul_proc_ledger(proc, &want, &ledger);
	if (err)
		return count_bad(importer, ul_error_prepend(err, "%s", place->proc));
	return write_ledger(importer, &ledger, true,
			    place->zoned ? place->time_ns : ul_moment_as_local(place->time_ns));
}

static struct ul_error *take_directory(struct importer *importer, const char *path)
{
	UL_CLEANUP_LOG_PLACES struct ul_log_places places = {0};
	uint64_t by_file = 0;
	UL_TRY(ul_log_places_find(path, &places));
	importer->result->format = UL_LOG_DIRECTORY;
	ul_vec_foreach (place, &places.items) {
		UL_TRY(place->proc ? take_tree(importer, place) : take_files(importer, place));
		by_file += !place->has_time;
	}
	if (by_file && places.items.len > 1)
		return ul_losses_add(&importer->result->losses, UL_BIAS_UNKNOWN, by_file,
				     "snapshots with no time in their names: taken from when their "
				     "files were written");
	return NULL;
}

static struct ul_error *take_path(struct importer *importer, const char *path)
{
	const enum ul_log_format format = importer->import->format;
	size_t snapshots;
	struct stat status;
	if (!strcmp(path, "-"))
		return take_log(importer, stdin, "standard input", NULL, &snapshots);
	if (stat(path, &status))
		return ul_error_os(errno, "opening %s", path);
	if (S_ISDIR(status.st_mode) && (format == UL_LOG_AUTO || format == UL_LOG_DIRECTORY))
		return take_directory(importer, path);
	UL_CLEANUP_FCLOSE FILE *file = fopen(path, "re");
	if (!file)
		return ul_error_os(errno, "opening %s", path);
	return take_log(importer, file, path, NULL, &snapshots);
}

static struct ul_error *say_losses(struct importer *importer)
{
	struct ul_losses *losses = &importer->result->losses;
	if (importer->assumed && !importer->import->every_ns)
		UL_TRY(ul_losses_add(
			losses, UL_BIAS_UNKNOWN, importer->assumed,
			"times of snapshots: not in the log, taken as one second apart "
			"(--every says better); rates are as wrong as that"));
	if (importer->not_later)
		UL_TRY(ul_losses_add(losses, UL_BIAS_NONE, importer->not_later,
				     "snapshots not later than the one before, left out"));
	if (importer->bad)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNKNOWN, importer->bad,
				     "snapshots not understood, left out (%s)",
				     importer->first_bad->message));
	return NULL;
}

struct ul_error *ul_import_logs(const struct ul_import *import, struct ul_record **ret_record,
				struct ul_import_result *ret_result)
{
	UL_CLEANUP(importer_deinit)
	struct importer importer = {.import = import, .result = ret_result};
	for (size_t i = 0; i < import->files_len; i++)
		UL_TRY(take_path(&importer, import->files[i]));
	if (!importer.record && importer.first_bad)
		return ul_error_prepend(UL_TAKE(importer.first_bad),
					"no snapshot of the log is whole");
	if (!importer.record)
		return ul_error_new(UL_ERR_BAD_DATA, "%s: no snapshot in it", import->files[0]);
	UL_TRY(say_losses(&importer));
	UL_TRY(ul_record_write_losses(importer.record, &ret_result->losses));
	*ret_record = UL_TAKE(importer.record);
	return NULL;
}

bool ul_import_is_log(const char *path)
{
	static const char magic[] = "SQLite format 3";
	char start[sizeof(magic)] = "";
	struct stat status;
	if (stat(path, &status))
		return false;
	if (!S_ISREG(status.st_mode)) // a pipe gives its first bytes only once
		return true;
	UL_CLEANUP_FCLOSE FILE *file = fopen(path, "re");
	if (!file)
		return false;
	const size_t len = fread(start, 1, sizeof(start), file);
	return len < sizeof(start) || memcmp(start, magic, sizeof(magic)) != 0;
}
