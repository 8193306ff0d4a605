// SPDX-License-Identifier: GPL-2.0-or-later
/* Image -> heap -> ledger. */
#include "cmd/core.h"

#include "analysis/heap_ledger.h"
#include "cmd/heap.h"
#include "source/image/image.h"
#include "source/kwalk/kwalk.h"

static struct ul_error *count_types(struct ul_image *image, const struct ul_heap *heap,
				    struct ul_losses *losses, struct ul_type_census *ret)
{
	UL_CLEANUP_TYPEID struct ul_typeid *types = NULL;
	UL_TRY(ul_cmd_typeid(image, heap, NULL, losses, &types));
	return types ? ul_typeid_census(types, ret) : NULL;
}

struct ul_error *ul_cmd_core_ledger(const struct ul_cmd_context *context, const char *const *paths,
				    size_t len, struct ul_kernel *ret_kernel, struct ul_ledger *ret,
				    struct ul_type_census *ret_types)
{
	UL_CLEANUP_IMAGE struct ul_image image = {0};
	UL_CLEANUP_HEAP struct ul_heap heap = {0};
	const struct ul_kwalk_options options = {0};
	const struct ul_image_options open = {
		.paths = paths, .paths_len = len, .vmlinux = context->options.vmlinux};
	UL_TRY(ul_image_open(&open, &image));
	if (context->options.verbose)
		ul_vec_foreach (phrase, &image.trust)
			fprintf(context->err, "ullage %s: image: %s\n", context->cmd->name,
				*phrase);
	UL_TRY(ul_kwalk_heap(&image, &options, &heap));
	UL_TRY(ul_heap_ledger(&heap, image.symtab, ret));
	if (ret_types)
		UL_TRY(count_types(&image, &heap, &ret->losses, ret_types));
	UL_TRY(ul_losses_merge(&ret->losses, &image.losses));
	*ret_kernel = image.kernel;
	return ul_losses_merge(&ret->losses, &heap.losses);
}
