// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the kernel's tables of frees (freed.bpf.h) to the free paths of sites. A row of the table is
 * site, stack and the process that had allocated the object; folded once by stack (who frees) and
 * once by process (whose objects are freed). Counts are estimates where frees were looked at by
 * every 16th or 256th.
 */
#include "source/trace/freed.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "base/text.h"
#include "source/trace/trace_skeleton.h"

void ul_freed_configure(struct trace_bpf *skeleton, const struct ul_tracer_options *options)
{
	const bool contents = options->free_paths && options->freed_contents;
	skeleton->rodata->free_paths = options->free_paths;
	skeleton->rodata->freed_contents = contents;
	bpf_map__set_max_entries(skeleton->maps.freed_paths,
				 options->free_paths ? ULT_FREED_PATHS : 1);
	bpf_map__set_max_entries(skeleton->maps.free_stacks,
				 options->free_paths ? ULT_FREED_STACKS : 1);
	bpf_map__set_max_entries(skeleton->maps.freed_objects, contents ? ULT_FREED_OBJECTS : 1);
}

static int path_by_site(const void *left, const void *right)
{
	const struct ul_freed_path *a = left;
	const struct ul_freed_path *b = right;
	if (a->key.site != b->key.site)
		return a->key.site < b->key.site ? -1 : 1;
	return a->key.stack_id < b->key.stack_id ? -1 : a->key.stack_id > b->key.stack_id;
}

static int example_by_site(const void *left, const void *right)
{
	const struct ul_freed_example *a = left;
	const struct ul_freed_example *b = right;
	return a->site < b->site ? -1 : a->site > b->site;
}

static struct ul_error *read_paths(const struct ul_tracer *tracer, struct ul_freed *freed)
{
	const int fd = bpf_map__fd(tracer->skeleton->maps.freed_paths);
	struct ult_freed_key key;
	struct ult_freed_key next;
	for (bool first = true; !bpf_map_get_next_key(fd, first ? NULL : &key, &next);
	     first = false) {
		struct ul_freed_path *path = ul_vec_add(&freed->paths);
		if (!path)
			return &ul_enomem;
		key = path->key = next;
		__u64 objects = 0;
		if (!bpf_map_lookup_elem(fd, &key, &objects))
			path->objects = objects;
	}
	if (freed->paths.len)
		qsort(freed->paths.data, freed->paths.len, sizeof(*freed->paths.data),
		      path_by_site);
	return NULL;
}

static struct ul_error *read_examples(const struct ul_tracer *tracer, struct ul_freed *freed)
{
	const int fd = bpf_map__fd(tracer->skeleton->maps.freed_objects);
	struct ult_freed_slot key;
	struct ult_freed_slot next;
	for (bool first = true; !bpf_map_get_next_key(fd, first ? NULL : &key, &next);
	     first = false) {
		key = next;
		struct ul_freed_example example = {.site = key.site};
		if (bpf_map_lookup_elem(fd, &key, &example.object))
			continue;
		if (!ul_vec_push(&freed->examples, example))
			return &ul_enomem;
	}
	if (freed->examples.len)
		qsort(freed->examples.data, freed->examples.len, sizeof(*freed->examples.data),
		      example_by_site);
	return NULL;
}

struct ul_error *ul_freed_read(const struct ul_tracer *tracer, struct ul_freed *ret)
{
	*ret = (struct ul_freed){0};
	if (!tracer->skeleton->rodata->free_paths)
		return NULL;
	struct ul_freed freed UL_CLEANUP(ul_freed_deinit) = {0};
	UL_TRY(read_paths(tracer, &freed));
	UL_TRY(read_examples(tracer, &freed));
	*ret = freed;
	freed = (struct ul_freed){0};
	return NULL;
}

void ul_freed_deinit(struct ul_freed *freed)
{
	ul_vec_deinit(&freed->paths);
	ul_vec_deinit(&freed->examples);
}

static struct ul_error *add_process(struct ul_site *site, const char *comm, uint64_t objects)
{
	ul_vec_foreach (process, &site->freed_processes) {
		if (strncmp(process->comm, comm, sizeof(process->comm)) != 0)
			continue;
		process->objects += objects;
		return NULL;
	}
	struct ul_site_process *process = ul_vec_add(&site->freed_processes);
	if (!process)
		return &ul_enomem;
	process->objects = objects;
	ul_text_copy(process->comm, sizeof(process->comm), comm);
	return NULL;
}

