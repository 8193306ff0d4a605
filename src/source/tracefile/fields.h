/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the text of an allocation's event says of its fields. */
#ifndef UL_SOURCE_TRACEFILE_FIELDS_H
#define UL_SOURCE_TRACEFILE_FIELDS_H

#include "model/kmem_event.h"

/** Out of "GFP_KERNEL_ACCOUNT|__GFP_ZERO", or without the underscores. */
unsigned int ul_kmalloc_family(struct ul_span gfp_flags);
/** Out of "call_site=... ptr=... bytes_alloc=...". */
void ul_kmem_fields_parse(struct ul_span body, struct ul_kmem_fields *ret);

#endif
