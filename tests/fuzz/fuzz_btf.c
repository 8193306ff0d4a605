// SPDX-License-Identifier: GPL-2.0-or-later
/* BTF of a kernel, then the same bytes as that of a module; everything is looked at. */
#include "source/image/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct ul_types *types, ul_type_id id)
{
	struct ul_type type;
	struct ul_member member;
	struct ul_place place;
	char text[300];
	if (!ul_types_get(types, id, &type))
		return;
	ul_types_name(types, id, text, sizeof(text));
	(void)ul_types_find(types, type.kind, type.name);
	for (uint32_t i = 0; i < 8 && ul_types_member_at(types, id, i, &member); i++)
		(void)ul_types_place_in(types, id, member.name, &place);
	(void)ul_types_place_in(types, id, "a.b[1]", &place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span bytes = {(const char *)data, size};
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	struct ul_btf_base base;
	if (!types || size > 1 << 16)
		return 0;
	(void)ul_btf_bytes(bytes);
	struct ul_error *error = ul_btf_load(types, bytes, &base);
	if (!error)
		error = ul_btf_load_module(types, bytes, "module", &base);
	if (!error)
		error = ul_types_finish(types);
	for (ul_type_id id = 0; !error && id < ul_types_len(types) && id < 256; id++)
		look(types, id);
	ul_error_destroy(error);
	return 0;
}
