// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel addresses -> what lies there: slab cache, contents, symbols they point to; images with
 * all that is known of their objects: cmd/inspect_image.c.
 */
#include <inttypes.h>

#include "cmd/heap.h"
#include "cmd/inspect.h"
#include "cmd/machine.h"
#include "cmd/measure.h"

enum { DEFAULT_BYTES = 256, MAX_BYTES = 65536, MAX_ADDRESSES = 4096 };

static void name_objects(const struct ul_machine *machine, struct ul_inspection *inspection)
{
	ul_vec_foreach (object, &inspection->objects) {
		if (machine->symtab)
			object->has_symbol =
				ul_symtab_lookup(machine->symtab, object->kaddr, &object->symbol);
		if (machine->has_layout && !object->has_symbol)
			object->has_cache = ul_layout_cache_name(machine->memory, &machine->layout,
								 object->kaddr, object->cache,
								 sizeof(object->cache));
	}
}

/* The running kernel, without a walk through all of it: names of caches and contents only. */
static struct ul_error *inspect_live(struct ul_cmd_context *context, const uint64_t *addresses,
				     size_t len, struct ul_inspection *inspection)
{
	const size_t count = context->positionals_len;
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	struct ul_machine machine UL_CLEANUP_MACHINE = {0};
	struct ul_kernel kernel;
	UL_TRY(ul_cmd_require_root(context));
	UL_TRY(ul_cmd_open_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, &kernel));
	UL_TRY(ul_machine_open(context, &inspection->losses, &machine));
	if (!machine.memory)
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "the memory of this kernel cannot be read"),
				     "ullage doctor says why and what would help");
	for (size_t i = 0; i < count; i++) {
		struct ul_inspected *object = ul_vec_add(&inspection->objects);
		if (!object)
			return &ul_enomem;
		object->kaddr = addresses[i];
	}
	inspection->chosen = count;
	name_objects(&machine, inspection);
	UL_TRY(ul_machine_read_objects(&machine, addresses, count, len, &inspection->patterns));
	return ul_inspect_show(context, &kernel, inspection);
}

struct ul_error *ul_inspect_show(struct ul_cmd_context *context, const struct ul_kernel *kernel,
				 const struct ul_inspection *inspection)
{
	if (context->options.json)
		return ul_json_inspect(context->out, context->options.pretty, kernel, inspection);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_inspect(&term, inspection);
}

static struct ul_error *check_options(const struct ul_cmd_context *context)
{
	const struct ul_options *options = &context->options;
	const bool others = context->positionals_len || options->caches.len || options->orphans;
	if (options->given & UL_OPTION_BIT(SIZE) && !options->size_max)
		return ul_error_new(UL_ERR_USAGE, "--size: there is nothing to see in 0 bytes");
	if (options->site && !options->recording)
		return ul_error_hint(ul_error_new(UL_ERR_USAGE, "--site: of which recording?"),
				     "example: ullage inspect --recording case.ullage --site %s",
				     options->site);
	if (options->recording && others)
		return ul_error_new(UL_ERR_USAGE, "--recording names the objects: no addresses, "
						  "--cache or --orphans beside it");
	if (!options->recording && !others)
		return ul_error_new(UL_ERR_USAGE, "no address given; neither --cache nor --orphans "
						  "nor --recording");
	return NULL;
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const struct ul_options *options = &context->options;
	const size_t count = context->positionals_len;
	struct ul_inspection inspection UL_CLEANUP_INSPECTION = {0};
	uint64_t *addresses UL_CLEANUP_FREE = calloc(count + 1, sizeof(*addresses));
	const bool image =
		options->cores.len || options->caches.len || options->orphans || options->recording;
	size_t len = image ? 0 : DEFAULT_BYTES;
	if (!addresses)
		return &ul_enomem;
	UL_TRY(ul_cmd_addresses(context, addresses));
	UL_TRY(check_options(context));
	if (options->given & UL_OPTION_BIT(SIZE))
		len = options->size_max < MAX_BYTES ? (size_t)options->size_max : MAX_BYTES;
	if (image)
		return ul_inspect_image(context, addresses, len, &inspection);
	return inspect_live(context, addresses, len, &inspection);
}

const struct ul_cmd ul_cmd_inspect = {
	.name = "inspect",
	.summary = "what objects hold: types, members, text, what all of a cache share",
	.positionals = "[ADDRESS...]",
	.positionals_max = MAX_ADDRESSES,
	.details =
		"Groups the objects by what they agree in: text, zeroes, pointers to symbols and\n"
		"into caches. In a dump (--core), and with --cache, --orphans or --recording,\n"
		"objects are known with their types: members are shown by name, and what\n"
		"identifies an object (the path of a file, the addresses of a socket) is looked\n"
		"up. Without these, 256 bytes (--size) of the running kernel are read at each\n"
		"address. --recording takes what a trace of the same boot saw allocated and not\n"
		"freed, of all its sites or of one (--site), and leaves out what is gone since.\n",
	.examples = "  sudo ullage inspect 0xffff888100a1c000\n"
		    "  ullage inspect --core vmcore --cache seq_file\n"
		    "  ullage inspect --core vmcore --cache kmalloc-cg-4k --orphans\n"
		    "  ullage inspect --core vmcore -x ffff888100a1c000\n"
		    "  sudo ullage inspect --recording case.ullage --site 1\n"
		    "  ullage inspect --core vmcore --recording case.ullage --site seq_open\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(SIZE) | UL_OPTION_BIT(VMLINUX) |
		   UL_OPTION_BIT(CORE) | UL_OPTION_BIT(CACHE) | UL_OPTION_BIT(HEX) |
		   UL_OPTION_BIT(ORPHANS) | UL_OPTION_BIT(RECORDING) | UL_OPTION_BIT(SITE),
	.run = run,
};
