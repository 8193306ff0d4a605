/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generated skeleton of trace.bpf.c, which is not held to our warnings. */
#ifndef UL_SOURCE_TRACE_TRACE_SKELETON_H
#define UL_SOURCE_TRACE_TRACE_SKELETON_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include "trace.skel.h"
#pragma GCC diagnostic pop

#endif
