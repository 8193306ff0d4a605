// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/holders.h"

#include "base/units.h"

/** "-" for nothing: a column of zeros hides the one figure that matters. */
static void put_bytes(struct ul_table *table, int64_t bytes)
{
	char text[UL_UNITS_TEXT];
	ul_table_cell(table, bytes > 0 ? UL_STYLE_PLAIN : UL_STYLE_DIM, "%s",
		      bytes > 0 ? ul_format_bytes(text, (double)bytes) : "-");
}

static void put_count(struct ul_table *table, uint64_t count)
{
	char text[UL_UNITS_TEXT];
	ul_table_cell(table, UL_STYLE_PLAIN, "%s", ul_format_count(text, count));
}

static void put_owner(struct ul_table *table, pid_t pid, const char *comm)
{
	if (pid)
		ul_table_cell(table, UL_STYLE_PLAIN, "%s (pid %d)", *comm ? comm : "gone",
			      (int)pid);
	else
		ul_table_cell(table, UL_STYLE_DIM, "nobody found");
}

static int64_t kernel_bytes(const struct ul_cgroup_holder *cgroup)
{
	const int64_t *figures = cgroup->figures;
	if (figures[UL_CGROUP_KERNEL] >= 0)
		return figures[UL_CGROUP_KERNEL];
	// Before v5.18 the parts are there and their sum is not.
	int64_t sum = 0;
	for (size_t i = UL_CGROUP_KERNEL_STACK; i <= UL_CGROUP_SLAB_UNRECLAIMABLE; i++)
		sum += figures[i] > 0 && i != UL_CGROUP_SOCK ? figures[i] : 0;
	return sum;
}

static struct ul_error *print_cgroups(const struct ul_term *term, const struct ul_holders *holders,
				      size_t top)
{
	static const struct ul_table_column columns[] = {
		{.title = "CGROUP", .shrinks = true, .min = 16},
		{.title = "ALL", .right = true},
		{.title = "ANON", .right = true},
		{.title = "FILE", .right = true},
		{.title = "SHMEM", .right = true},
		{.title = "KERNEL", .right = true},
		{.title = "SOCKETS", .right = true}};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	for (size_t i = 0; i < holders->cgroups.len && i < top; i++) {
		const struct ul_cgroup_holder *cgroup = &holders->cgroups.data[i];
		if (!cgroup->bytes)
			break;
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", cgroup->path);
		put_bytes(&table, (int64_t)cgroup->bytes);
		put_bytes(&table, cgroup->figures[UL_CGROUP_ANON]);
		put_bytes(&table, cgroup->figures[UL_CGROUP_FILE]);
		put_bytes(&table, cgroup->figures[UL_CGROUP_SHMEM]);
		put_bytes(&table, kernel_bytes(cgroup));
		put_bytes(&table, cgroup->figures[UL_CGROUP_SOCK]);
	}
	if (holders->has_cgroups)
		ul_term_heading(term, "Memory cgroups (each with those below it)");
	if (table.cells.len)
		UL_TRY(ul_table_print(term, &table));
	if (holders->has_dying)
		ul_term_print(term, holders->dying ? UL_STYLE_WARN : UL_STYLE_DIM,
			      "  %llu removed and not freed: something charged to them is left.\n",
			      (unsigned long long)holders->dying);
	return NULL;
}

static struct ul_error *print_processes(const struct ul_term *term,
					const struct ul_holders *holders, size_t top)
{
	static const struct ul_table_column columns[] = {
		{.title = "PID", .right = true},       {.title = "COMMAND", .shrinks = true},
		{.title = "PSS", .right = true},       {.title = "USS", .right = true},
		{.title = "SWAP", .right = true},      {.title = "TABLES", .right = true},
		{.title = "OPEN FILES", .right = true}};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	for (size_t i = 0; i < holders->processes.len && i < top; i++) {
		const struct ul_process_holder *process = &holders->processes.data[i];
		ul_table_cell(&table, UL_STYLE_PLAIN, "%d", (int)process->pid);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", process->comm);
		put_bytes(&table, (int64_t)process->pss_bytes);
		put_bytes(&table, (int64_t)process->uss_bytes);
		put_bytes(&table, (int64_t)process->swap_bytes);
		put_bytes(&table, (int64_t)process->table_bytes);
		put_count(&table, process->fds);
	}
	if (!table.cells.len)
		return NULL;
	ul_term_heading(term, "Largest processes: shared fairly, alone, page tables, open files");
	return ul_table_print(term, &table);
}

/** The place of the process with most open files below those of @p bound, or len. */
static size_t next_by_fds(const struct ul_holders *holders, uint64_t bound, size_t bound_at)
{
	size_t best = holders->processes.len;
	for (size_t i = 0; i < holders->processes.len; i++) {
		const uint64_t fds = holders->processes.data[i].fds;
		if (fds > bound || (fds == bound && i <= bound_at))
			continue;
		if (best == holders->processes.len || fds > holders->processes.data[best].fds)
			best = i;
	}
	return best;
}

