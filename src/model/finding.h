/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings: what `find` claims, each with its numbers and the evidence it rests on. Made by
 * analysis/verdict, shown by the views.
 */
#ifndef UL_MODEL_FINDING_H
#define UL_MODEL_FINDING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/fix.h"
#include "model/growth.h"
#include "model/knowledge.h"
#include "model/ledger.h"
#include "model/loss.h"
#include "model/mapping.h"
#include "model/origin.h"
#include "model/pattern.h"
#include "model/per_run.h"
#include "model/refcount.h"
#include "model/release.h"
#include "model/site.h"

enum ul_finding_verdict {
	UL_FINDING_LEAK,    /**< grows, and what is allocated there is not freed: two witnesses */
	UL_FINDING_HELD,    /**< not freed, and known to be still in use */
	UL_FINDING_FILLING, /**< grows, and the kernel can take it back */
	UL_FINDING_INCONCLUSIVE, /**< grows; a second witness is missing or disagrees */
};

/** Something that is lost together with the finding's own objects: another cache, another site. */
struct ul_companion {
	char *account;
	char *function;
	uint64_t survivors;
	double bytes_per_s;
	struct ul_per_run lost;	     /**< with --trigger: how many each run loses; else empty */
	const struct ul_site *site;  /**< borrowed from the trace; NULL: no site was seen */
	struct ul_patterns patterns; /**< contents of its survivors; empty: not read */
	struct ul_patterns freed_patterns;
	char *identity; /**< what more of its survivors stand for than for anything else; NULL: not
			   told */
	uint64_t identity_objects, identity_looked_at; /**< that stand for it, of these */
	struct ul_refcount refcount; /**< references that are left of most; member "": not told */
	/**
	 * Account of this finding whose survivors point to these; NULL: none does, or not looked.
	 */
	char *pointed_by;
	uint64_t pointed, looked_at; /**< so many of those looked at */
};

/** Something that what is lost has in common, and what was freed has not. Persisted nowhere. */
enum ul_difference_kind {
	UL_DIFFERENCE_CALLER,  /**< a function above the allocation */
	UL_DIFFERENCE_SYMBOL,  /**< points to a symbol */
	UL_DIFFERENCE_PROCESS, /**< allocated by a program */
	UL_DIFFERENCE_TEXT,    /**< holds a text */
};

struct ul_difference {
	enum ul_difference_kind kind;
	char *what;	  /**< "leakstat_ops [leakstat]", "cat", ... */
	char *module;	  /**< it belongs to; NULL: the kernel, or not known */
	char *account;	  /**< in objects of which cache; NULL: the finding's own */
	uint32_t offset;  /**< of the word that points there */
	double lost;	  /**< share of what is lost that has it */
	double freed;	  /**< share of what was freed that has it */
	uint64_t sampled; /**< of how many freed objects that is known */
};

/** How objects of this sort are freed, and why these were not. Computed by analysis/freepath. */
struct ul_finding_free_path {
	char *usual; /**< function that frees them; NULL: nothing was freed, or it was not recorded
		      */
	char *usual_module;
	const struct ul_free_path *path; /**< the commonest stack of it; borrowed from the trace */
	uint64_t freed;			 /**< of the same sort, while recording */
	double usual_share;		 /**< of those: by `usual` */
	UL_VEC(struct ul_difference) differences; /**< the most telling first */
	char *missing; /**< what they say, a sentence; NULL: nothing tells them apart */
};

/** A process that grows: by which sort of mapping. */
struct ul_finding_process {
	pid_t pid; /**< 0: the finding is about no process */
	char comm[64];
	bool has_mapping;
	enum ul_mapping_kind mapping; /**< the one that grew most */
	int64_t mapping_bytes;	      /**< by how much, between two looks */
	char mapping_name[128]; /**< its largest mapping: path or [name]; "" when it has none */
};

/** A function that may have lost what is lost. Computed by analysis/suspects. */
struct ul_suspect {
	char *function;
	char *module; /**< NULL: the kernel, or not known */
	double score;
	double strongest; /**< the most points that one witness gave */
	char *why;	  /**< that witness, one phrase */
};

/** What the calls of a function say of it. Computed by analysis/spectrum. */
struct ul_accusation {
	char *function;
	char *module;  /**< NULL: the kernel */
	double points; /**< as those of a suspect's witnesses */
	char *why;     /**< one phrase, with the counts */
};

/** References that lost objects have and freed ones gave back. Computed by analysis/balance. */
struct ul_imbalance {
	char *type;			     /**< "struct pid" */
	char *get, *get_caller, *get_module; /**< who took it; NULL: not seen */
	char *put, *put_caller, *put_module; /**< who did not give it back; NULL: not known */
	uint64_t lost, lost_of;	  /**< so many lost objects lack the put (no put known: have the
				     get), of those that have the get (one not known: of all) */
	uint64_t freed, freed_of; /**< so many freed objects have both (one not known: have the
				     other), of those that have the get (one not known: of all) */
};

