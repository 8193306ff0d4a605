// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/document.h"

void ul_json_document_begin(struct ul_json *json, FILE *out, bool pretty, const char *command,
			    const struct ul_kernel *kernel)
{
	char schema[64];
	snprintf(schema, sizeof(schema), "ullage/%s/1", command);
	ul_json_init(json, out, pretty);
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "schema", schema);
	ul_json_object_begin(json, "kernel");
	ul_json_string(json, "release", kernel->release);
	ul_json_string(json, "arch", kernel->arch);
	ul_json_string(json, "version", kernel->version);
	ul_json_string(json, "node", kernel->node);
	ul_json_object_end(json);
}

struct ul_error *ul_json_document_end(struct ul_json *json, const struct ul_losses *losses)
{
	ul_json_array_begin(json, "loss");
	ul_vec_foreach (loss, &losses->items) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "what", loss->what);
		ul_json_uint(json, "count", loss->count);
		ul_json_string(json, "bias", ul_bias_name(loss->bias));
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
	ul_json_object_end(json);
	return ul_json_finish(json);
}
