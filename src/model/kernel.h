/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which kernel the facts are about. */
#ifndef UL_MODEL_KERNEL_H
#define UL_MODEL_KERNEL_H

#include <stdint.h>

enum { UL_BOOT_ID_TEXT = 37 };

struct ul_kernel {
	char release[65]; /**< uname -r */
	char version[65]; /**< uname -v: the banner with the distribution's own number */
	char arch[65];	  /**< uname -m */
	char node[65];	  /**< host name */
	/**
	 * /proc/sys/kernel/random/boot_id, which is new with every boot; "": not known. What lies
	 * at an address is the same thing in one boot only.
	 */
	char boot_id[UL_BOOT_ID_TEXT];
	uint32_t page_bytes;
	uint32_t cpus; /**< possible CPUs: per-CPU counters drift by this many */
};

#endif
