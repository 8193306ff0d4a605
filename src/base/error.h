/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors are values with context. A function that can fail returns struct ul_error *, NULL meaning
 * success; each level may put its own words in front, once. Nothing below cmd/ prints.
 */
#ifndef UL_BASE_ERROR_H
#define UL_BASE_ERROR_H

#include "base/cleanup.h"

/** What kind of failure; main.c derives the exit code from it. */
enum ul_error_code {
	UL_ERR_OS = 1,	    /**< a system call failed; errno_value says how */
	UL_ERR_NOMEM,	    /**< out of memory (the static ul_enomem) */
	UL_ERR_BAD_DATA,    /**< input that is damaged or not what it claims to be */
	UL_ERR_LIMIT,	    /**< input asks for more than a named limit */
	UL_ERR_USAGE,	    /**< the command line is wrong */
	UL_ERR_PERMISSION,  /**< the user may not do this */
	UL_ERR_UNSUPPORTED, /**< this kernel or this build cannot do this */
	UL_ERR_INTERRUPTED, /**< stopped by a signal before there was anything to report */
};

struct ul_error {
	enum ul_error_code code;
	int errno_value; /**< 0 unless a system call failed */
	char *message;	 /**< "attempt on what: why", without final full stop */
	char *hint;	 /**< what the user can do about it, or NULL */
};

/** The one out-of-memory error; needs no memory and no destruction. */
extern struct ul_error ul_enomem;

/** New error with a formatted message. Never NULL: falls back to &ul_enomem. */
UL_MUST_USE struct ul_error *ul_error_new(enum ul_error_code code, const char *format, ...)
	UL_PRINTF(2, 3);

/**
 * New error for a failed system call: the message gets ": strerror(errno_value)" appended.
 * EPERM and EACCES give UL_ERR_PERMISSION, ENOMEM gives &ul_enomem, the rest UL_ERR_OS.
 */
UL_MUST_USE struct ul_error *ul_error_os(int errno_value, const char *format, ...) UL_PRINTF(2, 3);

/** Put "words: " before the message. Takes @p error and returns it (or &ul_enomem unchanged). */
UL_MUST_USE struct ul_error *ul_error_prepend(struct ul_error *error, const char *format, ...)
	UL_PRINTF(2, 3);

/** Set what the user can do about it; replaces an earlier hint. Takes and returns @p error. */
UL_MUST_USE struct ul_error *ul_error_hint(struct ul_error *error, const char *format, ...)
	UL_PRINTF(2, 3);

/** Release; NULL and &ul_enomem are fine. */
void ul_error_destroy(struct ul_error *error);

UL_DEFINE_CLEANUP(ul_cleanup_error, struct ul_error, ul_error_destroy);
#define UL_CLEANUP_ERROR UL_CLEANUP(ul_cleanup_error)

/** Return the error of @p call from the enclosing function, if there is one. */
#define UL_TRY(call)                                                                               \
	do {                                                                                       \
		struct ul_error *ul_try_ = (call);                                                 \
		if (ul_try_)                                                                       \
			return ul_try_;                                                            \
	} while (0)

#endif
