/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which function may have lost it, by how functions are called when a command loses and when it
 * does not: spectrum-based fault localisation. Pure.
 */
#ifndef UL_ANALYSIS_SPECTRUM_H
#define UL_ANALYSIS_SPECTRUM_H

#include "base/error.h"
#include "model/calls.h"
#include "model/finding.h"

/**
 * Fill finding->accusations, for ul_suspects(), from @p calls of runs that lost as many objects as
 * finding->trigger says. &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_spectrum(const struct ul_calls *calls, struct ul_finding *finding);

#endif
