// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/image.h"

#include "source/image/image.h"

struct ul_error *ul_cmd_open_image(const struct ul_cmd_context *context, struct ul_image *ret)
{
	const struct ul_options *options = &context->options;
	const struct ul_image_options open = {.paths = options->cores.data,
					      .paths_len = options->cores.len,
					      .vmlinux = options->vmlinux};
	*ret = (struct ul_image){0};
	if (!open.paths_len)
		UL_TRY(ul_cmd_require_root(context));
	UL_TRY(ul_image_open(&open, ret));
	if (options->verbose)
		ul_vec_foreach (phrase, &ret->trust)
			fprintf(context->err, "ullage %s: image: %s\n", context->cmd->name,
				*phrase);
	return NULL;
}
