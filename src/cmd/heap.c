// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/heap.h"

#include "base/span.h"
#include "cmd/image.h"
#include "source/kwalk/kwalk.h"

struct ul_error *ul_cmd_open_heap(const struct ul_cmd_context *context, struct ul_image *ret_image,
				  struct ul_heap *ret_heap, struct ul_losses *ret_losses)
{
	const struct ul_kwalk_options walk = {0};
	*ret_heap = (struct ul_heap){0};
	*ret_losses = (struct ul_losses){0};
	UL_TRY(ul_cmd_open_image(context, ret_image));
	UL_TRY(ul_kwalk_heap(ret_image, &walk, ret_heap));
	UL_TRY(ul_losses_merge(ret_losses, &ret_image->losses));
	return ul_losses_merge(ret_losses, &ret_heap->losses);
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
