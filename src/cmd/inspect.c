// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel addresses -> what lies there: slab cache, contents, symbols they point to. */
#include <inttypes.h>

#include "base/span.h"
#include "cmd/machine.h"
#include "cmd/measure.h"
#include "view/inspect.h"

enum { DEFAULT_BYTES = 256, MAX_BYTES = 65536, MAX_ADDRESSES = 4096 };

static struct ul_error *parse_addresses(const struct ul_cmd_context *context, uint64_t *addresses)
{
	for (size_t i = 0; i < context->positionals_len; i++)
		if (!ul_span_hex(ul_span_of(context->positionals[i]), &addresses[i]))
			return ul_error_new(UL_ERR_USAGE,
					    "'%s' is not an address (example: 0xffff888100a1c000)",
					    context->positionals[i]);
	return NULL;
}

static void name_objects(const struct ul_machine *machine, struct ul_inspected *objects,
			 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ul_inspected *object = &objects[i];
		if (machine->symtab)
			object->has_symbol =
				ul_symtab_lookup(machine->symtab, object->kaddr, &object->symbol);
		if (machine->has_layout && !object->has_symbol)
			object->has_cache = ul_layout_cache_name(machine->memory, &machine->layout,
								 object->kaddr, object->cache,
								 sizeof(object->cache));
	}
}

static struct ul_error *inspect(struct ul_cmd_context *context, const uint64_t *addresses,
				struct ul_inspected *objects)
{
	const struct ul_options *options = &context->options;
	const size_t count = context->positionals_len;
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	struct ul_machine machine UL_CLEANUP_MACHINE = {0};
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	struct ul_patterns patterns UL_CLEANUP_PATTERNS = {0};
	struct ul_kernel kernel;
	size_t len = DEFAULT_BYTES;
	if (options->given & UL_OPTION_BIT(SIZE) && !options->size_max)
		return ul_error_new(UL_ERR_USAGE, "--size: there is nothing to see in 0 bytes");
	if (options->given & UL_OPTION_BIT(SIZE))
		len = options->size_max < MAX_BYTES ? (size_t)options->size_max : MAX_BYTES;
	UL_TRY(ul_cmd_open_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, &kernel));
	UL_TRY(ul_machine_open(context, &losses, &machine));
	if (!machine.memory)
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "the memory of this kernel cannot be read"),
				     "ullage doctor says why and what would help");
	name_objects(&machine, objects, count);
	UL_TRY(ul_machine_read_objects(&machine, addresses, count, len, &patterns));
	if (options->json)
		return ul_json_inspect(context->out, options->pretty, &kernel, objects, count,
				       &patterns, &losses);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_inspect(&term, objects, count, &patterns, &losses);
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const size_t count = context->positionals_len;
	uint64_t *addresses UL_CLEANUP_FREE = calloc(count, sizeof(*addresses));
	struct ul_inspected *objects UL_CLEANUP_FREE = calloc(count, sizeof(*objects));
	if (!addresses || !objects)
		return &ul_enomem;
	UL_TRY(parse_addresses(context, addresses));
	for (size_t i = 0; i < count; i++)
		objects[i].kaddr = addresses[i];
	return inspect(context, addresses, objects);
}

const struct ul_cmd ul_cmd_inspect = {
	.name = "inspect",
	.summary = "what lies at kernel addresses: cache, text, pointers to symbols",
	.positionals = "ADDRESS...",
	.positionals_min = 1,
	.positionals_max = MAX_ADDRESSES,
	.details =
		"Reads 256 bytes (--size) at each address and groups what agrees: text, zeroes,\n"
		"pointers to kernel symbols; the commonest is shown as a hexdump.\n",
	.examples = "  sudo ullage inspect 0xffff888100a1c000\n"
		    "  sudo ullage inspect --size 4096 ffff888100a1c000 ffff888100a1d000\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(SIZE) | UL_OPTION_BIT(VMLINUX),
	.flags = UL_CMD_NEEDS_ROOT,
	.run = run,
};
