// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A format file, Linux kernel/trace/trace_events.c f_show():
 *
 *	name: kmem_cache_alloc
 *	ID: 659
 *	format:
 *		field:unsigned short common_type;	offset:0;	size:2;	signed:0;
 *		...
 *		field:__data_loc char[] name;	offset:24;	size:4;	signed:0;
 *
 *	print fmt: "call_site=%pS ...", ...
 *		{( unsigned long)((( gfp_t)((((1UL))) << (22)))), "__GFP_ACCOUNT"}
 *
 * Fields are told by their names. The bits of GFP flags moved between kernels; they are taken from
 * the table that the kernel itself prints them by, where that holds numbers: older ones have the
 * bit (0x400000u), newer ones a shift, and some an enumerator that says nothing.
 */
#include "source/ftrace/format.h"

#include <string.h>

static const char *const names[UL_FTRACE_FIELDS] = {
	[UL_FTRACE_COMMON_TYPE] = "common_type",
	[UL_FTRACE_COMMON_PID] = "common_pid",
	[UL_FTRACE_CALL_SITE] = "call_site",
	[UL_FTRACE_PTR] = "ptr",
	[UL_FTRACE_BYTES_REQ] = "bytes_req",
	[UL_FTRACE_BYTES_ALLOC] = "bytes_alloc",
	[UL_FTRACE_GFP_FLAGS] = "gfp_flags",
	[UL_FTRACE_NAME] = "name",
	[UL_FTRACE_PAGE] = "page",
	[UL_FTRACE_PFN] = "pfn",
	[UL_FTRACE_ORDER] = "order",
	[UL_FTRACE_MIGRATETYPE] = "migratetype",
	[UL_FTRACE_SIZE] = "size",
	[UL_FTRACE_CALLER] = "caller",
	[UL_FTRACE_PID] = "pid",
	[UL_FTRACE_COMM] = "comm",
	[UL_FTRACE_NEWCOMM] = "newcomm",
	[UL_FTRACE_CLONE_FLAGS] = "clone_flags",
	[UL_FTRACE_IP] = "ip",
	[UL_FTRACE_PARENT_IP] = "parent_ip",
	[UL_FTRACE_COMMIT] = "commit",
	[UL_FTRACE_DATA] = "data",
};

/** Number behind @p key, up to the semicolon. */
static bool number_after(struct ul_span line, const char *key, uint16_t *ret)
{
	size_t at;
	uint64_t value;
	if (!ul_span_find(line, key, &at))
		return false;
	struct ul_span rest = {line.data + at + strlen(key), line.len - at - strlen(key)};
	struct ul_span digits;
	if (!ul_span_cut(&rest, ';', &digits) || !ul_span_u64(digits, &value) || value > UINT16_MAX)
		return false;
	*ret = (uint16_t)value;
	return true;
}

/** "field:TYPE NAME[N];": the name without brackets. */
static struct ul_span name_of(struct ul_span declaration)
{
	struct ul_span name = ul_span_trim(declaration);
	const char *bracket = name.len ? memrchr(name.data, '[', name.len) : NULL;
	const char *blank = name.len ? memrchr(name.data, ' ', name.len) : NULL;
	if (bracket && (!blank || bracket > blank))
		name.len = (size_t)(bracket - name.data);
	if (blank) {
		const size_t skip = (size_t)(blank + 1 - name.data);
		name.data += skip;
		name.len -= skip < name.len ? skip : name.len;
	}
	return name;
}

static bool parse_field(struct ul_span line, struct ul_ftrace_format *format)
{
	static const char key[] = "field:";
	struct ul_span rest = ul_span_trim(line);
	struct ul_span declaration;
	struct ul_ftrace_field field = {.exists = true};
	if (!ul_span_starts(rest, key))
		return false;
	rest.data += sizeof(key) - 1;
	rest.len -= sizeof(key) - 1;
	if (!ul_span_cut(&rest, ';', &declaration) ||
	    !number_after(rest, "offset:", &field.offset) ||
	    !number_after(rest, "size:", &field.size))
		return false;
	field.data_loc = ul_span_find(declaration, "__data_loc", NULL);
	field.string =
		ul_span_find(declaration, "char", NULL) && ul_span_find(declaration, "[", NULL);
	const struct ul_span name = name_of(declaration);
	for (size_t i = 0; i < UL_FTRACE_FIELDS; i++)
		if (ul_span_equal(name, names[i]))
			format->fields[i] = field;
	return true;
}

