/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the two files of `inspect`. */
#ifndef UL_CMD_INSPECT_H
#define UL_CMD_INSPECT_H

#include "cmd/cmd.h"
#include "view/inspect.h"

/** Inspect an image: the dump of --core, or the running kernel as one. @p len 0: whole objects. */
UL_MUST_USE struct ul_error *ul_inspect_image(struct ul_cmd_context *context,
					      const uint64_t *addresses, size_t len,
					      struct ul_inspection *inspection);
UL_MUST_USE struct ul_error *ul_inspect_show(struct ul_cmd_context *context,
					     const struct ul_kernel *kernel,
					     const struct ul_inspection *inspection);

#endif
