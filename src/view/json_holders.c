// SPDX-License-Identifier: GPL-2.0-or-later
/* Everything in `holders` overlaps `accounts`: nothing here may be added to them. */
#include "view/holders.h"

static size_t rows(size_t len, size_t top)
{
	return top && top < len ? top : len;
}

static void put_cgroups(struct ul_json *json, const struct ul_holders *holders, size_t top)
{
	ul_json_array_begin(json, "cgroups");
	for (size_t i = 0; i < rows(holders->cgroups.len, top); i++) {
		const struct ul_cgroup_holder *cgroup = &holders->cgroups.data[i];
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "path", cgroup->path);
		ul_json_uint(json, "bytes", cgroup->bytes);
		for (size_t k = 0; k < UL_CGROUP_FIGURES; k++)
			if (cgroup->figures[k] >= 0)
				ul_json_int(json, ul_cgroup_figure_name((enum ul_cgroup_figure)k),
					    cgroup->figures[k]);
		if (cgroup->has_dying)
			ul_json_uint(json, "dying", cgroup->dying);
		if (cgroup->caches.len) {
			ul_json_array_begin(json, "caches");
			ul_vec_foreach (cache, &cgroup->caches) {
				ul_json_object_begin(json, NULL);
				ul_json_string(json, "name", cache->name);
				ul_json_uint(json, "bytes", cache->bytes);
				ul_json_uint(json, "objects", cache->objects);
				ul_json_object_end(json);
			}
			ul_json_array_end(json);
		}
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_processes(struct ul_json *json, const struct ul_holders *holders, size_t top)
{
	ul_json_array_begin(json, "processes");
	for (size_t i = 0; i < rows(holders->processes.len, top); i++) {
		const struct ul_process_holder *process = &holders->processes.data[i];
		ul_json_object_begin(json, NULL);
		ul_json_int(json, "pid", process->pid);
		ul_json_string(json, "comm", process->comm);
		ul_json_uint(json, "rss", process->rss_bytes);
		if (process->has_pss) {
			ul_json_uint(json, "pss", process->pss_bytes);
			ul_json_uint(json, "uss", process->uss_bytes);
		}
		ul_json_uint(json, "swap", process->swap_bytes);
		if (process->has_tables)
			ul_json_uint(json, "page_tables", process->table_bytes);
		ul_json_uint(json, "fds", process->fds);
		ul_json_uint(json, "memfd", process->bytes[UL_FILE_MEMFD]);
		ul_json_uint(json, "deleted_tmpfs", process->bytes[UL_FILE_DELETED_TMPFS]);
		ul_json_uint(json, "deleted", process->bytes[UL_FILE_DELETED]);
		ul_json_uint(json, "dma_buf", process->bytes[UL_FILE_DMABUF]);
		ul_json_uint(json, "gpu", process->bytes[UL_FILE_DRM]);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_files(struct ul_json *json, const struct ul_holders *holders, size_t top)
{
	ul_json_array_begin(json, "files");
	for (size_t i = 0; i < rows(holders->files.len, top); i++) {
		const struct ul_file_holder *file = &holders->files.data[i];
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "kind", ul_file_kind_name(file->kind));
		ul_json_string(json, "name", file->name);
		ul_json_uint(json, "bytes", file->bytes);
		ul_json_uint(json, "inode", file->inode);
		ul_json_uint(json, "opened", file->opened);
		ul_json_int(json, "pid", file->pid);
		ul_json_string(json, "comm", file->comm);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_sockets(struct ul_json *json, const struct ul_holders *holders, size_t top)
{
	ul_json_array_begin(json, "protocols");
	ul_vec_foreach (protocol, &holders->protocols) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "name", protocol->protocol);
		ul_json_uint(json, "sockets", protocol->sockets);
		ul_json_uint(json, "receive_bytes", protocol->receive_bytes);
		ul_json_uint(json, "send_bytes", protocol->send_bytes);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
	ul_json_array_begin(json, "queues");
	for (size_t i = 0; i < rows(holders->queues.len, top); i++) {
		const struct ul_socket_queue *queue = &holders->queues.data[i];
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "protocol", queue->protocol);
		ul_json_uint(json, "inode", queue->inode);
		ul_json_uint(json, "receive_bytes", queue->receive_bytes);
		ul_json_uint(json, "send_bytes", queue->send_bytes);
		if (queue->pid) {
			ul_json_int(json, "pid", queue->pid);
			ul_json_string(json, "comm", queue->comm);
		}
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_segments(struct ul_json *json, const struct ul_holders *holders, size_t top)
{
	ul_json_array_begin(json, "segments");
	for (size_t i = 0; i < rows(holders->segments.len, top); i++) {
		const struct ul_segment_holder *segment = &holders->segments.data[i];
		ul_json_object_begin(json, NULL);
		ul_json_int(json, "id", segment->id);
		ul_json_uint(json, "bytes", segment->rss_bytes);
		ul_json_uint(json, "swap", segment->swap_bytes);
		ul_json_uint(json, "size", segment->size_bytes);
		ul_json_uint(json, "attached", segment->attached);
		ul_json_int(json, "creator", segment->creator);
		ul_json_string(json, "comm", segment->comm[0] ? segment->comm : NULL);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

void ul_json_holders(struct ul_json *json, const struct ul_holders *holders, size_t top)
{
	ul_json_object_begin(json, "holders");
	ul_json_double(json, "seconds", holders->seconds);
	ul_json_uint(json, "fds_looked_at", holders->fds_looked_at);
	if (holders->has_cgroups)
		ul_json_int(json, "cgroup_version", holders->cgroup_v1 ? 1 : 2);
	if (holders->has_dying)
		ul_json_uint(json, "dying_cgroups", holders->dying);
	put_cgroups(json, holders, top);
	put_processes(json, holders, top);
	put_files(json, holders, top);
	put_sockets(json, holders, top);
	put_segments(json, holders, top);
	ul_json_object_end(json);
}
