// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parser of /proc/meminfo, Linux fs/proc/meminfo.c meminfo_proc_show(), mm/hugetlb.c
 * hugetlb_report_meminfo(). Lines are "Name: NUMBER kB" (the HugePages_ ones have no unit). Which
 * lines exist depends on version and configuration, so a missing one is no error and an unknown one
 * is skipped; a known line that does not parse means the text is not what it claims to be.
 */
#include "source/proc/meminfo.h"

#include "source/proc/limits.h"

static const struct {
	const char *name;
	enum ul_meminfo_field field;
	bool count; /**< a plain number, not kB */
} fields[] = {
	{"MemTotal", UL_MEMINFO_MEM_TOTAL, false},
	{"MemFree", UL_MEMINFO_MEM_FREE, false},
	{"Buffers", UL_MEMINFO_BUFFERS, false},
	{"Cached", UL_MEMINFO_CACHED, false},
	{"SwapCached", UL_MEMINFO_SWAP_CACHED, false},
	{"AnonPages", UL_MEMINFO_ANON_PAGES, false},
	{"Shmem", UL_MEMINFO_SHMEM, false},
	{"KReclaimable", UL_MEMINFO_K_RECLAIMABLE, false},
	{"Slab", UL_MEMINFO_SLAB, false},
	{"SReclaimable", UL_MEMINFO_S_RECLAIMABLE, false},
	{"SUnreclaim", UL_MEMINFO_S_UNRECLAIM, false},
	{"KernelStack", UL_MEMINFO_KERNEL_STACK, false},
	{"ShadowCallStack", UL_MEMINFO_SHADOW_CALL_STACK, false},
	{"PageTables", UL_MEMINFO_PAGE_TABLES, false},
	{"SecPageTables", UL_MEMINFO_SEC_PAGE_TABLES, false},
	{"Quicklists", UL_MEMINFO_QUICKLISTS, false},
	{"Bounce", UL_MEMINFO_BOUNCE, false},
	{"WritebackTmp", UL_MEMINFO_WRITEBACK_TMP, false},
	{"VmallocUsed", UL_MEMINFO_VMALLOC_USED, false},
	{"Percpu", UL_MEMINFO_PERCPU, false},
	{"HardwareCorrupted", UL_MEMINFO_HARDWARE_CORRUPTED, false},
	{"Zswap", UL_MEMINFO_ZSWAP, false},
	{"Balloon", UL_MEMINFO_BALLOON, false},
	{"GPUActive", UL_MEMINFO_GPU_ACTIVE, false},
	{"GPUReclaim", UL_MEMINFO_GPU_RECLAIM, false},
	{"CmaTotal", UL_MEMINFO_CMA_TOTAL, false},
	{"CmaFree", UL_MEMINFO_CMA_FREE, false},
	{"HugePages_Total", UL_MEMINFO_HUGE_PAGES_TOTAL, true},
	{"Hugepagesize", UL_MEMINFO_HUGE_PAGE_SIZE, false},
	{"Hugetlb", UL_MEMINFO_HUGETLB, false},
};
_Static_assert(UL_ARRAY_LEN(fields) == UL_MEMINFO_FIELDS, "every field has a name");

static struct ul_error *parse_value(struct ul_span text, bool count, uint64_t *ret)
{
	struct ul_span rest = text;
	uint64_t value;
	struct ul_span unit;
	if (!ul_span_word_u64(&rest, &value))
		return ul_error_new(UL_ERR_BAD_DATA, "\"%.*s\" is not a number",
				    UL_SPAN_ARG(ul_span_trim(text)));
	const bool has_unit = ul_span_word(&rest, &unit);
	if (!count && (!has_unit || !ul_span_equal(unit, "kB")))
		return ul_error_new(UL_ERR_BAD_DATA, "\"%.*s\" is not in kB",
				    UL_SPAN_ARG(ul_span_trim(text)));
	if (value > UL_PROC_LIMIT_BYTES / 1024)
		return ul_error_new(UL_ERR_LIMIT, "%llu is more than the limit %llu",
				    (unsigned long long)value,
				    (unsigned long long)UL_PROC_LIMIT_BYTES / 1024);
	*ret = count ? value : value * 1024;
	return NULL;
}

static struct ul_error *parse_line(struct ul_span line, struct ul_meminfo *meminfo)
{
	struct ul_span rest = line;
	struct ul_span name;
	if (!ul_span_cut(&rest, ':', &name))
		return NULL;
	for (size_t i = 0; i < UL_ARRAY_LEN(fields); i++) {
		if (!ul_span_equal(name, fields[i].name))
			continue;
		struct ul_error *err =
			parse_value(rest, fields[i].count, &meminfo->value[fields[i].field]);
		if (err)
			return ul_error_prepend(err, "field %s", fields[i].name);
		meminfo->has[fields[i].field] = true;
		break;
	}
	return NULL;
}

struct ul_error *ul_meminfo_parse(struct ul_span text, struct ul_meminfo *ret)
{
	struct ul_meminfo meminfo = {0};
	ul_span_foreach_line (line, text) {
		struct ul_error *err = parse_line(line, &meminfo);
		if (err)
			return ul_error_prepend(err, "meminfo");
	}
	if (!meminfo.has[UL_MEMINFO_MEM_TOTAL] || !meminfo.has[UL_MEMINFO_MEM_FREE])
		return ul_error_new(UL_ERR_BAD_DATA, "meminfo: no MemTotal and MemFree in it");
	*ret = meminfo;
	return NULL;
}