/** Does anything in memory still point to what was not freed? Of a few survivors. */
struct ul_finding_reach {
	uint64_t looked_at; /**< 0: not asked */
	uint64_t held;	    /**< of them: a root leads there; the others are lost */
	bool complete;	    /**< false: the search was given up, what was not reached may be held */
	char *chain;	    /**< from a root to one that is held; NULL: none is */
};

/** Something known of what grows: analysis/recognise. Texts are owned. */
struct ul_finding_known {
	char *name; /**< for ullage explain */
	enum ul_known_as as;
	bool certain;
	char *why;  /**< what agrees; NULL: only the account does */
	char *what; /**< what it is */
	char *test; /**< how to find out */
};

/** Of a search that ran a command (`--trigger`). */
struct ul_finding_trigger {
	uint64_t runs; /**< behind the warm-up; 0: no command was run */
	struct ul_per_run lost;
	uint64_t control_runs;	/**< 0: there was no control */
	double control_per_run; /**< what a run of the control leaves of the same */
};

struct ul_finding {
	unsigned int rank; /**< from 1 */
	enum ul_kind kind; /**< UNACCOUNTED is shown as "pages" */
	char *account;	   /**< account name */
	char *aliases;	   /**< other names of a merged cache, ", " between; NULL: none */
	enum ul_finding_verdict verdict;
	double confidence; /**< 0..1, see analysis/verdict.c for the formula */
	struct ul_growth growth;
	double group_bytes_per_s;   /**< with the growth of what is lost together with it */
	const struct ul_site *site; /**< borrowed from the trace; NULL: no site was seen */
	char *function; /**< what to name: the site's, or a vmalloc caller; may be NULL */
	char *module;
	uint64_t survivors, survivor_bytes;
	int64_t grown_objects; /**< by how much the account itself grew while tracing; -1: unknown
				*/
	int64_t grown_bytes;
	struct ul_patterns patterns;	   /**< contents of the survivors; empty: not read */
	struct ul_patterns freed_patterns; /**< of what the site freed, when it was freed */
	struct ul_finding_free_path free_path;
	struct ul_finding_process process;
	struct ul_finding_trigger trigger;
	UL_VEC(struct ul_companion) companions;
	struct ul_finding_reach reach;
	struct ul_origins origins; /**< of its survivors; empty: not looked */
	char *holder;	/**< who has it open: a program, and how much; NULL: nobody is known to */
	char *identity; /**< what more survivors stand for than for anything else: a path, an
			   address; NULL: not told */
	uint64_t identity_objects, identity_looked_at; /**< that stand for it, of these */
	struct ul_refcount refcount; /**< references that are left of most; member "": not told */
	struct ul_release release;   /**< that forgot them, or a companion; all "": not told */
	UL_VEC(struct ul_accusation) accusations; /**< by calls, of a search with --trigger */
	UL_VEC(struct ul_imbalance) imbalances;	  /**< likewise */
	UL_VEC(struct ul_suspect) suspects;	  /**< most suspicious first */
	UL_VEC(struct ul_finding_known) known;	  /**< certain ones first */
	struct ul_fix_matches fixes;		  /**< that may mend it; borrows from the index */
	bool fixes_searched;			  /**< with no match: none is known */
	UL_VEC(char *) why;			  /**< the evidence, one sentence each */
	UL_VEC(char *) next;			  /**< what to type next */
};

struct ul_findings {
	UL_VEC(struct ul_finding) items; /**< by rank */
	double window_s;
	struct ul_losses losses;
};

void ul_companion_deinit(struct ul_companion *companion);
void ul_suspect_deinit(struct ul_suspect *suspect);
void ul_accusation_deinit(struct ul_accusation *accusation);
void ul_finding_deinit(struct ul_finding *finding);
void ul_findings_deinit(struct ul_findings *findings);
#define UL_CLEANUP_FINDINGS UL_CLEANUP(ul_findings_deinit)
/** Append a sentence to `why` (or `next`): &finding->why. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_finding_why(struct ul_finding *finding, const char *format, ...)
	UL_PRINTF(2, 3);
UL_MUST_USE struct ul_error *ul_finding_next(struct ul_finding *finding, const char *format, ...)
	UL_PRINTF(2, 3);
/** Set the other names of the account's cache, out of @p ledger; NULL: none is known. */
UL_MUST_USE struct ul_error *ul_finding_set_aliases(struct ul_finding *finding,
						    const struct ul_ledger *ledger);
/** New companion, of which the rest is the caller's to fill. Texts are copied, and may be NULL. */
UL_MUST_USE struct ul_error *ul_finding_add_companion(struct ul_finding *finding,
						      const char *account, const char *function,
						      struct ul_companion **ret);
/** "leak", "held", "filling", "inconclusive". */
const char *ul_finding_verdict_name(enum ul_finding_verdict verdict);
/** "slab", "pages", "vmalloc", "percpu", "process", "shmem", ... */
const char *ul_finding_kind_name(enum ul_kind kind);

#endif
