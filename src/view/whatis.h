/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and who refers to them, for people and for programs. */
#ifndef UL_VIEW_WHATIS_H
#define UL_VIEW_WHATIS_H

#include "model/kernel.h"
#include "model/loss.h"
#include "model/whatis.h"
#include "view/json_writer.h"
#include "view/term.h"

/** One line: "slab kmalloc-64, object 0x... +0x10 (allocated); page 1234, slab". */
void ul_term_whatis_line(struct ul_buf *line, const struct ul_whatis *whatis);
/** An object with what is known. */
void ul_json_whatis(struct ul_json *json, const char *key, const struct ul_whatis *whatis);

UL_MUST_USE struct ul_error *ul_json_whatis_document(FILE *out, bool pretty,
						     const struct ul_kernel *kernel,
						     const struct ul_whatis *items, size_t count,
						     const struct ul_losses *losses);
void ul_term_whatis(const struct ul_term *term, const struct ul_whatis *items, size_t count,
		    const struct ul_losses *losses);
UL_MUST_USE struct ul_error *ul_json_refs(FILE *out, bool pretty, const struct ul_kernel *kernel,
					  const struct ul_referred *items, size_t count,
					  uint64_t left_out, const struct ul_losses *losses);
void ul_term_refs(const struct ul_term *term, const struct ul_referred *items, size_t count,
		  uint64_t left_out, const struct ul_losses *losses);

#endif
