// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/site.h"

static const char *allocator_name(enum ul_allocator allocator)
{
	switch (allocator) {
	case UL_ALLOCATOR_SLAB:
		return "slab";
	case UL_ALLOCATOR_PAGES:
		return "pages";
	case UL_ALLOCATOR_VMALLOC:
		return "vmalloc";
	case UL_ALLOCATOR_PERCPU:
		break;
	}
	return "percpu";
}

static void put_frame(struct ul_json *json, const struct ul_frame *frame)
{
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "function", frame->function);
	ul_json_uint(json, "offset", frame->offset);
	ul_json_string(json, "module", frame->module);
	ul_json_string(json, "file", frame->file);
	if (frame->line)
		ul_json_uint(json, "line", frame->line);
	else
		ul_json_null(json, "line");
	if (frame->inlined)
		ul_json_bool(json, "inlined", true);
	else
		ul_json_address(json, "address", frame->kaddr);
	ul_json_object_end(json);
}

static void put_processes(struct ul_json *json, const struct ul_site *site)
{
	ul_json_array_begin(json, "processes");
	ul_vec_foreach (process, &site->processes) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "comm", process->comm);
		if (process->pid)
			ul_json_int(json, "pid", process->pid);
		else
			ul_json_null(json, "pid"); // several processes of that name
		ul_json_uint(json, "objects", process->objects);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_survival(struct ul_json *json, const struct ul_site *site)
{
	ul_json_double(json, "lifetime_p50_s", site->lifetime_p50_s);
	ul_json_array_begin(json, "survival");
	ul_vec_foreach (point, &site->survival) {
		ul_json_object_begin(json, NULL);
		ul_json_double(json, "age_s", point->age_s);
		ul_json_double(json, "alive", point->alive);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
	ul_json_string(json, "survival_shape", ul_survival_shape_name(site->survival_shape));
}

void ul_json_stack(struct ul_json *json, const char *key, const struct ul_stack *stack)
{
	ul_json_array_begin(json, key);
	ul_vec_foreach (frame, &stack->frames)
		put_frame(json, frame);
	ul_json_array_end(json);
}

/** Who frees what is freed here; empty where that was not recorded. */
static void put_free_paths(struct ul_json *json, const struct ul_site *site)
{
	enum { MOST = 8 };
	size_t left = MOST;
	ul_json_array_begin(json, "free_paths");
	ul_vec_foreach (path, &site->free_paths) {
		if (!left--)
			break;
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "function", path->function);
		ul_json_string(json, "module", path->module);
		ul_json_uint(json, "objects", path->objects);
		ul_json_stack(json, "stack", &path->stack);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

void ul_json_site(struct ul_json *json, const char *key, const struct ul_site *site)
{
	ul_json_object_begin(json, key);
	ul_json_string(json, "allocator", allocator_name(site->allocator));
	ul_json_string(json, "function", site->function);
	ul_json_string(json, "module", site->module);
	ul_json_stack(json, "stack", &site->stack);
	ul_json_string(json, "cache", site->cache);
	ul_json_bool(json, "cache_guessed", site->cache_guessed);
	ul_json_string(json, "account", site->account);
	ul_json_bool(json, "nested", site->nested);
	ul_json_uint(json, "object_bytes", site->object_bytes);
	ul_json_uint(json, "allocated", site->allocated);
	ul_json_double(json, "allocated_error", site->allocated_error);
	ul_json_uint(json, "freed", site->freed);
	ul_json_double(json, "freed_error", site->freed_error);
	ul_json_uint(json, "missed", site->missed);
	ul_json_uint(json, "live_objects", site->live);
	ul_json_uint(json, "live_bytes", site->live_bytes);
	ul_json_uint(json, "survivor_objects", site->survivors);
	ul_json_uint(json, "survivor_bytes", site->survivor_bytes);
	ul_json_double(json, "survivor_error", site->survivors_error);
	ul_json_double(json, "survivor_bytes_per_s", site->bytes_per_s);
	ul_json_double(json, "age_p50_s", site->age_p50_s);
	put_survival(json, site);
	put_processes(json, site);
	ul_json_double(json, "trust", site->trust);
	put_free_paths(json, site);
	ul_json_object_end(json);
}

static void put_word(struct ul_json *json, const struct ul_pattern_word *word)
{
	ul_json_object_begin(json, NULL);
	ul_json_uint(json, "offset", word->offset);
	ul_json_string(json, "kind", ul_word_kind_name(word->kind));
	ul_json_string(json, "symbol", word->symbol);
	if (word->target) {
		ul_json_string(json, "target", word->target);
		ul_json_uint(json, "target_offset", word->target_offset);
	}
	ul_json_double(json, "share", word->share);
	ul_json_object_end(json);
}

static void put_hex(struct ul_json *json, const struct ul_pattern *pattern)
{
	static const char digits[] = "0123456789abcdef";
	struct ul_buf hex UL_CLEANUP_BUF = {0};
	ul_vec_foreach (byte, &pattern->bytes) {
		ul_buf_putc(&hex, digits[*byte >> 4]);
		ul_buf_putc(&hex, digits[*byte & 15]);
	}
	ul_json_string(json, "bytes", ul_buf_str(&hex));
}

void ul_json_patterns(struct ul_json *json, const struct ul_patterns *patterns)
{
	ul_json_array_begin(json, "patterns");
	ul_vec_foreach (pattern, &patterns->items) {
		ul_json_object_begin(json, NULL);
		ul_json_double(json, "share", pattern->share);
		ul_json_uint(json, "objects", pattern->objects);
		ul_json_string(json, "kind", ul_word_kind_name(pattern->kind));
		ul_json_string(json, "text", pattern->text);
		ul_json_array_begin(json, "words");
		ul_vec_foreach (word, &pattern->words)
			put_word(json, word);
		ul_json_array_end(json);
		ul_json_string(json, "type", pattern->type);
		ul_json_address(json, "example", pattern->example);
		put_hex(json, pattern);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

void ul_json_release(struct ul_json *json, const char *key, const struct ul_release *release)
{
	if (!release->file[0]) {
		ul_json_null(json, key);
		return;
	}
	ul_json_object_begin(json, key);
	ul_json_string(json, "file", release->file);
	ul_json_string(json, "function", release->function[0] ? release->function : NULL);
	ul_json_string(json, "module", release->module[0] ? release->module : NULL);
	ul_json_string(json, "never_calls", release->never);
	ul_json_object_end(json);
}

void ul_json_identity(struct ul_json *json, const char *identity, uint64_t objects,
		      uint64_t looked_at)
{
	ul_json_string(json, "identity", identity);
	if (!identity) {
		ul_json_null(json, "identified");
		return;
	}
	ul_json_object_begin(json, "identified");
	ul_json_uint(json, "objects", objects);
	ul_json_uint(json, "looked_at", looked_at);
	ul_json_object_end(json);
}

void ul_json_refcount(struct ul_json *json, const char *key, const struct ul_refcount *refcount)
{
	if (!refcount->member[0]) {
		ul_json_null(json, key);
		return;
	}
	ul_json_object_begin(json, key);
	ul_json_string(json, "member", refcount->member);
	if (refcount->saturated)
		ul_json_null(json, "left");
	else
		ul_json_int(json, "left", refcount->left);
	ul_json_bool(json, "saturated", refcount->saturated);
	ul_json_uint(json, "objects", refcount->objects);
	ul_json_uint(json, "looked_at", refcount->looked_at);
	ul_json_object_end(json);
}
