// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/image.h"

#include <stdlib.h>
#include <string.h>

void ul_image_deinit(struct ul_image *image)
{
	ul_memory_destroy(image->memory);
	ul_memory_destroy(image->physical);
	ul_symtab_destroy(image->symtab);
	ul_types_destroy(image->types);
	ul_vec_deinit(&image->cpus);
	ul_vec_deinit(&image->ram);
	ul_vec_deinit(&image->own);
	free(image->vmcoreinfo);
	ul_vec_foreach (phrase, &image->trust)
		free(*phrase);
	ul_vec_deinit(&image->trust);
	ul_losses_deinit(&image->losses);
	memset(image, 0, sizeof(*image));
}

/** First character behind "KEY=" at the start of a line; NULL when there is no such line. */
static const char *find_value(const char *text, const char *key)
{
	const size_t len = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (!strncmp(line, key, len) && line[len] == '=')
			return line + len + 1;
	}
	return NULL;
}

bool ul_image_vmcoreinfo(const struct ul_image *image, const char *key, int64_t *ret)
{
	const char *value = image->vmcoreinfo ? find_value(image->vmcoreinfo, key) : NULL;
	if (!value)
		return false;
	const bool hex = !strncmp(value, "0x", 2) || !strncmp(key, "SYMBOL(", strlen("SYMBOL(")) ||
			 !strcmp(key, "KERNELOFFSET");
	char *end;
	const uint64_t number = *value == '-' ? (uint64_t)strtoll(value, &end, 10)
					      : strtoull(value, &end, hex ? 16 : 10);
	if (end == value || (*end && *end != '\n'))
		return false;
	*ret = (int64_t)number;
	return true;
}
