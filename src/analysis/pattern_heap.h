/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says of pointers into a heap what they lead to, for analysis/pattern. */
#ifndef UL_ANALYSIS_PATTERN_HEAP_H
#define UL_ANALYSIS_PATTERN_HEAP_H

#include "analysis/pattern.h"
#include "model/heap.h"

/** A resolver over @p heap, which it borrows. */
struct ul_pattern_resolver ul_pattern_heap_resolver(const struct ul_heap *heap);

#endif
