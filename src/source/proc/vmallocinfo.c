// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parser of /proc/vmallocinfo, Linux mm/vmalloc.c vmalloc_info_show() (s_show() before v6.9):
 *
 *   0xSTART-0xEND SIZE CALLER pages=N [phys=A] [ioremap] [vmalloc] [dma-coherent] [vmap] [user]
 *   [vpages] N0=N ...          with CALLER as %pS: function+0xOFFSET/0xSIZE [module]
 *
 * Which areas own memory that VmallocUsed (nr_vmalloc_pages) counts: those with VM_ALLOC, shown as
 * "vmalloc", and a page count; __vmalloc_area_node() adds area->nr_pages to both. Not counted
 * there:
 *  - ioremap: device memory, no pages;
 *  - vmap: pages belong to whoever called; vmap() sets nr_pages only under VM_MAP_PUT_PAGES, and
 *    those pages came from alloc_pages() of the caller and never enter nr_vmalloc_pages;
 *  - per-CPU areas ("vmalloc" without pages, pcpu_get_vm_areas()): their pages are in Percpu;
 *  - "unpurged vm_area" and vm_map_ram areas: address space only.
 *
 * Kernel stacks (CONFIG_VMAP_STACK) are vmalloc areas as well as KernelStack. The caller recorded
 * is the return address of the innermost function that was not inlined above
 * alloc_thread_stack_node(), Linux kernel/fork.c, hence the list of names. What is called so and
 * has "pages=" is a stack (or an arm64 shadow stack); nothing else in these functions calls
 * vmalloc.
 */
#include "source/proc/vmallocinfo.h"

#include <stdio.h>
#include <string.h>

#include "source/proc/limits.h"

/** Twice the callers, so that probing always meets an empty slot. Power of two. */
enum { SLOTS = 2 * UL_PROC_LIMIT_CALLERS };
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "slots are masked");

struct area {
	struct ul_span function;
	struct ul_span module;
	uint64_t pages;
	bool has_pages;
	bool vmalloc;
	bool vmap;
};

static bool is_stack_caller(struct ul_span function)
{
	static const char *const names[] = {
		"alloc_thread_stack_node",
		"dup_task_struct",
		"copy_process",
		"kernel_clone",
		"_do_fork",
		"do_fork",
		"fork_idle",
		"create_io_thread",
		"vhost_task_create",
		"kernel_thread",
		"user_mode_thread",
	};
	// The compiler marks copies: copy_process.part.0, dup_task_struct.isra.5.
	struct ul_span base = function;
	struct ul_span before;
	if (ul_span_cut(&base, '.', &before))
		function = before;
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++)
		if (ul_span_equal(function, names[i]))
			return true;
	return false;
}

/** %pS without symbol is the bare address: code of a module that is gone. */
static bool is_caller(struct ul_span word)
{
	return ul_span_find(word, "+0x", NULL) || ul_span_starts(word, "0x");
}

static void set_caller(struct area *area, struct ul_span word, struct ul_span *rest)
{
	size_t plus;
	area->function = word;
	if (ul_span_find(word, "+0x", &plus))
		area->function.len = plus;
	const struct ul_span after = ul_span_trim(*rest);
	if (!after.len || after.data[0] != '[')
		return;
	struct ul_span inside = {after.data + 1, after.len - 1};
	struct ul_span brackets;
	if (!ul_span_cut(&inside, ']', &brackets) || !ul_span_word(&brackets, &area->module))
		return;
	*rest = inside;
}

static bool parse_area(struct ul_span line, struct area *ret)
{
	struct ul_span word;
	uint64_t size;
	if (!ul_span_word(&line, &word) || !ul_span_find(word, "-", NULL) ||
	    !ul_span_word_u64(&line, &size))
		return false;
	for (bool first = true; ul_span_word(&line, &word); first = false) {
		if (first && is_caller(word)) {
			set_caller(ret, word, &line);
		} else if (ul_span_starts(word, "pages=")) {
			const struct ul_span number = {word.data + 6, word.len - 6};
			if (!ul_span_u64(number, &ret->pages) || ret->pages > UL_PROC_LIMIT_PAGES)
				return false;
			ret->has_pages = true;
		} else if (ul_span_equal(word, "vmalloc")) {
			ret->vmalloc = true;
		} else if (ul_span_equal(word, "vmap")) {
			ret->vmap = true;
		}
	}
	return true;
}

