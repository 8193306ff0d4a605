// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/loss.h"

#include <stdarg.h>
#include <string.h>

/** Takes @p what. */
static struct ul_error *add(struct ul_losses *losses, enum ul_bias bias, uint64_t count, char *what)
{
	UL_CLEANUP_FREE char *text = what;
	if (!text)
		return &ul_enomem;
	ul_vec_foreach (loss, &losses->items) {
		if (loss->bias != bias || strcmp(loss->what, text) != 0)
			continue;
		if (__builtin_add_overflow(loss->count, count, &loss->count))
			loss->count = UINT64_MAX;
		return NULL;
	}
	struct ul_loss *loss = ul_vec_add(&losses->items);
	if (!loss)
		return &ul_enomem;
	*loss = (struct ul_loss){.what = UL_TAKE(text), .count = count, .bias = bias};
	return NULL;
}

struct ul_error *ul_losses_add(struct ul_losses *losses, enum ul_bias bias, uint64_t count,
			       const char *format, ...)
{
	char *what = NULL;
	va_list arguments;
	va_start(arguments, format);
	const int printed = vasprintf(&what, format, arguments);
	va_end(arguments);
	return add(losses, bias, count, printed < 0 ? NULL : what);
}

struct ul_error *ul_losses_add_error(struct ul_losses *losses, enum ul_bias bias,
				     struct ul_error *error, const char *what)
{
	if (!error || error->code == UL_ERR_NOMEM)
		return error;
	struct ul_error *failed = ul_losses_add(losses, bias, 0, "%s: %s", what, error->message);
	ul_error_destroy(error);
	return failed;
}

struct ul_error *ul_losses_merge(struct ul_losses *losses, const struct ul_losses *from)
{
	ul_vec_foreach (loss, &from->items)
		UL_TRY(add(losses, loss->bias, loss->count, strdup(loss->what)));
	return NULL;
}

void ul_losses_deinit(struct ul_losses *losses)
{
	ul_vec_foreach (loss, &losses->items)
		free(loss->what);
	ul_vec_deinit(&losses->items);
}

const char *ul_bias_name(enum ul_bias bias)
{
	switch (bias) {
	case UL_BIAS_NONE:
		return "none";
	case UL_BIAS_UNDER:
		return "under";
	case UL_BIAS_OVER:
		return "over";
	case UL_BIAS_UNKNOWN:
		break;
	}
	return "unknown";
}
