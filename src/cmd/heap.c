// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/heap.h"

#include "base/span.h"
#include "cmd/image.h"
#include "source/image/still.h"
#include "source/kwalk/kwalk.h"

struct ul_error *ul_cmd_take_still(struct ul_image *image, const struct ul_heap *heap,
				   struct ul_losses *losses)
{
	UL_VEC(struct ul_range) ranges = {0};
	struct ul_still_work work = {0};
	struct ul_error *error = NULL;
	uint64_t pfn;
	if (!image->live)
		return NULL;
	ul_vec_foreach (block, &heap->blocks) {
		const struct ul_range range = {block->kaddr, block->kaddr + block->bytes};
		if (block->kind == UL_BLOCK_PERCPU ||
		    !ul_space_direct_pfn(&heap->space, block->kaddr, &pfn))
			continue;
		if (!ul_vec_push(&ranges, range)) {
			error = &ul_enomem;
			break;
		}
	}
	if (!error)
		error = ul_image_still_take(image, ranges.data, ranges.len, ul_still_budget(),
					    &work);
	ul_vec_deinit(&ranges);
	if (!error && work.left_out)
		error = ul_losses_add(losses, UL_BIAS_UNDER, work.left_out,
				      "bytes of objects beyond a quarter of the memory available: "
				      "not copied, read while they change");
	return error;
}

struct ul_error *ul_cmd_walk_heap(struct ul_image *image, struct ul_heap *ret_heap,
				  struct ul_losses *losses)
{
	const struct ul_kwalk_options walk = {0};
	UL_TRY(ul_kwalk_heap(image, &walk, ret_heap));
	UL_TRY(ul_cmd_take_still(image, ret_heap, losses));
	UL_TRY(ul_losses_merge(losses, &image->losses));
	return ul_losses_merge(losses, &ret_heap->losses);
}

struct ul_error *ul_cmd_open_heap(const struct ul_cmd_context *context, struct ul_image *ret_image,
				  struct ul_heap *ret_heap, struct ul_losses *ret_losses)
{
	*ret_heap = (struct ul_heap){0};
	*ret_losses = (struct ul_losses){0};
	UL_TRY(ul_cmd_open_image(context, ret_image));
	return ul_cmd_walk_heap(ret_image, ret_heap, ret_losses);
}

struct ul_error *ul_cmd_typeid(struct ul_image *image, const struct ul_heap *heap,
			       const struct ul_typeid_options *options, struct ul_losses *losses,
			       struct ul_typeid **ret)
{
	*ret = NULL;
	struct ul_error *error = ul_typeid_create(image, heap, options, ret);
	if (!error || error->code != UL_ERR_LIMIT)
		return error;
	return ul_losses_add_error(losses, UL_BIAS_NONE, error, "no types");
}

struct ul_error *ul_cmd_addresses(const struct ul_cmd_context *context, uint64_t *ret)
{
	for (size_t i = 0; i < context->positionals_len; i++)
		if (!ul_span_hex(ul_span_of(context->positionals[i]), &ret[i]))
			return ul_error_new(UL_ERR_USAGE,
					    "'%s' is not an address (example: 0xffff888100a1c000)",
					    context->positionals[i]);
	return NULL;
}
