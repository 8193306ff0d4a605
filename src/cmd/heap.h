/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands that look for objects in memory share: an image and everything allocated in it.
 */
#ifndef UL_CMD_HEAP_H
#define UL_CMD_HEAP_H

#include "analysis/typeid.h"
#include "cmd/cmd.h"
#include "model/heap.h"
#include "model/image.h"

/**
 * Open the image that the options name and walk its heap; of the running kernel take a still.
 * Losses of both are in @p ret_losses. All are initialised here; caller deinits them.
 */
UL_MUST_USE struct ul_error *ul_cmd_open_heap(const struct ul_cmd_context *context,
					      struct ul_image *ret_image, struct ul_heap *ret_heap,
					      struct ul_losses *ret_losses);
/** The second half of it, of an image that is open; adds to @p losses. */
UL_MUST_USE struct ul_error *ul_cmd_walk_heap(struct ul_image *image, struct ul_heap *ret_heap,
					      struct ul_losses *losses);
/**
 * Of the running kernel: all objects of @p heap are copied now and read from the copy from then on,
 * until ul_image_still_drop(). See source/image/still.c. What there was no memory for is
 * added to @p losses. Nothing to do for a dump.
 */
UL_MUST_USE struct ul_error *ul_cmd_take_still(struct ul_image *image, const struct ul_heap *heap,
					       struct ul_losses *losses);
/** As ul_typeid_create(); with too many objects *@p ret is NULL, and that is added to @p losses. */
UL_MUST_USE struct ul_error *ul_cmd_typeid(struct ul_image *image, const struct ul_heap *heap,
					   const struct ul_typeid_options *options,
					   struct ul_losses *losses, struct ul_typeid **ret);
/** The positionals as addresses; @p ret has room for all of them. UL_ERR_USAGE. */
UL_MUST_USE struct ul_error *ul_cmd_addresses(const struct ul_cmd_context *context, uint64_t *ret);

#endif
