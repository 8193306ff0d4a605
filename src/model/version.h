/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Upstream version of a kernel: what its maintainers' tree was made from, whatever the distribution
 * calls it. Knowledge about commits is told in these versions; features never are.
 */
#ifndef UL_MODEL_VERSION_H
#define UL_MODEL_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/kernel.h"

struct ul_version {
	uint16_t major; /**< 0: not known */
	uint16_t minor;
	uint16_t patch; /**< of the stable series; 2.6.32 has 32 here */
	uint16_t rc;	/**< 3 for 6.12-rc3; 0: a release */
};

/** Who built it, as far as that says which patches it carries. */
enum ul_vendor {
	UL_VENDOR_UNKNOWN,  /**< carries patches of its own that no list here knows */
	UL_VENDOR_UPSTREAM, /**< a release, nothing behind the number */
	UL_VENDOR_DEBIAN,   /**< a stable release, and patches its changelog names */
};

struct ul_kernel_version {
	struct ul_version version;
	enum ul_vendor vendor;
	char package[48]; /**< "6.1.192-2": the distribution's own number; "" when none */
};

/** Longest text ul_version_format() makes, with its NUL. */
enum { UL_VERSION_TEXT = 32 };

/**
 * "6.1.192", "6.1.192-2", "v6.12-rc3", "6.12~rc6-1~exp1", "2.6.32": what stands at the start of @p
 * text. False when no version does; @p ret is then all zero.
 */
bool ul_version_parse(struct ul_span text, struct ul_version *ret);
/** "6.1.192", "6.12-rc3", "6.1". */
const char *ul_version_format(char text[UL_VERSION_TEXT], struct ul_version version);
/** <0, 0, >0. A release comes after its candidates, 6.1 is 6.1.0. */
int ul_version_compare(struct ul_version a, struct ul_version b);
/** Both of one stable series: 6.1.y; of 2.6 the third number counts, too. */
bool ul_version_same_series(struct ul_version a, struct ul_version b);

/**
 * From the kernel's own words: release ("6.1.0-56-cloud-amd64") and banner ("... Debian 6.1.192-2
 * ...", may be ""). Debian's release names hold the ABI, its banner the version. Unknown vendors
 * have the version their tree was made from, as far as the release tells.
 */
struct ul_kernel_version ul_version_of(const char *release, const char *banner);

#endif
