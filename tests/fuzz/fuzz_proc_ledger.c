// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever the files say, the books balance. The input is meminfo, slabinfo, vmallocinfo, zoneinfo
 * and vmstat in this order, with a line "%%" in between; what is missing or refused is not known.
 */
#include "source/proc/ledger.h"
#include "source/proc/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ul_span next_part(struct ul_span *rest)
{
	static const char separator[] = "\n%%\n";
	struct ul_span part = *rest;
	size_t at;
	if (!ul_span_find(*rest, separator, &at)) {
		*rest = (struct ul_span){rest->data + rest->len, 0};
		return part;
	}
	part.len = at + 1;
	*rest = (struct ul_span){rest->data + at + sizeof(separator) - 1,
				 rest->len - at - (sizeof(separator) - 1)};
	return part;
}

static bool accept(struct ul_error *err)
{
	ul_error_destroy(err);
	return !err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ul_span rest = {(const char *)data, size};
	struct ul_meminfo meminfo;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo vmallocinfo = {0};
	struct ul_zoneinfo zoneinfo;
	struct ul_vmstat vmstat;
	struct ul_proc_facts facts = {
		.meminfo = &meminfo,
		.page_bytes = UL_PROC_LIMIT_PAGE_BYTES,
		.cpus = UL_PROC_LIMIT_CPUS,
	};
	if (!accept(ul_meminfo_parse(next_part(&rest), &meminfo)))
		return 0;
	if (accept(ul_slabinfo_parse(next_part(&rest), &slabinfo)))
		facts.slabinfo = &slabinfo;
	if (accept(ul_vmallocinfo_parse(next_part(&rest), &vmallocinfo)))
		facts.vmallocinfo = &vmallocinfo;
	if (accept(ul_zoneinfo_parse(next_part(&rest), &zoneinfo)))
		facts.zoneinfo = &zoneinfo;
	if (accept(ul_vmstat_parse(next_part(&rest), &vmstat)))
		facts.vmstat = &vmstat;
	uint64_t seen = 0;
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	if (accept(ul_proc_build(&facts, &seen, &ledger)) && !ul_ledger_balanced(&ledger))
		__builtin_trap();
	return 0;
}