static bool spans_equal(struct ul_span a, struct ul_span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

/** FNV-1a. */
static uint32_t hash_span(uint32_t hash, struct ul_span span)
{
	for (size_t i = 0; i < span.len; i++)
		hash = (hash ^ (unsigned char)span.data[i]) * 16777619u;
	return hash;
}

static struct ul_error *book(struct ul_vmallocinfo *info, const struct area *area)
{
	uint32_t slot = hash_span(hash_span(2166136261u, area->function), area->module);
	for (;; slot++) {
		const uint32_t index = info->slots[slot & (SLOTS - 1)];
		if (!index)
			break;
		struct ul_vmalloc_caller *caller = &info->callers.data[index - 1];
		if (!spans_equal(caller->function, area->function) ||
		    !spans_equal(caller->module, area->module))
			continue;
		caller->pages += area->pages;
		caller->areas++;
		return NULL;
	}
	if (info->callers.len >= UL_PROC_LIMIT_CALLERS) {
		info->callers_over_limit++;
		return NULL;
	}
	const struct ul_vmalloc_caller caller = {area->function, area->module, area->pages, 1};
	if (!ul_vec_push(&info->callers, caller))
		return &ul_enomem;
	info->slots[slot & (SLOTS - 1)] = (uint32_t)info->callers.len;
	return NULL;
}

static struct ul_error *parse_line(struct ul_span line, struct ul_vmallocinfo *info)
{
	struct area area = {0};
	if (!parse_area(line, &area)) {
		info->bad_lines++;
		return NULL;
	}
	if (!area.has_pages)
		return NULL;
	info->pages += area.vmalloc ? area.pages : 0;
	info->borrowed_pages += area.vmalloc ? 0 : area.pages;
	if (info->pages > UL_PROC_LIMIT_PAGES || info->borrowed_pages > UL_PROC_LIMIT_PAGES)
		return ul_error_new(UL_ERR_LIMIT, "vmallocinfo: more than %llu pages",
				    (unsigned long long)UL_PROC_LIMIT_PAGES);
	if (!area.vmalloc)
		return NULL;
	if (!is_stack_caller(area.function))
		return book(info, &area);
	info->stack_pages += area.pages;
	info->stack_areas++;
	return NULL;
}

static struct ul_error *reset(struct ul_vmallocinfo *info)
{
	if (!info->slots)
		info->slots = malloc(SLOTS * sizeof(*info->slots));
	if (!info->slots)
		return &ul_enomem;
	memset(info->slots, 0, SLOTS * sizeof(*info->slots));
	info->callers.len = 0;
	info->pages = info->stack_pages = info->stack_areas = info->borrowed_pages = 0;
	info->callers_over_limit = info->bad_lines = 0;
	return NULL;
}

struct ul_error *ul_vmallocinfo_parse(struct ul_span text, struct ul_vmallocinfo *ret)
{
	UL_TRY(reset(ret));
	ul_span_foreach_line (line, text)
		if (line.len)
			UL_TRY(parse_line(line, ret));
	return NULL;
}

void ul_vmallocinfo_deinit(struct ul_vmallocinfo *vmallocinfo)
{
	ul_vec_deinit(&vmallocinfo->callers);
	free(vmallocinfo->slots);
	vmallocinfo->slots = NULL;
}

void ul_vmalloc_caller_name(const struct ul_vmalloc_caller *caller, char *buffer, size_t size)
{
	if (!caller->function.len)
		snprintf(buffer, size, "(no caller)");
	else if (!caller->module.len)
		snprintf(buffer, size, "%.*s", UL_SPAN_ARG(caller->function));
	else
		snprintf(buffer, size, "%.*s [%.*s]", UL_SPAN_ARG(caller->function),
			 UL_SPAN_ARG(caller->module));
}
