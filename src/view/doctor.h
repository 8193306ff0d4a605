/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine lets us measure. */
#ifndef UL_VIEW_DOCTOR_H
#define UL_VIEW_DOCTOR_H

#include "model/check.h"
#include "model/kernel.h"
#include "view/term.h"

/** Document `doctor`. */
UL_MUST_USE struct ul_error *ul_json_doctor(FILE *out, bool pretty, const struct ul_kernel *kernel,
					    const struct ul_checks *checks);
UL_MUST_USE struct ul_error *ul_term_doctor(const struct ul_term *term,
					    const struct ul_kernel *kernel,
					    const struct ul_checks *checks);

#endif
