// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "analysis/describe.h"
#include "base/text.h"

enum { LOOKED_AT_MAX = 64, DIFFERENT_MAX = 16 };

static bool is_seq_file(const struct ul_types *types, ul_type_id id)
{
	struct ul_type type;
	return ul_types_get(types, id, &type) && type.kind == UL_TYPE_STRUCT &&
	       !strcmp(type.name, "seq_file");
}

bool ul_identify_one(struct ul_image *image, const struct ul_heap *heap, ul_type_id type,
		     uint64_t kaddr, struct ul_seq_owner *owner, struct ul_identified *ret)
{
	*ret = (struct ul_identified){.objects = 1};
	if (ul_identify(image, type, kaddr, ret->text))
		return true;
	if (!heap || !is_seq_file(image->types, type) ||
	    !ul_identify_seq(image, heap, kaddr, owner))
		return false;
	ul_text_copy(ret->text, sizeof(ret->text), owner->text);
	ret->release = owner->release;
	return true;
}

/** Count @p one among those that are known so far; beyond DIFFERENT_MAX they are not the most. */
static void count(struct ul_identified *known, size_t *len, const struct ul_identified *one)
{
	for (size_t i = 0; i < *len; i++)
		if (!strcmp(known[i].text, one->text)) {
			known[i].objects++;
			return;
		}
	if (*len < DIFFERENT_MAX)
		known[(*len)++] = *one;
}

bool ul_identify_most(struct ul_image *image, const struct ul_heap *heap, ul_type_id type,
		      const uint64_t *kaddrs, size_t len, struct ul_identified *ret)
{
	struct ul_identified known[DIFFERENT_MAX];
	struct ul_identified one;
	struct ul_seq_owner owner = {0};
	size_t known_len = 0;
	const size_t looked_at = len < LOOKED_AT_MAX ? len : LOOKED_AT_MAX;
	*ret = (struct ul_identified){0};
	if (!image->types || !type)
		return false;
	for (size_t i = 0; i < looked_at; i++)
		if (ul_identify_one(image, heap, type, kaddrs[i], &owner, &one))
			count(known, &known_len, &one);
	for (size_t i = 0; i < known_len; i++)
		if (known[i].objects > ret->objects)
			*ret = known[i];
	ret->looked_at = looked_at;
	return known_len;
}
