// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Input: the text of an event's format, a zero byte, then a page of a ring. Whatever the format
 * says of fields, no record is read beyond its end, and every record makes progress.
 */
#include <string.h>

#include "source/ftrace/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ul_error *decode_all(struct ul_ftrace_decoder *decoder, const uint8_t *page_bytes,
				   size_t len)
{
	const struct ul_ftrace_page_form form = {.commit_bytes = 8, .data_offset = 16};
	struct ul_ftrace_page page;
	struct ul_ftrace_record record;
	if (!ul_ftrace_page_open(&page, page_bytes, len, &form))
		return NULL;
	while (ul_ftrace_page_next(&page, &record)) {
		struct ul_ftrace_entry entry;
		UL_TRY(ul_ftrace_decode(decoder, &record, 0, &entry));
		if (record.data < page_bytes || record.data + record.len > page_bytes + len)
			__builtin_trap();
	}
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"kmalloc",	"kmem_cache_free", "mm_page_alloc",	 "kernel_stack",
		"task_newtask", "task_rename",	   "percpu_alloc_percpu"};
	const size_t text = strnlen((const char *)data, size);
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++) {
		struct ul_ftrace_decoder decoder;
		struct ul_error *error = ul_ftrace_decoder_init(&decoder, 4096);
		if (!error && text < size &&
		    ul_ftrace_decoder_learn(&decoder, names[i],
					    (struct ul_span){(const char *)data, text}))
			error = decode_all(&decoder, data + text + 1, size - text - 1);
		ul_ftrace_decoder_deinit(&decoder);
		ul_error_destroy(error);
	}
	return 0;
}
