// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pieces of text into lines, lines into records (the format's part), records into sites (group.c).
 * A line is kept whole up to a limit; what is longer is cut there and counted, since no kernel
 * prints such a line. Memory is bounded by the limits of exact.h, whatever comes in.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "source/exact/exact_internal.h"

static const struct ul_exact_format *format_of(enum ul_exact_source source)
{
	switch (source) {
	case UL_EXACT_ALLOCINFO:
		return &ul_exact_allocinfo;
	case UL_EXACT_PAGE_OWNER:
		return &ul_exact_page_owner;
	case UL_EXACT_PAGE_STACKS:
		return &ul_exact_page_stacks;
	case UL_EXACT_SLUB:
		return &ul_exact_slub;
	case UL_EXACT_KMEMLEAK:
		break;
	}
	return &ul_exact_kmemleak;
}

struct ul_exact_parser *ul_exact_parser_create(const struct ul_exact_context *context)
{
	struct ul_exact_parser *parser = calloc(1, sizeof(*parser));
	if (!parser)
		return NULL;
	parser->context = *context;
	parser->context.cache = NULL;
	parser->format = format_of(context->source);
	if (!parser->context.page_bytes)
		parser->context.page_bytes = 4096;
	if (!ul_text_set(&parser->cache, context->cache)) {
		free(parser);
		return NULL;
	}
	return parser;
}

void ul_exact_parser_destroy(struct ul_exact_parser *parser)
{
	if (!parser)
		return;
	ul_exact_groups_deinit(&parser->groups);
	ul_buf_deinit(&parser->record.key);
	ul_buf_deinit(&parser->line);
	free(parser->cache);
	free(parser);
}

struct ul_error *ul_exact_end(struct ul_exact_parser *parser)
{
	if (!parser->record.open)
		return NULL;
	parser->record.open = false;
	return parser->format->end(parser);
}

struct ul_error *ul_exact_begin(struct ul_exact_parser *parser)
{
	UL_TRY(ul_exact_end(parser));
	struct ul_buf key = parser->record.key; // its memory serves all records
	ul_buf_clear(&key);
	parser->record = (struct ul_exact_record){.open = true, .key = key, .age_s = NAN};
	return NULL;
}

void ul_exact_add_frame(struct ul_exact_parser *parser, struct ul_span line)
{
	const struct ul_span frame = ul_span_trim(line);
	if (parser->record.key.len + frame.len > UL_EXACT_MAX_STACK_BYTES) {
		parser->cut_lines++;
		return;
	}
	ul_buf_add(&parser->record.key, frame.data, frame.len);
	ul_buf_putc(&parser->record.key, '\n');
}

struct ul_error *ul_exact_group_record(struct ul_exact_parser *parser)
{
	const struct ul_exact_record *record = &parser->record;
	if (record->objects && record->key.len == record->stack_at)
		parser->no_stack += record->objects;
	return ul_exact_groups_add(&parser->groups, parser->cache, record);
}

static struct ul_error *take_line(struct ul_exact_parser *parser, struct ul_span line)
{
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	return parser->format->line(parser, line);
}

/** The end of a line that came in pieces, or a part of it. */
static struct ul_error *add_piece(struct ul_exact_parser *parser, const char *data, size_t len,
				  bool ends)
{
	const size_t room = UL_EXACT_MAX_LINE - parser->line.len;
	if (len > room && !parser->overlong) {
		parser->overlong = true;
		parser->cut_lines++;
	}
	ul_buf_add(&parser->line, data, len < room ? len : room);
	if (parser->line.failed)
		return &ul_enomem;
	if (!ends)
		return NULL;
	struct ul_error *error =
		take_line(parser, (struct ul_span){ul_buf_str(&parser->line), parser->line.len});
	ul_buf_clear(&parser->line);
	parser->overlong = false;
	return error;
}

struct ul_error *ul_exact_parser_feed(struct ul_exact_parser *parser, const char *data, size_t len)
{
	parser->text_bytes += len;
	while (len) {
		const char *newline = memchr(data, '\n', len);
		const size_t piece = newline ? (size_t)(newline - data) : len;
		if (newline && !parser->line.len && piece <= UL_EXACT_MAX_LINE)
			UL_TRY(take_line(parser, (struct ul_span){data, piece}));
		else
			UL_TRY(add_piece(parser, data, piece, newline != NULL));
		const size_t step = piece + (newline ? 1 : 0);
		data += step;
		len -= step;
	}
	return NULL;
}

static struct ul_error *add_losses(const struct ul_exact_parser *parser, struct ul_losses *losses)
{
	const char *name = ul_exact_name(parser->context.source);
	const struct ul_exact_groups *groups = &parser->groups;
	if (groups->lost_objects)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNDER, groups->lost_objects,
				     "%s: objects of more than %d different stacks, not kept", name,
				     UL_EXACT_MAX_SITES));
	if (parser->bad_lines)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNDER, parser->bad_lines,
				     "%s: lines that are not understood", name));
	if (parser->cut_lines)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNKNOWN, parser->cut_lines,
				     "%s: lines longer than any kernel prints, cut", name));
	if (parser->no_stack)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNKNOWN, parser->no_stack,
				     "%s: objects of which no stack was kept", name));
	return parser->format->losses ? parser->format->losses(parser, losses) : NULL;
}

struct ul_error *ul_exact_parser_finish(struct ul_exact_parser *parser, struct ul_trace *trace)
{
	if (parser->line.len)
		UL_TRY(add_piece(parser, "", 0, true));
	UL_TRY(ul_exact_end(parser));
	ul_vec_foreach (site, &parser->groups.sites) {
		if (!ul_vec_push(&trace->sites, *site))
			return &ul_enomem;
		trace->events += site->live;
		*site = (struct ul_site){0}; // the trace owns it now
	}
	parser->groups.sites.len = 0;
	return add_losses(parser, &trace->losses);
}

double ul_exact_jiffies_age(const struct ul_exact_clock *clock, uint64_t jiffies)
{
	if (!(clock->jiffies_per_s > 0) || !clock->jiffies || clock->jiffies < jiffies)
		return NAN;
	return (double)(clock->jiffies - jiffies) / clock->jiffies_per_s;
}

bool ul_exact_decimal(struct ul_span text, double *ret)
{
	struct ul_span whole;
	uint64_t before;
	uint64_t after;
	if (!ul_span_cut(&text, '.', &whole)) {
		if (!ul_span_u64(text, &before))
			return false;
		*ret = (double)before;
		return true;
	}
	if (!ul_span_u64(whole, &before) || !ul_span_u64(text, &after) || text.len > 9)
		return false;
	*ret = (double)before + (double)after * pow(10, -(double)text.len);
	return true;
}

bool ul_exact_number_after(struct ul_span text, const char *name, uint64_t *ret)
{
	size_t at;
	if (!ul_span_find(text, name, &at))
		return false;
	text.data += at + strlen(name);
	text.len -= at + strlen(name);
	size_t len = 0;
	while (len < text.len && !memchr(" ,)(\t", text.data[len], 5))
		len++;
	return ul_span_u64((struct ul_span){text.data, len}, ret);
}
