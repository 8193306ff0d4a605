// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel addresses -> what they are, on the running kernel or in a dump. */
#include "analysis/origin.h"
#include "analysis/whatis.h"

#include "cmd/heap.h"
#include "cmd/measure.h"
#include "view/whatis.h"

enum { MAX_ADDRESSES = 4096 };

static struct ul_error *show(struct ul_cmd_context *context, const struct ul_kernel *kernel,
			     const struct ul_whatis *items, const struct ul_losses *losses)
{
	struct ul_term term;
	if (context->options.json)
		return ul_json_whatis_document(context->out, context->options.pretty, kernel, items,
					       context->positionals_len, losses);
	ul_cmd_term(context, &term);
	ul_term_whatis(&term, items, context->positionals_len, losses);
	return NULL;
}

static struct ul_error *add_origins(struct ul_image *image, const struct ul_heap *heap,
				    struct ul_whatis *items, size_t len)
{
	UL_CLEANUP_ORIGIN_READER struct ul_origin_reader *reader =
		ul_origin_reader_create(image, heap);
	struct ul_heap_hit hit;
	if (!reader)
		return &ul_enomem;
	for (size_t i = 0; i < len; i++)
		if (items[i].state == UL_OBJECT_ALLOCATED &&
		    ul_heap_find(heap, items[i].object, &hit))
			UL_TRY(ul_origins_of(reader, &hit.object, 1, &items[i].origins));
	return NULL;
}

static struct ul_error *whatis(struct ul_cmd_context *context, const uint64_t *addresses,
			       struct ul_whatis *items)
{
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	UL_CLEANUP_TYPEID struct ul_typeid *typeid = NULL;
	bool objects = false;
	UL_TRY(ul_cmd_open_heap(context, &image, &heap, &losses));
	for (size_t i = 0; i < context->positionals_len; i++) {
		UL_TRY(ul_whatis(&image, &heap, addresses[i], &items[i]));
		objects |= items[i].state == UL_OBJECT_ALLOCATED;
	}
	UL_TRY(add_origins(&image, &heap, items, context->positionals_len));
	if (objects) // to infer types takes longer than all the rest
		UL_TRY(ul_cmd_typeid(&image, &heap, NULL, &losses, &typeid));
	for (size_t i = 0; i < context->positionals_len; i++)
		UL_TRY(ul_whatis_type(&image, &heap, typeid, &items[i]));
	return show(context, &image.kernel, items, &losses);
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const size_t count = context->positionals_len;
	uint64_t *addresses UL_CLEANUP_FREE = calloc(count, sizeof(*addresses));
	struct ul_whatis *items UL_CLEANUP_FREE = calloc(count, sizeof(*items));
	if (!addresses || !items)
		return &ul_enomem;
	UL_TRY(ul_cmd_addresses(context, addresses));
	struct ul_error *error = whatis(context, addresses, items);
	for (size_t i = 0; i < count; i++)
		ul_whatis_deinit(&items[i]);
	return error;
}

const struct ul_cmd ul_cmd_whatis = {
	.name = "whatis",
	.summary = "what kernel addresses are: symbol, object, stack, page",
	.positionals = "ADDRESS...",
	.positionals_min = 1,
	.positionals_max = MAX_ADDRESSES,
	.details =
		"Says of each address all that holds: the function or variable, the slab object\n"
		"with its cache, its type and whether it is allocated, the vmalloc area and who\n"
		"asked for it, the stack and its task, the page and what it is used for. On the\n"
		"running kernel, or in a dump (--core), without debug information.\n",
	.examples = "  sudo ullage whatis 0xffff888100a1c000\n"
		    "  ullage whatis --core vmcore ffff888100a1c010 ffffffff81a01234\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(CORE) | UL_OPTION_BIT(VMLINUX),
	.run = run,
};