/** "... << (22))" or "... 0x400000u)": the one bit that @p text stands for; 0: neither. */
static uint64_t bit_of(struct ul_span text)
{
	size_t at = 0;
	const bool shift = ul_span_find(text, "<<", &at);
	if (!shift && !ul_span_find(text, "0x", &at))
		return 0;
	uint64_t value = 0;
	bool any = false;
	for (at += 2; at < text.len; at++) {
		const char c = text.data[at];
		const bool decimal = c >= '0' && c <= '9';
		const bool hex = !shift && c >= 'a' && c <= 'f';
		if (!decimal && !hex) {
			if (any || (c != ' ' && c != '('))
				break;
			continue;
		}
		any = true;
		value = value * (shift ? 10 : 16) + (uint64_t)(hex ? c - 'a' + 10 : c - '0');
		if (value > UINT32_MAX)
			return 0;
	}
	if (shift)
		return any && value < 64 ? UINT64_C(1) << value : 0;
	return value;
}

/** The value that stands before @p name in the table "{value, "name"}, ...". */
static uint64_t flag_of(struct ul_span text, const char *name)
{
	size_t at;
	if (!ul_span_find(text, name, &at))
		return 0;
	const char *brace = at ? memrchr(text.data, '{', at) : NULL;
	return brace ? bit_of((struct ul_span){brace, (size_t)(text.data + at - brace)}) : 0;
}

bool ul_ftrace_format_parse(struct ul_span text, struct ul_ftrace_format *ret)
{
	static const char id[] = "ID: ";
	size_t fields = 0;
	*ret = (struct ul_ftrace_format){0};
	struct ul_span rest = text;
	ul_span_foreach_line (line, rest) {
		uint64_t value;
		if (ul_span_starts(line, id) &&
		    ul_span_u64(
			    (struct ul_span){line.data + sizeof(id) - 1, line.len - sizeof(id) + 1},
			    &value) &&
		    value <= UINT16_MAX)
			ret->id = (uint32_t)value;
		fields += parse_field(line, ret);
	}
	ret->gfp_account = flag_of(text, ", \"__GFP_ACCOUNT\"");
	ret->gfp_reclaimable = flag_of(text, ", \"__GFP_RECLAIMABLE\"");
	ret->gfp_dma = flag_of(text, ", \"__GFP_DMA\"");
	if (!ret->gfp_dma)
		ret->gfp_dma = flag_of(text, ", \"GFP_DMA\"");
	return fields > 0;
}

uint64_t ul_ftrace_number(const struct ul_ftrace_field *field, const uint8_t *record, size_t len)
{
	if (!field->exists || (size_t)field->offset + field->size > len)
		return 0;
	const uint8_t *at = record + field->offset;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	switch (field->size) {
	case sizeof(uint8_t):
		return *at;
	case sizeof(u16):
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case sizeof(u32):
		memcpy(&u32, at, sizeof(u32));
		return u32;
	case sizeof(u64):
		memcpy(&u64, at, sizeof(u64));
		return u64;
	default:
		return 0;
	}
}

struct ul_span ul_ftrace_string(const struct ul_ftrace_field *field, const uint8_t *record,
				size_t len)
{
	size_t offset = field->offset;
	size_t size = field->size;
	if (!field->exists || !(field->string || field->data_loc))
		return (struct ul_span){0};
	if (field->data_loc) {
		const uint64_t place = ul_ftrace_number(field, record, len);
		offset = place & UINT16_MAX;
		size = place >> 16 & UINT16_MAX;
	}
	if (offset > len || size > len - offset)
		return (struct ul_span){0};
	const char *string = (const char *)record + offset;
	return (struct ul_span){string, strnlen(string, size)};
}
