// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/machine.h"

#include <string.h>
#include <unistd.h>

#include "analysis/freepath.h"
#include "analysis/pattern.h"
#include "analysis/sites.h"

/* How much of how many survivors is read: enough to see whether they agree. */
enum { MAX_OBJECTS = 256, MAX_OBJECT_BYTES = 4096 };

/**
 * The kernel's events carry process numbers of the first pid namespace; in another one they do not
 * agree with /proc, and processes outside are not seen.
 */
static struct ul_error *note_pid_namespace(struct ul_losses *losses)
{
	// Linux include/linux/proc_ns.h PROC_PID_INIT_INO
	static const char first[] = "pid:[4026531836]";
	char name[64];
	const ssize_t len = readlink("/proc/self/ns/pid", name, sizeof(name));
	if (len == (ssize_t)strlen(first) && !memcmp(name, first, strlen(first)))
		return NULL;
	return ul_losses_add(losses, UL_BIAS_UNKNOWN, 0,
			     "run in a pid namespace: processes outside it are not seen, and "
			     "process numbers of allocations are those of the host");
}

static struct ul_error *open_layout(struct ul_machine *machine)
{
	UL_TRY(ul_layout_find(machine->memory, machine->symtab, &machine->layout));
	machine->has_layout = true;
	return NULL;
}

struct ul_error *ul_machine_open(const struct ul_cmd_context *context, struct ul_losses *losses,
				 struct ul_machine *ret)
{
	struct ul_machine machine UL_CLEANUP_MACHINE = {0};
	UL_TRY(ul_losses_add_error(
		losses, UL_BIAS_UNDER,
		ul_kallsyms_load(context->options.proc_root, losses, &machine.symtab),
		"functions have no names"));
	UL_TRY(ul_lines_create(context->options.vmlinux, &machine.lines));
	UL_TRY(ul_losses_add_error(losses, UL_BIAS_UNDER, ul_live_open(&machine.memory),
				   "contents are not read"));
	UL_TRY(note_pid_namespace(losses));
	if (machine.memory)
		UL_TRY(ul_losses_add_error(losses, UL_BIAS_UNDER, open_layout(&machine),
					   "caches of kmalloc objects are told by size and flags"));
	*ret = machine;
	machine = (struct ul_machine){0};
	return NULL;
}

/**
 * Read the kernel's symbols again: those of the tracer's own programs, which stacks run through,
 * are there only while it is attached.
 */
static struct ul_error *renew_symbols(const struct ul_cmd_context *context,
				      struct ul_machine *machine)
{
	struct ul_losses known UL_CLEANUP(ul_losses_deinit) = {0}; // the same as the first time
	struct ul_symtab *symtab = NULL;
	if (!machine->symtab)
		return NULL;
	struct ul_error *error = ul_kallsyms_load(context->options.proc_root, &known, &symtab);
	if (error && error->code == UL_ERR_NOMEM)
		return error;
	ul_error_destroy(error); // the older ones will do
	if (!symtab)
		return NULL;
	ul_symtab_destroy(machine->symtab);
	machine->symtab = symtab;
	return NULL;
}

void ul_machine_deinit(struct ul_machine *machine)
{
	ul_layout_deinit(&machine->layout);
	ul_memory_destroy(machine->memory);
	ul_lines_destroy(machine->lines);
	ul_symtab_destroy(machine->symtab);
}

void ul_machine_tracer_options(const struct ul_machine *machine, struct ul_tracer_options *options)
{
	if (!machine->has_layout)
		return;
	options->page_offset = machine->layout.page_offset;
	options->vmemmap = machine->layout.vmemmap;
	options->struct_page_bytes = machine->layout.struct_page_bytes;
	options->page_bytes = machine->layout.page_bytes;
}

static struct ul_error *name_stack(const struct ul_machine *machine, struct ul_stack *stack)
{
	struct ul_stack named UL_CLEANUP(ul_stack_deinit) = {0};
	ul_vec_foreach (frame, &stack->frames)
		UL_TRY(ul_symbolize(machine->symtab, machine->lines, frame->kaddr, true, &named));
	ul_stack_deinit(stack);
	*stack = named;
	named = (struct ul_stack){0};
	return NULL;
}

