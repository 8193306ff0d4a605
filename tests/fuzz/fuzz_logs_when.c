// SPDX-License-Identifier: GPL-2.0-or-later
/* Any line may be taken for a moment; one that is read lies in the years that nanoseconds reach. */
#include <stdint.h>

#include "base/units.h"
#include "source/logs/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ul_when when;
	if (!ul_when_parse((struct ul_span){(const char *)data, size}, &when))
		return 0;
	if (when.time_ns < -86400 * UL_NS_PER_S || (!when.has_date && !when.has_clock))
		__builtin_trap();
	if (!when.has_date && when.time_ns > 86401 * UL_NS_PER_S)
		__builtin_trap();
	return 0;
}
