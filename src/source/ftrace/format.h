/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the fields of an event lie in its record: the file `format` of tracefs. */
#ifndef UL_SOURCE_FTRACE_FORMAT_H
#define UL_SOURCE_FTRACE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/** Fields that are read, of whatever event. */
enum ul_ftrace_field_id {
	UL_FTRACE_COMMON_TYPE,
	UL_FTRACE_COMMON_PID,
	UL_FTRACE_CALL_SITE,
	UL_FTRACE_PTR,
	UL_FTRACE_BYTES_REQ,
	UL_FTRACE_BYTES_ALLOC,
	UL_FTRACE_GFP_FLAGS,
	UL_FTRACE_NAME,
	UL_FTRACE_PAGE,
	UL_FTRACE_PFN,
	UL_FTRACE_ORDER,
	UL_FTRACE_MIGRATETYPE,
	UL_FTRACE_SIZE,
	UL_FTRACE_CALLER,
	UL_FTRACE_PID,
	UL_FTRACE_COMM,
	UL_FTRACE_NEWCOMM,
	UL_FTRACE_CLONE_FLAGS,
	UL_FTRACE_IP,	     /**< of the function tracer's entries */
	UL_FTRACE_PARENT_IP, /**< of the function tracer's entries */
	UL_FTRACE_COMMIT,    /**< of header_page */
	UL_FTRACE_DATA,	     /**< of header_page */
	UL_FTRACE_FIELDS
};

struct ul_ftrace_field {
	bool exists;
	bool data_loc; /**< the record has offset (low 16 bits) and length of the bytes there */
	bool string;   /**< an array of char */
	uint16_t offset, size;
};

struct ul_ftrace_format {
	uint32_t id;
	struct ul_ftrace_field fields[UL_FTRACE_FIELDS];
	/** Bits of GFP flags as this kernel prints them; 0: it does not say. */
	uint64_t gfp_account, gfp_reclaimable, gfp_dma;
};

/** Parse the text of a `format` or `header_page` file; false when it is neither. */
bool ul_ftrace_format_parse(struct ul_span text, struct ul_ftrace_format *ret);

/** A number of 1, 2, 4 or 8 bytes; 0 when the field or that part of the record is not there. */
uint64_t ul_ftrace_number(const struct ul_ftrace_field *field, const uint8_t *record, size_t len);
/** The string, without its end; empty when it is not there. */
struct ul_span ul_ftrace_string(const struct ul_ftrace_field *field, const uint8_t *record,
				size_t len);

#endif
