/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an address is: symbol, object and its state, vmalloc area, percpu, stack, page. */
#ifndef UL_ANALYSIS_WHATIS_H
#define UL_ANALYSIS_WHATIS_H

#include "analysis/reach.h"
#include "analysis/typeid.h"
#include "base/error.h"
#include "model/heap.h"
#include "model/image.h"
#include "model/whatis.h"

/** Knows an address by @p image and @p heap. @p ret is initialised here; caller deinits it. */
UL_MUST_USE struct ul_error *ul_whatis(struct ul_image *image, const struct ul_heap *heap,
				       uint64_t kaddr, struct ul_whatis *ret);
/** Sets type, its evidence and the member at the offset, where the object has a type. @p typeid:
 * NULL: nothing has one. */
UL_MUST_USE struct ul_error *ul_whatis_type(const struct ul_image *image,
					    const struct ul_heap *heap,
					    const struct ul_typeid *typeid,
					    struct ul_whatis *whatis);
/** The same for a target, its referrers and its path. */
UL_MUST_USE struct ul_error *ul_whatis_types(const struct ul_image *image,
					     const struct ul_heap *heap,
					     const struct ul_typeid *typeid,
					     struct ul_referred *referred);
/** Adds the references to @p referred->target out of @p references (may hold those of others). */
UL_MUST_USE struct ul_error *ul_whatis_referrers(struct ul_image *image, const struct ul_heap *heap,
						 const struct ul_references *references,
						 struct ul_referred *referred);
/** Adds the steps of @p path to @p referred->path. */
UL_MUST_USE struct ul_error *ul_whatis_path(struct ul_image *image, const struct ul_heap *heap,
					    const struct ul_path *path,
					    struct ul_referred *referred);

#endif