/** A new free path of @p site with the stack @p stack_id; a lost stack makes an empty one. */
static struct ul_error *add_path(const struct ul_tracer *tracer, struct ul_site *site,
				 int32_t stack_id, struct ul_free_path **ret)
{
	uint64_t addresses[ULT_STACK_FRAMES] = {0};
	struct ul_free_path *path = ul_vec_add(&site->free_paths);
	if (!path)
		return &ul_enomem;
	const __u32 id = (__u32)stack_id;
	if (stack_id < 0 ||
	    bpf_map_lookup_elem(bpf_map__fd(tracer->skeleton->maps.free_stacks), &id, addresses))
		addresses[0] = 0;
	for (size_t i = 0; i < ULT_STACK_FRAMES && addresses[i]; i++) {
		struct ul_frame *frame = ul_vec_add(&path->stack.frames);
		if (!frame)
			return &ul_enomem;
		frame->kaddr = addresses[i];
	}
	*ret = path;
	return NULL;
}

/** Index of the first element of @p site in an array in order of sites. */
#define FIRST_OF(vec, member, site_index)                                                          \
	({                                                                                         \
		size_t low_ = 0;                                                                   \
		size_t high_ = (vec)->len;                                                         \
		while (low_ < high_) {                                                             \
			const size_t middle_ = low_ + (high_ - low_) / 2;                          \
			if ((vec)->data[middle_].member < (site_index))                            \
				low_ = middle_ + 1;                                                \
			else                                                                       \
				high_ = middle_;                                                   \
		}                                                                                  \
		low_;                                                                              \
	})

static struct ul_error *fill_paths(const struct ul_tracer *tracer, const struct ul_freed *freed,
				   uint32_t index, ul_freed_comm_fn *comm_of, const void *context,
				   struct ul_site *site)
{
	struct ul_free_path *path = NULL;
	const size_t first = FIRST_OF(&freed->paths, key.site, index);
	for (size_t i = first; i < freed->paths.len; i++) {
		const struct ul_freed_path *row = &freed->paths.data[i];
		if (row->key.site != index)
			break;
		if (i == first || row->key.stack_id != freed->paths.data[i - 1].key.stack_id)
			UL_TRY(add_path(tracer, site, row->key.stack_id, &path));
		path->objects += row->objects;
		UL_TRY(add_process(site, comm_of(context, row->key.comm_id), row->objects));
	}
	return NULL;
}

struct ul_error *ul_freed_fill(const struct ul_tracer *tracer, const struct ul_freed *freed,
			       uint32_t index, ul_freed_comm_fn *comm_of, const void *context,
			       struct ul_site *site)
{
	UL_TRY(fill_paths(tracer, freed, index, comm_of, context, site));
	for (size_t i = FIRST_OF(&freed->examples, site, index); i < freed->examples.len; i++) {
		const struct ul_freed_example *example = &freed->examples.data[i];
		if (example->site != index)
			break;
		struct ul_freed_object *object = ul_vec_add(&site->freed_objects);
		if (!object)
			return &ul_enomem;
		_Static_assert(sizeof(object->bytes) == ULT_FREED_BYTES, "copied whole");
		object->kaddr = example->object.pointer;
		object->len = example->object.bytes < ULT_FREED_BYTES ? example->object.bytes
								      : ULT_FREED_BYTES;
		memcpy(object->bytes, example->object.data, ULT_FREED_BYTES);
	}
	return NULL;
}

uint64_t ul_freed_hole_bytes(const struct ul_tracer *tracer, uint64_t head)
{
	const struct trace_bpf *skeleton = tracer->skeleton;
	struct ult_holes holes;
	const __u64 key = head;
	if (!skeleton->bss->holes_used ||
	    bpf_map_lookup_elem(bpf_map__fd(skeleton->maps.page_holes), &key, &holes))
		return 0;
	return (uint64_t)holes.pages * skeleton->rodata->page_bytes;
}
