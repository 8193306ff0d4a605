/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of allocations that a trace saw survive, when memory is looked at later. */
#ifndef UL_MODEL_REVISIT_H
#define UL_MODEL_REVISIT_H

#include <stdint.h>

enum ul_revisited {
	UL_REVISITED_THERE,	/**< allocated, in the cache or of the kind that was traced */
	UL_REVISITED_FREED,	/**< its slot is free, or its pages are */
	UL_REVISITED_REUSED,	/**< the address belongs to another cache or kind of memory now */
	UL_REVISITED_UNKNOWN,	/**< in a slab of which it is not known what is allocated */
	UL_REVISITED_NO_OBJECT, /**< memory in use that is no object by itself: page tables ... */
	UL_REVISITED_STATES,
};

struct ul_revisit {
	uint64_t sites;	    /**< looked at; 0: no recording was asked about */
	uint64_t survivors; /**< that the trace counted there */
	uint64_t kept;	    /**< of them, those whose address the recording has */
	uint64_t now[UL_REVISITED_STATES];
};

#endif
