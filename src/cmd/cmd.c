// SPDX-License-Identifier: GPL-2.0-or-later
/* What commands share: the exit code of an error, the check for root, waiting. */
#include "cmd/cmd.h"

#include <time.h>
#include <unistd.h>

#include "base/units.h"

int ul_exit_code(const struct ul_error *error)
{
	if (!error)
		return UL_EXIT_DONE;
	switch (error->code) {
	case UL_ERR_USAGE:
		return UL_EXIT_USAGE;
	case UL_ERR_PERMISSION:
		return UL_EXIT_NOT_PERMITTED;
	case UL_ERR_UNSUPPORTED:
		return UL_EXIT_NOT_SUPPORTED;
	case UL_ERR_OS:
	case UL_ERR_NOMEM:
	case UL_ERR_BAD_DATA:
	case UL_ERR_LIMIT:
	case UL_ERR_INTERRUPTED:
		break;
	}
	return UL_EXIT_FAILED;
}

struct ul_error *ul_cmd_require_root(const struct ul_cmd_context *context)
{
	if (geteuid() == 0)
		return NULL;
	const char *name = context->cmd->name;
	return ul_error_new(UL_ERR_PERMISSION, "ullage %s needs root: run it with sudo", name);
}

bool ul_cmd_stopped(const struct ul_cmd_context *context)
{
	return *context->stop != 0;
}

static int64_t clock_now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * UL_NS_PER_S + now.tv_nsec;
}

int64_t ul_cmd_now_ns(void)
{
	return clock_now_ns(CLOCK_BOOTTIME);
}

int64_t ul_cmd_monotonic_ns(void)
{
	return clock_now_ns(CLOCK_MONOTONIC);
}

bool ul_cmd_sleep_until(const struct ul_cmd_context *context, int64_t deadline_ns)
{
	// A signal that comes between the test and the sleep would cost a whole nap: naps are
	// short.
	const int64_t nap_max_ns = UL_NS_PER_S / 5;
	while (!ul_cmd_stopped(context)) {
		int64_t left_ns = deadline_ns - ul_cmd_now_ns();
		if (left_ns <= 0)
			return true;
		if (left_ns > nap_max_ns)
			left_ns = nap_max_ns;
		const struct timespec nap = {.tv_nsec = left_ns};
		clock_nanosleep(CLOCK_BOOTTIME, 0, &nap, NULL);
	}
	return false;
}
