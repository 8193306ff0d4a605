/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all commands that look into memory images share: --core, --vmlinux. */
#ifndef UL_CMD_IMAGE_H
#define UL_CMD_IMAGE_H

#include "cmd/cmd.h"
#include "model/image.h"

/**
 * The dump that --core names, or the running kernel (then root is needed). Says with --verbose what
 * was checked. @p ret is initialised here; caller deinits it.
 */
UL_MUST_USE struct ul_error *ul_cmd_open_image(const struct ul_cmd_context *context,
					       struct ul_image *ret);

#endif
