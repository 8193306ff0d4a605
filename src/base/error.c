// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdarg.h>
#include <string.h>

struct ul_error ul_enomem = {
	.code = UL_ERR_NOMEM,
	.errno_value = ENOMEM,
	.message = (char[]){"out of memory"},
};

UL_PRINTF(3, 0)
static struct ul_error *make(enum ul_error_code code, int errno_value, const char *format,
			     va_list arguments)
{
	struct ul_error *error = calloc(1, sizeof(*error));
	if (!error)
		return &ul_enomem;
	error->code = code;
	error->errno_value = errno_value;
	if (vasprintf(&error->message, format, arguments) < 0) {
		free(error);
		return &ul_enomem;
	}
	return error;
}

struct ul_error *ul_error_new(enum ul_error_code code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct ul_error *error = make(code, 0, format, arguments);
	va_end(arguments);
	return error;
}

struct ul_error *ul_error_os(int errno_value, const char *format, ...)
{
	if (errno_value == ENOMEM)
		return &ul_enomem;
	const bool denied = errno_value == EPERM || errno_value == EACCES;
	va_list arguments;
	va_start(arguments, format);
	struct ul_error *error =
		make(denied ? UL_ERR_PERMISSION : UL_ERR_OS, errno_value, format, arguments);
	va_end(arguments);
	if (error == &ul_enomem)
		return error;
	char *full = NULL;
	if (asprintf(&full, "%s: %s", error->message, strerror(errno_value)) < 0) {
		ul_error_destroy(error);
		return &ul_enomem;
	}
	free(error->message);
	error->message = full;
	return error;
}

struct ul_error *ul_error_prepend(struct ul_error *error, const char *format, ...)
{
	if (error == &ul_enomem)
		return error;
	char *words = NULL;
	va_list arguments;
	va_start(arguments, format);
	const int printed = vasprintf(&words, format, arguments);
	va_end(arguments);
	if (printed < 0)
		return error;
	char *full = NULL;
	if (asprintf(&full, "%s: %s", words, error->message) >= 0) {
		free(error->message);
		error->message = full;
	}
	free(words);
	return error;
}

struct ul_error *ul_error_hint(struct ul_error *error, const char *format, ...)
{
	if (error == &ul_enomem)
		return error;
	char *hint = NULL;
	va_list arguments;
	va_start(arguments, format);
	const int printed = vasprintf(&hint, format, arguments);
	va_end(arguments);
	if (printed < 0)
		return error;
	free(error->hint);
	error->hint = hint;
	return error;
}

void ul_error_destroy(struct ul_error *error)
{
	if (!error || error == &ul_enomem)
		return;
	free(error->message);
	free(error->hint);
	free(error);
}
