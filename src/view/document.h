/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every JSON document begins and ends with. */
#ifndef UL_VIEW_DOCUMENT_H
#define UL_VIEW_DOCUMENT_H

#include "model/kernel.h"
#include "model/loss.h"
#include "view/json_writer.h"

/** Open the document of @p command: `schema` and `kernel`. */
void ul_json_document_begin(struct ul_json *json, FILE *out, bool pretty, const char *command,
			    const struct ul_kernel *kernel);
/** `loss`, and the end. @return UL_ERR_OS: could not write. */
UL_MUST_USE struct ul_error *ul_json_document_end(struct ul_json *json,
						  const struct ul_losses *losses);

#endif
