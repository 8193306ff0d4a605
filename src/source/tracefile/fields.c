// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of an event's fields, as key=value words; which keys there are: model/kmem_event.c. */
#include "source/tracefile/fields.h"

#include <string.h>

unsigned int ul_kmalloc_family(struct ul_span flags)
{
	unsigned int family = 0;
	while (flags.len) {
		struct ul_span flag;
		if (!ul_span_cut(&flags, '|', &flag)) {
			flag = flags;
			flags.len = 0;
		}
		while (flag.len && flag.data[0] == '_') {
			flag.data++;
			flag.len--;
		}
		if (ul_span_equal(flag, "GFP_ACCOUNT") || ul_span_equal(flag, "GFP_KERNEL_ACCOUNT"))
			family |= UL_KMALLOC_ACCOUNT;
		else if (ul_span_equal(flag, "GFP_RECLAIMABLE"))
			family |= UL_KMALLOC_RECLAIMABLE;
		else if (ul_span_equal(flag, "GFP_DMA"))
			family |= UL_KMALLOC_DMA;
	}
	return family;
}

static bool number(struct ul_span text, uint64_t *ret)
{
	const bool hex = text.len > 2 && text.data[0] == '0' && text.data[1] == 'x';
	return hex ? ul_span_hex(text, ret) : ul_span_u64(text, ret);
}

/** "(null)", "(nil)" and 0 are 0; a hash has 16 digits of which 8 are zeros. */
static void pointer_field(struct ul_span text, struct ul_kmem_fields *ret)
{
	enum { DIGITS = 16, ZEROS = 8 };
	ret->has_pointer = true;
	if (text.len > 1 && text.data[0] == '(' && text.data[1] == 'n')
		return;
	if (!ul_span_hex(text, &ret->pointer)) {
		// Of a padded "(null)" the blanks were the value.
		ret->unprinted = text.len != 0;
		return;
	}
	ret->hashed = text.len == DIGITS && ret->pointer && !(ret->pointer >> 32) &&
		      !memcmp(text.data, "00000000", ZEROS);
}

/*
 * True when the key, whose length is that of the text, is it; of a constant length, to be inlined.
 */
#define IS_KEY(key, text) (!memcmp((key).data, text, sizeof(text) - 1))

/** By length first: this is asked several times for every event. */
static void take_field(struct ul_span key, struct ul_span value, struct ul_kmem_fields *ret)
{
	switch (key.len) {
	case 3:
		if (IS_KEY(key, "ptr"))
			pointer_field(value, ret);
		else if (IS_KEY(key, "pfn"))
			ret->has_pfn = number(value, &ret->pfn);
		break;
	case 4:
		if (IS_KEY(key, "name"))
			ret->name = value;
		else if (IS_KEY(key, "page"))
			ret->has_page = ul_span_hex(value, &ret->page);
		else if (IS_KEY(key, "size") && !ret->bytes_alloc)
			number(value, &ret->bytes_alloc);
		break;
	case 5:
		if (IS_KEY(key, "order"))
			number(value, &ret->order);
		break;
	case 9:
		if (IS_KEY(key, "call_site"))
			ret->call_site = value;
		else if (IS_KEY(key, "bytes_req"))
			number(value, &ret->bytes_req);
		else if (IS_KEY(key, "gfp_flags"))
			ret->gfp_flags = value;
		break;
	case 11:
		if (IS_KEY(key, "bytes_alloc"))
			number(value, &ret->bytes_alloc);
		else if (IS_KEY(key, "migratetype"))
			number(value, &ret->migratetype);
		break;
	default:
		break;
	}
}

/** Where the word that holds @p at begins; not before @p begin. */
static const char *word_start(const char *begin, const char *at)
{
	while (at > begin && at[-1] != ' ')
		at--;
	return at;
}

/** From '=' to '=' and from there to the blank, which memchr() finds faster than any loop here. */
void ul_kmem_fields_parse(struct ul_span body, struct ul_kmem_fields *ret)
{
	*ret = (struct ul_kmem_fields){0};
	const char *at = body.data;
	const char *const end = body.data + body.len;
	// The flags are the last that is asked for, but for pages in raw texts (trace-cmd report
	// -R, ftrace's option `fields`): the type of their block follows.
	while (at < end && (!ret->gfp_flags.len || ret->has_pfn || ret->has_page)) {
		const char *equals = memchr(at, '=', (size_t)(end - at));
		if (!equals)
			break;
		const char *key = word_start(at, equals);
		const char *value = equals + 1;
		const char *blank = value < end ? memchr(value, ' ', (size_t)(end - value)) : NULL;
		const bool site = equals - key == 9 && *key == 'c';
		at = blank ? blank : end;
		// The module of a call site: "func+0x1/0x2 [module]".
		if (site && end - at > 2 && at[1] == '[') {
			blank = memchr(at + 1, ' ', (size_t)(end - at) - 1);
			at = blank ? blank : end;
		}
		take_field((struct ul_span){key, (size_t)(equals - key)},
			   (struct ul_span){value, (size_t)(at - value)}, ret);
	}
}