struct ul_error *ul_machine_name_stacks(const struct ul_machine *machine, struct ul_trace *trace)
{
	ul_vec_foreach (site, &trace->sites) {
		UL_TRY(name_stack(machine, &site->stack));
		ul_vec_foreach (path, &site->free_paths)
			UL_TRY(name_stack(machine, &path->stack));
	}
	return NULL;
}

struct ul_error *ul_machine_take_trace(const struct ul_cmd_context *context,
				       struct ul_machine *machine, struct ul_tracer *tracer,
				       const struct ul_ledger *ledger, struct ul_trace *ret)
{
	UL_TRY(ul_tracer_collect(tracer, ret));
	UL_TRY(renew_symbols(context, machine));
	UL_TRY(ul_machine_name_stacks(machine, ret));
	return ul_sites_digest(ret, ledger);
}

struct ul_error *ul_machine_read_objects(const struct ul_machine *machine,
					 const uint64_t *addresses, size_t count, size_t len,
					 struct ul_patterns *ret)
{
	*ret = (struct ul_patterns){0};
	if (!machine->memory || !count || !len)
		return NULL;
	uint8_t *bytes UL_CLEANUP_FREE = reallocarray(NULL, count, len);
	struct ul_object_bytes *objects UL_CLEANUP_FREE = calloc(count, sizeof(*objects));
	if (!bytes || !objects)
		return &ul_enomem;
	for (size_t i = 0; i < count; i++) {
		objects[i] =
			(struct ul_object_bytes){.kaddr = addresses[i], .bytes = bytes + i * len};
		UL_TRY(ul_memory_read(machine->memory, addresses[i], bytes + i * len, len,
				      &objects[i].len));
	}
	return ul_pattern_analyse(objects, count, machine->symtab, ret);
}

/** Append what @p site has freed, up to MAX_OBJECTS; the bytes stay the site's. */
static void add_freed(const struct ul_site *site, struct ul_object_bytes *objects, size_t *len)
{
	ul_vec_foreach (freed, &site->freed_objects)
		if (*len < MAX_OBJECTS)
			objects[(*len)++] =
				(struct ul_object_bytes){freed->kaddr, freed->bytes, freed->len};
}

struct ul_error *ul_machine_freed_contents(const struct ul_machine *machine,
					   const struct ul_trace *trace, const struct ul_site *site,
					   struct ul_patterns *ret)
{
	struct ul_object_bytes objects[MAX_OBJECTS];
	size_t len = 0;
	*ret = (struct ul_patterns){0};
	ul_vec_foreach (other, &trace->sites)
		if (ul_freepath_same_sort(other, site))
			add_freed(other, objects, &len);
	return len ? ul_pattern_analyse(objects, len, machine->symtab, ret) : NULL;
}

/** Kernel address of what @p allocation is about; 0: it has none we can read. */
static uint64_t address_of(const struct ul_machine *machine, const struct ul_site *site,
			   const struct ul_allocation *allocation)
{
	switch (site->allocator) {
	case UL_ALLOCATOR_SLAB:
	case UL_ALLOCATOR_VMALLOC:
		return allocation->key;
	case UL_ALLOCATOR_PAGES:
		return machine->has_layout
			       ? ul_layout_page_to_virt(&machine->layout, allocation->key)
			       : 0;
	case UL_ALLOCATOR_PERCPU: // an offset, not an address
		break;
	}
	return 0;
}

struct ul_error *ul_machine_contents(const struct ul_machine *machine, const struct ul_site *site,
				     struct ul_patterns *ret)
{
	uint64_t addresses[MAX_OBJECTS];
	size_t count = 0;
	*ret = (struct ul_patterns){0};
	ul_vec_foreach (example, &site->examples) {
		const uint64_t kaddr = address_of(machine, site, example);
		if (kaddr && count < MAX_OBJECTS)
			addresses[count++] = kaddr;
	}
	const size_t len = site->object_bytes < MAX_OBJECT_BYTES ? (size_t)site->object_bytes
								 : MAX_OBJECT_BYTES;
	return ul_machine_read_objects(machine, addresses, count, len, ret);
}
