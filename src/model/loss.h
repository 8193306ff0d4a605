/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a measurement did not see. Every result type carries its losses, every view shows them:
 * a number without its loss is half an answer.
 */
#ifndef UL_MODEL_LOSS_H
#define UL_MODEL_LOSS_H

#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

/** To which side a loss errs. Persisted: explicit, append-only; names in ul_bias_name(). */
enum ul_bias {
	UL_BIAS_NONE = 0,    /**< does not move the result */
	UL_BIAS_UNDER = 1,   /**< the true figure is larger: leaks may be missed */
	UL_BIAS_OVER = 2,    /**< the true figure is smaller: false leaks are possible */
	UL_BIAS_UNKNOWN = 3, /**< either way */
};

struct ul_loss {
	char *what;	/**< "kfree events missed while another was handled"; owned */
	uint64_t count; /**< how many, in the unit `what` names; 0 = not known */
	enum ul_bias bias;
};

struct ul_losses {
	UL_VEC(struct ul_loss) items;
};

/** Count @p count more of the same loss (same text, same bias), or add it. */
UL_MUST_USE struct ul_error *ul_losses_add(struct ul_losses *losses, enum ul_bias bias,
					   uint64_t count, const char *format, ...) UL_PRINTF(4, 5);
/**
 * Add "@p what: the message of @p error", which is taken; NULL is fine. What was not to be had is a
 * loss and no failure, except for want of memory: that is returned.
 */
UL_MUST_USE struct ul_error *ul_losses_add_error(struct ul_losses *losses, enum ul_bias bias,
						 struct ul_error *error, const char *what);
/** Add every loss of @p from. */
UL_MUST_USE struct ul_error *ul_losses_merge(struct ul_losses *losses,
					     const struct ul_losses *from);
void ul_losses_deinit(struct ul_losses *losses);
/** "none", "under", "over", "unknown". */
const char *ul_bias_name(enum ul_bias bias);

#endif
