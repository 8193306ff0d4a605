// SPDX-License-Identifier: GPL-2.0-or-later
/* Who points at kernel addresses, and who keeps them alive. */
#include "analysis/whatis.h"

#include "cmd/heap.h"
#include "cmd/measure.h"
#include "view/whatis.h"

enum { MAX_ADDRESSES = 4096, DEFAULT_LIMIT = 20 };

static bool is_stopped(void *context)
{
	return ul_cmd_stopped(context);
}

static struct ul_error *add_paths(struct ul_cmd_context *context, struct ul_image *image,
				  const struct ul_heap *heap, const uint64_t *addresses,
				  struct ul_referred *items)
{
	const size_t count = context->positionals_len;
	const struct ul_reach_paths_options options = {.stop = is_stopped, .context = context};
	struct ul_path *paths UL_CLEANUP_FREE = calloc(count, sizeof(*paths));
	struct ul_error *error = NULL;
	bool complete;
	if (!paths)
		return &ul_enomem;
	UL_TRY(ul_reach_paths(image, heap, addresses, count, &options, paths, &complete));
	for (size_t i = 0; i < count; i++) {
		// Who keeps what is no object is no question.
		items[i].has_path = items[i].target.state != UL_OBJECT_NONE;
		items[i].path_complete = complete;
		if (!error)
			error = ul_whatis_path(image, heap, &paths[i], &items[i]);
		ul_path_deinit(&paths[i]);
	}
	return error;
}

static struct ul_error *show(struct ul_cmd_context *context, const struct ul_kernel *kernel,
			     const struct ul_referred *items, uint64_t left_out,
			     const struct ul_losses *losses)
{
	struct ul_term term;
	if (context->options.json)
		return ul_json_refs(context->out, context->options.pretty, kernel, items,
				    context->positionals_len, left_out, losses);
	ul_cmd_term(context, &term);
	ul_term_refs(&term, items, context->positionals_len, left_out, losses);
	return NULL;
}

static struct ul_error *refs(struct ul_cmd_context *context, const uint64_t *addresses,
			     struct ul_referred *items)
{
	const struct ul_options *options = &context->options;
	const size_t count = context->positionals_len;
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	struct ul_references references UL_CLEANUP(ul_references_deinit) = {0};
	UL_CLEANUP_TYPEID struct ul_typeid *typeid = NULL;
	const size_t limit = options->top ? (size_t)options->top : DEFAULT_LIMIT;
	UL_TRY(ul_cmd_open_heap(context, &image, &heap, &losses));
	UL_TRY(ul_reach_references(&image, &heap, addresses, count, limit, 0, &references));
	UL_TRY(ul_losses_merge(&losses, &references.losses));
	for (size_t i = 0; i < count; i++) {
		UL_TRY(ul_whatis(&image, &heap, addresses[i], &items[i].target));
		UL_TRY(ul_whatis_referrers(&image, &heap, &references, &items[i]));
	}
	if (options->path)
		UL_TRY(add_paths(context, &image, &heap, addresses, items));
	UL_TRY(ul_cmd_typeid(&image, &heap, NULL, &losses, &typeid));
	for (size_t i = 0; i < count; i++)
		UL_TRY(ul_whatis_types(&image, &heap, typeid, &items[i]));
	return show(context, &image.kernel, items, references.left_out, &losses);
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const size_t count = context->positionals_len;
	uint64_t *addresses UL_CLEANUP_FREE = calloc(count, sizeof(*addresses));
	struct ul_referred *items UL_CLEANUP_FREE = calloc(count, sizeof(*items));
	if (!addresses || !items)
		return &ul_enomem;
	UL_TRY(ul_cmd_addresses(context, addresses));
	struct ul_error *error = refs(context, addresses, items);
	for (size_t i = 0; i < count; i++)
		ul_referred_deinit(&items[i]);
	return error;
}

const struct ul_cmd ul_cmd_refs = {
	.name = "refs",
	.summary = "who points at kernel addresses, and by which chain they are kept",
	.positionals = "ADDRESS...",
	.positionals_min = 1,
	.positionals_max = MAX_ADDRESSES,
	.details =
		"Searches all kernel memory once for words that point into the objects at these\n"
		"addresses (or are exactly the address, where no object is). With --path also a\n"
		"shortest chain of references from a variable, a stack or another root: who keeps\n"
		"the object. References in memory that is free are stale and come last; free\n"
		"pages are only searched in a dump.\n",
	.examples = "  ullage refs --core vmcore 0xffff888100a1c000\n"
		    "  sudo ullage refs --path 0xffff888100a1c000\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(CORE) | UL_OPTION_BIT(VMLINUX) |
		   UL_OPTION_BIT(TOP) | UL_OPTION_BIT(PATH),
	.run = run,
};