static struct ul_error *print_most_fds(const struct ul_term *term, const struct ul_holders *holders,
				       size_t top)
{
	static const struct ul_table_column columns[] = {{.title = "PID", .right = true},
							 {.title = "COMMAND", .shrinks = true},
							 {.title = "OPEN FILES", .right = true},
							 {.title = "MEMFD", .right = true},
							 {.title = "DELETED TMPFS", .right = true},
							 {.title = "DMA-BUF, GPU", .right = true}};
	enum { ROWS = 5 };
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	size_t at = 0;
	uint64_t bound = UINT64_MAX;
	for (size_t row = 0; row < ROWS && row < top; row++) {
		at = next_by_fds(holders, bound, at);
		if (at == holders->processes.len || !holders->processes.data[at].fds)
			break;
		const struct ul_process_holder *process = &holders->processes.data[at];
		bound = process->fds;
		ul_table_cell(&table, UL_STYLE_PLAIN, "%d", (int)process->pid);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", process->comm);
		put_count(&table, process->fds);
		put_bytes(&table, (int64_t)process->bytes[UL_FILE_MEMFD]);
		put_bytes(&table, (int64_t)process->bytes[UL_FILE_DELETED_TMPFS]);
		put_bytes(&table,
			  (int64_t)(process->bytes[UL_FILE_DMABUF] + process->bytes[UL_FILE_DRM]));
	}
	if (!table.cells.len)
		return NULL;
	ul_term_heading(term, "Most open files");
	return ul_table_print(term, &table);
}

static struct ul_error *print_files(const struct ul_term *term, const struct ul_holders *holders,
				    size_t top)
{
	static const struct ul_table_column columns[] = {{.title = "KIND"},
							 {.title = "NAME", .shrinks = true},
							 {.title = "BYTES", .right = true},
							 {.title = "OPENED", .right = true},
							 {.title = "BY", .shrinks = true}};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	for (size_t i = 0; i < holders->files.len && i < top; i++) {
		const struct ul_file_holder *file = &holders->files.data[i];
		if (!file->bytes)
			break;
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", ul_file_kind_name(file->kind));
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", file->name);
		put_bytes(&table, (int64_t)file->bytes);
		put_count(&table, file->opened);
		put_owner(&table, file->pid, file->comm);
	}
	if (!table.cells.len)
		return NULL;
	ul_term_heading(term, "Kept by open files that no name leads to");
	UL_TRY(ul_table_print(term, &table));
	ul_term_print(
		term, UL_STYLE_DIM,
		"  Of a deleted file on a disk: its size there; in memory is at most that.\n");
	return NULL;
}

static struct ul_error *print_sockets(const struct ul_term *term, const struct ul_holders *holders,
				      size_t top)
{
	static const struct ul_table_column columns[] = {{.title = "SOCKETS"},
							 {.title = "COUNT", .right = true},
							 {.title = "TO READ", .right = true},
							 {.title = "TO SEND", .right = true},
							 {.title = "OF", .shrinks = true}};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	ul_vec_foreach (protocol, &holders->protocols) {
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", protocol->protocol);
		put_count(&table, protocol->sockets);
		put_bytes(&table, (int64_t)protocol->receive_bytes);
		put_bytes(&table, (int64_t)protocol->send_bytes);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", "");
	}
	for (size_t i = 0; i < holders->queues.len && i < top; i++) {
		const struct ul_socket_queue *queue = &holders->queues.data[i];
		ul_table_cell(&table, UL_STYLE_PLAIN, "  %s", queue->protocol);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", "");
		put_bytes(&table, (int64_t)queue->receive_bytes);
		put_bytes(&table, (int64_t)queue->send_bytes);
		put_owner(&table, queue->pid, queue->comm);
	}
	if (!table.cells.len)
		return NULL;
	ul_term_heading(term, "Sockets of this network namespace, and the fullest queues");
	return ul_table_print(term, &table);
}

static struct ul_error *print_segments(const struct ul_term *term, const struct ul_holders *holders,
				       size_t top)
{
	static const struct ul_table_column columns[] = {{.title = "SEGMENT", .right = true},
							 {.title = "BYTES", .right = true},
							 {.title = "SWAP", .right = true},
							 {.title = "ATTACHED", .right = true},
							 {.title = "MADE BY", .shrinks = true}};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	for (size_t i = 0; i < holders->segments.len && i < top; i++) {
		const struct ul_segment_holder *segment = &holders->segments.data[i];
		ul_table_cell(&table, UL_STYLE_PLAIN, "%lld", (long long)segment->id);
		put_bytes(&table, (int64_t)segment->rss_bytes);
		put_bytes(&table, (int64_t)segment->swap_bytes);
		put_count(&table, segment->attached);
		put_owner(&table, segment->creator, segment->comm);
	}
	if (!table.cells.len)
		return NULL;
	ul_term_heading(term, "System V shared memory");
	return ul_table_print(term, &table);
}

struct ul_error *ul_term_holders(const struct ul_term *term, const struct ul_holders *holders,
				 size_t top)
{
	char seconds[UL_UNITS_TEXT];
	char count[UL_UNITS_TEXT];
	UL_TRY(print_cgroups(term, holders, top));
	UL_TRY(print_processes(term, holders, top));
	UL_TRY(print_most_fds(term, holders, top));
	UL_TRY(print_files(term, holders, top));
	UL_TRY(print_segments(term, holders, top));
	UL_TRY(print_sockets(term, holders, top));
	ul_term_print(term, UL_STYLE_DIM,
		      "\nWho holds it overlaps where it is. %s open files looked at in %s.\n",
		      ul_format_count(count, holders->fds_looked_at),
		      ul_format_duration(seconds, holders->seconds));
	return NULL;
}
