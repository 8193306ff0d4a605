/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Samples taken by a thread of their own: reading a hundred thousand processes takes seconds, in
 * which keys must still work. One request at a time; what it brings is taken by the one who asked.
 */
#ifndef UL_CMD_TOP_SAMPLER_H
#define UL_CMD_TOP_SAMPLER_H

#include "base/error.h"
#include "model/ledger.h"
#include "model/mapping.h"
#include "source/proc/proc.h"

struct ul_sampler;

struct ul_sampler_request {
	bool ledger;
	bool processes; /**< with the ledger */
	size_t pss;	/**< PSS of that many of them */
	pid_t mappings; /**< mappings of this process; 0: none */
};

struct ul_sampler_result {
	struct ul_sampler_request request; /**< what was asked for */
	struct ul_ledger ledger;
	struct ul_mappings mappings;
	bool has_mappings; /**< false: it has exited, or may not be read */
	double cpu_s;	   /**< CPU time it took */
};

/** Borrows @p proc, which nobody else may use meanwhile. */
UL_MUST_USE struct ul_error *ul_sampler_create(struct ul_proc *proc, struct ul_sampler **ret);
/** Waits for the running request. NULL is fine. */
void ul_sampler_destroy(struct ul_sampler *sampler);
UL_DEFINE_CLEANUP(ul_cleanup_sampler, struct ul_sampler, ul_sampler_destroy);
#define UL_CLEANUP_SAMPLER UL_CLEANUP(ul_cleanup_sampler)
/** Readable when a result waits. */
int ul_sampler_fd(const struct ul_sampler *sampler);
/** True while a request runs or its result waits. */
bool ul_sampler_busy(struct ul_sampler *sampler);
/** Begin a request; not while busy. */
void ul_sampler_request(struct ul_sampler *sampler, const struct ul_sampler_request *request);
/**
 * Take the result; *@p ret_any false: there is none yet. An error of the request is returned here.
 * The caller deinitialises ret->ledger in every case.
 */
UL_MUST_USE struct ul_error *ul_sampler_take(struct ul_sampler *sampler, bool *ret_any,
					     struct ul_sampler_result *ret);

#endif
