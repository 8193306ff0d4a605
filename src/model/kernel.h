/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which kernel the facts are about. */
#ifndef UL_MODEL_KERNEL_H
#define UL_MODEL_KERNEL_H

#include <stdint.h>

struct ul_kernel {
	char release[65]; /**< uname -r */
	char version[65]; /**< uname -v: the banner with the distribution's own number */
	char arch[65];	  /**< uname -m */
	char node[65];	  /**< host name */
	uint32_t page_bytes;
	uint32_t cpus; /**< possible CPUs: per-CPU counters drift by this many */
};

#endif
