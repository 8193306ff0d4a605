/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How old objects were when they were freed, and how old those are that live: what a survival curve
 * is made of. Counted in classes of age, each twice as wide as the one before, so that they can be
 * kept in the kernel and added up.
 */
#ifndef UL_MODEL_AGES_H
#define UL_MODEL_AGES_H

#include <stdint.h>

enum {
	UL_AGE_CLASSES = 24,
	UL_AGE_SHIFT = 20, /**< class 0: below 2^20 ns (1.05 ms); class i: below 2^(20+i) ns */
};

struct ul_ages {
	uint64_t freed[UL_AGE_CLASSES]; /**< freed at this age; unseen: when that was proven */
	uint64_t live[UL_AGE_CLASSES]; /**< still live at this age: what comes later is not known */
};

/** The class of an age; the last one holds all beyond. */
static inline unsigned int ul_age_class(int64_t age_ns)
{
	const uint64_t units = age_ns > 0 ? (uint64_t)age_ns >> UL_AGE_SHIFT : 0;
	const unsigned int bits = units ? 64u - (unsigned int)__builtin_clzll(units) : 0;
	return bits < UL_AGE_CLASSES ? bits : UL_AGE_CLASSES - 1;
}

/** Age at which the class ends. */
static inline double ul_age_class_end_s(unsigned int class)
{
	return (double)(UINT64_C(1) << (UL_AGE_SHIFT + class)) / 1e9;
}

/** What the late part of a survival curve looks like. */
enum ul_survival_shape {
	UL_SURVIVAL_UNKNOWN,
	UL_SURVIVAL_FLAT, /**< what got old stays: a leak, or a cache that frees later than this */
	UL_SURVIVAL_FALLING, /**< what got old goes on being freed: a cache, a queue */
};

/** "flat", "falling"; NULL: not known. */
static inline const char *ul_survival_shape_name(enum ul_survival_shape shape)
{
	return shape == UL_SURVIVAL_FLAT      ? "flat"
	       : shape == UL_SURVIVAL_FALLING ? "falling"
					      : (const char *)0;
}

/** Share of objects that live on at an age. */
struct ul_survival_point {
	double age_s;
	double alive; /**< 0..1 */
};

#endif
