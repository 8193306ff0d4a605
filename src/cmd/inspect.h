/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of `inspect`. */
#ifndef UL_CMD_INSPECT_H
#define UL_CMD_INSPECT_H

#include "cmd/cmd.h"
#include "model/heap.h"
#include "model/site.h"
#include "source/record/record.h"
#include "view/inspect.h"

/** Inspect an image: the dump of --core, or the running kernel as one. @p len 0: whole objects. */
UL_MUST_USE struct ul_error *ul_inspect_image(struct ul_cmd_context *context,
					      const uint64_t *addresses, size_t len,
					      struct ul_inspection *inspection);
UL_MUST_USE struct ul_error *ul_inspect_show(struct ul_cmd_context *context,
					     const struct ul_kernel *kernel,
					     const struct ul_inspection *inspection);

/** The trace of --recording, and which of its sites --site means. */
struct ul_inspect_recording {
	const char *path;
	struct ul_kernel kernel;
	struct ul_trace trace;
	const struct ul_site **sites; /**< owned; what they point to is the trace's */
	size_t sites_len;
};

/** Read it. Errors say what to do when it has no trace, no such site or none of its addresses. */
UL_MUST_USE struct ul_error *ul_inspect_recording_open(const struct ul_options *options,
						       struct ul_inspect_recording *ret);
void ul_inspect_recording_deinit(struct ul_inspect_recording *recording);
#define UL_CLEANUP_INSPECT_RECORDING UL_CLEANUP(ul_inspect_recording_deinit)
/**
 * Refuse where @p image is another kernel or boot than the recording's: its addresses mean nothing
 * there. That it cannot be told is a loss.
 */
UL_MUST_USE struct ul_error *ul_inspect_recording_fits(const struct ul_inspect_recording *recording,
						       const struct ul_image *image,
						       struct ul_losses *losses);
/** "survivors of 2 sites with FUNCTION in FILE"; caller frees; NULL: no memory. */
char *ul_inspect_recording_what(const struct ul_inspect_recording *recording, const char *site);
/** What @p revisit leaves out, as losses. */
UL_MUST_USE struct ul_error *ul_inspect_recording_losses(const struct ul_revisit *revisit,
							 struct ul_losses *losses);

#endif
