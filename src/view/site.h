/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocation sites and contents of objects: parts that `trace`, `find` and `inspect` share. */
#ifndef UL_VIEW_SITE_H
#define UL_VIEW_SITE_H

#include "model/pattern.h"
#include "model/refcount.h"
#include "model/release.h"
#include "model/site.h"
#include "view/json_writer.h"
#include "view/term.h"

/** The site as an object, under @p key (NULL in an array). */
void ul_json_site(struct ul_json *json, const char *key, const struct ul_site *site);
/** A stack as an array of frames. */
void ul_json_stack(struct ul_json *json, const char *key, const struct ul_stack *stack);
/** The array `patterns`. */
void ul_json_patterns(struct ul_json *json, const struct ul_patterns *patterns);

/** A release that forgets, as an object under @p key; null where none is told. */
void ul_json_release(struct ul_json *json, const char *key, const struct ul_release *release);

/** `identity`, and `identified` with how many stand for it; both null where none is told. */
void ul_json_identity(struct ul_json *json, const char *identity, uint64_t objects,
		      uint64_t looked_at);
/** "most of them (12 of the 16 looked at): /proc/leakstat"; without "most" for less than half. */
void ul_term_identity(struct ul_buf *buf, const char *identity, uint64_t objects,
		      uint64_t looked_at);
/** References that are left, as an object under @p key; null where none are counted. */
void ul_json_refcount(struct ul_json *json, const char *key, const struct ul_refcount *refcount);
/**
 * "16 of 16 still count 1 reference (struct cred usage): ..."; nothing where none are counted.
 *
 * @param lost  Nothing leads to them any more: then whoever took the references cannot put them.
 */
void ul_term_refcount(struct ul_buf *buf, const struct ul_refcount *refcount, bool lost);

/** Stack, indented by @p indent; at most @p max_frames, 0: all. */
void ul_term_stack(const struct ul_term *term, unsigned int indent, const struct ul_stack *stack,
		   size_t max_frames);
/** "cat (1,203), sshd[412] (3)": the processes of a site, at most @p max; caller deinits buf. */
void ul_term_processes(struct ul_buf *buf, const struct ul_site *site, size_t max);
/** "seq_release <- proc_reg_release <- __fput": a free path from @p function on; @p max frames. */
void ul_term_callers(struct ul_buf *buf, const struct ul_stack *stack, const char *function,
		     size_t max);
/** What the objects hold: text, telling words, a hexdump of the commonest pattern. */
void ul_term_patterns(const struct ul_term *term, unsigned int indent,
		      const struct ul_patterns *patterns, size_t max_patterns);

#endif
