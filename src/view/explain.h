/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What something is, for people and for programs. */
#ifndef UL_VIEW_EXPLAIN_H
#define UL_VIEW_EXPLAIN_H

#include "model/kernel.h"
#include "model/knowledge.h"
#include "view/term.h"

/** How a setting of an entry stands on this machine. */
struct ul_explained_setting {
	const struct ul_setting_test *test;
	bool known;   /**< both values could be read */
	double value; /**< what is compared ... */
	double bound; /**< ... with this */
};

struct ul_explained {
	const struct ul_knowledge_entry *entry; /**< borrowed */
	UL_VEC(struct ul_explained_setting) settings;
};

struct ul_explanation {
	const char *name;
	UL_VEC(struct ul_explained) entries; /**< may be empty */
	bool here;			     /**< this machine has an account of that name */
	int64_t here_bytes;
	bool is_cache; /**< ... which is a slab cache */
	uint64_t objects;
	uint64_t object_bytes;
	bool reclaimable;
	char aliases[256]; /**< other names of a merged cache; "" none */
};

void ul_explanation_deinit(struct ul_explanation *explanation);

/** Document `explain`. */
UL_MUST_USE struct ul_error *ul_json_explain(FILE *out, bool pretty, const struct ul_kernel *kernel,
					     const struct ul_explanation *explanation);
UL_MUST_USE struct ul_error *ul_term_explain(const struct ul_term *term,
					     const struct ul_explanation *explanation);

#endif
