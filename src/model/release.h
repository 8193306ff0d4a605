/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The function that ends the life of an object and forgets to free it. Found by
 * analysis/identify_seq.
 */
#ifndef UL_MODEL_RELEASE_H
#define UL_MODEL_RELEASE_H

enum { UL_RELEASE_BYTES = 128 };

/** Plain text, owns nothing; all "" where none is told. */
struct ul_release {
	char file[UL_RELEASE_BYTES];	 /**< "/proc/leakstat" */
	char function[UL_RELEASE_BYTES]; /**< that file's release; "" it has none */
	char module[UL_RELEASE_BYTES];	 /**< of the function; "": the kernel */
	char never[UL_RELEASE_BYTES];	 /**< what it was not seen to call: "seq_release" */
};

#endif
