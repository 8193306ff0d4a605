/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open files that a process has: the program's affair, however they grow. */
#ifndef UL_ANALYSIS_VERDICT_FILES_H
#define UL_ANALYSIS_VERDICT_FILES_H

#include "analysis/verdict.h"

/**
 * Leaks of which open files are a part, as many as the program that took them has descriptors more:
 * held, and by whom. After the findings were joined, since what is held stands for nothing.
 */
UL_MUST_USE struct ul_error *ul_verdict_open_files(const struct ul_evidence *evidence,
						   struct ul_findings *findings);

#endif
